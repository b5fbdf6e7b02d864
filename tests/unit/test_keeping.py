"""Models on disk: named by what they hold, the same bytes for the same model, refused where anything has changed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import skops.io

from models import keeping
from models.anomaly import storing
from models.anomaly.model import AnomalyModel
from models.arrays import Ints, Singles
from models.features.registry import names
from models.keeping import Card, ModelError


def rows(count: int = 500) -> tuple[Singles, Ints]:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(count, len(names()))).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, rng.choice(np.array([1011, 2011]), count)


@cache
def fitted() -> AnomalyModel:
    values, peers = rows()
    return storing.fitted(values, peers, np.ones(len(values), bool), 3)


def packed() -> tuple[bytes, Card]:
    values, peers = rows()
    return storing.packed(
        fitted(), values, peers, as_of="2025-12-31T23:59:59+08:00", seed=3, data={"rows": 500}, figures={"found": 1}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a model that was just kept."""
    return keeping.keep(tmp_path, *packed())


def test_a_model_comes_back_as_it_was(folder: Path) -> None:
    card, model = storing.opened(folder)
    values, peers = rows(60)
    marks = np.arange(60)
    assert (model.judge(values, peers, marks).p == fitted().judge(values, peers, marks).p).all()
    assert folder.name == card.hash[:16]
    assert keeping.find(folder.parents[1], card.hash[:6]) == folder
    assert keeping.kept(folder.parents[1]) == [folder]


def test_the_same_model_has_the_same_bytes() -> None:
    values, peers = rows()
    again = storing.fitted(values, peers, np.ones(len(values), bool), 3)
    assert keeping.packed(again.parts()) == keeping.packed(fitted().parts())
    other = storing.fitted(values, peers, np.ones(len(values), bool), 4)
    assert keeping.hash_of(keeping.packed(other.parts())) != packed()[1].hash


def test_a_card_is_a_page_that_people_can_read() -> None:
    text = keeping.as_page(packed()[1], promoted=True)
    assert "在用" in text
    assert packed()[1].hash in text
    assert "seed: 3" in text


# --- refused


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The card with one change, as somebody might write it."""
    card = json.loads((folder / keeping.CARD_FILE).read_text(encoding="utf-8"))
    change(card)
    (folder / keeping.CARD_FILE).write_text(json.dumps(card), encoding="utf-8")


def replaced(folder: Path, file: bytes) -> None:
    """Another file under the card, which names its hash."""
    (folder / keeping.MODEL_FILE).write_bytes(file)
    rewritten(folder, lambda card: card.update(hash=keeping.hash_of(file)))


def test_a_changed_byte_is_refused(folder: Path) -> None:
    path = folder / keeping.MODEL_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="not the one of the card"):
        storing.opened(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda card: card["features"].reverse(), "features are not those"),
        (lambda card: card.update(features_hash="0" * 64), "features are not those"),
        (lambda card: card.update(kind="forecast"), "no model of kind"),
        (lambda card: card["probe"]["scores"].__setitem__(0, 99.0), "does not score as it did"),
        (lambda card: card["settings"].pop("form"), "its form is not 2: 1"),
        (lambda card: card["settings"].update(form=3), "its form is not 2: 3"),
        (lambda card: card.update(hash="x"), "the hash of the card is none"),
        (lambda card: card.pop("seed"), "the card is wrong"),
    ],
)
def test_a_changed_card_is_refused(folder: Path, change: Callable[[dict[str, Any]], object], told: str) -> None:
    rewritten(folder, change)
    with pytest.raises(ModelError, match=told):
        storing.opened(folder)


class Foreign:
    """Not among the types that a model may hold."""


def test_a_foreign_type_is_refused_before_it_is_built(folder: Path) -> None:
    replaced(folder, skops.io.dumps({**fitted().parts(), "more": Foreign()}))
    with pytest.raises(ModelError, match=r"not trusted: .*Foreign"):
        storing.opened(folder)


def test_a_pickle_is_never_loaded(folder: Path) -> None:
    replaced(folder, pickle.dumps({"forest": None}))
    with pytest.raises(ModelError, match="cannot be opened"):
        storing.opened(folder)


def test_another_model_under_this_card_is_refused(folder: Path) -> None:
    values, peers = rows()
    replaced(folder, keeping.packed(storing.fitted(values, peers, np.ones(len(values), bool), 9).parts()))
    with pytest.raises(ModelError, match="does not score as it did"):
        storing.opened(folder)


def test_a_part_that_is_missing_is_told(folder: Path) -> None:
    parts = fitted().parts()
    del parts["calibration"]
    replaced(folder, keeping.packed(parts))
    with pytest.raises(ModelError, match="KeyError"):
        storing.opened(folder)


def test_what_is_not_there_is_told(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelError, match="no model"):
        keeping.find(tmp_path, "feedbeef")
    (folder / keeping.MODEL_FILE).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        storing.opened(folder)


def test_a_card_of_another_file_is_not_kept(tmp_path: Path) -> None:
    file, card = packed()
    with pytest.raises(ModelError, match="of another file"):
        keeping.keep(tmp_path, file + b" ", card)
    with pytest.raises(ModelError, match="of another file"):
        keeping.keep(tmp_path, file, msgspec.structs.replace(card, hash="0" * 64))


def test_a_file_holds_no_moment_and_no_place_in_memory() -> None:
    with zipfile.ZipFile(io.BytesIO(packed()[0])) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(len(name.partition(".")[0]) < 6 for name in archive.namelist() if name != "schema.json")
