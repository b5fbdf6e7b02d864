"""Files that would break a reader: endless lines, bytes that unfold without end, and damage."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import zstandard

from monitor.sources import Position
from monitor.sources.chunks import MAX_LINE
from monitor.sources.files import FileSource
from tests.unit.reading_sources import FORMS, chunks_of, lines_of, packed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_too_long_is_told_without_being_held(tmp_path: Path, form: str, end: bytes) -> None:
    long = b'{"x":"' + b"y" * (5 * MAX_LINE) + b'"}'
    source = FileSource(packed(tmp_path / form, b"before\n" + long + end + b"after" * bool(end)), form)
    chunks = chunks_of(source, limit=300_000)
    assert [line[:6] for line in lines_of(chunks)] == [b"before", b'{"x":"', *[b"after"] * bool(end)]
    ((chunk, told),) = [(chunk, told) for chunk in chunks for told in chunk.oversized.values()]
    assert (told.offset, told.length) == (7, len(long))
    assert told.digest == hashlib.sha256(long).hexdigest()
    assert long.startswith(told.head)
    assert len(told.head) < 1000
    assert (chunk.number(0), chunk.offset(0), list(chunk.oversized)) == (2, 7, [0])
    assert chunks[-1].position.line == 2 + bool(end)


def test_the_longest_line_that_is_held(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * MAX_LINE + b"\n" + b"y" * (MAX_LINE + 1) + b"\nz\n")
    chunks = chunks_of(FileSource(path, "e"), limit=10 * MAX_LINE)
    assert [len(line) for line in lines_of(chunks)] == [MAX_LINE, 256, 1]
    assert sum(len(chunk.oversized) for chunk in chunks) == 1


def test_a_line_too_long_that_is_still_being_written_is_not_yet_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\n" + b"x" * (2 * MAX_LINE))
    source = FileSource(path, "e", follow=True)
    chunks = chunks_of(source, limit=MAX_LINE)
    assert lines_of(chunks) == [b"one"]
    with path.open("ab") as file:
        file.write(b"x\n")
    (chunk,) = [one for one in chunks_of(source, chunks[-1].position) if one.lines]
    assert chunk.oversized[0].length == 2 * MAX_LINE + 1
    source.close()


def test_what_unfolds_to_much_more_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.zst"
    line = b"a" * 1000
    path.write_bytes(zstandard.compress((line + b"\n") * 60_000))  # 60 MB in some kilobytes
    count = 0
    source, position = FileSource(path, "e"), Position()
    while True:
        chunk = source.read(position, 100_000)
        position = chunk.position
        count += len(chunk.lines)
        assert sum(map(len, chunk.lines)) <= 100_000
        if chunk.eof:
            break
    assert count == 60_000


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize("damage", ["cut", "flipped", "end", "garbage"])
def test_damage_gives_the_lines_before_it_and_says_where(tmp_path: Path, form: str, damage: str) -> None:
    lines = [hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(20_000)]
    path = packed(tmp_path / form, b"\n".join(lines) + b"\n")
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        for at in range(len(content) // 2, len(content) // 2 + 40):
            content[at] ^= 0xFF
    elif damage == "end":
        del content[-3:]
    else:
        content += b"no such thing"
    path.write_bytes(content)
    chunks = chunks_of(FileSource(path, "events"), limit=50_000)
    found = lines_of(chunks)
    if damage in ("end", "garbage"):
        assert found[:17_000] == lines[:17_000]
    else:
        # Bits that were flipped may unpack to something for a while; what is before them is good.
        assert found[:7_000] == lines[:7_000]
    error = chunks[-1].error
    assert error.startswith("events：解压后第 ")
    assert "damaged at byte" in error
    assert chunks[-1].position.line == len(found)
    assert all(not chunk.error for chunk in chunks[:-1])


def test_a_packed_name_without_packed_contents_is_damage_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(b'{"specversion":"1.0"}\n')
    (chunk,) = chunks_of(FileSource(path, "events"))
    assert chunk.lines == []
    assert "第 0 字节" in chunk.error
