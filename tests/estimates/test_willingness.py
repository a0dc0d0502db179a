"""Demand, what it is worth at least, and the range of prices: published values, traps and laws."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import willingness


def _case(cases, name):
    folder = cases / "stats" / "given"
    if not (folder / f"{name}.csv").is_file():
        pytest.skip(f"the case {name} is not there")
    expected = json.loads((folder / f"{name}.json").read_text())["expected"]
    return pl.read_csv(folder / f"{name}.csv"), {key: (one["value"], one["atol"]) for key, one in expected.items()}


def test_published_demand_and_lower_bound(cases):
    frame, expected = _case(cases, "S09g_gabor_turnbull")
    prices, yes, no = (frame[name].to_numpy() for name in ("T1", "Y", "N"))
    share = willingness.demand(yes, yes + no)
    found = {f"no_share_{price:.0f}": 1 - said for price, said in zip(prices, share, strict=True)}
    found["lower_bound_mean"] = willingness.lower_bound_mean(prices, yes, yes + no)[0]
    for name, (wanted, tolerance) in expected.items():
        assert found[name] == pytest.approx(wanted, abs=tolerance), name


def test_published_range_of_prices(cases):
    frame, expected = _case(cases, "S08g_psm")
    found = willingness.price_range(frame.select("toocheap", "cheap", "expensive", "tooexpensive").to_numpy())
    told = {
        "pmc_lower": found.cheapest, "pme_upper": found.dearest, "idp": found.indifference, "opp": found.optimum,
        "n_valid": found.n,
    }  # fmt: skip
    for name, (wanted, tolerance) in expected.items():
        assert told[name] == pytest.approx(wanted, abs=tolerance), name
    assert found.n + found.dropped == frame.height


def test_prices_where_more_say_yes_are_put_together_and_not_dropped():
    # 8 of 10 at 10, then 3 of 10 at 20 and 5 of 10 at 30: together 8 of 20. Dropping one would give 3 or 5 of 10.
    share = willingness.demand([8, 3, 5], [10, 10, 10])
    np.testing.assert_allclose(share, [0.8, 0.4, 0.4])
    mean, error, low, high = willingness.lower_bound_mean([10, 20, 30], [8, 3, 5], [10, 10, 10])
    assert mean == pytest.approx(10 * 0.8 + 10 * 0.4 + 10 * 0.4)
    # 10² · 0.8 · 0.2 ÷ 10 + 20² · 0.4 · 0.6 ÷ 20
    assert error == pytest.approx(np.sqrt(1.6 + 4.8))
    assert low < mean < high


def test_a_price_nobody_was_asked_takes_part_in_nothing():
    share = willingness.demand([8, 0, 4], [10, 0, 10])
    assert np.isnan(share[1])
    assert willingness.lower_bound_mean([10, 20, 30], [8, 0, 4], [10, 0, 10]) == pytest.approx(
        willingness.lower_bound_mean([10, 30], [8, 4], [10, 10])
    )
    assert np.isnan(willingness.lower_bound_mean([10], [0], [0])).all()


def test_all_and_nobody_are_not_certain():
    # Eight of eight at both prices: Wilson puts each share at 8 ÷ (8 + 1.96²) at the least.
    mean, error, low, high = willingness.lower_bound_mean([10, 20], [8, 8], [8, 8])
    assert (mean, error, high) == (20, 0, 20)
    assert low == pytest.approx(20 * 16 / (16 + 1.959964**2))  # put together: sixteen of sixteen
    mean, _, low, high = willingness.lower_bound_mean([10, 20], [0, 0], [8, 8])
    assert (mean, low) == (0, 0)
    assert high == pytest.approx(20 * 1.959964**2 / (16 + 1.959964**2))
    mean, _, low, high = willingness.lower_bound_mean([10, 20], [8, 0], [8, 8])
    assert low < mean == 10 < high


def test_nobody_is_taken_to_pay_more_than_was_asked():
    assert willingness.lower_bound_mean([10, 20], [8, 7], [8, 8])[3] == 20


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="between 0"):
        willingness.demand([11], [10])
    with pytest.raises(ValueError, match="ascending"):
        willingness.lower_bound_mean([20, 10], [1, 1], [2, 2])


def test_the_lower_bound_is_one_and_its_interval_holds_it():
    # Worth is uniform on 0–100, prices 25, 50, 75: the bound is 25 · (0.75 + 0.5 + 0.25) = 37.5, the mean itself 50.
    rng = np.random.default_rng(5)
    n = np.array([40, 40, 40])
    held, means = [], []
    for _ in range(600):
        mean, _, low, high = willingness.lower_bound_mean([25, 50, 75], rng.binomial(n, [0.75, 0.5, 0.25]), n)
        held.append(low <= 37.5 <= high)
        means.append(mean)
    assert 0.92 <= np.mean(held) <= 0.97
    assert np.mean(means) == pytest.approx(37.5, abs=0.5)


asked = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=6)


@given(asked)
def test_demand_never_rises_and_keeps_how_many_said_yes(answers):
    n = np.array([yes + more for yes, more in answers])
    yes = np.array([one for one, _ in answers])
    share = willingness.demand(yes, n)
    assert (np.diff(share) <= 1e-12).all()
    assert (share * n).sum() == pytest.approx(yes.sum())
    prices = np.arange(1, len(n) + 1) * 10.0
    mean, _, low, high = willingness.lower_bound_mean(prices, yes, n)
    assert low <= mean <= high
    assert mean <= prices[-1]


def _answers(seed, n=60):
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(4, 0.4, (n, 1))) * np.array([0.3, 0.6, 1.0, 1.5]) * np.exp(0.1 * rng.normal(size=(n, 4)))


@given(st.integers(0, 10_000))
def test_the_points_lie_among_the_prices_and_in_order(seed):
    told = _answers(seed)
    found = willingness.price_range(told)
    assert told.min() <= found.cheapest <= found.optimum <= found.dearest <= told.max()
    assert found.cheapest <= found.indifference <= found.dearest
    twice = willingness.price_range(2 * np.vstack([told, told]))
    assert twice.optimum == pytest.approx(2 * found.optimum)


def test_who_contradicts_themselves_is_dropped_and_counted():
    told = _answers(1, 40)
    odd = np.vstack([told, told[:3, ::-1], [[10, 10, 20, 30]], [[10, np.nan, 20, 30]]])
    found = willingness.price_range(odd)
    assert (found.n, found.dropped) == (40, 4)  # who left one out contradicts nothing
    assert found.optimum == willingness.price_range(told).optimum
    few = willingness.price_range(told[:29])
    assert (few.n, np.isnan(few.optimum)) == (29, True)
