"""The page of alerts and tasks as a browser gets it, and acts that are refused before anybody decides about them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from detectors.base import Text
from monitor import metrics
from monitor.desk.acting import Acting
from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.store.reader import looking
from monitor.store.work import alertreader, drifts
from monitor.store.work.alertlist import Chosen
from monitor.supervision import alerts as life
from monitor.web import acts, alert_views, pieces, supervision
from monitor.web.acts import KINDS, Desk
from monitor.web.render import templates
from monitor.web.shield import LOOPBACK_HOSTS
from monitor.web.supervision_texts import FLAG_NAMES, STATE_NAMES, STEP_NAMES, SUPERVISION
from monitor.web.texts import PAGE
from tests.unit.test_web_page import CHINESE, Seen
from tests.unit.web_home import HOSTILE, NUMBER, PERSON, filled, visiting, writing

WEB = Path(metrics.__file__).parent / "web"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("supervision"))


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    with visiting(home, Pulse(), hosts=LOOPBACK_HOSTS, desk=Desk(home, here=True)) as found:
        yield found


@pytest.fixture(scope="module")
def found(home: Home) -> list[dict[str, Any]]:
    """All alerts of the home."""
    with looking(home) as reader:
        return list(alertreader.read(reader.connection))


def keys(html: str) -> set[str]:
    return set(re.findall(r'<li data-key="(a-\w+)"', html))


def ask(client: httpx.Client, what: str, subject: str, **data: Any) -> httpx.Response:
    body = json.dumps({"type": f"supervision.{what}", "subject": subject, "data": data})
    return client.post("/api/v1/acts", content=body, headers=JSON)


def test_filters_in_the_address_choose_alerts(client: httpx.Client, found: list[dict[str, Any]]) -> None:
    assert keys(client.get("/supervision?status=all").text) == {one["id"] for one in found}
    level = found[0]["level"]
    rule = found[0]["detector"].partition("@")[0]
    region = found[0]["region"]
    for query, chosen in (
        (f"level={level}", {one["id"] for one in found if one["level"] == level}),
        (f"rule={rule}", {one["id"] for one in found if one["detector"].startswith(f"{rule}@")}),
        (f"region={region}", {one["id"] for one in found if one["region"] == region}),
        ("region=330102", set()),
    ):
        assert keys(client.get(f"/supervision?status=all&{query}").text) == chosen, query
    assert keys(client.get("/supervision?status=resolved").text) == set()
    asking = keys(client.get("/supervision").text)
    quiet = keys(client.get("/supervision?status=quiet").text)
    assert asking
    assert asking | quiet == {one["id"] for one in found}
    assert not asking & quiet


def test_what_an_address_cannot_mean_is_left_out(client: httpx.Client) -> None:
    html = client.get("/supervision", params={"level": "9", "rule": HOSTILE, "region": HOSTILE, "status": HOSTILE}).text
    assert keys(html) == keys(client.get("/supervision").text)
    assert "onerror" not in html.replace("&lt;img src=x onerror", "")


def test_an_opened_alert_gives_its_reasons(client: httpx.Client, found: list[dict[str, Any]]) -> None:
    alert = next(one for one in found if one["detector"].startswith("one-address-many-licences@"))
    closed = client.get("/supervision?status=all").text
    assert "registration.established-51-0" not in closed, "a list holds the heads alone"
    html = client.get("/supervision", params={"status": "resolved", "open": alert["id"]}).text
    (item,) = html.split("<li data-key=")[1:2]
    text = " ".join(Seen("<li data-key=" + item).text)
    for told in ("降到 5 户以下", "现值 12，阈值 5，贡献 2", "registration.established-51-0", alert["id"], "生成"):
        assert told in text
    assert "已不在所选范围" in text, "it is shown because it is open"
    assert 'data-act="supervision.alert_acknowledged"' in item


def test_an_answer_is_empty_while_nothing_changed(client: httpx.Client) -> None:
    first = client.get("/supervision/parts")
    assert set(first.json()) == {"asking", "states", "alerts"}
    again = client.get("/supervision/parts", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/supervision/parts?lang=en", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_hostile_names_are_text_and_persons_are_not_named(client: httpx.Client, found: list[dict[str, Any]]) -> None:
    opened = [("open", one["id"]) for one in found]
    for language in ("zh", "en"):
        html = client.get("/supervision", params=[("status", "all"), ("lang", language), *opened]).text
        seen = Seen(html)
        assert HOSTILE in " ".join(seen.text)
        assert [attributes.get("src") for tag, attributes in seen.tags if tag in ("img", "script")] == [
            "/static/lists.js",
            "/static/work.js",
        ]
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
        for secret in (PERSON, NUMBER, "p1:"):
            assert secret not in html


def test_the_english_page_is_english(client: httpx.Client, found: list[dict[str, Any]]) -> None:
    opened = [("open", one["id"]) for one in found]
    seen = Seen(client.get("/supervision", params=[("status", "all"), ("lang", "en"), *opened]).text)
    assert [text for text in seen.unmarked if CHINESE.search(text)] == []


def test_the_main_page_leads_there(client: httpx.Client) -> None:
    html = client.get("/").text
    asking = re.search(r'data-total="asking">([\d,]+)<', html)
    assert asking is not None
    assert f'data-total="asking">{asking[1]}<' in client.get("/supervision").text
    assert 'href="/supervision?lang=zh"' in html


def test_without_a_desk_nothing_is_offered(home: Home) -> None:
    with visiting(home, Pulse()) as client:
        html = client.get("/supervision").text
        assert "data-act=" not in html
        assert ask(client, "alert_acknowledged", "a-1234", officer="甲", seen=1).status_code == 404
    with visiting(home, Pulse(), desk=Desk(home, here=False)) as client:
        html = client.get("/supervision").text
        assert "data-act=" not in html
        assert "credit-monitor alert" in html
        refused = ask(client, "alert_acknowledged", "a-1234", officer="甲", seen=1)
        assert refused.status_code == 403
        assert "credit-monitor alert" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_only_this_page_may_ask(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    answer = client.post("/api/v1/acts", content=b"{}", headers={**JSON, **headers})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.rebound.example:80", "[", ""])
def test_a_foreign_host_name_may_not_ask_even_where_the_page_answers_to_all(home: Home, host: str) -> None:
    with visiting(home, Pulse(), desk=Desk(home, here=True)) as client:
        answer = client.post("/api/v1/acts", content=b"{}", headers={**JSON, "Host": host})
        assert answer.status_code in (400, 403)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234"}',
        b'{"type":"supervision.alert_acknowledged","subject":"a b c d","data":{"officer":"x","seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"officer":"x","seen":"1"}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"officer":"  ","seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"officer":"x\\u202ey","seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"officer":"\\ud800","seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":{"officer":"'
        + b"x" * 65
        + b'","seen":1}}',
        b'{"type":"supervision.alert_reopened","subject":"a-1234","data":{"officer":"x","seen":1,"reason":" "}}',
        b'{"type":"supervision.alert_reopened","subject":"a-1234","data":{"officer":"x","seen":1,"reason":"'
        + b"x" * 1001
        + b'"}}',
        b'{"type":"supervision.alert_snoozed","subject":"a-1234",'
        b'"data":{"officer":"x","seen":1,"reason":"y","until":"soon"}}',
        b'{"type":"supervision.task_closed","subject":"t-1234","data":{"officer":"x","seen":1,"outcome":"well"}}',
        b'{"type":"monitor.live","subject":"monitor","data":{"officer":"x","seen":1}}',
        b'{"type":"supervision.alert_acknowledged","subject":"a-1234","data":' + b"[" * 50_000,
    ],
)
def test_what_is_not_well_formed_is_refused_at_once(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/v1/acts", content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    assert " / " in answer.json()["detail"]


def test_too_large_an_act_is_refused(client: httpx.Client) -> None:
    assert client.post("/api/v1/acts", content=b" " * (acts.MAX_BODY + 1), headers=JSON).status_code == 413


def test_while_nobody_writes_an_act_is_withdrawn(
    client: httpx.Client, home: Home, found: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "PATIENCE", 0.0)
    answer = ask(client, "alert_acknowledged", found[0]["id"], officer="甲", seen=found[0]["seen"])
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert list((home.path / "requests").iterdir()) == [], "no writer will find it later"


def test_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    later = Home(tmp_path / "later")
    with visiting(later, Pulse(), desk=Desk(later, here=True)) as client:
        assert client.get("/supervision").status_code == 503
        assert client.get("/supervision/parts").status_code == 503
        assert ask(client, "alert_acknowledged", "a-1234", officer="甲", seen=1).status_code == 503


def test_every_text_has_two_languages_and_a_place() -> None:
    used = "".join(
        path.read_text(encoding="utf-8")
        for path in [*(WEB / "templates").iterdir(), WEB / "alert_views.py", WEB / "supervision.py"]
    )
    named: list[dict[str, Text]] = [SUPERVISION, STATE_NAMES, FLAG_NAMES, STEP_NAMES]
    for texts in named:
        for name, text in texts.items():
            assert CHINESE.search(text.zh), name
            assert text.en, name
            assert not CHINESE.search(text.en), name
    for name in SUPERVISION:
        assert f"text.{name}" in used or f'"{name}"' in used or name.startswith(("do_", "of_", "tie_")), (
            f"{name} is not used"
        )


def test_every_step_and_act_is_known_to_the_page() -> None:
    source = Path(life.__file__).read_text(encoding="utf-8")
    steps = set(re.findall(r'_mark\(alert, \w+, "(\w+)"', source)) | {"opened"}
    assert steps <= set(STEP_NAMES)
    for names in alert_views.ACTS.values():
        for name in names:
            assert f"supervision.alert_{name}" in KINDS
            assert name in alert_views.NEEDS


def test_reasons_of_a_model_stand_in_their_order(found: list[dict[str, Any]]) -> None:
    """One with all that a rule tells, one with the sentence and the contribution alone."""
    of_rule = found[0]["reasons"][0]
    alert = {
        **found[0],
        "reasons": [
            {"reason": {"zh": HOSTILE, "en": HOSTILE}, "contribution": 0.42, "value": None, "usual": [1.5, None]},
            {**of_rule, "contribution": 0.1, "threshold": None},
        ],
        "subgraph": {
            "nodes": ["E009", "E001"],
            "ties": [
                {"by": "room", "name": HOSTILE, "weak": False, "nodes": [0, 1]},
                {"by": "person", "name": "", "weak": True, "nodes": [0, 1]},
            ],
        },
    }
    shown = alert_views.whole(alert, {"E009": HOSTILE}, Chosen(state="all"), "en")
    first, second = shown["why"]
    assert (first["text"], first["numbers"]) == (HOSTILE, ["usual among peers 1.5 … ?", "contribution 0.42"])
    assert (first["evidence"], first["way_out"]) == ([], "")
    assert second["numbers"][-1] == "contribution 0.1"
    assert len(second["evidence"]) == min(len(of_rule["evidence"]), alert_views.EVIDENCE)
    assert shown["involved"] == [{"code": "E009", "name": HOSTILE}, {"code": "E001", "name": ""}]
    assert [tie["count"] for tie in shown["ties"]] == ["2 enterprises"] * 2
    words = dict.fromkeys((*PAGE, *SUPERVISION), "")
    given = {"lang": "en", "levels": dict.fromkeys(range(5), ""), "may_act": False, "link": str, "task_link": str}
    seen = Seen(templates().get_template("_alert.html").render({"one": shown, "text": words, **given}))
    assert f"1. {HOSTILE}" in " ".join(seen.text)
    assert not [tag for tag, _ in seen.tags if tag in ("img", "script")]
    assert [tag for tag, _ in seen.tags].count("h3") == 2


def test_a_list_is_short_and_more_of_it_is_asked_for(
    home: Home, found: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (pieces, supervision):
        monkeypatch.setattr(module, "FIRST", 3)
    assert len(found) > 4
    with visiting(home, Pulse()) as client:
        html = client.get("/supervision?status=all").text
        assert len(keys(html)) == 3
        link = re.search(r'<a href="([^"]+)" data-more="([^"]+)"', html)
        assert link is not None
        more = client.get(unescape(link[1])).text
        assert len(keys(more)) == min(6, len(found))
        assert keys(client.get(unescape(link[2])).json()["alerts"]) == keys(more)
        for nonsense in ("-1", "x", "9" * 400, "²"):
            assert len(keys(client.get("/supervision", params={"status": "all", "most": nonsense}).text)) <= 200


def test_a_defect_of_the_writer_is_no_refusal(
    home: Home, found: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()

    def fails(_: Acting) -> dict[str, Any]:
        raise ZeroDivisionError("no such thing")

    def write() -> None:
        with writing(home) as runner:
            while not stop.is_set():
                runner.answer_requests()
                time.sleep(0.01)

    monkeypatch.setattr(Acting, "step", fails)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        with visiting(home, Pulse(), desk=Desk(home, here=True)) as client:
            answer = ask(client, "alert_acknowledged", found[0]["id"], officer="甲", seen=found[0]["seen"])
    finally:
        stop.set()
        writer.join()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "程序缺陷" in answer.json()["detail"]
    assert "no such thing" not in answer.text
    assert "no such thing" in caplog.text


def test_a_model_that_has_drifted_is_told_of_until_it_has_not(client: httpx.Client, home: Home) -> None:
    def written(beyond: int) -> list[str]:
        stability = {"moves_1095": 0.61, "reports_missed": 0.02, "penalties_365": 0.3}
        with writing(home) as runner, runner.writing() as connection:
            drifts.write(connection, "anomaly", stability, 0.04, beyond)
        return [unescape(client.get(f"/supervision?lang={language}").text) for language in ("zh", "en")]

    zh, en = written(2)
    assert "2 项；三年内迁址 PSI 0.61、365 天内处罚 PSI 0.30" in zh
    assert "moves in 1,095 days PSI 0.61" in en
    assert "train again" in en
    assert "PSI" not in "".join(written(0))
