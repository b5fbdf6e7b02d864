"""What a registration says: names, addresses, persons, industry, capital; and later changes of them.

Used by `lives` for the ordinary enterprises of a block. Persons are numbered by who they are: leaders by
groups of the block, all others by their enterprise, so that nothing is remembered between blocks.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.population import words
from models.population.block import BRANCH, COOPERATIVE, ENTERPRISE, INDIVIDUAL, KINDS, Block, Province
from models.population.identities import phone
from models.population.places import VARIANTS, Ints, Style

_CHANGED: Final = ("capital", "phone", "industry", "name", "address", "leader", "others")
_CHANGED_SHARES: Final = (0.42, 0.12, 0.10, 0.06, 0.14, 0.08, 0.08)
_MOVE_STYLES: Final = np.array([Style.SHOP, Style.OFFICE, Style.VILLAGE, Style.SHOP])

LEAD_ROLES: Final = ("operator", "legal_representative", "legal_representative", "principal")
_FIRM_CAPITAL: Final = (100_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 50_000_000)
_SHOP_CAPITAL: Final = (10_000, 20_000, 30_000, 50_000, 100_000, 200_000)
_TYPE_CODES: Final = (("9500",), ("1130", "1151", "1110", "1213"), ("9100",), ("2130",))
_AGENTS_PER_PROVINCE: Final = 400
_BY_AGENT: Final = 0.15

CLUSTER_MARKS: Final = ("（集群注册）", "（托管：{}商务秘书有限公司）", "（集群注册地址）")
_SEATS: Final = ("-A{:03d}", "A区H{:04d}", "-{}工位", "")


def seat(style: int, number: int) -> str:
    """The desk or mailbox of an occupant at a host, by a number: by rule, it makes no other room."""
    if style == Style.HALL:
        return ""
    return _SEATS[number % 4].format(number // 4 % 900 + 1)


def agent_of(number: int) -> tuple[str, str]:
    """Name and telephone of a registration agent."""
    return f"{words.STEM_STARTS[number % 32]}{words.STEM_ENDS[number // 32 % 32]}代办", phone(9_000_000 + number)


def enterprise_name(place: str, number: int, kind: int) -> str:
    """A name that says it is made up."""
    stem = f"{words.STEM_STARTS[number * 7 % 32]}{words.STEM_ENDS[number * 13 // 32 % 32]}"
    if kind == INDIVIDUAL:
        return f"{place}{stem}{words.SHOP_TRADES[number % len(words.SHOP_TRADES)]}{words.MADE_UP}"
    if kind == COOPERATIVE:
        return f"{place}{stem}农业专业合作社{words.MADE_UP}"
    trade = words.FIRM_TRADES[number % len(words.FIRM_TRADES)]
    return f"{place}{stem}{trade}有限公司{'分公司' if kind == BRANCH else ''}{words.MADE_UP}"


class Registrations:
    """The `data` of registration events of one block."""

    CHANGES: Final = 0.26
    """Changes an enterprise makes a year. Most concern its capital (the company law of 2024 asks for it)."""

    def __init__(self, province: Province, block: Block, rng: np.random.Generator) -> None:
        self._province = province
        self._block = block
        self._rng = rng

    def established(self) -> list[str]:
        """One for each enterprise, in order."""
        block, places = self._block, self._province.places
        size = len(block.number)
        variants = self._rng.integers(VARIANTS, size=size).tolist()
        chances = self._rng.random(size).tolist()
        hosts = self._province.hosts
        declared = np.where(block.host >= 0, hosts.declared[block.host], False).tolist()
        data = []
        for number, kind, county, style, unit, host, variant, shown, chance, people, extras in zip(
            block.number.tolist(),
            block.kind.tolist(),
            block.county.tolist(),
            block.style.tolist(),
            block.unit.tolist(),
            block.host.tolist(),
            variants,
            declared,
            chances,
            self._persons(),
            self._extras(),
            strict=True,
        ):
            where = places.counties[county]
            if host < 0:
                address = places.address(county, style, unit, variant)
            else:
                mark = "" if shown or style != Style.CLUSTER else self._mark(host, number)
                address = places.address(
                    county, style, unit, variant, declared=shown, suffix=seat(style, variant) + mark
                )
            name = enterprise_name(where.name if kind == INDIVIDUAL else where.city, number, kind)
            data.append(
                f'"name":"{name}","kind":"{KINDS[kind]}","address":{address},"persons":[{people}]{extras}'
                if chance > 0.02
                else f'"name":"{name}","kind":"{KINDS[kind]}","address":{address},"persons":[{people}]'
            )
        return data

    def changed(self, who: Ints, when: Ints) -> tuple[Ints, Ints, list[str]]:
        """What changes for given enterprises at given times, with those left out who cannot change so."""
        what = self._rng.choice(len(_CHANGED), size=who.size, p=_CHANGED_SHARES)
        # The register of individual businesses knows no other persons than the one who leads.
        single = self._block.kind[who] != ENTERPRISE
        what[single & (_CHANGED.index("others") == what)] = _CHANGED.index("phone")
        moving = np.flatnonzero(what == _CHANGED.index("address"))
        units = np.zeros(who.size, dtype=np.int64)
        styles = _MOVE_STYLES[self._block.kind[who]]
        units[moving] = self._province.places.take(self._block.county[who[moving]], styles[moving])
        draws = self._rng.integers(VARIANTS, size=who.size).tolist()
        data = [
            self._change(index, choice, style, unit, draw)
            for index, choice, style, unit, draw in zip(
                who.tolist(), what.tolist(), styles.tolist(), units.tolist(), draws, strict=True
            )
        ]
        return who, when, data

    def _change(self, index: int, what: int, style: int, unit: int, draw: int) -> str:
        block, province = self._block, self._province
        number, kind = int(block.number[index]), int(block.kind[index])
        match _CHANGED[what]:
            case "capital":
                capitals = _SHOP_CAPITAL if kind == INDIVIDUAL else _FIRM_CAPITAL
                return f'"capital":{capitals[draw % len(capitals)]}'
            case "phone":
                return f'"phone":"{phone(number * 5 + draw)}"'
            case "industry":
                return f'"industry":"{_industry(kind, draw)}"'
            case "name":
                where = province.places.counties[int(block.county[index])]
                return f'"name":"{enterprise_name(where.city, number + draw, kind)}"'
            case "address":
                return f'"address":{province.places.address(int(block.county[index]), style, unit, draw)}'
            case "leader":
                newcomer = province.enterprises * 3 + number * 3 + draw % 3
                return f'"persons":[{self._team(number, kind, newcomer, draw)}]'
        return f'"persons":[{self._team(number, kind, int(block.leader[index]), draw + 1)}]'

    def _persons(self) -> list[str]:
        block = self._block
        draws = self._rng.integers(VARIANTS, size=len(block.number)).tolist()
        return [
            self._team(number, kind, leader, draw)
            for number, kind, leader, draw in zip(
                block.number.tolist(), block.kind.tolist(), block.leader.tolist(), draws, strict=True
            )
        ]

    def _team(self, number: int, kind: int, leader: int, draw: int) -> str:
        """The members of `persons`: who leads, and at enterprises two more at most."""
        identity = self._province.people.identity
        lead = identity(leader)
        text = f'{{"role":"{LEAD_ROLES[kind]}",{lead}}}'
        if kind != ENTERPRISE:
            return text
        others = self._province.enterprises + 2 * number
        if draw % 10 < 5:
            text += f',{{"role":"shareholder",{lead}}}'
        if draw % 10 in (4, 5, 6):
            text += f',{{"role":"{_second_role(draw)}",{identity(others)}}}'
        if draw % 10 > 2:
            text += f',{{"role":"supervisor",{identity(others + draw // 10 % 2)}}}'
        return text

    def _extras(self) -> list[str]:
        """Industry, type, capital, telephone and agent, each of which a source may leave out."""
        block, size = self._block, len(self._block.number)
        draws = self._rng.integers(2**31, size=size).tolist()
        agents = (self._rng.random(size) < _BY_AGENT).tolist()
        texts = []
        for number, kind, draw, by_agent in zip(block.number.tolist(), block.kind.tolist(), draws, agents, strict=True):
            codes = _TYPE_CODES[kind]
            text = f',"industry":"{_industry(kind, draw)}","type_code":"{codes[draw // 97 % len(codes)]}"'
            if kind == ENTERPRISE:
                text += f',"capital":{_FIRM_CAPITAL[draw // 1009 % 7]}'
            elif kind == INDIVIDUAL and draw % 5 < 3:
                text += f',"capital":{_SHOP_CAPITAL[draw // 1009 % 6]}'
            if by_agent:
                agent, telephone = agent_of(draw % _AGENTS_PER_PROVINCE)
                text += f',"phone":"{telephone if draw % 2 else phone(number * 5)}","agent":"{agent}"'
            elif draw % 7:
                text += f',"phone":"{phone(number * 5)}"'
            texts.append(text)
        return texts

    @staticmethod
    def _mark(host: int, number: int) -> str:
        """How a cluster that nobody declared shows itself in its occupants' addresses."""
        keeper = f"{words.STEM_STARTS[host % 32]}{words.STEM_ENDS[host // 32 % 32]}"
        return CLUSTER_MARKS[(host + number % 2) % 3].format(keeper)


def _industry(kind: int, draw: int) -> str:
    choices = (words.SHOP_INDUSTRIES, words.FIRM_INDUSTRIES, words.FARM_INDUSTRIES, words.FIRM_INDUSTRIES)[kind]
    return choices[draw // 13 % len(choices)]


def _second_role(draw: int) -> str:
    return ("manager", "director", "liaison", "beneficial_owner", "agent")[draw // 100 % 5]
