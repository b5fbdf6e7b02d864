"""The life of a model as an officer meets it: trained, looked at, promoted by name and with a reason, rolled back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.population.province import write_province
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.work import promotions
from tests.command import Commands

OFFICER = ("--officer", "张三", "--reason", "误报较少")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The command in a folder with the home `home` of a made-up province, and two models: `seed` 1 and 2."""
    folder = tmp_path_factory.mktemp("models")
    write_province(1_500, 3, 5, folder / "province")
    commands = Commands(folder, tmp_path_factory.mktemp("streams"))
    done = commands.run("run", "--source", "province/events.jsonl", "--home", "home", "--once")
    assert done.status == 0, done.told
    return commands


def trained(commands: Commands, seed: int) -> str:
    done = commands.run("train", "--home", "home", "--seed", str(seed))
    assert done.status == 0, done.told
    return done.out.decode().strip()


def listed(commands: Commands) -> dict[str, dict[str, Any]]:
    done = commands.run("models", "list", "--home", "home")
    assert done.status == 0, done.told
    return {row["model"]: row for row in map(json.loads, done.out.decode().splitlines())}


def history(commands: Commands) -> list[str]:
    with looking(Home(commands.folder / "home")) as reader:
        return [one.model for one in promotions.history(reader.connection, "anomaly")]


def test_a_model_is_trained_promoted_and_rolled_back(commands: Commands) -> None:
    one, other = trained(commands, 1), trained(commands, 2)
    assert one != other
    assert trained(commands, 1) == one
    assert not any(row["in_force"] for row in listed(commands).values())
    for model in (one, other, one):
        done = commands.run("promote", model[:10], *OFFICER, "--home", "home")
        assert done.status == 0, done.told
        assert [name for name, row in listed(commands).items() if row["in_force"]] == [model]
    assert history(commands) == [one, other, one]
    assert [past["officer"] for past in listed(commands)[one]["promoted"]] == ["张三", "张三"]
    shown = commands.run("models", "show", other[:10], "--home", "home")
    assert other in shown.out.decode()
    compared = commands.run("models", "compare", other[:10], "--home", "home")
    assert compared.status == 0, compared.told
    assert json.loads(compared.out)["correlation"] > 0.5
    named = commands.run("models", "shadow", other[:10], *OFFICER, "--home", "home")
    assert named.status == 0, named.told
    assert [name for name, row in listed(commands).items() if row["in_shadow"]] == [other]
    assert commands.run("run", "--source", "province/events.jsonl", "--home", "home", "--once").status == 0
    (record,) = json.loads(commands.run("models", "compare", other[:10], "--home", "home").out)["in_shadow"]
    assert (record["model"], record["challenger"]) == (one, other)
    assert record["both"] + record["challenger_alone"] > 0
    # The log knows it: a state that is built anew from it has the same model in force.
    for path in (commands.folder / "home" / "snapshots").iterdir():
        path.unlink()
    assert commands.run("run", "--source", "province/events.jsonl", "--home", "home", "--once").status == 0
    assert history(commands) == [one, other, one]


@pytest.mark.parametrize("arguments", [("--officer", "张三"), ("--reason", "x"), ("--officer", " ", "--reason", "x")])
def test_without_officer_and_reason_nothing_is_promoted(commands: Commands, arguments: tuple[str, ...]) -> None:
    before = history(commands)
    assert commands.run("promote", trained(commands, 1)[:10], *arguments, "--home", "home").status == 2
    assert history(commands) == before


def test_a_tampered_model_is_not_promoted(commands: Commands) -> None:
    name = trained(commands, 3)
    before = history(commands)
    path = commands.folder / "home" / "models" / name[:16] / "model.skops"
    path.write_bytes(path.read_bytes() + b" ")
    done = commands.run("promote", name[:10], *OFFICER, "--home", "home")
    assert done.status == 1
    assert "train again" in done.told
    assert history(commands) == before
    assert commands.run("promote", "feedbeef", *OFFICER, "--home", "home").status == 1


def test_rules_and_the_model_are_held_against_the_truth(commands: Commands) -> None:
    arguments = ("--home", "home", "--truth", "province/truth.jsonl", "--seeds", "1", "--out", "report")
    done = commands.run("evaluate", *arguments)
    assert done.status == 0, done.told
    value = json.loads(done.out)
    assert value["rules"]["one-address-many-licences"]["recall"] == 1.0
    (judgement,) = value["anomaly"]["on_truth"]
    assert judgement["found"] > 0
    assert judgement["precision"] > 0.7
    assert judgement["lift"] > 2
    assert 0 <= value["anomaly"]["uniformity"]["rejected_share"] <= 0.2
    for picture in ("calibration.png", "rules.png"):
        assert (commands.folder / "report" / picture).read_bytes().startswith(b"\x89PNG")
    assert "data:image/png" in (commands.folder / "report" / "evaluation.html").read_text(encoding="utf-8")


def test_what_the_log_does_not_reach_is_not_judged(commands: Commands) -> None:
    for dates, told in (
        (("--as-of", "2031-01-01"), "nothing in it follows 2031-01-01"),
        (("--as-of", "2025-06-30", "--until", "2031-01-01"), "up to 2031-01-01 is not known"),
        (("--as-of", "2025-06-30", "--until", "2025-06-30"), "must be later than --as-of"),
    ):
        done = commands.run("evaluate", "--home", "home", *dates, "--seeds", "1")
        assert done.status == 1
        assert done.out == b""
        assert told in " ".join(done.told.split())


def test_rules_and_the_forecast_are_held_against_what_followed(commands: Commands) -> None:
    arguments = ("--home", "home", "--as-of", "2025-06-30", "--until", "2025-12-30", "--seeds", "1", "--out", "later")
    value = json.loads(commands.good("evaluate", *arguments))
    found = value["foreseen"]
    assert found["until"].startswith("2025-12-30")
    assert 0 < found["base"] < 1
    assert found["rules"]
    for rule in found["rules"].values():
        assert rule["true"] <= min(rule["found"], rule["positives"])
        assert rule["positives"] == round(found["base"] * rule["enterprises"])
    assert set(found["forecast"]["orders"]["forecast"]) == {"1%", "2%", "5%", "10%"}
    assert found["forecast"]["calibration"] == [], "half a year is not what a chance is of"
    names = {path.name for path in (commands.folder / "later").iterdir()}
    assert names == {"rules-foresee.png", "calibration.png", "evaluation.html"}
