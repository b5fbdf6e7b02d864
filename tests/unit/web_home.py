"""How the tests of the page and of the metrics get a home with signals in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.moments import parse_moment
from config.ruleset import load
from detectors.example import event, opened, several
from monitor.engine.delays import Delays
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.metrics import Pulse
from monitor.runners.embedded import EmbeddedRunner
from monitor.sources import open_source
from monitor.store.home import Home
from monitor.store.reader import Store
from monitor.web.acts import Desk
from monitor.web.app import create_app
from monitor.web.server import PageServer, address_of, listen

Raw = dict[str, Any]

HOSTILE = '<script>alert("x")</script>\'"><img src=x onerror=alert(1)>'
"""A name that would do harm wherever it is not escaped."""

NUMBER = "11010519491231002X"
"""The example of an identity number in GB 11643."""

PERSON = "王小明"
KEY = bytes(range(32))
CLOCK = parse_moment("2024-06-01T12:00:00+08:00")


@contextmanager
def writing(home: Home) -> Iterator[EmbeddedRunner]:
    """The writer of a home; closed at the end."""
    runner = EmbeddedRunner(home, load(), Pseudonymiser([KEY]), clock=lambda: CLOCK)
    try:
        yield runner
    finally:
        runner.close()


def take_in(runner: EmbeddedRunner, folder: Path, events: Sequence[Raw | str]) -> None:
    """Lets a runner read events; a text is a line as it stands."""
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in events]
    path = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sources = open_source(str(path), None)
    assert runner.drain(sources) == []
    for source in sources:
        source.close()


def happenings() -> list[Raw | str]:
    """Twelve enterprises at one room (level 2) in a burst, one of them with a hostile name, five complaints and a
    returned letter; six led by one person; a repeat and three lines that intake refuses.
    """
    crowd = several(12, 40, room=f"1幢101室 {HOSTILE}")
    crowd[0]["data"]["name"] = HOSTILE
    led = [opened(f"P{number:03d}", number * 8, room=f"3幢{number}室") for number in range(6)]
    for one in led:
        one["data"]["persons"] = [
            {
                "role": "legal_representative",
                "id_number": NUMBER,
                "id_type": "resident_id",
                "name": PERSON,
            }
        ]
    complaints = [event("E000", "complaint.received", 60 + day, number=f"T{day}") for day in range(5)]
    complaints[0]["id"] = complaints[0]["source"] = HOSTILE
    letters = [
        event("E001", "enforcement.letter_sent", 60, number="L1"),
        event("E001", "enforcement.letter_returned", 66, number="L1"),
    ]
    return [*crowd, *led, *complaints, *letters, letters[0], "{broken", "[]", '{"type": "no.such"}']


def filled(folder: Path) -> Home:
    """A home in a folder with what happened."""
    home = Home(folder / "home")
    with writing(home) as runner:
        take_in(runner, folder, happenings())
        runner.go_live()
    return home


@contextmanager
def visiting(
    store: Store,
    pulse: Pulse,
    *,
    hosts: Sequence[str] | None = None,
    made_up: bool = False,
    desk: Desk | None = None,
    officers: Path | None = None,
) -> Iterator[httpx.Client]:
    """A visitor of the page of a store, served on a free port; `desk`: where acts go, `officers`: their directory."""
    listener = listen("127.0.0.1", 0, fallback=False)
    address = address_of(listener)
    app = create_app(store, pulse, Delays(), hosts=hosts, made_up=made_up, desk=desk, officers=officers)
    with (
        PageServer(app, listener),
        httpx.Client(base_url=address, trust_env=False) as client,
    ):
        yield client
