"""Oracle Cloud Infrastructure cost reports: one CSV every six hours, each with new lines only.

``cost/myCost`` holds what is charged over the commitment (``cost/myCostOverage``) already, which is therefore never added.
Nothing is amortised in these reports, so that billed and effective are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources import cost_bill
from idp_analytics.sources.cost_bill import BillFile, Charges, folded
from idp_analytics.sources.cost_cells import amounts, times
from idp_analytics.sources.cost_owners import OF_A_CHARGE, attributed, not_blank, strange_environments
from idp_analytics.sources.cost_owners import OPTIONS as OWNERS
from idp_analytics.sources.cost_rows import quantities
from idp_analytics.sources.cost_tags import as_text, fold
from idp_analytics.sources.system import Gives, Recipe, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import Extract

_COLUMNS = {
    "start": ("lineitemintervalusagestart",), "end": ("lineitemintervalusageend",), "component": ("productservice",),
    "account": ("productcompartmentid",), "compartment": ("productcompartmentname",), "resource": ("productresourceid",),
    "quantity": ("usagebilledquantity",), "unit": ("costskuunitdescription", "costbillingunitreadable"), "sku": ("costproductsku",),
    "cost": ("costmycost",), "currency": ("costcurrencycode",), "correction": ("lineitemiscorrection",), "line": ("lineitemreferenceno",),
    "corrected": ("lineitembackreferenceno",),
}  # fmt: skip
_NEEDED = ("start", "end", "cost", "currency")
_TAGS = "tags/"


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file. ``account`` is the compartment's id.

    Raises :class:`SourceError` for a file that is no cost report, and what ``cost_bill.files`` refuses.
    """
    keys = _keys(options)
    bills, silent = cost_bill.files(
        SYSTEM, paths, root, _COLUMNS, _NEEDED, lambda name: bool(_forms(name) & keys), ("account", "line")
    )
    lines = frozenset(line for bill in bills if "line" in bill.raw.columns for line in bill.raw["line"])
    return [
        *cost_bill.extracts("oci_cost", bills, [_charges(bill, options, keys, lines) for bill in bills], options, root),
        *silent,
    ]


def _charges(bill: BillFile, options: Mapping[str, Any], keys: frozenset[str], lines: frozenset[str | None]) -> Charges:
    raw = bill.raw
    start, end = (times(raw[name], strict=True) for name in ("start", "end"))
    text = raw.select(
        (not_blank(pl.col(name).cast(pl.String)) if name in raw.columns else pl.lit(None, pl.String)).alias(name)
        for name in ("account", "component", "resource", "sku", "unit", "currency", "correction", "corrected")
    )
    asked = text.select("account").with_columns(start.known.alias("period_start"))
    owned = attributed(asked, _tags(raw, keys), None, options, OF_A_CHARGE)
    nothing = pl.repeat(None, raw.height, dtype=pl.String, eager=True)
    quantity, strange = quantities(raw["quantity"] if "quantity" in raw.columns else nothing.alias("quantity"))
    is_correction = (text["correction"].str.to_lowercase() == "true").fill_null(False)
    frame = pl.DataFrame([
        raw[ROW],
        start.values.alias("period_start"),
        end.values.alias("period_end"),
        *owned,
        *text.select(
            pl.lit("Oracle").alias("provider"), "account", "component", "sku", "resource", pl.col("unit").alias("quantity_unit"), "currency",
            pl.lit("usage").alias("category"),
        ),
        is_correction.alias("is_correction"),
        quantity.alias("quantity"),
        amounts(raw["cost"], strict=True).values.alias("cost"),
        # Not read on, but it tells lines apart that are otherwise equal.
        *([raw["line"]] if "line" in raw.columns else []),
    ])  # fmt: skip
    corrections = text.filter(is_correction)["corrected"]
    strays = (
        corrections.null_count()
        + corrections.drop_nulls().filter(~corrections.drop_nulls().is_in(list(lines - {None}))).len()
    )
    told = (
        [f"{strays:,} correction(s) of lines that are in none of the files: the bill they correct is not here"]
        if strays
        else []
    )
    warnings = (
        *cost_bill.floats(raw, ("cost",)),
        *told,
        *strange,
        *strange_environments(owned),
        *cost_bill.currencies(frame),
        *cost_bill.rounded(frame["cost"]),
    )
    return Charges(frame, {"billed": "cost", "effective": "cost"}, warnings=warnings)


# --- tags -------------------------------------------------------------------------------------------------------------


def _keys(options: Mapping[str, Any]) -> frozenset[str]:
    defaults = {option.name: option.default for option in OWNERS}
    return frozenset(
        fold(key)
        for name in ("team_tags", "service_tags", "environment_tags")
        for key in options.get(name, defaults[name])
    )


def _forms(column: str) -> frozenset[str]:
    """The keys a column of tags answers to: with its namespace (``Operations.Team``) and without."""
    if not column.lower().startswith(_TAGS):
        return frozenset()
    whole = column[len(_TAGS) :]
    return frozenset((fold(whole), fold(whole.rpartition(".")[2])))


def _tags(raw: pl.DataFrame, keys: frozenset[str]) -> pl.Series:
    """Tags of each line as JSON. Two namespaces with one key count where they do not contradict each other."""
    columns: dict[str, list[str]] = {}
    for name in raw.columns:
        for key in _forms(name) & keys:
            columns.setdefault(key, []).append(name)
    if not columns:
        return pl.repeat(None, raw.height, dtype=pl.String, eager=True)
    agreed = []
    for key, names in columns.items():
        told = [pl.col(name).cast(pl.String) for name in names]
        first = pl.coalesce(told)
        is_one = pl.all_horizontal((one == first).fill_null(True) for one in told)
        agreed.append((pl.when(is_one).then(first) if len(told) > 1 else first).alias(key))
    return as_text(raw.select(pl.struct(agreed)).to_series())


SYSTEM = System(
    kind="oci_cost",
    title="Oracle Cloud cost report",
    shapes=(Shape("line", "a line", lambda body: {"lineitemintervalusagestart", "costmycost"} <= {folded(name) for name in body}),),
    gives=(Gives("costs", None, ("line",), "a year, longer where reports are kept", lost=("billing_period_on", "is_unused_commitment")),),
    recipes=(
        Recipe("reports_cost-csv_*.csv.gz", "oci os object bulk-download --namespace bling --bucket-name $TENANCY --prefix reports/cost-csv --download-dir oci",
               "the policy that lets the tenancy read its usage reports", "Each report has new lines only: all of them together are the bill."),
    ),
    options=(*OWNERS, cost_bill.PARTS),
    reads=read,
)  # fmt: skip
