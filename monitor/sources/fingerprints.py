"""Fingerprints: how a source knows a file again after it has grown, was replaced, rotated away or packed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from monitor.sources.streams import open_stream

PACKED_ENDINGS: Final = (".gz", ".zst")
_HEAD: Final = 64 * 1024


def fingerprint_of(path: Path) -> str:
    """Digest of the head of a file, with the length of the head: a file that only grew still fits it."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return f"{len(head)}:{hashlib.sha256(head).hexdigest()[:32]}"


def fits(path: Path, fingerprint: str, *, unpacked: bool = False) -> bool:
    """Whether a file begins as the one did of which this is the fingerprint; `unpacked`: what it holds, where it is
    packed. Raises OSError and DamagedError.
    """
    length, _, digest = fingerprint.partition(":")
    if not length.isdecimal():
        return False
    wanted = min(int(length), _HEAD)
    if unpacked and is_packed(path):
        stream, head = open_stream(path, 0)
        try:
            while len(head) < wanted and (piece := stream.read(wanted - len(head))):
                head += piece
        finally:
            stream.close()
        head = head[:wanted]
    else:
        with path.open("rb") as file:
            head = file.read(wanted)
    return len(head) == int(length) and hashlib.sha256(head).hexdigest()[:32] == digest


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is packed."""
    return path.name.lower().endswith(PACKED_ENDINGS)
