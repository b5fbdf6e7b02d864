"""Numbers for names: enterprises, rooms, persons and sources are numbers inside a running process.

A dictionary of eleven million strings takes gigabytes. Here a name is a 64-bit hash keyed by the home's own seed
(nobody outside can look for collisions), held in one sorted array with its number: twelve bytes a name. New names
gather in a small dictionary and are merged in from time to time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, Final

import numpy as np
import xxhash

_SMALLEST_MERGE: Final = 1 << 14
_SHARE: Final = 6
"""New names are merged in when they are so many, or one in 64: each costs ten times as much until then."""
_SMALLEST_PART: Final = 1 << 16
_PARTS: Final = 16


def hash_of(name: str, seed: int) -> int:
    """The 64-bit hash under which a name is found."""
    return xxhash.xxh3_64_intdigest(name.encode(), seed)


class Numbering:
    """Numbers from 1 on, in the order in which names are first seen."""

    def __init__(self, seed: int) -> None:
        """`seed`: the home's, 64 bits."""
        self.seed = seed
        self._hashes: np.ndarray[Any, np.dtype[np.uint64]] = np.empty(0, np.uint64)
        self._numbers: np.ndarray[Any, np.dtype[np.uint32]] = np.empty(0, np.uint32)
        self._recent: dict[int, int] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many names have a number."""
        return self._count

    def find(self, name: str) -> int:
        """The number of a name, 0 if it has none."""
        return self._find(hash_of(name, self.seed))

    def number(self, name: str) -> tuple[int, bool]:
        """The number of a name, and whether it is new."""
        hashed = hash_of(name, self.seed)
        found = self._find(hashed)
        if found:
            return found, False
        return self._add(hashed), True

    def numbers(self, names: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
        """The numbers of many names at once, and for the new ones (place in `names`, number)."""
        seed, recent = self.seed, self._recent
        hashes = [xxhash.xxh3_64_intdigest(name.encode(), seed) for name in names]
        found = [0] * len(hashes)
        if len(self._hashes):
            wanted = np.array(hashes, np.uint64)
            places = np.searchsorted(self._hashes, wanted)
            places[places == len(self._hashes)] = 0
            found = np.where(self._hashes[places] == wanted, self._numbers[places], 0).tolist()
        new = []
        for place, number in enumerate(found):
            if not number:
                hashed = hashes[place]
                number = recent.get(hashed, 0)
                if not number:
                    self._count += 1
                    number = recent[hashed] = self._count
                    new.append((place, number))
                found[place] = number
        if len(recent) > max(_SMALLEST_MERGE, self._count >> _SHARE):
            self._merge()
        return found, new

    def _find(self, hashed: int) -> int:
        number = self._recent.get(hashed, 0)
        if number or not len(self._hashes):
            return number
        wanted = np.uint64(hashed)
        place = int(self._hashes.searchsorted(wanted))
        if place < len(self._hashes) and self._hashes[place] == wanted:
            return int(self._numbers[place])
        return 0

    def _add(self, hashed: int) -> int:
        self._count += 1
        self._recent[hashed] = self._count
        if len(self._recent) > max(_SMALLEST_MERGE, self._count >> _SHARE):
            self._merge()
        return self._count

    def _merge(self) -> None:
        new = len(self._recent)
        if not new:
            return
        hashes = np.fromiter(self._recent.keys(), np.uint64, new)
        numbers = np.fromiter(self._recent.values(), np.uint32, new)
        order = hashes.argsort()
        hashes, numbers = hashes[order], numbers[order]
        places = self._hashes.searchsorted(hashes) + np.arange(new)
        stays = np.ones(len(self._hashes) + new, np.bool_)
        stays[places] = False
        self._hashes = _merged(self._hashes, hashes, places, stays)
        self._numbers = _merged(self._numbers, numbers, places, stays)
        self._recent.clear()

    def dump(self) -> tuple[memoryview, memoryview]:
        """What a snapshot keeps: hashes and numbers, in the order of the hashes; not copied, as both never change."""
        self._merge()
        return self._hashes.data, self._numbers.data

    def parts(self) -> Iterator[tuple[memoryview, memoryview]]:
        """The same in parts, of which none takes much room."""
        hashes, numbers = self.dump()
        size = max(_SMALLEST_PART, len(numbers) // _PARTS + 1)
        for first in range(0, len(numbers), size):
            yield hashes[first : first + size], numbers[first : first + size]

    def load(self, hashes: bytes | memoryview, numbers: bytes | memoryview) -> None:
        """Takes over what `dump` gave, or the next of the `parts`."""
        self._hashes = _behind(self._hashes, np.frombuffer(hashes, np.uint64))
        self._numbers = _behind(self._numbers, np.frombuffer(numbers, np.uint32))
        self._count = len(self._numbers)


def _empty(count: int, kind: Any) -> Any:
    """An array in pages of its own, which the system has back when it goes; a heap would keep holes of its size."""
    pages = mmap(-1, max(1, count * kind.itemsize), MAP_PRIVATE | MAP_ANONYMOUS)
    return np.frombuffer(pages, kind, count)


def _merged(old: Any, new: Any, places: Any, stays: Any) -> Any:
    """The `old` values where it `stays` so, and the `new` ones at their places."""
    made = _empty(len(stays), old.dtype)
    made[stays] = old
    made[places] = new
    return made


def _behind(old: Any, new: Any) -> Any:
    made = _empty(len(old) + len(new), old.dtype)
    made[: len(old)] = old
    made[len(old) :] = new
    return made
