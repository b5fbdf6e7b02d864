"""Keys of groups that last: a group keeps its key from one cut to the next, whoever joins or leaves.

A group of this cut takes the key of the group of the last cut of which it holds most enterprises; of two that hold
parts of the same one, the larger part keeps the key. Merges and splits name their predecessors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """A group's key, and the keys of groups of the last cut that went into it besides the one it goes on from."""

    key: str
    predecessors: tuple[str, ...] = ()


def origins(
    groups: Sequence[Collection[str]], firsts: Sequence[tuple[int, str]], previous: Mapping[str, Collection[str]]
) -> list[Origin]:
    """The key of each group. `groups`: the codes of each; `firsts`: when the oldest of each was established, and its
    code; `previous`: the codes of the groups of the last cut by key. The order of groups changes nothing.
    """
    holder = {code: key for key in sorted(previous) for code in previous[key]}
    claims: list[tuple[int, str, tuple[int, str], int]] = []
    taken: list[set[str]] = []
    for number, codes in enumerate(groups):
        counts: dict[str, int] = {}
        for code in codes:
            if code in holder:
                counts[holder[code]] = counts.get(holder[code], 0) + 1
        taken.append(set(counts))
        claims += [(-count, key, firsts[number], number) for key, count in counts.items()]
    keys: dict[int, str] = {}
    used: set[str] = set()
    for _, key, _, number in sorted(claims):
        if number not in keys and key not in used:
            keys[number] = key
            used.add(key)
    used.update(previous)
    for number in sorted(set(range(len(groups))) - keys.keys(), key=firsts.__getitem__):
        keys[number] = _fresh(firsts[number], used)
        used.add(keys[number])
    return [Origin(keys[number], tuple(sorted(before - {keys[number]}))) for number, before in enumerate(taken)]


def _fresh(first: tuple[int, str], used: Collection[str]) -> str:
    """A key from the establishment of the oldest enterprise; where another group has that one, the next."""
    turn = 0
    while True:
        text = f"{first[0]}\n{first[1]}\n{turn}"
        key = f"g-{hashlib.blake2b(text.encode(), digest_size=10).hexdigest()}"
        if key not in used:
            return key
        turn += 1
