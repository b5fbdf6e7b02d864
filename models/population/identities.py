"""Identities of the synthetic province: credit codes, persons, phones, event ids. All from running numbers.

Every identity is valid in form and belongs to nobody: organisation codes begin with Q, which no register is
known to issue; the region 3399nn of identity numbers is no county; local telephone numbers begin with 0.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.population.places import Ints
from models.population.words import GIVEN, SURNAMES
from monitor.identifiers import credit_code, resident_id

WRONG_CHECKS: Final = 10_000
"""One code in so many has a wrong check character, as on real licences."""

Form = Literal["resident_id", "passport", "hk_macau_permit", "taiwan_permit", "other", "pseudonym", "name"]

_CATEGORIES: Final = ("92", "91", "93", "91")
"""Department and category of a code: individual, enterprise, cooperative, branch."""
_CHARACTERS: Final = np.frombuffer(credit_code.ALPHABET.encode(), dtype=np.uint8)
_WEIGHTS: Final = np.array(credit_code.WEIGHTS)
_ORGANISATION_WEIGHTS: Final = np.array(credit_code.ORGANISATION_WEIGHTS)
# GB 11714 counts letters from A = 10 without leaving any out.
_ORGANISATION_VALUES: Final = np.array([int(character, 36) for character in credit_code.ALPHABET], dtype=np.int64)
_FIRST: Final = credit_code.ALPHABET.index("Q")
_CODES: Final = 31**7
_SCATTER: Final = 17_003_817_301
"""No multiple of 31, so that running numbers and codes match one to one; neighbours fall far apart."""


class Codes:
    """Credit codes of enterprises by their running number; no two alike."""

    def __init__(self, regions: tuple[str, ...], seed: int) -> None:
        self._regions: Ints = np.array([[int(digit) for digit in region] for region in regions])
        self._categories: Ints = np.array([[int(digit) for digit in category] for category in _CATEGORIES])
        self._shift = int(np.random.default_rng([seed, 1]).integers(_CODES))

    def make(self, numbers: Ints, kind: Ints, county: Ints) -> list[str]:
        """The codes of enterprises of given kinds (in the order of `_CATEGORIES`) and counties."""
        values = np.empty((len(numbers), 18), dtype=np.int64)
        values[:, 0:2] = self._categories[kind]
        values[:, 2:8] = self._regions[county]
        values[:, 8] = _FIRST
        rest = (numbers * _SCATTER + self._shift) % _CODES
        for position in range(15, 8, -1):
            rest, values[:, position] = np.divmod(rest, 31)
        organisation = -(_ORGANISATION_VALUES[values[:, 8:16]] @ _ORGANISATION_WEIGHTS) % 11
        values[:, 16] = np.where(organisation == 10, credit_code.ALPHABET.index("X"), organisation)
        values[:, 17] = -(values[:, :17] @ _WEIGHTS) % 31
        wrong = (numbers + self._shift) % WRONG_CHECKS == 0
        values[wrong, 17] = (values[wrong, 17] + 7) % 31
        packed: npt.NDArray[np.bytes_] = _CHARACTERS[values].view("S18").ravel()
        return [code.decode("ascii") for code in packed.tolist()]


class People:
    """Persons by their running number: always the same identity, written as the JSON members of a person."""

    def __init__(self, seed: int) -> None:
        self._shift = int(np.random.default_rng([seed, 2]).integers(2**31))
        weights = resident_id.WEIGHTS

        def part(text: str, start: int) -> tuple[str, int]:
            return text, sum(int(digit) * weights[start + place] for place, digit in enumerate(text))

        first = dt.date(1952, 1, 1)
        days = (dt.date(2006, 1, 1) - first).days
        self._regions = [part(f"3399{number:02d}", 0) for number in range(100)]
        self._births = [part(f"{first + dt.timedelta(days=day):%Y%m%d}", 6) for day in range(days)]
        self._sequences = [part(f"{number:03d}", 14) for number in range(1, 1000)]

    def name(self, number: int) -> str:
        """A full name; others may have the same."""
        mixed = (number * 2_654_435_761 + self._shift) & 0xFFFFFFFF
        surname, first, second = mixed % 80, mixed // 80 % 80, mixed // 6400 % 80
        return f"{SURNAMES[surname]}{GIVEN[first]}{GIVEN[second] if mixed >> 30 else ''}"

    def identity(self, number: int, form: Form | None = None) -> str:
        """The JSON members that say who a person is, without role; the form by the number unless given."""
        mixed = (number * 40_503 + self._shift) % 1009
        if form is None:
            form = _form(mixed)
        if form == "resident_id":
            label = f',"name":"{self.name(number)}"' if mixed % 3 == 0 else ""
            return f'"id_number":"{self._resident(number)}","id_type":"resident_id"{label}'
        if form == "name":
            return f'"name":"{self.name(number)}"'
        serial = (number * 48_271 + self._shift) % 99_999_989  # a prime: no two numbers meet
        if form == "pseudonym":
            return f'"id":"p{serial:08x}{number * 2_246_822_519 & 0xFFFFFFFF:08x}"'
        prefix = {"passport": "EX", "hk_macau_permit": "H", "taiwan_permit": "", "other": "X-"}[form]
        return f'"id_number":"{prefix}{serial:08d}","id_type":"{form}"'

    def _resident(self, number: int) -> str:
        births, sequences = len(self._births), len(self._sequences)
        rest = (number * 1_218_273_131 + self._shift) % (100 * births * sequences)
        rest, sequence = divmod(rest, sequences)
        region, birth = divmod(rest, births)
        (first, a), (middle, b), (last, c) = (
            self._regions[region],
            self._births[birth],
            self._sequences[sequence],
        )
        return f"{first}{middle}{last}{resident_id.CHECK_CHARACTERS[(a + b + c) % 11]}"


def _form(mixed: int) -> Form:
    if mixed < 940:
        return "resident_id"
    if mixed < 972:
        return "pseudonym"
    if mixed < 986:
        return "name"
    if mixed < 994:
        return "passport"
    if mixed < 1000:
        return "hk_macau_permit"
    return "taiwan_permit" if mixed < 1006 else "other"


def phone(number: int) -> str:
    """A telephone number that cannot be dialled: its local part begins with 0."""
    return f"05{70 + number % 10}-0{number * 7_919 % 10_000_000:07d}"


def event_ids() -> Iterator[str]:
    """Ids of six characters (seven after two thousand million): a counter in base 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    low = [a + b + c for a in digits for b in digits for c in digits]
    high = 36**2  # from here on the upper part has three characters or more
    while True:
        upper, rest = "", high
        while rest:
            rest, digit = divmod(rest, 36)
            upper = digits[digit] + upper
        for lower in low:
            yield upper + lower
        high += 1
