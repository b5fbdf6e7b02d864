"""A home: one writer at a time, a key of its own, and what a reader finds there."""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.store.home import Home, HomeError, meta, set_meta
from tests.engine import Engine, exported, run_file
from tests.reference.cases import make_case


def test_everything_in_a_home_is_its_owner_s_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.create()
    home.key()
    assert oct(home.path.stat().st_mode & 0o777) == oct(home.snapshots.stat().st_mode & 0o777) == "0o700"
    assert oct((home.path / "pseudonym.key").stat().st_mode & 0o777) == "0o600"


def test_a_key_is_made_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = home.key()
    assert len(key) == 32
    assert Home(tmp_path).key() == key
    assert [path.name for path in tmp_path.iterdir()] == ["pseudonym.key"]


def test_a_key_of_a_faster_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "ab" * 32

    def meanwhile(size: int) -> bytes:
        (tmp_path / "pseudonym.key").write_text(theirs + "\n")
        return b"\x01" * size

    monkeypatch.setattr(secrets, "token_bytes", meanwhile)
    assert Home(tmp_path).key().hex() == theirs
    assert (tmp_path / "pseudonym.key").read_text().strip() == theirs


def test_a_key_that_is_no_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "pseudonym.key").write_text("not hexadecimal")
    with pytest.raises(HomeError, match="hexadecimal"):
        Home(tmp_path).key()


def test_a_second_writer_is_refused_with_the_holder(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lock = home.lock()
    with pytest.raises(HomeError, match=f"process {os.getpid()} writes this home already"):
        home.lock()
    lock.release()
    home.lock().release()


def test_who_writes_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    home = Home(tmp_path)
    brief = home.lock(brief=True)
    began = time.monotonic()
    timer = threading.Timer(0.3, brief.release)
    timer.start()
    home.lock().release()
    assert time.monotonic() - began >= 0.3
    timer.join()


def test_a_moment_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.home._BRIEF_SECONDS", 0.1)
    brief = Home(tmp_path).lock(brief=True)
    with pytest.raises(HomeError, match=str(os.getpid())):
        Home(tmp_path).lock()
    brief.release()


def test_the_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from monitor.store.home import Home;"
        f"lock = Home(Path({str(tmp_path)!r})).lock(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(HomeError, match=str(process.pid)):
            Home(tmp_path).lock()
        process.kill()
        process.wait()
    Home(tmp_path).lock().release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="choose another --home"):
        Home(tmp_path / "file" / "home").create()


def refused(home: Home) -> str:
    with pytest.raises(HomeError) as told:
        home.reader()
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_reader_of_nothing_is_told_what_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert "nothing here yet" in refused(home)
    assert not home.path.exists()
    home.create()
    assert "nothing here yet" in refused(home)
    home.database.touch()
    assert "nothing here yet" in refused(home)


def test_a_reader_of_a_half_made_or_foreign_database_is_told_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with sqlite3.connect(home.database) as database:
        database.execute("create table meta (key text primary key, value text not null)")
    database.close()
    assert "nothing here yet" in refused(home)
    home.database.write_bytes(b"no database at all, " * 500)
    assert "restore it" in refused(home)


def test_a_reader_that_is_refused_lets_go_of_the_database(tmp_path: Path) -> None:
    database = tmp_path / "monitor.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(HomeError):
        Home(tmp_path).reader()
    with pytest.raises(HomeError):
        Home(tmp_path).reader()
    opened = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert str(database.resolve()) not in opened


def test_a_home_of_another_schema_is_not_touched(tmp_path: Path) -> None:
    home = Home(tmp_path)
    engine = home.writer()
    with engine.begin() as connection:
        set_meta(connection, "schema", "999")
    engine.dispose()
    with pytest.raises(HomeError, match="schema 999"):
        home.writer()
    assert "schema 999" in refused(home)


def test_what_a_home_keeps_about_itself_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    engine = home.writer()
    with engine.begin() as connection:
        seed = meta(connection, "seed")
        set_meta(connection, "colour", "red")
        set_meta(connection, "colour", "blue")
    engine.dispose()
    engine = home.writer()
    with engine.begin() as connection:
        assert (meta(connection, "seed"), meta(connection, "colour"), meta(connection, "none")) == (seed, "blue", None)
    engine.dispose()
    assert seed


@pytest.mark.parametrize("name", ["with space", "100%", "a#b", "what?", "浙江"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(make_case(1, 50)))
    run_file(tmp_path / name, tmp_path / "events.jsonl")
    assert exported(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["events.jsonl", name])


def test_a_reader_sees_one_moment_while_the_writer_goes_on(tmp_path: Path) -> None:
    from monitor.store.reader import look

    (tmp_path / "a.jsonl").write_bytes(b"\n".join(make_case(1, 60)))
    (tmp_path / "b.jsonl").write_bytes(b"\n".join(make_case(2, 60)))
    run_file(tmp_path / "home", tmp_path / "a.jsonl")
    before = exported(tmp_path / "home")
    engine = Home(tmp_path / "home").reader()
    with look(engine) as reader:
        counts: dict[str, Any] = reader.counts()
        run_file(tmp_path / "home", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
        assert list(reader.signals()) == before
        assert reader.counts() == counts
    engine.dispose()
    assert len(exported(tmp_path / "home")) > len(before)
    assert Engine().take(make_case(1, 60)).signals()
