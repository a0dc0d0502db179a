"""Regression of one series whose neighbours resemble each other, nobody knowing how much: every degree of it counts as far as the series bears it out.

What is left of a regression resembles its neighbours less than the series did, the more the fewer points there are and the more is fitted (Marriott & Pope
1954), so that errors for one estimated autocorrelation are too small: Newey and West's, or those of the likeliest. Here the autocorrelation ρ of first order is
not estimated but summed over (Zellner & Tiao 1964): given ρ, generalised least squares tells each number with Student's t; these are weighed by the restricted
likelihood of ρ (Patterson & Thompson 1971), all ratios of 1 − ρ alike beforehand. A ρ below 0 counts as 0: what alternates is no surer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, stdtr, stdtrit

Array = npt.NDArray[np.float64]

DEGREES: Array = -np.expm1(-np.arange(0, 4.01, 0.2))
"""The autocorrelations summed over: 0 to 0.98, each leaving 0.82 of what the one before leaves of 1 − ρ. What resembles its neighbours more says nothing of a step."""
STEPS, EXACT, LITTLE = 60, 1e-10, 1e-6
"""Most steps in which the end of an interval is looked for; how near it is found, in the smallest error; the weight below which what a degree says is left out of it."""


class Told(NamedTuple):
    """Numbers and their intervals: ``value``, ``low``, ``high``, two-sided ``p`` against 0, and ``error``: half of the interval in units of Student's t. Axes: those
    of the series, then one of the sums asked for, where there are several. nan where the series lies on the fit: what does not vary tells nothing of how sure a number is."""

    value: Array
    low: Array
    high: Array
    p: Array
    error: Array


class Fitted(NamedTuple):
    """A regression for every one of :data:`DEGREES` and way of weighing, each an entry of the axis after those of the series: ``params``, their ``covariance`` for points that
    stray by 1, how far points do stray (``variance``), ``weights`` that sum to 1; ``df`` of Student's t."""

    params: Array
    covariance: Array
    variance: Array
    weights: Array
    df: float

    @property
    def mean(self) -> Array:
        """The numbers fitted, by what the series bears out."""
        found: Array = np.einsum("...g,...gi->...i", self.weights, self.params)
        return found

    def told(self, of: npt.ArrayLike, level: float = 0.95) -> Told:
        """What is told at ``level`` of the sum of the numbers fitted times ``of``; of several where that has rows."""
        c = np.asarray(of, float)
        rows = np.atleast_2d(c)
        centre = np.einsum("...gi,mi->...mg", self.params, rows)
        spread = np.einsum("mi,...gij,mj->...mg", rows, self.covariance, rows, optimize=True)
        error = np.sqrt(np.maximum(spread * self.variance[..., None, :], 0.0))
        error = np.where(error > 1e-9 * (1 + np.abs(centre)), error, np.nan)
        share = self.weights[..., None, :]
        below = (share * stdtr(self.df, -centre / error)).sum(axis=-1)
        p = 2 * np.minimum(below, 1 - below)
        low, high = (_quantile(centre, error, share, self.df, q) for q in ((1 - level) / 2, (1 + level) / 2))
        reach = float(stdtrit(self.df, (1 + level) / 2))
        made = ((share * centre).sum(axis=-1), low, high, p, (high - low) / 2 / reach)
        return Told(*(one if c.ndim > 1 else one[..., 0] for one in made))

    def foreseen(self, design: npt.ArrayLike, of: npt.ArrayLike, level: float = 0.95) -> Told:
        """What will be told of nothing, as :meth:`told`, in a regression on ``design``, all points weighing 1, of a series that goes on like this one: of use in it is the error."""
        x = np.asarray(design, float)
        left = _apart(x, *_shared(np.ones(len(x) - 1)))
        covariance = np.linalg.inv(np.einsum("...ni,...nj->...ij", left, left))
        nothing = np.zeros((*self.variance.shape, x.shape[1]))
        ways = self.variance.shape[-1] // len(DEGREES)
        covariance = np.tile(covariance, (ways, 1, 1))
        return Fitted(nothing, covariance, self.variance, self.weights, float(len(x) - x.shape[1])).told(of, level)


def fitted(
    values: npt.ArrayLike,
    design: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    at: npt.ArrayLike | None = None,
    least: float = 0.0,
) -> Fitted:
    """The regression of ``values`` (… × n, last axis time, all known) on ``design`` (n × numbers).

    ``weights`` (… × n): what a point's variance is divided by; with an axis more (… × ways × n) several ways of weighing, each counted as far as the series bears it out.
    ``at``: the places of the points, whole numbers, where some are left out: neighbours ``g`` apart resemble each other by ρ^g. ``least``: the variance of a point of
    weight 1 is never taken below it. :class:`ValueError` where there are no more points than numbers.
    """
    y, x = np.asarray(values, float)[..., None, :], np.asarray(design, float)
    df = y.shape[-1] - x.shape[1]
    if df <= 0:
        raise ValueError(f"{y.shape[-1]} known periods do not tell {x.shape[1]} numbers apart")
    w = np.ones_like(y) if weights is None else np.asarray(weights, float)
    root = np.sqrt(w if w.ndim == y.ndim else w[..., None, :])
    gaps = np.ones(y.shape[-1] - 1) if at is None else np.diff(np.asarray(at, float))
    shared, own = _shared(gaps)
    left, right = _apart(root[..., None] * x, shared, own), _apart((root * y)[..., None], shared, own)[..., 0]
    square = np.einsum("...ni,...nj->...ij", left, left)
    inverse = np.linalg.inv(square)
    params = np.einsum("...ij,...nj,...n->...i", inverse, left, right, optimize=True)
    rest = ((right - np.einsum("...ni,...i->...n", left, params)) ** 2).sum(axis=-1)
    # Restricted likelihood, the variance summed over; of a series on the fit all degrees say as much.
    likely = np.log(root).sum(axis=-1)[..., None] - np.log(own).sum(axis=-1) - np.linalg.slogdet(square)[1] / 2
    likely = _joined(likely - df / 2 * np.log(np.maximum(rest, 1e-300)), 0)
    likely = np.exp(likely - likely.max(axis=-1, keepdims=True))
    variance = _joined(np.maximum(rest / df, least), 0)
    return Fitted(
        _joined(params, 1), _joined(inverse, 2), variance, likely / likely.sum(axis=-1, keepdims=True), float(df)
    )


def _joined(values: Array, after: int) -> Array:
    """The axes of the ways and of the degrees as one; ``after``: axes that follow them."""
    shape = values.shape
    place = len(shape) - after - 2
    return values.reshape(*shape[:place], shape[place] * shape[place + 1], *shape[place + 2 :])


def _quantile(centre: Array, error: Array, share: Array, df: float, q: float) -> Array:
    """Of a mixture of Student's t (last axis), by Newton's steps kept between the least and the most that one of them says."""
    counts = (share > LITTLE).any(axis=tuple(range(share.ndim - 1)))
    centre, error, share = (one[..., counts] for one in (centre, error, share))
    share = share / share.sum(axis=-1, keepdims=True)
    alone = centre + float(stdtrit(df, q)) * error
    low, high, x = alone.min(axis=-1), alone.max(axis=-1), (share * alone).sum(axis=-1)
    height = math.exp(gammaln((df + 1) / 2) - gammaln(df / 2)) / math.sqrt(df * math.pi)
    for _ in range(STEPS):
        z = (x[..., None] - centre) / error
        off = (share * stdtr(df, z)).sum(axis=-1) - q
        low, high = np.where(off < 0, x, low), np.where(off < 0, high, x)
        steep = (share * (1 + z**2 / df) ** (-(df + 1) / 2) / error).sum(axis=-1) * height
        step = x - off / steep
        following = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        is_there = ~(np.abs(following - x) > EXACT * error.min(axis=-1))
        x = following
        if is_there.all():
            break
    found: Array = x
    return found


def _shared(gaps: Array) -> tuple[Array, Array]:
    """Per degree and point: what it has of the point before, and how far it strays by itself; the first has nothing before it."""
    shared = np.concatenate([np.zeros((len(DEGREES), 1)), DEGREES[:, None] ** gaps], axis=1)
    return shared, np.sqrt(1 - shared**2)


def _apart(values: Array, shared: Array, own: Array) -> Array:
    """``values`` (… × n × numbers) less what each has of the one before: … × degrees × n × numbers, none resembling another."""
    before = np.concatenate([np.zeros_like(values[..., :1, :]), values[..., :-1, :]], axis=-2)
    made: Array = (values[..., None, :, :] - shared[..., None] * before[..., None, :, :]) / own[..., None]
    return made
