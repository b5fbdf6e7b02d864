"""Features of penalties and listings, what is repaired left out. Dimension: supervision."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from config.moments import SECOND
from models.features.around import Around
from models.features.decay import decayed
from models.features.facts import NEVER, Floats, Ints, What
from models.features.feature import Feature
from models.features.present import Present

_PENALTIES: Final = ("enforcement.penalised", "credit.repaired", "objection.decided")
_LISTINGS: Final = (
    "enforcement.abnormal_listed",
    "enforcement.abnormal_removed",
    "credit.repaired",
    "objection.decided",
)
_ADVERSE: Final = (
    "enforcement.penalised",
    "enforcement.abnormal_listed",
    "enforcement.dishonest_listed",
    "sampling.failed",
    "commitment.breached",
    "report.missed",
    "credit.repaired",
    "objection.decided",
)
_FORM_WEIGHTS: Final = np.array([1.0, 0.5, 1.0, 3.0])
"""Of an unknown form, a warning, a fine, and what restricts the business (see `PENALTY_FORMS` of histories)."""

_BAND_WEIGHT: Final = 0.25
_DAY_SECONDS: Final = 86_400
_DAYS_OF_RATES: Final = (90, 365, 1_095)
_DAYS_OF_PENALTIES: Final = (365, 1_095)
_HALF_LIVES: Final = (90, 365, 1_095)

_penalty = partial(Feature, dimension="supervision", family="penalties", events=_PENALTIES, direction=1, unit="次")
_listing = partial(Feature, dimension="supervision", family="penalties", events=_LISTINGS, direction=1)
_adverse = partial(Feature, dimension="supervision", family="penalties", events=_ADVERSE, direction=1)

FEATURES: Final = (
    *(
        _penalty(
            name=f"penalties_{days}",
            zh=f"{days} 天内处罚",
            en=f"penalties in {days:,} days",
            computed=(f"{days} 天内未修复的处罚数", f"penalties in {days:,} days that are not repaired"),
            why=("曾受罚者更可能再犯", "who was fined is likelier to be fined again"),
        )
        for days in _DAYS_OF_PENALTIES
    ),
    _penalty(
        name="penalties",
        zh="全部处罚",
        en="penalties so far",
        computed=("未修复的处罚总数", "all penalties that are not repaired"),
        why=("最朴素的基线", "the plainest of baselines"),
    ),
    *(
        _penalty(
            name=f"penalties_weighted_{half_life}",
            zh=f"加权处罚（半衰期 {half_life} 天）",
            en=f"weighted penalties, half-life {half_life:,} days",
            unit="分 points",
            computed=(
                f"每件按形式（警告 0.5、罚没 1、限制 3）加金额档 ÷ 4 计分，每 {half_life} 天减半",
                f"each by form (warning 0.5, fine 1, restriction 3) plus band of amount / 4, halved every "
                f"{half_life:,} days",
            ),
            why=("近而重者分量大", "the recent and the grave weigh more"),
        )
        for half_life in _HALF_LIVES
    ),
    _penalty(
        name="penalties_trend",
        zh="处罚趋势",
        en="trend of penalties",
        computed=("近 365 天减去此前 365 天的处罚数", "penalties of 365 days less those of the 365 days before"),
        why=("增多比多更能预示", "growth foretells more than number"),
    ),
    _penalty(
        name="days_since_penalty",
        zh="距上次处罚",
        en="days since a penalty",
        unit="天 days",
        computed=("距最近一次未修复处罚的整天数；没有为空", "whole days since a penalty; empty for none"),
        why=("越近越可能再犯", "the nearer, the likelier another"),
        direction=-1,
    ),
    _listing(
        name="abnormal_now",
        zh="现列异常",
        en="listed abnormal now",
        unit="项 grounds",
        computed=("现列入经营异常名录的事由数", "grounds on which it is listed abnormal at present"),
        why=("未履行的义务", "duties unmet"),
    ),
    _listing(
        name="abnormal_days",
        zh="列异天数",
        en="days listed abnormal",
        unit="天 days",
        computed=(
            "最早一项现列异常至今的整天数；未列为 0",
            "whole days since the earliest listing in force; 0 for none",
        ),
        why=("久列不改，三年后可吊销", "long unmended; after three years it may be revoked"),
    ),
    _listing(
        name="abnormal_1095",
        zh="三年内列异次数",
        en="abnormal listings in 1,095 days",
        unit="次",
        computed=("1,095 天内未修复的列入次数", "listings in 1,095 days that are not repaired"),
        why=("屡列屡移", "on and off the list"),
    ),
    _listing(
        name="dishonest_now",
        zh="现列严重违法失信",
        en="listed dishonest now",
        unit="0/1",
        computed=("现列入严重违法失信名单", "on the list of seriously dishonest enterprises at present"),
        why=("严重违法", "grave breach of law"),
        events=("enforcement.dishonest_listed", "enforcement.dishonest_removed", "credit.repaired"),
    ),
    _listing(
        name="defaulter_now",
        zh="现为失信被执行人",
        en="court defaulter now",
        unit="0/1",
        computed=("企业自身现为失信被执行人", "the enterprise itself is listed by a court at present"),
        why=("有能力而不履行", "able and unwilling to pay"),
        events=("court.defaulter_listed", "court.defaulter_removed", "credit.repaired"),
    ),
    *(
        _adverse(
            name=f"adverse_{days}",
            zh=f"{days} 天内不良记录",
            en=f"adverse records in {days:,} days",
            unit="次",
            computed=(
                f"{days} 天内未修复的处罚、列入、抽检不合格、违诺、未报年报",
                f"penalties, listings, failed samples, breaches and missed reports in {days:,} days, but for those "
                "repaired",
            ),
            why=("各类不良记录相互预示", "adverse records of one kind foretell others"),
        )
        for days in _DAYS_OF_RATES
    ),
    _adverse(
        name="adverse_burst",
        zh="一年内不良记录最密的三十天",
        en="densest 30 days of adverse records",
        unit="次",
        computed=(
            "365 天内任意 30 天中不良记录最多数",
            "the most adverse records within 30 days, of those in 365 days",
        ),
        why=("集中爆发", "trouble comes in bursts"),
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name; `around` is not looked at."""
    rows = present.kept(present.of(What.PENALISED))
    detail = present.facts.happenings.detail[rows]
    points = _FORM_WEIGHTS[detail >> 4 & 3] + _BAND_WEIGHT * (detail & 15)
    year = present.count(present.within(rows, 365))
    listed = present.abnormal
    earliest = np.where(listed == NEVER, present.now, listed).min(axis=1)
    adverse = present.kept(
        present.of(
            What.PENALISED,
            What.ABNORMAL_LISTED,
            What.DISHONEST_LISTED,
            What.SAMPLING_FAILED,
            What.COMMITMENT_BREACHED,
            What.MISSED,
        )
    )
    listings = present.kept(present.of(What.ABNORMAL_LISTED))
    found = {f"penalties_{days}": present.count(present.within(rows, days)) for days in _DAYS_OF_PENALTIES}
    found |= {f"penalties_weighted_{half}": decayed(present, rows, half, points) for half in _HALF_LIVES}
    found |= {f"adverse_{days}": present.count(present.within(adverse, days)) for days in _DAYS_OF_RATES}
    return found | {
        "penalties": present.count(rows),
        "penalties_trend": year - present.count(present.within(rows, 365, before=365)),
        "days_since_penalty": present.days_since(present.last(rows)),
        "abnormal_now": (listed != NEVER).sum(axis=1).astype(float),
        "abnormal_days": present.days_since(earliest),
        "abnormal_1095": present.count(present.within(listings, 1_095)),
        "dishonest_now": (present.dishonest != NEVER).astype(float),
        "defaulter_now": (present.defaulter != NEVER).astype(float),
        "adverse_burst": _burst(present, present.within(adverse, 365)),
    }


def _burst(present: Present, rows: Ints) -> Floats:
    """By enterprise: the most of some rows of the last 365 days within 30 days, both ends included, to the second."""
    table = present.facts.happenings
    apart = 800 * _DAY_SECONDS
    line = (table.at[rows] - present.now) // SECOND + table.owner[rows] * apart
    first = np.searchsorted(line, line - 30 * _DAY_SECONDS)
    found = np.zeros(present.size)
    np.maximum.at(found, table.owner[rows], np.arange(1, len(rows) + 1) - first.astype(float))
    return found
