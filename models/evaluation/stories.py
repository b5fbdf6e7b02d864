"""Anomalies planted as events: what happens to an enterprise, from which all its features follow as they would.

Values that are made extreme one by one need not go together: nobody has nine penalties in a year and none so far. Here
events are added and the features computed anew, so that a planted row is one that a register can bring forth. The
stories are those that supervision looks for: penalties in a burst, or where nothing was before, a surge of complaints,
an enterprise that nothing reaches any more, an address that moves time after time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from config.moments import DAY
from models.arrays import Ints
from models.features.facts import NOT_GIVEN, Facts, What

STRENGTHS: Final = {"small": 3, "middle": 6, "great": 12}
"""Events of a story, by how much of an anomaly it is."""


class Story(NamedTuple):
    """`kinds`: of events, in turns, or none for moves to another room; all are within the last `days`. `clean`: only
    told of an enterprise without any such event so far.
    """

    kinds: tuple[What, ...]
    days: int
    clean: bool = False


STORIES: Final = {
    "penalties in a burst": Story((What.PENALISED,), 30),
    "penalties out of nowhere": Story((What.PENALISED,), 180, clean=True),
    "a surge of complaints": Story((What.COMPLAINT,), 30),
    "nothing reaches it": Story((What.VISITED, What.LETTER_RETURNED), 180),
    "moving on and on": Story((), 180),
}
_FAILED: Final = (What.VISITED, What.LETTER_RETURNED)
"""Told without a detail: nobody was found. Others get the details of events of the register."""


def told_in(facts: Facts) -> tuple[str, ...]:
    """The stories that a register can tell: it holds events of their kinds, or rooms that changed."""
    what = set(facts.happenings.what.tolist())
    moves = bool(((facts.registrations.opening == 0) & (facts.registrations.room > 0)).any())
    return tuple(name for name, story in STORIES.items() if (what.issuperset(story.kinds) if story.kinds else moves))


def cast(facts: Facts, places: Ints, rng: np.random.Generator) -> dict[int, str]:
    """A story for each of some enterprises, by their places in the facts. Raises ValueError where none can be told."""
    known = told_in(facts)
    if not known:
        raise ValueError("没有可种入的事件 / the register holds no events of which a story could be made")
    had = {
        name: set(facts.happenings.owner[np.isin(facts.happenings.what, story.kinds)].tolist())
        for name, story in STORIES.items()
        if story.clean
    }
    found = {}
    for place in places.tolist():
        fitting = [name for name in known if place not in had.get(name, ())]
        found[place] = fitting[int(rng.integers(len(fitting)))]
    return found


def planted_events(facts: Facts, now: int, roles: Mapping[int, str], events: int, rng: np.random.Generator) -> Facts:
    """The facts with so many more events of each enterprise's story, all known when they happen, the last at `now`."""
    happened, moved = _Rows(facts.happenings), _Rows(facts.registrations)
    details = {kind: facts.happenings.detail[facts.happenings.what == kind] for kind in What}
    room = int(facts.registrations.room.max(initial=0))
    for place, name in roles.items():
        story = STORIES[name]
        moments = np.sort(now - rng.integers(0, story.days * DAY, events))
        for number, at in enumerate(moments.tolist()):
            told = {"owner": place, "turn": happened.turns + number, "at": at, "known": at}
            if not story.kinds:
                room += 1
                moved.add(told | {"opening": 0, "room": room, "leads_from": 0, "leads_to": 0})
                continue
            kind = story.kinds[number % len(story.kinds)]
            happened.add(told | {"what": kind, "detail": 0 if kind in _FAILED else rng.choice(details[kind])})
    happenings, registrations = happened.together(mark=0), moved.together()
    return msgspec.structs.replace(facts, happenings=happenings, registrations=registrations)


class _Rows:
    """Rows to be put into a table of facts, each after those of its enterprise that took effect before it."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._rows: list[dict[str, Any]] = []
        self.turns = int(table.turn.max(initial=0)) + 1

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)

    def together(self, **otherwise: int) -> Any:
        """The table with the rows, what these leave out being not given, or as said otherwise."""
        table = self._table
        columns = {
            name: np.concatenate(
                [
                    getattr(table, name),
                    np.array([row.get(name, otherwise.get(name, NOT_GIVEN)) for row in self._rows], np.int64),
                ]
            )
            for name in table.__struct_fields__
        }
        order = np.lexsort((columns["at"], columns["owner"]))
        return type(table)(**{name: column[order] for name, column in columns.items()})
