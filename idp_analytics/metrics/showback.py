"""What each team's use cost: direct by owner, shared by rule, exact to the last digit, with the unallocated rest and its reasons."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.allocation import charges, shares
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

ALLOCATED = "allocated"
UNALLOCATED = "unallocated"
DIRECT = f"{ALLOCATED}: direct"
REASONS = (*charges.REASONS, *shares.REASONS)
"""Why nobody pays for a charge, or for a part of a pool."""


def showback_cost(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per line of the ledger: a charge owned directly or by nobody, or a share of a pool in a week of a month.

    ``team_id`` pays; ``detail`` says how: ``allocated: direct`` (a team we know owns the charge, whatever its category),
    ``allocated: `` and the pool's id, or ``unallocated: `` and the first of :data:`REASONS` that holds. Money is never
    clamped, rounded or added across currencies. ``source_table``: ``costs``, or ``pools`` for a share.
    """
    by_owner = pl.when(pl.col("reason").is_null()).then(pl.lit(DIRECT)).otherwise(_unallocated())
    direct = (
        charges.placed(tables, settings)
        .filter(pl.col("pool").is_null())
        .with_columns(by_owner.alias("detail"), pl.col("cost_id").alias("source_key"))
        .rename({"period_start": "at"})
    )
    if not settings.showback.pools:
        return observations(direct, source_table="costs")
    by_pool = (
        pl.when(pl.col("reason").is_null()).then(pl.format(f"{ALLOCATED}: {{}}", "pool")).otherwise(_unallocated())
    )
    shared = (
        shares.shares(tables, settings)
        .lazy()
        .with_columns(
            by_pool.alias("detail"),
            pl.col("on").cast(pl.Datetime("us", "UTC")).alias("at"),
            pl.concat_str("pool", "part", "on", separator="/", ignore_nulls=True).alias("source_key"),
        )
    )
    return pl.concat([observations(direct, source_table="costs"), observations(shared, source_table="pools")])


def _unallocated() -> pl.Expr:
    return pl.format(f"{UNALLOCATED}: {{}}", "reason")


def bill(tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """What must come out: ``currency``, ``amount`` (exact), summed straight from ``costs`` without any join."""
    due = charges.bill(tables, settings).filter(pl.col("period_start") < as_of)
    return due.group_by("currency").agg(pl.col("amount").sum())


def prove(answers: pl.DataFrame, bill: pl.DataFrame | None = None, pooled: pl.DataFrame | None = None) -> None:
    """Stop if money was lost or made on the way.

    For each ``every`` × period × currency, teams + unallocated must equal the organisation's whole, and allocated +
    unallocated must too; with ``bill`` (currency, amount), the whole summed over all periods must equal it; with ``pooled`` (the
    columns of ``shares.SHARES``), what is told of each pool must be what it pays there. Exact: no tolerance. What cannot be checked, because a scope was not asked for, is not. Raises :class:`IdpError` naming the
    first period, currency and difference.
    """
    zero = pl.lit(0).cast(MONEY)
    money = answers.filter(pl.col("metric") == showback_cost.__name__).with_columns(pl.col("amount").fill_null(zero))
    org, teams = (money.filter(pl.col("scope") == scope) for scope in ("org", "team"))
    if org.is_empty():
        return
    key = ["every", "period", "currency", "amount"]
    whole = org.filter(pl.col("detail").is_null()).select(*key[:3], -pl.col("amount"))
    allocated, rest = (org.filter(pl.col("detail") == part).select(key) for part in (ALLOCATED, UNALLOCATED))
    _stop_where_off([whole, rest, allocated])
    if not teams.is_empty():
        _stop_where_off([whole, rest, teams.select(key)])
    if bill is not None:
        all_periods = pl.lit("all").alias("period")
        due = org.select(pl.col("every").unique(), all_periods).join(bill, how="cross").select(key)
        _stop_where_off([whole.with_columns(all_periods), due])
    if pooled is not None:
        by_pool = pl.col("detail").str.starts_with(f"{ALLOCATED}: ") & (pl.col("detail") != DIRECT)
        told = org.filter(by_pool).select("every", pl.col("detail").alias("period"), "currency", -pl.col("amount"))
        paid = pooled.filter(pl.col("team_id").is_not_null()).select(
            pl.format(f"{ALLOCATED}: {{}}", "pool").alias("period"), "currency", "amount"
        )
        _stop_where_off([told, org.select(pl.col("every").unique()).join(paid, how="cross").select(key)])


def _stop_where_off(parts: list[pl.DataFrame]) -> None:
    """Raise unless ``amount`` of all parts together is 0 for every ``every`` × period × currency."""
    sums = pl.concat(parts).group_by("every", "period", "currency").agg(pl.col("amount").sum())
    off = sums.filter(pl.col("amount") != pl.lit(0).cast(MONEY)).sort("every", "period", "currency")
    if off.is_empty():
        return
    row = off.row(0, named=True)
    raise charges.fault(
        f"period {row['period']} (by {row['every']}), {row['currency']}: the parts differ from the bill by {row['amount']:f}"
    )
