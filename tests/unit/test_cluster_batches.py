"""Messages of the topic `intake` without a broker: how lines are cut into them and taken out again."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cluster.wire.batches import (
    BATCH_BYTES,
    PROBLEM,
    RAW,
    Cutter,
    Message,
    Problem,
    line_key,
    lines_in,
    places_in,
    problem_in,
    subject_of,
)
from monitor.cluster.wire.partitions import partition_of
from monitor.sources import Chunk, OversizedLine, Position


def chunk(lines: list[bytes]) -> Chunk:
    size = sum(len(line) + 1 for line in lines)
    return Chunk(lines, first_line=11, start=100, position=Position(100 + size, 10 + len(lines)), eof=True)


def cut(cutter: Cutter, some: Chunk, reached: Counter[bytes] | None = None) -> list[Message]:
    return [*cutter.take(some, reached), *cutter.rest()]


def taken_out(messages: list[Message]) -> list[tuple[int, tuple[int, int], bytes]]:
    """Partition, place and bytes of each line, by place."""
    return sorted(
        (message.partition, place, line)
        for message in messages
        for place, line in zip(
            places_in(dict(message.headers)), lines_in(message.value, dict(message.headers)), strict=True
        )
    )


@pytest.mark.parametrize(
    ("key", "partitions", "partition"),
    [("91330100716105852F", 7, 5), ("91330100716105852F", 97, 11), ("zj:1", 97, 0), ("", 12, 10), ("企业", 97, 35)],
)
def test_a_key_has_its_partition_for_ever(key: str, partitions: int, partition: int) -> None:
    # Another rule would tear the history of every enterprise apart: these numbers may not change.
    assert partition_of(key, partitions) == partition == partition_of(key.encode(), partitions)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    lambda subject, more: msgspec.json.encode({**more, "subject": subject}),
    st.sampled_from(["A", "B", "C", "丁", ""]),
    st.dictionaries(st.text(max_size=4), JSON, max_size=3),
)
DAMAGED = st.builds(
    lambda line, at, byte: line[: at % len(line)] + bytes([byte]) + line[at % len(line) + 1 :],
    EVENTS,
    st.integers(0, 1000),
    st.integers(0, 255).filter(lambda byte: byte != 10),
)
LINES = st.lists(EVENTS | DAMAGED | st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=40)


@given(LINES, st.integers(1, 5), st.integers(1, 9))
def test_whatever_the_lines_are_each_comes_out_as_it_stood(lines: list[bytes], partitions: int, size: int) -> None:
    messages = cut(Cutter("x", "me", partitions, size), chunk(lines))
    offset, wanted = 100, []
    for number, line in enumerate(lines, start=11):
        if line.strip():
            subject = subject_of(line)
            wanted.append((partition_of(line if subject is None else subject, partitions), (number, offset), line))
        offset += len(line) + 1
    assert taken_out(messages) == sorted(wanted)
    assert all(1 <= message.lines <= size for message in messages)
    for partition in range(partitions):
        places = [
            place
            for one in messages
            if one.partition == partition and RAW not in dict(one.headers)
            for place in places_in(dict(one.headers))
        ]
        assert places == sorted(places)


@given(LINES, st.data())
def test_what_has_reached_the_topic_is_left_out_as_often_as_it_did(lines: list[bytes], data: st.DataObject) -> None:
    whole = [line for _, _, line in taken_out(cut(Cutter("x", "me", 3), chunk(lines)))]
    there = data.draw(st.lists(st.sampled_from(whole), max_size=len(whole)) if whole else st.just([]))
    there = list((Counter(there) & Counter(whole)).elements())
    reached = Counter(line_key(line) for line in there)
    cutter = Cutter("x", "me", 3)
    rest = [line for _, _, line in taken_out(cut(cutter, chunk(lines), reached))]
    assert Counter(rest) + Counter(there) == Counter(whole)
    assert cutter.left_out == len(there)
    assert reached.total() == 0


def test_what_a_source_says_against_a_line_goes_along() -> None:
    some = chunk([b"A,1", b'{"subject":"A"}', b"head of"])
    some.problems[0] = "no date"
    some.oversized[2] = OversizedLine(offset=120, length=2_000_000, head=b"head of", digest="ab" * 32)
    messages = cut(Cutter("x", "me", 2), some)
    found = {message.value: problem_in(dict(message.headers)) for message in messages}
    assert found == {
        b"A,1": Problem("unmapped_row", "no date"),
        b'[{"subject":"A"}]': None,
        b"head of": Problem("too_large", "2,000,000 bytes", "ab" * 32),
    }
    assert [PROBLEM in dict(one.headers) for one in messages if RAW in dict(one.headers)] == [True, True]


def test_a_blank_line_with_a_problem_is_no_blank_line() -> None:
    some = chunk([b"", b""])
    some.problems[1] = "a row without columns"
    assert [one.value for one in cut(Cutter("x", "me", 2), some)] == [b""]


def test_a_batch_is_closed_before_it_is_too_large() -> None:
    line = b'{"subject":"A","x":"' + b"x" * 99_000 + b'"}'
    messages = cut(Cutter("x", "me", 2), chunk([line] * 20))
    assert sum(one.lines for one in messages) == 20
    assert all(len(one.value) <= BATCH_BYTES + 1 for one in messages)
    assert max(one.lines for one in messages) == BATCH_BYTES // len(line)


def test_messages_of_others_are_one_event_or_an_array() -> None:
    assert lines_in(b'{"subject":"A"}', {}) == [b'{"subject":"A"}']
    assert lines_in(b' [{"subject":"A"}, {"b":[1, 2]} ]', {}) == [b'{"subject":"A"}', b'{"b":[1, 2]}']
    assert lines_in(b"[]", {}) == []
    assert lines_in(b'[{"subject":"A"}]', {RAW: b"1"}) == [b'[{"subject":"A"}]']
    assert places_in({}) == []
    assert problem_in({}) is None
    with pytest.raises(msgspec.DecodeError):
        lines_in(b'[{"subject":"A"', {})
