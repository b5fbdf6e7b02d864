"""From the log of a home to what two sets of rules find on the same facts at the same moment.

Now, the newest snapshot saves the way; as of an earlier moment the log is filed again, with what was known by then
alone (contract §1: both `time` and `recordedtime` at or before it).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import Connection

from config.ruleset import Rules
from monitor.backtest.ledger import Held, Ledger, Place
from monitor.engine.flow import Flow
from monitor.events.types import ConfigActivated
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.modelling.reading import read_flow, read_flow_as_of
from monitor.store.home import HomeError, meta
from monitor.store.log import read_blocks
from monitor.store.reader import Reader
from monitor.store.work import hosts


class Trial(msgspec.Struct, frozen=True):
    """What today's and the other rules find, `now`, and keys and labels of the subjects concerned."""

    now: int
    today: dict[Place, Held]
    other: dict[Place, Held]
    subjects: dict[tuple[str, int], tuple[str, str]]


def tried(
    reader: Reader, snapshots: Path, pseudonyms: Pseudonymiser, today: Rules, other: Rules, until: int | None
) -> Trial:
    """Judges everything twice.

    Args:
        reader: a look at the home.
        snapshots: the folder of its snapshots.
        pseudonyms: under the home's keys.
        today: the rules in force (see `in_force`).
        other: the rules on trial.
        until: as of the end of this moment, in microseconds; None: Now.

    Raises:
        HomeError: where the keys are not those of the home.
    """
    connection, ledger = reader.connection, Ledger()
    keys = meta(connection, "keys")
    if keys is not None and pseudonyms.fingerprints[: len(keys.split())] != keys.split():
        raise HomeError(
            "假名密钥与写入时不同 / the pseudonym key is not that of this home: set CREDIT_MONITOR_PSEUDONYM_KEY"
        )
    if until is None:
        flow, _ = read_flow(connection, snapshots, pseudonyms, today, ledger)
    else:
        flow = read_flow_as_of(connection, pseudonyms, today, ledger, until)
    flow.list_hosts(
        [one.host() for one in hosts.entries(connection) if not one.ended and (until is None or one.at <= until)]
    )
    found = []
    for rules in (today, other):
        flow.use(rules)
        flow.judge()
        found.append(ledger.take())
    concerned: set[tuple[str, int]] = {(kind, ref) for one in found for _, kind, ref in one}
    return Trial(flow.now, found[0], found[1], _named(reader, flow, concerned, known=until is None))


def in_force(connection: Connection, *known: Rules) -> Rules:
    """The rules in force in a home: of some that are at hand, else as its log has them. Raises HomeError where it has
    none yet.
    """
    wanted = meta(connection, "rules")
    for rules in known:
        if rules.content_hash == wanted:
            return rules
    content = None
    for block in read_blocks(connection):
        for event in block.events:
            if type(event) is ConfigActivated and event.data.content_hash == wanted:
                content = event.data.content
    if content is None:
        raise HomeError("日志中没有生效的规则 / the log names no rules in force: run `credit-monitor run` first")
    return Rules(content)


def _named(
    reader: Reader, flow: Flow, concerned: set[tuple[str, int]], *, known: bool
) -> dict[tuple[str, int], tuple[str, str]]:
    """Keys and labels of subjects. `known`: the flow numbers them as the store does."""
    if known:
        return reader.subjects(concerned)
    met = {("address", ref): (key, label) for ref, key, label in flow.new_rooms}
    met |= {("person", ref): (key, label) for ref, key, label in flow.new_persons}
    for place, (key, _) in list(met.items()):
        if key.startswith("#"):  # a bare name within one county
            number, _, county = key[1:].partition("@")
            whole, label = met["person", int(number)]
            met[place] = f"{whole}@{county}", label
    names = {flow.subjects.find(code): (code, name) for code, name in reader.all_names()}
    met |= {("enterprise", ref): named for ref, named in names.items()}
    return {one: met.get(one, ("", "")) for one in concerned}
