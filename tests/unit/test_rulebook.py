"""The rules reference: written from the detectors, kept in the documents, and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.ruleset import Rules, load
from detectors.base import LEVEL_NAMES, Detector
from detectors.registry import all_detectors, by_id, for_view
from monitor.rulebook import certainty_text, chapter, rules_reference

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


def test_the_document_is_what_the_detectors_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == rules_reference(load()), (
        "run `python -m monitor.rulebook > docs/rules.md`"
    )


@pytest.mark.parametrize("detector", all_detectors(), ids=lambda one: one.id)
def test_a_chapter_says_all_that_a_detector_says_of_itself(detector: Detector) -> None:
    text = chapter(detector, load())
    assert text.startswith(f"## {detector.title.zh} `{detector.id}@{detector.version}`\n")
    for said in (detector.finding, detector.way_out, *detector.levels.values(), *detector.false_positives):
        assert said.zh in text
        assert said.en in text
    for basis in detector.basis:
        assert f"{basis.text} （{certainty_text(basis.certainty)}）" in text
    for level in detector.levels:
        assert f"| {level} {LEVEL_NAMES[level][0]} {LEVEL_NAMES[level][1]} |" in text
    for name in load().of(detector.id).parameters:
        assert f"| `{name}` |" in text


def test_a_detector_that_is_off_is_said_to_be() -> None:
    off = Rules(load().text.replace("status: stable", "status: 'off'"))
    assert "未启用" in chapter(by_id("phoenix"), off)
    assert "within_days" not in chapter(by_id("phoenix"), off)


def test_overrides_of_a_county_are_shown() -> None:
    text = load().text.replace("      letters_apart_days: [15, 30]\n      listing_working_days: 10\n", "X")
    with_region = text.replace(
        "X",
        "      letters_apart_days: [15, 30]\n      listing_working_days: 10\n"
        "    by_region:\n      '330106': {listing_working_days: 5}\n",
    )
    assert "| `listing_working_days` (330106) | 5 |" in chapter(by_id("untraceable"), Rules(with_region))


def test_the_registry_knows_the_detectors_of_the_contract() -> None:
    assert [detector.id for detector in all_detectors()] == [
        "address-at-risk",
        "address-burst",
        "anomaly",
        "barred-person-appointed",
        "complaint-surge",
        "frequent-changes",
        "linked-risk",
        "one-address-many-licences",
        "one-person-many-enterprises",
        "person-burst",
        "phoenix",
        "shell-cluster",
        "untraceable",
    ]
    assert sum(len(for_view(view)) for view in ("room", "person", "enterprise", "ties", "cut")) == len(all_detectors())
    with pytest.raises(KeyError):
        by_id("no-such-detector")
