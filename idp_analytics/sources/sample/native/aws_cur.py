"""The last bill as AWS would report it (legacy columns). Left out: the contract's prices, which it does not tell."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, by_basis, exact, last_bill

FILE = "report-00001.csv.gz"
OPTIONS: dict[str, Any] = {"service_tags": ["service"]}
OTHERWISE: dict[str, frozenset[str]] = {}


def _lines(tables: Tables) -> pl.DataFrame:
    """Commitments as reservations: bought by a fee, used by discounted usage, what went unused on the fee of the day."""
    by_commitment = (pl.col("billed") == 0) & (pl.col("effective") != 0) & (pl.col("category") == "usage")
    return last_bill(tables).with_columns(
        pl.when("is_unused_commitment").then(pl.lit("RIFee")).when(by_commitment).then(pl.lit("DiscountedUsage"))
        .when(pl.col("category") == "purchase").then(pl.lit("Fee"))
        .otherwise(pl.col("category").replace({"usage": "Usage", "tax": "Tax", "credit": "Credit", "adjustment": "Refund"}))
        .alias("kind")
    )  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """One report of line items."""
    kind, effective = pl.col("kind"), exact("effective")
    lines = _lines(tables).select(
        pl.format("line-{}", "charge").alias("identity/LineItemId"),
        pl.lit("INV-1").alias("bill/InvoiceId"),
        pl.when("is_correction").then(pl.lit("Refund")).otherwise(pl.lit("Anniversary")).alias("bill/BillType"),
        pl.col("billing_period_on").dt.strftime("%Y-%m-%dT00:00:00.000Z").alias("bill/BillingPeriodStartDate"),
        pl.col("account").alias("lineItem/UsageAccountId"),
        kind.alias("lineItem/LineItemType"),
        pl.col("period_start").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("lineItem/UsageStartDate"),
        pl.col("period_end").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("lineItem/UsageEndDate"),
        pl.col("component").alias("lineItem/ProductCode"),
        exact("quantity").alias("lineItem/UsageAmount"),
        pl.col("quantity_unit").alias("pricing/unit"),
        pl.col("currency").alias("lineItem/CurrencyCode"),
        exact("billed").alias("lineItem/UnblendedCost"),
        pl.col("resource").alias("lineItem/ResourceId"),
        pl.col("sku").alias("pricing/RateCode"),
        exact("list").alias("pricing/publicOnDemandCost"),
        pl.when(kind == "DiscountedUsage").then(effective).alias("reservation/EffectiveCost"),
        pl.when(kind == "RIFee").then(effective).alias("reservation/UnusedRecurringFee"),
        pl.when(kind == "RIFee").then(pl.lit("0")).alias("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"),
        pl.when(kind.is_in(["Fee", "RIFee", "DiscountedUsage"])).then(pl.lit("arn:reservation/1")).alias("reservation/ReservationARN"),
        pl.col("owner_raw").alias("resourceTags/user:Team"),
        pl.col("service_id").alias("resourceTags/user:Service"),
        pl.col("environment_raw").alias("resourceTags/user:Environment"),
    )  # fmt: skip
    return {FILE: lines.write_csv()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every charge billed, effective and at list price. A tag that is there and empty is not in a report; what went unused of a
    commitment is told of the effective cost alone."""
    rows = by_basis(_lines(tables), "aws_cur", FILE, {name: name for name in ("billed", "effective", "list")})
    named = pl.col("owner_raw") != ""
    return {
        "costs": rows.with_columns(
            pl.lit("AWS").alias("provider"),
            pl.when(named).then("owner_raw").alias("owner_raw"),
            pl.when(pl.col("kind") == "RIFee").then(pl.lit("purchase")).otherwise("category").alias("category"),
            (pl.col("is_unused_commitment") & (pl.col("basis") == "effective")).alias("is_unused_commitment"),
        ).drop("kind")
    }
