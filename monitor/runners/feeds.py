"""Sources read by threads of their own, so that one that stalls, on a dead network share or a silent pipe, holds
nobody back. A feed stands for one `--source`: a file, a pipe, or a folder with all that comes into it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from monitor.sources import Chunk, Position, Source, SourceError

CHUNK_BYTES: Final = 1 << 20
_POLL: Final = 0.02
"""Seconds between two looks at sources that had nothing new."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for new files."""
_AHEAD: Final = 2
"""Chunks that are read ahead of the writer."""
_PATIENCE: Final = 2.0


class Read:
    """One chunk of one source, and the share of the source that has been read by it."""

    __slots__ = ("chunk", "done", "name")

    def __init__(self, name: str, chunk: Chunk, done: float | None) -> None:
        """As read."""
        self.name = name
        self.chunk = chunk
        self.done = done


class Feed:
    """Reads the sources behind one `--source`, each from its position on, and goes on for ever."""

    def __init__(
        self,
        sources: Sequence[Source],
        find: Callable[[], Sequence[Source]],
        position_of: Callable[[str], Position],
        bell: threading.Event,
    ) -> None:
        """`sources`: those to begin with; `find` gives those that came since, and is called again and again.
        `position_of`: where a source was left. `bell` is rung when something was read.
        """
        self.sources = list(sources)
        self._find = find
        self._position_of = position_of
        self._bell = bell
        self._ready: queue.Queue[Read] = queue.Queue(maxsize=_AHEAD)
        self._closing = threading.Event()
        self._idle = False
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self.failure = ""

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def take(self) -> Read | None:
        """What was read next, or None where nothing is ready."""
        try:
            return self._ready.get_nowait()
        except queue.Empty:
            return None

    @property
    def caught_up(self) -> bool:
        """Whether all that was there has been taken."""
        return self._idle and self._ready.empty()

    @property
    def silence(self) -> float:
        """Seconds since the last read came back."""
        return time.monotonic() - self._moved

    def close(self) -> None:
        """Ends the thread; one that is stuck in a read is left behind and ends with the process."""
        self._closing.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        sources = self.sources
        positions: dict[str, Position] = {}
        looked = time.monotonic()
        while not self._closing.is_set():
            if time.monotonic() - looked >= _LOOK_AGAIN:
                try:
                    sources += self._find()
                    self.failure = ""
                except (SourceError, OSError) as failure:
                    self.failure = str(failure)
                looked = time.monotonic()
            busy = False
            for source in sources:
                busy = self._step(source, positions) or busy
                if self._closing.is_set():
                    break
            if not busy:
                self._idle = True
                time.sleep(_POLL)
        for source in sources:
            source.close()

    def _step(self, source: Source, positions: dict[str, Position]) -> bool:
        """Reads one chunk of a source; whether there may be more at once."""
        name = source.name
        position = positions.get(name)
        if position is None:
            position = self._position_of(name)
        chunk = source.read(position, CHUNK_BYTES)
        self._moved = time.monotonic()
        positions[name] = chunk.position
        if chunk.lines or chunk.position != position or chunk.error:
            self._idle = self._idle and not chunk.lines
            self._put(Read(name, chunk, source.progress()))
        return bool(chunk.lines) and not chunk.eof

    def _put(self, read: Read) -> None:
        while not self._closing.is_set():
            try:
                self._ready.put(read, timeout=0.1)
            except queue.Full:
                continue
            self._bell.set()
            return
