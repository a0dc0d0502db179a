"""Cronbach's alpha, against the published values, worked by hand and its laws."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import reliability


def test_the_published_scales(cases):
    folder = cases / "stats" / "given"
    if not (folder / "S07g_cronbach_bfi.csv").is_file():
        pytest.skip("the case S07g is not there")
    expected = {
        name: (one["value"], one["atol"])
        for name, one in json.loads((folder / "S07g_cronbach_bfi.json").read_text())["expected"].items()
    }
    frame = pl.read_csv(folder / "S07g_cronbach_bfi.csv", schema_overrides=dict.fromkeys(("A1",), pl.Float64))
    agree, neurotic = (
        frame.select(pl.col([f"{scale}{i}" for i in range(1, 6)]).cast(pl.Float64)).to_numpy() for scale in "AN"
    )
    agree = reliability.turned(agree, [True, False, False, False, False], 1, 6)
    value, low, high, _ = reliability.alpha(agree)
    found = {
        "A_listwise": value, "A_ci_lo": low, "A_ci_hi": high, "A_pairwise": reliability.alpha(agree, pairwise=True)[0],
        "N_listwise": reliability.alpha(neurotic)[0], "N_pairwise": reliability.alpha(neurotic, pairwise=True)[0],
    }  # fmt: skip
    assert found.keys() == expected.keys()
    for name, (wanted, tolerance) in expected.items():
        assert found[name] == pytest.approx(wanted, abs=tolerance), name


def test_worked_by_hand():
    # Two items over 0 and 1: ten times each of 00, 11, 11 and one 01 in between, so 40 people.
    held = np.array([[0, 0], [1, 1], [1, 1], [0, 1]] * 10, float)
    # Variances 1/4 and 3/16 of 40 (÷ 39), covariance 1/2 − 1/2·3/4 = 1/8: of the sum 7/16 + 2/8 = 11/16.
    value, low, high, n = reliability.alpha(held)
    assert n == 40
    assert value == pytest.approx(2 * (1 - (7 / 16) / (11 / 16)))
    assert low < value < high < 1


def test_a_reversed_item_left_as_it_is_spoils_it():
    rng = np.random.default_rng(1)
    trait = rng.normal(size=(200, 1))
    held = np.clip(np.round(3 + trait + 0.7 * rng.normal(size=(200, 4))), 1, 5)
    asked = reliability.turned(held, [False, True, False, False], 1, 5)
    assert reliability.alpha(asked)[0] < reliability.alpha(held)[0] - 0.3
    np.testing.assert_array_equal(reliability.turned(asked, [False, True, False, False], 1, 5), held)
    assert reliability.item_rest(asked)[1] < 0 < reliability.item_rest(held).min()


def test_nothing_is_said_of_too_few_people():
    rng = np.random.default_rng(2)
    held = rng.normal(size=(reliability.LEAST, 3)) + rng.normal(size=(reliability.LEAST, 1))
    assert np.isfinite(reliability.alpha(held)[:3]).all()
    held[0, 0] = np.nan  # the thirtieth left one out
    assert np.isnan(reliability.alpha(held)[:3]).all()
    assert reliability.alpha(held)[3] == reliability.LEAST - 1
    assert np.isnan(reliability.item_rest(held)).all()


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_neither_scale_nor_order_of_items_matters(seed, items):
    rng = np.random.default_rng(seed)
    held = rng.normal(size=(40, items)) + rng.normal(size=(40, 1))
    value = reliability.alpha(held)[0]
    assert reliability.alpha(10 * held[:, ::-1] - 3)[0] == pytest.approx(value)
    assert value <= 1
    # With nothing left out both ways say the same.
    assert reliability.alpha(held, pairwise=True)[0] == pytest.approx(value)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    # Four items of one trait with error of variance 1: alpha = 4·(1/2) ÷ (1 + 3·(1/2)) = 0.8.
    rng = np.random.default_rng(3)
    held = [
        low <= 0.8 <= high
        for _ in range(800)
        for _, low, high, _ in [reliability.alpha(rng.normal(size=(40, 4)) + rng.normal(size=(40, 1)))]
    ]
    assert 0.93 <= np.mean(held) <= 0.97
