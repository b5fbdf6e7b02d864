"""One cut of `shell-cluster` over a flow and its home: where to look, what is found, and how it is written.

Called once a day and at the end of `--once` (contract §4), inside the transaction of that cut, after everything was
judged and written. The same log gives the same groups, under the same keys.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from config.moments import DAY
from config.ruleset import Rules
from detectors.graph.groups import find_groups
from detectors.graph.siblings import sibling_starts
from detectors.graph.view import Group
from detectors.shell_cluster import DETECTOR
from models.features.present import Present
from monitor.engine.flow import Flow
from monitor.modelling.naming import HomeNaming, Naming
from monitor.modelling.neighbours import FlowNeighbours, flagged_subjects
from monitor.store.cutsignals import put_cut_signals, put_groups, standing_groups


def cut_groups(connection: Connection, flow: Flow, rules: Rules, seq: int, present: Present | None = None) -> int:
    """Finds the groups at the flow's Now and makes them all that is in force of `shell-cluster`; how many signals came,
    changed or went. Where the rules have the detector off, none is left.

    `seq`: the block of the log that holds the cut. `present`: what holds at Now of all enterprises, or at least of the
    `possible_siblings`; without it, siblings of one agent or telephone are not looked around.
    """
    naming = HomeNaming(connection)
    found = groups_at(connection, flow, rules, naming, present) if rules.active(DETECTOR.id) else []
    return put_cut_signals(connection, DETECTOR, put_groups(connection, found), rules, flow.now, seq)


def groups_at(
    connection: Connection, flow: Flow, rules: Rules, naming: Naming, present: Present | None = None
) -> list[Group]:
    """The groups at the flow's Now, by key; nothing is written. `connection`: to the store, `naming`: between both."""

    def parameters(region: str | None) -> dict[str, Any]:
        return rules.parameters(DETECTOR.id, region)

    starts = flagged_subjects(connection, rules, naming)
    if present is not None:
        starts += siblings_in(present, parameters(None))
    neighbours = FlowNeighbours(flow, naming, rules)
    return find_groups(neighbours, starts, standing_groups(connection), parameters, flow.now)


def possible_siblings(flow: Flow, rules: Rules) -> list[int]:
    """The enterprises of whose histories `siblings_in` needs the facts, and perhaps a few more: those established so
    lately that they may be siblings.
    """
    if not rules.active(DETECTOR.id):
        return []
    return flow.openings.since(_siblings_since(flow.now, rules.parameters(DETECTOR.id)))


def _siblings_since(now: int, parameters: dict[str, Any]) -> int:
    since: int = now - parameters["sibling_days"] * DAY
    return since


def siblings_in(present: Present, parameters: dict[str, Any]) -> list[tuple[int, ...]]:
    """The enterprises that one agent or telephone registered together of late, as starts."""
    since = _siblings_since(present.now, parameters)
    found = []
    for marks in (present.agent, present.phone):
        found += sibling_starts(
            present.facts.refs, present.opened, marks, parameters["same_days"], parameters["siblings"], since
        )
    return found
