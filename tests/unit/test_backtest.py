"""`backtest`: what other rules would have found, against what the home found, now and as of an earlier day."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.store.home import Home
from monitor.store.reader import looking
from tests.command import Commands
from tests.unit.web_home import KEY, filled

RULE = "one-address-many-licences"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    found = Commands(tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("streams"))
    filled(found.folder)
    return found


def rules(folder: Path, name: str, **changes: Any) -> str:
    """A rules file: the shipped one with other parameters of a detector, or another status."""
    plain = yaml.safe_load(files("config").joinpath("rules/default.yaml").read_text("utf-8"))
    for detector, given in changes.items():
        plain["detectors"][detector.replace("_", "-")].update(given)
    (folder / name).write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    return name


def parameters(detector: str, **changes: Any) -> dict[str, Any]:
    plain = yaml.safe_load(files("config").joinpath("rules/default.yaml").read_text("utf-8"))
    return {"parameters": {**plain["detectors"][detector]["parameters"], **changes}}


def tried(commands: Commands, name: str, *arguments: str) -> list[dict[str, Any]]:
    told = commands.good("backtest", "--rules", name, "--jsonl", "--home", "home", *arguments, pseudonym_key=KEY.hex())
    return [json.loads(line) for line in told.splitlines()]


def test_the_same_rules_find_the_same(commands: Commands) -> None:
    name = rules(commands.folder, "same.yaml")
    assert tried(commands, name) == []
    shutil.move(commands.folder / "home" / "snapshots", commands.folder / "away")
    (commands.folder / "home" / "snapshots").mkdir()
    assert tried(commands, name) == [], "from the log alone too"


def test_higher_thresholds_let_findings_go_and_lower_ones_bring_them(commands: Commands) -> None:
    levels = parameters(RULE)["parameters"]["levels"]
    higher = {level: threshold + 100 for level, threshold in levels.items()}
    (gone,) = tried(
        commands, rules(commands.folder, "h.yaml", one_address_many_licences=parameters(RULE, levels=higher))
    )
    assert (gone["detector"], gone["change"], gone["today"], gone["other"]) == (RULE, "goes", 2, None)
    assert gone["subject"]["key"] == "330106|文三路|90|1幢|101"
    assert "12 户" in gone["reason"]["zh"]
    lower = dict(zip(levels, (2, 4, 8, 40), strict=True))
    looser = rules(commands.folder, "l.yaml", one_address_many_licences=parameters(RULE, levels=lower))
    assert {(one["detector"], one["change"]) for one in tried(commands, looser)} == {(RULE, "rises")}
    # With four at the room, a day before the fifth.
    found = tried(commands, looser, "--until", "2024-04-13")
    assert {(one["detector"], one["change"], one["value"]) for one in found} == {(RULE, "comes", 4)}
    assert all(one["other"] > (one["today"] or 0) for one in found)


def test_what_is_off_finds_nothing_and_since_leaves_out_what_is_older(commands: Commands) -> None:
    with looking(Home(commands.folder / "home")) as reader:
        signals = [one for one in reader.signals() if one["detector"] == "untraceable"]
    name = rules(commands.folder, "off.yaml", untraceable={"status": "off"})
    found = tried(commands, name)
    assert {(one["detector"], one["change"], one["today"]) for one in found} == {
        ("untraceable", "goes", one["level"]) for one in signals
    }
    assert tried(commands, name, "--since", "2999-01-01") == []
    assert tried(commands, name, "--since", signals[0]["since"][:10]) == found


def test_as_of_an_earlier_day_only_what_was_known_counts(commands: Commands) -> None:
    """The fifth of the twelve at one room came on 2024-04-14, a day before there were four."""
    off = rules(commands.folder, "none.yaml", one_address_many_licences={"status": "off"})
    assert RULE not in {one["detector"] for one in tried(commands, off, "--until", "2024-04-13")}
    (gone,) = [one for one in tried(commands, off, "--until", "2024-04-14") if one["detector"] == RULE]
    assert (gone["change"], gone["today"], gone["value"]) == ("goes", 1, 5)
    assert gone["subject"]["label"].startswith("浙江省杭州市西湖区")


def test_people_get_a_table_with_examples(commands: Commands) -> None:
    name = rules(commands.folder, "off2.yaml", one_address_many_licences={"status": "off"})
    told = commands.good("backtest", "--rules", name, "--home", "home", pseudonym_key=KEY.hex())
    (line,) = [one for one in told.splitlines() if one.startswith(RULE)]
    assert "1 → 0" in line
    assert "消失 goes：1" in told
    assert "数据截至 as of 2024-0" in told


def test_nothing_is_written_and_what_cannot_be_tried_is_refused(commands: Commands) -> None:
    before = commands.good("export", "signals", "--home", "home")
    name = rules(commands.folder, "again.yaml")
    tried(commands, name)
    assert commands.good("export", "signals", "--home", "home") == before
    (commands.folder / "broken.yaml").write_text("version: [")
    assert "YAML" in commands.bad("backtest", "--rules", "broken.yaml", "--home", "home")
    assert "run" in commands.bad("backtest", "--rules", name, "--home", "nowhere")
    other = commands.bad("backtest", "--rules", name, "--home", "home", pseudonym_key="ab" * 32)
    assert "CREDIT_MONITOR_PSEUDONYM_KEY" in other
