"""Views: what a detector sees of one subject. Stages keep them; tests build the same from all events.

Enterprises, sources, rooms and persons appear as numbers that the running process gave them; moments are
microseconds since 1970. Lists are kept sorted by moment. A room's or person's members are added and taken out one
by one, so that a hub's view costs what changes, not what it holds.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any, Final, NamedTuple

from detectors.base import Evidence

FOREVER: Final = 1 << 62
"""A moment after all others: a suspension without an end."""

EventName = tuple[int, str]
"""An event by the number of its source and its id."""


class Mailing(NamedTuple):
    """A letter to the registered address (专用信函) that came back; `sent` is None where no sending is known."""

    number: str
    sent: int | None
    returned: int


class EnterpriseView:
    """One enterprise by its own events alone."""

    __slots__ = (
        "branch",
        "changes",
        "complaints",
        "county",
        "evidence",
        "last_contact",
        "listed_unreachable",
        "live",
        "mailings",
        "ref",
        "weak_changes",
    )

    def __init__(self, ref: int) -> None:
        """An enterprise of which nothing is known."""
        self.ref = ref
        self.live = False
        self.branch = False
        self.county: str | None = None
        self.changes: list[Evidence] = []
        self.weak_changes: list[Evidence] = []
        self.complaints: list[Evidence] = []
        self.evidence: list[Evidence] = []
        self.last_contact: int | None = None
        self.mailings: list[Mailing] = []
        self.listed_unreachable: Evidence | None = None


class Occupant(NamedTuple):
    """What a room knows of one enterprise that is or was registered there: the fact sent to the room.

    `counts`: live and not suspended, since `entry`, by `entry_event`, or since a suspension was over (`resumed`) where
    that was later; `first`: when first given the room. `bad_since`: here, and revoked or listed abnormal.
    `risk_since`: here, and revoked, listed abnormal or dishonest. `declared`: the latest kind that an event of it
    declared for the room; `shown`: the kinds that its texts show, as bits.
    """

    ref: int
    present: bool = False
    branch: bool = False
    live: bool = False
    counts: bool = False
    entry: int = 0
    entry_event: EventName = (0, "")
    first: int = 0
    established: Evidence | None = None
    bad_since: int | None = None
    bad_event: EventName = (0, "")
    risk_since: int | None = None
    risk_event: EventName = (0, "")
    declared: tuple[int, str, str, int] | None = None
    shown: int = 0
    resumed: int = 0


class RoomView:
    """One room: `counted` live enterprises, `openings` (establishments), `bad` ones, those ever `registered`; `tied`
    and `risky` are those that tie each other by it at present. Branches are in none of the lists.
    """

    __slots__ = (
        "bad",
        "counted",
        "county",
        "declared",
        "kind",
        "occupants",
        "openings",
        "present",
        "registered",
        "risky",
        "shown",
        "tied",
    )

    def __init__(
        self,
        county: str | None,
        kind: str | None = None,
        occupants: MutableMapping[int, Occupant] | None = None,
    ) -> None:
        """An empty room of a county (6 digits) and a kind of address. `occupants`: where they are kept."""
        self.county = county
        self.kind = kind
        self.occupants: MutableMapping[int, Occupant] = {} if occupants is None else occupants
        self.counted: list[Evidence] = []
        self.openings: list[Evidence] = []
        self.bad: list[Evidence] = []
        self.registered: list[int] = []
        self.present = 0
        self.tied: list[tuple[int, int]] = []
        self.risky: list[Evidence] = []
        self.declared: list[tuple[int, str, str, int, int]] = []
        self.shown = [0] * 16

    def add(self, member: Occupant) -> None:
        """Takes in an enterprise that is not there yet."""
        self.occupants[member.ref] = member
        self._change(member, _insert, 1)

    def remove(self, ref: int) -> None:
        """Takes out an enterprise that is there."""
        self._change(self.occupants.pop(ref), _drop, -1)

    def _change(self, member: Occupant, change: Callable[[list[Any], Any], None], step: int) -> None:
        """Puts an enterprise into every list that it belongs to, or takes it out of them."""
        ref = member.ref
        if member.declared is not None:
            change(self.declared, (*member.declared, ref))
        if member.shown:
            for number in range(1, 16):
                if member.shown >> number & 1:
                    self.shown[number] += step
        if member.branch:
            return
        change(self.registered, member.first)
        if member.established is not None:
            change(self.openings, member.established)
        if member.bad_since is not None:
            change(self.bad, (member.bad_since, *member.bad_event, ref))
        if not member.present:
            return
        self.present += step
        if member.live:
            change(self.tied, (member.entry, ref))
        if member.counts:
            counted: Evidence = (max(member.entry, member.resumed), *member.entry_event, ref)
            # What is equal is kept once: a hub holds thousands.
            change(self.counted, member.established if member.established == counted else counted)
        if member.risk_since is not None:
            change(self.risky, (member.risk_since, *member.risk_event, ref))

    def holds(self, selector: str, ref: int) -> bool:
        """Whether an enterprise stands in the list `counted` or `bad`."""
        member = self.occupants.get(ref)
        if member is None or member.branch:
            return False
        return member.present and member.counts if selector == "counted" else member.bad_since is not None


class End(NamedTuple):
    """An end of an enterprise that no later establishment undid, with what held then."""

    at: int
    revoked: bool
    room: int
    division: str
    source: int
    event: str


class CourtEvent(NamedTuple):
    """A court listing (`listed`; `repaired` where its document is) of a person, or its removal."""

    at: int
    source: int
    event: str
    listed: bool
    repaired: bool


class Leadership(NamedTuple):
    """What a person knows of one enterprise that it leads, led, or was named by a court event of: the fact sent
    to the person.

    `leads` at present, since `since` by `since_event`; counted since `entry`. `established`, with `room` and
    `division` (GB/T 4754), where the person led at the establishment; `ends` at which the person led.
    `flagged_since`: a penalty or abnormal listing that is not repaired.
    """

    ref: int
    leads: bool = False
    branch: bool = False
    cancelled: bool = False
    live: bool = False
    since: int = 0
    since_event: EventName = (0, "")
    entry: int = 0
    county: str | None = None
    established: Evidence | None = None
    room: int = 0
    division: str = ""
    ends: tuple[End, ...] = ()
    flagged_since: int | None = None
    flagged_event: EventName = (0, "")
    risk_since: int | None = None
    risk_event: EventName = (0, "")
    court: tuple[CourtEvent, ...] = ()


class PersonView:
    """One person: `leading` live enterprises, `openings` (establishments it led), and what ties its enterprises.
    Branches and cancelled registrations are in none of the lists.
    """

    __slots__ = (
        "counties",
        "ended",
        "enterprises",
        "leading",
        "openings",
        "present",
        "risky",
        "weak",
        "with_court",
    )

    def __init__(self, *, weak: bool, enterprises: MutableMapping[int, Leadership] | None = None) -> None:
        """A person of whom nothing is known; `weak` where a bare name is all there is. `enterprises`: where they are
        kept.
        """
        self.weak = weak
        self.enterprises: MutableMapping[int, Leadership] = {} if enterprises is None else enterprises
        self.leading: list[Evidence] = []
        self.openings: list[Evidence] = []
        self.counties: Counter[str] = Counter()
        self.present = 0
        self.risky: list[Evidence] = []
        self.ended: set[int] = set()
        self.with_court: set[int] = set()

    def add(self, member: Leadership) -> None:
        """Takes in an enterprise that is not there yet."""
        self.enterprises[member.ref] = member
        if member.court:
            self.with_court.add(member.ref)
        if member.ends and not member.branch and not member.cancelled:
            self.ended.add(member.ref)
        self._change(member, _insert, 1)

    def remove(self, ref: int) -> None:
        """Takes out an enterprise that is there."""
        member = self.enterprises.pop(ref)
        self.with_court.discard(ref)
        self.ended.discard(ref)
        self._change(member, _drop, -1)

    def _change(self, member: Leadership, change: Callable[[list[Any], Any], None], step: int) -> None:
        """Puts an enterprise into every list that it belongs to, or takes it out of them."""
        if member.branch or member.cancelled:
            return
        ref = member.ref
        if member.established is not None:
            change(self.openings, member.established)
        if not member.leads:
            return
        self.present += step
        if member.live:
            change(self.leading, (member.entry, *member.since_event, ref))
            self.counties[member.county or ""] += step
        if member.risk_since is not None:
            change(self.risky, (max(member.risk_since, member.since), *member.risk_event, ref))

    def holds(self, selector: str, ref: int) -> bool:
        """Whether an enterprise stands in the list `leading`."""
        member = self.enterprises.get(ref)
        return member is not None and not member.branch and not member.cancelled and member.leads and member.live


class Bar(NamedTuple):
    """An enterprise that was revoked while the person led it, and when."""

    ref: int
    revoked: int
    source: int
    event: str


class Predecessor(NamedTuple):
    """An ended enterprise of a same lead person at the same room or in the same industry: its end, and since when
    it has had a penalty or abnormal listing.
    """

    ref: int
    ended: int
    source: int
    event: str
    flagged: int


class Tie(NamedTuple):
    """What one person or room tells one of its enterprises (the fact sent to the assessment).

    `since`: from when the enterprise itself is tied by it. `risky`: those at risk (the enterprise itself may be among
    them), from when they are tied by it and at risk. The rest comes from persons alone.
    """

    weak: bool
    since: int
    opened: int
    opened_event: EventName
    county: str | None
    risky: tuple[Evidence, ...] = ()
    bars: tuple[Bar, ...] = ()
    court: tuple[int, int, str] | None = None
    predecessors: tuple[Predecessor, ...] = ()


class TiesView:
    """One live, non-branch enterprise with what its persons and its room tell it."""

    __slots__ = ("county", "ref", "ties")

    def __init__(self, ref: int, ties: list[Tie]) -> None:
        """`ties`: in the order of their senders."""
        self.ref = ref
        self.ties = ties
        self.county = ties[0].county if ties else None


def _insert(row: list[Any], entry: Any) -> None:
    insort(row, entry)


def _drop(row: list[Any], entry: Any) -> None:
    del row[bisect_left(row, entry)]
