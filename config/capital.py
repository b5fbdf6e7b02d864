"""Bands of registered capital, eight to a decade: so small is it kept, and by them it is said again."""

from __future__ import annotations

from typing import Final

BANDS: Final = tuple(step * 10**decade / 10 for decade in range(3, 13) for step in (10, 15, 20, 30, 40, 50, 60, 80))
"""Yuan at which bands begin, from the second on: 1,000 yuan to 8 trillion. Band 0 is none, 1 below 1,000 yuan."""


def least_of(band: int) -> float:
    """The least capital of a band in yuan."""
    return 0.0 if band < 2 else float(BANDS[min(band - 2, len(BANDS) - 1)])
