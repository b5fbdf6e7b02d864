"""异议: it suspends the alert and its task until it is decided, runs on its clocks, and recomputes what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.moments import DAY, as_text, shanghai_date
from config.workdays import add_working_days
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.work import alertreader, taskreader
from tests.engine import CLOCK, KEY, event, line, opened, read_home, shipped_rules

CODE = "330106:0001"
LISTED = "enforcement.abnormal_listed"


def test_an_objection_suspends_and_an_upheld_one_ends_what_rests_on_its_document(tmp_path: Path) -> None:
    path, home = tmp_path / "events.jsonl", tmp_path / "home"
    path.write_bytes(b"")
    now = CLOCK
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: now)

    def take(*raws: Any) -> None:
        with path.open("ab") as file:
            file.writelines(line(raw) + b"\n" for raw in raws)
        assert runner.drain(open_source(str(path), None)) == []
        runner.tick()

    def alert() -> Any:
        (found,) = read_home(home, lambda reader: list(alertreader.read(reader.connection)))
        return found

    def task() -> Any:
        rows = read_home(home, lambda reader: list(taskreader.read(reader.connection)))
        (found,) = [one for one in rows if not one["control"]]
        return found

    def todos() -> list[Any]:
        return read_home(home, lambda reader: list(taskreader.todos(reader.connection, shanghai_date(now))))

    try:
        runner.go_live()
        take(
            opened(CODE, address={"text": "杭州市西湖区文三路1号", "region": "330106"}),
            event(
                CODE, "enforcement.abnormal_listed", as_text(now - DAY), id="L", ground="unreachable", document="L-1"
            ),
        )
        assert (alert()["status"], alert()["level"], task()["status"]) == ("open", 4, "proposed")
        take(event(CODE, "objection.filed", as_text(now), id="O", document="another"))
        assert alert()["flags"] == [], "an objection to something else"
        take(event(CODE, "objection.filed", as_text(now), id="P", document="L-1"))
        assert alert()["flags"] == ["disputed"]
        assert task()["status"] == "suspended"
        filed = shanghai_date(now)
        due = [add_working_days(filed, days).day.isoformat() for days in (5, 20)]
        assert sorted((one["duty"], one["due"]) for one in todos()) == [
            *([("objection_decision", due[0])] * 2),
            *([("objection_limit", due[1])] * 2),
        ]
        now += DAY
        take(event(CODE, "objection.decided", as_text(now), id="D", document="L-1", upheld=False))
        assert alert()["flags"] == []
        assert task()["status"] == "proposed"
        assert len(todos()) == 2, "those of the other objection"
        take(event(CODE, "objection.decided", as_text(now + 1), id="E", document="L-1", upheld=True))
        now += 2 * DAY
        runner.tick()
        assert alert()["status"] == "cleared", "its document counts nowhere from then on"
        assert task()["status"] == "exempted"
    finally:
        runner.close()
