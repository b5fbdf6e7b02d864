"""One spelling for what writers vary: widths, brackets, numerals, dashes, lists, floors below ground.

The first step of the normaliser. It knows characters and number words, no places. What stands in brackets is
taken out, unless it is itself a unit: ``181号（15-03）``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

LONGEST: Final = 500
"""Texts longer than this, in characters, are no addresses: they get no keys."""

HAN: Final = "〇\u3400-\u9fff\U00020000-\U0003134f"
DASHES: Final = "-‐‑‒–—―−─━~〜∼_ー"

_TRADITIONAL: Final = {
    ord(pair[0]): pair[1]
    for pair in (
        "號号 樓楼 層层 棟栋 單单 鎮镇 縣县 區区 鄉乡 東东 園园 廣广 廈厦 場场 門门 開开 "
        "發发 業业 產产 創创 國国 際际 電电 經经 濟济 學学 與与 華华 馬马 龍龙 灣湾 蘇苏 "
        "衖弄 裏里 邨村 廳厅 館馆 組组 隊队 間间 鋪铺 攤摊 橋桥 圍围 漁渔 莊庄 寧宁 紹绍 "
        "麗丽 溫温 陽阳 長长 豐丰 雲云 車车 飛飞 錦锦 興兴 陳陈 黃黄 橫横 塢坞 嶺岭 廟庙 "
        "溝沟 澤泽 濱滨 漢汉 環环 遠远 運运 鐵铁 銀银 錢钱 關关 陸陆 雙双 頭头 頂顶 風风 "
        "體体 齊齐 處处 義义 會会 賢贤 樂乐 慶庆 萬万 衛卫 "
    ).split()
}
_TRADITIONAL_CHARACTER: Final = re.compile(f"[{''.join(map(chr, _TRADITIONAL))}]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+")
_LABEL: Final = re.compile("(?:注册地址|登记住所|住所地?|生产经营地址|经营地址|经营场所|营业场所|详细地址|地址)[：: ]+")
_FREE_TRADE_ZONE: Final = re.compile(
    "(?:中国)?[(（]?(?:浙江)?[)）]?(?:自由贸易试验区|自由贸易区|自贸试验区|自贸区)(?:[一-龥]{2,4}片区)?"
)
_POSTCODE: Final = re.compile("(?:邮编|邮政编码)[：: ]*[0-9]{6}|^3[0-9]{5}(?=浙|[一-龥]{2}市)|[ ,]3[12][0-9]{4}$")

_OPEN: Final = "([{<【〔《「『〈〖"
_CLOSE: Final = ")]}>】〕》」』〉〗"
_BRACKET: Final = re.compile("[" + re.escape(_OPEN + _CLOSE) + "]")
# Numbers are possessive: a run of digits can be read in one way alone, so a failed match stays linear.
_UNITS_ALONE: Final = re.compile(
    "(?:第?(?:负|地下)?[A-Z]?(?:[0-9]++|[零一二三四五六七八九十百]++)[A-Z]?"
    "(?:号楼|号房|号门|号厂房|号车间|号库|幢|栋|座|单元|楼|层|室|号|区|#)?|[东西南北中主副裙附辅]楼|[底夹顶]层|底楼|阁楼|[A-Z](?:座|区|幢|栋|楼)|[-、])+"
)
_PLAIN: Final = re.compile("[0-9A-Z〇\u3400-\u9fff]*")
_BORDER: Final = re.compile("([0-9A-Z]) +(?=[0-9A-Z])")
_ODD: Final = re.compile(f"[^0-9A-Z#{HAN}]+")

_DIGIT: Final = {
    **dict(zip("零〇一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)),
    **dict(zip("两壹贰叁肆伍陆柒捌玖", (2, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)),
}
_SCALE: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_NUMERALS: Final = "零〇一二两三四五六七八九十百千廿卅壹贰叁肆伍陆柒捌玖拾佰仟"
_NUMERAL: Final = re.compile(
    f"[{_NUMERALS}]++(?=号|弄|支弄|幢|栋|座|楼|层|单元|室|组|小组|村民小组|队|社(?!区)|区|期|排|间|户|房|铺|摊|馆|厅|库"
    f"|[至到、-][0-9{_NUMERALS}])"
    "|[零〇一二三四五六七八九]{3,5}+$"
)
_HAN_DIGITS: Final = "零一二三四五六七八九"
_DIGIT_ROAD: Final = re.compile("[0-9]号?[东西南北中]?[大路街巷]")
_NUMBERED_ROAD: Final = re.compile(
    "(?<![0-9A-Z路街巷弄幢楼层-])(?<!大道)([0-9]{1,2})号(?=(?:大街|大道|路|街)(?![口面边道区]))"
    "|(?<![0-9A-Z路街巷弄幢楼层区厅门号栋座期-])(?<!大道)([0-9]{1,2})"
    "(?=[东西南北中]?(?:大街|大道|路|街|巷)(?![口面边道区]))"
)
_AFTER_NUMERALS: Final = re.compile(
    "第(?=[0-9])|(?<=[0-9])一(?=[0-9])|(?<=[0-9号])[至到](?=[0-9])|(?<=[0-9])[楼层][至到-](?=[0-9])"
)
_SUB_NUMERAL: Final = re.compile(
    "(?<=[0-9号])[之附]([二三四五六七八九]十[一二三四五六七八九]?(?=[号0-9])|十[一二三四五六七八九]?|[一二三四五六七八九])号?"
)
_SUB_NUMBER: Final = re.compile("([0-9]+)号?[之附]([0-9]+)号?|([0-9]+)号-([0-9]{1,4})(?:号|$)")
_LETTER_O: Final = re.compile("(?<=[0-9])O(?=[0-9O室号]|$)")
_LETTER_L: Final = re.compile("(?<=[0-9])[IL](?=[0-9])")
_LISTABLE: Final = ("号", "室", "幢", "层", "铺")
_LISTED: Final = re.compile("(?<=[0-9A-Z])[号室幢层铺]、(?=[0-9A-Z])")
_MAY_CHANGE: Final = re.compile(
    f"[{''.join(map(chr, _TRADITIONAL))}第之附负贸]|地下|[至到]$|[{_NUMERALS}]"
    "(?=[号弄支幢栋座楼层单室组小村队社区期排间户房铺摊馆厅库至到]|$)"
)
_BELOW: Final = re.compile(
    "(?:地下|负)([0-9])(?:层楼|楼层|楼|层|F)|(?<![0-9A-Z])-([1-5])(?:楼|层|F)|B([1-5])(?:楼|层|F)"
    "|地下室|地下层|地下(?=商|停车|车库|超市)"
)


class Spelt(msgspec.Struct, frozen=True, gc=False):
    """A text in one spelling: `text` without brackets, and what stood in `brackets`, outermost first."""

    text: str
    brackets: tuple[str, ...]


def number(numeral: str) -> str:
    """A Chinese numeral in digits: 一百六十九 is 169, 九九九 is 999, 廿三 is 23."""
    numeral = numeral.replace("廿", "二十").replace("卅", "三十")
    if not any(character in _SCALE for character in numeral):
        return "".join(str(_DIGIT[character]) for character in numeral)
    total = digit = 0
    for character in numeral:
        scale = _SCALE.get(character)
        if scale is None:
            digit = _DIGIT[character]
        else:
            total += (digit or 1) * scale
            digit = 0
    return str(total + digit)


def numeral(digits: str) -> str:
    """A number below 100 as it stands in the name of a road: 6 is 六, 12 is 十二, 23 is 二十三."""
    tens, ones = divmod(int(digits), 10)
    if not tens:
        return _HAN_DIGITS[ones]
    return ("" if tens == 1 else _HAN_DIGITS[tens]) + "十" + (_HAN_DIGITS[ones] if ones else "")


def _without_brackets(text: str) -> tuple[str, list[str]]:
    """Outside of brackets, and the contents; units in brackets stay in place, an unclosed bracket is none."""
    outside: list[str] = []
    contents: list[str] = []
    depth = position = start = 0
    for match in _BRACKET.finditer(text):
        if match[0] in _OPEN:
            if depth == 0:
                outside.append(text[position : match.start()])
                start = position = match.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                content = text[start : match.start()]
                position = match.end()
                if len(content) < 20 and _UNITS_ALONE.fullmatch(content):
                    outside.append(f" {content} ")
                else:
                    contents.append(content)
        else:
            outside.append(text[position : match.start()])
            position = match.end()
    outside.append(text[position:])
    return "".join(outside), contents


def _odd(match: re.Match[str]) -> str:
    """What a run of blanks and marks means where it stands: a dash, a list, a border between numbers, nothing."""
    text, start, end = match.string, match.start(), match.end()
    before, after = text[start - 1 : start], text[end : end + 1]
    run = match[0]
    dash = any(character in DASHES for character in run)
    if before.isascii() and before.isalnum() and after.isascii() and after.isalnum():
        if dash:
            return "-"
        return "、" if any(character in "、,，/&;；" for character in run) else "|"
    if "、" in run and before in _NUMERALS and after in _NUMERALS:
        return "、"
    if after.isascii() and after.isalnum():
        if dash:
            return "-"
        if "、" in run and before in _LISTABLE:
            return "、"
    return ""


def _as_number(match: re.Match[str]) -> str:
    return number(match[0])


def _as_numeral(match: re.Match[str]) -> str:
    return numeral(match[1]) + "号" if match[1] else numeral(match[2])


def _after_numerals(match: re.Match[str]) -> str:
    return "" if match[0] == "第" else "-"


def _sub_numeral(match: re.Match[str]) -> str:
    return f"之{number(match[1])}号"


def _sub_number(match: re.Match[str]) -> str:
    main, sub = match[1] or match[3], match[2] or match[4]
    return f"{main}-{sub}号"


def _below(match: re.Match[str]) -> str:
    return f"B{match[1] or match[2] or match[3] or 1}层"


def unified(text: str) -> str:
    """A text with one width, one case and no invisible characters."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).upper().strip()


def _without_marks(text: str) -> tuple[str, tuple[str, ...]]:
    """A text without labels, postcodes, brackets, blanks and punctuation, and what stood in brackets."""
    if text.count(" ") * 5 > len(text) * 2:  # every character was set apart
        text = text.replace(" ", "")
    label = _LABEL.match(text)
    if label:
        text = text[label.end() :]
    if text[:1] == "3" or "邮" in text or text[-5:].isdigit():
        text = _POSTCODE.sub("", text)
    if "贸" in text:
        text = _FREE_TRADE_ZONE.sub("", text)
    contents: list[str] = []
    if _BRACKET.search(text):
        text, contents = _without_brackets(text)
    if " " in text:
        text = _BORDER.sub(r"\1|", text.strip()).replace(" ", "")
    if not _PLAIN.fullmatch(text):
        text = _ODD.sub(_odd, text)
    return text, tuple(contents)


def spell(text: str) -> Spelt:
    """Bring a unified text of at most `LONGEST` characters to one spelling."""
    brackets: tuple[str, ...] = ()
    if _TRADITIONAL_CHARACTER.search(text):
        text = text.translate(_TRADITIONAL)
    if not _PLAIN.fullmatch(text):
        text, brackets = _without_marks(text)
    elif "贸" in text:
        text = _FREE_TRADE_ZONE.sub("", text)
    if "之" in text or "附" in text:
        text = _SUB_NUMERAL.sub(_sub_numeral, text)
    text = _NUMERAL.sub(_as_number, text)
    if "第" in text or "一" in text or "至" in text or "到" in text or "-" in text:
        text = _AFTER_NUMERALS.sub(_after_numerals, text)
    if _DIGIT_ROAD.search(text):
        text = _NUMBERED_ROAD.sub(_as_numeral, text)
    if "O" in text:
        text = _LETTER_O.sub("0", text)
    if "I" in text or "L" in text:
        text = _LETTER_L.sub("1", text)
    if "之" in text or "附" in text or "号-" in text:
        text = _SUB_NUMBER.sub(_sub_number, text)
    if "、" in text:
        text = _LISTED.sub("、", text)
    if "地下" in text or "负" in text or "-" in text or "B" in text:
        text = _BELOW.sub(_below, text)
    return Spelt(text, brackets)


def is_spelt(words: str) -> bool:
    """Whether words of Chinese characters alone are in the one spelling, whatever number follows them."""
    return _MAY_CHANGE.search(words) is None
