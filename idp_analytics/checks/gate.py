"""The one gate: runs every expectation, sets aside the rows that fail a critical one, and counts all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from idp_analytics.checks import polars_gate
from idp_analytics.checks.kwargs import KWARGS
from idp_analytics.checks.suite import DECLARED, Expectation, Outcome, read
from idp_analytics.errors import GateError, SettingsError
from idp_analytics.paths import resource
from idp_analytics.tables import Table
from idp_analytics.tables.conform import REJECTED
from idp_analytics.tables.numbered import as_text

RESULTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "table": pl.String,
    "expectation": pl.String,
    "column": pl.String,
    "says": pl.String,
    "severity": pl.String,
    "success": pl.Boolean,
    "element_count": pl.Int64,
    "unexpected_count": pl.Int64,
    "unexpected_share": pl.Float64,
    "why": pl.String,
    "executor": pl.String,
}
"""One row per expectation. ``column``: those it is about, null for the whole table. ``says``: the fact in words.
``element_count``: rows of the table. ``unexpected_count`` (null where the table as a whole is judged): rows that fail.
``unexpected_share``: 0–1 of the rows it applies to, null when there are none. ``executor``: polars or
great-expectations."""


@dataclass(frozen=True)
class Gated:
    """The tables past the gate: good rows only, the rows set aside (``REJECTED``) and how it went (:data:`RESULTS`)."""

    tables: Mapping[str, pl.DataFrame]
    rejected: pl.DataFrame
    results: pl.DataFrame


def check(
    tables: Mapping[str, pl.DataFrame],
    gate: Literal["fast", "gx"] = "fast",
    folder: Path | None = None,
    declared: Mapping[str, Table] = DECLARED,
) -> Gated:
    """Hold every table against its suite in ``folder`` (default: the kit's own ``expectations``).

    ``fast`` runs what it can in Polars and only the rest in great-expectations; ``gx`` runs all of it there. Both give
    the same results. A row that fails a critical expectation which is not met (``mostly`` may allow a few) is set
    aside once, with all its reasons. Of rows that must be unique, great-expectations counts every member as
    unexpected, and so do we; but the first that is good otherwise is kept, and only the others are set aside.

    Law: rows in = rows kept + rows set aside, per table. A table not in ``declared`` passes as it is.

    Raises :class:`SettingsError` listing everything wrong with the suites, :class:`GateError` when a table has not
    its declared columns and types, or great-expectations cannot run. A table that fails as a whole does not raise
    here: the caller asks :func:`closing`.
    """
    where = folder or resource("expectations")
    suites, problems = read(where, declared)
    if problems:
        foreign = [e for suite in suites.values() for e in suite if e.type not in KWARGS]
        raise SettingsError.listing(str(where), problems + (_great({}, foreign)[1] if foreign else []))
    _stop_if_unfit(tables, declared)
    expectations = [e for name in declared if name in tables for e in suites[name]]
    outcomes = _outcomes(tables, expectations, gate, str(where))

    kept, rejected = dict(tables), [pl.DataFrame(schema=REJECTED)]
    for name in declared:
        failed = [
            (e, o.rows)
            for e, o in zip(expectations, outcomes, strict=True)
            if e.table == name and e.severity == "critical" and not o.success and o.rows is not None
        ]
        if failed:
            kept[name], gone = _set_aside(tables[name], failed)
            rejected.append(gone)
    return Gated(kept, pl.concat(rejected), _results(expectations, outcomes))


def closing(results: pl.DataFrame) -> pl.DataFrame:
    """The results that close the gate: critical, not met, and about the table as a whole, so that no row can be set
    aside instead. Same columns as :data:`RESULTS`; empty when something may be published.
    """
    return results.filter(
        ~pl.col("success") & (pl.col("severity") == "critical") & pl.col("unexpected_count").is_null()
    )


def _stop_if_unfit(tables: Mapping[str, pl.DataFrame], declared: Mapping[str, Table]) -> None:
    """Columns and types are the door's work (``conform``); a suite on other columns would say nothing. Text may be held by number."""
    unfit = [
        f"  - {name}.{column}: declared {wanted}, found {tables[name].schema.get(column, 'no such column')}"
        for name in declared
        if name in tables
        for column, wanted in declared[name].schema.items()
        if (found := tables[name].schema.get(column)) != wanted
        and not (wanted == pl.String and isinstance(found, pl.Enum))
    ]
    if unfit:
        raise GateError("Tables reached the gate without their declared columns and types:\n" + "\n".join(unfit))


def _outcomes(
    tables: Mapping[str, pl.DataFrame], expectations: Sequence[Expectation], gate: str, where: str
) -> list[Outcome]:
    """One outcome per expectation, in the same order."""
    found: dict[int, Outcome | None] = {}
    mine: dict[str, list[int]] = {}
    for n, e in enumerate(expectations):
        if gate == "fast" and polars_gate.supports(e, tables[e.table].schema):
            mine.setdefault(e.table, []).append(n)
    for name, numbers in mine.items():
        found.update(zip(numbers, polars_gate.run(tables[name], [expectations[n] for n in numbers]), strict=True))
    rest = [n for n in range(len(expectations)) if n not in found]
    if rest:
        asked = {expectations[n].table for n in rest}
        theirs, refused = _great({name: as_text(tables[name]) for name in asked}, [expectations[n] for n in rest])
        if refused:
            raise SettingsError.listing(where, refused)
        found.update(zip(rest, theirs, strict=True))
    return [outcome for n in range(len(expectations)) if (outcome := found[n]) is not None]


def _great(
    tables: Mapping[str, pl.DataFrame], expectations: Sequence[Expectation]
) -> tuple[list[Outcome | None], list[str]]:
    from idp_analytics.checks import gx_gate  # only when it is needed; it is run as a module of its own

    return gx_gate.run(tables, expectations)


def _results(expectations: Sequence[Expectation], outcomes: Sequence[Outcome]) -> pl.DataFrame:
    rows = [
        (
            e.table, e.type, ", ".join(e.columns) or None, e.says, e.severity, o.success, o.element_count,
            o.unexpected_count, o.unexpected_share, e.why, o.executor,
        )
        for e, o in zip(expectations, outcomes, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=RESULTS, orient="row")


# --- rows set aside --------------------------------------------------------------------------------------------------


def _set_aside(
    frame: pl.DataFrame, failed: Sequence[tuple[Expectation, pl.Series]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows kept, and the others as ``REJECTED``; ``failed``: each expectation and the positions that fail it."""
    flags: list[pl.Series] = []
    bad = _flag(frame.height, pl.Series([], dtype=pl.UInt32))
    ordered = sorted(failed, key=lambda pair: pair[0].is_unique)
    for e, rows in ordered:
        flag = _flag(frame.height, rows)
        if e.is_unique:
            good = (flag & ~bad).arg_true()
            first = frame[good].select(pl.struct(e.columns).is_first_distinct()).to_series()
            flag &= ~_flag(frame.height, good.filter(first))
        flags.append(flag)
        bad |= flag
    told = [flag.filter(bad) for flag in flags]
    return frame.filter(~bad), _rejected(frame.filter(bad), [e for e, _ in ordered], told)


def _flag(height: int, rows: pl.Series) -> pl.Series:
    return pl.Series([False]).new_from_index(0, height).scatter(rows, True)


def _rejected(rows: pl.DataFrame, expectations: Sequence[Expectation], flags: Sequence[pl.Series]) -> pl.DataFrame:
    """One row per row set aside: what it fails, with the values found. ``file`` is left to whoever knows the loads."""
    pairs = list(zip(expectations, flags, strict=True))

    def joined(part: Callable[[Expectation], pl.Expr]) -> pl.Expr:
        return pl.concat_str([pl.when(flag).then(part(e)) for e, flag in pairs], separator="; ", ignore_nulls=True)

    return rows.select(
        pl.lit(expectations[0].table).alias("table"),
        pl.lit(None, pl.String).alias("file"),
        pl.col("source_row").alias("row"),
        joined(lambda e: pl.lit(", ".join(e.columns))).alias("column"),
        joined(lambda e: pl.lit(e.says)).alias("reason"),
        joined(lambda e: pl.concat_str([_text(c, rows.schema[c]) for c in e.columns], separator=", ")).alias("found"),
        pl.col("source", "load_id").cast(pl.String),
    )


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column's values as a person writes them; empty where nothing is known."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        text = column.dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")
    elif isinstance(dtype, pl.Decimal):
        text = column.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    elif isinstance(dtype, pl.List):
        text = column.cast(pl.List(pl.String)).list.join("; ")
    else:
        text = column.cast(pl.String)
    return text.fill_null("")
