"""From findings to signals: what the stages publish, and what the runner does with it.

A signal is one detector's present finding on one subject. Stages publish after each judgement; whoever takes it in
(`SignalSink`) keeps what is in force and can say cheaply that nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from config.ruleset import Rules
from detectors.base import Detector, Finding, SubjectKind


class SignalSink(Protocol):
    """Where findings go."""

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """The detectors whose signals are in force on a subject, as bits by their place in the registry."""

    def publish(
        self,
        detector: int,
        kind: SubjectKind,
        ref: int,
        finding: Finding | None,
        region: str | None,
        members: Sequence[int] | None,
        changed: Sequence[tuple[int, bool]],
    ) -> None:
        """A finding, or that there is none any more. `members`: all enterprises counted; where None, `changed` says
        which came in (True) or went (False) since the last time.
        """

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """The subject must be judged again when Now reaches `at`."""


class Judge:
    """Runs a view's detectors and publishes what they find. One for each kind of view."""

    def __init__(self, kind: SubjectKind, detectors: Sequence[tuple[int, Detector]], sink: SignalSink) -> None:
        """`detectors`: with their places in the registry."""
        self._kind = kind
        self._detectors = detectors
        self._sink = sink
        self._active: list[tuple[int, Detector]] = []
        self._rules: Rules | None = None

    def use(self, rules: Rules) -> None:
        """The rules in force from here on."""
        self._rules = rules
        self._active = [(place, one) for place, one in self._detectors if rules.active(one.id)]

    def judge(
        self,
        ref: int,
        view: Any,
        region: str | None,
        address_kind: str | None,
        now: int,
        changed: set[int] | None = None,
        region_of: Any = None,
    ) -> None:
        """Every detector once. A view of None means that the subject cannot have findings any more. `changed`: the
        members of a hub that changed since the last time; `region_of` names the region by a finding's members.
        """
        sink, kind, rules = self._sink, self._kind, self._rules
        in_force = sink.in_force(kind, ref)
        if rules is None or (view is None and not in_force):
            return
        for place, detector in self._detectors if view is None else self._active:
            finding = (
                None if view is None else detector.find(view, rules.parameters(detector.id, region, address_kind), now)
            )
            was = in_force >> place & 1
            if finding is None:
                if was:
                    sink.publish(place, kind, ref, None, None, None, ())
                continue
            members: Sequence[int] | None = finding.members
            delta: Sequence[tuple[int, bool]] = ()
            if finding.selector is not None:
                selector = finding.selector
                if changed is not None and was:
                    members = None
                    delta = [(member, view.holds(selector, member)) for member in changed]
                else:
                    members = [entry[-1] for entry in getattr(view, selector)]
            where = region if region_of is None else region_of(view, finding)
            sink.publish(place, kind, ref, finding, where, members, delta)
            if finding.until is not None:
                sink.wake(kind, ref, finding.until)
        if view is not None:
            for place, _ in self._detectors:
                if in_force >> place & 1 and not any(place == one for one, _ in self._active):
                    sink.publish(place, kind, ref, None, None, None, ())
