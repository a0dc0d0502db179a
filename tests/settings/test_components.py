"""What the platform is made of, as settings: what is taken, and everything that can be wrong with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.components import Component


def read(*entries: dict) -> tuple[Component, ...]:
    return parse({"component": list(entries)}, Path("x"), lambda kind, options: []).components


def test_every_word_is_taken():
    found = read(
        {
            "id": "ci", "title": "Build farm", "usage": "ci", "operations": ["rerun"], "golden_paths": ["pipeline"],
            "tickets": ["build"], "take": {"service": ["ci-*"]}, "capability": "building", "since": date(2025, 1, 1),
            "required_by": "SOX", "needed_by": "portal",
        },
        {"id": "portal", "usage": ["portal"]},
    )  # fmt: skip
    assert found == (
        Component(
            "ci", "Build farm", ("ci",), ("rerun",), ("pipeline",), ("build",), {"service": ("ci-*",)}, "building",
            date(2025, 1, 1), "SOX", ("portal",),
        ),
        Component("portal", "portal", ("portal",)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([{"usage": "a"}], "[[component]] 1: no id"),
        ([{"id": "a", "usage": "a"}, {"id": "a", "usage": "b"}], "component 'a' is there 2 times"),
        ([{"id": "a"}], "component 'a': nothing shows its use; name usage, operations or golden_paths"),
        ([{"id": "a", "usage": "a", "take": {"colour": "red"}}], "[[component]] 1: take: colour: cannot be looked at."),
        ([{"id": "a", "usage": "a", "needed_by": "a"}], "component 'a': needed_by: every component needs itself"),
        ([{"id": "cache", "usage": "a"}, {"id": "b", "usage": "b", "needed_by": "cach"}], "there is no component 'cach'. Did you mean"),
        ([{"id": "a", "usage": "a", "cost": 3}], "cost"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(entries, problem):
    with pytest.raises(SettingsError) as raised:
        read(*entries)
    assert problem in str(raised.value)
