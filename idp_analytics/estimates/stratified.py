"""Two shares compared within strata, and over all strata together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from idp_analytics.estimates.adding import added
from idp_analytics.estimates.shares import wilson


def pooled_difference(
    frame: pl.DataFrame, by: Sequence[str], k1: str, n1: str, k0: str, n0: str, level: float = 0.95
) -> pl.DataFrame:
    """The difference of two shares (``k1`` of ``n1`` less ``k0`` of ``n0``) over strata, all groups in one pass.

    ``frame``: one row per stratum of a group of ``by``. Strata weigh as Mantel & Haenszel's do, n1·n0 ÷ (n1 + n0): one that has
    only one of the two says nothing. Interval: Newcombe's for a weighted sum of differences, from the Wilson intervals of all
    shares (MOVER; Zou, Huang & Zhang 2009); of a single stratum it is Newcombe's own, and it has a width where nothing was hit.
    One row per group, sorted: ``by``, ``strata`` (Int64, with both), ``difference``, ``low``, ``high`` (Float64, −1 to 1; null where no
    stratum has both).
    """
    both = frame.filter(pl.col(n1) > 0, pl.col(n0) > 0)
    a, m1, c, m0 = (both[name].cast(pl.Float64).to_numpy() for name in (k1, n1, k0, n0))
    weight = m1 * m0 / (m1 + m0)
    (low1, high1), (low0, high0) = wilson(a, m1, level), wilson(c, m0, level)
    terms = {
        "_weight": weight,
        "_sum": weight * (a / m1 - c / m0),
        "_down": weight**2 * ((a / m1 - low1) ** 2 + (high0 - c / m0) ** 2),
        "_up": weight**2 * ((high1 - a / m1) ** 2 + (c / m0 - low0) ** 2),
    }
    sums = (
        both.select(by)
        .with_columns(pl.Series(name, np.asarray(values, float)) for name, values in terms.items())
        .group_by(*by)
        .agg(pl.len().cast(pl.Int64).alias("strata"), *(added(pl.col(name)) for name in terms))
    )
    total, pooled = pl.col("_weight"), pl.col("_sum") / pl.col("_weight")
    return (
        frame.select(by)
        .unique()
        .join(sums, on=list(by), how="left", nulls_equal=True)
        .select(
            *by,
            pl.col("strata").fill_null(0),
            pooled.alias("difference"),
            (pooled - pl.col("_down").sqrt() / total).alias("low"),
            (pooled + pl.col("_up").sqrt() / total).alias("high"),
        )
        .sort(*by, nulls_last=True)
    )
