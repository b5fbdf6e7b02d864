"""Identity numbers: the worked examples of GB 11643, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.identifiers.resident_id import check_character, is_valid

# The standard's own examples.
EXAMPLES = ["11010519491231002X", "440524188001010014"]


@pytest.mark.parametrize("number", EXAMPLES)
def test_worked_examples_are_valid(number: str) -> None:
    assert check_character(number[:17]) == number[17]
    assert is_valid(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "110105194912310021",  # another check character
        "11010519491231002x",  # intake makes it a capital before it asks
        "1101051949123100",
        "11010519491231002X0",
        "１10105194912310021",
        "110105491231002",  # the 15 digits of before 1999
        "X10105194912310021",
    ],
)
def test_what_is_no_number(number: str) -> None:
    assert not is_valid(number)


@pytest.mark.parametrize("birth", ["19490230", "19491301", "00000101", "19490001"])
def test_a_birth_that_never_was_is_no_number(birth: str) -> None:
    first17 = f"110105{birth}002"
    assert not is_valid(first17 + check_character(first17))


@pytest.mark.parametrize("wrong", ["", "1101051949123100", "11010519491231002X", "1101051949123100X", "١" * 17])
def test_no_check_character_for_what_is_not_17_digits(wrong: str) -> None:
    with pytest.raises(ValueError, match="not 17 digits"):
        check_character(wrong)


@given(st.dates().filter(lambda day: day.year > 1880), st.integers(1, 999), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(birth: object, sequence: int, position: int, step: int) -> None:
    first17 = f"330106{birth:%Y%m%d}{sequence:03d}"
    digit = str((int(first17[position]) + step) % 10)
    wrong = first17[:position] + digit + first17[position + 1 :]
    assert is_valid(first17 + check_character(first17))
    assert not is_valid(wrong + check_character(first17))
