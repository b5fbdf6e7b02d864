"""Cuts of the models in a home: groups on the graph and the anomaly model, once a day and at an end (contract §4).

What they find are signals like those of rules: the cut of alerts that follows takes them up. Which model was at work is
in `monitor.cut`, so that a replay works out the same.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from config.moments import shanghai_date
from config.ruleset import Rules
from detectors.registry import by_id
from models.features.facts import Facts
from models.features.present import Present
from models.keeping import ModelError
from monitor.engine.flow import Flow
from monitor.modelling.clustering import cut_groups, lately_opened
from monitor.modelling.gathering import facts_of
from monitor.store import cutsignals
from monitor.store.home import meta, set_meta
from monitor.store.work import promotions

if TYPE_CHECKING:
    from monitor.modelling.forecasting import Forecasts
    from monitor.modelling.opinions import Models

log = logging.getLogger(__name__)

NO_MODEL: Final = "-"
"""What a cut of the models says where no anomaly model is in force: groups alone were looked for."""

_DAY: Final = "models day"
_BLOCK: Final = "models block"
_MODEL: Final = "models model"


class Modelling:
    """How far the cuts of the models of one home have come, for its one writer."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder that holds the models."""
        self._home = home
        self._day = ""
        self._block = 0
        self._last = ""

    @cached_property
    def _models(self) -> Models:
        """The libraries of the models take seconds to load: only where one is in force."""
        from monitor.modelling.opinions import Models

        return Models(self._home)

    @cached_property
    def _forecasts(self) -> Forecasts:
        """Likewise."""
        from monitor.modelling.forecasting import Forecasts

        return Forecasts(self._home)

    def load(self, connection: Connection) -> None:
        """Takes over what the store knows."""
        self._day = meta(connection, _DAY) or ""
        self._block = int(meta(connection, _BLOCK) or 0)
        self._last = meta(connection, _MODEL) or ""

    def due(self, now: int) -> bool:
        """Whether a day has begun, in Asia/Shanghai, on which the models were not asked yet."""
        return self._day < shanghai_date(now).isoformat()

    def behind(self, seq: int) -> bool:
        """Whether the log, whose last block is `seq`, has grown since they were asked."""
        return seq > self._block

    def in_force(self, connection: Connection) -> str:
        """The hash of the anomaly model that was promoted last; NO_MODEL before the first."""
        promoted = promotions.in_force(connection, "anomaly")
        return NO_MODEL if promoted is None else promoted.model

    def forecast_in_force(self, connection: Connection) -> str:
        """The hash of the forecast that was promoted last; empty before the first."""
        promoted = promotions.in_force(connection, "forecast")
        return "" if promoted is None else promoted.model

    def turn(self, connection: Connection, flow: Flow, rules: Rules, seq: int, model: str, forecast: str = "") -> None:
        """Works out all groups and anomalies at Now, and what the forecast says; `seq` is the block of the cut, `model`
        and `forecast` what it says of models.
        """
        facts = facts_of(flow) if model != NO_MODEL or forecast else None
        try:
            presents = lately_opened(flow, rules) if facts is None else (Present(facts, flow.now),)
            cut_groups(connection, flow, rules, seq, presents)
            self._find_anomalies(connection, flow, facts, rules, seq, model)
            if facts is not None and forecast:
                self._foretell(connection, flow, facts, seq, forecast)
        except (LookupError, TypeError, ValueError, ArithmeticError):
            log.exception("程序缺陷：模型结果未更新 / a defect: what the models find was not brought up to date")
        self._day, self._block, self._last = shanghai_date(flow.now).isoformat(), seq, model
        for key, value in ((_DAY, self._day), (_BLOCK, str(seq)), (_MODEL, model)):
            set_meta(connection, key, value)

    def again(self, connection: Connection, flow: Flow, rules: Rules, seq: int) -> None:
        """Signals went with a state that was lost: what the last such cut found is worked out as of now."""
        if self._last:
            self.turn(connection, flow, rules, seq, self._last)

    def _foretell(self, connection: Connection, flow: Flow, facts: Facts, seq: int, forecast: str) -> None:
        try:
            self._forecasts.keep(connection, flow, facts, forecast, seq)
        except ModelError as error:
            log.warning(
                "预测模型未能使用，其结果保持不变 / the forecast could not be used, what it said stays: %s", error
            )

    def _find_anomalies(
        self, connection: Connection, flow: Flow, facts: Facts | None, rules: Rules, seq: int, model: str
    ) -> None:
        found: list[cutsignals.CutFinding] = []
        if facts is not None and model != NO_MODEL and rules.active("anomaly"):
            try:
                found = self._models.find_anomalies(connection, flow, facts, rules, model)
            except ModelError as error:  # a home must open, and go on, also without the file of a model
                log.warning(
                    "异常模型未能使用，其结果保持不变 / the anomaly model could not be used, what it found stays: %s",
                    error,
                )
                return
        cutsignals.put_cut_signals(connection, by_id("anomaly"), found, rules, flow.now, seq)
