"""Groups over days and through replays: a key lasts while its group does, and the same log gives the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.moments import DAY
from detectors.shell_cluster import DETECTOR
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.work import alertreader
from tests.engine import KEY, event, exported, lines, read_home, shipped_rules
from tests.property.test_supervision import Clock, forget_what_follows, reopened

Shown = dict[str, Any]
ADDRESS = "浙江省杭州市西湖区文三路90号1幢{}室"


def shell(number: int, room: int, person: str, day: int) -> Shown:
    return event(
        f"E{number:03d}",
        "registration.established",
        f"2025-03-{day:02d}T09:00:00+08:00",
        name=f"示例{number}",
        kind="enterprise",
        address={"text": ADDRESS.format(room), "region": "330106"},
        persons=[{"role": "legal_representative", "id": person}],
        capital=1000,
        agent="示例代理",
        phone="0571-00000000",
    )


def shells(first: int, count: int, mark: int, day: int) -> list[Shown]:
    """Some shells in two rooms under two persons."""
    return [
        shell(number, 100 * mark + number % 2, f"p{mark}-{number // 2 % 2}", day)
        for number in range(first, first + count)
    ]


def bridged(numbers: range) -> list[Shown]:
    """Some of the second group move to the rooms of the first, and its persons take them over."""
    return [
        event(
            f"E{number:03d}",
            "registration.changed",
            "2025-04-12T00:00:00Z",
            address={"text": ADDRESS.format(100 + number % 2), "region": "330106"},
            persons=[{"role": "legal_representative", "id": f"p1-{number // 2 % 2}"}],
        )
        for number in numbers
    ]


def lived(home: Path, days: list[list[Shown]]) -> list[dict[str, Shown]]:
    """The groups of each day by key."""
    clock = Clock()
    path = home.parent / "events.jsonl"
    path.write_bytes(b"")
    found = []
    for day in days:
        with path.open("ab") as file:
            file.writelines(one + b"\n" for one in lines(day))
        runner = EmbeddedRunner(Home(home), shipped_rules(), Pseudonymiser([KEY]), clock=clock)
        try:
            assert runner.drain(open_source(str(path), None)) == []
            clock.now += DAY
            runner.go_live()
            runner.tick()
        finally:
            runner.close()
        found.append({one["subject"]["key"]: one for one in groups(home)})
    return found


def groups(home: Path) -> list[Shown]:
    return [one for one in exported(home) if one["detector"] == DETECTOR.id]


def alerts(home: Path) -> list[Shown]:
    found = read_home(home, lambda reader: list(alertreader.read(reader.connection)))
    return [one for one in found if one["subject"]["kind"] == "group"]


def test_keys_last_through_growth_and_merger_and_a_replay_gives_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first, second = shells(0, 6, 1, 1), shells(20, 8, 2, 2)
    days = lived(home, [first, second, shells(6, 2, 1, 3), bridged(range(20, 28))])
    (one,) = days[0]
    assert set(days[1]) > {one}
    (other,) = set(days[1]) - {one}
    assert set(days[2]) == {one, other}
    assert len(days[2][one]["enterprises"]) == 8
    (merged,) = days[3]
    assert merged in (one, other)
    assert len(days[3][merged]["enterprises"]) == 16
    wanted = alerts(home)
    (went_on,) = [alert for alert in wanted if alert["subject"]["key"] == merged]
    assert went_on["predecessors"] == sorted({one, other} - {merged})
    forget_what_follows(home)
    reopened(home)
    assert alerts(home) == wanted
    assert {group["subject"]["key"] for group in groups(home)} == {merged}
