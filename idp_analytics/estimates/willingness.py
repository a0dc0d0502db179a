"""Would they pay? How many say yes at each price, what that is worth at least, and between which prices a price seems right.

All of it is what people state about a price they do not pay, and stated prices are commonly too high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]

LEAST_RANGE = 30
"""Consistent answers below which no range of prices is given."""


def demand(yes: npt.ArrayLike, n: npt.ArrayLike) -> Array:
    """The share that would still buy at each price, never rising with it: ``yes`` of ``n`` at each price, prices ascending.

    Where more say yes at a higher price, those prices are put together and none is left out (pool adjacent violators; Ayer et
    al. 1955). nan where nobody was asked, and such a price takes part in nothing.
    """
    found = np.full(np.shape(n), np.nan)
    asked, no, of = _asked(yes, n)
    if asked.any():
        found[asked] = 1 - isotonic_regression(no / of, weights=of).x
    return found


def lower_bound_mean(
    prices: npt.ArrayLike, yes: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95
) -> tuple[float, float, float, float]:
    """What it is worth on average at the least: everybody is worth no more than the highest price they would pay of those asked
    (Turnbull 1976; Haab & McConnell 1997).

    ``yes`` of ``n`` at each of ``prices``, ascending and above 0. Mean, its standard error, low and high (normal, between 0 and the highest
    price), in the unit of the prices: Σ (price − the price below) × the share that says yes, of :func:`demand`. Where everybody says
    yes at all prices, or nobody at any, the error is 0 and the bounds are those of Wilson's intervals (1927). All nan where nobody was asked.
    """
    at = np.asarray(prices, float)
    if np.any(np.diff(at) <= 0) or np.any(at <= 0):
        raise ValueError(f"prices {at.tolist()}: must be above 0 and ascending")
    asked, no, of = _asked(yes, n)
    if not asked.any():
        return np.nan, np.nan, np.nan, np.nan
    steps = np.diff(at[asked], prepend=0.0)
    fitted = isotonic_regression(no / of, weights=of)
    mean = float(steps @ (1 - fitted.x))
    # Prices that were put together are one observation of their common share.
    starts, together = fitted.blocks[:-1], fitted.weights
    share = fitted.x[starts]
    error = float(np.sqrt(np.sum(np.add.reduceat(steps, starts) ** 2 * share * (1 - share) / together)))
    if error == 0:
        up_to = np.add.reduceat(steps, starts)
        # Shares of 0 or 1 alone, so how many said yes is told by the share.
        ends = wilson(np.round((1 - share) * together), together, level)
        return mean, 0.0, float(up_to @ ends[0]), float(up_to @ ends[1])
    half = float(norm.isf((1 - level) / 2)) * error
    return mean, error, max(mean - half, 0.0), min(mean + half, float(at[asked][-1]))


@dataclass(frozen=True)
class PriceRange:
    """Four prices at which two curves of stated prices cross (van Westendorp 1976), in the unit of the answers.

    ``cheapest`` (point of marginal cheapness): as many find it too low as find it no bargain. ``dearest`` (point of marginal
    expensiveness): as many find it too high as do not find it dear. ``indifference``: as many find it a bargain as dear. ``optimum``: as
    many find it too low as too high. nan where the curves do not cross or fewer than :data:`LEAST_RANGE` answers are in order;
    ``n`` of them are, and ``dropped`` were not, since they did not name four ascending prices.
    """

    cheapest: float
    dearest: float
    indifference: float
    optimum: float
    n: int
    dropped: int


def price_range(prices: npt.ArrayLike, least: int = LEAST_RANGE) -> PriceRange:
    """The range of ``prices``: respondents × (too low, a bargain, dear, too high), nan where one was left out.

    Who left one out is not counted at all; who named prices that do not ascend is dropped and counted. The curves are joined
    between the prices somebody named by straight lines, and cross where the lines first do: implementations that take the next
    named price instead say something else.
    """
    told = np.asarray(prices, float).reshape(-1, 4)
    told = told[~np.isnan(told).any(1)]
    held = told[(np.diff(told, axis=1) > 0).all(1)]
    n, dropped = len(held), len(told) - len(held)
    if n < max(least, 1):
        return PriceRange(np.nan, np.nan, np.nan, np.nan, n, dropped)
    at = np.unique(held)
    reached = [np.searchsorted(np.sort(column), at, side="right") / n for column in held.T]
    too_low, bargain, dear, too_high = 1 - reached[0], 1 - reached[1], reached[2], reached[3]
    return PriceRange(
        _crossing(at, too_low, 1 - bargain), _crossing(at, 1 - dear, too_high), _crossing(at, bargain, dear),
        _crossing(at, too_low, too_high), n, dropped,
    )  # fmt: skip


def _crossing(at: Array, falling: Array, rising: Array) -> float:
    """Where the line segments of two curves first meet, the falling one being above before."""
    apart = falling - rising
    if not (apart[0] >= 0 >= apart[-1]):
        return np.nan
    after = int(np.argmax(apart <= 0))
    before = max(after - 1, 0)
    if apart[after] == 0:
        return float(at[after])
    return float(at[before] + (at[after] - at[before]) * apart[before] / (apart[before] - apart[after]))


def _asked(yes: npt.ArrayLike, n: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], Array, Array]:
    k, of = np.asarray(yes, float), np.asarray(n, float)
    if np.any(k < 0) or np.any(k > of):
        raise ValueError(f"{k.tolist()} of {of.tolist()} said yes: must be between 0 and how many were asked")
    asked = of > 0
    return asked, (of - k)[asked], of[asked]
