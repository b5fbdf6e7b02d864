"""A followed file that is rotated, cut or renamed: nothing of the old one is lost, also over a restart."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sources import Position, files
from monitor.sources.files import FileSource


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(files, "LAST_WORDS", 0.0)
    yield
    for source in OPENED:
        source.close()
    OPENED.clear()


OPENED: list[FileSource] = []


class Reader:
    """Reads a followed file as a process does; a new one goes on from the position of the last."""

    def __init__(self, path: Path, position: Position | None = None) -> None:
        self.position = position or Position()
        self.source = FileSource(path, "events", follow=True)
        self.restarted = False
        OPENED.append(self.source)

    def lines(self) -> list[bytes]:
        """All that can be read now, over several looks."""
        found: list[bytes] = []
        silent = 0
        while silent < 4:
            chunk = self.source.read(self.position, 50)
            self.position = chunk.position
            self.restarted = self.restarted or chunk.restarted
            found += chunk.lines
            silent = 0 if chunk.lines else silent + 1
        return found


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_what_was_written_before_and_after_the_renaming_is_read(tmp_path: Path) -> None:
    path, old = tmp_path / "e.jsonl", tmp_path / "e.jsonl.1"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    append(path, b"two\nthr")
    path.rename(old)
    append(old, b"ee\n")
    append(path, b"four\n")
    assert reader.lines() == [b"two", b"three", b"four"]
    assert reader.restarted
    append(path, b"five\n")
    assert reader.lines() == [b"five"]


def test_last_words_without_a_line_end_are_a_line(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    append(path, b"one\nhalf")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    path.rename(tmp_path / "e.jsonl.1")
    append(path, b"two\n")
    assert reader.lines() == [b"half", b"two"]


def test_a_writer_that_is_still_at_the_old_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LAST_WORDS", 60.0)
    path, old = tmp_path / "e.jsonl", tmp_path / "e.jsonl.1"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    path.rename(old)
    append(path, b"three\n")
    assert reader.lines() == []
    append(old, b"two\n")
    assert reader.lines() == [b"two"]
    monkeypatch.setattr(files, "LAST_WORDS", 0.0)
    assert reader.lines() == [b"three"]


@pytest.mark.parametrize("ending", [".1", "-20260101", ".1.gz"])
def test_a_restart_reads_the_rest_of_the_rotated_file_first(tmp_path: Path, ending: str) -> None:
    path, old = tmp_path / "e.jsonl", tmp_path / f"e.jsonl{ending}"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    reader.source.close()
    append(path, b"two\n")
    content = path.read_bytes()
    path.unlink()
    old.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)
    append(path, b"three\n")
    again = Reader(path, reader.position)
    assert again.lines() == [b"two", b"three"]
    once_more = Reader(path, again.position)
    assert once_more.lines() == []


def test_a_copied_and_truncated_file_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    append(path, b"two\n")
    (tmp_path / "e.jsonl.1").write_bytes(path.read_bytes())
    path.write_bytes(b"")
    append(path, b"3\n")
    assert reader.lines() == [b"two", b"3"]


def test_a_file_of_another_content_beside_it_is_no_predecessor(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    (tmp_path / "e.jsonl.1").write_bytes(b"another\nfile\n")
    path.write_bytes(b"x\n")
    assert reader.lines() == [b"x"]


def test_an_unchanged_file_costs_a_look_at_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "e.jsonl"
    append(path, b"one\n")
    reader = Reader(path)
    assert reader.lines() == [b"one"]
    monkeypatch.setattr(FileSource, "_cut", lambda *_, **__: pytest.fail("it was read"))
    assert reader.lines() == []
