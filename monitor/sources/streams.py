"""Bytes of a file as they were before compression: plain, gzip, Zstandard, or a pipe. Below the line readers.

Output is bounded by what is asked for (Zstandard: plus what one kilobyte can unfold to, 32 MiB), so a
file that unfolds to terabytes does no harm.
"""

from __future__ import annotations

import io
import os
import select
import zlib
from pathlib import Path
from typing import Final, Protocol

import zstandard

from monitor.sources.chunks import SourceError

_RAW: Final = 64 * 1024
_ZSTD_SLICE: Final = 1024
"""A block of 4 bytes can stand for 128 KiB: small slices bound what comes out at once."""
_WAIT: Final = 0.2
"""Seconds that reading a silent pipe waits, so that the reader can do something else now and then."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


class DamagedError(SourceError):
    """Compressed data that cannot be unpacked further."""


class ByteStream(Protocol):
    """Uncompressed bytes in their order."""

    def read(self, limit: int) -> bytes | None:
        """Up to about `limit` bytes, b"" at the end, None where a pipe is silent. Raises DamagedError."""

    def incomplete(self) -> bool:
        """Whether compressed data stopped in the middle: the file is cut off or still being written."""

    def taken(self) -> int:
        """Bytes of the file itself that have been read."""

    def close(self) -> None:
        """Closes the file."""


class PlainStream:
    """A file as it is."""

    def __init__(self, path: Path, offset: int) -> None:
        """Opens at an offset. Raises OSError."""
        self._file = io.FileIO(path)
        self._file.seek(offset)

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes."""
        return self._file.read(limit) or b""

    def incomplete(self) -> bool:
        """Never: any length is a whole file."""
        return False

    def taken(self) -> int:
        """Bytes before the present place."""
        return self._file.tell()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class GzipStream:
    """A gzip file of one or several members."""

    def __init__(self, path: Path) -> None:
        """Opens at the beginning. Raises OSError."""
        self._file = io.FileIO(path)
        self._member: zlib._Decompress | None = None
        self._packed = b""
        self._rescued = b""
        self._broken = ""

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes. Raises DamagedError once what stood before the damage has been given."""
        while not self._broken:
            packed = self._packed or self._file.read(_RAW) or b""
            if self._member is None:
                packed = packed.lstrip(b"\0")  # padding between members
                if packed:
                    self._member = zlib.decompressobj(wbits=31)
            if self._member is None or not packed:
                return b""
            before = self._member.copy()
            try:
                out = self._member.decompress(packed, limit)
            except zlib.error as error:
                self._broken = str(error)
                self._rescued = _before_damage(before, packed)
                break
            if self._member.eof:
                self._packed, self._member = self._member.unused_data, None
            else:
                self._packed = self._member.unconsumed_tail
            if out:
                return out
        out, self._rescued = self._rescued[:limit], self._rescued[limit:]
        if not out:
            raise DamagedError(self._broken)
        return out

    def incomplete(self) -> bool:
        """Whether the last member lacks its end."""
        return self._member is not None

    def taken(self) -> int:
        """Compressed bytes read."""
        return self._file.tell()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _before_damage(member: zlib._Decompress, packed: bytes) -> bytes:
    """What can be unpacked of a damaged piece: byte by byte, up to the one that fails."""
    out = bytearray()
    try:
        for at in range(len(packed)):
            out += member.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(out)


class ZstdStream:
    """A Zstandard file of one or several frames."""

    def __init__(self, path: Path) -> None:
        """Opens at the beginning. Raises OSError."""
        self._file = io.FileIO(path)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._broken = ""

    def read(self, limit: int) -> bytes:
        """About `limit` bytes. Raises DamagedError once what stood before the damage has been given."""
        parts: list[bytes] = []
        size = at = 0
        while size < limit and not self._broken:
            if at == len(self._packed):
                self._packed, at = self._file.read(_RAW) or b"", 0
                if not self._packed:
                    break
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            piece = self._packed[at : at + _ZSTD_SLICE]
            try:
                out = self._frame.decompress(piece)
            except zstandard.ZstdError as error:
                self._broken = str(error)
                break
            at += len(piece)
            if self._frame.eof:
                at -= len(self._frame.unused_data)
                self._frame = None
            parts.append(out)
            size += len(out)
        self._packed = self._packed[at:]
        if self._broken and not size:
            raise DamagedError(self._broken)
        return b"".join(parts)

    def incomplete(self) -> bool:
        """Whether the last frame lacks its end."""
        return self._frame is not None

    def taken(self) -> int:
        """Compressed bytes read."""
        return self._file.tell()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class PipeStream:
    """Standard input or another pipe; waits a moment for data, then says that there is none."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor`: an open file descriptor, left open at the end."""
        self._descriptor = descriptor
        self._taken = 0

    def read(self, limit: int) -> bytes | None:
        """What is there, up to `limit` bytes; None where nothing came in time."""
        ready, _, _ = select.select([self._descriptor], [], [], _WAIT)
        if not ready:
            return None
        piece = os.read(self._descriptor, limit)
        self._taken += len(piece)
        return piece

    def incomplete(self) -> bool:
        """Never: any length is whole."""
        return False

    def taken(self) -> int:
        """Bytes read so far."""
        return self._taken

    def close(self) -> None:
        """Nothing: the descriptor is the process's."""


def open_stream(path: Path, offset: int) -> tuple[ByteStream, bytes]:
    """A file's uncompressed bytes from an offset on: the stream, and what is read of them already.

    What it is packed with is seen from its first bytes; where these are foreign the ending decides. Raises
    OSError, DamagedError, and EOFError where the file ends before the offset.
    """
    with io.FileIO(path) as file:
        magic = file.read(4) or b""
        size = os.fstat(file.fileno()).st_size
    stream: ByteStream
    if magic.startswith(_GZIP_MAGIC) or (path.suffix == ".gz" and magic):
        stream = GzipStream(path)
    elif magic == _ZSTD_MAGIC or (path.suffix == ".zst" and magic):
        stream = ZstdStream(path)
    else:
        if offset > size:
            raise EOFError
        return PlainStream(path, offset), b""
    try:
        return stream, _skip(stream, offset)
    except BaseException:
        stream.close()
        raise


def _skip(stream: ByteStream, count: int) -> bytes:
    """Reads over `count` bytes and gives what was read beyond them."""
    while count > 0:
        piece = stream.read(min(count, _RAW))
        if not piece:
            raise EOFError
        if len(piece) > count:
            return piece[count:]
        count -= len(piece)
    return b""
