"""The commands over a PostgreSQL database: the same answers as over the home that was moved into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.store.postgresql.database import REVISIONS, Database
from tests.cluster.test_both_stores import filled
from tests.command import Commands
from tests.integration.sending import serving


class Cluster:
    """The command in a folder with a filled home, beside an empty database."""

    def __init__(self, commands: Commands, postgres: str, database: Database) -> None:
        assert database.schema is not None
        self.commands = commands
        self.settings: dict[str, Any] = {"database_url": postgres, "database_schema": database.schema}

    def home(self, *arguments: str) -> str:
        """What a command says of the home."""
        return self.commands.good(*arguments, "--home", "home")

    def database(self, *arguments: str) -> str:
        """What it says of the database."""
        return self.commands.good(*arguments, **self.settings)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    folder = tmp_path_factory.mktemp("folder")
    filled(folder)
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    return commands


@pytest.fixture(scope="module")
def cluster(commands: Commands, postgres: str, empty_databases: Callable[[], Database]) -> Cluster:
    """The home is moved into the database by the commands themselves."""
    found = Cluster(commands, postgres, empty_databases())
    assert found.database("database", "current") == "none\n"
    for command in (("export", "signals"), ("database", "check"), ("database", "import", "--home", "home")):
        assert "credit-monitor database upgrade" in commands.bad(*command, **found.settings)
    for _ in range(2):
        assert found.database("database", "upgrade") == ""
    assert found.database("database", "current") == f"{REVISIONS[-1]}\n"
    assert found.database("database", "check") == ""
    told = commands.run("database", "import", "--home", "home", **found.settings)
    assert (told.status, told.out) == (0, b"")
    assert "signals" in told.told
    return found


CLASS = "  信用风险类别"


def shown(text: str) -> list[str]:
    """Lines in an order of their own, without what only numbers the rows of one store."""
    lines = [line.replace("\\u0000", "\u2400").replace("\0", "\u2400") for line in text.splitlines()]
    return sorted(line.partition(',"source"')[2] if line.startswith('{"number"') else line for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "signals"),
        ("export", "dead-letters"),
        ("export", "dead-letters", "--mended"),
        ("export", "dead-letters", "--all"),
        ("export", "dead-letters", "--counts"),
        ("export", "dead-letters", "--counts", "--format", "csv"),
        ("export", "dead-letters", "--reason", "not_json"),
    ],
)
def test_exports_are_the_same(cluster: Cluster, arguments: tuple[str, ...]) -> None:
    wanted = cluster.home(*arguments)
    assert len(wanted.splitlines()) >= 2
    assert shown(cluster.database(*arguments)) == shown(wanted)


def test_explanations_are_the_same(cluster: Cluster) -> None:
    rows = [json.loads(line) for line in cluster.home("export", "signals").splitlines()]
    codes = sorted({code for row in rows for code in row["enterprises"]})
    for code in codes[:: len(codes) // 6]:
        for flags in ((), ("--json",)):
            wanted, found = cluster.home("explain", code, *flags), cluster.database("explain", code, *flags)
            if flags:
                same = ("code", "name", "identifier_suspect")
                assert [json.loads(wanted)[name] for name in same] == [json.loads(found)[name] for name in same]
                assert len(json.loads(wanted)["signals"]) == len(json.loads(found)["signals"])
            else:  # classes and the queue are worked out in a home alone
                assert shown(wanted.partition(CLASS)[0]) == shown(found.partition(CLASS)[0])
    assert "no event about this enterprise" in cluster.commands.bad("explain", "nobody", **cluster.settings)


def test_a_home_that_is_named_goes_before_the_database(cluster: Cluster, tmp_path: Path) -> None:
    line = cluster.commands.bad("export", "signals", "--home", str(tmp_path / "nothing"), **cluster.settings)
    assert "nothing here yet" in line


def test_the_page_shows_the_database(cluster: Cluster) -> None:
    with (
        serving(cluster.commands, **cluster.settings) as served,
        httpx.Client(base_url=served.address, trust_env=False) as client,
    ):
        assert client.get("/healthz").json()["database"] == "ok"
        assert "高危地址" in client.get("/").text
        html = client.get("/dead-letters").text
        assert "not_json" in html
        assert "--home" not in html
        assert 'credit_monitor_signals{detector="address-at-risk"' in client.get("/metrics").text
        assert client.post("/api/v1/events", json={}).status_code == 404


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("database", "current"), {}, "CREDIT_MONITOR_DATABASE_URL"),
        (("database", "upgrade"), {"database_url": "mysql://u:secret@h/d"}, "postgresql://user@host"),
        (("export", "signals"), {"database_url": "postgresql://u:secret@h"}, "postgresql://user@host"),
        (("serve",), {"database_url": "postgresql://u:secret@h/d", "database_schema": "A B"}, "DATABASE_SCHEMA"),
        (("serve",), {"database_url": "postgresql://u:secret@h/d", "database_pool": "0"}, "database_pool"),
        (("explain", "X"), {"database_url": "postgresql://u:secret@127.0.0.1:1/d"}, "cannot be reached"),
    ],
)
def test_wrong_settings_are_told_in_one_line(
    commands: Commands, arguments: tuple[str, ...], settings: dict[str, Any], said: str
) -> None:
    line = commands.bad(*arguments, **settings)
    assert said in line
    assert "secret" not in line


def test_a_look_that_no_worker_can_record_says_so(cluster: Cluster) -> None:
    ended = cluster.commands.run("export", "signals", **cluster.settings)
    assert ended.status == 0
    assert ended.told.count("\n") == 1
    assert "could not be recorded" in ended.told
    assert "CREDIT_MONITOR_KAFKA_BOOTSTRAP" in ended.told
    assert cluster.commands.good("export", "audit", **cluster.settings) == ""
