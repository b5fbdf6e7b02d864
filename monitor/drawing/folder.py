"""A draw on disk: `public/`, which is published as it is, and `private/`, which only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from monitor.drawing import DrawError, ProofError
from monitor.drawing.published import COMMITMENT, RESULT, TABLE
from monitor.drawing.sealing import Sealed

_PUBLIC: Final = "public"
_PRIVATE: Final = "private"
_LONGEST: Final = 1 << 30


def write_sealed(folder: Path, sealed: Sealed) -> None:
    """Writes a commitment into a folder that holds none. Raises DrawError, OSError."""
    if public(folder).joinpath(COMMITMENT).exists():
        raise DrawError(
            f"{folder}：已有一次承诺，不能覆盖，请换 --out / a draw was committed to in it already, and that stands: "
            "choose another --out"
        )
    (folder / _PUBLIC).mkdir(parents=True, exist_ok=True)
    (folder / _PRIVATE).mkdir(mode=0o700, exist_ok=True)
    for name, text in sealed.private.items():
        _write(folder / _PRIVATE / name, text, 0o600)
    for name, text in sealed.public.items():
        _write(folder / _PUBLIC / name, text, 0o644)


def write_result(folder: Path, files: Mapping[str, str]) -> None:
    """Adds what was drawn to the published files: the result last, because with it the draw is done."""
    for name in (TABLE, RESULT):
        _write(public(folder) / name, files[name], 0o644)


def public(folder: Path) -> Path:
    """Where the published files of a folder are: in `public/`, or in itself where it is what was published."""
    inner = folder / _PUBLIC
    return inner if inner.is_dir() else folder


def read_public(folder: Path) -> dict[str, str]:
    """All published files by name. Raises DrawError where there are none, ProofError where one is no text."""
    place = public(folder)
    if not place.is_dir():
        raise DrawError(f"{folder}：没有这个目录，请核对路径 / there is no such folder: check the path")
    found = {}
    for path in sorted(place.iterdir()):
        if not path.is_file() or path.stat().st_size > _LONGEST:
            raise ProofError(f"{path.name}：不属于抽取的公布文件 / is no file of a published draw")
        try:
            found[path.name] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProofError(f"{path.name}：不是 UTF-8，已被改动 / is not UTF-8: it was changed") from error
    return found


def read_private(folder: Path, name: str) -> str:
    """A file that the agency keeps. Raises DrawError where it is not there."""
    try:
        return (folder / _PRIVATE / name).read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise DrawError(
            f"{error.filename}：没有，须在承诺的目录中进行 / is not there: this needs the folder in which the draw was "
            "committed to"
        ) from error
    except UnicodeDecodeError as error:
        raise DrawError(f"{name}：已损坏，请从备份恢复 / is damaged: restore it from its backup") from error


def _write(path: Path, text: str, mode: int) -> None:
    """A whole file in one step, of the mode from its first byte on."""
    made = path.with_name(f".{path.name}.new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
