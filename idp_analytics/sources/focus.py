"""Cloud bills in FOCUS (FinOps Open Cost and Usage Specification) 1.0 to 1.3, and its renamed forerunners → ``costs``.

CSV and Parquet, plain or gzip. One row per charge and basis: billed, effective, list, contracted. Money is exact from
the file to the table; times are UTC; nothing is added, spread, mended in value or dropped as a duplicate, because equal
rows are legal in a bill. What is wrong with a file is told in the extract's ``warnings`` (:mod:`focus_defects`).

Options of a ``focus`` source::

    team_tags = ["team", "owner"]       # tag keys that name the team; the first that is not blank counts
    service_tags = ["service", "app"]   # the same for the service
    environment_tags = ["environment"]  # the same for the environment
    environments = { "prd-.+" = "production" }  # which of its values is which environment; prod, staging, dev … are known
    accounts = [{ account = "123456789012", team = "payments", from = 2026-01-01, to = 2026-07-01 }]  # where no tag does
    bases = ["billed", "effective"]     # default: all the file has
    strict = false                      # true: amounts such as "$10,000.00" and dates such as 5/1/25 are set aside
    constants = { BillingCurrency = "USD" }  # FOCUS columns that the file does not have
    parts = false                       # true: no two files are snapshots of one bill, all are counted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.cost_cells import NULLS, amounts, day_first, times
from idp_analytics.sources.cost_manifests import current
from idp_analytics.sources.cost_owners import OPTIONS as OWNERS
from idp_analytics.sources.cost_owners import attributed, strange_environments, stripped
from idp_analytics.sources.cost_rows import costs, named, quantities, without_cost
from idp_analytics.sources.cost_snapshots import Prints, counted, fingerprints, older
from idp_analytics.sources.cost_spreadsheets import refuse_mangled
from idp_analytics.sources.cost_tags import as_text
from idp_analytics.sources.files import sha256, shown_path
from idp_analytics.sources.focus_defects import Bill, defects, mended
from idp_analytics.sources.focus_format import COSTS, SINCE, TIMES, places, version
from idp_analytics.sources.options import wrong
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables import Extract
from idp_analytics.tables.numbered import by_word, first_known, renamed

_OPTIONS = (*(option.name for option in OWNERS), "bases", "strict", "constants", "parts")
_NEEDED = ("BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd")
_READ = frozenset(
    (
        *COSTS.values(), *TIMES, "BillingAccountId", "BillingCurrency", "ChargeCategory", "ChargeClass", "ChargeDescription",
        "ChargeFrequency", "ChargeSubcategory", "PricingCategory", "PricingQuantity", "ConsumedQuantity",
        "CommitmentDiscountCategory", "CommitmentDiscountStatus", "InvoiceIssuerName", "ProviderName", "PublisherName",
        "ServiceProviderName", "ServiceCategory", "ServiceName", "SubAccountId", "ResourceId", "SkuId", "SkuPriceId", "ConsumedUnit",
        "AvailabilityZone", "Tags", "AllocatedTags", "BillingAccountName", "PricingUnit",
    )
)  # fmt: skip

_AMOUNTS = frozenset((*COSTS.values(), "PricingQuantity", "ConsumedQuantity"))


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``focus`` source, one sentence each; empty: nothing."""
    found = [
        f"{name}: a focus source has no such option.{nearest(name, _OPTIONS)}"
        for name in options
        if name not in _OPTIONS
    ]
    for name in ("team_tags", "service_tags", "environment_tags", "bases"):
        value = options.get(name, ["x"])
        if not isinstance(value, list | tuple) or not value or not all(isinstance(v, str) and v.strip() for v in value):
            found.append(f"{name} = {value!r}: must be a list of texts that are not blank")
        elif name == "bases" and name in options:
            found += [f"bases: {v!r} is no basis.{nearest(v, COSTS)}" for v in value if v not in COSTS]
    found += [
        f"{name} = {options[name]!r}: must be true or false"
        for name in ("strict", "parts")
        if not isinstance(options.get(name, False), bool)
    ]
    constants = options.get("constants", {})
    if not isinstance(constants, Mapping) or not all(isinstance(v, str) for v in constants.values()):
        found.append(f'constants = {constants!r}: must be a table, {{ BillingCurrency = "USD" }}')
    else:
        known = [name for names in SINCE.values() for name in names]
        found += [
            f"constants: FOCUS has no column {name!r}.{nearest(name, known)}" for name in constants if name not in known
        ]
    either = [option for option in OWNERS if option.name in ("environments", "accounts") and option.name in options]
    return found + [sentence for option in either for sentence in wrong(option, options[option.name])]


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file; a manifest says which files are current, and of several snapshots of one
    billing period only the newest counts.

    ``cost_id`` is ``focus:<file>:<row>:<basis>``. ``owner_raw`` is the text of the tag that names the team ("" when the
    tag is there and empty, null when there is none); ``team_id`` is the same, or else the team of the sub-account on the
    day of the charge. A column is text where one of its cells cannot be read, so that ``conform`` sets that row aside.

    Raises :class:`SourceError` when a file lacks what no charge can do without (currency, charge period, any cost), when a
    spreadsheet has rewritten its ids or dates, when a manifest names a file that is not there, and when nothing says which
    of two snapshots is the newer.
    """
    if not paths:
        raise SourceError('A focus source has no files: add paths = ["…"] to it in settings.toml.')
    chosen = current(paths, root)
    bills = [_file(path, options, root) for path in chosen.files]
    gone: list[dict[str, str]] = [{} for _ in bills]
    if len(bills) > 1 and not options.get("parts"):
        prints = [
            fingerprints(bill.extract.path, path, bill.charges, list(COSTS.values()))
            for path, bill in zip(chosen.files, bills, strict=True)
        ]
        gone = older(prints)
        bills = [bill.without(printed, periods) for bill, printed, periods in zip(bills, prints, gone, strict=True)]
    silent = [
        Extract(
            "costs",
            pl.DataFrame(schema={ROW: pl.Int64}),
            shown_path(path, root),
            sha256(path),
            warnings=(told,),
            rows_in=0,
        )
        for path, told in chosen.left_out.items()
    ]
    return [*(bill.extract for bill in bills), *silent]


# --- one file ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bill:
    """One file: the ``extract``, and its ``charges`` with their amounts, by which it is compared with others."""

    extract: Extract
    charges: pl.DataFrame

    def without(self, prints: Prints, periods: Mapping[str, str]) -> _Bill:
        """The same without the charges of ``periods``, which a newer snapshot has too."""
        if not periods:
            return self
        kept, superseded = counted(self.charges, prints, periods)
        frame = self.extract.frame.filter(pl.col(ROW).is_in(kept[ROW].implode()))
        told = (*self.extract.warnings, *periods.values())
        return replace(
            self,
            extract=replace(self.extract, frame=frame, dropped={**self.extract.dropped, **superseded}, warnings=told),
        )


def _file(path: Path, options: Mapping[str, Any], root: Path) -> _Bill:
    shown = shown_path(path, root)
    rows = read_rows(path, shown, lambda name: not _READ.isdisjoint(places([name])), NULLS, _repeats, _is_amount)
    place = places(rows.header)
    constants: Mapping[str, str] = options.get("constants", {})
    bases = [b for b in options.get("bases", COSTS) if COSTS[b] in place or COSTS[b] in constants]
    if not rows.header:
        return _Bill(
            Extract("costs", rows.frame, shown, rows.sha256, warnings=rows.warnings, rows_in=0), rows.frame.clear()
        )
    _stop_if_unusable(shown, rows.header, {*place, *constants}, bases)
    raw = rows.frame.select(
        ROW,
        *(pl.col(theirs).alias(name) for name, theirs in place.items() if name in _READ),
        *(
            pl.lit(value, pl.Enum([value])).alias(name)
            for name, value in constants.items()
            if name in _READ and name not in place
        ),
    )
    raw = raw.with_columns(as_text(raw[name]).alias(name) for name in ("Tags", "AllocatedTags") if name in raw.columns)

    refuse_mangled(shown, raw, [name for name in ("BillingAccountId", "SubAccountId") if name in raw.columns], TIMES)
    read, known, warnings = _typed(raw, bool(options.get("strict", False)))
    charges, owned, told = _charges(read, known, options)
    warnings += defects(Bill(raw, pl.concat([known, owned], how="horizontal"), rows.header)) + told

    amount_of = {basis: COSTS[basis] for basis in bases}
    charges = pl.concat([charges, read.select(amount_of.values())], how="horizontal")
    frame = costs(charges, amount_of, named("focus", path, rows.sha256, root))
    dropped = {**rows.dropped, **without_cost(charges, list(amount_of.values()))}
    extract = Extract(
        "costs", frame, shown, rows.sha256, warnings=(*rows.warnings, *warnings),
        rows_in=raw.height + sum(rows.dropped.values()), dropped=dropped,
    )  # fmt: skip
    return _Bill(extract, charges)


def _repeats(name: str) -> bool:
    """The column's texts come again and again, all but amounts and quantities."""
    return not _is_amount(name)


def _is_amount(name: str) -> bool:
    return bool(places([name]).keys() & _AMOUNTS)


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


def _charges(
    read: pl.DataFrame, known: pl.DataFrame, options: Mapping[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Columns of ``cost_rows.CHARGE`` beside the amounts; what the tags say; and the sentences about both."""

    def text(*names: str) -> pl.Series:
        """The first of the FOCUS columns that is there and not blank; null when none is."""
        given = [renamed(read[name], stripped) for name in names if name in read.columns]
        return first_known(given) if given else nothing

    def says(name: str, word: str) -> pl.Series:
        """The column's word is ``word``; empty is "no", as the specification has it; no such column: not known."""
        if name not in read.columns:
            return nothing
        return by_word(read[name], lambda texts: texts.str.strip_chars().str.to_lowercase() == word).fill_null(False)

    nothing = _nothing(read)
    tags, allocated = (read[name] if name in read.columns else None for name in ("Tags", "AllocatedTags"))
    asked = pl.DataFrame([
        (read["SubAccountId"] if "SubAccountId" in read.columns else nothing).alias("account"),
        known["ChargePeriodStart"].alias("period_start"),
    ])  # fmt: skip
    owned = attributed(asked, tags, allocated, options)
    quantity, unit, told = _quantity(read)
    unused = [says("CommitmentDiscountStatus", "unused"), says("ChargeSubcategory", "unused commitment")]
    charges = {
        ROW: read[ROW],
        "period_start": read["ChargePeriodStart"],
        "period_end": read["ChargePeriodEnd"],
        "billing_period_on": read["BillingPeriodStart"] if "BillingPeriodStart" in read.columns else nothing,
        "provider": text("ServiceProviderName", "ProviderName"),
        "account": text("SubAccountId"),
        "component": text("ServiceName"),
        "sku": text("SkuPriceId", "SkuId"),
        "resource": text("ResourceId"),
        "category": renamed(text("ChargeCategory"), lambda words: words.str.to_lowercase()),
        "is_correction": says("ChargeClass", "correction"),
        "is_unused_commitment": pl.select(pl.coalesce(unused)).to_series(),
        "quantity": quantity,
        "quantity_unit": unit,
        "currency": text("BillingCurrency"),
    }
    return pl.DataFrame({**charges, **owned.to_dict()}), owned, [*told, *strange_environments(owned)]


def _nothing(read: pl.DataFrame) -> pl.Series:
    """A column in which no row says anything."""
    return pl.Series([None], dtype=pl.Null).new_from_index(0, read.height) if read.height else pl.Series(dtype=pl.Null)


def _quantity(read: pl.DataFrame) -> tuple[pl.Series, pl.Series, list[str]]:
    """What was consumed, in the unit consumed; where that is not known what was priced, in its unit."""
    sides, told = [], []
    for name, unit in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")):
        if name in read.columns:
            found, sentences = quantities(read[name])
            sides.append((found, read[unit].cast(pl.String) if unit in read.columns else _nothing(read)))
            told += sentences
    if not sides:
        return _nothing(read), _nothing(read), []
    amount = pl.select(pl.coalesce(found for found, _ in sides)).to_series()
    units = [pl.when(found.is_not_null()).then(unit) for found, unit in sides]
    return amount, pl.select(pl.coalesce(units)).to_series(), told
