"""What the models find on the state of a log: with the functions of a home, told in texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from config.ruleset import Rules
from detectors.base import Finding
from detectors.graph.view import Group
from detectors.shell_cluster import DETECTOR as SHELLS
from models.features.present import Present
from models.keeping import ModelError
from monitor.cluster.modelling.found import Opinion, Told
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.modelling.clustering import groups_at
from monitor.modelling.gathering import facts_of
from monitor.modelling.opinions import Models
from monitor.runners.modelling import NO_MODEL
from monitor.store import bulk
from monitor.store.schema import ENTERPRISES

log = logging.getLogger(__name__)

_DEFECTS: Final = (LookupError, TypeError, ValueError, ArithmeticError)


class LogNaming:
    """`monitor.modelling.naming.Naming` between the state of a log and the database of its cluster."""

    def __init__(self, state: LogState, connection: Connection) -> None:
        """`connection`: one look at the database."""
        self._state = state
        self._connection = connection

    def codes(self, refs: Iterable[int]) -> Mapping[int, str]:
        """See `Naming`."""
        return {ref: self._state.codes[ref] for ref in refs}

    def labels(self, subjects: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """See `Naming`."""
        texts = {"address": self._state.rooms, "person": self._state.persons}
        return {(kind, number): texts[kind][number] for kind, number in subjects}

    def numbers(self, stored: Iterable[int]) -> Mapping[int, int]:
        """See `Naming`."""
        query = select(ENTERPRISES.c.ref, ENTERPRISES.c.code)
        rows = self._connection.execute(query.where(bulk.among(self._connection, ENTERPRISES.c.ref, list(stored))))
        found = ((ref, self._state.flow.subjects.find(code)) for ref, code in rows)
        return {ref: number for ref, number in found if number}


def opinion_of(
    state: LogState, connection: Connection, model: str, rules: Rules, store: ModelStore | None, home: Path
) -> Opinion:
    """What is found at the state's Now, everything judged. `connection`: one look at the database, which may write how
    far the model has drifted; `model`: the hash of the one in force, or NO_MODEL; `store`: where models are; `home`:
    a folder for this one, for now.
    """
    naming = LogNaming(state, connection)
    flow, facts = state.flow, facts_of(state.flow)
    telling = _Telling(state)
    groups: list[tuple[Group, Told]] | None = None
    anomalies: list[tuple[str, str | None, Told]] | None = None
    try:
        present = Present(facts, flow.now)
        found = groups_at(connection, flow, rules, naming, (present,)) if rules.active(SHELLS.id) else []
        groups = [(_bare(group), telling.told(group.finding)) for group in found]
    except _DEFECTS:
        log.exception("程序缺陷：团伙未更新 / a defect: groups were not brought up to date")
    try:
        if model == NO_MODEL or not rules.active("anomaly"):
            anomalies = []
        elif store is None:
            raise ModelError("未设置 / nothing is set: CREDIT_MONITOR_CLUSTER_MODELS")
        else:
            store.fetch(model, home)
            odd = Models(home).find_anomalies(connection, flow, facts, rules, model, naming)
            anomalies = [(state.codes[one.ref], one.region, telling.told(one.finding)) for one in odd]
    except ModelError as error:
        log.warning(
            "异常模型未能使用，其结果保持不变 / the anomaly model could not be used, what it found stays: %s", error
        )
    except _DEFECTS:
        log.exception("程序缺陷：异常未更新 / a defect: anomalies were not brought up to date")
    return Opinion(flow.now, model, groups, anomalies)


class _Telling:
    """Puts texts in the place of the numbers of a state."""

    def __init__(self, state: LogState) -> None:
        self._codes, self._sources = state.codes, state.flow.sources

    def told(self, finding: Finding) -> Told:
        """A finding as another process can read it."""
        codes, sources = self._codes, self._sources
        return Told(
            msgspec.structs.replace(finding, members=(), evidence=()),
            [codes[ref] for ref in finding.members],
            [(at, sources[source], event, codes[who]) for at, source, event, who in finding.evidence],
        )


def _bare(group: Group) -> Group:
    """A group without numbers; its finding is told beside it."""
    return msgspec.structs.replace(group, members=(), finding=Finding(0, 0.0, 0))
