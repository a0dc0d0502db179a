"""Pools shared out: each pool's month, by its rule, to the last digit of what ``costs`` can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import partial
from itertools import groupby
from math import lcm
from operator import itemgetter
from typing import Any

import polars as pl

from idp_analytics.metrics.allocation import settlement
from idp_analytics.metrics.allocation.apportion import apportion
from idp_analytics.metrics.allocation.charges import cell_start, fault, placed
from idp_analytics.metrics.allocation.gather import gathered
from idp_analytics.metrics.allocation.weights import check, hierarchy, members, part, sharers, weights
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback
from idp_analytics.tables import MONEY
from idp_analytics.tables.side_by_side import side_by_side

ZERO_WEIGHTS, NEGATIVE_WEIGHTS, RESIDUAL, CLOSED = "zero weights", "negative weights", "rule residual", "closed loop"
REASONS = (ZERO_WEIGHTS, NEGATIVE_WEIGHTS, RESIDUAL, CLOSED)
"""Why a pool, or a part of it, is left unallocated by its own rule."""

SHARES: dict[str, pl.DataType | type[pl.DataType]] = {
    "pool": pl.String,
    "part": pl.String,
    "month": pl.Date,
    "on": pl.Date,
    "currency": pl.String,
    "team_id": pl.String,
    "reason": pl.String,
    "ratio": pl.Float64,
    "pooled": MONEY,
    "charges": pl.Int64,
    "amount": MONEY,
}
"""The columns of :func:`shares`."""

_POSTED = ("team_id", "reason", "ratio", "amount")
_PLACES_OF_RATIO = 12


@dataclass(frozen=True)
class _Split:
    """How a pool's own cost is split: whole ``weights`` by team for ``to_teams`` of 1, and ``left`` of 1 by reason."""

    weights: Mapping[str, int]
    to_teams: Fraction
    left: Mapping[str, Fraction]


def shares(
    tables: Tables,
    settings: Settings,
    basis: str | None = None,
    look: Callable[[int, Sequence[int], Sequence[int]], None] = lambda _whole, _weights, _parts: None,
) -> pl.DataFrame:
    """Every posting out of every pool: columns :data:`SHARES`, in a fixed order; no rows where there are no pools.

    One row per pool, part of it (``within``), week cut at the ends of months (``on`` is its first day; so weeks, months and
    quarters are sums of them), currency, and team or ``reason``. ``pooled``: what the pool held there, from ``charges``
    charges; ``ratio``: the share of it (an image; ``amount`` is exact and adds up to ``pooled``); weights are those of
    the ``month``. A share of 0 has no row. ``look`` is shown every division: the whole, the weights, the parts, in units of
    10⁻²⁴. Raises :class:`SettingsError` where a rule names a team that is not there.
    """
    if not settings.showback.pools:
        return pl.DataFrame(schema=SHARES)
    return _settled(_prepared(tables, settings, basis), settings.showback, look)


def settled_by(tables: Tables, settings: Settings, ways: Sequence[Showback]) -> list[pl.DataFrame]:
    """:func:`shares` by each of ``ways`` instead of what ``settings`` choose; what a pool holds, and by what it is split, is
    computed once for all that have the very same pools."""
    tables = gathered(tables, settings)
    prepared: dict[int, _Prepared] = {}
    for way in ways:
        if id(way.pools) not in prepared:
            prepared[id(way.pools)] = _prepared(tables, replace(settings, showback=way), None)
    return [_settled(prepared[id(way.pools)], way) for way in ways]


@dataclass(frozen=True)
class _Prepared:
    """What pools hold, and each one's own splits by its id."""

    held: pl.DataFrame
    splits: Mapping[str, _Splits]


def _prepared(tables: Tables, settings: Settings, basis: str | None) -> _Prepared:
    pools = settings.showback.pools
    units = hierarchy(tables)
    check(settings, units)
    tables = gathered(tables, settings)
    basis = basis or settings.rules.cost_basis
    held = _held(tables, settings, basis)
    months = held["month"].unique().sort().to_list()
    splitting = [partial(_Splits, pool, tables, settings, months, basis, units) for pool in pools]
    return _Prepared(held, dict(zip((pool.id for pool in pools), side_by_side(splitting), strict=True)))


def _settled(
    prepared: _Prepared, rules: Showback,
    look: Callable[[int, Sequence[int], Sequence[int]], None] = lambda _whole, _weights, _parts: None,
) -> pl.DataFrame:  # fmt: skip
    """The postings of what was prepared, with what pools pay one another settled as ``rules`` say."""
    held = prepared.held
    passed = settlement.settled(
        {pool.id: {name: Fraction(share) / 100 for name, share in pool.pools.items()} for pool in rules.pools},
        rules.services,
    )
    pooled = _units(held["pooled"])
    postings: dict[str, list[Any]] = {name: [] for name in ("row", *_POSTED)}
    cell = itemgetter(1, 2, 3, 4)
    asked = held.select("pool", "part", "month", "currency").with_row_index().iter_rows()
    for (name, parts, month, currency), rows in groupby(asked, key=cell):
        placing = _placing(name, tuple(parts), month, currency, passed[name], prepared.splits)
        accounts = sorted(placing, key=lambda account: (account[0] is None, account))  # teams, then reasons, by name
        weighing = [placing[account] for account in accounts]
        whole = sum(weighing)
        # An account's share is the same in all weeks of a month.
        shared = [
            (team, reason or None, round(unit / whole, _PLACES_OF_RATIO))
            for (team, reason), unit in zip(accounts, weighing, strict=True)
        ]
        for row, *_ in rows:
            divided = apportion(pooled[row], weighing)
            look(pooled[row], weighing, divided)
            _add(postings, row, shared, divided)
    return _framed(postings, held)


def _held(tables: Tables, settings: Settings, basis: str) -> pl.DataFrame:
    """What each pool holds per part, week within a month, and currency."""
    day = pl.col("period_start").dt.date()
    splitting = [
        pl.when(pl.col("pool") == pool.id).then(part(pool.within)) for pool in settings.showback.pools if pool.within
    ]
    return (
        placed(tables, settings, basis)
        .filter(pl.col("pool").is_not_null())
        .with_columns(
            pl.coalesce(*splitting, part(())).alias("part"),
            day.dt.truncate("1mo").alias("month"),
            cell_start(day, settings.calendar.first_weekday).alias("on"),
        )
        .group_by("pool", "part", "month", "on", "currency")
        .agg(pl.col("amount").sum().alias("pooled"), pl.col("charges").sum())
        .sort("pool", "part", "month", "currency", "on")
        .collect()
    )


class _Splits:
    """A pool's own split in each month, currency and part."""

    def __init__(
        self, pool: Pool, tables: Tables, settings: Settings, months: Sequence[date], basis: str, units: pl.DataFrame
    ) -> None:
        self.pool = pool
        self.own = 1 - sum((Fraction(share) / 100 for share in pool.pools.values()), Fraction(0))
        self.sharers = set(sharers(pool, units))
        by = pool.by if pool.by != "fixed" else pool.then
        frame = weights(pool, by, tables, settings, months, basis, self.sharers)
        self.found: dict[tuple[date, tuple[str, ...]], dict[str | None, dict[str, int]]] = {}
        for month, currency, parts, team, weight in frame.with_columns(pl.col("weight").to_physical()).iter_rows():
            self.found.setdefault((month, tuple(parts)), {}).setdefault(currency, {})[team] = weight
        if pool.by == "fixed":
            self.groups = {name: sorted(members([name], units) & self.sharers) for name in pool.shares}

    def at(self, month: date, currency: str, parts: tuple[str, ...]) -> _Split:
        """The split of what the pool holds there."""
        by_currency = self.found.get((month, parts), {})
        only = next(iter(by_currency.values())) if len(by_currency) == 1 and self.pool.by == "cost" else {}
        # Costs in one other currency weigh as well; those in several cannot be added to one weight.
        known = by_currency.get(None) or by_currency.get(currency) or only
        if self.pool.by == "fixed":
            return self._fixed(known)
        if any(weight < 0 for weight in known.values()):
            return _Split({}, Fraction(0), {NEGATIVE_WEIGHTS: self.own})
        positive = {team: weight for team, weight in known.items() if weight}
        if not positive:
            return _Split({}, Fraction(0), {ZERO_WEIGHTS: self.own} if self.own else {})
        return _Split(positive, self.own, {})

    def _fixed(self, known: Mapping[str, int]) -> _Split:
        """Percentages by team, or by group and from there on by weight; what is not given away stays, with a reason."""
        exact: dict[str, Fraction] = {}
        left: dict[str, Fraction] = {}
        for name, share in self.pool.shares.items():
            given = Fraction(share) / 100
            teams = self.groups[name]
            inside = {team: known.get(team, 0) for team in teams} if teams != [name] else {name: 1}
            whole = sum(inside.values())
            if given and not whole:
                left[ZERO_WEIGHTS] = left.get(ZERO_WEIGHTS, Fraction(0)) + given
                continue
            for team, weight in inside.items():
                exact[team] = exact.get(team, Fraction(0)) + (given * Fraction(weight, whole) if whole else 0)
        to_teams = sum(exact.values(), Fraction(0))
        if rest := self.own - to_teams - sum(left.values(), Fraction(0)):
            left[RESIDUAL] = rest
        common = lcm(*(value.denominator for value in exact.values())) if exact else 1
        return _Split({team: int(value * common) for team, value in exact.items() if value}, to_teams, left)


def _placing(
    name: str,
    parts: tuple[str, ...],
    month: date,
    currency: str,
    passed: Mapping[str, Fraction],
    splits: Mapping[str, _Splits],
) -> dict[tuple[str | None, str], int]:
    """(team, "") or (None, reason) → whole weight of it in what the pool holds there, through all pools it passes."""
    through = [
        (times, splits[other].at(month, currency, parts if other == name else ()))
        for other, times in passed.items()
        if other != settlement.CLOSED
    ]
    if len(through) == 1 and not through[0][1].left and through[0][1].weights and settlement.CLOSED not in passed:
        return {(team, ""): weight for team, weight in through[0][1].weights.items()}
    factors = [
        (times * split.to_teams / sum(split.weights.values()), split) for times, split in through if split.weights
    ]
    kept: dict[str, Fraction] = {CLOSED: passed[settlement.CLOSED]} if settlement.CLOSED in passed else {}
    for times, split in through:
        for reason, fraction in split.left.items():
            kept[reason] = kept.get(reason, Fraction(0)) + times * fraction
    common = lcm(*(value.denominator for value in (*(f for f, _ in factors), *kept.values())))
    placing: dict[tuple[str | None, str], int] = {(None, reason): int(value * common) for reason, value in kept.items()}
    for factor, split in factors:
        times_common = int(factor * common)
        for team, weight in split.weights.items():
            placing[(team, "")] = placing.get((team, ""), 0) + weight * times_common
    if sum(placing.values()) != common:
        raise fault(
            f"of the pool {name!r}, {month:%Y-%m}, {currency}, {Fraction(sum(placing.values()), common)} is given away"
        )
    return placing


def _add(
    postings: Mapping[str, list[Any]],
    row: int,
    shared: Sequence[tuple[str | None, str | None, float]],
    amounts: Sequence[int],
) -> None:
    """What each account (team, reason, ratio) pays of a row of what pools hold, but for those that pay nothing."""
    paid = [(*account, amount) for account, amount in zip(shared, amounts, strict=True) if amount]
    postings["row"].extend([row] * len(paid))
    for name, values in zip(_POSTED, zip(*paid, strict=True), strict=False):
        postings[name].extend(values)


def _framed(postings: Mapping[str, list[Any]], held: pl.DataFrame) -> pl.DataFrame:
    """Each posting with what it says of the row it comes out of."""
    whole = pl.Series("amount", postings["amount"], pl.Int128)
    rows = pl.Series(postings["row"], dtype=pl.UInt32)
    joined = pl.col("part").list.join(" / ")
    posted = {name: pl.Series(postings[name], dtype=SHARES[name]) for name in ("team_id", "reason", "ratio")}
    return (
        held.with_columns(pl.when(joined != "").then(joined).alias("part"))
        .select(pl.all().gather(rows))
        .with_columns(**posted, amount=whole.reinterpret(dtype=MONEY))
        .select(pl.col(name).cast(dtype) for name, dtype in SHARES.items())
    )


def _units(amounts: pl.Series) -> list[int]:
    """Amounts in units of their last decimal (10⁻²⁴), as whole numbers of any size."""
    units: list[int] = amounts.cast(MONEY).to_physical().to_list()
    return units


def described(pool: Pool, method: str) -> str:
    """The pool's rule in words, for a page or a trace: what is taken is told by its title."""
    return "; ".join(_described(pool, method))


def _described(pool: Pool, method: str) -> Iterator[str]:
    if pool.by == "fixed":
        shared = ", ".join(f"{name} {share:f} %" for name, share in pool.shares.items())
        yield f"by fixed shares: {shared}"
    else:
        of = ", ".join("/".join(texts) for texts in pool.of.values())
        within = f" within {', '.join(pool.within)}" if pool.within else ""
        yield f"by {pool.by}{' of ' + of if of else ''}{within}" if pool.by != "even" else "evenly"
    if pool.to or pool.but:
        yield " ".join(
            filter(
                None,
                (
                    f"among {', '.join(pool.to)}" if pool.to else "",
                    f"without {', '.join(pool.but)}" if pool.but else "",
                ),
            )
        )
    if pool.pools:
        used = ", ".join(f"{name} {share:f} %" for name, share in pool.pools.items())
        yield f"used by other pools: {used} ({method})"
