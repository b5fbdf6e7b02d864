"""Made-up enterprises whose records come at rates of their own: what a forecast can learn, and what it must not see."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from config.moments import end_of_day, moment
from config.ruleset import load
from models.features.facts import Facts
from monitor.modelling.folding import open_all, read_all

BEGIN = dt.date(2020, 1, 1)
DAYS = 4 * 365
PHASE = 400
CUTOFF = end_of_day(dt.date(2022, 12, 31)) - 1
UNTIL = end_of_day(dt.date(2023, 12, 30)) - 1
RECEIVED = moment(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
TRADES = ("C1310", "F5211", "H6210", "K7010", "O8010")

Event = dict[str, Any]


def event(subject: str, kind: str, day: dt.date, name: str, data: Event, *, recorded: dt.date | None = None) -> Event:
    """One event at noon in Shanghai."""
    found: Event = {
        "specversion": "1.0",
        "id": name,
        "source": "test",
        "type": kind,
        "subject": subject,
        "time": f"{day}T12:00:00+08:00",
        "data": data,
    }
    return found if recorded is None else found | {"recordedtime": f"{recorded}T12:00:00+08:00"}


def penalty(subject: str, day: dt.date, name: str, *, recorded: dt.date | None = None) -> Event:
    """A fine."""
    data = {"document": name, "category": "罚款", "amount": 8000}
    return event(subject, "enforcement.penalised", day, name, data, recorded=recorded)


def population(size: int = 900, seed: int = 5, spread: float = 0.7) -> list[Event]:
    """Enterprises of several trades; each trade and each enterprise has its own rate of penalties, and bad times
    that come and go. `spread`: of the gamma distribution of rates within a trade; the greater, the more its trade alone
    says of an enterprise, and the less its own count.
    """
    rng = np.random.default_rng(seed)
    made: list[Event] = []
    for number in range(size):
        subject = f"forecast-{number:04d}"
        trade = number % len(TRADES)
        data = {
            "name": f"浙江第{number}号贸易有限公司",
            "kind": "enterprise",
            "address": {"text": f"浙江省杭州市西湖区文三路{number + 1}号", "region": "330106"},
            "persons": [],
            "industry": TRADES[trade],
            "capital": 1_000_000,
        }
        made.append(event(subject, "registration.established", dt.date(2015, 1, 1), f"e{number}", data))
        rate = (0.02, 0.05, 0.1, 0.3, 0.9)[trade] * rng.gamma(spread, 1 / spread)
        days = rng.integers(0, DAYS, rng.poisson(2 * rate * DAYS / 365))
        phase = int(rng.integers(0, 2 * PHASE))
        bad = days[(days + phase) // PHASE % 2 == 0]
        for place, day in enumerate(sorted(bad)):
            made.append(penalty(subject, BEGIN + dt.timedelta(days=int(day)), f"p{number}-{place}"))
    return made


def write(path: Path, events: Iterable[Event]) -> Path:
    """Events as JSON Lines."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events), encoding="utf-8")
    return path


def facts_of(path: Path, events: Iterable[Event]) -> Facts:
    """The facts of some events, by way of intake."""
    read = read_all(open_all([str(write(path, events))], []), load(), RECEIVED)
    assert read.refused == 0
    return read.facts
