"""The state of a home as its log tells it, for commands that compute with histories beside the writer.

The newest snapshot that the log of this look reaches is taken, and the log behind it is filed; nothing is judged and
nothing written. Without a usable snapshot the whole log is filed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET
from sqlalchemy import Connection, select

from config.ruleset import Rules
from detectors.base import Finding, SubjectKind
from monitor.engine import state
from monitor.engine.flow import Flow
from monitor.engine.own import APART
from monitor.events.envelope import Event
from monitor.events.intake import lift_event
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.stages.signals import SignalSink
from monitor.store import snapshots
from monitor.store.home import meta
from monitor.store.log import last_seq, read_blocks
from monitor.store.schema import ENTERPRISES

log = logging.getLogger(__name__)


class _Silence:
    """A sink for signals of a state that is never judged."""

    def in_force(self, kind: SubjectKind, ref: int) -> int:
        return 0

    def publish(
        self,
        detector: int,
        kind: SubjectKind,
        ref: int,
        finding: Finding | None,
        region: str | None,
        members: Sequence[int] | None,
        changed: Sequence[tuple[int, bool]],
    ) -> None:
        raise AssertionError("a state that is only read was judged")

    def wake(self, kind: SubjectKind, ref: int, at: int) -> None:
        """Nobody waits."""


def read_flow(
    connection: Connection, folder: Path, pseudonyms: Pseudonymiser, rules: Rules, sink: SignalSink | None = None
) -> tuple[Flow, dict[int, str]]:
    """The histories of a home by number, and the codes of their enterprises; Now is that of the log. `folder`: its
    snapshots; `pseudonyms`: under its keys; `rules`: those in force; `sink`: of who judges the state after all.
    """
    seed, end = int(meta(connection, "seed") or 0), last_seq(connection)
    flow, taken = _from_snapshot(folder, seed, end, pseudonyms, _Silence() if sink is None else sink)
    flow.set_rules(rules)
    codes: dict[int, str] = {}
    for block in read_blocks(connection, taken):
        if block.generation < pseudonyms.generation:
            for event in block.events:
                lift_event(event, pseudonyms, block.generation)
        for event in block.events:
            if type(event) in APART:
                flow.hear(int(event.time), block.received)
                continue
            ref, _ = flow.subjects.number(event.subject)
            codes[ref] = event.subject
            flow.refile(ref, event, 0, block.received)
    for code in connection.execute(select(ENTERPRISES.c.code)).scalars():
        codes[flow.subjects.find(code)] = code
    return flow, codes


def read_flow_as_of(
    connection: Connection, pseudonyms: Pseudonymiser, rules: Rules, sink: SignalSink, until: int
) -> Flow:
    """The state with what was known at a moment alone; Now is that moment, or the end of the log before it. The whole
    log is filed; enterprises have numbers of their own.
    """
    flow = Flow(int(meta(connection, "seed") or 0), sink)
    flow.set_rules(rules)
    for block in read_blocks(connection):
        for event in block.events:
            at = event.time if type(event.time) is int else 0
            flow.hear(min(at, until), block.received)
            if type(event) in APART or at > until or _recorded(event, at) > until:
                continue
            if block.generation < pseudonyms.generation:
                lift_event(event, pseudonyms, block.generation)
            ref, _ = flow.subjects.number(event.subject)
            flow.refile(ref, event, 0, block.received)
    return flow


def _recorded(event: Event, at: int) -> int:
    return at if event.recordedtime is UNSET or type(event.recordedtime) is not int else event.recordedtime


def _from_snapshot(folder: Path, seed: int, end: int, pseudonyms: Pseudonymiser, sink: SignalSink) -> tuple[Flow, int]:
    """A flow from the newest snapshot that can be used, and the block of the log after which it was taken."""
    versions = state.state_versions(pseudonyms)
    for path in snapshots.newest(folder):
        flow = Flow(seed, sink)
        if snapshots.seq_of(path) > end:
            continue
        try:
            state.restore(flow, snapshots.read(path), versions)
        except Exception as error:  # a damaged one may fail anyhow before its digest is reached
            log.warning("快照不可用，改读更早的快照与日志 / snapshot %s not used: %s", path.name, error)
            continue
        return flow, snapshots.seq_of(path)
    return Flow(seed, sink), 0
