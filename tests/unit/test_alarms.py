"""Alarms, dashboards and the guide speak of metrics that workers and the page really tell."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.scorecards import load
from config.settings import Settings
from monitor.cluster.connection import Connection
from monitor.cluster.modelling.process import Ground
from monitor.cluster.observing import Observer
from monitor.cluster.plan import Plan
from monitor.cluster.topics import TOPICS
from monitor.cluster.worker import BOARDS, ClusterWorker
from monitor.engine.delays import Delays
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.metrics import Pulse, exposition
from monitor.store.postgresql.database import Database
from monitor.store.postgresql.readmodel import ReadModel
from tests.engine import KEY, shipped_rules
from tests.unit.deployment import text_of
from tests.unit.web_home import filled

WORKER, WEB = "credit-monitor-worker", "credit-monitor-web"
OF_PROMETHEUS = {"up", "ALERTS"}
_WORDS = {
    *("absent", "and", "by", "count", "deriv", "histogram_quantile", "increase", "max", "max_over_time", "min"),
    *("min_over_time", "or", "rate", "sum", "time", "vector"),
}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of samples by job."""
    told = exposition(filled(tmp_path_factory.mktemp("home")), Pulse(), Delays()).decode()
    return {WORKER: names(of_a_worker()), WEB: names(told)}


def of_a_worker() -> str:
    """What a worker that has just been started answers on its port."""
    chosen = Settings(kafka_bootstrap="127.0.0.1:9")
    plan = Plan(
        connection=Connection.of(chosen),
        group="alarms",
        topics={one.name: one.name for one in TOPICS},
        partitions={one.name: 1 for one in TOPICS},
        rules=shipped_rules(),
        cards=load(),
        officers=None,
        officer=chosen.officer,
        snapshots="memory://alarms",
        snapshot_seconds=1.0,
        tick_seconds=0.0,
        live=False,
        scratch="scratch",
        models=Ground(chosen, shipped_rules().text, {}),
    )
    model = ReadModel(Database("postgresql://nobody@127.0.0.1:9/none").engine)
    observer = Observer(ClusterWorker(plan, Pseudonymiser([KEY]), model), "127.0.0.1", 0)
    observer.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{observer.port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
    finally:
        observer.stop()
    return text


def names(text: str) -> set[str]:
    """Names of the samples that a text in Prometheus' format has, or would have with something to count."""
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    found = {"up"}
    for family in text_string_to_metric_families(text):
        found |= {family.name + ending for ending in endings.get(family.type, [])}
    return found


def rules() -> list[dict[str, Any]]:
    """Every alarm."""
    groups: Any = yaml.safe_load(text_of("config/prometheus/rules.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard."""
    found: list[dict[str, Any]] = json.loads(text_of("config/grafana/dashboards/cluster.json"))["panels"]
    return found


def expressions() -> list[str]:
    """Every question to Prometheus."""
    return [rule["expr"] for rule in rules()] + [target["expr"] for panel in panels() for target in panel["targets"]]


def asked(expression: str) -> set[str]:
    """Names of the metrics that an expression reads."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without) \([^)]*\)", " ", expression)
    return set(re.findall(r"[A-Za-z_:][A-Za-z0-9_:]*", bare)) - _WORDS


@pytest.mark.parametrize("expression", expressions())
def test_every_question_is_about_something_that_is_told(expression: str, metrics: dict[str, set[str]]) -> None:
    wanted = asked(expression)
    assert wanted
    assert wanted <= metrics[WORKER] | metrics[WEB] | OF_PROMETHEUS


def test_a_metric_that_nobody_tells_is_noticed(metrics: dict[str, set[str]]) -> None:
    expression = 'max by (stage) (rate(credit_monitor_cluster_lag{stage="x"}[5m])) > 1'
    assert asked(expression) == {"credit_monitor_cluster_lag"}
    assert not asked(expression) & (metrics[WORKER] | metrics[WEB])


def test_jobs_and_stages_in_questions_are_those_that_exist() -> None:
    text = "\n".join(expressions())
    scraped: Any = yaml.safe_load(text_of("config/prometheus/prometheus.yml"))["scrape_configs"]
    assert set(re.findall(r'job="([^"]*)"', text)) <= {job["job_name"] for job in scraped}
    (boards,) = set(re.findall(r'stage=~"([^"]*)"', text))
    assert set(boards.split("|")) == set(BOARDS)
    assert set(re.findall(r'(?<!_)name="([^"]*)"', text)) == {"unreadable_messages"}


def test_every_metric_of_the_cluster_is_explained_and_no_other(metrics: dict[str, set[str]]) -> None:
    guide = text_of("docs/cluster.md")
    told = {name for name in metrics[WORKER] if name.startswith("credit_monitor_cluster_")}
    named = set(re.findall(r"credit_monitor_[a-z_]*[a-z]", guide))
    histogram = {name for name in told if name.endswith(("_count", "_sum", "_created"))}
    assert named <= told | {"credit_monitor_cluster_stored_delay_seconds", "credit_monitor_cluster"} | {
        f"credit_monitor_{role}" for role in ("worker", "web")
    }
    assert told - histogram <= named


def test_every_alarm_says_what_it_means_and_what_to_do() -> None:
    guide = text_of("docs/cluster.md")
    explained = re.findall(r"^### ([A-Z]\w+)$", guide.split("## 告警 / Alarms")[1], re.MULTILINE)
    assert explained == [rule["alert"] for rule in rules()]
    for rule in rules():
        name = rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"docs/cluster.md#{name.lower()}"
        assert re.search(r"[\u4e00-\u9fff].* / [a-z]", rule["annotations"]["summary"], re.IGNORECASE), name
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        words = guide.split(f"### {name}\n")[1].split("\n#")[0].strip().splitlines()
        assert len(words) == 2, name
        assert re.search(r"[\u4e00-\u9fff]", words[0])
        assert not re.search(r"[\u4e00-\u9fff]", words[1])


def test_panels_are_in_both_languages_and_ask_the_provisioned_source() -> None:
    source: Any = yaml.safe_load(text_of("config/grafana/provisioning/datasources/prometheus.yml"))["datasources"]
    (uid,) = {one["uid"] for one in source}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert re.search(r"[\u4e00-\u9fff]", panel["title"])
        assert re.match(r"[A-Z][a-z].*[.]$", panel["description"]) or ";" in panel["description"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {uid}


def test_the_dashboard_stands_where_it_is_looked_for() -> None:
    provider: Any = yaml.safe_load(text_of("config/grafana/provisioning/dashboards/credit-monitor.yml"))["providers"]
    grafana = yaml.safe_load(text_of("docker-compose.yml"))["services"]["grafana"]
    mounted = dict(one.split(":")[1::-1] for one in grafana["volumes"])
    (path,) = {one["options"]["path"] for one in provider}
    assert mounted[path] == "./config/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./config/grafana/provisioning"
    assert Path(mounted[path]).name == "dashboards"


def test_labels_that_questions_sum_by_are_those_of_the_metrics() -> None:
    known = {"stage", "partition", "instance", "le", "type", "reason", "detector", "model"}
    for expression in expressions():
        used = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
        assert used <= known
