"""The whole ledger of the bill: what teams own directly, what pools share out, and what stays unallocated with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from idp_analytics.metrics.allocation.charges import cell_start, placed
from idp_analytics.metrics.allocation.gather import gathered
from idp_analytics.metrics.allocation.shares import shares
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

ENTRIES: dict[str, pl.DataType | type[pl.DataType]] = {
    "on": pl.Date,
    "currency": pl.String,
    "pool": pl.String,
    "team_id": pl.String,
    "reason": pl.String,
    "service_id": pl.String,
    "provider": pl.String,
    "component": pl.String,
    "environment": pl.String,
    "amount": MONEY,
    "lines": pl.Int64,
}
"""The columns of :func:`entries`."""

DIMENSIONS = ("service_id", "provider", "component", "environment")
"""What an entry owned directly still says of its charges; a share of a pool is of the pool alone."""


def entries(
    tables: Tables, settings: Settings, basis: str | None = None, dimensions: Sequence[str] = DIMENSIONS,
    shared: pl.DataFrame | None = None,
) -> pl.LazyFrame:  # fmt: skip
    """The bill by who pays: columns :data:`ENTRIES`; ``amount`` adds up to the bill per currency, to the last digit.

    One row per account (``team_id``, or ``reason`` why nobody), ``pool`` it came through (null: owned directly), week cut at the
    ends of months (``on`` is its first day, UTC), currency and ``dimensions``; those not asked for are null. ``lines``: charges, or shares of pools.
    ``basis``: None is the one that counts (``rules.cost_basis``). ``shared``: the shares of pools, where they are known already.
    """
    by = ["on", "currency", "pool", "team_id", "reason", *dimensions]
    tables = gathered(tables, settings, dimensions)
    rows = placed(tables, settings, basis).filter(pl.col("pool").is_null())
    have = rows.collect_schema().names()
    rows = rows.with_columns(
        cell_start(pl.col("period_start").dt.date(), settings.calendar.first_weekday).alias("on"),
        *(pl.lit(None, pl.String).alias(name) for name in dimensions if name not in have),
    )
    direct = rows.group_by(by).agg(pl.col("amount").sum(), pl.col("charges").sum().alias("lines"))
    postings = shares(tables, settings, basis) if shared is None else shared
    paid = (
        postings.lazy()
        .group_by("on", "currency", "pool", "team_id", "reason")
        .agg(pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("lines"))
    )
    return pl.concat([_shaped(direct), _shaped(paid)])


def _shaped(rows: pl.LazyFrame) -> pl.LazyFrame:
    have = rows.collect_schema().names()
    return rows.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in ENTRIES.items()
    )
