"""What officers do over HTTP: from this page alone, by a named person, decided by the writer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.moments import DAY, as_text
from tests.command import Commands
from tests.engine import event, line, opened
from tests.integration.sending import serving

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def commands(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    commands = Commands(tmp_path, tmp_path_factory.mktemp("streams"))
    rows = [opened("E0001", name=HOSTILE, address={"text": "杭州市西湖区文三路1号", "region": "330106"})]
    rows += [
        event("E0001", "complaint.received", as_text(time.time_ns() // 1000 - DAY), id=str(number), number=str(number))
        for number in range(5)
    ]
    (tmp_path / "events.jsonl").write_bytes(b"".join(line(one) + b"\n" for one in rows))
    commands.good("run", "--source", "events.jsonl", "--home", "home", "--once")
    return commands


def act(client: httpx.Client, what: str, subject: str, headers: dict[str, str] | None = None, **data: Any) -> Any:
    body = json.dumps({"type": f"supervision.{what}", "subject": subject, "data": data})
    return client.post(
        "/api/v1/acts", content=body, headers={"Content-Type": "application/json", **(headers or {})}, timeout=60
    )


def test_an_alert_and_its_task_from_the_page_to_the_outcome(commands: Commands) -> None:
    (alert,) = commands.rows("export", "alerts", "--home", "home")
    with serving(commands, "--home", "home") as served, httpx.Client(base_url=served.address) as client:
        answer = act(client, "alert_acknowledged", alert["id"], officer="甲", seen=alert["seen"])
        assert (answer.status_code, answer.json()["status"]) == (200, "acknowledged")
        again = act(client, "alert_acknowledged", alert["id"], officer="甲", seen=alert["seen"])
        assert again.status_code == 409
        assert again.headers["content-type"] == "application/problem+json"
        assert "已变化" in again.json()["detail"]
        answer = act(client, "alert_dispatched", alert["id"], officer="甲", seen=answer.json()["seen"])
        assert (answer.status_code, answer.json()["status"]) == (200, "dispatched")
        task = answer.json()["task"]
        page = client.get("/supervision?status=all").text
        assert HOSTILE not in page
        assert "&lt;img src=x" in page
        seen = next(one for one in commands.rows("export", "tasks", "--home", "home") if one["id"] == task)["seen"]
        for what in ("accepted", "visited"):
            answer = act(client, f"task_{what}", task, officer="甲", seen=seen)
            assert answer.status_code == 200, answer.text
            seen = answer.json()["seen"]
        answer = act(client, "task_closed", task, officer="甲", seen=seen, outcome="false_alarm", reason=HOSTILE)
        assert (answer.status_code, answer.json()["outcome"]["result"]) == (200, "false_alarm")
    (alert,) = commands.rows("export", "alerts", "--home", "home")
    assert alert["status"] == "resolved"


def test_a_task_by_hand_is_handed_over_merged_closed_and_corrected(commands: Commands) -> None:
    two: dict[str, Any] = {"region": "330106", "enterprises": ["E0001", "NOBODY-1"], "mode": "off_site"}
    with serving(commands, "--home", "home") as served, httpx.Client(base_url=served.address) as client:

        def done(answer: httpx.Response) -> dict[str, Any]:
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        assert act(client, "task_created", "330106", officer="甲", **two).status_code == 422, "no reason"
        made = done(act(client, "task_created", "330106", officer="甲", reason=HOSTILE, **two))
        assert (made["status"], made["enterprises"], made["by_hand"]) == ("proposed", two["enterprises"], True)
        other = done(act(client, "task_created", "330106", officer="甲", reason="线索", **two))
        moved = done(
            act(
                client, "task_transferred", made["id"], officer="甲", seen=made["seen"], region="330108", reason=HOSTILE
            )
        )
        assert (moved["status"], moved["region"], moved["came_from"]) == ("transferred", "330108", "330106")
        merging = {"officer": "甲", "seen": moved["seen"], "into": other["id"]}
        assert act(client, "task_merged", made["id"], **merging).status_code == 409, "of another county"
        back = done(act(client, "task_returned", made["id"], officer="乙", seen=moved["seen"], reason="不属本县"))
        assert (back["status"], back["region"]) == ("returned", "330106")
        merged = done(act(client, "task_merged", made["id"], **{**merging, "seen": back["seen"]}))
        assert (merged["status"], merged["into"]) == ("merged", other["id"])
        seen = next(one for one in commands.rows("export", "tasks", "--home", "home") if one["id"] == other["id"])[
            "seen"
        ]
        for what in ("dispatched", "accepted"):
            seen = done(act(client, f"task_{what}", other["id"], officer="甲", seen=seen))["seen"]
        first: dict[str, Any] = {"officer": "甲", "outcome": "none_found"}
        closed = done(act(client, "task_closed", other["id"], **first, seen=seen))
        right: dict[str, Any] = {"officer": "乙", "outcome": "false_alarm", "reason": HOSTILE}
        again = done(act(client, "task_closed", other["id"], **right, seen=closed["seen"]))
        assert again["outcome"]["result"] == "false_alarm"
        assert [one["result"] for one in again["corrected"]] == ["none_found"]
        page = client.get("/tasks", params=[("status", "all"), ("open", other["id"]), ("open", made["id"])]).text
        assert HOSTILE not in page
        assert page.count("&lt;img src=x") >= 3
        assert "登记中没有此主体" in page


def test_what_is_not_from_this_page_or_not_in_order_changes_nothing(commands: Commands) -> None:
    (alert,) = commands.rows("export", "alerts", "--home", "home")
    name, data = alert["id"], {"officer": "甲", "seen": alert["seen"]}
    with serving(commands, "--home", "home") as served, httpx.Client(base_url=served.address) as client:
        foreign = {"Origin": "https://evil.example"}
        assert act(client, "alert_acknowledged", name, foreign, **data).status_code == 403
        assert act(client, "alert_acknowledged", name, {"Sec-Fetch-Site": "cross-site"}, **data).status_code == 403
        assert act(client, "alert_acknowledged", name, {"Host": "evil.example"}, **data).status_code == 400
        assert act(client, "alert_acknowledged", name, {"Content-Type": "text/plain"}, **data).status_code == 415
        assert act(client, "alert_acknowledged", name, officer=" ", seen=1).status_code == 422
        assert act(client, "alert_acknowledged", name, officer="甲\u0000", seen=1).status_code == 422
        assert act(client, "alert_snoozed", name, **data, until="2999-01-01").status_code == 422, "no reason"
        assert act(client, "no_such_act", name, **data).status_code == 422
        assert act(client, "alert_acknowledged", "a-nobody", **data).status_code == 409
    (after,) = commands.rows("export", "alerts", "--home", "home")
    assert after == alert
