"""Pseudonyms: who a person is without the number, before and after a rotation of keys."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from monitor.events import types
from monitor.events.intake import Intake, lift_event
from monitor.identifiers.pseudonyms import Pseudonymiser, is_weak, masked
from tests.engine import CLOCK, Raw, event, line

OLD, NEW, NEWEST = (bytes([number]) * 32 for number in (1, 2, 3))
NUMBER = "11010519491231002X"


def hmac_of(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def test_a_pseudonym_is_the_keyed_digest_that_the_documents_promise() -> None:
    expected = "p1:" + hmac_of(OLD, f"resident_id|{NUMBER}")
    assert Pseudonymiser([OLD]).number("resident_id", NUMBER) == expected
    assert Pseudonymiser([OLD, NEW]).number("resident_id", NUMBER) == "p2:" + hmac_of(NEW, expected)


def test_type_and_number_make_the_person() -> None:
    pseudonyms = Pseudonymiser([OLD])
    assert pseudonyms.number("passport", " g123 ") == pseudonyms.number("passport", "G123")
    assert pseudonyms.number("passport", "G123") != pseudonyms.number("other", "G123")
    assert Pseudonymiser([NEW]).number("passport", "G123") != pseudonyms.number("passport", "G123")


@pytest.mark.parametrize("keys", [[], [b"short"], [OLD, b"x" * 15]])
def test_a_weak_chain_of_keys_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonymiser(keys)


def test_what_was_stored_is_lifted_to_what_is_made_anew() -> None:
    old, both, all_three = Pseudonymiser([OLD]), Pseudonymiser([OLD, NEW]), Pseudonymiser([OLD, NEW, NEWEST])
    for made in ("number", "name", "phone"):
        arguments = ("resident_id", NUMBER) if made == "number" else ("张三丰",)
        stored = getattr(old, made)(*arguments)
        assert both.lift(stored, 1) == getattr(both, made)(*arguments)
        assert all_three.lift(stored, 1) == getattr(all_three, made)(*arguments)
        assert all_three.lift(both.lift(stored, 1), 2) == getattr(all_three, made)(*arguments)
        assert both.lift(both.lift(stored, 1), 2) == both.lift(stored, 1)


def test_a_person_sent_by_pseudonym_and_one_sent_by_number_meet_before_and_after_a_rotation() -> None:
    sent = Pseudonymiser([OLD]).number("passport", "G123")
    for keys in ([OLD], [OLD, NEW], [OLD, NEW, NEWEST]):
        pseudonyms = Pseudonymiser(keys)
        assert pseudonyms.given(sent) == pseudonyms.number("passport", "G123")


def test_any_pseudonym_of_a_source_is_taken_as_written_and_lifted() -> None:
    one, both = Pseudonymiser([OLD]), Pseudonymiser([OLD, NEW])
    assert one.given("张三-0042") == "张三-0042"
    assert both.given("张三-0042") == both.lift("张三-0042", 1)


def test_a_source_cannot_pass_a_strong_identity_off_as_a_bare_name_or_the_other_way_round() -> None:
    pseudonyms = Pseudonymiser([OLD])
    bare = pseudonyms.name("张三")
    assert is_weak(bare)
    assert not is_weak(pseudonyms.given(bare))
    assert not is_weak(pseudonyms.given("name:anything"))


def test_a_name_is_one_name_in_full_width_and_with_other_spaces() -> None:
    pseudonyms = Pseudonymiser([OLD])
    assert pseudonyms.name("Ａnna  Li") == pseudonyms.name("Anna Li ")
    assert pseudonyms.name("Anna Li") != pseudonyms.name("anna li")


@pytest.mark.parametrize(
    ("name", "shown"), [("张三丰", "张*"), (" 张三", "张*"), ("", ""), ("  ", ""), ("𠮷田", "𠮷*")]
)
def test_a_masked_name_shows_its_first_character(name: str, shown: str) -> None:
    assert masked(name) == shown


def test_fingerprints_name_the_keys_and_do_not_reveal_them() -> None:
    both = Pseudonymiser([OLD, NEW])
    assert both.fingerprints[0] == Pseudonymiser([OLD]).fingerprints[0]
    assert len(set(both.fingerprints)) == 2
    assert OLD.hex()[:8] not in both.fingerprint


def test_more_persons_than_are_remembered_keep_their_pseudonyms() -> None:
    pseudonyms = Pseudonymiser([OLD])
    first = [pseudonyms.number("other", str(number)) for number in range(100_000)]
    assert len(set(first)) == 100_000
    assert [pseudonyms.number("other", str(number)) for number in range(100_000)] == first


PERSONS = [
    {"role": "operator", "id_number": NUMBER, "id_type": "resident_id"},
    {"role": "manager", "id": "p-of-the-source", "name": "李四"},
    {"role": "supervisor", "name": "王五"},
    {"role": "liaison", "id": ""},
]


@pytest.mark.parametrize(
    "raw",
    [
        event("E0001", "registration.changed", "2025-03-01T00:00:00Z", persons=PERSONS, phone="0571-1"),
        event("E0001", "registration.changed", "2025-03-01T00:00:00Z", phone=""),
        event("E0001", "court.defaulter_listed", "2025-03-01T00:00:00Z", person=PERSONS[0]),
        event("E0001", "court.defaulter_removed", "2025-03-01T00:00:00Z"),
        event("E0001", "tax.irregular", "2025-03-01T00:00:00Z"),
    ],
)
def test_a_logged_event_is_lifted_to_what_intake_would_make_of_it_now(raw: Raw) -> None:
    old, both = Pseudonymiser([OLD]), Pseudonymiser([OLD, NEW])
    stored, wanted = (Intake(keys).read(line(raw), CLOCK) for keys in (old, both))
    assert stored is not None
    assert wanted is not None
    lift_event(stored.event, both, 1)
    assert types.encode_logged(stored.event) == wanted.packed
