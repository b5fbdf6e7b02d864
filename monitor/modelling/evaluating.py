"""What rules and the anomaly model are worth on a home: against planted truth, and on its own rows as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from config.moments import DAY, as_text, end_of_day
from config.ruleset import Rules
from models.anomaly.findings import score_all
from models.anomaly.storing import fitted
from models.arrays import Floats
from models.evaluation.anomalies import planted_trials, rejected, story_trials, uniformity
from models.evaluation.truth import Judgement, judged
from models.features.facts import Facts, Ints
from monitor.modelling.learning import OPINIONS, Material
from monitor.modelling.limits import limits_of
from monitor.store.schema import ENTERPRISES, SIGNAL_MEMBERS


class Truth(msgspec.Struct):
    """A line of `truth.jsonl` of a made-up province, as far as it is asked here."""

    detector: str
    fires: bool
    enterprises: list[str]


def read_truth(path: Path) -> list[Truth]:
    """The lines of a file of truth. Raises ValueError with the line at fault, OSError."""
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                found.append(msgspec.json.decode(line, type=Truth))
            except msgspec.DecodeError as error:
                raise ValueError(f"{path}:{number}：不是标准答案 / is no line of truth: {error}") from error
    return found


def period(as_of: dt.date, until: dt.date | None, now: int) -> tuple[int, int]:
    """The moments from which and up to which is judged what followed a day. `now`: the end of the log, which stands for
    `until` where none is named. Raises ValueError where the log does not reach beyond the one or up to the other.
    """
    first, ends = end_of_day(as_of) - 1, as_text(now)
    if first >= now:
        raise ValueError(
            f"日志止于 {ends}，{as_of} 之后无事实可检验：请取更早的 --as-of / the log ends at {ends} and nothing in it "
            f"follows {as_of}: name an earlier --as-of"
        )
    if until is None:
        return first, now
    last = end_of_day(until) - 1
    if last <= first:
        raise ValueError(f"--until {until} 须晚于 --as-of {as_of} / --until {until} must be later than --as-of {as_of}")
    if last >= now + DAY:
        raise ValueError(
            f"日志止于 {ends}，不知道 {until} 之前的全部结果：请取更早的 --until / the log ends at {ends}, and what "
            f"happened up to {until} is not known: name an earlier --until"
        )
    return first, min(last, now)


def rules_on_truth(connection: Connection, truths: Iterable[Truth], live: int) -> dict[str, Judgement]:
    """For each detector: the enterprises that its signals in force count, against those that truth names for it."""
    planted: dict[str, set[str]] = {}
    for truth in truths:
        if truth.fires:
            planted.setdefault(truth.detector, set()).update(truth.enterprises)
    query = select(SIGNAL_MEMBERS.c.detector, ENTERPRISES.c.code).join(
        ENTERPRISES, ENTERPRISES.c.ref == SIGNAL_MEMBERS.c.enterprise
    )
    found: dict[str, set[str]] = {}
    for detector, code in connection.execute(query):
        found.setdefault(detector, set()).add(code)
    return {
        name: judged(found.get(name, ()), planted[name], live)
        for name in sorted(planted)
        if name not in OPINIONS or name in found
    }


class Evaluated(msgspec.Struct, frozen=True):
    """The figures, and the p-values of the reference and of the planted for a picture."""

    figures: dict[str, Any]
    p: dict[str, Floats]


def anomaly_on_home(
    learned: Material,
    later: Material,
    codes: Sequence[str],
    planted: set[str] | None,
    rules: Rules,
    seeds: Sequence[int],
    facts: Facts,
) -> Evaluated:
    """Trains on `learned` for each seed and judges `later`, by default the same facts at a later moment.

    Told are: whether p-values are uniform in every peer group, on enterprises of the reference that taught nothing;
    what is found of what truth `planted` (codes; None: no truth); `codes`: of the rows of `later`; and trials with
    anomalies planted into the rows of `later`: extreme values, and events added to its `facts`. Raises ValueError where
    there is too little to learn from.
    """
    limits = partial(limits_of, rules)
    matrix = later.matrix
    true = None if planted is None else {code for code in codes if code in planted}
    groups: list[Any] = []
    judgements, shares = [], []
    pictured: dict[str, Floats] = {}
    for seed in seeds:
        known = learned.matrix
        rng = np.random.default_rng(seed)
        taught = learned.reference & (rng.random(len(known.refs)) < 0.5)
        model = fitted(known.values, known.peers, taught, seed)
        scored = score_all(matrix, later.marks, model, limits)
        new = later.reference & ~np.isin(matrix.refs, known.refs[taught])
        fresh = new[scored.rows]
        found = uniformity(scored.p[fresh], matrix.peers[scored.rows][fresh], model.calibration)
        shares.append(rejected(found))
        groups += found
        pictured.setdefault("reference", scored.p[fresh])
        if true is not None:
            alive = {codes[row] for row in scored.rows.tolist()}
            named = {codes[one.row] for one in scored.found}
            judgements.append(judged(named, true & alive, len(scored.rows)))
            mask: Ints = np.array([codes[row] in true for row in scored.rows.tolist()])
            pictured.setdefault("planted", scored.p[mask.astype(bool)])
    trials = planted_trials(matrix, later.marks, later.reference, limits, seeds)
    figures = {
        "seeds": list(seeds),
        "uniformity": {
            "peer_groups": len(groups) // max(len(seeds), 1),
            "rejected_share": round(float(np.mean(shares)), 4),
            "greatest_distance": max((one.distance for one in groups), default=0.0),
            "least_uniform": [msgspec.to_builtins(one) for one in sorted(groups, key=lambda one: one.p)[:5]],
        },
        "planted_into_rows": msgspec.to_builtins(trials),
        "planted_as_events": msgspec.to_builtins(
            story_trials(facts, matrix, later.marks, later.reference, limits, seeds)
        ),
    }
    if judgements:
        figures["on_truth"] = [msgspec.to_builtins(one) for one in judgements]
    return Evaluated(figures, pictured)
