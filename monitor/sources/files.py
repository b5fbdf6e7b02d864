"""JSON Lines from files, directories and standard input, as chunks of raw lines. First in the flow.

Reading knows nothing of events: it cuts lines, remembers where it is, and stays within a few megabytes
whatever the file holds. Blank lines and byte-order marks are intake's business.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import math
import os
import time
from itertools import accumulate
from pathlib import Path
from typing import Final

from monitor.sources.chunks import MAX_LINE, Chunk, OversizedLine, Position
from monitor.sources.fingerprints import PACKED_ENDINGS, fingerprint_of, fits, is_packed
from monitor.sources.streams import ByteStream, DamagedError, PipeStream, open_stream

LINE_ENDINGS: Final = (".jsonl", ".ndjson")
"""Names of files that hold JSON Lines, before a `.gz` or `.zst`."""

LAST_WORDS: Final = 2.0
"""Seconds for which a file is still read after its name went to another one."""

_KEPT_OF_OVERSIZED: Final = 256
_READ_AT_ONCE: Final = 1024 * 1024


class LineSource:
    """Cuts a stream of bytes into lines. What is open, and how it is opened again, the subclasses know."""

    def __init__(self, name: str, *, follow: bool) -> None:
        """`follow`: the last line counts only once its end has been written."""
        self.name = name
        self._follow = follow
        self._stream: ByteStream | None = None
        self._rest = b""  # read, but not yet given
        self._offset = 0  # of the first byte of _rest
        self._line = 0
        self._fingerprint = ""

    def _filled(self, size: int) -> tuple[bytes, bool, str]:
        """What is not yet given, `size` bytes if there are so many; whether that is all; what is damaged."""
        stream = self._stream
        if stream is None:
            return self._rest, True, ""
        parts = [self._rest]
        have = len(self._rest)
        ended, error = False, ""
        while have < size:
            try:
                piece = stream.read(size - have)
            except DamagedError as damage:
                ended, error = True, self._damage(have, str(damage))
                break
            except OSError as failure:
                ended, error = True, unreadable(self.name, failure)
                break
            if piece is None:
                break
            if not piece:
                ended = True
                if stream.incomplete() and not self._follow:
                    error = self._damage(have, "compressed data ends in the middle")
                break
            parts.append(piece)
            have += len(piece)
        self._rest = b"".join(parts)
        return self._rest, ended, error

    def _damage(self, have: int, why: str) -> str:
        at = self._offset + have
        return (
            f"{self.name}：解压后第 {at:,} 字节处损坏，此前的完整行已读取，请重新取得该文件 / "
            f"damaged at byte {at:,} of the uncompressed contents ({why}); "
            "the whole lines before it were read: get the file again"
        )

    def _cut(self, limit_bytes: int, *, restarted: bool = False) -> Chunk:
        """The next lines."""
        size = max(1, min(limit_bytes, _READ_AT_ONCE))
        block, ended, error = self._filled(size)
        # A stream may give more than it was asked for: only `size` bytes of it are looked at.
        end = block.rfind(b"\n", 0, size) + 1
        while not end and not ended and size <= MAX_LINE:
            have, size = min(len(block), size), min(size * 4, MAX_LINE + 1)
            block, ended, error = self._filled(size)
            end = block.rfind(b"\n", 0, size) + 1
            if len(block) == have:
                break  # a silent pipe
        if not end and len(block) > MAX_LINE:
            return self._passed_over(restarted=restarted)
        if ended and not error and not self._follow:
            end = len(block)
        whole = block if end == len(block) else block[:end]
        start, first_line = self._offset, self._line + 1
        lines, offsets = _lines(whole, start)
        self._rest = block[end:]
        self._offset += end
        self._line += len(lines)
        return Chunk(
            lines=lines,
            first_line=first_line,
            start=start,
            position=self._here(),
            eof=ended,
            error=error,
            restarted=restarted,
            offsets=offsets,
        )

    def _passed_over(self, *, restarted: bool) -> Chunk:
        """Reads to the end of a line that is too long, keeping its digest and first bytes alone."""
        start, first_line = self._offset, self._line + 1
        head = self._rest[:_KEPT_OF_OVERSIZED]
        digest = hashlib.sha256()
        length = 0
        held_back = b""  # a carriage return belongs to the line end where a line feed follows
        ended, error = False, ""
        while True:
            block, found, after = self._rest.partition(b"\n")
            block = held_back + block
            held_back = b"\r" if block.endswith(b"\r") else b""
            body = block[: len(block) - len(held_back)]
            digest.update(body)
            length += len(body)
            self._offset += len(self._rest) - len(after)
            self._rest = after
            if found or ended:
                break
            _, ended, error = self._filled(_READ_AT_ONCE)
        if not found and (error or self._follow):
            self._reopen_at(Position(start, first_line - 1, self._fingerprint))
            return Chunk([], first_line, start, self._here(), eof=True, error=error, restarted=restarted)
        self._line += 1
        oversized = OversizedLine(offset=start, length=length, head=head, digest=digest.hexdigest())
        return Chunk(
            lines=[head],
            first_line=first_line,
            start=start,
            position=self._here(),
            eof=ended and not self._rest,
            restarted=restarted,
            oversized={0: oversized},
            offsets=[start],
        )

    def _here(self) -> Position:
        return Position(self._offset, self._line, self._fingerprint)

    def _reopen_at(self, position: Position) -> None:
        """Goes back to a position at the next read."""
        self.close()
        self._offset, self._line = position.offset, position.line

    def close(self) -> None:
        """Lets go of the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._rest = b""


class FileSource(LineSource):
    """One file of lines: plain, gzip or Zstandard. A followed one may be rotated: what the old file still gets, and
    what a restart finds beside the new one, is read first.
    """

    def __init__(self, path: Path, name: str, *, follow: bool = False) -> None:
        """`name`: the path as given, for positions and dead letters. Nothing is opened yet."""
        super().__init__(name, follow=follow)
        self._path = path
        self._opened: os.stat_result | None = None
        self._seen: tuple[int, ...] | None = None
        self._left: float | None = None
        self._restarts = 0
        self._done = False

    def read(self, position: Position, limit_bytes: int) -> Chunk:
        """The lines after a position; see `Source.read`."""
        restarted = False
        try:
            if self._stream is None or self._moved(position):
                restarted = self._open(position)
            elif self._done:
                if self._left is None and not self._changed():
                    return Chunk([], position.line + 1, position.offset, position, eof=True)
                restarted = self._look_again(position)
        except OSError as failure:
            error = unreadable(self.name, failure)
            return Chunk([], position.line + 1, position.offset, position, eof=True, error=error)
        except DamagedError as damage:
            error = self._damage(0, str(damage))
            return Chunk([], position.line + 1, position.offset, position, eof=True, error=error)
        self._restarts += restarted
        chunk = self._cut(limit_bytes, restarted=restarted)
        if chunk.eof and not chunk.lines and self._left is not None:
            chunk = self._leave(chunk)
        self._done = chunk.eof
        if chunk.eof and not self._follow:
            self.close()
        return chunk

    def close(self) -> None:
        """Lets go of the file."""
        super().close()
        self._left = self._seen = None

    def _moved(self, position: Position) -> bool:
        return position.offset != self._offset or position.line != self._line

    def _changed(self) -> bool:
        """Whether the name stands for anything else than at the last look: asked often, so only the system's word."""
        try:
            now = self._path.stat()
            seen: tuple[int, ...] = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
        except FileNotFoundError:
            seen = ()
        changed = seen != self._seen
        self._seen = seen
        return changed

    def _look_again(self, position: Position) -> bool:
        """At the end of the open file: has it grown, or has the name gone to another one? Whether one was opened."""
        if self._left is not None:
            return False
        if not self._path.exists() or not self._same_file():
            if not self._follow:
                return self._open(position)
            self._left = time.monotonic()  # its writer may still be at it
            return False
        if self._path.stat().st_size < self._taken() or not fits(self._path, self._fingerprint):
            return self._open(position)  # cut or written anew in place: what was in it is gone
        self._fingerprint = fingerprint_of(self._path)
        return False

    def _same_file(self) -> bool:
        now, then = self._path.stat(), self._opened
        return then is not None and (now.st_ino, now.st_dev) == (then.st_ino, then.st_dev)

    def _taken(self) -> int:
        return 0 if self._stream is None else self._stream.taken()

    def _leave(self, chunk: Chunk) -> Chunk:
        """At the end of a file that has lost its name: waits for the last words of its writer, then takes what stands
        there without a line end, then goes over to the file that has the name now.
        """
        if self._left is None or time.monotonic() - self._left < LAST_WORDS:
            return chunk
        if not self._path.exists():
            chunk.error = unreadable(self.name, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
            return chunk
        if self._rest:
            self._follow = False
            try:
                return self._cut(_READ_AT_ONCE)
            finally:
                self._follow = True
        self._restarts += 1
        self._open(Position())
        return self._cut(_READ_AT_ONCE, restarted=True)

    def _open(self, position: Position) -> bool:
        """Opens at a position where the file is the one meant, else its predecessor, else at the beginning: then
        True.
        """
        self.close()
        self._opened = self._path.stat()
        meant = not position.fingerprint or fits(self._path, position.fingerprint)
        if not meant and self._open_predecessor(position):
            return False
        self._offset, self._line = (position.offset, position.line) if meant else (0, 0)
        try:
            self._stream, self._rest = open_stream(self._path, self._offset)
        except EOFError:
            if self._open_predecessor(position):
                return False
            self._offset, self._line = 0, 0
            self._stream, self._rest = open_stream(self._path, 0)
        self._fingerprint = fingerprint_of(self._path)
        return (self._offset, self._line) != (position.offset, position.line)

    def _open_predecessor(self, position: Position) -> bool:
        """Opens the file that this one took the name from, where it stands beside it under a longer name (`.1`,
        `-20260101`, also packed since) and holds more than was read of it.
        """
        if not self._follow or not position.offset:
            return False
        for beside in sorted(self._path.parent.glob(f"{glob.escape(self._path.name)}[.-]*")):
            try:
                if beside.is_file() and fits(beside, position.fingerprint, unpacked=not is_packed(self._path)):
                    self._stream, self._rest = open_stream(beside, position.offset)
                    self._offset, self._line = position.offset, position.line
                    self._fingerprint = position.fingerprint
                    self._left = -math.inf
                    return True
            except (OSError, EOFError, DamagedError):
                continue
        return False

    def progress(self) -> float | None:
        """Share of the bytes of the file that were read."""
        if self._stream is None:
            return 1.0 if self._done else 0.0
        size = self._path.stat().st_size if self._path.exists() else 0
        return min(1.0, self._stream.taken() / size) if size else 1.0

    def notes(self) -> list[str]:
        """Says where the file was found replaced."""
        if not self._restarts:
            return []
        return [f"{self.name}：文件已更换，从头读取 / the file was replaced and is read from its beginning"]


class StandardInput(LineSource):
    """Lines from a pipe. It cannot be read again, so a position of an earlier process means nothing here."""

    def __init__(self, descriptor: int = 0, *, follow: bool = False) -> None:
        """`descriptor`: the pipe to read, standard input where none is given."""
        super().__init__("-", follow=follow)
        self._stream = PipeStream(descriptor)

    def read(self, position: Position, limit_bytes: int) -> Chunk:
        """The next lines, whatever position is asked for; waits a moment where none has come."""
        return self._cut(limit_bytes)

    def progress(self) -> float | None:
        """Unknown: a pipe has no size."""
        return None

    def notes(self) -> list[str]:
        """Nothing."""
        return []

    def _reopen_at(self, position: Position) -> None:
        """A pipe gives nothing twice: a too long line without an end stays unread, for good."""

    def close(self) -> None:
        """Nothing: the descriptor is the process's."""


def list_directory(folder: Path) -> list[Path]:
    """All files below a folder, hidden ones apart, in the order of their paths. Raises OSError."""
    found = []
    for at, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(at, name) for name in names if not name.startswith(".")]
    return sorted(found)


def holds_lines(path: Path) -> bool:
    """Whether a file's name says that it holds JSON Lines."""
    return unpacked_name(path).endswith(LINE_ENDINGS)


def unpacked_name(path: Path) -> str:
    """A file's name in lower case without the ending of its packing."""
    name = path.name.lower()
    for ending in PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return name


def unreadable(name: str, failure: OSError) -> str:
    """The sentence for a file that the system does not let us read."""
    why = failure.strerror or str(failure)
    return f"{name}：无法读取，请检查路径和权限 / cannot be read ({why}): check path and permissions"


def _raise(failure: OSError) -> None:
    raise failure


def _lines(whole: bytes, start: int) -> tuple[list[bytes], list[int] | None]:
    """The lines of a block, and their offsets where these do not follow from the lengths."""
    if not whole:
        return [], None
    lines = whole.split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    if b"\r" not in whole:
        return lines, None
    offsets = list(accumulate((len(line) + 1 for line in lines), initial=start))
    return [line.removesuffix(b"\r") for line in lines], offsets
