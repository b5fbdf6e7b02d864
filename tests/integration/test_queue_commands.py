"""The queue by its commands: tasks are given out, worked on, closed and counted; every live subject is ranked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.moments import DAY, as_text
from tests.command import Commands
from tests.engine import event, line, opened

NOW = time.time_ns() // 1000
COUNTY = "330106"
BY = ("--home", "home", "--officer", "head")
OFFICERS = """\
version: 1
owner: 测试
valid_from: 2020-01-01
synthetic: true
officers:
  - {id: o-1, name: 甲, agency: 市场监管, counties: ["330106"]}
  - {id: o-2, name: 乙, agency: 市场监管, counties: ["330106"]}
  - {id: o-3, name: 丙, agency: 市场监管, counties: ["330106"]}
  - {id: o-4, name: 丁, agency: 市场监管, counties: ["330203"]}
"""


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    rows = []
    for number in range(6):
        code = f"E{number:04d}"
        address = {"text": f"杭州市西湖区文三路{number + 1}号", "region": COUNTY}
        rows.append(opened(code, address=address))
        for complaint in range(5 * number):
            name = f"{number}-{complaint}"
            rows.append(event(code, "complaint.received", as_text(NOW - DAY), id=name, number=name))
    (tmp_path / "events.jsonl").write_bytes(b"".join(line(one) + b"\n" for one in rows))
    (tmp_path / "officers.yaml").write_text(OFFICERS, encoding="utf-8")
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    return commands


def test_tasks_are_given_to_two_by_workload(commands: Commands) -> None:
    tasks = [one for one in commands.rows("export", "tasks", "--home", "home") if not one["control"]]
    assert len(tasks) == 5
    for task in tasks[:3]:
        commands.good("task", "dispatch", task["id"], *BY, OFFICERS="officers.yaml")
    given = {one["id"]: one for one in commands.rows("export", "tasks", "--home", "home")}
    pairs = [given[task["id"]]["assignees"] for task in tasks[:3]]
    assert all(len(set(pair)) == 2 for pair in pairs)
    assert {officer for pair in pairs for officer in pair} == {"o-1", "o-2", "o-3"}, "the least loaded come first"
    counts = [sum(officer in pair for pair in pairs) for officer in ("o-1", "o-2", "o-3")]
    assert counts == [2, 2, 2]
    without = tasks[3]["id"]
    commands.good("task", "dispatch", without, *BY)
    assert given[without]["assignees"] == []


def test_from_the_proposal_to_the_outcome_and_what_it_teaches(commands: Commands) -> None:
    task = next(one for one in commands.rows("export", "tasks", "--home", "home") if not one["control"])
    name = task["id"]

    def do(*arguments: str, officer: str = "o-1") -> str:
        return commands.good("task", *arguments, "--home", "home", "--officer", officer)

    do("dispatch", name, officer="head")
    do("assign", name, "--to", "o-1", "--to", "o-2", officer="head")
    assert "o-1" in commands.bad("task", "accept", name, "--home", "home", "--officer", "o-9")
    do("accept", name)
    do("visit", name)
    do("review", name, officer="head")
    assert "理由" in commands.bad("task", "close", name, "--outcome", "false_alarm", "--home", "home")
    do("close", name, "--outcome", "false_alarm", "--reason", "同一投诉重复计入", officer="head")
    do("close", name, "--outcome", "corrected", officer="head")
    closed = next(one for one in commands.rows("export", "tasks", "--home", "home") if one["id"] == name)
    assert (closed["status"], closed["outcome"]["result"]) == ("closed", "corrected")
    assert [one["result"] for one in closed["corrected"]] == ["false_alarm"]
    assert [step["what"] for step in closed["history"]] == [
        *("proposed", "dispatched", "assigned", "accepted", "visited", "reviewed", "closed", "corrected"),
    ]
    alerts = {one["id"]: one for one in commands.rows("export", "alerts", "--home", "home")}
    assert {alerts[alert]["status"] for alert in closed["alerts"]} == {"resolved"}
    assert "complaint-surge" in commands.good("outcomes", "--home", "home")


def test_every_live_subject_is_ranked_by_what_it_has(commands: Commands) -> None:
    ranked = commands.rows("rank", "--home", "home")
    assert {one["subject"] for one in ranked} == {f"E{number:04d}" for number in range(6)}
    assert [one["score"] for one in ranked] == sorted((one["score"] for one in ranked), reverse=True)
    assert ranked[-1]["subject"] == "E0000"
    assert {"level", "class"} <= {reason["part"] for reason in ranked[0]["reasons"]} | {"class"}
    for one in ranked:
        assert one["score"] == pytest.approx(sum(reason["points"] for reason in one["reasons"]))
    assert commands.rows("rank", "--home", "home", "--region", "330203") == []
    told = commands.good("explain", ranked[0]["subject"], "--home", "home")
    assert "任务 task t-" in told
