"""The page in a real browser: Debian's Chromium, driven by playwright, looks at the real demo."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from monitor.metrics import Pulse
from monitor.store.home import Home
from tests.unit.web_home import HOSTILE, filled, visiting

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from monitor.cli import main; main()")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MOST_BYTES = 60_000
WEIGHED = ("", "static/page.css", "static/lists.js", "static/page.js")
"""What a visitor of the first page loads."""


class Visit:
    """One visitor: the page, and what the browser asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.loads = 0
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda told: self.complaints.append(f"{told.type}: {told.text}"))
        page.on("load", lambda _: setattr(self, "loads", self.loads + 1))

    def total(self, name: str) -> int:
        return int(self.page.locator(f'[data-total="{name}"]').inner_text().replace(",", ""))

    def wait_for_more(self, name: str, than: int) -> int:
        self.page.wait_for_function(
            "([name, than]) => Number(document.querySelector(`[data-total=${name}]`).textContent"
            ".replaceAll(',', '')) > than",
            arg=[name, than],
            timeout=90_000,
        )
        return self.total(name)


@contextmanager
def browsing(*, width: int = 1280, height: int = 900) -> Iterator[Visit]:
    """A visitor with a fresh browser."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: apt-get install chromium (make test does it)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Visit(browser.new_page(viewport={"width": width, "height": height}))
        finally:
            browser.close()


@contextmanager
def demo(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command on a small province, and the address it prints."""
    with subprocess.Popen(
        [*COMMAND, "demo", "--enterprises", "600", "--port", "0", "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
            yield process, address
        finally:
            process.kill()


def test_a_visitor_watches_the_demo_fill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with demo(home) as (process, address), browsing() as visit:
        page = visit.page
        page.goto(address)
        expect(page.locator(".banner")).to_contain_text("全部由程序虚构")

        first = visit.wait_for_more("events", 0)
        later = visit.wait_for_more("events", first + 1000)
        assert 0 < first < later
        assert visit.loads == 1, "the counts rose without a reload"
        expect(page.locator("#status")).to_contain_text("实时监测中", timeout=90_000)
        assert visit.total("enterprises") == 600
        assert visit.total("signals") > 20
        assert visit.total("parked") == 0
        expect(page.locator("#news")).to_contain_text(f"现有 {visit.total('signals')} 条", timeout=15_000)

        signal_shown = page.locator("#newest li").first
        evidence = signal_shown.locator("tbody tr").first
        expect(evidence).to_be_hidden()
        signal_shown.locator("summary").click()
        expect(evidence).to_be_visible()
        assert re.match(r"\d{4}-\d\d-\d\d\s+\S+\s+9\S{17}\s", evidence.inner_text())
        expect(signal_shown).to_contain_text("消除条件")

        page.get_by_role("link", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("#status")).to_contain_text("Live")
        expect(page.locator(".banner")).to_contain_text("made up by a program")
        page.goto(address)
        expect(page.locator("h1")).to_have_text("Credit-risk monitor, Zhejiang")
        page.get_by_role("link", name="中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")

        weight = sum(len(page.request.get(address + path).body()) for path in WEIGHED)
        assert weight < MOST_BYTES
        assert {urlsplit(url).hostname for url in visit.asked} == {"127.0.0.1"}
        assert visit.complaints == []

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        expect(page.locator("#lost")).to_be_visible()
    assert list((home / "snapshots").glob("*.snapshot")), "it ended with a snapshot"
    assert not (home / "monitor.db-wal").exists(), "and left the database whole"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("browser"))


def test_hostile_names_do_nothing(home: Home) -> None:
    with visiting(home, Pulse()) as client, browsing() as visit:
        visit.page.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        visit.page.goto(str(client.base_url))
        expect(visit.page.locator("#newest")).to_contain_text(HOSTILE)
        for summary in visit.page.locator("summary").all():
            summary.click()
        visit.page.wait_for_timeout(1000)
        assert visit.page.locator("#newest img, #newest script").count() == 0
        assert {urlsplit(url).hostname for url in visit.asked} == {"127.0.0.1"}
        assert visit.complaints == []


def test_an_update_keeps_what_is_open_and_where_the_keyboard_is(home: Home) -> None:
    with visiting(home, Pulse()) as client, browsing() as visit:
        page = visit.page
        page.goto(str(client.base_url))
        items = page.locator("#newest li")
        key = items.nth(1).get_attribute("data-key")
        items.nth(1).locator("summary").focus()
        page.keyboard.press("Enter")
        opened = page.locator(f'#newest li[data-key="{key}"]')
        expect(opened.locator("details")).to_have_attribute("open", "")
        # A new signal on top, this one moved to the end and told in other words, the first one gone.
        page.evaluate(
            """key => {
              const list = document.createElement("div");
              list.innerHTML = document.getElementById("newest").innerHTML.replaceAll(" open=\\"\\"", "");
              const [first] = list.querySelectorAll("li");
              const moved = list.querySelector(`[data-key="${key}"]`);
              moved.querySelector(".who").textContent = "changed";
              first.dataset.key = "new";
              list.querySelector("ol").append(moved);
              show("newest", list.innerHTML);
            }""",
            key,
        )
        expect(items.first).to_have_attribute("data-key", "new")
        expect(items.last).to_have_attribute("data-key", key or "")
        expect(items.last).to_contain_text("changed")
        expect(opened.locator("details")).to_have_attribute("open", "")
        expect(opened.locator("summary")).to_be_focused()
        assert page.locator("#newest details[open]").count() == 1
        assert visit.complaints == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_fits_its_window(home: Home, width: int, language: str) -> None:
    with visiting(home, Pulse(), made_up=True) as client, browsing(width=width) as visit:
        visit.page.goto(f"{client.base_url}?lang={language}")
        for summary in visit.page.locator("summary").all():
            summary.click()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.complaints == []


def test_levels_are_told_apart_and_legible(home: Home) -> None:
    """Black on a level's colour: contrast of at least 7 (WCAG AAA); no two levels of one colour."""
    with visiting(home, Pulse()) as client, browsing() as visit:
        visit.page.goto(str(client.base_url))
        shown = [
            visit.page.locator(f".by-level .l{level}").evaluate(
                "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
            )
            for level in (1, 2, 3, 4)
        ]
    assert {ink for ink, _ in shown} == {"rgb(0, 0, 0)"}
    assert len({ground for _, ground in shown}) == 4
    for _, ground in shown:
        parts = [int(number) / 255 for number in re.findall(r"\d+", ground)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert (luminance + 0.05) / 0.05 >= 7


def test_the_browser_is_there() -> None:
    assert os.access(CHROMIUM, os.X_OK), f"{CHROMIUM} is missing: apt-get install chromium (make test does it)"
