"""Stage `persons` on a cluster: the persons of one partition.

In: facts of enterprises. Out: signals on persons, ties. A bare name is a person of its own in each county.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.ruleset import Rules
from detectors.views import Tie
from monitor.cluster.hosts.enterprises_host import LEADERSHIPS
from monitor.cluster.hosts.member_host import MemberHost, tell_tie
from monitor.cluster.wire.facts import Message, leadership_in
from monitor.identifiers.pseudonyms import is_weak
from monitor.stages.persons import Persons

PERSON: Final = 1
_IN_COUNTY: Final = "#"


class PersonsHost(MemberHost):
    """The persons of one partition."""

    stage = "persons"
    topic = LEADERSHIPS
    kind = "person"
    counted = "persons"
    view = "person"

    def __init__(self, partition: int, topics: Mapping[str, int], seed: int) -> None:
        """`seed`: the cluster's, for hashes."""
        super().__init__(partition, topics, seed)
        self._persons = Persons(self.judging.sink, self._tie, self._is_weak, self.sources.__getitem__)
        self.members = self._persons

    def take_in(self, message: Message, item: Any, sources: list[int]) -> None:
        """One fact."""
        key, label, code, values = item
        person = self.subject(key, label)
        self._persons.update(person, leadership_in(self.codes.number(code)[0], values, sources))

    def use(self, rules: Rules, *, anew: bool) -> None:
        """The rules in force from here on."""
        self.signals.rules = rules
        self._persons.use(rules)
        if anew:
            self._persons.mark_all()

    def _is_weak(self, person: int) -> bool:
        key = self.subjects[person]
        return key.startswith(_IN_COUNTY) or is_weak(key)

    def _tie(self, enterprise: int, sender: tuple[int, int], tie: Tie | None) -> None:
        tell_tie(self.outbox, self.codes, enterprise, PERSON, self.subjects[sender[1]], tie)
