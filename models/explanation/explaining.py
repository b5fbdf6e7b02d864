"""The explanation of an anomaly: additive reasons in words with their source events, and what would silence it.

In: an alerted row, the model that raised it, what is usual among its peers, and the events behind each feature. Out: an
`Explanation`, the same for equal inputs. At most 50 ms an alert (`benchmarks/explanation.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from config.moments import DAY, shanghai_date
from models.anomaly.model import AnomalyModel
from models.arrays import Floats, Ints, Singles
from models.explanation.contributions import AnomalyReasons, Contributions
from models.explanation.mending import by_time_alone, can_move, mending_of, nearest_change, window_of
from models.explanation.usual import Usual, Usuals
from models.explanation.wording import Said, change_said, expected_said, reason_said
from models.features.feature import Feature

SHOWN: Final = 5
"""Reasons that are told, those that add most."""

MOST_EVENTS: Final = 10
"""Source events that are named for one reason, the newest."""

Happened = tuple[int, str, str]
"""A source event: moment, source, id."""

EventsOf = Callable[[Feature], Sequence[Happened]]
"""The events from which a feature of the enterprise was computed, oldest first."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature adds to the score. `forest` and `tails` are the two parts of `added`; `share` is its part of all
    that raised the score, from 0 to 1; `low`, `middle`, `high`: the peers' 5th, 50th and 95th percentile.
    """

    feature: str
    value: float
    added: float
    forest: float
    tails: float
    share: float
    low: float
    middle: float
    high: float
    expected: float | None = None
    said: Said
    events: tuple[Happened, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`score = base + ` the sum of what all features add; `others`: what those not among `reasons` add together.

    `way_out` says what would silence the alert; `changes` is that in figures (feature, before, after); `lapses`:
    whether time alone does it.
    """

    base: float
    score: float
    p: float
    reasons: tuple[Reason, ...]
    others: float
    peers: int
    changes: tuple[tuple[str, float, float], ...]
    lapses: bool
    way_out: Said


def told(
    features: Sequence[Feature],
    row: Singles,
    usual: Usual,
    found: Contributions,
    places: Sequence[int],
    events_of: EventsOf,
    expected: Singles | None = None,
) -> tuple[Reason, ...]:
    """Some features' parts of a score in words. `found`: the contributions of this one row; `expected`: its values as
    the others of them let expect, for a detector of departures.
    """
    total = found.total[0]
    raised = float(total[total > 0].sum())
    reasons = []
    for place in places:
        feature, value, added = features[place], float(row[place]), float(total[place])
        low, middle, high = (float(one[place]) for one in (usual.low, usual.middle, usual.high))
        departs = found.departures[0][place] > added / 2 and not np.isnan(value)
        likely = float(expected[place]) if expected is not None and departs else None
        said = reason_said(feature, value, low, high, added / raised)
        reasons.append(
            Reason(
                feature=feature.name,
                value=value,
                added=added,
                forest=float(found.forest[0][place]),
                tails=float(found.tails[0][place]),
                share=added / raised,
                low=low,
                middle=middle,
                high=high,
                expected=likely,
                said=said if likely is None else expected_said(said, feature, likely),
                events=tuple(events_of(feature)[-MOST_EVENTS:]),
            )
        )
    return tuple(reasons)


class Explainer:
    """Explains the alerts of one model at one cut."""

    def __init__(
        self,
        model: AnomalyModel,
        features: Sequence[Feature],
        usuals: Usuals,
        reasons: AnomalyReasons | None = None,
    ) -> None:
        """`features`: of the columns, in their order, which is the model's; `reasons`: of this model, where its trees
        were read before. Raises ValueError where the features are others.
        """
        if tuple(one.name for one in features) != model.features:
            raise ValueError("特征与模型不符 / these are not the features of the model, in its order")
        self._model = model
        self._features = tuple(features)
        self._usuals = usuals
        self._reasons = AnomalyReasons(model.detector) if reasons is None else reasons
        self._lapsing = [mending_of(feature) == "lapse" for feature in features]

    def explain(self, row: Singles, group: int, mark: int, threshold: float, events_of: EventsOf) -> Explanation:
        """One alerted row (m values, NaN: not known) of a peer group. `mark`: as for `AnomalyModel.judge`; `threshold`:
        the p-value above which it would not have been raised.
        """
        peers: Ints = np.array([group], np.int64)
        found = self._reasons.contributions(row[None, :], peers)
        usual = self._usuals.of(group)

        def judge(rows: Singles) -> Floats:
            many = len(rows)
            return self._model.judge(rows, np.repeat(peers, many), np.full(many, mark, np.int64)).p

        order = [int(place) for place in np.argsort(-found.total[0], kind="stable")]
        raising = [place for place in order if found.total[0][place] > 0]
        movable = [
            can_move(feature, value, middle)
            for feature, value, middle in zip(self._features, row.tolist(), usual.middle.tolist(), strict=True)
        ]
        lapsing = [able and lapses for able, lapses in zip(movable, self._lapsing, strict=True)]
        change = nearest_change(row, usual, raising, movable, judge, threshold)
        changes = [] if change is None else [(one.feature, one.before, one.after) for one in change.changes]
        lapses = by_time_alone(row, usual, lapsing, judge, threshold)
        expected = self._model.detector.expected(row[None, :], peers)[0]
        reasons = told(self._features, row, usual, found, raising[:SHOWN], events_of, expected)
        return Explanation(
            base=found.base,
            score=found.base + float(found.total[0].sum()),
            p=float(judge(row[None, :])[0]),
            reasons=reasons,
            others=float(found.total[0].sum()) - sum(one.added for one in reasons),
            peers=usual.peers,
            changes=tuple((self._features[place].name, before, after) for place, before, after in changes),
            lapses=lapses,
            way_out=change_said(
                [(self._features[place], before, after) for place, before, after in changes],
                time_alone=lapses,
                lapses=self._lapse_day(raising, events_of) if lapses else None,
            ),
        )

    def _lapse_day(self, raising: Sequence[int], events_of: EventsOf) -> str | None:
        """The date by which the windows that raised the score are over for what has happened so far."""
        ends = []
        for place in raising:
            feature = self._features[place]
            days = window_of(feature) if self._lapsing[place] else None
            happened = events_of(feature) if days is not None else ()
            if days is not None and happened:
                ends.append(happened[-1][0] + (days + 1) * DAY)
        return shanghai_date(max(ends)).isoformat() if ends else None
