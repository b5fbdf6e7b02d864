"""托管名单 as officers keep it: an entry lists a room as a host, named by its own text, until a day.

The id of an entry is that of its room, so a second listing replaces the first; its content hash is what somebody who
ends it has seen. Cluster registration (集群注册), incubators, markets and platforms lawfully have many licences at one
room.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Final

import msgspec
from msgspec import UNSET

from config.moments import end_of_day
from config.ruleset import Host
from monitor.addresses import normalise
from monitor.events.acts import HostDelistedData, HostListed, HostListedData
from monitor.events.envelope import Event
from monitor.supervision.alerts import Refused

HOST_KINDS: Final = {
    "cluster": ("集群注册", "cluster"),
    "incubator": ("孵化器", "incubator"),
    "market": ("市场", "market"),
    "platform": ("平台", "platform"),
}
"""What a room can be listed as, as people read it."""

_canonical: Final = msgspec.json.Encoder(order="sorted").encode


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands: `at`, `source` and `event` of what last changed it, `ended` where an officer ended it
    before its day. `officer` and `reason` are those of the last change.
    """

    id: str
    text: str
    kind: str
    region: str | None
    until: dt.date
    officer: str
    reason: str
    content_hash: str
    at: int
    source: str
    event: str
    ended: bool = False

    @property
    def order(self) -> tuple[int, str, str]:
        """The order of events: the greatest of a room holds."""
        return self.at, self.source, self.event

    def holds(self, now: int) -> bool:
        """Whether it is in force at a moment."""
        return not self.ended and now < end_of_day(self.until)

    def host(self) -> Host:
        """The entry as the stage `rooms` takes it."""
        return Host(self.text, self.kind, self.reason, self.officer, self.region, self.until)


def host_id(text: str, region: str | None) -> str | None:
    """The id of the room that a text names; None where it names none."""
    key = normalise(text, region).room_key
    return None if key is None else f"h-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


def content_hash(text: str, region: str | None, kind: str, until: dt.date) -> str:
    """SHA-256 over the canonical JSON of what an entry says."""
    said = {"text": text, "region": region, "kind": kind, "until": until}
    return hashlib.sha256(_canonical(said)).hexdigest()


def after(entry: Entry | None, event: Event) -> Entry | None:
    """The entry of a room after an event on it; the one before where that is later, None where none ever stood."""
    at, source, data = int(event.time), event.source, event.data
    if entry is not None and entry.order >= (at, source, event.id):
        return entry
    if isinstance(event, HostListed):
        region = None if data.region is UNSET else data.region
        return Entry(
            id=event.subject,
            text=data.text,
            kind=data.kind,
            region=region,
            until=data.until,
            officer=data.officer,
            reason=data.reason,
            content_hash=data.content_hash,
            at=at,
            source=source,
            event=event.id,
        )
    if entry is None:
        return None
    return msgspec.structs.replace(
        entry, officer=data.officer, reason=data.reason, at=at, source=source, event=event.id, ended=True
    )


def check(entry: Entry | None, event: Event, now: int) -> None:
    """Raises Refused where an officer cannot list or end this at Now. `entry`: what stands of the room."""
    data = event.data
    if isinstance(data, HostListedData):
        region = None if data.region is UNSET else data.region
        named = host_id(data.text, region)
        if named is None:
            raise Refused(
                "此文本不能定位到房间，请写全县、路、门牌与房号，或给出县 / "
                "the text names no room: write county, road, number and room in full, or give the county"
            )
        if named != event.subject or data.content_hash != content_hash(data.text, region, data.kind, data.until):
            raise Refused("编号或摘要与内容不符 / id or hash do not fit the entry: make them of its own text")
        if end_of_day(data.until) <= max(int(event.time), now):
            raise Refused("期限已过，请给将来的日期 / it would be over already: give a later date")
    elif isinstance(data, HostDelistedData):
        if entry is None or not entry.holds(max(int(event.time), now)):
            raise Refused("名单上没有此处，见 host list --all / no such entry is in force: see `host list --all`")
        if entry.content_hash != data.content_hash:
            raise Refused("内容已变化，请刷新后再试 / the entry has changed: look at it again")
