"""A draw from the log of a cluster: the list, strata and proof of a home over the same events."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.moments import shanghai_date
from monitor.drawing import folder as disk
from monitor.drawing.opening import open_draw
from monitor.drawing.published import PRIVATE, SEED
from monitor.store.postgresql.database import Database
from tests.cluster.running import Cluster, cluster_in
from tests.cluster.test_supervision import waits
from tests.engine import KEY, event, lines, opened, save
from tests.integration.test_draw_commands import OFFICERS, PLAN, VALUE

TODAY = shanghai_date(time.time_ns() // 1000)
OPENED = "2024-03-01T01:00:00Z"
HERE = {"text": "杭州市西湖区文三路1号", "region": "330106"}
ELSEWHERE = {"text": "杭州市拱墅区莫干山路1号", "region": "330105"}


@pytest.fixture
def cluster(tmp_path: Path, kafka: str, database: Database, prefix: str) -> Iterator[Cluster]:
    with cluster_in(tmp_path / "cluster", tmp_path / "streams", kafka, database, prefix) as running:
        running.create(3)
        yield running


def case() -> list[bytes]:
    """Enterprises that move here and away, end, come twice, and contradict themselves."""
    rows: list[dict[str, Any]] = []
    for number in range(40):
        code = f"E{number:04d}"
        place = HERE if number % 3 else ELSEWHERE
        first = {**opened(code, name="甲", address=place), "time": OPENED, "id": f"o-{number}"}
        rows.append(first)
        if number % 5 == 0:
            rows.append(event(code, "registration.changed", "2024-05-01T01:00:00Z", id=f"m-{number}", address=HERE))
        if number % 7 == 0:
            rows.append(event(code, "registration.deregistered", "2024-06-01T01:00:00Z", id=f"d-{number}"))
        if number % 4 == 0:  # a second arrival, and one that says another thing: neither counts
            rows.append(first)
            rows.append({**first, "data": {**first["data"], "address": ELSEWHERE, "name": "乙"}})
    return lines(rows)


def listed(folder: Path) -> list[dict[str, Any]]:
    """The private list of a draw."""
    found = json.loads((folder / "private" / PRIVATE).read_text(encoding="utf-8"))
    return found["candidates"]  # type: ignore[no-any-return]


def test_as_from_a_home(cluster: Cluster, database: Database) -> None:
    folder, plain = cluster.folder, cluster.commands.commands
    text = PLAN.format(known=TODAY + dt.timedelta(days=1), visits=TODAY + dt.timedelta(days=7))
    (folder / "plan.yaml").write_text(text, encoding="utf-8")
    (folder / "officers.yaml").write_text(OFFICERS, encoding="utf-8")
    events = save(folder / "events.jsonl", case())
    plain.good("run", "--source", str(events), "--home", "home", "--once", pseudonym_key=KEY.hex())
    graded = [{"subject": f"E{number:04d}", "class": "ABCD"[number % 4]} for number in range(40)]
    (folder / "classes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in graded), encoding="utf-8")
    commit = ("draw", "commit", "plan.yaml", "--officers", "officers.yaml", "--classes", "classes.jsonl", "--out")
    plain.good(*commit, "there", "--home", "home", pseudonym_key=KEY.hex())

    cluster.produce(events)
    cluster.start(1, "--live")
    assert waits(cluster, lambda: len(cluster.commands.good("export", "classes").splitlines()) == 34)
    digest = cluster.commands.good(*commit, "here").strip()
    assert listed(folder / "here") == listed(folder / "there")
    assert {one["name"] for one in listed(folder / "here")} == {"甲"}
    here = folder / "here"
    private = disk.read_private(here, PRIVATE), disk.read_private(here, SEED)
    made = open_draw(disk.read_public(here), *private, VALUE, TODAY + dt.timedelta(days=1))
    disk.write_result(here, made)
    told = plain.good("draw", "verify", "here/public", "--commitment", digest, "--public-value", VALUE)
    assert "proved" in told
    assert "audited" in plain.good("draw", "audit", "here", "--classes", "classes.jsonl")
    cluster.stop()
