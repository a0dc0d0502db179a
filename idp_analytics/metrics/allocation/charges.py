"""Step 0 of the ledger: every charge of the bill has exactly one owner, pool or reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import and_

import polars as pl

from idp_analytics.errors import IdpError
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import floored
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool
from idp_analytics.tables.numbered import as_text

REASONS = ("tax", "credit", "unused commitment", "empty tag", "unknown owner", "no owner")
"""Why nobody known owns a charge; the first that holds counts, so that they add up."""

COLUMN = {"service": "service_id", "team": "team_id", "owner": "owner_raw"}
"""What rules call otherwise than ``costs`` does."""


def cell_start(day: pl.Expr, first_weekday: int) -> pl.Expr:
    """The first day of the week a day is in, but not before its month: weeks, months and quarters are whole cells."""
    return pl.max_horizontal(floored(day, "1w", first_weekday), floored(day, "1mo"))


def fault(what: str) -> IdpError:
    """The error that stops a run whose ledger is not what it must be, whatever the data are; ``what`` was found."""
    return IdpError(
        f"Showback does not add up: {what}. Nothing may be published from these answers. This is a fault of the kit, not of "
        "the data: please report it with the settings used."
    )


def bill(tables: Tables, settings: Settings, basis: str | None = None) -> pl.LazyFrame:
    """The rows of ``costs`` that are the bill: on ``basis`` (None: ``rules.cost_basis``), without providers that are weights only."""
    rows = as_text(tables["costs"].filter(pl.col("basis") == (basis or settings.rules.cost_basis)))
    return rows.filter(~_is_weight(settings)) if settings.showback.weights_only else rows


def charged_before(tables: Tables, as_of: datetime) -> Tables:
    """``tables`` with the charges that begin before ``as_of`` only: what is shared must not know of what comes later."""
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    return {**tables, "costs": tables["costs"].filter(pl.col("period_start") < now)}


def placed(tables: Tables, settings: Settings, basis: str | None = None) -> pl.LazyFrame:
    """:func:`bill` with its step-0 account: exactly one of ``team_id``, ``pool`` and ``reason`` is not null in each row.

    ``team_id`` (as of the day, a team we know), else ``reason``: the first of :data:`REASONS` that holds. A pool takes what
    its selector describes before either, the first pool that does in the order they are written; ``owner_team_id`` keeps the
    team that would own the charge without pools.
    """
    return with_pool(with_owner(bill(tables, settings, basis), tables), settings.showback.pools)


def with_owner(rows: pl.LazyFrame, tables: Tables) -> pl.LazyFrame:
    """``rows`` with ``team_id`` only where it is a team we know, and ``reason`` where it is not."""
    known = tables["teams"].select("team_id", pl.lit(True).alias("_known"))
    why = {
        "tax": pl.col("category") == "tax",
        "credit": pl.col("category") == "credit",
        "unused commitment": pl.col("is_unused_commitment"),
        "empty tag": pl.col("owner_raw").str.strip_chars() == "",
        "unknown owner": pl.col("team_id").is_not_null(),
        "no owner": pl.lit(True),
    }
    reason = pl.coalesce(
        pl.when("_known").then(pl.lit("")), *(pl.when(why[name]).then(pl.lit(name)) for name in REASONS)
    )
    return (
        rows.join(known, on="team_id", how="left")
        .with_columns(reason.alias("reason"), pl.when("_known").then("team_id").alias("team_id"))
        .with_columns(pl.when(pl.col("reason") != "").then("reason").alias("reason"))
        .drop("_known")
    )


def with_pool(rows: pl.LazyFrame, pools: Sequence[Pool]) -> pl.LazyFrame:
    """``rows`` (of :func:`with_owner`) with ``pool`` and ``owner_team_id``; what a pool takes has neither team nor reason."""
    taken = pl.coalesce(*(pl.when(takes(pool)).then(pl.lit(pool.id)) for pool in pools), pl.lit(None, pl.String))
    left = pl.col("pool").is_null()
    return rows.with_columns(taken.alias("pool"), pl.col("team_id").alias("owner_team_id")).with_columns(
        pl.when(left).then("team_id").alias("team_id"), pl.when(left).then("reason").alias("reason")
    )


def takes(pool: Pool) -> pl.Expr:
    """Whether a pool's selector and days describe a charge."""
    conditions = [matches(pool.take)]
    day = pl.col("period_start").dt.date()
    conditions += [day >= pool.since] if pool.since else []
    conditions += [day < pool.until] if pool.until else []
    return reduce(and_, conditions)


def matches(selector: Mapping[str, Sequence[str]]) -> pl.Expr:
    """Whether every column of ``selector`` holds one of its texts: the whole text, in any case, ``*`` for anything. Never null."""
    conditions = []
    for column, texts in selector.items():
        value = pl.col(COLUMN.get(column, column)).str.to_lowercase()
        plain = [text.lower() for text in texts if "*" not in text]
        found = [value.is_in(plain)] if plain else []
        found += [value.str.contains(f"^(?:{_pattern(text)})$") for text in texts if "*" in text]
        conditions.append(pl.any_horizontal(found).fill_null(False))
    return pl.all_horizontal(conditions)


def _pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.lower().split("*"))


def _is_weight(settings: Settings) -> pl.Expr:
    return matches({"provider": settings.showback.weights_only})
