"""A block of ordinary enterprises: kinds, rooms, leaders, births and ends, drawn together as arrays.

First step of the background. Rooms and persons are heavy-tailed, yet quiet: at most four enterprises to a
room or a leader, but at hosts, which may have thousands. Larger rooms and leaders are planted, so that their
truth is known. `lives` says what happens to the enterprises of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.population.identities import Codes, People
from models.population.lines import DAY, Lines
from models.population.places import HOSTS, Ints, Places, Style

INDIVIDUAL, ENTERPRISE, COOPERATIVE, BRANCH = range(4)
KINDS: Final = ("individual", "enterprise", "cooperative", "branch")
_KIND_SHARES: Final = (0.65, 0.318, 0.012, 0.02)

_STYLES: Final = (
    Style.OFFICE, Style.TOWER, Style.SHOP, Style.WORKSHOP, Style.COMPOUND, Style.VILLAGE, Style.STALL,
    Style.LINK, Style.NOWHERE,
)  # fmt: skip
_STYLE_SHARES: Final = np.array(
    [
        [0.04, 0.02, 0.42, 0.03, 0.12, 0.18, 0.16, 0.02, 0.01],
        [0.33, 0.22, 0.10, 0.20, 0.08, 0.06, 0.00, 0.00, 0.01],
        [0.02, 0.00, 0.05, 0.10, 0.03, 0.79, 0.00, 0.00, 0.01],
        [0.30, 0.20, 0.35, 0.14, 0.00, 0.00, 0.00, 0.00, 0.01],
    ]
).cumsum(axis=1)
_ROOM_SIZES: Final = (0.925, 0.055, 0.015, 0.005)
_LEADER_SIZES: Final = (0.875, 0.095, 0.022, 0.008)

HOSTED: Final = 0.10
"""Share of enterprises that sit at a host: a cluster, an incubator or a market hall."""
_PER_HOST: Final = 40
_LARGEST_HOST: Final = 10_000

_NEW_PER_YEAR: Final = 0.17
"""New enterprises a year as a share of the stock at the beginning."""
_ENDS_PER_YEAR: Final = 0.05
_OLDEST: Final = -70 * 365 * DAY
"""1900-01-01: what the contract says for an unknown date of establishment."""
DEREGISTERED, REVOKED, CANCELLED = range(3)
NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Hosts:
    """Rooms that lawfully hold many: where they are, how large, and whether sources declare their kind."""

    county: Ints
    style: Ints
    unit: Ints
    declared: npt.NDArray[np.bool_]
    reach: npt.NDArray[np.float64]
    occupants: Ints

    @classmethod
    def draw(cls, enterprises: int, places: Places, rng: np.random.Generator) -> Hosts:
        """Hosts for a province: sizes by Zipf's law, none expected above 10,000."""
        count = max(1, int(enterprises * HOSTED) // _PER_HOST)
        county = rng.choice(len(places.counties), size=count, p=places.shares)
        style = rng.choice(np.array(HOSTS), size=count, p=(0.5, 0.25, 0.25))
        weights = 1 / np.arange(1.5, count + 1)
        weights = np.minimum(weights / weights.sum(), _LARGEST_HOST / (enterprises * HOSTED + 1))
        reach = np.cumsum(weights) / weights.sum()
        declared = rng.random(count) < 0.6
        return cls(county, style, places.take(county, style), declared, reach, np.zeros(count, dtype=np.int64))


@dataclass(frozen=True)
class Province:
    """What all blocks share: the window of time in seconds, the places, the persons, the hosts, the pen."""

    enterprises: int
    start: int
    end: int
    places: Places
    codes: Codes
    people: People
    hosts: Hosts
    lines: Lines


@dataclass(frozen=True)
class Block:
    """Enterprises as parallel arrays; `host` is -1 outside hosts, `ended` is `NEVER` for those alive."""

    number: Ints
    code: list[str]
    kind: Ints
    county: Ints
    style: Ints
    unit: Ints
    host: Ints
    leader: Ints
    born: Ints
    ended: Ints
    end: Ints


def draw_block(province: Province, first: int, size: int, rng: np.random.Generator) -> Block:
    """`size` enterprises with running numbers from `first`, led by persons with numbers of the same range."""
    kind = rng.choice(4, size=size, p=_KIND_SHARES)
    county, style, unit = _rooms(province.places, kind, rng)
    host = np.full(size, -1)
    hosted = np.flatnonzero(rng.random(size) < HOSTED)
    host[hosted] = np.searchsorted(province.hosts.reach, rng.random(hosted.size))
    np.add.at(province.hosts.occupants, host[hosted], 1)
    for own, hosts in (
        (county, province.hosts.county),
        (style, province.hosts.style),
        (unit, province.hosts.unit),
    ):
        own[hosted] = hosts[host[hosted]]
    born, ended, end = _spans(province, kind, rng)
    number = np.arange(first, first + size)
    return Block(
        number=number,
        code=province.codes.make(number, kind, county),
        kind=kind,
        county=county,
        style=style,
        unit=unit,
        host=host,
        leader=first + _leaders(county, rng),
        born=born,
        ended=ended,
        end=end,
    )


def _groups(size: int, shares: tuple[float, ...], rng: np.random.Generator) -> Ints:
    """The group of each of `size` members; groups have one to four."""
    sizes = rng.choice(np.arange(1, len(shares) + 1), size=size, p=shares)
    return np.repeat(np.arange(size), sizes)[:size]


def _rooms(places: Places, kind: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    room = _groups(len(kind), _ROOM_SIZES, rng)
    count = int(room[-1]) + 1
    first = np.searchsorted(room, np.arange(count))  # the first occupant chooses what kind of room it is
    county = rng.choice(len(places.counties), size=count, p=places.shares)
    drawn = (rng.random(count)[:, None] > _STYLE_SHARES[kind[first]]).sum(axis=1)
    style = np.array(_STYLES)[np.minimum(drawn, len(_STYLES) - 1)]
    unit = places.take(county, style)
    return county[room], style[room], unit[room]


def _leaders(county: Ints, rng: np.random.Generator) -> Ints:
    """Who leads: groups of one to four enterprises of mostly one county."""
    order = np.lexsort((rng.random(len(county)), county))
    leader = np.empty_like(county)
    leader[order] = _groups(len(county), _LEADER_SIZES, rng)
    return leader


def _spans(province: Province, kind: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    size, start, end = len(kind), province.start, province.end
    years = (end - start) / (365.25 * DAY)
    stock = rng.random(size) < 1 / (1 + _NEW_PER_YEAR * years)
    age = np.minimum(rng.exponential(6 * 365, size=size), 40 * 365).astype(np.int64)
    inside = rng.integers(0, max(1, (end - start) // DAY - 20), size=size)
    born = np.where(stock, start // DAY - 1 - age, start // DAY + inside) * DAY + _office_hours(size, rng)
    born[stock & (rng.random(size) < 0.003)] = _OLDEST
    rate = _ENDS_PER_YEAR * np.where(kind == INDIVIDUAL, 1.15, 0.75)
    since = np.maximum(born, start) // DAY
    ended = (since + 30 + (rng.exponential(1, size=size) / rate * 365).astype(np.int64)) * DAY
    ended += _office_hours(size, rng)
    ended[ended > end - DAY] = NEVER
    how = rng.choice(3, size=size, p=(0.945, 0.04, 0.015))
    return born, ended, how


def _office_hours(size: int, rng: np.random.Generator) -> Ints:
    """Seconds of a day between half past eight and half past five."""
    hours: Ints = rng.integers(30_600, 63_000, size=size)
    return hours
