"""How the tests of sources write files and tables, and read sources to their end."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zstandard

from monitor.sources import Chunk, Position, Source, load_mapping
from monitor.sources.tables import TableSource

FORMS = ["events.jsonl", "events.jsonl.gz", "events.jsonl.zst"]

PENALTIES = """
mapping: penalties
source: county
table: {files: ["penal*"]}
leave_out:
  - {when: [{column: state, equals: void}], reason: void}
events:
  - rule: penalised
    when: [{column: state, in: ["", valid]}]
    type: enforcement.penalised
    id: "{number}"
    subject: "{code}"
    time: "{day}"
    data: {document: "{number}", amount: "{amount}", category: {column: category}}
"""
HEADER = "number,code,day,amount,category,state\n"


def packed(path: Path, content: bytes) -> Path:
    """Writes a file, packed as its ending says."""
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = zstandard.compress(content)
    path.write_bytes(content)
    return path


def chunks_of(source: Source, position: Position | None = None, limit: int = 1 << 20) -> list[Chunk]:
    """All chunks of a source up to its end."""
    chunks = []
    at = position or Position()
    while True:
        chunk = source.read(at, limit)
        at = chunk.position
        chunks.append(chunk)
        if chunk.eof:
            return chunks


def lines_of(chunks: list[Chunk]) -> list[bytes]:
    """All lines, as they stand."""
    return [line for chunk in chunks for line in chunk.lines]


def events_of(chunks: list[Chunk]) -> list[dict[str, Any]]:
    """The events that intake may take."""
    return [
        json.loads(line) for chunk in chunks for index, line in enumerate(chunk.lines) if index not in chunk.problems
    ]


def told_of(chunks: list[Chunk]) -> list[tuple[int, str]]:
    """Line number and reason of what intake must refuse."""
    return [(chunk.number(index), why) for chunk in chunks for index, why in chunk.problems.items()]


class Opener:
    """Writes a mapping and tables into a folder and opens sources of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: list[TableSource] = []

    def __call__(
        self,
        content: str | bytes,
        mapping: str = PENALTIES,
        name: str = "penalties.csv",
        *,
        follow: bool = False,
    ) -> TableSource:
        self.write(content, name)
        return self.again(mapping, name, follow=follow)

    def write(self, content: str | bytes, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def again(self, mapping: str = PENALTIES, name: str = "penalties.csv", *, follow: bool = False) -> TableSource:
        file = self.write(mapping, "mapping.yaml")
        source = TableSource(self.folder / name, name, load_mapping(file), follow=follow)
        self.open.append(source)
        return source


@contextmanager
def opener_in(folder: Path) -> Iterator[Opener]:
    """An opener whose sources are closed at the end."""
    opener = Opener(folder)
    yield opener
    for source in opener.open:
        source.close()
