"""One number for several items: the mean of the shares of favourable answers, and how sure it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from idp_analytics.estimates.estimate import Estimate
from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]

FEWEST = 10
"""Respondents below which an index has no interval: drawn anew, so few say too often how sure they are."""

DRAWS, SEED = 4000, 20_260_701


def index(
    answers: npt.ArrayLike, favourable: float = 4, level: float = 0.95, draws: int = DRAWS, seed: int = SEED
) -> Estimate:
    """The mean over items of the share of their answers that are ``favourable`` or higher, 0–1.

    ``answers``: respondents × items, nan is no answer; respondents without any are missing, and items nobody answered are left out.
    The interval is that of whole respondents drawn anew (percentiles, Efron 1979), since the answers of one person go together;
    where all respondents are alike, Wilson's of as many people. The same bytes for the same ``seed``. No interval below
    :data:`FEWEST` respondents.
    """
    good, given, missing = _counted(answers, favourable)
    n = len(good)
    if n == 0:
        return Estimate.unknown(0, "nobody answered", missing)
    value = float(_of(good.sum(axis=0), given.sum(axis=0)))
    if n < FEWEST:
        return Estimate(
            value, None, None, n, missing, reason=f"{n} respondents, and {FEWEST} are needed for an interval"
        )
    drawn = _drawn(good, given, draws, np.random.default_rng(seed))
    if np.ptp(drawn) < 1e-12:
        low, high = wilson(value * n, n, level)
        return Estimate(value, float(low), float(high), n, missing, method="Wilson: all respondents are alike")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value, min(float(low), value), max(float(high), value), n, missing, float(drawn.std(ddof=1)), "bootstrap"
    )


def difference(
    before: npt.ArrayLike, now: npt.ArrayLike, favourable: float = 4, level: float = 0.95, draws: int = DRAWS, seed: int = SEED
) -> Estimate:  # fmt: skip
    """Index ``now`` less index ``before``, −1 to 1, of different respondents to the same items; interval as for :func:`index`.

    Only items answered in both: an index of other items is another index. Where one side's respondents are all alike, the two
    intervals are put together (Newcombe 1998, method 10 on shares). ``n`` is of both sides. Null where nobody answered on a side, and
    without interval below :data:`FEWEST` respondents on one.
    """
    then_table, now_table = _as_table(before), _as_table(now)
    shared = ~np.isnan(then_table).all(axis=0) & ~np.isnan(now_table).all(axis=0)
    sides = [_counted(table[:, shared], favourable) for table in (then_table, now_table)]
    sizes, missing = [len(good) for good, _, _ in sides], sum(m for _, _, m in sides)
    n = sum(sizes)
    if min(sizes) == 0:
        return Estimate.unknown(n, "nobody answered the same items before and now", missing)
    was, is_ = (float(_of(good.sum(axis=0), given.sum(axis=0))) for good, given, _ in sides)
    if min(sizes) < FEWEST:
        reason = f"{min(sizes)} respondents on one side, and {FEWEST} are needed for an interval"
        return Estimate(is_ - was, None, None, n, missing, reason=reason)
    rng = np.random.default_rng(seed)
    drawn_was, drawn_is = (_drawn(good, given, draws, rng) for good, given, _ in sides)
    change = is_ - was
    if min(np.ptp(drawn_was), np.ptp(drawn_is)) < 1e-12:
        one, other = (
            index(table[:, shared], favourable, level, draws, seed + side)
            for side, table in enumerate((now_table, then_table))
        )
        assert one.low is not None and one.high is not None and other.low is not None and other.high is not None
        low = change - float(np.hypot(is_ - one.low, other.high - was))
        high = change + float(np.hypot(one.high - is_, was - other.low))
        return Estimate(change, low, high, n, missing, method="Newcombe: respondents of one side are alike")
    drawn = drawn_is - drawn_was
    low, high = (float(end) for end in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(change, min(low, change), max(high, change), n, missing, float(drawn.std(ddof=1)), "bootstrap")


def _as_table(answers: npt.ArrayLike) -> Array:
    table = np.asarray(answers, float)
    return table[:, None] if table.ndim == 1 else table


def _counted(answers: npt.ArrayLike, favourable: float) -> tuple[Array, Array, int]:
    """Respondents × items: 1 where favourable, 1 where answered; and how many respondents answered nothing."""
    table = _as_table(answers)
    given = ~np.isnan(table)
    answered = given.any(axis=1)
    with np.errstate(invalid="ignore"):
        good = (table >= favourable) & given
    return good[answered].astype(float), given[answered].astype(float), int((~answered).sum())


def _of(good: Array, given: Array) -> Array:
    """The mean over the items somebody answered (last axis) of the share favourable."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(given > 0, good / given, 0.0)
    mean: Array = share.sum(axis=-1) / (given > 0).sum(axis=-1)
    return mean


def _drawn(good: Array, given: Array, draws: int, rng: np.random.Generator) -> Array:
    """The index of ``draws`` samples of respondents with replacement; whole numbers are added, so in any order the same."""
    n = len(good)
    times = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    return _of(times @ good, times @ given)
