"""Where alerts are kept, as a cut sees it. `monitor.store.work.alertbook` is the book of a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from monitor.supervision.alerts import Alert, Signal
from monitor.supervision.disputes import Objection
from monitor.supervision.notices import Group


class Key(NamedTuple):
    """What a signal is about: its detector, and kind and key of its subject."""

    detector: str
    kind: str
    key: str


class Book(Protocol):
    """Alerts, and the signals that a cut has to look at. A book may give an alert out again as the same object: whoever
    changes one writes it.
    """

    def changes(self) -> Iterator[dict[Key, Signal | None]]:
        """The signals that came, changed or (None) went since the last cut, some hundreds at a time; they are taken
        out of the list.
        """

    def newest(self, keys: Iterable[Key]) -> dict[Key, Alert]:
        """The newest alert of each detector and subject that has one."""

    def alerts(self, ids: Iterable[str]) -> dict[str, Alert]:
        """Alerts by their ids, those that there are."""

    def due(self, now: int) -> Iterator[list[Alert]]:
        """The alerts to which something happens by then without news, some hundreds at a time."""

    def standing(self) -> Iterator[list[Alert]]:
        """The live and resolved alerts whose signals have not fallen away, some hundreds at a time."""

    def counting(self, detectors: Sequence[str], codes: Iterable[str]) -> dict[str, list[Key]]:
        """By code of an enterprise, the signals in force of some detectors that count it."""

    def counted(self, keys: Iterable[Key], detectors: Sequence[str]) -> set[str]:
        """The ids of the live alerts of some detectors on the enterprises that signals in force count."""

    def inhibited_by(self, alert_ids: Iterable[str]) -> set[str]:
        """The ids of the alerts that others quiet."""

    def put(self, alerts: Sequence[Alert], *, newest: Iterable[Alert] = ()) -> None:
        """Writes alerts as they are now; `newest` are those of them that take the place of another one of their
        detector and subject.
        """

    def fresh_objections(self) -> list[str]:
        """The enterprises whose objections were filed or decided since the last cut; they are taken out of the list."""

    def objections(self, codes: Iterable[str]) -> dict[str, list[Objection]]:
        """All objections and decisions about some enterprises."""

    def on(self, code: str) -> list[Alert]:
        """All alerts on an enterprise."""

    def groups(self, keys: Iterable[str]) -> dict[str, Group]:
        """Groups of alerts of which people are told together, by their keys."""

    def due_groups(self, now: int) -> Iterator[list[Group]]:
        """The groups that speak by then, some hundreds at a time."""

    def put_groups(self, groups: Sequence[Group], over: Sequence[str] = ()) -> None:
        """Writes groups as they are now, and forgets those that are over."""
