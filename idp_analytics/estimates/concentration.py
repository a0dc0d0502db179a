"""Whether many share in something or few have it all: Gini's coefficient and the Lorenz curve, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from scipy.stats import norm

from idp_analytics.estimates.adding import added


def gini(frame: pl.DataFrame, by: Sequence[str], amount: str, level: float = 0.95) -> pl.DataFrame:
    """Gini's coefficient of ``amount`` (≥ 0; null is left out) over the rows of each group, one row per group, sorted by ``by``.

    Columns: ``by``, ``n`` (rows, those with 0 among them), ``total``, ``value``, ``low``, ``high``, ``biased``, ``largest`` (the share of
    the largest), ``same`` (Σ share², Herfindahl & Hirschman). ``value`` is Gini's with n / (n − 1), so that 1 is one has it all, also
    of few (Deaton 1997; R DescTools ``Gini``); ``biased`` without. Interval: jackknife, normal (Yitzhaki 1991), cut at 0 and 1; where
    few rows hold nearly all it is too narrow. Nulls where there are fewer than 2 rows or all are 0, no interval below 3.
    """
    z = float(norm.isf((1 - level) / 2))
    x, n = pl.col("_x"), pl.col("_n")
    ranked = (
        frame.select(*by, pl.col(amount).cast(pl.Float64).alias("_x"))
        .drop_nulls("_x")
        .sort(*by, "_x", nulls_last=True)
        .with_columns(
            pl.len().cast(pl.Float64).over(by).alias("_n"), pl.int_range(1, pl.len() + 1).over(by).alias("_i")
        )
        .with_columns(added(x).over(by).alias("_t"), added(x * pl.col("_i")).over(by).alias("_s"))
    )
    above = pl.col("_t") - x.cum_sum().over(by)
    total, weighed, fewer = pl.col("_t") - x, pl.col("_s") - pl.col("_i") * x - above, n - 1
    # What is left of the coefficient without this row, the ranks above it one lower.
    without = pl.when((total > 0) & (n > 2)).then(
        (2 * weighed / (fewer * total) - (fewer + 1) / fewer) * fewer / (fewer - 1)
    )
    biased = pl.when(pl.col("_t") > 0).then(2 * pl.col("_s") / (n * pl.col("_t")) - (n + 1) / n)
    told = ranked.with_columns(without.alias("_w"), biased.alias("_g"), (x / pl.col("_t")).fill_nan(0.0).alias("_p"))
    w = pl.col("_w")
    centre = added(w) / w.count()
    groups = told.with_columns(centre.over(by).alias("_c")).group_by(*by).agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col("_t").first().alias("total"), pl.col("_g").first().alias("biased"),
        pl.col("_p").max().alias("largest"), added(pl.col("_p") ** 2).alias("same"),
        (added((w - pl.col("_c")) ** 2) * (w.count() - 1) / w.count()).sqrt().alias("_e"), (w.count() == pl.len()).alias("_all"),
    )  # fmt: skip
    size, some = pl.col("n"), (pl.col("n") > 1) & (pl.col("total") > 0)
    value = pl.when(some).then((pl.col("biased") * size / (size - 1)).clip(0, 1))
    bounded = some & (size > 2) & pl.col("_all")
    return (
        groups.with_columns(value.alias("value"))
        .with_columns(
            pl.when(bounded).then((pl.col("value") - z * pl.col("_e")).clip(0, 1)).alias("low"),
            pl.when(bounded).then((pl.col("value") + z * pl.col("_e")).clip(0, 1)).alias("high"),
            *(pl.when(pl.col("total") > 0).then(name).alias(name) for name in ("biased", "largest", "same")),
        )
        .select(*by, "n", "total", "value", "low", "high", "biased", "largest", "same")
        .sort(*by, nulls_last=True)
    )


def lorenz(frame: pl.DataFrame, by: Sequence[str], amount: str) -> pl.DataFrame:
    """The Lorenz curve (1905) per group: ``by``, ``rows_share`` and ``amount_share``, from 0, 0, the smallest first.

    One row per row of ``frame`` that has an ``amount``, and one for the start; a group in which all are 0 has none.
    """
    x = pl.col("_x")
    ranked = (
        frame.select(*by, pl.col(amount).cast(pl.Float64).alias("_x"))
        .drop_nulls("_x")
        .sort(*by, "_x", nulls_last=True)
        .filter((x > 0).any().over(by))
    )
    points = ranked.select(
        *by, (pl.int_range(1, pl.len() + 1).over(by) / pl.len().over(by)).alias("rows_share"),
        (x.cum_sum().over(by) / added(x).over(by)).alias("amount_share"),
    )  # fmt: skip
    start = points.select(by).unique().with_columns(rows_share=pl.lit(0.0), amount_share=pl.lit(0.0))
    return pl.concat([start, points]).sort(*by, "rows_share", nulls_last=True)
