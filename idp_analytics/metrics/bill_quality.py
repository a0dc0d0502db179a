"""Study ``bill_quality``: how good the bill itself is: who is told to own it and how, what is odd in it, how late it comes.

Of a bill with credits a share can be meaningless: untagged charges of 4 and one credit of −6 come to less than nothing. So shares
are of **gross** money, the charges (or lines of the ledger) above zero; what is allocated and what not is told **net** as well.
Measures after the FinOps Foundation's allocation KPIs (FinOps Framework, 2025).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.allocation.charges import bill, charged_before, with_owner
from idp_analytics.metrics.cells import EVERY
from idp_analytics.metrics.cost_lines import Schema, measured
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.showback import ALLOCATED, showback_cost
from idp_analytics.periods import floor
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

COLUMNS: Schema = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
    "measure": pl.String,  # one of MEASURES
    "detail": pl.String,  # reason or provider, where a measure is told by one
    "amount": MONEY,  # money the measure is about
    "whole": MONEY,  # money it is a part of
    "share": pl.Float64,  # amount ÷ whole; null where credits make it meaningless
    "n": pl.Int64,  # charges (or lines of the ledger) the measure is about
    "of": pl.Int64,  # charges it is a part of
    "days": pl.Float64,  # lag only
}
"""The columns of the study, in order."""

OWNER: Mapping[str, str] = {
    "tag": "owner by tag",
    "service": "owner by service",
    "account": "owner by account",
    "unknown": "owner unknown",
    "empty": "owner tag empty",
    "nothing": "owner not told",
}
"""How the owner of a charge that could be tagged is told; these add up to all of them."""

MEASURES = (
    "allocated, gross", "allocated, net", "unallocated, gross", "unallocated, net", *OWNER.values(),
    "unused commitment", "corrections", "billed later", "refunds", "credits", "no quantity", "decimals lost", "lag",
)  # fmt: skip
"""Every measure, in the order reports show them."""

_FEWEST, _ALMOST_ALL = 5, 0.99
_CELL = ["every", "period_start", "currency"]
_ZERO = pl.lit(0).cast(MONEY)


def bill_quality(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The bill's measures by month and quarter, for the organisation (columns :data:`COLUMNS`).

    *allocated*, *unallocated* (by reason): of the ledger, shares of pools included. *owner …*: of usage (unused commitments excepted) and
    purchases above zero, how their owner is told: by a tag that names a team we know, by the owner of the service it names, by the account it fell on
    (money resolved by fallback); or the tag names nobody we know, is empty, or there is neither. *unused commitment*,
    *corrections*, *billed later* (in another month than charged for), *refunds* (usage below zero), *credits*: money is the sum
    of the amounts without their signs, of the gross bill. *no quantity*: usage that does not say how much. *decimals lost* (by
    provider): almost every effective amount is whole while the billed ones are not, so the amortised basis is not to be used.
    *lag* (by provider, in the last period): days from the end of the last day charged for to when the bill was taken, or to the
    as-of time where the file does not say.
    """
    tables = charged_before(tables, as_of)
    charges = _charges(tables, settings).collect()
    if charges.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, charges)
    gathered = [*_of_ledger(tables, settings), *_of_charges(charges), _decimals_lost(tables, settings)]
    return _told([*gathered, _lags(charges, tables, as_of, periods)], periods)


def allocated(
    tables: Tables, settings: Settings, as_of: datetime, since: date = date.min, is_last: bool = False
) -> pl.DataFrame:
    """Of :func:`bill_quality` what is allocated and what not, which is told by the ledger alone, from the quarter ``since`` lies in; or ``is_last``: of the last
    complete quarter from then on of which anything is known, with its months."""
    tables = charged_before(tables, as_of)
    first = bill(tables, settings).select(pl.col("period_start").min()).select(_month()).collect()
    if first["month"].null_count():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, first)
    # What is shared of a month follows from that month alone.
    day = pl.col("period_start").dt.date()
    if not is_last:
        late = tables["costs"].filter(day >= floor(since, "1q"))
        return _told(_of_ledger({**tables, "costs": late}, settings), periods)
    whole = periods.filter(pl.col("every") == "1q", ~pl.col("is_partial"), pl.col("period_start") >= floor(since, "1q"))
    for start in whole["period_start"].sort(descending=True):
        inside = tables["costs"].filter(day >= start, day < pl.lit(start).dt.offset_by("1q"))
        found = _told(_of_ledger({**tables, "costs": inside}, settings), periods)
        if found.height:
            return found
    return pl.DataFrame(schema=COLUMNS)


def _told(gathered: list[pl.DataFrame], periods: pl.DataFrame) -> pl.DataFrame:
    cells = pl.concat(gathered, how="diagonal").filter((pl.col("n") > 0) | pl.col("detail").is_null())
    share = pl.col("amount").cast(pl.Float64) / pl.col("whole").cast(pl.Float64)
    rows = cells if "days" in cells.columns else cells.with_columns(pl.lit(None).alias("days"))
    return (
        rows.with_columns(
            pl.when((pl.col("whole") > _ZERO) & share.is_between(0, 1)).then(share).alias("share"),
            pl.lit("org").alias("scope"),
            pl.lit(ORG).alias("entity_id"),
        )
        .join(periods, on=["every", "period_start"])
        .sort(*_CELL, pl.col("measure").cast(pl.Enum(MEASURES)), "detail", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _charges(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Charges that no measure tells apart, added up: ``month``, ``currency``, ``provider``, ``load_id``, ``category``; ``is_above`` zero or below (``is_below``);
    what each flag says; ``amount``, ``sizes`` (without their signs), ``n``; ``ends``: of the last day charged for."""
    amount, told, known = pl.col("amount"), pl.col("owner_raw").str.strip_chars(), pl.col("team_id").is_not_null()
    correction = pl.col("is_correction").fill_null(False)
    owner = (
        pl.when(known & (told != "").fill_null(False)).then(pl.lit(OWNER["tag"]))
        .when(known & pl.col("service_id").is_not_null()).then(pl.lit(OWNER["service"]))
        .when(known).then(pl.lit(OWNER["account"]))
        .when((told != "").fill_null(False)).then(pl.lit(OWNER["unknown"]))
        .when(told == "").then(pl.lit(OWNER["empty"]))
        .otherwise(pl.lit(OWNER["nothing"]))
    )  # fmt: skip
    unused = pl.col("is_unused_commitment").fill_null(False)
    flags = {
        "is_above": (amount > _ZERO).fill_null(False),
        "is_taggable": (pl.col("category").is_in(["usage", "purchase"]) & ~unused).fill_null(False),
        "is_usage": (pl.col("category") == "usage").fill_null(False),
        "has_no_quantity": pl.col("quantity").is_null(),
        "unused commitment": unused,
        "corrections": correction,
        "billed later": (pl.col("billing_period_on") != _month()).fill_null(False),
        "refunds": ((pl.col("category") == "usage") & (amount < _ZERO) & ~correction).fill_null(False),
        "credits": (pl.col("category") == "credit").fill_null(False),
    }
    ends = pl.col("period_start").dt.truncate("1d").dt.offset_by("1d")
    keys = [_month(), owner.alias("owner"), *(flag.alias(name) for name, flag in flags.items())]
    return (
        with_owner(bill(tables, settings), tables)
        .group_by("currency", "provider", "load_id", *keys)
        .agg(amount.sum(), amount.abs().sum().alias("sizes"), pl.len().alias("n"), ends.max().alias("ends"))
    )


def _month() -> pl.Expr:
    return pl.col("period_start").dt.date().dt.truncate("1mo").alias("month")


def _of_ledger(tables: Tables, settings: Settings) -> list[pl.DataFrame]:
    """What is allocated and what not, gross and net."""
    lines = (
        showback_cost(tables, settings)
        .with_columns(
            pl.col("at").dt.date().dt.truncate("1mo").alias("month"),
            pl.col("detail").str.starts_with(ALLOCATED).alias("allocated"),
            pl.col("detail").str.split(": ").list.last().alias("reason"),
        )
        .group_by("month", "currency", "allocated", "reason", (pl.col("amount") > _ZERO).alias("above"))
        .agg(pl.col("amount").sum(), pl.len().alias("n"))
        .collect()
    )
    found = []
    for kind, chosen in (("gross", lines.filter("above")), ("net", lines)):
        yes = chosen.with_columns(measure=pl.lit(f"allocated, {kind}"), detail=pl.lit(None, pl.String))
        no = chosen.with_columns(measure=pl.lit(f"unallocated, {kind}"), detail="reason")
        parts = pl.concat(
            [yes.with_columns(hit="allocated"), no.filter(~pl.col("allocated")).with_columns(hit=pl.lit(True))]
        )
        found += _cells(parts, chosen)
    return found


def _of_charges(charges: pl.DataFrame) -> list[pl.DataFrame]:
    above = pl.when("is_above")
    gross = charges.with_columns(above.then("amount").otherwise(_ZERO).alias("amount"), above.then("n").otherwise(0).alias("n"))  # fmt: skip
    taggable = gross.filter("is_taggable", "is_above")
    owned = [
        taggable.with_columns(measure=pl.lit(name), detail=pl.lit(None, pl.String), hit=pl.col("owner") == name)
        for name in OWNER.values()
    ]
    flagged = [
        charges.with_columns(measure=pl.lit(name), detail=pl.lit(None, pl.String), hit=name, amount="sizes")
        for name in ("unused commitment", "corrections", "billed later", "refunds", "credits")
    ]
    metered = gross.filter("is_usage", "is_above")
    unmetered = metered.with_columns(measure=pl.lit("no quantity"), detail=pl.lit(None, pl.String), hit="has_no_quantity")  # fmt: skip
    return [
        *(cell for rows in owned for cell in _cells(rows, taggable)),
        *(cell for rows in flagged for cell in _cells(rows, gross)),
        *_cells(unmetered, metered),
    ]


def _cells(parts: pl.DataFrame, wholes: pl.DataFrame) -> list[pl.DataFrame]:
    """Money and charges of each measure (where ``hit``) and of what it is a part of, per length and period."""
    found = []
    for length in EVERY:
        start = pl.col("month").dt.truncate(length).alias("period_start")
        here = ["period_start", "currency"]
        whole = wholes.group_by(start, "currency").agg(
            pl.col("amount").sum().alias("whole"), pl.col("n").sum().alias("of")
        )
        part = parts.group_by(start, "currency", "measure", "detail").agg(
            pl.col("amount").filter("hit").sum(), pl.col("n").filter("hit").sum()
        )
        found.append(part.join(whole, on=here).with_columns(pl.col("n", "of").cast(pl.Int64), every=pl.lit(length)))
    return found


def _decimals_lost(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Providers whose effective amounts are almost all whole while the billed ones are not."""
    found = []
    for length in EVERY:
        start = _month().dt.truncate(length).alias("period_start")
        parts = {
            basis: bill(tables, settings, basis)
            .filter(pl.col("category") == "usage")
            .group_by(start, "currency", pl.col("provider").alias("detail"))
            .agg(
                pl.col("amount").sum(),
                pl.len().cast(pl.Int64).alias("of"),
                (pl.col("amount") == pl.col("amount").truncate()).sum().cast(pl.Int64).alias("n"),
            )
            for basis in ("billed", "effective")
        }
        both = parts["effective"].join(
            parts["billed"], on=["period_start", "currency", "detail"], nulls_equal=True, suffix="_billed"
        )
        lost = both.filter(
            pl.col("of") >= _FEWEST, pl.col("n") > _ALMOST_ALL * pl.col("of"), pl.col("n_billed") < _ALMOST_ALL * pl.col("of_billed")
        )  # fmt: skip
        found.append(
            lost.select(
                "period_start", "currency", "detail", "amount", "n", "of", pl.col("amount_billed").alias("whole"),
                pl.lit(length).alias("every"), pl.lit("decimals lost").alias("measure"),
            )
        )  # fmt: skip
    return pl.concat(pl.collect_all(found))


def _lags(charges: pl.DataFrame, tables: Tables, as_of: datetime, periods: pl.DataFrame) -> pl.DataFrame:
    """How old the last day charged for was when the bill was taken, in the last period of each length."""
    loads = tables["loads"].select("load_id", pl.col("as_of").alias("taken")).unique("load_id").collect()
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    last = (
        charges.join(loads, on="load_id", how="left")
        .group_by("currency", pl.col("provider").alias("detail"))
        .agg(pl.col("ends").max().alias("end"), pl.min_horizontal(pl.col("taken").max(), now).alias("taken"), pl.col("n").sum().cast(pl.Int64))
    )  # fmt: skip
    final = periods.group_by("every").agg(pl.col("period_start").max())
    days = (pl.col("taken").fill_null(now) - pl.col("end")).dt.total_seconds() / 86400
    return last.join(final, how="cross").select(
        *_CELL, "detail", "n", pl.lit("lag").alias("measure"), days.clip(lower_bound=0).alias("days")
    )
