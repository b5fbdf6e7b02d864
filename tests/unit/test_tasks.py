"""The lifecycle of tasks: every step from every status, what officers are told, and what alerts make of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from config.moments import DAY, HOUR
from config.supervision import AlertPolicy
from config.workdays import Deadline
from monitor.supervision import alerts as life
from monitor.supervision import task_acts, tasks
from monitor.supervision.alerts import Refused
from monitor.supervision.settling import follow, settle
from monitor.supervision.task_moves import MOVES, NEEDS, table
from monitor.supervision.tasks import Task, TaskStatus
from tests.tasks_made import BINJIANG, NOW, XIHU, alert, made

ROOT = Path(__file__).resolve().parents[2]
STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)
PAIR = ["王芳", "李强"]
CHIEF = "赵敏"
LATER = NOW + HOUR


def in_status(status: TaskStatus, *, accepted: bool = False) -> Task:
    """A task as it could have come to a status."""
    task = made(status)
    task.status, task.assignees = status, list(PAIR)
    if accepted or status in ("accepted", "visited", "reviewed"):
        task.accepted_by = PAIR[0]
    if status == "suspended":
        task.before = "accepted" if accepted else "proposed"
    if status == "closed":
        task.outcome = tasks.Outcome("none_found", CHIEF, NOW)
    if status == "transferred":
        task.came_from, task.region, task.assignees = XIHU, BINJIANG, []
    return task


STEPS: dict[str, Callable[[Task], object]] = {
    "joined": lambda task: tasks.joined(task, LATER, ["a-2"], ["E002"]),
    "assigned": lambda task: task_acts.assigned(task, LATER, CHIEF, PAIR),
    "dispatched": lambda task: task_acts.dispatched(task, LATER, CHIEF),
    "accepted": lambda task: task_acts.accepted(task, LATER, PAIR[0]),
    "visited": lambda task: task_acts.visited(task, LATER, PAIR[0]),
    "reviewed": lambda task: task_acts.reviewed(task, LATER, CHIEF),
    "returned": lambda task: task_acts.returned(task, LATER, PAIR[0], "不在辖区"),
    "transferred": lambda task: task_acts.transferred(task, LATER, CHIEF, "已迁址", "330105"),
    "merged": lambda task: task_acts.merged(task, LATER, CHIEF, made("E009", region=task.region)),
    "exempted": lambda task: task_acts.exempted(task, LATER, CHIEF, "已整改"),
    "closed": lambda task: task_acts.closed(task, LATER, CHIEF, "corrected"),
    "suspended": lambda task: tasks.disputed(task, True, LATER),
    "resumed": lambda task: tasks.disputed(task, False, LATER),
    "displaced": lambda task: tasks.displaced(task, LATER, "t-other"),
}


@pytest.mark.parametrize("step", sorted(set(STEPS) - {"joined", "displaced", "suspended", "resumed", "closed"}))
@pytest.mark.parametrize("status", STATUSES)
def test_an_officer_s_step_goes_as_the_table_says_and_nowhere_else(status: TaskStatus, step: str) -> None:
    task = in_status(status)
    before = msgspec.json.encode(task)
    move = next(move for move in MOVES if move.step == step)
    if status in NEEDS[step]:
        STEPS[step](task)
        assert task.status == (move.to or status)
        assert (task.history[-1].what, task.seen) == (step, 2)
        assert task.history[-1].officer
    else:
        with pytest.raises(Refused, match=" / "):
            STEPS[step](task)
        assert msgspec.json.encode(task) == before


@pytest.mark.parametrize("off_site", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_a_task_is_closed_as_the_table_says(status: TaskStatus, off_site: bool) -> None:
    task = in_status(status)
    task.mode = "off_site" if off_site else "on_site"
    steps = ("closed", "corrected", "closed_directly") if off_site else ("closed", "corrected")
    if any(status in NEEDS[step] for step in steps):
        STEPS["closed"](task)
        assert task.status == "closed"
        assert task.outcome == tasks.Outcome("corrected", CHIEF, LATER)
    else:
        with pytest.raises(Refused):
            STEPS["closed"](task)


@pytest.mark.parametrize("status", STATUSES)
def test_an_objection_suspends_what_is_open_and_its_decision_leads_back(status: TaskStatus) -> None:
    task = in_status(status)
    tasks.disputed(task, True, LATER)
    if status in NEEDS["suspended"]:
        assert (task.status, task.before) == ("suspended", status)
        tasks.disputed(task, False, LATER)
        assert (task.status, task.before) == (status, None)
    else:
        assert task.status == status


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_what_falls_away_is_withdrawn_only_where_nobody_ever_accepted_it(status: TaskStatus, accepted: bool) -> None:
    task = in_status(status, accepted=accepted)
    tasks.fell_away(task, LATER)
    if status in tasks.ENDED:
        assert (task.status, task.fallen) == (status, None)
    elif task.accepted_by:
        assert status in NEEDS["fell_away"]
        assert (task.status, task.fallen) == (status, LATER)
    else:
        assert status in NEEDS["withdrawn"]
        assert task.status == "exempted"


def test_every_step_of_the_table_is_tried_here() -> None:
    assert {move.step for move in MOVES} - set(STEPS) == {
        *("proposed", "created", "closed_directly", "corrected", "withdrawn", "fell_away"),
    }


def test_the_documentation_shows_the_table_of_the_code() -> None:
    text = (ROOT / "docs" / "queue.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- table of transitions -->\n\n")[2].partition("\n<!-- end of table -->")[0]
    assert shown == table(), "write the output of python -m monitor.supervision.task_moves into docs/queue.md"


# -- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("officer", ["", "  "])
@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("proposed", lambda task, who: task_acts.assigned(task, LATER, who, PAIR)),
        ("proposed", lambda task, who: task_acts.dispatched(task, LATER, who)),
        ("dispatched", lambda task, who: task_acts.accepted(task, LATER, who)),
        ("accepted", lambda task, who: task_acts.visited(task, LATER, who)),
        ("visited", lambda task, who: task_acts.reviewed(task, LATER, who)),
        ("accepted", lambda task, who: task_acts.returned(task, LATER, who, "理由")),
        ("proposed", lambda task, who: task_acts.transferred(task, LATER, who, "理由", BINJIANG)),
        ("proposed", lambda task, who: task_acts.merged(task, LATER, who, made("E009"))),
        ("proposed", lambda task, who: task_acts.exempted(task, LATER, who, "理由")),
        ("reviewed", lambda task, who: task_acts.closed(task, LATER, who, "none_found")),
    ],
)
def test_no_step_without_a_named_officer(status: TaskStatus, step: Callable[[Task, str], Task], officer: str) -> None:
    with pytest.raises(Refused, match="named officer"):
        step(in_status(status), officer)


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("accepted", lambda task: task_acts.returned(task, LATER, CHIEF, " ")),
        ("proposed", lambda task: task_acts.transferred(task, LATER, CHIEF, "", BINJIANG)),
        ("proposed", lambda task: task_acts.exempted(task, LATER, CHIEF, "")),
        ("reviewed", lambda task: task_acts.closed(task, LATER, CHIEF, "false_alarm")),
    ],
)
def test_some_steps_need_a_reason(status: TaskStatus, step: Callable[[Task], Task]) -> None:
    with pytest.raises(Refused, match="give the reason"):
        step(in_status(status))


@pytest.mark.parametrize("pair", [[], ["王芳"], ["王芳", "王芳"], ["王芳", " "], ["王芳", "李强", "赵敏"]])
def test_a_task_is_assigned_to_two_different_officers(pair: list[str]) -> None:
    with pytest.raises(Refused, match="two different officers"):
        task_acts.assigned(made(), LATER, CHIEF, pair)


def test_two_officers_never_take_the_same_task() -> None:
    task = task_acts.dispatched(made(), LATER, CHIEF)
    task_acts.accepted(task, LATER, "王芳")
    assert task.assignees == ["王芳"]
    with pytest.raises(Refused, match="已签收"):
        task_acts.accepted(task, LATER, "李强")
    with pytest.raises(Refused, match="two officers"):
        task_acts.visited(task, LATER, "王芳")
    with pytest.raises(Refused, match="must be one of them"):
        task_acts.assigned(task, LATER, CHIEF, ["李强", "赵敏"])
    task_acts.assigned(task, LATER, CHIEF, ["王芳", "李强"])
    assert task_acts.visited(task, LATER, "王芳").visited_at == LATER


def test_an_assigned_task_is_accepted_by_its_assignees_alone() -> None:
    task = task_acts.dispatched(task_acts.assigned(made(), LATER, CHIEF, PAIR), LATER, CHIEF)
    with pytest.raises(Refused, match="assigned to 王芳 and 李强"):
        task_acts.accepted(task, LATER, "旁人")
    assert task_acts.accepted(task, LATER, "李强").accepted_by == "李强"


def test_a_task_handed_over_keeps_its_id_and_goes_back_where_it_came_from() -> None:
    task = made()
    known = task.id
    task_acts.transferred(task, LATER, CHIEF, "已迁址", BINJIANG)
    assert (task.id, task.region, task.origin, task.assignees) == (known, BINJIANG, XIHU, [])
    task_acts.returned(task, LATER, "滨江", "未迁入")
    assert (task.status, task.region) == ("returned", XIHU)
    with pytest.raises(Refused, match="already"):
        task_acts.transferred(task, LATER, CHIEF, "理由", XIHU)
    task_acts.transferred(task, LATER, CHIEF, "确已迁址", BINJIANG)
    assert task_acts.dispatched(task, LATER, "滨江").status == "dispatched"


def test_a_merged_task_leaves_everything_to_the_other() -> None:
    task, into = made("E001"), made("E002", alerts=["a-2"])
    task_acts.merged(task, LATER, CHIEF, into)
    assert (task.status, task.into) == ("merged", into.id)
    assert (into.enterprises, into.alerts) == (["E001", "E002"], ["a-1", "a-2"])
    for other in (into, in_status("closed"), in_status("suspended"), made("E003", region=BINJIANG)):
        source = into if other is into else made("E004")
        with pytest.raises(Refused):
            task_acts.merged(source, LATER, CHIEF, other)


def test_a_correction_keeps_the_former_outcome() -> None:
    task = in_status("reviewed")
    task_acts.closed(task, LATER, CHIEF, "false_alarm", "门牌变更")
    task_acts.closed(task, LATER + 1, "钱英", "unreachable")
    assert task.outcome == tasks.Outcome("unreachable", "钱英", LATER + 1)
    assert task.corrected == [tasks.Outcome("false_alarm", CHIEF, LATER, "门牌变更")]
    with pytest.raises(Refused, match="there are: "):
        task_acts.closed(task, LATER, CHIEF, "fine")


def test_enterprises_without_a_visit_left_are_spared_or_the_dispatch_is_refused() -> None:
    task = made("address:K", enterprises=["E001", "E002"])
    task_acts.dispatched(task, LATER, CHIEF, used_up=["E002", "E007"])
    assert (task.spared, task.visits) == (["E002"], ["E001"])
    with pytest.raises(Refused, match="used up"):
        task_acts.dispatched(made(), LATER, CHIEF, used_up=["E001"])
    assert task_acts.dispatched(made(mode="off_site"), LATER, CHIEF, used_up=["E001"]).visits == []


def by_hand(**changes: object) -> Task:
    given: dict[str, object] = {
        "region": XIHU,
        "enterprises": ["E001"],
        "cls": "A",
        "due": Deadline(dt.date(2026, 12, 1), provisional=False),
    }
    return task_acts.created("t-hand", NOW, CHIEF, "上级交办", **(given | changes))  # type: ignore[arg-type]


def test_a_task_by_hand_stands_outside_the_cap_and_never_falls_away() -> None:
    task = by_hand()
    assert (task.status, task.target, task.by_hand, task.counts_today) == ("proposed", "E001", True, False)
    tasks.joined(task, LATER, ["a-1"], ["E001"])
    tasks.fell_away(task, LATER)
    assert (task.status, task.fallen) == ("proposed", None)
    assert by_hand(enterprises=["E002", "E001"]).target == "hand:t-hand"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"standing": made()}, made().id),
        ({"used_up": ["E001"]}, "used up"),
        ({"enterprises": []}, "at least one"),
    ],
)
def test_a_task_by_hand_is_refused_where_it_collides(changes: dict[str, object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        by_hand(**changes)


def test_a_suspension_stops_the_clock() -> None:
    task = made()
    tasks.disputed(task, True, NOW)
    tasks.disputed(task, False, NOW + 14 * DAY)
    assert task.due == "2026-12-11"
    late = made(due=Deadline(dt.date(2026, 11, 2), provisional=False))
    tasks.disputed(late, True, NOW)
    tasks.disputed(late, False, NOW + 14 * DAY)
    assert late.due == "2026-11-02"


# -- together with alerts --------------------------------------------------------------------------------------------


def test_a_task_takes_its_alerts_along() -> None:
    own = alert()
    task = made(alerts=[own.id])
    known = {own.id: own}
    assert settle(task, known) == []
    task_acts.dispatched(task, LATER, CHIEF)
    assert settle(task, known) == [own]
    assert (own.status, own.task) == ("dispatched", task.id)
    into = made("E002", alerts=[])
    task_acts.merged(task, LATER, CHIEF, into)
    settle(task, known)
    assert own.task == into.id
    for step in ("dispatched", "accepted"):
        STEPS[step](into)
    into.mode = "off_site"
    task_acts.closed(into, LATER, CHIEF, "none_found")
    settle(into, known)
    assert (own.status, own.history[-1].reason) == ("resolved", "none_found")


def test_what_an_officer_exempts_is_resolved_and_what_the_queue_takes_back_stays_open() -> None:
    first, second = alert("E001"), alert("E002")
    settle(task_acts.exempted(made(alerts=[first.id]), LATER, CHIEF, "已整改"), {first.id: first})
    assert (first.status, first.history[-1].officer) == ("resolved", CHIEF)
    settle(tasks.displaced(made(alerts=[second.id]), LATER, "t-other"), {second.id: second})
    assert second.status == "open"


def shown(task: Task) -> str:
    return task.status


def test_a_task_follows_its_alerts() -> None:
    own = alert()
    known = {own.id: own}
    task = made(alerts=[own.id])
    for step in ("dispatched", "accepted"):
        STEPS[step](task)
    settle(task, known)
    life.dispute(own, True, LATER)
    assert follow(task, known, LATER)
    assert shown(task) == "suspended"
    life.dispute(own, False, LATER)
    follow(task, known, LATER)
    assert shown(task) == "accepted"
    assert not follow(task, known, LATER)
    life.passed(life.fell_away(own, LATER), LATER + 2 * DAY, AlertPolicy())
    follow(task, known, LATER + 2 * DAY)
    assert (task.status, task.fallen) == ("accepted", LATER + 2 * DAY)
    assert task_acts.closed(task, LATER + 3 * DAY, CHIEF, "none_found").status == "closed"
