"""The days of the last bill as somebody would keep them in a table of their own. Left out: commitments."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, by_basis, exact, last_bill

FILE = "lines.csv"
OPTIONS: dict[str, Any] = {"columns": {"owner": "Paid for", "amount": "Net"}}
OTHERWISE: dict[str, frozenset[str]] = {}


def _lines(tables: Tables) -> pl.DataFrame:
    is_day = pl.col("period_end") - pl.col("period_start") == pl.duration(days=1)
    return last_bill(tables).filter(is_day, pl.col("billed") == pl.col("effective"))


def files(tables: Tables) -> dict[str, Any]:
    """One table by day."""
    lines = _lines(tables).select(
        pl.col("period_start").dt.strftime("%Y-%m-%d").alias("date"),
        exact("billed").alias("Net"),
        pl.col("owner_raw").alias("Paid for"),
        pl.col("service_id").alias("service"),
        pl.col("environment_raw").alias("environment"),
        exact("quantity").alias("quantity"),
        "currency", "component", "provider", "account", "category", "sku", "resource", "quantity_unit",
    )  # fmt: skip
    return {FILE: lines.write_csv()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every line, billed and effective alike, in the month of its day."""
    rows = by_basis(_lines(tables), "cost_lines", FILE, {"billed": "billed", "effective": "billed"})
    named = pl.col("owner_raw") != ""
    return {
        "costs": rows.with_columns(
            pl.when(named).then("owner_raw").alias("owner_raw"),
            pl.col("period_start").dt.date().dt.month_start().alias("billing_period_on"),
        ).drop("is_correction", "is_unused_commitment")
    }
