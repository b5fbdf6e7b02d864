"""A clean corpus: made-up enterprises that do nothing a detector looks for, though many things near it.

Rooms with some tenants, hosts with very many licences, owners of a few shops, businesses that move and change hands,
end, rest and come back, complaints now and then, letters that arrive, reports that are filed. Nobody here is real.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.engine import Raw, event

END = datetime(2025, 4, 1, tzinfo=UTC)
HOST_KINDS = ("cluster", "incubator", "market", "platform")


def honest_province(seed: int, enterprises: int) -> list[Raw]:
    """The events of some honest enterprises, in the order of their subjects."""
    chance = random.Random(seed)
    found: list[Raw] = []
    for number in range(enterprises):
        found += honest_life(chance, number)
    return found


def honest_life(chance: random.Random, number: int) -> Iterator[Raw]:
    """One enterprise from its establishment on."""
    code = f"HONEST{number:05d}"
    # Neighbours of one room, and shops of one owner, open three months apart.
    opened = END - timedelta(days=2000 - 95 * (number % 16), seconds=number)
    data: dict[str, Any] = {
        "name": f"诚信{number}",
        "kind": chance.choice(("enterprise", "individual", "individual", "cooperative")),
        "address": address(number),
        "persons": [
            {"role": "legal_representative", "id": f"owner-{number // 4 if number % 5 else number}-{number % 5 == 0}"},
            {"role": "supervisor", "id": "an-accountant-with-very-many-clients"},
        ],
        "industry": chance.choice(("F5191", "I6210", "C1713")),
    }
    yield told(code, "registration.established", opened, data)
    for year in range(opened.year + 1, 2025):
        yield told(code, "report.filed", datetime(year, 5, 1 + number % 28, tzinfo=UTC), {"year": year - 1})
    for step in range(chance.randrange(4)):
        at = opened + timedelta(days=200 + 100 * step)
        yield told(code, "complaint.received", at, {"number": f"{code}-{step}", "verified": False, "reachable": True})
        yield told(code, "enforcement.inspected", at + timedelta(days=9), {"results": ["none_found"]})
        yield told(code, "enforcement.letter_sent", at + timedelta(days=20), {"number": f"L{step}"})
        yield told(code, "enforcement.letter_delivered", at + timedelta(days=25), {"number": f"L{step}"})
        yield told(code, "registration.changed", at + timedelta(days=30), {"capital": 1000 * step, "phone": f"{step}"})
    yield from turns(chance, code, number, opened)


def address(number: int) -> Raw:
    """A room with up to four tenants, or a desk of a host with hundreds."""
    if number % 3 == 0:
        host = number % 4
        texts = (
            "浙江省杭州市西湖区文三路90号1幢101室（集群注册）",
            "浙江省宁波市海曙区解放路5号创新孵化器2幢201室",
            "浙江省金华市义乌市国际商贸市场3区2楼7号摊位",
            "https://platform.example.com/shops",
        )
        return {"text": texts[host], "kind": HOST_KINDS[host]}
    house = number // 4
    return {"text": f"浙江省杭州市余杭区五常大道{100 + house}号2幢{301 + number % 4}室"}


def turns(chance: random.Random, code: str, number: int, opened: datetime) -> Iterator[Raw]:
    """What happens to some of them."""
    at = opened + timedelta(days=400)
    form = number % 12
    if form == 1:
        new = {"text": f"浙江省杭州市余杭区文一西路{number}号1幢101室"}
        yield told(code, "registration.changed", at, {"address": new})
        yield told(code, "registration.changed", at + timedelta(days=300), {"persons": [operator(f"heir-{number}")]})
    elif form == 2:
        yield told(code, "registration.suspended", at, {"until": (at.date() + timedelta(days=90)).isoformat()})
        yield told(code, "registration.resumed", at + timedelta(days=60), {})
    elif form == 4:
        yield told(code, "registration.deregistered", at, {"mode": "simple"})
    elif form == 5:
        yield told(code, "enforcement.penalised", at, {"document": f"P-{number}", "amount": 500})
        yield told(code, "credit.repaired", at + timedelta(days=100), {"documents": [f"P-{number}"]})
    elif form == 7:
        yield told(code, "enforcement.abnormal_listed", at, {"ground": "report", "document": f"A-{number}"})
        yield told(code, "enforcement.abnormal_removed", at + timedelta(days=30), {"ground": "report"})
    elif form == 8:
        yield told(code, "enforcement.visited", at, {"found": False})
        yield told(code, "enforcement.visited", at + timedelta(days=3), {"found": True})
    elif form == 10:
        yield told(code, "tax.irregular", at, {})
        yield told(code, "tax.regular", at + timedelta(days=20), {})
    elif form == 11:
        yield told(code, "sampling.passed", at, {})
        yield told(code, "honour.awarded", at + timedelta(days=chance.randrange(100)), {})


def operator(identity: str) -> Raw:
    return {"role": "operator", "id": identity}


def told(code: str, kind: str, at: datetime, data: Raw) -> Raw:
    return event(code, kind, at.isoformat(), id=f"{kind}-{at.timestamp():.0f}-{code}", **data)
