"""Sealed boxes: what an enterprise is, committed to so that many can be opened together, and none by itself.

A box is `point(text) * h^r mod p`, a Pedersen commitment over the 2048-bit group of RFC 3526 whose first base is
hashed from the text. Whoever knows the sum of the `r` of some boxes can show which texts are in them all together:
their product is the product of the points times `h` to that sum. Nobody can show two different sets for the same boxes
without a discrete logarithm; and the sum does not tell which text is in which box. So the names of a draw are bound to
the boxes that were drawn, while the stratum of each stays untold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

PRIME: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
"""RFC 3526, group 14: a safe prime, made from the digits of pi."""

BLINDING_BITS: Final = 256
"""Of an `r`: twice the strength of the group and more, so short exponents lose nothing."""

BOX_DIGITS: Final = 512
_POINT_BYTES: Final = 272
"""128 bits more than the prime has, so that the remainder is as good as uniform."""

_WINDOW: Final = 8
_ORIGIN: Final = "credit-monitor draw: base of the boxes"
_TEXT: Final = "credit-monitor draw: "


def point(text: str) -> int:
    """The element of the group that stands for a text: SHAKE-256, reduced and squared; its logarithm is unknown."""
    return _hashed(_TEXT + "in the box\n" + text)


@lru_cache(maxsize=1)
def base() -> int:
    """The base `h`, hashed from a sentence, so that nobody knows how it relates to any point."""
    return _hashed(_ORIGIN)


def seal(text: str, blinding: int) -> str:
    """The box of a text, 512 hexadecimal digits. `blinding`: 256 secret random bits, another for each box."""
    return f"{point(text) * _power(blinding) % PRIME:0{BOX_DIGITS}x}"


def opens(boxes: Iterable[str], texts: Iterable[str], blinding: int) -> bool:
    """Whether the texts are exactly what is in the boxes, by the sum of the boxes' blindings."""
    sealed, told = 1, pow(base(), blinding, PRIME)
    for box in boxes:
        sealed = sealed * int(box, 16) % PRIME
    for text in texts:
        told = told * point(text) % PRIME
    return sealed == told


def _hashed(text: str) -> int:
    return pow(int.from_bytes(hashlib.shake_256(text.encode()).digest(_POINT_BYTES), "big"), 2, PRIME)


@lru_cache(maxsize=1)
def _powers() -> list[list[int]]:
    """Powers of the base by place and byte: 32 multiplications a box instead of some 380."""
    rows, step = [], base()
    for _ in range(BLINDING_BITS // _WINDOW):
        row = [1]
        for _ in range((1 << _WINDOW) - 1):
            row.append(row[-1] * step % PRIME)
        rows.append(row)
        step = row[-1] * step % PRIME
    return rows


def _power(exponent: int) -> int:
    found = 1
    for row, byte in zip(_powers(), exponent.to_bytes(BLINDING_BITS // 8, "little"), strict=True):
        found = found * row[byte] % PRIME
    return found
