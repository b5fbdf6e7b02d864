"""The log: accepted events in blocks, one a micro-batch, each with its digest. Nothing is ever decided again."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import zstandard
from sqlalchemy import Connection, delete, func, select

from monitor.events.types import Event, decode_logged, encode_logged, type_name
from monitor.store import bulk
from monitor.store.errors import StoreError
from monitor.store.schema import LOG

log = logging.getLogger(__name__)

_COLUMNS: Final = ("seq", "received", "events", "generation", "digest", "body")
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
    row = (seq, received, len(packed), generation, _digest(body), body)
    bulk.insert(connection, LOG, _COLUMNS, [row], bulk.refuse)


def rewrite(connection: Connection, gone: Callable[[Event], bool]) -> Counter[str]:
    """Writes every block anew without some events, and leaves out those in which nothing is left, but for the newest;
    how many events of each type went. Raises StoreError, and the caller's transaction must not be committed, where a
    block is damaged.
    """
    went: Counter[str] = Counter()
    newest = last_seq(connection)
    for seq in list(connection.execute(select(LOG.c.seq).order_by(LOG.c.seq)).scalars()):
        row = connection.execute(select(LOG).where(LOG.c.seq == seq)).one()
        if _digest(row.body) != row.digest:
            raise StoreError(
                f"日志第 {seq} 块损坏，请先从备份恢复 / "
                f"block {seq} of the log is damaged: restore it from its backup first"
            )
        events = decode_logged(_decompress(row.body))
        kept = [event for event in events if not gone(event)]
        if len(kept) == len(events):
            continue
        went.update(type_name(event) for event in events if gone(event))
        connection.execute(delete(LOG).where(LOG.c.seq == seq))
        if kept or seq == newest:
            write_block(connection, seq, row.received, row.generation, [encode_logged(event) for event in kept])
    return went


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


def damaged_blocks(connection: Connection, after: int = 0) -> list[int]:
    """The numbers of the blocks after one whose digest does not fit."""
    rows = connection.execution_options(yield_per=16).execute(
        select(LOG.c.seq, LOG.c.digest, LOG.c.body).where(LOG.c.seq > after).order_by(LOG.c.seq)
    )
    return [row.seq for row in rows if _digest(row.body) != row.digest]


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
