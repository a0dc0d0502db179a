"""The effective number of variants: a published vector, cases by hand, laws, and how often the interval holds the truth."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import shares, variety

COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any)


def of(*counts: int) -> dict[str, float]:
    frame = pl.DataFrame({"g": ["a"] * len(counts), "v": range(len(counts)), "c": counts})
    return variety.grouped(frame, ["g"], "v", "c").row(0, named=True)


def test_the_published_vector(cases):
    case = json.loads((cases / "stats" / "given" / "A04g_gini.json").read_text())
    found, expected = of(*case["data"]), case["expected"]
    assert found["value"] == pytest.approx(expected["hill1"]["value"], abs=expected["hill1"]["atol"])
    assert found["same"] == pytest.approx(expected["hhi"]["value"], abs=expected["hhi"]["atol"])
    assert 1 / found["same"] == pytest.approx(expected["hill2"]["value"], abs=expected["hill2"]["atol"])


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ((7,), 1.0),
        ((5, 5), 2.0),
        ((5, 5, 5, 0), 3.0),  # one nobody uses is none
        ((9, 1), math.exp(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))),
    ],
)
def test_by_hand(counts, value):
    found = of(*counts)
    assert found["value"] == pytest.approx(value)
    assert (found["n"], found["variants"]) == (sum(counts), sum(c > 0 for c in counts))


def test_the_interval_by_hand():
    found = of(6, 3, 1)
    p = np.array([0.6, 0.3, 0.1])
    h = -(p * np.log(p)).sum()
    spread = 1.959964 * math.sqrt(((p * np.log(p) ** 2).sum() - h**2) / 10 + 2 / 200)
    assert found["low"] == pytest.approx(math.exp(h - spread), rel=1e-6)
    assert found["high"] == pytest.approx(math.exp(h + 2 / 20 + spread), rel=1e-6)


def test_where_all_are_one_a_second_one_may_be_unseen():
    u = shares.wilson(0, 20)[1]
    assert of(20)["low"] == 1.0
    assert of(20)["high"] == pytest.approx(math.exp(-u * math.log(u) - (1 - u) * math.log(1 - u)))


def test_nothing_counted():
    found = of(0, 0)
    assert (found["n"], found["variants"]) == (0, 0)
    assert [found[name] for name in ("value", "low", "high", "same")] == [None] * 4


@given(COUNTS)
def test_laws(counts):
    found = of(*counts)
    assert 1 <= found["low"] <= found["value"] + 1e-9
    assert found["value"] <= found["variants"] + 1e-9
    assert found["value"] <= found["high"] + 1e-9 or found["n"] <= found["variants"]
    assert found["value"] == pytest.approx(of(*reversed(counts))["value"])
    split = of(*counts, *counts)
    assert split["value"] == pytest.approx(2 * found["value"])  # each variant doubled: twice as many (Hill 1973)


@pytest.mark.parametrize("p", [(0.7, 0.2, 0.1), (0.25,) * 4, (0.9, 0.1)])
def test_the_interval_holds_the_truth(p):
    draws = np.random.default_rng(1).multinomial(30, p, 600)
    frame = pl.DataFrame(
        {"g": np.repeat(np.arange(600), len(p)), "v": np.tile(np.arange(len(p)), 600), "c": draws.ravel()}
    )
    found = variety.grouped(frame, ["g"], "v", "c")
    truth = math.exp(-sum(x * math.log(x) for x in p))
    assert ((found["low"] <= truth) & (found["high"] >= truth)).mean() >= 0.92
