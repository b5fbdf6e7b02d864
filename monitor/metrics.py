"""The metrics of contract §7 for Prometheus, read from a store at each scrape; and the writer's pulse.

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

from config.moments import SECOND, shanghai_date
from detectors.base import LEVEL_NAMES
from detectors.registry import all_detectors
from monitor.engine.delays import BOUNDS, Delays
from monitor.events.refusal import REASONS
from monitor.store import snapshots
from monitor.store.deadletters import open_counts
from monitor.store.outgoing import outbox
from monitor.store.reader import Reader, Store, looking
from monitor.store.work import alertreader, drifts, taskreader
from monitor.supervision.queue import REASONS as REASONS_HELD
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


class StoreCollector(Collector):
    """Reads the metrics of a store; to be registered with a `CollectorRegistry`."""

    def __init__(self, store: Store, pulse: Pulse, delays: Delays) -> None:
        """Nothing is read before the first scrape."""
        self._store = store
        self._pulse = pulse
        self._delays = delays

    def collect(self) -> Iterator[Metric]:
        """All metrics, of one moment. Raises StoreError or SQLAlchemyError where the database does not answer."""
        with looking(self._store) as reader:
            yield from _totals(reader)
            yield from _present(reader)
            yield from _alerts(reader)
            yield from _pushes(reader)
        yield _waiting(self._delays)
        yield from self._snapshot()
        yield from self._liveness()

    def _snapshot(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "credit_monitor_snapshot_age_seconds", "Age of the newest snapshot; absent where there is none."
        )
        folder = self._store.snapshots
        for path in [] if folder is None else snapshots.newest(folder)[:1]:
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


def exposition(store: Store, pulse: Pulse, delays: Delays) -> bytes:
    """The metrics of a store in Prometheus' text format. Raises StoreError or SQLAlchemyError."""
    registry = CollectorRegistry()
    registry.register(StoreCollector(store, pulse, delays))
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
        "audit_heads": CounterMetricFamily(
            "credit_monitor_audit_heads", "Heads of the audit log for other storage.", labels=["result"]
        ),
    }
    for (name, label), value in sorted(reader.totals().items()):
        if name in families:
            families[name].add_metric([label], value)
    yield from families.values()


def _alerts(reader: Reader) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "credit_monitor_alerts", "Alerts, live and finished ones.", labels=["detector", "level", "status"]
    )
    for (detector, level, status), count in sorted(alertreader.counts(reader.connection).items()):
        family.add_metric([detector, str(level), status], count)
    yield family
    yield GaugeMetricFamily(
        "credit_monitor_alerts_asking",
        "Alerts that ask for attention: live, and neither quieted nor fallen away.",
        value=alertreader.asking(reader.connection),
    )
    tasks = GaugeMetricFamily(
        "credit_monitor_tasks", "Tasks, open and ended ones, by county.", labels=["region", "status"]
    )
    for (region, status), count in sorted(taskreader.counts(reader.connection).items()):
        tasks.add_metric([region, status], count)
    yield tasks
    late = GaugeMetricFamily("credit_monitor_tasks_overdue", "Open tasks over their last day.", labels=["region"])
    for region, count in sorted(taskreader.overdue(reader.connection, shanghai_date(reader.now() or 0)).items()):
        late.add_metric([region], count)
    yield late
    held = GaugeMetricFamily(
        "credit_monitor_alerts_held", "Alerts that ask for attention and are no task, by why.", labels=["reason"]
    )
    counts: Counter[str] = Counter(dict.fromkeys(REASONS_HELD, 0))
    for (_, reason), count in taskreader.held(reader.connection).items():
        counts[reason] += count
    for reason, count in counts.items():
        held.add_metric([reason], count)
    yield held


def _pushes(reader: Reader) -> Iterator[Metric]:
    pushes = CounterMetricFamily(
        "credit_monitor_pushes", "Sendings by channel and what became of them.", labels=["channel", "result"]
    )
    messages = CounterMetricFamily(
        "credit_monitor_push_messages", "Messages whose way through a channel ended.", labels=["channel", "result"]
    )
    waiting = GaugeMetricFamily("credit_monitor_push_waiting", "Messages that wait for a channel.", labels=["channel"])
    oldest = GaugeMetricFamily(
        "credit_monitor_push_oldest_waiting_seconds", "How long the oldest of them waits.", labels=["channel"]
    )
    success = GaugeMetricFamily(
        "credit_monitor_push_last_success_seconds", "When a channel took something last.", labels=["channel"]
    )
    for one in outbox.standings(reader.connection):
        for result in ("sent", "failed", "unknown"):
            pushes.add_metric([one.channel, result], one.totals.get(f"sends_{result}", 0))
        for result in ("sent", "joined", "stopped", "given_up", "skipped"):
            messages.add_metric([one.channel, result], one.totals.get(result, 0))
        waiting.add_metric([one.channel], one.waiting)
        since = None if one.oldest_waiting is None else one.oldest_waiting / SECOND
        oldest.add_metric([one.channel], 0.0 if since is None else max(0.0, time.time() - since))
        if one.succeeded_at is not None:
            success.add_metric([one.channel], one.succeeded_at / SECOND)
    yield from (pushes, messages, waiting, oldest, success)
    yield GaugeMetricFamily(
        "credit_monitor_push_not_acknowledged",
        "Messages on the pages that nobody has acknowledged.",
        value=outbox.not_acknowledged(reader.connection),
    )


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
    mix = GaugeMetricFamily(
        "credit_monitor_enterprises_by_class",
        "Live enterprises by credit-risk class.",
        labels=["class", "kind", "region"],
    )
    for one in reader.class_mix():
        mix.add_metric([one["class"], one["kind"], one["region"]], one["count"])
    yield mix
    drift = GaugeMetricFamily(
        "credit_monitor_model_drift",
        "Population stability index of a feature since training, by the last cut; p_values: distance from uniform.",
        labels=["model", "feature"],
    )
    beyond = GaugeMetricFamily(
        "credit_monitor_model_drift_beyond",
        "Features, and p-values, that have drifted beyond the limits of the rules: above 0, train again.",
        labels=["model"],
    )
    for model, feature, value in drifts.read(reader.connection) if reader.supervised else ():
        if feature == drifts.BEYOND:
            beyond.add_metric([model], value)
        else:
            drift.add_metric([model, feature], value)
    yield drift
    yield beyond
    now = reader.now()
    if now is not None:
        yield GaugeMetricFamily(
            "credit_monitor_now_seconds", "Now of the log, in seconds since 1970.", value=now / SECOND
        )
