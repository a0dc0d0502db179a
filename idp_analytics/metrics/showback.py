"""What each team's use cost: direct by owner, exact to the last digit, with the unallocated rest and its reasons."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.errors import IdpError
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

ALLOCATED = "allocated"
UNALLOCATED = "unallocated"
REASONS = ("tax", "credit", "unused commitment", "empty tag", "unknown owner", "no owner")
"""Why nobody known owns a charge; the first that holds counts, so that they add up."""


def charges(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """All rows of ``costs`` on the basis that counts (``rules.cost_basis``)."""
    return tables["costs"].filter(pl.col("basis") == settings.rules.cost_basis)


def showback_cost(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per charge on the basis that counts, dated by the start of its period.

    ``team_id`` is the owner when it is a team we know; otherwise null, and ``detail`` says why: ``unallocated: `` and
    the first of :data:`REASONS` that holds. A charge with a known owner is ``allocated`` whatever its category. Money
    is never clamped, spread, rounded or added across currencies.
    """
    known = tables["teams"].select("team_id", pl.lit(True).alias("_known"))
    why = {
        "tax": pl.col("category") == "tax",
        "credit": pl.col("category") == "credit",
        "unused commitment": pl.col("is_unused_commitment"),
        "empty tag": pl.col("owner_raw").str.strip_chars() == "",
        "unknown owner": pl.col("team_id").is_not_null(),
        "no owner": pl.lit(True),
    }
    detail = pl.coalesce(
        pl.when("_known").then(pl.lit(ALLOCATED)),
        *(pl.when(why[reason]).then(pl.lit(f"{UNALLOCATED}: {reason}")) for reason in REASONS),
    )
    return observations(
        charges(tables, settings)
        .join(known, on="team_id", how="left")
        .with_columns(
            detail.alias("detail"),
            pl.when("_known").then("team_id").alias("team_id"),
            pl.col("cost_id").alias("source_key"),
        )
        .rename({"period_start": "at"}),
        source_table="costs",
    )


def bill(tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """What must come out: ``currency``, ``amount`` (exact), summed straight from ``costs`` without any join."""
    due = charges(tables, settings).filter(pl.col("period_start") < as_of)
    return due.group_by("currency").agg(pl.col("amount").sum())


def prove(answers: pl.DataFrame, bill: pl.DataFrame | None = None) -> None:
    """Stop if money was lost or made on the way.

    For each ``every`` × period × currency, teams + unallocated must equal the organisation's whole, and allocated +
    unallocated must too; with ``bill`` (currency, amount), the whole summed over all periods must equal it. Exact: no
    tolerance. What cannot be checked, because a scope was not asked for, is not. Raises :class:`IdpError` naming the
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


def _stop_where_off(parts: list[pl.DataFrame]) -> None:
    """Raise unless ``amount`` of all parts together is 0 for every ``every`` × period × currency."""
    sums = pl.concat(parts).group_by("every", "period", "currency").agg(pl.col("amount").sum())
    off = sums.filter(pl.col("amount") != pl.lit(0).cast(MONEY)).sort("every", "period", "currency")
    if off.is_empty():
        return
    row = off.row(0, named=True)
    raise IdpError(
        f"Showback does not add up: period {row['period']} (by {row['every']}), {row['currency']}: the parts differ from "
        f"the bill by {row['amount']:f}. Nothing may be published from these answers. This is a fault of the kit, not of "
        "the data: please report it with the settings used."
    )
