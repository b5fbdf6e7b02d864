"""Snapshots of a cluster: one file or object for each host, in a folder or an object store that all workers share.

A name is `EPOCH-NEXT`: the ownership under which it was written, and the offset of the first message that it does not
hold. A new owner first notes, under its own epoch, which snapshot it starts from (`.base`): whatever the owner before
it may still write stands below that, and nothing that was said twice is lost.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from monitor.store.snapshots import Frame, SnapshotError, read_frames, write_frames

log = logging.getLogger(__name__)

_SNAPSHOT: Final = "snapshot"
_BASE: Final = "base"
_KEPT: Final = 2


class Kept(NamedTuple):
    """A snapshot by its name."""

    epoch: int
    next: int
    name: str


class SnapshotStore:
    """The snapshots of all hosts, below a URL that fsspec understands: a folder, `s3://…`, `memory://…`."""

    def __init__(self, url: str) -> None:
        """`url`: where they are. Raises ValueError where no such store can be opened."""
        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            msg = f"no program for snapshots at {url.partition('://')[0]}://: {error}"
            raise ValueError(msg) from error

    def begin(self, writer: str, epoch: int) -> tuple[Kept | None, bool]:
        """The snapshot from which a new owner starts, or None for the first message of all; and whether nothing that
        was said after it can be missing: where not, everything must be said again. The choice is noted.
        """
        kept, bases = self._list(writer)
        chosen: Kept | None = max(kept, default=None)
        sound = True
        if bases:
            last = max(bases)
            later = [one for one in kept if one.epoch >= last.epoch]
            if later:
                chosen = max(later)
            else:
                named = self._read_base(last)
                chosen = next((one for one in kept if one.name == named), None)
                if chosen is None and named:
                    sound = False
                    chosen = max((one for one in kept if one.epoch < last.epoch), default=None)
        name = chosen.name if chosen is not None else ""
        base = f"{self._folder(writer)}/{epoch:012d}-{chosen.next if chosen else 0:015d}.{_BASE}"
        self._files.makedirs(self._folder(writer), exist_ok=True)
        self._files.pipe_file(base, name.encode())
        return chosen, sound

    def frames(self, kept: Kept) -> Iterator[Frame]:
        """What a snapshot holds. Raises SnapshotError."""
        try:
            with self._files.open(kept.name, "rb") as file:
                yield from read_frames(cast("BinaryIO", file), kept.name.rpartition("/")[2])
        except OSError as error:
            raise SnapshotError(f"{kept.name}: {error}") from error

    def others(self, writer: str, than: Kept) -> list[Kept]:
        """Older snapshots to try where one is damaged, newest first."""
        return sorted((one for one in self._list(writer)[0] if one < than), reverse=True)

    def write(self, writer: str, epoch: int, offset: int, frames: Iterable[Frame]) -> None:
        """Keeps the state before a message, and lets go of what it replaces. Raises OSError."""
        folder = self._folder(writer)
        path = f"{folder}/{epoch:012d}-{offset:015d}.{_SNAPSHOT}"
        self._files.makedirs(folder, exist_ok=True)
        if isinstance(self._files, LocalFileSystem):
            _write_whole(Path(path), frames)
        else:  # an object appears when it is whole
            with self._files.open(path, "wb") as file:
                write_frames(cast("BinaryIO", file), frames)
        kept, bases = self._list(writer)
        mine = sorted(one for one in kept if one.epoch == epoch)
        older = [one.name for one in (*kept, *bases) if one.epoch < epoch]
        if len(mine) >= _KEPT:
            for name in (*older, *(one.name for one in mine[:-_KEPT])):
                self._remove(name)

    def _remove(self, name: str) -> None:
        try:
            self._files.rm_file(name)
        except FileNotFoundError:
            pass  # another owner was faster

    def _folder(self, writer: str) -> str:
        return f"{self._root.rstrip('/')}/{writer}"

    def _list(self, writer: str) -> tuple[list[Kept], list[Kept]]:
        """Snapshots and bases of a host."""
        folder = self._folder(writer)
        found: dict[str, list[Kept]] = {_SNAPSHOT: [], _BASE: []}
        self._files.invalidate_cache(folder)
        names = self._files.ls(folder, detail=False) if self._files.isdir(folder) else []
        for name in names:
            stem, _, ending = name.rpartition("/")[2].rpartition(".")
            epoch, _, offset = stem.partition("-")
            if ending in found and epoch.isdecimal() and offset.isdecimal():
                found[ending].append(Kept(int(epoch), int(offset), name))
        return found[_SNAPSHOT], found[_BASE]

    def _read_base(self, base: Kept) -> str:
        text: bytes = self._files.cat_file(base.name)
        return text.decode()


def _write_whole(path: Path, frames: Iterable[Frame]) -> None:
    """Writes a file beside its place, and puts it there when it is safely on the disk."""
    made = path.with_suffix(f".{os.getpid()}.new")
    try:
        with made.open("wb") as file:
            write_frames(file, frames)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
