"""What comes next: short forecasts of many series at once, judged on what they would have said before.

Arrays: one row per series, the last axis is time in equal steps; nan before a series begins, none after.

Three ways, no more, so that choosing one is not itself a search: **naive**, as the last step; **seasonal naive**, as a season ago; **theta**
(Assimakopoulos & Nikolopoulos 2000), which is exponential smoothing with half the slope of a straight line (Hyndman & Billah
2003). Theta counts only if it was nearer than the better of the other two whenever it could have been asked (rolling origin:
Tashman 2000).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

METHODS = ("naive", "seasonal naive", "theta")
FEWEST = 8
"""Steps below which nothing is forecast."""

_TRAINING = 5
"""Steps known before the first trial forecast."""
_ERRORS = 3
"""Trials one step ahead that an interval needs, and the seasonal naive way before it can be chosen."""
_ALPHAS = np.linspace(0.1, 0.9, 9)


class Forecast(NamedTuple):
    """Per series (and step ahead): ``value`` with ``low`` and ``high``; the ``method`` (index of :data:`METHODS`) and the ``baseline``
    it was measured against; the mean absolute error of both in ``trials`` trials; of the ``tests`` intervals that could be
    tried, how many held (``hits``); ``n`` steps known. What is not given is nan, -1 for a method."""

    value: Array
    low: Array
    high: Array
    method: Counts
    baseline: Counts
    error: Array
    baseline_error: Array
    trials: Counts
    tests: Counts
    hits: Counts
    n: Counts


def forecast(values: npt.ArrayLike, ahead: int = 3, season: int = 12, level: float = 0.95) -> Forecast:
    """``ahead`` steps after the last of each series; all nan for a series of fewer than :data:`FEWEST` steps.

    Interval: value ± t·s·√(h·(1 + 1/k)) for h steps ahead, with s² the mean of the squared trial errors, each divided by its h
    (errors grow as those of a random walk), t of Student's distribution with k degrees of freedom, k trials one step ahead.
    ``tests`` and ``hits``: the same made at every earlier origin from what was known there, method included.
    """
    y = np.asarray(values, float)
    series, steps = y.shape
    told = _trials(y, ahead, season)
    errors = np.full((len(METHODS), series, steps, ahead), np.nan)
    for h in range(1, min(ahead, steps - 1) + 1):
        errors[:, :, : steps - h, h - 1] = y[None, :, h:] - told[:, :, : steps - h, h - 1]
    n = np.isfinite(y).sum(axis=1)
    tests, hits = np.zeros(series, np.int64), np.zeros(series, np.int64)
    for origin in range(steps - 1):
        chosen = _chosen(errors, origin)
        value, half = _bounds(told[:, :, origin], chosen, level)
        for h in range(1, min(ahead, steps - 1 - origin) + 1):
            tried = np.isfinite(half[:, h - 1]) & (n - (steps - 1 - origin) >= FEWEST)
            held = np.abs(y[:, origin + h] - value[:, h - 1]) <= half[:, h - 1]
            tests += tried
            hits += tried & held
    chosen = _chosen(errors, steps - 1) if steps else _nothing(series, ahead)
    value, half = _bounds(told[:, :, -1] if steps else np.full((3, series, ahead), np.nan), chosen, level)
    enough = n >= FEWEST
    value, half = (np.where(enough[:, None], a, np.nan) for a in (value, half))
    return Forecast(
        value, value - half, value + half, np.where(enough, chosen.method, -1), np.where(enough, chosen.baseline, -1),
        np.where(enough, chosen.error, np.nan), np.where(enough, chosen.baseline_error, np.nan), np.where(enough, chosen.trials, 0),
        tests, hits, n,
    )  # fmt: skip


class _Choice(NamedTuple):
    method: Counts
    baseline: Counts
    error: Array
    baseline_error: Array
    trials: Counts
    spread: Array
    firsts: Counts


def _trials(y: Array, ahead: int, season: int) -> Array:
    """Method × series × origin × step ahead: what each would have said, from :data:`_TRAINING` known steps on."""
    series, steps = y.shape
    told = np.full((len(METHODS), series, steps, ahead), np.nan)
    known = np.isfinite(y)
    n = np.cumsum(known, axis=1)
    level, sse = np.full((series, len(_ALPHAS)), np.nan), np.zeros((series, len(_ALPHAS)))
    at, sums = np.arange(steps, dtype=float), np.zeros((4, series))  # Σx, Σy, Σxy, Σxx of the straight line
    for t in range(steps):
        here = known[:, t]
        miss = y[:, t, None] - level
        first = here & (n[:, t] == 1)
        sse += np.where(here[:, None] & ~first[:, None], np.nan_to_num(miss) ** 2, 0.0)
        level = np.where(first[:, None], y[:, t, None], np.where(here[:, None], level + _ALPHAS * miss, level))
        filled = np.where(here, np.nan_to_num(y[:, t]), 0.0)
        sums += np.stack([at[t] * here, filled, at[t] * filled, at[t] ** 2 * here])
        enough = here & (n[:, t] >= _TRAINING)
        best = np.argmin(sse, axis=1)
        alpha, count = _ALPHAS[best], n[:, t]
        slope = _slope(count, sums)
        drift = slope / 2 * (1 / alpha - (1 - alpha) ** count / alpha - 1)
        for h in range(1, ahead + 1):
            told[0, :, t, h - 1] = np.where(enough, y[:, t], np.nan)
            if t + h - season >= 0:
                told[1, :, t, h - 1] = np.where(enough, y[:, t + h - season], np.nan)
            told[2, :, t, h - 1] = np.where(enough, level[np.arange(series), best] + drift + slope / 2 * h, np.nan)
    return told


def _slope(n: Counts, sums: Array) -> Array:
    x, y, xy, xx = sums
    spread = n * xx - x * x
    return np.where(spread > 0, (n * xy - x * y) / np.where(spread > 0, spread, 1.0), 0.0)


def _chosen(errors: Array, origin: int) -> _Choice:
    """What would be chosen at ``origin``, from the errors of trials whose outcome is known by then."""
    _, series, steps, ahead = errors.shape
    seen = np.arange(steps)[:, None] + np.arange(1, ahead + 1)[None, :] <= origin
    size = np.where(seen[None, None], np.abs(errors), np.nan)
    both = np.isfinite(size[1])
    seasonal_trials = both[:, :, 0].sum(axis=1)
    of_naive, of_seasonal = (_mean(np.where(both, size[m], np.nan)) for m in (0, 1))
    baseline = np.where((seasonal_trials >= _ERRORS) & (of_seasonal < of_naive), 1, 0)
    rows = np.arange(series)
    against = size[baseline, rows]
    common = np.isfinite(against)
    baseline_error = _mean(against)
    of_theta = _mean(np.where(common, size[2], np.nan))
    method = np.where(of_theta < baseline_error, 2, baseline)
    used = np.where(np.isfinite(size[method, rows]), size[method, rows], np.nan)
    firsts = np.isfinite(used[:, :, 0]).sum(axis=1)
    spread = np.sqrt(_mean(used**2 / np.arange(1, ahead + 1)))
    return _Choice(
        method, baseline, np.where(method == 2, of_theta, baseline_error), baseline_error, common.sum(axis=(1, 2)), spread, firsts
    )  # fmt: skip


def _nothing(series: int, ahead: int) -> _Choice:
    return _chosen(np.full((len(METHODS), series, 1, ahead), np.nan), 0)


def _bounds(told: Array, chosen: _Choice, level: float) -> tuple[Array, Array]:
    """Value and half the interval per series and step ahead."""
    ahead = told.shape[-1]
    value = told[chosen.method, np.arange(told.shape[1])]
    k = chosen.firsts
    enough = k >= _ERRORS
    quantile = np.where(enough, student.ppf((1 + level) / 2, np.maximum(k, 1)), np.nan)
    scale = chosen.spread * np.sqrt(1 + 1 / np.maximum(k, 1)) * quantile
    return value, scale[:, None] * np.sqrt(np.arange(1, ahead + 1))[None, :]


def _mean(values: Array) -> Array:
    """The mean over all but the first axis of what is known; nan where nothing is."""
    axes = tuple(range(1, values.ndim))
    counts = np.isfinite(values).sum(axis=axes)
    sums = np.nansum(values, axis=axes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
