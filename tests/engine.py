"""The engine as tests drive it: lines go in, signals in the form of contract §4 come out.

`Engine` joins intake and the flow in memory, without store and command line; whole runs on a home are made by
`run_file` and read by `exported`. Shared by the tests below `tests/unit`, `tests/property`, `tests/checks` and
`tests/integration`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from config.moments import as_text, moment
from config.ruleset import Rules, load
from detectors import registry
from detectors.base import Finding, SubjectKind
from detectors.registry import all_detectors
from monitor.engine import state
from monitor.engine.filing import Admission
from monitor.engine.flow import Flow
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store import snapshots
from monitor.store.home import Home
from monitor.store.reader import Reader, look
from tests.reference.cases_maker import RECEIVED

KEY = bytes(range(32))
CLOCK = moment(RECEIVED)
"""The receiver's clock for which the cases of `tests.reference.cases` are made."""

Raw = dict[str, Any]
Signal = dict[str, Any]
Answer = TypeVar("Answer")


@cache
def shipped_rules() -> Rules:
    """The rules as delivered, read once."""
    return load()


class Board:
    """A `SignalSink` that keeps what is in force in a dictionary, and fails on what no stage may do."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, SubjectKind, int], tuple[Finding, str | None, set[int]]] = {}
        self.bits: dict[tuple[SubjectKind, int], int] = {}
        self.published = 0

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        return self.bits.get((kind, ref), 0)

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
        self.published += 1
        key = (detector, kind, ref)
        if finding is None:
            assert key in self.rows, "the end of a signal that was not in force"
            del self.rows[key]
            self.bits[kind, ref] &= ~(1 << detector)
            return
        if members is None:
            assert key in self.rows, "a change of the members of a signal that was not in force"
            here = self.rows[key][2]
            for member, is_in in changed:
                (here.add if is_in else here.discard)(member)
        else:
            here = set(members)
        assert detector < len(all_detectors())
        self.rows[key] = (finding, region, here)
        self.bits[kind, ref] = self.in_force(kind, ref) | 1 << detector

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """The flow keeps the wakes."""


class Engine:
    """Intake and flow in memory. Lines are received at `clock`; `judge` works out what follows."""

    def __init__(self, *, rules: Rules | None = None, clock: int = CLOCK, seed: int = 7) -> None:
        self.rules = rules or shipped_rules()
        self.clock = clock
        self.intake = Intake(Pseudonymiser([KEY]))
        self.board = Board()
        self.flow = Flow(seed, self.board)
        self.flow.use(self.rules)
        self.codes: dict[int, str] = {}
        self.dead: list[tuple[int, str]] = []
        self.lines = 0
        self.accepted = 0

    def take(self, lines: Iterable[bytes], *, judge_every: int = 0) -> Engine:
        """Takes in lines, judging after every so many of them (0: only once, at the end)."""
        for line in lines:
            self.receive(line)
            if judge_every and self.lines % judge_every == 0:
                self.judge()
        self.judge()
        return self

    def receive(self, line: bytes) -> None:
        """Takes in one line; nothing is judged."""
        self.lines += 1
        try:
            candidate = self.intake.read(line, self.clock)
            if candidate is not None:
                self._admit(candidate)
        except Refusal as refusal:
            self.dead.append((self.lines, refusal.reason))

    def judge(self) -> None:
        """Works out what follows; a parked subject fails the test."""
        self.flow.judge()
        assert not self.flow.parked, "\n".join(self.flow.parked.values())

    def tick(self, at: int) -> None:
        """Lets time pass up to a moment."""
        self.clock = max(self.clock, at)
        self.take([line(event("clock", "clock.ticked", as_text(at), id=f"tick-{at}"))])

    def restarted(self, path: Path) -> Engine:
        """A new engine from a snapshot of this one; signals in force stay where they were, as in a database."""
        versions = state.state_versions(self.intake.pseudonyms)
        snapshots.write(path, self.lines, state.frames_of(self.flow, versions))
        other = Engine(rules=self.rules, clock=self.clock, seed=self.flow.subjects.seed)
        other.board = self.board
        other.flow = Flow(self.flow.subjects.seed, other.board)
        state.restore(other.flow, snapshots.read(snapshots.newest(path)[0]), versions)
        other.flow.set_rules(self.rules)
        other.codes, other.dead = dict(self.codes), list(self.dead)
        other.lines, other.accepted = self.lines, self.accepted
        return other

    def signals(self) -> list[Signal]:
        """The signals in force, with what every export compares."""
        detectors = all_detectors()
        return [
            {
                "detector": detectors[place].id,
                "level": finding.level,
                "value": finding.value,
                "enterprises": sorted(self.codes[member] for member in members),
                "subject": {"kind": kind, "key": self.codes[ref] if kind == "enterprise" else f"#{ref}"},
                "region": region,
                "since": as_text(finding.since),
                "weak_identity": finding.weak,
            }
            for (place, kind, ref), (finding, region, members) in self.board.rows.items()
        ]

    def _admit(self, candidate: Candidate) -> None:
        event = candidate.event
        ref, _ = self.flow.subjects.number(event.subject)
        self.codes[ref] = event.subject
        admission = self.flow.admit(ref, event, candidate.at, candidate.content, self.clock)
        if admission is Admission.CONFLICT:
            raise Refusal("conflicting_repeat")
        self.accepted += admission is Admission.NEW


# --- events


def event(subject: str, kind: str, time: str, /, **members: Any) -> Raw:
    """A raw event; members of the envelope by name, everything else is its data."""
    envelope: Raw = {name: members.pop(name) for name in ("id", "source", "recordedtime") if name in members}
    return {
        "specversion": "1.0",
        "id": f"{kind}-{time}",
        "source": "//test",
        "type": kind,
        "subject": subject,
        "time": time,
        "data": members,
        **envelope,
    }


def line(raw: Mapping[str, Any]) -> bytes:
    """A raw event as a line."""
    return json.dumps(raw, ensure_ascii=False).encode()


def lines(raws: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """Raw events as lines."""
    return [line(raw) for raw in raws]


def opened(code: str, **more: Any) -> Raw:
    """An establishment at the beginning of 2025, without a room and persons unless they are given."""
    data = {"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []}
    return event(code, "registration.established", "2025-01-01T00:00:00Z", **{**data, **more})


# --- comparing


def contents(view: object) -> dict[str, Any]:
    """The attributes of a view, whether its class is compiled or not."""
    names = [name for name in dir(view) if not name.startswith("_")]
    found = {name: getattr(view, name) for name in names if not callable(getattr(view, name))}
    if isinstance(found.get("counties"), Counter):  # numbers that fell to nothing are as good as absent
        found["counties"] = +found["counties"]
    return found


def plain(signal: Signal) -> tuple[Any, ...]:
    """What two readings of the contract must agree on, hashable; shares to half a percentage point."""
    subject = signal["subject"]
    since = dt.datetime.fromisoformat(signal["since"]).astimezone(dt.UTC)
    return (
        signal["detector"],
        subject["kind"],
        subject["key"] if subject["kind"] == "enterprise" else None,
        signal["level"],
        round(signal["value"], 6),
        tuple(signal["enterprises"]),
        since.isoformat(),
        signal["region"],
        signal["weak_identity"],
    )


def differences(
    got: Iterable[Signal],
    wanted: Iterable[Signal],
    form: Callable[[Signal], tuple[Any, ...]] = plain,
) -> str:
    """Readable lines for what one side has and the other has not; empty where both are equal as multisets."""
    here, there = Counter(map(form, got)), Counter(map(form, wanted))
    rows = [("too many", row) for row in (here - there).elements()]
    rows += [("missing", row) for row in (there - here).elements()]
    rows.sort(key=lambda one: (str(one[1][:3]), one[0]))
    return "\n".join(f"{what:>8}  {row}" for what, row in rows)


# --- whole runs


def save(path: Path, case: Iterable[bytes]) -> Path:
    """Writes lines to a file."""
    path.write_bytes(b"".join(one + b"\n" for one in case))
    return path


def run_file(
    home: Path,
    *sources: Path,
    rules: Rules | None = None,
    keys: Sequence[bytes] = (KEY,),
    clock: Callable[[], int] = lambda: CLOCK,
) -> EmbeddedRunner:
    """A whole run of the embedded runner over files, closed; the runner, for its counts."""
    runner = EmbeddedRunner(Home(home), rules or shipped_rules(), Pseudonymiser(keys), clock=clock)
    try:
        problems = runner.drain([one for path in sources for one in open_source(str(path), None)])
        assert problems == []
        runner.go_live()
    finally:
        runner.close()
    return runner


def read_home(home: Path, what: Callable[[Reader], Answer]) -> Answer:
    """Something that a reader says of a home."""
    engine = Home(home).reader()
    try:
        with look(engine) as reader:
            return what(reader)
    finally:
        engine.dispose()


def exported(home: Path) -> list[Signal]:
    """The signals that a home holds."""
    return read_home(home, lambda reader: list(reader.signals()))


def judged_by_stages(home: Path) -> list[Signal]:
    """The signals that a home holds, but for those of cuts of their own, which a cluster does not work out."""
    at_cuts = {detector.id for detector in registry.at_cuts()}
    return [one for one in exported(home) if one["detector"] not in at_cuts]


def dead_letters(home: Path) -> list[Raw]:
    """The dead letters that a home holds."""
    return read_home(home, lambda reader: list(reader.dead_letters()))
