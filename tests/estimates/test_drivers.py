"""What goes together with a whole: published shares and strengths, laws, and a top two that is known."""

from __future__ import annotations

import itertools
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates import drivers


def test_published_shares_of_variance(cases):
    folder = cases / "stats" / "given"
    if not (folder / "F01g_lmg_swiss.csv").is_file():
        pytest.skip("the case F01g is not there")
    expected = json.loads((folder / "F01g_lmg_swiss.json").read_text())["expected"]
    frame = pl.read_csv(folder / "F01g_lmg_swiss.csv")
    names = [name for name in expected if name != "R2"]
    found = drivers.lmg(frame.select(names).to_numpy(), frame["Fertility"].to_numpy())
    for name, share in zip(names, found, strict=True):
        assert share == pytest.approx(expected[name]["value"], abs=expected[name]["atol"]), name
    assert found.sum() == pytest.approx(expected["R2"]["value"], abs=expected["R2"]["atol"])


def test_published_strengths():
    # Citations between four journals (Agresti 1990, p. 371): Biometrika, Communications in Statistics, JASA, JRSS-B.
    wins = np.array([[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]])
    strength, error, deviance = drivers.bradley_terry(wins)
    np.testing.assert_allclose(strength, [0, -2.9490725, -0.4795698, 0.2689541], atol=1e-5)
    assert error[1] == pytest.approx(0.10255, abs=1e-4)
    assert deviance == pytest.approx(4.2934, abs=1e-3)


CARS = [
    (21, 6, 160, 110, 4), (21, 6, 160, 110, 4), (22.8, 4, 108, 93, 4), (21.4, 6, 258, 110, 3), (18.7, 8, 360, 175, 3),
    (18.1, 6, 225, 105, 3), (14.3, 8, 360, 245, 3), (24.4, 4, 146.7, 62, 4), (22.8, 4, 140.8, 95, 4), (19.2, 6, 167.6, 123, 4),
    (17.8, 6, 167.6, 123, 4), (16.4, 8, 275.8, 180, 3), (17.3, 8, 275.8, 180, 3), (15.2, 8, 275.8, 180, 3), (10.4, 8, 472, 205, 3),
    (10.4, 8, 460, 215, 3), (14.7, 8, 440, 230, 3), (32.4, 4, 78.7, 66, 4), (30.4, 4, 75.7, 52, 4), (33.9, 4, 71.1, 65, 4),
    (21.5, 4, 120.1, 97, 3), (15.5, 8, 318, 150, 3), (15.2, 8, 304, 150, 3), (13.3, 8, 350, 245, 3), (19.2, 8, 400, 175, 3),
    (27.3, 4, 79, 66, 4), (26, 4, 120.3, 91, 5), (30.4, 4, 95.1, 113, 5), (15.8, 8, 351, 264, 5), (19.7, 6, 145, 175, 5),
    (15, 8, 301, 335, 5), (21.4, 4, 121, 109, 4),
]  # fmt: skip
"""Miles per gallon, cylinders, displacement, horsepower, gears of 32 cars (Henderson & Velleman 1981)."""


def test_published_relative_weights():
    # As the R package rwa prints them in its example for these four items.
    held = np.array(CARS, float)
    found = drivers.johnson(held[:, 1:], held[:, 0])
    np.testing.assert_allclose(found, [0.2284797, 0.2221469, 0.2321744, 0.0963886], atol=1e-7)


def test_strength_of_two_by_hand():
    # Chosen 6 of 10 times: log odds ln(6 ÷ 4), error √(1 ÷ 6 + 1 ÷ 4); two strengths fit one pair exactly.
    strength, error, deviance = drivers.bradley_terry([[0, 4], [6, 0]])
    assert (strength[1], error[1]) == (pytest.approx(np.log(1.5)), pytest.approx(np.sqrt(1 / 6 + 1 / 4)))
    assert deviance == pytest.approx(0, abs=1e-9)
    assert deviance >= 0


@pytest.mark.parametrize(
    "wins",
    [
        [[0, 5, 4], [0, 0, 3], [0, 2, 0]],  # the first is chosen always
        [[0, 5, 0, 0], [4, 0, 0, 0], [0, 0, 0, 3], [0, 0, 2, 0]],  # two pairs that never met
        [[0]],
    ],
)
def test_no_strength_where_none_fits(wins):
    strength, error, deviance = drivers.bradley_terry(wins)
    assert np.isnan(strength).all()
    assert np.isnan(error).all()
    assert np.isnan(deviance)


def _people(seed, n=120, items=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, items)) + 0.5 * rng.normal(size=(n, 1))
    return x, x @ rng.normal(size=items) + rng.normal(size=n)


def _explained(x, y):
    fitted = np.column_stack([np.ones(len(x)), x])
    rest = y - fitted @ np.linalg.lstsq(fitted, y)[0]
    return 1 - rest @ rest / ((y - y.mean()) @ (y - y.mean()))


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=25)
def test_shares_are_of_what_is_explained(seed, items):
    x, y = _people(seed, items=items)
    for found in (drivers.lmg(x, y), drivers.johnson(x, y)):
        assert found.sum() == pytest.approx(_explained(x, y))
        assert (found >= -1e-12).all()
    order = np.random.default_rng(seed).permutation(items)
    np.testing.assert_allclose(drivers.lmg(5 * x[:, order] + 2, -y), drivers.lmg(x, y)[order])


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_of_two_items_both_ways_say_the_same(seed):
    x, y = _people(seed, items=2)
    np.testing.assert_allclose(drivers.lmg(x, y), drivers.johnson(x, y))


def test_three_items_over_all_orders():
    x, y = _people(7, items=3)
    held = np.zeros(3)
    for order in itertools.permutations(range(3)):
        for place, item in enumerate(order):
            before = _explained(x[:, order[:place]], y) if place else 0.0
            held[item] += (_explained(x[:, order[: place + 1]], y) - before) / 6
    np.testing.assert_allclose(drivers.lmg(x, y), held)


def test_an_item_that_follows_from_others_shares_nothing_out():
    x, y = _people(1, items=2)
    for items in (np.column_stack([x, x.sum(1)]), np.column_stack([x, np.ones(len(x))])):
        assert np.isnan(drivers.lmg(items, y)).all()
        assert np.isnan(drivers.johnson(items, y)).all()
        assert drivers.weights(items, y, seed=1, draws=20) is None


def test_the_two_that_matter_are_found_and_told_apart():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 5))
    y = x @ np.array([1.0, 0.05, 0.8, 0.0, 0.1]) + rng.normal(size=400)
    found = drivers.weights(x, y, seed=1)
    assert set(np.argsort(-found.share)[:2]) == {0, 2}
    assert found.is_separable
    assert found.top_two[[0, 2]].min() > 0.99
    assert found.top_two.sum() == pytest.approx(2)
    assert ((found.low <= found.share) & (found.share <= found.high)).all()


def test_three_alike_are_not_told_apart():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(150, 4))
    found = drivers.weights(x, x[:, :3].sum(1) + rng.normal(size=150), seed=1)
    assert not found.is_separable
    assert found.top_two[:3].min() > 0.2


def test_too_few_people_for_weights():
    x, y = _people(2, n=69, items=7)
    assert drivers.weights(x, y, seed=1, draws=20) is None  # ten for each of seven
    x, y = _people(2, n=70, items=7)
    assert drivers.weights(x, y, seed=1, draws=200).n == 70
    x[0, 0] = np.nan
    assert drivers.weights(x, y, seed=1, draws=20) is None
    x, y = _people(2, n=49, items=2)
    assert drivers.weights(x, y, seed=1, draws=20) is None
    x, y = _people(2, n=300, items=11)
    assert drivers.weights(x, y, seed=1, draws=20) is None


def test_items_that_explain_next_to_nothing_have_an_interval_that_holds_their_share():
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = drivers.weights(rng.integers(1, 6, (60, 3)), rng.integers(1, 6, 60), seed=1, draws=100)
        assert (found.low <= found.share).all()
        assert (found.share <= found.high).all()


def test_nobody_answered():
    assert np.isnan(drivers.lmg(np.empty((0, 2)), [])).all()
    assert np.isnan(drivers.johnson(np.empty((0, 2)), [])).all()
    assert drivers.weights(np.empty((0, 2)), [], seed=1) is None


@pytest.mark.parametrize(
    ("n", "items", "spoil", "reason"),
    [
        (69, 7, None, "69 respondents answered everything, and 70 are needed for 7 items"),
        (49, 2, None, "49 respondents answered everything, and 50 are needed for 2 items"),
        (300, 11, None, "of items there are 11, and 2 to 10 can be weighed"),
        (300, 1, None, "of items there are 1, and 2 to 10 can be weighed"),
        (90, 3, lambda x: 0 * x[:, 1], "an item, or the whole, is answered alike by everybody"),
        (90, 3, lambda x: x[:, 1] + x[:, 2], "an item follows from others"),
        (90, 3, None, ""),
    ],
)
def test_why_there_are_no_weights(n, items, spoil, reason):
    x, y = _people(2, n=n, items=items)
    if spoil:
        x[:, 0] = spoil(x)
    assert drivers.why_not(x, y) == reason
    assert (drivers.weights(x, y, seed=1, draws=50) is None) == bool(reason)


def test_the_same_seed_gives_the_same_bytes():
    x, y = _people(3)
    one, other = drivers.weights(x, y, seed=9, draws=100), drivers.weights(x, y, seed=9, draws=100)
    assert one.low.tobytes() == other.low.tobytes()
    assert one.top_two.tobytes() == other.top_two.tobytes()


def test_ties_share_the_place():
    # One draw: the first is above, the other two tie for the second place.
    chance, separable = drivers.top_two([[3.0, 1.0, 1.0]], [3.0, 1.0, 1.0])
    np.testing.assert_allclose(chance, [1, 0.5, 0.5])
    assert not separable
    assert drivers.top_two([[1.0, 0.0]], [1.0, 0.0])[1]
    assert np.isnan(drivers.top_two(np.empty((0, 3)), [1, 2, 3])[0]).all()


def test_rank_correlation():
    # Squares keep the order: 1 to 5 against 1, 4, 9, 16, 25, and the reverse.
    x = np.column_stack([np.arange(1, 6), -np.arange(1, 6), np.ones(5), [1, 2, np.nan, np.nan, 5]])
    value, low, high, n = drivers.spearman(x, np.arange(1, 6) ** 2)
    np.testing.assert_allclose(value[:2], [1, -1])
    assert np.isnan(value[2:]).all()
    assert n.tolist() == [5, 5, 5, 3]
    rng = np.random.default_rng(1)
    pairs = rng.normal(size=(80, 2)) + rng.normal(size=(80, 1))
    value, low, high, n = drivers.spearman(pairs[:, :1], pairs[:, 1])
    assert low[0] < value[0] < high[0]


def test_waiting_costs_least_by_cost_of_delay_over_duration():
    # Reinertsen 2009: durations 1, 3, 10 with costs of delay 10, 3, 1. In that order 0 + 3·1 + 1·4 = 7; the reverse 0 + 3·10 + 10·13 = 160.
    assert drivers.cost_of_delay([1, 3, 10], [10, 3, 1]) == ((2, 1, 0), 7.0)
    assert drivers.cost_of_delay([1, 3, 10], [10, 3, 1], order=[0, 1, 2])[1] == 160.0
    with pytest.raises(ValueError, match="no time"):
        drivers.cost_of_delay([1], [0])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=5))
def test_no_other_order_waits_for_less(work):
    cost, takes = zip(*work, strict=True)
    best = drivers.cost_of_delay(cost, takes)[1]
    every = (drivers.cost_of_delay(cost, takes, order)[1] for order in itertools.permutations(range(len(work))))
    assert best == pytest.approx(min(every))
