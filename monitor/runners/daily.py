"""What the models find and the forecast says as of one cut: in pieces between the turns of a live monitor, or at once.

The cut that begins it keeps what histories were: pages of records are replaced and never changed. What the store says
is read as it was committed with that cut. So the findings are those of that cut, whatever comes while they are worked
out, and a replay works them out at once. Groups are looked for at the cut from which on the findings hold.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, Engine

from config.ruleset import Rules
from detectors.registry import by_id
from models.features.facts import Facts
from models.features.present import Present
from models.keeping import ModelError
from models.pieces import Work, finished
from monitor.engine.flow import Flow
from monitor.modelling.clustering import cut_groups
from monitor.modelling.columns import Columns, Histories
from monitor.modelling.drifting import watch
from monitor.store import cutsignals
from monitor.store.cutsignals import signalled
from monitor.store.work import forecasts, shadows

if TYPE_CHECKING:
    from monitor.modelling.forecasting import Forecasts, Foretelling
    from monitor.modelling.opinions import Models, Opinion
    from monitor.modelling.standing import Standing

log = logging.getLogger(__name__)

_ANOMALY: Final = "anomaly"
_AT_ONCE: Final = 0.01
"""Seconds of work in one piece, but for steps that take longer by themselves."""


class Questions(msgspec.Struct, frozen=True):
    """Who is asked, by hashes, empty for nobody: an anomaly model, a forecast, and in shadow a challenger."""

    model: str
    forecast: str = ""
    challenger: str = ""


class Daily:
    """One working out. `seq`: the block of its cut; `asked`: who is asked."""

    def __init__(
        self,
        flow: Flow,
        rules: Rules,
        seq: int,
        asked: Questions,
        models: Models,
        forecasts: Forecasts,
        columns: Columns,
    ) -> None:
        """Inside the transaction of the cut, after its judgement."""
        self.seq, self.asked = seq, asked
        self.finished = False
        self._rules, self._models, self._forecasts, self._columns = rules, models, forecasts, columns
        self._foretold: Foretelling | None = None
        self._histories = Histories.of(flow)
        self._present: Present | None = None
        self._opinion: Opinion | None = None
        self._failed = False
        self._reading: Connection | None = None
        self._work: Work[None] | None = None

    @property
    def as_of(self) -> int:
        """Now of its cut."""
        return self._histories.now

    def look(self, engine: Engine) -> None:
        """Begins to read the store as it is now, before anything is written after the cut."""
        self._reading = engine.connect()
        if self._reading.dialect.name == "sqlite":
            self._reading.exec_driver_sql("BEGIN")
        self._work = self._steps(self._reading)

    def piece(self) -> None:
        """Some steps of the work."""
        until = time.monotonic() + _AT_ONCE
        while self._work is not None:
            if next(self._work, _END) is _END:
                self._work, self.finished = None, True
            if time.monotonic() >= until:
                break

    def all(self, connection: Connection) -> None:
        """Everything at once, as in a replay."""
        finished(self._steps(connection))
        self.finished = True

    def take(self, connection: Connection, flow: Flow, rules: Rules, seq: int) -> None:
        """Lets what was found hold, and looks for groups; `seq`: the block of the cut, `rules` those of it."""
        cut_groups(connection, flow, rules, seq, () if self._present is None else (self._present,))
        opinion = self._opinion
        if opinion is not None:
            watch(connection, self._rules, opinion.drift)
            if opinion.shadow is not None:
                agreed = msgspec.structs.asdict(opinion.shadow)
                shadows.write(connection, shadows.Shadow(self.as_of, self.asked.challenger, self.asked.model, **agreed))
        if not self._failed:
            found = [] if opinion is None else opinion.findings
            cutsignals.put_cut_signals(connection, by_id(_ANOMALY), found, self._rules, self.as_of, seq)
        if self._foretold is not None:
            chances, reasons = self._foretold
            forecasts.put(connection, self.asked.forecast, chances, reasons, self.as_of, seq)

    def drop(self) -> None:
        """It is over, or is given up."""
        if self._work is not None:
            self._work.close()
            self._work = None
        self._drop_reading()

    def _steps(self, connection: Connection) -> Work[None]:
        """The whole of it. What goes wrong stops neither the monitor nor the cut that takes it."""
        try:
            standing: Standing = yield from self._models.standing(connection, self._histories)
            about = signalled(connection) if self.asked.forecast else frozenset()
            self._drop_reading()
            yield
            facts = yield from self._columns.renew(self._histories)
            self._present = Present(facts, self.as_of)
            yield
            if self.asked.forecast:
                yield from self._foretell(facts, standing, about)
            if self.asked.model and self._rules.active(_ANOMALY):
                self._opinion = yield from self._models.ask(
                    self._histories, self._present, standing, self._rules, self.asked.model, self.asked.challenger
                )
        except ModelError as error:  # a home must open, and go on, also without the file of a model
            self._failed = True
            log.warning(
                "异常模型未能使用，其结果保持不变 / the anomaly model could not be used, what it found stays: %s", error
            )
        except (LookupError, TypeError, ValueError, ArithmeticError):
            self._failed = True
            log.exception("程序缺陷：模型结果未更新 / a defect: what the models find was not brought up to date")

    def _foretell(self, facts: Facts, standing: Standing, about: Collection[int]) -> Work[None]:
        """What the forecast says; where its file cannot be used, what it said stays."""
        try:
            self._foretold = yield from self._forecasts.foretell(
                self._histories, facts, self.asked.forecast, standing.marks, about
            )
        except ModelError as error:
            log.warning(
                "预测模型未能使用，其结果保持不变 / the forecast could not be used, what it said stays: %s", error
            )

    def _drop_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None


_END: Final = object()
