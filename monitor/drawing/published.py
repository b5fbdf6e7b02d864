"""The files of a draw, and the one way to write each, so that a changed byte is another file.

Published are the plan, the blind list of candidates, the blind list of officers and the commitment; after the draw its
result, and a table of it for people. The agency keeps the private list and, until the draw, the seed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from config.officers import Officer
from monitor.drawing import ProofError

SCHEME: Final = "credit-monitor-draw-1"

PLAN: Final = "plan.yaml"
CANDIDATES: Final = "candidates.csv"
OFFICERS: Final = "officers.csv"
COMMITMENT: Final = "commitment.json"
RESULT: Final = "result.json"
TABLE: Final = "selected.csv"
COMMITTED: Final = (PLAN, CANDIDATES, OFFICERS, COMMITMENT)
DRAWN: Final = (RESULT, TABLE)

PRIVATE: Final = "private.json"
SEED: Final = "seed.hex"

Read = TypeVar("Read", bound=msgspec.Struct)


class Stratum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the list that is drawn from by one ratio; `drawn` of `size` candidates are taken."""

    stratum: int
    ratio: str
    size: int
    drawn: int


class Commitment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What binds the agency: digests (SHA-256) of everything that decides the draw, and the strata.

    `ratios`: those in force, by class. `list_as_of`: Now of the monitor when the list was made; `committed_at`: the
    agency's clock; both RFC 3339.
    """

    scheme: str
    plan_sha256: str
    candidates_sha256: str
    officers_sha256: str
    private_sha256: str
    seed_sha256: str
    ratios: dict[str, str]
    strata: tuple[Stratum, ...]
    list_as_of: str
    committed_at: str


class OfficerCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is published of an officer who was drawn: masked name, agency, counties; `private` binds the rest."""

    name: str
    agency: str
    counties: tuple[str, ...]
    private: str

    @property
    def leaf(self) -> str:
        """By what the blind list of officers knows this one."""
        return sha256(canonical(self))


class Selected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An enterprise that was drawn, with its two officers, or none where fewer than two may go.

    `passed_over`: leaves of officers whom the lot met before the second was found, and who may not go.
    """

    code: str
    name: str
    county: str
    officers: tuple[OfficerCard, ...]
    passed_over: tuple[str, ...]


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draw. `boxes`: those of the candidates drawn, by their leaves; `opening`: the sum of their blindings;
    `selected`: what is in them, by code, so that the order tells nothing of the boxes.
    """

    commitment_sha256: str
    seed: str
    public_value: str
    boxes: tuple[str, ...]
    opening: str
    selected: tuple[Selected, ...]


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"grade": "class"}):
    """A candidate in the private list; `grade`: its class when the list was made."""

    code: str
    name: str
    county: str
    stratum: int
    grade: str
    persons: tuple[str, ...]

    @property
    def content(self) -> str:
        """What is sealed in its box."""
        return box_content(self.code, self.name, self.county)


class PrivateList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agency keeps and shows to auditors. `key`: from which all blindings and salts are made."""

    key: str
    candidates: tuple[Listed, ...]
    officers: tuple[Officer, ...]


def box_content(code: str, name: str, county: str) -> str:
    """The text that a box holds."""
    return f"{code}\n{name}\n{county}"


def sha256(text: str) -> str:
    """SHA-256 of a text as UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: msgspec.Struct) -> str:
    """The one JSON text of a value: fields by name, one space of indentation, UTF-8, a line end."""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def read(name: str, text: str, kind: type[Read]) -> Read:
    """A value from its one JSON text. Raises ProofError where it is anything else."""
    try:
        found = msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise ProofError(f"{name}：已被改动或不完整 / is changed or not whole: {error}") from error
    if canonical(found) != text:
        raise ProofError(
            f"{name}：与应有的写法不一致，已被改动 / is not written as the program writes it: it was changed"
        )
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV text with line ends of Unix."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def candidates_table(rows: Iterable[tuple[int, str]]) -> str:
    """The blind list of candidates: strata and leaves, in their order, which tells nothing."""
    return table(("stratum", "leaf"), sorted(rows))


def officers_table(rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The blind list of officers: leaves and counties, in the order of the leaves."""
    return table(("leaf", "counties"), sorted((leaf, " ".join(counties)) for leaf, counties in rows))


def selected_table(result: Result) -> str:
    """The result for people: one line an enterprise, without anything that tells a class."""
    rows = [
        (one.code, one.name, one.county, *([f"{card.name}（{card.agency}）" for card in one.officers] or ["", ""]))
        for one in result.selected
    ]
    return table(("code", "name", "county", "officer_1", "officer_2"), rows)


def rows_of(name: str, text: str, header: tuple[str, str]) -> list[tuple[str, str]]:
    """The rows of one of the two blind lists. Raises ProofError where it is no table of two columns."""
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or tuple(lines[0]) != header or any(len(line) != len(header) for line in lines):
        raise ProofError(f"{name}：不是原来的表，已被改动 / is not the table that was committed to")
    return [(one, other) for one, other in lines[1:]]
