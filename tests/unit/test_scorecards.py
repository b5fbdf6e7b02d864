"""Scorecards: what the shipped ones hold, what a wrong one is told, and the document that is made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from config import scorecards
from config.scorecards import DIMENSIONS, SIGNAL, Cards, ScorecardError, load, repair_of
from detectors.registry import all_detectors
from monitor.scorebook import classes_reference

ROOT = Path(__file__).resolve().parents[2]
DETECTORS = {detector.id for detector in all_detectors()}


def changed(change: Callable[[dict[str, Any]], object], name: str = "general.yaml") -> dict[str, str]:
    """The texts of the shipped cards with one change."""
    document = yaml.safe_load(load().texts[name])
    change(document)
    return load().texts | {name: yaml.safe_dump(document, allow_unicode=True)}


def test_the_document_is_what_the_cards_say() -> None:
    assert (ROOT / "docs" / "classes.md").read_text(encoding="utf-8") == classes_reference(load()), (
        "run `python -m monitor.scorebook > docs/classes.md`"
    )


def test_the_schema_of_scorecards_is_a_schema() -> None:
    Draft202012Validator.check_schema(scorecards.schema())


def test_the_shipped_cards_cover_five_dimensions_and_four_industries() -> None:
    cards = load()
    assert {line.item.dimension for line in cards.lines()} == set(DIMENSIONS)
    assert set(cards.industries) == {"food", "manufacturing", "online", "retail"}


def test_every_card_names_detectors_that_there_are() -> None:
    cards = load()
    named = {fact.removeprefix(SIGNAL) for line in cards.lines() for fact in line.item.facts if SIGNAL in fact}
    assert named | set(cards.general.red_detectors) <= DETECTORS


def test_nothing_rests_on_complaints_that_nobody_verified_nor_on_capital() -> None:
    facts = {fact for line in load().lines() for fact in line.item.facts}
    assert "signal:complaint-surge" not in facts
    assert not any("capital" in fact for fact in facts)


def test_missed_reports_weigh_less_for_individual_businesses() -> None:
    cards = load()
    here, there = (cards.card(kind, "", False).weights["report-missing"] for kind in ("individual", "enterprise"))
    assert here.points < there.points


def test_cards_of_industries_add_to_the_general_one() -> None:
    cards = load()
    general = set(cards.card("enterprise", "", False).lines)
    assert set(cards.card("enterprise", "C14", False).lines) - general == {
        *cards.industries["food"].items,
        *cards.industries["manufacturing"].items,
    }
    assert set(cards.card("individual", "A01", True).lines) - general == set(cards.industries["online"].items)


@pytest.mark.parametrize(
    ("industry", "is_food"),
    [("C1411", True), ("C14", True), ("F5122", True), ("F512", True), ("F5112", False), ("F51", False), ("", False)],
)
def test_a_card_is_for_all_codes_that_begin_with_one_of_its_own(industry: str, is_food: bool) -> None:
    texts = load().texts
    mine = texts["food.yaml"].replace("[C13, C14, C15, H62]", "[C14, F512]")
    cards = Cards({**texts, "food.yaml": mine})
    assert ("food" in cards.industries_of(industry, platform=False)) is is_food


def test_every_adverse_fact_says_how_it_is_repaired() -> None:
    cards = load()
    for line in cards.lines():
        if line.item.points > 0:
            assert all(repair_of(cards.repair, fact) for fact in line.item.facts)
    severe = repair_of(cards.repair, "penalty.severe")
    assert severe is not None
    assert (severe.after_months, severe.most_months) == (12, 36)


def test_the_hash_names_the_texts_and_nothing_else() -> None:
    assert Cards(dict(reversed(load().texts.items()))).content_hash == load().content_hash
    other = Cards(changed(lambda document: document.update(tolerance_points=1)))
    assert other.content_hash != load().content_hash


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.update(lapse_years=6), "lapse_years"),
        (lambda d: d["thresholds"].update(C=5), "a higher class needs a higher score"),
        (lambda d: d["penalties"].update(severe_from=12345), "12345 is none of"),
        (lambda d: d["items"]["young"].update(points=0), "items/young/points"),
        (lambda d: d["items"]["young"].update(facts=["age"]), "there is no fact age"),
        (lambda d: d["items"]["young"].update(dimension="sex"), "items/young/dimension"),
        (lambda d: d["items"]["young"].update(levels=[1]), "`levels` are of signals alone"),
        (lambda d: d["items"]["complaint"].update(most=-3), "the sign of `points`"),
        (lambda d: d["items"]["complaint"].update(most=1), "must not be less than `points`"),
        (lambda d: d["items"]["complaint"].update(at_least=2), "`at_least` needs `once: true`"),
        (lambda d: d["items"]["linked"].update(years=9), "must not be above lapse_years"),
        (lambda d: d.pop("owner"), "'owner' is a required property"),
    ],
)
def test_a_wrong_card_says_where_it_is_wrong(change: Callable[[dict[str, Any]], object], told: str) -> None:
    with pytest.raises(ScorecardError, match=r"general.yaml is wrong at") as wrong:
        Cards(changed(change))
    assert told in str(wrong.value)


def test_an_item_of_an_industry_may_not_hide_a_general_one() -> None:
    texts = changed(lambda d: d["items"].update(young=d["items"]["food-penalty"]), "food.yaml")
    with pytest.raises(ScorecardError, match="another card has an item of this name"):
        Cards(texts)


def test_an_adverse_fact_without_a_repair_is_refused() -> None:
    with pytest.raises(ScorecardError, match=r"repair.yaml is wrong at tax.irregular"):
        Cards(changed(lambda d: d.pop("tax"), "repair.yaml"))


def test_folders_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(ScorecardError, match=r"need the files general.yaml and repair.yaml"):
        load(tmp_path)
    with pytest.raises(ScorecardError, match="cannot read the scorecards"):
        load(tmp_path / "none")
    (tmp_path / "general.yaml").write_text("a: [")
    (tmp_path / "repair.yaml").write_text("{}")
    with pytest.raises(ScorecardError, match=r"general.yaml is not YAML"):
        load(tmp_path)
