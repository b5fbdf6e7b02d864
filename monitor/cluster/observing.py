"""What ops see of a worker: Prometheus metrics at /metrics and its health at /health, on one port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics import Histogram

from monitor.cluster.keeper import Keeper
from monitor.cluster.worker import ClusterWorker

_BUCKETS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 600.0)


class Observer:
    """Serves metrics and health of a worker from a thread of its own."""

    def __init__(self, worker: ClusterWorker, host: str, port: int) -> None:
        """Nothing is opened yet."""
        self._worker = worker
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(worker))
        delay = Histogram(
            "credit_monitor_cluster_stored_delay_seconds",
            "from a message's arrival in Kafka at the board to its commit in the database",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        worker.stored_after = delay.observe
        self._server = make_server(host, port, self._answer, WSGIServer, _Silent)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Serves from here on."""
        self._thread.start()

    def stop(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            answer: Iterable[bytes] = make_wsgi_app(self._registry)(environ, start_response)
            return answer
        if environ["PATH_INFO"] != "/health":
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"/metrics /health\n"]
        well = self._worker.failed is None and self._worker.is_started
        start_response("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n" if well else f"{self._worker.failed or 'starting'}\n".encode()]


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of each request."""


class _Collector:
    """Reads the keepers when Prometheus asks."""

    def __init__(self, worker: ClusterWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """All metrics of the worker."""
        labels = ["stage", "partition"]
        lag = GaugeMetricFamily("credit_monitor_cluster_lag_messages", "messages not applied yet", labels=labels)
        gaps = CounterMetricFamily("credit_monitor_cluster_gaps_filled", "gaps read from the broker", labels=labels)
        drops = CounterMetricFamily(
            "credit_monitor_cluster_messages_dropped", "messages that had been applied before", labels=labels
        )
        refused = CounterMetricFamily(
            "credit_monitor_cluster_messages_refused", "messages of a replaced owner", labels=labels
        )
        age = GaugeMetricFamily(
            "credit_monitor_cluster_snapshot_age_seconds", "since the newest snapshot", labels=labels
        )
        recovery = GaugeMetricFamily(
            "credit_monitor_cluster_recovery_seconds", "how long the last takeover took", labels=labels
        )
        alive = GaugeMetricFamily("credit_monitor_cluster_agent_up", "1: the host works", labels=labels)
        totals = CounterMetricFamily(
            "credit_monitor_cluster_host", "running totals of the hosts here", labels=["stage", "name", "label"]
        )
        summed: dict[tuple[str, str, str], int] = {}
        for (topic, partition), keeper in list(self._worker.keepers.items()):
            end = self._worker.ends.get((topic, partition), 0)
            where = [keeper.host.stage if isinstance(keeper, Keeper) else topic, str(partition)]
            lag.add_metric(where, max(0, end - max(keeper.next, 0)))
            gaps.add_metric(where, keeper.gaps)
            drops.add_metric(where, keeper.drops)
            if not isinstance(keeper, Keeper):
                refused.add_metric(where, keeper.refused)
                alive.add_metric(where, 1.0)
                continue
            refused.add_metric(where, keeper.host.refused)
            age.add_metric(where, time.monotonic() - keeper.kept_at)
            recovery.add_metric(where, keeper.recovery_seconds)
            alive.add_metric(where, float(keeper.is_ready))
            for (name, label), value in list(keeper.host.totals.items()):
                key = (keeper.host.stage, name, label)
                summed[key] = summed.get(key, 0) + value
        for key, value in summed.items():
            totals.add_metric(list(key), value)
        tails = CounterMetricFamily(
            "credit_monitor_cluster_tails_read", "ends of partitions that were read because nobody delivered them"
        )
        tails.add_metric([], self._worker.tails)
        yield from (tails, lag, gaps, drops, refused, age, recovery, alive, totals)
