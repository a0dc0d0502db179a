"""Concentration: the published vector, by hand, laws, and how often the interval holds the truth."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates.concentration import gini, lorenz

VECTOR = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]
"""The example vector of R ``ineq`` and ``DescTools``."""

AMOUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any)


def of(*amounts, level: float = 0.95):
    return gini(pl.DataFrame({"g": ["a"] * len(amounts), "x": amounts}), ["g"], "x", level).row(0, named=True)


def test_the_published_vector():
    found = of(*VECTOR)
    assert found["biased"] == pytest.approx(0.46209113, abs=1e-8)
    assert found["value"] == pytest.approx(0.51343459, abs=1e-8)
    assert found["same"] == pytest.approx(0.18408123, abs=1e-8)
    assert found["largest"] == pytest.approx(22261 / 66586)


def test_the_case(cases):
    case = json.loads((cases / "stats" / "given" / "A04g_gini.json").read_text())
    found, told = of(*case["data"]), case["expected"]
    for name, published in (("biased", "gini_biased"), ("value", "gini_unbiased"), ("same", "hhi")):
        assert found[name] == pytest.approx(told[published]["value"], abs=told[published]["atol"])


@pytest.mark.parametrize(
    ("amounts", "value"),
    [
        ((3, 3, 3, 3), 0.0),
        ((0, 0, 0, 7), 1.0),  # one has all
        ((1, 3), 0.5),  # |1 − 3| / 2 ÷ mean 2
        ((1, 2, 3), 1 / 3),  # mean difference of pairs (1 + 2 + 1) / 3 ÷ twice the mean 2
    ],
)
def test_by_hand(amounts, value):
    assert of(*amounts)["value"] == pytest.approx(value)


def test_the_jackknife_by_hand():
    """Without each in turn of 1, 2, 4, 9: Gini of (2, 4, 9), (1, 4, 9), (1, 2, 9), (1, 2, 4)."""
    left = np.array([of(2, 4, 9)["value"], of(1, 4, 9)["value"], of(1, 2, 9)["value"], of(1, 2, 4)["value"]])
    error = np.sqrt(3 / 4 * ((left - left.mean()) ** 2).sum())
    found = of(1, 2, 4, 9)
    assert found["low"] == pytest.approx(max(0, found["value"] - 1.959964 * error), abs=1e-6)
    assert found["high"] == pytest.approx(min(1, found["value"] + 1.959964 * error), abs=1e-6)


def test_nothing_to_share_or_nobody_to_share_with():
    assert [of(0, 0, 0)[name] for name in ("n", "value", "low", "largest")] == [3, None, None, None]
    assert [of(5)[name] for name in ("n", "value", "low")] == [1, None, None]
    assert [of(1, 3)[name] for name in ("low", "high")] == [None, None]
    assert of(1, None, 3)["n"] == 2


def test_groups_in_one_pass():
    frame = pl.DataFrame({"g": ["b", "a", "b", "a", "b"], "x": [1, 5, 2, 5, 3]})
    assert gini(frame, ["g"], "x").select("g", "n", pl.col("value").round(6)).rows() == [
        ("a", 2, 0.0),
        ("b", 3, 0.333333),
    ]


def test_the_lorenz_curve_by_hand():
    frame = pl.DataFrame({"g": ["a"] * 4 + ["none"] * 2, "x": [4, 1, 0, 5, 0, 0]})
    assert lorenz(frame, ["g"], "x").rows() == [
        ("a", 0.0, 0.0),
        ("a", 0.25, 0.0),
        ("a", 0.5, 0.1),
        ("a", 0.75, 0.5),
        ("a", 1.0, 1.0),
    ]


@given(AMOUNTS)
def test_laws(amounts):
    found = of(*amounts)
    assert 0 <= found["value"] <= 1
    assert of(*reversed(amounts)) == found  # order does not matter, to the last bit
    assert of(*(3 * a for a in amounts))["value"] == pytest.approx(found["value"])
    if found["low"] is not None:
        assert found["low"] <= found["value"] <= found["high"]
    curve = lorenz(pl.DataFrame({"g": ["a"] * len(amounts), "x": amounts}), ["g"], "x")
    area = np.trapezoid(curve["amount_share"], curve["rows_share"])
    assert found["biased"] == pytest.approx(
        1 - 2 * area, abs=1e-9
    )  # Gini is twice the area between the curve and equality


def test_the_interval_holds_the_truth():
    """40 exponential amounts: Gini ½; the jackknife holds it in about 95 of 100."""
    draws = np.random.default_rng(2).exponential(100, (500, 40))
    frame = pl.DataFrame({"g": np.repeat(np.arange(500), 40), "x": draws.ravel()})
    found = gini(frame, ["g"], "x")
    assert 0.91 <= ((found["low"] <= 0.5) & (found["high"] >= 0.5)).mean() <= 0.98
