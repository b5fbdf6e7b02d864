"""One cut of `shell-cluster` over a flow and its home: where to look, what is found, and how it is written.

Called once a day and at the end of `--once` (contract §4), inside the transaction of that cut, after everything was
judged and written. The same log gives the same groups, under the same keys.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from config.moments import DAY
from config.ruleset import Rules
from detectors.graph.groups import find_groups
from detectors.graph.siblings import sibling_starts
from detectors.graph.view import Group
from detectors.shell_cluster import DETECTOR
from models.features.present import Present
from monitor.engine.flow import Flow
from monitor.modelling.gathering import facts_of
from monitor.modelling.naming import HomeNaming, Naming
from monitor.modelling.neighbours import FlowNeighbours, flagged_subjects
from monitor.store.cutsignals import put_cut_signals, put_groups, standing_groups

_AT_ONCE: Final = 1 << 11


def cut_groups(connection: Connection, flow: Flow, rules: Rules, seq: int, presents: Iterable[Present] = ()) -> int:
    """Finds the groups at the flow's Now and makes them all that is in force of `shell-cluster`; how many signals came,
    changed or went. Where the rules have the detector off, none is left.

    `seq`: the block of the log that holds the cut. `presents`: what holds at Now of all enterprises, or of those
    `lately_opened`; without it, siblings of one agent or telephone are not looked around.
    """
    naming = HomeNaming(connection)
    found = groups_at(connection, flow, rules, naming, presents) if rules.active(DETECTOR.id) else []
    return put_cut_signals(connection, DETECTOR, put_groups(connection, found), rules, flow.now, seq)


def groups_at(
    connection: Connection, flow: Flow, rules: Rules, naming: Naming, presents: Iterable[Present] = ()
) -> list[Group]:
    """The groups at the flow's Now, by key; nothing is written. `connection`: to the store, `naming`: between both."""

    def parameters(region: str | None) -> dict[str, Any]:
        return rules.parameters(DETECTOR.id, region)

    starts = flagged_subjects(connection, rules, naming) + siblings_in(presents, flow.now, parameters(None))
    neighbours = FlowNeighbours(flow, naming, rules)
    return find_groups(neighbours, starts, standing_groups(connection), parameters, flow.now)


def lately_opened(flow: Flow, rules: Rules) -> Iterator[Present]:
    """What holds at Now of the enterprises that were established so lately that they may be siblings, and perhaps of
    a few more; some thousands at a time, as all columns of a province at once take more room than its state.
    """
    if rules.active(DETECTOR.id):
        refs = flow.openings.since(_siblings_since(flow.now, rules.parameters(DETECTOR.id)))
        for first in range(0, len(refs), _AT_ONCE):
            yield Present(facts_of(flow, refs[first : first + _AT_ONCE].tolist()), flow.now)


def siblings_in(presents: Iterable[Present], now: int, parameters: dict[str, Any]) -> list[tuple[int, ...]]:
    """The enterprises that one agent or telephone registered together of late, as starts."""
    columns = tuple(array("q") for _ in range(4))  # grown in place: parts and whole side by side would be twice as much
    for one in presents:
        for column, part in zip(columns, (one.facts.refs, one.opened, one.agent, one.phone), strict=True):
            column.frombytes(np.asarray(part, np.int64).tobytes())
    refs, opened, agents, phones = (np.frombuffer(column, np.int64) for column in columns)
    same_days, siblings, since = parameters["same_days"], parameters["siblings"], _siblings_since(now, parameters)
    found = sibling_starts(refs, opened, agents, same_days, siblings, since)
    return found + sibling_starts(refs, opened, phones, same_days, siblings, since)


def _siblings_since(now: int, parameters: dict[str, Any]) -> int:
    since: int = now - parameters["sibling_days"] * DAY
    return since
