"""A live monitor: from event to signal at 500 events/s, from a growing file and over HTTP; and batches over HTTP.

`python -m benchmarks.live [SECONDS]`: every live event is a visit that found nobody, at an enterprise of its own, so
each gives one signal and one alert; an observer reads the database beside the writer and notes when the signal is
there. The delay counts from the moment at which an event was due, so that a sender that is held up hides nothing. The
events are of a day and month that the stock has not seen: what the first of them cost, with the models of the day and
the classes of the month, is told apart from what all others do. Then four clients send a made-up province in batches of
500 as fast as they are answered. Quote medians; the machine is shared.
"""

from __future__ import annotations

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.machine import described, say
from models.population import write_province

_COMMAND: Final = str(Path(sys.executable).with_name("credit-monitor"))
_RATE: Final = 500
_STOCK: Final = 20_000
_FIRST: Final = 2
"""Seconds of a new day and month that are told apart."""
_SENDERS: Final = 16
"""Of single events: so many that one answer of some 30 ms leaves the rate as it is."""
_CLIENTS: Final = 4
_BATCH: Final = 500
_PROVINCE: Final = 20_000


def main(arguments: Sequence[str]) -> None:
    """Prints the percentiles of the delay in milliseconds, and events per second over HTTP."""
    seconds = int(arguments[0]) if arguments else 20
    say(described())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        stock = place / "stock.jsonl"
        stock.write_bytes(b"".join(_opened(number) + b"\n" for number in range(_STOCK)))
        _by_file(place, stock, seconds)
        _by_http(place, stock, seconds)
        _in_batches(place)


def _opened(number: int) -> bytes:
    data = {"name": f"made up {number}", "kind": "enterprise", "address": {"text": f"x {number}"}, "persons": []}
    return _event(number, "registration.established", "2020-01-01T00:00:00Z", data)


def _visited(number: int) -> bytes:
    return _event(number, "enforcement.visited", "2025-01-01T00:00:00Z", {"found": False})


def _event(number: int, kind: str, at: str, data: dict[str, Any]) -> bytes:
    event = {"specversion": "1.0", "id": f"{kind} {number}", "source": "//bench", "type": kind}
    return json.dumps({**event, "subject": f"E{number:06d}", "time": at, "data": data}).encode()


@contextmanager
def _served(home: Path, *sources: Path) -> Iterator[str]:
    """A `serve` that has read its sources; its address."""
    flags = [flag for source in sources for flag in ("--source", str(source))]
    command = [_COMMAND, "serve", "--home", str(home), "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:
        if served.stdout is None:
            raise RuntimeError("no output")
        address = served.stdout.readline().strip()
        while b'"doing":"live"' not in _get(address, "/healthz"):
            time.sleep(0.1)
        try:
            yield address
        finally:
            served.send_signal(signal.SIGTERM)


def _connection(address: str) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)


def _get(address: str, path: str) -> bytes:
    connection = _connection(address)
    connection.request("GET", path)
    return connection.getresponse().read()


def _token(home: Path) -> str:
    made = subprocess.run(
        [_COMMAND, "token", "create", "--name", "bench", "--home", str(home)],
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


def _post(connection: http.client.HTTPConnection, token: str, body: bytes, *, batch: bool) -> int:
    kind = "application/cloudevents-batch+json" if batch else "application/cloudevents+json"
    connection.request("POST", "/api/v1/events", body, {"Content-Type": kind, "Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _by_file(place: Path, stock: Path, seconds: int) -> None:
    growing = place / "growing.jsonl"
    growing.touch()

    def send(number: int) -> None:
        file.write(_visited(number) + b"\n")

    with _served(place / "by-file", stock, growing), growing.open("ab", buffering=0) as file:
        _watched(place / "by-file", "growing file", seconds, send, senders=1)


def _by_http(place: Path, stock: Path, seconds: int) -> None:
    home = place / "by-http"
    token = _token(home)
    local = threading.local()
    with _served(home, stock) as address:

        def send(number: int) -> None:
            if not hasattr(local, "connection"):
                local.connection = _connection(address)
            if _post(local.connection, token, _visited(number), batch=False) != 200:
                raise RuntimeError("refused")

        _watched(home, f"HTTP, single events, {_SENDERS} clients", seconds, send, senders=_SENDERS)


def _watched(home: Path, name: str, seconds: int, send: Callable[[int], None], *, senders: int) -> None:
    """Sends at the rate and tells when the signals were there: the first of a day, then all others."""
    first = _FIRST * _RATE
    _delayed(home, f"{name}, the first {_FIRST} s of a month", range(first), send, senders)
    database = _reading(home)
    while "2025-01" not in _kept(database, "classes"):
        time.sleep(0.05)
    database.close()
    _delayed(home, name, range(first, min(first + _RATE * seconds, _STOCK)), send, senders)


def _delayed(home: Path, name: str, numbers: range, send: Callable[[int], None], senders: int) -> None:
    due = {number: place / _RATE for place, number in enumerate(numbers)}
    began = time.monotonic() + 0.2

    def work(part: int) -> None:
        for number in numbers[part::senders]:
            time.sleep(max(0.0, began + due[number] - time.monotonic()))
            send(number)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(senders)]
    for thread in threads:
        thread.start()
    database = _reading(home)
    seen: dict[int, float] = {}
    while len(seen) < len(numbers):
        rows = database.execute(
            "select code from signals join enterprises using (ref) where detector = 'untraceable' and raised_in > ?",
            (_block(database) - 200,),
        ).fetchall()
        at = time.monotonic()
        for (code,) in rows:
            if (number := int(code[1:])) in due:
                seen.setdefault(number, at)
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    database.close()
    delays = sorted((at - began - due[number]) * 1000 for number, at in seen.items())
    p50, p99 = (delays[int(len(delays) * share)] for share in (0.5, 0.99))
    say(
        f"{name}: {len(delays)} events at {_RATE}/s: event to signal p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"most {delays[-1]:.0f} ms"
    )


def _reading(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{home / 'monitor.db'}?mode=ro", uri=True)


def _kept(database: sqlite3.Connection, key: str) -> str:
    """What the home keeps about itself under a key."""
    row = database.execute("select value from meta where key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def _block(database: sqlite3.Connection) -> int:
    return int(database.execute("select coalesce(max(seq), 0) from log").fetchone()[0])


def _in_batches(place: Path) -> None:
    """Four clients of one process: they only wait for answers, bodies are made before."""
    summary = write_province(_PROVINCE, 5, 1, place / "province")
    lines = (place / "province" / "events.jsonl").read_bytes().splitlines()
    bodies = [b"[" + b",".join(lines[at : at + _BATCH]) + b"]" for at in range(0, len(lines), _BATCH)]
    home = place / "in-batches"
    token = _token(home)
    with _served(home) as address:
        began = time.monotonic()

        def work(part: int) -> None:
            connection = _connection(address)
            for body in bodies[part::_CLIENTS]:
                while _post(connection, token, body, batch=True) == 429:
                    time.sleep(0.05)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
    say(f"HTTP, batches of {_BATCH}, {_CLIENTS} clients: {summary.events / took:,.0f} events/s accepted and durable")


if __name__ == "__main__":
    main(sys.argv[1:])
