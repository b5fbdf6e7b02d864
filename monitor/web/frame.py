"""What every page has around what it shows: its language, the ways to the other pages, whether its data are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from monitor.web.texts import HTML_LANG, LANGUAGES, Language

MONITOR_PAGE: Final = "/"
ALERTS_PAGE: Final = "/supervision"
TASKS_PAGE: Final = "/tasks"
LETTERS_PAGE: Final = "/dead-letters"

_PAGES: Final = {
    MONITOR_PAGE: "nav_monitor",
    ALERTS_PAGE: "nav_alerts",
    TASKS_PAGE: "nav_tasks",
    LETTERS_PAGE: "nav_letters",
}
_OF_A_COUNTY: Final = (ALERTS_PAGE, TASKS_PAGE)
_NAMES: Final[dict[Language, str]] = {"zh": "中文", "en": "English"}


def frame(
    here: str, language: Language, in_language: Callable[[Language], str], *, made_up: bool, region: str | None = None
) -> dict[str, Any]:
    """What `base.html` needs beside `text`.

    Args:
        here: the path of the page.
        language: the language it is in.
        in_language: the address of the same page in a language.
        made_up: the data are a demo's, and the page says so.
        region: the county that is looked at; the pages that can show one county alone go on with it.

    Returns:
        Names for the template.
    """

    def address(path: str) -> str:
        county = {"region": region} if region and path in _OF_A_COUNTY else {}
        return f"{path}?{urlencode({'lang': language, **county})}"

    return {
        "lang": language,
        "html_lang": HTML_LANG[language],
        "made_up": made_up,
        "pages": [{"href": address(path), "text": name, "here": path == here} for path, name in _PAGES.items()],
        "languages": [
            {"lang": HTML_LANG[one], "href": in_language(one), "name": _NAMES[one], "here": one == language}
            for one in LANGUAGES
        ],
    }
