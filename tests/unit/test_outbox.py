"""The outbox: nothing is said twice, too early, too often or after it was acknowledged; everything is counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, func, select

from config.moments import HOUR, SECOND
from monitor.store.home import Home
from monitor.store.outgoing import dispatch, outbox
from monitor.store.outgoing.dispatch import EVERYBODY, Claim, Limits, Outcome, Route
from monitor.store.outgoing.messages import Message, PersonalDataError
from monitor.store.outgoing.outbox_schema import PUSH_DELIVERIES, PUSH_MESSAGES, PUSH_SENDS

T0 = 1_760_000_000 * SECOND
LIMITS = Limits(
    channel="robot",
    count=3,
    window=60 * SECOND,
    deadline=12 * SECOND,
    attempts=20,
    keep=72 * HOUR,
    back_off=30 * SECOND,
)
TAKEN = Outcome(True, "r1", "ok")
REFUSED = Outcome(False, detail="no")
DOWN = Outcome(False, detail="down", rests=True)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    home = Home(tmp_path)
    home.create()
    made = home.writer()
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def message(key: str, level: int = 2, **more: Any) -> Message:
    return Message(key, "task", f"T-{key}", "任务", "task", "正文", "body", level, **{"region": "330106", **more})


def enqueue(store: Connection, *messages: Message, at: int = T0, routes: Sequence[Route] = (Route("robot"),)) -> int:
    new = outbox.enqueue(store, messages, at)
    dispatch.route(store, routes, at)
    return new


def claimed(store: Connection, at: int, limits: Limits = LIMITS) -> Claim | None:
    return dispatch.claim(store, limits, at)


def keys(claim: Claim | None) -> str:
    assert claim is not None
    assert claim.message is not None
    return claim.message.key


def send(store: Connection, at: int, outcome: Outcome = TAKEN, limits: Limits = LIMITS) -> str | None:
    """The key of what was sent, `digest` for a digest, None for nothing."""
    claim = dispatch.claim(store, limits, at)
    if claim is None:
        return None
    dispatch.finish(store, claim, outcome, limits, at)
    return "digest" if claim.message is None else claim.message.key


def statuses(store: Connection) -> dict[str, str]:
    rows = store.execute(select(PUSH_DELIVERIES.c.key, PUSH_DELIVERIES.c.status))
    return {key: status for key, status in rows}


def standing(store: Connection, channel: str = "robot") -> outbox.Standing:
    return next(one for one in outbox.standings(store) if one.channel == channel)


# -- what goes where


@pytest.mark.parametrize("field", ["key", "number", "title_zh", "title_en", "body_zh", "body_en"])
def test_no_field_of_a_message_may_hold_a_number(store: Connection, field: str) -> None:
    wrong = msgspec.structs.replace(message("1"), **{field: "张＊ 13800138000"})
    with pytest.raises(PersonalDataError) as caught:
        outbox.enqueue(store, [message("2"), wrong], T0)
    assert "13800138000" not in str(caught.value)
    assert outbox.not_acknowledged(store) == 0


def test_a_message_comes_once_whatever_it_says_later(store: Connection) -> None:
    assert enqueue(store, message("a"), message("b")) == 2
    assert enqueue(store, message("a", level=4), message("c"), message("c")) == 1
    assert outbox.enqueue(store, [], T0) == 0
    assert [one.level for one in outbox.in_app(store, 10) if one.key == "a"] == [2]
    assert set(statuses(store)) == {"a", "b", "c"}


def test_a_message_belongs_to_the_transaction_of_its_cause(engine: Engine) -> None:
    connection = engine.connect()
    outbox.enqueue(connection, [message("a")], T0)
    connection.rollback()
    connection.close()
    with engine.connect() as connection:
        assert outbox.in_app(connection, 10) == []


def test_channels_take_what_is_theirs(store: Connection) -> None:
    routes = [Route("all"), Route("city", ("3301",), 1), Route("red", (), 4), Route("none", ("3302", "34"))]
    enqueue(
        store,
        *(message("hangzhou"), message("ningbo", 4, region="330203"), message("everybody", 3, region=None)),
        routes=routes,
    )
    rows = store.execute(select(PUSH_DELIVERIES.c.channel, PUSH_DELIVERIES.c.key)).all()
    assert sorted(f"{channel} {key}" for channel, key in rows) == [
        *("all everybody", "all hangzhou", "all ningbo", "city everybody", "city hangzhou"),
        *("none everybody", "none ningbo", "red ningbo"),
    ]


def test_pages_show_the_newest_that_nobody_acknowledged(store: Connection) -> None:
    enqueue(store, message("old"), at=T0)
    enqueue(store, message("new", region="330203"), message("any", region=None), at=T0 + 1)
    assert [one.key for one in outbox.in_app(store, 10)] == ["any", "new", "old"]
    assert [one.key for one in outbox.in_app(store, 1)] == ["any"]
    assert [one.key for one in outbox.in_app(store, 10, ["3301"])] == ["any", "old"]
    outbox.acknowledge(store, "any", T0 + 2)
    assert [one.key for one in outbox.in_app(store, 10)] == ["new", "old"]
    assert outbox.not_acknowledged(store) == 2


def test_what_is_too_old_when_a_channel_comes_is_counted_and_not_sent(store: Connection) -> None:
    outbox.enqueue(store, [message("old")], T0 - 100 * HOUR)
    outbox.enqueue(store, [message("new")], T0 - HOUR)
    dispatch.route(store, [Route("robot", not_before=T0 - 72 * HOUR)], T0)
    assert statuses(store) == {"old": "given_up", "new": "waiting"}
    assert standing(store).totals == {"given_up": 1}


# -- sending


def test_the_highest_level_goes_first_then_the_oldest(store: Connection) -> None:
    enqueue(store, message("b", 2), message("a", 2), at=T0)
    enqueue(store, message("c", 4), at=T0 + SECOND)
    assert [send(store, T0 + 2 * SECOND) for _ in range(3)] == ["c", "a", "b"]
    assert send(store, T0 + 3 * SECOND) is None
    assert standing(store).totals == {"sends_sent": 3, "sent": 3}


def test_a_receipt_is_kept(store: Connection) -> None:
    enqueue(store, message("a"))
    send(store, T0 + SECOND)
    row = store.execute(select(PUSH_DELIVERIES)).one()
    assert (row.status, row.attempts, row.sent_at, row.receipt, row.detail) == ("sent", 1, T0 + SECOND, "r1", "ok")
    (sent,) = store.execute(select(PUSH_SENDS)).all()
    assert (sent.key, sent.messages, sent.at, sent.result, sent.receipt) == ("a", 1, T0 + SECOND, "sent", "r1")


def test_a_refused_message_comes_again_later_and_later_and_is_given_up(store: Connection) -> None:
    enqueue(store, message("a"))
    limits = msgspec.structs.replace(LIMITS, attempts=4)
    at, tries = T0, []
    for second in range(600):
        at = T0 + second * SECOND
        if send(store, at, REFUSED, limits) is not None:
            tries.append(second)
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(tries) == 4
    assert [12 + 30 * 2**n * 0.75 <= wait <= 13 + 30 * 2**n * 1.25 for n, wait in enumerate(waits)] == [True] * 3
    assert statuses(store) == {"a": "given_up"}
    assert standing(store).totals == {"sends_failed": 4, "given_up": 1}


def test_back_off_is_the_same_on_every_run_and_differs_by_key() -> None:
    waits = [dispatch.back_off(30 * SECOND, 3, key) for key in "abcdefgh"]
    assert waits == [dispatch.back_off(30 * SECOND, 3, key) for key in "abcdefgh"]
    assert len(set(waits)) == 8
    assert all(90 * SECOND <= one <= 150 * SECOND for one in waits)
    assert dispatch.back_off(30 * SECOND, 500, "a") <= 1.25 * HOUR


def test_one_refusal_holds_nobody_up_but_a_fault_of_the_channel_rests_it(store: Connection) -> None:
    enqueue(store, message("a"), message("b"), message("c"))
    assert send(store, T0, REFUSED) == "a"
    assert send(store, T0, DOWN) == "b"
    assert send(store, T0 + 4 * SECOND) is None
    assert not dispatch.anything(store, LIMITS, T0 + 4 * SECOND)
    assert standing(store).rest_until == T0 + 5 * SECOND
    assert send(store, T0 + 5 * SECOND, DOWN) == "c"
    assert standing(store).rest_until == T0 + 15 * SECOND
    assert standing(store).detail == "down"
    at = T0 + 70 * SECOND
    assert {send(store, at), send(store, at), send(store, at)} == {"a", "b", "c"}
    assert (standing(store).detail, standing(store).succeeded_at) == ("", at)


def test_what_the_other_side_asks_to_wait_is_waited(store: Connection) -> None:
    enqueue(store, message("a"))
    send(store, T0, Outcome(False, detail="429", retry_after=900 * SECOND, rests=True))
    assert send(store, T0 + 899 * SECOND) is None
    assert send(store, T0 + 900 * SECOND) == "a"


def test_a_message_that_waits_too_long_is_given_up(store: Connection) -> None:
    enqueue(store, message("a"), message("b", 4))
    at = T0 + LIMITS.keep
    assert send(store, at - 1) == "b"
    assert send(store, at) is None
    assert statuses(store) == {"a": "given_up", "b": "sent"}


def test_what_a_lost_process_was_at_is_said_once_more(store: Connection) -> None:
    enqueue(store, message("a"))
    assert keys(claimed(store, T0)) == "a"  # and no receipt comes
    assert claimed(store, T0 + 30 * SECOND) is None
    again = T0 + 60 * SECOND
    assert send(store, again) == "a"
    assert standing(store).totals == {"sends_unknown": 1, "sends_sent": 1, "sent": 1}
    assert [send(store, again + n * HOUR) for n in range(3)] == [None] * 3


def test_whom_the_channel_does_not_know_costs_nothing(store: Connection) -> None:
    enqueue(store, *(message(str(n)) for n in range(10)))
    for _ in range(9):
        assert send(store, T0, Outcome(False, detail="nobody", nobody=True)) not in (None, "digest")
    assert send(store, T0) == "9"
    assert standing(store).totals == {"skipped": 9, "sends_sent": 1, "sent": 1}
    assert standing(store).detail == ""


# -- acknowledgement and reminders


def test_an_acknowledgement_stops_what_waits(store: Connection) -> None:
    enqueue(store, message("a"), message("b"), routes=[Route("robot"), Route("mail")])
    assert outbox.acknowledge(store, "a", T0)
    assert not outbox.acknowledge(store, "a", T0)
    assert not outbox.acknowledge(store, "none", T0)
    assert [send(store, T0 + SECOND) for _ in range(2)] == ["b", None]
    assert standing(store, "mail").totals == {"stopped": 1}
    outbox.enqueue(store, [message("c")], T0)
    outbox.acknowledge(store, "c", T0)
    dispatch.route(store, [Route("robot")], T0)
    assert "c" not in statuses(store)


def test_an_acknowledgement_while_it_is_sent_ends_it(store: Connection) -> None:
    enqueue(store, message("a", remind_every=HOUR, reminders=3), message("b"))
    for key, outcome in (("a", TAKEN), ("b", REFUSED)):
        claim = claimed(store, T0)
        assert keys(claim) == key
        assert claim is not None
        outbox.acknowledge(store, key, T0)
        dispatch.finish(store, claim, outcome, LIMITS, T0 + SECOND)
    assert statuses(store) == {"a": "stopped", "b": "stopped"}
    assert [send(store, T0 + n * HOUR) for n in range(10)] == [None] * 10


def test_it_is_said_again_until_somebody_answers_or_it_was_said_often_enough(store: Connection) -> None:
    enqueue(store, message("a", remind_every=HOUR, reminders=2), message("b", remind_every=HOUR, reminders=5))
    said: list[tuple[str, int, int]] = []
    for minute in range(0, 600, 10):
        at = T0 + minute * 60 * SECOND
        if minute == 130:
            outbox.acknowledge(store, "b", at)
        while (claim := claimed(store, at)) is not None:
            dispatch.finish(store, claim, TAKEN, LIMITS, at)
            said.append((keys(claim), claim.reminded, minute))
    assert sorted(said) == [("a", 0, 0), ("a", 1, 60), ("a", 2, 120), ("b", 0, 0), ("b", 1, 60), ("b", 2, 120)]
    assert statuses(store) == {"a": "sent", "b": "stopped"}


# -- quota, digest, quiet hours


def test_what_exceeds_the_quota_goes_as_one_digest(store: Connection) -> None:
    people = {"recipients": ("zhang",)}
    enqueue(store, *(message(f"{n:02}", 1 + n % 4, **people if n == 3 else {}) for n in range(20)))
    assert [send(store, T0) for _ in range(2)] == ["03", "07"]
    claim = claimed(store, T0)
    assert claim is not None
    assert claim.digest is not None
    assert claim.messages == 18
    assert claim.digest.levels == {4: 3, 3: 5, 2: 5, 1: 5}
    assert claim.digest.numbers[:4] == ("T-11", "T-15", "T-19", "T-02")
    assert len(claim.digest.numbers) == dispatch.NUMBERS_SHOWN
    assert claim.digest.recipients == (EVERYBODY,)
    dispatch.finish(store, claim, TAKEN, LIMITS, T0)
    assert set(statuses(store).values()) == {"sent"}
    assert standing(store).totals == {"sends_sent": 3, "sent": 2, "joined": 18}


def test_the_quota_holds_in_every_window_also_while_a_receipt_is_missing(store: Connection) -> None:
    enqueue(store, *(message(str(n)) for n in range(3)))
    assert [keys(claimed(store, T0 + n * SECOND)) for n in range(3)] == ["0", "1", "2"]
    enqueue(store, message("late"), at=T0 + 3 * SECOND)
    # The first may have arrived at any moment up to its deadline.
    assert claimed(store, T0 + 71 * SECOND) is None
    assert keys(claimed(store, T0 + 73 * SECOND)) is not None


def test_the_window_begins_when_the_other_side_has_it(store: Connection) -> None:
    limits = msgspec.structs.replace(LIMITS, count=1)
    enqueue(store, message("slow"))
    claim = claimed(store, T0, limits)
    assert claim is not None
    dispatch.finish(store, claim, TAKEN, limits, T0 + 9 * SECOND)
    enqueue(store, message("next"), at=T0 + 10 * SECOND)
    assert send(store, T0 + 68 * SECOND, limits=limits) is None
    assert send(store, T0 + 69 * SECOND, limits=limits) == "next"


def test_a_digest_that_failed_is_made_anew(store: Connection) -> None:
    limits = msgspec.structs.replace(LIMITS, count=1)
    enqueue(store, *(message(str(n)) for n in range(5)))
    assert send(store, T0, REFUSED, limits) == "digest"
    outbox.acknowledge(store, "0", T0)
    enqueue(store, message("late", 4), at=T0 + SECOND)
    claim = claimed(store, T0 + 100 * SECOND, limits)
    assert claim is not None
    assert claim.messages == 5
    dispatch.finish(store, claim, TAKEN, limits, T0 + 100 * SECOND)
    assert statuses(store) == {"0": "stopped", **dict.fromkeys(("1", "2", "3", "4", "late"), "sent")}


def test_quiet_hours_delay_and_lose_nothing(store: Connection) -> None:
    quiet = msgspec.structs.replace(LIMITS, least_level=4)
    enqueue(store, message("a", 2), message("b", 4), message("c", 3))
    assert [send(store, T0, TAKEN, quiet) for _ in range(2)] == ["b", None]
    assert [send(store, T0 + 11 * HOUR) for _ in range(3)] == ["c", "a", None]


def test_a_storm_leads_to_no_more_than_the_quota(store: Connection) -> None:
    limits = msgspec.structs.replace(LIMITS, count=20)
    storm = 100_000
    assert enqueue(store, *(message(f"{n:06}", 1 + n % 4) for n in range(storm))) == storm
    sent = [send(store, T0, TAKEN, limits) for _ in range(30)]
    assert len([one for one in sent if one is not None]) == 20
    assert sent.count("digest") == 1
    assert standing(store).totals == {"sends_sent": 20, "sent": 19, "joined": storm - 19}
    assert store.execute(select(func.count()).select_from(PUSH_MESSAGES)).scalar() == storm
    assert outbox.not_acknowledged(store) == storm
    assert standing(store).waiting == 0


def test_a_store_without_an_outbox_has_nothing_to_tell(tmp_path: Path) -> None:
    home = Home(tmp_path / "old")
    home.create()
    engine = home.writer()
    with engine.begin() as connection:
        for table in (PUSH_MESSAGES, PUSH_DELIVERIES, PUSH_SENDS):
            table.drop(connection)
    with engine.connect() as connection:
        found = (outbox.standings(connection), outbox.in_app(connection, 1), outbox.not_acknowledged(connection))
        assert found == ([], [], 0)
    engine.dispose()
