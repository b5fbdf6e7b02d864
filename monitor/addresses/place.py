"""From the words between the divisions and the first number: the road, village, market, compound or building.

Zones, communities and buildings before a road are left out, because writers leave them out. A name that every
town has (人民路, 农贸市场) takes the township into the key, and so does a village.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

_H: Final = "[一-龥〇]"
_ROAD_END: Final = "(?:大道|大街|公路|马路|胡同|国道|省道|县道|环线|路|街|巷|弄|道)"
_WAY: Final = "[东西南北中上下前后左右大小老新直横环内外正支一二三四五六七八九十号0-9]"
_ROAD_ENDS: Final = ("路", "街", "道", "巷", "弄", "胡同", "环线")
_OWN_ROAD: Final = re.compile(f"(?!(?:{_WAY}|开发|工业|园区|口)*{_ROAD_END}$){_H}{{3,}}$")
# What may stand before a road and end an area, a compound or a building of its own.
_AREA_END: Final = re.compile(
    "社区居民委员会|社区居委会|居民委员会|居委会|社区|居民区|村民委员会|村委会|行政村|自然村|新村|村"
    "|新城区?|新区|开发区|高新区|集聚区|保税港?区|度假区|示范区|功能区|风景名胜区|风景区|景区|港区"
    "|工业集中区|集中区|工业集聚点|工业小区|工业点|加工区|小微企业园|小微园|生态园|产业基地|旅游区|物流园区|经济区"
    "|工业园区|工业园|工业区|工业城|产业园区|产业园|科技园区|科技园|软件园|创业园|创意园|电子商务园|商务园|物流园"
    "|孵化园|园区|科技城|世纪城|未来城|科创城|智造城|区块|片区|街区|地块|小镇|广场|大厦|商厦|中心|小区|花园|公寓|花苑|家园"
    f"|校区|大学城|市场|商城|(?<={_H}{_H})城|农场|林场|基地|城区|集镇|商务区|商业区|CBD"
)
_ADMINISTRATIVE: Final = re.compile(
    "社区居民委员会|社区居委会|居民委员会|居委会|社区|居民区|新城区?|新区|开发区|高新区|集聚区|保税港?区|度假区|示范区|功能区"
    "|科技城|科创城|智造城|未来城|世纪城|区块|片区|街区|商务区|工业园区|产业园区|工业功能区"
)
_GENERIC_PLACE: Final = re.compile(
    f"(?:{_WAY}|第)*(?:[东西南北中][区苑园院]|小区|新村|公寓|大厦|大楼|商厦|商场|商城|市场|广场|花园|家园|工业园?区?|工业小区|园区?"
    "|产业园区?|科技园区?|商铺|店面|店铺|门面|营业用?房|厂房|厂区|车库|仓库|综合楼|办公楼|商务楼|写字楼|商业楼|宿舍楼?|商住楼|住宅区?|住宅楼"
    "|综合大楼|商业街|步行街|商业中心|商务中心|社区|村|自然村|小学|中学|学校|医院|酒店|宾馆|饭店|加油站|停车场|车站"
    "|一条街|安置房|安置小区|拆迁房|沿街|临街|路段|段|院|院内|内|"
    "(?:农贸|集贸|菜|综合|专业|批发|小商品|副食品|服装|建材|家具|综合农贸)(?:交易|批发|综合)?(?:市场|场|城|商城))"
)
_ROAD_BEFORE: Final = re.compile(
    f"(?:大道|大街|公路|路|街|巷)(?![口边旁道心面灯桥南北东西中]|段|区|{_H}?(?:路|街|巷|弄|村|桥))(?={_H}{{3}})"
)
_TRADE: Final = (
    "农贸|农副产品|服装|服饰|鞋|皮革|皮草|家具|家居|家私|建材|装饰|五金|机电|电器|电子|数码|通讯|珠宝|珍珠|玉石|茶叶|茶|花卉|花木|"
    "木雕|红木|石材|陶瓷|灯具|灯饰|塑料|化工|钢材|钢铁|汽配|汽车|汽摩配|摩配|水产|海鲜|食品|副食品|水果|蔬菜|粮油|药材|纺织|面料|布|丝绸|"
    "袜业|袜|领带|毛衫|羊毛衫|童装|女装|男装|纽扣|钮扣|饰品|玩具|文具|眼镜|印刷|模具|泵阀|电机|轴承|家电|日用品|日用商品|小商品|轻工|"
    "旧货|二手车|古玩|花鸟|图书|办公用品|窗帘|床上用品|家纺|箱包|包装|工艺品|竹木|竹制品|香菇|食用菌|板材|木材|苗木"
)
TRADE_CITY: Final = re.compile(f"(?:{_TRADE})城$")
"""A market by what it deals in: 木雕城, 皮革城."""

_MARKET: Final = re.compile(
    "(?:市场|菜场|商场|商贸城|商城|商品城|轻纺城|购物中心|批发城|交易城|交易中心|商业城|贸易城|步行街|美食城|美食广场|物流城|物流中心|"
    f"(?:{_TRADE})城)$"
)
_TRADE_CITY: Final = re.compile(
    "(?:(?<=[一-龥]{2})(?:特产|土特产|名特优|农产品|批发|交易|专业|综合|贸易|集散|零售|大)){0,3}(?:市场|城)$"
)
_COMMON_TRADE: Final = re.compile(
    "(?:老|新|大|中心|综合|城[东西南北]|镇)?(?:农贸|农副产品|集贸|菜|商贸|综合|小商品|日用品|服装|服饰|鞋|皮革|家具|家居|建材|装饰|五金|机电|电器|"
    "电子|通讯|珠宝|茶叶|花卉|花木|木雕|石材|陶瓷|灯具|塑料|钢材|汽配|汽车|水产|海鲜|食品|副食品|水果|蔬菜|粮油|粮食|药材|纺织|面料|布|丝绸|袜业|"
    "领带|毛衫|羊毛衫|童装|纽扣|钮扣|饰品|玩具|眼镜|印刷|模具|泵阀|家电|轻工|旧货|二手车|古玩|花鸟|家纺|箱包|包装|工艺品|竹木|竹制品|香菇|"
    "食用菌|板材|木材|苗木|畜禽|家禽|仔猪|牛|杨梅|柑桔|生猪|生产资料|再生资源|废旧物资)?"
)
_BUILDING: Final = re.compile(
    "(?:大厦|大楼|商厦|广场|中心|酒店|宾馆|饭店|大酒店|写字楼|办公楼|综合楼|商务楼|商业楼|科研楼|科技楼|银泰城?|万象城|天街|印象城"
    "|吾悦|龙湖天街|万达|国际|国贸|世贸|奥特莱斯|百货|购物公园|生活广场|金座|银座|SOHO|大院|会馆|公馆|塔楼?)$"
)
_VILLAGE: Final = re.compile("(?:(?<!新)村|社区|自然村|居委会|村委会|渔业队|农场|林场|渔村|山庄村)$")
# 花林村强北自然村 and 花林村强北: a part of a village, whatever word stands after it.
_HAMLET: Final = re.compile(
    f"({_H}{{1,5}}(?<!新)(?<!自然)(?<!行政))(?:行政)?(村(?![委民村]){_H}{{1,4}}?)"
    "(?:自然村|(?<![村区园厂场苑楼院厦城坊内屋号路街房心会点店社馆站库堂段院]))"
)
_COMMON: Final = (
    "人民|解放|中山|建设|新华|环城|新建|振兴|兴业|工业|创业|车站|文化|中心|团结|幸福|和平|青年|光明|胜利|前进|朝阳|东风|红旗|"
    "迎宾|府前|镇府|政府|镇前|镇中|镇北|镇南|镇东|镇西|市场|学校|学院|广场|公园|商业|商贸|步行|沿江|沿河|沿溪|滨江|滨河|滨海|江滨|河滨|溪滨|"
    "江南|江北|河东|河西|河南|河北|溪东|溪西|教育|育才|健康|公安|体育|卫生|永安|平安|永兴|新兴|兴隆|富民|富强|园区|开发|繁荣|友谊|文明|"
    "五一|八一|工农|农贸|粮站|邮电|电影院|医院|菜市|农民|民主|民生|致富|小康|世纪|站前|新市|中兴|新街|老街|大桥|桥头|桥东|桥西|花园|"
    "新村|安居|长安|长虹|东兴|西兴|南兴|北兴|环镇|环东|环西|环南|环北|东环|西环|南环|北环|外环|内环|中街"
)
_COMMON_ROAD: Final = re.compile(f"(?:{_COMMON}|{_WAY}{{1,2}}){_WAY}{{0,2}}{_ROAD_END}")
STRETCH: Final = re.compile("(?<=[路街道])[东西南北中]段$")
"""The end of 市府大道西段."""

_COUNTRY: Final = re.compile("(?:中国|浙江省?)")
_UNLOCATED: Final = re.compile(
    "对面|对过|对门|斜对|(?<!亭)旁|隔壁|附近|[路街巷弄道]口(?!村|社区|镇|新村|路|街|自然)|^村口|(?<=[村])口(?=$|[0-9])|交叉|交汇|交会|交界|交接处"
    "|[路街河桥江水]边(?!村|路|街|社区)|[东西南北左右前后]侧|以[东西南北]|[东西南北]首(?!南|路)|沿线|后面|前面|背后|大门口|门口$"
    "|转角|转盘|岔口|岔路口|高速出口|出口处|入口处|周边|一带(?!一路)|桥下$"
)
_LONGEST_REMEMBERED: Final = 16


class Place(msgspec.Struct, frozen=True, gc=False):
    """The thing that a house number, block or room belongs to.

    Attributes:
        name: name in the key; empty where the words name none.
        kind: "road", "village", "market", "building" or "place".
        common: many towns have one of this name.
        around: words that name more of the place and are not in the key.
        unlocated: the words say near, opposite or between.
    """

    name: str
    kind: str
    common: bool
    around: str
    unlocated: bool


def _road(words: str) -> tuple[str, str]:
    """The road at the end of words, and what stands before it."""
    for match in reversed(list(_AREA_END.finditer(words))):
        road = words[match.end() :]
        if _OWN_ROAD.match(road) or (len(road) > 1 and match[0].endswith(("社区", "居委会", "委员会"))):
            return road, words[: match.end()]
    return words, ""


def _unlocated(words: str) -> bool:
    return _UNLOCATED.search(words) is not None or ("与" in words and words.count("路") > 1)


def _road_place(words: str) -> Place:
    name, around = _road(words)
    return Place(name, "road", _COMMON_ROAD.fullmatch(name) is not None, around, _unlocated(words))


_remembered_road = lru_cache(4096)(_road_place)


def _named(words: str) -> tuple[str, str]:
    """The named place at the end of words, and the road or zone before it."""
    start = 0
    for match in _ROAD_BEFORE.finditer(words):
        if match.start() - start >= 2 and not _GENERIC_PLACE.fullmatch(words, match.end()):
            start = match.end()
    for match in _ADMINISTRATIVE.finditer(words, start):
        rest = len(words) - match.end()
        if rest >= 3 and not _GENERIC_PLACE.fullmatch(words, match.end()):
            start = match.end()
    return words[start:], words[:start]


def _without_own_names(name: str, owners: tuple[str, ...], *, market: bool) -> str:
    """A name without the country, city or county in front of it, where enough is left.

    A market loses its township too, and all that is left may be 农贸市场: the township is in its key.
    """
    changed = True
    while changed:
        changed = False
        match = _COUNTRY.match(name)
        if match and len(name) - match.end() >= 3:
            name, changed = name[match.end() :], True
        for owner in owners if market else owners[:2]:
            rest = name.removeprefix(owner) if owner else name
            if len(rest) == len(name) or (not market and _GENERIC_PLACE.fullmatch(rest)):
                continue
            rest = rest.removeprefix("市").removeprefix("县") if not rest.startswith("市场") else rest
            if len(rest) >= (2 if market else 3) and not rest.startswith(("大", "新", "老")):
                name, changed = rest, True
    return name


def _common_market(name: str) -> bool:
    return _COMMON_TRADE.fullmatch(_TRADE_CITY.sub("", name)) is not None


def place(words: str, owners: tuple[str, ...], towns: Iterable[str] = ()) -> Place:
    """Read the words after the divisions.

    Args:
        words: what stands before the first number, in one spelling, without divisions.
        owners: names of city, county and township, without the words for their level.
        towns: names of all townships of the county, likewise; a market may have another one's name in front.
    """
    stretch = STRETCH.search(words) if words.endswith("段") else None
    if stretch:  # its houses may be numbered anew
        road = _road_place(words[: stretch.start()])
        return msgspec.structs.replace(road, name=road.name + stretch[0])
    if words.endswith(_ROAD_ENDS):
        # Roads of one name are in many counties: remembered apart from them.
        return _remembered_road(words) if len(words) <= _LONGEST_REMEMBERED else _road_place(words)
    unlocated = _unlocated(words)
    name, around = _named(words)
    hamlet = _HAMLET.fullmatch(name)
    if hamlet:
        return Place(hamlet[1] + hamlet[2], "village", True, around, unlocated)
    if _VILLAGE.search(name):
        return Place(name, "village", True, around, unlocated)
    market = _MARKET.search(name) is not None
    name = _without_own_names(name, owners, market=market)
    if market:
        for town in towns:  # 东港街道沈家门渔港国际水产城 and 沈家门渔港国际水产城
            if name.startswith(town) and len(name) - len(town) > 4 and not _common_market(name[len(town) :]):
                name = name[len(town) :]
                break
        if name.endswith("菜场"):
            name = f"{name[:-1]}市场"
        stem = _TRADE_CITY.sub("", name)
        return Place(f"{stem}市场" if stem != name else name, "market", _common_market(name), words, unlocated)
    kind = "building" if _BUILDING.search(name) else "place"
    return Place(name, kind, _GENERIC_PLACE.fullmatch(name) is not None, words, unlocated)
