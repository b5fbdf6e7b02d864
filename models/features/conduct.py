"""Features of what the enterprise does and leaves undone: changes, reports, tax, commitments. Dimension: conduct."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from config.moments import DAY
from models.features.around import Around
from models.features.facts import NEVER, Floats, Ints, What
from models.features.feature import Feature
from models.features.present import Present, pairs

_REPORTS: Final = ("report.filed", "report.missed")

_of = partial(Feature, dimension="conduct", family="conduct", direction=1)

FEATURES: Final = (
    _of(
        name="changes_180",
        zh="半年内真实变更",
        en="real changes in 180 days",
        unit="次",
        computed=(
            "180 天内住所或负责人的真实变更；设立与首次登记不计",
            "changes of room or lead persons in 180 days; establishments and first values are none",
        ),
        why=("频繁变更多见于逃避", "those who evade change often"),
        events=("registration.changed",),
    ),
    _of(
        name="moves_1095",
        zh="三年内迁址",
        en="moves in 1,095 days",
        unit="次",
        computed=("1,095 天内住所变为另一房间", "times the room became another in 1,095 days"),
        why=("屡次迁址难以联系", "who moves again and again is hard to reach"),
        events=("registration.changed",),
    ),
    _of(
        name="reports_missing",
        zh="未补报的年报",
        en="reports missing",
        unit="份",
        computed=("未报且其后未补报的年度数", "years missed of which no report came since"),
        why=("不履行公示义务；连续两年未报是查无下落的证据", "duty to publish unmet; two years running are evidence"),
        events=_REPORTS,
    ),
    _of(
        name="reports_late",
        zh="补报的年报",
        en="reports filed late",
        unit="份",
        computed=("未报后又补报的年度数", "years missed and reported since"),
        why=("履行公示义务拖延", "duty to publish met late"),
        events=_REPORTS,
    ),
    _of(
        name="days_since_report",
        zh="距上次年报",
        en="days since a report",
        unit="天 days",
        computed=("距最近一次报送年报的整天数；从未报送为空", "whole days since a report was filed; empty for never"),
        why=("久未报送多已停业", "who has not reported for long has often stopped"),
        events=_REPORTS,
    ),
    _of(
        name="tax_irregular",
        zh="税务非正常",
        en="tax irregular",
        unit="0/1",
        computed=("现为税务非正常户", "irregular for the tax office at present"),
        why=("税务机关无法联系", "the tax office cannot reach it"),
        events=("tax.irregular", "tax.regular"),
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name; `around` is not looked at."""
    size, now = present.size, present.now

    def changed(owners: Ints, at: Ints, days: int) -> Floats:
        return np.bincount(owners[at > now - days * DAY], minlength=size).astype(float)

    missing, late = _reports(present)
    tax = present.of(What.TAX_IRREGULAR, What.TAX_REGULAR)
    irregular = np.zeros(size)
    irregular[present.facts.happenings.owner[tax]] = present.facts.happenings.what[tax] == int(What.TAX_IRREGULAR)
    return {
        "changes_180": changed(present.changes_of, present.changes, 180),
        "moves_1095": changed(present.moves_of, present.moves, 1_095),
        "reports_missing": missing,
        "reports_late": late,
        "days_since_report": present.days_since(present.last(present.of(What.FILED))),
        "tax_irregular": irregular,
    }


def _reports(present: Present) -> tuple[Floats, Floats]:
    """Years missed and not reported since, and years reported late: by each year's last miss and last report."""
    table = present.facts.happenings
    missed = present.of(What.MISSED)
    if not len(missed):
        return np.zeros(present.size), np.zeros(present.size)
    years, row = _last_by_year(present, missed)
    has_missed = np.zeros(present.size, bool)
    has_missed[table.owner[row]] = True
    filed = present.of(What.FILED)
    filed_years, filed_row = _last_by_year(present, filed[has_missed[table.owner[filed]]])
    report = np.full(len(years), NEVER)
    if len(filed_years):
        place = np.minimum(np.searchsorted(filed_years, years), len(filed_years) - 1)
        report = np.where(filed_years[place] == years, table.at[filed_row[place]], NEVER)
    late = report >= table.at[row]
    return present.count(row[~late]), present.count(row[late])


def _last_by_year(present: Present, rows: Ints) -> tuple[Ints, Ints]:
    """The last of some rows for each year of each enterprise: keys, ascending, and rows."""
    table = present.facts.happenings
    keys, first = np.unique(pairs(table.owner[rows], table.detail[rows])[::-1], return_index=True)
    return keys, rows[len(rows) - 1 - first]
