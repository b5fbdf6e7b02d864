"""A worker at a broker that demands TLS, a password and rights: those of docs/cluster.md are enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from monitor.cluster.topics import TOPICS
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in
from tests.engine import differences, judged_by_stages, run_file, save
from tests.kafka.broker import ADMIN, Broker
from tests.reference.cases import make_case

USERS = {ADMIN: "of the tests", "worker": "w-3cret", "sender": "s-3cret"}
PREFIX = "secured."
_WORKER = {
    "intake": (ACLOperation.READ,),
    **{one.name: (ACLOperation.READ, ACLOperation.WRITE) for one in TOPICS if one.name != "intake"},
}


def allow(admin: KafkaAdminClient, user: str, kind: ResourceType, name: str, *operations: ACLOperation) -> None:
    """Grants a user what the guide says."""
    pattern = ResourcePattern(kind, name, ACLResourcePatternType.LITERAL)
    admin.create_acls([ACL(f"User:{user}", "*", one, ACLPermissionType.ALLOW, pattern) for one in operations])


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A secured broker with the rights of the guide."""
    broker = Broker(tmp_path_factory.mktemp("secured"), secured=True, users=USERS)
    broker.start()
    admin = KafkaAdminClient(**broker.client())
    for name, operations in _WORKER.items():
        allow(admin, "worker", ResourceType.TOPIC, PREFIX + name, ACLOperation.DESCRIBE, *operations)
    allow(admin, "worker", ResourceType.GROUP, f"{PREFIX}credit-monitor", ACLOperation.READ)
    allow(
        *(admin, "sender", ResourceType.TOPIC, f"{PREFIX}intake"),
        *(ACLOperation.DESCRIBE, ACLOperation.READ, ACLOperation.WRITE),
    )
    admin.close()
    yield broker
    broker.stop()


@pytest.fixture
def cluster(tmp_path: Path, broker: Broker, database: Database) -> Iterator[Cluster]:
    assert broker.authority is not None
    settings = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CA_FILE": str(broker.authority.certificate),
        "KAFKA_USER": "worker",
        "KAFKA_PASSWORD": USERS["worker"],
    }
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", broker.address, database, PREFIX, **settings) as found:
        yield found


def test_the_rights_of_the_guide_do(cluster: Cluster, tmp_path: Path) -> None:
    path = save(tmp_path / "events.jsonl", make_case(5, 60))
    run_file(tmp_path / "home", path)
    wanted = judged_by_stages(tmp_path / "home")
    assert wanted
    cluster.commands.but(KAFKA_USER=ADMIN, KAFKA_PASSWORD=USERS[ADMIN]).good("topics", "create", "--partitions", "2")
    (worker,) = cluster.start()
    cluster.commands.but(KAFKA_USER="sender", KAFKA_PASSWORD=USERS["sender"]).good("produce", str(path))
    settled = cluster.settles(lambda: not differences(cluster.signals(), wanted))
    assert settled, worker.told()
    cluster.stop()


def test_a_sender_may_not_work(cluster: Cluster) -> None:
    cluster.commands.but(KAFKA_USER=ADMIN, KAFKA_PASSWORD=USERS[ADMIN]).good("topics", "create", "--partitions", "2")
    told = cluster.commands.but(KAFKA_USER="sender", KAFKA_PASSWORD=USERS["sender"]).run("worker")
    assert told.status == 1
    assert "grant the ACL" in told.told
