"""Packed records of many subjects by number, some to a page: what keeps a state small.

An object of its own costs a record 33 bytes, a place in a list, and what is left of pieces of other sizes while it
grows; on a page it costs some six bytes. Pages are replaced and never changed, so a copy of the shelf stands still
and costs a list of pages. A long record stands beside the pages: else its neighbours would be copied with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

_LONGEST: Final = 1 << 12
"""Bytes of a record that stands on a page."""


class Shelf:
    """Records by number, from 0 on; empty where none was ever put."""

    def __init__(self, records: Iterable[bytes], bits: int) -> None:
        """`records`: the first ones. `bits`: of a number, those that say which record of a page it is. A page should
        come to one or two kilobytes: of smaller ones the objects cost more, larger ones are copied for long.
        """
        self._bits = bits
        self._pages: list[bytes] = []
        self._lengths = array("H")
        self._long: dict[int, bytes] = {}
        """Those that stand beside the pages, where their length is 0."""
        self._found, self._start = 0, 0
        self.extend(records)

    def __len__(self) -> int:
        """One more than the greatest number."""
        return len(self._lengths)

    def __getitem__(self, ref: int) -> bytes:
        """The record of a number. Raises IndexError."""
        lengths = self._lengths
        length: int = lengths[ref]
        if not length:
            return self._long.get(ref, b"")
        start = self._start_of(ref)
        return self._pages[ref >> self._bits][start : start + length]

    def __setitem__(self, ref: int, record: bytes) -> None:
        """Puts a record in place of the one that was there; those in between that are not there yet are empty."""
        lengths = self._lengths
        if ref >= len(lengths):
            self._grow(ref)
        place = ref >> self._bits
        page = self._pages[place]
        start = self._start_of(ref)
        length: int = lengths[ref]
        if not length and self._long:
            self._long.pop(ref, None)
        if len(record) > _LONGEST:
            self._long[ref] = record
            record = b""
        self._pages[place] = b"".join((page[:start], record, page[start + length :]))
        lengths[ref] = len(record)

    def __iter__(self) -> Iterator[bytes]:
        """All records in the order of their numbers."""
        for ref in range(len(self)):
            yield self[ref]

    def holds(self, ref: int, part: bytes) -> bool:
        """Whether a record, empty if there is none, has some bytes in it."""
        lengths = self._lengths
        if ref >= len(lengths):
            return False
        length: int = lengths[ref]
        if not length:
            return part in self._long.get(ref, b"")
        start = self._start_of(ref)
        return self._pages[ref >> self._bits].find(part, start, start + length) >= 0

    def extend(self, records: Iterable[bytes]) -> None:
        """Puts records behind the last one."""
        for record in records:
            self[len(self)] = record

    def copy(self) -> Shelf:
        """These records, whatever is put here later."""
        made = Shelf((), self._bits)
        made._pages, made._lengths, made._long = self._pages[:], self._lengths[:], self._long.copy()
        return made

    def changed(self, before: Shelf, refs: Iterable[int]) -> list[int]:
        """Which of some numbers have another record than `before`, in a copy that was made earlier."""
        known, pages, old, bits = len(before), self._pages, before._pages, self._bits
        beside = self._long.keys() | before._long.keys()
        return [
            ref
            for ref in refs
            if ref >= known
            or ((pages[ref >> bits] is not old[ref >> bits] or ref in beside) and self[ref] != before[ref])
        ]

    def _start_of(self, ref: int) -> int:
        """Where a record begins on its page. Who was looked for last is often asked for, and replaced, next."""
        if ref != self._found:
            bits = self._bits
            self._start = sum(self._lengths[ref >> bits << bits : ref])
            self._found = ref
        return self._start

    def _grow(self, ref: int) -> None:
        lengths, pages = self._lengths, self._pages
        lengths.extend([0] * (ref + 1 - len(lengths)))
        missing = (ref >> self._bits) + 1 - len(pages)
        if missing > 0:
            pages.extend([b""] * missing)
