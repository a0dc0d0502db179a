"""Judgements on a scale: whether one side judges higher than the other, how far raters lie apart, how much is theirs and how
much the things'. Whether they agree beyond chance is :mod:`idp_analytics.estimates.agreement`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, f, friedmanchisquare, t

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Test:
    """A test of whether two raters use the levels alike: χ², degrees of freedom, and the chance of one so large if they did."""

    statistic: float
    freedom: int
    p: float

    __test__ = False  # no test of pytest's


def symmetry(table: npt.ArrayLike) -> Test:
    """Bowker's test (1948): is "this one says so, the other so" as frequent as the reverse? ``table``: levels × levels.

    Two levels that were never confused tell nothing and bring no degree of freedom. p is nan without any.
    """
    counts = np.asarray(table, float)
    upper = np.triu_indices(len(counts), 1)
    one, other = counts[upper], counts.T[upper]
    told = one + other > 0
    freedom = int(told.sum())
    statistic = float(((one - other)[told] ** 2 / (one + other)[told]).sum())
    return Test(statistic, freedom, float(chi2.sf(statistic, freedom)) if freedom else np.nan)


def homogeneity(table: npt.ArrayLike) -> Test:
    """Stuart's and Maxwell's test (1955, 1970): do both use each level as often? ``table``: levels × levels.

    Levels that neither uses are left out. p is nan where fewer than two are left or some are only ever used by both at once.
    """
    from statsmodels.stats.contingency_tables import SquareTable

    counts = np.asarray(table, float)
    # A level that was never confused with another is used as often by both, whatever else is so.
    mixed = counts.sum(0) + counts.sum(1) - 2 * np.diagonal(counts) > 0
    counts = counts[np.ix_(mixed, mixed)]
    if len(counts) < 2 or np.linalg.matrix_rank(_spread(counts)) < len(counts) - 1:
        return Test(np.nan, max(len(counts) - 1, 0), np.nan)
    found = SquareTable(counts, shift_zeros=False).homogeneity()
    return Test(float(found.statistic), int(found.df), float(found.pvalue))


def _spread(counts: Array) -> Array:
    """The variance of the differences of the margins, of all levels but the last."""
    sums = counts.sum(0) + counts.sum(1)
    spread: Array = np.diag(sums) - counts - counts.T
    return spread[:-1, :-1]


def leaning(table: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float, int]:
    """By how many levels the second rater judges higher than the first on average: mean, low, high (t of n − 1) and how many things.

    ``table``: levels × levels, ascending, rows the first rater's. Beside :func:`symmetry`, which says whether, not how far nor in which direction.
    All nan of nothing; the interval of fewer than two things, or where all differ alike.
    """
    counts = np.asarray(table, float)
    steps = np.arange(len(counts), dtype=float)
    by = steps[None, :] - steps[:, None]
    n = int(counts.sum())
    if n == 0:
        return np.nan, np.nan, np.nan, 0
    mean = float((counts * by).sum() / n)
    spread = float((counts * (by - mean) ** 2).sum())
    if n < 2 or spread < 1e-9:
        return mean, np.nan, np.nan, n
    half = float(t.isf((1 - level) / 2, n - 1)) * float(np.sqrt(spread / (n - 1) / n))
    return mean, mean - half, mean + half, n


@dataclass(frozen=True)
class Correlation:
    """An intraclass correlation with its interval."""

    value: float
    low: float
    high: float


def intraclass(ratings: npt.ArrayLike, level: float = 0.95) -> dict[str, Correlation]:
    """The six intraclass correlations (Shrout & Fleiss 1979) of ``ratings``, things × raters, all known.

    ``1``: other raters for each thing; ``2``: the same, drawn from many, and how high each judges counts; ``3``: the same and only these; of one rater, or
    with ``k`` of the mean of all. How much of the variance is the things'. Empty with fewer than two of either, where
    nothing varies, raters never differ, or things do not: there is nothing to divide by.
    """
    held = np.asarray(ratings, float)
    n, k = held.shape if held.ndim == 2 else (len(held), 1)
    if n < 2 or k < 2 or np.isnan(held).any() or np.ptp(held) == 0:
        return {}
    mean, things, raters = held.mean(), held.mean(1), held.mean(0)
    between = k * ((things - mean) ** 2).sum() / (n - 1)
    within = ((held - things[:, None]) ** 2).sum() / (n * (k - 1))
    judges = n * ((raters - mean) ** 2).sum() / (k - 1)
    rest = ((held - things[:, None] - raters + mean) ** 2).sum() / ((n - 1) * (k - 1))
    if rest <= 1e-12 * between or within <= 1e-12 * between or between <= 1e-12 * within:
        return {}
    tail = (1 - level) / 2

    def bounds(ratio: float, over: float) -> tuple[float, float]:
        return ratio / float(f.isf(tail, n - 1, over)), ratio * float(f.isf(tail, over, n - 1))

    one = bounds(between / within, n * (k - 1))
    three = bounds(between / rest, (n - 1) * (k - 1))
    two = (between - rest) / (between + (k - 1) * rest + k * (judges - rest) / n)
    a, b = k * two / (n * (1 - two)), 1 + k * two * (n - 1) / (n * (1 - two))
    freedom = (a * judges + b * rest) ** 2 / ((a * judges) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1)))
    lower, upper = float(f.isf(tail, n - 1, freedom)), float(f.isf(tail, freedom, n - 1))
    spread = k * judges + (k * n - k - n) * rest
    of_two = (
        n * (between - lower * rest) / (lower * spread + n * between),
        n * (upper * between - rest) / (spread + n * upper * between),
    )
    return {
        "1": Correlation((between - within) / (between + (k - 1) * within), *((r - 1) / (r + k - 1) for r in one)),
        "2": Correlation(two, *of_two),
        "3": Correlation((between - rest) / (between + (k - 1) * rest), *((r - 1) / (r + k - 1) for r in three)),
        "1k": Correlation(1 - within / between, *(1 - 1 / r for r in one)),
        "2k": Correlation(*(_of_the_mean(r, k) for r in (two, *of_two))),
        "3k": Correlation(1 - rest / between, *(1 - 1 / r for r in three)),
    }  # fmt: skip


def _of_the_mean(one: float, k: int) -> float:
    """The correlation of the mean of ``k`` raters from that of ``one`` (Spearman 1910; Brown 1910); nan where no mean has one so low."""
    return k * one / (1 + (k - 1) * one) if one > -1 / (k - 1) else float("nan")


def concordance(ranks: npt.ArrayLike) -> tuple[float, float, int]:
    """Kendall's W (Kendall & Babington Smith 1939): how far raters put the same things in the same order, from 0 to 1, corrected for ties.

    ``ranks``: raters × things, any numbers that put things in order; who left one out is not used. W, the chance of one so large if all
    orders were random (χ² of Friedman 1937: too careful for few raters and things), and how many raters. nan below two raters or
    three things, and where everybody ties everything.
    """
    held = np.asarray(ranks, float)
    held = held[~np.isnan(held).any(1)] if held.ndim == 2 else np.empty((0, 0))
    n, things = held.shape
    if n < 2 or things < 3 or not np.ptp(held, axis=1).any():
        return np.nan, np.nan, n
    found = friedmanchisquare(*held.T)
    return float(found.statistic) / (n * (things - 1)), float(found.pvalue), n


def average_deviation(ratings: npt.ArrayLike, steps: int) -> tuple[Array, bool]:
    """How far raters lie from the median of one thing on average, per item (Burke, Finkelstein & Dusig 1999), and whether the mean over
    items is within a sixth of the ``steps`` of the scale, as far as agreement may be spoken of (Burke & Dunlap 2002).

    ``ratings``: raters × items, nan where one was left out; nan for an item fewer than two judged.
    """
    held = np.asarray(ratings, float)
    found = np.full(held.shape[1], np.nan)
    for item, values in enumerate(held.T):
        told = values[~np.isnan(values)]
        if len(told) >= 2:
            found[item] = np.abs(told - np.median(told)).mean()
    known = found[~np.isnan(found)]
    return found, bool(len(known) and known.mean() <= steps / 6)


def within_group(ratings: npt.ArrayLike, steps: int) -> float:
    """r*wg: one less the mean variance of the items over that of answering at random (Lindell, Brandt & Whitney 1999), (steps² − 1) ÷ 12.

    ``ratings``: raters × items of one thing, nan where one was left out. 1 is perfect agreement, 0 that of chance, below it camps.
    Unlike the older rwg it does not grow with the number of items. nan where no item was judged by two.
    """
    held = np.asarray(ratings, float)
    told = held[:, (~np.isnan(held)).sum(0) >= 2]
    if told.shape[1] == 0:
        return float(np.nan)
    return float(1 - np.nanvar(told, axis=0, ddof=1).mean() / ((steps**2 - 1) / 12))
