"""What is kept of a refused event: enough to read it again, and no number of a person wherever it stands."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from config import moments
from monitor.events import intake
from monitor.events.intake import Intake
from monitor.events.kept import intake_of_kept, is_whole
from monitor.events.refusal import Refusal, readable_text, shown
from monitor.identifiers.pseudonyms import Pseudonymiser
from tests.engine import CLOCK, KEY, Raw, dead_letters, event, line, opened, read_home, run_file, save

RESIDENT = "11010519491231002X"
PASSPORT = "EC9182736"
PHONE = "0571-87654321"
KEYS = Pseudonymiser([KEY])
WHO = {"role": "operator", "id_number": RESIDENT, "id_type": "resident_id", "name": "王小明"}


def kept(raw: Raw) -> str:
    text, masked = readable_text(line(raw), KEYS)
    assert not masked
    return text


@pytest.mark.parametrize(
    "raw",
    [
        {**opened("E0001"), "remark": PASSPORT, "time": "9999-01-01T00:00:00Z"},
        {**opened("E0001"), PASSPORT: 1, "time": "9999-01-01T00:00:00Z"},
        opened("E0001", kind=PASSPORT),
        opened("E0001", kind=None, remark={"证件": [f"护照{PASSPORT}号", {PASSPORT: PASSPORT}]}),
        opened("E0001", name=PASSPORT, kind=None),
        opened("E0001", kind=PHONE),
        opened("E0001", kind="139 5713 9999"),
        opened("E0001", kind="ＥＣ９１８２７３６"),
        opened("E0001", persons=[{**WHO, "role": PASSPORT}]),
        opened("E0001", persons=[{**WHO, "id_type": PASSPORT}]),
        opened("E0001", persons=[{"role": "operator", "id_number": PASSPORT}]),
        opened("E0001", persons=[{"role": "operator", "id_number": PASSPORT, "id_type": "visa"}]),
        {**opened("E0001"), "time": PASSPORT},
        {**opened("E0001"), "type": PASSPORT},
        {**opened("E0001"), "id": f"change of {RESIDENT}", "specversion": "0.3"},
        {**opened("E0001"), "id": 918273645, "remark": 918273645},
        event("E0001", "report.filed", "2025-01-01T00:00:00Z", year="x", id_number=PASSPORT, holder=PASSPORT),
        event("E0001", "no.such", "2025-01-01T00:00:00Z", holder=PASSPORT),
    ],
)
def test_a_number_in_a_doubtful_field_is_hidden(raw: Raw) -> None:
    with pytest.raises(Refusal) as refused:
        Intake(KEYS).read(line(raw), CLOCK)
    told = kept(raw) + refused.value.detail
    secrets = (PASSPORT, RESIDENT, PHONE, "87654321", "139 5713 9999", "ＥＣ９１８２７３６", "918273645")
    assert [secret for secret in secrets if secret in told] == []
    assert '"E0001"' in told, "what names the event stays"


def test_what_helps_to_mend_an_event_stays() -> None:
    raw = opened("91330100716105852F", kind="shop", capital=1_000_000, industry="F5299", until="2025-03-01")
    raw |= {"id": "zj-202501010000123", "remark": "2025-01-01T08:00:00+08:00, 20250101, 330106"}
    text = json.loads(kept(raw))
    assert (text["id"], text["subject"], text["time"]) == (raw["id"], raw["subject"], raw["time"])
    assert (text["remark"], text["data"]) == (raw["remark"], raw["data"])
    assert shown("`time`: 2025-01-01T00:00:00") == "`time`: 2025-01-01T00:00:00"


def test_an_event_in_order_loses_nothing_of_its_known_fields() -> None:
    raw = opened("E0001", name="第1234567号店", phone=PHONE, persons=[WHO])
    text = json.loads(kept({**raw, "time": "9999-01-01T00:00:00Z"}))
    assert text["data"]["name"] == "第1234567号店"
    assert text["data"]["phone"] == KEYS.phone(PHONE)
    assert text["data"]["persons"][0]["id_number"] == KEYS.number("resident_id", RESIDENT)


# --- read again from what was kept


@pytest.mark.parametrize("keys", [[KEY], [KEY, b"n" * 32], [KEY, b"n" * 32, b"m" * 32]])
def test_a_kept_text_gives_the_event_of_its_line(keys: list[bytes]) -> None:
    """Also where the keys were rotated after it was kept."""
    persons = [WHO, {"role": "manager", "id": "p-of-the-source"}]
    raw = opened("E0001", persons=persons, phone=PHONE)
    text, _ = readable_text(line(raw), Pseudonymiser(keys[:-1] or keys))
    assert is_whole(text)
    wanted = Intake(Pseudonymiser(keys)).read(line(raw), CLOCK)
    found = intake_of_kept(Pseudonymiser(keys)).read(text.encode(), CLOCK)
    assert wanted is not None
    assert found is not None
    assert (found.packed, found.content) == (wanted.packed, wanted.content)


@pytest.mark.parametrize(
    "raw",
    [
        opened("E0001", persons=[{"role": "operator", "name": "王小明"}]),
        opened("E0001", persons=[{"role": "operator", "name": "王小明", "id_number": " ", "id_type": "passport"}]),
        opened("E0001", persons=[{"role": "operator", "id_number": PASSPORT, "id_type": "visa"}]),
        opened("E0001", persons=[{**WHO, "id_number": int(RESIDENT[:17])}]),
        opened("E0001", phone=13957138888),
        opened("E0001", name="330106202500012345"),
        opened("E0001", role="x"),
        {**opened("E0001"), "remark": RESIDENT},
        opened("E0001", name="长" * 5000),
    ],
)
def test_a_text_in_which_something_is_hidden_is_not_read(raw: Raw) -> None:
    assert not is_whole(kept(raw))


@pytest.mark.parametrize("text", ["", "{", "[" * 2000, '{"a": 1}…'])
def test_what_is_no_json_is_not_whole(text: str) -> None:
    assert not is_whole(text)


# --- a defect of ours


def test_a_line_that_brings_out_a_defect_waits_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = moments.parse_moment

    def parse_moment(text: str) -> int:
        if text.startswith("2024-02-29"):
            raise KeyError(f"王小明 {RESIDENT}")
        return right(text)

    leap = {**opened("E0002", persons=[WHO]), "time": "2024-02-29T00:00:00Z"}
    source = save(tmp_path / "events.jsonl", map(line, (opened("E0001"), *[leap] * 12, opened("E0003"))))
    monkeypatch.setattr(intake, "parse_moment", parse_moment)
    with caplog.at_level(logging.ERROR):
        run_file(tmp_path / "home", source)
    letters = dead_letters(tmp_path / "home")
    assert [one["reason"] for one in letters] == ["intake_defect"] * 12
    assert letters[0]["detail"].startswith("KeyError: ")
    assert "parse_moment" in letters[0]["detail"]
    told = [one.getMessage() for one in caplog.records]
    assert len(told) == 10
    assert "a defect" in told[0]
    for secret in ("小明", RESIDENT):
        assert secret not in json.dumps([letters, told], ensure_ascii=False)
    assert read_home(tmp_path / "home", lambda reader: reader.counts())["enterprises"] == 2


def test_where_what_makes_pseudonyms_fails_nothing_is_seen_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(Pseudonymiser, "number", fails)
    text, masked = readable_text(line(opened("E0001", persons=[WHO])), KEYS)
    assert masked
    assert RESIDENT not in text
    with pytest.raises(Refusal) as refused:
        Intake(KEYS).read(line(opened("E0001", persons=[WHO])), CLOCK)
    assert refused.value.reason == "intake_defect"


def test_memory_that_is_used_up_is_no_fault_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> int:
        raise MemoryError

    monkeypatch.setattr(intake, "parse_moment", fails)
    with pytest.raises(MemoryError):
        Intake(KEYS).read(line(opened("E0001")), CLOCK)
