"""The topics of the cluster as `credit-monitor topics` makes and checks them, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import AlterConfigOp, ConfigResource, KafkaAdminClient

from config.settings import Settings
from monitor.cluster import ClusterError, topics
from tests.cluster.commands import ClusterCommands
from tests.command import Commands
from tests.kafka.broker import free_ports


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka)
    yield client
    client.close()


@pytest.fixture
def shell(kafka: str, prefix: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> ClusterCommands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    return ClusterCommands(commands, kafka_bootstrap=kafka, kafka_prefix=prefix)


def rows(printed: str) -> dict[str, list[str]]:
    return {row.split()[0]: row.split()[1:] for row in printed.splitlines()[1:]}


def delete(admin: KafkaAdminClient, name: str) -> None:
    """Deletes a topic and waits until the broker has forgotten it and its properties."""
    admin.delete_topics([name])
    until = time.monotonic() + 30
    while name in admin.list_topics() or admin.describe_configs([ConfigResource("TOPIC", name)])["topic"][name]:
        assert time.monotonic() < until, f"{name} is still there"
        time.sleep(0.1)


def test_every_topic_is_made_as_declared_once(shell: ClusterCommands, admin: KafkaAdminClient, prefix: str) -> None:
    made = rows(shell.good("topics", "create", "--partitions", "3"))
    assert list(made) == [prefix + spec.name for spec in topics.TOPICS]
    assert all(row[-1] == "created" for row in made.values())
    for command in (("create",), ("check",), ("create", "--partitions", "3"), ("check", "--partitions", "3")):
        again = rows(shell.good("topics", *command))
        assert {tuple(row[2:]) for row in again.values()} == {("正常", "ok")}
    described = {about["name"]: len(about["partitions"]) for about in admin.describe_topics(list(made))}
    alone = ("supervision", "fences", "clock")
    assert described == {prefix + spec.name: 1 if spec.name in alone else 3 for spec in topics.TOPICS}
    found = admin.describe_configs([ConfigResource("TOPIC", name) for name in made])["topic"]

    def value(name: str, key: str) -> str | None:
        configured: str | None = found[prefix + name].get(key, {}).get("value")
        return configured

    assert value("intake", "message.timestamp.type") == "LogAppendTime"
    assert value("intake", "retention.ms") == str(7 * 24 * 3600 * 1000)
    assert value("events", "retention.ms") == value("events", "retention.bytes") == "-1"
    assert value("dead-letters", "retention.ms") == str(30 * 24 * 3600 * 1000)
    assert value("fences", "cleanup.policy") == value("clock", "cleanup.policy") == "compact"
    assert all(int(value(name, "retention.bytes") or 0) > 0 for name in ("occupants", "leaderships", "ties", "signals"))


def test_missing_topics_are_named_and_made_with_the_partitions_of_the_others(
    shell: ClusterCommands, admin: KafkaAdminClient, kafka: str, prefix: str
) -> None:
    assert "topics create" in shell.failed("topics", "check")
    chosen = Settings(kafka_bootstrap=kafka, kafka_prefix=prefix)
    with pytest.raises(ClusterError, match="topics create") as refused:
        topics.require(chosen)
    assert all(prefix + spec.name in str(refused.value) for spec in topics.TOPICS)
    shell.good("topics", "create", "--partitions", "2")
    assert topics.require(chosen, ["events", "clock"]) == {"events": 2, "clock": 1}
    delete(admin, prefix + "ties")
    ended = shell.run("topics", "check")
    assert ended.status == 1
    assert rows(ended.out.decode())[prefix + "ties"] == ["-", "-", "缺失", "missing"]
    with pytest.raises(ClusterError, match="ties"):
        topics.require(chosen)
    assert rows(shell.good("topics", "create"))[prefix + "ties"] == ["2", "1", "已创建", "created"]


def test_another_number_of_partitions_is_another_generation(
    shell: ClusterCommands, admin: KafkaAdminClient, prefix: str
) -> None:
    shell.good("topics", "create", "--partitions", "2")
    for told in (
        shell.failed("topics", "create", "--partitions", "5"),
        shell.failed("topics", "check", "--partitions", "5"),
    ):
        assert "another generation" in told
        assert "CREDIT_MONITOR_KAFKA_PREFIX" in told
    assert len(admin.describe_topics([prefix + "events"])[0]["partitions"]) == 2
    admin.create_partitions({prefix + "signals": 3})
    ended = shell.run("topics", "check")
    assert ended.status == 1
    assert "partitions 3 ≠ 2" in ended.out.decode()
    assert "another generation" in shell.failed("topics", "create")


def test_another_retention_is_told_and_left_alone(shell: ClusterCommands, admin: KafkaAdminClient, prefix: str) -> None:
    shell.good("topics", "create", "--partitions", "2")
    changed = {"retention.ms": (AlterConfigOp.SET, "3600000")}
    admin.alter_configs([ConfigResource("TOPIC", prefix + "events", configs=changed)])
    for command in ("check", "create"):
        ended = shell.run("topics", command)
        assert ended.status == 1
        assert "retention.ms 3600000 ≠ -1" in " ".join(rows(ended.out.decode())[prefix + "events"])
        assert "kafka-configs.sh" in ended.told
    found = admin.describe_configs([ConfigResource("TOPIC", prefix + "events")])
    assert found["topic"][prefix + "events"]["retention.ms"]["value"] == "3600000"
    assert "replication 1 ≠ 3" in shell.run("topics", "check", "--replication", "3").out.decode()


def test_more_copies_than_brokers_are_refused_by_one_line(shell: ClusterCommands) -> None:
    assert "Replication" in shell.failed("topics", "create", "--replication", "3")
    assert "missing" in shell.run("topics", "check").out.decode()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kafka_bootstrap": ""}, "CREDIT_MONITOR_KAFKA_BOOTSTRAP"),
        ({"kafka_bootstrap": "localhost"}, "host:port"),
        ({"kafka_prefix": "two words"}, "kafka_prefix"),
        ({"kafka_security_protocol": "TLS"}, "kafka_security_protocol"),
        ({"kafka_security_protocol": "SASL_SSL"}, "CREDIT_MONITOR_KAFKA_USER"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_user": "u"}, "CREDIT_MONITOR_KAFKA_PASSWORD"),
        ({"kafka_user": "u", "kafka_password": "p"}, "signs nobody in"),
        ({"kafka_ca_file": "ca.pem"}, "CREDIT_MONITOR_KAFKA_CA_FILE"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "ca.pem"}, "ca.pem"),
        ({"kafka_security_protocol": "SSL", "kafka_certificate_file": "me.pem"}, "CREDIT_MONITOR_KAFKA_KEY_FILE"),
        (
            {
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_sasl_mechanism": "PLAIN",
                "kafka_user": "u",
                "kafka_password": "p",
            },
            "unencrypted",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_one_line(
    shell: ClusterCommands, settings: dict[str, str], said: str
) -> None:
    assert said in shell.but(**settings).failed("topics", "check")


def test_nobody_at_the_address_is_one_line(shell: ClusterCommands) -> None:
    shell.commands.patches = {"monitor.cluster.connection.BOOTSTRAP_SECONDS": 2.0}
    told = shell.but(kafka_bootstrap=f"127.0.0.1:{free_ports(1)[0]}").failed("topics", "check")
    assert "no broker answers by PLAINTEXT" in told
