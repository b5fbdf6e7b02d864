"""What models learn from and are compared on: the histories of a home, or of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from config.moments import as_text
from config.ruleset import Rules
from config.settings import Settings
from monitor.cli import opening
from monitor.store.home import Home
from monitor.store.log import last_seq
from monitor.store.reader import looking

if TYPE_CHECKING:
    from monitor.engine.flow import Flow


class Histories(NamedTuple):
    """`codes` by the numbers of the flow; `connection`: one look at the store; `data`: what a card is to say of it."""

    flow: Flow
    codes: Mapping[int, str]
    connection: Connection
    data: dict[str, Any]


@contextmanager
def histories(chosen: Settings, home: Path | None, rules: Rules) -> Iterator[Histories]:
    """Of the home of the flag; without it of the cluster whose database the settings name; else of the home of the
    settings. Raises StoreError, HomeError and ClusterError.
    """
    from monitor.modelling.reading import read_flow

    database = opening.database_of(chosen) if home is None else None
    if database is None:
        place = Home(chosen.home)
        with looking(place) as reader:
            flow, codes = read_flow(reader.connection, place.snapshots, opening.pseudonyms_of(chosen, place), rules)
            data = {"log_block": last_seq(reader.connection), "now": as_text(flow.now)}
            yield Histories(flow, codes, reader.connection, data)
        return
    from monitor.cluster.modelling.commands import read_log  # what speaks to brokers is slow to import

    try:
        state = read_log(chosen, rules)
        with looking(database) as reader:
            told = {number: state.codes[number] for number in range(1, len(state.codes) + 1)}
            data = {"log_messages": state.offset, "now": as_text(state.flow.now)}
            yield Histories(state.flow, told, reader.connection, data)
    finally:
        database.close()
