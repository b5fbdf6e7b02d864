"""What the numbers of a flow stand for in its store: texts, and the numbers that the store has for the same.

In a home both have the same numbers. On a cluster the database knows subjects by references
(`monitor.store.references`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from sqlalchemy import Connection

from monitor.store.reader import Reader


class Naming(Protocol):
    """Answers within one look at the store."""

    def codes(self, refs: Iterable[int]) -> Mapping[int, str]:
        """Codes of enterprises by number."""

    def labels(self, subjects: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """How people call rooms (`address`) and persons (`person`), by kind and number; empty where unknown."""

    def numbers(self, stored: Iterable[int]) -> Mapping[int, int]:
        """Numbers of enterprises by those of the store; of an enterprise that the flow does not know there is none."""


class HomeNaming:
    """In a home."""

    def __init__(self, connection: Connection) -> None:
        """`connection`: to the database of the home, which knows the codes of all enterprises of the flow."""
        self._reader = Reader(connection)

    def codes(self, refs: Iterable[int]) -> Mapping[int, str]:
        """See `Naming`."""
        return self._reader.codes(refs)

    def labels(self, subjects: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """See `Naming`."""
        return {subject: label for subject, (_, label) in self._reader.subjects(subjects).items()}

    def numbers(self, stored: Iterable[int]) -> Mapping[int, int]:
        """See `Naming`."""
        return {ref: ref for ref in stored}
