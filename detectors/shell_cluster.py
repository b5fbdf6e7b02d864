"""空壳团伙: enterprises that share persons and rooms among themselves, and look like shells.

A second opinion, found on the graph around subjects that other detectors flagged (`detectors.graph.groups`). It is
never red: red lifts the protection of well-run enterprises from visits, which a pattern alone must not do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from config.moments import DAY
from detectors.base import Basis, Detector, Finding, Text, newest
from detectors.example import Raw, event, leads, opened
from detectors.graph.neighbours import Traits
from detectors.graph.view import GroupView

Parameters = Mapping[str, Any]


def find(view: GroupView, parameters: Parameters, now: int) -> Finding | None:
    """A group with enough live enterprises; the level needs both its number of enterprises and of shell traits."""
    count = len(view.members)
    if sum(one.live for one in view.traits) < parameters["minimum_live"]:
        return None
    shown = shell_traits(view.traits, parameters)
    level = 0
    for (reached, least), traits in zip(parameters["levels"], parameters["least_traits"], strict=True):
        if count >= least and len(shown) >= traits:
            level = reached
    if not level:
        return None
    lowest = int(parameters["levels"][0][1])
    return Finding(
        level=min(level, parameters["weak_level"]) if view.weak else level,
        value=count,
        since=sorted(view.entered)[lowest - 1],
        members=view.members,
        evidence=newest([one.established for one in view.traits if one.established is not None]),
        weak=view.weak,
        facts={
            "rooms": view.shared("room"),
            "persons": view.shared("person"),
            "density": round(100 * view.density),
            "core": view.core,
            "traits": shown,
            "traits_zh": "、".join(f"{TRAITS[name].zh} {number} 户" for name, number in shown.items()),
            "traits_en": ", ".join(f"{number} {TRAITS[name].en}" for name, number in shown.items()),
        },
    )


def shell_traits(traits: Sequence[Traits], parameters: Parameters) -> dict[str, int]:
    """The shell traits that at least a share `trait_share` of a group's enterprises shows, in the order of TRAITS, each
    with how many show it.
    """
    least = parameters["trait_share"] * len(traits)
    counts = {name: count(traits, parameters) for name, count in _COUNTS.items()}
    return {name: number for name, number in counts.items() if number >= least}


TRAITS: Final = {
    "same_day": Text("同期设立", "established within days of each other"),
    "same_agent": Text("同一代理", "registered by the same agent"),
    "same_phone": Text("同一电话", "with the same telephone"),
    "no_reports": Text("从未报送年报", "that never filed a report and missed one"),
    "short_life": Text("短期内注销或吊销", "that ended soon after they began"),
    "moved": Text("多次变更住所", "that moved again and again"),
    "capital": Text("注册资本极低或相同", "of tiny or equal capital"),
}
"""What a shell shows by, as sentences name it."""


def _same_day(traits: Sequence[Traits], parameters: Parameters) -> int:
    """The most that were established within some `same_days` × 24 hours."""
    window = int(parameters["same_days"]) * DAY
    moments = sorted(one.established[0] for one in traits if one.established is not None)
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] + window < moment:
            first += 1
        most = max(most, last - first + 1)
    return most


def _most_equal(values: Iterable[Any]) -> int:
    """How often the commonest of the known values stands there, if it stands there twice."""
    most = max(Counter(value for value in values if value).values(), default=0)
    return most if most > 1 else 0


def _short_lives(traits: Sequence[Traits], parameters: Parameters) -> int:
    short = int(parameters["short_days"]) * DAY
    return sum(
        one.ended is not None and one.established is not None and one.ended - one.established[0] <= short
        for one in traits
    )


def _small_capital(traits: Sequence[Traits], parameters: Parameters) -> int:
    """Those of a tiny capital, or those of one and the same, whichever are more."""
    bound = float(parameters["tiny_capital"])
    tiny = sum(one.capital is not None and one.capital <= bound for one in traits)
    return max(tiny, _most_equal(one.capital for one in traits))


_COUNTS: Final[dict[str, Callable[[Sequence[Traits], Parameters], int]]] = {
    "same_day": _same_day,
    "same_agent": lambda traits, _: _most_equal(one.agent for one in traits),
    "same_phone": lambda traits, _: _most_equal(one.phone for one in traits),
    "no_reports": lambda traits, _: sum(one.missed > 0 and one.filed == 0 for one in traits),
    "short_life": _short_lives,
    "moved": lambda traits, parameters: sum(one.moves >= parameters["least_moves"] for one in traits),
    "capital": _small_capital,
}


def example() -> tuple[list[Raw], int, float]:
    """Six companies of a thousand yuan in two rooms under two persons, established in two days by one agent."""
    shells = [
        opened(
            f"E{number:03d}",
            number // 3,
            room=f"1幢{201 + number % 2}室",
            persons=[f"p-nominee-{number // 2 % 2}"],
            capital=1000,
            agent="示例代理",
            phone="0571-00000000",
        )
        for number in range(6)
    ]
    return [*shells, event("E000", "registration.changed", 9, persons=leads("p-nominee-0"))], 1, 6


DETECTOR = Detector(
    id="shell-cluster",
    version=1,
    subject="group",
    view="cut",
    title=Text("空壳团伙", "shell cluster"),
    finding=Text(
        "被其他规则标记的对象周围，相互共用场所与牵头人员、关联紧密的一组经营主体，且同日设立、同一代理或电话、从未年报、"
        "短期注销、频繁迁址、注册资本极低或相同等空壳特征集中出现；枢纽与集群托管地址不计入关联。每日一次，由图计算",
        "around subjects that other rules flagged: a densely tied group of enterprises that share rooms and lead "
        "persons and show shell traits (established together, same agent or telephone, no reports, short lives, moved "
        "addresses, tiny or equal capital); hubs and hosts tie nobody. Computed on the graph once a day",
    ),
    levels={
        1: Text(
            "5 户起，两项空壳特征；或仅凭姓名（弱身份）",
            "from 5 with two shell traits; or by names alone (weak identity)",
        ),
        2: Text("8 户起，三项特征", "from 8 with three traits"),
        3: Text("15 户起，四项特征；模式不足以定红色", "from 15 with four traits; a pattern alone is never red"),
    },
    basis=[
        Basis("《公司登记管理实施办法》第二十条（恶意登记）", "secondary"),
        Basis("门槛与特征为政策参数 / thresholds and traits are policy parameters", "proposal"),
    ],
    false_positives=[
        Text("集团、连锁企业在同一办公场所由同一人任职", "groups and chains under one person at one office"),
        Text("家族经营的多家个体工商户", "several shops of one family"),
        Text("未标记为集群托管的商务秘书公司", "business secretaries that are not marked as hosts"),
    ],
    reason=Text(
        "{value} 户经营主体共用 {rooms} 处场所、{persons} 名牵头人员，两两关联比例 {density} %，且{traits_zh}",
        "{value} enterprises share {rooms} rooms and {persons} lead persons, {density} % of all pairs are tied, and "
        "there are {traits_en}",
    ),
    way_out=Text(
        "成员不足 {lowest} 户，或不再共用场所、人员，或空壳特征消失（如补报年报、变更登记）",
        "fewer than {lowest} enterprises are left, or they share rooms and persons no more, or the shell traits are "
        "gone (reports filed, registrations changed)",
    ),
    find=find,
    example=example,
)
