"""Charges of a bill → cells that no rule tells apart, so that rules look at thousands of rows and not at millions.

Rows are told apart by numbers: each different text has one, and the numbers of a row make one whole number, by which rows are
added up. Sums of decimals are exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from itertools import accumulate
from math import prod
from operator import add, mul

import polars as pl

from idp_analytics.metrics.allocation.charges import COLUMN, cell_start, matches
from idp_analytics.metrics.allocation.places import in_places
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY
from idp_analytics.tables.numbered import at

Selectors = Sequence[Mapping[str, Sequence[str]]]

_ALWAYS = ("basis", "currency", "team_id", "category", "is_unused_commitment")
"""What tells whose a charge is, whatever the rules; of ``owner_raw`` it is enough to know whether it is blank."""

_PIECE = 2**18  # rows whose numbers stay in the processor's cache
_KEYS = ((pl.UInt32, 2**32), (pl.UInt64, 2**64))
_MOST_PLACES = 2**22  # so many sums are held at once without knowing which of them there are
_TOO_MUCH, _SMALL = 10**14, 2**96 // 10**24  # what no sum can hold, and amounts that need fewer bits
_ZERO = Decimal(0)
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
    rows = tables["costs"].select("period_start", *by, "amount").collect(engine="streaming")
    # Every text a number, in a dictionary of its column's own.
    rows = rows.with_columns(pl.col(name).cast(_dictionary()) for name in by if rows.schema[name] == pl.String)
    told = {"period_start": _Told.days(rows["period_start"], settings)}
    for name in by:
        found = _Told.of(rows[name])
        told[name] = found if name in whole else found.alike(name, asked.get(name, ()))
    costs = _added(told, rows["amount"])
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
    """A column of rows as ``numbers``, and of each number the place in the different ``values``; where one is null, its place is the last.

    With a ``first`` day ``numbers`` are times, and what is meant is how many days after it each is.
    """

    numbers: pl.Series
    places: pl.Series
    values: pl.Series
    first: int | None = None

    @classmethod
    def of(cls, column: pl.Series) -> _Told:
        """Each different value by a number of its own."""
        if isinstance(column.dtype, pl.Categorical):
            return cls._by_number(column.to_physical(), column.dtype.categories.to_series())
        if isinstance(column.dtype, pl.Enum):
            return cls._by_number(column.to_physical(), column.dtype.categories)
        if column.dtype == pl.Boolean:
            return cls._by_number(column.cast(pl.UInt8), pl.Series([False, True]))
        different = column.unique().drop_nulls().sort()
        places = pl.int_range(different.len(), dtype=pl.UInt32, eager=True)
        return cls._by_number(column.replace_strict(different, places, default=None, return_dtype=pl.UInt32), different)

    @classmethod
    def days(cls, column: pl.Series, settings: Settings) -> _Told:
        """Times by the first day of their cell; by their own day where a rule begins or ends on one."""
        ends = pl.Series([column.min(), column.max()], dtype=column.dtype).dt.date().to_physical().fill_null(0)
        first, last = ends
        days = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date)
        found = replace(cls._by_number(column, days), first=first)
        if any(pool.since or pool.until for pool in settings.showback.pools):
            return found
        start = cell_start(pl.col("day"), settings.calendar.first_weekday)
        return found._instead(found.values.to_frame("day").select(start).to_series())

    @classmethod
    def _by_number(cls, numbers: pl.Series, different: pl.Series) -> _Told:
        values = different.extend_constant(None, 1) if numbers.null_count() else different
        return cls(numbers, pl.int_range(values.len(), dtype=pl.UInt32, eager=True), values)

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
        different = values.unique(maintain_order=True)
        number = pl.DataFrame({"value": values}).join(
            different.to_frame("value").with_row_index("place"), on="value", how="left", nulls_equal=True,
            maintain_order="left",
        )["place"]  # fmt: skip
        return replace(self, places=number.gather(self.places), values=different)

    def parts(self, dtype: type[pl.DataType], step: int, rows: slice = slice(None)) -> pl.Series:
        """``step`` times the place of each row's value."""
        steps = self.places.cast(dtype) * step
        numbers = self.numbers[rows]
        if self.first is not None:
            numbers = numbers.dt.date().to_physical() - self.first
        if numbers.null_count() and steps.len() <= numbers.upper_bound().item():
            return at(steps, numbers.fill_null(steps.len() - 1))
        return at(steps, numbers).fill_null(steps[-1])


def _number(told: Mapping[str, _Told], sizes: Mapping[str, int], dtype: type[pl.DataType], rows: slice) -> pl.Series:
    """Of some rows the numbers of all their columns as one."""
    steps = accumulate(sizes.values(), mul, initial=1)
    return reduce(add, (told[name].parts(dtype, step, rows) for name, step in zip(sizes, steps, strict=False)))


def _added(told: Mapping[str, _Told], amount: pl.Series) -> pl.DataFrame:
    """One row per different row of values: these, ``amount``, ``gross``, ``charges``."""
    # What is the same in all rows tells none apart.
    sizes = {name: one.values.len() for name, one in told.items() if one.values.len() > 1}
    many = prod(sizes.values())
    dtype = next((dtype for dtype, most in _KEYS if many < most), None)
    # Where nothing was credited, what is positive is all there is.
    least, most = (Decimal(value) if isinstance(value, Decimal) else _ZERO for value in (amount.min(), amount.max()))
    is_credited = least < 0
    if (
        dtype is not None
        and many <= _MOST_PLACES
        and not amount.null_count()
        and max(-least, most) * amount.len() < _TOO_MUCH
    ):
        pieces = _pieces(told, sizes, amount)
        cells = in_places(pieces, many, is_credited=is_credited, is_small=most < _SMALL)
    else:
        cells = _grouped(told, sizes, dtype, amount, is_credited)
    places: dict[str, pl.Expr] = {name: pl.col(name) for name in sizes}
    rest = pl.col("number")
    for name, size in sizes.items() if dtype is not None else ():
        places[name], rest = rest % size, rest // size
    found = cells.select(places[name].alias(name) for name in sizes)
    nothing = pl.repeat(0, cells.height, dtype=pl.UInt32, eager=True)
    columns = {name: one.values.gather(found[name] if name in sizes else nothing) for name, one in told.items()}
    return pl.DataFrame({**columns, **cells.select("amount", "gross", "charges").to_dict()})


def _pieces(
    told: Mapping[str, _Told], sizes: Mapping[str, int], amount: pl.Series
) -> Iterator[tuple[pl.Series, pl.Series]]:
    """The number and the amount of each row, some rows after others."""
    for start in range(0, amount.len(), _PIECE):
        rows, some = slice(start, start + _PIECE), amount[start : start + _PIECE]
        nothing = pl.repeat(0, some.len(), dtype=pl.UInt32, eager=True)
        yield _number(told, sizes, pl.UInt32, rows) if sizes else nothing, some


def _grouped(
    told: Mapping[str, _Told],
    sizes: Mapping[str, int],
    dtype: type[pl.DataType] | None,
    amount: pl.Series,
    is_credited: bool,
) -> pl.DataFrame:
    """The cells where there may be too many different ones, or amounts too large, for :func:`in_places`."""
    if dtype is None:
        by = {name: told[name].parts(pl.UInt32, 1) for name in sizes}
    else:
        pieces = [slice(start, start + _PIECE) for start in range(0, amount.len(), _PIECE)]
        number = [_number(told, sizes, dtype, rows) for rows in pieces if sizes]
        by = {"number": pl.concat(number) if number else pl.repeat(0, amount.len(), dtype=dtype, eager=True)}
    gross = [pl.max_horizontal("amount", _NOTHING).sum().alias("gross")] if is_credited else []
    cells = (
        pl.LazyFrame({**by, "amount": amount})
        .group_by(list(by))
        .agg(pl.col("amount").sum(), *gross, pl.len().cast(pl.Int64).alias("charges"))
        .collect(engine="streaming")
    )
    return cells if is_credited else cells.with_columns(gross="amount")
