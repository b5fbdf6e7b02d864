"""Features of how adverse records come back: counts that fade at several speeds, pauses, kinds, and what became of
others like it. Read by the forecast alone, beside the registry's: the rates need all enterprises at once.

An adverse record is a penalty, a listing, a failed sample, a breach of a commitment or an inspection that could not
reach the enterprise, unless it is repaired. A rate leaves the enterprise itself out and is drawn to that of the wider
group, as if so many more had been seen there.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from config.moments import DAY
from models.features.decay import decayed, halving
from models.features.facts import CATEGORY, FOREIGN_INDUSTRY, NEVER, Floats, Ints, What
from models.features.feature import Feature
from models.features.present import Present, day_of, pairs
from models.features.rates import group_sums, rate_without_oneself

EVENTS: Final = (
    "enforcement.penalised",
    "enforcement.abnormal_listed",
    "enforcement.dishonest_listed",
    "enforcement.inspected",
    "sampling.failed",
    "commitment.breached",
    "credit.repaired",
    "objection.decided",
)
COUNTED_DAYS: Final = (30, 90, 180)
HALF_LIVES: Final = (45, 120, 365, 730)
DAY_HALF_LIVES: Final = (60, 180, 365, 1_095)
AGAIN: Final = 180
"""Days within which a record is said to have come back."""

_UNREACHABLE: Final = 8
_YEAR: Final = 365
_QUARTER: Final = 91
_LONGEST: Final = 3_650
"""Days that stand for never."""

_of = partial(
    Feature,
    dimension="supervision",
    family="recurrence",
    events=EVENTS,
    direction=1,
    why=("曾有者易再有", "what came, comes back"),
)
_rate = partial(
    Feature,
    dimension="links",
    family="recurrence",
    events=EVENTS,
    direction=1,
    unit="比例 share",
    why=("同类的基准", "the base rate of the like"),
)

_GROUPS: Final = {
    "county": ("同县", "of its county", 50.0),
    "town": ("同乡镇", "of its township", 50.0),
    "trade": ("同行业大类", "of its division", 30.0),
    "industry": ("同行业", "of its industry", 30.0),
    "peers": ("同县同行业", "of its county and industry", 10.0),
}
"""Groups: zh, en, and how many more are thought seen."""

_AGAIN_GROUPS: Final = ("county", "trade", "industry")
_YEARLY_GROUPS: Final = ("county", "town", "industry", "peers")

FEATURES: Final = (
    *(
        _of(
            name=f"records_{days}",
            zh=f"{days} 天内不良记录（重现）",
            en=f"adverse records in {days} days, for recurrence",
            unit="次",
            computed=(f"{days} 天内的不良记录", f"adverse records in {days} days"),
        )
        for days in COUNTED_DAYS
    ),
    _of(
        name="records",
        zh="全部不良记录",
        en="adverse records so far",
        unit="次",
        computed=("不良记录总数", "all adverse records"),
    ),
    *(
        _of(
            name=f"records_fading_{half}",
            zh=f"渐消不良记录（半衰期 {half} 天）",
            en=f"fading records, half-life {half} days",
            unit="分 points",
            computed=(f"每件计 1，每 {half} 天减半", f"one each, halved every {half} days"),
        )
        for half in HALF_LIVES
    ),
    *(
        _of(
            name=f"days_fading_{half}",
            zh=f"渐消不良日（半衰期 {half} 天）",
            en=f"fading days with records, half-life {half:,} days",
            unit="分 points",
            computed=(
                f"有不良记录的日子，每日计 1，每 {half} 天减半",
                f"days with an adverse record, one each, halved every {half:,} days",
            ),
        )
        for half in DAY_HALF_LIVES
    ),
    _of(
        name="record_quarters",
        zh="有不良记录的季度",
        en="quarters with records",
        unit="个 quarters",
        computed=("从现在往回每 91 天一段，有不良记录的段数", "spans of 91 days back from now with an adverse record"),
    ),
    _of(
        name="days_since_record",
        zh="距上次不良记录",
        en="days since a record",
        unit="天 days",
        direction=-1,
        computed=(
            "距最近不良记录的天数，最多 3,650；从无为 3,650",
            "days since the latest, 3,650 at most and for none",
        ),
    ),
    _of(
        name="record_span",
        zh="不良记录跨度",
        en="span of records",
        unit="天 days",
        direction=0,
        computed=("首末不良记录相隔天数", "days from the first adverse record to the latest"),
    ),
    _of(
        name="record_gap",
        zh="平均间隔",
        en="mean pause between records",
        unit="天 days",
        direction=0,
        computed=("跨度 ÷（有记录的日数 - 1）；不足两日为 3,650", "span / (days with records - 1); 3,650 below two"),
    ),
    _of(
        name="record_pace",
        zh="沉寂与间隔之比",
        en="silence over the usual pause",
        unit="倍 times",
        direction=0,
        computed=("距上次天数 ÷（平均间隔 + 15）", "days since the latest / (mean pause + 15)"),
    ),
    _of(
        name="record_kinds",
        zh="不良记录种类",
        en="kinds of records",
        unit="种 kinds",
        computed=("不同的种类与处罚类别数", "different types of event and categories of penalties"),
    ),
    _of(
        name="amount_mean",
        zh="平均罚款档位",
        en="mean band of penalties",
        unit="档 band",
        direction=0,
        computed=("各处罚金额档的平均，无处罚为 0", "mean band of the amounts of its penalties; 0 for none"),
    ),
    _of(
        name="amount_fading_365",
        zh="渐消罚款档位",
        en="fading bands of penalties",
        unit="分 points",
        computed=("金额档加半，每 365 天减半", "the band of the amount plus a half, halved every 365 days"),
    ),
    _of(
        name="kind_recurrence",
        zh="此类记录的重现率",
        en="how often such records come back",
        unit="比例 share",
        computed=(
            "其不良记录所属类别中，180 天以前的记录在其后 180 天内又有记录的比例，按新近加权",
            "share of older records of the categories of its own that another followed within 180 days, by recency",
        ),
    ),
    _of(
        name="kind_recurrence_fading",
        zh="按重现率渐消的不良记录",
        en="fading records by how often such come back",
        unit="分 points",
        computed=("每件计该类别的重现率，每 365 天减半", "each counts that share, halved every 365 days"),
    ),
    *(
        _rate(
            name=f"{group}_ever",
            zh=f"{zh}曾有不良记录的比例",
            en=f"share {en} with any record",
            computed=(f"{zh}其他主体中有不良记录者，向更大范围收缩", f"of the others {en}, drawn to the wider group"),
        )
        for group, (zh, en, _) in _GROUPS.items()
    ),
    *(
        _rate(
            name=f"{group}_yearly",
            zh=f"{_GROUPS[group][0]}年均不良日",
            en=f"yearly days with records {_GROUPS[group][1]}",
            unit="日/年 days a year",
            computed=(
                f"{_GROUPS[group][0]}其他主体每年有不良记录的日数（每户最多计 12 日）",
                f"days with a record a year of the others {_GROUPS[group][1]}, 12 days of each at most",
            ),
        )
        for group in _YEARLY_GROUPS
    ),
    *(
        _rate(
            name=f"{group}_again",
            zh=f"{_GROUPS[group][0]}再犯率",
            en=f"share {_GROUPS[group][1]} with records again",
            computed=(
                f"{_GROUPS[group][0]} 180 天以前有记录的其他主体中，近 180 天又有者",
                f"of the others {_GROUPS[group][1]} with a record older than 180 days, those with one since",
            ),
        )
        for group in _AGAIN_GROUPS
    ),
    _rate(
        name="room_records",
        zh="同址他户不良记录",
        en="records of others at the room",
        unit="次",
        computed=("现住所房间内其他主体的不良记录数", "adverse records of the others at its present room"),
    ),
)

NAMES: Final = tuple(feature.name for feature in FEATURES)


def columns(present: Present) -> dict[str, Floats]:
    """The features by name, a value for each enterprise, none of them missing; the facts must be of all there are."""
    records = _Records(present)
    return {**records.own(), **records.kinds(), **records.rates()}


class _Records:
    """The adverse records of everybody as of a moment. `days`: the row of the first of each day of an enterprise."""

    def __init__(self, present: Present) -> None:
        self.present = present
        table = present.facts.happenings
        reached = present.of(What.INSPECTED)
        reached = reached[(table.detail[reached] & _UNREACHABLE) != 0]
        rows = present.kept(
            np.union1d(
                present.of(
                    What.PENALISED,
                    What.ABNORMAL_LISTED,
                    What.DISHONEST_LISTED,
                    What.SAMPLING_FAILED,
                    What.COMMITMENT_BREACHED,
                ),
                reached,
            )
        )
        self.rows = rows
        self.owner = table.owner[rows]
        self.age = (present.now - table.at[rows]) // DAY
        _, first = np.unique(pairs(self.owner, day_of(table.at[rows])), return_index=True)
        self.days = rows[np.sort(first)]
        self.day_count = present.count(self.days)

    def own(self) -> dict[str, Floats]:
        """What the enterprise's own records are."""
        present, rows = self.present, self.rows
        table = present.facts.happenings
        last, first = present.last(rows), np.full(present.size, present.now)
        np.minimum.at(first, self.owner, table.at[rows])
        some = last != NEVER
        since = np.where(some, np.minimum(present.days_since(last), _LONGEST), _LONGEST)
        span = np.where(some, (last - first) // DAY, 0).astype(float)
        gap = np.full(present.size, float(_LONGEST))
        np.divide(span, self.day_count - 1, out=gap, where=self.day_count > 1)
        quarters = np.unique(pairs(self.owner, self.age // _QUARTER), return_index=True)[1]
        penalties = rows[table.what[rows] == int(What.PENALISED)]
        bands = (table.detail[penalties] & 15).astype(float)
        mean = np.zeros(present.size)
        np.divide(
            present.summed(penalties, bands), present.count(penalties), out=mean, where=present.count(penalties) > 0
        )
        found = {f"records_{days}": present.count(present.within(rows, days)) for days in COUNTED_DAYS}
        found |= {f"records_fading_{half}": decayed(present, rows, half) for half in HALF_LIVES}
        found |= {f"days_fading_{half}": decayed(present, self.days, half) for half in DAY_HALF_LIVES}
        return found | {
            "records": present.count(rows),
            "record_quarters": present.count(rows[np.sort(quarters)]),
            "days_since_record": since,
            "record_span": span,
            "record_gap": gap,
            "record_pace": since / (gap + 15.0),
            "amount_mean": mean,
            "amount_fading_365": decayed(present, penalties, _YEAR, bands + 0.5),
        }

    def kinds(self) -> dict[str, Floats]:
        """What records of the same kinds came to."""
        present, rows, owner = self.present, self.rows, self.owner
        table = present.facts.happenings
        kind = (table.what[rows] << 16) + np.where(
            table.what[rows] == int(What.PENALISED), table.detail[rows] >> CATEGORY, 0
        )
        values, group = np.unique(kind, return_inverse=True)
        group = np.asarray(group, np.int64).reshape(-1)
        followed, old = self._followed()
        base = followed.sum() / max(old.sum(), 1)
        share = (np.bincount(group, followed, len(values)) + 20 * base) / (np.bincount(group, old, len(values)) + 20)
        weights = halving(_YEAR)[np.clip(self.age, 0, 19_999)]
        summed = present.summed(rows, weights * share[group]) if len(rows) else np.zeros(present.size)
        whole = present.summed(rows, weights) if len(rows) else np.zeros(present.size)
        usual = np.full(present.size, float(base))
        np.divide(summed, whole, out=usual, where=whole > 0)
        different = np.unique(pairs(owner, kind), return_index=True)[1]
        return {
            "record_kinds": present.count(rows[np.sort(different)]),
            "kind_recurrence": usual,
            "kind_recurrence_fading": summed,
        }

    def _followed(self) -> tuple[Floats, Floats]:
        """By record: whether it is older than `AGAIN` days and one of another day followed within as many; whether it
        is older at all.
        """
        table = self.present.facts.happenings
        day = day_of(table.at[self.rows])
        order = np.lexsort((day, self.owner))
        owner, days = self.owner[order], day[order]
        later = np.searchsorted(pairs_line(owner, days), pairs_line(owner, days), side="right")
        following = np.minimum(later, max(len(days) - 1, 0))
        again = (later < len(days)) & (owner[following] == owner) & (days[following] - days <= AGAIN)
        old = self.age[order] >= AGAIN
        followed, older = np.zeros(len(order)), np.zeros(len(order))
        followed[order], older[order] = again & old, old
        return followed, older

    def rates(self) -> dict[str, Floats]:
        """What others like it have."""
        present = self.present
        ever = (self.day_count > 0).astype(float)
        old = (present.count(self.rows[self.age >= AGAIN]) > 0).astype(float)
        again = old * (present.count(self.rows[self.age < AGAIN]) > 0)
        yearly = np.minimum(self.day_count, 12) / self._years()
        groups = {
            "county": present.county,
            "town": np.where(present.town > 0, present.town, present.county),
            "trade": _trade(present.industry),
            "industry": present.industry,
            "peers": pairs(present.county, present.industry),
        }
        everyone, one = np.zeros(present.size, np.int64), present.facts.known.astype(float)
        found: dict[str, Floats] = {}
        for name, numerator, denominator in (("ever", ever, one), ("yearly", yearly, one), ("again", again, old)):
            whole = rate_without_oneself(everyone, numerator, denominator, np.zeros(present.size), 1.0)
            made: dict[str, Floats] = {}
            for group, keys in groups.items():
                wider = whole
                if group == "peers":
                    wider = made["county"] * made["industry"] / np.maximum(whole, 1e-9)
                elif group == "industry":
                    wider = made["trade"]
                elif group == "town":
                    wider = made["county"]
                made[group] = rate_without_oneself(keys, numerator, denominator, wider, _GROUPS[group][2])
            found |= {f"{group}_{name}": values for group, values in made.items() if f"{group}_{name}" in NAMES}
        counts = present.count(self.rows)
        rooms = group_sums(present.room, counts) - counts
        return found | {"room_records": np.where(present.room > 0, rooms, 0.0)}

    def _years(self) -> float:
        """Years from the first record of all to now, a month at least."""
        return max(float(self.age.max(initial=0)), 30.0) / _YEAR


def pairs_line(owner: Ints, days: Ints) -> Ints:
    """Owners and days on one line, in their order."""
    return np.asarray(owner * 1_000_000 + days, np.int64)


def _trade(industry: Ints) -> Ints:
    """The division of an industry; of another register's the broader class."""
    foreign = industry >= FOREIGN_INDUSTRY
    return np.where(foreign, FOREIGN_INDUSTRY + ((industry - FOREIGN_INDUSTRY) >> 12), industry // 100)
