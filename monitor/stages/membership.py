"""What the stages `rooms` and `persons` have in common: members told by enterprises, packed small or kept as a view.

A fact is an absolute value per (subject, enterprise): a repeat changes nothing, a newer one replaces the older. A
subject with few members is unpacked whenever it is judged; from UNPACKED members on its view stays, and changes by
what changes. Most subjects have one member, from which nothing follows: where histories are at hand (`Recall`), its
number is all that is kept, and what it said is worked out again when somebody asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final, Generic, TypeVar

from detectors.views import Leadership, Occupant
from monitor.stages.members import View, alone, alone_in, count_in, member_in, members_in, with_member
from monitor.stages.shelf import Shelf
from monitor.stages.touched import Touched

UNPACKED: Final = 64
_PAGE: Final = 6
"""64 subjects to a page: some kilobyte, as most have one member."""

Fact = TypeVar("Fact", Occupant, Leadership)
AnyView = TypeVar("AnyView", bound=View)

Recall = Callable[[int, int], Fact | None]
"""What an enterprise says to a subject by its history: takes (subject, enterprise)."""


class Packed(MutableMapping[int, Fact]):
    """Members of a view that stays: its lists are at hand, and a member is unpacked when it is asked for."""

    def __init__(self, pack: Callable[[Fact], bytes], unpack: Callable[[int, list[Any]], Fact]) -> None:
        """`pack`, `unpack`: the codec of one member."""
        self._pack: Callable[[Fact], bytes] = pack
        self._unpack: Callable[[int, list[Any]], Fact] = unpack
        self._rows: dict[int, bytes] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        """Their numbers."""
        return iter(self._rows)

    def __getitem__(self, ref: int) -> Fact:
        """A member by its number. Raises KeyError."""
        return self._unpack(*member_in(self._rows[ref]))

    def __setitem__(self, ref: int, fact: Fact) -> None:
        """Puts a member there."""
        self._rows[ref] = self._pack(fact)

    def __delitem__(self, ref: int) -> None:
        """Takes a member out. Raises KeyError."""
        del self._rows[ref]


class MemberStage(ABC, Generic[Fact, AnyView]):
    """Subjects by number, each with its members; knows which were touched since they were last judged."""

    def __init__(
        self,
        pack: Callable[[Fact], bytes],
        unpack: Callable[[int, list[Any]], Fact],
        recall: Recall[Fact] | None,
    ) -> None:
        """`pack`, `unpack`: the codec of one member. `recall`: None where histories are not at hand."""
        self._pack: Callable[[Fact], bytes] = pack
        self._unpack: Callable[[int, list[Any]], Fact] = unpack
        self._recall: Recall[Fact] | None = recall
        self._records = Shelf([b""], _PAGE)
        self._views: dict[int, AnyView] = {}
        self._changed: dict[int, set[int]] = {}
        self._tied: dict[int, set[int]] = {}
        self.dirty = Touched()

    @abstractmethod
    def new_view(self, ref: int, members: MutableMapping[int, Fact]) -> AnyView:
        """An empty view of a subject, which keeps its members there."""

    @abstractmethod
    def members_of(self, view: AnyView) -> MutableMapping[int, Fact]:
        """A view's members by number."""

    @abstractmethod
    def matters(self, fact: Fact) -> bool:
        """Whether something may follow from the fact of an only member."""

    @abstractmethod
    def in_force(self, ref: int) -> bool:
        """Whether a signal on a subject is in force."""

    @abstractmethod
    def judge(self, ref: int, now: int) -> None:
        """A subject's signals and ties, anew."""

    def update(self, ref: int, fact: Fact) -> None:
        """What an enterprise now says to a subject."""
        view = self._views.get(ref)
        if view is not None:
            known = self.members_of(view)
            before = known.get(fact.ref)
            if before == fact:
                return
            if before is not None:
                view.remove(fact.ref)
            view.add(fact)
            changed = self._changed.get(ref)
            if changed is not None:
                changed.add(fact.ref)
            self.dirty.add(ref)
            return
        packed = self._record(ref)
        only = alone_in(packed)
        if self._recall is not None and (not packed or only == fact.ref):
            if not (self.matters(fact) or ref in self._tied or self.in_force(ref)):
                if not packed:
                    self._records[ref] = alone(fact.ref)
                return
        if only:
            packed = b"" if only == fact.ref else self._recalled(ref, only)
        record = with_member(packed, fact.ref, self._pack(fact))
        if record is None:
            return
        self.dirty.add(ref)
        if count_in(record) < UNPACKED:
            self._records[ref] = record
            return
        self._views[ref] = self._unpacked(ref, record, Packed(self._pack, self._unpack))
        self._records[ref] = b""

    def count(self, ref: int) -> int:
        """How many enterprises a subject has heard of."""
        view = self._views.get(ref)
        if view is not None:
            return len(self.members_of(view))
        return count_in(self._record(ref))

    def rests(self, ref: int) -> bool:
        """Whether there is nothing to judge: a subject of whose only member the number is kept."""
        return alone_in(self._record(ref)) > 0 and ref not in self._tied and not self.in_force(ref)

    def view(self, ref: int) -> AnyView | None:
        """A subject's view, or None where nothing is known of it."""
        view = self._views.get(ref)
        if view is not None:
            return view
        record = self._record(ref)
        return self._unpacked(ref, record, {}) if record else None

    def changed(self, ref: int) -> set[int] | None:
        """The members of a kept view that changed since they were last told; None where that is not known, and for
        a packed one.
        """
        return self._changed.get(ref)

    def told(self, ref: int) -> None:
        """What changed in a kept view has been published; where a judgement failed, it is still to be."""
        if ref in self._views:
            self._changed[ref] = set()

    def remember_tie(self, ref: int, enterprise: int) -> None:
        """That a subject told an enterprise of a tie (from a snapshot)."""
        self._tied.setdefault(ref, set()).add(enterprise)

    def tied(self) -> list[tuple[int, list[int]]]:
        """The subjects that tie enterprises at present, with the enterprises that were told so."""
        return [(ref, sorted(enterprises)) for ref, enterprises in self._tied.items()]

    def pretend_ties(self, ref: int) -> None:
        """As if a subject had told all its enterprises of a tie: judged, it tells each anew, or that there is none."""
        view = self._views.get(ref)
        if view is not None:
            members = set(self.members_of(view))
        else:
            members = {member for member, _ in members_in(self._record(ref))}
        if members:
            self._tied[ref] = self._tied.get(ref, set()) | members

    def mark_all(self) -> None:
        """Every subject that was ever told of must be judged again."""
        self.dirty.update(ref for ref, record in enumerate(self._records) if record)
        self.dirty.update(self._views)

    def dump(self) -> Iterator[tuple[int, bytes]]:
        """What a snapshot keeps: each subject with its members, packed."""
        for ref, record in enumerate(self._records):
            if record:
                yield ref, record
        for ref, view in self._views.items():
            packed: list[bytes] = [self._pack(fact) for fact in self.members_of(view).values()]
            yield ref, b"".join((b"\xdd", len(packed).to_bytes(4, "big"), *packed))

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Takes over what `dump` gave."""
        for ref, record in rows:
            if count_in(record) >= UNPACKED:
                self._views[ref] = self._unpacked(ref, record, Packed(self._pack, self._unpack))
                continue
            self._records[ref] = record

    def _record(self, ref: int) -> bytes:
        return self._records[ref] if ref < len(self._records) else b""

    def _recalled(self, ref: int, only: int) -> bytes:
        """The record of a subject with what its only member says; empty where that cannot be worked out."""
        fact = None if self._recall is None else self._recall(ref, only)
        return b"" if fact is None else with_member(b"", only, self._pack(fact)) or b""

    def _unpacked(self, ref: int, record: bytes, members: MutableMapping[int, Fact]) -> AnyView:
        only = alone_in(record)
        if only:
            record = self._recalled(ref, only)
        view = self.new_view(ref, members)
        for member, values in members_in(record):
            view.add(self._unpack(member, values))
        return view
