"""How much one file may be is the company's to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.limits import Limits


def limits(**said: object) -> Limits:
    return parse({"limits": said}, Path("data/acorn"), lambda _kind, _options: []).limits


def test_what_is_not_said_is_usual() -> None:
    assert limits() == Limits(unpacked_mib=2048, json_mib=512, yaml_mib=32, cells=500_000_000)
    assert limits(json_mib=4096, cells=1_000) == Limits(json_mib=4096, cells=1_000)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"json_mib": 0}, r"\[limits\] json_mib = 0: must lie between 0 and"),
        ({"json_mib": float("inf")}, r"\[limits\] json_mib = inf: must lie between 0 and"),
        ({"yaml_mib": "much"}, r"\[limits\] yaml_mib = 'much': must be a number"),
        ({"rows": 3}, r"\[limits\] rows: no such setting"),
    ],
)
def test_what_is_no_limit_is_told(said: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        limits(**said)
