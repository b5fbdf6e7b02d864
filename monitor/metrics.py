"""The metrics of contract §7 for Prometheus, read from a home at each scrape; and the writer's pulse.

The database is the source of all totals, so that they outlive the process. Only whether the writer is alive is known
to nobody but the process itself: its loop gives the `Pulse` a beat at each turn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from config.moments import SECOND
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors
from monitor.events.refusal import REASONS
from monitor.runners.delays import BOUNDS, Delays
from monitor.store import snapshots
from monitor.store.deadletters import open_counts
from monitor.store.home import Home
from monitor.store.reader import Reader, look
from monitor.topology import producers

LONGEST_SILENCE: Final = 300.0
"""Seconds without a beat after which the writer counts as dead. A single step, judging everything after a long
backlog or writing a large snapshot, may take some minutes."""

Doing = Literal["opening", "generating", "reading", "live"]


class Pulse:
    """What the writer of a home tells of itself: what it is doing, how far it is with it, and that it goes on."""

    def __init__(self) -> None:
        """The writer is opening its home, which may take long: a state is rebuilt from the log where it must."""
        self.doing: Doing = "opening"
        self.done: float | None = None
        self._beaten = time.monotonic()

    def turn_to(self, doing: Doing) -> None:
        """The writer begins something else."""
        self.doing, self.done = doing, None
        self.beat()

    def beat(self, done: float | None = None) -> None:
        """The writer goes on; `done` is the share of the present work, where it is known."""
        if done is not None:
            self.done = done
        self._beaten = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._beaten

    @property
    def alive(self) -> bool:
        """Whether the writer is at work."""
        return self.doing == "opening" or self.silence <= LONGEST_SILENCE


class HomeCollector(Collector):
    """Reads the metrics of a home; to be registered with a `CollectorRegistry`."""

    def __init__(self, home: Home, pulse: Pulse, delays: Delays) -> None:
        """Nothing is read before the first scrape."""
        self._home = home
        self._pulse = pulse
        self._delays = delays

    def collect(self) -> Iterator[Metric]:
        """All metrics, of one moment. Raises HomeError or SQLAlchemyError where the database does not answer."""
        engine = self._home.reader()
        try:
            with look(engine) as reader:
                yield from _totals(reader)
                yield from _present(reader)
        finally:
            engine.dispose()
        yield _waiting(self._delays)
        yield from self._snapshot()
        yield from self._liveness()

    def _snapshot(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "credit_monitor_snapshot_age_seconds", "Age of the newest snapshot; absent where there is none."
        )
        for path in snapshots.newest(self._home.snapshots)[:1]:
            age.add_metric([], max(0.0, time.time() - path.stat().st_mtime))
        yield age

    def _liveness(self) -> Iterator[Metric]:
        alive = GaugeMetricFamily(
            "credit_monitor_agent_alive", "1 while the agent is at work, else 0.", labels=["agent"]
        )
        alive.add_metric(["runner"], float(self._pulse.alive))
        silence = GaugeMetricFamily(
            "credit_monitor_agent_silence_seconds", "Time since the agent's last turn.", labels=["agent"]
        )
        silence.add_metric(["runner"], self._pulse.silence)
        yield alive
        yield silence


def exposition(home: Home, pulse: Pulse, delays: Delays) -> bytes:
    """The metrics of a home in Prometheus' text format. Raises HomeError or SQLAlchemyError."""
    registry = CollectorRegistry()
    registry.register(HomeCollector(home, pulse, delays))
    return generate_latest(registry)


def _waiting(delays: Delays) -> Metric:
    counts, total = delays.state()
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    histogram = HistogramMetricFamily(
        "credit_monitor_event_to_signal_delay_seconds",
        "From the receipt of an event to the commit of the signals that follow from it, while live.",
    )
    histogram.add_metric([], list(zip(bounds, accumulate(counts), strict=True)), sum_value=total)
    return histogram


def _totals(reader: Reader) -> Iterator[Metric]:
    families = {
        "events": CounterMetricFamily("credit_monitor_events", "Events accepted into the log.", labels=["type"]),
        "repeats": CounterMetricFamily(
            "credit_monitor_repeats", "Events that had come before and changed nothing.", labels=["type"]
        ),
        "dead_letters": CounterMetricFamily("credit_monitor_dead_letters", "What intake refused.", labels=["reason"]),
    }
    for (name, label), value in sorted(reader.totals().items()):
        if name in families:
            families[name].add_metric([label], value)
    yield from families.values()


def _present(reader: Reader) -> Iterator[Metric]:
    parked = GaugeMetricFamily(
        "credit_monitor_parked_subjects", "Subjects that wait for a fix of the program.", labels=["stage"]
    )
    for stage, count in ({stage: 0 for stage in producers("signals")} | reader.parked_by_stage()).items():
        parked.add_metric([stage], count)
    yield parked
    refused = GaugeMetricFamily(
        "credit_monitor_open_dead_letters", "Dead letters that have not come through since.", labels=["reason"]
    )
    still_open = Counter(dict.fromkeys(REASONS, 0))
    for (_, reason), count in open_counts(reader.connection).items():
        still_open[reason] += count
    for reason, count in still_open.items():
        refused.add_metric([reason], count)
    yield refused
    signals = GaugeMetricFamily("credit_monitor_signals", "Signals in force.", labels=["detector", "level"])
    counts = reader.signal_counts()
    for detector in all_detectors():
        for level in LEVEL_NAMES:
            signals.add_metric([detector.id, str(level)], counts.get((detector.id, level), 0))
    yield signals
    now = reader.now()
    if now is not None:
        yield GaugeMetricFamily(
            "credit_monitor_now_seconds", "Now of the log, in seconds since 1970.", value=now / SECOND
        )
