"""Dates of taking up given out anew: how often chance alone finds as much (Fisher 1935), where units are few (MacKinnon & Webb 2020)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Periods = npt.NDArray[np.int64]

DRAWS = 499
FEWEST_WAYS = 20
"""With fewer different ways of giving out the dates no p-value can fall below 0.05."""
_AT_ONCE = 2_000_000


class Placebo(NamedTuple):
    """``p``: two-sided share of the ways in which the effect is as far from 0 or further, the actual one being one of them; nan: not told. ``ways``: different ones among those tried."""

    p: float
    ways: int


def placebo(
    values: npt.ArrayLike, adopted: npt.ArrayLike, weights: npt.ArrayLike, first: int = 1, draws: int = DRAWS
) -> Placebo:
    """How :func:`group_time.group_time` (base *before*, comparison *not yet*), from ``first`` periods after taking up on, compares with what it finds
    when the dates are dealt out among the units anew, ``draws`` times with a fixed seed. Inputs as there."""
    y, when = np.asarray(values, float), np.minimum(np.asarray(adopted, np.int64), np.shape(values)[1])
    m = np.where(np.isnan(y), 0.0, np.asarray(weights, float))
    rng = np.random.default_rng(20_240_901)
    dealt = np.array([when, *(rng.permutation(when) for _ in range(draws))])
    different, which = np.unique(dealt, axis=0, return_inverse=True)
    step = max(1, _AT_ONCE // y.size)
    parts = [_effects(np.nan_to_num(y), m, different[at : at + step], first) for at in range(0, len(different), step)]
    found = np.concatenate(parts)[which.ravel()]
    # Of sums added in another order the last bits differ.
    told = np.round(found[~np.isnan(found)], 9)
    if np.isnan(found[0]) or len(different) < FEWEST_WAYS:
        return Placebo(np.nan, len(different))
    return Placebo(float(np.mean(np.abs(told) >= abs(round(float(found[0]), 9)))), len(different))


def _effects(y: Array, m: Array, dates: Periods, first: int) -> Array:
    """The effect for each way of giving out ``dates`` (ways × units)."""
    size = y.shape[1]
    span = np.arange(size)
    both = m[:, :, None] + m[:, None, :]
    pair = 2 * m[:, :, None] * m[:, None, :] / np.where(both > 0, both, 1)
    shift = pair * (y[:, :, None] - y[:, None, :])
    moved, free = np.zeros((len(dates), size, size)), np.zeros((len(dates), size, size))
    for period in range(1, size):  # few periods, all ways at once
        waiting = (dates > period).astype(float)
        number = waiting @ (pair[:, period, :period] > 0)
        weight = np.where(number >= 2, waiting @ pair[:, period, :period], 0.0)
        total = waiting @ shift[:, period, :period]
        free[:, period, :period] = weight > 0
        moved[:, period, :period] = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    before = np.where(span < dates[:, :, None], m, 0.0)
    behind = np.matmul(before, free.transpose(0, 2, 1))
    base = np.matmul(before * y, free.transpose(0, 2, 1)) + np.matmul(before, moved.transpose(0, 2, 1))
    known = (behind > 0) & (m > 0) & (span >= dates[:, :, None] + first)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(known, y - base / behind, 0.0)
        precision = np.where(known, m * behind / (m + behind), 0.0)
        total = precision.sum(axis=(1, 2))
        return np.where(total > 0, (precision * effect).sum(axis=(1, 2)) / total, np.nan)
