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
from idp_analytics.metrics.allocation.before import shares_before
from idp_analytics.metrics.allocation.charges import bill, charged_before, placed
from idp_analytics.metrics.allocation.gather import merged
from idp_analytics.metrics.allocation.shares import shares
from idp_analytics.metrics.cells import EVERY
from idp_analytics.metrics.cost_lines import Schema, measured
from idp_analytics.metrics.links import Tables
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
    of_pools = shares_before(tables, settings, as_of)
    tables = charged_before(tables, as_of)
    charges = _charges(tables, settings)
    if charges.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, charges)
    gathered = [*_of_ledger(charges, of_pools), *_of_charges(charges), _decimals_lost(charges, tables, settings)]
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
        return _told(_of_bill({**tables, "costs": late}, settings), periods)
    whole = periods.filter(pl.col("every") == "1q", ~pl.col("is_partial"), pl.col("period_start") >= floor(since, "1q"))
    for start in whole["period_start"].sort(descending=True):
        inside = tables["costs"].filter(day >= start, day < pl.lit(start).dt.offset_by("1q"))
        found = _told(_of_bill({**tables, "costs": inside}, settings), periods)
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


def _charges(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Charges that no measure tells apart, added up: ``month``, ``currency``, ``provider``, ``load_id``, ``category``, ``reason`` why nobody's;
    ``is_direct``: in no pool; ``is_above`` zero; what each other flag says; ``amount``, ``sizes`` (without their signs), ``n``, of them ``round``
    (amounts without decimals); ``last``: when the last of them begins."""
    amount, known = pl.col("amount"), pl.col("owner_team_id").is_not_null()
    empty = (pl.col("owner_raw").str.strip_chars() == "").fill_null(False)
    tagged = pl.col("has_tag") & ~empty
    owner = (
        pl.when(known & tagged).then(pl.lit(OWNER["tag"]))
        .when(known & pl.col("has_service")).then(pl.lit(OWNER["service"]))
        .when(known).then(pl.lit(OWNER["account"]))
        .when(tagged).then(pl.lit(OWNER["unknown"]))
        .when(empty).then(pl.lit(OWNER["empty"]))
        .otherwise(pl.lit(OWNER["nothing"]))
    )  # fmt: skip
    unused = pl.col("is_unused_commitment").fill_null(False)
    told = {
        "is_above": (amount > _ZERO).fill_null(False),
        "is_below": (amount < _ZERO).fill_null(False),
        "has_tag": pl.col("owner_raw").is_not_null(),
        "has_service": pl.col("service_id").is_not_null(),
        "has_no_quantity": pl.col("quantity").is_null(),
        "corrections": pl.col("is_correction").fill_null(False),
        "billed later": (pl.col("billing_period_on") != _month()).fill_null(False),
    }
    flags = {
        "is_direct": pl.col("pool").is_null(),
        "is_taggable": (pl.col("category").is_in(["usage", "purchase"]) & ~unused).fill_null(False),
        "is_usage": (pl.col("category") == "usage").fill_null(False),
        "unused commitment": unused,
        "refunds": ((pl.col("category") == "usage") & pl.col("is_below")).fill_null(False) & ~pl.col("corrections"),
        "credits": (pl.col("category") == "credit").fill_null(False),
    }
    sums = [
        amount.sum(), amount.abs().sum().alias("sizes"), pl.len().cast(pl.Int64).alias("n"),
        (amount == amount.truncate()).sum().cast(pl.Int64).alias("round"), pl.col("period_start").max().alias("last"),
    ]  # fmt: skip
    keep: tuple[str | pl.Expr, ...] = ("provider", "load_id", *(flag.alias(name) for name, flag in told.items()))
    keys = [_month(), owner.alias("owner"), *(flag.alias(name) for name, flag in flags.items())]
    of_cells = ["is_above", "has_no_quantity", "corrections", "billed later"]
    return (
        placed(merged(tables, settings, keep, sums, "1mo"), settings)
        .group_by("currency", "provider", "load_id", "reason", *of_cells, *keys)
        .agg(pl.col("amount", "sizes", "n", "round").sum(), pl.col("last").max())
        .collect()
    )


def _month() -> pl.Expr:
    return pl.col("period_start").dt.date().dt.truncate("1mo").alias("month")


def _of_bill(tables: Tables, settings: Settings) -> list[pl.DataFrame]:
    return _of_ledger(_charges(tables, settings), shares(tables, settings))


def _of_ledger(charges: pl.DataFrame, of_pools: pl.DataFrame) -> list[pl.DataFrame]:
    """What is allocated and what not, gross and net: charges in no pool, and each share of a pool in a week of a month."""
    paid = of_pools.select(
        pl.col("on").dt.truncate("1mo").alias("month"), "currency", "reason", (pl.col("amount") > _ZERO).alias("is_above"), "amount",
        pl.lit(1, pl.Int64).alias("n"),
    )  # fmt: skip
    direct = charges.filter("is_direct").select(paid.columns)
    allocated = pl.col("reason").is_null().alias("allocated")
    by = ["month", "currency", "reason", "is_above"]
    lines = pl.concat([direct, paid]).group_by(by).agg(pl.col("amount", "n").sum()).with_columns(allocated)
    found = []
    for kind, chosen in (("gross", lines.filter("is_above")), ("net", lines)):
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


def _decimals_lost(charges: pl.DataFrame, tables: Tables, settings: Settings) -> pl.DataFrame:
    """Providers whose effective amounts are almost all whole while the billed ones are not."""
    effective = _usage("effective", charges, tables, settings)
    suspects = [_whole(effective, length) for length in EVERY]
    # Only where there is something to compare with are the billed amounts looked at.
    billed = _usage("billed", charges, tables, settings) if any(one.height for one in suspects) else effective.clear()
    found = []
    for length, suspect in zip(EVERY, suspects, strict=True):
        both = suspect.join(
            _by_length(billed, length), on=["period_start", "currency", "detail"], nulls_equal=True, suffix="_billed"
        )
        found.append(
            both.filter(pl.col("n_billed") < _ALMOST_ALL * pl.col("of_billed")).select(
                "period_start", "currency", "detail", "amount", "n", "of", pl.col("amount_billed").alias("whole"),
                pl.lit(length).alias("every"), pl.lit("decimals lost").alias("measure"),
            )
        )  # fmt: skip
    return pl.concat(found)


def _usage(basis: str, charges: pl.DataFrame, tables: Tables, settings: Settings) -> pl.DataFrame:
    """Charges of usage on ``basis`` by ``month``, ``currency`` and provider (``detail``): ``amount``, how many they are (``of``), whole ones (``n``)."""
    provider, amount = pl.col("provider").alias("detail"), pl.col("amount")
    if basis == settings.rules.cost_basis:
        return charges.filter("is_usage").group_by("month", "currency", provider).agg(amount.sum(), pl.col("n").sum().alias("of"), pl.col("round").sum().alias("n"))  # fmt: skip
    rows = bill(tables, settings, basis).filter(pl.col("category") == "usage")
    return (
        rows.group_by(_month(), "currency", provider)
        .agg(
            amount.sum(),
            pl.len().cast(pl.Int64).alias("of"),
            (amount == amount.truncate()).sum().cast(pl.Int64).alias("n"),
        )
        .collect()
    )


def _by_length(usage: pl.DataFrame, length: str) -> pl.DataFrame:
    start = pl.col("month").dt.truncate(length).alias("period_start")
    return usage.group_by(start, "currency", "detail").agg(pl.col("amount", "of", "n").sum())


def _whole(usage: pl.DataFrame, length: str) -> pl.DataFrame:
    """Of :func:`_usage` the periods in which almost all amounts are whole."""
    enough, almost = pl.col("of") >= _FEWEST, pl.col("n") > _ALMOST_ALL * pl.col("of")
    return _by_length(usage, length).filter(enough, almost)


def _lags(charges: pl.DataFrame, tables: Tables, as_of: datetime, periods: pl.DataFrame) -> pl.DataFrame:
    """How old the last day charged for was when the bill was taken, in the last period of each length."""
    loads = tables["loads"].select("load_id", pl.col("as_of").alias("taken")).unique("load_id").collect()
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    end = pl.col("last").max().dt.truncate("1d").dt.offset_by("1d")
    last = (
        charges.join(loads, on="load_id", how="left")
        .group_by("currency", pl.col("provider").alias("detail"))
        .agg(end.alias("end"), pl.min_horizontal(pl.col("taken").max(), now).alias("taken"), pl.col("n").sum().cast(pl.Int64))
    )  # fmt: skip
    final = periods.group_by("every").agg(pl.col("period_start").max())
    days = (pl.col("taken").fill_null(now) - pl.col("end")).dt.total_seconds() / 86400
    return last.join(final, how="cross").select(
        *_CELL, "detail", "n", pl.lit("lag").alias("measure"), days.clip(lower_bound=0).alias("days")
    )
