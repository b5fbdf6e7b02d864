"""Stage `assessment`, keyed by enterprise: joins what its room and its persons tell it.

In: ties. Out: signals on enterprises that rest on others. Only enterprises on which something is cast have state.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.ruleset import Rules
from detectors.registry import all_detectors
from detectors.views import Tie, TiesView
from monitor.stages.signals import Judge, SignalSink
from monitor.stages.touched import Touched


class Assessment:
    """Ties by enterprise and sender: (0, room) or (1, person)."""

    def __init__(self, sink: SignalSink) -> None:
        """`sink`: where findings go."""
        self._judge = Judge(
            "enterprise",
            [(place, one) for place, one in enumerate(all_detectors()) if one.view == "ties"],
            sink,
        )
        self._ties: dict[int, dict[tuple[int, int], Tie]] = {}
        self._before: dict[int, list[Tie]] | None = None
        self.dirty = Touched()

    def use(self, rules: Rules) -> None:
        """The rules in force from here on."""
        self._judge.use(rules)

    def mark_all(self) -> None:
        """Every enterprise with ties must be judged again."""
        self.dirty.update(self._ties)

    def update(self, enterprise: int, sender: tuple[int, int], tie: Tie | None) -> None:
        """What a room or person now tells an enterprise; None: nothing any more."""
        ties = self._ties.get(enterprise)
        if (None if ties is None else ties.get(sender)) == tie:
            return
        if self._before is not None and enterprise not in self._before:
            self._before[enterprise] = self.tied(enterprise)
        self.dirty.add(enterprise)
        if tie is not None:
            if ties is None:
                ties = self._ties[enterprise] = {}
            ties[sender] = tie
        elif ties is not None:
            del ties[sender]
            if not ties:
                del self._ties[enterprise]

    def remember(self, changed: dict[int, list[Tie]] | None) -> None:
        """From here on, what an enterprise is tied by now goes into `changed` when it changes; None: nowhere."""
        self._before = changed

    def tied(self, enterprise: int) -> list[Tie]:
        """What rooms and persons tell an enterprise at present, in the order of detectors."""
        ties = self._ties.get(enterprise)
        return [ties[sender] for sender in sorted(ties, reverse=True)] if ties else []

    def judge(self, enterprise: int, now: int) -> None:
        """The signals that rest on ties, anew."""
        ties = self._ties.get(enterprise)
        if ties is None:
            self._judge.judge(enterprise, None, None, None, now)
            return
        view = TiesView(enterprise, [ties[sender] for sender in sorted(ties, reverse=True)])
        self._judge.judge(enterprise, view, view.county, None, now)

    def dump(self) -> Iterator[tuple[int, list[tuple[tuple[int, int], Tie]]]]:
        """What a snapshot keeps: each enterprise with its ties by sender."""
        for enterprise, ties in self._ties.items():
            yield enterprise, list(ties.items())
