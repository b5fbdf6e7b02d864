"""What a model must pass before it is brought into force, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from models import keeping
from models.anomaly import storing as anomalies
from models.forecast import storing as forecasts
from models.keeping import Card


def promotable(folder: Path) -> Card:
    """The card of the model of a folder. Raises ModelError where a check fails, and OSError."""
    if keeping.card_of(folder).kind == "forecast":
        return forecasts.promotable(folder)[0]
    return anomalies.opened(folder)[0]
