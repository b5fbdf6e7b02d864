"""Whatever one thing is done to an audit log is found, with the first row that is wrong and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text

from monitor.store.audit.audit_schema import AUDIT
from monitor.store.audit.chain import AuditEntry, Head, append, digest_of, head
from monitor.store.audit.proof import Fault, Proof, verify
from monitor.store.home import HOME_ID, set_meta
from monitor.store.schema import META, METADATA

Record = tuple[Any, ...]
COLUMNS = AUDIT.c.keys()
WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6)

entries = st.builds(
    AuditEntry,
    at=st.integers(-(2**62), 2**62),
    officer=WORDS,
    action=WORDS,
    kind=WORDS,
    key=st.just("") | WORDS,
    outcome=st.sampled_from(["accepted", "refused", "seen"]),
    detail=st.dictionaries(WORDS, WORDS | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), max_size=3),
)
logs = st.lists(entries, min_size=2, max_size=9)


@contextmanager
def written(log: list[AuditEntry]) -> Iterator[Connection]:
    """A log in a database of its own, written in two batches."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection, tables=[AUDIT, META])
        set_meta(connection, HOME_ID, "ours")
        append(connection, log[:2])
        append(connection, log[2:])
        yield connection
    engine.dispose()


def rows(connection: Connection) -> list[Record]:
    return [tuple(row) for row in connection.exec_driver_sql("select * from audit order by number")]


def forge(connection: Connection, records: list[Record]) -> None:
    """Puts other rows in place of all, as somebody who owns the database may."""
    for name in ("audit_no_update", "audit_no_delete", "audit_in_order"):
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
    connection.exec_driver_sql("delete from audit")
    marks = ",".join("?" * len(COLUMNS))
    for record in records:
        connection.exec_driver_sql(f"insert into audit values ({marks})", record)  # noqa: S608 - question marks


def whole(record: Record, **changes: Any) -> Record:
    """A row with other contents and the digest that they have."""
    fields = dict(zip(COLUMNS, record, strict=True)) | changes
    fields["digest"] = digest_of([fields[name] for name in COLUMNS[:8]], fields["previous"])
    return tuple(fields.values())


def renumbered(records: list[Record]) -> list[Record]:
    return [(number, *record[1:]) for number, record in enumerate(records, start=1)]


def verified(connection: Connection, *heads: Head) -> Proof:
    """The proof, which does not depend on how many rows are read at a time."""
    proof = verify(connection, heads)
    with patch("monitor.store.audit.chain._AT_ONCE", 2):
        assert verify(connection, heads) == proof
    return proof


def place(data: st.DataObject, log: list[AuditEntry], *, last: bool = True) -> int:
    """The number of some row."""
    return data.draw(st.integers(1, len(log) if last else len(log) - 1))


@given(logs, st.data())
def test_a_log_that_nobody_touched_is_whole(log: list[AuditEntry], data: st.DataObject) -> None:
    with written(log[:-1] if len(log) > 2 else log) as connection:
        early = head(connection, 0)
        if len(log) > 2:
            append(connection, log[-1:])
        late = head(connection, 1)
        assert (early.home, late.number) == ("ours", len(log))
        assert verified(connection) == Proof(len(log), 0, None)
        assert verified(connection, early, late, late).fault is None
        assert verified(connection, early, late).heads == len({early.number, late.number})


@given(logs, st.data(), st.sampled_from(COLUMNS[1:]))
def test_a_changed_field_is_found(log: list[AuditEntry], data: st.DataObject, column: str) -> None:
    number = place(data, log)
    with written(log) as connection:
        records = rows(connection)
        at = COLUMNS.index(column)
        value = records[number - 1][at]
        other: st.SearchStrategy[Any] = {
            int: st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, width=32) | WORDS | st.just(b"\xff"),
            str: st.text(max_size=3) | st.binary(max_size=3) | st.just(str(value) + "\0") | st.just(value.encode())
            if isinstance(value, str)
            else st.nothing(),
            bytes: st.binary(max_size=33) | st.text(max_size=3) | st.integers(0, 40),
        }[type(value)]
        changed = data.draw(other.filter(lambda one: type(one) is not type(value) or one != value))
        # A column of whole numbers keeps `7.0` as 7, one of texts keeps 7 as `7`: then nothing was changed.
        records[number - 1] = (*records[number - 1][:at], changed, *records[number - 1][at + 1 :])
        before = rows(connection)
        forge(connection, records)
        kept = connection.exec_driver_sql("select * from audit order by number").fetchall()
        if [tuple(row) for row in kept] == before:
            return
        assert verified(connection).fault == Fault(number, "changed")


@given(logs, st.data())
def test_bytes_that_are_no_text_are_found(log: list[AuditEntry], data: st.DataObject) -> None:
    number = place(data, log)
    with written(log) as connection:
        forge(connection, rows(connection))
        connection.exec_driver_sql("update audit set officer = cast(x'c3' as text) where number = ?", (number,))
        assert verified(connection).fault == Fault(number, "changed")


@given(logs, st.data(), st.sampled_from(COLUMNS[2:6]))
def test_a_row_with_another_digest_is_found_by_the_row_behind_it_or_a_head(
    log: list[AuditEntry], data: st.DataObject, column: str
) -> None:
    number = place(data, log)
    with written(log) as connection:
        newest = head(connection, 0)
        records = rows(connection)
        forged = str(records[number - 1][COLUMNS.index(column)]) + "x"
        records[number - 1] = whole(records[number - 1], **{column: forged})
        forge(connection, records)
        if number < len(log):
            assert verified(connection).fault == Fault(number, "changed")
        else:
            assert verified(connection).fault is None, "only a head shows it"
            assert verified(connection, newest).fault == Fault(number, "made anew", 0)


@given(logs, st.data(), st.booleans())
def test_a_missing_row_is_found(log: list[AuditEntry], data: st.DataObject, renumber: bool) -> None:
    number = place(data, log, last=False)
    with written(log) as connection:
        records = rows(connection)
        del records[number - 1]
        forge(connection, renumbered(records) if renumber else records)
        assert verified(connection).fault == Fault(number, "missing")


@given(logs, st.data())
def test_a_cut_off_end_is_found_by_a_head(log: list[AuditEntry], data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(log) - 1))
    with written(log) as connection:
        newest = head(connection, 0)
        forge(connection, rows(connection)[:left])
        assert verified(connection) == Proof(left, 0, None), "nothing but a head can show it"
        assert verified(connection, newest) == Proof(left, 0, Fault(left + 1, "cut off", len(log)))


@given(logs, st.data())
def test_two_rows_in_each_other_s_place_are_found(log: list[AuditEntry], data: st.DataObject) -> None:
    first = place(data, log, last=False)
    second = data.draw(st.integers(first + 1, len(log)))
    with written(log) as connection:
        records = rows(connection)
        records[first - 1], records[second - 1] = records[second - 1], records[first - 1]
        forge(connection, renumbered(records))
        assert verified(connection).fault == Fault(first, "reordered", second)


@given(logs, st.data(), entries)
def test_an_inserted_row_is_found(log: list[AuditEntry], data: st.DataObject, entry: AuditEntry) -> None:
    number = place(data, log)
    with written(log) as connection:
        records = rows(connection)
        here = records[number - 1]
        forged = whole(here, officer=entry.officer + "x", at=entry.at)
        forge(connection, renumbered([*records[: number - 1], forged, *records[number - 1 :]]))
        assert verified(connection).fault == Fault(number, "inserted")
        twice = data.draw(st.sampled_from(records))
        forge(connection, renumbered([*records[: number - 1], twice, *records[number - 1 :]]))
        fault = verified(connection).fault
        assert fault is not None
        assert fault.wrong in ("inserted", "reordered")
        assert fault.number == number or (fault.number, twice[0]) == (number - 1, number - 1)
        forge(connection, [(0, *here[1:]), *records])
        assert verified(connection).fault == Fault(0, "inserted")


@given(logs, st.data())
def test_a_chain_made_anew_is_found_by_a_head(log: list[AuditEntry], data: st.DataObject) -> None:
    number = place(data, log)
    with written(log) as connection:
        newest = head(connection, 0)
        records = rows(connection)
        records[number - 1] = whole(records[number - 1], officer="somebody.else")
        for at in range(number, len(records)):
            records[at] = whole(records[at], previous=records[at - 1][-1])
        same = rows(connection) == records
        earlier = [Head("ours", records[at - 1][0], records[at - 1][-1].hex(), "") for at in range(1, number)]
        forge(connection, records)
        assert verified(connection).fault is None, "nothing but a head can show it"
        found = verified(connection, *earlier, newest).fault
        assert found == (None if same else Fault(len(log), "made anew", number - 1))


@given(logs)
def test_a_log_of_another_home_is_found(log: list[AuditEntry]) -> None:
    with written(log) as connection:
        theirs = head(connection, 0)
        set_meta(connection, HOME_ID, "another")
        assert verified(connection).fault == Fault(1, "not of this home")
        forge(connection, [])
        assert verified(connection).fault is None
        assert verified(connection, theirs).fault == Fault(len(log), "not of this home")
