"""The host list that officers keep, on its way from the log to the rooms that it names.

An entry is of the log partition of its id; of a delisting the id alone is known, so whoever hears the log keeps the
entries, and tells the partition of the room the whole entry as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from config.ruleset import Host
from monitor.addresses import normalise
from monitor.cluster.wire.boxes import Outbox
from monitor.events.envelope import Event
from monitor.supervision.hosts import Entry, after

HOST: Final = "h"


class HostList:
    """Entries by id, those that were ended too."""

    def __init__(self) -> None:
        """Nothing is listed."""
        self._entries: dict[str, Entry] = {}

    def heed(self, event: Event) -> Entry | None:
        """The entry of a room after an event on it; None where nothing changes."""
        before = self._entries.get(event.subject)
        now = after(before, event)
        if now is None or now is before:
            return None
        self._entries[event.subject] = now
        return now

    def put(self, entry: Entry) -> bool:
        """Takes an entry as another host has it; whether it is news."""
        before = self._entries.get(entry.id)
        if before is not None and before.order >= entry.order:
            return False
        self._entries[entry.id] = entry
        return True

    def entries(self) -> Iterable[Entry]:
        """All of them."""
        return self._entries.values()

    def hosts(self) -> list[Host]:
        """Those that nobody ended, the newest first."""
        newest = sorted(self._entries.values(), key=lambda one: one.order, reverse=True)
        return [entry.host() for entry in newest if not entry.ended]

    def dump(self) -> list[Any]:
        """What a snapshot keeps."""
        return [msgspec.to_builtins(entry) for entry in self._entries.values()]

    def load(self, dumped: Iterable[Any]) -> None:
        """Takes over what `dump` gave."""
        self._entries = {entry.id: entry for entry in msgspec.convert(list(dumped), list[Entry])}


def tell_host(outbox: Outbox, topic: str, entry: Entry) -> None:
    """Sends an entry, whole, to the partition of its room."""
    key = normalise(entry.text, entry.region).room_key
    if key is not None:
        outbox.box(topic, key).add((HOST, msgspec.to_builtins(entry)))


def entry_in(item: Any) -> Entry:
    """The entry of an item."""
    return msgspec.convert(item[1], Entry)
