"""What the forecast says, on the pages of tasks and alerts: its chance, its reasons, escaped as all else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec
import pytest
from sqlalchemy import select

from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.schema import ENTERPRISES
from monitor.store.work import alertreader, forecasts, taskreader
from monitor.store.work.alert_schema import ALERTS
from monitor.store.work.task_schema import TASKS
from monitor.web.shield import LOOPBACK_HOSTS
from tests.unit.test_forecast_store import NOW, WHY
from tests.unit.test_web_page import Seen
from tests.unit.web_home import HOSTILE, filled, visiting

ON = "E001"
"""An enterprise with a task and an alert of its own."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which the forecast says something of two enterprises, and why of one."""
    home = filled(tmp_path_factory.mktemp("forecast"))
    engine = home.writer()
    with engine.begin() as connection:
        query = select(ENTERPRISES.c.code, ENTERPRISES.c.ref).where(ENTERPRISES.c.code.in_((ON, "E000")))
        refs = {code: ref for code, ref in connection.execute(query)}
        why = {**WHY, "way_out": {"zh": f"最近的改变 {HOSTILE}", "en": f"nearest change {HOSTILE}"}}
        told = {refs[ON]: msgspec.msgpack.encode(why)}
        forecasts.put(connection, "ab" * 32, {refs[ON]: 0.631, refs["E000"]: 0.25}, told, NOW, 1)
    engine.dispose()
    return home


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with visiting(home, Pulse(), hosts=LOOPBACK_HOSTS) as found:
        yield found


def alert_on(home: Home, code: str) -> str:
    with looking(home) as reader:
        of_it = ALERTS.c.kind == "enterprise", ALERTS.c.key == code
        return str(next(alertreader.read(reader.connection, *of_it))["id"])


def opened(client: httpx.Client, path: str, number: str, language: str) -> str:
    """The text of what is open."""
    html = client.get(path, params={"status": "all", "open": number, "lang": language}).text
    assert HOSTILE not in html
    return " ".join(Seen(html).text)


@pytest.mark.parametrize(
    ("language", "chance", "reason"),
    [("zh", "十二个月内有不良事件的可能 63.1%", "不良记录：3 件"), ("en", "within twelve months 63.1%", "Records: 3")],
)
def test_an_alert_and_its_task_tell_the_chance_and_why(
    home: Home, client: httpx.Client, language: str, chance: str, reason: str
) -> None:
    with looking(home) as reader:
        task = str(next(taskreader.read(reader.connection, TASKS.c.target == ON))["id"])
    for path, number in (("/supervision", alert_on(home, ON)), ("/tasks", task)):
        text = opened(client, path, number, language)
        assert chance in text
        assert reason in text
        assert "p1" in text
        assert "abababababab" in text


def test_without_reasons_it_says_when_they_come(home: Home, client: httpx.Client) -> None:
    text = opened(client, "/supervision", alert_on(home, "E000"), "en")
    assert "within twelve months 25.0%" in text
    assert "of the likelier ones alone" in text


def test_of_a_task_on_an_address_the_likeliest_enterprise_is_told(home: Home, client: httpx.Client) -> None:
    with looking(home) as reader:
        rooms = [
            one
            for one in taskreader.read(reader.connection)
            if len(one["enterprises"]) > 2 and ON in one["enterprises"]
        ]
    text = opened(client, "/tasks", rooms[0]["id"], "en")
    assert "63.1%" in text


def test_an_alert_on_something_else_tells_none(home: Home, client: httpx.Client) -> None:
    with looking(home) as reader:
        address = next(alertreader.read(reader.connection, ALERTS.c.kind == "address"))["id"]
    assert "within twelve months" not in opened(client, "/supervision", address, "en")
