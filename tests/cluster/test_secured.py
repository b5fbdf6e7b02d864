"""A broker that demands TLS, users with passwords or certificates, and rights: what works, and what is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import faust
import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from config.settings import Settings
from monitor.cluster.connection import Connection
from monitor.store.postgresql.database import Database
from tests.cluster.commands import ClusterCommands
from tests.cluster.reading import lines_of_file, lines_of_topic, read_topic
from tests.command import Commands
from tests.engine import KEY
from tests.integration.sending import BATCH, batch_of, problem, serving, token
from tests.kafka.broker import ADMIN, Broker
from tests.reference.cases import make_case

USERS = {ADMIN: "of the tests", "sender": "s-3cret", "guest": "g-3cret", "web": "w-3cret", "CN=carl": "unused"}
MINE = "mine."


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A secured broker. `sender` and the certificate of carl may write, read and describe topics of this test's prefix;
    `guest` may do nothing.
    """
    broker = Broker(tmp_path_factory.mktemp("secured"), secured=True, users=USERS)
    broker.start()
    admin = KafkaAdminClient(**broker.client())
    mine = ResourcePattern(ResourceType.TOPIC, MINE, ACLResourcePatternType.PREFIXED)
    admin.create_acls(
        [
            ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, mine)
            for user in ("sender", "CN=carl")
            for operation in (
                ACLOperation.READ,
                ACLOperation.WRITE,
                ACLOperation.CREATE,
                ACLOperation.DESCRIBE,
                ACLOperation.DESCRIBE_CONFIGS,
            )
        ]
    )
    admin.close()
    yield broker
    broker.stop()


def allow(broker: Broker, user: str, operation: ACLOperation) -> None:
    """Lets a user do something with the topics of this test's prefix."""
    admin = KafkaAdminClient(**broker.client())
    mine = ResourcePattern(ResourceType.TOPIC, MINE, ACLResourcePatternType.PREFIXED)
    wanted = ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, mine)
    admin.create_acls([wanted])
    until = time.monotonic() + 30
    while not admin.describe_acls(wanted)[0]:  # the broker learns of it a moment after it is written
        assert time.monotonic() < until
        time.sleep(0.05)
    admin.close()


@pytest.fixture
def shell(broker: Broker, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> ClusterCommands:
    """The command as `sender`."""
    assert broker.authority is not None
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    commands.patches = {"monitor.cluster.connection.BOOTSTRAP_SECONDS": 6.0}
    return ClusterCommands(
        commands,
        kafka_bootstrap=broker.address,
        kafka_prefix=MINE,
        kafka_security_protocol="SASL_SSL",
        kafka_ca_file=str(broker.authority.certificate),
        kafka_user="sender",
        kafka_password=USERS["sender"],
        home="home",
    )


def test_the_right_password_and_rights_are_enough_for_all_of_it(shell: ClusterCommands, broker: Broker) -> None:
    shell.good("topics", "create", "--partitions", "2")
    shell.good("topics", "check")
    path = shell.folder / "in.jsonl"
    path.write_bytes(b"\n".join(make_case(1, 80)) + b"\n")
    shell.good("produce", "in.jsonl")
    found = lines_of_topic(read_topic(MINE + "intake", **broker.client()))
    assert found == lines_of_file(path, "in.jsonl")


def test_a_certificate_signs_in_without_a_password(shell: ClusterCommands, broker: Broker) -> None:
    certificate, key = broker.certificate_of("carl")
    carl = shell.but(
        kafka_bootstrap=broker.certified_address,
        kafka_security_protocol="SSL",
        kafka_certificate_file=str(certificate),
        kafka_key_file=str(key),
        kafka_user="",
        kafka_password="",
    )
    carl.good("topics", "create")
    assert "certificate" in carl.but(kafka_certificate_file="", kafka_key_file="").failed("topics", "check")


def test_every_client_connects_by_the_same_settings(shell: ClusterCommands) -> None:
    shell.good("topics", "create")
    connection = Connection.of(Settings.model_validate(shell.settings))

    async def read() -> set[int]:
        consumer = AIOKafkaConsumer(MINE + "events", **connection.for_aiokafka())
        await consumer.start()
        try:
            return set(consumer.partitions_for_topic(MINE + "events") or ())
        finally:
            await consumer.stop()

    assert asyncio.run(read())
    app = faust.App("test", **connection.for_faust())
    assert [str(url) for url in app.conf.broker] == [f"kafka://{shell.settings['kafka_bootstrap']}"]
    credentials = app.conf.broker_credentials
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert USERS["sender"] not in repr(connection)


@pytest.mark.parametrize(
    ("command", "settings", "said"),
    [
        ("topics check", {"kafka_password": "wrong"}, "refuses user or password"),
        ("produce in.jsonl", {"kafka_user": "nobody"}, "refuses user or password"),
        ("topics check", {"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "takes no SCRAM-SHA-256"),
        ("topics create", {"kafka_ca_file": ""}, "certificate"),
        (
            "produce in.jsonl",
            {"kafka_security_protocol": "", "kafka_ca_file": "", "kafka_user": "", "kafka_password": ""},
            "no broker answers by PLAINTEXT",
        ),
        *(
            (command, {"kafka_user": "guest", "kafka_password": USERS["guest"]}, "user guest may not do this")
            for command in ("topics check", "topics create", "produce in.jsonl")
        ),
    ],
)
def test_whoever_is_not_let_in_is_told_why_in_one_line(
    shell: ClusterCommands, command: str, settings: dict[str, str], said: str
) -> None:
    (shell.folder / "in.jsonl").write_bytes(b"\n".join(make_case(1, 50)) + b"\n")
    told = shell.but(**settings).failed(*command.split())
    assert said in told
    assert not any(word in told for word in USERS.values())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kafka_password": "wrong"}, "refuses user or password"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "takes no SCRAM-SHA-256"),
        ({}, "no broker answers"),
    ],
)
def test_a_refusal_is_told_though_the_client_heard_none(
    shell: ClusterCommands, settings: dict[str, str], said: str
) -> None:
    connection = Connection.of(Settings.model_validate(shell.settings | settings))
    assert said in connection.unreachable(["socket disconnected"])


def test_a_right_that_is_missing_for_sending_is_told(shell: ClusterCommands, broker: Broker) -> None:
    shell.good("topics", "create")
    allow(broker, "guest", ACLOperation.READ)
    (shell.folder / "in.jsonl").write_bytes(b"\n".join(make_case(1, 50)) + b"\n")
    guest = shell.but(kafka_user="guest", kafka_password=USERS["guest"])
    assert "user guest may not do this: grant the ACL" in guest.failed("produce", "in.jsonl")


def test_the_http_intake_goes_on_once_it_may_write(shell: ClusterCommands, broker: Broker, database: Database) -> None:
    shell.good("topics", "create")
    allow(broker, "web", ACLOperation.DESCRIBE)
    web = shell.but(
        kafka_user="web",
        kafka_password=USERS["web"],
        database_url=database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
        database_schema=database.schema or "",
        pseudonym_key=KEY.hex(),
    )
    headers = {**token(web.commands), **BATCH}
    case = make_case(1, 50)[:40]
    with (
        serving(web.commands, **web.settings) as served,
        httpx.Client(base_url=served.address, headers=headers, timeout=30) as client,
    ):
        for _ in range(3):
            assert "Kafka" in problem(client.post("/api/v1/events", content=batch_of(case)), 503)["detail"]
        assert served.call.told().count("user web may not do this: grant the ACL") == 1
        allow(broker, "web", ACLOperation.WRITE)
        until = time.monotonic() + 60
        while (answer := client.post("/api/v1/events", content=batch_of(case))).status_code == 503:
            assert time.monotonic() < until
        assert answer.json()["accepted"] == len(case)
    sent = [one for one in read_topic(MINE + "intake", **broker.client()) if one.headers["source"] == b"http:registry"]
    assert sorted(one for read in sent for one in read.lines) == sorted(case)
