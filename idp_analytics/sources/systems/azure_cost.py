"""Azure Cost Management exports, enterprise agreement (EA) or Microsoft customer agreement (MCA), CSV or Parquet.

There are two datasets of the same month, and they are not the same rows: actual costs are what is invoiced (billed), amortised
costs spread reservations and savings plans over what they cover (effective). Each file gives its own basis and no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources import cost_bill
from idp_analytics.sources.cost_bill import BillFile, Charges, folded
from idp_analytics.sources.cost_cells import amounts, day_first, times
from idp_analytics.sources.cost_owners import OF_A_CHARGE, attributed, not_blank, strange_environments
from idp_analytics.sources.cost_owners import OPTIONS as OWNERS
from idp_analytics.sources.cost_rows import quantities
from idp_analytics.sources.cost_spreadsheets import refuse_mangled
from idp_analytics.sources.system import Gives, Option, Recipe, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import Extract

DATASETS = {"actual": "billed", "amortized": "effective"}
"""Dataset → the basis its costs are on."""

_COLUMNS = {
    "date": ("date", "usagedatetime", "usagedate"), "billing": ("billingperiodstartdate", "billingperiodstart"),
    "account": ("subscriptionid", "subscriptionguid"), "meter_category": ("metercategory",), "service": ("consumedservice",),
    "product": ("product", "productname"), "meter": ("meterid",), "part_number": ("partnumber",),
    "resource": ("resourceid", "instanceid"), "quantity": ("quantity", "usagequantity", "consumedquantity"),
    "unit": ("unitofmeasure",), "cost": ("costinbillingcurrency", "cost", "pretaxcost"), "payg": ("paygcostinbillingcurrency",),
    "currency": ("billingcurrencycode", "billingcurrency", "currency"), "charge_type": ("chargetype",),
    "pricing_model": ("pricingmodel",), "tags": ("tags",),
}  # fmt: skip
"""Our name → theirs, of EA and MCA, once folded."""
_NEEDED = ("date", "cost", "currency", "charge_type")
_CATEGORIES = {
    "usage": "usage", "unusedreservation": "usage", "unusedsavingsplan": "usage", "purchase": "purchase", "refund": "purchase",
    "roundingadjustment": "adjustment", "tax": "tax", "credit": "credit",
}  # fmt: skip
"""ChargeType → FOCUS ChargeCategory; one nobody knows stays as it is."""
_NAMED = {"actual": r"(?<![a-z])actual", "amortized": r"(?<![a-z])amorti[sz]ed"}
_COMMITTED = ("reservation", "savingsplan")


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file, on the basis of its dataset.

    Raises :class:`SourceError` for a file that is no such export, one of which nothing says which dataset it is, dates
    that a spreadsheet has turned, and what ``cost_bill.files`` refuses.
    """
    bills, silent = cost_bill.files(SYSTEM, paths, root, _COLUMNS, _NEEDED, ids=("account",))
    datasets = [_dataset(bill, options) for bill in bills]
    found = []
    # The two datasets of a month look like two snapshots of it, and are not: each is compared with its own kind.
    for dataset in DATASETS:
        own = [bill for bill, one in zip(bills, datasets, strict=True) if one == dataset]
        found += cost_bill.extracts(
            "azure_cost", own, [_charges(bill, dataset, options) for bill in own], options, root
        )
    order = {bill.shown: place for place, bill in enumerate(bills)}
    return [*sorted(found, key=lambda extract: order[extract.path]), *silent]


def _dataset(bill: BillFile, options: Mapping[str, Any]) -> str:
    """Which dataset a file is: the settings', its manifest's, its name's, or its content's word."""
    if told := options.get("dataset"):
        return str(told)
    if bill.manifest is not None and bill.manifest.dataset is not None:
        if (known := bill.manifest.dataset.lower().removesuffix("cost")) in DATASETS:
            return known
        raise SourceError(
            f"{bill.shown}: its manifest says it is {bill.manifest.dataset}, no dataset of actual or amortized costs. A FOCUS export is read by "
            'kind = "focus".'
        )
    named = [word for word, pattern in _NAMED.items() if re.search(pattern, bill.shown.lower())]
    if len(named) == 1:
        return named[0]
    kind = pl.col("charge_type").str.strip_chars().str.to_lowercase()
    committed = (
        pl.col("pricing_model").str.strip_chars().str.to_lowercase().is_in(_COMMITTED)
        if "pricing_model" in bill.raw.columns
        else pl.lit(False)
    )
    costs_something = pl.lit(amounts(bill.raw["cost"], strict=True).known) != 0
    says = bill.raw.select(
        amortized=kind.str.starts_with("unused").any() | (committed & (kind == "usage") & costs_something).any(),
        actual=(committed & kind.is_in(["purchase", "refund"])).any(),
    ).row(0, named=True)
    told_by = [word for word, is_said in says.items() if is_said]
    if len(told_by) != 1:
        raise SourceError(
            f"{bill.shown}: nothing says whether these are actual or amortized costs{' (its lines say both)' if told_by else ''}, and the two must not "
            'be added. Say dataset = "actual" (billed) or dataset = "amortized" (effective), with one source for each.'
        )
    return told_by[0]


def _charges(bill: BillFile, dataset: str, options: Mapping[str, Any]) -> Charges:
    raw = bill.raw
    dates = [name for name in ("date", "billing") if name in raw.columns]
    refuse_mangled(bill.shown, raw, (), dates)
    days_first = day_first(raw[name] for name in dates)
    day, *billing = (times(raw[name], strict=False, day_first=days_first) for name in dates)
    cost = amounts(raw["cost"], strict=True)
    text = raw.select(
        (not_blank(pl.col(name).cast(pl.String)) if name in raw.columns else pl.lit(None, pl.String)).alias(name)
        for name in _COLUMNS if name not in ("date", "billing", "quantity", "cost", "payg", "tags")
    )  # fmt: skip
    kind = text["charge_type"].str.to_lowercase()
    nothing = pl.repeat(None, raw.height, dtype=pl.String, eager=True)
    asked = text.select("account").with_columns(day.known.alias("period_start"))
    owned = attributed(asked, raw["tags"] if "tags" in raw.columns else nothing, None, options, OF_A_CHARGE)
    quantity, strange = quantities(raw["quantity"] if "quantity" in raw.columns else nothing.alias("quantity"))
    frame = pl.DataFrame([
        raw[ROW],
        day.values.alias("period_start"),
        day.known.dt.offset_by("1d").alias("period_end"),
        *(reading.known.dt.date().alias("billing_period_on") for reading in billing),
        *owned,
        *text.select(
            pl.lit("Microsoft").alias("provider"), "account", pl.coalesce("meter_category", "service", "product").alias("component"),
            pl.coalesce("meter", "part_number").alias("sku"), "resource", pl.col("unit").alias("quantity_unit"), "currency",
        ),
        kind.replace(_CATEGORIES).alias("category"),
        (kind == "refund").alias("is_correction"),
        kind.str.starts_with("unused").alias("is_unused_commitment"),
        quantity.alias("quantity"),
        cost.values.alias("cost"),
        *([amounts(raw["payg"], strict=True).known.alias("payg")] if "payg" in raw.columns else []),
    ])  # fmt: skip
    if day.values.dtype == pl.String:
        frame = frame.with_columns(
            pl.coalesce(pl.col("period_end").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "period_start").alias("period_end")
        )
    amount_of = {
        DATASETS[dataset]: "cost",
        **({"list": "payg"} if dataset == "actual" and "payg" in frame.columns else {}),
    }
    order = (
        ["dates are written with the day first, which Azure does not: the file was saved anew somewhere"]
        if days_first
        else []
    )
    return Charges(
        frame,
        amount_of,
        warnings=(
            *cost_bill.floats(raw, ("cost",)),
            *order,
            *strange,
            *strange_environments(owned),
            *cost_bill.currencies(frame),
            *cost_bill.rounded(frame["cost"]),
        ),
    )


SYSTEM = System(
    kind="azure_cost",
    title="Azure Cost Management",
    shapes=(
        Shape("charge", "a charge", lambda body: {"chargetype", "metercategory"} <= (names := {folded(name) for name in body}) and bool(names & set(_COLUMNS["cost"]))),
    ),
    gives=(Gives("costs", None, ("charge",), "13 months, longer where exports are kept"),),
    recipes=(
        Recipe("actual/…", "az storage blob download-batch --account-name $ACCOUNT --source $CONTAINER --destination azure --pattern 'actual/*'",
               "Storage Blob Data Reader on the container",
               "Two exports: actual costs (billed) and amortized costs (effective), each with its folders and its `manifest.json`, which says which "
               "files are current and which dataset they are. Without manifests say `dataset`, with one source for each; they are never added."),
        Recipe("amortized/…", "az storage blob download-batch --account-name $ACCOUNT --source $CONTAINER --destination azure --pattern 'amortized/*'",
               "Storage Blob Data Reader on the container"),
    ),
    options=(
        *OWNERS,
        Option("dataset", "text", "Which of the two datasets the files are, where neither a manifest nor a name nor the lines themselves say it.", tuple(DATASETS)),
        cost_bill.PARTS,
    ),
    reads=read,
)  # fmt: skip
