"""Costs that no provider bills by the hour: platform salaries, licences, SaaS seats. One line of a table each, with columns of any
name; what is paid at once for several months is spread over them by month, in a straight line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources import cost_bill
from idp_analytics.sources.cost_bill import BillFile, Charges, folded
from idp_analytics.sources.cost_cells import amounts
from idp_analytics.sources.cost_owners import not_blank
from idp_analytics.sources.cost_rows import quantities
from idp_analytics.sources.cost_spreadsheets import refuse_mangled
from idp_analytics.sources.export import environment_word
from idp_analytics.sources.system import ENVIRONMENTS, Gives, Option, Recipe, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import MONEY, Extract

COLUMNS = (
    "date", "period", "amount", "currency", "owner", "service", "component", "months", "until", "provider", "account", "category",
    "sku", "resource", "environment", "quantity", "quantity_unit",
)  # fmt: skip
"""What a line may say, each in the column of that name unless ``columns`` names another."""
MOST_MONTHS = 600
"""More months than that (50 years) are a slip of the pen."""

_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PERIODS = {r"^[0-9]{4}-[0-9]{2}$": "1mo", r"^[0-9]{4}-[Qq][1-4]$": "3mo", r"^[0-9]{4}$": "12mo"}
"""How a period is written → how long it is."""


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract for table ``costs`` per file. Billed: each line once, on its day or period. Effective: its ``months`` (or
    the months up to ``until``) as parts that together are its amount to the last digit; without either the same as billed.

    ``cost_id`` is ``cost_lines:<file>:<row>:<basis>``, of a part ``…:<row>:<part>:<basis>``. Lines that cannot be
    spread as they say are left out, counted, and named in the warnings.

    Raises :class:`SourceError` for a file without a column that the settings name, without amounts, currency or any date, and
    what ``cost_bill.files`` refuses.
    """
    columns, constants = options.get("columns") or {}, options.get("constants") or {}
    named = {name: (folded(columns.get(name, name)),) for name in COLUMNS}
    needed = [
        *([] if "amount" in constants else ["amount"]),
        *([] if "currency" in constants else ["currency"]),
        *columns,
    ]
    bills, silent = cost_bill.files(SYSTEM, paths, root, named, needed, ids=("account",))
    bills = [replace(bill, raw=_with(bill.raw, constants)) for bill in bills]
    return [
        *cost_bill.extracts("cost_lines", bills, [_charges(bill, options) for bill in bills], options, root),
        *silent,
    ]


def _with(raw: pl.DataFrame, constants: Mapping[str, str]) -> pl.DataFrame:
    return raw.with_columns(pl.lit(value).alias(name) for name, value in constants.items() if name not in raw.columns)


def _charges(bill: BillFile, options: Mapping[str, Any]) -> Charges:
    raw = bill.raw
    if not {"date", "period"} & set(raw.columns):
        raise SourceError(
            f'{bill.shown}: has neither a date nor a period. Name the column: columns = {{ date = "…" }}.'
        )
    refuse_mangled(bill.shown, raw, (), ("date", "until"))
    text = raw.select(
        ROW,
        *(
            (not_blank(pl.col(name).cast(pl.String)) if name in raw.columns else pl.lit(None, pl.String)).alias(name)
            for name in COLUMNS
        ),
    )
    amount = amounts(raw["amount"], strict=True)
    lines = _spans(text.with_columns(amount.known.alias("exact")))
    words = {
        name: environment_word(name, options.get("environments") or {})
        for name in text["environment"].drop_nulls().unique()
    } or {"": None}
    quantity, strange = quantities(text["quantity"])
    lines = lines.with_columns(
        amount.values.alias("amount"),
        quantity.alias("quantity"),
        pl.col("environment").alias("environment_raw"),
        pl.col("environment").replace_strict(words, default=None, return_dtype=pl.String),
        pl.col("category").str.to_lowercase().fill_null("purchase"),
        pl.col("owner").alias("owner_raw"),
    ).rename({"owner": "team_id", "service": "service_id"})
    good, bad = lines.filter(pl.col("wrong").is_null()), lines.filter(pl.col("wrong").is_not_null())
    frame = pl.concat([_billed(good), _effective(good)], how="diagonal_relaxed")
    dropped = dict(bad.group_by("reason").len().sort("reason").iter_rows())
    told = [f"row {row}: {wrong}" for row, wrong in bad.select(ROW, "wrong").head(5).iter_rows()]
    more = [f"and {bad.height - 5:,} more row(s) left out for like reasons"] if bad.height > 5 else []
    return Charges(
        frame, {"billed": "billed", "effective": "effective"}, dropped=dropped, warnings=(*told, *more, *strange, *cost_bill.currencies(frame)),
        part="part",
    )  # fmt: skip


# --- when -------------------------------------------------------------------------------------------------------------


def _spans(text: pl.DataFrame) -> pl.DataFrame:
    """``first`` day and ``end`` (exclusive) of what a line says, ``n`` months to spread it over (null: it is not spread); and
    ``wrong``, what cannot be, with the ``reason`` under which it is counted."""
    day = pl.when(pl.col("date").str.contains(_DAY)).then("date").str.to_date("%Y-%m-%d", strict=False)
    period = pl.col("period")
    begins = pl.coalesce(
        pl.when(period.str.contains(r"^[0-9]{4}-[0-9]{2}$")).then(period + "-01"),
        pl.when(period.str.contains(r"^[0-9]{4}-[Qq][1-4]$")).then(
            period.str.head(4) + "-" + (period.str.tail(1).cast(pl.Int64, strict=False) * 3 - 2).cast(pl.String).str.zfill(2) + "-01"
        ),
        pl.when(period.str.contains(r"^[0-9]{4}$")).then(period + "-01-01"),
    ).str.to_date("%Y-%m-%d", strict=False)  # fmt: skip
    ends = pl.coalesce(
        pl.when(period.str.contains(pattern)).then(begins.dt.offset_by(length)) for pattern, length in _PERIODS.items()
    )
    whole = pl.col("months").str.contains(r"^[+-]?[0-9]{1,9}(\.0+)?$")
    months = pl.when(whole).then(pl.col("months").cast(pl.Float64, strict=False)).cast(pl.Int64, strict=False)
    until = pl.when(pl.col("until").str.contains(_DAY)).then("until").str.to_date("%Y-%m-%d", strict=False)
    read = text.with_columns(
        pl.coalesce(day, begins).alias("first"), pl.coalesce(pl.when(day.is_null()).then(ends), day.dt.offset_by("1d")).alias("end"),
        months.alias("n"), until.alias("last"),
    )  # fmt: skip
    # Whether people write the last day or the first that no longer counts, the same months are meant.
    apart = (
        (pl.col("last").dt.year() - pl.col("first").dt.year()) * 12
        + pl.col("last").dt.month()
        - pl.col("first").dt.month()
    )
    begun = pl.col("first").dt.offset_by(apart.cast(pl.String) + "mo")
    told = apart.cast(pl.Int64) + (begun < pl.col("last")).cast(pl.Int64)
    checks = {
        "has neither a date nor a period": (pl.col("date").is_null() & period.is_null(), pl.lit("has neither a date nor a period")),
        "has a date or period that is none": (pl.col("first").is_null(), pl.format("date {}, period {}: must be 2026-03-01 or 2026-03, 2026-Q1, 2026", pl.col("date").fill_null("–"), period.fill_null("–"))),
        "says months that are no whole number from 1 on": (
            pl.col("months").is_not_null() & ((pl.col("n") < 1) | (pl.col("n") > MOST_MONTHS) | pl.col("n").is_null()),
            pl.format("months = {}: must be a whole number from 1 to {}", pl.col("months"), pl.lit(MOST_MONTHS)),
        ),
        "says until and not when": (pl.col("until").is_not_null() & pl.col("last").is_null(), pl.format("until = {}: must be a day such as 2026-12-31", pl.col("until"))),
        "ends before it begins": (pl.col("last") <= pl.col("first"), pl.format("until = {} is not after {}", pl.col("until"), pl.col("first"))),
        "says months and until, and they differ": (
            pl.col("n").is_not_null() & pl.col("last").is_not_null() & (pl.col("n") != told), pl.format("months = {} and until = {} do not agree: leave one out", pl.col("months"), pl.col("until")),
        ),
        "is spread over too many months": (told > MOST_MONTHS, pl.format("until = {}: more than {} months", pl.col("until"), pl.lit(MOST_MONTHS))),
    }  # fmt: skip
    return read.with_columns(
        pl.coalesce(*(pl.when(is_wrong).then(sentence) for is_wrong, sentence in checks.values()), pl.lit(None, pl.String)).alias("wrong"),
        pl.coalesce(*(pl.when(is_wrong).then(pl.lit(reason)) for reason, (is_wrong, _) in checks.items()), pl.lit(None, pl.String)).alias("reason"),
        pl.coalesce("n", pl.when(pl.col("last").is_not_null()).then(told)).alias("n"),
    )  # fmt: skip


def _billed(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        _dated(lines)
        .with_columns(pl.col("amount").alias("billed"), pl.lit(None, pl.String).alias("part"))
        .drop("amount")
    )


def _effective(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines again, those that are spread once a month: the k-th part is what is due after k months less what was before."""
    once = _dated(lines.filter(pl.col("n").is_null() | pl.col("exact").is_null()))
    several = lines.filter(pl.col("n").is_not_null() & pl.col("exact").is_not_null())
    months = several.with_columns(pl.int_ranges(1, pl.col("n") + 1).alias("k")).explode("k")

    def due(after: pl.Expr) -> pl.Expr:
        """What is due after so many months: rounded down to the finest digit of the file's amounts, cents at least."""
        share = (pl.col("exact") / pl.col("n").cast(MONEY) * after.cast(MONEY)).round(_places(lines["exact"]))
        return pl.when(after == pl.col("n")).then("exact").otherwise(share)

    def month(after: pl.Expr) -> pl.Expr:
        return pl.col("first").dt.offset_by(after.cast(pl.String) + "mo")

    parts = _dated(
        months.with_columns(
            month(pl.col("k") - 1).alias("begins"),
            month(pl.col("k")).alias("end"),
            (due(pl.col("k")) - due(pl.col("k") - 1)).alias("amount"),
        )
        .drop("first")
        .rename({"begins": "first"})
    )
    return pl.concat(
        [
            once.with_columns(pl.lit(None, pl.String).alias("part"), pl.col("amount").alias("effective")).drop(
                "amount"
            ),
            parts.with_columns(pl.col("k").cast(pl.String).alias("part"), pl.col("amount").alias("effective")).drop(
                "amount", "k"
            ),
        ],
        how="diagonal_relaxed",
    )


def _places(found: pl.Series) -> int:
    decimals = (
        found.drop_nulls().cast(pl.String).str.strip_chars_end("0").str.extract(r"\.([0-9]*)$", 1).str.len_chars().max()
    )
    return max(2, int(decimals)) if isinstance(decimals, int) else 2


def _dated(lines: pl.DataFrame) -> pl.DataFrame:
    def midnight(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")

    return lines.with_columns(
        midnight("first").alias("period_start"), midnight("end").alias("period_end"), pl.col("first").dt.month_start().alias("billing_period_on")
    ).drop("first", "end", "n", "last", "exact", "wrong", "reason", "date", "period", "months", "until")  # fmt: skip


SYSTEM = System(
    kind="cost_lines",
    title="Cost lines",
    shapes=(Shape("line", "a line with an amount, a currency, and a date or period", lambda body: {"amount", "currency"} <= (names := {folded(name) for name in body}) and bool(names & {"date", "period"}) and "costid" not in names),),
    gives=(Gives("costs", None, ("line",), "what somebody has written down", lost=("is_correction", "is_unused_commitment")),),
    recipes=(
        Recipe("platform.csv", "", "whoever keeps the table",
               "Salaries of the platform team, licences, seats: `date` (2026-03-01) or `period` (2026-03, 2026-Q1, 2026), `amount`, `currency`, and "
               "what is known of owner, service, component, environment. With `months` or `until` an amount is billed on its date and "
               "effective in equal parts, month by month, which add up to it exactly."),
    ),
    options=(
        ENVIRONMENTS,
        Option("columns", "words", 'Whose column is which: { amount = "Net EUR", owner = "Cost centre" }. Without it each has its own name.', COLUMNS),
        Option("constants", "words", 'What holds for every line: { currency = "EUR", component = "Licences" }.', COLUMNS),
        cost_bill.PARTS,
    ),
    reads=read,
)  # fmt: skip
