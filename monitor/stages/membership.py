"""What the stages `rooms` and `persons` have in common: members told by enterprises, packed small or kept as a view.

A fact is an absolute value per (subject, enterprise): a repeat changes nothing, a newer one replaces the older. A
subject with few members is unpacked whenever it is judged; from UNPACKED members on its view stays, and changes by
what changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from detectors.views import Leadership, Occupant
from monitor.stages.members import View, count_in, members_in, with_member
from monitor.stages.touched import Touched

UNPACKED: Final = 64

Fact = TypeVar("Fact", Occupant, Leadership)
AnyView = TypeVar("AnyView", bound=View)


class MemberStage(ABC, Generic[Fact, AnyView]):
    """Subjects by number, each with its members; knows which were touched since they were last judged."""

    def __init__(
        self,
        pack: Callable[[Fact], bytes],
        unpack: Callable[[int, list[Any]], Fact],
    ) -> None:
        """`pack`, `unpack`: the codec of one member."""
        self._pack: Callable[[Fact], bytes] = pack
        self._unpack: Callable[[int, list[Any]], Fact] = unpack
        self._records: list[bytes | None] = [None]
        self._views: dict[int, AnyView] = {}
        self._changed: dict[int, set[int]] = {}
        self._tied: dict[int, set[int]] = {}
        self.dirty = Touched()

    @abstractmethod
    def new_view(self, ref: int) -> AnyView:
        """An empty view of a subject."""

    @abstractmethod
    def members_of(self, view: AnyView) -> dict[int, Fact]:
        """A view's members by number."""

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
        records = self._records
        if ref >= len(records):
            records.extend([None] * (ref + 1 - len(records)))
        record = with_member(records[ref] or b"", fact.ref, self._pack(fact))
        if record is None:
            return
        records[ref] = record
        self.dirty.add(ref)
        if count_in(record) >= UNPACKED:
            self._views[ref] = self._unpacked(ref, record)
            records[ref] = None

    def count(self, ref: int) -> int:
        """How many enterprises a subject has heard of."""
        view = self._views.get(ref)
        if view is not None:
            return len(self.members_of(view))
        record = self._records[ref] if ref < len(self._records) else None
        return count_in(record) if record else 0

    def view(self, ref: int) -> AnyView | None:
        """A subject's view, or None where nothing is known of it."""
        view = self._views.get(ref)
        if view is not None:
            return view
        record = self._records[ref] if ref < len(self._records) else None
        return self._unpacked(ref, record) if record else None

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
            record = self._records[ref] if ref < len(self._records) else None
            members = {member for member, _ in members_in(record)} if record else set()
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
                self._views[ref] = self._unpacked(ref, record)
                continue
            if ref >= len(self._records):
                self._records.extend([None] * (ref + 1 - len(self._records)))
            self._records[ref] = record

    def _unpacked(self, ref: int, record: bytes) -> AnyView:
        view = self.new_view(ref)
        for member, values in members_in(record):
            view.add(self._unpack(member, values))
        return view
