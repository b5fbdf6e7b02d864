"""A new generation without what the law deletes: bytes are gone, and what is left is that of a home after `retention
apply`, wherever the copying is interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient
from pydantic import SecretStr
from sqlalchemy import text

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.renewal import copying, renewing
from monitor.cluster.renewal.renewing import Generation
from monitor.cluster.topics import TOPICS
from monitor.engine.clock import SteadyClock
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import retaining
from monitor.store.home import Home
from monitor.store.postgresql.database import Database
from tests.cluster.commands import ClusterCommands
from tests.cluster.reading import read_topic
from tests.cluster.running import Cluster, cluster_in, read_totals
from tests.cluster.test_supervision import cuts, open_alerts, rests, runner_of, state_of, waits
from tests.engine import KEY, differences, judged_by_stages, line, read_home, run_file, save
from tests.integration.test_retention import DAY, EVENTS, LAPSED, OLD

OFFICER = ("--officer", "甲")
ENDED = f"a-{'0' * 32}"


class Both:
    """Two generations over the same brokers and database, the second of which is to be made."""

    def __init__(self, cluster: Cluster, kafka: str, present: Database, prefix: str, schema: str) -> None:
        self.cluster, self.present = cluster, present
        self.prefix, self.schema = f"{prefix}new.", schema
        common: dict[str, Any] = {"kafka_bootstrap": kafka, "database_url": SecretStr("unused")}
        self.old = Generation(Settings(**common, kafka_prefix=prefix, database_schema=present.schema), present)
        url = present.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.database = Database(url, schema)
        self.new = Generation(Settings(**common, kafka_prefix=self.prefix, database_schema=schema), self.database)
        self.old_commands = cluster.commands

    def renew(self) -> dict[str, int]:
        """In this process, where it can be interrupted."""
        return renewing.renew(self.old, self.new, Pseudonymiser([KEY]), DAY, "甲", 1, lambda said: None)

    def switch(self) -> ClusterCommands:
        """The commands of the new generation, which the cluster uses from here on."""
        self.cluster.commands = self.old_commands.but(
            KAFKA_PREFIX=self.prefix, DATABASE_SCHEMA=self.schema, CLUSTER_SNAPSHOTS="snapshots-new"
        )
        return self.cluster.commands

    def names(self) -> tuple[str, ...]:
        """How commands are told of the new generation."""
        return "--prefix", self.prefix, "--schema", self.schema


@pytest.fixture
def both(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Both]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(3)
        made = Both(running, kafka, database, prefix, f"{database.schema}_new")
        yield made
        with made.database.engine.begin() as connection:
            connection.execute(text(f'DROP SCHEMA IF EXISTS "{made.schema}" CASCADE'))
        made.database.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home over the same events, from which what has lapsed is deleted."""
    run_file(tmp_path / "home", save(tmp_path / "events.jsonl", list(map(line, EVENTS))), clock=SteadyClock())
    place = Home(tmp_path / "home")
    retaining.delete(place, Pseudonymiser([KEY]), DAY, "甲")
    retaining.rebuild(lambda: runner_of(tmp_path / "home"))
    retaining.sweep(place)
    return tmp_path / "home"


def works(both: Both, tmp_path: Path) -> None:
    """The present generation has read everything, and rests."""
    both.cluster.produce(save(tmp_path / "events.jsonl", list(map(line, EVENTS))))
    both.cluster.produce(save(tmp_path / "again.jsonl", list(map(line, EVENTS[::5]))))
    both.cluster.start(1, "--live")
    assert waits(both.cluster, lambda: cuts(both.present) > 0 and rests(both.present))


def stop_at_rest(both: Both) -> None:
    """Ends the workers once everything has been logged and cut."""

    def is_logged() -> bool:
        with both.present.engine.connect() as connection:
            return rests(both.present) and not connection.execute(text("SELECT count(*) FROM unlogged")).scalar()

    assert both.cluster.settles(is_logged)
    both.cluster.stop()


def everything_said(kafka: str, prefix: str) -> bytes:
    """All messages of a generation."""
    return b"\n".join(
        one.value or b"" for topic in TOPICS for one in read_topic(prefix + topic.name, bootstrap_servers=[kafka])
    )


def everything_kept(database: Database) -> str:
    """All rows of a generation; what is packed in hexadecimal, as PostgreSQL prints it."""
    with database.engine.connect() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        ).scalars()
        return "\n".join(
            row
            for table in list(tables)
            for row in connection.execute(text(f'SELECT CAST(t AS text) FROM "{table}" t')).scalars()  # noqa: S608
        )


def holds(found: str, word: str) -> bool:
    return word in found or word.encode().hex() in found


def test_what_has_lapsed_is_gone_and_the_rest_is_as_in_a_home(
    both: Both, kafka: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = both.cluster
    works(both, tmp_path)
    kept = open_alerts(both.present)[0]
    cluster.commands.good("alert", "acknowledge", kept["id"], *OFFICER)
    with pytest.raises(ClusterError, match="stop them first"):
        both.renew()
    stop_at_rest(both)
    end_long_ago(both.present, kept["id"])
    shown = cluster.commands.good("retention", "show", "--before", DAY.isoformat())
    assert f"complaint.received {sum(one['type'] == 'complaint.received' for one in LAPSED)}\n" in shown
    assert "alerts 1\n" in shown

    # Interrupted in the middle of the log, then before the names of what is gone, then gone on with by the command.
    with monkeypatch.context() as patch:
        patch.setattr(copying.Copying, "copied", interrupted_after(3, copying.Copying.copied))
        with pytest.raises(KeyboardInterrupt):
            both.renew()
    refused = both.switch().failed("worker", "--snapshots", "snapshots-new")
    assert "still being copied" in refused
    cluster.commands = both.old_commands
    with monkeypatch.context() as patch:
        patch.setattr(copying.Copying, "finish", interrupted_after(0, copying.Copying.finish))
        with pytest.raises(KeyboardInterrupt):
            both.renew()
    command = ("retention", "renew", *both.names(), "--before", DAY.isoformat(), *OFFICER)
    told = cluster.commands.good(*command)
    assert f"complaint.received {sum(one['type'] == 'complaint.received' for one in LAPSED)}\n" in told
    assert "alerts 1\n" in told
    assert cluster.commands.good(*command) == told  # done once
    assert "was replaced by" in cluster.commands.failed("worker", "--snapshots", "snapshots")

    copied = read_topic(f"{both.prefix}events", bootstrap_servers=[kafka])
    offsets = [(one.partition, one.headers["copy"]) for one in copied if one.headers["copy"] != b"end"]
    assert len(set(offsets)) == len(offsets)  # no message twice
    both.switch()
    cluster.start(1, "--live")
    wanted = judged_by_stages(home)
    there = waits(cluster, lambda: not differences(cluster.signals(), wanted) and rests(both.database))
    assert there, differences(cluster.signals(), wanted)
    assert classes(cluster.commands.good("export", "classes")) == classes_of(home)
    alerts = {one["id"]: one for one in state_of(both.database)["alerts"]}
    assert alerts[kept["id"]]["status"] == "acknowledged"
    assert ENDED not in alerts
    assert "whole" in cluster.commands.good("audit", "verify")
    assert cluster.commands.good("export", "audit").count('"action":"retention.applied"') == 1

    assert OLD.encode() in everything_said(kafka, both.old.chosen.kafka_prefix)
    assert OLD.encode() not in everything_said(kafka, both.prefix)
    assert holds(everything_kept(both.present), OLD)
    assert not holds(everything_kept(both.database), OLD)

    # A second arrival of what is gone changes nothing.
    before = read_totals(both.database)
    cluster.produce(save(tmp_path / "gone.jsonl", list(map(line, LAPSED))))
    assert waits(cluster, lambda: repeats(both.database) == sum_of(before, "repeats") + len(LAPSED))
    assert not differences(cluster.signals(), wanted)
    cluster.stop()

    drop = ("retention", "drop", "--prefix", both.old.chosen.kafka_prefix, "--schema", both.old.database.schema or "")
    wrong = ("retention", "drop", "--prefix", "other.", "--schema", "other", "--snapshots", "snapshots")
    assert "was not made from that one" in cluster.commands.failed(*wrong)
    for _ in range(2):
        cluster.commands.good(*drop, "--snapshots", "snapshots")
    admin = KafkaAdminClient(bootstrap_servers=[kafka])
    left = [one for one in admin.list_topics() if one.startswith(both.old.chosen.kafka_prefix)]
    admin.close()
    assert all(one.startswith(both.prefix) for one in left)
    assert not (cluster.folder / "snapshots").exists()
    with both.database.engine.connect() as connection:
        asked = text("SELECT count(*) FROM pg_tables WHERE schemaname = :name")
        assert connection.execute(asked, {"name": both.old.database.schema}).scalar() == 0


def end_long_ago(database: Database, like: str) -> None:
    """An alert that ended before the machine's clock began, of a subject that is no more."""
    with database.engine.begin() as connection:
        names = connection.execute(text("SELECT * FROM alerts LIMIT 0")).keys()
        other = {
            "id": ":ended",
            "key": "'gone'",
            "status": "'cleared'",
            "gone": "true",
            "changed_at": "0",
            "due": "null",
        }
        columns = ", ".join(other.get(name, name) for name in names)
        said = f"INSERT INTO alerts SELECT {columns} FROM alerts WHERE id = :like"  # noqa: S608 - of this file
        connection.execute(text(said), {"ended": ENDED, "like": like})


def interrupted_after(count: int, right: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is interrupted once it has been called so often."""
    calls = []

    def method(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) > count:
            raise KeyboardInterrupt
        return right(*arguments)

    return method


def classes(printed: str) -> list[tuple[str, str, int]]:
    return sorted((one["subject"], one["class"], one["score"]) for one in map(json.loads, printed.splitlines()))


def classes_of(home: Path) -> list[tuple[str, str, int]]:
    rows = read_home(home, lambda reader: list(reader.classes()))
    return sorted((one["subject"], one["class"], one["score"]) for one in rows)


def sum_of(totals: dict[tuple[str, str], int], name: str) -> int:
    return sum(count for (kind, _), count in totals.items() if kind == name)


def repeats(database: Database) -> int:
    return sum_of(read_totals(database), "repeats")


def test_what_came_since_is_not_lost(both: Both, tmp_path: Path) -> None:
    """Sources that still write to the old intake are noticed, before and after."""
    works(both, tmp_path)
    stop_at_rest(both)
    both.renew()
    more = save(tmp_path / "more.jsonl", [line({**EVENTS[0], "id": "late"})])
    both.cluster.produce(more)
    both.switch()
    old = ("--prefix", both.old.chosen.kafka_prefix, "--schema", both.old.database.schema or "")
    refused = both.cluster.commands.failed("retention", "drop", *old, "--snapshots", "snapshots")
    assert "has received 1 messages" in refused
    both.cluster.commands.good("retention", "drop", *old, "--snapshots", "snapshots", "--discard")
