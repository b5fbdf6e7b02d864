"""A model brought into force on a cluster: accepted where the shared models hold it, and logged as `model.promoted`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection

from models.keeping import ModelError
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.supervision.requests import Act, Answer
from monitor.engine.auditing import entries_of
from monitor.engine.own import own_event
from monitor.events.data import PromotedData
from monitor.events.envelope import Event
from monitor.events.types import ModelPromoted
from monitor.events.vocabulary import MONITOR_SUBJECT
from monitor.store.audit import chain
from monitor.store.home import meta
from monitor.store.work import promotions

PROMOTED: Final = str(ModelPromoted.__struct_config__.tag)


def promote(
    connection: Connection, request: Act, at: int, store: ModelStore | None, put: Callable[[Event], int]
) -> Answer:
    """Does what is asked at a moment, in microseconds, or says why not. `store`: the shared models; `put`: puts the
    event among those that go to the log. Like other events of the monitor's own it moves no Now, also where there is
    none yet.
    """
    try:
        data = msgspec.convert(request.data, PromotedData)
    except msgspec.ValidationError as error:
        return Answer(error=str(error))
    try:
        held = store is not None and store.holds(data.model)
        kind = store.kind_of(data.model) if store is not None and held else ""
    except (ModelError, OSError) as error:
        return Answer(error=f"共用的模型读不到 / the shared models cannot be read: {error}")
    if not held:
        return Answer(
            error="共用的模型中没有所指的那个，请检查各节点的 CREDIT_MONITOR_CLUSTER_MODELS / the shared models do not "
            "hold the one that was named: see that CREDIT_MONITOR_CLUSTER_MODELS is the same for workers and commands"
        )
    if data.kind.removesuffix("-challenger") != kind:
        return Answer(error=f"模型的种类是 {kind}，不是 {data.kind} / the model is of kind {kind}, not {data.kind}")
    now = int(meta(connection, "now") or 0)
    event = own_event(ModelPromoted, MONITOR_SUBJECT, data, at=now, now=at, mark=request.id)
    promotions.write(connection, [event])
    put(event)
    chain.append(connection, entries_of(event))
    return Answer({"event": event.id, "subject": data.model})
