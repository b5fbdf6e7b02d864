"""Features of inspections, samples, visits and letters, and of contact with the enterprise. Dimension: supervision.

Evidence and contact are those of `untraceable` (contract §4).
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from models.features.around import Around
from models.features.facts import NEVER, Floats, Ints, What
from models.features.feature import Feature
from models.features.present import UNREACHABLE, Present

_NONE_FOUND, _UNREACHABLE_RESULT, _RESULTS = 1, 8, 255
_INSPECTED: Final = ("enforcement.inspected",)
_CONTACT: Final = (
    "enforcement.letter_delivered",
    "enforcement.visited",
    "enforcement.inspected",
    "report.filed",
    "enforcement.abnormal_removed",
    "registration.changed",
)
_EVIDENCE: Final = (
    "enforcement.letter_returned",
    "enforcement.visited",
    "enforcement.inspected",
    "complaint.received",
    "tax.irregular",
)

_of = partial(Feature, dimension="supervision", family="checks", direction=1, unit="次")

FEATURES: Final = (
    _of(
        name="inspections_1095",
        zh="三年内检查",
        en="inspections in 1,095 days",
        computed=("1,095 天内的检查次数", "inspections in 1,095 days"),
        why=("查得多者发现也多，须与结果一同看", "who is looked at more is found out more"),
        events=_INSPECTED,
        direction=0,
    ),
    _of(
        name="inspection_faults_1095",
        zh="三年内检查发现问题",
        en="faults found in 1,095 days",
        computed=("1,095 天内结果含问题的检查次数", "inspections in 1,095 days with any result but none found"),
        why=("查实的问题", "faults that were found"),
        events=_INSPECTED,
    ),
    _of(
        name="days_since_inspection",
        zh="距上次检查",
        en="days since an inspection",
        unit="天 days",
        computed=("距最近一次检查的整天数；没有为空", "whole days since an inspection; empty for none"),
        why=("久未检查情况不明", "not looked at for long"),
        events=_INSPECTED,
        direction=0,
    ),
    _of(
        name="days_since_contact",
        zh="距上次联系",
        en="days since contact",
        unit="天 days",
        computed=(
            "距最近一次联系（签收、查访见到、检查、年报、因可联系移出、迁址）的整天数；没有为空",
            "whole days since the last contact (letter delivered, found by visit or inspection, report, removal from "
            "the list of unreachable, move); empty for none",
        ),
        why=("久无联系多已失联", "who was not heard of for long may be gone"),
        events=_CONTACT,
    ),
    _of(
        name="evidence_since_contact",
        zh="联系后失联证据",
        en="evidence since contact",
        unit="件",
        computed=(
            "最近联系之后的退信、查访无人、投诉称无法联系、税务非正常",
            "letters returned, visits that found nobody, complaints of no answer, tax irregular, since the contact",
        ),
        why=("查无下落的证据", "evidence that it cannot be found"),
        events=_EVIDENCE,
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name; `around` is not looked at."""
    table = present.facts.happenings
    inspected, visited = present.of(What.INSPECTED), present.of(What.VISITED)
    results = table.detail[inspected] & _RESULTS
    missing = (results & _UNREACHABLE_RESULT) != 0
    faulty = inspected[results != _NONE_FOUND]
    absent = np.union1d(inspected[missing], visited[table.detail[visited] == 0])
    returned = present.last_of_each(present.of(What.LETTER_RETURNED))
    contact = _contact(present, inspected[~missing], visited[table.detail[visited] == 1])
    complaints = present.of(What.COMPLAINT)
    unanswered = complaints[(table.detail[complaints] & 1) != 0]
    evidence = np.concatenate([absent, returned, unanswered, _irregular(present)])
    evidence = evidence[table.at[evidence] > contact[table.owner[evidence]]]
    return {
        "inspections_1095": present.count(present.within(inspected, 1_095)),
        "inspection_faults_1095": present.count(present.within(faulty, 1_095)),
        "days_since_inspection": present.days_since(present.last(inspected)),
        "days_since_contact": present.days_since(contact),
        "evidence_since_contact": present.count(evidence),
    }


def _irregular(present: Present) -> Ints:
    """Words of the tax office that it is irregular, but for those that a later word took back."""
    table = present.facts.happenings
    rows, regular = present.of(What.TAX_IRREGULAR), present.of(What.TAX_REGULAR)
    taken_back = np.full(present.size, -1)
    taken_back[table.owner[regular]] = table.turn[regular]
    left: Ints = rows[table.turn[rows] > taken_back[table.owner[rows]]]
    return left


def _contact(present: Present, inspected: Ints, visited: Ints) -> Ints:
    """The moment of the last contact by enterprise; NEVER where there was none."""
    table = present.facts.happenings
    removed = present.of(What.ABNORMAL_REMOVED)
    found = present.last(present.of(What.LETTER_DELIVERED, What.FILED))
    for rows in (inspected, visited, removed[table.detail[removed] == UNREACHABLE]):
        found = np.maximum(found, present.last(rows))
    moved = np.full(present.size, NEVER)
    moved[present.moves_of] = present.moves
    latest: Ints = np.maximum(found, moved)
    return latest
