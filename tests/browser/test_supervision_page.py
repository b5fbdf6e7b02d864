"""The page of alerts and tasks in a real browser: look, acknowledge, dispatch, close with an outcome."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from monitor.metrics import Pulse
from monitor.store.home import Home
from monitor.web.acts import Desk
from monitor.web.texts import LANGUAGES
from tests.browser.test_live_page import MOST_BYTES, Visit, browsing, demo
from tests.unit.web_home import HOSTILE, filled, visiting


def test_an_officer_works_through_an_alert_and_a_task(tmp_path: Path) -> None:
    with demo(tmp_path / "home") as (_, address), browsing() as visit:
        page = visit.page
        page.goto(address)
        expect(page.locator("#status")).to_contain_text("实时监测中", timeout=90_000)
        page.locator("a[href^='/supervision']").first.click()
        expect(page.locator("h1")).to_have_text("预警")
        first = page.locator("#alerts li").first
        name = first.get_attribute("data-key")
        first.locator("summary").click()
        mine = page.locator(f"#alerts li[data-key='{name}']")
        expect(mine.locator("table").first).to_contain_text("20")
        mine.get_by_role("button", name="签收").click()
        expect(mine.locator("output")).to_contain_text("执法人员")
        page.fill("#officer", "3301-017")
        mine.get_by_role("button", name="签收").click()
        expect(mine.locator(".status")).to_have_text("已签收", timeout=30_000)
        expect(mine.locator("table.history")).to_contain_text("3301-017")
        assert page.locator("#alerts li").first.get_attribute("data-key") == name, "it stays in its place"

        mine.locator("[name=reason]").fill(HOSTILE)
        other = page.locator("#alerts li").nth(1)
        other.locator("summary").click()
        other.get_by_role("button", name="签收").click()
        expect(other.locator(".status")).to_have_text("已签收", timeout=30_000)
        expect(mine.locator("[name=reason]")).to_have_value(HOSTILE)
        mine.get_by_role("button", name="暂缓").click()
        expect(mine.locator("[name=until]")).to_be_focused()
        mine.locator("[name=until]").fill("2999-12-31")
        mine.get_by_role("button", name="暂缓").click()
        expect(mine.locator(".where")).to_contain_text("暂缓", timeout=30_000)
        expect(mine.locator("dl").last).to_contain_text("2999-12-31")
        expect(mine.locator("table.history")).to_contain_text(HOSTILE)
        expect(mine.locator("[name=reason]")).to_have_value("")
        mine.locator("[name=reason]").fill("复查发现新情况")
        mine.get_by_role("button", name="重开").click()
        expect(mine.locator(".status")).to_have_text("待签收", timeout=30_000)
        mine.locator("summary").click()
        page.get_by_role("link", name="再显示 20 条").click()
        expect(page.locator("#alerts li").nth(39)).to_be_attached()
        expect(page.locator("#alerts li").nth(20).locator("summary")).to_be_focused()

        level = page.locator("#asking tbody td a").first
        count = level.inner_text()
        level.click()
        expect(page.locator("[data-state=asking]")).to_have_text(count)
        page.get_by_role("link", name="看全部").click()

        walk_through_tasks(visit)
        page.get_by_role("link", name="English").click()
        expect(page.locator("h1")).to_have_text("Tasks and to-dos")
        for path in ("supervision", "tasks"):
            page.goto(address + path)
            parts = (path, "static/page.css", "static/work.css", "static/lists.js", "static/work.js")
            assert sum(len(page.request.get(address + part).body()) for part in parts) < MOST_BYTES
        assert visit.complaints == []


def walk_through_tasks(visit: Visit) -> None:
    """From the dispatch to the outcome and its correction, a task by hand, and one that goes to another county."""
    page = visit.page
    page.get_by_role("navigation", name="页面").get_by_role("link", name="任务").click()
    first = page.locator("#tasks li").first
    task = page.locator(f"#tasks li[data-key='{first.get_attribute('data-key')}']")
    task.locator("summary").first.click()
    task.get_by_text("指派、移交、并入").click()
    give_to_two(task)
    expect(task.locator(".who")).to_contain_text("、", timeout=30_000)
    expect(task.locator(".further")).to_have_attribute("open", "")
    first_officer = re.search(r"(\d{6}-\d+)", task.locator(".who").inner_text())
    assert first_officer is not None
    page.fill("#officer", first_officer[1])
    for button, status in (("派发", "已派发"), ("签收", "已签收"), ("核查", "已核查"), ("复核", "已复核")):
        task.get_by_role("button", name=button).first.click()
        expect(task.locator(".status")).to_have_text(status, timeout=30_000)
        expect(task.locator("details").first).to_have_attribute("open", "")
    task.get_by_role("button", name="办结").click()
    expect(task.locator("[name=outcome]")).to_be_focused()
    task.locator("[name=outcome]").select_option("corrected")
    task.get_by_role("button", name="办结").click()

    # What was closed stays while it is open, and its outcome can be corrected.
    expect(task.locator(".status")).to_have_text("已办结", timeout=30_000)
    expect(task).to_contain_text("已不在所选范围")
    page.locator("#task_states").get_by_role("link", name="已办结").click()
    task.locator("summary").first.click()
    task.locator("[name=outcome]").select_option("false_alarm")
    task.locator("[name=reason]").fill(HOSTILE)
    task.get_by_role("button", name="更正结果").click()
    expect(task.locator(".who")).to_contain_text("误报", timeout=30_000)
    expect(task).to_contain_text("更正前")
    expect(task).to_contain_text(HOSTILE)

    # A task by hand on the same enterprise, which comes opened and with the keyboard on it.
    code = task.locator("summary code").first.inner_text()
    by_hand = page.locator("#by-hand")
    by_hand.locator("summary").click()
    by_hand.get_by_label("统一社会信用代码").fill(f"{code} NOBODY-1")
    by_hand.get_by_label("理由").fill("举报线索")
    by_hand.get_by_role("button", name="建立任务").click()
    expect(by_hand.get_by_label("辖区")).to_be_focused()
    by_hand.get_by_label("辖区").select_option("330106")
    by_hand.get_by_role("button", name="建立任务").click()
    made = page.locator("#tasks li", has_text="举报线索")
    expect(made.locator("summary").first).to_be_focused(timeout=30_000)
    expect(made).to_contain_text("登记中没有此主体")
    expect(page.locator("#told")).to_contain_text("已办理")

    # Handed over to another county, where it waits.
    made.get_by_text("指派、移交、并入").click()
    made.locator("[name=region]").select_option("330108")
    made.get_by_role("button", name="移交").click()
    expect(made.locator("[name=reason]")).to_be_focused()
    made.locator("[name=reason]").fill("住所已迁")
    made.get_by_role("button", name="移交").click()
    expect(made.locator(".status")).to_have_text("已移交", timeout=30_000)
    expect(made).to_contain_text("移交自")
    page.locator("#region").select_option("330108")
    page.wait_for_url("**region=330108**")
    page.locator("#task_states").get_by_role("link", name="已移交").click()
    expect(
        page.locator("#tasks li", has_text="NOBODY-1").or_(page.locator("#tasks li", has_text="人工"))
    ).to_be_visible()


def give_to_two(task: Locator) -> None:
    """Two officers: of the county's where the demo has a directory, else typed."""
    fields = task.locator("[name=assignees]")
    expect(fields.first).to_be_visible()
    if fields.count() == 1:
        fields.fill("330100-17 330100-23")
    else:
        for number in (0, 1):
            fields.nth(number).select_option(index=number + 1)
    task.get_by_role("button", name="指派").click()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return filled(tmp_path_factory.mktemp("supervision"))


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_pages_fit_their_window(home: Home, width: int) -> None:
    with visiting(home, Pulse(), made_up=True, desk=Desk(home, here=True)) as client, browsing(width=width) as visit:
        page = visit.page
        page.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        for path, shown in (("supervision", "#alerts"), ("tasks", "#tasks")):
            for language in LANGUAGES:
                page.goto(f"{str(client.base_url).rstrip('/')}/{path}?lang={language}")
                for summary in page.locator("li > details > summary, #by-hand > summary").all():
                    summary.click()
                expect(page.locator(f"{shown} li").first.locator("table.history")).to_be_visible()
                for summary in page.locator(".further > summary").all():
                    summary.click()
                expect(page.locator(shown)).to_contain_text(HOSTILE)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, language)
        assert page.locator("img").count() == 0
        assert visit.complaints == []


def test_a_refresh_keeps_what_is_typed_opened_and_focused(home: Home) -> None:
    with visiting(home, Pulse(), desk=Desk(home, here=True)) as client, browsing() as visit:
        page = visit.page
        page.goto(f"{str(client.base_url).rstrip('/')}/tasks")
        task = page.locator("#tasks li").first
        task.locator("summary").first.focus()
        page.keyboard.press("Enter")
        task.get_by_text("指派、移交、并入").click()
        task.locator("[name=reason]").fill("还在写")
        task.locator("[name=region]").select_option("330108")
        task.get_by_role("button", name="移交").focus()
        # The same task comes again, changed; then the list of states, with the focus on one.
        changed = """([id, find]) => {
          const html = document.getElementById(id).innerHTML.replaceAll(" open=\\"\\"", "");
          show(id, html.replace(find, `changed ${find}`));
        }"""
        page.evaluate(changed, ["tasks", "优先级"])
        expect(task).to_contain_text("changed")
        expect(task.locator("[name=reason]")).to_have_value("还在写")
        expect(task.locator("[name=region]")).to_have_value("330108")
        expect(task.locator(".further")).to_have_attribute("open", "")
        expect(task.get_by_role("button", name="移交")).to_be_focused()
        closed = page.locator("#task_states").get_by_role("link", name="已办结")
        closed.focus()
        page.evaluate(changed, ["task_states", "已办结"])
        expect(closed).to_contain_text("changed")
        expect(closed).to_be_focused()
        assert visit.complaints == []


def test_a_monitor_that_has_ended_is_told(home: Home) -> None:
    with browsing() as visit:
        with visiting(home, Pulse(), desk=Desk(home, here=True)) as client:
            visit.page.goto(f"{str(client.base_url).rstrip('/')}/supervision")
            visit.page.fill("#officer", "3301-017")
            visit.page.locator("#alerts summary").first.click()
            button = visit.page.locator("#alerts button").first
            expect(button).to_be_visible()
        button.click()
        expect(visit.page.locator("#alerts output").first).to_contain_text("没有送达")
        expect(visit.page.locator("#lost")).to_be_visible(timeout=10_000)
