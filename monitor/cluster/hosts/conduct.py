"""Which entries of a history the board is told of: what the queue and the scorecards ask about an enterprise.

Each entry is told once, when it is filed. Reports that were filed count only beside missed ones, and are most of all
events: they are told from the first miss of their enterprise on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from monitor.classing.happenings import TOLD
from monitor.events.types import Event, ReportFiled
from monitor.stages.history import Entry, Kind, entries_of

_REPORTS: Final = frozenset({int(Kind.FILED), int(Kind.MISSED)})
_KINDS: Final = (TOLD | {int(Kind.VISITED), int(Kind.COURT_LISTED), int(Kind.LETTER_SENT)}) - _REPORTS
_ASKED: Final = 8
"""So much of what follows the kind of a registration is asked for."""
_PLACED: Final = frozenset({int(Kind.ESTABLISHED), int(Kind.CHANGED)})
_ONE: Final = b"\xdd\x00\x00\x00\x01"
_HEAD: Final = len(_ONE)
"""A record begins with the number of its entries."""


class Conduct:
    """What has been said of which enterprise. `missed`: by number, 1 for those of which a miss is known."""

    def __init__(self) -> None:
        """Nothing is said yet."""
        self.missed = bytearray()

    def news(self, ref: int, event: Event, record: bytes, before: int) -> Iterator[Entry]:
        """The entries to be told of an enterprise whose record had a length `before` an event was filed."""
        if type(event) is ReportFiled and not self._has_missed(ref):
            return
        (newest,) = entries_of(_ONE + record[max(before, _HEAD) :])
        kind = newest[3]
        if kind in _KINDS or (kind in _REPORTS and self._has_missed(ref)):
            yield newest
        elif kind == Kind.MISSED:
            if ref >= len(self.missed):
                self.missed.extend(bytes(ref + 1024 - len(self.missed)))
            self.missed[ref] = 1
            yield from (entry for entry in entries_of(record) if entry[3] in _REPORTS)

    def _has_missed(self, ref: int) -> bool:
        return ref < len(self.missed) and bool(self.missed[ref])


def rest_of(entry: Entry) -> list[Any]:
    """What follows the kind of an entry and its content, without the numbers of rooms and persons of this host."""
    rest = entry[5:]
    if entry[3] in _PLACED:
        rest[0] = None if rest[0] is None else 0
        rest[4] = None
        del rest[_ASKED:]
    elif entry[3] == Kind.COURT_LISTED:
        rest[0] = 0
    return rest
