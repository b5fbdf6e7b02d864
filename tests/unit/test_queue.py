"""What the queue makes of alerts: caps, quiet, visits, merging, order, due dates, escalation, the control sample."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import msgspec
import pytest

from config.moments import DAY, HOUR
from config.queueing import Control, QueuePolicy
from monitor.supervision import task_acts
from monitor.supervision.control import drawn
from monitor.supervision.escalation import escalate
from monitor.supervision.queue import REASONS, Proposals, applied, propose
from monitor.supervision.scoring import PARTS, Candidate, Harm, Reckoning, candidate_of
from monitor.supervision.tasks import Task, foretold, made_today
from tests.tasks_made import BINJIANG, NOW, TODAY, XIHU, alert, candidate, context, made

POLICY = QueuePolicy()
RECKONING = Reckoning(POLICY, NOW)


def one_task(some: list[Candidate], **changes: object) -> Task:
    (task,) = propose(some, context(**changes), POLICY).tasks  # type: ignore[arg-type]
    return task


def reasons(out: Proposals) -> dict[str, Counter[str]]:
    return {
        county: Counter({str(reason): number for reason, number in some.items()}) for county, some in out.counts.items()
    }


def test_the_alerts_of_one_enterprise_become_one_task_with_every_point_shown() -> None:
    harm = Harm(penalties=2, complaints=20, industries=("H6210",))
    task = one_task(
        [
            candidate(alert="a-1", level=3, enterprises=("E001", "E002", "E003"), opened_at=NOW - 10 * DAY, harm=harm),
            candidate(alert="a-2", level=1, detector="phoenix", harm=harm),
        ]
    )
    assert (task.enterprises, task.alerts) == (["E001"], ["a-1", "a-2"])
    assert task.parts == {
        "level": 45,
        "further_alerts": 4,
        "class": 15,
        "age": 5,
        "enterprises": 1,
        "penalties": 6,
        "complaints": 8,
        "sensitive_industry": 8,
    }
    assert task.priority == sum(task.parts.values())
    assert (task.mode, task.agencies, task.due) == ("joint", ["税务 / tax"], "2026-11-17")


def test_bare_names_and_opening_stock_take_points_off() -> None:
    parts = RECKONING.parts([candidate(weak=True, stock=True)], "C")
    assert parts == {"level": 25, "class": 15, "weak_identity": -10, "opening_stock": -10}
    mixed = RECKONING.parts([candidate(weak=True), candidate(alert="a-2")], "C")
    assert "weak_identity" not in mixed


def test_without_alerts_the_class_alone_counts() -> None:
    found = [RECKONING.parts((), cls) for cls in ("A", "B", None, "C", "D")]
    assert found == [{}, {"class": 5}, {"class": 5}, {"class": 15}, {"class": 25}]


def test_every_part_has_its_words() -> None:
    harm = Harm(penalties=1, complaints=1, failed_samples=1, industries=("C1310",))
    some = [
        candidate(alert=f"a-{n}", enterprises=("E1", "E2"), opened_at=NOW - DAY, weak=True, stock=True, harm=harm)
        for n in range(2)
    ]
    assert set(RECKONING.parts(some, "D")) | {"second_opinion", "forecast"} == set(PARTS)


def test_a_model_makes_no_task_by_itself() -> None:
    out = propose(
        [
            candidate(detector="anomaly", level=2),
            candidate(alert="g", kind="group", key="g-1", detector="shell-cluster"),
        ],
        context(opinions={"E001": {"anomaly": 2, "shell-cluster": 3}}),
        POLICY,
    )
    assert not out.tasks
    assert reasons(out) == {XIHU: Counter({"second_opinion": 2})}


def test_a_model_raises_what_a_rule_found_and_says_by_how_much() -> None:
    found = candidate(alert="a-1", level=2)
    alone = one_task([found])
    raised = one_task(
        [found, candidate(alert="a-2", detector="anomaly", level=2)],
        opinions={"E001": {"anomaly": 2, "shell-cluster": 3}},
    )
    assert raised.alerts == ["a-1", "a-2"]
    assert raised.parts == {**alone.parts, "second_opinion": 12}
    assert raised.priority == alone.priority + 12
    weaker = one_task([found], opinions={"E001": {"anomaly": 1}})
    assert weaker.parts["second_opinion"] == 4


def test_a_model_neither_lifts_the_peace_of_a_good_enterprise_nor_hastens_a_task() -> None:
    some = [candidate(alert="a-1", level=1), candidate(alert="a-2", detector="anomaly", level=4)]
    opinions = {"E001": {"anomaly": 4}}
    quiet = propose(some, context(class_of=lambda code: "A", opinions=opinions), POLICY)
    assert (quiet.tasks, reasons(quiet)) == ([], {XIHU: Counter({"quiet": 2})})
    assert one_task(some, opinions=opinions).due == one_task(some[:1]).due


def test_an_open_task_rises_by_a_model_that_finds_something_later() -> None:
    task = one_task([candidate(alert="a-1", level=2)])
    before = dict(task.parts)
    out = propose(
        [candidate(alert="a-2", detector="anomaly", level=2)],
        context(open_tasks=[task], opinions={"E001": {"anomaly": 2}}),
        POLICY,
    )
    (after,) = applied(out, NOW)
    assert (after.alerts, after.parts) == (["a-1", "a-2"], {**before, "second_opinion": 8})


def test_the_forecast_raises_what_a_rule_found_by_its_chance_and_makes_no_task() -> None:
    found = candidate(alert="a-1", level=2)
    raised = one_task([found], chances={"E001": 0.63, "E002": 0.9})
    assert raised.parts == {**one_task([found]).parts, "forecast": 7.6}
    assert one_task([found], chances={"E001": 0.001}).parts == one_task([found]).parts
    group = candidate(alert="a-3", kind="address", key="room", enterprises=("E001", "E002"))
    assert one_task([group], chances={"E001": 0.63, "E002": 0.9}).parts["forecast"] == 10.8
    assert not propose([], context(chances={"E001": 1.0}), POLICY).tasks
    quiet = propose([found], context(class_of=lambda code: "A", chances={"E001": 1.0}), POLICY)
    assert (quiet.tasks, reasons(quiet)) == ([], {XIHU: Counter({"quiet": 1})})


def test_the_part_of_the_forecast_follows_its_chance_and_nothing_else_happens_to_the_task() -> None:
    task = one_task([candidate(alert="a-1", level=2)])
    before, history, seen = dict(task.parts), list(task.history), task.seen
    assert foretold(task, {"forecast": 6.0})
    assert not foretold(task, {"forecast": 6.0})
    assert (task.parts, task.priority) == ({**before, "forecast": 6.0}, sum(before.values()) + 6)
    assert foretold(task, {})
    assert (task.parts, task.priority, task.history, task.seen) == (before, sum(before.values()), history, seen)


def test_an_alert_is_seen_by_the_queue_as_it_stands() -> None:
    own = alert(level=3)
    assert candidate_of(own, ["E001"]) == candidate(alert=own.id, level=3)


def test_a_storm_leads_to_the_cap_of_each_county_those_of_highest_priority() -> None:
    chance = random.Random(1)
    counties = [XIHU, BINJIANG, "330110"]
    storm = [candidate(f"E{n:05d}", region=chance.choice(counties), level=chance.randint(1, 4)) for n in range(20_000)]
    out = propose(storm, context(), POLICY)
    assert Counter(task.region for task in out.tasks) == dict.fromkeys(counties, 20)
    for county in counties:
        own = sorted((one for one in storm if one.region == county), key=lambda one: (-one.level, one.key))
        assert {task.target for task in out.tasks if task.region == county} == {one.key for one in own[:20]}
        assert reasons(out)[county] == {"cap": len(own) - 20}
    chance.shuffle(storm)
    again = propose(storm, context(), POLICY)
    assert msgspec.to_builtins(again.tasks) == msgspec.to_builtins(out.tasks)
    assert again.held == out.held


def test_what_was_made_today_counts_and_makes_way_while_nobody_has_looked_at_it() -> None:
    first = propose([candidate(f"E{n:03d}", level=2) for n in range(30)], context(), POLICY).tasks
    looked_at = task_acts.assigned(first[0], NOW + 1, "赵敏", ["王芳", "李强"])
    new = [candidate(f"F{n:03d}", level=4) for n in range(30)]
    later = context(now=NOW + HOUR, open_tasks=first, made_today=first)
    standing = [candidate(task.target, level=2) for task in first]
    out = propose([*standing, *new], later, POLICY)
    assert len(out.tasks) == len(out.displaced) == 19
    assert looked_at.id not in {old.id for old, _ in out.displaced}
    changed = applied(out, NOW + HOUR)
    assert all(old.status == "exempted" and old.displaced for old, _ in out.displaced)
    everything = {task.id: task for task in [*first, *changed]}.values()
    assert made_today(everything, NOW + HOUR) == {XIHU: 20}
    assert made_today(everything, NOW + DAY) == {}
    assert reasons(out) == {XIHU: {"in_task": 1, "cap": 19 + 11}}


def test_no_task_makes_way_for_an_equal_one() -> None:
    first = propose([candidate(f"E{n:03d}") for n in range(20)], context(), POLICY).tasks
    out = propose([candidate("A000")], context(open_tasks=first, made_today=first), POLICY)
    assert (out.tasks, out.displaced, out.held) == ([], [], {"A000": "cap"})


def test_class_a_is_left_in_peace_but_for_a_complaint_or_a_red_alert() -> None:
    classes = dict.fromkeys(("E001", "E002", "E003"), "A")
    out = propose(
        [
            candidate("E001", level=3),
            candidate("E002", level=4),
            candidate("E003", level=2, detector="complaint-surge"),
            candidate("K", kind="address", enterprises=("E001", "E002")),
        ],
        context(classes),
        POLICY,
    )
    assert {task.target: task.mode for task in out.tasks} == {"E002": "off_site", "E003": "off_site"}
    assert out.held == {"E001": "quiet", "address:K": "quiet"}


def test_a_subject_of_several_enterprises_has_the_class_of_the_worst() -> None:
    task = one_task(
        [candidate(kind="person", key="p", enterprises=("E001", "E002"))], classes={"E001": "A", "E002": "D"}
    )
    assert (task.target, task.cls, task.enterprises) == ("person:p", "D", ["E001", "E002"])


def test_a_first_slight_fault_makes_no_task() -> None:
    out = propose([candidate("E001"), candidate("E002", level=4)], context(tolerated=["E001", "E002"]), POLICY)
    assert [task.target for task in out.tasks] == ["E002"]
    assert out.held == {"E001": "tolerated"}


def test_two_visits_a_year_are_enough_planned_ones_too() -> None:
    year_ago, recent = TODAY - dt.timedelta(days=365), TODAY - dt.timedelta(days=364)
    visits = {"E001": [recent, recent], "E002": [year_ago, recent], "E003": [recent], "E004": [recent, recent]}
    planned = made("address:K", enterprises=["E003"])
    out = propose(
        [candidate("E001"), candidate("E002"), candidate("E003"), candidate("E004", level=4)],
        context(visits=visits, open_tasks=[planned]),
        POLICY,
    )
    assert {task.target: task.mode for task in out.tasks} == {"E002": "on_site", "E004": "off_site"}
    assert out.held == {"E001": "visits_used_up", "E003": "visits_used_up"}


def test_visits_planned_in_one_run_count_and_a_group_spares_who_has_none_left() -> None:
    group = [
        candidate(kind="address", key=key, alert=key, enterprises=("E001", "E002") if key == "K1" else ("E001", "E003"))
        for key in ("K1", "K2")
    ]
    out = propose(group, context(visits={"E001": [TODAY]}), POLICY)
    assert {task.target: (task.visits, task.spared) for task in out.tasks} == {
        "address:K1": (["E001", "E002"], []),
        "address:K2": (["E003"], ["E001"]),
    }


def test_new_alerts_join_the_open_task_and_raise_it() -> None:
    task = one_task([candidate(alert="a-1", level=2)])
    again = [candidate(alert="a-1", level=2), candidate(alert="a-2", level=4)]
    out = propose(again, context(open_tasks=[task], made_today=[task]), POLICY)
    assert (out.tasks, out.held) == ([], {"E001": "in_task"})
    assert applied(out, NOW + 1) == [task]
    assert (task.alerts, task.parts["level"]) == (["a-1", "a-2"], 70)
    out = propose(again, context(open_tasks=[task], made_today=[task]), POLICY)
    assert (out.joining, reasons(out)) == ([], {XIHU: {"in_task": 2}})


def test_an_alert_of_a_merged_task_stays_where_it_went() -> None:
    source, into = one_task([candidate("E001")]), one_task([candidate("E002")])
    task_acts.merged(source, NOW + 1, "赵敏", into)
    out = propose([candidate("E001")], context(open_tasks=[into]), POLICY)
    assert (out.tasks, out.held) == ([], {"E001": "in_task"})


def test_an_alert_without_a_county_is_counted() -> None:
    out = propose([candidate(region=None)], context(), POLICY)
    assert (out.tasks, reasons(out)) == ([], {"": {"no_county": 1}})
    assert set(REASONS) >= set(out.held.values())


def test_a_deadline_through_an_unknown_calendar_is_provisional() -> None:
    assert one_task([candidate(level=1)]).provisional is False
    assert one_task([candidate(level=1)], now=NOW + 365 * 5 * DAY).provisional


def test_overdue_tasks_escalate_in_steps_of_working_days() -> None:
    task = made()  # due on Friday 2026-11-27
    days = {}
    for n in range(14):
        day = dt.date(2026, 11, 27) + dt.timedelta(days=n)
        for number, step in escalate(task, day, POLICY):
            days[day.isoformat()] = (number, step.tell)
            task.escalation = number
    assert days == {
        "2026-11-28": (1, ("assignees",)),
        "2026-12-03": (2, ("assignees", "county_head")),
        "2026-12-09": (3, ("county_head", "city")),
    }
    task.escalation, task.status = 0, "suspended"
    assert escalate(task, dt.date(2027, 1, 1), POLICY) == []
    task.status = "closed"
    assert escalate(task, dt.date(2027, 1, 1), POLICY) == []


class Enterprises:
    """A pool of made-up enterprises."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes

    def counties(self) -> list[str]:
        return list(self._sizes)

    def size(self, county: str) -> int:
        return self._sizes[county]

    def at(self, county: str, place: int) -> str:
        return f"{county}-{place}"


POOL = Enterprises({XIHU: 100_000, BINJIANG: 3})


def test_the_control_sample_is_drawn_by_day_county_and_seed_within_the_cap() -> None:
    policy = msgspec.structs.replace(POLICY, control=Control(each_day=2))
    storm = [candidate(f"E{n:03d}") for n in range(40)]
    out = propose(storm, context(pool=POOL), policy)
    drawn_now = [task for task in out.tasks if task.control]
    assert Counter(task.region for task in drawn_now) == {XIHU: 2, BINJIANG: 2}
    assert Counter(task.region for task in out.tasks) == {XIHU: 20, BINJIANG: 2}
    again = propose(storm, context(pool=POOL), policy)
    assert [task.target for task in again.tasks] == [task.target for task in out.tasks]
    later = propose(storm, context(pool=POOL, open_tasks=out.tasks, made_today=out.tasks), policy)
    assert later.tasks == []
    tomorrow = propose([], context(pool=POOL, now=NOW + DAY), policy)
    other = propose([], context(pool=POOL), msgspec.structs.replace(policy, control=Control(each_day=2, seed="x")))
    targets = [{task.target for task in some} for some in (drawn_now, tomorrow.tasks, other.tasks)]
    assert targets[0] != targets[1]
    assert targets[0] != targets[2]


def test_who_has_an_alert_or_no_visit_left_is_not_drawn() -> None:
    pool = Enterprises({BINJIANG: 3})
    names = [pool.at(BINJIANG, place) for place in range(3)]
    assert sorted(drawn(pool, BINJIANG, TODAY, "seed")) == names
    out = propose([], context(pool=pool, alerted=names[:1], visits={names[1]: [TODAY, TODAY]}), POLICY)
    assert [task.target for task in out.tasks] == names[2:]
    out = propose([], context(pool=pool, alerted=names), POLICY)
    assert out.tasks == []
    assert list(drawn(Enterprises({XIHU: 0}), XIHU, TODAY, "seed")) == []


def test_the_draw_is_even() -> None:
    counts: Counter[str] = Counter()
    pool = Enterprises({XIHU: 10})
    for n in range(2000):
        counts[next(drawn(pool, XIHU, TODAY + dt.timedelta(days=n), "seed"))] += 1
    assert len(counts) == 10
    # Chi-squared with 9 degrees of freedom stays below 27.9 in 999 of 1000 cases.
    assert sum((number - 200) ** 2 / 200 for number in counts.values()) < 27.9


@pytest.mark.parametrize("cap", [0, 3])
def test_the_cap_is_the_policy_s(cap: int) -> None:
    policy = msgspec.structs.replace(POLICY, new_tasks_a_day=cap, control=Control(each_day=0))
    assert len(propose([candidate(f"E{n}") for n in range(9)], context(pool=POOL), policy).tasks) == cap


def test_a_second_task_on_a_target_at_the_same_moment_has_an_id_of_its_own() -> None:
    first = task_acts.exempted(one_task([candidate()]), NOW, "赵敏", "已整改")
    second = one_task([candidate(level=4)], made_today=[first])
    assert second.id != first.id
    assert one_task([candidate(level=4)], made_today=[first]).id == second.id


def test_an_alert_stays_with_its_task_while_a_new_one_goes_to_the_task_on_its_target() -> None:
    into, own = one_task([candidate("E002", alert="a-1")]), made("E001", alerts=[])
    out = propose([candidate(alert="a-1"), candidate(alert="a-2")], context(open_tasks=[into, own]), POLICY)
    assert [(one.task.id, one.alerts) for one in out.joining] == [(own.id, ["a-2"])]
    assert reasons(out) == {XIHU: {"in_task": 1}}
