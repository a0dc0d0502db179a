"""Every kind of page by axe's rules for WCAG 2.2 AA, in a real browser, light and dark, on a desk and in a hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_rules import violations

from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(chromium: Callable[[], Any]) -> Any:
    return chromium()


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
