"""How much of what ratings differ by is the things rated, and not who rated them: intraclass correlation.

Two questions hide in it. *Agreement* counts a rater who is always one level kinder as a difference, *consistency* does not: agreement far below
consistency is a rater, or a group of them, who sees everything higher. A mean of several raters is surer than one of them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution

from idp_analytics.estimates.agreement import Agreement

Design = Literal["one-way", "agreement", "consistency"]


def intraclass(ratings: npt.ArrayLike, design: Design, of_mean: bool = False, level: float = 0.95) -> Agreement:
    """The intraclass correlation of ``ratings``, things × raters (Shrout & Fleiss 1979; intervals by F, McGraw & Wong 1996).

    ``design``: *one-way*, each thing had raters of its own, ICC(1); *agreement*, all things had the same raters, who stand for others, and their
    being kinder counts, ICC(2) or ICC(A); *consistency*, it does not, ICC(3) or ICC(C). ``of_mean``: of the mean of as many raters, else of one.
    Things that not everybody rated are left out: a mean of squares needs whole rows. ``error`` is nan, for the interval is not symmetric; all nan of
    fewer than two things or raters, or where nothing differs.
    """
    held = np.asarray(ratings, float)
    held = held[~np.isnan(held).any(1)] if held.ndim == 2 else held.reshape(0, 0)
    n, k = held.shape
    if n < 2 or k < 2:
        return _unknown(n, "needs two things or more that two raters or more all rated")
    grand, rows, columns = held.mean(), held.mean(1), held.mean(0)
    between = k * ((rows - grand) ** 2).sum() / (n - 1)
    raters = n * ((columns - grand) ** 2).sum() / (k - 1)
    rest = ((held - rows[:, None] - columns[None, :] + grand) ** 2).sum() / ((n - 1) * (k - 1))
    if design == "one-way":
        rest, free = ((held - rows[:, None]) ** 2).sum() / (n * (k - 1)), n * (k - 1)
    else:
        free = (n - 1) * (k - 1)
    extra = k / n * (raters - rest) if design == "agreement" else 0.0
    whole = between + (k - 1) * rest + extra
    if between == 0 or whole == 0:
        return _unknown(n, "nothing differs from thing to thing")
    one = (between - rest) / whole
    tail = (1 - level) / 2
    if rest == 0 and extra == 0:
        low = high = one
    elif design == "agreement":
        low, high = _of_agreement(one, between, raters, rest, n, k, tail)
    else:
        ratio = between / rest
        least = ratio / f_distribution.isf(tail, n - 1, free)
        most = ratio * f_distribution.isf(tail, free, n - 1)
        low, high = ((end - 1) / (end + k - 1) for end in (least, most))
    value, low, high = (_stepped(end, k) if of_mean else end for end in (one, low, high))
    return Agreement(float(value), float(low), float(high), float("nan"), n)


def _of_agreement(
    one: float, between: float, raters: float, rest: float, n: int, k: int, tail: float
) -> tuple[float, float]:
    """Bounds of ICC(A,1), whose degrees of freedom are Satterthwaite's."""
    part = k * one / (n * (1 - one))
    a, b = part, 1 + part * (n - 1)
    free = (a * raters + b * rest) ** 2 / ((a * raters) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1)))
    above, below = f_distribution.isf(tail, n - 1, free), f_distribution.isf(tail, free, n - 1)
    other = k * raters + (k * n - k - n) * rest
    return (
        n * (between - above * rest) / (above * other + n * between),
        n * (below * between - rest) / (other + n * below * between),
    )


def _stepped(one: float, k: int) -> float:
    """Of a mean of ``k`` what holds of one (Spearman and Brown 1910)."""
    return k * one / (1 + (k - 1) * one)


def _unknown(n: int, reason: str) -> Agreement:
    nan = float("nan")
    return Agreement(nan, nan, nan, nan, n, reason)
