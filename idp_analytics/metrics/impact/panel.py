"""A metric as units × periods: the numbers of the answers, and how much each weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict

Array = npt.NDArray[np.float64]
Periods = npt.NDArray[np.int64]

TIMED = (Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN)
COUNTED = (Estimator.SHARE, Estimator.DAYS, Estimator.WORKING_DAYS)
PER = (Estimator.RATE, Estimator.EXPOSURE)
SHORTEST = 1 / 3600
"""What a median of no time at all counts as on the log scale."""


@dataclass(frozen=True)
class Panel:
    """``values``: units × periods, oldest first, nan where nothing is known; of medians the logarithm (``is_ratio``), since what changes durations changes
    them by a factor. ``weights``: observations behind each, of counts per time 1. ``n``, ``missing``: usable observations, and those not. ``starts``: first
    days of the periods. All complete ones, and none else."""

    units: tuple[str, ...]
    starts: tuple[date, ...]
    values: Array
    weights: Array
    n: Periods
    missing: Periods
    is_ratio: bool

    def taken_up(self, adopted: Mapping[str, date | None]) -> Periods:
        """The period in which each unit took it up: −1 before the first, the number of periods: not by the end."""
        size = len(self.starts)
        days = [adopted.get(unit) for unit in self.units]
        at = np.searchsorted(
            np.array(self.starts, dtype="datetime64[D]"), np.array([day or "NaT" for day in days], dtype="datetime64[D]"), side="right"
        ) - 1  # fmt: skip
        # NaT sorts last. A day in the period that is not over is after all that are.
        end = np.datetime64(self.end) if size else None
        late = np.array([day is None or (end is not None and np.datetime64(day) >= end) for day in days], dtype=bool)
        return np.where(late, size, at).astype(np.int64)

    @property
    def end(self) -> date | None:
        """The first day after the last period."""
        if not self.starts:
            return None
        if len(self.starts) > 1 and (self.starts[1] - self.starts[0]).days == 7:
            return date.fromordinal(self.starts[-1].toordinal() + 7)
        last = self.starts[-1]
        return date(last.year + last.month // 12, last.month % 12 + 1, 1)


def panel(answers: pl.DataFrame, metric: Metric, units: Sequence[str], every: str) -> Panel:
    """The :class:`Panel` of ``metric`` from ``answers`` (:func:`compute`) at the units' scope, for ``units`` by periods of ``every``.

    Partial periods and those not measured are left out. A share is k ÷ n from one observation on, since its weight says how little that is; a median is
    known from the fewest its metric prints; no event in a period is a rate of 0 from the unit's first event on, before which nobody knows
    whether it was there. Else missing is missing.
    """
    rows = answers.filter(
        pl.col("metric") == metric.name, pl.col("every") == every, ~pl.col("is_partial"), pl.col("detail").is_null(),
        pl.col("verdict") != Verdict.NOT_MEASURED.value,
    )  # fmt: skip
    starts = rows["period_start"].unique().sort()
    grid = (
        pl.DataFrame({"entity_id": list(units)}, schema={"entity_id": pl.String})
        .with_row_index("_unit")
        .join(starts.to_frame(), how="cross")
    )
    n, k, kind = pl.col("n"), pl.col("k"), metric.estimator
    some = (n > 0).fill_null(False)
    value: pl.Expr = pl.col("value")
    weight: pl.Expr = n
    if kind in COUNTED:
        value = pl.when(some).then(k / n)
    elif kind in PER:
        # What a bound stands beside was looked at: nothing happened, which is a rate of 0.
        began = some.cum_max().over("entity_id", order_by="period_start")
        value, weight = pl.when(~some & began & pl.col("high").is_not_null()).then(0.0).otherwise(value), pl.lit(1)
    elif kind in TIMED:
        value = pl.when(value.is_not_null()).then(pl.max_horizontal(value, pl.lit(SHORTEST)).log())
        weight = k if kind is Estimator.SURVIVAL_MEDIAN else n
    table = (
        grid.join(rows.select("entity_id", "period_start", "value", "high", "n", "k", "missing"), on=["entity_id", "period_start"], how="left")
        .with_columns(value.cast(pl.Float64).alias("_x"), weight.cast(pl.Float64).alias("_w"))
        .sort("_unit", "period_start")
    )  # fmt: skip
    shape = (len(units), len(starts))
    values, weights = (table[name].fill_null(np.nan).to_numpy().reshape(shape) for name in ("_x", "_w"))
    counts = [table[name].fill_null(0).cast(pl.Int64).to_numpy().reshape(shape) for name in ("n", "missing")]
    weights = np.where(np.isnan(values), 0.0, np.nan_to_num(weights))
    values = np.where(weights > 0, values, np.nan)
    return Panel(tuple(units), tuple(starts.to_list()), values, weights, counts[0], counts[1], kind in TIMED)


def together(one: Panel, at: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """The units ``at`` as one series: their weighted mean per period, and its weight."""
    w = one.weights[at]
    total = w.sum(axis=0)
    summed = (w * np.nan_to_num(one.values[at])).sum(axis=0)
    return np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0), total
