"""Stage `enterprises`, keyed by subject: the history of each, and the facts that follow from it.

In: accepted events. Out: signals that rest on one enterprise alone, an `Occupant` for each of its rooms and a
`Leadership` for each of its persons. Events are only filed when they arrive; what follows is worked out once, when
the enterprise is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from config.ruleset import Rules
from detectors.registry import all_detectors
from detectors.views import FOREVER, Leadership, Occupant
from monitor.stages.facts import leaderships, occupants
from monitor.stages.fold import Enterprise, fold
from monitor.stages.history import Entry, appended, entries_of, find_entry
from monitor.stages.shelf import Shelf
from monitor.stages.signals import Judge, SignalSink
from monitor.stages.touched import Touched

_PAGE: Final = 3
"""Eight histories to a page: some two kilobytes."""


class Enterprises:
    """Histories by number; knows which were touched since they were last judged."""

    def __init__(
        self,
        sink: SignalSink,
        sources: Sequence[str],
        to_room: Callable[[int, Occupant], None],
        to_person: Callable[[int, Leadership], None],
        is_weak: Callable[[int], bool],
        weak_in: Callable[[int, int], int],
    ) -> None:
        """`sources`: names of sources by number, growing. `is_weak`: whether a person's number stands for a bare
        name; `weak_in(person, county)`: the number of that name within a county.
        """
        self._judge = Judge(
            "enterprise",
            [(place, one) for place, one in enumerate(all_detectors()) if one.view == "enterprise"],
            sink,
        )
        self._sink = sink
        self.sources = sources
        self._to_room = to_room
        self._to_person = to_person
        self._is_weak = is_weak
        self._weak_in = weak_in
        self.records = Shelf([b""], _PAGE)
        """Histories by number; `Flow.admit` looks for repeats here."""
        self._rules: Rules | None = None
        self.dirty = Touched()

    def use(self, rules: Rules) -> None:
        """The rules in force from here on."""
        self._rules = rules
        self._judge.use(rules)

    def mark_all(self) -> None:
        """Every enterprise must be judged again."""
        self.dirty.update(range(1, len(self.records)))

    def known(self, ref: int, source: int, event_id: str, identity: bytes) -> tuple[int, int] | None:
        """When an event that came before took effect, and the CRC-32 of its contents (0: not remembered); None
        for a new one.
        """
        entry = find_entry(self.record(ref), source, event_id, identity)
        return None if entry is None else (entry[2], entry[4])

    def file(self, ref: int, identity: bytes, at: int, kind: int, content: int, payload: tuple[Any, ...]) -> None:
        """Adds an event to a history."""
        self.records[ref] = appended(self.record(ref), identity, at, kind, content, payload)
        self.dirty.add(ref)

    def record(self, ref: int) -> bytes:
        """The history of an enterprise, packed; empty where there is none."""
        return self.records[ref] if ref < len(self.records) else b""

    def state(self, ref: int, now: int) -> Enterprise:
        """What holds of an enterprise at `now`."""
        return self.folded(ref, entries_of(self.record(ref)), now)

    def folded(self, ref: int, entries: list[Entry], now: int) -> Enterprise:
        """What holds of an enterprise at `now` by the entries of its history, which are put in order in place."""
        return fold(ref, entries, self.sources, self.trusts, self._is_weak, now)

    def judge(self, ref: int, now: int) -> None:
        """The facts of the enterprise and its own signals, anew; the facts first, so that a defect in a detector holds
        back no other subject.
        """
        state = self.state(ref, now)
        live = state.live
        if live and state.suspended_now and state.suspended != FOREVER:
            self._sink.wake("enterprise", ref, state.suspended)
        for room, occupant in occupants(state).items():
            self._to_room(room, occupant)
        for person, leadership in leaderships(state, self._is_weak, self._weak_in).items():
            self._to_person(person, leadership)
        self._judge.judge(ref, state.view if live else None, state.view.county, None, now)

    def dump(self) -> Iterator[bytes]:
        """What a snapshot keeps: the records in the order of their numbers, from 1 on."""
        return islice(self.records, 1, None)

    def load(self, records: Iterable[bytes]) -> None:
        """Takes over what `dump` gave, or the next part of it."""
        self.records.extend(records)

    def trusts(self, source: int) -> bool:
        """Whether the kinds of address that a source declares hold."""
        return self._rules is None or self._rules.trusts_kind_of(self.sources[source])
