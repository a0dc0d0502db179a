"""Whatever a file holds → a column's declared type, and for each value that will not go, the reason why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import polars as pl

from idp_analytics.tables.declare import MONEY, Column, Kind
from idp_analytics.working_time import is_time_zone

_UTC = pl.Datetime("us", "UTC")
_CLOCK = r"^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})(?:[Tt ]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?))?\s*(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
_ZULU = r"^[12][0-9]{3}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z$"
_ZONED = r"^[12][0-9]{3}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:\.[0-9]{1,9})?(?:Z|[+-][0-9][0-9]:?[0-9][0-9])$"
_NAIVE = r"^[12][0-9]{3}-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]$"
_EPOCH_DIGITS = {"s": (9, 10), "ms": (12, 13), "us": (15, 16), "ns": (18, 19)}
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_MOST_DECIMALS = 24


@dataclass(frozen=True)
class Parsed:
    """Two expressions over one input column: its ``value`` in the declared type, and the ``reason`` why it was refused (else
    null): only what is there is refused, and has no value then. ``told``, where it is less work, is a struct of both. ``usual``,
    where there is one, is the value of what is written as nearly all is, and null for all else: a column that has no more
    nulls then is read by that alone, and all such columns of a table at once."""

    value: pl.Expr
    reason: pl.Expr
    told: pl.Expr | None = None
    usual: pl.Expr | None = None


@lru_cache(maxsize=4096)
def parse(column: Column, found: pl.DataType, time_zone: str | None) -> Parsed:
    """How to read ``column`` from a frame whose column of that name has type ``found``.

    ``time_zone`` is the zone a time without one is in; without it such a time is refused, because guessing it would
    shift every number silently. Empty text is "not known" for every kind but free text.
    """
    raw = pl.col(column.name)
    if found == pl.Null:
        return Parsed(pl.lit(None, column.dtype), pl.lit(None, pl.String))
    match column.kind:
        case Kind.TEXT:
            return Parsed(_text(raw, found), pl.lit(None, pl.String))
        case Kind.ID | Kind.COUNTS | Kind.ZONE:
            text = _known(_text(raw, found).str.strip_chars())
            zone = column.kind is Kind.ZONE
            return Parsed(text.map_batches(_zones, return_dtype=pl.String) if zone else text, pl.lit(None, pl.String))
        case Kind.ENUM:
            known, text = list(column.values), _text(raw, found)
            value = text.map_batches(partial(_words, known=known), return_dtype=pl.String)
            return Parsed(value, pl.lit(None, pl.String), usual=pl.when(text.is_in(known)).then(text))
        case Kind.TIMESTAMP:
            return _timestamp(raw, found, time_zone)
        case Kind.DATE:
            return _date(raw, found)
        case Kind.TEXTS:
            return _texts(raw, found)
        case Kind.BOOLEAN:
            if found == pl.Boolean:
                return Parsed(raw, pl.lit(None, pl.String))
            text = _known(_text(raw, found).str.strip_chars().str.to_lowercase())
            value = pl.when(text.is_in(_TRUE)).then(True).when(text.is_in(_FALSE)).then(False)
            return _refusing(text, value, "is neither true nor false")
        case Kind.MONEY:
            return _money(raw, found)
        case Kind.INTEGER:
            number = _number(raw, found)
            whole = pl.when(number == number.round()).then(number).cast(pl.Int64, strict=False)
            exact = raw.cast(pl.Int64, strict=False) if found.is_integer() else whole
            return _refusing(_present(raw, found), exact, "is not a whole number")
        case Kind.NUMBER:
            return _refusing(_present(raw, found), _number(raw, found), "is not a finite number")


def _words(words: pl.Series, known: list[str]) -> pl.Series:
    """The known ones in small letters; null for the others."""
    word = words.str.strip_chars().str.to_lowercase()
    return pl.select(pl.when(word.is_in(known)).then(word)).to_series()


def _zones(names: pl.Series) -> pl.Series:
    """The names that are time zones; null for the others. There are few different ones."""
    known = [name for name in names.unique().drop_nulls() if is_time_zone(name)]
    return pl.select(pl.when(names.is_in(known)).then(names)).to_series()


def _text(raw: pl.Expr, found: pl.DataType) -> pl.Expr:
    if found == pl.String:
        return raw
    if isinstance(found, pl.List | pl.Array | pl.Struct):
        return raw.cast(pl.List(pl.String)).list.join("; ") if isinstance(found, pl.List) else pl.lit(None, pl.String)
    return raw.cast(pl.String)


def _known(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _present(raw: pl.Expr, found: pl.DataType) -> pl.Expr:
    return _known(raw.str.strip_chars()) if found == pl.String else raw


def _refusing(present: pl.Expr, value: pl.Expr, reason: str) -> Parsed:
    return Parsed(value, pl.when(present.is_not_null() & value.is_null()).then(pl.lit(reason)))


def _number(raw: pl.Expr, found: pl.DataType) -> pl.Expr:
    number = (raw.str.strip_chars() if found == pl.String else raw).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _money(raw: pl.Expr, found: pl.DataType) -> Parsed:
    if found.is_integer() or found == pl.Decimal:
        return _refusing(raw, raw.cast(MONEY, strict=False), "does not fit 14 digits before the point")
    # A float has already lost the digits; its shortest text is the best that can be said of it.
    text = _known((raw if found == pl.String else raw.cast(pl.String)).str.strip_chars())
    return _each(text, _amounts, MONEY)


def _amounts(texts: pl.Series) -> pl.DataFrame:
    """Nearly all amounts are short and have no exponent, so that they have no more decimals than are kept."""
    text = pl.col("text")
    value = text.cast(MONEY, strict=False)
    frame = texts.to_frame("text")
    if frame.select(
        (text.str.contains("e") | text.str.contains("E") | (text.str.len_bytes() > _MOST_DECIMALS)).any()
    ).item():
        decimals = text.str.extract(r"\.([0-9]*?)0*(?:[eE].*)?$", 1).str.len_chars().fill_null(0)
        exponent = text.str.extract(r"[eE]([+-]?[0-9]+)$", 1).cast(pl.Int64, strict=False).fill_null(0)
        value = pl.when(decimals.cast(pl.Int64) - exponent <= _MOST_DECIMALS).then(value)
    parsed = _refusing(text, value, "is not an amount of at most 14 digits and 24 decimals")
    return frame.select(value=parsed.value, reason=parsed.reason)


def _timestamp(raw: pl.Expr, found: pl.DataType, time_zone: str | None) -> Parsed:
    if isinstance(found, pl.Datetime):
        if found.time_zone:
            return Parsed(raw.dt.convert_time_zone("UTC").dt.cast_time_unit("us"), pl.lit(None, pl.String))
        return _naive(raw, raw.dt.cast_time_unit("us"), time_zone)
    if found == pl.Date:
        return _naive(raw, raw.cast(pl.Datetime("us")), time_zone)
    written = raw if found == pl.String else raw.cast(pl.String)
    told = _each(_known(written.str.strip_chars()), partial(_times, time_zone=time_zone), _UTC)
    return replace(told, usual=_zulu(written))


def _zulu(text: pl.Expr) -> pl.Expr:
    """Times as nearly all are written."""
    told = (
        pl.when(text.str.contains(_ZULU)).then(text).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False)
    )
    return told.dt.replace_time_zone("UTC")


def _each(text: pl.Expr, tell: Callable[[pl.Series], pl.DataFrame], dtype: pl.DataType) -> Parsed:
    """What ``tell`` makes of the texts: a frame of ``value`` and ``reason``."""
    struct = pl.Struct({"value": dtype, "reason": pl.String})
    told = text.map_batches(lambda texts: tell(texts).to_struct(), return_dtype=struct)
    return Parsed(told.struct.field("value"), told.struct.field("reason"), told)


def _times(texts: pl.Series, time_zone: str | None) -> pl.DataFrame:
    """Nearly all times are written in one of three ways, which are read at once; only the others are taken apart."""
    odd = pl.col("odd")
    value = texts.to_frame("odd").select(value=_zulu(odd)).to_series()
    if value.null_count() == texts.null_count():
        return _all_read(value)
    zoned = (
        pl.when(odd.str.contains(_ZONED))
        .then(odd)
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
    )
    value = pl.select(odd=texts, value=value).select(value=pl.coalesce("value", zoned)).to_series()
    if value.null_count() == texts.null_count():
        return _all_read(value)
    if time_zone is not None:
        naive = (
            pl.when(odd.str.contains(_NAIVE))
            .then(odd)
            .str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
        )
        local = _naive(odd, naive, time_zone).value
        value = pl.select(odd=texts, value=value).select(value=pl.coalesce("value", local)).to_series()
        if value.null_count() == texts.null_count():
            return _all_read(value)
    other = _once(pl.select(pl.when(value.is_null()).then(texts)).to_series(), lambda text: _clock(text, time_zone))
    return other.with_columns(pl.coalesce(value, "value"))


def _all_read(value: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([value, pl.Series("reason", [None], pl.String).new_from_index(0, len(value))])


def _once(texts: pl.Series, parse: Callable[[pl.Expr], Parsed]) -> pl.DataFrame:
    """``value`` and ``reason`` of the texts, each different one looked at once."""
    text = pl.col("text")
    parsed = parse(text)
    different = texts.unique().to_frame("text").select(text, value=parsed.value, reason=parsed.reason)
    return texts.to_frame("text").join(different, on="text", how="left", maintain_order="left").drop("text")


def _clock(text: pl.Expr, time_zone: str | None) -> Parsed:
    """A time in any form that is read."""
    # Go writes its zero time where it means "never"; that is "not known", not a date.
    text = pl.when(~text.str.starts_with("0001-01-01")).then(text)
    parts = text.str.extract_groups(_CLOCK)
    day = parts.struct.field("1").str.replace_all("/", "-", literal=True)
    clock = parts.struct.field("2").fill_null("00:00").str.replace(",", ".", literal=True)
    clock = pl.when(clock.str.count_matches(":") == 1).then(clock + ":00").otherwise(clock)
    naive = (day + "T" + clock).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    zone = parts.struct.field("3")
    aware = (naive - _offset(zone)).dt.replace_time_zone("UTC")
    epoch = _epoch(text)
    local = _naive(text, pl.when(zone.is_null()).then(naive), time_zone)
    value = pl.coalesce(epoch, pl.when(zone.is_not_null()).then(aware), local.value)
    not_a_time = text.is_not_null() & naive.is_null() & epoch.is_null()
    reason = (
        pl.when(not_a_time).then(pl.lit("is not a time"))
        .when(zone.is_null() & epoch.is_null()).then(local.reason)
    )  # fmt: skip
    return Parsed(value, reason)


def _offset(zone: pl.Expr) -> pl.Expr:
    """``+0530``, ``+05:30``, ``+05`` → a duration; ``Z`` → none."""
    digits = zone.str.replace(":", "", literal=True).str.extract(r"^[+-]([0-9]{2,4})$", 1)
    hours = digits.str.head(2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    return pl.duration(minutes=sign * (hours * 60 + minutes))


def _epoch(text: pl.Expr) -> pl.Expr:
    """Seconds, milli-, micro- or nanoseconds since 1970, told apart by their number of digits; null for other text."""
    digits = text.str.extract(r"^([0-9]{9,19})(?:\.[0-9]+)?$", 1)
    length = digits.str.len_chars()
    number = digits.cast(pl.Int64, strict=False)
    to_micros = {"s": number * 1_000_000, "ms": number * 1_000, "us": number, "ns": number // 1_000}
    micros = pl.coalesce(
        pl.when(length.is_between(least, most)).then(to_micros[unit]) for unit, (least, most) in _EPOCH_DIGITS.items()
    )
    return micros.cast(_UTC)


def _naive(present: pl.Expr, naive: pl.Expr, time_zone: str | None) -> Parsed:
    if time_zone is None:
        reason = 'has no time zone: add time_zone = "…" to the source in settings.toml'
        return Parsed(pl.lit(None, _UTC), pl.when(present.is_not_null() & naive.is_not_null()).then(pl.lit(reason)))
    local = naive.dt.replace_time_zone(time_zone, ambiguous="null", non_existent="null")
    value = local.dt.convert_time_zone("UTC")
    reason = f"falls in a clock change of {time_zone}: it happened twice or never; write it with its offset"
    return Parsed(value, pl.when(naive.is_not_null() & value.is_null()).then(pl.lit(reason)))


def _date(raw: pl.Expr, found: pl.DataType) -> Parsed:
    if found == pl.Date:
        return Parsed(raw, pl.lit(None, pl.String))
    if isinstance(found, pl.Datetime):
        return Parsed(raw.dt.date(), pl.lit(None, pl.String))
    text = _known((raw if found == pl.String else raw.cast(pl.String)).str.strip_chars())
    return _each(text, lambda texts: _once(texts, _day), pl.Date())


def _day(text: pl.Expr) -> Parsed:
    """The day as written: a midnight in any zone means that day there."""
    text = pl.when(~text.str.starts_with("0001-01-01")).then(text)
    day = text.str.extract(r"^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})(?:[Tt ].*)?$", 1).str.replace_all(
        "/", "-", literal=True
    )
    return _refusing(text, day.str.to_date("%Y-%m-%d", strict=False), "is not a date")


def _texts(raw: pl.Expr, found: pl.DataType) -> Parsed:
    if isinstance(found, pl.List):
        return Parsed(raw.cast(pl.List(pl.String)), pl.lit(None, pl.String))
    text = _known(raw.cast(pl.String).str.strip_chars())
    return Parsed(text.str.split(";").list.eval(pl.element().str.strip_chars()), pl.lit(None, pl.String))
