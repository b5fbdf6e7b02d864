"""From a text to region, building key and room key: what enterprises and rooms are joined by.

The one entry for the rest of the monitor. Two texts name one room when their room keys are equal; a text that
no place can be found for has none, and is never joined to anything. A pure function of text and declared region.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from monitor.addresses.elsewhere import find_link, is_elsewhere, plain_form
from monitor.addresses.gazetteer import BUILDINGS, CITIES, ROADS
from monitor.addresses.locality import Locality, locate
from monitor.addresses.place import Place, place
from monitor.addresses.spelling import LONGEST, Spelt, spell, unified
from monitor.addresses.units import Units, read_units
from monitor.identifiers.regions import COUNTIES, County, current

NORMALISER_VERSION: Final = "1"
"""Part of every snapshot: keys of another version are other keys."""

_FIRST_UNIT: Final = re.compile("[0-9#]|[A-Z]{1,2}-?(?=[0-9]|号?[座幢栋区馆厅楼]|层|单元|室)")
_NUMBERED_NAME: Final = re.compile(
    "(?:[0-9]{1,4}[A-Z]{0,2}|[A-Z]{1,6}[0-9]{0,4})(?![号幢栋座楼层室单组弄区期#村支])[一-龥]{1,8}?"
    "(?:产业园|创意园|文创园|科技园|创业园|园区|园|广场|大厦|中心|商城|小镇|公寓|空间|基地|公馆)"
)
_BLOCK_AT_END: Final = re.compile(
    "(?:[东西南北中主副裙附]楼|[东西南北甲乙丙丁][座幢栋]|(?:综合|办公|行政|科研|研发)(?:大)?楼|夹层|底层|顶层)$"
)
_SHOWN: Final = (
    ("cluster", re.compile("集群(?:注册|登记)|托管")),
    ("incubator", re.compile("(?:孵化|众创空间)(?!.{0,2}(?:路|街|巷|大道))")),
    ("market", re.compile("(?:市场|商场)(?!监|.{0,2}(?:路|街|巷|弄|大道|村|社区|桥))")),
)
_SHOWING: Final = re.compile("集群|托管|孵化|众创空间|市场|商场")
_HOUSE_NUMBER: Final = re.compile("[0-9]{1,6}(?![0-9])")
_REMARK: Final = re.compile("对面|旁|附近|隔壁|路口|交叉|原|现|旧|曾|托管|集群|申报|承诺|电话|限|仅|年|月|面积|平方|证|公司")
_NEAR: Final = re.compile("对面|旁|附近|隔壁|路口|交叉")
_REMARK_NEAR: Final = re.compile("(?:斜?对面|旁边?|隔壁|附近|路口|交叉口)")


class Address(msgspec.Struct, frozen=True):
    """What a text names.

    Attributes:
        region_code: today's 6-digit county code, or None where the text does not decide it.
        building_key: key of the building or house number, unique in the country; None for none.
        room_key: key of the room, unit, stall, floor or house; None for none.
        shown_kind: "cluster", "incubator", "market" or "platform" where the text shows it (contract §4), else None.
    """

    region_code: str | None
    building_key: str | None
    room_key: str | None
    shown_kind: str | None


class Reading(msgspec.Struct, frozen=True):
    """An address with the steps that led to it, for people who ask why."""

    address: Address
    locality: Locality | None
    place: Place | None
    units: Units | None
    brackets: tuple[str, ...]


def _shown_kind(texts: list[str]) -> str | None:
    words = "|".join(texts)
    if not _SHOWING.search(words):
        return None
    for kind, pattern in _SHOWN:
        if pattern.search(words):
            return kind
    return None


def _owners(county: County | None, township: str | None) -> tuple[str, ...]:
    names = (county.city[:-1], county.name[:-1]) if county else ()
    return (*names, township or "")


def _county_of_road(city: str, road: str, parts: tuple[str, ...]) -> str | None:
    """The county of a house on a road, where the road or this stretch of it lies in one county of the prefecture."""
    match = _HOUSE_NUMBER.match(parts[0]) if parts else None
    house = int(match[0]) if match else 0
    for first, last, county in ROADS.get((city, road), ()):
        if first <= house <= last:
            return county
    return None


def _known_buildings() -> dict[tuple[str, str], tuple[str, str]]:
    found = {}
    for (county, name), where in BUILDINGS.items():
        found[(county, place(name, _owners(COUNTIES[county], None)).name)] = where
    return found


def _split(text: str) -> tuple[str, str]:
    """Words before the first number or block, and the rest."""
    match = _FIRST_UNIT.search(text)
    start = match.start() if match else len(text)
    block = _BLOCK_AT_END.search(text, max(0, start - 4), start)
    if block and block.start() > 3:
        start = block.start()
    return text[:start], text[start:]


def _read(spelt: Spelt, region: str | None) -> Reading:
    reading = _read_outside(spelt.text, spelt.brackets, region)
    units = reading.units
    if units is None or units.room or len(units.building) > 1:
        return reading
    for content in spelt.brackets:
        if any(character.isdigit() for character in content) and not _REMARK.search(content):
            inside = spell(content).text
            return _read_outside(f"{spelt.text}{inside}", spelt.brackets, region)
    return reading


def _read_outside(text: str, brackets: tuple[str, ...], region: str | None) -> Reading:
    head, tail = _split(text)
    locality = locate(head, region)
    if not locality.rest:
        named = _NUMBERED_NAME.match(tail)
        if named:
            locality = msgspec.structs.replace(locality, rest=named[0])
            tail = tail[named.end() :]
    where = place(locality.rest, _owners(COUNTIES.get(locality.region or ""), locality.township))
    units = read_units(tail, where.kind)
    code = locality.region
    if code is None and locality.city:
        code = _county_of_road(locality.city, where.name, units.building)
    building = _building(code, locality, where, units)
    near = where.unlocated or units.unlocated or any(_REMARK_NEAR.match(text) for text in brackets)
    if near:
        building = None
    texts = [where.around, units.names, *(text for text in brackets if not _NEAR.search(text))]
    if where.kind not in ("road", "village"):
        texts.append(where.name)
    room = None
    if building is not None:
        room = "|".join((building, *units.room)) if units.room else f"{building}|-"
    return Reading(
        Address(code, building, room, _shown_kind(texts)), locality, where, units, brackets
    )


def _building(code: str | None, locality: Locality, where: Place, units: Units) -> str | None:
    """Key of the building, or None where the text names none that can be told from others."""
    name, parts = where.name, units.building
    if code is None or not (name or locality.township):
        return None
    if not parts and where.kind != "building" and (where.kind != "market" or not units.room):
        if where.kind != "place" or not units.room:
            return None
    if not name:
        name = locality.township or ""
    known = _KNOWN.get((code, name))
    if known is not None:
        name, parts = known[0], (known[1], *parts)
    township = (locality.township or "",) if where.common and locality.rural else ()
    return "|".join((code, *township, name, *parts))


_KNOWN: Final = _known_buildings()


def read(text: str, region: str | None = None) -> Reading:
    """Normalise a text and keep the steps; see `normalise`."""
    declared = current(region) if region else None
    if len(text) > LONGEST:
        return Reading(Address(declared, None, None, None), None, None, None, ())
    found = find_link(text)
    if found is not None:
        link, outside = found
        around = _read(spell(unified(outside)), region) if not is_elsewhere(outside) else None
        code = around.address.region_code if around else declared
        return Reading(Address(code, None, f"link|{link}", "platform"), None, None, None, ())
    if is_elsewhere(text):
        form = plain_form(text)
        key = f"plain|{form}" if form else None
        return Reading(Address(declared, key, key, None), None, None, None, ())
    return _read(spell(unified(text)), region)


def normalise(text: str, region: str | None = None) -> Address:
    """What an address names.

    Args:
        text: the address as registered, in any spelling.
        region: the declared 6-digit county code, perhaps a retired one; the text wins where it names the county.

    Returns:
        Region, building key, room key and shown kind, by the labelling rules of the address gold set
        (``tests/data/addresses/README.md``). Never raises for any text.
    """
    return read(text, region).address
