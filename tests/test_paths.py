from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.paths import resource, slug


@pytest.mark.parametrize("text", ["payments", "team-7", "a1"])
def test_a_plain_name_stays(text: str) -> None:
    assert slug(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "../../etc/x",
        "<script>alert(1)</script>",
        "Payments",
        "",
        "日本",
        "a" * 300,
        "CON",
        "con",
        "aux",
        "nul",
        "com1",
        "lpt9",
        "x/y\\z\0",
    ],
)
def test_anything_else_is_made_safe(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", slug(text))
    assert slug(text) != text


@given(st.text(), st.text())
def test_distinct_names_stay_distinct(a: str, b: str) -> None:
    assert (slug(a) == slug(b)) is (a == b)


def test_the_kits_own_folders() -> None:
    assert (resource("expectations")).name == "expectations"
