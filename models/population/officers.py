"""The made-up officers' directory of the synthetic province: some in each county, marked as made up.

Stands beside the events: it draws from chance of its own, so the events of a seed are the same with it and without.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Final

import msgspec
import numpy as np

from config.officers import Directory, Leave, Officer
from models.population.words import GIVEN, MADE_UP, SURNAMES
from monitor.identifiers import regions

AGENCY: Final = "市场监督管理局"
_PER_COUNTY: Final = 8
"""Two more than six, so that leave leaves enough."""

_TRADES: Final = ("food", "manufacturing", "retail", "online_trade", "special_equipment")
_NOTE: Final = "# 程序虚构，没有真实人员。 / Made up by a program: nobody in it is real.\n"


def made_up_officers(seed: int, end: dt.date) -> Directory:
    """A directory with eight officers in every county of Zhejiang; in each, six are never on leave.

    `end`: the last day of the province's events; leave falls into the weeks around it.
    """
    rng = np.random.default_rng([seed, 10])
    found = []
    for county in regions.zhejiang():
        for number in range(1, _PER_COUNTY + 1):
            name = SURNAMES[rng.integers(len(SURNAMES))] + GIVEN[rng.integers(len(GIVEN))] + MADE_UP
            trades = [trade for trade in _TRADES if rng.random() < 0.5]
            start = end + dt.timedelta(days=int(rng.integers(-14, 60)))
            leave = (Leave(start, start + dt.timedelta(days=int(rng.integers(2, 12)))),) if number > 6 else ()
            found.append(
                Officer(
                    id=f"{county.code}-{number:02}",
                    name=name,
                    agency=AGENCY,
                    counties=(county.code,),
                    trades=("general", *trades),
                    leave=leave,
                    workload_limit=int(rng.integers(10, 31)),
                )
            )
    return Directory(
        version=1, owner=f"演示{MADE_UP}", valid_from=dt.date(2020, 1, 1), officers=tuple(found), synthetic=True
    )


def as_yaml(directory: Directory) -> str:
    """A directory as a file for `config.officers.load`: YAML, an officer a line."""
    plain = msgspec.to_builtins(directory)
    rows = plain.pop("officers")
    head = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in plain.items()]
    lines = [f"  - {json.dumps(row, ensure_ascii=False)}\n" for row in rows]
    return "".join((_NOTE, *head, "officers:\n", *lines))
