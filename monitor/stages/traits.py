"""What histories keep of a registration beyond rooms and persons, each in a few bytes: for features and groups.

Nothing here names anybody: a name is kept as its shape, an agent and a telephone as 32 bits for comparing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Final

import xxhash
from msgspec import UNSET

from config.capital import BANDS

Traits = list[int | None]
"""`[capital band, name shape, agent, phone, area]`; None: the event does not say it; 0: there is none."""

NAME_LENGTH: Final = 31
NAME_DIGITS: Final = 32
NAME_NO_TRADE: Final = 64
NAME_NO_FORM: Final = 128
"""A name's shape: its length (31 at most), and bits for digits or Latin letters, no word of a trade, and no word for
the form of organisation.
"""

_AREA_WIDE, _AREA_NEAR = 3, 6
_GB_CODE: Final = re.compile(r"[A-T]\d{2,4}|[A-T]\d?$").match
_BRACKET: Final = re.compile("[(（]")
_MARKS: Final = re.compile("[A-Za-z0-9Ａ-Ｚａ-ｚ０-９]").search
_FORM: Final = re.compile(
    "公司|合作社|联合社|集团|事务所|企业|经营部|商行|商店|工作室|中心|[店厂部行馆院社场站坊所园室屋铺摊吧城]"
).search
_TRADE: Final = re.compile(
    "贸易|商贸|科技|技术|餐饮|食品|建筑|建设|工程|装饰|装修|咨询|服务|管理|投资|传媒|广告|文化|教育|培训|物流|运输|货运|供应链|"
    "电子|电器|电商|商务|网络|信息|软件|智能|机械|五金|金属|模具|设备|塑料|橡胶|化工|材料|建材|家具|家居|木业|石材|玻璃|陶瓷|"
    "纺织|服装|服饰|针织|鞋|箱包|皮革|印染|印刷|包装|纸|日用|百货|超市|便利|副食|水果|蔬菜|水产|粮|茶|酒|烟|药|医|诊|健康|"
    "美容|美发|理发|养生|足浴|酒店|宾馆|旅|民宿|餐|饭|面|小吃|烧烤|火锅|奶茶|咖啡|汽车|汽修|修理|维修|配件|轮胎|洗车|"
    "农|林|牧|渔|种植|养殖|花卉|园林|环保|能源|电力|光伏|安装|租赁|房地产|物业|家政|保洁|劳务|人力|会计|税务|法律|设计|"
    "摄影|影视|体育|健身|娱乐|游戏|玩具|工艺|珠宝|首饰|眼镜|钟表|手机|通讯|数码|花|图文|文具|书|快递|加工|制造|制品|实业|工贸|进出口|贸"
).search


def traits_of(data: Any, agent: Any = UNSET) -> Traits:
    """The traits that a registration or its change says. `data`: fields of an established or changed event."""
    address = data.address
    return [
        None if data.capital is UNSET else capital_band(data.capital),
        None if data.name is UNSET else name_shape(data.name),
        None if agent is UNSET else short_hash(agent),
        None if data.phone is UNSET else short_hash(data.phone),
        None if address is UNSET else area_of(address.text),
    ]


def industry_code(text: str) -> str:
    """An industry as histories keep it: of GB/T 4754 the letter and up to four digits; `#` and six hexadecimal digits
    for a class of another register: three of what stands before a bracket, three of the whole; empty for none.
    """
    text = text.strip().upper()
    found = _GB_CODE(text)
    if found:
        return found[0]
    if not text:
        return ""
    broad = _BRACKET.split(text, maxsplit=1)[0]
    return f"#{short_hash(broad) & 0xFFF:03x}{short_hash(text) & 0xFFF:03x}"


def capital_band(capital: float) -> int:
    """The band of a capital in yuan: 0 for none, below zero too; 1 below 1,000 yuan; see `config.capital`."""
    return 0 if capital <= 0 else 1 + bisect_right(BANDS, capital)


def name_shape(name: str) -> int:
    """What is odd about a name, without the name."""
    name = "".join(name.split())
    shape = min(len(name), NAME_LENGTH)
    if _MARKS(name):
        shape |= NAME_DIGITS
    if not _TRADE(name):
        shape |= NAME_NO_TRADE
    if not _FORM(name):
        shape |= NAME_NO_FORM
    return shape


def short_hash(text: str) -> int:
    """32 bits by which an agent or a telephone (already a pseudonym) is compared with others; 0 for an empty text."""
    text = text.strip()
    return xxhash.xxh32_intdigest(text.encode()) if text else 0


def category_of(text: str) -> int:
    """A category of penalties as eight bits, to be compared with itself alone: 1 to 255; 0 for none."""
    text = text.strip()
    return 1 + xxhash.xxh32_intdigest(text.encode()) % 255 if text else 0


def area_of(text: str) -> int | None:
    """Where an address begins, for registers whose addresses name no county of GB/T 2260: 16 bits of the first three
    characters (a city, as a rule), then 16 of the first six. None for a shorter text.
    """
    text = "".join(text.split())[:_AREA_NEAR]
    if len(text) < _AREA_WIDE:
        return None
    return (short_hash(text[:_AREA_WIDE]) & 0xFFFF) << 16 | short_hash(text) & 0xFFFF
