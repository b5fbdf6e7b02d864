"""What a scorecard can count, read from the history of one enterprise. First step of a reckoning.

The history is walked in the order `(time, source, id)`, so the result depends on the set of events alone. Only kinds of
event that a card can count are looked at; most enterprises have none beyond their registration and reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from config.scorecards import AMOUNT_BANDS, GROUNDS, Penalties
from detectors.base import Evidence
from monitor.stages.history import ENTERPRISE_KINDS, KIND_NUMBER, RESULTS, Entry, Kind

_PLATFORM: Final = KIND_NUMBER["platform"]
_PLATFORM_BIT: Final = 1 << _PLATFORM
_at: Final = itemgetter(2)
_ESTABLISHED: Final = int(Kind.ESTABLISHED)
_FIRST_END: Final = int(Kind.DEREGISTERED)
_LAST_OF_REGISTRATION: Final = int(Kind.CANCELLED)
"""Kinds up to this one are, in order: established, changed, and the three ends."""
_MISSED: Final = int(Kind.MISSED)
_FILED: Final = int(Kind.FILED)


_ABNORMAL: Final = tuple(f"abnormal.{{}}.{ground}" for ground in GROUNDS)
"""Names of the lists by ground, to be filled with `now` or `past`. The document ends the entry of a listing."""


class Happening(NamedTuple):
    """One occurrence of a fact. `at`: the moment from which it lapses, its end where it lasted; `holds`: it lasts, and
    does not lapse. `document`: what a repair would name. `disputed`: an objection waits for its decision.
    """

    fact: str
    at: int
    events: tuple[Evidence, ...]
    holds: bool = False
    document: str | int | None = None
    disputed: bool = False
    level: int = 0


class Profile:
    """An enterprise as the cards see it. `county`: 0 where unknown; `established`: None unless it is live."""

    __slots__ = ("county", "established", "happenings", "industry", "kind", "platform")

    def __init__(self) -> None:
        """One of which nothing is known."""
        self.kind = "enterprise"
        self.industry = ""
        self.platform = False
        self.county = 0
        self.established: Evidence | None = None
        self.happenings: list[Happening] = []


class _Walk:
    """What is only needed while a history is walked."""

    __slots__ = (
        "complaints",
        "disputed",
        "faults",
        "filed",
        "good",
        "lists",
        "missed",
        "penalties",
        "ref",
        "repaired",
        "ruled",
        "tax",
    )

    def __init__(self, ref: int, penalties: tuple[int, int]) -> None:
        self.ref = ref
        self.penalties = penalties
        self.lists: dict[str, _Listing] = {}
        self.complaints: dict[str | int, Entry] = {}
        self.disputed: set[str | int] = set()
        self.faults: list[tuple[str, Entry, str | int | None]] = []
        self.filed: dict[int, Entry] = {}
        self.good: list[tuple[str, Entry]] = []
        self.missed: dict[int, Entry] = {}
        self.repaired: set[str | int] = set()
        self.ruled: dict[str | int, bool] = {}
        self.tax: Entry | None = None


class _Listing:
    """One list on which an enterprise may stand: the listing that no removal followed, and those that ended."""

    __slots__ = ("now", "past")

    def __init__(self) -> None:
        self.now: Entry | None = None
        self.past: list[tuple[Entry, Entry]] = []


def bands_of(penalties: Penalties) -> tuple[int, int]:
    """The bands of amount, as histories hold them, from which a penalty is ordinary and severe."""
    ordinary, severe = (1 + AMOUNT_BANDS.index(bound) for bound in (penalties.ordinary_from, penalties.severe_from))
    return 1 + ordinary, 1 + severe


def profile_of(
    ref: int,
    entries: list[Entry],
    names: Sequence[str] | Mapping[int, str],
    trusted: Callable[[int], bool],
    penalties: tuple[int, int],
) -> Profile:
    """What the cards see of an enterprise by its own history. `names`: sources by number; `trusted`: whether the kinds
    of address that a source declares hold; `penalties`: see `bands_of`.
    """
    told = [entry for entry in entries if entry[3] in TOLD]
    if any(entry[3] == _MISSED for entry in told):
        told += [entry for entry in entries if entry[3] == _FILED]
    told.sort(key=_at)
    for place in range(1, len(told)):
        if told[place][2] == told[place - 1][2]:
            told.sort(key=lambda entry: (entry[2], names[entry[0]], entry[1]))
            break
    profile = Profile()
    walk: _Walk | None = None
    for entry in told:
        kind = entry[3]
        if kind <= _LAST_OF_REGISTRATION:
            if kind < _FIRST_END:
                _register(profile, entry, ref, trusted)
            else:
                profile.established = None
        else:
            if walk is None:
                walk = _Walk(ref, penalties)
            _STEPS[kind](walk, entry)
    if walk is not None and profile.established is not None:
        _conclude(profile, walk)
    return profile


def _register(profile: Profile, entry: Entry, ref: int, trusted: Callable[[int], bool]) -> None:
    if entry[5] is not None:
        profile.county = entry[6]
        declared = entry[7] == _PLATFORM and trusted(entry[0])
        profile.platform = declared or bool(entry[8] & _PLATFORM_BIT)
    if entry[10] is not None:
        profile.industry = entry[10]
    if entry[3] == _ESTABLISHED:
        profile.kind = ENTERPRISE_KINDS[entry[12]]
        profile.established = (entry[2], entry[0], entry[1], ref)


def _filed(walk: _Walk, entry: Entry) -> None:
    walk.filed[entry[5]] = entry


def _missed(walk: _Walk, entry: Entry) -> None:
    walk.missed[entry[5]] = entry


_FOUND: Final = [
    (1 << place, f"inspection.{result}")
    for place, result in enumerate(RESULTS)
    if result not in ("none_found", "unreachable")
]


def _inspected(walk: _Walk, entry: Entry) -> None:
    bits = entry[6]
    if bits == 1:  # none found
        return
    for bit, fact in _FOUND:
        if bits & bit:
            walk.faults.append((fact, entry, None))


def _penalised(walk: _Walk, entry: Entry) -> None:
    form, band = divmod(entry[6], 16)
    ordinary, severe = walk.penalties
    if form == 3 or band >= severe:
        fact = "penalty.severe"
    elif band >= ordinary or (form == 0 and band == 0):
        fact = "penalty.ordinary"
    else:
        fact = "penalty.minor"
    walk.faults.append((fact, entry, entry[5]))


def _listed(walk: _Walk, name: str, entry: Entry) -> None:
    listing = walk.lists.get(name)
    if listing is None:
        listing = walk.lists[name] = _Listing()
    listing.now = entry


def _removed(walk: _Walk, name: str, entry: Entry) -> None:
    listing = walk.lists.get(name)
    if listing is not None and listing.now is not None:
        listing.past.append((listing.now, entry))
        listing.now = None


def _abnormal_listed(walk: _Walk, entry: Entry) -> None:
    _listed(walk, _ABNORMAL[entry[5]], entry)


def _abnormal_removed(walk: _Walk, entry: Entry) -> None:
    _removed(walk, _ABNORMAL[entry[5]], entry)


def _dishonest_listed(walk: _Walk, entry: Entry) -> None:
    _listed(walk, "dishonest.{}", entry)


def _dishonest_removed(walk: _Walk, entry: Entry) -> None:
    _removed(walk, "dishonest.{}", entry)


def _defaulter_listed(walk: _Walk, entry: Entry) -> None:
    _listed(walk, "defaulter.{}", entry)


def _defaulter_removed(walk: _Walk, entry: Entry) -> None:
    _removed(walk, "defaulter.{}", entry)


def _complained(walk: _Walk, entry: Entry) -> None:
    if entry[7]:  # of several events of one complaint the last that says so decides
        walk.complaints[entry[5]] = entry


def _tax_irregular(walk: _Walk, entry: Entry) -> None:
    if walk.tax is None:
        walk.tax = entry


def _tax_regular(walk: _Walk, entry: Entry) -> None:
    walk.tax = None


def _repaired(walk: _Walk, entry: Entry) -> None:
    walk.repaired.update(entry[5])


def _objected(walk: _Walk, entry: Entry) -> None:
    walk.disputed.add(entry[5])


def _decided(walk: _Walk, entry: Entry) -> None:
    walk.ruled[entry[5]] = bool(entry[6])
    walk.disputed.discard(entry[5])


def _sampling_failed(walk: _Walk, entry: Entry) -> None:
    walk.faults.append(("sampling.failed", entry, entry[5]))


def _sampling_passed(walk: _Walk, entry: Entry) -> None:
    walk.good.append(("sampling.passed", entry))


def _breached(walk: _Walk, entry: Entry) -> None:
    walk.faults.append(("commitment.breached", entry, entry[5]))


def _honoured(walk: _Walk, entry: Entry) -> None:
    walk.good.append(("honour", entry))


_STEPS: Final[dict[int, Callable[[_Walk, Entry], None]]] = {
    int(kind): step
    for kind, step in {
        Kind.FILED: _filed,
        Kind.MISSED: _missed,
        Kind.INSPECTED: _inspected,
        Kind.PENALISED: _penalised,
        Kind.ABNORMAL_LISTED: _abnormal_listed,
        Kind.ABNORMAL_REMOVED: _abnormal_removed,
        Kind.DISHONEST_LISTED: _dishonest_listed,
        Kind.DISHONEST_REMOVED: _dishonest_removed,
        Kind.COMPLAINT: _complained,
        Kind.TAX_IRREGULAR: _tax_irregular,
        Kind.TAX_REGULAR: _tax_regular,
        Kind.REPAIRED: _repaired,
        Kind.OBJECTED: _objected,
        Kind.DECIDED: _decided,
        Kind.SAMPLING_FAILED: _sampling_failed,
        Kind.SAMPLING_PASSED: _sampling_passed,
        Kind.COMMITMENT_BREACHED: _breached,
        Kind.HONOURED: _honoured,
        Kind.DEFAULTER_LISTED: _defaulter_listed,
        Kind.DEFAULTER_REMOVED: _defaulter_removed,
    }.items()
}
TOLD: Final = frozenset((*range(_ESTABLISHED, _LAST_OF_REGISTRATION + 1), *_STEPS)) - {_FILED}
"""Kinds that are looked at; filed reports only beside missed ones."""


def _conclude(profile: Profile, walk: _Walk) -> None:
    """What can only be said once all events were seen: what is repaired goes, what is disputed is marked."""
    ref, found = walk.ref, profile.happenings
    gone = walk.repaired | {document for document, upheld in walk.ruled.items() if upheld}

    def add(fact: str, at: int, entries: Sequence[Entry], document: Any = None, *, holds: bool = False) -> None:
        if document is None or document not in gone:
            events = tuple((one[2], one[0], one[1], ref) for one in entries)
            found.append(Happening(fact, at, events, holds, document, document in walk.disputed))

    for fact, entry, document in walk.faults:
        add(fact, entry[2], (entry,), document)
    for fact, entry in walk.good:
        add(fact, entry[2], (entry,))
    for entry in walk.complaints.values():
        if entry[7] == 2:
            add("complaint.verified", entry[2], (entry,))
    for year, miss in walk.missed.items():
        filing = walk.filed.get(year)
        if filing is None or filing[2] < miss[2]:
            add("report.missing", miss[2], (miss,))
        else:
            add("report.late", filing[2], (miss, filing))
    if walk.tax is not None:
        add("tax.irregular", walk.tax[2], (walk.tax,), holds=True)
    for name, listing in walk.lists.items():
        for entry, removal in listing.past:
            add(name.format("past"), removal[2], (entry, removal), entry[-1])
        if listing.now is not None:
            entry = listing.now
            add(name.format("now"), entry[2], (entry,), entry[-1], holds=True)
