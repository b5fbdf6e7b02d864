"""From the first number on: house number, lane, group, zone, block, unit, floor and room.

Words are cut into a number and the word after it (``3幢``, ``12-16号``, ``B1层``), then read from the left; what
a bare ``3-2-501`` means depends on what stands before it. A place of work, a mailbox or an area after the room
adds nothing: it is the same room.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_KINDS: Final = {
    "lane": "弄 支弄 号弄 弄堂",
    "group": "组 小组 村民小组 号组 队 小队 生产队",
    "house": "号 户 号院 号大院 号内 号院内 号民房 号附房 号附属房",
    "block": "幢 栋 座 号楼 号大楼 幢楼 栋楼 号幢 号栋 号座 # #楼 #幢 号厂房 号标准厂房 幢厂房 #厂房 号公寓楼 号宿舍楼 号商务楼 号研发楼 "
    "号办公楼 号综合楼 号科研楼 号科技楼 号教学楼 号生产楼 号写字楼 号住宅楼 号商业楼 号附属楼",
    "hall": "号馆 馆 号厅 厅 号仓库 号库 库 号车间 号别墅",
    "zone": "区 期 号区 区块 组团 号地块 地块 号片区 工区",
    "unit": "单元 号单元 门栋",
    "floor": "层 楼 F 层楼 楼层 号层 FL",
    "room": "室 号室 房 号房 房间 号房间 号写字间 写字间 办公室 号办公室 号办公房",
    "stall": (
        "铺 号铺 铺位 号铺位 铺面 号铺面 商铺 号商铺 店铺 号店铺 店面 号店面 店 号店 门面 号门面 营业房 号营业房 号营业用房 摊 号摊 摊位 号摊位 "
        "商位 号商位 柜 号柜 号柜台 柜台 档 号档 档口 号档口 展位 号展位 展厅 号展厅 号间 间 号位 号商位 号交易区 号门店 门店 号门市部 号门市"
    ),
    "seat": "工位 号工位 号卡位 卡位 号席位 席位 座席 号座席 座位 号座位 信箱 号信箱 邮箱 号邮箱 办公位 号办公位 号办公桌 号邮位",
    "gate": "门 号门 号入口 号电梯 号通道 通道",
    "row": "街 号街 排 号排 列 号列 巷 号巷",
    "storage": "号车库 车库 号车位 车位 号储藏室 号仓",
}
_KIND: Final = {word: kind for kind, words in _KINDS.items() for word in words.split()}
# 5号商铺 is shop 5, but 31号商铺5 is shop 5 of house 31.
_NUMBERED_AFTER: Final = frozenset(
    word for word, kind in _KIND.items() if kind in ("stall", "storage") and word.startswith("号")
)
# 3号厂房 in a park is block 3, but 文三路90号厂房 is the works of house 90.
_HOUSE_OR_BLOCK: Final = frozenset(
    word for word, kind in _KIND.items() if kind in ("block", "hall") and word.startswith("号")
) - {"号楼", "号幢", "号栋", "号座"}
_WORDS: Final = "|".join(sorted(map(re.escape, _KIND), key=len, reverse=True))
# Possessive digits: each run is read in one way, so a hostile text costs what its length costs.
_PART: Final = "[A-Z]{0,3}[0-9]++(?:[A-EG-Z][0-9]++)*+(?:[A-EG-Z](?![0-9A-Z]))?"
_TOKEN: Final = re.compile(
    f"#?(?P<num>(?:{_PART}|[A-Z]{{1,2}}(?=-?[0-9]|号?[座幢栋区馆厅楼]|层|单元|室|#|铺|$)|[甲乙丙丁](?=幢|栋|座|单元))"
    f"(?:[-、](?:{_PART}|[A-Z]{{1,2}}(?![0-9A-Z])))*)(?P<word>{_WORDS})?"
)
_WORDED: Final = re.compile(
    "(?P<block>[东西南北中前后主副裙附左右]大?楼|(?:综合|办公|行政|科研|研发|科技|实验|教学|宿舍|生产|服务|接待|商务|配套|综合办公|职工宿舍)大?楼"
    "|[东西南北][座幢栋]|[东西南北]塔楼?)"
    "|(?P<zone>[东西南北中][区院馆厅苑](?!域))"
    "|(?P<floor>夹层|阁楼|顶层|顶楼|底层|底楼|架空层)"
    "|(?P<area>[东西南北][侧面边首半](?:侧|边|间|部)?)"
    "|(?P<unit>[东西]单元)"
)
_UNLOCATED: Final = re.compile(
    "对面|对过|对门|斜对|旁|隔壁|附近|路口|街口|巷口|弄口|村口|道口|交叉|交汇|交会|交界|沿线|后面|前面|背后|大门口|门口|转角|转盘|岔口|周边"
    "|[路街河]边|以[东西南北]"
)
_MARKET: Final = re.compile("市场|商场|商城|商贸城|商品城|批发城")
_BASEMENT: Final = re.compile("B[1-5]")


class Units(msgspec.Struct, frozen=True):
    """What stands after the name of the road or place.

    Attributes:
        building: parts that make the building below the road or place: 90, 8弄, 3组, 3幢.
        room: parts of the room: 2单元, 501, 12F; empty where the text names none.
        numbered: some number or block was read.
        unlocated: the words say near or opposite before any room.
        names: words that are no units: names of parks, buildings, markets.
    """

    building: tuple[str, ...]
    room: tuple[str, ...]
    numbered: bool
    unlocated: bool
    names: str


def _plain(part: str) -> str:
    """A number without zeros in front."""
    return part.lstrip("0") or "0" if part.isdigit() else part


def _floor_of(room: str, floor: str) -> bool:
    """Whether a room number begins with its floor: 1203 on 12, A302 on 3."""
    digits = room.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    digits = digits.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return digits.startswith(floor) and len(digits) - len(floor) in (2, 3)


def _digits(part: str) -> str:
    return re.sub("[^0-9]", "", part)


class _Reading:
    """State while the units of one text are read from the left."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.market = kind == "market"
        self.building: list[str] = []
        self.house = ""
        self.block = ""
        self.unit = ""
        self.floor = ""
        self.rows: list[str] = []
        self.gate = ""
        self.area = ""
        self.pending = ""
        self.room = ""
        self.stall = False
        self.names: list[str] = []
        self.unlocated = False

    def settle(self) -> None:
        """A number that stood before a block, floor or room is a door of the building."""
        if self.pending:
            if not self.house and not self.block and self.kind != "market":
                self.house = self.pending
                self.building.append(self.pending)
            else:
                self.building.append(f"{self.pending}号")
            self.pending = ""

    def word(self, text: str) -> None:
        """Words between numbers."""
        if not text:
            return
        self.names.append(text)
        if self.room:
            return
        self.market = self.market or _MARKET.search(text) is not None
        if _UNLOCATED.search(text) and not self.floor:
            self.unlocated = True
        for match in _WORDED.finditer(text):
            what, found = match.lastgroup, match[0]
            if what == "block":
                self.settle()
                self.block = found.replace("大", "") if len(found) > 2 else found
                self.building.append(self.block)
            elif what == "zone":
                if self.floor and not self.market:
                    self.area = found
                else:
                    self.settle()
                    self.building.append(found)
            elif what == "floor":
                self.settle()
                self.floor = self.floor or {"底层": "1", "底楼": "1", "顶楼": "顶层"}.get(found, found)
            elif what == "unit":
                self.unit = found[0]
            elif self.floor or self.block:
                self.area = found[0]
            else:
                self.unlocated = True

    def token(self, number: str, word: str) -> None:
        """A number with the word after it."""
        what = _KIND.get(word, "")
        if self.room:
            return
        if "、" in number:
            parts = re.split("[-、]", number)
            number = f"{parts[0]}-{parts[-1]}"
        if what in ("lane", "group"):
            self.building.append(_plain(number) + ("弄" if what == "lane" else "组"))
        elif what == "house":
            self._house(number)
        elif word in _HOUSE_OR_BLOCK and self.kind in ("road", "village") and not self.house and not self.block:
            self._house(number)
            self.word(word[1:])
        elif what in ("block", "hall"):
            self._block(number, word)
        elif what == "zone":
            self._zone(number, word)
        elif what == "unit":
            self.settle()
            self.unit = _plain(number)
        elif what == "floor":
            self._floor(number, word)
        elif what == "gate":
            self.gate = _plain(number)
        elif what == "row":
            row = _plain(number) + word.removeprefix("号")
            (self.rows if self.kind == "market" or self.floor else self.building).append(row)
        elif what == "storage":
            self._room(number, stall=True)
            self.room = "车库" + self.room
        elif what != "seat":
            self._bare(number, what)

    def _house(self, number: str) -> None:
        if not self.house and not self.block and not self.floor and self.kind not in ("market", "building"):
            self.pending = ""
            self.house = "-".join(_plain(part) for part in number.split("-"))
            self.building.append(self.house)
        else:
            self.settle()
            self.pending = number

    def _block(self, number: str, word: str) -> None:
        if self.floor and word in ("厅", "馆", "库", "座"):
            self.area = number + word
            return
        self.settle()
        parts = number.split("-")
        if len(parts) > 1 and parts[0].isalpha():
            number = "".join(parts)
        kind = "幢" if _KIND[word] == "block" else word.removeprefix("号")
        block = _plain(number) + kind
        if block != self.block:
            self.block = block
            self.building.append(block)

    def _zone(self, number: str, word: str) -> None:
        zone = _plain(number) + word.removeprefix("号")
        if self.floor and not self.market:
            self.area = zone
        else:
            self.settle()
            self.building.append(zone)

    def _floor(self, number: str, word: str) -> None:
        if word == "楼" and number.isalpha():
            self._block(number, "座")
            return
        self.settle()
        parts = number.split("-")
        if len(parts) == 2 and not self.block and parts[0].isalpha():
            self._block(parts[0], "座")
            parts = parts[1:]
        if not self.floor:
            self.floor = "-".join(_plain(part) for part in parts)

    def _bare(self, number: str, what: str) -> None:
        parts = number.split("-")
        if not what and not self.house and not self.building and self.kind == "road":
            self._house_without_word(parts)
            return
        self.settle()
        self._room(number, stall=what == "stall")

    def _house_without_word(self, parts: list[str]) -> None:
        """文三路90, 文三路90-1, 文三路90-501, 文三路90-3-501."""
        first, rest = parts[0], parts[1:]
        if len(rest) == 1 and rest[0].isdigit() and len(rest[0]) < 3:
            first, rest = "-".join(map(_plain, parts)), []
        self.house = _plain(first)
        self.building.append(self.house)
        if rest:
            self._room("-".join(rest), stall=False)

    def _room(self, number: str, *, stall: bool) -> None:
        self.stall = stall
        parts = number.split("-")
        if _BASEMENT.fullmatch(parts[0]) and len(parts) == 2 and not self.floor and (stall or not self.block):
            self.floor, parts = parts[0], parts[1:]
        elif re.fullmatch("[FL][1-9]", parts[0]) and len(parts) == 2 and not self.floor:
            self.floor, parts = parts[0][1:], parts[1:]
        parts = self._joined(parts)
        if len(parts) == 1:
            self._single(parts[0])
        elif len(parts) == 2:
            self._pair(*parts)
        else:
            self._many(parts)

    @staticmethod
    def _joined(parts: list[str]) -> list[str]:
        """A letter belongs to its number: 501-A is 501A, and in a row of three A-1-501 has block A1."""
        if len(parts) == 2 and parts[1].isalpha() and parts[0].isdigit():
            return [parts[0] + parts[1]]
        if len(parts) > 2 and parts[0].isalpha():
            return [parts[0] + parts[1], *parts[2:]]
        return parts

    def _single(self, room: str) -> None:
        digits = _digits(room)
        letter = room[: len(room) - len(room.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
        if len(letter) == 1 and len(digits) >= 3 and not self.block and self.kind != "market" and not self.stall:
            self._block(letter, "座")
            room = room[1:]
        self.room = room

    def _pair(self, first: str, second: str) -> None:
        one, two = _digits(first), _digits(second)
        if first.isalpha():
            if self.block or self.kind == "market" or self.stall:
                self.room = first + second
            else:
                self._block(first, "座")
                self.room = second
        elif len(one) >= 3:
            self.room = self._with_sub(first, second)
        elif len(two) >= 3:
            self._prefix(first, second)
        elif self.stall:
            self.room = f"{_plain(first)}-{_plain(second)}"
        elif self.floor and _plain(first) != self.floor:
            self.room = f"{_plain(first)}-{_plain(second)}"
        else:
            self.room = f"{_plain(first)}{second.zfill(2)}"

    def _with_sub(self, room: str, sub: str) -> str:
        """501-503 are several rooms, 501-1 is a part of one; 501-012 and 501-A018 are mailboxes in it."""
        if sub.isdigit() and room.isdigit() and len(sub) == len(room) and 0 < int(sub) - int(room) < 100:
            return f"{room}-{sub}"
        if sub.isdigit() and len(sub) == 1 and sub != "0":
            return f"{room}-{sub}"
        return room

    def _prefix(self, first: str, room: str) -> None:
        """What stands before a room number: its floor, its unit, or its block."""
        same_floor = _floor_of(room, _plain(first))
        if self.floor:
            self.room = room if _plain(first) == self.floor and same_floor else f"{_plain(first)}-{room}"
        elif self.stall:
            self.room = f"{_plain(first)}-{room}"
        elif self.block or self.unit:
            lettered = self.block[:1].isalpha() and self.block[:1].isascii()
            if same_floor and (lettered or self.house or self.unit or int(_digits(first) or 0) > 6):
                self.room = room
            else:
                self.unit = self.unit or _plain(first)
                self.room = room
        elif same_floor and self.house and int(_digits(first) or 0) > 6:
            self.room = room
        else:
            self._block(first, "幢")
            self.room = room

    def _many(self, parts: list[str]) -> None:
        first, second, third = parts[:3]
        if len(_digits(first)) >= 3:
            self.room = first
        elif self.block:
            if len(_digits(second)) >= 3:
                self._prefix(first, second)
            else:
                self.unit = self.unit or _plain(first)
                self.room = third if len(_digits(third)) >= 3 else f"{_plain(second)}{third.zfill(2)}"
        elif len(_digits(second)) >= 3:
            self._block(first, "幢")
            self.room = second
        elif len(_digits(third)) >= 3:
            self._block(first, "幢")
            self.unit = self.unit or _plain(second)
            self.room = third
        else:
            self.room = f"{_plain(first)}{second.zfill(2)}-{_plain(third)}"

    def rooms(self) -> tuple[str, ...]:
        """The parts of the room, with the floor only where the number does not say it."""
        if self.pending and not self.room:
            self._room(self.pending, stall=True)
        room = _plain(self.room) if "-" not in self.room else self.room
        found = [f"{self.unit}单元"] if self.unit else []
        if room:
            floor = self.floor
            if floor and not self.stall and re.fullmatch("[0-9]{1,2}", self.room) and floor.isdigit():
                found.append(f"{floor}{room.zfill(2)}")
                return (*found, *self.rows)
            if floor and floor.isdigit() and re.fullmatch("[A-Z]", room):
                return (*found, *self.rows, floor + room)
            if floor and not _floor_of(room, floor):
                found.append(f"{floor}F")
            found += self.rows
            found.append(room)
        elif self.floor or self.rows or self.area or self.gate:
            if self.floor:
                found.append(self.floor if self.floor.endswith(("层", "楼")) else f"{self.floor}F")
            found += self.rows
            if self.area:
                found.append(self.area)
            if self.gate and not self.floor and not self.area:
                found.append(f"{self.gate}门")
        return tuple(found)


def read_units(text: str, kind: str) -> Units:
    """Read everything from the first number on.

    Args:
        text: the rest of a text in one spelling; begins with a number, a letter or nothing.
        kind: what it stands after: "road", "village", "market", "building" or "place".
    """
    reading = _Reading(kind)
    position = 0
    for match in _TOKEN.finditer(text):
        reading.word(text[position : match.start()].strip("-|、#"))
        position = match.end()
        number, word = match["num"], match["word"] or ""
        if word in _NUMBERED_AFTER and text[position : position + 1].isascii():
            following = _TOKEN.match(text, position)
            if following and _KIND.get(following["word"] or "", "") not in ("floor", "block"):
                word = "号"
        if not word and not _stands_alone(text, position, number):
            continue
        reading.token(number, word)
    reading.word(text[position:].strip("-|、#"))
    rooms = reading.rooms()
    return Units(
        building=tuple(reading.building),
        room=rooms,
        numbered=bool(reading.building or rooms),
        unlocated=reading.unlocated,
        names="|".join(reading.names),
    )


def _stands_alone(text: str, end: int, number: str) -> bool:
    """Whether a number with no word after it is a unit, and not a part of a name (5G创新园, E商城)."""
    if end == len(text) or text[end] in "|-、#" or (text[end].isascii() and text[end].isalnum()):
        return True
    return len(_digits(number)) >= 3
