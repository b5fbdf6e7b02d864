"""What holds of an enterprise at present, folded from its history. Second half of the `enterprises` stage.

The history is put in the order `(time, source, id)` and walked once, so the result depends on the set of events
alone (contract §3). Out comes the enterprise's own view and what `monitor.stages.facts` makes facts of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from operator import eq, itemgetter
from typing import Final

from detectors.base import Evidence
from detectors.views import FOREVER, CourtEvent, End, EnterpriseView, Mailing
from monitor.stages.history import UNREACHABLE, Entry, Kind, division_of

_NEVER: Final = -FOREVER
_at: Final = itemgetter(2)

ESTABLISHED, CHANGED = int(Kind.ESTABLISHED), int(Kind.CHANGED)
_ENDS: Final = (int(Kind.DEREGISTERED), int(Kind.REVOKED))


class Stay:
    """What the events of an enterprise say of one room that it was ever given."""

    __slots__ = ("declared", "first", "shown")

    def __init__(self, first: int) -> None:
        """`first`: the moment at which it was first given."""
        self.first = first
        self.declared: tuple[int, str, str, int] | None = None
        self.shown = 0


class Enterprise:
    """The present state of one enterprise; `now` decides only whether a suspension is over."""

    def __init__(self, ref: int, now: int) -> None:
        """An enterprise of which nothing is known."""
        self.ref = ref
        self.now = now
        self.view = EnterpriseView(ref)
        self.opened: Entry | None = None
        self.ends: list[tuple[End, frozenset[int]]] = []
        self.cancelled = False
        self.branch = False
        self.room: int | None = None
        self.room_since: tuple[int, int, str] = (_NEVER, 0, "")
        self.county = 0
        self.counties: set[int] = set()
        self.leads: dict[int, tuple[int, int, str]] | None = None
        self.ever_led: set[int] = set()
        self.division = ""
        self.stays: dict[int, Stay] = {}
        self.suspended = 0
        self.resumed = _NEVER
        self.flagged: tuple[int, int, str] | None = None
        self.revoked: tuple[int, int, str] | None = None
        self.abnormal: tuple[int, int, str] | None = None
        self.dishonest: tuple[int, int, str] | None = None
        self.court: dict[int, list[CourtEvent]] = {}

    @property
    def live(self) -> bool:
        """Established, and not ended since."""
        return self.opened is not None and not self.ends and not self.cancelled

    @property
    def suspended_now(self) -> bool:
        """Whether a suspension (歇业) holds at `now`."""
        return self.suspended > self.now


def fold(
    ref: int,
    entries: list[Entry],
    names: Sequence[str],
    trusted: Callable[[int], bool],
    weak: Callable[[int], bool],
    now: int,
) -> Enterprise:
    """The present state from all entries of a history. `names`: the sources by number; `trusted`: whether the kinds
    that a source declares hold; `weak`: whether a person's number stands for a bare name. The entries are put in
    order in place.
    """
    entries.sort(key=_at)
    if any(map(eq, map(_at, entries), map(_at, islice(entries, 1, None)))):
        entries.sort(key=lambda entry: (entry[2], names[entry[0]], entry[1]))
    state = Enterprise(ref, now)
    walk = _Walk(state, names, weak)
    for entry in entries:
        kind = entry[3]
        if kind == ESTABLISHED or kind == CHANGED:
            _register(state, walk, entry, established=kind == ESTABLISHED, trusted=trusted)
        else:
            step = _STEPS.get(kind)
            if step is not None:
                step(state, walk, entry)
    _conclude(state, walk)
    return state


class _Walk:
    """What is only needed while a history is walked."""

    __slots__ = (
        "addressed",
        "complaints",
        "contact",
        "court",
        "dishonest",
        "evidence",
        "filed",
        "flagged",
        "listed",
        "missed",
        "names",
        "repaired",
        "returned",
        "ruled",
        "sent",
        "suspension",
        "tax",
        "weak",
    )

    def __init__(self, state: Enterprise, names: Sequence[str], weak: Callable[[int], bool]) -> None:
        self.names = names
        self.weak = weak
        self.addressed = False
        self.contact = _NEVER
        self.evidence: list[Evidence] = state.view.evidence
        self.complaints: set[str | int] = set()
        self.court: list[Entry] = []
        self.dishonest: Entry | None = None
        self.filed: dict[int, Entry] = {}
        self.missed: dict[int, Entry] = {}
        self.flagged: list[Entry] = []
        self.listed: dict[int, Entry] = {}
        self.repaired: set[str | int] = set()
        self.ruled: dict[str | int, bool] = {}
        self.returned: dict[str | int, Entry] = {}
        self.sent: dict[str | int, int] = {}
        self.suspension: Entry | None = None
        self.tax: list[Evidence] = []


def _register(
    state: Enterprise, walk: _Walk, entry: Entry, *, established: bool, trusted: Callable[[int], bool]
) -> None:
    """An establishment or a change: new values, and whether room or lead persons really changed."""
    source, event, at = entry[0], entry[1], entry[2]
    room, county, declared, shown, leads, industry = entry[5:11]
    if not established and room is None and leads is None and industry is None:
        return
    really_changed = False
    if room is not None:
        if room != state.room or not walk.addressed:
            if walk.addressed and not established:
                really_changed = True
                walk.contact = max(walk.contact, at)
            state.room = room
            state.room_since = (at, source, event)
        walk.addressed = True
        state.county = county
        if county:
            state.counties.add(county)
        if room:
            stay = state.stays.get(room)
            if stay is None:
                stay = state.stays[room] = Stay(at)
            if declared and trusted(source):
                stay.declared = (at, walk.names[source], event, declared)
            stay.shown |= shown
    weakly_changed = False
    if leads is not None:
        before = state.leads
        if before is None:
            state.leads = {person: (at, source, event) for person in leads}
        elif before.keys() != set(leads):
            if not established:
                weakly_changed = all(map(walk.weak, before.keys() ^ set(leads)))
                really_changed = really_changed or not weakly_changed
            state.leads = {person: before.get(person, (at, source, event)) for person in leads}
        state.ever_led.update(leads)
    if industry is not None:
        state.division = division_of(industry)
    if established:
        state.opened = entry
        state.branch = bool(entry[11])
        state.ends.clear()
        state.cancelled = False
    elif really_changed:
        state.view.changes.append((at, source, event, state.ref))
    elif weakly_changed:
        state.view.weak_changes.append((at, source, event, state.ref))


def _ended(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    end = End(entry[2], entry[3] == Kind.REVOKED, state.room or 0, state.division, entry[0], entry[1])
    state.ends.append((end, frozenset(state.leads or ())))


def _cancelled(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    state.cancelled = True


def _suspended(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    _suspension_over(state, walk, entry[2])
    walk.suspension = entry


def _resumed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    _suspension_over(state, walk, entry[2])
    walk.suspension = None


def _suspension_over(state: Enterprise, walk: _Walk, at: int) -> None:
    """The latest suspension, if there is one, is over at `at`, or was already with its day."""
    if walk.suspension is not None:
        until = walk.suspension[5]
        state.resumed = max(state.resumed, at if until is None else min(at, until))


def _filed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.filed[entry[5]] = entry
    walk.contact = max(walk.contact, entry[2])


def _missed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.missed[entry[5]] = entry


def _inspected(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    if entry[5]:
        walk.evidence.append((entry[2], entry[0], entry[1], state.ref))
    else:
        walk.contact = max(walk.contact, entry[2])


def _visited(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    if entry[5]:
        walk.contact = max(walk.contact, entry[2])
    else:
        walk.evidence.append((entry[2], entry[0], entry[1], state.ref))


def _letter_sent(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.sent[entry[5]] = entry[2]


def _letter_returned(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.returned[entry[5]] = entry


def _contacted(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.contact = max(walk.contact, entry[2])


def _penalised(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.flagged.append(entry)


def _abnormal_listed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.listed[entry[5]] = entry
    walk.flagged.append(entry)


def _abnormal_removed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.listed.pop(entry[5], None)
    if entry[5] == UNREACHABLE:
        walk.contact = max(walk.contact, entry[2])


def _dishonest_listed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.dishonest = entry


def _dishonest_removed(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.dishonest = None


def _complained(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    named = (entry[2], entry[0], entry[1], state.ref)
    if entry[5] not in walk.complaints:
        walk.complaints.add(entry[5])
        state.view.complaints.append(named)
    if entry[6]:
        walk.evidence.append(named)


def _court(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.court.append(entry)


def _tax_irregular(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.tax.append((entry[2], entry[0], entry[1], state.ref))


def _tax_regular(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.tax.clear()


def _repaired(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.repaired.update(entry[5])


def _decided(state: Enterprise, walk: _Walk, entry: Entry) -> None:
    walk.ruled[entry[5]] = bool(entry[6])


_STEPS: Final[dict[int, Callable[[Enterprise, _Walk, Entry], None]]] = {
    Kind.DEREGISTERED: _ended,
    Kind.REVOKED: _ended,
    Kind.CANCELLED: _cancelled,
    Kind.SUSPENDED: _suspended,
    Kind.RESUMED: _resumed,
    Kind.FILED: _filed,
    Kind.MISSED: _missed,
    Kind.INSPECTED: _inspected,
    Kind.VISITED: _visited,
    Kind.LETTER_SENT: _letter_sent,
    Kind.LETTER_RETURNED: _letter_returned,
    Kind.LETTER_DELIVERED: _contacted,
    Kind.PENALISED: _penalised,
    Kind.ABNORMAL_LISTED: _abnormal_listed,
    Kind.ABNORMAL_REMOVED: _abnormal_removed,
    Kind.DISHONEST_LISTED: _dishonest_listed,
    Kind.DISHONEST_REMOVED: _dishonest_removed,
    Kind.COMPLAINT: _complained,
    Kind.COURT_LISTED: _court,
    Kind.COURT_REMOVED: _court,
    Kind.TAX_IRREGULAR: _tax_irregular,
    Kind.TAX_REGULAR: _tax_regular,
    Kind.REPAIRED: _repaired,
    Kind.DECIDED: _decided,
}


def _conclude(state: Enterprise, walk: _Walk) -> None:
    """What can only be said once all events were seen."""
    repaired = walk.repaired | {document for document, upheld in walk.ruled.items() if upheld}
    listed = {ground: entry for ground, entry in walk.listed.items() if entry[6] is None or entry[6] not in repaired}
    if listed:
        state.abnormal = min((entry[2], entry[0], entry[1]) for entry in listed.values())
        if UNREACHABLE in listed:
            entry = listed[UNREACHABLE]
            state.view.listed_unreachable = (entry[2], entry[0], entry[1], state.ref)
    dishonest = walk.dishonest
    if dishonest is not None and (dishonest[5] is None or dishonest[5] not in repaired):
        state.dishonest = (dishonest[2], dishonest[0], dishonest[1])
    revocations = [(end.at, end.source, end.event) for end, _ in state.ends if end.revoked]
    if revocations:
        state.revoked = revocations[0]
    for entry in walk.flagged:
        document = entry[5] if entry[3] == Kind.PENALISED else entry[6]
        if document is None or document not in repaired:
            state.flagged = (entry[2], entry[0], entry[1])
            break
    for entry in walk.court:
        is_repaired = entry[6] is not None and entry[6] in repaired
        state.court.setdefault(entry[5], []).append(
            CourtEvent(entry[2], entry[0], entry[1], entry[3] == Kind.COURT_LISTED, is_repaired)
        )
    suspension = walk.suspension
    if suspension is not None:
        state.suspended = FOREVER if suspension[5] is None else suspension[5]
        if state.suspended <= state.now:
            state.resumed = max(state.resumed, state.suspended)
    _conclude_view(state, walk)


def _conclude_view(state: Enterprise, walk: _Walk) -> None:
    """The enterprise's own view: contacts, evidence and letters."""
    view, ref = state.view, state.ref
    view.live = state.live
    view.branch = state.branch
    view.county = f"{state.county:06d}" if state.county else None
    if not state.county:
        view.weak_changes.clear()
    view.last_contact = None if walk.contact == _NEVER else walk.contact
    view.evidence += walk.tax
    for number, entry in walk.returned.items():
        view.evidence.append((entry[2], entry[0], entry[1], ref))
        view.mailings.append(Mailing(str(number), walk.sent.get(number), entry[2]))
    if len(walk.missed) > 1:
        uncured = {
            year: entry
            for year, entry in walk.missed.items()
            if year not in walk.filed or walk.filed[year][2] < entry[2]
        }
        for year, entry in uncured.items():
            following = uncured.get(year + 1)
            if following is not None:
                later = max(entry, following, key=lambda one: one[2])
                view.evidence.append((later[2], later[0], later[1], ref))
