"""The door every row passes: right columns, right types, UTC; what does not fit is set aside with a reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.tables import LINEAGE, TABLES, empty
from idp_analytics.tables.declare import Column, Extract, Kind, Table
from idp_analytics.tables.parse import parse

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
_REASON = "_reason_"


@dataclass(frozen=True)
class Conformed:
    """One extract past the door: the good ``rows``, the ``rejected`` (:data:`REJECTED`) and the one-row ``load``."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    load: pl.DataFrame


def conform(extract: Extract, source: str, time_zone: str | None = None) -> Conformed:
    """Cast an extract to its table's columns and set aside each row that cannot be.

    A row is set aside when a value is not of its column's kind, when a column that must be known is empty, or when a
    time has no zone and none is declared. A word outside an enum becomes null (kept in ``<column>_raw`` where the
    table has one) and is counted in the load's warnings, as is a time zone that does not exist: an unknown word is no
    reason to lose a row, unless the column must be known. Raises :class:`SourceError` when a column of the key is not there at all.

    Law: rows read (``load.rows_in``) = rows kept + rows set aside or left out (``load.dropped``).
    """
    table = TABLES[extract.table]
    if table.name == "loads":
        raise SourceError(f"{extract.path}: table 'loads' is written by the kit itself and cannot be read from a file.")
    own = [column for column in table.columns if column not in LINEAGE]
    have = dict(extract.frame.schema)
    missing = [c.name for c in own if not c.nullable and c.name not in have]
    if missing and extract.frame.height:
        raise SourceError.missing_columns(extract.path, table.name, missing, [n for n in have if n != ROW])

    load_id = _load_id(source, extract)
    present = [c for c in own if c.name in have]
    frame = _with_raw(extract.frame, table, have)
    parsed = {c.name: parse(c, have[c.name], time_zone) for c in present}
    reasons = [_reason(c, parsed[c.name].value, parsed[c.name].reason).alias(_REASON + c.name) for c in present]
    cast = frame.select(
        *(
            (parsed[c.name].value if c.name in parsed else pl.col(c.name) if c.name in frame.columns else pl.lit(None))
            .cast(c.dtype)
            .alias(c.name)
            for c in own
        ),
        pl.lit(source).alias("source"),
        pl.lit(load_id).alias("load_id"),
        (pl.col(ROW).cast(pl.Int64) if ROW in have else pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).alias("source_row"),
        *reasons,
    ) if frame.height else empty(table.name)  # fmt: skip

    flags = [name for name in cast.columns if name.startswith(_REASON)]
    bad = pl.any_horizontal(pl.col(flags).is_not_null()) if flags else pl.lit(False)
    rows = cast.filter(~bad).select(list(table.schema)) if flags else cast
    rejected = _set_aside(cast, frame, flags, table, extract.path)
    dropped = Counter(dict(extract.dropped))
    dropped.update(_reason_counts(rejected))
    load = load_row(
        extract, source, load_id,
        rows=rows, rows_in=extract.frame.height + sum(extract.dropped.values()), dropped=dropped,
        warnings=(*extract.warnings, *_unknown_words(frame, present, have)),
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
    when = (
        rows.select(pl.coalesce(pl.col(c).cast(pl.Datetime("us", "UTC")) for c in times).alias("at")) if times else None
    )
    return pl.DataFrame(
        {
            "load_id": [load_id],
            "source": [source],
            "table": [extract.table],
            "path": [extract.path],
            "sha256": [extract.sha256],
            "as_of": [extract.as_of],
            "period_from": [when["at"].min() if when is not None else None],
            "period_to": [when["at"].max() if when is not None else None],
            "rows_in": [rows_in],
            "rows_out": [rows.height],
            "dropped": [json.dumps({k: v for k, v in sorted(dropped.items()) if v})],
            "truncated": [extract.truncated],
            "warnings": [list(warnings)],
        },
        schema=TABLES["loads"].schema,
    )


def _load_id(source: str, extract: Extract) -> str:
    text = "\0".join((source, extract.table, extract.path, extract.sha256))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _with_raw(frame: pl.DataFrame, table: Table, have: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Keep the original of an enum where the table has a column for it and the file does not fill it."""
    names = {column.name for column in table.columns}
    raws = [
        pl.col(c.name).cast(pl.String).alias(f"{c.name}_raw")
        for c in table.columns
        if f"{c.name}_raw" in names and c.name in have and f"{c.name}_raw" not in have
    ]
    return frame.with_columns(raws)


def _reason(column: Column, value: pl.Expr, refused: pl.Expr) -> pl.Expr:
    if column.nullable:
        return refused
    missing = f"is not one of {', '.join(column.values)}" if column.kind is Kind.ENUM else "is empty and must be known"
    return pl.coalesce(refused, pl.when(value.is_null()).then(pl.lit(missing)))


def _set_aside(cast: pl.DataFrame, frame: pl.DataFrame, flags: list[str], table: Table, path: str) -> pl.DataFrame:
    """One row per row set aside, all its reasons together, in file order."""
    if not flags or not (bad := cast.select(pl.any_horizontal(pl.col(flags).is_not_null())).to_series()).any():
        return pl.DataFrame(schema=REJECTED)
    names = [flag.removeprefix(_REASON) for flag in flags]
    found = frame.filter(bad).select(
        (pl.col(n).cast(pl.String) if not frame.schema[n].is_nested() else pl.lit("…")).alias(n) for n in names
    )
    told = cast.filter(bad).select("source", "load_id", "source_row", *flags)
    joined = pl.concat([told, found], how="horizontal")
    return joined.select(
        pl.lit(table.name).alias("table"),
        pl.lit(path).alias("file"),
        pl.col("source_row").alias("row"),
        _joined(pl.when(pl.col(f).is_not_null()).then(pl.lit(n)) for f, n in zip(flags, names, strict=True)).alias("column"),
        _joined(pl.when(pl.col(f).is_not_null()).then(pl.lit(f"{n} ") + pl.col(f)) for f, n in zip(flags, names, strict=True)).alias("reason"),
        _joined(pl.when(pl.col(f).is_not_null()).then(pl.col(n).fill_null("")) for f, n in zip(flags, names, strict=True)).alias("found"),
        "source",
        "load_id",
    )  # fmt: skip


def _joined(parts: object) -> pl.Expr:
    return pl.concat_str(*parts, separator="; ", ignore_nulls=True)  # type: ignore[misc]


def _reason_counts(rejected: pl.DataFrame) -> dict[str, int]:
    return dict(rejected.group_by("reason").len().sort("reason").iter_rows())


_STRANGE = {Kind.ENUM: "a word we do not know", Kind.ZONE: "what is no time zone"}


def _unknown_words(frame: pl.DataFrame, present: list[Column], have: Mapping[str, pl.DataType]) -> tuple[str, ...]:
    """One sentence per column of listed words that holds others, or of zones that holds what is none: which, how often."""
    sentences = []
    for column in present:
        if column.kind not in (Kind.ENUM, Kind.ZONE) or not column.nullable or have[column.name] == pl.Null:
            continue
        word = pl.col(column.name).cast(pl.String).str.strip_chars()
        value = parse(column, have[column.name], None).value
        unknown = (
            frame.select(word.alias("word"), value.is_null().alias("unknown"))
            .filter((pl.col("word") != "") & pl.col("unknown"))
            .group_by("word").len().sort("len", "word", descending=[True, False])
        )  # fmt: skip
        if unknown.height:
            shown = ", ".join(f"{w!r} ({n})" for w, n in unknown.head(5).iter_rows())
            sentences.append(
                f"{column.name}: {unknown['len'].sum()} row(s) with {_STRANGE[column.kind]}, taken as not known: {shown}"
            )
    return tuple(sentences)
