"""The scorecards by which enterprises are classed A to D: items and points, from YAML, checked by a JSON Schema.

A folder holds `general.yaml`, cards of industries that add to it, and `repair.yaml`: what an adverse item needs to be
repaired. It is data that an owner signs; it is loaded whole and named by the hash of its texts. No official weights
of 企业信用风险分类管理 are published: every number is a policy parameter.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from config import signed

CLASSES: Final = "ABCD"
"""From low risk to high."""

DIMENSIONS: Final = {
    "base": ("基础属性", "base facts"),
    "conduct": ("动态行为", "conduct"),
    "supervision": ("监管", "supervision"),
    "links": ("关联关系", "links"),
    "voice": ("社会评价", "public voice"),
}
"""The five dimensions of 国市监信发〔2022〕6号, with the names that people see."""

FAULTS: Final = ("conduct", "supervision", "voice")
"""Dimensions whose items are faults of the enterprise itself; the others are circumstances."""

AMOUNT_BANDS: Final = (1_000, 5_000, 10_000, 50_000, 100_000, 200_000, 1_000_000)
"""Yuan at which bands of fines begin: a history keeps the band alone, so thresholds of a card are among these."""

GROUNDS: Final = ("report", "disclosure", "falsehood", "unreachable")

FACTS: Final = (
    "young",
    "linked",
    "report.missing",
    "report.late",
    "tax.irregular",
    "commitment.breached",
    "penalty.minor",
    "penalty.ordinary",
    "penalty.severe",
    "inspection.not_disclosed",
    "inspection.false_disclosure",
    "inspection.corrected",
    "inspection.not_operating",
    "inspection.pending",
    "inspection.uncooperative",
    "sampling.failed",
    "sampling.passed",
    *(f"abnormal.now.{ground}" for ground in GROUNDS),
    *(f"abnormal.past.{ground}" for ground in GROUNDS),
    "dishonest.now",
    "dishonest.past",
    "defaulter.now",
    "defaulter.past",
    "complaint.verified",
    "honour",
)
"""What histories and ties tell. Beside these, `signal:DETECTOR` is a signal in force that counts the enterprise."""

SIGNAL: Final = "signal:"

Certainty = Literal["statute", "document", "secondary", "unverified", "proposal"]
"""How certain the basis of an item is; the words of `detectors.base`."""


class ScorecardError(ValueError):
    """Scorecards that cannot be used; the message says where and what to do."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text for people, Chinese first."""

    zh: str
    en: str


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for each occurrence, and the most that all of them give together."""

    points: int
    most: int | None = None


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a card. `levels`: of signals, those that count. `once`: the points are given once, where there are
    `at_least` occurrences. `years`: how long an occurrence counts, instead of the card's `lapse_years`. `worst_class`:
    with it the class is at least this one. `by_kind`: other points for a kind of enterprise.
    """

    dimension: str
    facts: list[str]
    points: int
    title: Words
    basis: str
    certainty: Certainty
    most: int | None = None
    levels: list[int] | None = None
    once: bool = False
    at_least: int = 1
    years: int | None = None
    worst_class: str | None = None
    by_kind: dict[str, Weight] = {}

    def weight(self, kind: str) -> Weight:
        """Points for a kind of enterprise."""
        return self.by_kind.get(kind) or Weight(self.points, self.most)


class Penalties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Yuan from which a fine makes a penalty ordinary (一般) or severe (严重)."""

    ordinary_from: int
    severe_from: int


class GeneralCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`general.yaml`. `thresholds`: scores from which the classes B, C and D begin. `tolerance_points`: a single fault
    of fewer points is tolerated (容错). `red_detectors`: a new signal of these, or of level 4, has its enterprise
    classed at once.
    """

    version: int
    owner: str
    valid_from: dt.date
    title: Words
    thresholds: dict[str, int]
    tolerance_points: int
    lapse_years: int
    penalties: Penalties
    red_detectors: list[str]
    items: dict[str, Item]


class Matches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a card of an industry adds to: enterprises whose GB/T 4754 code begins with one of some (a letter and two to
    four digits), or kinds of address.
    """

    industries: list[str] = []
    address_kinds: list[str] = []


class IndustryCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card that adds its items for some enterprises."""

    version: int
    owner: str
    valid_from: dt.date
    title: Words
    matches: Matches
    items: dict[str, Item]


class Repair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an adverse fact can be repaired. `after_months` from its date the repair may be applied for (None: no such
    wait is known), `never`: it cannot be; `most_months`: after so many it ends by itself.
    """

    title: Words
    way: Words
    basis: str
    certainty: Certainty
    never: bool = False
    after_months: int | None = None
    most_months: int | None = None
    by_industry: dict[str, int] = {}


class Line(msgspec.Struct, frozen=True):
    """An item with the card that it stands on (empty: the general one)."""

    id: str
    card: str
    item: Item


class Card:
    """The items that hold for one sort of enterprise: the general ones and those of its industries."""

    def __init__(self, kind: str, lines: list[Line]) -> None:
        """`kind`: of enterprise."""
        self.kind = kind
        self.lines = {line.id: line for line in lines}
        self.places = {line.id: place for place, line in enumerate(lines)}
        self.weights = {line.id: line.item.weight(kind) for line in lines}
        self.by_fact: dict[str, list[Line]] = {}
        for line in lines:
            for fact in line.item.facts:
                self.by_fact.setdefault(fact, []).append(line)


class Cards:
    """All scorecards of a folder, checked."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """`texts`: YAML by file name. Raises ScorecardError."""
        self.texts = dict(sorted(texts.items()))
        self.content_hash = hashlib.sha256(json.dumps(self.texts, ensure_ascii=False).encode()).hexdigest()
        if "general.yaml" not in texts or "repair.yaml" not in texts:
            msg = "scorecards need the files general.yaml and repair.yaml: copy the shipped ones and change them"
            raise ScorecardError(msg)
        self.general = _read("general.yaml", texts["general.yaml"], "general", GeneralCard)
        self.repair: dict[str, Repair] = _read("repair.yaml", texts["repair.yaml"], "repair", dict[str, Repair])
        self.industries: dict[str, IndustryCard] = {
            name.removesuffix(".yaml"): _read(name, text, "industry", IndustryCard)
            for name, text in self.texts.items()
            if name not in ("general.yaml", "repair.yaml")
        }
        _check(self)
        self.thresholds = tuple(self.general.thresholds[name] for name in CLASSES[1:])
        self._cards: dict[tuple[str, str, bool], Card] = {}

    def lines(self) -> Iterator[Line]:
        """All items of all cards, the general ones first."""
        for name, item in self.general.items.items():
            yield Line(name, "", item)
        for card, industry in self.industries.items():
            for name, item in industry.items.items():
                yield Line(name, card, item)

    def industries_of(self, industry: str, *, platform: bool) -> list[str]:
        """The cards that add to the general one, by a GB/T 4754 code as far as it is known."""
        return [
            name
            for name, card in self.industries.items()
            if industry.startswith(tuple(card.matches.industries))
            or (platform and "platform" in card.matches.address_kinds)
        ]

    def card(self, kind: str, industry: str, platform: bool) -> Card:
        """The items for an enterprise of a kind, a GB/T 4754 code and, maybe, an address on a platform."""
        key = (kind, industry, platform)
        found = self._cards.get(key)
        if found is None:
            chosen = {"", *self.industries_of(industry, platform=platform)}
            found = self._cards[key] = Card(kind, [line for line in self.lines() if line.card in chosen])
        return found

    def class_of(self, score: int) -> int:
        """The place in CLASSES of a score."""
        return sum(score >= threshold for threshold in self.thresholds)

    def years(self, line: Line) -> int:
        """How many years an occurrence counts."""
        return line.item.years or self.general.lapse_years


def load(folder: Path | None = None) -> Cards:
    """The scorecards of a folder, or the shipped ones. Raises ScorecardError."""
    place: Traversable = files("config").joinpath("scorecard") if folder is None else folder
    try:
        return Cards(
            {one.name: one.read_text(encoding="utf-8") for one in place.iterdir() if one.name.endswith(".yaml")}
        )
    except OSError as error:
        msg = f"cannot read the scorecards in {folder}: {error.strerror}"
        raise ScorecardError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"a scorecard in {folder} is not UTF-8"
        raise ScorecardError(msg) from error


def schema() -> dict[str, Any]:
    """The JSON Schema of scorecards: definitions `general`, `industry` and `repair`."""
    return signed.schema_of("scorecard/scorecard.schema.json")


def _read(name: str, text: str, part: str, into: Any) -> Any:
    try:
        plain = signed.plain_of(text)
    except ValueError as error:
        msg = f"the scorecard {name} is not YAML: {error}"
        raise ScorecardError(msg) from error
    fault = signed.first_fault(plain, {**schema(), "$ref": f"#/$defs/{part}"})
    if fault is not None:
        _wrong(name, fault.where, fault.told)
    return msgspec.convert(plain, into)


def _check(cards: Cards) -> None:
    """What a schema cannot say."""
    general = cards.general
    bounds = [general.thresholds[name] for name in CLASSES[1:]]
    if bounds != sorted(set(bounds)):
        _wrong("general.yaml", "thresholds", "a higher class needs a higher score")
    for bound in (general.penalties.ordinary_from, general.penalties.severe_from):
        if bound not in AMOUNT_BANDS:
            _wrong("general.yaml", "penalties", f"{bound} is none of {', '.join(map(str, AMOUNT_BANDS))}")
    if general.penalties.ordinary_from > general.penalties.severe_from:
        _wrong("general.yaml", "penalties", "severe_from must not be below ordinary_from")
    seen: set[str] = set()
    for line in cards.lines():
        name, where, item = f"{line.card or 'general'}.yaml", f"items/{line.id}", line.item
        if line.id in seen:
            _wrong(name, where, "another card has an item of this name")
        seen.add(line.id)
        for weight in (Weight(item.points, item.most), *item.by_kind.values()):
            if weight.most is not None and weight.most * weight.points <= 0:
                _wrong(name, where, "`most` must have the sign of `points`")
            if weight.most is not None and abs(weight.most) < abs(weight.points):
                _wrong(name, where, "`most` must not be less than `points`")
            if (weight.points > 0) != (item.points > 0):
                _wrong(name, where, "points of a kind must have the sign of the general ones")
        if item.at_least > 1 and not item.once:
            _wrong(name, where, "`at_least` needs `once: true`")
        if item.levels is not None and not all(fact.startswith(SIGNAL) for fact in item.facts):
            _wrong(name, where, "`levels` are of signals alone")
        if (item.years or 0) > general.lapse_years:
            _wrong(name, where, f"`years` must not be above lapse_years ({general.lapse_years})")
        unknown = [fact for fact in item.facts if fact not in FACTS and not fact.startswith(SIGNAL)]
        if unknown:
            _wrong(name, where, f"there is no fact {unknown[0]}; there are {', '.join(FACTS)}")
        if item.points > 0 and (lacking := [fact for fact in item.facts if repair_of(cards.repair, fact) is None]):
            _wrong("repair.yaml", lacking[0], "an adverse fact needs an entry that says how it is repaired")


def repair_of(repair: Mapping[str, Repair], fact: str) -> Repair | None:
    """The entry for a fact: its own, or that of the longest beginning of its name up to a dot or colon."""
    name = fact
    while name:
        found = repair.get(name)
        if found is not None:
            return found
        name = name[: max(name.rfind("."), name.rfind(":"), 0)]
    return None


def _wrong(name: str, where: str, what: str) -> None:
    msg = f"the scorecard {name} is wrong at {where}: {what}"
    raise ScorecardError(msg)
