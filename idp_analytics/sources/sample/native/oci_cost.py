"""The use on the last bill as Oracle would report it. Left out: what its reports do not know (commitments, taxes, credits)."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, by_basis, exact, last_bill

FILE = "reports_cost-csv_0000000000000001.csv.gz"
OPTIONS: dict[str, Any] = {"team_tags": ["Team"], "service_tags": ["Operations.Service"]}
OTHERWISE: dict[str, frozenset[str]] = {}


def _lines(tables: Tables) -> pl.DataFrame:
    return last_bill(tables).filter(pl.col("category") == "usage", pl.col("billed") == pl.col("effective"))


def files(tables: Tables) -> dict[str, Any]:
    """One report; half of its times are written without seconds."""
    start = pl.col("period_start").dt
    lines = _lines(tables).select(
        pl.format("line-{}", "charge").alias("lineItem/referenceNo"),
        pl.when(pl.col("charge") % 2 == 0).then(start.strftime("%Y-%m-%dT%H:%MZ")).otherwise(start.strftime("%Y-%m-%dT%H:%M:%SZ")).alias("lineItem/intervalUsageStart"),
        pl.col("period_end").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("lineItem/intervalUsageEnd"),
        pl.col("component").alias("product/service"),
        pl.col("account").alias("product/compartmentId"),
        pl.col("resource").alias("product/resourceId"),
        exact("quantity").alias("usage/billedQuantity"),
        pl.col("quantity_unit").alias("cost/skuUnitDescription"),
        pl.col("sku").alias("cost/productSku"),
        exact("billed").alias("cost/myCost"),
        pl.lit("0").alias("cost/myCostOverage"),
        pl.col("currency").alias("cost/currencyCode"),
        pl.col("is_correction").cast(pl.String).alias("lineItem/isCorrection"),
        pl.when("is_correction").then(pl.lit("line-0")).alias("lineItem/backreferenceNo"),
        pl.col("owner_raw").alias("tags/Operations.Team"),
        pl.col("service_id").alias("tags/Operations.Service"),
        pl.col("environment_raw").alias("tags/Operations.Environment"),
    )  # fmt: skip
    return {FILE: lines.write_csv()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every line, billed and effective alike. A tag that is there and empty is not in a report."""
    rows = by_basis(_lines(tables), "oci_cost", FILE, {"billed": "billed", "effective": "billed"})
    named = pl.col("owner_raw") != ""
    return {
        "costs": rows.with_columns(
            pl.lit("Oracle").alias("provider"), pl.when(named).then("owner_raw").alias("owner_raw")
        ).drop("billing_period_on", "is_unused_commitment")
    }
