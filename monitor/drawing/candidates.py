"""The list that a plan draws from: live enterprises, folded from the log.

What holds of an enterprise is what `monitor.stages.fold` says: the values with the greatest `(time, source, id)`, and
alive from its establishment until an end that is later in that order. The list follows from the log alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, func, select

from monitor.addresses import normalise
from monitor.drawing import DrawError
from monitor.drawing.plan import ListRule
from monitor.events import data as d
from monitor.events.intake import lift_event
from monitor.events.types import Cancelled, Changed, Deregistered, Established, Event, Revoked
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.store.log import read_blocks
from monitor.store.schema import LOG

_Order = tuple[int, str, str]
_NEVER: Final[_Order] = (-(2**63), "", "")


class Candidate(msgspec.Struct, frozen=True, order=True):
    """One enterprise of a list. `persons`: pseudonyms, for conflicts of interest."""

    code: str
    name: str
    county: str
    kind: str
    industry: str = ""
    persons: tuple[str, ...] = ()


class _Known(msgspec.Struct):
    """What the log says of an enterprise so far, each value with the order of the event that gave it."""

    opened: _Order = _NEVER
    ended: _Order = _NEVER
    kind: str = ""
    named: _Order = _NEVER
    name: str = ""
    placed: _Order = _NEVER
    address: d.Address | None = None
    trading: _Order = _NEVER
    industry: str = ""
    manned: _Order = _NEVER
    persons: tuple[str, ...] = ()


def candidates(events: Iterable[Event], counties: Iterable[str], rule: ListRule) -> list[Candidate]:
    """The live enterprises of some counties, by code; classes are looked at later. `events`: the log, of a home
    (`logged_in`) or of a cluster.
    """
    wanted = frozenset(counties)
    found = []
    for code, known in _fold(events).items():
        if known.opened <= known.ended or known.opened == _NEVER:
            continue
        if rule.kinds is not None and known.kind not in rule.kinds:
            continue
        if rule.industries is not None and not known.industry.startswith(rule.industries):
            continue
        county = _county(known.address)
        if county in wanted:
            name = " ".join(known.name.split())
            found.append(Candidate(code, name, county, known.kind, known.industry, known.persons))
    return sorted(found)


def logged_in(connection: Connection, pseudonyms: Pseudonymiser) -> Iterator[Event]:
    """The log of a home, with the newest pseudonyms. Raises DrawError where a block of it is damaged: a list from which
    somebody may be missing is none.
    """
    blocks = 0
    for block in read_blocks(connection):
        blocks += 1
        if block.generation < pseudonyms.generation:
            for event in block.events:
                lift_event(event, pseudonyms, block.generation)
        yield from block.events
    if blocks != connection.execute(select(func.count()).select_from(LOG)).scalar():
        raise DrawError(
            "日志有损坏的块，名单会缺户，请先从备份恢复 / a block of the log is damaged, so somebody would be "
            "missing from the list: restore the database from its backup first"
        )


def _fold(events: Iterable[Event]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    for event in events:
        if not isinstance(event, Established | Changed | Deregistered | Revoked | Cancelled):
            continue
        known = found.get(event.subject)
        if known is None:
            known = found[event.subject] = _Known()
        order: _Order = (int(event.time), event.source, event.id)
        if isinstance(event, Established | Changed):
            _register(known, order, event.data)
        else:
            known.ended = max(known.ended, order)
        if isinstance(event, Established) and order >= known.opened:
            known.opened, known.kind = order, event.data.kind
    return found


def _register(known: _Known, order: _Order, values: d.EstablishedData | d.ChangedData) -> None:
    if values.name is not UNSET and order >= known.named:
        known.named, known.name = order, values.name
    if values.address is not UNSET and order >= known.placed:
        known.placed, known.address = order, values.address
    if values.industry is not UNSET and order >= known.trading:
        known.trading, known.industry = order, values.industry
    if values.persons is not UNSET and order >= known.manned:
        known.manned = order
        known.persons = tuple(sorted({one.id for one in values.persons if one.id is not UNSET}))


def _county(address: d.Address | None) -> str | None:
    if address is None:
        return None
    return normalise(address.text, None if address.region is UNSET else address.region).region_code
