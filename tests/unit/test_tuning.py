"""What outcomes teach, against published examples and by hand."""

from __future__ import annotations

import pytest

from config.queueing import Tuning
from monitor.supervision import tuning
from monitor.supervision.tasks import Outcome, Task
from monitor.supervision.tuning import Case, cases, false_alarms, lift, proposals, wilson
from tests.tasks_made import BINJIANG, NOW, XIHU, alert, made

POLICY = Tuning(least_outcomes=20, false_alarms_borne=0.3)


def closed(result: str, **changes: object) -> Task:
    task = made(**changes)  # type: ignore[arg-type]
    task.status, task.outcome = "closed", Outcome(result, "赵敏", NOW)
    return task


def test_wilson_s_interval_is_that_of_newcombe_s_table() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for hits, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        share = wilson(hits, of, 0.95)
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert round(wilson(1, 29, 0.95).high, 4) == 0.1718
    assert wilson(0, 0, 0.95)[2:] == (0, 0, 1)


def test_false_alarms_are_counted_by_rule_and_county_from_the_outcome_that_holds() -> None:
    some = [alert(f"E{n}", value=3.0 + n) for n in range(4)]
    known = {one.id: one for one in some}
    tasks = [
        closed("false_alarm", alerts=[some[0].id]),
        closed("unreachable", alerts=[some[1].id]),
        closed("false_alarm", alerts=[some[2].id], region=BINJIANG),
        made(alerts=[some[3].id]),
    ]
    rates = false_alarms(cases(tasks, known), 0.95)
    assert {key: share[:2] for key, share in rates.items()} == {
        ("linked-risk", ""): (2, 3),
        ("linked-risk", BINJIANG): (1, 1),
        ("linked-risk", XIHU): (1, 2),
    }


def many(value: float, false: int, true: int, region: str = XIHU) -> list[Case]:
    return [Case("linked-risk", region, value, 2, n < false) for n in range(false + true)]


def test_a_threshold_is_proposed_from_which_on_false_alarms_are_borne() -> None:
    some = many(2, 25, 5) + many(3, 12, 8) + many(5, 4, 26)
    everywhere, county = proposals(some, POLICY)
    assert (everywhere.region, county.region) == (tuning.EVERYWHERE, XIHU)
    assert (county.now, county.threshold) == (2, 5)
    assert county.false_alarms[:2] == (41, 80)
    assert county.then is not None
    assert county.then[:2] == (4, 30)


@pytest.mark.parametrize(
    "some",
    [many(2, 15, 4), many(2, 8, 22), many(2, 10, 20)],
    ids=["too few outcomes", "few enough false alarms", "not surely too many"],
)
def test_nothing_is_proposed_without_enough_reason(some: list[Case]) -> None:
    assert proposals(some, POLICY) == []


def test_where_no_threshold_helps_the_rule_is_to_be_looked_at() -> None:
    for some in (many(2, 15, 5) + many(9, 20, 5), many(2, 30, 5) + many(9, 0, 10)):
        assert {proposal.threshold for proposal in proposals(some, POLICY)} == {None}


def test_lift_is_the_ratio_of_findings_with_the_log_method_s_interval() -> None:
    # By hand: ratio (40/100)/(10/100) = 4; standard error of its logarithm sqrt(1/40-1/100+1/10-1/100) = 0.3240.
    tasks = [closed("unreachable" if n < 40 else "none_found") for n in range(100)]
    tasks += [closed("corrected" if n < 10 else "false_alarm", control=True) for n in range(100)]
    by_hand = closed("unreachable")
    by_hand.by_hand = True
    found = lift([*tasks, by_hand, made()], 0.95)
    assert found is not None
    assert (found.targeted[:2], found.control[:2]) == ((40, 100), (10, 100))
    assert found.ratio == pytest.approx(4)
    assert [found.low, found.high] == pytest.approx([2.120, 7.548], abs=0.001)


def test_lift_has_an_interval_where_chance_found_nothing() -> None:
    tasks = [closed("unreachable") for _ in range(10)] + [closed("none_found", control=True) for _ in range(10)]
    found = lift(tasks, 0.95)
    assert found is not None
    assert found.ratio == pytest.approx(21)
    assert 1 < found.low < found.ratio < found.high
    assert lift(tasks[:10], 0.95) is None
