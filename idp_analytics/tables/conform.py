"""The door every row passes: right columns, right types, UTC; what does not fit is set aside with a reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.tables import LINEAGE, TABLES, empty
from idp_analytics.tables.declare import Column, Extract, Kind, Table
from idp_analytics.tables.numbered import at, enum, numbered
from idp_analytics.tables.parse import Parsed, parse

REJECTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "table": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "column": pl.String,
    "reason": pl.String,
    "found": pl.String,
    "source": pl.String,
    "load_id": pl.String,
}
"""The columns of a table of rows set aside: where the row is and why it is not used."""

ROW = "_row"
_FOUND = "_found_"
_NONE = pl.DataFrame(schema=REJECTED)


@dataclass(frozen=True)
class Conformed:
    """One extract past the door: the good ``rows``, the ``rejected`` (:data:`REJECTED`) and the one-row ``load``.

    Of ``rows`` those of the table's ``repeats`` that came as Enums, and where rows come from, are Enums; all else is as declared.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    load: pl.DataFrame


def conform(extract: Extract, source: str, time_zone: str | None = None) -> Conformed:
    """Cast an extract to its table's columns and set aside each row that cannot be.

    A column may be an Enum (words and numbers that stand for them), which takes the least to read. A row is set aside when a value is not of its column's kind, when a column that must be known is empty, or when a
    time has no zone and none is declared. A word outside an enum becomes null (kept in ``<column>_raw`` where the
    table has one) and is counted in the load's warnings, as is a time zone that does not exist: an unknown word is no
    reason to lose a row, unless the column must be known. Raises :class:`SourceError` when a column of the key is not there at all.

    Law: rows read (``load.rows_in``) = rows kept + rows set aside or left out (``load.dropped``).
    """
    table = TABLES[extract.table]
    if table.name == "loads":
        raise SourceError(f"{extract.path}: table 'loads' is written by the kit itself and cannot be read from a file.")
    own = _own(table.name)
    have = dict(extract.frame.schema)
    missing = [c.name for c in own if not c.nullable and c.name not in have]
    if missing and extract.frame.height:
        raise SourceError.missing_columns(extract.path, table.name, missing, [n for n in have if n != ROW])

    load_id = _load_id(source, extract)
    frame = _with_raw(extract.frame, table, have)
    present = [c for c in own if c.name in frame.columns] if frame.height else []
    told = _read(frame, present, time_zone, table.repeats)
    numbers = frame[ROW] if ROW in have else pl.int_range(1, frame.height + 1, eager=True)
    values = (
        value if isinstance(value.dtype, pl.Enum) else value.cast(c.dtype)
        for c in present
        for value in [told[c.name][0]]
    )
    cast = pl.DataFrame([*values, numbers.cast(pl.Int64).alias("source_row")])
    # What is the same in all rows is held once.
    same = {name: _same(name, text, table) for name, text in (("source", source), ("load_id", load_id))}
    known = {*cast.columns, *same}
    same |= {c.name: _unknown(c.name, c.dtype) for c in own if c.name not in known}
    cast = cast.select(same.get(name, name) for name in table.schema) if frame.height else empty(table.name)
    reasons = pl.DataFrame([reason for c in present if (reason := _reason(c, *told[c.name])) is not None])
    some = bool(reasons.width)
    bad = reasons.select(pl.any_horizontal(pl.all().is_not_null())).to_series() if some else pl.Series([False])
    rows = cast.filter(~bad) if some else cast
    rejected = (
        _set_aside(cast.filter(bad), frame.filter(bad), reasons.filter(bad), table, extract.path) if some else _NONE
    )
    dropped = Counter(dict(extract.dropped))
    dropped.update(_reason_counts(rejected))
    load = load_row(
        extract, source, load_id,
        rows=rows, rows_in=extract.frame.height + sum(extract.dropped.values()), dropped=dropped,
        warnings=(*extract.warnings, *_unknown_words(frame, cast, present)),
    )  # fmt: skip
    return Conformed(rows, rejected, load)


def load_row(
    extract: Extract,
    source: str,
    load_id: str,
    *,
    rows: pl.DataFrame,
    rows_in: int,
    dropped: Mapping[str, int],
    warnings: tuple[str, ...],
) -> pl.DataFrame:
    """One row of table ``loads``: what came in, what was left out and why, which span of time the rows cover."""
    times = [c for c in TABLES[extract.table].time if c in rows.columns]
    when = _when(rows, times) if times else None
    from_, to = (when.min(), when.max()) if when is not None else (None, None)
    row = (
        load_id, source, extract.table, extract.path, extract.sha256, extract.as_of, from_, to, rows_in, rows.height,
        json.dumps({k: v for k, v in sorted(dropped.items()) if v}), extract.truncated, list(warnings),
    )  # fmt: skip
    # By rows, which for one of them takes a seventh of what it takes by columns.
    return pl.DataFrame([row], schema=TABLES["loads"].schema, orient="row")


def _when(rows: pl.DataFrame, times: Sequence[str]) -> pl.Series:
    """The first time of each row that is known."""
    moment = pl.Datetime("us", "UTC")
    if not rows[times[0]].null_count():
        return rows[times[0]].cast(moment)
    return rows.select(pl.coalesce(pl.col(name).cast(moment) for name in times)).to_series()


@cache
def _own(table: str) -> list[Column]:
    """The columns of a table that are read from files."""
    return [column for column in TABLES[table].columns if column not in LINEAGE]


def _same(name: str, text: str, table: Table) -> pl.Expr:
    """A column in which every row says ``text``."""
    return pl.lit(text, pl.Enum([text]) if name in table.repeats else pl.String).alias(name)


@cache
def _unknown(name: str, dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    """A column of which nothing is known."""
    return pl.lit(None, dtype).alias(name)


def _load_id(source: str, extract: Extract) -> str:
    text = "\0".join((source, extract.table, extract.path, extract.sha256))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _with_raw(frame: pl.DataFrame, table: Table, have: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Keep the original of an enum where the table has a column for it and the file does not fill it."""
    names = {column.name for column in table.columns}
    raws = [
        (pl.col(c.name) if isinstance(have[c.name], pl.Enum) else pl.col(c.name).cast(pl.String)).alias(f"{c.name}_raw")
        for c in table.columns
        if f"{c.name}_raw" in names and c.name in have and f"{c.name}_raw" not in have
    ]
    return frame.with_columns(raws) if raws else frame


Told = tuple[pl.Series, pl.Series | None]
"""The values of a column, and why one of them is refused (null: it is not); None where none is."""


def _read(
    frame: pl.DataFrame, columns: Sequence[Column], time_zone: str | None, by_number: Collection[str]
) -> dict[str, Told]:
    """Per column its values and why one is refused; of a column that is a list of words and of numbers that stand for them (Enum),
    each word is read once, and it stays one where it is one of ``by_number``."""
    schema = frame.schema
    coded = [c for c in columns if isinstance(schema[c.name], pl.Enum)]
    read = _each(frame, [c for c in columns if c not in coded], time_zone)
    for column in coded:
        numbers, words = numbered(frame[column.name])
        value, refused = _each(words.to_frame(), [column], time_zone)[column.name]
        stays = column.name in by_number and value.dtype == pl.String
        told = enum(numbers, value) if stays else at(value, numbers)
        read[column.name] = told, None if refused is None else at(refused, numbers)
    return read


def _each(frame: pl.DataFrame, columns: Sequence[Column], time_zone: str | None) -> dict[str, Told]:
    """The same of what stands in each row: first as it usually is, all columns at once, and what is more than that once more."""
    schema = frame.schema
    parsed = {c.name: parse(c, schema[c.name], time_zone) for c in columns}
    # Not select, which would make one row of columns that are all of nothing.
    first = frame.with_columns(_first(one).alias(name) for name, one in parsed.items())
    nothing = [column.null_count() for column in (frame[name] for name in parsed)]
    unusual = {
        name: one for (name, one), nulls in zip(parsed.items(), nothing, strict=True)
        if one.usual is not None and first[name].null_count() > nulls
    }  # fmt: skip
    if unusual:
        again = frame.with_columns(
            (one.value if one.told is None else one.told).alias(name) for name, one in unusual.items()
        )
    read: dict[str, Told] = {}
    for (name, one), nulls in zip(parsed.items(), nothing, strict=True):
        value, refused = (again if name in unusual else first)[name], None
        if one.told is not None and (name in unusual or one.usual is None):
            value, refused = (part.alias(name) for part in value.struct.unnest())
        elif value.null_count() > nulls:  # only what is there is refused
            refused = frame.with_columns(one.reason.alias(name))[name]
        read[name] = value, refused if refused is not None and refused.count() else None
    return read


def _first(one: Parsed) -> pl.Expr:
    """The least work that nearly always is enough."""
    if one.usual is not None:
        return one.usual
    return one.value if one.told is None else one.told


def _reason(column: Column, value: pl.Series, refused: pl.Series | None) -> pl.Series | None:
    """Why some cells of a column cannot be used; null where all can."""
    if not column.nullable and value.null_count():
        missing = (
            f"is not one of {', '.join(column.values)}" if column.kind is Kind.ENUM else "is empty and must be known"
        )
        found = pl.when(value.is_null()).then(pl.lit(missing))
        return pl.select(found if refused is None else pl.coalesce(refused, found)).to_series().alias(column.name)
    return refused


def _set_aside(cast: pl.DataFrame, frame: pl.DataFrame, reasons: pl.DataFrame, table: Table, path: str) -> pl.DataFrame:
    """One row per row set aside, all its reasons together, in file order."""
    names = reasons.columns
    found = frame.select(
        (pl.col(n).cast(pl.String) if not frame.schema[n].is_nested() else pl.lit("…")).alias(_FOUND + n) for n in names
    )
    told = cast.select("source", "load_id", "source_row")
    joined = pl.concat([told, found, reasons], how="horizontal")

    def of_each(part: Callable[[str], pl.Expr]) -> pl.Expr:
        parts = (pl.when(pl.col(name).is_not_null()).then(part(name)) for name in names)
        return pl.concat_str(*parts, separator="; ", ignore_nulls=True)

    return joined.select(
        pl.lit(table.name).alias("table"),
        pl.lit(path).alias("file"),
        pl.col("source_row").alias("row"),
        of_each(pl.lit).alias("column"),
        of_each(lambda name: pl.lit(f"{name} ") + pl.col(name)).alias("reason"),
        of_each(lambda name: pl.col(_FOUND + name).fill_null("")).alias("found"),
        pl.col("source", "load_id").cast(pl.String),
    )


def _reason_counts(rejected: pl.DataFrame) -> dict[str, int]:
    return dict(rejected.group_by("reason").len().sort("reason").iter_rows()) if rejected.height else {}


_STRANGE = {Kind.ENUM: "a word we do not know", Kind.ZONE: "what is no time zone"}


def _unknown_words(frame: pl.DataFrame, cast: pl.DataFrame, present: list[Column]) -> tuple[str, ...]:
    """One sentence per column of listed words that holds others, or of zones that holds what is none: which, how often."""
    listed = [
        column for column in present
        if column.kind in _STRANGE and column.nullable and cast[column.name].null_count() > frame[column.name].null_count()
    ]  # fmt: skip
    sentences = []
    for column in listed:
        word = pl.col(column.name).cast(pl.String).str.strip_chars()
        found = (
            frame.filter((word != "") & cast[column.name].is_null()).select(word.alias("word"))
            .group_by("word").len().sort("len", "word", descending=[True, False])
        )  # fmt: skip
        if found.is_empty():
            continue
        shown = ", ".join(f"{w!r} ({n})" for w, n in found.head(5).iter_rows())
        sentences.append(
            f"{column.name}: {found['len'].sum()} row(s) with {_STRANGE[column.kind]}, taken as not known: {shown}"
        )
    return tuple(sentences)
