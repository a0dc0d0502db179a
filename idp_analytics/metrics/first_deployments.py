"""Study ``first_deployments``: how soon new services are in production, by whether a golden path made them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.estimates import survival
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.new_services import HOW, made
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "how": pl.String,  # HOW; null: all
    "n": pl.Int64,  # services made since deployments are recorded, up to the as-of time
    "censored": pl.Int64,  # of them, not in production yet, or retired before
    "missing": pl.Int64,  # beside n: deployed before they are said to have been made
    "asked": pl.Int64,  # of n, counted from the asking of the run that made them; the others from their creation
    "median": pl.Float64,  # days (Kaplan–Meier), as all that follows
    "low": pl.Float64,
    "high": pl.Float64,
    "p90": pl.Float64,  # null: fewer than FEWEST of nine_in_ten, or they have not come that far
    "p90_low": pl.Float64,
    "p90_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""


def first_deployments(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Time to first production deployment of services made before there was a golden path, on one, and off one (:data:`COLUMNS`).

    All services made since deployments are recorded: by period there are too few. Kaplan–Meier; intervals: Brookmeyer & Crowley
    1982, log-log. An association: teams choose the path for other services than they build without it.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    seen = made({**tables, "deployments": tables["deployments"].filter(pl.col("finished_at") < now)}, settings)
    seen = seen.filter(pl.col("at") < now)
    if seen.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    limit = (now - pl.col("at")).dt.total_seconds(fractional=True) / 86400
    open_ = seen.with_columns(pl.when("hit").then("x").otherwise(pl.min_horizontal("x", limit)).alias("x"))
    cells = by_scope(
        pl.concat([open_.with_columns(pl.lit(None, pl.String).alias("how")), open_.with_columns(pl.col("how"))])
    )
    key, level = ["scope", "entity_id", "how"], settings.rules.level
    found = cells.group_by(key).agg(
        (~pl.col("usable")).sum().alias("missing"), (pl.col("usable") & pl.col("is_asked")).sum().alias("asked")
    )
    for share, least, names in ((0.5, 1, ("median", "low", "high")), (0.9, FEWEST, ("p90", "p90_low", "p90_high"))):
        told = survival.grouped_quantile(cells.filter("usable"), key, "x", "hit", share, level)
        sizes = ("n", "censored") if share == 0.5 else ()
        named = (
            pl.when(pl.col("n") >= least).then(a).alias(b) for a, b in zip(("value", "low", "high"), names, strict=True)
        )
        found = found.join(told.select(*key, *sizes, *named), on=key, how="left", nulls_equal=True)
    return (
        found.with_columns(pl.col("n", "censored").fill_null(0), pl.lit(level).alias("level"))
        .sort("scope", "entity_id", pl.col("how").cast(pl.Enum(HOW)), nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
