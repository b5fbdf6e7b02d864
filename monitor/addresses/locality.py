"""From the words before the first number: province, city, county, zone and township, and what is left of them.

The text wins where it names the county. Else the township decides where only one county has it, then the
declared code, then a zone. What fits several counties stays undecided: a guess would join strangers.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from monitor.addresses.gazetteer import (
    CITIES,
    COUNTIES_BY_NAME,
    COUNTIES_OF_CITY,
    COUNTIES_OF_TOWNSHIP,
    COUNTY_STEMS,
    MOVED,
    PROVINCES,
    RECEIVERS,
    RETIRED,
    SEATS,
    TOWNSHIPS,
    ZONE_NAMES,
    ZONES,
)
from monitor.identifiers.regions import COUNTIES, ZHEJIANG, Abolished, current

_NATION: Final = ("中国", "中华人民共和国", "市辖区")
_LEVEL: Final = re.compile("(?:畲族)?(?:街道办事处|街道|镇|乡)")
_UNKNOWN_TOWNSHIP: Final = re.compile(
    "(?!.{0,4}(?:路|街[^道]|村|社区|园|小镇|古镇|集镇|特色))([一-龥]{2,4}?)(街道办事处|街道|办事处|镇|乡)(?![路街前中口上下村])"
)
_ROAD: Final = "(?:大道|大街|公路|胡同|国道|省道|路|街|巷|弄|道|线)"
_DIRECTION: Final = "[东西南北中上下前后左右大小老新直横环内外正一二三四五六七八九十]{0,3}"
_ROAD_TAIL: Final = re.compile(f"(?:{_DIRECTION}|开发|工业|新村|新区|[村桥湾岭山溪江塘]头?){_ROAD}|{_DIRECTION}村")
_OWN_NAME: Final = re.compile(
    f"(?!{_DIRECTION}{_ROAD})[一-龥](?![东西南北中]{_ROAD})[一-龥]+(?:{_ROAD}|村|市场|城)|(?:菜|农贸)市?场$"
)
_ROAD_OF_TOWN: Final = re.compile("[东西南北中前后新][路街](?![一-龥]{1,3}(?:路|街|大道|巷))")
_ROAD_FOLLOWS: Final = re.compile(f"{_DIRECTION}{_ROAD}|[桥块]")
_SOME_ZONE: Final = re.compile(
    "[一-龥]{0,6}?(?:开发区|高新区|新区|新城|集聚区|产业园区|工业园区|工业园|度假区|保税区|功能区|示范区|科技城)"
)
# Every county has one: such a zone says nothing against the county that the text names.
_ANY_ZONE: Final = re.compile("(?:国家)?(?:高新|高新技术产业|高新技术|经济技术|经济)?(?:开发区|园区|新区|区)")
_NAME_TAIL: Final = re.compile("大[厦楼]|广场|花园|小区|新村|公寓|宾馆|饭店|酒店|大酒店|商[厦城]|山庄|家园|[苑里坊楼]")
# Bare names of districts that are names of lakes, shores and new towns elsewhere.
_COMMON_STEMS: Final = frozenset({"西湖", "南湖", "江北", "滨江", "上城", "钱塘", "路桥"})

# What a word may be; a word may be several things.
_DIVISION, _ZONE, _TOWNSHIP, _BARE = 1, 2, 4, 8


def _kinds() -> dict[str, int]:
    found: dict[str, int] = {}
    for kind, names in (
        (_DIVISION, (_NATION, PROVINCES, COUNTIES_BY_NAME, RETIRED)),
        (_DIVISION | _BARE, (CITIES,)),
        (_ZONE, (ZONE_NAMES,)),
        (_TOWNSHIP | _BARE, (COUNTIES_OF_TOWNSHIP,)),
        (_BARE, (COUNTY_STEMS,)),
    ):
        for name in (name for group in names for name in group):
            found[name] = found.get(name, 0) | kind
    return found


def _lengths() -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for name in _KINDS:
        found.setdefault(name[:2], set()).add(len(name))
    return {start: tuple(sorted(lengths, reverse=True)) for start, lengths in found.items()}


def _usual_starts() -> dict[str, tuple[str, str]]:
    return {
        county.city + county.name: (county.city_code, county.code)
        for county in COUNTIES.values()
        if county.code[:2] == ZHEJIANG and len(county.city) == len(county.name) == 3
    }


_KINDS: Final = _kinds()
_LENGTHS: Final = _lengths()
"""Lengths of the names that begin with two characters, the longest first."""

_USUAL_STARTS: Final = _usual_starts()
"""杭州市西湖区 and the like: nine in ten texts begin so, and one look-up reads it."""


class Locality(msgspec.Struct, frozen=True, gc=False):
    """Where a text is, as far as its divisions say.

    Attributes:
        region: today's county code, or None.
        city: four digits of the prefecture that the text names or its county has.
        county: the county as the text or the declaration gives it, for people.
        township: name of the township without its level, or None.
        rural: the township is a 镇 or 乡 outside the county seat: it may have roads of common names.
        rest: what follows the divisions.
    """

    region: str | None
    city: str | None
    county: str
    township: str | None
    rural: bool
    rest: str


class _Reader:
    """Reads divisions from the left, the longest name first, until something else stands there."""

    def __init__(self, text: str, declared: str | None) -> None:
        self.text = text
        self.at = 0
        self.declared = declared
        self.province: str | None = None
        self.city: str | None = None
        self.county: str | None = None
        self.retired: Abolished | None = None
        self.zone: str | None = None
        self.zone_named = False
        self.township: str | None = None
        self.level = ""

    def read(self) -> None:
        """Consume all divisions at the start of the text, repeated ones too."""
        text = self.text
        start = 3 if text.startswith("浙江省") else 0
        usual = _USUAL_STARTS.get(text[start : start + 6])
        if usual is not None and text[start + 6 : start + 7] != "块":
            self.city, self.county = usual
            self.at = start + 6
        while self.at < len(text):
            start = self.at
            for length in _LENGTHS.get(text[start : start + 2], ()):
                word = text[start : start + length]
                kind = _KINDS.get(word, 0)
                if kind and self._take(word, kind, start + length):
                    break
            else:
                if not (self._zone_before_township() or self._unknown_township()):
                    return

    def _take(self, word: str, kind: int, end: int) -> bool:
        """Consume a word that names a division here, and the word for its level."""
        if kind & _TOWNSHIP:
            level = _LEVEL.match(self.text, end)
            if level and self._township(word, level[0], level.end()):
                self.at = level.end()
                return True
        if (
            (kind & _DIVISION and self._division(word, end))
            or (kind & _ZONE and self._zone(word, end))
            or (kind & _BARE and self._bare(word, end))
        ):
            self.at = end
            return True
        return False

    def _division(self, word: str, end: int) -> bool:
        """Province, city or county with the word for its level, or a province or city at the start without it."""
        if word in _NATION:
            return True
        if word in PROVINCES:
            if self.province not in (None, PROVINCES[word]):
                return False
            if not word.endswith(("省", "市", "区")) and (
                self.city or self.county or self.retired or self._road_follows(end)
            ):
                return False
            self.province = PROVINCES[word]
            return True
        if word in CITIES and word.endswith(("市", "自治州", "地区", "盟")):
            code = CITIES[word]
            if self.city not in (None, code):
                return False
            self.city = code
            if f"{code}00" in COUNTIES:  # a prefecture without counties, such as 东莞
                self.county = f"{code}00"
            return True
        if word in COUNTIES_BY_NAME and self.text[end : end + 1] != "块":
            return self._county(word)
        if word in RETIRED:
            gone = RETIRED[word]
            if self.county is not None or self.city not in (None, (*gone.successors, "")[0][:4]):
                return False
            self.retired = gone
            return True
        return False

    def _county(self, word: str) -> bool:
        codes = COUNTIES_BY_NAME[word]
        if self.county is not None:
            return self.county in codes
        in_city = [code for code in codes if code[:4] == self.city]
        province = self.province or (self.city[:2] if self.city else ZHEJIANG)
        in_province = [code for code in codes if code[:2] == province]
        for choice in (in_city, in_province, codes if self.province is None and self.city is None else ()):
            if len(choice) == 1:
                self.county = choice[0]
                return True
            if self.declared in choice:
                self.county = self.declared
                return True
        return False

    def _home(self) -> tuple[str, ...]:
        """The counties in which a township of this text may lie, as far as the text names them."""
        if self.county is not None:
            return (self.county, *RECEIVERS.get(self.county, ()))
        if self.retired is not None:
            return self.retired.successors
        return ()

    def _zone(self, word: str, end: int) -> bool:
        if word not in ZONE_NAMES or self._road_follows(end):
            return False
        home = self._home()
        city = self.city or (home[0][:4] if home else None)
        if city is None:
            cities = {key[0] for key in ZONES if key[1] == word and len(word) > 4}
            if len(cities) != 1:
                return False
            city = cities.pop()
        county = ZONES.get((city, word))
        if county is None:
            return False
        if self.zone is None:
            self.zone = county
            self.zone_named = _ANY_ZONE.fullmatch(word) is None
            self.city = city
        return True

    def _township(self, stem: str, level: str, end: int) -> bool:
        home = self._home()
        if home:
            known = any(code in home for code in COUNTIES_OF_TOWNSHIP[stem])
        else:
            within = self.city or ZHEJIANG
            known = any(code.startswith(within) for code in COUNTIES_OF_TOWNSHIP[stem])
        if not known:
            return False
        text = self.text
        if level[:2] != "街道" and _ROAD_OF_TOWN.match(text, end) and not text.startswith(stem, end):
            return False
        if self.township is None:
            self.township = stem
            self.level = level
        return True

    def _bare(self, word: str, end: int) -> bool:
        """A city, county or township without the word for its level: only where no other reading is near."""
        rest = self.text[end:]
        if not rest:
            return False
        if word in CITIES and self.city is None and self.county is None and self.province in (None, CITIES[word][:2]):
            if _ROAD_TAIL.match(rest) and not rest.startswith(COUNTIES_OF_CITY[CITIES[word]]):
                return False
            self.city = CITIES[word]
            return True
        if _ROAD_TAIL.match(rest):
            return False
        if word in COUNTY_STEMS and self.county is None and self.retired is None:
            code = COUNTY_STEMS[word]
            if self.city in (None, code[:4]) and self._names_county(code, word, rest):
                self.county = code
                return True
        home = self._home()
        if self.township is None and len(word) < 5 and _OWN_NAME.match(rest):
            if self.county is not None:  # 西溪 is a street of the county that once got a town from 余杭区
                known = word in TOWNSHIPS.get(self.county, ()) or (self.county, word) in MOVED
            elif home:
                known = any(code in COUNTIES_OF_TOWNSHIP.get(word, ()) for code in home)
            else:
                known = self.city is not None and any(
                    code[:4] == self.city for code in COUNTIES_OF_TOWNSHIP.get(word, ())
                )
            if known:
                self.township = word
                return True
        return False

    def _names_county(self, code: str, stem: str, rest: str) -> bool:
        """Whether a county's bare name stands for it: 义乌 does, 西湖 needs its city or a township after it."""
        if _NAME_TAIL.match(rest):
            return False
        if not COUNTIES[code].name.endswith("区"):
            return True
        if any(rest.startswith(township + level) for township, level in TOWNSHIPS.get(code, {}).items()):
            return True
        if self.city is None and stem in _COMMON_STEMS:
            return False
        return _OWN_NAME.match(rest) is not None or rest.startswith(tuple(TOWNSHIPS.get(code, ())))

    def _road_follows(self, end: int) -> bool:
        return _ROAD_FOLLOWS.match(self.text, end) is not None

    def _zone_before_township(self) -> bool:
        """A zone that no table has, where a township follows: the township says more."""
        if self.township is not None:
            return False
        match = _SOME_ZONE.match(self.text, self.at)
        if match is None:
            return False
        for length in _LENGTHS.get(self.text[match.end() : match.end() + 2], ()):
            end = match.end() + length
            if _KINDS.get(self.text[match.end() : end], 0) & _TOWNSHIP and _LEVEL.match(self.text, end):
                self.at = match.end()
                return True
        return False

    def _unknown_township(self) -> bool:
        """A township that is no more: only after a county, and once."""
        if self.township is not None or not self._home():
            return False
        match = _UNKNOWN_TOWNSHIP.match(self.text, self.at)
        if match is None:
            return False
        self.township, self.level = match[1], match[2]
        self.at = match.end()
        return True

    def region(self) -> str | None:
        """The county of today that the words, and after them the declared code, decide."""
        if self.county is not None:
            if self.zone in RECEIVERS.get(self.county, ()) and self.zone_named:
                return self.zone or self.county
            return MOVED.get((self.county, self.township or ""), self.county)
        if self.retired is not None:
            return self._region_of_retired(self.retired)
        declared = self.declared
        if declared is not None and not declared.startswith(self.city or self.province or ""):
            declared = None
        if self.township is not None:
            codes = self._counties_of(self.township)
            if len(codes) == 1:
                return codes[0]
            return declared if declared in codes or not codes else None
        if declared is not None:
            return declared
        return self.zone

    def _region_of_retired(self, gone: Abolished) -> str | None:
        successors = gone.successors
        if self.township is not None:
            for code in successors:
                if (code, self.township) in MOVED:
                    return MOVED[(code, self.township)]
            holders = [code for code in successors if self.township in TOWNSHIPS.get(code, ())]
            if len(holders) == 1:
                return holders[0]
        for choice in (self.zone if self.zone_named else None, self.declared):
            if choice in successors:
                return choice
        return gone.today

    def _counties_of(self, stem: str) -> list[str]:
        codes = [code for code in COUNTIES_OF_TOWNSHIP.get(stem, ()) if code[:4] == (self.city or code[:4])]
        exact = [code for code in codes if self.level and TOWNSHIPS.get(code, {}).get(stem) == self.level]
        return exact or codes


def locate(text: str, region: str | None) -> Locality:
    """Read the divisions at the start of a text.

    Args:
        text: words up to the first number, in one spelling.
        region: the declared 6-digit county code, perhaps retired, or None.

    Returns:
        Region, city and township as far as they are decided, and the rest of the words.
    """
    reader = _Reader(text, current(region) if region else None)
    reader.read()
    code = reader.region()
    level = TOWNSHIPS.get(code or "", {}).get(reader.township or "", reader.level)
    return Locality(
        region=code,
        city=code[:4] if code else reader.city,
        county=COUNTIES[code].name if code else "",
        township=reader.township,
        rural=reader.township is not None
        and not level.startswith(("街道", "办事处"))
        and (code or "", reader.township) not in SEATS
        and reader.township not in ("城关", COUNTIES[code].name[:-1] if code else ""),
        rest=text[reader.at :],
    )
