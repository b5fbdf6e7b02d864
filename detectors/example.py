"""Short ways to write the made-up events of a detector's example. Nothing here is a real enterprise or person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

_FIRST = dt.datetime(2024, 3, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=8)))

Raw = dict[str, Any]


def event(subject: str, kind: str, day: int, nth: int = 0, /, **data: Any) -> Raw:
    """A raw event of a type, `day` days after 1 March 2024; `nth` tells several of one day apart."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-{day}-{nth}",
        "source": "//example",
        "type": kind,
        "subject": subject,
        "time": (_FIRST + dt.timedelta(days=day)).isoformat(),
        "data": data,
    }


def opened(subject: str, day: int, *, room: str = "1幢101室", persons: Sequence[str] = (), **data: Any) -> Raw:
    """An establishment at a room of one building, led by persons given by their pseudonyms."""
    return event(
        subject,
        "registration.established",
        day,
        **{
            "name": f"示例{subject}",
            "kind": "enterprise",
            "address": address(room),
            "persons": leads(*persons),
            "industry": "F5191",
            **data,
        },
    )


def address(room: str) -> Raw:
    """An address in one building of Hangzhou."""
    return {"text": f"浙江省杭州市西湖区文三路90号{room}", "region": "330106"}


def leads(*persons: str) -> list[Raw]:
    """Persons as legal representatives."""
    return [{"role": "legal_representative", "id": person} for person in persons]


def several(count: int, first: int, *, room: str | None = None, person: str | None = None) -> list[Raw]:
    """Establishments E0, E1, … on successive days, at one room or led by one person or both."""
    return [
        opened(
            f"E{number:03d}",
            first + number,
            room=room or f"1幢{200 + number}室",
            persons=[person or f"p{number}"],
        )
        for number in range(count)
    ]
