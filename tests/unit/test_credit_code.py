"""Credit codes: the worked examples of GB 32100 and GB 11714, and what is no credit code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.identifiers.credit_code import (
    ALPHABET,
    WEIGHTS,
    check_character,
    is_suspect,
    is_valid,
    organisation_check,
)

EXAMPLES = ["91350100M000100Y43", "91330100716105852F", "91330100799655058B", "91110000101623741K"]
# A real licence that fails the check: the standard's algorithm gives R.
REAL_BUT_WRONG = "91350211M0000XUF46"

first17 = st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17)


@pytest.mark.parametrize("code", EXAMPLES)
def test_worked_examples_are_valid(code: str) -> None:
    assert check_character(code[:17]) == code[17]
    assert organisation_check(code[8:16]) == code[16]
    assert is_valid(code)
    assert not is_suspect(code)


def test_weights_are_the_powers_of_three() -> None:
    assert tuple(pow(3, position, 31) for position in range(17)) == WEIGHTS


def test_a_real_licence_with_a_wrong_check_character_is_suspect() -> None:
    assert check_character(REAL_BUT_WRONG[:17]) == "R"
    assert not is_valid(REAL_BUT_WRONG)
    assert is_suspect(REAL_BUT_WRONG)


def test_a_remainder_of_nought_gives_the_character_0() -> None:
    assert check_character("0" * 17) == "0"
    assert check_character("0" * 15 + "10") == ALPHABET[31 - 30]
    assert organisation_check("00000000") == "0"


def test_an_organisation_remainder_of_ten_gives_x() -> None:
    assert organisation_check("00000006") == "X"  # 11 - 12 mod 11 = 10
    assert organisation_check("A0000000") == "3"  # A counts as 10: 11 - 30 mod 11 = 3


@pytest.mark.parametrize(
    "subject", ["1234", "fr:552081317", "91350100M000100Y4", "91350100M000100Y430", "330106000012345", ""]
)
def test_subjects_of_another_length_are_neither_valid_nor_suspect(subject: str) -> None:
    assert not is_valid(subject)
    assert not is_suspect(subject)


@pytest.mark.parametrize(
    "subject", ["91350100m000100y43", "9135O100M000100Y43", "tw:facility-000123", "９1350100M000100Y43"]
)
def test_18_characters_that_cannot_pass_the_check_are_suspect(subject: str) -> None:
    assert len(subject) == 18
    assert is_suspect(subject)
    assert not is_valid(subject)


def test_letters_in_the_region_are_no_credit_code_even_with_a_right_check() -> None:
    letters = "91A50100M000100Y4"
    code = letters + check_character(letters)
    assert not is_valid(code)
    assert not is_suspect(code)


@pytest.mark.parametrize("wrong", ["", "9135", "91350100M000100YI", "91350100M000100Y43", "9135010٣M000100Y4"])
def test_no_check_character_for_what_is_not_17_characters_of_the_alphabet(wrong: str) -> None:
    with pytest.raises(ValueError, match="not 17 characters"):
        check_character(wrong)


@pytest.mark.parametrize("wrong", ["", "M000100", "m000100Y", "M000100Y4", "M000-00Y"])
def test_no_organisation_check_for_what_is_not_eight_characters(wrong: str) -> None:
    with pytest.raises(ValueError, match="not eight"):
        organisation_check(wrong)


@given(first17, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(start: str, position: int, other: str) -> None:
    wrong = start[:position] + other + start[position + 1 :]
    assert (check_character(wrong) == check_character(start)) is (wrong == start)
    assert is_suspect(wrong + check_character(start)) is (wrong != start)
