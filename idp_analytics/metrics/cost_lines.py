"""The bill by month as it is compared with another: what each owner was charged, for how much of what, and which pools it shares.

Two months of one company, or one month as it was told twice, are compared on these lines (:mod:`cost_effects`).
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics.allocation.before import shares_before
from idp_analytics.metrics.allocation.charges import charged_before, placed
from idp_analytics.metrics.allocation.gather import merged
from idp_analytics.metrics.cells import periods_of
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

Schema = dict[str, pl.DataType | type[pl.DataType]]

ITEM = ("thing", "service_id", "provider", "component", "sku", "unit", "is_metered", "is_correction")
"""What a line is for. Lines of one item in two months are the same thing bought again, whoever owns it."""

LINES: Schema = {
    "month": pl.Date,  # first day
    "currency": pl.String,
    "owner": pl.String,  # team:…, reason:… (why nobody's) or pool:…
    "thing": pl.String,  # service:…, else tag:… as written, else account:…; what can change hands
    "service_id": pl.String,
    "provider": pl.String,
    "component": pl.String,
    "sku": pl.String,
    "unit": pl.String,  # of the quantity; null: not metered
    "is_metered": pl.Boolean,
    "is_correction": pl.Boolean,
    "part": pl.String,  # part of the pool; shares only
    "held": MONEY,  # what that part of the pool held; shares only, null: the line is charges
    "amount": MONEY,
    "quantity": MONEY,  # null: not metered
    "lines": pl.Int64,  # charges, or weeks of shares
}
"""The columns of :func:`charged` and :func:`shared`."""

COLUMNS: Schema = {
    "scope": pl.String, "entity_id": pl.String, "every": pl.String, "period": pl.String, "period_start": pl.Date,
    "is_partial": pl.Boolean, **LINES,
}  # fmt: skip
"""The columns of the study ``cost_lines``, in order."""


def charged(tables: Tables, settings: Settings) -> pl.DataFrame:
    """The charges of the bill per month, currency, owner and item (columns :data:`LINES`); they add up to the bill.

    A charge is metered if it tells a quantity and its unit; corrections never are, since they mend an amount, not a use.
    """
    is_correction = pl.col("is_correction").fill_null(False)
    metered = pl.col("has_quantity") & pl.col("quantity_unit").is_not_null() & ~is_correction
    tag = pl.col("owner_raw").str.strip_chars()
    thing = (
        pl.when(pl.col("service_id").is_not_null()).then(pl.format("service:{}", "service_id"))
        .when((tag != "").fill_null(False)).then(pl.format("tag:{}", tag))
        .otherwise(pl.format("account:{}", pl.col("account").fill_null("")))
    )  # fmt: skip
    return (
        placed(_merged(tables, settings), settings)
        .with_columns(
            pl.col("period_start").dt.date().dt.truncate("1mo").alias("month"),
            _owner().alias("owner"),
            thing.alias("thing"),
            metered.alias("is_metered"),
            is_correction.alias("is_correction"),
            pl.when(metered).then("quantity_unit").alias("unit"),
            pl.when(metered).then("quantity").alias("quantity"),
        )
        .group_by("month", "currency", "owner", *ITEM)
        .agg(
            pl.col("amount").sum(),
            pl.when(pl.col("is_metered").first()).then(pl.col("quantity").sum()).alias("quantity"),
            pl.col("charges").sum().alias("lines"),
        )
        .collect()
        .pipe(_shaped)
    )


def _merged(tables: Tables, settings: Settings) -> Tables:
    told = ("service_id", "owner_raw", "account", "provider", "component", "sku", "quantity_unit", "is_correction")
    has_quantity = pl.col("quantity").is_not_null().alias("has_quantity")
    sums = (pl.col("amount").sum(), pl.col("quantity").sum(), pl.len().cast(pl.Int64).alias("charges"))
    return merged(tables, settings, (*told, has_quantity), sums, "1mo")


def shared(found: pl.DataFrame) -> pl.DataFrame:
    """``found``, shares of pools, per month, currency, pool (``thing``), part and owner (columns :data:`LINES`)."""
    here = ["month", "currency", "pool", "part"]
    held = found.unique([*here, "on"]).group_by(here).agg(pl.col("pooled").sum().alias("held"))
    owner = pl.coalesce(pl.format("team:{}", "team_id"), pl.format("reason:{}", "reason"))
    return (
        found.group_by(*here, owner.alias("owner"))
        .agg(pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("lines"))
        .join(held, on=here, nulls_equal=True)
        .with_columns(
            pl.format("pool:{}", "pool").alias("thing"), pl.lit(False).alias("is_metered", ), pl.lit(False).alias("is_correction")
        )
        .pipe(_shaped)
    )  # fmt: skip


def cost_lines(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Study ``cost_lines``: :func:`charged` and :func:`shared` of every month, to be compared with by a later run.

    ``scope`` is ``team`` for lines of a team and ``org`` for those of nobody and of pools. Columns :data:`COLUMNS`.
    """
    of_pools = shared(shares_before(tables, settings, as_of))
    tables = charged_before(tables, as_of)
    rows = pl.concat([charged(tables, settings), of_pools])
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    months = measured(tables, settings, as_of, rows).filter(pl.col("every") == "1mo")
    is_team = pl.col("owner").str.starts_with("team:")
    return (
        rows.join(months, left_on="month", right_on="period_start")
        .with_columns(
            pl.when(is_team).then(pl.lit("team")).otherwise(pl.lit("org")).alias("scope"),
            pl.when(is_team).then(team()).otherwise(pl.lit("org")).alias("entity_id"),
            pl.col("month").alias("period_start"),
        )
        .sort("scope", "entity_id", "month", "currency", "owner", *ITEM, "part", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def by_period(rows: pl.DataFrame, length: str) -> pl.DataFrame:
    """``rows`` (columns :data:`LINES`) with ``period_start``, the month or quarter of each; ``held`` is what the pool held in all of it."""
    dated = rows.with_columns(pl.col("month").dt.truncate(length).alias("period_start"))
    pool = ["period_start", "currency", "thing", "part"]
    held = dated.filter(pl.col("held").is_not_null()).unique([*pool, "month"]).group_by(pool).agg(pl.col("held").sum())
    return dated.drop("held").join(held, on=pool, how="left", nulls_equal=True)


def measured(tables: Tables, settings: Settings, as_of: datetime, rows: pl.DataFrame) -> pl.DataFrame:
    """The measured periods of money: ``every``, ``period``, ``period_start``, ``is_partial``; ``rows`` have ``month``."""
    return periods_of("showback_cost", tables, settings, as_of, rows["month"].min()).select(  # type: ignore[arg-type]
        "every", "period", "period_start", "is_partial"
    )


def team() -> pl.Expr:
    """The team that ``owner`` names."""
    return pl.col("owner").str.strip_prefix("team:")


def _owner() -> pl.Expr:
    return pl.coalesce(
        pl.format("team:{}", "team_id"), pl.format("pool:{}", "pool"), pl.format("reason:{}", "reason")
    )  # each is null where its column is


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in LINES.items()
    )
