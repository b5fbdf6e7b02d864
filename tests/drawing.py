"""Draws in memory for the tests of `monitor.drawing`: a plan, a list, officers, and both steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache

from config.moments import parse_moment
from config.officers import Directory, Leave, Officer
from monitor.drawing.candidates import Candidate
from monitor.drawing.opening import open_draw
from monitor.drawing.published import PRIVATE, SEED
from monitor.drawing.sealing import Sealed, seal

AGENCY = "市场监督管理局"
KNOWN_ON = dt.date(2020, 7, 10)
BEFORE = parse_moment("2020-07-01T09:00:00+08:00")
AS_OF = parse_moment("2020-06-30T23:59:00+08:00")
KEY, SEED_TEXT = "1f" * 32, "2e" * 32
VALUE = "3456.78"

PLAN = """\
version: 1
id: test-q3
name: 西湖区、拱墅区抽查
owner: 科长
agency: 市场监督管理局
counties: ["330105", "330106"]
visits_from: 2020-07-20
public_value: {what: 上证综合指数 2020-07-10 收盘, source: www.sse.com.cn, known_on: 2020-07-10}
"""


class Grades:
    """Classes from a dictionary."""

    def __init__(self, grades: Mapping[str, str]) -> None:
        self._grades = grades

    def class_of(self, code: str) -> str | None:
        return self._grades.get(code)


def some(count: int) -> list[Candidate]:
    """Candidates in two counties."""
    return [
        Candidate(f"C{number:05}", f"甲{number}", "330105" if number % 3 else "330106", "enterprise")
        for number in range(count)
    ]


def grades_of(candidates: Sequence[Candidate]) -> Grades:
    """Classes for most of them: A is frequent, D is rare, every tenth has none."""
    words = "AAAABBCCD"
    return Grades({one.code: words[place % 10] for place, one in enumerate(candidates) if place % 10 < len(words)})


def directory(count: int = 12) -> Directory:
    """Officers of both counties, some on leave on the day of the visits, some with a conflict."""
    officers = [
        Officer(
            id=f"HZ-{number:04}",
            name=f"王示例{number}",
            agency=AGENCY,
            counties=("330105",) if number % 2 else ("330105", "330106"),
            leave=(Leave(dt.date(2020, 7, 18), dt.date(2020, 7, 21)),) if number % 5 == 0 else (),
            conflicts=("C00001", "C00003") if number % 4 == 1 else (),
        )
        for number in range(count)
    ]
    return Directory(version=1, owner="x", valid_from=dt.date(2026, 1, 1), officers=tuple(officers), synthetic=True)


def sealed(candidates: Sequence[Candidate], *, plan: str = PLAN, key: str = KEY, seed: str = SEED_TEXT) -> Sealed:
    """A commitment to a draw from a list."""
    return seal(plan, candidates, grades_of(candidates), directory(), key=key, seed=seed, as_of=AS_OF, at=BEFORE)


def opened(one: Sealed, value: str = VALUE) -> dict[str, str]:
    """All published files, after the draw."""
    made = open_draw(one.public, one.private[PRIVATE], one.private[SEED], value, KNOWN_ON)
    return {**one.public, **made}


@cache
def example() -> tuple[Sealed, dict[str, str]]:
    """One draw from 60 candidates, made once."""
    one = sealed(some(60))
    return one, opened(one)
