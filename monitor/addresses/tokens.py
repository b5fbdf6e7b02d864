"""Numbers and the words after them: ``3幢``, ``12-16号``, ``B1层``, and the names between.

The vocabulary of units. It says what a word is, not yet what it means where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_KINDS: Final = {
    "lane": "弄 支弄 号弄 弄堂",
    "group": "组 小组 村民小组 号组 队 小队 生产队 社 生产社",
    "house": "号 户 号院 号大院 号内 号院内 号民房 号附房 号附属房",
    "block": (
        "幢 栋 座 号楼 号大楼 幢楼 栋楼 号幢 号栋 号座 # #楼 #幢 #厂房 号厂房 号标准厂房 幢厂房 "
        "号公寓楼 号宿舍楼 号商务楼 号研发楼 号办公楼 号综合楼 号科研楼 号科技楼 "
        "号教学楼 号生产楼 号写字楼 号住宅楼 号商业楼 号附属楼"
    ),
    "hall": "馆 号馆 厅 号厅 库 号库 号仓库 号车间 号别墅",
    "zone": "区 期 号区 区块 组团 地块 号地块 号片区 工区",
    "unit": "单元 号单元 门栋",
    "floor": "层 楼 F FL 层楼 楼层 号层",
    "room": "室 号室 房 号房 房间 号房间 写字间 号写字间 办公室 号办公室 号办公房",
    "stall": (
        "铺 铺位 铺面 商铺 店铺 店面 店 门面 营业房 摊 摊位 商位 柜 柜台 档 档口 展位 展厅 间 门店 "
        "号铺 号铺位 号铺面 号商铺 号店铺 号店面 号店 号门面 号营业房 号营业用房 号摊 号摊位 "
        "门面房 号门面房 店面房 号店面房 街面房 号街面房 营业用房 商业用房 号商业用房 "
        "号商位 号柜 号柜台 号档 号档口 号展位 号展厅 号间 号位 号交易区 号门店 号门市 号门市部"
    ),
    "seat": (
        "工位 卡位 席位 座席 座位 信箱 邮箱 办公位 "
        "号工位 号卡位 号席位 号座席 号座位 号信箱 号邮箱 号办公位 号办公桌 号邮位"
    ),
    "gate": "门 号门 号入口 号电梯 通道 号通道",
    "row": "街 号街 排 号排 列 号列 巷 号巷",
    "storage": "车库 号车库 车位 号车位 号储藏室 号仓",
}
KIND_OF_WORD: Final = {word: kind for kind, words in _KINDS.items() for word in words.split()}

# 3号厂房 in a park is block 3, but 文三路90号厂房 is the works of house 90.
HOUSE_OR_BLOCK: Final = frozenset(
    word for word, kind in KIND_OF_WORD.items() if kind in ("block", "hall") and word.startswith("号")
) - {"号楼", "号幢", "号栋", "号座"}
# 5号商铺 is shop 5, but 31号商铺5 is shop 5 of house 31.
_NUMBERED_AFTER: Final = frozenset(
    word for word, kind in KIND_OF_WORD.items() if kind in ("stall", "storage") and word.startswith("号")
)


def _words() -> str:
    """The words as a pattern that branches at the first character: a fifth of the time of a plain list."""
    tails: dict[str, list[str]] = {}
    for word in KIND_OF_WORD:
        tails.setdefault(word[0], []).append(word[1:])
    branches = []
    for first, rest in tails.items():
        longer = sorted((re.escape(tail) for tail in rest if tail), key=len, reverse=True)
        optional = "?" if "" in rest else ""
        branches.append(re.escape(first) + (f"(?:{'|'.join(longer)}){optional}" if longer else ""))
    return "|".join(branches)


# Possessive digits: each run is read in one way, so a hostile text costs what its length costs.
_PART: Final = "[A-Z]{0,3}[0-9]++(?:[A-EG-Z][0-9]++)*+(?:[A-EG-Z](?![0-9A-Z]))?"
_LETTERS: Final = "[A-Z]{1,2}(?=-?[0-9]|-[A-Z][0-9]|号?[座幢栋区馆厅楼]|层|单元|室|#|铺|$)|[甲乙丙丁](?=幢|栋|座|单元)"
_TOKEN: Final = re.compile(f"#?((?:{_PART}|{_LETTERS})(?:[-、](?:{_PART}|[A-Z]{{1,2}}(?![0-9A-Z])))*)({_words()})?")
_MARKS: Final = "-|、#"
_NOT_DIGITS: Final = re.compile("[^0-9]+")


def digits(part: str) -> str:
    """The digits of a number with letters."""
    return part if part.isdigit() else _NOT_DIGITS.sub("", part)


def plain(part: str) -> str:
    """A number without zeros in front."""
    return part.lstrip("0") or "0" if part[0] == "0" and part.isdigit() else part


def tokens(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Cut a text into units.

    Yields:
        The words before the number, the number, the word after it, and the kind of that word. The last may have
        no number. Numbers that belong to a name (5G创新园) are left out.
    """
    position = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        number, word = match.groups()
        before = text[position:start].strip(_MARKS) if start > position else ""
        position = end
        if word is None:
            word = "" if _stands_alone(text, end, number) else None
        elif word == "号楼" and text[end : end + 1] in ("上", "下"):
            word = "号"  # upstairs in house 12, not block 12
        elif word == "社" and text[end : end + 1] == "区":
            word = None
        elif word in _NUMBERED_AFTER and end < len(text) and text[end].isascii():
            following = _TOKEN.match(text, end)
            if following and KIND_OF_WORD.get(following[2] or "") not in ("floor", "block"):
                word = "号"
        if word is None:
            if before:
                yield before, "", "", ""
            continue
        yield before, number, word, KIND_OF_WORD.get(word, "")
    if position < len(text):
        rest = text[position:].strip(_MARKS)
        if rest:
            yield rest, "", "", ""


def _stands_alone(text: str, end: int, number: str) -> bool:
    """Whether a number with no word after it is a unit of its own."""
    if end == len(text) or text[end] in _MARKS or (text[end].isascii() and text[end].isalnum()):
        return True
    return len(digits(number)) >= 3
