"""A PostgreSQL server that goes away and comes back, and one that demands TLS and a password (SCRAM-SHA-256)."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from monitor.metrics import Pulse
from monitor.store.errors import DatabaseGoneError, StoreError
from monitor.store.postgresql.boardbatch import BoardBatch
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import ReadModel
from monitor.store.postgresql.versions import upgrade
from monitor.store.reader import looking
from tests.cluster.boards import Board, found, item, letter
from tests.command import Commands
from tests.postgres import Postgres
from tests.unit.web_home import visiting

PASSWORD = "Kennwort:§/@ %"  # noqa: S105 - of a server that lives as long as the test
QUOTED = "Kennwort:%C2%A7%2F%40%20%25"


@pytest.fixture
def server() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.close()


def batch(number: int) -> BoardBatch:
    return BoardBatch(
        "signals", 0, number, number + 1, signals=[item(f"r{number}", found(1))], letters=[letter(number)], now=number
    )


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_worker_goes_on_where_the_database_left_it(server: Postgres, how: str) -> None:
    database = Database(server.url)
    upgrade(database)
    board = Board(database)
    board.model.apply(batch(0))
    getattr(server, how)()
    for _ in range(3):
        for what in (lambda: board.model.apply(batch(1)), lambda: board.model.next_offset("signals", 0), board.signals):
            with pytest.raises(DatabaseGoneError, match="cannot be reached") as told:
                what()
            assert "\n" not in str(told.value)
    server.start()
    assert not board.model.apply(batch(1)).skipped
    assert board.model.next_offset("signals", 0) == 2
    assert set(board.signals()) == {"r0", "r1"}
    database.close()


def test_nothing_is_lost_or_counted_twice_however_often_it_goes(server: Postgres) -> None:
    """A worker applies batches, again and again where it must, while the server is killed under it."""
    database = Database(server.url)
    upgrade(database)
    model = ReadModel(database.writer())
    done = threading.Event()
    gone = 0
    failed: list[BaseException] = []

    def work() -> None:
        nonlocal gone
        number = 0
        try:
            while number < 400:
                try:
                    model.apply(batch(number))
                    number += 1
                except DatabaseGoneError:
                    gone += 1
                    time.sleep(0.05)
        except BaseException as error:
            failed.append(error)
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    kills = 0
    while not done.wait(0.3):
        if kills < 5:
            server.kill()
            server.start()
            kills += 1
    worker.join()
    assert failed == []
    assert kills >= 1
    assert gone >= 1
    with looking(database) as reader:
        assert len(list(reader.signals())) == reader.counts()["dead_letters"] == 400
        assert reader.now() == 399
    database.close()


def test_the_page_outlives_a_database_that_is_away(server: Postgres) -> None:
    database = Database(server.url)
    upgrade(database)
    board = Board(database)
    board.say(signals=[item("r1", found(1), label="文三路1号")], now=1)
    pulse = Pulse()
    pulse.turn_to("live")
    with visiting(database, pulse) as client:
        assert "文三路1号" in client.get("/").text
        assert client.get("/healthz").json()["database"] == "ok"
        server.stop()
        assert client.get("/healthz").json()["database"] == "silent"
        assert client.get("/metrics").status_code == client.get("/dead-letters").status_code == 503
        assert "文三路1号" in client.get("/").text, "what was seen last stays"
        server.start()
        board.say(signals=[item("r2", found(1), label="文三路2号")], now=2)
        assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200
        wait_for(client, "文三路2号")
    database.close()


def wait_for(client: httpx.Client, words: str) -> None:
    until = time.monotonic() + 20
    while words not in client.get("/").text:
        assert time.monotonic() < until, f"{words} is not on the page"
        time.sleep(0.1)


# --- TLS and passwords


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority of our own, `ca.pem`, and a certificate by it for 127.0.0.1; another authority, `other.pem`."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other"):
        openssl(
            folder,
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )
    openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db", "-keyout", "db.key", "-out", "db.request"
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        folder,
        *("x509", "-req", "-in", "db.request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "db.pem"),
    )
    return folder


def openssl(folder: Path, *arguments: str) -> None:
    ended = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - whichever openssl there is
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def strict(certificates: Path) -> Iterator[Postgres]:
    """A server that lets nobody in without TLS and a password."""
    server = Postgres(
        password=PASSWORD,
        settings={"ssl": "on", "ssl_cert_file": "'../db.pem'", "ssl_key_file": "'../db.key'"},
        authentication="hostssl all all 127.0.0.1/32 scram-sha-256\n",
    )
    for name in ("db.pem", "db.key"):
        server.keep(name, (certificates / name).read_text())
    server.start()
    yield server
    server.close()


def address(server: Postgres, password: str = QUOTED, **parameters: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return server.url.replace("@", f":{password}@" if password else "@") + (f"?{query}" if query else "")


def test_who_verifies_the_server_and_knows_the_password_gets_in(strict: Postgres, certificates: Path) -> None:
    database = Database(address(strict, sslmode="verify-full", sslrootcert=certificates / "ca.pem"))
    upgrade(database)
    board = Board(database)
    board.say(signals=[item("a", found(1))])
    assert set(board.signals()) == {"a"}
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").scalar() is True
    database.close()


@pytest.mark.parametrize(
    ("password", "mode", "authority", "said"),
    [
        ("wrong-secret", "verify-full", "ca.pem", "password authentication failed"),
        ("", "verify-full", "ca.pem", "no password supplied"),
        (QUOTED, "disable", "ca.pem", "no encryption"),
        (QUOTED, "verify-full", "other.pem", "certificate verify failed"),
        (QUOTED, "verify-full", "missing.pem", "missing.pem"),
        (QUOTED, "mandatory", "ca.pem", "sslmode"),
    ],
)
def test_others_are_told_why_in_one_line(
    strict: Postgres, certificates: Path, commands: Commands, password: str, mode: str, authority: str, said: str
) -> None:
    url = address(strict, password, sslmode=mode, sslrootcert=certificates / authority)
    database = Database(url)
    with pytest.raises(StoreError) as told:
        database.reader()
    database.close()
    for line in (str(told.value), commands.bad("export", "signals", database_url=url)):
        assert said in line
        assert "\n" not in line.rstrip("\n")
        assert "CREDIT_MONITOR_DATABASE_URL" in line
        assert PASSWORD not in line
        assert QUOTED not in line
        assert "wrong-secret" not in line


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    return commands


def test_a_server_that_is_not_there_is_named_without_the_password(commands: Commands) -> None:
    line = commands.bad("database", "check", database_url="postgresql://u:wrong-secret@127.0.0.1:1/d")
    assert "127.0.0.1" in line
    assert "wrong-secret" not in line
