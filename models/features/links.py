"""Features of those around the enterprise: its room, lead persons, ties, agent, telephone, and the rates of its peers.

Dimension: links. Counts leave the enterprise itself out; branches are no counterparts.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from models.features.around import Around
from models.features.facts import Floats
from models.features.feature import Feature
from models.features.present import Present

_ROOMS: Final = ("registration.established", "registration.changed", "registration.deregistered")
_BAD: Final = (*_ROOMS, "registration.revoked", "enforcement.abnormal_listed", "enforcement.abnormal_removed")
_RISK: Final = (*_BAD, "enforcement.dishonest_listed", "enforcement.dishonest_removed", "credit.repaired")
_RATE: Final = (
    "enforcement.penalised",
    "enforcement.abnormal_listed",
    "enforcement.dishonest_listed",
    "registration.revoked",
    "credit.repaired",
)

_of = partial(Feature, dimension="links", family="links", unit="户", direction=0)
_rate = partial(Feature, dimension="links", family="links", unit="比例 share", direction=1, events=_RATE)

FEATURES: Final = (
    _of(
        name="room_live",
        zh="同址存续户数",
        en="others live at the room",
        computed=("现住所房间内其他存续主体", "other live enterprises at its present room"),
        why=("一址多照", "one address, many licences"),
        events=_ROOMS,
    ),
    _of(
        name="room_ever",
        zh="同址曾登记户数",
        en="others ever at the room",
        computed=("曾登记在该房间的其他主体", "other enterprises ever registered at its present room"),
        why=("住所反复被使用", "an address used again and again"),
        events=_ROOMS,
    ),
    _of(
        name="room_bad_share",
        zh="同址问题占比",
        en="share of bad ones at the room",
        unit="比例 share",
        computed=(
            "同址其他主体中被吊销或现列异常的比例；没有其他为空",
            "share of the others at the room that are revoked or listed abnormal; empty for no others",
        ),
        why=("高危地址", "an address at risk"),
        events=_BAD,
        direction=1,
    ),
    _of(
        name="room_same_capital",
        zh="同址同资本",
        en="equal capital at the room",
        computed=("同址其他主体中注册资本同档的", "others at the room with capital of the same band"),
        why=("批量设立的空壳往往资本相同", "shells made in bulk have equal capital"),
        events=_ROOMS,
    ),
    _of(
        name="same_day",
        zh="同日设立",
        en="established on the same day",
        computed=(
            "与其同房间或同一负责人、同日设立的其他主体，取多者",
            "others established on the same day at its room or by one of its lead persons, the most of these",
        ),
        why=("批量设立", "made in bulk"),
        events=_ROOMS,
    ),
    _of(
        name="lead_load",
        zh="负责人名下户数",
        en="others led by its lead person",
        computed=("其负责人另任负责人的存续主体，取最多者", "other live enterprises of the lead person who has most"),
        why=("一人多企", "one person, many enterprises"),
        events=_ROOMS,
    ),
    _of(
        name="lead_bad",
        zh="负责人名下问题户",
        en="others at risk under its lead persons",
        computed=(
            "其负责人另任负责人的被吊销、现列异常或严重违法失信主体",
            "other enterprises of its lead persons that are revoked, listed abnormal or dishonest",
        ),
        why=("风险随人转移", "risk goes with the person"),
        events=_RISK,
        direction=1,
    ),
    _of(
        name="lead_defaulters",
        zh="负责人失信",
        en="lead persons listed by a court",
        unit="人 persons",
        computed=("现任负责人中的失信被执行人", "present lead persons who are court defaulters"),
        why=("任职限制的线索", "a pointer to a bar on holding office"),
        events=("court.defaulter_listed", "court.defaulter_removed"),
        direction=1,
    ),
    _of(
        name="ties",
        zh="关联数",
        en="ties",
        unit="条",
        computed=(
            "经非托管房间或负责人与其相连的主体，每种途径各计一次；超过 200 户的房间或人不计",
            "enterprises tied by a room or a lead person, once for each way; hosts and those of over 200 tie nobody",
        ),
        why=("关联网络中的位置", "its place in the web of ties"),
        events=_ROOMS,
    ),
    _of(
        name="ties_risk_share",
        zh="关联风险占比",
        en="share of ties at risk",
        unit="比例 share",
        computed=(
            "关联中对方被吊销、现列异常或严重违法失信的比例；没有关联为空",
            "share of ties to those revoked, listed abnormal or dishonest; empty for no ties",
        ),
        why=("关联风险", "risk of those linked"),
        events=_RISK,
        direction=1,
    ),
    _of(
        name="ties_change_365",
        zh="一年内关联变化",
        en="change of ties in 365 days",
        unit="条",
        computed=("现有关联数减去 365 天前的关联数", "ties at present less those of 365 days ago"),
        why=("迅速扩张的网络", "a web that grows fast"),
        events=_ROOMS,
    ),
    _of(
        name="core",
        zh="核数",
        en="core number",
        unit="k",
        computed=(
            "最大的 k，使其属于一组主体，其中每户与组内有 k 条关联；最多 20",
            "the largest k such that it belongs to enterprises each of which has k ties among them; 20 at most",
        ),
        why=("紧密团伙", "a close group"),
        events=_ROOMS,
    ),
    _of(
        name="agent_clients",
        zh="同代理户数",
        en="others of its agent",
        computed=("由同一登记代理设立的其他主体", "others registered through the same agent"),
        why=("代理批量注册", "agents register in bulk"),
        events=("registration.established",),
    ),
    _of(
        name="phone_others",
        zh="同电话户数",
        en="others with its telephone",
        computed=("登记同一电话的其他主体", "others registered with the same telephone"),
        why=("批量注册共用电话", "registered in bulk, one telephone"),
        events=("registration.established", "registration.changed"),
    ),
    _rate(
        name="county_rate",
        zh="同县不良率",
        en="adverse rate of the county",
        computed=(
            "同县其他存续主体三年内有处罚、列入或吊销的比例，向全体收缩（相当于再看 20 户）",
            "share of others live in the county with a penalty, listing or revocation within 1,095 days, drawn to that "
            "of all as if 20 more had been seen",
        ),
        why=("各地执法与风险不同", "enforcement and risk differ by place"),
    ),
    _rate(
        name="industry_rate",
        zh="同行业不良率",
        en="adverse rate of the industry",
        computed=("同大类其他存续主体的同一比例，向全体收缩", "the same of its division, drawn to that of all"),
        why=("行业风险不同", "risk differs by trade"),
    ),
    _rate(
        name="peer_rate",
        zh="同县同行业不良率",
        en="adverse rate of its peers",
        computed=("同县同大类的同一比例，向前两者的均值收缩", "the same of both, drawn to the mean of the two"),
        why=("同类的基准率", "the base rate of the like"),
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name."""
    here = present.room > 0
    at_room = np.where(here, around.room_others, 0)

    def in_room(values: Floats) -> Floats:
        return np.where(here, values, np.nan)

    return {
        "room_live": in_room(around.room_live),
        "room_ever": in_room(around.room_ever),
        "room_bad_share": _share(around.room_bad, at_room),
        "room_same_capital": in_room(around.room_same_capital),
        "same_day": around.same_day,
        "lead_load": around.lead_load,
        "lead_bad": around.lead_bad,
        "lead_defaulters": around.lead_defaulters,
        "ties": around.ties,
        "ties_risk_share": _share(around.ties_at_risk, around.ties),
        "ties_change_365": around.ties - around.ties_before,
        "core": around.core,
        "agent_clients": np.where(present.agent > 0, around.agent_clients, np.nan),
        "phone_others": np.where(present.phone > 0, around.phone_others, np.nan),
        "county_rate": around.county_rate,
        "industry_rate": around.industry_rate,
        "peer_rate": around.peer_rate,
    }


def _share(part: Floats, whole: Floats) -> Floats:
    """A share; not known where there is nothing to share."""
    found = np.full(len(whole), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found
