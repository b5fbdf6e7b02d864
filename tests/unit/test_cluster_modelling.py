"""The log of a cluster folded in one place is the state of one process; shared models are what the log names."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.ruleset import Rules
from models import keeping
from models.features.computing import compute
from models.keeping import ModelError
from monitor.cluster.hosts.host import Record
from monitor.cluster.hosts.intake_host import SUPERVISED
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.wire.facts import PackedLogBatch, encode
from monitor.cluster.wire.partitions import partition_of
from monitor.engine.flow import Flow
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.gathering import facts_of
from monitor.store.snapshots import SnapshotError
from tests.engine import CLOCK, KEY, Engine, event, line, shipped_rules
from tests.reference import cases
from tests.unit.test_keeping import packed

PARTITIONS = 3
EVENTS = 40
"""In a message."""


def batch_of(candidates: Sequence[Candidate], intake: int = 0) -> bytes:
    """A message of the log."""
    count = len(candidates)
    return encode(
        PackedLogBatch(
            intake=intake,
            generation=1,
            sources=["x"],
            offsets=list(range(count)),
            indexes=[0] * count,
            received=[CLOCK] * count,
            contents=[one.content for one in candidates],
            places=[(0, 0, 0)] * count,
            events=[msgspec.Raw(one.packed) for one in candidates],
        )
    )


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return cases.make_case(41, 120)


@pytest.fixture(scope="module")
def log(lines: list[bytes]) -> dict[int, list[Record]]:
    """The partitions of a log; every fourth message comes twice, as after a restart, and some cannot be read."""
    intake, waiting = Intake(Pseudonymiser([KEY])), dict[int, list[Candidate]]()
    for one in lines:
        try:
            candidate = intake.read(one, CLOCK)
        except Refusal:
            continue
        if candidate is not None:
            waiting.setdefault(partition_of(candidate.event.subject, PARTITIONS), []).append(candidate)
    found: dict[int, list[Record]] = {}
    for partition, candidates in waiting.items():
        values = [b"no message"]
        for start in range(0, len(candidates), EVENTS):
            value = batch_of(candidates[start : start + EVENTS])
            values += [value] * (2 if start % (4 * EVENTS) == 0 else 1)
        found[partition] = [Record(offset, CLOCK, value) for offset, value in enumerate(values)]
    return found


def new_state() -> LogState:
    return LogState(9, Pseudonymiser([KEY]), shipped_rules())


def read(state: LogState, log: dict[int, list[Record]], share: float = 1.0) -> LogState:
    """Reads a share of each partition, or what of it was not read yet."""
    for partition, records in log.items():
        for record in records[state.next.get(partition, 0) : int(len(records) * share)]:
            state.apply(partition, record)
    state.judge()
    return state


def features_of(flow: Flow, codes: dict[int, str]) -> dict[str, tuple[bytes, int, bool]]:
    """Values, peers and life of each enterprise by its code, bit for bit."""
    matrix = compute(facts_of(flow), flow.now)
    rows = zip(
        matrix.refs.tolist(), np.asarray(matrix.values), matrix.peers.tolist(), matrix.live.tolist(), strict=True
    )
    return {codes[ref]: (values.tobytes(), peers, live) for ref, values, peers, live in rows}


def tied(flow: Flow, codes: dict[int, str]) -> dict[str, list[list[str]]]:
    """By code the codes of the occupants of each room that it is in."""
    found: dict[str, list[list[str]]] = {}
    for number in range(1, len(flow.rooms_by_key) + 1):
        room = flow.rooms.view(number)
        if room is not None:
            there = sorted(codes[one.ref] for one in room.occupants.values() if one.present)
            for code in there:
                found.setdefault(code, []).append(there)
    return {code: sorted(rooms) for code, rooms in found.items()}


def codes_of(state: LogState) -> dict[int, str]:
    return {number: state.codes[number] for number in range(1, len(state.codes) + 1)}


def same(state: LogState, lines: list[bytes]) -> bool:
    """Whether a state is that of one process."""
    engine = Engine().take(lines)
    here, there = codes_of(state), engine.codes
    assert state.flow.now == engine.flow.now
    assert features_of(state.flow, here) == features_of(engine.flow, there)
    return tied(state.flow, here) == tied(engine.flow, there)


def test_it_is_the_state_of_one_process(log: dict[int, list[Record]], lines: list[bytes]) -> None:
    assert same(read(new_state(), log), lines)


def test_it_goes_on_from_a_snapshot(log: dict[int, list[Record]], lines: list[bytes]) -> None:
    half = read(new_state(), log, 0.5)
    other = new_state()
    other.load(list(half.frames()), ends_of(log))
    assert other.next == half.next
    assert other.offset == sum(half.next.values())
    assert same(read(other, log), lines)


def test_rooms_keep_their_names_where_the_rules_name_rooms(log: dict[int, list[Record]]) -> None:
    host = "hosts: [{text: 浙江省杭州市西湖区文三路90号1幢101室, kind: cluster, reason: 备案, owner: 甲}]"
    rules = Rules(shipped_rules().text.replace("hosts: []", host))
    assert rules.document.hosts
    half, other = (LogState(9, Pseudonymiser([KEY]), rules) for _ in range(2))
    other.load(list(read(half, log, 0.5).frames()), ends_of(log))
    found, wanted = read(other, log), read(half, log)
    assert len(found.rooms) == len(found.flow.rooms_by_key)
    assert rooms_of(found) == rooms_of(wanted)
    assert "" not in rooms_of(found)


def ends_of(log: dict[int, list[Record]]) -> dict[int, int]:
    return {partition: len(records) for partition, records in log.items()}


def rooms_of(state: LogState) -> list[str]:
    """What rooms are called, by number."""
    return [state.rooms[number] for number in range(1, len(state.rooms) + 1)]


def test_a_snapshot_that_does_not_fit_is_not_used(log: dict[int, list[Record]]) -> None:
    frames = list(read(new_state(), log, 0.5).frames())
    with pytest.raises(SnapshotError, match="further"):
        new_state().load(frames, dict.fromkeys(log, 1))
    ends = dict.fromkeys(log, 1_000)
    with pytest.raises(SnapshotError, match="not whole"):
        new_state().load([frame for frame in frames if frame[0] != "texts:codes"], ends)
    with pytest.raises(SnapshotError, match="pseudonyms"):
        LogState(9, Pseudonymiser([bytes(32)]), shipped_rules()).load(frames, ends)


def test_cuts_and_acts_stand_in_no_history() -> None:
    state = new_state()
    tick = line(event("clock", "clock.ticked", "2025-04-01T00:00:00Z", id="t"))
    candidate = Intake(Pseudonymiser([KEY])).read(tick, CLOCK)
    assert candidate is not None
    state.apply(0, Record(0, CLOCK, batch_of([candidate], SUPERVISED)))
    assert len(state.codes) == 0
    assert state.flow.now == candidate.at


def test_a_model_is_shared_whole_and_named_by_its_digest(tmp_path: Path) -> None:
    folder = keeping.keep(tmp_path / "home", *packed())
    name = keeping.card_of(folder).hash
    for place in (str(tmp_path / "shared"), f"memory://{secrets.token_hex(8)}"):
        store = ModelStore(place)
        assert store.cards() == []
        assert not store.holds(name)
        with pytest.raises(ModelError, match="promote it again"):
            store.fetch(name, tmp_path / "nowhere")
        for _ in range(2):
            store.put(folder)
        assert [card.hash for card in store.cards()] == [name]
        assert (store.find(name[:8]), store.find("feedbeef"), store.find("")) == (name, None, None)
        assert store.holds(name)
        fetched = store.fetch(name, tmp_path / secrets.token_hex(4))
        assert (fetched / keeping.MODEL_FILE).read_bytes() == (folder / keeping.MODEL_FILE).read_bytes()
    shared = tmp_path / "shared" / name / keeping.MODEL_FILE
    shared.write_bytes(shared.read_bytes() + b" ")
    store = ModelStore(str(tmp_path / "shared"))
    assert not store.holds(name)
    with pytest.raises(ModelError):
        store.fetch(name, tmp_path / "tampered")
    (folder / keeping.MODEL_FILE).write_bytes(b"")
    with pytest.raises(ModelError):
        store.put(folder)
