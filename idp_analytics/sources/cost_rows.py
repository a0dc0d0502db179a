"""Charges of a bill, one row each, → rows of ``costs``, one per charge and basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from idp_analytics.sources.cost_cells import amounts
from idp_analytics.sources.files import shown_path
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import MONEY

CHARGE = (
    "period_start", "period_end", "billing_period_on", "service_id", "team_id", "owner_raw", "environment", "environment_raw",
    "provider", "account", "component", "sku", "resource", "category", "is_correction", "is_unused_commitment",
    "quantity", "quantity_unit", "currency",
)  # fmt: skip
"""What a charge says beside its amounts, in the order of its columns; a column it does not have is not known."""

NO_COST = "has no cost on any basis"


def costs(charges: pl.DataFrame, amount_of: Mapping[str, str], prefix: str, part: str | None = None) -> pl.DataFrame:
    """``charges`` (:data:`CHARGE`, ``_row``) by basis: ``amount_of`` is basis → its column, Decimal or, where a cell of
    it cannot be read, text. A charge has no row for a basis on which it has no amount. ``cost_id`` is
    ``<prefix>:<row>:<basis>``, with ``part`` the column that tells several charges of one row apart.
    """
    own = [name for name in CHARGE if name in charges.columns]
    read = {basis: charges[column] for basis, column in amount_of.items()}
    if any(amount.dtype == pl.String for amount in read.values()):
        read = {basis: amount.cast(pl.String) for basis, amount in read.items()}
    index = [ROW, *own, *([part] if part else [])]
    rows = charges.select(*index, *(amount.alias(basis) for basis, amount in read.items()))
    bases = pl.Enum(list(read))
    if len(read) == 1:  # nothing is repeated, so nothing need be copied
        rows = rows.rename(dict.fromkeys(read, "amount")).with_columns(pl.lit(next(iter(read)), bases).alias("basis"))
    else:
        rows = rows.unpivot(on=list(read), index=index, variable_name="basis", value_name="amount")
        rows = rows.with_columns(pl.col("basis").cast(bases))
    if rows["amount"].null_count():
        rows = rows.filter(pl.col("amount").is_not_null())
    number = [pl.col(ROW), *([pl.col(part)] if part else []), pl.col("basis")]
    named = pl.concat_str(pl.lit(prefix), *number, separator=":", ignore_nulls=True)
    return rows.select(ROW, named.alias("cost_id"), *own, "basis", "amount")


def without_cost(charges: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """How many charges have no amount in any of ``columns``, by the reason they are left out for."""
    none = charges.select(pl.all_horizontal(pl.col(column).is_null() for column in columns).sum()).item()
    return {NO_COST: none} if none else {}


def named(kind: str, path: Path, sha256: str, root: Path) -> str:
    """What ids of a file's charges begin with; a file outside ``root`` is told apart by its content, not by its place."""
    shown = shown_path(path, root)
    inside = path.absolute().is_relative_to(root.absolute())
    return ":".join(filter(None, (kind, shown if inside else f"{path.name}@{sha256[:8]}")))


def quantities(found: pl.Series) -> tuple[pl.Series, list[str]]:
    """How much was used, exact; and the sentence about cells that are none or have more than 14 digits before the point.

    They count as not known: how much was used is no reason to lose what it cost.
    """
    known = amounts(found, strict=True).known
    is_text = found.dtype in (pl.String, pl.Categorical, pl.Enum)
    there = int((found.cast(pl.String).str.strip_chars() != "").sum()) if is_text else found.count()
    lost = there - known.count()
    name = found.name or "quantity"
    told = f"{name}: {lost:,} cell(s) are no quantity of at most 14 digits and 24 decimals and count as not known"
    return known.cast(MONEY), [told] if lost > 0 else []
