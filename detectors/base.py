"""What every detector is made of: its description, its finding, and the levels of both.

The flow: a stage keeps the view of a subject, calls `find` when something about it changed or the time `until`
of its last finding has come, and publishes what comes back as a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

Levels = Sequence[tuple[int, float]]
"""(level, threshold), ascending in both."""

Evidence = tuple[int, int, str, int]
"""One event that a finding rests on: moment, source number, event id, number of its enterprise."""

MOST_EVIDENCE: Final = 100

SubjectKind = Literal["address", "person", "enterprise", "group"]
ViewKind = Literal["room", "person", "enterprise", "ties", "cut"]
"""What a detector looks at. `cut`: no stage keeps it; it is computed at cuts of its own, over many subjects at once."""

Certainty = Literal["statute", "document", "secondary", "unverified", "proposal"]

LEVEL_NAMES: Final = {1: ("提示", "notice"), 2: ("黄色", "yellow"), 3: ("橙色", "orange"), 4: ("红色", "red")}


class Deadline(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dated duty: `opens` and `due` are dates (RFC 3339) in Asia/Shanghai; provisional where the year's
    official calendar is not known yet.
    """

    duty: str
    due: str
    opens: str | None = None
    provisional: bool = False


class Finding(msgspec.Struct):
    """What a detector found on one subject.

    `members` are the numbers of the enterprises counted; where `selector` is set instead, they are that list of
    the view (a hub's list is never copied). `until` is the first moment at which the finding could change without
    news, or None. `facts` fill the sentence of the reason.
    """

    level: int
    value: float
    since: int
    until: int | None = None
    members: Sequence[int] = ()
    selector: str | None = None
    evidence: Sequence[Evidence] = ()
    weak: bool = False
    deadlines: Sequence[Deadline] = ()
    facts: Mapping[str, Any] = {}


class Basis(msgspec.Struct, frozen=True):
    """Where a rule comes from, and how certain that is."""

    text: str
    certainty: Certainty


class Text(msgspec.Struct, frozen=True):
    """A text for people, Chinese first."""

    zh: str
    en: str


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """A detector's description and its function. `example` gives raw events that make it fire once, and the
    level and value it must find on them at `now`.
    """

    id: str
    version: int
    subject: SubjectKind
    view: ViewKind
    title: Text
    finding: Text
    levels: dict[int, Text]
    basis: Sequence[Basis]
    false_positives: Sequence[Text]
    reason: Text
    way_out: Text
    find: Callable[[Any, Mapping[str, Any], int], Finding | None]
    example: Callable[[], tuple[list[dict[str, Any]], int, float]]

    @property
    def at_cut(self) -> bool:
        """Whether it is computed at cuts of its own (contract §4), and not by a stage when something changes."""
        return self.view == "cut"

    def said(self, value: float, lowest: float, facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """The `reason` of a finding and its `way_out`, each zh and en. `lowest`: the lowest threshold. A finding whose
        facts have a `way_out` says it by itself.
        """
        fill = {"value": whole(value), "lowest": whole(lowest), **facts}
        own = facts.get("way_out")
        return {
            "reason": {"zh": self.reason.zh.format(**fill), "en": self.reason.en.format(**fill)},
            "way_out": dict(own)
            if own
            else {"zh": self.way_out.zh.format(**fill), "en": self.way_out.en.format(**fill)},
        }


def whole(value: float) -> float | int:
    """A number as people write it: without a fraction where it has none."""
    return int(value) if value == int(value) else value


def level_of(number: float, levels: Levels) -> int:
    """The highest level whose threshold the number reaches; 0 for none."""
    reached = 0
    for level, threshold in levels:
        if number >= threshold:
            reached = level
    return reached


def newest(evidence: Sequence[Evidence]) -> list[Evidence]:
    """At most the newest MOST_EVIDENCE of some evidence, oldest first."""
    return sorted(evidence)[-MOST_EVIDENCE:]
