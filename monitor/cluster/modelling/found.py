"""What is asked of the models of a cluster once a day, and what they answer: in texts, as numbers are a process's."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from detectors.base import Finding
from detectors.graph.view import Group
from monitor.runners.daily import Questions
from monitor.store.work.shadows import Shadow


class Question(msgspec.Struct, frozen=True):
    """What is to be looked at: `now`, which the log has reached at least; `log`: up to where each of its partitions is
    applied everywhere; `asked`: who is asked. `epoch`: of who asks.
    """

    epoch: int
    now: int
    log: Mapping[int, int]
    asked: Questions


class Told(msgspec.Struct, frozen=True):
    """A finding whose numbers are texts. `members`: codes; `evidence`: moment, source, event id, code."""

    finding: Finding
    members: list[str]
    evidence: list[tuple[int, str, str, str]]


class Foretold(msgspec.Struct, frozen=True):
    """What a forecast says, by the references of the database: the chances that are others than at the cut `since`, as
    `monitor.store.work.forecasts.differing` gives them, and for some why, packed. Of a province few change in a day.
    """

    since: int
    chances: dict[int, float]
    reasons: dict[int, bytes]


class Opinion(msgspec.Struct, frozen=True):
    """What was found at `moment` by those who were `asked`. `groups` are without numbers, their findings beside them;
    `anomalies`: code, county, finding; `foretold`: by the forecast; `shadow`: how far the challenger agreed. What could
    not be worked out, or was not asked for, is None: what stands of it stays.
    """

    moment: int
    asked: Questions
    groups: list[tuple[Group, Told]] | None = None
    anomalies: list[tuple[str, str | None, Told]] | None = None
    foretold: Foretold | None = None
    shadow: Shadow | None = None


class Away(msgspec.Struct, frozen=True):
    """Brokers, database or a store could not be reached: to be asked again."""

    reason: str


def nothing(question: Question) -> Opinion:
    """Where the models failed: everything stays as it is until they are asked again."""
    return Opinion(question.now, question.asked)
