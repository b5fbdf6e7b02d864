"""The daily cut of groups on a home, as the runner makes it: for tests of `shell-cluster` and of how it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from config.ruleset import Rules
from detectors.graph.view import Group
from detectors.registry import by_id
from monitor.engine.flow import Flow
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.clustering import groups_at
from monitor.modelling.naming import HomeNaming
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.cutsignals import put_cut_signals, put_groups
from monitor.store.home import Home
from tests.engine import CLOCK, KEY, save, shipped_rules

SHELLS = by_id("shell-cluster")


@contextmanager
def running(
    home: Path, lines: Sequence[bytes], rules: Rules | None = None, clock: Callable[[], int] = lambda: CLOCK
) -> Iterator[EmbeddedRunner]:
    """The writer of a home that has read some lines, opened and closed."""
    runner = EmbeddedRunner(Home(home), rules or shipped_rules(), Pseudonymiser([KEY]), clock=clock)
    try:
        path = save(home.parent / f"{home.name}.jsonl", lines)
        assert runner.drain(list(open_source(str(path), None))) == []
        yield runner
    finally:
        runner.close()


def cut_groups(connection: Connection, flow: Flow, rules: Rules, seq: int = 1) -> list[Group]:
    """One cut of `shell-cluster`, written; what it found."""
    found = groups_at(connection, flow, rules, HomeNaming(connection))
    put_cut_signals(connection, SHELLS, put_groups(connection, found), rules, flow.now, seq)
    return found
