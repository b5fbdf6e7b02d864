"""Stage `persons`, keyed by person: who leads what. Finds what rests on persons, and ties enterprises.

In: a `Leadership` from each enterprise that the person leads or led, or whose court events name the person. Out:
signals on persons, and a `Tie` for each live enterprise that another one of the same person casts a shadow on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from datetime import date

from config.moments import DAY, shanghai_date, years_later
from config.ruleset import Rules
from detectors.base import Finding
from detectors.registry import all_detectors
from detectors.views import Bar, Leadership, PersonView, Predecessor, Tie
from monitor.stages.members import pack_leadership, unpack_leadership
from monitor.stages.membership import MemberStage, Recall
from monitor.stages.rooms import TieSink
from monitor.stages.signals import Judge, SignalSink


class Persons(MemberStage[Leadership, PersonView]):
    """Persons by number."""

    def __init__(
        self,
        sink: SignalSink,
        tie: TieSink,
        is_weak: Callable[[int], bool],
        name_of: Callable[[int], str],
        recall: Recall[Leadership] | None = None,
    ) -> None:
        """`is_weak`: whether a person's number stands for a bare name; `name_of`: a source's name by its number.
        `recall`: see `MemberStage`.
        """
        super().__init__(pack_leadership, unpack_leadership, recall)
        self._judge = Judge(
            "person",
            [(place, one) for place, one in enumerate(all_detectors()) if one.view == "person"],
            sink,
        )
        self._sink = sink
        self._tie = tie
        self._is_weak = is_weak
        self._name_of = name_of
        self._rules: Rules | None = None

    def use(self, rules: Rules) -> None:
        """The rules in force from here on."""
        self._rules = rules
        self._judge.use(rules)

    def new_view(self, ref: int, members: MutableMapping[int, Leadership]) -> PersonView:
        """A person of whom nothing is known."""
        return PersonView(weak=self._is_weak(ref), enterprises=members)

    def members_of(self, view: PersonView) -> MutableMapping[int, Leadership]:
        """The enterprises by number."""
        return view.enterprises

    def matters(self, fact: Leadership) -> bool:
        """What a court says of a person ties an only enterprise too."""
        return bool(fact.court)

    def in_force(self, ref: int) -> bool:
        """Whether a signal on a person is in force."""
        return self._sink.in_force("person", ref) > 0

    def judge(self, ref: int, now: int) -> None:
        """The person's signals and ties, anew."""
        if self.rests(ref):
            return
        count = self.count(ref)
        view = self.view(ref)
        if view is None:
            self._judge.judge(ref, None, None, None, now)
            return
        if self._rules is None:
            return
        if count == 1 and not view.with_court and ref not in self._tied:
            if not self.in_force(ref):
                return
        region = _commonest(view.counties)
        self._judge.judge(ref, view, region, None, now, self.changed(ref), _region_of)
        self.told(ref)
        self._send_ties(ref, view, self._rules, now)

    def _send_ties(self, ref: int, view: PersonView, rules: Rules, now: int) -> None:
        """Tells each live enterprise what the person's others, and the courts, cast on it."""
        court = self._court_listing(view)
        hub = view.present > rules.hub_limit
        ties: dict[int, Tie] = {}
        if court is not None or (not hub and (view.risky or view.ended)):
            risky = () if hub else tuple(view.risky)
            for member in view.enterprises.values():
                if not member.live or member.branch or member.cancelled:
                    continue
                tie = Tie(
                    view.weak,
                    max(member.since, member.entry) if member.leads else 0,
                    member.established[0] if member.established else member.entry,
                    (member.established[1], member.established[2]) if member.established else (0, ""),
                    member.county,
                    risky if member.leads else (),
                    () if hub else self._bars(view, member, rules),
                    court if member.leads else None,
                    () if hub else self._predecessors(view, member, rules, now),
                )
                others_at_risk = any(one[3] != member.ref for one in tie.risky)
                if others_at_risk or tie.bars or tie.court or tie.predecessors:
                    ties[member.ref] = tie
        # Sent only now: a defect above leaves what was told before as it was.
        for enterprise, tie in ties.items():
            self._tie(enterprise, (1, ref), tie)
        for enterprise in self._tied.pop(ref, set()) - ties.keys():
            self._tie(enterprise, (1, ref), None)
        if ties:
            self._tied[ref] = set(ties)

    def _court_listing(self, view: PersonView) -> tuple[int, int, str] | None:
        """The present listing by a court, by the latest event of whichever enterprise; None where removed or
        repaired.
        """
        latest = max(
            (
                (one.at, self._name_of(one.source), one.event, ref, one)
                for ref in view.with_court
                for one in view.enterprises[ref].court
            ),
            default=None,
        )
        if latest is None or not latest[4].listed or latest[4].repaired:
            return None
        one = latest[4]
        return one.at, one.source, one.event

    @staticmethod
    def _bars(view: PersonView, member: Leadership, rules: Rules) -> tuple[Bar, ...]:
        """The others that were revoked under this person, who took up the role here within the years after."""
        if not member.leads or not view.ended or not rules.active("barred-person-appointed"):
            return ()
        years = rules.parameters("barred-person-appointed", member.county)["years"]
        took_up: date | None = None
        found = []
        for other in sorted(view.ended - {member.ref}):
            for end in view.enterprises[other].ends:
                if not end.revoked or end.at > member.since:
                    continue
                took_up = took_up or shanghai_date(member.since)
                if took_up <= years_later(shanghai_date(end.at), years):
                    found.append(Bar(other, end.at, end.source, end.event))
                    break
        return tuple(found)

    @staticmethod
    def _predecessors(view: PersonView, member: Leadership, rules: Rules, now: int) -> tuple[Predecessor, ...]:
        """The ended others with a bad record that this enterprise follows closely at the same room or trade."""
        if member.established is None or not view.ended or not rules.active("phoenix"):
            return ()
        opened = member.established[0]
        parameters = rules.parameters("phoenix", member.county)
        if opened + parameters["hold_days"] * DAY < now:
            return ()
        earliest = opened - parameters["within_days"] * DAY
        found = []
        for ref in sorted(view.ended - {member.ref}):
            other = view.enterprises[ref]
            if other.flagged_since is None:
                continue
            for end in other.ends:
                same_room = end.room and end.room == member.room
                same_trade = end.division and end.division == member.division
                if earliest <= end.at <= opened and (same_room or same_trade):
                    found.append(Predecessor(ref, end.at, end.source, end.event, other.flagged_since))
                    break
        return tuple(found)


def _commonest(counties: Counter[str]) -> str | None:
    """The county of most, of equals the smallest code."""
    known = [(-number, county) for county, number in counties.items() if county and number > 0]
    return min(known)[1] if known else None


def _region_of(view: PersonView, finding: Finding) -> str | None:
    """The county of most of the enterprises that a finding counts."""
    if finding.selector is not None:
        return _commonest(view.counties)
    return _commonest(Counter(view.enterprises[ref].county or "" for ref in finding.members))
