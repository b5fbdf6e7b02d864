"""From the first number on: house number, lane, group, zone, block, unit, floor and room.

Units are read from the left; what a bare ``3-2-501`` means depends on what stands before it. A place of work, a
mailbox or an area after the room adds nothing: it is the same room.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from monitor.addresses.place import TRADE_CITY
from monitor.addresses.tokens import HOUSE_OR_BLOCK, KIND_OF_WORD, digits, plain, tokens

_WORDED: Final = re.compile(
    "(?P<block>(?:[东西南北中前后主副裙附左右配]|(?<![一-龥])[新老旧小甲乙丙丁])大?楼(?!盘)|[东西南北]?(?:附属|辅助?)楼|裙房|连廊|^[甲乙丙丁]$"
    "|[东西南北][座幢栋]|[东西南北]塔楼?"
    "|(?:^|(?<=[厦园心场院校厂司局城区村]))(?:综合|办公|行政|科研|研发|科技|实验|教学|宿舍|生产|服务|接待|商务|配套|综合办公)大?楼)"
    "|(?P<zone>[东西南北中][区院馆厅苑](?!域)|[东西南北]扩)"
    "|(?P<floor>夹层|阁楼|顶层|顶楼|底层|底楼|架空层|屋顶|天台|露台|大堂|传达室|门卫室)"
    "|(?P<area>[东西南北][侧面边首半](?:侧|边|间|部)?|[后侧边]门)"
    "|(?P<unit>[东西]单元)"
)
_FLOOR_NAMED: Final = {"底层": "1", "底楼": "1", "顶楼": "顶层"}
_UNLOCATED: Final = re.compile(
    "对面|对过|对门|斜对|旁|隔壁|附近|[路街巷弄村道岔]口|交[叉汇会界]|沿线|[后前]面|背后|门口|转角|转盘|周边|[路街河]边|以[东西南北]"
)
_MARKET: Final = re.compile("市场|商场|商城|商贸城|商品城|批发城|菜场")
_BASEMENT: Final = re.compile("B[1-5]")
_FLOOR_LETTER: Final = re.compile("[FL][1-9]")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Units(msgspec.Struct, frozen=True, gc=False):
    """What stands after the name of the road or place.

    Attributes:
        building: parts that make the building below the road or place: 90, 8弄, 3组, 3幢.
        room: parts of the room: 2单元, 501, 12F; empty where the text names none.
        unlocated: the words say near or opposite before any room.
        names: words that are no units: names of parks, buildings, markets.
    """

    building: tuple[str, ...]
    room: tuple[str, ...]
    unlocated: bool
    names: str


def floor_is_said(room: str, floor: str) -> bool:
    """Whether a room number begins with its floor: 1203 on 12, A302 on 3."""
    number = room.partition("-")[0]  # 701-702 are both on 7
    if not number.isdigit():
        number = number.strip(_LETTERS)
    return number.startswith(floor) and 2 <= len(number) - len(floor) <= 3


class _Reading:
    """State while the units of one text are read from the left."""

    __slots__ = (
        "area", "block", "building", "floor", "garage", "gate", "house", "kind", "market", "names", "pending",
        "room", "rows", "side", "stall", "unit", "unlocated",
    )  # fmt: skip

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.market = kind == "market"
        self.building: list[str] = []
        self.names: list[str] = []
        self.rows: list[str] = []
        self.house = self.block = self.unit = self.floor = self.area = self.gate = self.room = ""
        self.side = ""
        self.pending = ""  # a number with 号 that is a room where nothing follows, else a door
        self.stall = self.garage = self.unlocated = False

    def settle(self) -> None:
        """A number that stood before a block, floor or room is a door of the building."""
        if self.pending:
            if not self.house and not self.block and not self.market:
                self.house = self.pending
                self.building.append(self.pending)
            else:
                self.building.append(f"{self.pending}号")
            self.pending = ""

    def word(self, text: str) -> None:
        """Words between numbers."""
        self.names.append(text)
        if self.room:
            return
        self.garage = self.garage or text.endswith("车库")
        self.market = self.market or _MARKET.search(text) is not None or TRADE_CITY.search(text) is not None
        if not self.floor and _UNLOCATED.search(text):
            self.unlocated = True
        for match in _WORDED.finditer(text):
            what, found = match.lastgroup, match[0]
            if what == "block":
                self.settle()
                self.block = found.replace("大楼", "楼")
                self.building.append(self.block)
            elif what == "zone":
                self._zone(found)
            elif what == "floor":
                self.settle()
                self.floor = self.floor or _FLOOR_NAMED.get(found, found)
            elif what == "unit":
                self.unit = found[0]
            elif self.floor or self.block:
                self.side = found[0]
            else:
                self.unlocated = True

    def token(self, number: str, word: str, what: str) -> None:
        """A number with the word after it and the kind of that word."""
        if self.room:
            return
        if "、" in number:
            parts = number.replace("、", "-").split("-")
            number = f"{parts[0]}-{parts[-1]}"
        if what == "house":
            self._house(number)
        elif what == "block" or what == "hall":
            if word in HOUSE_OR_BLOCK and self.kind in ("road", "village") and not self.house and not self.block:
                self._house(number)
                self.word(word[1:])
            else:
                self._block(number, word)
        elif what == "floor":
            self._floor(number, word)
        elif what == "unit":
            self.settle()
            self.unit = plain(number)
        elif what == "zone":
            self._zone(plain(number) + word.removeprefix("号"))
        elif what in ("lane", "group"):
            self.building.append(plain(number) + ("弄" if what == "lane" else "组"))
        elif what == "gate":
            self.gate = plain(number)
        elif what == "row":
            row = plain(number) + word.removeprefix("号")
            (self.rows if self.market or self.floor else self.building).append(row)
        elif what == "storage":
            self._room(number, stall=True)
            self.garage = True
        elif what == "seat":
            if "-" in number and len(digits(number.partition("-")[0])) > 2:  # 2503-A工位
                self._bare(number.partition("-")[0], "room")
        else:
            self._bare(number, what)

    def _house(self, number: str) -> None:
        if not (self.house or self.block or self.floor or self.kind in ("market", "building")):
            self.pending = ""
            self.house = "-".join(map(plain, number.split("-"))) if "-" in number else plain(number)
            self.building.append(self.house)
        else:
            self.settle()
            self.pending = number

    def _block(self, number: str, word: str) -> None:
        if self.floor and word in ("厅", "馆", "库", "座"):
            self.area = number + word
            return
        self.settle()
        if "-" in number and number.split("-")[0].isalpha():
            number = number.replace("-", "")
        kind = "幢" if KIND_OF_WORD[word] == "block" else word.removeprefix("号")
        block = plain(number) + kind
        if block != self.block:
            self.block = block
            self.building.append(block)

    def _zone(self, zone: str) -> None:
        """A zone before the floor makes the building; after it, it is an area, but in a market a hall."""
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
            self.floor = "-".join(map(plain, parts))

    def _bare(self, number: str, what: str) -> None:
        if not (what or self.floor or self.block or self.market) and self.house and _BASEMENT.fullmatch(number):
            self._floor(number, "层")
            return
        if not what and not self.house and not self.building and self.kind in ("road", "village"):
            self._house_without_word(number.split("-"))
            return
        self.settle()
        self._room(number, stall=what == "stall")

    def _house_without_word(self, parts: list[str]) -> None:
        """文三路90, 文三路90-1, 文三路90-501, 文三路90-3-501."""
        first, rest = parts[0], parts[1:]
        if len(rest) == 1 and rest[0].isdigit() and len(rest[0]) < 3:
            first, rest = "-".join(map(plain, parts)), []
        self.house = plain(first)
        self.building.append(self.house)
        if rest:
            self._room("-".join(rest), stall=False)

    def _room(self, number: str, *, stall: bool) -> None:
        self.stall = stall
        if "-" not in number:
            self._single(number)
            return
        parts = number.split("-")
        if len(parts) == 2 and not self.floor:
            if _BASEMENT.fullmatch(parts[0]) and (stall or not self.block):
                self.floor, parts = parts[0], parts[1:]
            elif _FLOOR_LETTER.fullmatch(parts[0]):
                self.floor, parts = parts[0][1:], parts[1:]
        if len(parts) == 2 and parts[1].isalpha() and parts[0].isdigit():
            parts = [parts[0] + parts[1]]  # 501-A is 501A
        elif len(parts) > 2 and parts[0].isalpha():
            parts = [parts[0] + parts[1], *parts[2:]]  # A-1-501 has block A1
        if len(parts) == 1:
            self._single(parts[0])
        elif len(parts) == 2:
            self._pair(*parts)
        else:
            self._many(parts)

    def _single(self, room: str) -> None:
        """501; A501 is room 501 of block A where no block was named."""
        if not (room.isdigit() or self.block or self.market or self.stall):
            letters = len(room) - len(room.lstrip(_LETTERS))
            if letters == 1 and len(digits(room)) >= 3:
                self._lettered_block(room[0])
                room = room[1:]
        self.room = room

    def _lettered_block(self, letter: str) -> None:
        """The block that a room number begins with, even after the floor: 5楼A501 is A座501."""
        self.settle()
        self.block = f"{letter}幢"
        self.building.append(self.block)

    def _pair(self, first: str, second: str) -> None:
        if first.isalpha():
            if self.block or self.market or self.stall:
                self.room = first + second
            else:
                self._lettered_block(first)
                self.room = second
        elif len(digits(first)) >= 3:
            self.room = self._with_sub(first, second)
        elif len(digits(second)) >= 3:
            self._prefix(first, second)
        elif self.stall or (self.floor and plain(first) != self.floor):
            self.room = f"{plain(first)}-{plain(second)}"
        else:
            self.room = f"{plain(first)}{second.zfill(2)}"  # 15-03 is 1503

    @staticmethod
    def _with_sub(room: str, sub: str) -> str:
        """501-503 are several rooms, 501-1 is a part of one; 501-012 and 501-A018 are mailboxes in it."""
        if sub.isdigit() and room.isdigit():
            if len(sub) == len(room) and 0 < int(sub) - int(room) < 100:
                return f"{room}-{sub}"
            if len(sub) == 1 and sub != "0":
                return f"{room}-{sub}"
        return room

    def _prefix(self, first: str, room: str) -> None:
        """What stands before a room number: its floor, its unit, or its block."""
        said = floor_is_said(room, plain(first))
        high = int(digits(first) or 0) > 6
        if self.floor:
            self.room = room if plain(first) == self.floor and said else f"{plain(first)}-{room}"
        elif self.market:
            self.room = f"{plain(first)}-{room}"
        elif self.block or self.unit:
            lettered = self.block[:1].isascii() and self.block[:1].isalpha()
            if not (said and (lettered or self.house or self.unit or high)):
                self.unit = self.unit or plain(first)
            self.room = room
        else:
            if not (said and self.house and high):
                self._block(first, "幢")
            self.room = room

    def _many(self, parts: list[str]) -> None:
        first, second, third = parts[:3]
        if len(digits(first)) >= 3:
            self.room = first
        elif len(digits(second)) >= 3:
            if self.block:
                self._prefix(first, second)
            else:
                self._block(first, "幢")
                self.room = second
        elif self.block:
            self.unit = self.unit or plain(first)
            self.room = third if len(digits(third)) >= 3 else f"{plain(second)}{third.zfill(2)}"
        elif len(digits(third)) >= 3:
            self._block(first, "幢")
            self.unit = self.unit or plain(second)
            self.room = third
        else:
            self.room = f"{plain(first)}{second.zfill(2)}-{plain(third)}"

    def rooms(self) -> tuple[str, ...]:
        """The parts of the room, with the floor only where the number does not say it."""
        if self.pending and not self.room:
            self._room(self.pending, stall=True)
        room, floor = self.room, self.floor
        if self.garage:
            room = f"车库{plain(room)}" if room.isdigit() else f"车库{room}"
        found = [f"{self.unit}单元"] if self.unit else []
        rows = [*self.rows, self.side] if self.side and (self.stall or not room) else self.rows
        if room:
            if "-" not in room:
                room = plain(room)
            if len(digits(room)) > 3:
                rows = []  # four digits tell a stall from all others of its hall
            if self.stall and self.area:
                self.building.append(self.area)  # a shop's number counts within its area
            if floor.isdigit() and not self.stall and len(room) < 3:
                # 20楼3室 is 2003, 20楼B室 is 20B
                found += [*rows, floor + (self.room.zfill(2) if room.isdigit() else room)]
            else:
                if floor and not floor_is_said(room, floor):
                    found.append(f"{floor}F")
                found += [*rows, room]
            return tuple(found)
        if floor:
            found.append(f"{floor}F" if floor[-1].isdigit() else floor)
        found += rows
        if self.area:
            found.append(self.area)
        elif self.gate and not floor:
            found.append(f"{self.gate}门")
        return tuple(found)


def read_units(text: str, kind: str) -> Units:
    """Read everything from the first number on.

    Args:
        text: the rest of a text in one spelling; begins with a number, a letter or nothing.
        kind: what it stands after: "road", "village", "market", "building" or "place".
    """
    reading = _Reading(kind)
    for before, number, word, what in tokens(text):
        if before:
            reading.word(before)
        if number:
            reading.token(number, word, what)
    room = reading.rooms()
    return Units(tuple(reading.building), room, reading.unlocated, "|".join(reading.names))
