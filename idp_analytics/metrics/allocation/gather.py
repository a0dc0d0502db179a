"""Charges of a bill → cells that no rule tells apart, so that rules look at thousands of rows and not at millions.

Rows are told apart by numbers: each different text has one, and the numbers of a row make one whole number, by which rows are
added up. Sums of decimals are exact in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod

import polars as pl

from idp_analytics.metrics.allocation.charges import COLUMN, cell_start, matches
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

Selectors = Sequence[Mapping[str, Sequence[str]]]

_ALWAYS = ("basis", "currency", "team_id", "category", "is_unused_commitment")
"""What tells whose a charge is, whatever the rules; of ``owner_raw`` it is enough to know whether it is blank."""

_KEYS = ((pl.UInt32, 2**32), (pl.UInt64, 2**64))
_NOTHING = pl.lit(0).cast(MONEY)


def gathered(tables: Tables, settings: Settings, keep: Sequence[str] = ()) -> Tables:
    """``tables`` with the charges added up to cells that no rule tells apart.

    A cell: the columns that tell whose a charge is, those of ``keep``, those pools are split by, and the week cut at the ends of
    months (its first day is ``period_start``; the day where a rule begins or ends). Of another column that rules look at, a text
    stands for all that the rules tell alike, null for those that none describes. ``amount`` is the sum, ``gross`` that of
    the positive charges, ``charges`` how many there are. Collected once; nothing is done to tables that are gathered already.
    """
    have = tables["costs"].collect_schema().names()
    if "charges" in have:
        return tables
    asked = _asked(settings)
    whole = {*_ALWAYS, *(name for pool in settings.showback.pools for name in pool.within), *keep}
    by = [name for name in have if name in {*whole, *asked, "owner_raw"}]
    rows = tables["costs"].select(pl.col("period_start").dt.date(), *by, "amount").collect(engine="streaming")
    # Every text a number, in a dictionary of its column's own.
    rows = rows.with_columns(pl.col(name).cast(_dictionary()) for name in by if rows.schema[name] == pl.String)
    told = {"period_start": _Told.days(rows["period_start"], settings)}
    for name in by:
        found = _Told.of(rows[name])
        told[name] = found if name in whole else found.alike(name, asked.get(name, ()))
    cells = _added(told, rows["amount"])
    costs = cells.select(
        *(one.values.gather(cells[name]).alias(name) for name, one in told.items()), "amount", "gross", "charges"
    )
    return {**tables, "costs": costs.with_columns(pl.col("period_start").cast(pl.Datetime("us", "UTC"))).lazy()}


def _asked(settings: Settings) -> dict[str, list[Mapping[str, Sequence[str]]]]:
    """Column of ``costs`` → what each rule asks of it."""
    pools = settings.showback.pools
    selectors = [*(pool.take for pool in pools), *(pool.of for pool in pools)]
    selectors += [{"provider": settings.showback.weights_only}] if settings.showback.weights_only else []
    asked: dict[str, list[Mapping[str, Sequence[str]]]] = {}
    for selector in selectors:
        for name, texts in selector.items():
            asked.setdefault(COLUMN.get(name, name), []).append({name: texts})
    return asked


def _dictionary() -> pl.Categorical:
    return pl.Categorical(pl.Categories.random())


@dataclass(frozen=True)
class _Told:
    """A column as ``numbers``, and the ``values`` they are the places of; the last one is null."""

    numbers: pl.Series
    values: pl.Series

    @classmethod
    def of(cls, column: pl.Series) -> _Told:
        """Each different value by a number of its own."""
        if isinstance(column.dtype, pl.Categorical | pl.Enum):
            different = column.unique().drop_nulls()
            numbers = different.to_physical().cast(pl.UInt32)
            most = numbers.max()
            assert isinstance(most, int | None)
            texts = pl.select(pl.repeat(None, 0 if most is None else most + 1, dtype=pl.String)).to_series()
            return cls._placed(column.to_physical(), texts.scatter(numbers, different.cast(pl.String)))
        return cls._of_few(column)

    @classmethod
    def _of_few(cls, column: pl.Series) -> _Told:
        different = column.drop_nulls().unique().sort()
        places = pl.int_range(different.len(), dtype=pl.UInt32, eager=True)
        return cls._placed(column.replace_strict(different, places, default=None, return_dtype=pl.UInt32), different)

    @classmethod
    def days(cls, column: pl.Series, settings: Settings) -> _Told:
        """Days by the first day of their cell; by themselves where a rule begins or ends on a day."""
        since = column.to_physical()
        first, last = since.min(), since.max()
        assert isinstance(first, int | None)
        assert isinstance(last, int | None)
        days = pl.int_range(first or 0, (last or 0) + 1, dtype=pl.Int32, eager=True).cast(pl.Date)
        found = cls._placed(since - (first or 0), days)
        if any(pool.since or pool.until for pool in settings.showback.pools):
            return found
        start = cell_start(pl.col("day"), settings.calendar.first_weekday)
        return found._instead(found.values.to_frame("day").select(start).to_series())

    @classmethod
    def _placed(cls, numbers: pl.Series, values: pl.Series) -> _Told:
        nothing = pl.Series([None], dtype=values.dtype)
        return cls(numbers.cast(pl.UInt32).fill_null(values.len()), pl.concat([values.rename(""), nothing]))

    def alike(self, name: str, asked: Selectors) -> _Told:
        """Of texts that all of ``asked`` describe alike one stands for all, null for those that none does."""
        blank = (pl.col(name).str.strip_chars() == "") if name == "owner_raw" else pl.lit(False)
        flags = [blank, *(matches(selector) for selector in asked)]
        alike = pl.when(blank).then(pl.lit("")).otherwise(pl.col(name).min().over(flags))
        return self._instead(
            self.values.to_frame(name).select(pl.when(pl.any_horizontal(flags)).then(alike)).to_series()
        )

    def _instead(self, values: pl.Series) -> _Told:
        """The same rows with other values, of which several may be one."""
        found = self._of_few(values)
        return type(self)(found.numbers.gather(self.numbers), found.values)


def _added(told: Mapping[str, _Told], amount: pl.Series) -> pl.DataFrame:
    """One row per different row of numbers: these, ``amount``, ``gross``, ``charges``."""
    # What is the same in all rows tells none apart.
    sizes = {name: one.values.len() for name, one in told.items() if one.numbers.min() != one.numbers.max()}
    dtype = next((dtype for dtype, most in _KEYS if prod(sizes.values()) < most), None)
    by = [pl.col(name) for name in sizes]
    if dtype is not None:
        number = pl.lit(0, dtype)
        for name, size in sizes.items():
            number = number * size + pl.col(name).cast(dtype)
        by = [number.alias("number")]
    rows = pl.LazyFrame({**{name: told[name].numbers for name in sizes}, "amount": amount})
    # Where nothing was credited, what is positive is all there is.
    is_credited = bool((amount < Decimal(0)).any())
    gross = pl.max_horizontal("amount", _NOTHING) if is_credited else pl.col("amount")
    cells = (
        rows.select(*by, "amount")
        .group_by(pl.exclude("amount"))
        .agg(pl.col("amount").sum(), gross.sum().alias("gross"), pl.len().cast(pl.Int64).alias("charges"))
        .collect(engine="streaming")
    )
    rest = pl.col("number")
    parts: dict[str, pl.Expr] = {}
    for name, size in reversed(sizes.items()) if dtype is not None else ():
        parts[name], rest = rest % size, rest // size
    same = {name: pl.lit(one.numbers.first(), pl.UInt32) for name, one in told.items()}
    return cells.select(
        *(parts.get(name, pl.col(name) if name in sizes else same[name]).alias(name) for name in told),
        "amount", "gross", "charges",
    )  # fmt: skip
