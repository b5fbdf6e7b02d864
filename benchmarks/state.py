"""The state alone: bytes an enterprise, operations a second, and what a hub costs.

`python -m benchmarks.state [ENTERPRISES]` (default 1,000,000, about ten events each): fills the stages from a
generated province without a store, then measures a room of 20,000: one of its members is listed abnormal, and, in a
room of 200, the 201st arrives.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.machine import described, peak_mib, say
from config import ruleset
from config.moments import parse_moment
from detectors.base import Finding, SubjectKind
from detectors.example import Raw, address, event, opened
from models.population import write_province
from monitor.engine.flow import Flow
from monitor.events.intake import Intake
from monitor.identifiers.pseudonyms import Pseudonymiser

_BATCH = 4096
_RECEIVED = parse_moment("2026-06-01T00:00:00Z")
_HUB = 20_000


class CountingSink:
    """Keeps which signals are in force and counts what is published."""

    def __init__(self) -> None:
        """Nothing in force."""
        self._bits: dict[tuple[SubjectKind, int], int] = {}
        self.published = 0
        self.members = 0

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        """The signals in force on a subject, as bits."""
        return self._bits.get((kind, ref), 0)

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
        """Takes in a finding, or that there is none any more."""
        bits = self._bits.get((kind, ref), 0)
        self._bits[kind, ref] = bits & ~(1 << detector) if finding is None else bits | 1 << detector
        self.published += 1
        self.members += len(changed) if members is None else len(members)

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Times are the flow's own."""


class Bench:
    """Stages without a store."""

    def __init__(self) -> None:
        """Empty."""
        self.sink = CountingSink()
        self.flow = Flow(1, self.sink)
        self.flow.use(ruleset.load())
        self._intake = Intake(Pseudonymiser([bytes(32)]))

    def feed(self, lines: Sequence[bytes]) -> int:
        """Files some lines without judging; how many were new."""
        flow = self.flow
        read = [one for line in lines if (one := self._intake.read(line, _RECEIVED)) is not None]
        refs, _ = flow.subjects.numbers([one.event.subject for one in read])
        for ref, one in zip(refs, read, strict=True):
            flow.admit(ref, one.event, one.at, one.content, _RECEIVED)
        for names in (flow.new_rooms, flow.new_persons):
            names.clear()
        return len(read)

    def feed_raw(self, events: Sequence[Raw]) -> None:
        """Files raw events and judges what follows."""
        self.feed([msgspec.json.encode(one) for one in events])
        self.flow.judge()

    def timed(self, events: Sequence[Raw]) -> float:
        """Seconds that some events take, judged."""
        started = perf_counter()
        self.feed_raw(events)
        return perf_counter() - started


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    enterprises = int(arguments[0]) if arguments else 1_000_000
    say(described())
    _hubs()
    _province(enterprises)


def _province(enterprises: int) -> None:
    """Fills the state from a generated province."""
    with tempfile.TemporaryDirectory() as folder:
        summary = write_province(enterprises, 5, 1, Path(folder))
        gc.collect()
        empty = _resident_mib()
        bench = Bench()
        started = perf_counter()
        events = sum(bench.feed(lines) for lines in _batches(Path(folder) / "events.jsonl"))
        filed = perf_counter() - started
        started = perf_counter()
        judged = bench.flow.judge()
        judging = perf_counter() - started
        gc.collect()
        used = _resident_mib() - empty
        say(
            f"{summary.enterprises:,} enterprises, {events:,} events: "
            f"{used * 2**20 / enterprises:,.0f} bytes an enterprise ({used:,.0f} MiB), peak {peak_mib():,.0f} MiB"
        )
        say(f"filing {events / filed:,.0f} events/s (decoding, checking and addresses included)")
        say(f"judging {judged / judging:,.0f} subjects/s ({judged:,} enterprises, rooms, persons, ties)")


def _hubs() -> None:
    """What a member of a hub costs, against a member of a room of five."""
    bench = Bench()
    for start in range(0, _HUB, _BATCH):
        bench.feed_raw([_member("H", number, "9幢901室") for number in range(start, min(_HUB, start + _BATCH))])
    bench.feed_raw([_member("S", number, "9幢902室") for number in range(5)])
    bench.feed_raw([_member("T", number, "9幢903室") for number in range(200)])
    bench.feed_raw([_listed("T0000", 1), _listed("T0001", 1)])
    listed_small = _median(bench, lambda number: [_listed(f"S{number % 5:04d}", number)])
    listed_hub = _median(bench, lambda number: [_listed(f"H{number:04d}", number)])
    joins = bench.timed([_member("T", 200, "9幢903室")])
    say(f"one of 5 is listed abnormal: {listed_small * 1e6:,.0f} µs; one of {_HUB:,}: {listed_hub * 1e6:,.0f} µs")
    say(f"the 201st arrives where 2 of 200 are listed (200 enterprises are told): {joins * 1e3:,.1f} ms")


def _median(bench: Bench, events: Callable[[int], list[Raw]]) -> float:
    return statistics.median(bench.timed(events(number)) for number in range(51))


def _member(prefix: str, number: int, room: str) -> Raw:
    return opened(f"{prefix}{number:04d}", number % 400, persons=[f"{prefix}p{number}"], address=address(room))


def _listed(subject: str, number: int) -> Raw:
    return event(subject, "enforcement.abnormal_listed", 500, number, ground="report", document=f"{subject}-{number}")


def _batches(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while lines := list(islice(file, _BATCH)):
            yield lines


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main(sys.argv[1:])
