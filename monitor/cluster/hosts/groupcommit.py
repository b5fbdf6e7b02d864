"""One transaction for all the boards of a worker that have something to write at the same moment."""

from __future__ import annotations

import asyncio

from monitor.store.errors import GapError
from monitor.store.postgresql.boardbatch import BoardBatch
from monitor.store.postgresql.readmodel import Applied, ReadModel

_Waiting = tuple[BoardBatch, "asyncio.Future[Applied]"]


class GroupCommit:
    """Writes batches of many partitions, one transaction at a time; what comes meanwhile is the next one."""

    def __init__(self, model: ReadModel) -> None:
        """Nothing waits yet."""
        self._model = model
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, batch: BoardBatch) -> Applied:
        """Writes a batch with whatever else waits; raises what `ReadModel.apply` does."""
        future: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # boards that wake at the same beat come together
            some = self._next()
            try:
                applied = await asyncio.to_thread(self._model.apply_together, [batch for batch, _ in some])
            except GapError:
                for one in some:  # whose it is, is found out apart
                    await self._write_alone(one)
            except Exception as error:
                for _, future in some:
                    _fail(future, error)
            else:
                for (_, future), found in zip(some, applied, strict=True):
                    if not future.done():
                        future.set_result(found)

    async def _write_alone(self, one: _Waiting) -> None:
        batch, future = one
        try:
            found = await asyncio.to_thread(self._model.apply, batch)
        except Exception as error:
            _fail(future, error)
        else:
            if not future.done():
                future.set_result(found)

    def _next(self) -> list[_Waiting]:
        """What waits, one batch of each partition: of one that went and came back two keepers may write."""
        some: dict[tuple[str, int], _Waiting] = {}
        later: list[_Waiting] = []
        for one in self._waiting:
            batch = one[0]
            if some.setdefault((batch.topic, batch.partition), one) is not one:
                later.append(one)
        self._waiting = later
        return list(some.values())


def _fail(future: asyncio.Future[Applied], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
