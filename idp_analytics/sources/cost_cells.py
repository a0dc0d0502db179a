"""Amounts and times of a bill as providers and spreadsheets write them: read exactly, or left as written; never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from idp_analytics.tables import MONEY, TABLES
from idp_analytics.tables.numbered import numbered, used
from idp_analytics.tables.parse import parse

NULLS = ("", "NULL", "Null", "null", "(null)", "(NULL)")
"""What stands for "not known" in bills that cannot say it."""

_AMOUNT = TABLES["costs"].column("amount")
_TIME = TABLES["costs"].column("period_start")
_UTC = pl.Datetime("us", "UTC")
_WRITTEN_AMOUNT = re.compile(r"(\()?([+-]?)\s*([$€£¥]?)\s*([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(\))?")
_WRITTEN_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?:\s+(\d{1,2}:\d{2}(?::\d{2})?))?")
_ISO = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?Z?)?")
_BEGIN, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Reading:
    """One column as read.

    ``known`` has the wanted type, null where a cell cannot be read. ``values`` is the same if there is no such cell;
    otherwise it is text, with that cell as the file has it, so that ``conform`` names row and column. ``mended``: what
    the file has → what it was taken for, for each distinct cell that the specification would not have.
    """

    values: pl.Series
    known: pl.Series
    mended: Mapping[str, str]

    def of(self, numbers: pl.Series) -> Reading:
        """Of each of ``numbers`` what stands at that place."""
        return Reading(self.values.gather(numbers), self.known.gather(numbers), self.mended)


def amounts(found: pl.Series, strict: bool) -> Reading:
    """Exact money (Decimal(38, 24)), never through a float.

    Unless ``strict``, amounts as people write them are taken too: ``$10,000.00``, ``(5.00)``. ``1,234`` alone is not:
    it may be 1.234. A float has already lost its digits; its shortest text is used.
    """
    if found.dtype.is_integer() or (isinstance(found.dtype, pl.Decimal) and found.dtype.scale <= 24):
        exact = found.cast(MONEY, strict=False)
        if exact.null_count() == found.null_count():
            return Reading(exact, exact, {})
    if isinstance(found.dtype, pl.Enum):
        numbers, words = numbered(found)
        return amounts(words, strict).of(numbers)
    text = _stripped(found)
    value = _exact(text)
    mended = {}
    if not strict and (refused := _refused(text, value)).any():
        mended = _mended(text.filter(refused), _exact, plain_amount)
        text = text.replace(mended) if mended else text
        value = _exact(text) if mended else value
    return Reading(text if _refused(text, value).any() else value, value, mended)


def times(found: pl.Series, strict: bool, day_first: bool = False) -> Reading:
    """UTC times. One without zone is UTC, because the specification allows no other.

    Unless ``strict``, dates as spreadsheets write them are taken too: ``5/1/25``, by default month first.
    """
    if isinstance(found.dtype, pl.Datetime) and found.dtype.time_zone:
        utc = found.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        return Reading(utc, utc, {})
    if found.dtype.is_temporal():
        utc = found.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return Reading(utc, utc, {})
    if isinstance(found.dtype, pl.Enum):
        numbers, words = numbered(found)
        return times(words, strict, day_first).of(numbers)
    text = _stripped(found)
    distinct = text.drop_nulls().unique().sort()
    # A file has millions of rows and few hundred times: each is read once.
    value = _utc(distinct)
    mended = {}
    if value.null_count() and not strict:
        mended = _mended(distinct.filter(value.is_null()), _utc, lambda t: plain_time(t, day_first))
        value = _utc(distinct.replace(mended)) if mended else value
    known = text.replace_strict(distinct, value, default=None, return_dtype=_UTC)
    if not value.null_count():
        return Reading(known, known, mended)
    written = value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    readable = value.is_not_null()
    return Reading(text.replace(distinct.filter(readable), written.filter(readable)), known, mended)


def day_first(columns: Iterable[pl.Series]) -> bool:
    """Whether dates written ``a/b/c`` can only have the day first: some ``a`` is no month."""
    texts = (used(column) for column in columns if column.dtype in (pl.String, pl.Enum))
    matches = (_WRITTEN_DAY.fullmatch(text.strip()) for column in texts for text in column)
    return any(int(match[1]) > 12 for match in matches if match)


def plain_amount(text: str) -> str | None:
    """``$10,000.00`` → ``10000.00``; null when it is no amount or may be read in two ways."""
    match = _WRITTEN_AMOUNT.fullmatch(text.strip())
    if not match or bool(match[1]) != bool(match[7]) or (match[2] and match[4]):
        return None
    if match[5].count(",") == 1 and not match[3] and not match[6]:
        return None
    negative = "-" in (match[2], match[4]) or match[1]
    return f"{'-' if negative else ''}{match[5].replace(',', '')}{match[6] or ''}"


def plain_time(text: str, day_first: bool = False) -> str | None:
    """``5/1/25`` → ``2025-05-01T00:00Z`` (or, day first, ``2025-01-05…``); null when it is not written so."""
    match = _WRITTEN_DAY.fullmatch(text.strip())
    if not match:
        return None
    month, day = (match[2], match[1]) if day_first else (match[1], match[2])
    year = match[3] if len(match[3]) == 4 else f"20{match[3]}"
    return f"{year}-{int(month):02d}-{int(day):02d}T{match[4] or '00:00'}Z"


def _stripped(found: pl.Series) -> pl.Series:
    text = found.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def _exact(text: pl.Series) -> pl.Series:
    """Text → Decimal(38, 24), null where a digit would be lost."""
    value = text.cast(MONEY, strict=False)
    # A cast rounds silently; only long or scientific texts can hold more than 24 decimals.
    doubtful = (text.str.len_bytes() > 25) | text.str.contains("[eE]")
    if doubtful.any():
        careful = text.filter(doubtful).alias("amount").to_frame().select(parse(_AMOUNT, pl.String(), None).value)
        value = value.scatter(doubtful.arg_true(), careful.to_series())
    return value


def _utc(text: pl.Series) -> pl.Series:
    """Texts → the time each is, null where it is none. Of the few there are, those written as nearly all are read one by one,
    which takes less than to set all ways of writing a time to work on them."""
    told = [_instant(one) for one in text]
    odd = dict.fromkeys(
        one for one, at in zip(text, told, strict=True) if at is None and not _WRITTEN_DAY.fullmatch(one)
    )
    known = pl.Series(text.name, told, pl.Int64).cast(_UTC)
    if not odd:
        return known
    others = pl.Series(_TIME.name, list(odd), pl.String)
    read = others.to_frame().select(parse(_TIME, pl.String(), "UTC").value).to_series()
    return known.zip_with(known.is_not_null(), text.replace_strict(others, read, default=None, return_dtype=_UTC))


def _instant(text: str) -> int | None:
    """Microseconds since 1970 of a time as ISO 8601 has it, in UTC; null: written otherwise, or no time."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _BEGIN) // _TICK
    except ValueError:
        return None


def _refused(text: pl.Series, value: pl.Series) -> pl.Series:
    return text.is_not_null() & value.is_null()


def _mended(
    refused: pl.Series, read: Callable[[pl.Series], pl.Series], mend: Callable[[str], str | None]
) -> dict[str, str]:
    """Cells that cannot be read as they are → the text as which they can."""
    plain = {cell: written for cell in refused.unique().sort() if (written := mend(cell)) is not None}
    known = read(pl.Series(list(plain.values()), dtype=pl.String))
    return {cell: written for (cell, written), value in zip(plain.items(), known, strict=True) if value is not None}
