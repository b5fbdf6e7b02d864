"""查无下落: an enterprise that cannot be reached at its registered address. The monitor suspects; people list.

Stages: 1 suspected, 2 one letter returned, 3 two letters returned that were sent 15 to 30 days apart, 4 listed.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from config.moments import shanghai_date, shanghai_day
from config.workdays import add_working_days
from detectors.base import Basis, Deadline, Detector, Evidence, Finding, Text, newest
from detectors.example import Raw, event, opened
from detectors.views import EnterpriseView, Mailing


def find(view: EnterpriseView, parameters: Mapping[str, Any], now: int) -> Finding | None:
    """Evidence later than the last contact; at equal times the contact counts as later."""
    listed = view.listed_unreachable
    if not view.evidence and listed is None:
        return None
    contact = view.last_contact
    evidence = [item for item in view.evidence if contact is None or item[0] > contact]
    letters = [mailing for mailing in view.mailings if contact is None or mailing.returned > contact]
    shortest, longest = parameters["letters_apart_days"]
    pair = _pair(letters, shortest, longest)
    if listed is not None:
        stage = 4
    elif pair is not None:
        stage = 3
    elif letters:
        stage = 2
    elif evidence:
        stage = 1
    else:
        return None
    return Finding(
        level=stage,
        value=stage,
        since=_since(evidence, listed),
        members=(view.ref,),
        evidence=newest([*evidence, *([listed] if listed else [])]),
        deadlines=_deadlines(stage, letters, pair, parameters),
        facts={"letters": len(letters)},
    )


def _since(evidence: Sequence[Evidence], listed: Evidence | None) -> int:
    """The first evidence after the last contact, else the listing."""
    if evidence:
        return min(item[0] for item in evidence)
    return listed[0] if listed is not None else 0


def _pair(letters: Sequence[Mailing], shortest: int, longest: int) -> tuple[Mailing, Mailing] | None:
    """The two letters sent the right number of days apart whose second came back first."""
    sent = sorted((shanghai_day(letter.sent), letter) for letter in letters if letter.sent is not None)
    days = [day for day, _ in sent]
    best: tuple[Mailing, Mailing] | None = None
    for day, earlier in sent:
        apart = sent[bisect_left(days, day + shortest) : bisect_right(days, day + longest)]
        if apart:
            pair = (earlier, min((later for _, later in apart), key=lambda letter: letter.returned))
            if best is None or _completed(pair) < _completed(best):
                best = pair
    return best


def _completed(pair: tuple[Mailing, Mailing]) -> int:
    return max(pair[0].returned, pair[1].returned)


def _deadlines(
    stage: int,
    letters: Sequence[Mailing],
    pair: tuple[Mailing, Mailing] | None,
    parameters: Mapping[str, Any],
) -> list[Deadline]:
    """The duties that follow: the window for the second letter, and the listing after it came back."""
    if stage == 3 and pair is not None:
        due = add_working_days(shanghai_date(_completed(pair)), parameters["listing_working_days"])
        return [Deadline("listing", due.day.isoformat(), provisional=due.provisional)]
    sent = [letter.sent for letter in letters if letter.sent is not None]
    if stage == 2 and sent:
        first = shanghai_date(min(sent))
        shortest, longest = parameters["letters_apart_days"]
        return [
            Deadline(
                "second_letter",
                (first + dt.timedelta(days=longest)).isoformat(),
                opens=(first + dt.timedelta(days=shortest)).isoformat(),
            )
        ]
    return []


def example() -> tuple[list[Raw], int, float]:
    """Two letters sent twenty days apart came back."""
    letters = [
        event("E000", f"enforcement.letter_{what}", day, number=number)
        for number, sent, back in (("L1", 10, 20), ("L2", 30, 40))
        for what, day in (("sent", sent), ("returned", back))
    ]
    return [opened("E000", 0, persons=["p0"]), *letters], 3, 3


DETECTOR = Detector(
    id="untraceable",
    version=1,
    subject="enterprise",
    view="enterprise",
    title=Text("查无下落", "untraceable"),
    finding=Text(
        "1 疑似失联，2 一封专用信函退回，3 间隔 15 至 30 日寄出的两封退回，4 已因无法联系列入异常",
        "1 suspected, 2 one letter returned, 3 two letters returned that were sent 15 to 30 days apart, 4 listed",
    ),
    levels={
        1: Text("疑似", "suspected"),
        2: Text("一封退信", "one letter returned"),
        3: Text("两封退信，可依规核实列入", "two letters returned: verify and list by the rules"),
        4: Text("已列入", "listed"),
    },
    basis=[
        Basis("《企业经营异常名录管理办法》第九条（专用信函，两次间隔不少于15日、不超过30日）", "unverified"),
        Basis("核实之日起 10 个工作日内列入", "unverified"),
    ],
    false_positives=[
        Text("信箱或门牌变更、代收点退件", "a changed mailbox or door plate, a return by the collection point"),
        Text("歇业期间", "a suspended business"),
    ],
    reason=Text(
        "最后一次取得联系之后出现失联迹象（第 {value} 阶段）",
        "signs of being unreachable since the last contact (stage {value})",
    ),
    way_out=Text(
        "取得联系：签收信函、走访找到、申报年报或变更住所",
        "contact: a delivered letter, a visit that finds it, a filed report, a change of address",
    ),
    find=find,
    example=example,
)
