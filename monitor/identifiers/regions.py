"""County-level divisions: today's codes, the retired ones, and what became of them.

A leaf: it reads ``config/regions`` once and knows nothing of texts. Addresses, enterprises and pages ask it.
Codes are those of GB/T 2260 as the National Bureau of Statistics uses them; origin and licence of the tables
stand in ``config/regions/README.md``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

ZHEJIANG: Final = "33"


class County(msgspec.Struct, frozen=True, gc=False):
    """A county-level division of today: 6-digit code, names, and the prefecture and province it belongs to."""

    code: str
    name: str
    city: str
    province: str

    @property
    def city_code(self) -> str:
        """The first four digits: the prefecture-level division."""
        return self.code[:4]


class Abolished(msgspec.Struct, frozen=True, gc=False):
    """A division that is no more.

    Attributes:
        code: its 6-digit code; empty where only the name is certain.
        name: its last name, with the word for its level.
        until: year and month of its end.
        today: the county of today that took over most of it; None where no one county did.
        parts: other counties of today that hold a part of it.
        note: what happened, for people.
    """

    code: str
    name: str
    until: str
    today: str | None
    parts: tuple[str, ...]
    note: str

    @property
    def successors(self) -> tuple[str, ...]:
        """All counties of today that hold some of it, the main one first."""
        return (self.today, *self.parts) if self.today else self.parts


def table(name: str) -> Iterator[list[str]]:
    """Rows of a table of ``config/regions`` as lists of texts, without the header."""
    text = (files("config") / "regions" / name).read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines())
    next(rows)
    return rows


def _read_counties() -> dict[str, County]:
    return {code: County(code, county, city, province) for _, province, _, city, code, county in table("counties.csv")}


def _read_abolished() -> tuple[Abolished, ...]:
    return tuple(
        Abolished(code, name, until, today or None, tuple(parts.split()), note)
        for code, name, until, today, parts, note in table("abolished.csv")
    )


COUNTIES: Final[dict[str, County]] = _read_counties()
ABOLISHED: Final[tuple[Abolished, ...]] = _read_abolished()
_ABOLISHED_BY_CODE: Final = {gone.code: gone for gone in ABOLISHED if gone.code}


def current(code: str) -> str | None:
    """Today's code for a county code; an abolished one is translated to the county that took over most of it.

    None where the code is unknown, names a city or province, or was divided with no main successor.
    """
    if code in COUNTIES:
        return code
    gone = _ABOLISHED_BY_CODE.get(code)
    return gone.today if gone else None


def name(code: str) -> str:
    """Name of a county by its code, retired ones too; the code itself where it is unknown."""
    county = COUNTIES.get(code)
    if county:
        return county.name
    gone = _ABOLISHED_BY_CODE.get(code)
    return gone.name if gone else code


def is_zhejiang(code: str) -> bool:
    """Whether a code, of today or retired, is a county of Zhejiang."""
    return code[:2] == ZHEJIANG and (code in COUNTIES or code in _ABOLISHED_BY_CODE)


@cache
def zhejiang() -> tuple[County, ...]:
    """The 90 counties of Zhejiang today, by code."""
    return tuple(COUNTIES[code] for code in sorted(COUNTIES) if code[:2] == ZHEJIANG)
