"""Numbers for names: dense, stable, the same one by one and in bulk, through merges and snapshots."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stages import numbering
from monitor.stages.names import Names
from monitor.stages.numbering import Numbering, hash_of

names = st.lists(st.lists(st.sampled_from([f"name-{number}" for number in range(40)]), max_size=12), max_size=12)


def number_all(of: Numbering, batch: list[str], *, bulk: bool) -> list[int]:
    if bulk:
        return of.numbers(batch)[0]
    return [of.number(name)[0] for name in batch]


@given(names, st.lists(st.tuples(st.booleans(), st.booleans()), min_size=12, max_size=12))
def test_numbers_are_those_of_first_sight_however_they_are_asked_for(
    batches: list[list[str]], how: list[tuple[bool, bool]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "_SMALLEST_MERGE", 3)
        patch.setattr(numbering, "_SMALLEST_PART", 4)
        found, wanted = Numbering(7), dict[str, int]()
        for batch, (bulk, restart) in zip(batches, how, strict=False):
            for name in batch:
                wanted.setdefault(name, len(wanted) + 1)
            assert number_all(found, batch, bulk=bulk) == [wanted[name] for name in batch]
            assert len(found) == len(wanted)
            if restart:
                again, in_parts = Numbering(7), Numbering(7)
                again.load(*found.dump())
                for part in found.parts():
                    in_parts.load(*part)
                assert in_parts.dump() == again.dump()
                found = in_parts
        assert {name: found.find(name) for name in wanted} == wanted
        assert found.find("never seen") == 0


def test_new_names_of_a_batch_are_told_once_with_their_place() -> None:
    found = Numbering(7)
    found.number("a")
    assert found.numbers(["b", "a", "b", "c"]) == ([2, 1, 2, 3], [(0, 2), (3, 3)])
    assert found.number("d") == (4, True)
    assert found.number("d") == (4, False)


def test_many_thousand_names_keep_their_numbers() -> None:
    found = Numbering(7)
    wanted = [f"91330106{number:010d}" for number in range(100_000)]
    assert found.numbers(wanted)[0] == list(range(1, 100_001))
    assert found.numbers(wanted[::-1]) == (list(range(100_000, 0, -1)), [])


def test_a_snapshot_in_parts_takes_the_room_of_one_part() -> None:
    found = Numbering(7)
    found.numbers([f"91330106{number:010d}" for number in range(200_000)])
    parts = list(found.parts())
    assert max(len(numbers) for _, numbers in parts) == 1 << 16
    tracemalloc.start()
    for part in found.parts():
        msgspec.msgpack.encode(part)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 12 * (1 << 16)


def test_the_hash_depends_on_the_seed() -> None:
    assert hash_of("a", 1) != hash_of("a", 2)


def test_sources_are_numbered_from_one_on() -> None:
    found = Names(["//a"])
    assert [found.number(name) for name in ("//b", "//a", "//b")] == [2, 1, 2]
    assert found[1:] == ["//a", "//b"]
    assert found[0] == ""
