"""docker-compose.yml played on loopback: no engine, but its own commands, variables and secrets, in its own order.

Names of hosts, ports and folders of containers are put in place; everything else is taken from the file as it stands.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from tests.cluster.commands import ClusterCommands
from tests.command import ROOT, Call, Commands
from tests.engine import event, line
from tests.integration.sending import SINGLE
from tests.postgres import USER, Postgres, binaries, free_port

PATIENCE = 120.0


class Deployed:
    """Services of the file, as calls of the command."""

    def __init__(self, folder: Path, commands: Commands, kafka: str, prefix: str, postgres: Postgres) -> None:
        self.folder = folder
        self.services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
        self.ports = {"8321": str(free_port()), "8322": str(free_port())}
        self.commands = commands
        self._postgres = postgres
        self._values = {
            "kafka:9092": kafka,
            "${GENERATION:-g1}.": prefix,
            "${GENERATION:-g1}": "g1",
            "/var/lib/credit-monitor/snapshots/${GENERATION:-g1}": str(folder / "snapshots"),
            "/var/lib/credit-monitor/tokens": str(folder / "tokens"),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - taken out here
            **self.ports,
        }

    def url(self, role: str) -> str:
        """The address of the database for a role, as first-start.sh wrote it, on the server of the test."""
        written = (self.folder / "secrets" / f"{role}_database_url").read_text("utf-8")
        return written.strip().replace("@postgres:5432/", f"@127.0.0.1:{self._postgres.port}/")

    def settings(self, service: str) -> dict[str, str]:
        """The variables of a service, without their prefix; its secrets stand in a folder of their own."""
        described = self.services[service]
        found = {
            name.removeprefix("CREDIT_MONITOR_"): self._values.get(str(value), str(value))
            for name, value in described.get("environment", {}).items()
        }
        if "SECRETS" in found:
            folder = self.folder / "run-secrets" / service
            folder.mkdir(parents=True, exist_ok=True)
            for secret in described["secrets"]:
                is_url = secret["source"].endswith("_database_url")
                text = (
                    self.url(secret["source"].removesuffix("_database_url"))
                    if is_url
                    else (self.folder / "secrets" / secret["source"]).read_text("utf-8")
                )
                (folder / secret["target"]).write_text(text, "utf-8")
            found["SECRETS"] = str(folder)
        return found

    def start(self, service: str) -> Call:
        """Starts a service."""
        arguments = [self._values.get(str(one), str(one)) for one in self.services[service]["command"]]
        return ClusterCommands(self.commands, **self.settings(service)).start(*arguments)

    def set_up(self) -> None:
        """Runs the lines of `setup` one after the other, as its shell does."""
        for call in self.services["setup"]["command"][0].splitlines():
            program, *arguments = call.replace("${PARTITIONS:-12}", "2").split()
            assert program == "credit-monitor"
            ClusterCommands(self.commands, **self.settings("setup")).good(*arguments)

    def get(self, port: str, path: str) -> str:
        """What one of the services answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def samples(self, port: str) -> dict[str, float]:
        """The metrics of a service, by name with labels."""
        rows = (line.rsplit(" ", 1) for line in self.get(port, "/metrics").splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def await_answer(self, port: str, path: str, call: Call) -> None:
        """Waits until a service is healthy."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.get(port, path)
                return
            except OSError:
                assert time.monotonic() < until, call.told()
                time.sleep(0.2)


@pytest.fixture(scope="module")
def deployed(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The services, after `incoming` was produced and everything is in the database."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    subprocess.run([folder / "deploy" / "first-start.sh"], check=True, capture_output=True)
    postgres = Postgres(password=(folder / "secrets" / "postgres_password").read_text("utf-8"))
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    try:
        postgres.start()
        roles(folder, postgres)
        found = Deployed(folder, commands, kafka, f"deployed-{os.getpid()}.", postgres)
        found.set_up()
        found.set_up()  # it runs at every start
        running = [found.start("worker"), found.start("web")]
        try:
            found.await_answer("8322", "/health", running[0])
            found.await_answer("8321", "/healthz", running[1])
            commands.good("generate", "--enterprises", "300", "--years", "1", "--seed", "7", "--out", "province")
            (folder / "incoming").mkdir()
            lines = (folder / "province" / "events.jsonl").read_bytes()
            (folder / "incoming" / "events.jsonl").write_bytes(lines + b"broken\n")
            produce = found.services["produce"]
            arguments = [str(folder / "incoming") if one == "/incoming" else one for one in produce["command"]]
            ClusterCommands(commands, **found.settings("produce"), HOME=str(folder)).good(*arguments)
            yield found
        finally:
            for call in running:
                call.kill(15)
            ended = [call.wait() for call in running]
        assert [one.status for one in ended] == [0, 0], [one.told for one in ended]
    finally:
        postgres.close()


def roles(folder: Path, postgres: Postgres) -> None:
    """What the image of PostgreSQL does with the script on an empty data folder."""
    subprocess.run(
        [folder / "deploy" / "postgres-roles.sh"],
        check=True,
        env={
            "PATH": f"{binaries()}:{os.environ['PATH']}",
            "SECRETS_FOLDER": str(folder / "secrets"),
            "POSTGRES_USER": USER,
            "PGPASSWORD": (folder / "secrets" / "postgres_password").read_text("utf-8"),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
        },
    )


def test_files_of_incoming_come_out_on_the_page(deployed: Deployed) -> None:
    lines = (deployed.folder / "incoming" / "events.jsonl").read_bytes().splitlines()
    events = {(one["subject"], one["source"], one["id"]): one["type"] for one in map(json.loads, lines[:-1])}
    sent = Counter(events.values())
    del sent["clock.ticked"]  # the worker makes some of its own
    wanted = {f'credit_monitor_events_total{{type="{kind}"}}': float(count) for kind, count in sent.items()}
    until = time.monotonic() + PATIENCE
    while True:
        samples = deployed.samples("8321")
        signals = sum(value for name, value in samples.items() if name.startswith("credit_monitor_signals{"))
        if wanted.items() <= samples.items() and signals:
            break
        assert time.monotonic() < until, (wanted.items() - samples.items(), signals)
        time.sleep(0.5)
    assert samples['credit_monitor_dead_letters_total{reason="not_json"}'] == 1
    assert json.loads(deployed.get("8321", "/healthz"))["database"] == "ok"


def test_events_come_in_over_http_with_a_token(deployed: Deployed) -> None:
    web = ClusterCommands(deployed.commands, **deployed.settings("web"))
    token = web.good("token", "create", "--name", "registry").strip()
    body = line(event("HTTP000001", "tax.irregular", "2025-03-01T00:00:00Z"))
    address = f"http://127.0.0.1:{deployed.ports['8321']}/api/v1/events"
    before = deployed.samples("8321").get('credit_monitor_events_total{type="tax.irregular"}', 0.0)
    for shown, status in (("cm_x_y", 401), (token, 200)):
        headers = {**SINGLE, "Authorization": f"Bearer {shown}"}
        assert httpx.post(address, content=body, headers=headers, timeout=60).status_code == status
    until = time.monotonic() + PATIENCE
    while deployed.samples("8321").get('credit_monitor_events_total{type="tax.irregular"}', 0.0) != before + 1:
        assert time.monotonic() < until
        time.sleep(0.5)


def test_a_worker_tells_prometheus_of_every_host(deployed: Deployed) -> None:
    up = {name for name in deployed.samples("8322") if name.startswith("credit_monitor_cluster_agent_up{")}
    hosts = ("intake", "enterprises", "rooms", "persons", "assessment", "signals", "dead-letters")
    assert up == {
        f'credit_monitor_cluster_agent_up{{partition="{partition}",stage="{stage}"}}'
        for stage, partitions in (*((host, (0, 1)) for host in hosts), ("supervision", (0,)))
        for partition in partitions
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO g1.meta (key, value) VALUES ('mine', '1')",
        "DELETE FROM g1.signals",
        "CREATE TABLE g1.mine (one int)",
        "CREATE TABLE public.mine (one int)",
        "CREATE TEMPORARY TABLE mine (one int)",
    ],
)
def test_the_page_may_only_read(deployed: Deployed, statement: str) -> None:
    with psycopg.connect(deployed.url("web"), autocommit=True) as connection:
        # A promise that the role itself could take back is none.
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.parametrize("statement", ["CREATE ROLE other", "CREATE DATABASE other", "COPY g1.meta TO PROGRAM 'true'"])
def test_workers_are_no_masters_of_the_server(deployed: Deployed, statement: str) -> None:
    with psycopg.connect(deployed.url("worker"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_a_wrong_password_opens_nothing(deployed: Deployed) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(deployed.url("web").replace("credit_monitor_web:", "credit_monitor_web:x"))
