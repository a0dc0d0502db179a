"""Kaplan–Meier curves and quantiles where some things have not ended yet, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm

from idp_analytics.estimates import groups

_ROUNDING = 2.0**-26
"""A curve this near to a height is at it: the product of its steps is not exact. The tolerance R uses."""


def curve(
    frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, event: str, level: float = 0.95
) -> pl.DataFrame:
    """The Kaplan–Meier curve per group: the share not yet ended after each time at which something ended.

    ``x`` is the time to the end, or to the last look where ``event`` is false; rows where either is not known are left
    out. Columns: ``by``, ``time``, ``at_risk`` (just before), ``events``, ``survival``, ``low``, ``high``: Greenwood's
    variance on the log-log scale (Kalbfleisch & Prentice 1980; R survfit ``conf.type="log-log"``), which with few ends
    holds the truth more often than the log scale does (Borgan & Liestøl 1990). One row per group and distinct time of an
    end, sorted; ends count before losses at the same time, as is usual. The step to zero has no variance: ``low`` and
    ``high`` are null there, as in R.
    """
    return _steps(_observed(frame, by, x, event), by, level).collect()


def grouped_median(
    frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, event: str, level: float = 0.95
) -> pl.DataFrame:
    """The Kaplan–Meier median of ``x`` per group: :func:`grouped_quantile` of one half."""
    return grouped_quantile(frame, by, x, event, 0.5, level)


def grouped_quantile(
    frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, event: str, share: float, level: float = 0.95
) -> pl.DataFrame:
    """The ``x`` by which ``share`` of each group has ended, with what is still open counted in, not dropped (Kaplan–Meier).

    One row per group, sorted by ``by``: ``by``, ``n``, ``events``, ``censored`` (Int64), ``value``, ``low``, ``high``.
    ``value`` is the first time at which the curve is below 1 − ``share``, or midway between that and the time it came to
    exactly that: where nothing is open the median is the plain median (R survfit; statsmodels' ``quantile`` takes the
    later of the two). Null: the curve never comes down that far.

    ``low`` and ``high`` are where the curve's lower and upper limits do the same (Brookmeyer & Crowley 1982, on the
    log-log scale); ``high`` is null when the interval has no upper end. Both as R gives them. statsmodels'
    ``quantile_ci(method="cloglog")`` differs where the last thing observed ended, since it then ends the interval at that
    time although the variance there is not defined. A group with nothing known keeps its row: n = 0, the rest null.
    """
    rows = _observed(frame, by, x, event).collect()
    whose, numbers = groups.numbered(rows, by)
    return pl.concat(
        [whose, of_groups(numbers, rows["time"], rows["_event"], whose.height, share, level)], how="horizontal"
    )


def of_groups(
    numbers: groups.Numbers, x: pl.Series, event: pl.Series, many: int, share: float = 0.5, level: float = 0.95
) -> pl.DataFrame:
    """The same of groups by number: row ``i`` of ``many`` is that of the times ``x`` (Float64 n) and ends ``event`` (Boolean n) whose group is ``i``.
    Columns: ``n``, ``events``, ``censored``, ``value``, ``low``, ``high``."""
    told = x.fill_null(np.nan).to_numpy()
    known = ~np.isnan(told) & event.is_not_null().to_numpy()
    ended = event.fill_null(False).to_numpy()
    if not known.all():
        numbers, told, ended = numbers[known], told[known], ended[known]
    places, times, limits = groups.together(numbers, told, many)
    start, end, size = limits[:-1], limits[1:], np.diff(limits).astype(np.int64)
    ended = ended[places].astype(np.int64)
    whose = np.repeat(np.arange(many), size)
    # One step for each time at which something ended: how many did, and how many had not before.
    is_first = np.ones(len(times), bool)
    is_first[1:] = times[1:] != times[:-1]
    is_first[start[size > 0]] = True
    first = np.flatnonzero(is_first)
    ends = np.add.reduceat(ended, first) if len(first) else np.zeros(0, np.int64)
    events = np.zeros(many, np.int64)
    events[size > 0] = np.add.reduceat(ended, start[size > 0]) if len(first) else 0
    if (ends == 0).any():
        first, ends = first[ends > 0], ends[ends > 0]
    group = whose[first]
    risk = end[group] - first
    with np.errstate(divide="ignore"):
        steps = pl.DataFrame(
            {"at_risk": risk, "events": ends, "_kept": 1 - ends / risk, "_spread": ends / (risk * (risk - ends))}
        )
    lines = _side_by_side(group, many)
    # The steps of a group follow one another, so that no group has to be looked for.
    steps = steps.with_columns(
        _along(np.multiply, steps["_kept"], lines).alias("survival"),
        (_z(level) * _along(np.add, steps["_spread"], lines).sqrt()).alias("_spread"),
    )
    heights = steps.lazy().select(*_limits()).collect()
    left = 1 - share
    found = {name: _down_to(group, times[first], heights[line].to_numpy(), left, many) for name, line in _LINES.items()}
    return pl.DataFrame({"n": size, "events": events, "censored": size - events, **found}).with_columns(
        pl.col(*found).fill_nan(None)
    )


_LINES = {"value": "survival", "low": "low", "high": "high"}


def _observed(frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, event: str) -> pl.LazyFrame:
    return frame.lazy().select(*by, pl.col(x).cast(pl.Float64).alias("time"), pl.col(event).alias("_event"))


def _known() -> pl.Expr:
    return pl.col("time").is_not_nan().fill_null(False) & pl.col("_event").is_not_null()


def _steps(observed: pl.LazyFrame, by: Sequence[str], level: float) -> pl.LazyFrame:
    """The curves of :func:`curve`."""
    return _heights(
        observed.filter(_known())
        .group_by(*by, "time")
        .agg(pl.len().cast(pl.Int64).alias("_leaving"), pl.col("_event").sum().cast(pl.Int64).alias("events"))
        .sort(*by, "time", nulls_last=True)
        .with_columns(pl.col("_leaving").cum_sum(reverse=True).over(*by).alias("at_risk"))
        .filter(pl.col("events") > 0),
        by,
        level,
    )


def _heights(steps: pl.LazyFrame, by: Sequence[str], level: float) -> pl.LazyFrame:
    """The curves of groups by their ``steps``: ``by``, ``time``, ``at_risk``, ``events`` (at least 1), sorted."""
    risk, events = pl.col("at_risk"), pl.col("events")
    spread = _z(level) * (events / (risk * (risk - events))).cum_sum().over(*by).sqrt()
    return steps.with_columns(
        (1 - events / risk).cum_prod().over(*by).alias("survival"), spread.alias("_spread")
    ).select(*by, "time", "at_risk", "events", *_limits())


def _z(level: float) -> float:
    return float(norm.isf((1 - level) / 2))


def _limits() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """``survival``, and ``low`` and ``high`` from its ``_spread``; null where all that were left have ended."""
    survival, some = pl.col("survival"), pl.col("at_risk") > pl.col("events")
    power = (pl.col("_spread") / survival.log().abs()).exp()
    return (
        survival,
        pl.when(some).then(survival**power).alias("low"),
        pl.when(some).then(survival ** (1 / power)).alias("high"),
    )


Places = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]


def _side_by_side(group: groups.Numbers, many: int) -> Places:
    """Tables of the places of a sorted ``group``: a line for each group, those of alike many steps in one, with which of its places there are."""
    size, start = groups.sizes(group, many)
    found = []
    for digits in range(1, int(size.max(initial=0)).bit_length() + 1):
        alike = np.flatnonzero((size >= 2 ** (digits - 1)) & (size < 2**digits))
        if len(alike):
            there = np.arange(size[alike].max()) < size[alike, None]
            found.append((np.where(there, start[alike, None] + np.arange(there.shape[1]), 0), there))
    return found


def _along(together: np.ufunc, values: pl.Series, places: Places) -> pl.Series:
    """In each group what its steps make one after the other, from the first on, so that rounding is that of one group alone."""
    told = values.to_numpy()
    found = np.empty(len(told))
    for place, there in places:
        found[place[there]] = together.accumulate(told[place], axis=1)[there]
    return pl.Series(found)


def _down_to(
    group: groups.Numbers, time: npt.NDArray[np.float64], height: npt.NDArray[np.float64], left: float, many: int
) -> npt.NDArray[np.float64]:
    """When a line of each of ``many`` curves (``group``, sorted) first is below ``left``; where it rests on just that, the middle of that rest
    (R survfit). nan: never."""
    at, later, first = (np.full(many, np.nan) for _ in range(3))
    with np.errstate(invalid="ignore"):
        place = _firsts(group, height <= left + _ROUNDING)
        at[group[place]], first[group[place]] = time[place], height[place]
        place = _firsts(group, height < first[group])
    later[group[place]] = time[place]
    rests = (first >= left - _ROUNDING) & ~np.isnan(later)
    return np.where(rests, (at + later) / 2, at)


def _firsts(group: groups.Numbers, holds: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The first place of each group at which something holds, of those where it does anywhere."""
    places = np.flatnonzero(holds)
    told = group[places]
    is_first = np.ones(len(places), bool)
    is_first[1:] = told[1:] != told[:-1]
    return places[is_first]
