"""Features of what others say of the enterprise: complaints and honours. Dimension: public voice."""

from __future__ import annotations

from functools import partial
from typing import Final

from models.features.around import Around
from models.features.facts import Floats, What
from models.features.feature import Feature
from models.features.present import Present

_TRUE: Final = 2

_of = partial(Feature, dimension="voice", family="voice", events=("complaint.received",), direction=1, unit="件")

FEATURES: Final = (
    _of(
        name="complaints_30",
        zh="三十天内投诉",
        en="complaints in 30 days",
        computed=("30 天内首次出现的投诉编号数", "numbers of complaints first named in 30 days"),
        why=("投诉集中出现预示纠纷", "complaints in a burst foretell a dispute"),
    ),
    _of(
        name="complaints_365",
        zh="一年内投诉",
        en="complaints in 365 days",
        computed=("365 天内首次出现的投诉编号数", "numbers of complaints first named in 365 days"),
        why=("消费者的反映", "what consumers report"),
    ),
    _of(
        name="complaints_true_1095",
        zh="三年内查实投诉",
        en="complaints found true in 1,095 days",
        computed=(
            "1,095 天内最后一次说明为查实的投诉数",
            "complaints whose last word in 1,095 days is that they are true",
        ),
        why=("查实的过错", "faults that were found"),
    ),
    _of(
        name="honours_1095",
        zh="三年内荣誉",
        en="honours in 1,095 days",
        computed=("1,095 天内获得的荣誉数", "honours awarded in 1,095 days"),
        why=("正面评价", "a good word"),
        events=("honour.awarded",),
        direction=-1,
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name; `around` is not looked at."""
    detail = present.facts.happenings.detail
    rows = present.of(What.COMPLAINT)
    once = present.first_of_each(rows)
    said = rows[detail[rows] >> 1 > 0]
    said = present.last_of_each(said)
    true = said[detail[said] >> 1 == _TRUE]
    return {
        "complaints_30": present.count(present.within(once, 30)),
        "complaints_365": present.count(present.within(once, 365)),
        "complaints_true_1095": present.count(present.within(true, 1_095)),
        "honours_1095": present.count(present.within(present.of(What.HONOURED), 1_095)),
    }
