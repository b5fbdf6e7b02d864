"""Resident identity numbers 居民身份证号码: the check character of GB 11643-1999.

Used by the synthetic province to make numbers of the right form. Intake takes every number as written: a
wrong one still tells two people apart.

>>> check_character("11010519491231002")
'X'
"""

from __future__ import annotations

import datetime as dt
from typing import Final

LENGTH: Final = 18
WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS: Final = "10X98765432"
"""The check character for each remainder of the weighted sum by 11."""


def check_character(first17: str) -> str:
    """The 18th character that GB 11643-1999 demands after the first 17 digits.

    Raises:
        ValueError: not 17 digits.
    """
    if len(first17) != LENGTH - 1 or not (first17.isascii() and first17.isdigit()):
        msg = "not 17 digits"  # the number itself stays out of messages and logs
        raise ValueError(msg)
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, first17, strict=True))
    return CHECK_CHARACTERS[total % 11]


def is_valid(number: str) -> bool:
    """Whether a number has 18 characters, a real date of birth and the right check character (capital X).

    Whether its first six digits are or were a county is not asked: abolished ones stay in numbers for life.
    """
    try:
        dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        return len(number) == LENGTH and check_character(number[:-1]) == number[-1]
    except ValueError:
        return False
