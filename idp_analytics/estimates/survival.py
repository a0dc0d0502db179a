"""Kaplan–Meier curves and quantiles where some things have not ended yet, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from scipy.stats import norm

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
    observed = _observed(frame, by, x, event)
    known = _known()
    # Groups by number: texts are looked at once, not in each of the steps below.
    groups = observed.select(*by).unique().sort(*by, nulls_last=True).with_row_index("_group")
    held = observed.join(groups, on=list(by), how="left", nulls_equal=True).select("_group", "time", "_event")
    counts = held.group_by("_group").agg(
        known.sum().cast(pl.Int64).alias("n"),
        (known & pl.col("_event")).sum().cast(pl.Int64).alias("events"),
        (known & ~pl.col("_event")).sum().cast(pl.Int64).alias("censored"),
    )
    left = 1 - share
    quantiles = (
        _steps(held, ("_group",), level)
        .group_by("_group", maintain_order=True)
        .agg(
            _down_to("survival", left).alias("value"),
            _down_to("low", left).alias("low"),
            _down_to("high", left).alias("high"),
        )
    )
    found = groups.join(counts, on="_group", how="left").join(quantiles, on="_group", how="left")
    return found.sort("_group").drop("_group").collect()


def _observed(frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, event: str) -> pl.LazyFrame:
    return frame.lazy().select(*by, pl.col(x).cast(pl.Float64).alias("time"), pl.col(event).alias("_event"))


def _known() -> pl.Expr:
    return pl.col("time").is_not_nan().fill_null(False) & pl.col("_event").is_not_null()


def _steps(observed: pl.LazyFrame, by: Sequence[str], level: float) -> pl.LazyFrame:
    """The curves of :func:`curve`."""
    z = float(norm.isf((1 - level) / 2))
    risk, events, survival = pl.col("at_risk"), pl.col("events"), pl.col("survival")
    spread = z * (events / (risk * (risk - events))).cum_sum().over(*by).sqrt()
    return (
        observed.filter(_known())
        .group_by(*by, "time")
        .agg(pl.len().cast(pl.Int64).alias("_leaving"), pl.col("_event").sum().cast(pl.Int64).alias("events"))
        .sort(*by, "time", nulls_last=True)
        .with_columns(pl.col("_leaving").cum_sum(reverse=True).over(*by).alias("at_risk"))
        .filter(events > 0)
        .with_columns((1 - events / risk).cum_prod().over(*by).alias("survival"), spread.alias("_spread"))
        .with_columns((pl.col("_spread") / survival.log().abs()).exp().alias("_power"))
        .select(
            *by, "time", "at_risk", "events", "survival",
            pl.when(risk > events).then(survival ** pl.col("_power")).alias("low"),
            pl.when(risk > events).then(survival ** (1 / pl.col("_power"))).alias("high"),
        )
    )  # fmt: skip


def _down_to(line: str, left: float) -> pl.Expr:
    """When ``line`` first is below ``left``; where it rests on just that, the middle of that rest (R survfit)."""
    time, height = pl.col("time"), pl.col(line)
    reached = height <= left + _ROUNDING
    first = height.filter(reached).first()
    at = time.filter(reached).first()
    later = time.filter(height < first).first()
    return pl.when((first >= left - _ROUNDING) & later.is_not_null()).then((at + later) / 2).otherwise(at)
