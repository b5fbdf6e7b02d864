"""Records on pages are those that a list of the same records holds."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stages.shelf import Shelf

LONG = 5_000
BITS = 3


@given(st.integers(0, 2**32 - 1))
def test_a_shelf_holds_what_a_list_would(seed: int) -> None:
    chance = random.Random(seed)
    kept, wanted = Shelf([b""], BITS), [b""]
    copies: list[tuple[Shelf, list[bytes]]] = []
    for _ in range(120):
        ref = chance.randrange(60)
        record = chance.randbytes(chance.choice((0, 1, 30, 300, LONG)))
        wanted += [b""] * (ref + 1 - len(wanted))
        kept[ref] = wanted[ref] = record
        part = chance.randbytes(1)
        assert kept.holds(ref, part) == (part in record)
        if chance.random() < 0.1:
            copies.append((kept.copy(), wanted[:]))
    copies.append((kept, wanted))
    for one, records in copies:
        assert len(one) == len(records)
        assert list(one) == records == [one[ref] for ref in range(len(records))]
        before = records + [None] * (len(wanted) - len(records))
        differ = [ref for ref, record in enumerate(wanted) if record != before[ref]]
        assert kept.changed(one, range(len(wanted))) == differ
    restored = Shelf(wanted[:7], BITS)
    restored.extend(wanted[7:])
    assert list(restored) == wanted


def test_a_neighbour_on_the_page_is_not_searched() -> None:
    kept = Shelf([b"aa", b"bb", b"cc"], BITS)
    assert [ref for ref in range(5) if kept.holds(ref, b"b")] == [1]
    assert not kept.holds(0, b"ab")


def test_what_was_never_put_is_no_record() -> None:
    with pytest.raises(IndexError):
        Shelf([b"a"], BITS)[1]


def test_a_long_record_is_not_copied_with_its_neighbours() -> None:
    kept = Shelf([bytes(1_000_000), b""], BITS)
    tracemalloc.start()
    kept[1] = b"short"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < LONG


def test_a_record_costs_little_beside_its_bytes() -> None:
    count, size = 20_000, 50
    tracemalloc.start()
    kept = Shelf((bytes(size) for _ in range(count)), 4)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == count
    assert held < count * (size + 8)
