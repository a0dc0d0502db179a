"""How many variants there are in effect: many that hardly anybody uses are not many."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from scipy.stats import norm

from idp_analytics.estimates import groups, shares
from idp_analytics.estimates.adding import added


def grouped(frame: pl.DataFrame, by: Sequence[str], variant: str, count: str, level: float = 0.95) -> pl.DataFrame:
    """The effective number of variants per group: exp of Shannon's entropy (Hill 1973, order 1), one row per group, sorted by ``by``.

    ``frame``: one row or several per group and ``variant`` with how many (``count``, ≥ 0) use it. Columns: ``by``, ``n``, ``variants``
    (Int64: those anybody uses), ``value`` (between 1 and ``variants``), ``low``, ``high``, ``same`` (the chance that two taken at random,
    with putting back, use the same variant: Σp², whose inverse is Hill's number of order 2).

    Interval: normal on the entropy, its variance to second order, (Σ p ln²p − H²)/n + (S − 1)/2n² (Basharin 1959; Hutcheson 1970),
    the upper end moved up by what the estimate is too small on average, (S − 1)/2n (Miller 1955), and no end outside 1 and n. Where all use one variant the entropy has no variance: ``high`` is then what follows if a second one is used
    by as many as Wilson's interval for none of n allows. With few observations of many variants the value is too small, since the rare
    ones are not seen. A group of which nothing is counted has n = 0 and nulls.
    """
    whole, number = groups.numbered(frame, by)
    counts = frame.select(variant, pl.col(count).alias("_c")).with_columns(pl.Series("_group", number))
    counts = counts.group_by("_group", variant).agg(pl.col("_c").sum().cast(pl.Int64))
    # What each variant adds is worked out for all of them at once; one that nobody uses adds nothing. A share is a count times the inverse of
    # their sum, to the last bit what Polars makes of a division by one number for a whole group.
    used, p = pl.col("_c") > 0, pl.col("_c") * (1.0 / pl.col("_c").sum().over("_group"))
    each = {"_h": p * p.log(), "_hh": p * p.log() ** 2, "same": p**2}
    z = float(norm.isf((1 - level) / 2))
    sums = (
        counts.with_columns(pl.when(used).then(one).otherwise(0.0).alias(name) for name, one in each.items())
        .group_by("_group")
        .agg(
            pl.col("_c").sum().alias("n"), used.sum().cast(pl.Int64).alias("variants"), -added(pl.col("_h")), added(pl.col("_hh")),
            added(pl.col("same")),
        )
        .sort("_group")
    )  # fmt: skip
    found = pl.concat([whole, sums.drop("_group")], how="horizontal")
    n, h, s = pl.col("n"), pl.col("_h"), pl.col("variants")
    spread = z * (((pl.col("_hh") - h**2).clip(lower_bound=0) / n) + (s - 1) / (2 * n**2)).sqrt()
    other = pl.Series(shares.wilson(found["n"].to_numpy() * 0, found["n"].to_numpy(), level)[1]).fill_nan(None)
    u = pl.lit(other)
    second = (-(u * u.log() + (1 - u) * (1 - u).log())).exp()
    some = n > 0
    return found.with_columns(
        pl.when(some).then(h.exp().clip(lower_bound=1.0)).alias("value"),
        pl.when(some).then((h - spread).exp().clip(lower_bound=1.0)).alias("low"),
        pl.when(some)
        .then(pl.when(s == 1).then(second).otherwise(pl.min_horizontal((h + (s - 1) / (2 * n) + spread).exp(), n)))
        .alias("high"),
        pl.when(some).then("same").alias("same"),
    ).select(*by, "n", "variants", "value", "low", "high", "same")
