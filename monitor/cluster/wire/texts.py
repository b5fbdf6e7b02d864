"""Numbers for texts and back, inside one host: facts arrive by name, and the stages work with numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from monitor.stages.numbering import Numbering


class Texts:
    """Texts by number, from 1 on, in one block of memory: a few bytes each beside their own."""

    def __init__(self) -> None:
        """None yet."""
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ends) - 1

    def add(self, text: str) -> None:
        """One more, with the next number."""
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))

    def __getitem__(self, number: int) -> str:
        """The text of a number."""
        return self._bytes[self._ends[number - 1] : self._ends[number]].decode()

    def dump(self) -> list[bytes]:
        """What a snapshot keeps."""
        return [bytes(self._bytes), self._ends.tobytes()]

    def load(self, dumped: Sequence[bytes]) -> None:
        """Takes over what `dump` gave."""
        self._bytes = bytearray(dumped[0])
        self._ends = array("Q", dumped[1])


class Named:
    """Texts with numbers, found either way."""

    def __init__(self, seed: int) -> None:
        """`seed`: for the hashes, not known outside."""
        self.numbering = Numbering(seed)
        self.texts = Texts()

    def __len__(self) -> int:
        """How many there are."""
        return len(self.texts)

    def number(self, text: str) -> tuple[int, bool]:
        """The number of a text, and whether it is new."""
        number, new = self.numbering.number(text)
        if new:
            self.texts.add(text)
        return number, new

    def numbers(self, texts: Sequence[str]) -> list[int]:
        """The numbers of many texts at once."""
        found, new = self.numbering.numbers(texts)
        for place, _ in new:
            self.texts.add(texts[place])
        return found

    def find(self, text: str) -> int:
        """The number of a text, 0 if it has none."""
        return self.numbering.find(text)

    def __getitem__(self, number: int) -> str:
        """The text of a number."""
        return self.texts[number]

    def dump(self) -> list[Any]:
        """What a snapshot keeps."""
        return [list(self.numbering.dump()), self.texts.dump()]

    def load(self, dumped: Sequence[Any]) -> None:
        """Takes over what `dump` gave."""
        self.numbering.load(*dumped[0])
        self.texts.load(dumped[1])
