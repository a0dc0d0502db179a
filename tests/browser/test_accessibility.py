"""Every kind of page by axe's rules for WCAG 2.2 AA, in a real browser, light and dark, on a desk and in a hand."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = ("index.html", "../index.html", "organisation.html", "teams/payments.html")


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    return chromium()


def violations(tab: Any) -> list[str]:
    """Rule, what it asks for, and the first places where that is not so."""
    tab.js(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 1")
    found = tab.js(
        f"axe.run(document, {{runOnly: {RULES}, resultTypes: ['violations']}}).then(told => told.violations)"
    )
    return [
        f"{rule['id']} ({rule['help']}): {len(rule['nodes'])} × e.g. {[node['html'][:160] for node in rule['nodes'][:2]]}"
        for rule in found
    ]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
@pytest.mark.parametrize("page", PAGES)
def test_no_rule_is_broken(tab: Any, published: RunResult, page: str, width: int, dark: bool) -> None:
    tab.call("Page.navigate", url="about:blank")
    tab.show(published.folder / page, width=width, dark=dark)
    tab.open_chapters()
    assert violations(tab) == []


def test_a_broken_rule_would_be_seen(tab: Any, published: RunResult) -> None:
    tab.show(published.folder / "index.html")
    tab.js(
        "document.querySelector('.idp-find input').closest('label').replaceWith(document.querySelector('.idp-find input')); 1"
    )
    tab.js("document.documentElement.removeAttribute('lang'); 1")
    assert {told.split()[0] for told in violations(tab)} >= {"label", "html-has-lang"}
