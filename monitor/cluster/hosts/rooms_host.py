"""Stage `rooms` on a cluster: the rooms of one partition.

In: facts of enterprises, which county a room without one was declared to be in, and officers' host list. Out: signals
on addresses, ties.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from config.ruleset import Rules
from detectors.views import Tie
from monitor.cluster.hosts.enterprises_host import OCCUPANT, OCCUPANTS
from monitor.cluster.hosts.hostlist import HOST, HostList, entry_in
from monitor.cluster.hosts.member_host import MemberHost, tell_tie
from monitor.cluster.wire.facts import Message, occupant_in
from monitor.engine.filing import ClaimOrder
from monitor.stages.hosts import hosts_by_room
from monitor.stages.rooms import Rooms
from monitor.store.snapshots import Frame

ROOM: Final = 0


class RoomsHost(MemberHost):
    """The rooms of one partition."""

    stage = "rooms"
    topic = OCCUPANTS
    kind = "address"
    counted = "rooms"
    view = "room"

    def __init__(self, partition: int, topics: Mapping[str, int], seed: int) -> None:
        """`seed`: the cluster's, for hashes."""
        super().__init__(partition, topics, seed)
        self._counties: dict[int, int] = {}
        self._claims: dict[int, ClaimOrder] = {}
        self._listed = HostList()
        self._rooms = Rooms(self.judging.sink, self._tie, self._county_of)
        self.members = self._rooms

    def take_in(self, message: Message, item: Any, sources: list[int]) -> None:
        """One fact, one claim of a county, or one entry of the host list."""
        if item[0] == OCCUPANT:
            _, key, label, county, code, values = item
            room = self.subject(key, label)
            if county and room not in self._claims and room not in self._counties:
                self._counties[room] = county
                self._rooms.dirty.add(room)
            self._rooms.update(room, occupant_in(self.codes.number(code)[0], values, sources))
            return
        if item[0] == HOST:
            if self._listed.put(entry_in(item)) and self.signals.rules is not None:
                self._use_hosts(self.signals.rules)
            return
        _, key, county, order = item
        room = self.subject(key, None)
        claim = (order[0], order[1], order[2], order[3])
        if room not in self._claims or claim > self._claims[room]:
            self._claims[room] = claim
            self._counties[room] = county
            self._rooms.dirty.add(room)

    def use(self, rules: Rules, *, anew: bool) -> None:
        """The rules in force from here on, with the host list."""
        self.signals.rules = rules
        self._use_hosts(rules)
        if anew:
            self._rooms.mark_all()

    def _use_hosts(self, rules: Rules) -> None:
        """Officers' entries before those of the rules."""
        hosts = {
            self.subject(key, " ".join(text.split())): spans
            for key, (text, spans) in hosts_by_room(rules, self._listed.hosts()).items()
            if self.is_mine(key)
        }
        self._rooms.use(rules, hosts)

    def _county_of(self, room: int) -> str | None:
        county = self._counties.get(room, 0)
        return f"{county:06d}" if county else None

    def _tie(self, enterprise: int, sender: tuple[int, int], tie: Tie | None) -> None:
        tell_tie(self.outbox, self.codes, enterprise, ROOM, self.subjects[sender[1]], tie)

    def frames(self) -> Iterator[Frame]:
        """What a snapshot keeps."""
        yield "counties", list(self._counties.items())
        yield "claims", list(self._claims.items())
        yield "hosts", self._listed.dump()
        yield from super().frames()

    def load_one(self, name: str, payload: Any) -> None:
        """Takes over one frame."""
        if name == "counties":
            self._counties = dict(payload)
        elif name == "claims":
            self._claims = {room: (order[0], order[1], order[2], order[3]) for room, order in payload}
        elif name == "hosts":
            self._listed.load(payload)
        else:
            super().load_one(name, payload)
