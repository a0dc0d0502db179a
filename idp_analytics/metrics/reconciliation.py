"""Why another tool says something else: from our number to theirs, one choice at a time, with the rows each choice moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, get_type_hints

import polars as pl

from idp_analytics.estimates.adding import added
from idp_analytics.metrics.cells import EVERY, Spans, lengths, of_spans
from idp_analytics.metrics.grid import entities
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.answered import periods_of
from idp_analytics.metrics.presets.definition import Counted, Definition, Link, Measure
from idp_analytics.metrics.presets.deployments import LABELLED, labelled
from idp_analytics.metrics.presets.evaluate import asks, cell_values, collected, known, of_scope
from idp_analytics.metrics.presets.ours import IDP
from idp_analytics.metrics.presets.tools import (
    DATADOG,
    DEVLAKE_2021,
    DEVLAKE_2023,
    FOUR_KEYS,
    METRIK,
    MIDDLEWARE,
    RATIO,
)
from idp_analytics.metrics.presets.windows import calendar_windows
from idp_analytics.metrics.remembered import Shared
from idp_analytics.settings import Settings

RECONCILED: tuple[Definition, ...] = (DEVLAKE_2023, DEVLAKE_2021, FOUR_KEYS, MIDDLEWARE, METRIK, DATADOG, RATIO)
"""The definitions a report compares ours with."""

RECENT = {"1mo": 3, "1q": 2, "1w": 4}
"""How many of the latest periods of each length the study covers; :func:`reconciled` takes any."""

EXAMPLES = 5
"""How many ids of moved rows are named."""

_METRICS = ("deployment_frequency", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time")
_SKIPPED = {"metric", "unit", "detail", "tables", "tiers", "min_n"}
_FIRST = ("linked",)
_LAST = ("aggregation", "scale", "empty_is_zero", "decimals")
_CELL = ["entity_id", "every", "period"]
_ROW = [*_CELL, "source_table", "source_key"]
_SOURCE = ["source_table", "source_key"]
_OWN = ["every", "period", *_SOURCE, "team_id", "service_id"]
_COUNTS = ("n", "k", "x", "ended")
_PRINT = ("_print", "_print_too")
_MOVED = {
    "scope": pl.String,
    **dict.fromkeys(_CELL, pl.String),
    "rows_count": pl.Int64,
    "source_table": pl.String,
    "example_ids": pl.String,
}
_OWNER = "who owns what happened"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "metric": pl.String,
    "definition": pl.String,
    "step": pl.Int64,  # 0: the whole; then each choice in the order it is changed
    "reason": pl.String,  # which choice; null for the whole
    "ours_is": pl.String,  # our choice
    "theirs_is": pl.String,
    "ours": pl.Float64,  # of the whole: our number; of a step: before the choice is changed
    "value": pl.Float64,  # of the whole: theirs; of a step: after
    "unit": pl.String,  # of ours
    "their_unit": pl.String,
    "n_ours": pl.Int64,
    "n": pl.Int64,
    "k_ours": pl.Int64,
    "k": pl.Int64,
    "rows_count": pl.Int64,  # rows that count differently for this choice
    "source_table": pl.String,  # where they are; several: the first by name
    "example_ids": pl.String,  # the first few by id
}
"""The columns of the study."""

_OF_COLUMNS = [pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()]

Point = tuple[Measure, str]
"""A measure, and the ownership it is counted with."""


@dataclass(frozen=True)
class Step:
    """One choice changed: what it is, ours and theirs in words, and the measure before and after."""

    reason: str
    ours_is: str
    theirs_is: str
    before: Point
    after: Point


def reconciliation(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """:func:`reconciled` for the organisation and its teams, in ``spans``; where none are given, in the latest months and quarters (:data:`RECENT`)."""
    return reconciled(tables, settings, as_of, spans=spans)


def reconciled(
    tables: Tables, settings: Settings, as_of: datetime, definitions: Sequence[Definition] = RECONCILED,
    scopes: Sequence[str] = ("org", "team"), every: Sequence[str] = EVERY, recent: int | None = None, spans: Spans | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Every number of ours beside that of each definition, and why they differ.

    Starting from our definition, one choice after the other is replaced by theirs (in the order of :class:`Counted`,
    :class:`Link` and the measure's own fields) and the number is computed again. So the steps add up to the whole
    difference: the first starts at our number, each next where the last ended, the last ends at theirs. How much falls to
    one choice depends on the order where choices work together; that they add up does not. A step says how many deployments,
    incidents or changes count differently before and after it, and names some; a step without rows changes how the same rows
    become a number (median, rounding). Steps that change nothing in a period are left out.

    One row per entity, period, metric and definition with ``step`` 0, and one per step, columns :data:`COLUMNS`. Only numbers
    a definition gives first for a metric, over periods that ours covers. ``recent``: so many latest periods of each length; ``spans``: those instead.
    """
    wanted = {m.metric: m for m in IDP.measures if m.metric in _METRICS}
    pairs = [
        (d, wanted[m.metric], m) for d in definitions for m in d.measures if m.detail is None and m.metric in wanted
    ]
    grids = periods_of(list(wanted.values()), tables, settings, as_of, every if spans is None else lengths(spans))
    people = entities(tables, scopes)
    seen = _seen(tables, as_of, {"event", *(d.ownership for d, _, _ in pairs)})
    parts = [pl.DataFrame(schema=COLUMNS)]
    for name, ours in wanted.items():
        grid = grids[ours.tables, name].filter("is_measured", of_spans(spans))
        if spans is None:
            latest = [part.tail(recent or RECENT[part["every"][0]]) for part in grid.partition_by("every")]
            grid = pl.concat(latest or [grid])
        if grid.is_empty():
            continue
        paths = [
            (d, theirs, tuple(steps(ours, theirs, d.ownership))) for d, mine, theirs in pairs if mine.metric == name
        ]
        cells = _Cells(seen, settings, calendar_windows(grid), people, scopes)
        starts = grid.lazy().select("every", "period", "period_start")
        for at, (definition, theirs, path) in enumerate(paths):
            cells.work_out(_points(path))
            told = cells.told(ours, definition, theirs, path)
            parts += pl.collect_all(part.join(starts, on=["every", "period"]).select(_OF_COLUMNS) for part in told)
            cells.keep({point for _, _, later in paths[at + 1 :] for point in _points(later)})
    return pl.concat(parts).sort("metric", "scope", "entity_id", "every", "period_start", "definition", "step")


def _seen(tables: Tables, as_of: datetime, ownerships: Iterable[str]) -> dict[str, Shared]:
    """Ownership → the tables as known at ``as_of``. What every measure would work out again is worked out once."""
    repairs = labelled(tables)
    seen = {ownership: {**known(tables, as_of, ownership), LABELLED: repairs} for ownership in ownerships}
    names = [(ownership, name) for ownership, found in seen.items() for name in found]
    frames = dict(zip(names, pl.collect_all(seen[o][name] for o, name in names), strict=True))
    of_ids = _ids(frames.values())
    told: dict[str, Shared] = {}
    for ownership in seen:
        told[ownership] = Shared(
            {
                name: frame.with_columns(
                    pl.col(c).cast(dtype) for c, dtype in of_ids.items() if c in frame.columns
                ).lazy()
                for (o, name), frame in frames.items()
                if o == ownership
            }
        )
    return told


def _ids(frames: Iterable[pl.DataFrame]) -> dict[str, pl.Enum]:
    """Every id that rows are sorted, joined and grouped by again and again → the Enum of all there are, in order: the same order as that of the
    texts, and numbers to work with."""
    held = list(frames)
    return {
        name: pl.Enum(pl.concat(f[name] for f in held if name in f.columns).drop_nulls().unique().sort())
        for name in ("deployment_id", "change_id", "service_id", "team_id")
    }


def steps(ours: Measure, theirs: Measure, ownership: str) -> Iterator[Step]:
    """The choices in which two measures differ, from ours to theirs. The fewest observations are set aside: from one on."""
    now: tuple[Measure, str] = (replace(ours, min_n=1), "event")
    if ownership != "event":
        then = (now[0], ownership)
        yield Step(_OWNER, "the owner on the day", "today's owner, for all of the past", now, then)
        now = then
    own = [f.name for f in fields(theirs) if f.name not in {*_SKIPPED, *_FIRST, *_LAST}]
    for name in (*(f for f in _FIRST if hasattr(theirs, f)), *own, *_LAST):
        for changed, why, mine, other in _changes(now[0], theirs, name):
            then = (changed, now[1])
            yield Step(why, _said(mine), _said(other), now, then)
            now = then


def _changes(now: Any, theirs: Measure, name: str) -> Iterator[tuple[Measure, str, Any, Any]]:
    mine, other = getattr(now, name), getattr(theirs, name)
    if mine == other:
        return
    if not isinstance(mine, Counted | Link) or not isinstance(other, Counted | Link):
        yield replace(now, **{name: other}), _why(type(theirs), name), mine, other
        return
    part: Any = mine
    for choice in fields(mine):
        before, after = getattr(mine, choice.name), getattr(other, choice.name)
        if before != after:
            part = replace(part, **{choice.name: after})
            now = replace(now, **{name: part})
            yield now, _why(type(mine), choice.name), before, after


def _why(kind: type, name: str) -> str:
    (why,) = get_type_hints(kind, include_extras=True)[name].__metadata__
    return str(why)


def _said(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"  # no limit, no rounding, no deployments of its own
        case tuple():
            return ", ".join(map(str, value)) or "any"
        case Enum():
            return str(value.value)
        case "rules":
            return "as the settings say"
        case "":
            return "exact"
        case Counted():
            left_out = [word for word in ("rollbacks", "redeploys", "resyncs") if not getattr(value, word)]
            return f"{' and '.join(left_out)} left out" if left_out else "all"
    return f"{value:g}" if isinstance(value, float) else str(value).removesuffix("_at").replace("_", " ")


class _Cells:
    """What each measure on the way counts, and its numbers, by (measure, ownership); each is worked out once and kept as long as it is asked for."""

    def __init__(
        self, seen: Mapping[str, Shared], settings: Settings, spans: pl.DataFrame, people: pl.DataFrame, scopes: Sequence[str]
    ) -> None:  # fmt: skip
        self._seen, self._settings, self._spans, self._people, self._scopes = seen, settings, spans, people, scopes
        self._rows: dict[Point, dict[str, pl.DataFrame]] = {}
        self._prints: dict[tuple[Point, str], pl.LazyFrame] = {}
        self._numbers: dict[Point, pl.DataFrame] = {}

    def work_out(self, points: Sequence[Point]) -> None:
        """Have the rows and numbers of ``points``."""
        level = self._settings.rules.level
        for ownership in dict.fromkeys(o for _, o in points):
            missing = list(
                dict.fromkeys(_counting(m) for m, o in points if o == ownership and _rows_of((m, o)) not in self._rows)
            )
            found = collected(missing, self._seen[ownership], self._settings, self._spans, self._scopes)
            self._rows.update({(m, ownership): by_scope for m, by_scope in zip(missing, found, strict=True)})
        for point in points:
            if point not in self._numbers:
                numbers = cell_values(point[0], self._rows[_rows_of(point)], self._people, self._spans, level)
                self._numbers[point] = numbers.select("scope", *_CELL, "value", "n", "k")  # fmt: skip

    def keep(self, points: set[Point]) -> None:
        """Forget all but ``points``."""
        rows = set(map(_rows_of, points))
        self._numbers = {point: numbers for point, numbers in self._numbers.items() if point in points}
        self._rows = {point: by_scope for point, by_scope in self._rows.items() if point in rows}
        self._prints = {key: prints for key, prints in self._prints.items() if key[0] in rows}

    def told(self, ours: Measure, definition: Definition, theirs: Measure, path: Sequence[Step]) -> Iterator[pl.LazyFrame]:  # fmt: skip
        """The whole and the steps of one metric under one definition, whose points are worked out."""
        first, last = path[0].before, path[-1].after
        enough = pl.when(pl.col("n_ours") >= ours.min_n).then("ours")
        whole = self._between(first, last).with_columns(enough.alias("ours"))
        somebody = (pl.col("n") > 0) | (pl.col("n_ours") > 0) | (pl.col("k").fill_null(0) > 0)
        nothing: dict[str, Any] = dict.fromkeys(
            ("reason", "ours_is", "theirs_is", "rows_count", "source_table", "example_ids")
        )
        whole = whole.filter(somebody).collect().lazy()
        kept = whole.select("scope", *_CELL)
        yield self._labelled(whole, ours, definition, theirs, 0).with_columns(
            pl.lit(None).alias(name) for name in nothing
        )
        for number, (step, moved) in enumerate(zip(path, self._moved(path), strict=True), 1):
            told = self._between(step.before, step.after).join(moved, on=["scope", *_CELL], how="left")
            differs = pl.col("rows_count").is_not_null() | pl.col("value").ne_missing(pl.col("ours"))
            told = told.filter(differs).join(kept, on=["scope", *_CELL], how="semi")
            yield self._labelled(told, ours, definition, theirs, number).with_columns(
                pl.lit(step.reason).alias("reason"), pl.lit(step.ours_is).alias("ours_is"),
                pl.lit(step.theirs_is).alias("theirs_is"), pl.col("rows_count").fill_null(0),
            )  # fmt: skip

    def _between(self, before: Point, after: Point) -> pl.LazyFrame:
        mine = self._numbers[before].lazy().rename({"value": "ours", "n": "n_ours", "k": "k_ours"})
        both = self._numbers[after].lazy().join(mine, on=["scope", *_CELL], how="full", coalesce=True)
        return both.with_columns(pl.col("n", "n_ours").fill_null(0))

    def _moved(self, path: Sequence[Step]) -> list[pl.LazyFrame]:
        """Of each step, per cell, how many rows count differently before and after, and the first of them."""
        asked = [
            (at, scopes)
            for at, step in enumerate(path)
            if _rows_of(step.before) != _rows_of(step.after)
            # Who is asked about matters to few measures; of all others rows are compared once for all scopes.
            for scopes in ([(s,) for s in self._scopes] if _by_scope(step) else [tuple(self._scopes)])
        ]
        suspects = pl.collect_all(self._suspects(path[at], scopes[0]) for at, scopes in asked)
        parts: list[list[pl.LazyFrame]] = [[pl.LazyFrame(schema=_MOVED)] for _ in path]
        for (at, scopes), suspect in zip(asked, suspects, strict=True):
            if suspect.is_empty():
                continue
            before, after = (
                self._rows[_rows_of(point)][scopes[0]].lazy().join(suspect.lazy(), on=suspect.columns, how="semi")
                for point in (path[at].before, path[at].after)
            )
            parts[at] += [_differences(of_scope(before, scope), of_scope(after, scope), scope) for scope in scopes]
        return [pl.concat(found) for found in parts]

    def _suspects(self, step: Step, scope: str) -> pl.LazyFrame:
        """``source_table``, ``source_key`` of all rows that are not the same before and after; most are."""
        sides = [
            self._printed(_rows_of(point), scope).with_columns(pl.lit(sign, pl.Int64).alias("_times"))
            for point, sign in ((step.before, 1), (step.after, -1))
        ]
        return (
            pl.concat(sides).group_by(_PRINT).agg(pl.col("_times").sum(), pl.col(_SOURCE).first())
            .filter(pl.col("_times") != 0).select(_SOURCE).unique()
        )  # fmt: skip

    def _printed(self, point: Point, scope: str) -> pl.LazyFrame:
        """A print of each row, 128 bits of what matters in it: two rows with one print are the same row, but for once in 10²⁵ comparisons."""
        key = point, scope
        if key not in self._prints:
            frame = self._rows[point][scope]
            whole = frame.select(*_OWN, *_COUNTS)
            prints = [whole.hash_rows(seed).alias(name) for seed, name in enumerate(_PRINT)]
            self._prints[key] = frame.select(*_SOURCE, *prints).lazy()
        return self._prints[key]

    @staticmethod
    def _labelled(
        frame: pl.LazyFrame, ours: Measure, definition: Definition, theirs: Measure, step: int
    ) -> pl.LazyFrame:
        return frame.with_columns(
            pl.lit(ours.metric).alias("metric"), pl.lit(definition.name).alias("definition"), pl.lit(step).alias("step"),
            pl.lit(ours.unit).alias("unit"), pl.lit(theirs.unit).alias("their_unit"),
        )  # fmt: skip


def _points(path: Sequence[Step]) -> tuple[Point, ...]:
    """Every measure on a path, with its ownership, in order."""
    return tuple(dict.fromkeys(point for step in path for point in (step.before, step.after)))


def _by_scope(step: Step) -> bool:
    return asks(step.before[0]) or asks(step.after[0])


def _differences(before: pl.LazyFrame, after: pl.LazyFrame, scope: str) -> pl.LazyFrame:
    """Per cell of ``scope``, how many rows add something else to it in the one than in the other, and the first of them (:data:`_MOVED`)."""
    both = _summed(before).join(_summed(after), on=_ROW, how="full", coalesce=True, nulls_equal=True, suffix="_after")
    differing = both.filter(pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_after")) for c in _COUNTS))
    ids = pl.col("source_key").unique().sort()
    return differing.group_by(_CELL).agg(
        ids.len().cast(pl.Int64).alias("rows_count"), pl.col("source_table").min(),
        ids.head(EXAMPLES).str.join(", ").alias("example_ids"), pl.lit(scope).first().alias("scope"),
    ).select(list(_MOVED))  # fmt: skip


def _summed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """What each row adds to its cell."""
    return rows.group_by(_ROW).agg(pl.col("n", "k").sum(), added(pl.col("x")).alias("x"), pl.col("ended").all())


def _rows_of(point: Point) -> Point:
    return _counting(point[0]), point[1]


def _counting(measure: Measure) -> Measure:
    """``measure`` reduced to what decides which rows count: how they become a number is set aside."""
    plain = IDP.measures[0]
    return replace(measure, **{name: getattr(plain, name) for name in _LAST}, unit="", tiers=())
