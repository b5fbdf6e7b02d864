"""The page of the dead letters in a real browser: followed from the live page, filtered, hostile texts harmless."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from config.moments import SHANGHAI
from monitor.metrics import Pulse
from monitor.store.home import Home
from tests.browser.test_live_page import browsing
from tests.unit.web_home import HOSTILE, NUMBER, take_in, visiting, writing

TODAY = dt.datetime.now(SHANGHAI).date().isoformat()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with dead letters of two sources, one with a hostile name, received today."""
    folder = tmp_path_factory.mktemp("letters")
    home = Home(folder / "home")
    hostile = folder / HOSTILE.replace("/", "_")
    hostile.mkdir()
    with writing(home) as runner:
        runner.clock = lambda: int(dt.datetime.now(SHANGHAI).timestamp() * 1_000_000)
        take_in(runner, folder, [json.dumps({"type": "no.such", "subject": HOSTILE, "x": NUMBER})] * 3)
        take_in(runner, hostile, ["{broken", json.dumps({"type": HOSTILE})])
    return home


def test_a_visitor_finds_what_was_refused_and_why(home: Home) -> None:
    with visiting(home, Pulse()) as client, browsing() as visit:
        page = visit.page
        page.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        page.goto(str(client.base_url))
        assert visit.total("dead_letters") == 5
        page.get_by_role("navigation", name="页面").get_by_role("link", name="死信").click()
        expect(page.locator("h1")).to_have_text("死信")
        assert visit.total("open") == 5
        assert page.locator("#open tbody tr").count() == 2
        expect(page.locator(f'#days g[data-day="{TODAY}"] title')).to_have_text(f"{TODAY}：拒收 5，待处理 5")
        assert page.locator("#letters li").count() == 5
        expect(page.locator("#letters")).to_contain_text(HOSTILE)
        expect(page.locator("#letters")).not_to_contain_text(NUMBER)
        page.locator("#open tbody tr", has_text="<script>").get_by_role("link").first.click()
        assert page.locator("#letters li").count() == 2
        expect(page.locator(".steps pre").first).to_contain_text("replay-dead-letters --home")
        expect(page.locator(".steps pre").first).to_contain_text("<script>")
        page.get_by_role("link", name="English").click()
        expect(page.locator("h1")).to_have_text("Dead letters")
        assert page.locator("#letters li").count() == 2, "the filter stays"
        page.get_by_role("link", name="Show all").click()
        page.locator("#open tfoot a").first.click()
        assert page.locator("#letters li").count() == 4
        assert page.locator("img").count() == page.locator("script").count() == 0
        assert {urlsplit(url).hostname for url in visit.asked} == {"127.0.0.1"}
        assert visit.complaints == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_fits_its_window(home: Home, width: int, language: str) -> None:
    with visiting(home, Pulse(), made_up=True) as client, browsing(width=width) as visit:
        visit.page.goto(f"{str(client.base_url).rstrip('/')}/dead-letters?lang={language}")
        expect(visit.page.locator(".banner")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.complaints == []


def test_a_home_without_any_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with writing(home):
        pass
    with visiting(home, Pulse()) as client:
        assert "没有待处理的死信" in client.get("/dead-letters").text
        assert client.get("/dead-letters?reason=boredom&source=x&lang=xx").status_code == 200
    with visiting(Home(tmp_path / "nothing"), Pulse()) as client:
        assert client.get("/dead-letters?lang=en").status_code == 503
