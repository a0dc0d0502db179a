"""Answers in order (1 to 5, 0 to 10), counted per answer: is one group's higher than another's, and where is the middle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, t, wilcoxon

from idp_analytics.estimates.medians import order_statistic_ranks

Array = npt.NDArray[np.float64]
Interval = tuple[Array, Array, Array]


def higher(before: npt.ArrayLike, now: npt.ArrayLike, level: float = 0.95) -> Interval:
    """The chance that an answer now is higher than one before, a tie counting half, with Brunner & Munzel's interval (2000).

    ``before``, ``now``: how many gave each answer, answers ascending along the last axis, groups along the others. One half is
    no difference. Chance, low, high, each 0–1; all nan where either group is empty; the interval is nan where a group has one
    answer only or the groups do not overlap or do not vary, since there is no variance to go by.
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
        half = np.where(error > 0, t.isf((1 - level) / 2, freedom) * error, np.nan)
    return chance, np.maximum(chance - half, 0.0), np.minimum(chance + half, 1.0)


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
    apart = np.asarray(before, float) - np.asarray(now, float)
    apart = apart[~np.isnan(apart)]
    changed, same = int((apart != 0).sum()), int((apart == 0).sum())
    if changed == 0:
        return 0.0, np.nan, 0, same
    found = wilcoxon(apart, zero_method="pratt", alternative=alternative)
    ranks = rankdata(np.abs(apart))
    return float(ranks[apart > 0].sum()), float(found.pvalue), changed, same
