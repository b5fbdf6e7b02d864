"""Stage `rooms`, keyed by room: who is registered where. Finds what rests on addresses, and ties enterprises.

In: an `Occupant` from each enterprise ever given the room. Out: signals on addresses, and a `Tie` for each live
enterprise of a room in which others are at risk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping

from config.ruleset import Rules
from detectors.registry import all_detectors
from detectors.views import FOREVER, Occupant, RoomView, Tie
from monitor.stages.history import ADDRESS_KINDS
from monitor.stages.hosts import Spans, listed_as
from monitor.stages.members import pack_occupant, unpack_occupant
from monitor.stages.membership import MemberStage, Recall
from monitor.stages.signals import Judge, SignalSink

TieSink = Callable[[int, tuple[int, int], Tie | None], None]
"""Takes (enterprise, (0, room) or (1, person), tie or None for none any more)."""

_SHOWN_FIRST = ("cluster", "incubator", "market", "platform")


class Rooms(MemberStage[Occupant, RoomView]):
    """Rooms by number."""

    def __init__(
        self,
        sink: SignalSink,
        tie: TieSink,
        county_of: Callable[[int], str | None],
        recall: Recall[Occupant] | None = None,
    ) -> None:
        """`county_of`: the county of a room's number. `recall`: see `MemberStage`."""
        super().__init__(pack_occupant, unpack_occupant, recall)
        self._judge = Judge(
            "address", [(place, one) for place, one in enumerate(all_detectors()) if one.view == "room"], sink
        )
        self._sink = sink
        self._tie = tie
        self._county_of = county_of
        self._hosts: Mapping[int, Spans] = {}
        self._rules: Rules | None = None

    def use(self, rules: Rules, hosts: Mapping[int, Spans]) -> None:
        """The rules in force from here on, with the host list by room. Rooms of which it says something else than
        before are judged again.
        """
        before, self._rules, self._hosts = self._hosts, rules, hosts
        self.dirty.update(ref for ref in {*before, *hosts} if before.get(ref) != hosts.get(ref))
        self._judge.use(rules)

    def new_view(self, ref: int, members: MutableMapping[int, Occupant]) -> RoomView:
        """An empty room."""
        return RoomView(self._county_of(ref), None, members)

    def members_of(self, view: RoomView) -> MutableMapping[int, Occupant]:
        """The occupants by number."""
        return view.occupants

    def matters(self, fact: Occupant) -> bool:
        """Nothing follows from an only occupant."""
        return False

    def in_force(self, ref: int) -> bool:
        """Whether a signal on a room is in force."""
        return self._sink.in_force("address", ref) > 0

    def kind_of(self, ref: int, view: RoomView, now: int) -> str | None:
        """The kind of a room: the host list, else the latest declared, else what a text of it shows, else None."""
        listed = listed_as(self._hosts.get(ref, ()), now)
        if listed is not None:
            return listed[0]
        if view.declared:
            return ADDRESS_KINDS[view.declared[-1][3]]
        for kind in _SHOWN_FIRST:
            if view.shown[ADDRESS_KINDS.index(kind)]:
                return kind
        return None

    def judge(self, ref: int, now: int) -> None:
        """The room's signals and ties, anew."""
        if self.count(ref) < 2 and ref not in self._tied and not self.in_force(ref):
            return
        view = self.view(ref)
        if view is None:
            self._judge.judge(ref, None, None, None, now)
            return
        if self._rules is None:
            return
        view.county = self._county_of(ref)
        view.kind = self.kind_of(ref, view, now)
        listed = listed_as(self._hosts.get(ref, ()), now)
        if listed is not None and listed[1] < FOREVER:
            self._sink.wake("address", ref, listed[1])
        self._judge.judge(ref, view, view.county, view.kind, now, self.changed(ref))
        self.told(ref)
        self._send_ties(ref, view, self._rules)

    def _send_ties(self, ref: int, view: RoomView, rules: Rules) -> None:
        """Tells the live enterprises of the room who of them is at risk; a hub or an exempt room ties nobody."""
        before = self._tied.pop(ref, None)
        if not view.risky and not before:
            return
        tied: set[int] = set()
        if view.risky and view.present <= rules.hub_limit and self._may_tie(view, rules):
            risky = tuple(view.risky)
            for since, enterprise in view.tied:
                if len(risky) > 1 or risky[0][3] != enterprise:
                    tied.add(enterprise)
                    self._tie(enterprise, (0, ref), Tie(False, since, 0, (0, ""), view.county, risky))
        for enterprise in (before or set()) - tied:
            self._tie(enterprise, (0, ref), None)
        if tied:
            self._tied[ref] = tied

    @staticmethod
    def _may_tie(view: RoomView, rules: Rules) -> bool:
        """Whether a room of this kind ties its enterprises."""
        if not rules.active("linked-risk"):
            return False
        return view.kind not in rules.parameters("linked-risk", view.county)["exempt_kinds"]
