"""The host list as officers keep it: what an entry does, when it ends, who may not, and replays."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.moments import parse_moment
from config.ruleset import Rules
from detectors.example import address, several
from monitor.events.acts import HostDelisted, HostDelistedData, HostListed, HostListedData
from monitor.events.envelope import Event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.audit import chain as audit
from monitor.store.home import Home
from monitor.store.work import hosts
from monitor.supervision.alerts import Refused
from monitor.supervision.hosts import Entry, after, content_hash, host_id
from tests.engine import KEY, exported, shipped_rules
from tests.unit.web_home import take_in

START = "2024-06-10T12:00:00+08:00"
ROOM = address("1幢101室")
TEXT, REGION = str(ROOM["text"]), str(ROOM["region"])


class Listed:
    """A live home with six enterprises at one room, whose clock the test sets."""

    def __init__(self, folder: Path, rules: Rules | None = None) -> None:
        self.home = Home(folder / "home")
        self.clock = parse_moment(START)
        self.rules = rules or shipped_rules()
        self.runner = self.open()
        take_in(self.runner, folder, several(6, -400, room="1幢101室"))
        self.runner.go_live()
        self.tick(START)

    def open(self) -> EmbeddedRunner:
        return EmbeddedRunner(self.home, self.rules, Pseudonymiser([KEY]), clock=lambda: self.clock)

    def restart(self) -> None:
        self.runner.close()
        self.runner = self.open()

    def tick(self, at: str) -> None:
        self.clock = parse_moment(at)
        self.runner.tick()

    def add(self, text: str = TEXT, region: str = REGION, until: str = "2024-07-01", kind: Any = "cluster") -> Event:
        self.clock += 1_000_000
        day = dt.date.fromisoformat(until)
        data = HostListedData(
            officer="甲",
            reason="集群备案",
            content_hash=content_hash(text, region, kind, day),
            text=text,
            kind=kind,
            until=day,
            region=region,
        )
        return self.runner.act(HostListed, host_id(text, region) or "h-none", data)

    def remove(self) -> Event:
        self.clock += 1_000_000
        (entry,) = self.entries()
        data = HostDelistedData(officer="乙", reason="备案已注销", content_hash=entry.content_hash)
        return self.runner.act(HostDelisted, entry.id, data)

    def entries(self) -> list[Entry]:
        with self.runner.reading() as connection:
            return hosts.entries(connection)

    def found(self) -> set[str]:
        """The detectors that find something at the room."""
        return {one["detector"] for one in exported(self.home.path) if one["subject"]["kind"] == "address"}

    def alerts(self) -> dict[str, str]:
        with closing(sqlite3.connect(self.home.database)) as database:
            return dict(
                database.execute("SELECT detector, status || gone FROM alerts WHERE kind = 'address'").fetchall()
            )


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Listed]:
    found = Listed(tmp_path)
    yield found
    found.runner.close()


def test_a_listed_room_is_exempt_at_once_and_until_the_end_of_its_day(live: Listed) -> None:
    assert live.found() == {"one-address-many-licences"}
    live.add()
    assert live.found() == set()
    assert live.alerts()["one-address-many-licences"] == "open1", "its signal fell away"
    live.tick("2024-07-01T23:59:59+08:00")
    assert live.found() == set()
    live.tick("2024-07-02T00:00:00+08:00")
    assert live.found() == {"one-address-many-licences"}


def test_an_officer_ends_an_entry_before_its_day(live: Listed) -> None:
    live.add()
    live.remove()
    assert live.found() == {"one-address-many-licences"}
    (entry,) = live.entries()
    assert (entry.ended, entry.officer, entry.reason) == (True, "乙", "备案已注销")
    with pytest.raises(Refused, match="no such entry"):
        live.remove()
    live.add(until="2024-08-01", kind="market")
    assert live.found() == set()
    assert [(one.kind, one.until.isoformat(), one.ended) for one in live.entries()] == [("market", "2024-08-01", False)]


def test_a_second_listing_replaces_the_first_under_any_text_of_the_room(live: Listed) -> None:
    first = live.add(until="2024-07-01")
    second = live.add(text=f" {TEXT} ", until="2024-06-20")
    assert first.subject == second.subject
    live.tick("2024-06-21T00:00:00+08:00")
    assert live.found() == {"one-address-many-licences"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"text": "文三路路口旁", "region": ""}, "names no room"),
        ({"until": "2024-06-09"}, "later date"),
    ],
)
def test_what_cannot_be_listed_is_refused_and_on_record(live: Listed, entry: dict[str, str], told: str) -> None:
    with pytest.raises(Refused, match=told):
        live.add(**entry)
    assert live.entries() == []
    assert live.found() == {"one-address-many-licences"}
    with live.runner.reading() as connection:
        last = list(audit.exported(connection))[-1]
    assert (last["officer"], last["action"], last["kind"], last["outcome"]) == ("甲", "host.listed", "host", "refused")


def test_an_entry_whose_hash_is_another_is_refused(live: Listed) -> None:
    data = HostListedData(
        officer="甲",
        reason="集群",
        content_hash="x",
        text=TEXT,
        kind="market",
        until=dt.date(2024, 9, 1),
        region=REGION,
    )
    with pytest.raises(Refused, match="hash"):
        live.runner.act(HostListed, host_id(TEXT, REGION) or "", data)


def test_acts_are_on_record(live: Listed) -> None:
    listed, ended = live.add(), live.remove()
    with live.runner.reading() as connection:
        rows = [one for one in audit.exported(connection) if one["kind"] == "host"]
    assert [(one["officer"], one["action"], one["key"], one["detail"]) for one in rows] == [
        ("甲", "host.listed", listed.subject, {"event": listed.id}),
        ("乙", "host.delisted", listed.subject, {"event": ended.id}),
    ]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_restart_keeps_the_list(live: Listed, rebuilt: bool) -> None:
    live.add()
    live.runner.close()
    before = live.entries() if not rebuilt else None
    if rebuilt:
        for path in live.home.snapshots.iterdir():
            path.unlink()
        with closing(sqlite3.connect(live.home.database)) as database, database:
            database.execute("DELETE FROM hosts")
    live.runner = live.open()
    assert live.found() == set()
    assert len(live.entries()) == 1
    assert before is None or live.entries() == before
    live.tick("2024-07-02T00:00:00+08:00")
    assert live.found() == {"one-address-many-licences"}


def test_the_list_of_the_rules_holds_again_once_the_officers_entry_has_ended(tmp_path: Path) -> None:
    text = shipped_rules().text.replace(
        "hosts: []",
        f"hosts: [{{text: {TEXT}, region: '{REGION}', kind: office, reason: 总部, owner: 甲, until: 2024-07-31}}]",
    )
    live = Listed(tmp_path, Rules(text))
    try:
        assert live.found() == {"one-address-many-licences"}, "an office is not exempt"
        live.add(until="2024-06-30")
        assert live.found() == set()
        live.tick("2024-07-01T00:00:00+08:00")
        assert live.found() == {"one-address-many-licences"}
    finally:
        live.runner.close()


def test_the_greatest_of_time_source_and_id_holds_and_a_repeat_changes_nothing(live: Listed) -> None:
    events = [live.add(until="2024-07-01"), live.add(until="2024-07-05"), live.remove()]
    for order in ([0, 1, 2], [1, 2, 0], [1, 0, 2], [0, 1, 2, 1, 2]):
        entry = None
        for place in order:
            entry = after(entry, events[place])
        assert entry is not None
        assert (entry.event, entry.ended, entry.until) == (events[2].id, True, dt.date(2024, 7, 5))


def test_a_text_that_names_no_room_has_no_id() -> None:
    assert host_id("文三路路口旁", None) is None
    assert host_id(TEXT, REGION) == host_id(TEXT.replace("1幢", "一幢"), REGION)
