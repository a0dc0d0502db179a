"""Answers in order (1 to 5, 0 to 10), counted per answer: is one group's higher than another's, and where is the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln
from scipy.stats import norm, rankdata, t, wilcoxon

from idp_analytics.estimates.estimate import Estimate
from idp_analytics.estimates.medians import order_statistic_ranks

Array = npt.NDArray[np.float64]
Interval = tuple[Array, Array, Array]

LATE_N = 10
"""Answers on either side below which first and late answers are not compared."""


@dataclass(frozen=True)
class Compared:
    """The chance that an answer now is higher than one before, elementwise: ``chance``, ``low``, ``high`` (0–1), two-sided ``p``.

    ``statistic``, ``freedom``: Brunner & Munzel's; nan where ``is_exact``: there was no variance to go by, the interval is Newcombe's
    and ``p`` that of all arrangements of the answers.
    """

    chance: Array
    low: Array
    high: Array
    p: Array
    statistic: Array
    freedom: Array
    is_exact: npt.NDArray[np.bool_]


def higher(before: npt.ArrayLike, now: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Chance, low, high of :func:`compared`."""
    told = compared(before, now, level)
    return told.chance, told.low, told.high


def compared(before: npt.ArrayLike, now: npt.ArrayLike, level: float = 0.95) -> Compared:
    """The chance that an answer now is higher than one before, a tie counting half, with Brunner & Munzel's interval and test (2000).

    ``before``, ``now``: how many gave each answer, answers ascending along the last axis, groups along the others. One half is
    no difference. nan only where a group is empty. Where the groups do not overlap, nothing varies or a group is of one answer
    there is no variance: then Newcombe's interval (2006, method 5), which needs none, and the exact p of all arrangements, whose word
    on one half holds.
    """
    x, y = np.asarray(before, float), np.asarray(now, float)
    n, m = x.sum(-1), y.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of each answer: the share of the other group below it, ties half.
        below_x, below_y = ((np.cumsum(z, -1) - z / 2) / z.sum(-1, keepdims=True) for z in (x, y))
        chance = (y * below_x).sum(-1) / m
        spread = [
            (z * (f - (z * f).sum(-1, keepdims=True) / size[..., None]) ** 2).sum(-1) / (size - 1) / size
            for z, f, size in ((x, below_y, n), (y, below_x, m))
        ]
        error = np.sqrt(spread[0] + spread[1])
        freedom = (spread[0] + spread[1]) ** 2 / (spread[0] ** 2 / (n - 1) + spread[1] ** 2 / (m - 1))
        # Rounding leaves a hair of variance where there is none.
        varies = error > 1e-9
        half = np.where(varies, t.isf((1 - level) / 2, freedom) * error, np.nan)
        statistic = np.where(varies, (chance - 0.5) / error, np.nan)
        p = np.where(varies, 2 * t.sf(np.abs(statistic), freedom), _of_all_arrangements(x, y, chance))
    low, high = np.maximum(chance - half, 0.0), np.minimum(chance + half, 1.0)
    is_exact = ~varies & ~np.isnan(chance)
    if is_exact.any():
        # Among a handful the interval can be a hair closer than what arrangements allow: 3 and 3 that do not overlap come one time in ten.
        unsure = p > 1 - level
        least, most = _least(chance, n, m, level), 1 - _least(1 - chance, n, m, level)
        low = np.where(is_exact, np.where(unsure, np.minimum(least, 0.5), least), low)
        high = np.where(is_exact, np.where(unsure, np.maximum(most, 0.5), most), high)
    return Compared(chance, low, high, p, statistic, np.where(varies, freedom, np.nan), is_exact)


def late(first: npt.ArrayLike, reminded: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Whether who answered only after a reminder answered otherwise: the chance that a late answer is higher than an early one.

    ``first``, ``reminded``: how many gave each answer, ascending. An interval without one half is a sign that who did not answer at
    all thinks otherwise too (Armstrong & Overton 1977); one with it proves nothing. Null below :data:`LATE_N` answers on a side.
    """
    early, after = np.asarray(first, float), np.asarray(reminded, float)
    sizes = int(early.sum()), int(after.sum())
    if min(sizes) < LATE_N:
        return Estimate.unknown(
            sum(sizes), f"{sizes[0]} first and {sizes[1]} late answers, and {LATE_N} of each are needed"
        )
    told = compared(early, after, level)
    method = "Newcombe 2006" if told.is_exact else "Brunner–Munzel"
    return Estimate(float(told.chance), float(told.low), float(told.high), sum(sizes), method=method)


def median(counts: npt.ArrayLike, answers: npt.ArrayLike, level: float = 0.95) -> Interval:
    """The median answer with its order-statistic interval (Conover 1999), per group.

    ``counts``: groups × answers, ``answers`` ascending. Of an even number the lower and the upper middle answer are averaged.
    Median, low, high in the unit of the answers; nan where a group is empty, the interval also where it is too small for one.
    """
    held, values = np.asarray(counts, np.int64), np.asarray(answers, float)
    upto = held.cumsum(-1)
    n = upto[..., -1]
    lower, upper, _ = order_statistic_ranks(n, 0.5, level)

    def ranked(rank: npt.NDArray[np.int64]) -> Array:
        found = values[np.argmax(upto >= rank[..., None], -1)]
        return np.where((rank >= 1) & (rank <= n), found, np.nan)

    middle = (ranked((n + 1) // 2) + ranked(n // 2 + 1)) / 2
    return middle, ranked(np.asarray(lower)), ranked(np.asarray(upper))


def paired(before: npt.ArrayLike, now: npt.ArrayLike, alternative: str = "two-sided") -> tuple[float, float, int, int]:
    """The same people twice: is the second answer another than the first (Wilcoxon 1945; ties by Pratt 1959)?

    ``before``, ``now``: one answer of each person, in the same order. The sum of the ranks by which ``before`` is higher, the chance of one so
    far out if nothing changed (``alternative``: *greater* asks whether ``before`` is higher), how many did change and how many said the
    same. Those who said the same are counted and keep their ranks: left out, as is usual, a change of three in a
    hundred would look like one of all. The chance is nan where nobody changed.
    """
    # What differs by rounding alone is the same.
    apart = np.round(np.asarray(before, float) - np.asarray(now, float), 9)
    apart = apart[~np.isnan(apart)]
    changed, same = int((apart != 0).sum()), int((apart == 0).sum())
    if changed == 0:
        return 0.0, np.nan, 0, same
    found = wilcoxon(apart, zero_method="pratt", alternative=alternative)
    ranks = rankdata(np.abs(apart))
    return float(ranks[apart > 0].sum()), float(found.pvalue), changed, same


def _least(chance: Array, n: Array, m: Array, level: float) -> Array:
    """The lowest chance that ``chance`` does not contradict, its variance that of Hanley & McNeil (1982) at the chance asked about."""
    z, half = norm.isf((1 - level) / 2), (n + m) / 2 - 1
    low, high = np.zeros_like(chance), np.array(chance, float)
    for _ in range(60):
        asked = (low + high) / 2
        variance = (
            asked * (1 - asked) * (1 + half * (1 - asked) / (2 - asked) + half * asked / (1 + asked)) / np.maximum(n * m, 1)
        )  # fmt: skip
        is_below = chance - asked > z * np.sqrt(variance)
        low, high = np.where(is_below, asked, low), np.where(is_below, high, asked)
    return low


def _of_all_arrangements(x: Array, y: Array, chance: Array) -> Array:
    """The two-sided p over all ways to deal the answers to the groups, where these do not overlap, nothing varies or one is single."""
    n, m = x.sum(-1), y.sum(-1)
    apart = np.minimum(1.0, 2 * np.exp(gammaln(n + 1) + gammaln(m + 1) - gammaln(n + m + 1)))
    pooled = x + y
    rest = pooled.sum(-1, keepdims=True) - 1
    # The chance if the single answer were each of all answers in turn; which group it makes does not matter for its distance.
    far = np.abs((np.cumsum(pooled, -1) - pooled / 2 - 0.5) / rest - 0.5)
    single = (pooled * (far >= np.abs(chance - 0.5)[..., None] - 1e-9)).sum(-1) / (rest[..., 0] + 1)
    is_apart = (chance == 0) | (chance == 1)
    return np.where(np.isnan(chance), np.nan, np.where(is_apart, apart, np.where((n == 1) | (m == 1), single, 1.0)))
