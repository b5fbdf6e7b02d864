"""The page as a browser gets it: what it says, in which language, and that nothing foreign comes in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from monitor import metrics
from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.web.shield import HEADERS, LOOPBACK_HOSTS
from monitor.web.texts import DOING, DUTIES, LANGUAGES, LEVELS, PAGE
from tests.unit.web_home import HOSTILE, NUMBER, PERSON, filled, visiting

WEB = Path(metrics.__file__).parent / "web"
CHINESE = re.compile(r"[\u3400-\u9fff]")
ROUTES = ("/", "/metrics", "/healthz", "/static/page.css", "/static/page.js", "/static/icon.svg", "/nowhere")


class Seen(HTMLParser):
    """What a page has in it: tags with their attributes, and its text by whether it is marked as Chinese."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.unmarked: list[str] = []
        self._languages: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self._languages.append((tag, dict(attrs).get("lang")))

    def handle_endtag(self, tag: str) -> None:
        while self._languages and self._languages.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if not any(language == "zh-CN" for _, language in self._languages):
            self.unmarked.append(data)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("page"))


@pytest.fixture
def pulse() -> Pulse:
    found = Pulse()
    found.turn_to("live")
    return found


@pytest.fixture
def client(home: Home, pulse: Pulse) -> Iterator[httpx.Client]:
    with visiting(home, pulse, hosts=LOOPBACK_HOSTS) as found:
        yield found


def test_totals_and_signals_are_on_the_page(client: httpx.Client) -> None:
    html = client.get("/").text
    totals = dict(re.findall(r'data-total="(\w+)">([\d,]+)<', html))
    assert totals["enterprises"] == "18"
    assert totals["rooms"] == "7"
    assert totals["dead_letters"] == "3"
    assert totals["parked"] == "0"
    assert int(totals["events"]) == 18 + 5 + 2 + 4, "rules, scorecards, live and a cut are the monitor's own"
    assert int(totals["signals"]) == html.count("<li ")
    assert "另有重复 1" in html
    assert "实时监测中" in html


def test_a_signal_says_why_where_since_when_and_what_would_end_it(client: httpx.Client) -> None:
    html = client.get("/").text
    (licences,) = [item for item in html.split("<li ") if "<strong>一址多照</strong>" in item]
    text = " ".join(Seen("<li " + licences).text)
    assert "该地址现有 12 户在营经营主体登记" in text
    assert "西湖区" in text
    assert "2024-04-14" in text, "the fifth of them came on that day"
    assert "降到 5 户以下" in text
    assert "registration.established-51-0" in text
    assert "最近 5 件，共 12 件" in text
    assert "前 5 户，共 12 户" in text


def test_duties_are_dated(client: httpx.Client) -> None:
    text = " ".join(Seen(client.get("/").text).text)
    assert "寄出第二封专用信函：2024-05-15 至 2024-05-30" in text


def test_chinese_comes_first_and_the_switch_is_remembered(client: httpx.Client) -> None:
    assert '<html lang="zh-CN">' in client.get("/").text
    english = client.get("/?lang=en")
    assert '<html lang="en">' in english.text
    assert "12 live enterprises are registered at this address" in english.text
    assert '<html lang="en">' in client.get("/").text, "the cookie holds"
    assert 'data-updates="/updates?lang=en"' in client.get("/").text
    assert '<html lang="zh-CN">' in client.get("/?lang=zh").text
    assert '<html lang="zh-CN">' in client.get("/").text


def test_an_unknown_language_changes_nothing(client: httpx.Client) -> None:
    answer = client.get("/?lang=<script>")
    assert '<html lang="zh-CN">' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("made_up", [False, True])
def test_the_english_page_is_english(home: Home, pulse: Pulse, made_up: bool) -> None:
    with visiting(home, pulse, made_up=made_up) as client:
        seen = Seen(client.get("/?lang=en").text)
    assert [text for text in seen.unmarked if CHINESE.search(text)] == []
    assert any("西湖区" in text for text in seen.text), "names of places are data: they stay, and say their language"


def test_made_up_data_are_called_so(home: Home, pulse: Pulse) -> None:
    for made_up in (False, True):
        with visiting(home, pulse, made_up=made_up) as client:
            assert ("全部由程序虚构" in client.get("/").text) is made_up
            assert ("made up by a program" in client.get("/?lang=en").text) is made_up


def test_hostile_names_are_text(client: httpx.Client) -> None:
    for language in LANGUAGES:
        html = client.get(f"/?lang={language}").text
        seen = Seen(html)
        assert HOSTILE in " ".join(seen.text), "the name stands there, as text"
        assert not [tag for tag, _ in seen.tags if tag == "img"]
        assert [attributes for tag, attributes in seen.tags if tag == "script"] == [
            {"src": "/static/lists.js", "defer": None},
            {"src": "/static/page.js", "defer": None},
        ]
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]


def test_persons_are_not_named(client: httpx.Client) -> None:
    for path in ("/", "/?lang=en", "/metrics"):
        text = client.get(path).text
        assert PERSON not in text
        assert NUMBER not in text
        assert "p1:" not in text, "a pseudonym is nobody's business either"
    assert "王*" in client.get("/").text


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_carries_the_headers(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8321", 200),
        ("localhost:8321", 200),
        ("localhost", 200),
        ("[::1]:8321", 200),
        ("rebound.example:8321", 400),
        ("127.0.0.1.rebound.example", 400),
        ("", 400),
    ],
)
def test_only_known_hosts_are_answered(client: httpx.Client, host: str, status: int) -> None:
    for path in ("/", "/metrics", "/healthz", "/static/page.css"):
        assert client.get(path, headers={"host": host}).status_code == status


def test_a_host_that_was_asked_for_is_not_checked(home: Home, pulse: Pulse) -> None:
    with visiting(home, pulse) as client:
        assert client.get("/", headers={"host": "monitor.example"}).status_code == 200


def test_nothing_can_be_written_and_no_reference_is_served(client: httpx.Client) -> None:
    assert client.post("/").status_code == 405
    for path in ("/docs", "/redoc", "/openapi.json", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert client.get(path).status_code == 404


def test_health(home: Home, pulse: Pulse, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["writer"] == "alive"
    assert answer.json()["database"] == "ok"
    assert answer.json()["now"].startswith("2024-05-")
    monkeypatch.setattr(metrics, "LONGEST_SILENCE", -1.0)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["writer"] == "silent"


def test_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    with visiting(Home(tmp_path / "later"), Pulse()) as client:
        assert "正在打开" in client.get("/").text
        assert client.get("/healthz").status_code == 503
        assert client.get("/metrics").status_code == 503


def test_a_home_whose_database_is_damaged(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.database.write_bytes(b"no database" * 1000)
    with visiting(home, Pulse()) as client:
        assert client.get("/").status_code == 200
        assert client.get("/healthz").json()["database"] == "silent"
        assert client.get("/metrics").status_code == 503


def test_progress_is_shown(home: Home, pulse: Pulse) -> None:
    pulse.turn_to("reading")
    pulse.beat(0.384)
    with visiting(home, pulse) as client:
        html = client.get("/").text
    assert "正在读入事件" in html
    assert '<progress max="100" value="38"' in html


def test_every_text_has_two_languages_and_a_place() -> None:
    places = [*(WEB / "templates").iterdir(), WEB / "frame.py"]
    templates = "".join(path.read_text(encoding="utf-8") for path in places)
    for texts in (PAGE, DOING, DUTIES, LEVELS):
        for name, text in texts.items():
            assert CHINESE.search(text.zh), name
            assert text.en, name
            assert not CHINESE.search(text.en), name
    for name in PAGE:
        used = f"text.{name}", f'"{name}"', f'"{name.removesuffix("_note")}"'
        assert any(one in templates for one in used), f"{name} is not used"


def test_nothing_comes_from_elsewhere() -> None:
    for path in [*(WEB / "templates").iterdir(), *(WEB / "static").iterdir()]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^ *//.*$|(?<=: )//.*$", "", text, flags=re.MULTILINE), path.name
        assert "style=" not in text, path.name
        assert not re.search(r"\bon[a-z]+=", text), path.name
