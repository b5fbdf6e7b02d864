"""The page of tasks as a browser gets it: open and ended ones, to-dos, what is no task, and what is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from detectors.base import Text
from monitor import metrics
from monitor.events import acts
from monitor.events.vocabulary import Outcome
from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.work import taskreader
from monitor.web import task_texts, task_views
from monitor.web.acts import KINDS, Desk
from monitor.web.shield import LOOPBACK_HOSTS
from tests.unit.test_web_page import CHINESE, Seen
from tests.unit.web_home import HOSTILE, NUMBER, PERSON, filled, visiting, writing

WEB = Path(metrics.__file__).parent / "web"
XIHU, BINJIANG = "330106", "330108"
TWO = ["O-1", "O-2"]
DIRECTORY = """version: 1
owner: test
valid_from: 2020-01-01
officers:
  - {id: O-1, name: 王一, agency: A, counties: ["330106"]}
  - {id: O-2, name: "<img src=x onerror=alert(1)>", agency: A, counties: ["330106"]}
  - {id: O-3, name: 李三, agency: A, counties: ["330108"]}
"""


def tasks_of(home: Home) -> dict[str, dict[str, Any]]:
    """All tasks of a home by id."""
    with looking(home) as reader:
        return {one["id"]: one for one in taskreader.read(reader.connection)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home where one task was closed and its outcome corrected, one handed over, and one made by hand."""
    home = filled(tmp_path_factory.mktemp("tasks"))
    first, second, *_ = sorted(tasks_of(home))
    with writing(home) as runner:

        def act(kind: Any, task: str, data: Any = acts.Act, **given: Any) -> None:
            seen = tasks_of(home)[task]["seen"]
            runner.act(kind, task, data(officer="O-1", seen=seen, **given))

        act(acts.TaskAssigned, first, acts.AssignmentData, assignees=TWO)
        for kind in (acts.TaskDispatched, acts.TaskAccepted, acts.TaskVisited, acts.TaskReviewed):
            act(kind, first)
        act(acts.TaskClosed, first, acts.ClosingData, outcome="false_alarm", reason=HOSTILE)
        act(acts.TaskClosed, first, acts.ClosingData, outcome="corrected")
        act(acts.TaskTransferred, second, acts.TransferData, region=BINJIANG, reason=HOSTILE)
        made = acts.CreationData(officer="O-1", reason=HOSTILE, region=XIHU, enterprises=["E000", "NOBODY-1"])
        runner.act(acts.TaskCreated, XIHU, made)
    return home


@pytest.fixture
def client(home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    directory = tmp_path / "officers.yaml"
    directory.write_text(DIRECTORY, encoding="utf-8")
    desk = Desk(home, here=True)
    with visiting(home, Pulse(), hosts=LOOPBACK_HOSTS, desk=desk, officers=directory) as found:
        yield found


def keys(html: str) -> set[str]:
    return set(re.findall(r'<li data-key="(t-\w+)"', html))


def item(client: httpx.Client, task: str, **query: str) -> str:
    """The opened task."""
    html = client.get("/tasks", params={"status": "all", "open": task, **query}).text
    return "<li data-key=" + next(one for one in html.split("<li data-key=")[1:] if one.startswith(f'"{task}"'))


def of_status(home: Home, status: str) -> dict[str, Any]:
    (found,) = [one for one in tasks_of(home).values() if one["status"] == status]
    return found


def test_tasks_are_chosen_by_status_county_and_officer(client: httpx.Client, home: Home) -> None:
    found = tasks_of(home)
    is_open = {name for name, one in found.items() if one["status"] not in ("closed", "merged", "exempted")}
    closed = {of_status(home, "closed")["id"]}
    for query, wanted in (
        ("", is_open),
        ("status=all", set(found)),
        ("status=closed", closed),
        ("status=transferred", {of_status(home, "transferred")["id"]}),
        (f"status=all&region={BINJIANG}", {of_status(home, "transferred")["id"]}),
        ("status=all&officer=O-2", closed),
        ("officer=O-2", set()),
        ("status=overdue", {name for name in is_open if found[name]["due"] < "2024-06-01"}),
        ("status=nonsense&region=x", is_open),
    ):
        assert keys(client.get(f"/tasks?{query}").text) == wanted, query
    html = client.get("/tasks").text
    counts = dict(re.findall(r'data-state="(\w+)">([\d,]+)<', html))
    assert counts["open"] == str(len(is_open))
    assert counts["closed"] == "1"
    assert counts["all"] == str(len(found))
    assert dict(re.findall(r'data-state="(\w+)">([\d,]+)<', client.get("/tasks?officer=O-2").text))["closed"] == "1"


def test_an_ended_task_tells_its_outcome_and_can_be_corrected(client: httpx.Client, home: Home) -> None:
    html = item(client, of_status(home, "closed")["id"])
    text = " ".join(Seen(html).text)
    assert re.search("结果 +已责令改正 · +王一（O-1）", text)
    assert re.search("更正前 +误报 · +王一（O-1）", text)
    assert HOSTILE in text, "why it was a false alarm"
    assert re.search(r'data-act="supervision.task_closed" data-needs="outcome">更正结果<', html)
    assert "supervision.task_transferred" not in html


def test_an_open_task_offers_what_its_status_allows(client: httpx.Client, home: Home) -> None:
    for task in tasks_of(home).values():
        offered = set(re.findall(r'data-act="supervision.task_(\w+)"', item(client, task["id"])))
        if task["status"] == "proposed":
            assert {"dispatched", "exempted", "assigned", "transferred"} <= offered
            assert not {"accepted", "closed"} & offered
        elif task["status"] == "transferred":
            assert {"dispatched", "returned"} <= offered


def test_officers_have_names_and_those_of_the_county_can_be_chosen(client: httpx.Client, home: Home) -> None:
    task = next(one for one in tasks_of(home).values() if one["status"] == "proposed" and one["region"] == XIHU)
    html = item(client, task["id"])
    assert re.findall(r'<option value="(O-\d)">', html) == ["O-1", "O-2", "O-1", "O-2"]
    moved = item(client, of_status(home, "transferred")["id"])
    assert '<input name="assignees"' in moved, "one officer is no choice of two"
    assert "<img" not in html


def test_a_task_handed_over_says_from_where_and_one_by_hand_who_is_not_registered(
    client: httpx.Client, home: Home
) -> None:
    moved = " ".join(Seen(item(client, of_status(home, "transferred")["id"])).text)
    assert "移交自" in moved
    assert "西湖区" in moved
    (made,) = [one["id"] for one in tasks_of(home).values() if one["by_hand"]]
    html = item(client, made)
    assert "登记中没有此主体" in html.split("NOBODY-1")[1].split("</li>")[0]
    assert "登记中没有此主体" not in html.split("<code>E000</code>")[1].split("</li>")[0]


def test_statutory_to_dos_are_dated(client: httpx.Client) -> None:
    text = " ".join(Seen(client.get("/tasks").text).text)
    assert "寄送第二封专用信函" in text
    assert re.search("2024-05-30 +已逾期", text)
    assert "寄送第二封专用信函" not in client.get(f"/tasks?region={BINJIANG}").text


def test_what_is_no_task_and_the_classes_are_on_the_page(client: httpx.Client) -> None:
    html = client.get("/tasks").text
    mix = [int(count.replace(",", "")) for count in re.findall(r'data-class="[A-D]">([\d,]+)<', html)]
    assert sum(mix) == 18
    assert re.search(r"无事不扰</th><td>\d+<", html)


def test_the_main_page_leads_there(client: httpx.Client) -> None:
    html = client.get("/").text
    tasks = re.search(r'href="/tasks\?lang=zh">未结任务 ([\d,]+)<', html)
    assert tasks is not None
    assert f'data-state="open">{tasks[1]}<' in client.get("/tasks").text


def test_a_county_stays_chosen_from_page_to_page(client: httpx.Client) -> None:
    links = re.findall(r"<nav.*?</nav>", client.get(f"/tasks?region={XIHU}").text, re.DOTALL)[0]
    assert unescape(links).count(f"region={XIHU}") == 2


def test_hostile_texts_are_text_and_persons_are_not_named(client: httpx.Client, home: Home) -> None:
    opened = [("open", name) for name in tasks_of(home)]
    for language in ("zh", "en"):
        html = client.get("/tasks", params=[("status", "all"), ("lang", language), *opened]).text
        html += client.get("/tasks", params={"officer": HOSTILE, "lang": language}).text
        seen = Seen(html)
        assert HOSTILE in " ".join(seen.text)
        assert {attributes.get("src") for tag, attributes in seen.tags if tag in ("img", "script")} == {
            "/static/lists.js",
            "/static/work.js",
        }
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
        for secret in (PERSON, NUMBER, "p1:"):
            assert secret not in html


def test_the_english_page_is_english(client: httpx.Client, home: Home) -> None:
    opened = [("open", name) for name in tasks_of(home)]
    seen = Seen(client.get("/tasks", params=[("status", "all"), ("lang", "en"), *opened]).text)
    assert [text for text in seen.unmarked if CHINESE.search(text)] == []


def test_every_control_has_a_name(client: httpx.Client, home: Home) -> None:
    """What a screen reader reads out: each field stands in its label, each button has a text."""
    for path in ("/tasks?status=all", "/supervision?status=all"):
        html = client.get(path + "".join(f"&open={name}" for name in tasks_of(home))).text
        for label in re.findall(r"<label>(.*?)</label>", html, re.DOTALL):
            assert re.match(r"\s*[^<\s]", label), label[:80]
        outside = re.sub(r"<label>.*?</label>", "", html, flags=re.DOTALL)
        assert not re.findall(r"<(?:input|select|textarea)", outside)
        assert not re.findall(r"<button[^>]*>\s*</button>", html)


def test_without_a_desk_nothing_is_offered(home: Home) -> None:
    for desk in (None, Desk(home, here=False)):
        with visiting(home, Pulse(), desk=desk) as client:
            html = client.get("/tasks", params=[("open", name) for name in tasks_of(home)]).text
            assert "data-act=" not in html
            assert 'id="by-hand"' not in html


def test_every_text_has_two_languages_and_a_place() -> None:
    places = [*(WEB / "templates").iterdir(), WEB / "task_views.py"]
    used = "".join(path.read_text(encoding="utf-8") for path in places)
    named: list[dict[str, Text]] = [task_texts.TASKS, task_texts.OUTCOMES, task_texts.MODES, task_texts.FLAGS]
    for texts in [*named, task_texts.DO, task_texts.STEPS, task_texts.STATES, task_texts.TODO_STATES]:
        for name, text in texts.items():
            assert CHINESE.search(text.zh), name
            assert text.en, name
            assert not CHINESE.search(text.en), name
    for name in task_texts.TASKS:
        assert f"text.{name}" in used or f'"{name}"' in used, f"{name} is not used"


def test_every_outcome_and_act_is_known_to_the_page() -> None:
    assert set(task_texts.OUTCOMES) == set(get_args(Outcome))
    for name in (*task_views.NEEDS, *task_views.PLAIN, *task_views.FURTHER):
        assert f"supervision.task_{name}" in KINDS
        assert name in task_texts.DO
