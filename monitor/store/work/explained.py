"""The reasons of a model as JSON gives them: what single features contributed, with values, peers and source events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from config.moments import as_text, shanghai_date


def contributions(reasons: Iterable[Mapping[str, Any]], code: str) -> list[dict[str, Any]]:
    """What features contributed to what a model says of an enterprise, those that contributed most first.

    `reasons`: `models.explanation.explaining.Reason` as builtins. `contribution` is the share of all that raised the
    score, `usual` the range of nine in ten peers, null where that is not known.
    """
    return [
        {
            "feature": one["feature"],
            "contribution": round(one["share"], 3),
            "value": _known(one["value"]),
            "usual": [_known(one["low"]), _known(one["high"])],
            "reason": one["said"],
            "evidence": [
                {
                    "id": event,
                    "source": source,
                    "subject": code,
                    "time": as_text(at),
                    "date": shanghai_date(at).isoformat(),
                }
                for at, source, event in one["events"]
            ],
        }
        for one in reasons
    ]


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
