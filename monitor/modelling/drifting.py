"""How far enterprises have drifted from those that the anomaly model learned from: written at a cut, and told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from config.ruleset import Rules
from monitor.store.work import drifts

if TYPE_CHECKING:
    from models.calibration.drift import Drift

log = logging.getLogger(__name__)


def watch(connection: Connection, rules: Rules, drift: Drift) -> None:
    """Writes how far they have drifted, and says where it is too far by the rules."""
    policy = rules.document.models.drift
    beyond = drift.beyond(policy.stability, policy.distance)
    drifts.write(connection, "anomaly", drift.stability, drift.distance, beyond)
    advice = drift.advice(policy.stability, policy.distance)
    if advice is not None:
        log.warning("%s / %s", *advice)
