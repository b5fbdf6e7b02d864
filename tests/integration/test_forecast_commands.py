"""The forecast by its commands: trained, promoted, and used by `rank`, which says by how much it moved each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import Commands
from tests.forecasting import population, write


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("folder")
    write(folder / "events.jsonl", population(400))
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    yield commands
    commands.close()


def ranked(commands: Commands) -> list[dict[str, Any]]:
    return [json.loads(line) for line in commands.good("rank", "--home", "home").splitlines()]


def test_a_promoted_forecast_moves_the_ranking_and_says_so(commands: Commands) -> None:
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    plain = {row["subject"]: row["score"] for row in ranked(commands)}
    model = commands.good("train", "--kind", "forecast", "--home", "home").strip()
    card = json.loads(next((commands.folder / "home" / "models").glob("*/card.json")).read_text(encoding="utf-8"))
    assert (card["hash"], card["kind"]) == (model, "forecast")
    assert {row["subject"]: row["score"] for row in ranked(commands)} == plain
    asked = ("promote", model, "--officer", "张三", "--reason", "试用", "--home", "home")
    if not card["figures"]["beats_baselines"]:
        ended = commands.run(*asked)
        assert ended.status == 1
        assert "beat" in ended.told
        return
    commands.good(*asked)
    rows = ranked(commands)
    assert {row["subject"] for row in rows} == set(plain)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row in rows:
        (reason,) = [one for one in row["reasons"] if one["part"] == "forecast"]
        assert 0 < reason["chance"] < 1
        assert row["score"] == pytest.approx(sum(one["points"] for one in row["reasons"]), abs=0.01)
        assert row["score"] - plain[row["subject"]] == pytest.approx(reason["points"], abs=0.01)
    chances = [one["chance"] for row in rows for one in row["reasons"] if one["part"] == "forecast"]
    assert len(set(chances)) > 100


def test_evaluate_forecast_prints_one_object(commands: Commands, tmp_path: Path) -> None:
    asked = ("evaluate", "forecast", "--source", "events.jsonl", "--cutoff", "2022-12-31")
    ended = commands.run(*asked, "--until", "2023-12-30", "--plots", str(tmp_path / "plots"))
    assert ended.status == 0, ended.told
    found = json.loads(ended.out)
    assert found["enterprises"] == 400
    assert set(found["orders"]["forecast"]) == {"1%", "2%", "5%", "10%"}
    assert set(found["ratios"]) == set(found["orders"]) - {"forecast"}
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "forecast-calibration.png",
        "forecast-gains.png",
        "forecast.html",
    ]
    assert commands.run(*asked, "--until", "2022-01-01").status == 2
    assert commands.run(*asked[:-1], "2020-06-01", "--until", "2021-01-01").status == 1
