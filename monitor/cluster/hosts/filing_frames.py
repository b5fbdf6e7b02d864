"""What a snapshot keeps of a filing beside its histories and numberings."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from monitor.engine.filing import Filing
from monitor.store.snapshots import Frame


def frames_of(filing: Filing) -> Iterator[Frame]:
    """The frames of a filing."""
    yield "clock", [filing.now, filing.filed_now, int(filing.live)]
    yield "sources", filing.sources[1:]
    yield "counties", filing.room_counties.tobytes()
    yield "claims", list(filing.county_claims.items())
    yield "weak", array("I", sorted(filing.weak_persons)).tobytes()
    yield "wakes", filing.wakes
    yield "parked", [(stage, ref, reason) for (stage, ref), reason in filing.parked.items()]


def load_filing(filing: Filing, name: str, payload: Any) -> bool:
    """Takes over one of `frames_of`; whether it was one."""
    if name == "clock":
        filing.now, filing.filed_now, filing.live = payload[0], payload[1], bool(payload[2])
    elif name == "sources":
        for source in payload:
            filing.sources.number(source)
    elif name == "counties":
        filing.room_counties[:] = array("I", payload)
    elif name == "claims":
        for room, order in payload:
            filing.county_claims[room] = None if order is None else (order[0], order[1], order[2], order[3])
    elif name == "weak":
        filing.weak_persons.update(array("I", payload))
    elif name == "wakes":
        filing.wakes[:] = [(at, kind, ref) for at, kind, ref in payload]
    elif name == "parked":
        for stage, ref, reason in payload:
            filing.parked[stage, ref] = reason
    else:
        return False
    return True
