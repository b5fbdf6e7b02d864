"""A draw by its commands: committed to, made after the day, proved by anybody, audited, exported."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import time
from pathlib import Path

import pytest

from config.moments import shanghai_date
from monitor.drawing import folder as disk
from monitor.drawing.opening import open_draw
from monitor.drawing.published import PRIVATE, SEED
from tests.command import Commands
from tests.engine import line, opened

TODAY = shanghai_date(time.time_ns() // 1000)
VALUE = "3456.78"
PLAN = """\
version: 1
id: q3
name: 第三季度双随机抽查
owner: 信用监管科科长
agency: 市场监督管理局
counties: ["330106"]
visits_from: {visits}
public_value: {{what: 指数收盘点位, source: www.example, known_on: {known}}}
ratios: {{A: 0.2, B: 0.2, C: 0.2, D: 0.2, unclassed: 0.2}}
"""
OFFICERS = """\
version: 1
owner: 测试
valid_from: 2020-01-01
synthetic: true
officers:
  - {id: o-1, name: 王一, agency: 市场监督管理局, counties: ["330106"]}
  - {id: o-2, name: 李二, agency: 市场监督管理局, counties: ["330106"]}
  - {id: o-3, name: 张三, agency: 市场监督管理局, counties: ["330106"]}
"""


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    address = {"text": "杭州市西湖区文三路1号", "region": "330106"}
    rows = [opened(f"E{number:04d}", name=f"商户{number}", address=address) for number in range(40)]
    (tmp_path / "events.jsonl").write_bytes(b"".join(line(one) + b"\n" for one in rows))
    classes = [{"subject": f"E{number:04d}", "class": "ABCD"[number % 4]} for number in range(40)]
    (tmp_path / "classes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in classes), encoding="utf-8")
    (tmp_path / "officers.yaml").write_text(OFFICERS, encoding="utf-8")
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    return commands


def plan(commands: Commands, known: dt.date) -> None:
    text = PLAN.format(known=known, visits=known + dt.timedelta(days=7))
    (commands.folder / "plan.yaml").write_text(text, encoding="utf-8")


def commit(commands: Commands) -> str:
    made = ("--home", "home", "--officers", "officers.yaml", "--classes", "classes.jsonl", "--out", "draw")
    return commands.good("draw", "commit", "plan.yaml", *made).strip()


def test_a_draw_is_made_after_the_day_and_proved_from_what_was_published(commands: Commands) -> None:
    plan(commands, TODAY + dt.timedelta(days=1))
    digest = commit(commands)
    assert "公开值" in commands.bad("draw", "make", "draw", "--public-value", VALUE), "not before the day"
    folder = commands.folder / "draw"
    private, seed = disk.read_private(folder, PRIVATE), disk.read_private(folder, SEED)
    later = TODAY + dt.timedelta(days=2)
    disk.write_result(folder, open_draw(disk.read_public(folder), private, seed, VALUE, later))
    shutil.copytree(commands.folder / "draw" / "public", commands.folder / "published")
    commands.good("draw", "verify", "published", "--public-value", VALUE, "--commitment", digest)
    assert "3456" in commands.bad("draw", "verify", "published", "--public-value", "3456.79")
    commands.good("draw", "audit", "draw", "--classes", "classes.jsonl")
    drawn = json.loads(commands.good("draw", "export", "published", "--format", "json"))["selected"]
    assert len(drawn) >= 40 * 0.2
    assert all(len(one["officers"]) == 2 for one in drawn)
    published = "".join(path.read_text(encoding="utf-8") for path in (commands.folder / "published").iterdir())
    assert '"class"' not in published
    assert "王一" not in published, "names are masked"
    result = commands.folder / "published" / "result.json"
    result.write_text(result.read_text(encoding="utf-8").replace(VALUE, "3456.79"), encoding="utf-8")
    commands.bad("draw", "verify", "published")


def test_a_draw_that_would_publish_a_class_is_refused(commands: Commands) -> None:
    plan(commands, TODAY + dt.timedelta(days=1))
    made = ("draw", "commit", "plan.yaml", "--home", "home", "--officers", "officers.yaml", "--out", "draw")
    assert "of one class" in commands.bad(*made), "by the classes of the home, all of which are A"


def test_a_commitment_comes_before_the_value(commands: Commands) -> None:
    plan(commands, TODAY - dt.timedelta(days=1))
    said = commands.bad(
        *("draw", "commit", "plan.yaml", "--home", "home", "--officers", "officers.yaml", "--out", "draw")
    )
    assert "commit before that day" in said
    assert not (commands.folder / "draw").exists()
