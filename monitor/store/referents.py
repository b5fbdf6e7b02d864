"""References of a batch, and the rows that say what they stand for: enterprises with names, rooms, persons, sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, tuple_

from detectors.base import SubjectKind
from monitor.store import bulk
from monitor.store.errors import CollisionError
from monitor.store.postgresql.boardbatch import Named
from monitor.store.references import References
from monitor.store.schema import ENTERPRISES, PERSONS, ROOMS, SOURCES

Known = dict[tuple[str, int], str]
"""By table and reference: the label there, an empty text where there is none."""

NEVER: Final = -(1 << 62)
_NAME: Final = ("code", "name", "named_at", "named_by", "named_in")
_SHOWN_NUL: Final = "\u2400"


class Referents:
    """What the references of one batch stand for. Raises CollisionError where one stands for two."""

    def __init__(self, connection: Connection, references: References, known: Known) -> None:
        """`known`: what the database holds for certain."""
        self.found: Known = {}
        """What it holds as well, once the transaction is committed."""
        self._connection = connection
        self._reference = references.reference
        self._known = known
        self._enterprises: dict[int, str] = {}
        self._sources: dict[int, str] = {}
        self._labels: dict[SubjectKind, dict[int, tuple[str, str]]] = {"address": {}, "person": {}}

    def enterprise(self, code: str) -> int:
        """The reference of an enterprise."""
        ref = self._reference("enterprise", code)
        self._enterprises[ref] = code
        return ref

    def source(self, name: str) -> int:
        """The reference of a source."""
        ref = self._reference("source", name)
        self._sources[ref] = name
        return ref

    def subject(self, kind: SubjectKind, key: str, label: str = "") -> int:
        """The reference of a subject, with a label where one is known."""
        if kind == "enterprise":
            return self.enterprise(key)
        ref = self._reference("address" if kind == "address" else "person", key)
        if label or ref not in self._labels[kind]:
            self._labels[kind][ref] = (key, label)
        return ref

    def write(self, named: Iterable[Named]) -> None:
        """Writes what the references that were asked for stand for, and the names of enterprises."""
        names = self._names(named)
        for ref in names:
            self._enterprises.pop(ref, None)
        stubs = [(ref, code, "", NEVER, "", "") for ref, code in self._enterprises.items()]
        self._add(ENTERPRISES, ("ref", *_NAME), stubs, bulk.leave)
        self._add(ENTERPRISES, ("ref", *_NAME), list(names.values()), _later)
        sources = [(ref, text(name)) for ref, name in self._sources.items()]
        self._add(SOURCES, ("ref", "name"), sources, bulk.leave)
        for table, labels in ((ROOMS, self._labels["address"]), (PERSONS, self._labels["person"])):
            rows = [(ref, text(key), text(label)) for ref, (key, label) in labels.items()]
            self._add(table, ("ref", "key", "label"), rows, _labelled)

    def _names(self, named: Iterable[Named]) -> dict[int, tuple[Any, ...]]:
        """The latest name of each enterprise."""
        found: dict[int, tuple[Any, ...]] = {}
        for one in named:
            ref = self._reference("enterprise", one.code)
            row = (ref, one.code, text(one.name), one.at, text(one.source), text(one.id))
            if ref not in found or row[3:] > found[ref][3:]:
                found[ref] = row
        return found

    def _add(self, table: Table, columns: Sequence[str], rows: bulk.Rows, conflict: bulk.Conflict) -> None:
        """Writes what references stand for, and looks whether they stand for something else already."""
        labels = {(table.name, row[0]): row[2] if conflict is _labelled else "" for row in rows}
        if conflict is not _later:
            rows = [row for row in rows if self._is_new((table.name, row[0]), labels)]
        bulk.insert(self._connection, table, columns, rows, conflict)
        if bulk.differs(self._connection, table, (columns[0], columns[1]), [row[:2] for row in rows]):
            raise CollisionError(
                f"{table.name}：两个主体的引用相同，请换新库重新填充 / two of them have the same reference: fill a new "
                "database, whose salt is another"
            )
        self.found.update(labels)

    def _is_new(self, place: tuple[str, int], labels: Known) -> bool:
        known = self._known.get(place)
        if known is not None and not labels[place]:
            labels[place] = known  # no label takes the place of none
        return known != labels[place]


def text(value: str) -> str:
    """A text as PostgreSQL takes it: without the one character that it refuses, and without halves of a pair."""
    if "\0" in value:
        value = value.replace("\0", _SHOWN_NUL)
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _later(statement: Any) -> Any:
    """The name with the greatest (time, source, id) stays."""
    new, old = statement.excluded, ENTERPRISES.c
    return statement.on_conflict_do_update(
        index_elements=["ref"],
        set_={column: new[column] for column in _NAME[1:]},
        where=tuple_(new.named_at, new.named_by, new.named_in) > tuple_(old.named_at, old.named_by, old.named_in),
    )


def _labelled(statement: Any) -> Any:
    """A label takes the place of another one, none takes the place of none."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["ref"],
        set_={"label": new.label},
        where=and_(new.label != "", new.label != statement.table.c.label),
    )
