"""Mixing: lines go in as they are made, a file with all of them in random order comes out. The last step.

An external shuffle: each line falls into one of many buckets on disk, then bucket after bucket is put in
random order and written. Memory is that of one bucket, however long the file.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self, cast

import numpy as np
import zstandard

Compression = Literal["none", "gz", "zst"]

_BUCKET_BYTES: Final = 12_000_000
_MOST_BUCKETS: Final = 512
_BUFFER: Final = 1 << 16


class Mixer:
    """Buckets in a folder of their own inside `folder`, gone when the mixer is closed."""

    def __init__(self, folder: Path, expected_bytes: int, rng: np.random.Generator) -> None:
        count = min(_MOST_BUCKETS, expected_bytes // _BUCKET_BYTES + 1)
        self._rng = rng
        self._closing = ExitStack()
        self._folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix=".mixing-", dir=folder)))
        self._buckets = [
            self._closing.enter_context((self._folder / f"{number:03d}").open("wb", buffering=_BUFFER))
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def add(self, lines: list[str]) -> None:
        """Takes lines, each with its line end; lone surrogates stand for single bytes (surrogateescape)."""
        order = self._rng.permutation(len(lines)).tolist()
        share = np.full(len(self._buckets), 1 / len(self._buckets))
        start = 0
        for bucket, size in zip(self._buckets, self._rng.multinomial(len(lines), share).tolist(), strict=True):
            if size:
                piece = "".join([lines[index] for index in order[start : start + size]])
                bucket.write(piece.encode("utf-8", "surrogateescape"))
                start += size

    def write(
        self,
        target: Path,
        compression: Compression = "none",
        on_bucket: Callable[[int, int], None] | None = None,
    ) -> int:
        """Writes the file and returns its length in bytes. The mixer is empty afterwards."""
        unfinished = target.with_name(f".{target.name}.unfinished")
        with _opened(unfinished, compression) as file:
            for done, bucket in enumerate(self._buckets, start=1):
                bucket.close()
                path = Path(bucket.name)
                lines = path.read_bytes().split(b"\n")
                path.unlink()
                lines.pop()  # nothing stands after the last line end
                order = self._rng.permutation(len(lines)).tolist()
                file.write(b"".join([lines[index] + b"\n" for index in order]))
                if on_bucket:
                    on_bucket(done, len(self._buckets))
        unfinished.replace(target)
        return target.stat().st_size


@contextmanager
def _opened(path: Path, compression: Compression) -> Iterator[IO[bytes]]:
    with path.open("wb", buffering=_BUFFER) as file:
        if compression == "gz":
            # Neither name nor time in the header: the same lines make the same file.
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
                yield cast("IO[bytes]", packed)
        elif compression == "zst":
            with zstandard.ZstdCompressor(level=1).stream_writer(file) as packed:
                yield cast("IO[bytes]", packed)
        else:
            yield file
