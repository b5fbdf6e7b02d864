"""Snapshots: the whole state in one file, a shortcut to what the log would give. Any of them may be thrown away.

A file is a zstd stream of frames, each a length and a MessagePack pair `[name, payload]`; the last one is the digest
of all before it. It is written beside the others and renamed when it is safely on the disk. The newest two are kept,
so that a damaged one is replaced by the one before and a longer tail of the log.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import zstandard

log = logging.getLogger(__name__)

_KEPT: Final = 2
_ENDING: Final = ".snapshot"
_END: Final = "end"
_AT_ONCE: Final = 1 << 20

Frame = tuple[str, Any]


class SnapshotError(Exception):
    """A snapshot that cannot be used; the text says why."""


def write(folder: Path, seq: int, frames: Iterable[Frame]) -> Path:
    """Writes the state after block `seq` of the log, and lets go of the oldest snapshots."""
    path = folder / f"{seq:012d}{_ENDING}"
    made = path.with_suffix(".new")
    with made.open("wb") as file:
        write_frames(file, frames)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
    _sync_folder(folder)
    for old in newest(folder)[_KEPT:]:
        old.unlink()
    return path


def write_frames(file: BinaryIO, frames: Iterable[Frame]) -> None:
    """Writes frames and their digest into a file that is open for writing."""
    pack = msgspec.msgpack.Encoder().encode
    digest = hashlib.blake2b(digest_size=16)
    with zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False) as stream:
        for frame in frames:
            packed = pack(frame)
            digest.update(packed)
            stream.write(len(packed).to_bytes(4, "big"))
            stream.write(packed)
        end = pack((_END, digest.digest()))
        stream.write(len(end).to_bytes(4, "big") + end)


def newest(folder: Path) -> list[Path]:
    """The snapshots of a folder, newest first."""
    return sorted(folder.glob(f"*{_ENDING}"), reverse=True)


def seq_of(path: Path) -> int:
    """The block of the log after which a snapshot was taken."""
    return int(path.name.removesuffix(_ENDING))


def read(path: Path) -> Iterator[Frame]:
    """The frames of a snapshot. Raises SnapshotError, at the latest after the last frame, when it is damaged."""
    try:
        with path.open("rb") as file:
            yield from read_frames(file, path.name)
    except OSError as error:
        raise SnapshotError(f"{path.name}: {error}") from error


def read_frames(file: BinaryIO, name: str) -> Iterator[Frame]:
    """The frames of an open file; `name`: what to call it. Raises SnapshotError like `read`."""
    unpack = msgspec.msgpack.Decoder(tuple[str, Any]).decode
    digest = hashlib.blake2b(digest_size=16)
    try:
        with zstandard.ZstdDecompressor().stream_reader(file) as stream:
            while True:
                packed = _exactly(stream, int.from_bytes(_exactly(stream, 4), "big"))
                frame, payload = unpack(packed)
                if frame == _END:
                    if payload != digest.digest():
                        raise SnapshotError(f"{name}: the digest does not fit")
                    return
                digest.update(packed)
                yield frame, payload
    except (OSError, zstandard.ZstdError, ValueError, EOFError) as error:
        raise SnapshotError(f"{name}: {error}") from error


def _exactly(stream: BinaryIO | Any, length: int) -> bytes:
    parts = []
    while length:
        part = stream.read(min(length, _AT_ONCE))  # the length itself may be damaged
        if not part:
            raise EOFError("the file ends in the middle")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
