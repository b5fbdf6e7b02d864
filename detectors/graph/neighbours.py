"""What the graph is asked for: who is tied by which room or person, and what is known of an enterprise.

Enterprises, rooms and persons are numbers of the running process; codes decide wherever an order is needed, because
numbers depend on the order of arrival. Moments are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from detectors.base import Evidence


class Link(NamedTuple):
    """A room or person by its number; `weak` for a person of whom a bare name is all there is, within one county."""

    kind: Literal["room", "person"]
    ref: int
    weak: bool = False


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one enterprise at Now, as far as shells show by it.

    `established` is the event of its establishment, `ended` its latest end, where it has ended. `bad`: revoked, or ever
    listed or penalised without a repair. `filed` and `missed` count the years of reports, `moves` real changes of
    the room. `capital` is in yuan, `phone` and `agent` are hashes that tell equal ones; None or 0 where not known.
    """

    established: Evidence | None = None
    live: bool = False
    ended: int | None = None
    bad: bool = False
    filed: int = 0
    missed: int = 0
    moves: int = 0
    capital: float | None = None
    phone: int = 0
    agent: int = 0
    county: str | None = None


class Neighbours(Protocol):
    """The present ties of all enterprises. Hosts, hubs and exempt rooms are no links, branches are tied by none, and
    a cancelled registration by no person; ended enterprises stay tied by their last values.
    """

    def links_of(self, enterprise: int) -> Sequence[Link]:
        """The rooms and persons by which an enterprise is tied."""

    def members_of(self, link: Link) -> Mapping[int, int]:
        """The enterprises that a link ties, each with the moment since when; empty where it ties nobody."""

    def codes_of(self, enterprises: Iterable[int]) -> Mapping[int, str]:
        """The codes of some enterprises."""

    def traits_of(self, enterprise: int) -> Traits:
        """What is known of an enterprise."""

    def names_of(self, links: Iterable[Link]) -> Mapping[Link, str]:
        """How people call some rooms and persons: the address as written, a masked name; empty where unknown."""
