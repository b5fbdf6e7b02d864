"""What the models found, taken in with a cut: groups and anomalies as signals, once a day (contract §4)."""

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
from monitor.runners.modelling import NO_MODEL
from monitor.store import cutsignals
from monitor.store.cutsignals import CutFinding
from monitor.store.home import meta, set_meta
from monitor.store.references import References
from monitor.store.referents import Referents
from monitor.store.work import promotions

_DAY: Final = "models day"


def question_of(connection: Connection, epoch: int, now: int, log: Mapping[int, int]) -> Question | None:
    """What the models are to be asked, once the log is applied up to some offsets; None where they were asked today, in
    Asia/Shanghai. `now`: see `Question`.
    """
    moment = max(now, int(meta(connection, "now") or 0))
    if (meta(connection, _DAY) or "") >= shanghai_date(moment).isoformat():
        return None
    promoted = promotions.in_force(connection, "anomaly")
    return Question(epoch, now, dict(log), NO_MODEL if promoted is None else promoted.model)


def take_in(connection: Connection, references: References, rules: Rules, opinion: Opinion) -> None:
    """Makes what was found all that is in force of both detectors, for the alerts of the same transaction."""
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
