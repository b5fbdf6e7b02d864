"""What the models find on the state of a log: with the functions of a home, told in texts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection, select

from config.ruleset import Rules
from detectors.anomaly import DETECTOR as ANOMALY
from detectors.base import Finding
from detectors.graph.view import Group
from detectors.shell_cluster import DETECTOR as SHELLS
from models.features.present import Present
from models.keeping import ModelError
from models.pieces import finished
from monitor.cluster.modelling.found import Foretold, Opinion, Told
from monitor.cluster.modelling.state import LogState
from monitor.cluster.modelling.store import ModelStore
from monitor.modelling.clustering import groups_at
from monitor.modelling.columns import Histories
from monitor.modelling.drifting import watch
from monitor.modelling.forecasting import Forecasts
from monitor.modelling.gathering import facts_of
from monitor.modelling.opinions import Models
from monitor.modelling.standing import Standing, named_standing
from monitor.runners.daily import Questions
from monitor.store import bulk, cutsignals
from monitor.store.postgresql.database import salt_of
from monitor.store.references import References
from monitor.store.schema import ENTERPRISES
from monitor.store.work import forecasts
from monitor.store.work.shadows import Shadow

log = logging.getLogger(__name__)

T = TypeVar("T")

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
    state: LogState, connection: Connection, asked: Questions, rules: Rules, store: ModelStore | None, home: Path
) -> Opinion:
    """What is found at the state's Now, everything judged. `connection`: one look at the database, which may write how
    far the model has drifted; `store`: where models are; `home`: a folder for them, for now.
    """
    look = _Look(state, connection, rules, _Fetching(store, home))
    groups = _or_none("团伙", "groups", look.groups)
    foretold = _or_none("预测", "the forecast", partial(look.foretold, asked.forecast)) if asked.forecast else None
    judged = _or_none("异常", "the anomaly model", partial(look.anomalies, asked))
    anomalies, shadow = (None, None) if judged is None else judged
    return Opinion(state.flow.now, asked, groups, anomalies, foretold, shadow)


def _or_none(zh: str, en: str, work: Callable[[], T]) -> T | None:
    """What some work gives. What goes wrong stops nothing else: what stands of it stays."""
    try:
        return work()
    except ModelError as error:
        log.warning("%s模型未能使用，其结果保持不变 / %s could not be used, what it found stays: %s", zh, en, error)
    except _DEFECTS:
        log.exception("程序缺陷：%s未更新 / a defect: not brought up to date: %s", zh, en)
    return None


class _Fetching:
    """Brings models from where they are shared."""

    def __init__(self, store: ModelStore | None, home: Path) -> None:
        """`home`: below which they are put."""
        self.home = home
        self._store = store

    def fetch(self, name: str) -> None:
        """The model of a hash. Raises ModelError."""
        if self._store is None:
            raise ModelError("未设置 / nothing is set: CREDIT_MONITOR_CLUSTER_MODELS")
        self._store.fetch(name, self.home)


class _Look:
    """One look at the state of a log, at its Now, and at the database."""

    def __init__(self, state: LogState, connection: Connection, rules: Rules, fetching: _Fetching) -> None:
        """See `opinion_of`."""
        self._connection, self._rules, self._fetching = connection, rules, fetching
        self._flow, self._codes = state.flow, state.codes
        self._naming, self._telling = LogNaming(state, connection), _Telling(state)
        self._histories = Histories.of(state.flow)
        self._facts = facts_of(state.flow)
        self._present = Present(self._facts, state.flow.now)

    @cached_property
    def _standing(self) -> Standing:
        """What the database says of enterprises."""
        histories = self._histories
        return named_standing(self._connection, self._naming, len(histories.records), histories.now)

    def groups(self) -> list[tuple[Group, Told]]:
        """Those that stand now, without numbers, and their findings."""
        if not self._rules.active(SHELLS.id):
            return []
        found = groups_at(self._connection, self._flow, self._rules, self._naming, (self._present,))
        return [(_bare(group), self._telling.told(group.finding)) for group in found]

    def foretold(self, name: str) -> Foretold:
        """What the forecast of a hash says. Raises ModelError."""
        self._fetching.fetch(name)
        about = self._naming.numbers(cutsignals.signalled(self._connection)).values()
        asking, marks = Forecasts(self._fetching.home), self._standing.marks
        found = finished(asking.foretell(self._histories, self._facts, name, marks, about))
        codes, references = self._codes, References(salt_of(self._connection))
        chances = {references.reference("enterprise", codes[ref]): one for ref, one in found.chances.items()}
        return Foretold(
            forecasts.block_of(self._connection),
            forecasts.differing(self._connection, chances),
            {references.reference("enterprise", codes[ref]): why for ref, why in found.reasons.items()},
        )

    def anomalies(self, asked: Questions) -> tuple[list[tuple[str, str | None, Told]], Shadow | None]:
        """What the anomaly model finds, by code, and how far the challenger agrees; nothing where none is in force.
        Raises ModelError.
        """
        if not asked.model or not self._rules.active(ANOMALY.id):
            return [], None
        self._fetching.fetch(asked.model)
        if asked.challenger:
            with suppress(ModelError):  # who asks it says so
                self._fetching.fetch(asked.challenger)
        models = Models(self._fetching.home)
        found = finished(
            models.ask(self._histories, self._present, self._standing, self._rules, asked.model, asked.challenger)
        )
        watch(self._connection, self._rules, found.drift)
        shadow = None
        if found.shadow is not None:
            agreed = msgspec.structs.asdict(found.shadow)
            shadow = Shadow(self._flow.now, asked.challenger, asked.model, **agreed)
        codes = self._codes
        return [(codes[one.ref], one.region, self._telling.told(one.finding)) for one in found.findings], shadow


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
