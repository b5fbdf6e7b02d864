"""The loop of a live monitor under load: cuts come on time, and senders are answered once their events are durable."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.engine import supervising
from monitor.engine.inbox import Delivery, Inbox
from monitor.events.acts import Cut
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners import live
from monitor.runners.embedded import EmbeddedRunner
from monitor.runners.live import LiveMonitor
from monitor.store import log as eventlog
from monitor.store.home import Home
from tests.engine import CLOCK, KEY, event, line, opened, read_home, shipped_rules

DELIVERIES = 12


@pytest.mark.parametrize(("seconds", "share", "most"), [(0.0, 0, DELIVERIES), (3600.0, 0, 0), (0.0, 1e9, 1)])
def test_cuts_come_while_senders_never_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, share: float, most: int
) -> None:
    monkeypatch.setattr(supervising, "CUT_SECONDS", seconds)
    monkeypatch.setattr(supervising, "_SHARE", share)
    monkeypatch.setattr(live, "_AT_ONCE", 1)  # one delivery a turn: there is always another one
    bell = threading.Event()
    inbox = Inbox(bell)
    deliveries = [
        Delivery("http:test", [line(opened(code)), line(missing(code))], lambda source: True)
        for code in (f"E{number:04d}" for number in range(DELIVERIES))
    ]
    runner = EmbeddedRunner(Home(tmp_path), shipped_rules(), Pseudonymiser([KEY]), clock=lambda: CLOCK)
    monitor = LiveMonitor(runner, [], inbox, bell, on_live=lambda: offer(inbox, deliveries))
    try:
        monitor.run(lambda: all(one.verdicts.done() for one in deliveries))
    finally:
        runner.close()
    assert {verdict.status for one in deliveries for verdict in one.verdicts.result()} == {"accepted"}
    cuts = [number for number, kind in enumerate(kinds(tmp_path)) if kind is Cut]
    assert 1 <= len(cuts) <= 2 + most
    if most == DELIVERIES:
        assert len(cuts) >= DELIVERIES, "one a delivery, though the loop never comes to rest"


def missing(code: str) -> dict[str, object]:
    return event(code, "enforcement.visited", "2025-01-01T00:00:00Z", found=False)


def offer(inbox: Inbox, deliveries: Sequence[Delivery]) -> None:
    for one in deliveries:
        assert inbox.offer(one)


def kinds(home: Path) -> list[type[object]]:
    return read_home(
        home, lambda reader: [type(one) for block in eventlog.read_blocks(reader.connection) for one in block.events]
    )
