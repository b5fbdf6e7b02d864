"""The log: accepted events in blocks, one a micro-batch, each with its digest. Nothing is ever decided again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence

import msgspec
import zstandard
from sqlalchemy import Connection, func, select

from monitor.events.types import Event, decode_logged
from monitor.store.schema import LOG

log = logging.getLogger(__name__)

_compress = zstandard.ZstdCompressor(level=1).compress
_decompress = zstandard.ZstdDecompressor().decompress


class Block(msgspec.Struct):
    """Some events as they were accepted together, at the moment `received`."""

    seq: int
    received: int
    generation: int
    events: list[Event]


def write_block(connection: Connection, seq: int, received: int, generation: int, packed: Sequence[bytes]) -> None:
    """Adds a block of events, packed by `monitor.events.types.encode_logged`."""
    body = _compress(b"".join((b"\xdd", len(packed).to_bytes(4, "big"), *packed)))
    connection.execute(
        LOG.insert().values(
            seq=seq,
            received=received,
            events=len(packed),
            generation=generation,
            digest=_digest(body),
            body=body,
        )
    )


def last_seq(connection: Connection) -> int:
    """The number of the newest block, 0 where there is none."""
    return int(connection.execute(select(func.max(LOG.c.seq))).scalar() or 0)


def count_events(connection: Connection, after: int = 0) -> int:
    """How many events the log holds after a block."""
    found = connection.execute(select(func.sum(LOG.c.events)).where(LOG.c.seq > after)).scalar()
    return int(found or 0)


def read_blocks(connection: Connection, after: int = 0) -> Iterator[Block]:
    """The blocks after one, in order. A damaged block is named and left out; the others are read."""
    rows = connection.execution_options(yield_per=16).execute(select(LOG).where(LOG.c.seq > after).order_by(LOG.c.seq))
    for row in rows:
        if _digest(row.body) != row.digest:
            log.error(
                "日志第 %d 块（%d 个事件）损坏，已跳过，请从备份恢复 / "
                "block %d of the log (%d events) is damaged and left out: restore the database from its backup",
                row.seq,
                row.events,
                row.seq,
                row.events,
            )
            continue
        yield Block(row.seq, row.received, row.generation, decode_logged(_decompress(row.body)))


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
