"""Cloud bills in FOCUS (FinOps Open Cost and Usage Specification) 1.0 to 1.3, and its renamed forerunners → ``costs``.

CSV and Parquet, plain or gzip. One row per charge and basis: billed, effective, list, contracted. Money is exact from
the file to the table; times are UTC; nothing is added, spread, mended in value or dropped as a duplicate, because equal
rows are legal in a bill. What is wrong with a file is told in the extract's ``warnings`` (:mod:`focus_defects`).

Options of a ``focus`` source::

    team_tags = ["team", "owner"]       # tag keys that name the team; the first that is not blank counts
    service_tags = ["service", "app"]   # the same for the service
    accounts = [{ account = "123456789012", team = "payments", from = 2026-01-01, to = 2026-07-01 }]  # where no tag does
    bases = ["billed", "effective"]     # default: all the file has
    strict = false                      # true: amounts such as "$10,000.00" and dates such as 5/1/25 are set aside
    constants = { BillingCurrency = "USD" }  # FOCUS columns that the file does not have
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.files import shown_path
from idp_analytics.sources.focus_defects import Bill, defects, mended
from idp_analytics.sources.focus_format import COSTS, NULLS, SINCE, TIMES, amounts, day_first, places, times, version
from idp_analytics.sources.focus_snapshots import Prints, fingerprints, snapshots
from idp_analytics.sources.focus_tags import as_text, owners
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables import Extract

TEAM_TAGS = ("team", "owner")
SERVICE_TAGS = ("service", "app", "application")
NO_COST = "has no cost on any basis"

_OPTIONS = ("team_tags", "service_tags", "accounts", "bases", "strict", "constants")
_NEEDED = ("BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd")
_READ = frozenset(
    (
        *COSTS.values(), *TIMES, "BillingAccountId", "BillingCurrency", "ChargeCategory", "ChargeClass", "ChargeDescription",
        "ChargeFrequency", "ChargeSubcategory", "PricingCategory", "PricingQuantity", "ConsumedQuantity",
        "CommitmentDiscountCategory", "CommitmentDiscountStatus", "InvoiceIssuerName", "ProviderName", "PublisherName",
        "ServiceProviderName", "ServiceCategory", "ServiceName", "SubAccountId", "ResourceId", "SkuPriceId",
        "AvailabilityZone", "Tags", "AllocatedTags", "BillingAccountName", "PricingUnit",
    )
)  # fmt: skip
_FROM, _TO = date(1, 1, 1), date(9999, 12, 31)


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``focus`` source, one sentence each; empty: nothing."""
    found = [
        f"{name}: a focus source has no such option.{nearest(name, _OPTIONS)}"
        for name in options
        if name not in _OPTIONS
    ]
    for name in ("team_tags", "service_tags", "bases"):
        value = options.get(name, ["x"])
        if not isinstance(value, list | tuple) or not value or not all(isinstance(v, str) and v.strip() for v in value):
            found.append(f"{name} = {value!r}: must be a list of texts that are not blank")
        elif name == "bases" and name in options:
            found += [f"bases: {v!r} is no basis.{nearest(v, COSTS)}" for v in value if v not in COSTS]
    if not isinstance(options.get("strict", False), bool):
        found.append(f"strict = {options['strict']!r}: must be true or false")
    constants = options.get("constants", {})
    if not isinstance(constants, Mapping) or not all(isinstance(v, str) for v in constants.values()):
        found.append(f'constants = {constants!r}: must be a table, {{ BillingCurrency = "USD" }}')
    else:
        known = [name for names in SINCE.values() for name in names]
        found += [
            f"constants: FOCUS has no column {name!r}.{nearest(name, known)}" for name in constants if name not in known
        ]
    return found + _wrong_accounts(options.get("accounts", []))


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file.

    ``cost_id`` is ``focus:<file>:<row>:<basis>``. ``owner_raw`` is the text of the tag that names the team ("" when the
    tag is there and empty, null when there is none); ``team_id`` is the same, or else the team of the sub-account on the
    day of the charge. A column is text where one of its cells cannot be read, so that ``conform`` sets that row aside.

    Raises :class:`SourceError` when a file lacks what no charge can do without (currency, charge period, any cost).
    """
    if not paths:
        raise SourceError('A focus source has no files: add paths = ["…"] to it in settings.toml.')
    extracts, prints = [], []
    for path in paths:
        extract, fingerprint = _file(path, options, root)
        extracts.append(extract)
        prints.append(fingerprint)
    return [
        replace(extract, warnings=(*extract.warnings, *told))
        for extract, told in zip(extracts, snapshots(prints), strict=True)
    ]


# --- options ----------------------------------------------------------------------------------------------------------


def _wrong_accounts(accounts: Any) -> list[str]:
    if not isinstance(accounts, list | tuple) or not all(isinstance(a, Mapping) for a in accounts):
        return [f'accounts = {accounts!r}: must be a list of {{ account = "…", team = "…", from = 2026-01-01 }}']
    found = []
    for number, entry in enumerate(accounts, 1):
        where = f"accounts, entry {number}"
        known = ("account", "team", "from", "to")
        found += [f"{where}: {name}: no such word.{nearest(name, known)}" for name in entry if name not in known]
        found += [
            f"{where}: {name} = {entry.get(name)!r}: must be text in quotes (leading zeros count)"
            for name in ("account", "team")
            if not isinstance(entry.get(name), str) or not entry[name].strip()
        ]
        found += [
            f"{where}: {name} = {entry[name]!r}: must be a day such as 2026-01-01, without quotes"
            for name in ("from", "to")
            if name in entry and (not isinstance(entry[name], date) or isinstance(entry[name], datetime))
        ]
    if found:
        return found
    spans = sorted((_folded(a["account"]), a.get("from", _FROM), a.get("to", _TO), a["account"]) for a in accounts)
    found += [f"accounts: {name!r}: from {a} is not before to {b}" for _, a, b, name in spans if a >= b]
    found += [
        f"accounts: {name!r} has two teams from {later[1]} on; spans must not overlap (to is the first day that no longer counts)"
        for (key, _, end, name), later in pairwise(spans)
        if key == later[0] and later[1] < end
    ]
    return found


def _spans(accounts: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    rows = [(_folded(a["account"]), a["team"].strip(), a.get("from", _FROM), a.get("to", _TO)) for a in accounts]
    return pl.DataFrame(rows, {"account": pl.String, "team": pl.String, "from": pl.Date, "to": pl.Date}, orient="row")


def _folded(account: str) -> str:
    return account.strip().lower()


# --- one file ---------------------------------------------------------------------------------------------------------


def _file(path: Path, options: Mapping[str, Any], root: Path) -> tuple[Extract, Prints]:
    shown = shown_path(path, root)
    rows = read_rows(path, shown, lambda name: not _READ.isdisjoint(places([name])), NULLS)
    place = places(rows.header)
    constants: Mapping[str, str] = options.get("constants", {})
    bases = [b for b in options.get("bases", COSTS) if COSTS[b] in place or COSTS[b] in constants]
    if not rows.header:
        return Extract("costs", rows.frame, shown, rows.sha256, warnings=rows.warnings, rows_in=0), fingerprints(
            shown, None
        )
    _stop_if_unusable(shown, rows.header, {*place, *constants}, bases)
    raw = rows.frame.select(
        ROW,
        *(pl.col(theirs).alias(name) for name, theirs in place.items() if name in _READ),
        *(pl.lit(value).alias(name) for name, value in constants.items() if name in _READ and name not in place),
    )
    raw = raw.with_columns(as_text(raw[name]).alias(name) for name in ("Tags", "AllocatedTags") if name in raw.columns)

    read, known, warnings = _typed(raw, bool(options.get("strict", False)))
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, raw.height)
    tags, allocated = (raw[name] if name in raw.columns else nothing for name in ("Tags", "AllocatedTags"))
    owned = owners(tags, allocated, options.get("team_tags", TEAM_TAGS), options.get("service_tags", SERVICE_TAGS))
    known = pl.concat([known, owned], how="horizontal")
    warnings += defects(Bill(raw, known, rows.header))

    read = pl.concat([read, owned, _teams(known, options.get("accounts", []))], how="horizontal")
    name = shown if path.absolute().is_relative_to(root.absolute()) else f"{path.name}@{rows.sha256[:8]}"
    frame = _costs(read, bases, name)
    without = raw.height - read.select(pl.any_horizontal(pl.col(COSTS[b]).is_not_null() for b in bases).sum()).item()
    dropped = {**rows.dropped, **({NO_COST: without} if without else {})}
    extract = Extract(
        "costs", frame, shown, rows.sha256, warnings=(*rows.warnings, *warnings),
        rows_in=raw.height + sum(rows.dropped.values()), dropped=dropped,
    )  # fmt: skip
    return extract, fingerprints(shown, raw)


def _stop_if_unusable(shown: str, header: Sequence[str], have: set[str], bases: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in have]
    if not bases:
        missing.append(" or ".join(COSTS.values()))
    if missing:
        number = version(header)
        seems = "does not look like FOCUS" if number == "none" else f"seems to be FOCUS {number}"
        raise SourceError(
            f"{shown}: no column {', '.join(missing)}, without which no charge can be read (the file {seems}). "
            f"Found: {', '.join(header)}. Export with the mandatory columns, or, if one value holds for the whole file, "
            'add it to the source: constants = { BillingCurrency = "USD" }.'
        )


def _typed(raw: pl.DataFrame, strict: bool) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """``raw`` with exact costs and UTC times, and what was taken as meant.

    First with a column left as text where one of its cells cannot be read, then with such cells null.
    """
    dated = [name for name in TIMES if name in raw.columns]
    days_first = day_first(raw[name] for name in dated)
    readings = {name: times(raw[name], strict, days_first) for name in dated}
    readings |= {name: amounts(raw[name], strict) for name in COSTS.values() if name in raw.columns}
    warnings = [told for name, reading in readings.items() for told in mended(name, reading.mended, raw[name])]
    if any(readings[name].mended for name in dated):
        warnings.append(f"dates such as 5/1/25 are read with the {'day' if days_first else 'month'} first")
    return (
        raw.with_columns(reading.values.alias(name) for name, reading in readings.items()),
        raw.with_columns(reading.known.alias(name) for name, reading in readings.items()),
        warnings,
    )


def _teams(charges: pl.DataFrame, accounts: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """``team_id`` of each charge: the owner the tag names, else the team of its sub-account on the day it began (UTC)."""
    named = _not_blank(pl.col("owner_raw"))
    if not accounts or "SubAccountId" not in charges.columns:
        return charges.select(named.alias("team_id"))
    asked = charges.select(
        pl.col("SubAccountId").cast(pl.String).str.strip_chars().str.to_lowercase().alias("account"),
        pl.col("ChargePeriodStart").dt.date().alias("day"),
    )
    known = (
        asked.unique()
        .join(_spans(accounts), on="account")
        .filter(pl.col("day") >= pl.col("from"), pl.col("day") < pl.col("to"))
        .select("account", "day", "team")
    )
    team = asked.join(known, on=["account", "day"], how="left", maintain_order="left")["team"]
    return charges.select(pl.coalesce(named, team).alias("team_id"))


def _costs(read: pl.DataFrame, bases: Sequence[str], file: str) -> pl.DataFrame:
    """Charges × bases, one row each, by basis and then in file order."""

    def text(*names: str) -> pl.Expr:
        there = [_not_blank(pl.col(name).cast(pl.String)) for name in names if name in read.columns]
        return pl.coalesce(there) if there else pl.lit(None, pl.String)

    def says(name: str, word: str) -> pl.Expr:
        """The column's word is ``word``; empty is "no", as the specification has it; no such column: not known."""
        there = (text(name).str.to_lowercase() == word).fill_null(False)
        return there if name in read.columns else pl.lit(None, pl.Boolean)

    costs = {basis: read[COSTS[basis]] for basis in bases}
    if any(cost.dtype == pl.String for cost in costs.values()):
        costs = {basis: cost.cast(pl.String) for basis, cost in costs.items()}
    charges = read.select(
        pl.col(ROW),
        pl.col("ChargePeriodStart").alias("period_start"),
        pl.col("ChargePeriodEnd").alias("period_end"),
        (pl.col("BillingPeriodStart") if "BillingPeriodStart" in read.columns else pl.lit(None)).alias("billing_period_on"),
        _not_blank(pl.col("service_raw")).alias("service_id"),
        "team_id",
        "owner_raw",
        text("ServiceProviderName", "ProviderName").alias("provider"),
        text("SubAccountId").alias("account"),
        text("ServiceName").alias("component"),
        text("ChargeCategory").str.to_lowercase().alias("category"),
        says("ChargeClass", "correction").alias("is_correction"),
        pl.coalesce(
            says("CommitmentDiscountStatus", "unused"), says("ChargeSubcategory", "unused commitment")
        ).alias("is_unused_commitment"),
        text("BillingCurrency").alias("currency"),
        *(cost.alias(basis) for basis, cost in costs.items()),
    )  # fmt: skip
    rows = charges.unpivot(
        on=bases, index=[n for n in charges.columns if n not in bases], variable_name="basis", value_name="amount"
    )
    return rows.filter(pl.col("amount").is_not_null()).select(
        ROW,
        pl.concat_str(pl.lit(f"focus:{file}:"), pl.col(ROW), pl.lit(":"), pl.col("basis")).alias("cost_id"),
        pl.exclude(ROW),
    )


def _not_blank(text: pl.Expr) -> pl.Expr:
    plain = text.str.strip_chars()
    return pl.when(plain != "").then(plain)
