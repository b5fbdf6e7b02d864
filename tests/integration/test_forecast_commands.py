"""The forecast by its commands: trained, promoted, and used by `rank`, which says by how much it moved each."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import Commands
from tests.forecasting import event, population, write


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    folder = tmp_path_factory.mktemp("folder")
    write(folder / "events.jsonl", population(900, 6, 10))
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    return commands


HOME = ("--home", "home")
ALERTED = ("forecast-0004", "forecast-0009", "forecast-0010")
"""Two of the trade that is penalised most, and one of the trade that is least."""


def complaints(code: str) -> list[dict[str, Any]]:
    """Enough of them for an alert."""
    return [
        event(code, "complaint.received", dt.date(2023, 12, 20 + n), f"c-{code}-{n}", {"number": f"{code}-{n}"})
        for n in range(5)
    ]


@pytest.fixture(scope="module")
def promoted(commands: Commands) -> str:
    """A forecast that was trained on the home, in force, asked once: its hash. Before it, what `rank` and tasks said is
    kept beside the home.
    """
    commands.good("run", "--source", "events.jsonl", *HOME, "--once")
    write(commands.folder / "complaints.jsonl", [one for code in ALERTED for one in complaints(code)])
    commands.good("run", "--source", "complaints.jsonl", *HOME, "--once")
    model = commands.good("train", "--kind", "forecast", *HOME).strip()
    for what in ("rank", "tasks"):
        asked = ("rank",) if what == "rank" else ("export", "tasks")
        (commands.folder / f"{what}.jsonl").write_text(commands.good(*asked, *HOME), encoding="utf-8")
    commands.good("promote", model, "--officer", "张三", "--reason", "试用", *HOME)
    commands.good("run", "--source", "complaints.jsonl", *HOME, "--once")
    return model


def before(commands: Commands, what: str) -> list[dict[str, Any]]:
    text = (commands.folder / f"{what}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_promoted_forecast_moves_the_ranking_and_says_so(commands: Commands, promoted: str) -> None:
    plain = {row["subject"]: row["score"] for row in before(commands, "rank")}
    rows = commands.rows("rank", *HOME, "--explained", "3")
    assert {row["subject"] for row in rows} == set(plain)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    for place, row in enumerate(rows):
        (reason,) = [one for one in row["reasons"] if one["part"] == "forecast"]
        assert 0 < reason["chance"] < 1
        assert row["score"] == pytest.approx(sum(one["points"] for one in row["reasons"]), abs=0.01)
        assert row["score"] - plain[row["subject"]] == pytest.approx(reason["points"], abs=0.01)
        assert ("way_out" in reason) == (place < 3)
        if place < 3:
            checked(reason["reasons"], row["subject"])
    chances = [one["chance"] for row in rows for one in row["reasons"] if one["part"] == "forecast"]
    assert len(set(chances)) > 100


def checked(reasons: list[dict[str, Any]], code: str) -> None:
    """Contributions in both languages, the greatest first, with what is usual and events of the enterprise."""
    assert reasons
    shares = [one["contribution"] for one in reasons]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1.01
    assert all("同类" in one["reason"]["zh"] and "peers" in one["reason"]["en"] for one in reasons)
    assert all(item["subject"] == code for one in reasons for item in one["evidence"])
    assert any(one["evidence"] for one in reasons)


def test_tasks_that_exist_rise_by_the_chance_and_no_task_comes_of_it(commands: Commands, promoted: str) -> None:
    earlier = {task["id"]: task for task in before(commands, "tasks") if not task["control"]}
    assert {task["target"] for task in earlier.values()} == set(ALERTED)
    later = {task["id"]: task for task in commands.rows("export", "tasks", *HOME) if not task["control"]}
    assert later.keys() == earlier.keys()
    told = {code: json.loads(commands.good("explain", code, *HOME, "--json"))["forecast"] for code in ALERTED}
    for name, task in later.items():
        part = task["parts"].pop("forecast", 0.0)
        assert part == pytest.approx(12 * told[task["target"]]["chance"], abs=0.06)
        assert task["parts"] == earlier[name]["parts"]
        assert task["priority"] == pytest.approx(earlier[name]["priority"] + part)
        assert (task["history"], task["seen"]) == (earlier[name]["history"], earlier[name]["seen"])
    assert max(one["chance"] for one in told.values()) > 2 * min(one["chance"] for one in told.values())


def test_explain_says_why_it_foretells_so(commands: Commands, promoted: str) -> None:
    told = json.loads(commands.good("explain", ALERTED[0], *HOME, "--json"))["forecast"]
    assert told["model"] == promoted
    checked(told["reasons"], ALERTED[0])
    text = commands.good("explain", ALERTED[0], *HOME)
    for one in told["reasons"]:
        assert one["reason"]["zh"] in text
        assert one["reason"]["en"] in text
    assert told["way_out"]["zh"] in text
    quiet = commands.good("explain", "forecast-0014", *HOME)
    assert "模型预测（第二意见）" in quiet
    assert "--explained" in quiet


def test_no_alert_comes_of_a_forecast(commands: Commands, promoted: str) -> None:
    detectors = {one["detector"].partition("@")[0] for one in commands.rows("export", "alerts", *HOME)}
    assert detectors == {"complaint-surge"}


def test_a_replay_of_the_log_says_the_same(commands: Commands, promoted: str) -> None:
    folder = commands.folder
    shutil.copytree(folder / "home", folder / "again")
    shutil.rmtree(folder / "again" / "snapshots")
    asked = [("export", "tasks"), ("export", "alerts"), ("explain", ALERTED[0], "--json")]
    first = [commands.good(*one, *HOME) for one in asked]
    commands.good("run", "--source", "complaints.jsonl", "--home", "again", "--once")
    assert [commands.good(*one, "--home", "again") for one in asked] == first


def test_a_model_that_cannot_be_used_leaves_what_it_said_and_stops_nothing(commands: Commands, promoted: str) -> None:
    folder = commands.folder
    shutil.copytree(folder / "home", folder / "broken")
    shutil.rmtree(folder / "broken" / "models")
    more = event("forecast-0014", "complaint.received", dt.date(2023, 12, 30), "late", {"number": "late"})
    write(folder / "more.jsonl", [more])
    asked = ("explain", ALERTED[0], "--json", "--home")
    ended = commands.run("run", "--source", "more.jsonl", "--home", "broken", "--once")
    assert ended.status == 0, ended.told
    assert "预测模型未能使用" in ended.told
    assert (
        json.loads(commands.good(*asked, "broken"))["forecast"] == json.loads(commands.good(*asked, "home"))["forecast"]
    )


def test_evaluate_forecast_prints_one_object(commands: Commands, tmp_path: Path) -> None:
    asked = ("evaluate", "forecast", "--source", "events.jsonl", "--cutoff", "2022-12-31")
    ended = commands.run(*asked, "--until", "2023-12-30", "--plots", str(tmp_path / "plots"))
    assert ended.status == 0, ended.told
    found = json.loads(ended.out)
    assert found["enterprises"] == 900
    assert set(found["orders"]["forecast"]) == {"1%", "2%", "5%", "10%"}
    assert set(found["ratios"]) == set(found["orders"]) - {"forecast"}
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "forecast-calibration.png",
        "forecast-gains.png",
        "forecast.html",
    ]
    assert commands.run(*asked, "--until", "2022-01-01").status == 2
    assert commands.run(*asked[:-1], "2020-06-01", "--until", "2021-01-01").status == 1
