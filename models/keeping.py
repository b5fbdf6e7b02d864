"""Models on disk: a folder each, `model.skops` and `card.json`, opened only where everything about it checks.

A model is named by the SHA-256 of its file. The file is written so that the same model gives the same bytes: whoever
has the log can train again with the seed of the card, and compare. skops holds no code (no pickle): the types that a
file names are compared with a list before anything is built from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np

from models.arrays import Floats, Ints, Singles

Kind = Literal["anomaly", "forecast"]

FOLDER: Final = "models"
"""Of a home: where its models are kept."""

MODEL_FILE: Final = "model.skops"
CARD_FILE: Final = "card.json"
LIBRARIES: Final = ("numpy", "scikit-learn", "skops")

_MARKS: Final = re.compile(rb'("__id__": |"file": ")(\d+)')
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_SHORT: Final = 16
_CLOSE: Final = 1e-6
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class ModelError(ValueError):
    """A model that is not there or may not be used; the message says what to do."""


class Probe(msgspec.Struct, frozen=True):
    """Rows with the scores that the model gave them when it was kept; null stands for what is not known."""

    rows: list[list[float | None]]
    peers: list[int]
    scores: list[float]

    def values(self) -> Singles:
        """The rows as a matrix."""
        return np.array(self.rows, np.float64).astype(np.float32)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be known of a model. `hash`: its name; `as_of`: the Now of the facts that it learned from, RFC 3339;
    `data`: where they came from and how many; `features`: names of the columns; `features_hash`: of what the registry
    says of them; `settings`: what it was trained with; `figures`: what was measured; `notes`: zh, en; `probe`: the
    self-test.
    """

    hash: str
    kind: Kind
    as_of: str
    seed: int
    data: dict[str, Any]
    features: list[str]
    features_hash: str
    settings: dict[str, Any]
    figures: dict[str, Any]
    notes: list[tuple[str, str]]
    libraries: dict[str, str]
    probe: Probe


Scorer = Callable[[Mapping[str, Any], Singles, Ints], Floats]
"""The scores that the parts of a model give to rows of values and peers: the self-test."""


def features_hash(features: Sequence[msgspec.Struct]) -> str:
    """What a model's columns mean, as a hash: another way of computing a feature is another feature."""
    return hashlib.sha256(msgspec.json.encode(list(features), order="sorted")).hexdigest()


def libraries() -> dict[str, str]:
    """The versions of the libraries that a model is made with."""
    return {name: version(name) for name in LIBRARIES}


def probe_of(values: Singles, peers: Ints, score: Callable[[Singles, Ints], Floats]) -> Probe:
    """The self-test of a model on some rows."""
    rows = [[None if np.isnan(one) else float(one) for one in row] for row in values]
    return Probe(rows, [int(one) for one in peers], [float(one) for one in score(values, peers)])


def packed(parts: Mapping[str, Any]) -> bytes:
    """The parts of a model as the bytes of its file; the same parts give the same bytes."""
    import skops.io  # with scikit-learn, a second of loading: only where a model is written or read

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(dict(parts)))) as archive:
        names: dict[bytes, bytes] = {}

        def numbered(found: re.Match[bytes]) -> bytes:
            return found[1] + names.setdefault(found[2], str(len(names)).encode())

        schema = _MARKS.sub(numbered, archive.read("schema.json"))  # skops names things by their places in memory
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            _put(out, "schema.json", schema)
            files = {name: name.partition(".")[0].encode() for name in archive.namelist() if name != "schema.json"}
            for name in sorted(files, key=lambda one: int(names[files[one]])):
                stem, dot, ending = name.partition(".")
                _put(out, names[stem.encode()].decode() + dot + ending, archive.read(name))
    return made.getvalue()


def keep(home: Path, file: bytes, card: Card) -> Path:
    """Writes a model below a home, whole or not at all; its folder. One that is there already stays."""
    if hashlib.sha256(file).hexdigest() != card.hash:
        raise ModelError("模型卡与文件不符 / the card is of another file")
    folder = home / FOLDER / card.hash[:_SHORT]
    if folder.exists():
        return folder
    made = folder.with_name(f".{folder.name}.{os.getpid()}")
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    (made / MODEL_FILE).write_bytes(file)
    (made / CARD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    made.replace(folder)
    return folder


def hash_of(file: bytes) -> str:
    """The name of a model."""
    return hashlib.sha256(file).hexdigest()


def find(home: Path, name: str) -> Path:
    """The folder of a model by its hash, or the beginning of one, or a path to the folder. Raises ModelError."""
    path = Path(name)
    if (path / CARD_FILE).is_file():
        return path
    found = [one for one in kept(home) if one.name.startswith(name[:_SHORT])] if name else []
    if len(found) != 1:
        raise ModelError(
            f"没有模型 {name}，请用 models list 查看 / there is no model {name}: see `credit-monitor models list`"
            if not found
            else f"{name} 不止一个模型，请写全 / more than one model begins with {name}: write more of the hash"
        )
    return found[0]


def kept(home: Path) -> list[Path]:
    """The folders of the models of a home, by hash."""
    folder = home / FOLDER
    return sorted(one.parent for one in folder.glob(f"*/{CARD_FILE}") if not one.parent.name.startswith("."))


def card_of(folder: Path) -> Card:
    """The card of a model, without a look at the model. Raises ModelError."""
    try:
        card = msgspec.json.decode((folder / CARD_FILE).read_bytes(), type=Card)
    except OSError as error:
        raise ModelError(f"{folder}：读不到模型卡 / the card cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"{folder}：模型卡有误 / the card is wrong: {error}") from error
    if not _HASH.fullmatch(card.hash):
        raise ModelError(f"{folder}：模型卡的散列有误 / the hash of the card is none")
    return card


def opened(
    folder: Path,
    *,
    kind: Kind,
    trusted: frozenset[str],
    features: Sequence[msgspec.Struct],
    names: Sequence[str],
    score: Scorer,
) -> tuple[Card, dict[str, Any]]:
    """A model and its card, where every check passes. Raises ModelError.

    Checked are: that it is of the kind; that the file is the one that the card names; that it holds no other types than
    those `trusted`; that its features are those of this program (`features` of the registry, `names` of them); and that
    it still gives the stored rows their scores.
    """
    card = card_of(folder)
    if card.kind != kind:
        raise refused(folder, "种类不是", "it is no model of kind", kind)
    try:
        file = (folder / MODEL_FILE).read_bytes()
    except OSError as error:
        raise refused(folder, "读不到文件", "the file cannot be read:", str(error.strerror)) from error
    if hash_of(file) != card.hash:
        raise refused(folder, "文件与模型卡的散列不符", "the file is not the one of the card", "")
    if list(names) != card.features or features_hash(features) != card.features_hash:
        raise refused(folder, "特征与本程序不同", "its features are not those of this program", "")
    import skops.io

    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=file)) - trusted)
        if foreign:
            raise refused(folder, "含未信任的类型", "it holds types that are not trusted:", ", ".join(foreign))
        parts: dict[str, Any] = skops.io.loads(file, trusted=sorted(trusted))
        scores = score(parts, card.probe.values(), np.array(card.probe.peers, np.int64))
    except ModelError:
        raise
    except Exception as error:  # whatever a file that is no model makes of itself
        raise refused(folder, "无法打开", "it cannot be opened:", f"{type(error).__name__}: {error}") from error
    if not np.allclose(scores, card.probe.scores, rtol=_CLOSE, atol=_CLOSE):
        raise refused(folder, "自检得分不同", "it does not score as it did when it was kept", "")
    return card, parts


def as_page(card: Card, *, promoted: bool = False) -> str:
    """The card for people, Chinese first, as Markdown."""
    named = "、".join(card.features[:8]) + (" …" if len(card.features) > 8 else "")
    lines = [
        f"# 模型 model {card.hash[:_SHORT]}" + ("（在用 in force）" if promoted else ""),
        "",
        f"- 种类 kind: {card.kind}",
        f"- 散列 sha256: {card.hash}",
        f"- 数据截至 facts as of: {card.as_of}",
        f"- 随机种子 seed: {card.seed}",
        f"- 特征 features: {len(card.features)} ({named})",
        "- 程序库 libraries: " + ", ".join(f"{name} {number}" for name, number in sorted(card.libraries.items())),
    ]
    for title, values in (("数据 data", card.data), ("设定 settings", card.settings), ("指标 figures", card.figures)):
        lines += ["", f"## {title}", ""]
        lines += [f"- {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    if card.notes:
        lines += ["", "## 说明 notes", ""]
        lines += [f"- {zh} / {en}" for zh, en in card.notes]
    return "\n".join(lines) + "\n"


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def refused(folder: Path, zh: str, en: str, what: str) -> ModelError:
    """Why a model may not be used, and what to do."""
    told = f" {what}" if what else ""
    return ModelError(
        f"{folder.name}：{zh}{told}，不予使用，请重新训练 / the model is not used: {en}{told}; train again, or promote "
        "another"
    )
