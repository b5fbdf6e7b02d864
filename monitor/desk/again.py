"""Dead letters read once more: from the text that was kept, from the source, or from what an operator mended.

Between the store and intake; it decides nothing itself. `monitor.desk.replay` writes what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from monitor.events.intake import Candidate, Intake
from monitor.events.kept import intake_of_kept, is_whole
from monitor.events.refusal import Refusal
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.sources import Position
from monitor.sources.rereading import LostError, Rereading
from monitor.store.deadletters import Chosen

STORED: Final = "stored text"
SOURCE: Final = "source"
MENDED_FILE: Final = "mended file"


class Asked(msgspec.Struct, frozen=True):
    """Which dead letters are to be read again, and by what.

    `folder`: where relative names of sources are looked for. `mapping`, `mended`: files, by absolute paths. `officer`
    answers for it.
    """

    folder: str
    officer: str
    chosen: Chosen = Chosen()
    mapping: str | None = None
    mended: str | None = None


class Read(msgspec.Struct, frozen=True):
    """One dead letter read again: what intake made of it, or why it cannot be looked at (`lost`, one word).

    A row of a table may give several events; it has come through once none of them is refused.
    """

    number: int
    candidates: list[Candidate] = []
    refusal: Refusal | None = None
    lost: str = ""
    origin: str = ""


class _Mended(msgspec.Struct, frozen=True):
    """A line of a file of mended texts."""

    number: int
    text: str


class Rereader:
    """Reads dead letters again. `close` lets go of the sources."""

    def __init__(self, asked: Asked, pseudonyms: Pseudonymiser, positions: Mapping[str, Position]) -> None:
        """`positions`: how far each source was read. Raises SourceError for a mapping, ValueError for a file of
        mended texts that cannot be used.
        """
        self.mended = None if asked.mended is None else mended_texts(Path(asked.mended))
        mapping = None if asked.mapping is None else Path(asked.mapping)
        self._sources = Rereading(Path(asked.folder), mapping, positions)
        self._intake = Intake(pseudonyms)
        self._kept = intake_of_kept(pseudonyms)

    def read(self, letter: Any, received: int) -> Read:
        """A row of the table of dead letters, read again at a moment."""
        try:
            if self.mended is not None:
                return self._text(letter.number, self.mended[letter.number], received, MENDED_FILE)
            if self._sources.is_table(letter.source):
                if self._sources.has_mapping:
                    return self._row(letter, received)
                if letter.masked or letter.reason == "unmapped_row":
                    raise LostError("needs_mapping")
            if not letter.masked and is_whole(letter.text):
                return self._text(letter.number, letter.text, received, STORED)
            return self._events(letter.number, [self._sources.line(letter)], received, self._intake, SOURCE)
        except LostError as lost:
            return Read(letter.number, lost=lost.why)

    @property
    def told(self) -> list[str]:
        """What is wrong with the mapping for some tables."""
        return list(self._sources.unfit.values())

    def close(self) -> None:
        """Lets go of the sources."""
        self._sources.close()

    def _text(self, number: int, text: str, received: int, origin: str) -> Read:
        if not is_whole(text):
            try:
                self._kept.read(text.encode(), received)
            except (Refusal, UnicodeEncodeError) as error:
                refusal = error if isinstance(error, Refusal) else Refusal("not_unicode")
                return Read(number, refusal=refusal, origin=origin)
            return Read(number, lost="hidden")
        return self._events(number, [text.encode()], received, self._kept, origin)

    def _row(self, letter: Any, received: int) -> Read:
        made = self._sources.row(letter)
        problems = [one.problem for one in made if one.problem]
        good = [one.line for one in made if not one.problem]
        read = self._events(letter.number, good, received, self._intake, SOURCE)
        if problems:
            return msgspec.structs.replace(read, refusal=Refusal("unmapped_row", problems[0]))
        return read

    @staticmethod
    def _events(number: int, lines: list[bytes], received: int, intake: Intake, origin: str) -> Read:
        candidates = []
        refusal = None
        for line in lines:
            try:
                candidate = intake.read(line, received)
            except Refusal as refused:
                refusal = refusal or refused
            else:
                if candidate is None:
                    refusal = refusal or Refusal("not_json", "空行 / a blank line")
                else:
                    candidates.append(candidate)
        return Read(number, candidates, refusal, origin=origin)


def mended_texts(path: Path) -> dict[int, str]:
    """The texts of a file of JSON Lines `{"number", "text"}`, by the numbers of their dead letters. Raises ValueError
    with the line at fault, OSError.
    """
    found = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=_Mended)
        except msgspec.DecodeError as error:
            raise ValueError(
                f'{path}:{number}：每行应为 / each line is {{"number": 12, "text": "…"}}: {error}'
            ) from error
        found[one.number] = one.text
    return found


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
