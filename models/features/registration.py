"""Features of what the register says: age, kind, capital, name, industry, address. Dimension: base facts."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from models.features.around import Around
from models.features.facts import Floats
from models.features.feature import Feature
from models.features.peers import age_in_years
from models.features.present import Present

_ESTABLISHED: Final = ("registration.established",)
_REGISTRATION: Final = ("registration.established", "registration.changed")
_LENGTH, _DIGITS, _NO_TRADE = 31, 32, 64
_RESIDENTIAL: Final = 1 << 2
_HOSTED: Final = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8

_of = partial(Feature, dimension="base", family="registration", events=_REGISTRATION)

FEATURES: Final = (
    _of(
        name="age_years",
        zh="成立年限",
        en="years since establishment",
        unit="年 years",
        computed=(
            "自最近一次设立至今的整天数 ÷ 365.25；设立日未知为空",
            "whole days since the latest establishment / 365.25; empty where its date is not known",
        ),
        why=("新设主体情况未经检验", "what is new is untried"),
        events=_ESTABLISHED,
    ),
    _of(
        name="is_individual",
        zh="个体工商户",
        en="individual business",
        unit="0/1",
        computed=("种类为个体工商户", "its kind is individual"),
        why=("义务与风险不同于企业", "other duties and risks than those of enterprises"),
        events=_ESTABLISHED,
    ),
    _of(
        name="capital_band",
        zh="注册资本档位",
        en="band of capital",
        unit="每十倍八档 eight bands to a decade",
        computed=("注册资本的对数档位；未填或为零为空", "logarithmic band of the capital; empty for none"),
        why=("资本过小或过大与业务不相称", "capital too small or too large for the trade"),
    ),
    _of(
        name="name_length",
        zh="名称字数",
        en="length of the name",
        unit="字 characters",
        computed=("名称字数，最多 31", "characters of the name, 31 at most"),
        why=("批量注册的名称往往整齐划一", "names made in bulk are alike"),
    ),
    _of(
        name="name_digits",
        zh="名称含数字或字母",
        en="name with digits or letters",
        unit="0/1",
        computed=("名称含阿拉伯数字或拉丁字母", "digits or Latin letters in the name"),
        why=("批量编号的名称", "numbered names"),
    ),
    _of(
        name="name_without_trade",
        zh="名称无行业用语",
        en="name without a trade",
        unit="0/1",
        computed=("名称不含常见行业用语", "none of the usual words of trades in the name"),
        why=("看不出经营内容", "the business does not show"),
    ),
    _of(
        name="address_found",
        zh="住所可定位",
        en="address names a room",
        unit="0/1",
        computed=("住所文本可对应到房间或门牌", "the text of the address names a room or house"),
        why=("住所不明难以联系", "who cannot be located is hard to reach"),
    ),
    _of(
        name="address_residential",
        zh="住宅地址",
        en="residential address",
        unit="0/1",
        computed=("现住所声明或显示为住宅", "the present address is declared or shown as a home"),
        why=("经营场所与住宅混用", "trade in a dwelling"),
    ),
    _of(
        name="address_hosted",
        zh="托管类地址",
        en="hosted address",
        unit="0/1",
        computed=(
            "现住所为集群、孵化器、市场或平台",
            "the present address is a cluster, incubator, market or platform",
        ),
        why=("多户共用地址属正常，应与同类比较", "many at one address are usual there: compare with such"),
    ),
)


def columns(present: Present, around: Around) -> dict[str, Floats]:
    """The features of this family by name; `around` is not looked at."""
    name = present.name
    named = name > 0

    def of_name(bit: int) -> Floats:
        return np.where(named, (name & bit) != 0, np.nan)

    return {
        "age_years": age_in_years(present),
        "is_individual": (present.kind == 1).astype(float),
        "capital_band": np.where(present.capital > 0, present.capital, np.nan),
        "name_length": np.where(named, name & _LENGTH, np.nan),
        "name_digits": of_name(_DIGITS),
        "name_without_trade": of_name(_NO_TRADE),
        "address_found": (present.room > 0).astype(float),
        "address_residential": ((present.shown & _RESIDENTIAL) != 0).astype(float),
        "address_hosted": ((present.shown & _HOSTED) != 0).astype(float),
    }
