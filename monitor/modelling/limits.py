"""What each county bears of anomaly findings, by the rules."""

from __future__ import annotations

from config.ruleset import Rules
from detectors.anomaly import DETECTOR
from models.anomaly.findings import Limits
from models.features.facts import FOREIGN_COUNTY


def limits_of(rules: Rules, county: int) -> Limits:
    """What a county, by its number in a matrix, bears of findings."""
    parameters = rules.parameters(DETECTOR.id, region_of(county))
    lowest = float(parameters["levels"][0][1])
    return Limits(10.0**-lowest, int(parameters["most_a_county"]))


def region_of(county: int) -> str | None:
    """The code of a county by its number in a matrix; None for an unknown or foreign one."""
    return f"{county:06d}" if 0 < county < FOREIGN_COUNTY else None
