"""Unified social credit codes 统一社会信用代码: the check characters of GB 32100-2015 and GB 11714-1997.

Used at intake to mark an enterprise `identifier_suspect`, and by the synthetic province to make valid codes.
A failed check is a flag and never a refusal: real licences with a wrong check character exist (contract §1).

>>> check_character("91350100M000100Y4")
'3'
>>> is_suspect("91350211M0000XUF46")
True
"""

from __future__ import annotations

from typing import Final

LENGTH: Final = 18
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of GB 32100, each worth its index; I, O, S, V and Z are left out."""

WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
"""3 to the power of the position, modulo 31."""

ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11714: weights of the eight characters of an organisation code."""

_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
_LETTERS: Final = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_REGION: Final = slice(2, 8)


def check_character(first17: str) -> str:
    """The 18th character that GB 32100-2015 demands after the first 17.

    Raises:
        ValueError: not 17 characters of the standard's alphabet.
    """
    if len(first17) != LENGTH - 1 or not all(character in _VALUES for character in first17):
        msg = f"not 17 characters of {ALPHABET}: {first17!r}"
        raise ValueError(msg)
    total = sum(weight * _VALUES[character] for weight, character in zip(WEIGHTS, first17, strict=True))
    return ALPHABET[-total % 31]


def organisation_check(first8: str) -> str:
    """The check character of GB 11714-1997 after the first eight of an organisation code.

    It is the 17th character of a credit code whose positions 9 to 16 are `first8`; letters count from A = 10.

    Raises:
        ValueError: not eight digits and capital letters.
    """
    if len(first8) != len(ORGANISATION_WEIGHTS) or not all(character in _LETTERS for character in first8):
        msg = f"not eight digits or capital letters: {first8!r}"
        raise ValueError(msg)
    total = sum(weight * _LETTERS[character] for weight, character in zip(ORGANISATION_WEIGHTS, first8, strict=True))
    return "0123456789X"[-total % 11]


def is_valid(code: str) -> bool:
    """Whether this is a credit code with the right check character, its region (positions 3 to 8) in digits.

    The organisation's own check character is not asked: codes of other registers carry none.
    """
    return has_right_check(code) and code[_REGION].isdigit()


def is_suspect(subject: str) -> bool:
    """Whether a subject is 18 characters long and fails the check of GB 32100 (contract §1).

    Subjects of another length belong to other registers and are taken as written.
    """
    return len(subject) == LENGTH and not has_right_check(subject)


def has_right_check(code: str) -> bool:
    """Whether these are 18 characters of the alphabet of which the last is the one that GB 32100 demands."""
    try:
        return len(code) == LENGTH and check_character(code[:-1]) == code[-1]
    except ValueError:
        return False
