"""The way back from a share to the bill: the charges in a pool, and charges that more than one rule describes."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.allocation.charges import bill, charged_before, placed, takes, with_owner
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings


def pool_charges(tables: Tables, settings: Settings, as_of: datetime, pool: str, period: str) -> pl.DataFrame:
    """The charges a pool holds in a period, oldest first.

    Columns: ``period_start``, ``cost_id``, ``amount``, ``currency``, ``provider``, ``account``, ``component``, ``category``,
    ``owner_team_id`` (who would own it without the pool), ``path``, ``source_row``. Raises :class:`ReportError` for a pool or period
    that does not exist.
    """
    known = [one.id for one in settings.showback.pools]
    if pool not in known:
        raise ReportError(f"There is no pool {pool!r}.{nearest(pool, known)}")
    span = periods.parse(period)
    day = pl.col("period_start").dt.date()
    return (
        placed(charged_before(tables, as_of), settings)
        .filter(pl.col("pool") == pool, day >= span.start, day < span.end)
        .join(tables["loads"].select("load_id", "path"), on="load_id", how="left")
        .select(
            "period_start", "cost_id", "amount", "currency", "provider", "account", "component", "category", "owner_team_id",
            "path", "source_row",
        )
        .sort("period_start", "cost_id")
        .collect()
    )  # fmt: skip


def described_twice(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Charges that several pools describe: ``pool`` (which takes them), ``also`` (which would), ``currency``, ``charges``, ``amount``."""
    rows = with_owner(bill(tables, settings), tables)
    pools = settings.showback.pools
    found = [
        rows.filter(takes(first) & takes(second))
        .group_by("currency")
        .agg(pl.len().cast(pl.Int64).alias("charges"), pl.col("amount").sum())
        .select(pl.lit(first.id).alias("pool"), pl.lit(second.id).alias("also"), "currency", "charges", "amount")
        for number, first in enumerate(pools)
        for second in pools[number + 1 :]
    ]
    return pl.concat(pl.collect_all(found)).sort("pool", "also", "currency") if found else pl.DataFrame()


def taken(tables: Tables, settings: Settings) -> dict[str, int]:
    """Pool → how many charges it takes, 0 for a rule that finds none."""
    counts = placed(tables, settings).group_by("pool").agg(pl.len().alias("n")).collect()
    found = dict(counts.drop_nulls("pool").iter_rows())
    return {pool.id: found.get(pool.id, 0) for pool in settings.showback.pools}
