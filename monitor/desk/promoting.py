"""A model brought into force, asked of the writer of a home through `monitor.desk.requests`."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from monitor.desk.requests import Request
from monitor.desk.writer import HomeWriter
from monitor.events.data import PromotedData

PROMOTE: Final = "promote"
"""The kind of such a request."""


class Asked(msgspec.Struct, frozen=True):
    """The body of a request. `file`: the model's, relative to the home; `data`: of the event (contract §2)."""

    file: str
    data: dict[str, Any]


class Promoting:
    """The work on one promotion: in the log and in force, or refused with the reason."""

    def __init__(self, writer: HomeWriter, request: Request) -> None:
        """Raises ValueError where officer or reason are missing."""
        self._writer = writer
        self._file = msgspec.convert(request.body, Asked).file
        self._data = msgspec.convert(request.body["data"], PromotedData)

    def step(self) -> dict[str, Any]:
        """Does it. Raises ValueError where the home does not hold this very model: what the log names must be there."""
        found = hashlib.sha256((self._writer.home.path / self._file).read_bytes()).hexdigest()
        if found != self._data.model:
            raise ValueError("目录中的模型不是所指的那个 / the model in the home is not the one that was named")
        self._writer.promote(self._data)
        return {"model": self._data.model}

    def close(self) -> None:
        """Nothing is open."""
