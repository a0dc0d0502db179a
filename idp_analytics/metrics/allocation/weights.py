"""By what a pool is shared: exact whole weights of teams, per month (and currency, and part of the pool)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from idp_analytics.errors import SettingsError, nearest
from idp_analytics.metrics.allocation.charges import matches, placed, with_owner
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool
from idp_analytics.tables import MONEY

_UNITS = 6  # decimals of what an event of usage carries that count as weight


def weights(
    pool: Pool, by: str, tables: Tables, settings: Settings, months: Sequence[date], basis: str, teams: Collection[str]
) -> pl.DataFrame:
    """From tables that are :func:`~charges.gathered`, the weights by which ``by`` divides ``pool`` among ``teams`` in each of ``months`` (first days).

    Columns: ``month`` Date, ``currency`` String n (null: whatever the currency), ``part`` List[String] (the values of
    ``pool.within``), ``team_id``, ``weight`` Decimal(38, 24). Only of ``teams`` (its :func:`sharers`); one without a row weighs 0.

    ``even``: 1 for every team there is that month, groups excepted. ``direct cost``: gross positive cost it owns directly (credits do not make a team
    smaller). ``cost``: gross positive cost that ``pool.of`` describes, on ``pool.basis``. ``usage``: events, or the sum of their values, that ``pool.of`` describes. ``deployments``:
    its successful deployments to the environment that counts. ``services``: services it owned on a day of the month. ``developers``: people who
    were members on a day of the month, bots and those who do not write software excepted.
    """
    span = pl.LazyFrame({"month": months}, schema={"month": pl.Date}).with_columns(
        pl.col("month").dt.offset_by("1mo").alias("end")
    )
    frame = _BY[by](_Asked(pool, tables, settings, span, basis))
    return (
        frame.filter(pl.col("team_id").is_in(list(teams)), pl.col("month").is_in(list(months)))
        .group_by("month", "currency", "part", "team_id")
        .agg(pl.col("weight").sum())
        .sort("month", "currency", "part", "team_id")
        .collect()
    )


def sharers(pool: Pool, units: pl.DataFrame) -> list[str]:
    """The teams of ``units`` (:func:`hierarchy`) that may share a pool: those of ``to`` (groups stand for all teams below them) without those of ``but``."""
    asked = members(pool.to, units) if pool.to else set(_teams(units))
    return sorted(asked - members(pool.but, units))


def hierarchy(tables: Tables) -> pl.DataFrame:
    """What stands below what: ``team_id``, ``parent_team_id``, ``kind``, one row per unit."""
    return tables["teams"].select("team_id", "parent_team_id", "kind").unique("team_id").collect()


def members(names: Collection[str], units: pl.DataFrame) -> set[str]:
    """The teams that ``names`` (of teams and groups) stand for."""
    below: dict[str | None, list[str]] = {}
    for team, parent in units.select("team_id", "parent_team_id").iter_rows():
        below.setdefault(parent, []).append(team)
    teams, found, seen = set(_teams(units)), set(), set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            found |= {name} & teams
            stack += below.get(name, [])
    return found


def check(settings: Settings, units: pl.DataFrame) -> None:
    """Stop at once where rules name a team that ``units`` (:func:`hierarchy`) do not have; raises :class:`SettingsError` listing all."""
    known = units["team_id"].to_list()
    problems = [
        f"pool {pool.id!r}: {what}: there is no team or group {name!r}.{nearest(name, known)}"
        for pool in settings.showback.pools
        for what, names in (("to", pool.to), ("but", pool.but), ("shares", pool.shares))
        for name in names
        if name not in known
    ]
    for pool in settings.showback.pools:
        groups = [(name, members([name], units)) for name in pool.shares]
        problems += [
            f"pool {pool.id!r}: shares: {', '.join(sorted(a & b))} would get a share by {one!r} and one by {other!r}"
            for number, (one, a) in enumerate(groups)
            for other, b in groups[number + 1 :]
            if a & b
        ]
    if problems:
        raise SettingsError.listing("settings.toml", problems)


def _teams(units: pl.DataFrame) -> list[str]:
    return units.filter(pl.col("kind").is_null() | ~pl.col("kind").is_in(["group", "org"]))["team_id"].to_list()


# --- one function per basis --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What a basis may look at. ``span``: the months asked for, with the first day after each."""

    pool: Pool
    tables: Tables
    settings: Settings
    span: pl.LazyFrame
    basis: str


def _even(asked: _Asked) -> pl.LazyFrame:
    return _shaped(_during(asked.tables["teams"], asked.span), pl.lit(1))


def _direct(asked: _Asked) -> pl.LazyFrame:
    rows = placed(asked.tables, asked.settings, asked.basis).filter(pl.col("team_id").is_not_null())
    return _money(rows, asked.pool.within)


def _cost(asked: _Asked) -> pl.LazyFrame:
    rows = with_owner(asked.tables["costs"].filter(pl.col("basis") == (asked.pool.basis or asked.basis)), asked.tables)
    return _money(rows.filter(matches(asked.pool.of), pl.col("team_id").is_not_null()), asked.pool.within)


def _money(rows: pl.LazyFrame, within: Sequence[str]) -> pl.LazyFrame:
    positive = rows.filter(pl.col("gross") > pl.lit(0).cast(MONEY))
    return positive.select(
        pl.col("period_start").dt.date().dt.truncate("1mo").alias("month"), "currency", part(within),
        "team_id", pl.col("gross").alias("weight"),
    )  # fmt: skip


def _usage(asked: _Asked) -> pl.LazyFrame:
    weight = (
        pl.when(pl.col("value").is_finite()).then(pl.col("value").round(_UNITS))
        if asked.pool.measure == "value"
        else pl.lit(1)
    )
    rows = (
        asked.tables["usage"]
        .filter(matches(asked.pool.of))
        .with_columns(pl.col("at").dt.date().dt.truncate("1mo").alias("month"))
    )
    return _shaped(rows, weight)


def _deployments(asked: _Asked) -> pl.LazyFrame:
    rows = production_deployments(asked.tables, asked.settings)
    return _shaped(rows.with_columns(pl.col("finished_at").dt.date().dt.truncate("1mo").alias("month")), pl.lit(1))


def _services(asked: _Asked) -> pl.LazyFrame:
    owned = _during(asked.tables["ownership"], asked.span).select("month", "team_id", "service_id").unique()
    return _shaped(owned, pl.lit(1))


def _developers(asked: _Asked) -> pl.LazyFrame:
    writing = asked.tables["people"].filter(
        ~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True)
    ).select("person_id")  # fmt: skip
    there = _during(asked.tables["memberships"], asked.span).join(writing, on="person_id", how="semi")
    return _shaped(there.select("month", "team_id", "person_id").unique(), pl.lit(1))


def _during(rows: pl.LazyFrame, span: pl.LazyFrame) -> pl.LazyFrame:
    """``rows`` × the months in which they hold on a day at least."""
    since, until = pl.col("valid_from"), pl.col("valid_to")
    return rows.join(span, how="cross").filter(
        (since < pl.col("end")).fill_null(True), (until > pl.col("month")).fill_null(True)
    )


def _shaped(rows: pl.LazyFrame, weight: pl.Expr) -> pl.LazyFrame:
    return rows.select(
        "month", pl.lit(None, pl.String).alias("currency"), part(()), "team_id", weight.cast(MONEY).alias("weight")
    )


def part(within: Sequence[str]) -> pl.Expr:
    """The part of a pool a charge is in: its values of the columns that split the pool."""
    if not within:
        return pl.lit([], pl.List(pl.String)).alias("part")
    return pl.concat_list(pl.col(name).fill_null("") for name in within).alias("part")


_BY: Mapping[str, Callable[[_Asked], pl.LazyFrame]] = {
    "even": _even, "direct cost": _direct, "cost": _cost, "usage": _usage, "deployments": _deployments,
    "services": _services, "developers": _developers,
}  # fmt: skip
