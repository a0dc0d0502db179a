"""The days of the last bill as Azure would export them, actual and amortized. Left out: corrections, which are refunds there, and
the contract's prices."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, by_basis, exact, last_bill

ACTUAL, AMORTIZED = "actual.csv.gz", "amortized.csv.gz"
OPTIONS: dict[str, Any] = {"service_tags": ["service"]}
OTHERWISE: dict[str, frozenset[str]] = {}


def _charges(tables: Tables, dataset: str) -> pl.DataFrame:
    """Commitments are bought in the actual costs only, and go unused in the amortized ones only."""
    days = last_bill(tables).filter(
        pl.col("period_end") - pl.col("period_start") == pl.duration(days=1), ~pl.col("is_correction")
    )
    return (
        days.filter(~pl.col("is_unused_commitment"))
        if dataset == ACTUAL
        else days.filter(pl.col("category") != "purchase")
    )


def _export(charges: pl.DataFrame, cost: str) -> str:
    committed = (pl.col("billed") == 0) & (pl.col("effective") != 0)
    tags = [
        pl.when(pl.col(name).is_not_null()).then(pl.format('"{}": "{}"', pl.lit(key), pl.col(name)))
        for key, name in (("team", "owner_raw"), ("service", "service_id"), ("environment", "environment_raw"))
    ]
    return charges.select(
        pl.col("billing_period_on").dt.strftime("%m/%d/%Y").alias("BillingPeriodStartDate"),
        pl.col("account").alias("SubscriptionId"),
        pl.col("period_start").dt.strftime("%m/%d/%Y").alias("Date"),
        pl.col("component").alias("MeterCategory"),
        pl.col("sku").alias("MeterId"),
        exact("quantity").alias("Quantity"),
        pl.col("quantity_unit").alias("UnitOfMeasure"),
        exact(cost).alias("CostInBillingCurrency"),
        exact("list").alias("PaygCostInBillingCurrency"),
        pl.col("currency").alias("BillingCurrencyCode"),
        pl.col("resource").alias("ResourceId"),
        pl.concat_str(tags, separator=",", ignore_nulls=True).alias("Tags"),
        pl.when("is_unused_commitment").then(pl.lit("UnusedReservation")).otherwise(pl.col("category").str.to_titlecase()).alias("ChargeType"),
        pl.when(committed | (pl.col("category") == "purchase")).then(pl.lit("Reservation")).otherwise(pl.lit("OnDemand")).alias("PricingModel"),
    ).write_csv()  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """The two datasets of one month, tags without braces and dates with the month first, as Azure writes them."""
    return {
        ACTUAL: _export(_charges(tables, ACTUAL), "billed"),
        AMORTIZED: _export(_charges(tables, AMORTIZED), "effective"),
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Each dataset's rows on its own basis, and list prices of the actual one."""
    actual = by_basis(_charges(tables, ACTUAL), "azure_cost", ACTUAL, {"billed": "billed", "list": "list"})
    amortized = by_basis(_charges(tables, AMORTIZED), "azure_cost", AMORTIZED, {"effective": "effective"})
    return {"costs": pl.concat([actual, amortized]).with_columns(pl.lit("Microsoft").alias("provider"))}
