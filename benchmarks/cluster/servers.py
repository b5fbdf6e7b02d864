"""The servers of a benchmark and the programs that it measures, each a process of its own that ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from benchmarks.cluster.meter import MARK
from tests.kafka.broker import Broker
from tests.postgres import Postgres, free_port

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = str(Path(sys.executable).with_name("credit-monitor"))
"""The command as `make install` installed it: with compiled modules where there is a C compiler."""

MAX_MESSAGE: Final = 1024 * 1024
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_TAIL: Final = 3_000


class Servers:
    """A broker and a PostgreSQL that is as durable as delivered, and tells when a row was committed."""

    def __init__(self, folder: Path) -> None:
        """`folder`: an empty one."""
        (folder / "broker").mkdir()
        self._broker = Broker(folder / "broker")
        self._postgres = Postgres(
            settings={
                "fsync": "on",
                "full_page_writes": "on",
                "track_commit_timestamp": "on",
                "shared_buffers": "'1GB'",
            }
        )
        self.folder = folder
        self.kafka = self._broker.address
        self.database = self._postgres.url

    def start(self) -> None:
        """Starts both."""
        self._broker.start()
        self._postgres.start()

    def stop(self) -> None:
        """Ends both; what they wrote is of no further use."""
        self._broker.stop()
        self._postgres.close()

    def create(self, topics: Sequence[str], partitions: int) -> None:
        """Makes topics for programs of the benchmark."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        try:
            made = [
                NewTopic(topic, partitions, 1, topic_configs={"max.message.bytes": MAX_MESSAGE}) for topic in topics
            ]
            admin.create_topics(made)
        finally:
            admin.close()

    def producer(self, **more: Any) -> Any:
        """A producer of kafka-python."""
        return KafkaProducer(
            bootstrap_servers=self.kafka, acks="all", max_request_size=MAX_MESSAGE, metrics_enabled=False, **more
        )


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """The servers, for as long as a benchmark takes."""
    servers = Servers(folder)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


class Program:
    """A process whose processor time is measured. It is killed at the end where it still runs."""

    def __init__(self, command: Sequence[str], log: Path, **settings: str) -> None:
        """`settings`: environment variables without their prefix; `log`: what it writes on standard error."""
        self._log = log
        environment = {f"CREDIT_MONITOR_{name}": value for name, value in settings.items()}
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=told, env={**os.environ, **environment}
            )

    @property
    def _out(self) -> IO[bytes]:
        out = self._process.stdout
        if out is None:
            raise RuntimeError("no output is kept")
        return out

    def hears(self, moment: str) -> dict[str, Any]:
        """Waits for what the program tells of a moment; see `Meter`. Raises RuntimeError where it ends before."""
        for line in self._out:
            text = line.decode("utf-8", "replace")
            if not text.startswith(MARK):
                continue
            told: dict[str, Any] = json.loads(text.removeprefix(MARK))
            if told["moment"] == moment:
                return told
        raise RuntimeError(f"ended before it was {moment}:\n{self.last_words()}")

    @property
    def processor(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def check(self) -> None:
        """Raises RuntimeError where it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"ended with status {self._process.returncode}:\n{self.last_words()}")

    def stop(self) -> None:
        """Ends it in order. Raises RuntimeError where it does not end well."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        if status:
            raise RuntimeError(f"ended with status {status}:\n{self.last_words()}")

    def kill(self) -> None:
        """Ends it without a word, as a failing machine would; nothing where it has ended."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._out.close()

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8", "replace")[-_TAIL:]


class Worker(Program):
    """A worker of the cluster, as operators start it, or under a profiler."""

    def __init__(self, log: Path, profile: Path | None = None, **settings: str) -> None:
        """`profile`: where to keep the profile of its main thread; it runs the plain modules then."""
        self._port = free_port()
        command = (
            [COMMAND] if profile is None else [sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "monitor"]
        )
        super().__init__(
            [*command, "worker", "--tick-seconds", "0", "--metrics-port", str(self._port)], log, **settings
        )

    def metrics(self) -> dict[str, float]:
        """What it tells Prometheus, by name with labels; empty until it answers."""
        self.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}


def wait(wanted: Any, what: str, seconds: float, pause: float = 0.2) -> None:
    """Waits until something is so. Raises RuntimeError with `what` where it does not come to be."""
    until = time.monotonic() + seconds
    while not wanted():
        if time.monotonic() > until:
            raise RuntimeError(f"waited {seconds:,.0f} s in vain: {what}")
        time.sleep(pause)
