"""Studies ``sprawl_costs`` and ``sprawl_pairs``: what the parts of the platform cost beside their use, and which are for the same."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.components import costs_at
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.metrics.sprawl import COLUMNS as SPRAWL
from idp_analytics.metrics.sprawl import sprawl
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

_PLACE = {name: SPRAWL[name] for name in ("scope", "entity_id", "every", "period", "period_start", "is_partial")}

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **_PLACE,
    "component": pl.String,
    "title": pl.String,
    "currency": pl.String,  # amounts of two are never added
    "amount": MONEY,  # charged in the 90 days before the end of the period, on the basis that counts
    "charges": pl.Int64,
    "of": MONEY,  # the same of all components in this currency
    "cost_share": pl.Float64,
    "active_teams": pl.Int64,
    "use_share": pl.Float64,  # of the active teams of the components that cost something in this currency, one team counted once for each
    "reading": pl.String,
}
"""The columns of the study ``sprawl_costs``, in order."""

PAIR_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **_PLACE,
    "capability": pl.String,
    "first": pl.String,  # titles, in the order of the components' ids
    "second": pl.String,
    "n": pl.Int64,  # teams that use either
    "k": pl.Int64,  # teams that use both
    "only_first": pl.Int64,
    "only_second": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``sprawl_pairs``, in order."""


def sprawl_costs(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """What each component cost in the 90 days before the end of each month and quarter, or of ``spans``, beside its share of use.

    One row per period, component and currency (:data:`COLUMNS`); components of which no cost is known have none. Shares are of
    components whose cost is known, not of the whole bill: what runs no component is not sprawl.
    """
    found = sprawl(tables, settings, as_of, spans)
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    ends = period_ends(settings, as_of, found["period_start"].min(), of=spans).select("every", "period", "at")  # type: ignore[arg-type]
    costs = costs_at(tables, settings, as_of, ends.select("at").unique())
    together = [*CELL, "currency"]
    zero = pl.lit(0).cast(MONEY)
    rows = costs.join(ends, on="at").join(found, on=["every", "period", "component"]).with_columns(
        pl.when(pl.col("amount") > zero).then("amount").otherwise(zero).sum().over(together).alias("of"),
        pl.col("active_teams").sum().over(together).alias("_teams"),
    )  # fmt: skip
    return (
        rows.with_columns(
            pl.when(pl.col("of") > zero, pl.col("amount") >= zero).then(pl.col("amount").cast(pl.Float64) / pl.col("of").cast(pl.Float64)).alias("cost_share"),
            pl.when(pl.col("_teams") > 0).then(pl.col("active_teams") / pl.col("_teams")).alias("use_share"),
        )
        .sort(*CELL, "currency", "component")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def sprawl_pairs(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Two components that settings say are for the same (``capability``): how many teams use either, and how many both.

    One row per period and pair (:data:`PAIR_COLUMNS`). Share of both: Wilson 1927. Both used by many: teams need, or bear, two;
    used by different teams: two ways of one thing. Neither says that one is too many.
    """
    found = sprawl(tables, settings, as_of, spans).drop_nulls("capability")
    if found.is_empty():
        return pl.DataFrame(schema=PAIR_COLUMNS)
    key = [*_PLACE, "capability"]
    other = found.select(
        *key, pl.col("component").alias("_other"), pl.col("title").alias("second"), pl.col("users").alias("_users")
    )
    both = found.join(other, on=key).filter(pl.col("component") < pl.col("_other")).with_columns(
        pl.col("users").list.set_union("_users").list.len().cast(pl.Int64).alias("n"),
        pl.col("users").list.set_intersection("_users").list.len().cast(pl.Int64).alias("k"),
    )  # fmt: skip
    low, high = shares.wilson(both["k"].to_numpy(), both["n"].to_numpy(), settings.rules.level)
    return (
        both.with_columns(
            pl.col("title").alias("first"), (pl.col("users").list.len() - pl.col("k")).alias("only_first"),
            (pl.col("_users").list.len() - pl.col("k")).alias("only_second"),
            pl.when(pl.col("n") > 0).then(pl.col("k") / pl.col("n")).alias("share"),
            pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None),
        )
        .sort(*CELL, "capability", "component", "_other")
        .select(pl.col(name).cast(dtype) for name, dtype in PAIR_COLUMNS.items())
    )  # fmt: skip
