"""A storm of signals while the monitor is live: as many tasks as the cap says, the right ones, the rest visible."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from config.moments import DAY, as_text
from monitor.engine import supervising
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.work import alertreader, taskreader
from tests.engine import CLOCK, KEY, event, line, opened, read_home, shipped_rules

COUNTIES = ("330106", "330203")
ENTERPRISES = 300
CAP = shipped_rules().document.queue.new_tasks_a_day


def code(county: str, number: int) -> str:
    return f"{county}:{number:04d}"


def test_a_storm_makes_as_many_tasks_as_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "CUT_SECONDS", 3600.0)  # one cut sees all of it, on a slow machine too
    path, home = tmp_path / "events.jsonl", tmp_path / "home"
    address = {"330106": "杭州市西湖区文三路", "330203": "宁波市海曙区中山西路"}
    stock = [
        opened(code(county, number), address={"text": f"{address[county]}{number + 1}号", "region": county})
        for county in COUNTIES
        for number in range(ENTERPRISES)
    ]
    path.write_bytes(b"".join(line(one) + b"\n" for one in stock))
    runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: CLOCK)
    try:
        assert runner.drain(open_source(str(path), None)) == []
        runner.go_live()
        with path.open("ab") as file:  # every tenth has so many complaints that its level is higher
            for county in COUNTIES:
                for number in range(ENTERPRISES):
                    for complaint in range(15 if number % 10 == 0 else 5):
                        raw = event(
                            *(code(county, number), "complaint.received", as_text(CLOCK - DAY)),
                            id=f"{number}-{complaint}",
                            number=f"{number}-{complaint}",
                        )
                        file.write(line(raw) + b"\n")
        assert runner.drain(open_source(str(path), None)) == []
        runner.tick()
        runner.tick()
    finally:
        runner.close()
    made = read_home(home, lambda reader: list(taskreader.read(reader.connection)))
    last = max(one["proposed_at"][:10] for one in made)
    tasks = [one for one in made if one["proposed_at"].startswith(last) and one["status"] != "exempted"]
    assert Counter(one["region"] for one in tasks) == dict.fromkeys(COUNTIES, CAP), "the control sample is among them"
    worst = {code(county, number) for county in COUNTIES for number in range(0, ENTERPRISES, 10)}
    assert {one["target"] for one in tasks if not one["control"]} <= worst, "those of highest priority"
    asking = read_home(home, lambda reader: alertreader.asking(reader.connection))
    held = read_home(home, lambda reader: taskreader.held(reader.connection))
    assert asking == len(COUNTIES) * ENTERPRISES
    inside = Counter(one["region"] for one in made for _ in one["alerts"])
    assert held == {(county, "cap"): ENTERPRISES - inside[county] for county in COUNTIES}
