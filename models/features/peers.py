"""Peer groups: enterprises of one kind, one section of industry and one span of age, as a number each.

A group is `(kind * 100 + section) * 10 + age`, where 0 stands for all: kinds 1 to 4 (enterprise, individual,
cooperative, branch), sections 1 to 20 (A to T of GB/T 4754) or 21 to 99 (classes of other registers, by
their hash), ages 1 to 5. A group too small borrows from its parent: all ages, then all industries, then everybody (0).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.features.facts import FOREIGN_INDUSTRY, Floats, Ints
from models.features.present import Present

AGE_BOUNDS: Final = (1.0, 3.0, 5.0, 10.0)
"""Years at which the second to fifth span of age begin; an unknown age is in the last."""

EVERYBODY: Final = 0
_KINDS: Final = (
    ("各类主体", "all kinds"),
    ("企业", "enterprises"),
    ("个体工商户", "individual businesses"),
    ("合作社", "cooperatives"),
    ("分支机构", "branches"),
)
_SPANS: Final = (
    ("各存续年限", "all ages"),
    ("成立不满 1 年", "under a year old"),
    ("成立 1–3 年", "1 to 3 years old"),
    ("成立 3–5 年", "3 to 5 years old"),
    ("成立 5–10 年", "5 to 10 years old"),
    ("成立 10 年以上或不详", "10 years old or of unknown age"),
)
_TRADES: Final = (
    ("各行业", "all trades"),
    ("农、林、牧、渔业", "farming, forestry and fishing"),
    ("采矿业", "mining"),
    ("制造业", "manufacturing"),
    ("电力、热力、燃气及水生产和供应业", "electricity, heat, gas and water"),
    ("建筑业", "construction"),
    ("批发和零售业", "wholesale and retail"),
    ("交通运输、仓储和邮政业", "transport, storage and post"),
    ("住宿和餐饮业", "lodging and catering"),
    ("信息传输、软件和信息技术服务业", "information and software"),
    ("金融业", "finance"),
    ("房地产业", "real estate"),
    ("租赁和商务服务业", "leasing and business services"),
    ("科学研究和技术服务业", "research and technical services"),
    ("水利、环境和公共设施管理业", "water, environment and public facilities"),
    ("居民服务、修理和其他服务业", "household services and repair"),
    ("教育", "education"),
    ("卫生和社会工作", "health and social work"),
    ("文化、体育和娱乐业", "culture, sports and entertainment"),
    ("公共管理、社会保障和社会组织", "public administration"),
    ("国际组织", "international organisations"),
)
"""Sections of GB/T 4754-2017, A to T."""


def peers_of(present: Present) -> Ints:
    """The peer group of each enterprise."""
    industry = present.industry
    section = np.where(industry >= FOREIGN_INDUSTRY, 21 + industry % 79, np.where(industry > 0, industry // 10_000, 0))
    return (
        ((present.kind + 1) * 100 + section) * 10
        + 1
        + np.digitize(np.where(np.isnan(age := age_in_years(present)), AGE_BOUNDS[-1], age), AGE_BOUNDS)
    )


def age_in_years(present: Present) -> Floats:
    """Years since the establishment; not known where its date is not, or is still to come."""
    days = present.days_since(present.opened)
    return np.where(present.dated & (days >= 0), days / 365.25, np.nan)


def parent_of(group: int) -> int:
    """The group from which one borrows: see the module. Everybody has no other parent than everybody."""
    kind, rest = divmod(group, 1000)
    section, age = divmod(rest, 10)
    if age:
        return group - age
    return kind * 1000 if section else EVERYBODY


def label_of(group: int) -> str:
    """A group in both languages, for cards."""
    return " × ".join(" ".join(part) for part in _parts(group))


def words_of(group: int) -> tuple[str, str]:
    """A group in words, zh and en, for sentences."""
    parts = _parts(group)
    return "·".join(zh for zh, _ in parts), ", ".join(en for _, en in parts)


def _parts(group: int) -> list[tuple[str, str]]:
    kind, rest = divmod(group, 1000)
    section, age = divmod(rest, 10)
    trade = _TRADES[section] if section < len(_TRADES) else (f"行业类别 {section}", f"trade {section}")
    return [_KINDS[kind], trade, _SPANS[age]]
