"""Means of finite populations: the published survey, by hand, and laws."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import finite_population


def test_the_published_survey(cases):
    """R ``survey``, vignette: 200 of 6,194 schools."""
    folder = cases / "stats" / "given"
    case = json.loads((folder / "S04g_fpc_srs.json").read_text())
    schools, everyone = pl.read_csv(folder / "S04g_fpc_srs.csv"), case["params"]["N"]
    pupils = finite_population.mean(schools["enroll"], everyone)
    of_all = finite_population.total(schools["enroll"], everyone)
    index = finite_population.mean(schools["api00"], everyone)
    got = {
        "mean_enroll": pupils.value, "total_enroll": of_all.value, "se_total_enroll": of_all.error,
        "mean_api00": index.value, "se_api00": index.error,
    }  # fmt: skip
    assert got.keys() == case["expected"].keys()
    for name, expected in case["expected"].items():
        assert got[name] == pytest.approx(expected["value"], abs=expected["atol"]), name


def test_by_hand():
    # 1, 2, 3 of six: s = 1, error √((1 − ½) ÷ 3) = 0.408248; t of two degrees 4.302653.
    told = finite_population.mean([1, 2, 3, np.nan], 6)
    assert (told.value, told.n, told.missing) == (2.0, 3, 1)
    assert told.error == pytest.approx(0.40824829)
    assert (told.low, told.high) == pytest.approx((2 - 1.756551, 2 + 1.756551), abs=1e-6)


@pytest.mark.parametrize(
    ("values", "population", "reason"),
    [
        ([], 5, "no values"),
        ([np.nan], 5, "no values"),
        ([1, 2, 3], 2, "3 values of only 2 members"),
        ([4], 5, "one value tells nothing of how they vary"),
    ],
)
def test_what_cannot_be_said(values, population, reason):
    told = finite_population.mean(values, population)
    assert (told.low, told.error, told.reason) == (None, None, reason)
    assert finite_population.total(values, population).low is None


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20), st.integers(0, 50))
def test_the_more_of_all_were_asked_the_closer(values, more):
    whole = len(values) + more
    told, wider = (finite_population.mean(values, size) for size in (whole, whole + 1))
    assert told.low <= told.value <= told.high
    assert told.high - told.low <= wider.high - wider.low
    if not more:
        assert told.low == told.value == told.high
