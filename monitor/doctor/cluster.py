"""Whether the parts of a cluster can be reached, and are as this program needs them: PostgreSQL, brokers, snapshots."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from sqlalchemy import text

from config.settings import Settings
from monitor.doctor.finding import Finding, examined, ok, warning, wrong
from monitor.store.postgresql.database import REVISIONS, Database, answering, check_schema

LEAST_VERSION: Final = 150_000
"""Of PostgreSQL, as `server_version_num` has it: the oldest that the tests run on."""

SKEW_SECONDS: Final = 5.0
CODECS: Final = ("cramjam", "lz4.frame", "zstandard", "crc32c")
"""Without one of these a compressed batch ends the fetcher, or is read at a tenth of the speed."""


def database_findings(database: Database) -> Iterator[Finding]:
    """All findings about the database."""
    yield from examined("postgresql", lambda: _database(database))


def broker_findings(chosen: Settings) -> Iterator[Finding]:
    """All findings about the brokers and the folder of snapshots."""
    yield from examined("codecs", _codecs)
    yield from examined("topics", lambda: _topics(chosen))
    if chosen.cluster_snapshots is not None:
        place = chosen.cluster_snapshots
        yield from examined("cluster-snapshots", lambda: _snapshots(place))


def _database(database: Database) -> Iterator[Finding]:
    # Imported here: Alembic takes a third of a second that only those with a database need to wait for.
    from monitor.store.postgresql.versions import differences

    with answering(), database.engine.connect() as connection:
        number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        skew = theirs - time.time()
        check_schema(connection)
        found = differences(connection)
    if number < LEAST_VERSION:
        yield warning(
            "postgresql",
            f"版本 {number // 10_000} 未经测试 / version {number // 10_000} is older than {LEAST_VERSION // 10_000}, "
            "which is tested: update it",
        )
    if abs(skew) > SKEW_SECONDS:
        yield warning(
            "postgresql",
            f"时钟相差 {skew:+.0f} 秒，请校准（NTP） / its clock differs by {skew:+.0f} s: put both right (NTP)",
        )
    if found:
        yield wrong(
            "postgresql",
            f"表与程序不符（{len(found)} 处），请从备份恢复 / the tables are not those of version {REVISIONS[-1]} "
            f"({len(found)} differences): restore them from a backup",
        )
    else:
        yield ok("postgresql", f"{database}：{REVISIONS[-1]} 版 / tables of version {REVISIONS[-1]}")


def _codecs() -> Iterator[Finding]:
    missing = []
    for name in CODECS:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        yield wrong("codecs", f"缺少软件包，请重新安装 / packages are missing, install anew: {', '.join(missing)}")
    else:
        yield ok("codecs", "压缩与校验软件包齐备 / the packages for compressed batches are there")


def _topics(chosen: Settings) -> Iterator[Finding]:
    from monitor.cluster import topics

    found = topics.check(chosen)
    missing = [one.topic for one in found if one.is_missing]
    if missing:
        yield wrong(
            "topics", f"缺少主题，请执行 topics create / missing, run `credit-monitor topics create`: {missing[0]}"
        )
    for one in found:
        if one.differences:
            yield warning(
                "topics", f"{one.topic}：与声明不同 / differs from what is declared: {'; '.join(one.differences)}"
            )
    copies = min((one.replication for one in found if not one.is_missing), default=0)
    if copies == 1:
        yield warning(
            "topics", "只有一份副本，代理损坏即丢失 / one copy of each: what a broker loses is lost; use three"
        )
    if not missing:
        yield ok("topics", f"{len(found)} 个齐备，代理有应答 / the brokers answer, all {len(found)} are there")


def _snapshots(place: str) -> Iterator[Finding]:
    from monitor.cluster.snapshots import SnapshotStore

    SnapshotStore(place)
    if "://" in place:
        yield ok("cluster-snapshots", f"{place.partition('://')[0]}://：未试写 / not tried by writing")
        return
    folder = Path(place)
    if not folder.exists():
        yield warning(
            "cluster-snapshots", f"{folder}：还没有，首个 worker 建立 / there is none yet: the first worker makes it"
        )
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
    yield ok("cluster-snapshots", f"{folder}：可写 / can be written")
