"""What commands do with the models of a cluster: reading its log to learn from, and bringing a model into force."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka.errors import KafkaError

from config.ruleset import Rules
from config.settings import Settings
from models import checking, keeping
from models.keeping import Card, ModelError
from monitor.cluster import ClusterError
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.modelling.working import LogReader
from monitor.cluster.supervision import asking
from monitor.cluster.supervision.promoting import PROMOTED
from monitor.cluster.topics import TOPICS, name_of, require
from monitor.events.vocabulary import MONITOR_SUBJECT
from monitor.store.postgresql.database import Database


def shared(chosen: Settings) -> ModelStore:
    """The models that workers and commands share. Raises ClusterError."""
    if chosen.cluster_models is None:
        raise ClusterError(
            "未设置共用的模型目录 / no place for shared models: set CREDIT_MONITOR_CLUSTER_MODELS to a folder or "
            "object store, the same for workers and commands"
        )
    try:
        return ModelStore(chosen.cluster_models)
    except ValueError as error:
        raise ClusterError(str(error)) from error


@contextmanager
def model_in(chosen: Settings, name: str) -> Iterator[Path]:
    """The folder of a model by its hash or the beginning of one, of the home or among those that are shared; or by a
    path. Raises ModelError, ClusterError and OSError.
    """
    if (Path(name) / keeping.CARD_FILE).is_file() or _is_at_home(chosen.home, name):
        yield keeping.find(chosen.home, name)
        return
    store = shared(chosen)
    found = store.find(name)
    if found is None:
        raise ModelError(f"没有模型 {name}，请用 models list 查看 / there is no model {name}: see `models list`")
    with tempfile.TemporaryDirectory() as scratch:
        yield store.fetch(found, Path(scratch))


def cards(chosen: Settings) -> list[Card]:
    """The cards of the models that are shared, and of those of the home, by hash. Raises as `model_in`."""
    found = {} if chosen.cluster_models is None else {card.hash: card for card in shared(chosen).cards()}
    found |= {card.hash: card for card in map(keeping.card_of, keeping.kept(chosen.home))}
    return [found[name] for name in sorted(found)]


def promote(
    chosen: Settings, database: Database, name: str, officer: str, reason: str, kind_of: Callable[[Card], str]
) -> Card:
    """Shares a model, where every check passes, and has it brought into force as what `kind_of` says; its card. Raises
    as `model_in` and `kind_of`, and StoreError where it is refused.
    """
    with model_in(chosen, name) as folder:
        card = checking.promotable(folder)
        kind = kind_of(card)
        shared(chosen).put(folder)
    data = {"kind": kind, "model": card.hash, "seed": card.seed, "officer": officer, "reason": reason}
    asking.act(chosen, database, {"type": PROMOTED, "subject": MONITOR_SUBJECT, "data": data})
    return card


def read_log(chosen: Settings, rules: Rules) -> LogState:
    """The state of the log as it is now. Raises ClusterError."""
    partitions = require(chosen, ["events"])["events"]
    reader = LogReader(chosen, rules, {one.name: name_of(chosen, one.name) for one in TOPICS})

    async def read() -> LogState:
        try:
            ends = await reader.broker.ends([("events", number) for number in range(partitions)])
            return await reader.state_at({number: end for (_, number), end in ends.items()}, None)
        finally:
            await reader.broker.stop()

    try:
        return asyncio.run(read())
    except KafkaError as error:
        raise ClusterError(f"日志读不到 / the log cannot be read: {error}") from error


def _is_at_home(home: Path, name: str) -> bool:
    return bool(name) and any(one.name.startswith(name[:16]) for one in keeping.kept(home))
