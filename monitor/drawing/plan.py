"""Plans of random inspections, sampling ratios, and classes of enterprises as a draw needs them."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from config import signed
from monitor.drawing import DrawError

UNCLASSED: Final = "unclassed"
CLASSES: Final = ("A", "B", "C", "D")


class ListRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which live enterprises of the counties are candidates; what is None narrows nothing."""

    kinds: tuple[str, ...] | None = None
    industries: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None


class PublicValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that nobody here controls: what it is, where it is found, the day on which it becomes known."""

    what: str
    source: str
    known_on: dt.date


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"rule": "list"}):
    """A plan as written. `visits_from`: the day for which the officers' leave is looked at (Asia/Shanghai)."""

    version: int
    id: str
    name: str
    owner: str
    agency: str
    counties: tuple[str, ...]
    visits_from: dt.date
    public_value: PublicValue
    rule: ListRule = ListRule()
    ratios: dict[str, float] = {}
    officers_per_visit: int = 2
    trades: tuple[str, ...] = ()


class Classes(Protocol):
    """Whatever knows the class of enterprises."""

    def class_of(self, code: str) -> str | None:
        """`A` to `D`; None for an enterprise that has none."""


class KnownClasses:
    """Classes that were worked out already, by code."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        """Takes them over."""
        self._classes = classes

    def class_of(self, code: str) -> str | None:
        """The class among them."""
        return self._classes.get(code)


class ClassFile:
    """Classes from JSON Lines `{"subject", "class"}`, as `export classes` prints them; other fields are ignored."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises DrawError, OSError."""
        self._classes: dict[str, str] = {}
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    self._take(path, number, line)

    def class_of(self, code: str) -> str | None:
        """The class in the file."""
        return self._classes.get(code)

    def _take(self, path: Path, number: int, line: bytes) -> None:
        try:
            row: Any = json.loads(line)
            code, found = row["subject"], row["class"]
        except (ValueError, KeyError, TypeError) as error:
            raise DrawError(
                f"{path}:{number}：应为含 subject 与 class 的 JSON / is no JSON object with subject and class"
            ) from error
        if not isinstance(code, str) or found not in CLASSES:
            raise DrawError(f"{path}:{number}：class 应为 A、B、C 或 D / class is one of A, B, C, D, not {found!r}")
        if self._classes.setdefault(code, found) != found:
            raise DrawError(f"{path}:{number}：{code} 有两个等级，请改正 / {code} has two classes: mend the file")


def parse_plan(text: str) -> Plan:
    """The plan of a YAML text. Raises DrawError."""
    try:
        plain = signed.plain_of(text)
    except ValueError as error:
        raise DrawError(f"抽查计划不是 YAML / the plan is not YAML: {error}") from error
    fault = signed.first_fault(plain, signed.schema_of("plans/plan.schema.json"))
    if fault is not None:
        raise DrawError(f"抽查计划在 {fault.where} 处有误 / the plan is wrong at {fault.where}: {fault.told}")
    try:
        return msgspec.convert(plain, Plan, strict=False)
    except msgspec.ValidationError as error:  # a date that matches the form and is none
        raise DrawError(f"抽查计划有误 / the plan is wrong: {error}") from error


def ratios_of(plan: Plan) -> dict[str, str]:
    """The share of each class that is drawn, as a decimal: the plan's own before the defaults of `config/plans`."""
    text = files("config").joinpath("plans/ratios.yaml").read_text(encoding="utf-8")
    shipped: Mapping[str, float] = signed.plain_of(text)["ratios"]
    return {name: str(ratio) for name, ratio in sorted({**shipped, **plan.ratios}.items())}


def to_draw(size: int, ratio: str) -> int:
    """How many of a stratum are drawn: the ratio of its size, rounded up, so that it is never less than the ratio.

    `ratio`: a decimal; it is taken exactly, so that no machine rounds otherwise. Raises ValueError.
    """
    return math.ceil(size * Fraction(ratio))
