"""Reading lines: every form of file, standard input, directories, and going on after a restart."""

from __future__ import annotations

import gzip
import logging
import os
import threading
import zlib
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import Position, SourceError, files, open_source
from monitor.sources.chunks import MAX_LINE
from monitor.sources.files import FileSource, StandardInput
from tests.unit.reading_sources import FORMS, chunks_of, lines_of, packed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("limit", [1, 7, 100, 10_000, 10_000_000])
def test_all_lines_are_given_in_order_with_their_numbers_and_offsets(tmp_path: Path, form: str, limit: int) -> None:
    lines = [f'{{"n":{n},"text":"{"某" * (n % 50)}"}}'.encode() for n in range(300)]
    source = FileSource(packed(tmp_path / form, b"\n".join(lines) + b"\n"), form)
    chunks = chunks_of(source, limit=limit)
    assert lines_of(chunks) == lines
    numbers = [chunk.number(index) for chunk in chunks for index in range(len(chunk.lines))]
    assert numbers == list(range(1, 301))
    content = b"\n".join(lines) + b"\n"
    for chunk in chunks:
        for index, line in enumerate(chunk.lines):
            offset = chunk.offset(index)
            assert content[offset : offset + len(line)] == line
    assert source.progress() == 1.0
    assert source.notes() == []


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_blank_lines_and_a_last_line_without_end(tmp_path: Path, form: str) -> None:
    content = b'\xef\xbb\xbf{"a":1}\r\n\r\n\n {"b":2} \r\n{"c":"\r"}'
    chunks = chunks_of(FileSource(packed(tmp_path / form, content), form))
    assert lines_of(chunks) == [b'\xef\xbb\xbf{"a":1}', b"", b"", b' {"b":2} ', b'{"c":"\r"}']
    offsets = [chunk.offset(index) for chunk in chunks for index in range(len(chunk.lines))]
    assert offsets == [0, 12, 14, 15, 26]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_file_has_no_lines(tmp_path: Path, form: str) -> None:
    (chunk,) = chunks_of(FileSource(packed(tmp_path / form, b""), form))
    assert (chunk.lines, chunk.eof, chunk.error) == ([], True, "")
    path = tmp_path / "really-empty.jsonl.gz"
    path.write_bytes(b"")
    (chunk,) = chunks_of(FileSource(path, "really-empty.jsonl.gz"))
    assert (chunk.lines, chunk.eof, chunk.error) == ([], True, "")


def test_what_a_file_is_packed_with_is_seen_from_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert lines_of(chunks_of(FileSource(path, "events.jsonl"))) == [b"one", b"two"]


@pytest.mark.parametrize("form", FORMS)
def test_any_position_goes_on_where_it_was(tmp_path: Path, form: str) -> None:
    lines = [b"line %d" % n for n in range(200)]
    path = packed(tmp_path / form, b"\r\n".join(lines))
    first = FileSource(path, form)
    given: list[bytes] = []
    position = Position()
    while len(given) < 200:
        with closing(FileSource(path, form)) as source:  # a new process each time
            chunk = source.read(position, 60)
        assert not chunk.restarted
        assert chunk.first_line == len(given) + 1
        given += chunk.lines
        position = chunk.position
    assert given == lines
    # The same reader can be sent back, too.
    start = first.read(Position(), 60).position
    rest = lines_of(chunks_of(first, start))
    assert lines[-len(rest) :] == rest
    assert lines_of(chunks_of(first, start)) == rest


@pytest.mark.parametrize("form", FORMS)
def test_members_and_frames_one_after_the_other_are_one_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / form
    parts = [b"one\ntw", b"", b"o\nthree\n"]
    path.write_bytes(b"".join(packed(tmp_path / f"part.{form}", part).read_bytes() for part in parts))
    assert lines_of(chunks_of(FileSource(path, form), limit=3)) == [b"one", b"two", b"three"]


def test_a_grown_file_goes_on_and_a_replaced_one_starts_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\ntwo\n")
    position = chunks_of(FileSource(path, "e"))[-1].position
    with path.open("ab") as file:
        file.write(b"three\n")
    grown = chunks_of(FileSource(path, "e"), position)
    assert lines_of(grown) == [b"three"]
    assert not grown[0].restarted
    path.write_bytes(b"another\nfile\nof the same name\n")
    source = FileSource(path, "e")
    other = chunks_of(source, grown[-1].position)
    assert lines_of(other) == [b"another", b"file", b"of the same name"]
    assert other[0].restarted
    assert "从头读取" in source.notes()[0]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_shorter_than_the_position_starts_over(tmp_path: Path, form: str) -> None:
    path = packed(tmp_path / form, b"one\ntwo\nthree\n")
    position = chunks_of(FileSource(path, form))[-1].position
    packed(path, b"one\n")
    chunks = chunks_of(FileSource(path, form), position)
    assert (lines_of(chunks), chunks[0].restarted) == ([b"one"], True)


def test_a_large_file_that_grows_keeps_its_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 100_000 + b"\n")
    position = chunks_of(FileSource(path, "e"))[-1].position
    with path.open("ab") as file:
        file.write(b"y\n")
    assert chunks_of(FileSource(path, "e"), position)[-1].position.fingerprint == position.fingerprint


def test_following_waits_for_the_end_of_a_line_and_reads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\ntw")
    source = FileSource(path, "e", follow=True)
    chunk = source.read(Position(), 100)
    assert (chunk.lines, chunk.eof, chunk.position.offset) == ([b"one"], True, 4)
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    chunk = source.read(chunk.position, 100)
    assert (chunk.lines, chunk.first_line) == ([b"two", b"three"], 2)
    assert source.read(chunk.position, 100).lines == []
    path.write_bytes(b"new\n")
    chunk = source.read(chunk.position, 100)
    assert (chunk.lines, chunk.restarted) == ([b"new"], True)
    path.unlink()
    monkeypatch.setattr(files, "LAST_WORDS", 0.0)
    gone = source.read(chunk.position, 100)
    source.close()
    assert gone.eof
    assert "无法读取" in gone.error


def test_following_a_packed_file_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    packer = zlib.compressobj(wbits=31)
    path.write_bytes(packer.compress(b"one\ntwo\n") + packer.flush(zlib.Z_SYNC_FLUSH))
    source = FileSource(path, "e", follow=True)
    chunk = source.read(Position(), 100)
    while not chunk.eof:
        chunk = source.read(chunk.position, 100)
    assert (chunk.position.line, chunk.error) == (2, "")
    with path.open("ab") as file:
        file.write(packer.compress(b"three\n") + packer.flush())
    assert lines_of(chunks_of(source, chunk.position)) == [b"three"]
    source.close()


def test_standard_input_is_read_as_it_comes(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    source = StandardInput(reading)
    os.write(writing, b"one\ntw")
    chunk = source.read(Position(), 100)
    assert (chunk.lines, chunk.eof) == ([b"one"], False)
    silent = source.read(chunk.position, 100)  # nothing comes: the reader is let go, and nothing is lost
    assert (silent.lines, silent.eof) == ([], False)
    os.write(writing, b"o\nthree")
    os.close(writing)
    chunks = chunks_of(source, silent.position)
    os.close(reading)
    assert lines_of(chunks) == [b"two", b"three"]
    assert [chunk.number(len(chunk.lines) - 1) for chunk in chunks if chunk.lines][-1] == 3
    assert source.progress() is None


def test_a_line_too_long_on_standard_input() -> None:
    reading, writing = os.pipe()
    content = b"one\n" + b"x" * (3 * MAX_LINE) + b"\nthree\n"

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    chunks = chunks_of(StandardInput(reading), limit=100_000)
    writer.join()
    os.close(reading)
    assert [line[:5] for line in lines_of(chunks)] == [b"one", b"xxxxx", b"three"]


def test_standard_input_knows_no_position_of_an_earlier_process() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\n")
    os.close(writing)
    chunks = chunks_of(StandardInput(reading), Position(offset=4000, line=99))
    os.close(reading)
    assert [(chunk.lines, chunk.first_line) for chunk in chunks if chunk.lines] == [([b"one"], 1)]


def test_a_directory_is_read_in_order_and_names_what_it_does_not_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("b.jsonl", "a/2.jsonl.gz", "a/10.ndjson", "c.JSONL.zst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        packed(tmp_path / name, name.encode() + b"\n")
    for name in ("notes.txt", "a/table.csv", ".hidden.jsonl", "events.json"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.jsonl").write_bytes(b"x\n")
    (tmp_path / "c.JSONL.zst").write_bytes(zstandard.compress(b"c.JSONL.zst\n"))
    with caplog.at_level(logging.WARNING):
        sources = open_source(str(tmp_path), None)
    assert [Path(source.name).name for source in sources] == [
        "10.ndjson",
        "2.jsonl.gz",
        "b.jsonl",
        "c.JSONL.zst",
    ]
    assert [source.read(Position(), 100).lines[0].decode() for source in sources] == [
        "a/10.ndjson",
        "a/2.jsonl.gz",
        "b.jsonl",
        "c.JSONL.zst",
    ]
    (message,) = [record.getMessage() for record in caplog.records]
    assert "a/table.csv, events.json, notes.txt" in message
    assert "hidden" not in message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.jsonl：没有此文件"):
        open_source(str(tmp_path / "nowhere.jsonl"), None)
    (tmp_path / "table.csv").write_bytes(b"a,b\n")
    with pytest.raises(SourceError, match="--mapping"):
        open_source(str(tmp_path / "table.csv"), None)


def test_a_file_of_any_name_is_read_as_lines(tmp_path: Path) -> None:
    (tmp_path / "events.log").write_bytes(b"one\n")
    (source,) = open_source(str(tmp_path / "events.log"), None)
    assert source.name == str(tmp_path / "events.log")
    assert source.read(Position(), 100).lines == [b"one"]
    assert [one.name for one in open_source("-", None)] == ["-"]


@given(
    content=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"bcd", b"\xff", b"\0", b"{"])).map(b"".join),
    limits=st.lists(st.integers(1, 12), min_size=1),
    form=st.sampled_from(FORMS),
)
def test_however_it_is_cut_the_lines_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, limits: list[int], form: str
) -> None:
    path = packed(tmp_path_factory.mktemp("cut") / form, content)
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    expected = [line.removesuffix(b"\r") for line in lines]
    source, position, found, at = FileSource(path, form), Position(), [], 0
    while True:
        if limits[at % len(limits)] % 5 == 0:
            source.close()
            source = FileSource(path, form)
        chunk = source.read(position, limits[at % len(limits)])
        at += 1
        position = chunk.position
        found += chunk.lines
        if chunk.eof:
            break
    assert found == expected
    assert position.offset == len(content)
