"""A batch is cut into its events; one that is broken inside does not take the others with it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events.batch import events_of
from monitor.events.refusal import Refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(JSON), st.booleans())
def test_every_event_is_given_as_it_was(events: list[object], indent: bool) -> None:
    body = json.dumps(events, ensure_ascii=False, indent=1 if indent else None).encode("utf-8", "surrogatepass")
    try:
        parts = events_of(body)
    except Refusal:
        pytest.fail(repr(body))
    assert [json.loads(part.decode("utf-8", "surrogatepass")) for part in parts] == json.loads(json.dumps(events))


@pytest.mark.parametrize("broken", [b"NaN", b'{"a":"\\ud800"}', b"[" * 5000 + b"]" * 5000, b'{"a":"\x01"}', b"{1}"])
def test_a_broken_event_stays_alone(broken: bytes) -> None:
    good = b'{"text":"],[\\"{","n":[1,{}]}'
    assert events_of(b"\xef\xbb\xbf [" + good + b" ,\n" + broken + b"," + good + b"]\r\n") == [good, broken, good]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"[", "not_json"),
        (b"[{}", "not_json"),
        (b"[{},]", "not_json"),
        (b"[NaN,,{}]", "not_json"),
        (b"[,]", "not_json"),
        (b"[{}] []", "not_json"),
        (b'[{"a": "b}]', "not_json"),
        (b"[}", "not_json"),
        (b"{}", "wrong_type"),
        (b'"text"', "wrong_type"),
    ],
)
def test_what_is_no_array_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        events_of(body)
    assert refused.value.reason == reason


def test_an_empty_batch_has_no_events() -> None:
    assert events_of(b" [ ] ") == []


@pytest.mark.parametrize("body", [b'["\\' * 1_000_000, b"[" * 3_000_000, b'[NaN,"' + b"\\\\" * 1_000_000])
def test_hostile_batches_take_linear_time(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(Refusal):
        events_of(body)
    assert time.process_time() - began < 10
