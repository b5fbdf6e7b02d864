"""The topics of the cluster, declared in one table; made and checked here, and nowhere else.

What exists is never changed: another number of partitions is another generation of topics, under another prefix, which
is filled by replaying the log. No topic comes to be by accident: brokers run with `auto.create.topics.enable=false`,
and workers and `produce` refuse to start where one is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError, for_code

from config.settings import Settings
from monitor.cluster import ClusterError
from monitor.cluster.connection import Connection

PARTITIONS: Final = 12
"""Of each topic that is cut by key, where nobody asks for another number."""
MAX_MESSAGE: Final = 1024 * 1024 + 64 * 1024
"""Bytes of the largest message: a line of 1 MiB as it came, and what stands around it."""

_DAY: Final = 24 * 3600 * 1000
_FOR_EVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
_FACTS: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": str(1024**3),
    "segment.bytes": str(128 * 1024**2),
}
_NEWEST: Final = {"cleanup.policy": "compact", "segment.ms": str(_DAY), "min.cleanable.dirty.ratio": "0.1"}
_RECORDED: Final = {"message.timestamp.type": "CreateTime"}


def _kept_for(days: int) -> dict[str, str]:
    # A segment that is written to is not deleted: one a day keeps the promise to the day.
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY),
        "retention.bytes": "-1",
        "segment.ms": str(_DAY),
    }


class TopicSpec(msgspec.Struct, frozen=True):
    """One topic: `single` has one partition, any other as many as its generation; `purpose` in words, zh and en."""

    name: str
    purpose: str
    properties: Mapping[str, str]
    single: bool = False

    def partitions(self, of_generation: int) -> int:
        """How many partitions it has in a generation of so many."""
        return 1 if self.single else of_generation

    def configured(self, replication: int) -> dict[str, str]:
        """All properties that are declared, for a number of replicas."""
        return {
            "compression.type": "producer",
            "max.message.bytes": str(MAX_MESSAGE),
            # An acknowledged write is on two machines where there are three.
            "min.insync.replicas": "2" if replication >= 3 else "1",
            **self.properties,
        }


TOPICS: Final = (
    TopicSpec(
        "intake",
        "收到的原文，含原始号码 / what came in, as it came, with raw numbers",
        # Its timestamp is the moment of receipt.
        {**_kept_for(7), "message.timestamp.type": "LogAppendTime"},
    ),
    TopicSpec("events", "日志，永久 / the log, for ever", {**_FOR_EVER, **_RECORDED}),
    TopicSpec("occupants", "企业对房间的事实 / facts of enterprises for rooms", {**_FACTS, **_RECORDED}),
    TopicSpec("leaderships", "企业对人员的事实 / facts of enterprises for persons", {**_FACTS, **_RECORDED}),
    TopicSpec("ties", "对企业的关联事实 / facts for enterprises", {**_FACTS, **_RECORDED}),
    TopicSpec("signals", "信号的变化 / signals as they change", {**_FACTS, **_RECORDED}),
    TopicSpec("dead-letters", "拒收的输入 / what intake refused", {**_kept_for(30), **_RECORDED}),
    TopicSpec(
        "supervision",
        "执法人员的操作请求 / what officers ask for",
        # Its timestamp is the moment of the act.
        {**_kept_for(30), "message.timestamp.type": "LogAppendTime"},
        single=True,
    ),
    TopicSpec("fences", "每个分区的现任所有者 / who owns each partition", {**_NEWEST, **_RECORDED}, single=True),
    TopicSpec("clock", "「现在」与各阶段进度 / Now, and how far each host is", {**_NEWEST, **_RECORDED}, single=True),
)
"""Every topic, in the order of the flow."""

_BY_NAME: Final = {spec.name: spec for spec in TOPICS}


class Found(msgspec.Struct, frozen=True):
    """One declared topic as it was found. `differences`: what is not as declared, empty where all is well."""

    topic: str
    partitions: int
    replication: int
    differences: tuple[str, ...] = ()
    is_missing: bool = False
    was_created: bool = False


def name_of(chosen: Settings, name: str) -> str:
    """The full name of a declared topic. Raises KeyError for one that is not declared."""
    return chosen.kafka_prefix + _BY_NAME[name].name


def group_of(chosen: Settings) -> str:
    """The consumer group of the workers."""
    return f"{chosen.kafka_prefix}credit-monitor"


def delete(chosen: Settings) -> int:
    """Deletes every topic of a generation that exists; how many. Raises ClusterError."""
    with Connection.of(chosen).admin() as admin:
        existing = list(_described(admin, _names(chosen)))
        if existing:
            admin.delete_topics(existing)
    return len(existing)


def create(chosen: Settings, *, partitions: int | None = None, replication: int = 1) -> list[Found]:
    """Makes the topics that are missing; all of them as `check` finds them then. Raises ClusterError, also where topics
    of another number of partitions exist: then nothing is made.
    """
    connection = Connection.of(chosen)
    with connection.admin() as admin:
        existing = _described(admin, _names(chosen))
        cut = {len(about["partitions"]) for name, about in existing.items() if not _spec(chosen, name).single}
        wanted = partitions or min(cut, default=PARTITIONS)
        if cut - {wanted}:
            raise ClusterError(
                f"已有主题的分区数为 {_listed(cut)}，不是 {wanted} / topics of {_listed(cut)} partitions exist, "
                f"{wanted} are another generation: set another CREDIT_MONITOR_KAFKA_PREFIX, or leave --partitions out"
            )
        missing = {
            chosen.kafka_prefix + spec.name: {
                "num_partitions": spec.partitions(wanted),
                "replication_factor": replication,
                "configs": spec.configured(replication),
            }
            for spec in TOPICS
            if chosen.kafka_prefix + spec.name not in existing
        }
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
        return [
            msgspec.structs.replace(one, was_created=one.topic in missing) for one in _compared(admin, chosen, wanted)
        ]


def check(chosen: Settings, *, partitions: int | None = None, replication: int | None = None) -> list[Found]:
    """Compares every topic with its declaration: with so many partitions and replicas, where given, else with those of
    the log. Raises ClusterError where nothing can be asked.
    """
    with Connection.of(chosen).admin() as admin:
        return _compared(admin, chosen, partitions, replication)


def require(chosen: Settings, names: Iterable[str] = _BY_NAME) -> dict[str, int]:
    """How many partitions each of some declared topics has, by its short name. Raises ClusterError where one is
    missing.
    """
    wanted = {name_of(chosen, name): name for name in names}
    with Connection.of(chosen).admin() as admin:
        found = _described(admin, list(wanted))
    missing = [topic for topic in wanted if topic not in found]
    if missing:
        raise ClusterError(
            "缺少主题，请先运行 credit-monitor topics create / topics are missing, run `credit-monitor topics create`: "
            + ", ".join(missing)
        )
    return {name: len(found[topic]["partitions"]) for topic, name in wanted.items()}


def identity(admin: KafkaAdminClient, topic: str) -> tuple[str, int]:
    """The id that the cluster gave a topic when it was made, and its number of partitions. Raises ClusterError."""
    found = _described(admin, [topic])
    if topic not in found:
        raise ClusterError(
            f"{topic}：没有此主题，请先运行 credit-monitor topics create / there is no such topic: run "
            "`credit-monitor topics create` first"
        )
    return str(found[topic]["topic_id"]), len(found[topic]["partitions"])


def _names(chosen: Settings) -> list[str]:
    return [chosen.kafka_prefix + spec.name for spec in TOPICS]


def _spec(chosen: Settings, topic: str) -> TopicSpec:
    return _BY_NAME[topic.removeprefix(chosen.kafka_prefix)]


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _described(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, Any]:
    """What the brokers know of those topics of some names that exist. Raises KafkaError."""
    found = {}
    for about in admin.describe_topics(list(names)):
        error = for_code(about["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if about["error_code"]:
            raise error(about["name"])
        found[about["name"]] = about
    return found


def _compared(
    admin: KafkaAdminClient, chosen: Settings, partitions: int | None, replication: int | None = None
) -> list[Found]:
    existing = _described(admin, _names(chosen))
    log = existing.get(name_of(chosen, "events"))
    if partitions is None and log is not None:
        partitions = len(log["partitions"])
    asked = [ConfigResource("TOPIC", name) for name in existing]
    configured = admin.describe_configs(asked, config_filter="all")["topic"] if asked else {}
    found = []
    for spec in TOPICS:
        name = chosen.kafka_prefix + spec.name
        about = existing.get(name)
        if about is None:
            found.append(Found(name, 0, 0, is_missing=True))
            continue
        count = len(about["partitions"])
        copies = min((len(one["replica_nodes"]) for one in about["partitions"]), default=0)
        differences = []
        wanted = spec.partitions(partitions or count)
        if count != wanted:
            differences.append(f"partitions {count} ≠ {wanted}")
        if replication is not None and copies != replication:
            differences.append(f"replication {copies} ≠ {replication}")
        properties = configured.get(name) or {}
        if not properties:
            differences.append("properties cannot be read: it needs the ACL DescribeConfigs")
        for key, value in spec.configured(replication or copies).items() if properties else ():
            is_value = properties.get(key, {}).get("value")
            if is_value != value:
                differences.append(f"{key} {is_value} ≠ {value}")
        found.append(Found(name, count, copies, tuple(differences)))
    return found
