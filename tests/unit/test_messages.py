"""What no message may hold: identity and mobile numbers, however they are written; and what only looks like one."""

from __future__ import annotations

import pytest

from monitor.identifiers import credit_code
from monitor.store.outgoing.messages import Message, check, holds_personal_number, masked, without_numbers


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        *(
            ("身份证11010519491231002X", True),
            ("１１０１０５１９４９１２３１００２ｘ", True),
            ("110105 19491231 002X", True),
        ),
        *(("电话13800138000。", True), ("tel13800138000", True), ("138-0013-8000", True), ("+86 13800138000", True)),
        *(("008613800138000", True), ("110105194912310021", True), ("13800138000 13900139000", True)),
        *(("91330100716105852F", False), ("91110000101623741K", False), ("T-20261126-000123", False)),
        *(("f3a13800138000bc91ae", False), ("138001380001", False), ("12800138000", False), ("张＊ 330106", False)),
    ],
)
def test_numbers_of_persons_are_known(text: str, personal: bool) -> None:
    assert holds_personal_number(text) is personal


def test_a_credit_code_of_digits_alone_is_no_identity_number() -> None:
    codes = [f"9133010071610{n:04}" for n in range(200)]
    codes = [code + credit_code.check_character(code) for code in codes]
    digits = [code for code in codes if code.isdecimal()]
    assert digits
    assert not any(holds_personal_number(code) for code in digits)
    wrong = [code[:-1] + str((int(code[-1]) + 1) % 10) for code in digits]
    assert all(holds_personal_number(code) for code in wrong)  # the check fails: it may be anybody's


def test_what_is_kept_of_an_answer_names_nobody() -> None:
    assert without_numbers("11010519491231002X at 13800138000, T-1") == "＊ at ＊, T-1"


def test_names_are_masked() -> None:
    assert (masked("张三"), masked(" 欧阳修 "), masked("")) == ("张＊", "欧＊", "＊")


@pytest.mark.parametrize(("key", "level"), [("", 1), ("1", 0), ("1", 5)])
def test_a_message_has_a_key_and_a_level(key: str, level: int) -> None:
    with pytest.raises(ValueError, match="level from 1 to 4"):
        check(Message(key, "task", "T", "", "", "", "", level))
