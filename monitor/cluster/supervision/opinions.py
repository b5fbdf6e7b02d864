"""What the models found, taken in with a cut, once a day: groups and anomalies as signals (contract §4), what the
forecast says and how far a challenger agreed as rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from config.moments import shanghai_date
from config.ruleset import Rules
from detectors.base import Finding
from detectors.registry import by_id
from monitor.cluster.modelling.found import Opinion, Question, Told
from monitor.runners.daily import Questions
from monitor.store import cutsignals
from monitor.store.cutsignals import CutFinding
from monitor.store.home import meta, set_meta
from monitor.store.references import References
from monitor.store.referents import Referents
from monitor.store.work import forecasts, promotions, shadows

_DAY: Final = "models day"


def question_of(connection: Connection, epoch: int, now: int, log: Mapping[int, int]) -> Question | None:
    """What the models are to be asked, once the log is applied up to some offsets; None where they were asked today, in
    Asia/Shanghai. `now`: see `Question`.
    """
    moment = max(now, int(meta(connection, "now") or 0))
    if (meta(connection, _DAY) or "") >= shanghai_date(moment).isoformat():
        return None
    model, forecast = (promotions.model_in_force(connection, kind) for kind in ("anomaly", "forecast"))
    challenger = promotions.challenger(connection, "anomaly") if model else ""
    return Question(epoch, now, dict(log), Questions(model, forecast, challenger))


def take_in(connection: Connection, references: References, rules: Rules, opinion: Opinion, number: int) -> None:
    """Makes what was found all that is in force of both detectors, and all that is foretold, for the alerts and tasks
    of the same transaction. `number`: of its cut.
    """
    texts = Referents(connection, references, {})
    groups = [msgspec.structs.replace(group, finding=_finding(told, texts)) for group, told in opinion.groups or ()]
    anomalies = [
        CutFinding(texts.enterprise(code), _finding(told, texts), region)
        for code, region, told in opinion.anomalies or ()
    ]
    texts.write(())
    if opinion.groups is not None:
        found = cutsignals.put_groups(connection, groups)
        cutsignals.put_cut_signals(connection, by_id("shell-cluster"), found, rules, opinion.moment, opinion.moment)
    if opinion.anomalies is not None:
        cutsignals.put_cut_signals(connection, by_id("anomaly"), anomalies, rules, opinion.moment, opinion.moment)
    said = opinion.foretold
    if said is not None and said.since == forecasts.block_of(connection):  # else an owner before this one was as quick
        forecasts.change(connection, opinion.asked.forecast, said.chances, said.reasons, opinion.moment, number)
    if opinion.shadow is not None:
        shadows.write(connection, opinion.shadow)
    set_meta(connection, _DAY, shanghai_date(opinion.moment).isoformat())


def _finding(told: Told, texts: Referents) -> Finding:
    """A finding with the references of the database."""
    return msgspec.structs.replace(
        told.finding,
        members=[texts.enterprise(code) for code in told.members],
        evidence=[
            (at, texts.source(source), event, texts.enterprise(code)) for at, source, event, code in told.evidence
        ],
    )
