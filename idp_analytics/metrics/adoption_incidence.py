"""Study ``adoption_incidence``: by when services joined a golden path, by choice or because they had to, those not yet there counted in."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.competing_risks import incidence
from idp_analytics.estimates.shares import wilson
from idp_analytics.metrics.joins import KINDS, chances
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.settings import Settings

DAYS = (90, 180, 360)
"""After how many days it is told how many have joined."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "golden_path_id": pl.String,  # null: all paths
    "title": pl.String,
    "adoption": pl.String,  # joins.KINDS: the way of joining
    "n": pl.Int64,  # services × paths that were eligible and not on the path when it was first looked at
    "k": pl.Int64,  # of them, joined in this way
    "open": pl.Int64,  # of n, not joined yet in any way
    "early": pl.Int64,  # beside n: on the path before that, or nobody knows since when, or born on it
    "day": pl.Int64,  # since the service could join and somebody looked
    "at_risk": pl.Int64,  # followed until then and not joined before
    "share": pl.Float64,  # joined in this way by then (Aalen–Johansen); null: nobody is followed so long
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "is_mark": pl.Boolean,  # one of DAYS; the others are the steps of the curve
}
"""The columns of the study, in order."""

_KEY = ["golden_path_id", "title"]


def adoption_incidence(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The cumulative incidence of joining, by way of joining, per golden path and over all (:data:`COLUMNS`); of the organisation.

    Ways compete: who joins because of a mandate can no longer join by choice. Each eligible service (:func:`joins.chances`) is
    followed from when it could join, not before the first look at the path, to its first join, its retirement or the last look. Of
    what joined before anybody looked only those that stayed could be seen, so none of it counts. Estimate: :func:`incidence`.
    """
    pairs = _followed(chances(tables, settings, as_of), as_of)
    if pairs.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    both = pl.concat([pairs, pairs.with_columns(pl.lit(None, pl.String).alias(name) for name in _KEY)])
    level = settings.rules.level
    counted = both.filter("is_counted")
    ways = pl.DataFrame({"adoption": KINDS})
    counts = both.group_by(_KEY).agg(
        pl.col("is_counted").sum().alias("n"), (pl.col("is_counted") & pl.col("way").is_null()).sum().alias("open"),
        (~pl.col("is_counted")).sum().alias("early"),
    ).filter(pl.col("n") > 0).join(ways, how="cross")  # fmt: skip
    happened = counted.group_by(*_KEY, pl.col("way").alias("adoption")).agg(pl.len().alias("k"))
    curves = incidence(counted, _KEY, "x", "way", KINDS, level).rename({"cause": "adoption"}).drop("at_risk", "events")
    key = [*_KEY, "adoption"]
    marks = counts.select(key).join(
        pl.DataFrame({"day": [0, *DAYS], "is_mark": [False, *(True for _ in DAYS)]}), how="cross"
    )
    steps = curves.select(*key, pl.col("time").floor().cast(pl.Int64).alias("day"), pl.lit(False).alias("is_mark"))
    days = pl.concat([marks, steps]).unique([*key, "day", "is_mark"]).with_columns((pl.col("day") + 1.0).alias("_end"))
    followed = (
        days.select(*_KEY, "day").unique()
        .join(counted.select(*_KEY, "x"), on=_KEY, nulls_equal=True)
        .group_by(*_KEY, "day").agg((pl.col("x") >= pl.col("day")).sum().alias("at_risk"))
    )  # fmt: skip
    blank = [pl.col(name).fill_null("") for name in _KEY]
    found = (
        days.with_columns(blank).sort("_end")
        .join_asof(curves.with_columns(blank).sort("time"), left_on="_end", right_on="time", by=key, allow_exact_matches=False, check_sortedness=False)
        .with_columns(pl.when(pl.col(name) != "").then(name).alias(name) for name in _KEY)
        .join(followed, on=[*_KEY, "day"], nulls_equal=True)
        .join(counts, on=key, nulls_equal=True)
        .join(happened, on=key, how="left", nulls_equal=True)
    )  # fmt: skip
    none = pl.Series(wilson(0 * found["at_risk"].to_numpy(), found["at_risk"].to_numpy(), level)[1]).fill_nan(None)
    ended, before = pl.col("at_risk") > 0, pl.col("share").fill_null(0.0) == 0
    return (
        found.with_columns(
            pl.when(ended).then(pl.col("share").fill_null(0.0)).alias("share"),
            pl.when(ended).then(pl.when(before).then(0.0).otherwise("low")).alias("low"),
            pl.when(ended).then(pl.when(before).then(none).otherwise("high")).alias("high"),
            pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(level).alias("level"), pl.col("k").fill_null(0),
        )
        .sort("golden_path_id", pl.col("adoption").cast(pl.Enum(KINDS)), "is_mark", "day", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _followed(pairs: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """``pairs`` with ``is_counted``, ``x`` (days followed) and ``way`` (null: not joined)."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    looked = pl.col("first_look").cast(UTC_TIME)
    start = pl.max_horizontal("offered", looked)
    joined = pl.col("kind") == "counted"
    seen_until = pl.min_horizontal(pl.col("last_look").cast(UTC_TIME), "retired_at", now)
    until = pl.when(joined).then("began").otherwise(seen_until)
    days = (until - start).dt.total_seconds(fractional=True) / 86400
    return (
        pairs.with_columns(
            days.alias("x"), pl.when(joined).then("adoption").alias("way"), joined.fill_null(True).alias("is_counted")
        )
        # What was offered after the last look was never looked at; who joined before the offer, by the dates told, joined at once.
        .filter((pl.col("x") >= 0) | joined.fill_null(False) | ~pl.col("is_counted"))
        .with_columns(pl.col("x").clip(lower_bound=0.0))
        .select(*_KEY, "x", "way", "is_counted")
    )
