"""The rules in force: thresholds, exemptions and the host list, read from YAML and checked by a JSON Schema.

A rules file is data that an owner signs. It is loaded whole, named by the hash of its text, written into the
log when it comes into force, and never read again by a replay.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from config import signed
from config.modelling import ModelPolicy
from config.queueing import QueuePolicy
from config.supervision import AlertPolicy

EXEMPT_FALLBACK: Final = "unknown"

_OF_SEVERAL: Final = ("one-address-many-licences", "address-burst", "one-person-many-enterprises", "person-burst")
"""Detectors that count enterprises at a room or of a person: one alone is no pattern, and is not judged."""


class RulesError(ValueError):
    """A rules file that cannot be used; the message says where and what to do."""


class DetectorRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One detector's parameters with who answers for them. `by_region` and `by_kind` override single values."""

    version: int
    status: str
    owner: str
    valid_from: dt.date
    parameters: dict[str, Any]
    by_region: dict[str, dict[str, Any]] = {}
    by_kind: dict[str, dict[str, Any]] = {}


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address that lawfully hosts many licences, named by its own text."""

    text: str
    kind: str
    reason: str
    owner: str
    region: str | None = None
    until: dt.date | None = None


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rules file as written. What it leaves out of `alerts`, `queue` and `models` is as delivered."""

    version: int
    owner: str
    valid_from: dt.date
    hub_limit: int
    content_memory_days: int
    trusted_kind_sources: list[str]
    detectors: dict[str, DetectorRules]
    hosts: list[Host] = []
    alerts: AlertPolicy = AlertPolicy()
    queue: QueuePolicy = QueuePolicy()
    models: ModelPolicy = ModelPolicy()


class Rules:
    """A checked rules file. `parameters` gives a detector's values for a county and a kind of address."""

    def __init__(self, text: str) -> None:
        """`text`: YAML. Raises RulesError."""
        self.text = text
        self.content_hash = hashlib.sha256(text.encode()).hexdigest()
        self.document = _checked(text)
        self.hub_limit = self.document.hub_limit
        self.content_memory_days = self.document.content_memory_days
        trusted = frozenset(self.document.trusted_kind_sources)
        self._trusted = None if "*" in trusted else trusted
        self._resolved: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}

    def trusts_kind_of(self, source: str) -> bool:
        """Whether the kinds of address that this source declares hold."""
        return self._trusted is None or source in self._trusted

    def of(self, detector: str) -> DetectorRules:
        """All that the file says of a detector. Raises KeyError for one it does not name."""
        return self.document.detectors[detector]

    def active(self, detector: str) -> bool:
        """Whether the file has the detector at work."""
        rules = self.document.detectors.get(detector)
        return rules is not None and rules.status != "off"

    def parameters(self, detector: str, region: str | None = None, kind: str | None = None) -> dict[str, Any]:
        """The values in force: the county's before the kind's before the general ones."""
        key = (detector, region, kind)
        found = self._resolved.get(key)
        if found is None:
            rules = self.document.detectors[detector]
            found = {
                **rules.parameters,
                **rules.by_kind.get(kind or EXEMPT_FALLBACK, {}),
                **rules.by_region.get(region or "", {}),
            }
            if "levels" in found:
                found["levels"] = tuple(sorted((int(level), number) for level, number in found["levels"].items()))
            self._resolved[key] = found
        return found


def load(path: Path | None = None) -> Rules:
    """The rules of a file, or the shipped defaults. Raises RulesError."""
    if path is None:
        return Rules(files("config").joinpath("rules/default.yaml").read_text(encoding="utf-8"))
    try:
        return Rules(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"cannot read the rules file {path}: {error.strerror}"
        raise RulesError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"the rules file {path} is not UTF-8"
        raise RulesError(msg) from error


def schema() -> dict[str, Any]:
    """The JSON Schema of rules files."""
    return signed.schema_of("rules/rules.schema.json")


@lru_cache(maxsize=1)
def _shipped_parameters() -> dict[str, set[str]]:
    """The detectors of the shipped rules, each with the parameters that it needs."""
    text = files("config").joinpath("rules/default.yaml").read_text(encoding="utf-8")
    return {name: set(rule["parameters"]) for name, rule in signed.plain_of(text)["detectors"].items()}


def _checked(text: str) -> Document:
    try:
        plain = signed.plain_of(text)
    except ValueError as error:
        msg = f"the rules file is not YAML: {error}"
        raise RulesError(msg) from error
    fault = signed.first_fault(plain, schema())
    if fault is not None:
        msg = f"the rules file is wrong at {fault.where}: {fault.told}"
        raise RulesError(msg)
    try:
        document = msgspec.convert(plain, Document, strict=False)
    except msgspec.ValidationError as error:
        msg = f"the rules file is wrong: {error}"
        raise RulesError(msg) from error
    shipped = _shipped_parameters()
    for name, rules in document.detectors.items():
        wanted = shipped.get(name)
        if wanted is None:
            msg = f"the rules file is wrong at detectors: there is no detector {name}; there are {', '.join(shipped)}"
            raise RulesError(msg)
        if set(rules.parameters) != wanted:
            msg = f"the rules file is wrong at detectors/{name}/parameters: it needs {', '.join(sorted(wanted))}"
            raise RulesError(msg)
        for place in (rules.parameters, *rules.by_region.values(), *rules.by_kind.values()):
            if not wanted.issuperset(place):
                unknown = ", ".join(sorted(set(place) - wanted))
                msg = f"the rules file is wrong at detectors/{name}: it has no parameter {unknown}"
                raise RulesError(msg)
            numbers = [number for _, number in sorted(place.get("levels", {}).items())]
            if numbers != sorted(set(numbers)):
                msg = f"the rules file is wrong at detectors/{name}: a higher level needs a higher threshold"
                raise RulesError(msg)
            if name in _OF_SEVERAL and numbers and numbers[0] < 2:
                msg = f"the rules file is wrong at detectors/{name}: one enterprise is no pattern, give 2 or more"
                raise RulesError(msg)
    return document
