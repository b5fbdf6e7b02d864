"""The flow's state as frames of a snapshot, and back. Names the versions that it depends on."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from config.workdays import CALENDAR_VERSION
from detectors.registry import all_detectors
from monitor.addresses import NORMALISER_VERSION
from monitor.engine.flow import Flow
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.stages.ties import tie_of
from monitor.store.home import Home, HomeError, meta, set_meta
from monitor.store.snapshots import Frame, SnapshotError

STATE_VERSION: Final = 7
"""Raised whenever the history, the facts or the numbering are kept in another way."""

_CHUNK: Final = 512
_NUMBERS: Final = 1 << 16


def state_versions(pseudonyms: Pseudonymiser) -> dict[str, str]:
    """What a state is made by: where one differs, it is built anew from the log."""
    return {
        "state": str(STATE_VERSION),
        "normaliser": NORMALISER_VERSION,
        "pseudonyms": pseudonyms.fingerprint,
    }


def judgement_versions(rules_hash: str) -> dict[str, str]:
    """What findings are made by: where one differs, every subject is judged again."""
    return {
        "rules": rules_hash,
        "calendar": CALENDAR_VERSION,
        "detectors": " ".join(f"{one.id}@{one.version}" for one in all_detectors()),
    }


def check_keys(connection: Connection, pseudonyms: Pseudonymiser, home: Home) -> None:
    """The chain of keys may grow, not change: pseudonyms under another key would never meet the old ones. Raises
    HomeError.
    """
    found = meta(connection, "keys")
    chain = pseudonyms.fingerprints
    if found is not None and chain[: len(found.split())] != found.split():
        raise HomeError(
            f"{home.path}：假名密钥与写入时不同 / the pseudonym key is not that of this home: "
            "set CREDIT_MONITOR_PSEUDONYM_KEY to the old key, or the chain `old,new` to rotate"
        )
    set_meta(connection, "keys", " ".join(chain))


def frames_of(flow: Flow, versions: dict[str, str]) -> Iterator[Frame]:
    """A flow as frames, with what waits to be judged. All that was judged is written, or will be judged again."""
    yield "versions", versions
    yield "clock", [flow.now, int(flow.live), flow.subjects.seed]
    yield "sources", flow.sources[1:]
    for name, numbering in _numberings(flow):
        for part in numbering.parts():
            yield f"numbers:{name}", part
    for first in range(1, len(flow.room_counties), _NUMBERS):
        yield "counties", flow.room_counties[first : first + _NUMBERS].tobytes()
    for claims in _chunks(iter(flow.county_claims.items())):
        yield "claims", claims
    weak = np.sort(np.fromiter(flow.weak_persons, np.uint32, len(flow.weak_persons)))
    for first in range(0, len(weak), _NUMBERS):
        yield "weak", weak[first : first + _NUMBERS].tobytes()
    for wakes in _chunks(iter(flow.wakes)):
        yield "wakes", wakes
    for records in _chunks(flow.enterprises.dump()):
        yield "enterprises", records
    for rows in _chunks(flow.rooms.dump()):
        yield "rooms", rows
    for rows in _chunks(flow.persons.dump()):
        yield "persons", rows
    for rows in _chunks(flow.assessment.dump()):
        yield "ties", rows
    yield "openings", flow.openings.dump()
    for name, touched in flow.waiting().items():
        yield f"waiting:{name}", touched.dump()


def restore(flow: Flow, frames: Iterable[Frame], versions: dict[str, str]) -> dict[str, str]:
    """Fills an empty flow; the versions found. Raises SnapshotError for other versions or a damaged snapshot."""
    found: dict[str, str] = {}
    numberings = dict(_numberings(flow))
    waiting: dict[str, bytes] = {}
    for name, payload in frames:
        if name == "versions":
            found = payload
            other = [key for key, value in versions.items() if found.get(key) != value]
            if other:
                raise SnapshotError(f"made by another {', '.join(other)}")
        elif name == "clock":
            flow.now, flow.live = payload[0], bool(payload[1])
            flow.filed_now = flow.now
        elif name == "sources":
            for source in payload:
                flow.sources.number(source)
        elif name.startswith("numbers:"):
            numberings[name.removeprefix("numbers:")].load(*payload)
        elif name == "counties":
            flow.room_counties.extend(array("I", payload))
        elif name == "claims":
            for room, order in payload:
                flow.county_claims[room] = None if order is None else (order[0], order[1], order[2], order[3])
        elif name == "weak":
            flow.weak_persons.update(array("I", payload))
        elif name == "wakes":
            flow.wakes.extend((at, kind, ref) for at, kind, ref in payload)
        elif name == "enterprises":
            flow.enterprises.load(payload)
        elif name == "rooms":
            flow.rooms.load([(ref, record) for ref, record in payload])
        elif name == "persons":
            flow.persons.load([(ref, record) for ref, record in payload])
        elif name == "ties":
            for enterprise, ties in payload:
                for sender, tie in ties:
                    flow.assessment.update(enterprise, (sender[0], sender[1]), tie_of(tie))
                    stage = flow.persons if sender[0] else flow.rooms
                    stage.remember_tie(sender[1], enterprise)
        elif name == "openings":
            flow.openings.load(payload)
        elif name.startswith("waiting:"):
            waiting[name.removeprefix("waiting:")] = payload
    flow.assessment.dirty.clear()
    for name, touched in flow.waiting().items():
        touched.update(array("I", waiting[name]))
    return found


def _numberings(flow: Flow) -> tuple[tuple[str, Any], ...]:
    return (
        ("subjects", flow.subjects),
        ("rooms", flow.rooms_by_key),
        ("persons", flow.persons_by_key),
    )


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk
