"""What rules and the forecast of a home foresaw: found by what was known on a date, held against what came after it.

On real data nothing is planted; what befell enterprises later is the truth there is. It is of what was found: see
`docs/forecast.md` on selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from detectors.registry import all_detectors
from models.evaluation.forecast import Judged, evaluate
from models.evaluation.truth import Judgement, judged
from models.features.facts import Facts
from models.features.present import Present
from models.forecast.labels import befallen
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.reading import read_flow_as_of
from monitor.store.schema import ENTERPRISES
from monitor.store.work import hosts


class Foreseen(msgspec.Struct, frozen=True):
    """`rules`: by detector, the live enterprises that its signals counted on the date, against those whom something
    adverse befell until the end; `base` is the share of those among all live. `forecast`: None where the log is too
    short for one, then `failure` says so.
    """

    base: float
    rules: dict[str, Judgement]
    forecast: Judged | None
    failure: str = ""

    def value(self) -> dict[str, Any]:
        """As JSON gives it."""
        forecast = {"failure": self.failure} if self.forecast is None else msgspec.to_builtins(self.forecast.found)
        return {"base": round(self.base, 5), "rules": msgspec.to_builtins(self.rules), "forecast": forecast}


class _Counting:
    """A sink for signals that keeps which enterprises each detector counts, of a state that is judged once."""

    def __init__(self) -> None:
        self.counted: dict[int, set[int]] = {}

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        return 0

    def publish(
        self,
        detector: int,
        kind: SubjectKind,
        ref: int,
        finding: Finding | None,
        region: str | None,
        members: Sequence[int] | None,
        changed: Sequence[tuple[int, bool]],
    ) -> None:
        if finding is not None:
            self.counted.setdefault(detector, set()).update(members or ())

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Time stands still here."""


def counted_as_of(connection: Connection, pseudonyms: Pseudonymiser, rules: Rules, moment: int) -> dict[str, set[str]]:
    """By detector, the codes of the enterprises that its signals counted by what was known at a moment. Those of models
    are not among them.
    """
    sink = _Counting()
    flow = read_flow_as_of(connection, pseudonyms, rules, sink, moment)
    flow.list_hosts([one.host() for one in hosts.entries(connection) if not one.ended and one.at <= moment])
    flow.use(rules)
    flow.judge()
    codes = {flow.subjects.find(code): code for code in connection.execute(select(ENTERPRISES.c.code)).scalars()}
    detectors = all_detectors()
    return {detectors[place].id: {codes[ref] for ref in refs} for place, refs in sorted(sink.counted.items())}


def foreseen(
    facts: Facts,
    codes: Mapping[int, str],
    counted: Mapping[str, Iterable[str]],
    rules: Rules,
    moment: int,
    until: int,
    seed: int,
) -> Foreseen:
    """Judges what was found at a moment by what followed up to `until`. `counted`: see `counted_as_of`."""
    adverse = rules.document.models.adverse
    live = np.flatnonzero(Present(facts, moment).live)
    truth = befallen(Present(facts, until), adverse, moment)[live]
    named = [codes[ref] for ref in facts.refs[live].tolist()]
    true = {code for code, came in zip(named, truth.tolist(), strict=True) if came}
    judgements = {
        name: judged(found, true, len(named))
        for name, some in counted.items()
        if (found := set(some).intersection(named))
    }
    base = float(truth.mean()) if len(truth) else 0.0
    try:
        return Foreseen(base, judgements, evaluate(facts, adverse, moment, until, seed))
    except ValueError as error:
        return Foreseen(base, judgements, None, str(error))
