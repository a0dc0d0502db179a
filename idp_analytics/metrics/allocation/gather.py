"""Charges of a bill → cells that no rule tells apart, so that rules look at thousands of rows and not at millions.

Rows are told apart by numbers: each different text has one, and the numbers of a row make one whole number, by which rows are
added up. Sums of decimals are exact in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial, reduce
from itertools import accumulate
from math import prod
from operator import add, mul

import polars as pl

from idp_analytics.metrics.allocation.charges import COLUMN, cell_start, matches
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import shared
from idp_analytics.periods import floored
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY
from idp_analytics.tables.side_by_side import pieces, side_by_side

Selectors = Sequence[Mapping[str, Sequence[str]]]

_ALWAYS = ("basis", "currency", "team_id", "category", "is_unused_commitment")
"""What tells whose a charge is, whatever the rules; of ``owner_raw`` it is enough to know whether it is blank."""

_KEYS = ((pl.UInt32, 2**32), (pl.UInt64, 2**64))
_DAY = 86_400_000_000  # microseconds
_TOO_MUCH = 10**14  # what no sum can hold
_ZERO = Decimal(0)
_NOTHING = pl.lit(0).cast(MONEY)


def gathered(tables: Tables, settings: Settings, keep: Sequence[str] = ()) -> Tables:
    """``tables`` with the charges added up to cells that no rule tells apart.

    A cell: the columns that tell whose a charge is, those of ``keep``, those pools are split by, and the week cut at the ends of
    months (its first day is ``period_start``; the day where a rule begins or ends). Of another column that rules look at, a text
    stands for all that the rules tell alike, null for those that none describes. ``amount`` is the sum, ``gross`` that of
    the positive charges, ``charges`` how many there are. Collected once; nothing is done to tables that are gathered already.
    """
    if "charges" in tables["costs"].collect_schema().names():
        return tables
    cells = _cells(tables, settings, keep) if keep else _plain(tables, settings)
    return {**tables, "costs": cells}


@shared
def _plain(tables: Tables, settings: Settings) -> pl.LazyFrame:
    return _cells(tables, settings, ())


def _cells(tables: Tables, settings: Settings, keep: Sequence[str]) -> pl.LazyFrame:
    asked = _asked(settings)
    whole = {*_ALWAYS, *(name for pool in settings.showback.pools for name in pool.within), *keep}
    by = [name for name in tables["costs"].collect_schema().names() if name in {*whole, *asked, "owner_raw"}]
    rows = tables["costs"].select("period_start", *by, "amount").collect(engine="streaming")
    costs = _added(_told(rows, by, whole, settings, cell_start), rows["amount"])
    return costs.with_columns(pl.col("period_start").cast(pl.Datetime("us", "UTC"))).lazy()


def merged(
    tables: Tables, settings: Settings, keep: Sequence[str | pl.Expr], sums: Sequence[pl.Expr], every: str = "1d"
) -> Tables:
    """``tables`` with only the charges of the bill, those as one row that neither whose they are nor ``keep`` tells apart, with their ``sums``.

    ``keep``: columns, and what else is to be said of each charge (a boolean with a name of its own). ``period_start`` is the first day of the ``every``
    (``1d``, ``1mo``) it was in; the day itself where a rule begins or ends on one. Sums of rows put together by number and then given their
    texts and owners take a fifth of the time that sums of rows with texts take.
    """
    asked, names = _asked(settings), tables["costs"].collect_schema().names()
    flags = {flag.meta.output_name(): flag for flag in keep if isinstance(flag, pl.Expr)}
    whole = {*_ALWAYS, *(name for name in keep if isinstance(name, str)), *flags}
    by = [*(name for name in names if name in {*whole, *asked, "owner_raw"}), *flags]
    seen = dict.fromkeys(["period_start", *by, *(name for one in sums for name in one.meta.root_names())])
    bill = tables["costs"].filter(pl.col("basis") == settings.rules.cost_basis)
    rows = bill.select(flags.get(name, pl.col(name)) for name in seen).collect()
    told = _told(rows, by, whole, settings, lambda day, _: floored(day, every) if every != "1d" else day)
    sizes, dtype = _sizes(told)
    numbers = _numbers(told, sizes, dtype, rows.height)
    keys = [of.alias(f"number of {name}") for name, of in numbers.items()]
    cells = rows.lazy().with_columns(keys).group_by(key.name for key in keys).agg(sums).collect()
    cells = cells.rename({f"number of {name}": name for name in numbers})
    costs = pl.DataFrame({**_columns(told, cells, sizes, dtype), **cells.drop(list(numbers)).to_dict()})
    return {**tables, "costs": costs.with_columns(pl.col("period_start").cast(pl.Datetime("us", "UTC"))).lazy()}


def _told(
    rows: pl.DataFrame, by: Sequence[str], whole: Collection[str], settings: Settings, start: Callable[[pl.Expr, int], pl.Expr]
) -> dict[str, _Told]:  # fmt: skip
    """The columns ``by`` of rows; of those not in ``whole`` what rules tell alike is one. Of a day ``start`` is what counts."""
    asked = _asked(settings)
    # Every text a number, in a dictionary of its column's own.
    rows = rows.with_columns(pl.col(name).cast(_dictionary()) for name in by if rows.schema[name] == pl.String)
    told = {"period_start": _Told.days(rows["period_start"], settings, start)}
    for name in by:
        found = _Told.of(rows[name])
        told[name] = found if name in whole else found.alike(name, asked.get(name, ()))
    return told


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
    def days(cls, column: pl.Series, settings: Settings, start: Callable[[pl.Expr, int], pl.Expr]) -> _Told:
        """Times by the first day of their cell, which ``start`` tells; by their own day where a rule begins or ends on one."""
        ends = (
            pl.Series(side_by_side([column.min, column.max], column.len()), dtype=column.dtype)
            .dt.date()
            .to_physical()
            .fill_null(0)
        )
        first, last = ends
        days = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date)
        found = replace(cls._by_number(column, days), first=first)
        if any(pool.since or pool.until for pool in settings.showback.pools):
            return found
        first_day = start(pl.col("day"), settings.calendar.first_weekday)
        return found._instead(found.values.to_frame("day").select(first_day).to_series())

    @classmethod
    def _by_number(cls, numbers: pl.Series, different: pl.Series) -> _Told:
        if numbers.null_count() == numbers.len():
            different = different.clear()  # what none of the rows has tells none apart
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

    def parts(self, dtype: type[pl.DataType], step: int, rows: slice) -> pl.Series:
        """``step`` times the place of each row's value."""
        import pyarrow.compute as pc

        steps = self.places.cast(dtype) * step
        numbers = self.numbers[rows]
        if self.first is not None:
            numbers = numbers.dt.cast_time_unit("us").to_physical() // _DAY - self.first
        if numbers.null_count():
            if steps.len() > numbers.upper_bound().item():
                numbers = numbers.cast(pl.UInt32)
            numbers = numbers.fill_null(steps.len() - 1)
        # A third of what gather takes: small numbers need not be made large ones first.
        return pl.Series(pl.from_arrow(pc.take(steps.to_arrow(), numbers.to_arrow())))


def _number(told: Mapping[str, _Told], sizes: Mapping[str, int], dtype: type[pl.DataType], rows: slice) -> pl.Series:
    """Of some rows the numbers of all their columns as one."""
    if not sizes:
        return pl.repeat(0, rows.stop - rows.start, dtype=dtype, eager=True)
    steps = accumulate(sizes.values(), mul, initial=1)
    return reduce(add, (told[name].parts(dtype, step, rows) for name, step in zip(sizes, steps, strict=False)))


def _added(told: Mapping[str, _Told], amount: pl.Series) -> pl.DataFrame:
    """One row per different row of values: these, ``amount``, ``gross``, ``charges``."""
    sizes, dtype = _sizes(told)
    # Where nothing was credited, what is positive is all there is.
    least, most = (
        Decimal(value) if isinstance(value, Decimal) else _ZERO
        for value in side_by_side([amount.min, amount.max], amount.len())
    )
    is_credited = least < 0
    is_sure = dtype is not None and not amount.null_count() and max(-least, most) * amount.len() < _TOO_MUCH
    cells = (_summed if is_sure else _grouped)(_numbers(told, sizes, dtype, amount.len()), amount, is_credited)
    return pl.DataFrame({**_columns(told, cells, sizes, dtype), **cells.select("amount", "gross", "charges").to_dict()})


def _sizes(told: Mapping[str, _Told]) -> tuple[dict[str, int], type[pl.DataType] | None]:
    """How many values the columns have that tell rows apart, and the numbers large enough for all of them as one (None: there are none)."""
    # What is the same in all rows tells none apart.
    sizes = {name: one.values.len() for name, one in told.items() if one.values.len() > 1}
    many = prod(sizes.values())
    return sizes, next((dtype for dtype, most in _KEYS if many < most), None)


def _columns(
    told: Mapping[str, _Told], cells: pl.DataFrame, sizes: Mapping[str, int], dtype: type[pl.DataType] | None
) -> dict[str, pl.Series]:
    """The values of each of ``cells`` (with the numbers of :func:`_numbers`), column by column."""
    places: dict[str, pl.Expr] = {name: pl.col(name) for name in sizes}
    rest = pl.col("number")
    for name, size in sizes.items() if dtype is not None else ():
        places[name], rest = rest % size, rest // size
    found = cells.select(places[name].alias(name) for name in sizes)
    nothing = pl.repeat(0, cells.height, dtype=pl.UInt32, eager=True)
    return {name: one.values.gather(found[name] if name in sizes else nothing) for name, one in told.items()}


def _numbers(
    told: Mapping[str, _Told], sizes: Mapping[str, int], dtype: type[pl.DataType] | None, height: int
) -> dict[str, pl.Series]:
    """What tells the cell of each row: one whole number, or one per column where no number is large enough for all."""
    asked = [(name, {name: size}) for name, size in sizes.items()] if dtype is None and sizes else [("number", sizes)]
    found = {}
    for name, columns in asked:
        of = partial(_number, told, columns, dtype or pl.UInt32)
        found[name] = pl.concat(side_by_side([partial(of, rows) for rows in pieces(height)]))
    return found


def _summed(numbers: Mapping[str, pl.Series], amount: pl.Series, is_credited: bool) -> pl.DataFrame:
    """The cells, where it is known that no sum has more digits than money: in three quarters of the time of :func:`_grouped`."""
    import pyarrow as pa

    columns = {**numbers, "amount": amount}
    if is_credited:
        columns["gross"] = amount.clip(_ZERO)
    asked = [(name, "sum") for name in columns if name not in numbers]
    # Column by column, so that what lies in several pieces is not copied into one.
    table = pa.table({name: pa.chunked_array(column) for name, column in columns.items()})
    cells = table.group_by(list(numbers)).aggregate([*asked, ([], "count_all")])
    return (
        pl.DataFrame(pl.from_arrow(cells))
        .rename({"count_all": "charges", **{f"{name}_sum": name for name, _ in asked}})
        .with_columns(pl.col("amount").alias("gross") if not is_credited else pl.col("gross"))
    )


def _grouped(numbers: Mapping[str, pl.Series], amount: pl.Series, is_credited: bool) -> pl.DataFrame:
    """The cells, whatever the amounts."""
    gross = [pl.max_horizontal("amount", _NOTHING).sum().alias("gross")] if is_credited else []
    cells = (
        pl.LazyFrame({**numbers, "amount": amount})
        .group_by(list(numbers))
        .agg(pl.col("amount").sum(), *gross, pl.len().cast(pl.Int64).alias("charges"))
        .collect(engine="streaming")
    )
    return cells if is_credited else cells.with_columns(gross="amount")
