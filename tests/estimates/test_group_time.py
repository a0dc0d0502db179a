"""Effects of cohorts by hand, the published example (C01), laws, and errors where units are few."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates.group_time import group_time
from idp_analytics.estimates.randomisation import placebo

NEVER = 99
BASES = ("varying", "universal", "before")


def drawn(seed, units=24, periods=8, effect=0.0, noise=1.0, dates=(3, 4, 5, NEVER, NEVER)):
    rng = np.random.default_rng(seed)
    when = np.resize(dates, units)
    y = rng.normal(0, 1, (units, 1)) + np.arange(periods) * 0.3 + rng.normal(0, noise, (units, periods))
    return y + effect * (np.arange(periods) >= when[:, None]), when


def test_published_example(cases):
    """C01g: employment of young people and minimum wages, ATT by cohort and year, without covariates (R ``did``)."""
    import json

    folder = cases / "stats" / "given"
    expected = json.loads((folder / "C01g_did_mpdta.json").read_text())["expected"]
    frame = pl.read_csv(folder / "C01g_did_mpdta.csv").sort("countyreal", "year")
    y = frame["lemp"].to_numpy().reshape(-1, 5)
    first = frame["first_treat"].to_numpy().reshape(-1, 5)[:, 0]
    found = group_time(y, np.where(first == 0, NEVER, first - 2003))
    simple, dynamic, group = found.simple(), found.dynamic_overall(), found.cohort_overall()
    events, study = found.dynamic()
    got = {
        "simple_att": simple.effect, "simple_se_analytic": simple.error, "dynamic_overall": dynamic.effect, "dynamic_overall_se": dynamic.error,
        "group_overall": group.effect, "group_overall_se": group.error, "pretest_wald_p": found.pretest()[2],
        **{f"es_{event}": one.effect for event, one in zip(events, study, strict=True) if event >= 0},
        **{f"att({g + 2003},{t + 2003})": found.table()[at, t] for at, g in enumerate(found.cohorts) for t in range(1, 5)},
    }  # fmt: skip
    # One regression with both means, which the case has to show what it gets wrong, is none of ours.
    assert expected.keys() - got.keys() == {"twfe"}
    for name in expected.keys() - {"twfe"}:
        assert got[name] == pytest.approx(expected[name]["value"], abs=expected[name]["atol"]), name


def test_by_hand():
    """Two units take it up in period 2, two never: these move by 1 a period, those by 1, then 1 + 3 and 1 + 5."""
    y = [[0, 1, 5, 8], [2, 3, 7, 10], [5, 6, 7, 8], [9, 10, 11, 12]]
    found = group_time(y, [2, 2, NEVER, NEVER])
    assert found.table().tolist() == [[pytest.approx(v, nan_ok=True) for v in (np.nan, 0, 3, 5)]]
    assert found.simple().effect == pytest.approx(4.0)
    assert found.simple(first=1).effect == pytest.approx(5.0)
    events, study = found.dynamic()
    assert (events.tolist(), [one.units for one in study]) == ([-1, 0, 1], [2, 2, 2])
    assert [one.effect for one in found.calendar()[2:]] == pytest.approx([3, 5])
    assert np.isnan(found.calendar()[0].effect)


def test_a_missing_value_is_left_out_and_not_zero():
    y = [[0, 1, np.nan, 8], [2, 3, 7, 10], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert group_time(y, [2, 2, NEVER, NEVER]).table()[0] == pytest.approx([np.nan, 0, 3, 5], nan_ok=True)
    # Without the last period before nothing can be said of a unit by that base alone; by all before there is.
    y[0][1] = np.nan
    y[0][2] = 5.0
    assert group_time(y, [2, 2, NEVER, NEVER]).dynamic()[1][-1].units == 1
    assert group_time(y, [2, 2, NEVER, NEVER], base="before").dynamic()[1][-1].units == 2


def test_not_yet_is_a_comparison_until_it_is_taken_up():
    y, when = [[0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 1, 5], [1, 1, 1, 5]], [2, 2, 3, 3]
    found = group_time(y, when, comparison="not yet")
    assert found.table()[0] == pytest.approx([np.nan, 0, 2, np.nan], nan_ok=True)
    assert np.isnan(found.table()[1][3]), "nobody is left to compare the last with"
    assert np.isnan(group_time(y, when).simple().effect), "nobody never took it up"


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=12)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5))
def test_units_and_periods_of_any_level_change_nothing(base, seed, shift):
    y, when = drawn(seed)
    rng = np.random.default_rng(seed)
    moved = y + shift * rng.normal(0, 1, (len(y), 1)) + shift * rng.normal(0, 1, (1, y.shape[1]))
    one, other = (group_time(v, when, base=base, comparison="not yet", is_few=True).simple() for v in (y, moved))
    assert (one.effect, one.error) == pytest.approx((other.effect, other.error), abs=1e-8)


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=12)
@given(seed=st.integers(0, 1000), effect=st.floats(-3, 3))
def test_a_constant_effect_without_noise_is_found_exactly(base, seed, effect):
    y, when = drawn(seed, effect=effect, noise=0.0)
    found = group_time(y, when, base=base, comparison="not yet")
    assert found.simple().effect == pytest.approx(effect, abs=1e-9)
    assert found.dynamic_overall().effect == pytest.approx(effect, abs=1e-9)


def test_equal_weights_are_one_unit_one_vote():
    y, when = drawn(5)
    for base in BASES:
        plain, weighed = (group_time(y, when, w, base=base).simple() for w in (None, np.full(y.shape, 7.0)))
        assert (plain.effect, plain.error) == pytest.approx((weighed.effect, weighed.error))


def test_errors_of_few_are_those_of_two_means():
    """One cohort, one period after: the difference of two means of changes; CR3 is each variance times n ÷ (n − 1), Welch's degrees of freedom."""
    a, b = np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.0, 1.0, 3.0])
    y = np.column_stack([np.zeros(7), np.concatenate([a, b])])
    found = group_time(y, [1, 1, 1, *[NEVER] * 4], is_few=True).simple()
    parts = [v.var(ddof=1) / len(v) * len(v) / (len(v) - 1) for v in (a, b)]
    assert found.effect == pytest.approx(a.mean() - b.mean())
    assert found.error == pytest.approx(np.sqrt(sum(parts)))
    assert found.df == pytest.approx(sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 3))


def test_cohorts_of_one_are_not_sure_of_themselves():
    """Every unit took it up in another period: within cohorts there is no spread, which is no certainty."""
    y, when = drawn(7, units=12, periods=10, noise=2.0, dates=(2, 3, 4, 5, 6, 7, *[NEVER] * 6))
    sure, few = (group_time(y, when, base="before", is_few=is_few).simple() for is_few in (False, True))
    assert few.effect == sure.effect
    assert few.error > sure.error
    alone = group_time(y[5:], when[5:], base="before", is_few=True).simple()
    assert alone.units == 1
    assert np.isnan(alone.low)


def test_intervals_hold_what_they_promise_with_few_units():
    """400 panels of 14 units in cohorts of one and two, other numbers of observations in each cell: 95 % within what 400 draws allow."""
    hits = 0
    for seed in range(400):
        y, when = drawn(seed, units=14, effect=1.0, dates=(3, 4, 5, 6, 6, *[NEVER] * 3))
        m = np.random.default_rng(seed + 10_000).integers(1, 30, y.shape).astype(float)
        found = group_time(y, when, m, "before", "not yet", is_few=True).simple(1)
        hits += found.low <= 1.0 <= found.high
    assert hits / 400 >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 400)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "takers", "alike", "differing"),
    [(6, 3, 0, 0), (10, 5, 0.6, 0), (24, 12, 0.6, 0.5), (40, 5, 0.3, 0), (12, 9, 0.3, 0)],
)
def test_intervals_hold_where_months_are_alike_and_effects_differ(units, takers, alike, differing):
    """400 panels each: months of a unit resemble each other, effects differ between units, cells hold one observation or thirty."""
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(units, 12))
        for month in range(1, 12):
            noise[:, month] = alike * noise[:, month - 1] + np.sqrt(1 - alike**2) * noise[:, month]
        m = rng.integers(1, 30, noise.shape).astype(float)
        when = np.where(np.arange(units) < takers, rng.integers(4, 9, units), NEVER)
        effect = 1 + differing * rng.normal(size=(units, 1))
        y = rng.normal(size=(units, 1)) + noise + 2 * rng.normal(size=noise.shape) / np.sqrt(m)
        y = y + effect * (np.arange(12) >= when[:, None])
        found = group_time(y, when, m, "before", "not yet", is_few=True).simple(1)
        hits += found.low <= 1 <= found.high
    assert hits / 400 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="not of the same units"):
        group_time(np.zeros((3, 4)), [1, 2])


@settings(max_examples=12)
@given(seed=st.integers(0, 200))
def test_the_actual_dates_are_one_of_the_ways(seed):
    """Nobody moved but by the effect: no other way of giving out the dates finds as much."""
    y, when = drawn(seed, units=12, effect=2.0, noise=0.01, dates=(3, 4, NEVER))
    found = placebo(y, when, np.ones_like(y), draws=99)
    assert found.p == pytest.approx(1 / 100)


def test_placebos_find_what_the_effect_is():
    """The effect of the dates as they were is that of :func:`group_time`: dates dealt out as they were are all as far off."""
    from idp_analytics.estimates.randomisation import _effects

    for seed in range(5):
        y, when = drawn(seed, units=15)
        m = np.random.default_rng(seed).integers(0, 9, y.shape).astype(float)
        once = _effects(np.nan_to_num(y), m, np.minimum(when, 8)[None], 1)[0]
        assert once == pytest.approx(group_time(y, when, m, "before", "not yet", is_few=True).simple(1).effect)


def test_few_ways_tell_nothing():
    y, _ = drawn(1, units=4)
    assert placebo(y, [3, NEVER, NEVER, NEVER], np.ones_like(y))[:] == pytest.approx((np.nan, 4), nan_ok=True)


def test_chance_alone_is_seldom_told_from_chance():
    ps = []
    for seed in range(150):
        y, when = drawn(seed, units=12)
        ps.append(placebo(y, when, np.ones_like(y), draws=99).p)
    assert np.mean(np.array(ps) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)
