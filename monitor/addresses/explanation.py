"""Why a text has its keys, or none: the parts that were read, for people.

Beside the normaliser, for the command line and the pages; nothing in the flow of events asks it.
"""

from __future__ import annotations

import msgspec

from monitor.addresses.normaliser import Address, Reading, read
from monitor.addresses.spelling import LONGEST
from monitor.identifiers.regions import COUNTIES


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """The parts of an address and, where it has no room, the reason.

    Attributes:
        address: the result of `monitor.addresses.normalise`.
        parts: what was read, in the order of the text: "county", "township", "around" (left out of the keys),
            "place", "building", "room", "aside" (brackets, left out too).
        reason_zh: why there is no room key; empty where there is one.
        reason_en: the same in English.
    """

    address: Address
    parts: dict[str, str]
    reason_zh: str = ""
    reason_en: str = ""


def explain(text: str, region: str | None = None) -> Explanation:
    """Read a text like `normalise` and say what was read.

    Args:
        text: the address as registered.
        region: the declared 6-digit county code, or None.
    """
    reading = read(text, region)
    address = reading.address
    parts = _parts(reading)
    if address.room_key is not None:
        return Explanation(address, parts)
    zh, en = _reason(text, reading)
    return Explanation(address, parts, zh, en)


def _parts(reading: Reading) -> dict[str, str]:
    county = COUNTIES.get(reading.address.region_code or "")
    parts = {"county": f"{county.province}{county.city}{county.name}" if county else ""}
    if reading.locality is not None:
        parts["township"] = reading.locality.township or ""
    if reading.place is not None:
        parts["around"] = reading.place.around if reading.place.around != reading.place.name else ""
        parts["place"] = reading.place.name
    if reading.units is not None:
        parts["building"] = " · ".join(reading.units.building)
        parts["room"] = " · ".join(reading.units.room)
    parts["aside"] = "；".join(reading.brackets)
    return {name: value for name, value in parts.items() if value}


def _reason(text: str, reading: Reading) -> tuple[str, str]:
    if len(text) > LONGEST:
        return f"超过 {LONGEST} 个字，不是地址", f"longer than {LONGEST} characters: no address"
    if reading.place is None or reading.units is None:
        return "没有门牌号", "it names no number"
    if reading.place.unlocated or reading.units.unlocated:
        return "只说在某处附近（对面、旁、路口……）", "it says near, opposite or at a crossing"
    if not (reading.units.building or reading.units.room):
        return "没有门牌号", "it names no number"
    if reading.address.region_code is None:
        return "看不出在哪个县（市、区），或不止一处同名", "it fits no county, or several"
    return "没有可定位的门牌或楼栋", "it names no house or building that can be told from others"
