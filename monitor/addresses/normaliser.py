"""From a text to region, building key and room key: what enterprises and rooms are joined by.

The one entry for the rest of the monitor. Two texts name one room when their room keys are equal; a text that
no place can be found for has none, and is never joined to anything. A pure function of text and declared region:
what is remembered between calls changes its speed alone.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

import msgspec

from monitor.addresses.elsewhere import find_link, is_elsewhere, plain_form
from monitor.addresses.gazetteer import BUILDINGS, ROADS, TOWNSHIPS
from monitor.addresses.locality import Locality, locate
from monitor.addresses.place import STRETCH, Place, place
from monitor.addresses.spelling import LONGEST, Spelt, is_spelt, spell, unified
from monitor.addresses.units import Units, read_units
from monitor.identifiers.regions import COUNTIES, County, current

NORMALISER_VERSION: Final = "2"
"""Part of every snapshot: keys of another version are other keys."""

_FIRST_UNIT: Final = re.compile(
    "(?![A-Z]?[0-9]{1,3}[国省县乡]道)"  # 104国道 is a name
    "(?:[0-9#]|[A-Z]{1,2}-?(?=[0-9]|[A-Z][0-9]|号?[座幢栋区馆厅楼]|层|单元|室))"
)
_NUMBERED_NAME: Final = re.compile(
    "(?:[0-9]{1,4}[A-Z]{0,2}|[A-Z]{1,6}[0-9]{0,4})(?![号幢栋座楼层室单组弄区期#村支])[一-龥]{1,8}?"
    "(?:产业园|创意园|文创园|科技园|创业园|园区|园|广场|大厦|中心|商城|小镇|公寓|空间|基地|公馆)"
)
_BLOCK_AT_END: Final = re.compile(
    "(?:[东西南北中主副裙附]楼|[东西南北甲乙丙丁][座幢栋]|(?:综合|办公|行政|科研|研发)大?楼|夹层|底层|顶层)$"
)
_SHOWN: Final = (
    ("cluster", re.compile("集群(?:注册|登记)|托管")),
    ("incubator", re.compile("(?:孵化|众创空间)(?!.{0,2}(?:路|街|巷|大道))")),
    ("market", re.compile("(?:市场|商场|菜场)(?!监|.{0,2}(?:路|街|巷|弄|大道|村|社区|桥))")),
)
_SHOWING: Final = re.compile("集群|托管|孵化|众创空间|市场|商场|菜场")
_NEAR: Final = re.compile("对面|旁|附近|隔壁|路口|交叉")
_BEGINS_NEAR: Final = re.compile("斜?对面|旁|附近|隔壁|路口|交叉")
# What stands in brackets and is no part of the place.
_REMARK: Final = re.compile(f"{_NEAR.pattern}|原|现|旧|曾|托管|集群|申报|承诺|电话|限|仅|年|月|面积|平方|证|公司")
# A 街道 has one too, and its name is needed to tell them apart; of a 服装城 a county has one.
_EVERYDAY: Final = re.compile(
    "(?:老|新|大|中心|综合|城[东西南北])?(?:农贸|农副产品|集贸|菜|综合|副食品|食品|蔬菜|水果|粮油|花鸟|旧货)市场"
)
_SIDE: Final = re.compile("[东西南北前后左右][侧面边首半](?:侧|边|间|部)?|[后侧边]门")
_HOUSE_NUMBER: Final = re.compile("[0-9]{1,6}(?![0-9])")

# The form of most registrations; anything else takes the long way to the same result.
_USUAL: Final = re.compile(
    "([一-龥]{4,60})([1-9][0-9]{0,4})号(?:([1-9][0-9]{0,2}|[A-Z])(?:幢|号楼|栋|座))?(?:([1-9])单元)?"
    "(?:([1-9][0-9]?)[楼层])?(?:([1-9][0-9]{2,3})室?)?"
)
# Bounds of what is remembered: together below 20 MB, however long the names are.
_LONGEST_REMEMBERED: Final = 100
_REMEMBERED_TEXTS: Final = 2048
_REMEMBERED_PARTS: Final = 4096


class Address(msgspec.Struct, frozen=True, gc=False):
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


class Reading(msgspec.Struct, frozen=True, gc=False):
    """An address with the steps that led to it, for people who ask why."""

    address: Address
    locality: Locality | None = None
    place: Place | None = None
    units: Units | None = None
    brackets: tuple[str, ...] = ()


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What the words before the first number say; `stem` begins the key, where the region is known by then."""

    locality: Locality
    place: Place
    stem: str | None
    shown: str | None


def _shown_kind(words: str) -> str | None:
    if not _SHOWING.search(words):
        return None
    return next((kind for kind, pattern in _SHOWN if pattern.search(words)), None)


def _owners(county: County | None, township: str | None) -> tuple[str, ...]:
    names = (county.city[:-1], county.name[:-1]) if county else ()
    return (*names, township or "")


@cache
def _known_buildings() -> dict[tuple[str, str], tuple[str, str]]:
    """Road and number of the well-known buildings, by county and name as the keys spell it."""
    return {
        (county, place(name, _owners(COUNTIES[county], None)).name): where
        for (county, name), where in BUILDINGS.items()
    }


def _head_of(locality: Locality) -> _Head:
    owners = _owners(COUNTIES.get(locality.region or ""), locality.township)
    where = place(locality.rest, owners, TOWNSHIPS.get(locality.region or "", ()))
    words = where.around if where.kind in ("road", "village") else f"{where.around}|{where.name}"
    code = locality.region
    return _Head(locality, where, _stem(code, locality, where) if code else None, _shown_kind(words))


def _stem(code: str, locality: Locality, where: Place) -> str:
    """The beginning of a key: county, the township where many towns have the name, and the name."""
    name = where.name or locality.township or ""
    if where.common and locality.township and (where.kind == "place" or _EVERYDAY.fullmatch(name)):
        return f"{code}|{locality.township}|{name}"
    if locality.rural and (where.common or (where.kind == "road" and (code[:4], STRETCH.sub("", name)) not in ROADS)):
        return f"{code}|{locality.township}|{name}"
    return f"{code}|{name}"


def _head(words: str, region: str | None) -> _Head:
    return _head_of(locate(words, region))


_remembered_head = lru_cache(_REMEMBERED_PARTS)(_head)
_remembered_units = lru_cache(_REMEMBERED_PARTS)(read_units)


def _split(text: str) -> tuple[str, str]:
    """Words before the first number or block, and the rest."""
    match = _FIRST_UNIT.search(text)
    start = match.start() if match else len(text)
    block = _BLOCK_AT_END.search(text, max(0, start - 4), start)
    if block and block.start() > 3:
        start = block.start()
    return text[:start], text[start:]


def _county_of_road(city: str, where: Place, parts: tuple[str, ...]) -> str | None:
    """The county of a house on a road, where the road or this stretch of it lies in one county of the prefecture.

    A building that stands on a road (车站大道神力大厦) is there too; with no number, only if the whole road is in one.
    """
    if where.kind != "road":
        stretches = ROADS.get((city, where.around.removesuffix(where.name)), ())
        return stretches[0][2] if len({county for _, _, county in stretches}) == 1 else None
    match = _HOUSE_NUMBER.match(parts[0]) if parts else None
    house = int(match[0]) if match else 0
    for first, last, county in ROADS.get((city, STRETCH.sub("", where.name)), ()):
        if first <= house <= last:
            return county
    return None


def _building(code: str, head: _Head, units: Units) -> str | None:
    """Key of the building, or None where the text names none that can be told from others."""
    where, parts = head.place, units.building
    if where.unlocated or units.unlocated or not (where.name or head.locality.township):
        return None
    if not parts and (not units.room or where.kind in ("road", "village")):
        return None
    known = _known_buildings().get((code, where.name))
    if known is not None:
        return "|".join((code, *known, *parts))
    return "|".join((head.stem or _stem(code, head.locality, where), *parts))


def _read_words(text: str, brackets: tuple[str, ...], region: str | None) -> Reading:
    """Read a text whose brackets are apart."""
    words, rest = _split(text)
    short = len(text) <= _LONGEST_REMEMBERED
    head = (_remembered_head if short else _head)(words, region)
    if not head.locality.rest:
        named = _NUMBERED_NAME.match(rest)
        if named:
            head = _head_of(msgspec.structs.replace(head.locality, rest=named[0]))
            rest = rest[named.end() :]
    units = (_remembered_units if short else read_units)(rest, head.place.kind)
    code = head.locality.region
    if code is None and head.locality.city is not None:
        code = _county_of_road(head.locality.city, head.place, units.building)
    building = room = None
    if code is not None and not any(_BEGINS_NEAR.match(content) for content in brackets):
        building = _building(code, head, units)
    if building is not None:
        room = "|".join((building, *units.room)) if units.room else f"{building}|-"
    said = "|".join((units.names, *(content for content in brackets if not _NEAR.search(content))))
    shown = {head.shown, _shown_kind(said)}
    kind = next((kind for kind, _ in _SHOWN if kind in shown), None)
    return Reading(Address(code, building, room, kind), head.locality, head.place, units, brackets)


def _read(spelt: Spelt, region: str | None) -> Reading:
    reading = _read_words(spelt.text, spelt.brackets, region)
    units = reading.units
    if units is None or units.room or len(units.building) > 1:
        return reading
    for content in spelt.brackets:  # 新场村（交通路55号）, 登云路639号（电子市场1楼1C189号）
        if _REMARK.search(content):
            continue
        part = spell(content).text
        if any(character.isdigit() for character in part) or _SIDE.fullmatch(part):
            return _read_words(spelt.text + part, spelt.brackets, region)
    return reading


def read(text: str, region: str | None = None) -> Reading:
    """Normalise a text and keep the steps; see `normalise`."""
    declared = current(region) if region else None
    if len(text) > LONGEST:
        return Reading(Address(declared, None, None, None))
    found = find_link(text)
    if found is not None:
        link, outside = found
        around = _read(spell(unified(outside)), region) if not is_elsewhere(outside) else None
        if around and around.address.building_key and around.brackets:
            return around  # the link is a remark on a shop that has a door
        code = around.address.region_code if around else declared
        return Reading(Address(code, None, f"link|{link}", "platform"))
    if is_elsewhere(text):
        form = plain_form(text)
        key = f"plain|{form}" if form else None
        return Reading(Address(declared, key, key, None))
    return _read(spell(unified(text)), region)


@lru_cache(_REMEMBERED_PARTS)
def _usual_head(words: str, region: str | None) -> _Head | None:
    """The head of a text of the usual form, where nothing in it asks for the long way."""
    if not is_spelt(words) or _BLOCK_AT_END.search(words, len(words) - 4) or is_elsewhere(words):
        return None
    head = _head(words, region)
    code, where = head.locality.region, head.place
    plain = where.kind in ("road", "village", "place") and where.name and not where.unlocated
    if code is None or not plain or (code, where.name) in _known_buildings():
        return None
    return head


def _usual(text: str, region: str | None) -> Address | None:
    """An address of the usual form by the short way, or None."""
    match = _USUAL.fullmatch(text)
    if match is None:
        return None
    words, house, block, unit, floor, room = match.groups()
    head = _usual_head(words, region)
    if head is None:
        return None
    building = f"{head.stem}|{house}|{block}幢" if block else f"{head.stem}|{house}"
    place_in = f"{building}|{unit}单元" if unit else building
    if room is None:
        whole = f"{place_in}|{floor}F" if floor else place_in if unit else f"{building}|-"
    elif floor and not (room.startswith(floor) and len(room) - len(floor) in (2, 3)):
        whole = f"{place_in}|{floor}F|{room}"
    else:
        whole = f"{place_in}|{room}"
    return Address(head.locality.region, building, whole, head.shown)


@lru_cache(_REMEMBERED_TEXTS)
def _remembered(text: str, region: str | None) -> Address:
    return _usual(text, region) or read(text, region).address


def normalise(text: str, region: str | None = None) -> Address:
    """What an address names.

    Args:
        text: the address as registered, in any spelling.
        region: the declared 6-digit county code, perhaps a retired one; the text wins where it names the county.

    Returns:
        Region, building key, room key and shown kind, by the labelling rules of the address gold set
        (``tests/data/addresses/README.md``). Never raises for any text.
    """
    if len(text) <= _LONGEST_REMEMBERED:
        return _remembered(text, region)
    return read(text, region).address
