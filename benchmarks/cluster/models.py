"""What the models of a cluster cost once a day: the log folded in one place, beside the same log in one process.

`python -m benchmarks.cluster.models [ENTERPRISES]` (default 20,000; a made-up province of five years): processor time
of filing and judging the messages of `events`, of writing and reading the snapshot, and of facts and features; the
ratio is to a home's flow that takes in the same decoded events in the same run.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.machine import described, say, timed
from config.ruleset import load
from models.features.computing import compute
from models.population.province import write_province
from monitor.cluster.hosts.host import Record
from monitor.cluster.modelling.state import LogState
from monitor.cluster.wire.facts import PackedLogBatch, encode
from monitor.cluster.wire.partitions import partition_of
from monitor.engine.flow import Flow
from monitor.events.intake import Candidate, Intake
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.folding import Nowhere
from monitor.modelling.gathering import facts_of
from monitor.store.snapshots import read_frames, write_frames

_PARTITIONS = 12
_EVENTS = 256
_RECEIVED = 1_780_000_000_000_000


def main(arguments: Sequence[str]) -> None:
    """Prints the figures."""
    enterprises = int(arguments[0]) if arguments else 20_000
    say(described())
    candidates = _candidates(enterprises)
    records = _records(candidates)
    ends = {partition: len(found) for partition, found in records.items()}
    rules, keys = load(), Pseudonymiser([bytes(32)])
    home = Flow(1, Nowhere())
    home.set_rules(rules)
    _, _, base = timed(lambda: _fill(home, candidates))
    state, other = LogState(1, keys, rules), LogState(1, keys, rules)
    _, _, folded = timed(lambda: _read(state, records))
    file = io.BytesIO()
    _, _, written = timed(lambda: write_frames(file, state.frames()))
    size = file.tell()
    file.seek(0)
    _, _, restored = timed(lambda: other.load(read_frames(file, "snapshot"), ends))
    _, _, featured = timed(lambda: compute(facts_of(state.flow), state.flow.now))
    count = len(candidates)
    say(f"{count:,} events of {len(state.codes):,} subjects; a home's flow takes {base / count * 1e6:.1f} µs an event")
    for name, seconds in (
        ("filed and judged from messages", folded),
        (f"snapshot written ({size / count:.0f} bytes an event)", written),
        ("snapshot read", restored),
        ("facts and features", featured),
    ):
        say(f"{name:44} {seconds / count * 1e6:6.2f} µs an event, {seconds / base:5.2f} × the flow")


def _candidates(enterprises: int) -> list[Candidate]:
    intake = Intake(Pseudonymiser([bytes(32)]))
    with tempfile.TemporaryDirectory() as folder:
        write_province(enterprises, 5, 1, Path(folder))
        lines = (Path(folder) / "events.jsonl").read_bytes().splitlines()
    return [one for one in (intake.read(line, _RECEIVED) for line in lines) if one is not None]


def _records(candidates: Iterable[Candidate]) -> dict[int, list[Record]]:
    """The partitions of `events` as intake writes them."""
    parts: dict[int, list[Candidate]] = {partition: [] for partition in range(_PARTITIONS)}
    for one in candidates:
        parts[partition_of(one.event.subject, _PARTITIONS)].append(one)
    return {
        partition: [
            Record(offset, 0, _message(some[start : start + _EVENTS]))
            for offset, start in enumerate(range(0, len(some), _EVENTS))
        ]
        for partition, some in parts.items()
    }


def _message(some: Sequence[Candidate]) -> bytes:
    count = len(some)
    return encode(
        PackedLogBatch(
            intake=0,
            generation=1,
            sources=["file"],
            offsets=list(range(count)),
            indexes=[0] * count,
            received=[_RECEIVED] * count,
            contents=[one.content for one in some],
            places=[(0, 0, 0)] * count,
            events=[msgspec.Raw(one.packed) for one in some],
        )
    )


def _fill(flow: Flow, candidates: Iterable[Candidate]) -> None:
    for one in candidates:
        ref, _ = flow.subjects.number(one.event.subject)
        flow.admit(ref, one.event, one.at, one.content, _RECEIVED)
    flow.judge()


def _read(state: LogState, records: dict[int, list[Record]]) -> None:
    for partition, found in records.items():
        for record in found:
            state.apply(partition, record)
    state.judge()


if __name__ == "__main__":
    main(sys.argv[1:])
