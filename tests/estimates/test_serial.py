"""A series whose neighbours resemble each other: against generalised least squares by hand and by statsmodels, and how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from idp_analytics.estimates import serial

STEP = np.column_stack([np.ones(24), np.arange(24) >= 14]).astype(float)


def wandering(rng: np.random.Generator, shape: tuple[int, ...], alike: float) -> np.ndarray:
    chance = rng.standard_normal(shape)
    chance[..., 1:] *= np.sqrt(1 - alike**2)
    return lfilter([1.0], [1.0, -alike], chance, axis=-1)


def test_each_degree_is_generalised_least_squares():
    """Numbers, their covariance and how far points stray as by statsmodels, of every degree; weights are those of the restricted likelihood."""
    y = wandering(np.random.default_rng(1), (24,), 0.5)
    weights = np.random.default_rng(2).uniform(1, 9, 24)
    found = serial.fitted(y, STEP, weights)
    likely = []
    for at, alike in enumerate(serial.DEGREES):
        sigma = toeplitz(alike ** np.arange(24)) / np.sqrt(np.outer(weights, weights))
        other = sm.GLS(y, STEP, sigma=sigma).fit()
        assert found.params[at] == pytest.approx(other.params)
        assert found.covariance[at] * found.variance[at] == pytest.approx(other.cov_params())
        # The density of what is left once the design is taken out, the variance summed over: n − k numbers of it, by the covariance of contrasts.
        contrasts = np.linalg.svd(STEP, full_matrices=True)[0][:, 2:].T
        inner = contrasts @ sigma @ contrasts.T
        rest = contrasts @ y
        likely.append(-np.linalg.slogdet(inner)[1] / 2 - 11 * np.log(rest @ np.linalg.solve(inner, rest)))
    expected = np.exp(np.array(likely) - max(likely))
    assert found.weights == pytest.approx(expected / expected.sum())
    assert found.mean == pytest.approx(found.weights @ found.params)


def test_places_left_out_are_places_between():
    """A gap of two weeks: their correlation is the square of that of neighbours."""
    kept = np.delete(np.arange(24), [5, 6, 17])
    y = wandering(np.random.default_rng(4), (24,), 0.6)[kept]
    found = serial.fitted(y, STEP[kept], at=kept)
    alike = serial.DEGREES[4]
    sigma = alike ** np.abs(np.subtract.outer(kept, kept))
    assert found.params[4] == pytest.approx(sm.GLS(y, STEP[kept], sigma=sigma).fit().params)


def test_ways_of_weighing_count_as_far_as_they_fit():
    """Points stray as their weights say: the way that says so outweighs the one that takes them for alike."""
    rng = np.random.default_rng(6)
    weights = np.tile([1.0, 25.0], 12)
    y = rng.normal(size=24) / np.sqrt(weights)
    both = serial.fitted(y, STEP, np.stack([weights, np.ones(24)]))
    size = len(serial.DEGREES)
    assert both.params.shape == (2 * size, 2)
    assert both.weights[:size].sum() > 0.99
    assert both.params[:size] == pytest.approx(serial.fitted(y, STEP, weights).params)
    assert serial.fitted(y, STEP, np.ones(24)).weights == pytest.approx(serial.fitted(y, STEP, 7 * np.ones(24)).weights)


def test_many_series_are_each_by_itself():
    y = wandering(np.random.default_rng(8), (3, 24), 0.3)
    together = serial.fitted(y, STEP).told(np.eye(2))
    for at in range(3):
        alone = serial.fitted(y[at], STEP).told(np.eye(2))
        for one, other in zip(together, alone, strict=True):
            assert one[at] == pytest.approx(other)
    assert serial.fitted(y, STEP).told([0, 1]).low == pytest.approx(together.low[:, 1])


@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
@settings(max_examples=15)
def test_units_and_levels_mean_nothing(seed, shift, factor):
    """A series in other units, or about another level, tells the same; the interval holds the value, and leaves 0 out where p is small."""
    y = np.random.default_rng(seed).normal(size=24).cumsum()
    one, other = (serial.fitted(v, STEP).told([0.0, 1.0]) for v in (y, factor * y + shift))
    assert float(other.p) == pytest.approx(float(one.p), rel=1e-4, abs=1e-9)
    assert float(other.low) == pytest.approx(factor * float(one.low), rel=1e-4, abs=1e-6)
    assert one.low <= one.value <= one.high
    if abs(one.p - 0.05) > 1e-4:
        assert (one.p < 0.05) == (one.low > 0 or one.high < 0)


def test_what_does_not_vary_and_what_is_too_little():
    flat = serial.fitted(np.full(24, 3.0), STEP).told([0, 1])
    assert np.isnan([flat.low, flat.high, flat.p, flat.error]).all()
    with pytest.raises(ValueError, match="2 known periods do not tell 2 numbers apart"):
        serial.fitted([1.0, 2.0], STEP[:2])


@pytest.mark.parametrize(("alike", "most"), [(0.0, 0.05), (0.3, 0.05), (0.6, 0.05), (0.8, 0.07)])
def test_intervals_hold_the_truth(alike, most):
    """Of 400 series of 24 weeks with no step; 0.8 leaves a little more (METRICS.md), of a chart less, since it asks for a signal too."""
    y = wandering(np.random.default_rng(11), (400, 24), alike)
    told = serial.fitted(y, STEP).told([0, 1])
    seen = float(((told.low > 0) | (told.high < 0)).mean())
    assert seen <= most + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_what_is_foreseen_is_what_comes():
    """The error told of weeks to come, from those there are, is that of a series as long of which as much is known, in the middle."""
    rng = np.random.default_rng(12)
    course = np.ones((40, 1))
    design = np.column_stack([np.ones(60), np.arange(60) >= 40]).astype(float)
    foreseen, came = [], []
    for _ in range(60):
        y = wandering(rng, (60,), 0.3)
        foreseen.append(float(serial.fitted(y[:40], course).foreseen(design, [0, 1]).error))
        came.append(float(serial.fitted(y, design).told([0, 1]).error))
    assert np.median(foreseen) == pytest.approx(np.median(came), rel=0.2)
