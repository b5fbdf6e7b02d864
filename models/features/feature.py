"""What a feature says of itself, and what no feature may be about."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

Dimension = Literal["base", "conduct", "supervision", "links", "voice"]

FORBIDDEN: Final = {
    "age of a person": r"\bbirth|\bage of (?:a|the|its) (?:person|lead|operator)|年龄|出生|生日",
    "sex": r"\bsex\b|\bgender\b|\bmale\b|\bfemale\b|性别|男性|女性",
    "home region": r"\bhome (?:region|town|place)|\bhousehold register|\bhukou\b|\bethnic|\bnative place|"
    "籍贯|户籍|民族",
    "religion": r"\breligio|宗教|信仰",
    "genes and body": r"\bgene\b|\bgenes\b|\bgenetic|\bfingerprint|\bblood|\bbiometric|基因|指纹|血型",
    "illness": r"\bill(?:ness)?\b|\bdisease|\bdisab|\bhealth of|疾病|病史|残疾",
    "means of a person": r"\bincome|\bdeposit|\bsecurities\b|\binsurance|\breal estate\b|\btax amount|"
    "收入|存款|证券|保险|不动产|纳税额",
}
"""浙江省公共信用信息管理条例第十四条 (religion, genes, fingerprints, blood, illness; means of a person), and what is
protected besides: age, sex and home region. Words in English and Chinese by which a feature would give itself away.
"""

_FORBIDDEN: Final = {what: re.compile(words, re.IGNORECASE) for what, words in FORBIDDEN.items()}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*").fullmatch


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One number that the models know of an enterprise.

    `computed` and `why` are pairs (zh, en); `events`: the types it is computed from; `direction`: +1 where more is
    worse by law or by sense, -1 where less is, 0 where neither is said. Raises ValueError for one that may not be.
    """

    name: str
    zh: str
    en: str
    dimension: Dimension
    family: str
    unit: str
    computed: tuple[str, str]
    why: tuple[str, str]
    events: tuple[str, ...]
    direction: Literal[-1, 0, 1] = 0

    def __post_init__(self) -> None:
        """Refuses what the law forbids and a name that is none."""
        if not _NAME(self.name):
            raise ValueError(f"{self.name!r} is no name of a feature: lower case, digits and underscores")
        told = " ".join((self.name.replace("_", " "), self.zh, self.en, *self.computed, *self.why))
        for what, found in _FORBIDDEN.items():
            if found.search(told):
                raise ValueError(f"{self.name}：不得用作特征 / may not be a feature: {what}")
