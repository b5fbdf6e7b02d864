"""Heads of the audit log on other storage: one JSON line each, only ever appended.

Whoever can write the home can make its chain anew; so these lines belong where the home's owner cannot change them.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from monitor.store.audit.chain import Head


def line_of(head: Head) -> str:
    """A head as one line of JSON, without its end."""
    return msgspec.json.encode(head).decode()


def file_of(place: Path, home: str) -> Path:
    """The file for the heads of a home: one of its own where `place` is a folder, else `place` itself."""
    return place / f"audit-heads-{home}.jsonl" if place.is_dir() else place


def keep(place: Path, head: Head) -> None:
    """Appends a head, durably. Raises OSError."""
    with file_of(place, head.home).open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a line that was torn ends here
                file.write(b"\n")
        file.write(line_of(head).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> tuple[list[Head], list[int]]:
    """The heads of a file, and the numbers of the lines that are none. Raises OSError."""
    heads, others = [], []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                heads.append(msgspec.json.decode(line, type=Head))
            except ValueError:
                others.append(number)
    return heads, others
