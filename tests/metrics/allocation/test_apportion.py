from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from math import lcm

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.allocation.apportion import apportion, round_preserving_sum

weights = st.lists(st.integers(0, 10**30), min_size=1, max_size=8).filter(any)
totals = st.integers(-(10**38), 10**38)


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-50, [1, 1, 1], [-17, -17, -16]),
        (100, [50, 30, 20], [50, 30, 20]),
        (2, [1, 1, 1], [1, 1, 0]),
        (10, [0, 1, 0, 2], [0, 3, 0, 7]),
        (0, [1, 2], [0, 0]),
        (7, [5], [7]),
        (10**38 + 1, [1, 1], [5 * 10**37 + 1, 5 * 10**37]),  # more digits than a float has
    ],
)
def test_largest_remainder(total, parts, expected):
    assert apportion(total, parts) == expected


@pytest.mark.parametrize("parts", [[0, 0], [-1, 2], [1, -1], [-1, -1]])
def test_nothing_to_go_by(parts):
    with pytest.raises(ValueError, match="negative, nor all 0"):
        apportion(100, parts)


def test_published_largest_remainders(cases):
    for case in json.loads((cases / "cost" / "textbook/largest_remainder.json").read_text()):
        keys = sorted(case["weights"])
        exact = [Fraction(case["weights"][key]) for key in keys]
        common = lcm(*(value.denominator for value in exact))
        parts = [int(value * common) for value in exact]
        expected = case["expected_cents"]
        if not isinstance(expected, dict):
            with pytest.raises(ValueError):
                apportion(case["total_cents"], parts)
            continue
        assert dict(zip(keys, apportion(case["total_cents"], parts), strict=True)) == expected, case["note"]


@given(totals, weights)
@hypothesis_settings(max_examples=60)
def test_parts_add_up_are_within_one_and_mirror(total, parts):
    found = apportion(total, parts)
    whole = sum(parts)
    assert sum(found) == total
    assert all(abs(Fraction(total * w, whole) - part) < 1 for w, part in zip(parts, found, strict=True))
    assert all(part == 0 for w, part in zip(parts, found, strict=True) if w == 0)
    assert apportion(-total, parts) == [-part for part in found]
    assert apportion(total, [3 * w for w in parts]) == found


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (["18.0066", "1.9737", "0.5399"], ["18.01", "1.97", "0.54"]),
        (["33.333333", "33.333333", "33.333334"], ["33.33", "33.33", "33.34"]),
        (["-0.005", "0.005"], ["-0.00", "0.00"]),
        (["0.004", "0.004", "0.004"], ["0.01", "0.00", "0.00"]),
        ([], []),
    ],
)
def test_rounding_that_keeps_the_sum(amounts, expected):
    found = round_preserving_sum([Decimal(a) for a in amounts])
    assert [Decimal(e) for e in expected] == found


@given(st.lists(st.decimals(-(10**9), 10**9, places=24), max_size=8))
@hypothesis_settings(max_examples=60)
def test_rounded_amounts_add_up_to_the_rounded_sum(amounts):
    found = round_preserving_sum(amounts)
    exact = sum((Fraction(a) for a in amounts), Fraction(0))
    assert abs(sum((Fraction(f) for f in found), Fraction(0)) - exact) <= Fraction(1, 200)
    assert all(abs(Fraction(f) - Fraction(a)) < Fraction(1, 100) for f, a in zip(found, amounts, strict=True))
