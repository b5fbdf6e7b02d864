"""Rules files: what is in force where, and what a wrong file is told."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from config import ruleset
from config.moments import parse_moment
from config.ruleset import Rules, RulesError, load
from detectors.registry import all_detectors
from tests.engine import Engine, differences, event, lines
from tests.reference.cases import make_case

TEXT = load().text
LICENCES = "one-address-many-licences"


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """The shipped rules with one change, as YAML."""
    document = yaml.safe_load(TEXT)
    change(document)
    return yaml.safe_dump(document, allow_unicode=True)


def parameters(document: dict[str, Any], detector: str = LICENCES) -> dict[str, Any]:
    found: dict[str, Any] = document["detectors"][detector]["parameters"]
    return found


def test_the_shipped_rules_know_every_detector_and_no_other() -> None:
    rules = load()
    assert set(rules.document.detectors) == {detector.id for detector in all_detectors()}
    assert all(rules.active(detector.id) for detector in all_detectors())
    assert rules.document.hosts == []


def test_every_rule_has_a_version_an_owner_and_a_date() -> None:
    for detector in load().document.detectors.values():
        assert detector.version >= 1
        assert detector.owner
        assert isinstance(detector.valid_from, dt.date)


def test_the_schema_of_rules_files_is_a_schema() -> None:
    Draft202012Validator.check_schema(ruleset.schema())


def test_no_second_opinion_quiets_a_rule_in_whose_stead_it_makes_no_task() -> None:
    document = load().document
    opinions = set(document.queue.second_opinions)
    assert opinions == {detector.id for detector in all_detectors() if detector.at_cut}
    for rule in document.alerts.inhibitions:
        assert opinions.isdisjoint(rule.by) or opinions.issuperset(rule.quiets)


def test_the_defaults_are_those_of_the_contract() -> None:
    rules = load()
    levels = {detector.id: rules.parameters(detector.id).get("levels") for detector in all_detectors()}
    assert levels == {
        "one-address-many-licences": ((1, 5), (2, 10), (3, 20), (4, 50)),
        "address-burst": ((2, 5), (3, 10)),
        "address-at-risk": ((2, 0.3), (3, 0.6)),
        "one-person-many-enterprises": ((1, 5), (2, 10), (3, 20)),
        "person-burst": ((2, 3), (3, 5)),
        "frequent-changes": ((1, 3), (2, 5)),
        "linked-risk": ((1, 2), (2, 5)),
        "complaint-surge": ((2, 5), (3, 15)),
        "barred-person-appointed": None,
        "phoenix": None,
        "untraceable": None,
        "anomaly": ((1, 1), (2, 2)),
        "shell-cluster": ((1, 5), (2, 8), (3, 15)),
    }
    assert (rules.hub_limit, rules.content_memory_days) == (200, 90)
    assert rules.trusts_kind_of("//anybody")


def test_the_county_s_value_holds_before_the_kind_s_before_the_general_one() -> None:
    def override(document: dict[str, Any]) -> None:
        rule = document["detectors"]["address-burst"]
        rule["by_kind"] = {"market": {"window_days": 7, "hold_days": 10}, "unknown": {"hold_days": 11}}
        rule["by_region"] = {"330106": {"window_days": 3}}

    rules = Rules(changed(override))

    def days(region: str | None, kind: str | None) -> tuple[int, int]:
        found = rules.parameters("address-burst", region, kind)
        return found["window_days"], found["hold_days"]

    assert days(None, None) == (30, 11)
    assert days(None, "office") == (30, 180)
    assert days(None, "market") == (7, 10)
    assert days("330106", "market") == (3, 10)
    assert days("330108", "market") == (7, 10)


def test_a_rule_that_is_off_finds_nothing() -> None:
    rules = Rules(changed(lambda document: document["detectors"]["untraceable"].update(status="off")))
    assert not rules.active("untraceable")
    visited = event("E0001", "enforcement.visited", "2025-02-01T00:00:00Z", found=False)
    opened = event(
        "E0001",
        "registration.established",
        "2025-01-01T00:00:00Z",
        **{"name": "甲", "kind": "enterprise", "address": {"text": ""}, "persons": []},
    )
    assert [one["detector"] for one in Engine().take(lines([opened, visited])).signals()] == ["untraceable"]
    assert Engine(rules=rules).take(lines([opened, visited])).signals() == []


@pytest.mark.parametrize("detector", [detector.id for detector in all_detectors()])
def test_a_detector_that_a_file_does_not_name_is_off_and_holds_nobody_up(detector: str) -> None:
    rules = Rules(changed(lambda document: document["detectors"].pop(detector)))
    assert not rules.active(detector)
    case = make_case(5, 150)
    everything = Engine().take(case).signals()
    without = Engine(rules=rules).take(case).signals()
    assert not differences(without, [one for one in everything if one["detector"] != detector])


def test_only_named_sources_are_trusted_with_kinds() -> None:
    rules = Rules(changed(lambda document: document.update(trusted_kind_sources=["//registry"])))
    assert rules.trusts_kind_of("//registry")
    assert not rules.trusts_kind_of("//other")


def test_rules_are_named_by_the_hash_of_their_text() -> None:
    assert load().content_hash == hashlib.sha256(TEXT.encode()).hexdigest()
    assert Rules(TEXT + "\n# a remark\n").content_hash != load().content_hash


def test_every_count_of_a_room_or_person_begins_at_two() -> None:
    """Rooms and persons with one enterprise are not judged, so no detector of theirs may be set to find one."""
    for detector in all_detectors():
        if detector.view in ("room", "person") and detector.id != "address-at-risk":  # a share, of two at least

            def lowered(document: dict[str, Any], name: str = detector.id) -> object:
                return document["detectors"][name]["parameters"].update(levels={1: 1})

            with pytest.raises(RulesError, match="one enterprise is no pattern"):
                Rules(changed(lowered))


HOST = {"text": "文三路1号", "kind": "cluster", "reason": "批准", "owner": "甲"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda document: document.pop("owner"), "owner"),
        (lambda document: document.update(owner=""), "owner"),
        (lambda document: document.update(surprise=1), "surprise"),
        (lambda document: document.update(hub_limit="many"), "hub_limit"),
        (lambda document: document["detectors"][LICENCES].pop("valid_from"), f"detectors/{LICENCES}"),
        (lambda document: document["detectors"][LICENCES].update(status="perhaps"), f"detectors/{LICENCES}/status"),
        (lambda document: document["detectors"][LICENCES].update(by_region={"33": {}}), f"detectors/{LICENCES}"),
        (lambda document: parameters(document).update(levels={5: 1}), f"detectors/{LICENCES}/parameters/levels"),
        (lambda document: parameters(document).update(levels={1: 5, 2: 5}), f"detectors/{LICENCES}"),
        (lambda document: parameters(document).update(levels={1: 5, 2: 4}), f"detectors/{LICENCES}"),
        (lambda document: parameters(document).update(levels={1: 1, 2: 5}), f"detectors/{LICENCES}: one enterprise"),
        (
            lambda document: document["detectors"][LICENCES].update(by_region={"330106": {"levels": {1: 1}}}),
            f"detectors/{LICENCES}: one enterprise",
        ),
        (
            lambda document: document["detectors"]["address-at-risk"]["parameters"].update(minimum_registered=1),
            "address-at-risk/parameters/minimum_registered",
        ),
        (lambda document: parameters(document).update(exempt_kinds=["castle"]), "exempt_kinds"),
        (lambda document: parameters(document).update(threshold=5), "threshold"),
        (lambda document: parameters(document).update(hold_days=5), f"detectors/{LICENCES}/parameters"),
        (lambda document: parameters(document).pop("levels"), f"detectors/{LICENCES}/parameters"),
        (lambda document: document["detectors"][LICENCES].update(by_kind={"office": {"years": 3}}), "years"),
        (lambda document: document["detectors"].update(typo=document["detectors"].pop(LICENCES)), "typo"),
        (lambda document: document.update(valid_from="2026-02-30"), "valid_from"),
        (lambda document: document.update(hosts=[{**HOST, "kind": "castle"}]), "hosts/0/kind"),
        (lambda document: document.update(hosts=[{"text": "文三路1号"}]), "hosts/0"),
    ],
)
def test_a_wrong_file_is_told_where(change: Callable[[dict[str, Any]], object], place: str) -> None:
    with pytest.raises(RulesError, match=place):
        Rules(changed(change))


@pytest.mark.parametrize("text", ["", "- a list", "{", "owner: [unclosed", "\t", "valid_from: 2026-02-30"])
def test_a_text_that_is_no_rules_file_is_refused(text: str) -> None:
    with pytest.raises(RulesError, match="rules file"):
        Rules(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="nothing-here"):
        load(tmp_path / "nothing-here.yaml")
    with pytest.raises(RulesError, match="cannot read"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"owner: \xe9")
    with pytest.raises(RulesError, match="UTF-8"):
        load(tmp_path / "latin.yaml")
    (tmp_path / "good.yaml").write_text(TEXT, encoding="utf-8")
    assert load(tmp_path / "good.yaml").content_hash == load().content_hash


def opened_at(room: str, count: int) -> list[bytes]:
    return lines(
        event(
            f"E{number:04d}",
            "registration.established",
            f"2025-0{1 + number % 3}-{1 + number:02d}T00:00:00Z",
            name="甲",
            **{"kind": "enterprise", "address": {"text": room}, "persons": []},
        )
        for number in range(count)
    )


def test_a_room_on_the_host_list_is_exempt_by_its_own_text() -> None:
    room = "浙江省杭州市西湖区文三路90号1幢101室"
    hosts = [{**HOST, "text": "杭州市西湖区文三路９０号1栋101"}]
    rules = Rules(changed(lambda document: document.update(hosts=hosts)))
    listed = opened_at(room, 6)
    assert LICENCES in {one["detector"] for one in Engine().take(listed).signals()}
    assert LICENCES not in {one["detector"] for one in Engine(rules=rules).take(listed).signals()}
    beside = opened_at(room.replace("101", "102"), 6)
    assert LICENCES in {one["detector"] for one in Engine(rules=rules).take(beside).signals()}


def test_a_place_on_the_host_list_ends_with_its_day() -> None:
    room = "浙江省杭州市西湖区文三路90号1幢101室"
    hosts = [{**HOST, "text": room, "until": "2025-03-31"}]
    rules = Rules(changed(lambda document: document.update(hosts=hosts)))
    last_moment = parse_moment("2025-03-31T23:59:59.999999+08:00")
    engine = Engine(rules=rules, clock=last_moment).take(opened_at(room, 6))
    engine.tick(last_moment)
    assert LICENCES not in {one["detector"] for one in engine.signals()}
    engine.tick(last_moment + 1)
    assert LICENCES in {one["detector"] for one in engine.signals()}


def test_new_rules_judge_everything_anew() -> None:
    lower = Rules(changed(lambda document: parameters(document).update(levels={1: 3, 2: 6})))
    engine = Engine().take(opened_at("浙江省杭州市西湖区文三路90号1幢101室", 4))
    assert engine.signals() == []
    engine.flow.use(lower)
    engine.judge()
    assert [(one["detector"], one["level"]) for one in engine.signals()] == [(LICENCES, 1)]
    engine.flow.use(load())
    engine.judge()
    assert engine.signals() == []
