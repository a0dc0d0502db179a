"""Short forecasts of many monthly series at once, each judged by how it would have done before.

Three ways that need no tuning: the last month again, the mean of the last three, and the last month with the mean change so far
(random walk with drift; Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed. 2021, ch. 5.2). Which is used is
decided by rolling origin (ibid., ch. 5.10), and only a way that beat the last month again is used instead of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

WAYS = ("last month again", "mean of three months", "last month with drift")
FIRST = 4
"""Months a forecast is made from at least."""

HORIZON = 3


def forecasts(series: Array, horizon: int = HORIZON) -> Array:
    """``series`` (n × months) → way × n × horizon: what each of :data:`WAYS` says of the months that follow."""
    last, ahead = series[:, -1:], np.arange(1, horizon + 1)
    drift = (series[:, -1:] - series[:, :1]) / max(series.shape[1] - 1, 1)
    return np.stack([
        np.repeat(last, horizon, axis=1), np.repeat(series[:, -3:].mean(axis=1, keepdims=True), horizon, axis=1), last + drift * ahead,
    ])  # fmt: skip


def errors(series: Array, horizon: int = HORIZON) -> Array:
    """way × n × origin × horizon: what came minus what was said, at every origin from :data:`FIRST` months on; NaN where it has not come."""
    n, months = series.shape
    origins = range(FIRST, months)
    found = np.full((len(WAYS), n, len(origins), horizon), np.nan)
    for at, origin in enumerate(origins):
        there = min(horizon, months - origin)
        said = forecasts(series[:, :origin], horizon)[:, :, :there]
        found[:, :, at, :there] = series[None, :, origin : origin + there] - said
    return found


def chosen(found: Array) -> NDArray[np.intp]:
    """The way of each series with the least mean absolute error over all origins and horizons; the first of equal ones."""
    best: NDArray[np.intp] = np.nanmean(np.abs(found), axis=(2, 3)).argmin(axis=0)
    return best


def half_widths(found: Array, level: float) -> Array:
    """n × horizon: half the prediction interval, from the errors (n × origin × horizon) of a series at that distance.

    Errors are taken as around 0 with unknown spread: t with as many degrees of freedom as there are errors, times their root mean
    square. NaN where fewer than three errors are known.
    """
    known = np.isfinite(found).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.nansum(found**2, axis=1) / known)
    return np.where(known >= 3, stats.t.ppf(0.5 + level / 2, np.maximum(known, 1)) * spread, np.nan)


def covered(series: Array, level: float, horizon: int = HORIZON) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of the months that came lay in the interval said of them, and how many were judged, per series.

    At each origin, way and interval are chosen from what was known there only.
    """
    n, months = series.shape
    hits, judged = np.zeros(n, np.int64), np.zeros(n, np.int64)
    rows = np.arange(n)
    for origin in range(FIRST + 3, months):
        past = errors(series[:, :origin], horizon)
        way = chosen(past)
        said = forecasts(series[:, :origin], horizon)[way, rows]
        half = half_widths(past[way, rows], level)
        there = min(horizon, months - origin)
        off = np.abs(series[:, origin : origin + there] - said[:, :there])
        known = np.isfinite(half[:, :there])
        judged += known.sum(axis=1)
        hits += (known & (off <= half[:, :there])).sum(axis=1)
    return hits, judged
