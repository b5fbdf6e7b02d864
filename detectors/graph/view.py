"""A group of enterprises as the detector `shell-cluster` sees it, and as it is in force."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from detectors.base import Finding
from detectors.graph.neighbours import Link, Traits


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Enterprises that share rooms and persons, in the order of their codes.

    `members` are their numbers; `codes`, `traits` and `entered` (from when each is tied to another one) stand beside
    them. `links`: the rooms and persons that tie at least two of them, with the places of those. `density`: the share
    of all pairs that is tied; `core`: each is tied to so many others at least. `weak`: bare names hold it together.
    """

    members: tuple[int, ...]
    codes: tuple[str, ...]
    traits: tuple[Traits, ...]
    entered: tuple[int, ...]
    links: tuple[tuple[Link, tuple[int, ...]], ...]
    density: float
    core: int
    weak: bool = False

    def shared(self, kind: str) -> int:
        """How many rooms or persons tie at least two of them."""
        return sum(link.kind == kind for link, _ in self.links)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group in force. `members` are the numbers of its enterprises in the order of their `codes`."""

    key: str
    label: str
    members: tuple[int, ...]
    codes: tuple[str, ...]
    region: str | None
    finding: Finding
    predecessors: tuple[str, ...] = ()


def sharing_both(links: Sequence[tuple[Link, tuple[int, ...]]]) -> set[int]:
    """The places of those who share a room with another one and a person with another one."""
    by_room = {place for link, places in links if link.kind == "room" for place in places}
    by_person = {place for link, places in links if link.kind == "person" for place in places}
    return by_room & by_person
