"""Intake: what it accepts, what it refuses and why, and what it keeps of either (contract §1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from config.moments import SECOND, parse_moment
from monitor.events import types
from monitor.events.intake import MAX_BYTES, Candidate, Intake, content_of
from monitor.events.refusal import REASONS, Refusal, readable_text
from monitor.identifiers.pseudonyms import Pseudonymiser
from tests.engine import CLOCK, KEY, Engine, Raw, event, line, run_file
from tests.engine import dead_letters as dead_letters_of

CODE = "91330106MA2H8Y6W27"
GOOD = event(CODE, "tax.irregular", "2025-03-01T09:00:00+08:00")
PERSON = "11010519491231002X"


def read(text: bytes | Raw, *, clock: int = CLOCK) -> Candidate | None:
    """What intake makes of one line."""
    return Intake(Pseudonymiser([KEY])).read(text if isinstance(text, bytes) else line(text), clock)


def accepted(text: bytes | Raw) -> Candidate:
    """The event of a line that must be accepted."""
    found = read(text)
    assert found is not None
    return found


def reason_of(text: bytes | Raw) -> str:
    """Why a line is refused."""
    with pytest.raises(Refusal) as refused:
        read(text)
    return refused.value.reason


def of(kind: str, /, **data: Any) -> Raw:
    """The good event as another type with other data."""
    return {**GOOD, "type": kind, "data": data}


def led_by(**identity: Any) -> Raw:
    """A change of persons to one legal representative."""
    return of("registration.changed", persons=[{"role": "legal_representative", **identity}])


def nested(depth: int) -> Raw:
    """An event of a depth, its own object counted."""
    return {**GOOD, "unknown": json.loads("[" * (depth - 1) + "]" * (depth - 1))}


def sized(size: int) -> bytes:
    """A good line of so many bytes."""
    bare = line({**GOOD, "unknown": ""})
    return line({**GOOD, "unknown": "x" * (size - len(bare))})


def lacking(name: str) -> Raw:
    return {key: value for key, value in GOOD.items() if key != name}


ESTABLISHED = {"name": "甲", "kind": "enterprise", "address": {"text": "文三路1号"}, "persons": []}

REFUSED: list[tuple[bytes | Raw, str]] = [
    (b"hello", "not_json"),
    (b"{}x", "missing_field"),
    (line(GOOD) + b"x", "not_json"),
    (line(GOOD)[:-9], "not_json"),
    (line({**GOOD, "type": "no.such"})[:-9], "not_json"),
    (b'{"type": "no.such", "id": }', "not_json"),
    (line({**GOOD, "unknown": 7}).replace(b": 7", b": NaN"), "not_json"),
    (line(GOOD).replace(b"test", b"\xff\xfe"), "not_unicode"),
    (line(GOOD).replace(b"//test", b"\\ud800"), "not_unicode"),
    (line({**GOOD, "type": "no.such"}).replace(b"//test", b"\\ud800"), "not_unicode"),
    (line(GOOD).decode().encode("utf-16"), "not_unicode"),
    (nested(65), "too_deep"),
    ({**nested(65), "type": "no.such"}, "too_deep"),
    (b"[" * 100_000, "too_deep"),
    (sized(MAX_BYTES + 1), "too_large"),
    *((lacking(name), "missing_field") for name in GOOD),
    (of("enforcement.visited"), "missing_field"),
    (of("report.filed"), "missing_field"),
    (of("registration.established", **{**ESTABLISHED, "address": {}}), "missing_field"),
    (led_by(), "missing_field"),
    (led_by(id_type="passport"), "missing_field"),
    (led_by(id_number="G1"), "missing_field"),
    (of("court.defaulter_listed", person={}), "missing_field"),
    (of("objection.filed"), "missing_field"),
    (of("objection.decided", upheld=True), "missing_field"),
    *(({**GOOD, name: None}, "null_field") for name in (*GOOD, "recordedtime")),
    (of("enforcement.inspected", results=[None]), "null_field"),
    (led_by(id="p", name=None), "null_field"),
    (b"null", "null_field"),
    (b"[]", "wrong_type"),
    (b'"text"', "wrong_type"),
    ({**GOOD, "id": 7}, "wrong_type"),
    ({**GOOD, "type": 7}, "wrong_type"),
    ({**GOOD, "data": []}, "wrong_type"),
    ({**GOOD, "time": 1_700_000_000}, "wrong_type"),
    (of("report.filed", year="2023"), "wrong_type"),
    (of("report.filed", year=2023.5), "wrong_type"),
    (of("report.filed", year=True), "wrong_type"),
    (of("enforcement.visited", found=1), "wrong_type"),
    (of("enforcement.penalised", document="x", amount="5"), "wrong_type"),
    (of("credit.repaired", documents="x"), "wrong_type"),
    (of("registration.suspended", until="2025-02-30"), "wrong_type"),
    (of("registration.suspended", until="2025-03-01T00:00:00Z"), "wrong_type"),
    *(({**GOOD, name: ""}, "empty_text") for name in ("id", "source", "type", "time")),
    ({**GOOD, "type": "registration.destroyed"}, "unknown_type"),
    ({**GOOD, "type": "TAX.IRREGULAR"}, "unknown_type"),
    ({**GOOD, "specversion": "0.3"}, "unknown_word"),
    ({**GOOD, "specversion": ""}, "unknown_word"),
    (of("registration.deregistered", mode="slow"), "unknown_word"),
    (of("enforcement.inspected", results=["gone"]), "unknown_word"),
    (led_by(id_number="G1", id_type="visa"), "unknown_word"),
    ({**GOOD, "type": "monitor.live", "data": {"officer": "x"}}, "reserved_type"),
    ({**GOOD, "type": "config.activated", "data": {}}, "reserved_type"),
    ({**GOOD, "type": "supervision.task_closed"}, "reserved_type"),
    *(
        ({**GOOD, "subject": subject}, "invalid_subject")
        for subject in ("", "abc", "a b c", "浙江主体", "x" * 65, "abcd\n", "abcd/")
    ),
    ({**GOOD, "type": "clock.ticked"}, "invalid_subject"),
    ({**GOOD, "time": "2025-03-01T09:00:00"}, "missing_offset"),
    ({**GOOD, "time": "2025-03-01 09:00:00"}, "missing_offset"),
    ({**GOOD, "recordedtime": "2025-03-01T09:00:00.5"}, "missing_offset"),
    *(
        ({**GOOD, "time": time}, "invalid_time")
        for time in ("yesterday", "2025-03-01", "2025-02-30T00:00:00Z", "2025-03-01T24:00:00Z", "2025-03-01T00:00:60Z")
    ),
    ({**GOOD, "recordedtime": "2025-13-01T00:00:00Z"}, "invalid_time"),
    ({**GOOD, "time": "2025-04-13T01:00:00.000001Z"}, "future_time"),
    ({**GOOD, "time": "9999-12-31T23:59:59-08:00"}, "future_time"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[f"{why}-{at}" for at, (_, why) in enumerate(REFUSED)])
def test_a_bad_line_is_refused_with_its_reason(text: bytes | Raw, reason: str) -> None:
    assert reason_of(text) == reason


def test_every_reason_is_reached() -> None:
    # Below, in tests/unit/test_mapping*.py, tests/integration/test_http.py and tests/unit/test_kept.py.
    elsewhere = {"conflicting_repeat", "unmapped_row", "foreign_source", "intake_defect"}
    assert {reason for _, reason in REFUSED} | elsewhere == set(REASONS)


@pytest.mark.parametrize(
    "text",
    [
        line(GOOD),
        b"\xef\xbb\xbf" + line(GOOD),
        b"  " + line(GOOD) + b" \r",
        nested(64),
        sized(MAX_BYTES),
        sized(MAX_BYTES) + b" " * 9,
        line(GOOD) + b" " * MAX_BYTES,
        {**GOOD, "unknown": "[" * 500},
        {**GOOD, "unknown": None, "data": {"unknown": [None, {"x": 1e9}]}},
        line({**GOOD, "unknown": 7}).replace(b": 7", b": 1e400"),
        line({**GOOD, "unknown": 7}).replace(b": 7", b": " + b"9" * 5000),
        line({**GOOD, "unknown": 7}).replace(b": 7", b': "\\ud800"'),
        line({**GOOD, "unknown": 7}).replace(b'"unknown"', b'"\\udfff\\ud800x"'),
        line({**GOOD, "unknown": 7}).replace(b": 7", b': "\\\\ud800 \\ud83d\\ude00 \\ude00"'),
        {**GOOD, "subject": "abcd"},
        {**GOOD, "subject": "x" * 64},
        {**GOOD, "subject": "zj:0001.x-_"},
        {**GOOD, "subject": CODE[:-1] + "0"},
        {**GOOD, "subject": CODE.lower()},
        {**GOOD, "time": "2025-04-13T01:00:00Z"},
        {**GOOD, "time": "2025-04-13T09:00:00.0000009+08:00"},
        {**GOOD, "time": "1900-01-01t00:00:00z"},
        {**GOOD, "time": "2024-02-29T23:59:59.5-00:00"},
        {**GOOD, "recordedtime": "2035-01-01T00:00:00Z"},
        of("registration.changed", name="", industry="", phone="", persons=[]),
        of("enforcement.inspected", results=[]),
        of("enforcement.penalised", document="", amount=-1),
        of("registration.established", **ESTABLISHED),
        of("registration.suspended", until="9999-12-31"),
        of("registration.resumed", until="2025-03-01"),
        of("objection.filed", alert=""),
        led_by(id=""),
        led_by(name=""),
        led_by(id="p", id_number=""),
        of("court.defaulter_removed", person={"name": "张三", "role": "not looked at"}),
        event("clock", "clock.ticked", "2025-03-01T00:00:00Z"),
    ],
)
def test_what_the_contract_allows_is_accepted(text: bytes | Raw) -> None:
    accepted(text)


@pytest.mark.parametrize("text", [b"", b"   ", b"\t\r", b"\xef\xbb\xbf", b"\xef\xbb\xbf  ", b" " * (MAX_BYTES + 9)])
def test_blank_lines_are_skipped(text: bytes) -> None:
    assert read(text) is None


def test_each_type_is_decided_by_the_clock_of_the_receiver() -> None:
    ahead = {**GOOD, "time": "2025-04-13T01:00:00Z"}
    assert read(ahead, clock=CLOCK) is not None
    with pytest.raises(Refusal, match="future_time"):
        read(ahead, clock=CLOCK - 1)


def test_times_become_microseconds() -> None:
    found = accepted({**GOOD, "time": "2025-03-01T09:00:00.1234567+08:00", "recordedtime": "2025-03-02T01:00:00Z"})
    assert found.at == found.event.time == parse_moment("2025-03-01T01:00:00.123456Z")
    assert found.event.recordedtime == parse_moment("2025-03-01T01:00:00Z") + 86_400 * SECOND


# --- persons


def lead_of(found: Candidate) -> Any:
    return found.event.data.persons[0]


def test_a_number_becomes_one_pseudonym_however_it_is_written() -> None:
    spellings = (PERSON, PERSON.lower(), f"  {PERSON} ")
    found = {lead_of(accepted(led_by(id_number=one, id_type="resident_id"))).id for one in spellings}
    assert len(found) == 1
    assert PERSON not in found
    other = lead_of(accepted(led_by(id_number=PERSON, id_type="other"))).id
    assert other not in found


def test_of_both_id_and_number_the_id_holds() -> None:
    both = accepted(led_by(id="p-known", id_number=PERSON, id_type="resident_id"))
    assert lead_of(both).id == lead_of(accepted(led_by(id="p-known"))).id == "p-known"


def test_an_identity_number_in_the_place_of_a_pseudonym_is_not_kept() -> None:
    by_mistake = lead_of(accepted(led_by(id=PERSON)))
    assert by_mistake.id == lead_of(accepted(led_by(id_number=PERSON, id_type="resident_id"))).id


def test_a_name_beside_a_number_is_kept_masked_and_a_bare_one_is_an_identity() -> None:
    label = lead_of(accepted(led_by(id="p", name="欧阳修")))
    assert (label.id, label.name) == ("p", "欧*")
    bare = lead_of(accepted(led_by(name="欧阳修")))
    assert bare.id.startswith("name:n1:")
    assert bare.name == "欧*"
    assert lead_of(accepted(led_by(name="欧阳询"))).id != bare.id


@pytest.mark.parametrize("identity", [{"id": ""}, {"name": ""}, {"id": "", "name": " "}])
def test_an_empty_identity_is_nobody(identity: Raw) -> None:
    assert lead_of(accepted(led_by(**identity))).id is UNSET


def test_a_phone_becomes_a_pseudonym_whatever_its_separators() -> None:
    phones = {accepted(of("registration.changed", phone=one)).event.data.phone for one in ("0571-8888 1", "057188881")}
    assert len(phones) == 1
    assert next(iter(phones)).startswith("t1:")


# --- repeats


@pytest.mark.parametrize(
    "same",
    [
        {**GOOD, "time": "2025-03-01T01:00:00.000000Z"},
        {**GOOD, "unknown": [None], "data": {"unknown": {}}},
        dict(reversed(GOOD.items())),
    ],
)
def test_the_same_event_written_otherwise_has_the_same_content(same: Raw) -> None:
    assert accepted(same).content == accepted(GOOD).content


@pytest.mark.parametrize(
    "other",
    [
        {**GOOD, "time": "2025-03-01T09:00:01+08:00"},
        {**GOOD, "recordedtime": "2025-03-01T09:00:00+08:00"},
        {**GOOD, "type": "tax.regular"},
    ],
)
def test_an_event_that_differs_in_a_known_field_has_other_content(other: Raw) -> None:
    assert accepted(other).content != accepted(GOOD).content


def test_persons_are_compared_by_their_pseudonyms() -> None:
    one = accepted(led_by(id_number=f" {PERSON.lower()}", id_type="resident_id", name="张三"))
    same = accepted(led_by(id_number=PERSON, id_type="resident_id", name="张三丰"))
    other = accepted(led_by(id_number=PERSON, id_type="passport", name="张三"))
    assert one.content == same.content
    assert one.content != other.content


def test_a_logged_event_says_its_content_again() -> None:
    for raw in (
        GOOD,
        of("registration.established", **ESTABLISHED),
        of("enforcement.penalised", document="x", amount=5),
    ):
        found = accepted(raw)
        logged = types.decode_logged(b"\xdd\x00\x00\x00\x01" + found.packed)[0]
        assert content_of(logged) == found.content


def test_a_second_arrival_changes_nothing_and_a_contradiction_is_a_dead_letter() -> None:
    contradiction = {**GOOD, "type": "tax.regular"}
    engine = Engine().take([line(GOOD), line(GOOD), line(contradiction), line(GOOD)])
    assert engine.accepted == 1
    assert engine.dead == [(3, "conflicting_repeat")]


def test_a_refused_line_takes_no_identity() -> None:
    engine = Engine().take([line({**GOOD, "data": None}), line(GOOD)])
    assert engine.accepted == 1


def test_other_subjects_and_sources_have_identities_of_their_own() -> None:
    others = [{**GOOD, "subject": "E0001"}, {**GOOD, "source": "//other"}, {**GOOD, "id": "other"}]
    engine = Engine().take([line(one) for one in (GOOD, *others)])
    assert engine.accepted == 4
    assert engine.dead == []


def test_contents_are_remembered_for_ninety_days_and_events_for_ever() -> None:
    old = {**GOOD, "time": "2024-06-01T00:00:00Z"}
    now = event("clock", "clock.ticked", "2025-04-12T01:00:00Z")
    engine = Engine().take([line(now), line(old), line({**old, "type": "tax.regular"})])
    assert engine.accepted == 2
    assert engine.dead == []


# --- what is kept of a refused line


def kept_of(text: bytes | Raw) -> tuple[str, bool]:
    return readable_text(text if isinstance(text, bytes) else line(text), Pseudonymiser([KEY]))


def test_numbers_in_a_refused_event_become_their_pseudonyms() -> None:
    text, masked = kept_of(led_by(id_number=PERSON.lower(), id_type="resident_id", name="张三丰", role=None))
    person = json.loads(text)["data"]["persons"][0]
    known = lead_of(accepted(led_by(id_number=PERSON, id_type="resident_id")))
    assert not masked
    assert (person["id_number"], person["name"]) == (known.id, "张*")


@pytest.mark.parametrize(
    "raw",
    [
        {**GOOD, "time": PERSON},
        {**GOOD, "type": PERSON},
        {**GOOD, "unknown": {PERSON: f"证件{PERSON}号"}},
        {**GOOD, "unknown": int(PERSON[:17])},
        of("court.defaulter_listed", person={"name": "张三丰", "role": 5, "id": 5}),
        of("court.defaulter_listed", person="张三丰"),
        of("registration.changed", persons=["张三丰", {"name": "张三丰"}]),
        of("registration.changed", phone=13957138888),
        of("registration.changed", phone=["13957138888"]),
        led_by(id_type=PERSON),
    ],
)
def test_no_number_and_no_name_is_kept_of_a_refused_event(raw: Raw) -> None:
    text, _ = kept_of(raw)
    detail = ""
    try:
        read(raw)
    except Refusal as refused:
        detail = refused.detail
    for secret in (PERSON, PERSON[:17], "三丰", "13957138888"):
        assert secret not in text + detail


def test_a_line_that_cannot_be_parsed_is_masked() -> None:
    text, masked = kept_of(line(led_by(id_number=PERSON, id_type="resident_id", name="张三丰"))[:-3])
    assert masked
    assert '"type"' in text
    assert '"id_number"' in text
    assert PERSON not in text
    assert "张三丰" not in text


def test_a_dead_letter_says_where_the_source_has_it(tmp_path: Path) -> None:
    bad = line({**GOOD, "id": ""})
    (tmp_path / "events.jsonl").write_bytes(line(GOOD) + b"\n\n" + bad + b"\n")
    run_file(tmp_path / "home", tmp_path / "events.jsonl")
    (letter,) = dead_letters_of(tmp_path / "home")
    assert letter["source"] == str(tmp_path / "events.jsonl")
    assert (letter["line"], letter["offset"]) == (3, len(line(GOOD)) + 2)
    assert letter["reason"] == "empty_text"
    assert json.loads(letter["text"]) == json.loads(bad)
