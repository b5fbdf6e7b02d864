"""Features as rows for people and other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from config.moments import as_text
from models.features.around import surroundings
from models.features.computing import BATCH, compute
from models.features.facts import FOREIGN_COUNTY, Facts
from models.features.peers import label_of
from models.features.registry import names


def feature_rows(facts: Facts, codes: Mapping[int, str], now: int, *, flat: bool) -> Iterator[dict[str, Any]]:
    """A row for each enterprise of which anything was known at `now`, in the order of the facts: its code, `as_of`,
    whether it was live, county (None: unknown), peer group, and its features by name, None where not known. `flat`:
    features beside the others, for tables.
    """
    facts = facts.as_of(now)
    around = surroundings(facts, now)
    written = as_text(now)
    for first in range(0, len(facts), BATCH):
        matrix = compute(facts.take(first, first + BATCH), now, around.take(first, first + BATCH))
        rows = zip(matrix.refs.tolist(), matrix.values, matrix.peers, matrix.counties, matrix.live, strict=True)
        for ref, values, group, county, live in rows:
            row: dict[str, Any] = {
                "subject": codes[ref],
                "as_of": written,
                "live": bool(live),
                "county": f"{county:06d}" if 0 < county < FOREIGN_COUNTY else None,
                "peers": label_of(int(group)),
            }
            features = dict(zip(names(), map(_plain, values), strict=True))
            yield row | features if flat else row | {"features": features}


def _plain(value: np.float32) -> float | int | None:
    """The shortest number that is this one in float32; None for one that is not known."""
    if np.isnan(value):
        return None
    return int(value) if value == np.trunc(value) else float(str(value))
