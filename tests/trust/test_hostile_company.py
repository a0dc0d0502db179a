"""The company with an attack before every text, published and opened in a real browser: nothing fires, asks for anything or is refused by a policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attacks import ATTACKS, attack
from spoilt_company import Spoiler, publish_it

from idp_analytics.assess.form import page as form
from idp_analytics.publish.attachment import attachment, opened
from idp_analytics.publish.run import RunResult
from idp_analytics.settings.maturity_model import shipped

pytestmark = pytest.mark.browser

CANARY = "window.hit = (where) => console.error('a canary fired: ' + where); window.alert = window.hit;"
"""A policy that is broken is told on the console too."""

RUNNING = """[...document.querySelectorAll('figure.idp-chart svg *')].filter((one) => ['script', 'a', 'image', 'foreignObject', 'use', 'animate', 'set'].includes(one.tagName)
  || [...one.attributes].some((told) => told.name.startsWith('on') || /javascript:|url\\(http/.test(told.value) && told.name !== 'aria-label')).map((one) => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def spoilt(chromium: Any, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Spoiler, RunResult]:
    return publish_it(tmp_path_factory.mktemp("spoilt"), repository)


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    found = chromium()
    found.call("Page.addScriptToEvaluateOnNewDocument", source=CANARY)
    return found


def opened_whole(tab: Any, page: Path, after: str = "") -> list[str]:
    """What is wrong with a page once all of it is open and every chart is drawn; ``after`` is done to it then."""
    tab.call("Page.navigate", url="about:blank")
    tab.console.clear()
    tab.requests.clear()
    tab.show(page)
    tab.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tab.until("!document.querySelector('figure.idp-chart:not([data-drawn])')", 60)
    if after:
        tab.js(after)
    tab.settle(0.2)
    asked = [url for url in tab.requests if not url.startswith(("file:", "data:image/", "blob:", "about:"))]
    away = [] if tab.js("location.protocol") == "file:" else ["left"]
    return [*tab.console, *asked, *away]


def test_no_page_of_a_report_does_what_a_text_says(tab: Any, spoilt: tuple[Spoiler, RunResult]) -> None:
    spoiler, result = spoilt
    teams = sorted((result.folder / "teams").glob("*.html"))
    assert len(teams) >= 4
    pages = [
        result.folder.parent / "index.html",
        result.folder / "index.html",
        result.folder / "organisation.html",
        *teams[:2],
    ]
    told = {page.name: opened_whole(tab, page) for page in pages}
    assert {name: found for name, found in told.items() if found} == {}, spoiler.places
    # A drawing is saved as a file of its own, without the policy of the page.
    assert tab.js(RUNNING) == []
    assert tab.js("document.querySelectorAll('figure.idp-chart svg').length") > 3


def test_a_page_in_ones_mail_does_neither(tab: Any, spoilt: tuple[Spoiler, RunResult], tmp_path: Path) -> None:
    page = tmp_path / "attached.html"
    page.write_text(attachment(opened(min((spoilt[1].folder / "teams").glob("*.html")))), encoding="utf-8")
    assert opened_whole(tab, page) == []


def test_a_form_does_neither(tab: Any, tmp_path: Path) -> None:
    texts = [attack(number, number) for number in range(len(ATTACKS))]
    page = tmp_path / "form.html"
    page.write_text(form(shipped(), "2026-Q3", None, texts), encoding="utf-8")
    assert opened_whole(tab, page) == []
    page.write_text(form(shipped(), "2026-Q3", texts[0]), encoding="utf-8")
    assert opened_whole(tab, page) == []


def test_whatever_is_looked_for_it_is_only_looked_for(tab: Any, spoilt: tuple[Spoiler, RunResult]) -> None:
    """Every attack typed into the search of the index, and put behind # of every kind of page."""
    texts = [attack(number, number) for number in range(len(ATTACKS))]
    typed = "(texts) => { const box = document.querySelector('input[type=search]'); for (const text of texts) { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); } }"
    folder = spoilt[1].folder
    assert opened_whole(tab, folder / "index.html", f"({typed})({json.dumps(texts)})") == []
    hashes = "(async (texts) => { for (const text of texts) { location.hash = text; await new Promise((done) => setTimeout(done, 2)); } })"
    for page in (folder.parent / "index.html", folder / "organisation.html"):
        assert opened_whole(tab, page, f"{hashes}({json.dumps([*texts, '%', '%E0%A4%A', '#%'])})") == [], page.name


def test_a_canary_that_fires_would_be_heard(tab: Any, tmp_path: Path) -> None:
    page = tmp_path / "open.html"
    page.write_text(
        "<html><body><img src=x onerror=hit(7)><img src=http://127.0.0.1:9/8></body></html>", encoding="utf-8"
    )
    found = " ".join(opened_whole(tab, page))
    assert "a canary fired" in found
    assert "http://127.0.0.1:9/8" in found
    page.write_text(
        "<html><head><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\"></head><body><img src=x onerror=hit(7)></body></html>",
        encoding="utf-8",
    )
    assert "Content Security Policy" in " ".join(opened_whole(tab, page))
