"""The anomaly model by commands, from training to the queue: promoted by an officer, asked at cuts, with reasons."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from models.population import write_province
from tests.command import Commands

HOME = ("--home", "home")
RUN = ("run", "--source", "events.jsonl", *HOME, "--once")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """A made-up province that was read, and a model of it in force, asked once."""
    folder = tmp_path_factory.mktemp("models")
    write_province(2_500, 4, 5, folder)
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    commands.good(*RUN)
    model = commands.good("train", *HOME, "--seed", "7").strip()
    refused = commands.run("promote", model, *HOME, "--officer", "王敏")
    assert refused.status == 2, "a reason is needed"
    assert not anomalies(commands), "a model is used once it is promoted"
    commands.good("promote", model, *HOME, "--officer", "王敏", "--reason", "首次启用")
    commands.good(*RUN)
    return commands


def anomalies(commands: Commands) -> list[dict[str, Any]]:
    return [one for one in commands.rows("export", "signals", *HOME) if one["detector"] == "anomaly"]


def by_subject(signals: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["subject"]["key"]: (one["level"], one["value"], one["since"], one["reason"]) for one in signals}


def test_what_the_model_finds_is_a_signal_with_reasons_and_never_orange(shell: Commands) -> None:
    found = anomalies(shell)
    assert found
    assert {one["level"] for one in found} <= {1, 2}
    assert all(one["enterprises"] == [one["subject"]["key"]] for one in found)
    assert all("同类通常" in one["reason"]["zh"] for one in found)


def test_its_alerts_say_what_each_feature_adds_and_what_would_silence_them(shell: Commands) -> None:
    told = [one for one in shell.rows("export", "alerts", *HOME) if one["detector"].startswith("anomaly@")]
    assert {one["subject"]["key"] for one in told} == set(by_subject(anomalies(shell)))
    for alert in told:
        rule, *parts = alert["reasons"]
        assert parts
        assert rule["way_out"]["zh"]
        shares = [part["contribution"] for part in parts]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.01
        assert all(item["subject"] == alert["subject"]["key"] for part in parts for item in part["evidence"])


def test_no_task_rests_on_models_alone(shell: Commands) -> None:
    detectors = {one["id"]: one["detector"].partition("@")[0] for one in shell.rows("export", "alerts", *HOME)}
    tasks = shell.rows("export", "tasks", *HOME)
    assert tasks
    for task in tasks:
        if task["alerts"] and not task["control"]:  # one of the control sample was drawn, whatever is found later
            assert {detectors[one] for one in task["alerts"]} - {"anomaly", "shell-cluster"}


def test_rank_says_by_how_much_the_models_move_a_subject(shell: Commands) -> None:
    ranked = {one["subject"]: one for one in shell.rows("rank", *HOME)}
    for code in by_subject(anomalies(shell)):
        parts = {reason["part"]: reason["points"] for reason in ranked[code]["reasons"]}
        assert parts["second_opinion"] >= 4
        assert ranked[code]["score"] == pytest.approx(sum(parts.values()), abs=0.01)


def test_a_lost_state_brings_back_what_the_model_found(shell: Commands) -> None:
    before = by_subject(anomalies(shell))
    alerts = shell.rows("export", "alerts", *HOME)
    shutil.rmtree(shell.folder / "home" / "snapshots")
    shell.good(*RUN)
    assert {key: value[:2] for key, value in by_subject(anomalies(shell)).items()} == {
        key: value[:2] for key, value in before.items()
    }
    assert [one["id"] for one in shell.rows("export", "alerts", *HOME)] == [one["id"] for one in alerts]


def test_a_model_whose_file_was_touched_is_not_used_and_stops_nothing(shell: Commands) -> None:
    before = by_subject(anomalies(shell))
    (file,) = (shell.folder / "home" / "models").glob("*/model.skops")
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    try:
        with (shell.folder / "more.jsonl").open("w") as more:
            more.write(json.dumps(complaint(next(iter(before)))) + "\n")
        ended = shell.run("run", "--source", "more.jsonl", *HOME, "--once")
        assert ended.status == 0, ended.told
        assert "异常模型未能使用" in ended.told
        assert by_subject(anomalies(shell)).keys() == before.keys()
    finally:
        file.write_bytes(kept)


def complaint(code: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "late-complaint",
        "source": "//complaints.example/330000",
        "type": "complaint.received",
        "subject": code,
        "time": "2025-12-31T23:59:30+08:00",
        "data": {"number": "late-1"},
    }
