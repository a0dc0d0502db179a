"""Paths that might be built next as settings say them, and everything that is wrong with them at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.next_paths import NextPath

WHOLE = """
[[next_path]]
id = "access"
tickets = ["access"]
hours_each = 1.5
build_hours = 80
said_by = "Ada"
"""


def read(written: str) -> tuple[NextPath, ...]:
    return parse(tomllib.loads(written), Path("acorn"), lambda _kind, _options: []).next_paths


def test_what_is_not_said_is_what_is_stated_and_no_keeping() -> None:
    assert read("") == ()
    assert read(WHOLE) == (NextPath("access", "access", (), ("access",), 1.5, 1.5, 1.5, 80, 0, "Ada"),)
    assert read(WHOLE + "hours_low = 0\nhours_high = 3\ntitle = 'T'\nservice_kinds = 'job'\nyearly_hours = 4")[
        0
    ] == NextPath("access", "T", ("job",), ("access",), 1.5, 0, 3, 80, 4, "Ada")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (WHOLE + WHOLE, ["next_path 'access' is there 2 times; give each its own id"]),
        (WHOLE + "hours_low = 2", ["[[next_path]] 1: hours_low 2, hours_each 1.5, hours_high 1.5: must not fall"]),
        (WHOLE.replace("80", "0"), ["[[next_path]] 1: build_hours = 0: must lie between 0 and inf"]),
        (WHOLE.replace("tickets", "ticket"), ["nothing says what it is for; name service_kinds or tickets", "[[next_path]] 1: ticket: no such setting. Did you mean 'tickets'?"]),
        ("[[next_path]]", ["[[next_path]] 1: no id", "[[next_path]] 1: no hours_each", "[[next_path]] 1: no build_hours", "[[next_path]] 1: no said_by", "nothing says what it is for"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_listed(written: str, told: list[str]) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(written)
    lines = str(stopped.value).splitlines()[1:]
    assert len(lines) == len(told)
    assert all(want in line for want, line in zip(told, lines, strict=True)), lines
