"""What is asked of the models of a cluster once a day, and what they answer: in texts, as numbers are a process's."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from detectors.base import Finding
from detectors.graph.view import Group


class Question(msgspec.Struct, frozen=True):
    """What is to be looked at: `now`, which the log has reached at least; `log`: up to where each of its partitions is
    applied everywhere; `model`: the hash of the anomaly model in force, `-` for none. `epoch`: of who asks.
    """

    epoch: int
    now: int
    log: Mapping[int, int]
    model: str


class Told(msgspec.Struct, frozen=True):
    """A finding whose numbers are texts. `members`: codes; `evidence`: moment, source, event id, code."""

    finding: Finding
    members: list[str]
    evidence: list[tuple[int, str, str, str]]


class Opinion(msgspec.Struct, frozen=True):
    """What was found at `moment`, with the model of the question. `groups` are without numbers, their findings beside
    them; `anomalies`: code, county, finding. What could not be worked out is None: what stands of it stays.
    """

    moment: int
    model: str
    groups: list[tuple[Group, Told]] | None
    anomalies: list[tuple[str, str | None, Told]] | None


class Away(msgspec.Struct, frozen=True):
    """Brokers, database or a store could not be reached: to be asked again."""

    reason: str


def nothing(question: Question) -> Opinion:
    """Where the models failed: everything stays as it is until they are asked again."""
    return Opinion(question.now, question.model, None, None)
