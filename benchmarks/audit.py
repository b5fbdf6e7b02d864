"""The audit log: what an entry costs beside a plain insert of the same row, and how much disk it takes.

`python -m benchmarks.audit [ENTRIES] [RUNS]` (default 100,000 and 5): appends looks at enterprises in transactions of
1,000; then inserts the very same rows, digests ready, into a table of the same columns without chain and triggers, in
the same run. Then the chain is verified.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, insert, select

from benchmarks.machine import described, peak_mib, say, timed
from monitor.store.audit.audit_schema import AUDIT
from monitor.store.audit.chain import AuditEntry, append
from monitor.store.audit.proof import verify
from monitor.store.home import Home, open_database

_TOGETHER = 1_000
_BEGAN = 1_700_000_000_000_000


def main(arguments: Sequence[str]) -> None:
    """Prints microseconds an entry, bytes a row and rows verified a second."""
    count = int(arguments[0]) if arguments else 100_000
    runs = int(arguments[1]) if len(arguments) > 1 else 5
    say(described())
    costs = [_measure(count) for _ in range(runs)]
    say(f"median: the chain costs {statistics.median(costs):.1f} µs an entry beside the insert")


def _measure(count: int) -> float:
    """Prints one run; microseconds of processor time an entry that the chain costs."""
    entries = [_look(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        engine = home.writer()
        _, wall, chained = timed(lambda: _in_parts(engine.begin, entries, append))
        with engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(select(AUDIT)).mappings()]
            proof, verifying, _ = timed(lambda: verify(connection))
        engine.dispose()
        size = home.database.stat().st_size
        plain_wall, plain = _plain(Path(folder) / "plain.db", rows)
    if proof.fault is not None or proof.rows != count:
        raise SystemExit("the chain is not whole")
    say(
        f"{count:,} entries: {wall / count * 1e6:.1f} µs each, {chained / count * 1e6:.1f} of processor time; plain "
        f"inserts {plain_wall / count * 1e6:.1f} and {plain / count * 1e6:.1f}; {size / count:.0f} bytes a row; "
        f"verified {count / verifying:,.0f} rows/s; peak {peak_mib():,.0f} MiB"
    )
    return (chained - plain) / count * 1e6


def _plain(path: Path, rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Wall and processor seconds for inserting the rows as they are."""
    table = Table("plain", MetaData(), *(Column(one.name, one.type, primary_key=one.primary_key) for one in AUDIT.c))
    engine = open_database(path, read_only=False)
    table.metadata.create_all(engine)

    def put(connection: Connection, some: Sequence[dict[str, Any]]) -> None:
        connection.execute(insert(table), some)

    _, wall, processor = timed(lambda: _in_parts(engine.begin, rows, put))
    engine.dispose()
    return wall, processor


def _in_parts(
    begin: Callable[[], AbstractContextManager[Connection]],
    things: Sequence[Any],
    put: Callable[[Connection, Sequence[Any]], None],
) -> None:
    for start in range(0, len(things), _TOGETHER):
        with begin() as connection:
            put(connection, things[start : start + _TOGETHER])


def _look(number: int) -> AuditEntry:
    """A look at an enterprise, as `explain` records it."""
    return AuditEntry(
        at=_BEGAN + number * 1_000_003,
        officer=f"officer.{number % 90}",
        action="explain",
        kind="enterprise",
        key=f"91330106MA{number:08d}",
        outcome="seen",
        detail={"found": True, "account": "monitor"},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
