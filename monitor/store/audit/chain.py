"""The audit log: who saw and did what, in a chain of digests that shows any change.

浙江省公共信用信息管理条例 art. 20 has logs of queries kept for ten years; the program removes no row. Whatever an
officer does or sees is appended in the transaction that does it. Rows hold ids and digests, never contents, nor names
of the persons that data are about.

The digest of a row is the SHA-256 of its fields in the order of the table, the digest of the row before last, each as
a netstring (length in bytes, `:`, the UTF-8 text, `,`; numbers in decimal, digests in hexadecimal). So no two rows
have one encoding, and any other program can recompute it. The first row follows the digest of a text that names the
home.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Row, insert, inspect, select

from config.moments import as_text
from monitor.store.audit.audit_schema import AUDIT
from monitor.store.errors import StoreError
from monitor.store.home import HOME_ID, meta

Outcome = Literal["accepted", "refused", "seen"]
Value = str | int | bool | Sequence[str | int] | None

_GENESIS: Final = "credit-monitor audit log, version 1, of home "
_canonical: Final = msgspec.json.Encoder(order="sorted").encode
_sha256 = hashlib.sha256
_AT_ONCE: Final = 1_000


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an officer did, or tried to do, or saw.

    `at`: microseconds since 1970. `action`: what was done, `kind` and `key`: to which object; an empty key where there
    is none. `detail`: ids, numbers and digests only. Texts are printable, so that they are the same on every database.
    """

    at: int
    officer: str
    action: str
    kind: str
    key: str = ""
    outcome: Outcome = "accepted"
    detail: Mapping[str, Value] = {}

    def __post_init__(self) -> None:
        """Raises ValueError where a text is not printable, or officer, action or kind are empty."""
        if not (self.officer and self.action and self.kind and (self.officer + self.action).isprintable()) or not (
            (self.kind + self.key).isprintable()
        ):
            raise ValueError(
                "审计记录须有可见的经办人、动作与对象 / an entry of the audit log needs an officer, an action and an "
                f"object, in printable texts: {self.officer!r} {self.action!r} {self.kind!r}"
            )


class Head(msgspec.Struct, frozen=True):
    """How far the chain of a home goes: kept elsewhere, it shows an end that was cut off, or a chain made anew.

    `digest`: of the row `number`, hexadecimal; of the genesis text where `number` is 0. `at`: when it was taken.
    """

    home: str
    number: int
    digest: str
    at: str


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Appends entries within the caller's transaction. Only the one writer of a store may."""
    if not entries:
        return
    last = _last(connection)
    number, digest = (0, genesis(home_id(connection))) if last is None else (last.number, last.digest)
    names, made = AUDIT.c.keys(), []
    for entry in entries:
        number += 1
        fields = (number, *_fields(entry))
        previous, digest = digest, digest_of(fields, digest)
        made.append(dict(zip(names, (*fields, previous, digest), strict=True)))
    connection.execute(insert(AUDIT), made)


def head(connection: Connection, at: int) -> Head:
    """The head of the chain as of a moment, in microseconds since 1970. Raises StoreError where there is no chain."""
    home = home_id(connection)
    last = _last(connection) if inspect(connection).has_table(AUDIT.name) else None
    number, digest = (0, genesis(home)) if last is None else (last.number, last.digest)
    return Head(home, number, digest.hex(), as_text(at))


def home_id(connection: Connection) -> str:
    """The random id of the home, which its genesis text names. Raises StoreError where the home has none."""
    found = meta(connection, HOME_ID)
    if found is None:
        raise StoreError(
            "此处还没有审计日志，请先用本版程序写入一次 / there is no audit log here yet: "
            "let `run` or `serve` of this version write once"
        )
    return found


def exported(connection: Connection) -> Iterator[dict[str, Any]]:
    """All rows, the oldest first, for people and other programs: moments as RFC 3339 texts, digests hexadecimal.
    Raises StoreError where there is no audit log.
    """
    home_id(connection)
    for row in rows(connection):
        yield {
            **dict(zip(AUDIT.c.keys(), row, strict=True)),
            "at": as_text(row.at),
            "detail": msgspec.json.decode(row.detail),
            "previous": row.previous.hex(),
            "digest": row.digest.hex(),
        }


def rows(connection: Connection) -> Iterator[Row[Any]]:
    """All rows in the order of their numbers, some at a time."""
    query = select(AUDIT).order_by(AUDIT.c.number)
    with connection.execute(query, execution_options={"yield_per": _AT_ONCE}) as found:
        for some in found.partitions():
            yield from some


def genesis(home: str) -> bytes:
    """What the first row of a home follows."""
    return _sha256(f"{_GENESIS}{home}".encode()).digest()


def digest_of(fields: Sequence[str | int], previous: bytes) -> bytes:
    """The digest of a row with some fields, `number` to `detail`, that follows the row of another digest."""
    encoded = bytearray()
    for field in (*fields, previous.hex()):
        text = str(field).encode()
        encoded += b"%d:%b," % (len(text), text)
    return _sha256(encoded).digest()


def _last(connection: Connection) -> Any:
    """Number and digest of the newest row, None where there is none."""
    return connection.execute(select(AUDIT.c.number, AUDIT.c.digest).order_by(AUDIT.c.number.desc()).limit(1)).first()


def _fields(entry: AuditEntry) -> tuple[str | int, ...]:
    detail = _canonical(entry.detail).decode()
    return entry.at, entry.officer, entry.action, entry.kind, entry.key, entry.outcome, detail
