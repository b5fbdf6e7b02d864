"""Small worlds in which everything meets: few enterprises, rooms, persons, documents and moments, every type of event.

Where `tests.reference.cases` tells stories around the thresholds of the contract, here chance alone writes, on a small
grid of moments, under rules with small thresholds (`small_rules`, and `small_reference` for the reference), so that
every pair of situations comes together sooner or later.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from unittest import mock

import yaml

from config.ruleset import Rules, load
from tests import engine
from tests.reference import detectors_conduct, detectors_persons, detectors_rooms, detectors_ties, world
from tests.reference.cases_maker import RECEIVED

DAYS_BACK = (0, 1, 2, 5, 14, 15, 16, 29, 30, 31, 44, 60, 89, 90, 91, 150, 179, 180, 181, 210, 364, 365, 366, 1095, 1096)
SECONDS = (0, 0, 0, 0, 1, -1, 8 * 3600)
PERSONS: tuple[dict[str, str], ...] = (
    {"id": "p-one"},
    {"id": "p-two", "name": "赵一"},
    {"id_number": "g12345678", "id_type": "passport"},
    {"id_number": " G12345678 ", "id_type": "passport", "name": "钱二"},
    {"name": "王芳"},
    {"name": "李伟"},
    {"id": ""},
)
ADDRESSES: tuple[dict[str, str], ...] = (
    {"text": "浙江省杭州市西湖区文三路90号1幢101室"},
    {"text": "杭州市西湖区文三路90号1幢101室", "region": "330106"},
    {"text": "浙江省杭州市西湖区文三路90号1幢102室"},
    {"text": "浙江省宁波市海曙区解放路5号2幢201室"},
    {"text": "浙江省宁波市海曙区解放路5号2幢201室（集群注册）"},
    {"text": "浙江省杭州市西湖区文三路90号对面"},
    {"text": "测试村7号"},
    {"text": "https://shop.example.com/s/7", "region": "330106"},
)
KINDS = ("office", "cluster", "market")
TYPES = (
    *("registration.established",) * 9,
    *("registration.changed",) * 9,
    *("registration.deregistered", "registration.revoked") * 2,
    "registration.cancelled",
    *("registration.suspended", "registration.resumed") * 2,
    *("report.filed", "report.missed", "report.missed"),
    *("enforcement.inspected", "enforcement.visited"),
    *("enforcement.letter_sent", "enforcement.letter_returned") * 3,
    "enforcement.letter_delivered",
    "enforcement.penalised",
    *("enforcement.abnormal_listed",) * 3,
    *("enforcement.abnormal_removed", "enforcement.dishonest_listed", "enforcement.dishonest_removed"),
    *("complaint.received",) * 4,
    *("court.defaulter_listed", "court.defaulter_listed", "court.defaulter_removed"),
    *("tax.irregular", "tax.regular"),
    *("credit.repaired", "objection.decided"),
    "clock.ticked",
)
HUB = 4

SMALL: dict[str, dict[str, Any]] = {
    "one-address-many-licences": {"levels": {1: 2, 2: 3, 3: 4, 4: 5}},
    "address-burst": {"levels": {2: 2, 3: 3}},
    "one-person-many-enterprises": {"levels": {1: 2, 2: 3, 3: 4}},
    "person-burst": {"levels": {2: 2, 3: 3}},
    "frequent-changes": {"levels": {1: 2, 2: 3}},
    "linked-risk": {"levels": {1: 1, 2: 2}},
    "complaint-surge": {"levels": {2: 2, 3: 3}},
    "address-at-risk": {"minimum_registered": 2},
}


def small_rules() -> Rules:
    """The shipped rules with thresholds and a hub limit that a handful of enterprises reach."""
    document = yaml.safe_load(load().text)
    document["hub_limit"] = HUB
    for detector, parameters in SMALL.items():
        document["detectors"][detector]["parameters"] |= parameters
    return Rules(yaml.safe_dump(document, allow_unicode=True))


@contextmanager
def small_reference() -> Iterator[None]:
    """The reference under the same numbers."""

    def highest_first(detector: str) -> tuple[tuple[int, int], ...]:
        levels = SMALL[detector]["levels"]
        return tuple((least, level) for level, least in sorted(levels.items(), reverse=True))

    numbers: tuple[tuple[Any, str, Any], ...] = (
        (world, "HUB", HUB),
        (detectors_rooms, "ONE_ADDRESS", highest_first("one-address-many-licences")),
        (detectors_rooms, "ADDRESS_BURST", highest_first("address-burst")),
        (detectors_rooms, "AT_RISK_EVER", 2),
        (detectors_persons, "ONE_PERSON", highest_first("one-person-many-enterprises")),
        (detectors_persons, "PERSON_BURST", highest_first("person-burst")),
        (detectors_conduct, "CHANGES", highest_first("frequent-changes")),
        (detectors_conduct, "COMPLAINTS", highest_first("complaint-surge")),
        (detectors_ties, "LINKED", highest_first("linked-risk")),
    )
    with ExitStack() as stack:
        for module, name, value in numbers:
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def make_chaos(seed: int, *, enterprises: int = 9, events: int = 90) -> list[bytes]:
    """Lines of a world of so many enterprises and events, in the order in which chance wrote them."""
    chance = random.Random(seed)
    subjects = [f"E{number:03d}" for number in range(enterprises)]
    return [engine.line(_event(chance, subjects, number)) for number in range(events)]


def _event(chance: random.Random, subjects: list[str], number: int) -> dict[str, Any]:
    kind = chance.choice(TYPES)
    at = RECEIVED - timedelta(days=chance.choice(DAYS_BACK), seconds=chance.choice(SECONDS))
    at = min(at, RECEIVED + timedelta(hours=20))
    return engine.event(
        "clock" if kind == "clock.ticked" else chance.choice(subjects),
        kind,
        at.isoformat(),
        id=f"{chance.randrange(10)}-{number}",
        source=chance.choice(("//a", "//b", "//c")),
        **_data(chance, kind, at),
    )


def _data(chance: random.Random, kind: str, at: datetime) -> dict[str, Any]:
    document = f"{'文号〔2024〕' * chance.randrange(2)}{chance.randrange(4)}"
    number = f"{'邮件编号-' * chance.randrange(2)}{chance.randrange(4)}"
    match kind.partition(".")[2]:
        case "established":
            data = {**_attributes(chance, at), "name": "测试", "kind": chance.choice(("enterprise",) * 9 + ("branch",))}
            return data | {"address": _address(chance), "persons": _persons(chance)}
        case "changed":
            return _attributes(chance, at)
        case "suspended":
            until = (RECEIVED.date() + timedelta(days=chance.choice((-400, -31, -1, 0, 1, 30)))).isoformat()
            return chance.choice(({}, {"until": until}))
        case "filed" | "missed":
            return {"year": chance.choice((2022, 2023, 2024))}
        case "inspected":
            return {"results": chance.choice(([], ["none_found"], ["unreachable"], ["unreachable", "corrected"]))}
        case "visited":
            return {"found": chance.random() < 0.4}
        case "letter_sent" | "letter_returned" | "letter_delivered":
            return {"number": number}
        case "penalised":
            return {"document": document}
        case "abnormal_listed" | "abnormal_removed":
            ground = chance.choice(("report", "unreachable"))
            return {"ground": ground} | chance.choice(({}, {"document": document}))
        case "received":
            return {"number": number} | chance.choice(({}, {"reachable": True}, {"reachable": False}))
        case "defaulter_listed" | "defaulter_removed":
            return chance.choice(({}, {"person": chance.choice(PERSONS)}, {"person": chance.choice(PERSONS)})) | {
                "document": document
            }
        case "repaired":
            return {"documents": [document]}
        case "decided":
            return {"document": document, "upheld": chance.random() < 0.6}
        case "dishonest_listed" | "revoked":
            return chance.choice(({}, {"document": document}))
    return {}


def _attributes(chance: random.Random, at: date) -> dict[str, Any]:
    """Some of the attributes of an enterprise, perhaps none that matters."""
    data: dict[str, Any] = {}
    if chance.random() < 0.5:
        data["address"] = _address(chance)
    if chance.random() < 0.5:
        data["persons"] = _persons(chance)
    if chance.random() < 0.3:
        data["industry"] = chance.choice(("F5191", "F5199", "C1713", "F", ""))
    return data or {"capital": at.day}


def _address(chance: random.Random) -> dict[str, str]:
    found = dict(chance.choice(ADDRESSES))
    if chance.random() < 0.1:
        found["kind"] = chance.choice(KINDS)
    return found


def _persons(chance: random.Random) -> list[dict[str, str]]:
    return [
        {"role": chance.choice(("legal_representative", "operator", "principal", "director")), **one}
        for one in chance.sample(PERSONS, chance.choice((0, 1, 1, 1, 2, 3)))
    ]
