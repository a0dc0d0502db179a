"""Every kind of page by axe's rules for WCAG 2.2 AA, in a real browser, light and dark, on a desk and in a hand."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    return chromium()


SHORTER = """
document.querySelectorAll('figure.idp-chart svg > g').forEach((marks) => marks.remove());
document.querySelectorAll('tbody').forEach((body) => [...body.rows].slice(6).forEach((row) => row.remove()));
"""
"""A chart is one picture with a description, and the seventh row of a table is made as the first: axe takes half a minute for them."""


def violations(tab: Any) -> list[str]:
    """Rule, what it asks for, and the first places where that is not so."""
    tab.js(SHORTER + files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 1")
    found = tab.js(
        f"axe.run(document, {{runOnly: {RULES}, resultTypes: ['violations']}}).then(told => told.violations)"
    )
    return [
        f"{rule['id']} ({rule['help']}): {len(rule['nodes'])} × e.g. {[node['html'][:160] for node in rule['nodes'][:2]]}"
        for rule in found
    ]


@pytest.mark.parametrize(
    ("page", "width", "dark"),
    [  # A report has every kind of thing a report has, so one is looked at on a desk and one in a hand.
        ("index.html", 1280, False), ("index.html", 390, True), ("../index.html", 1280, True), ("../index.html", 390, False),
        ("organisation.html", 1280, False), ("teams/payments.html", 390, True),
    ],
)  # fmt: skip
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
