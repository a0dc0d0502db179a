"""The bills in FOCUS 1.2 (FinOps Open Cost and Usage Specification, FinOps Foundation 2025)."""

from __future__ import annotations

import polars as pl

from idp_analytics.sources.sample.money import DATA_ACCOUNT, MOVED_ACCOUNT, SHARED_ACCOUNT, USUAL_ACCOUNT

_ACCOUNTS = {
    DATA_ACCOUNT: "analytics", MOVED_ACCOUNT: "shop-edge", SHARED_ACCOUNT: "shared-cluster", USUAL_ACCOUNT: "workloads",
}  # fmt: skip
_COMPONENTS = {
    # component → FOCUS ServiceCategory, ServiceSubcategory
    "Virtual Machines": ("Compute", "Virtual Machines"),
    "Managed Database": ("Databases", "Relational Databases"),
    "Object Storage": ("Storage", "Object Storage"),
    "Content Delivery": ("Networking", "Content Delivery"),
    "Query Engine": ("Analytics", "Data Processing"),
    "Kubernetes Control Plane": ("Compute", "Containers"),
    "Log Ingestion": ("Management and Governance", "Observability"),
    "Support": ("Other", "Other (Other)"),
}
_OTHER = ("Other", "Other (Other)")


def focus_rows(charges: pl.DataFrame) -> pl.DataFrame:
    """One FOCUS row per charge, in the order of the charges; amounts are exact text, absent values null."""
    bought = pl.col("category") == "purchase"
    metered = pl.col("category") == "usage"
    committed = pl.col("committed")
    name = pl.col("provider")
    invoice = pl.concat_str(pl.lit("INV-"), "currency", pl.lit("-"), pl.col("billing_on").dt.strftime("%Y%m"))
    return charges.select(
        pl.col("billed").alias("BilledCost"),
        (pl.lit("larkspur-") + pl.col("currency").str.to_lowercase()).alias("BillingAccountId"),
        pl.lit("Larkspur Works (synthetic)").alias("BillingAccountName"),
        pl.lit("Payer Account").alias("BillingAccountType"),
        pl.col("currency").alias("BillingCurrency"),
        _midnight(pl.col("billing_on").dt.offset_by("1mo")).alias("BillingPeriodEnd"),
        _midnight(pl.col("billing_on")).alias("BillingPeriodStart"),
        pl.col("category").str.to_titlecase().alias("ChargeCategory"),
        pl.when("is_correction").then(pl.lit("Correction")).alias("ChargeClass"),
        (pl.col("component") + ", " + pl.col("category")).alias("ChargeDescription"),
        pl.when(bought).then(pl.lit("Recurring")).when(metered).then(pl.lit("Usage-Based")).otherwise(pl.lit("One-Time")).alias("ChargeFrequency"),
        _midnight(pl.col("end")).alias("ChargePeriodEnd"),
        _midnight(pl.col("start")).alias("ChargePeriodStart"),
        pl.when(committed.is_not_null()).then(pl.lit("commitment-1")).alias("CommitmentDiscountId"),
        pl.when(committed == "used").then(pl.lit("Used")).when(committed == "unused").then(pl.lit("Unused")).alias("CommitmentDiscountStatus"),
        pl.col("contracted").alias("ContractedCost"),
        pl.col("effective").alias("EffectiveCost"),
        invoice.alias("InvoiceId"),
        name.alias("InvoiceIssuerName"),
        pl.col("list").alias("ListCost"),
        pl.col("quantity").alias("PricingQuantity"),
        pl.col("unit").alias("PricingUnit"),
        name.alias("ProviderName"),
        name.alias("PublisherName"),
        pl.when(metered).then(pl.lit("region-1")).alias("RegionId"),
        pl.col("resource").alias("ResourceId"),
        _of(0).alias("ServiceCategory"),
        pl.col("component").alias("ServiceName"),
        _of(1).alias("ServiceSubcategory"),
        pl.col("sku").alias("SkuPriceId"),
        pl.col("account").alias("SubAccountId"),
        pl.col("account").replace_strict(_ACCOUNTS).alias("SubAccountName"),
        _tags().alias("Tags"),
    )  # fmt: skip


def _midnight(day: pl.Expr) -> pl.Expr:
    return day.dt.strftime("%Y-%m-%dT00:00:00Z")


def _of(place: int) -> pl.Expr:
    words = {name: row[place] for name, row in _COMPONENTS.items()}
    return pl.col("component").replace_strict(words, default=_OTHER[place], return_dtype=pl.String)


def _tags() -> pl.Expr:
    """The tags as one JSON object, in the order team, owner, service, environment; null without any."""
    parts = [
        pl.when(pl.col(f"{key}_tag").is_not_null()).then(pl.lit(f'"{key}":"') + pl.col(f"{key}_tag") + pl.lit('"'))
        for key in ("team", "owner", "service", "environment")
    ]
    inside = pl.concat_str(parts, separator=",", ignore_nulls=True)
    return pl.when(inside != "").then(pl.lit("{") + inside + pl.lit("}"))
