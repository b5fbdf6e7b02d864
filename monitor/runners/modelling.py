"""Cuts of the models in a home: groups on the graph and the anomaly model, once a day and at an end (contract §4).

What they find are signals like those of rules: the cut of alerts that follows takes them up. Which model was at work is
in `monitor.cut`, so that a replay works out the same. A live monitor asks it in pieces (`monitor.runners.daily`).
"""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, Engine

from config.moments import shanghai_date
from config.ruleset import Rules
from detectors.registry import by_id
from monitor.engine.flow import Flow
from monitor.events.acts import CutData
from monitor.modelling.clustering import cut_groups, lately_opened
from monitor.modelling.columns import Columns
from monitor.runners.daily import Daily, Questions
from monitor.store import cutsignals
from monitor.store.home import meta, set_meta
from monitor.store.work import promotions

if TYPE_CHECKING:
    from monitor.modelling.forecasting import Forecasts
    from monitor.modelling.opinions import Models

NO_MODEL: Final = "-"
"""What a cut of the models says where no anomaly model is in force: groups alone were looked for."""

_DAY: Final = "models day"
_BLOCK: Final = "models block"
_MODEL: Final = "models model"
_REST: Final = 3
"""So many times as long as a piece took, nothing is done about models."""


class Asked(NamedTuple):
    """What a cut says of the models, as `CutData` has it: which one is asked at once, which one in pieces from here on,
    whether what was worked out in pieces holds, and which forecast is asked with either.
    """

    at_once: str = ""
    in_pieces: str = ""
    taken: bool = False
    forecast: str = ""


class Modelling:
    """How far the cuts of the models of one home have come, for its one writer."""

    def __init__(self, home: Path) -> None:
        """`home`: the folder that holds the models."""
        self._home = home
        self._day = ""
        self._block = 0
        self._last = ""
        self._columns = Columns()
        self._rests_until = 0.0
        self.daily: Daily | None = None
        """What is being worked out in pieces."""

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

    def asked(self, engine: Engine, now: int, seq: int, *, in_pieces: bool, ended: bool) -> Asked:
        """What the cut of a live monitor is to say: once for each day in Asia/Shanghai, and where all sources have
        `ended` and the log, whose last block is `seq`, has grown since.
        """
        due = self._day < shanghai_date(now).isoformat()
        at_end = ended and (due or seq > self._block)
        if self.daily is not None and not at_end:
            return Asked(taken=self.daily.finished)
        if not due and not at_end:
            return Asked()
        with engine.connect() as connection:
            model, forecast = self.in_force(connection), promotions.model_in_force(connection, "forecast")
        if in_pieces and (model != NO_MODEL or forecast):
            return Asked(in_pieces=model, forecast=forecast)
        return Asked(at_once=model, forecast=forecast)

    def in_force(self, connection: Connection) -> str:
        """The hash of the anomaly model that was promoted last; NO_MODEL before the first."""
        return promotions.model_in_force(connection, "anomaly") or NO_MODEL

    def turn(
        self, connection: Connection, flow: Flow, rules: Rules, seq: int, data: CutData, *, live: bool = True
    ) -> None:
        """What a cut asks for; `seq` is the block of it, `data` what it says. In a replay, which is not `live`,
        everything is worked out at once, and no challenger is asked: nothing follows from it.
        """
        if data.models_taken and self.daily is not None:
            self._take(connection, flow, rules, seq, self.daily)
        if data.models_begun:
            self.drop()
            self.daily = self._begun(connection, flow, rules, seq, data.models_begun, data.forecast, live=live)
            if not live:
                self.daily.all(connection)
        if data.models:
            self.drop()
            self._at_once(connection, flow, rules, seq, data.models, data.forecast, live=live)

    def again(self, connection: Connection, flow: Flow, rules: Rules, seq: int) -> None:
        """Signals went with a state that was lost: what the last such cut found is worked out as of now."""
        if self._last:
            self._at_once(connection, flow, rules, seq, self._last, "", live=False)

    def look(self, engine: Engine) -> None:
        """The cut that began it is written, and nothing since."""
        if self.daily is not None:
            self.daily.look(engine)

    def piece(self) -> bool:
        """Works out a piece of it where it is time for one; whether that was the last."""
        daily = self.daily
        if daily is None or daily.finished or time.monotonic() < self._rests_until:
            return False
        began = time.monotonic()
        daily.piece()
        ended = time.monotonic()
        self._rests_until = ended + _REST * (ended - began)
        return daily.finished

    def drop(self) -> None:
        """Gives up what is being worked out in pieces, if anything is."""
        if self.daily is not None:
            self.daily.drop()
            self.daily = None

    def _at_once(
        self, connection: Connection, flow: Flow, rules: Rules, seq: int, model: str, forecast: str, *, live: bool
    ) -> None:
        if model == NO_MODEL and not forecast:
            cut_groups(connection, flow, rules, seq, lately_opened(flow, rules))
            cutsignals.put_cut_signals(connection, by_id("anomaly"), [], rules, flow.now, seq)
            self._note(connection, flow.now, seq, model)
            return
        daily = self._begun(connection, flow, rules, seq, model, forecast, live=live)
        daily.all(connection)
        self._take(connection, flow, rules, seq, daily)

    def _begun(
        self, connection: Connection, flow: Flow, rules: Rules, seq: int, model: str, forecast: str, *, live: bool
    ) -> Daily:
        holds = model != NO_MODEL
        challenger = promotions.challenger(connection, "anomaly") if live and holds else ""
        asked = Questions(model if holds else "", forecast, challenger)
        return Daily(flow, rules, seq, asked, self._models, self._forecasts, self._columns)

    def _take(self, connection: Connection, flow: Flow, rules: Rules, seq: int, daily: Daily) -> None:
        daily.take(connection, flow, rules, seq)
        self._note(connection, daily.as_of, daily.seq, daily.asked.model or NO_MODEL)
        self.drop()

    def _note(self, connection: Connection, as_of: int, seq: int, model: str) -> None:
        self._day, self._block, self._last = shanghai_date(as_of).isoformat(), seq, model
        for key, value in ((_DAY, self._day), (_BLOCK, str(seq)), (_MODEL, model)):
            set_meta(connection, key, value)
