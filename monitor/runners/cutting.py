"""Which cut is due, and what `monitor.cut` says of it: classes at the first of a month, models once a day."""

from __future__ import annotations

from importlib import import_module

from sqlalchemy import Engine

from monitor.events.acts import CutData
from monitor.runners.core import Core
from monitor.runners.modelling import NO_MODEL


def due_cut(core: Core, engine: Engine, *, gradual: bool, ended: bool) -> CutData | None:
    """The cut to be made now; None where nothing has happened since the last one, or alerts are for nobody yet.

    `gradual`: classes of a new month are worked out in pieces; `ended`: all sources have, so that nothing waits.
    """
    classing, now = core.classing, core.flow.now
    gradual = gradual and not ended
    in_pieces = gradual and classing.known
    every = not in_pieces and (classing.due(now) or (ended and classing.behind(core.seq)))
    begun = in_pieces and classing.due(now) and classing.monthly is None
    taken = not every and classing.monthly is not None and classing.monthly.finished
    asked = core.modelling.asked(engine, now, core.seq, in_pieces=gradual, ended=ended)
    if not (core.flow.live and (core.supervising.changed or every or begun or taken or any(asked))):
        return None
    return CutData(
        core.supervising.cuts + 1,
        every,
        asked.at_once,
        begun,
        taken,
        asked.forecast,
        models_begun=asked.in_pieces,
        models_taken=asked.taken,
    )


def prepare(core: Core, engine: Engine) -> None:
    """Loads what the first cut of a day asks, so that a live monitor does not stop for it: the graph's library takes a
    third of a second, those of a model seconds.
    """
    import_module("networkx")
    with engine.connect() as connection:
        if core.modelling.in_force(connection) != NO_MODEL:
            import_module("monitor.modelling.opinions")
