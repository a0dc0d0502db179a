"""Why another tool says something else: from our number to theirs, one choice at a time, with the rows each choice moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, get_type_hints

import polars as pl

from idp_analytics.estimates.adding import added
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
_OWN = ["every", "period", "source_table", "source_key", "team_id", "service_id"]
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


@dataclass(frozen=True)
class Step:
    """One choice changed: what it is, ours and theirs in words, and the measure before and after."""

    reason: str
    ours_is: str
    theirs_is: str
    before: tuple[Measure, str]
    after: tuple[Measure, str]


def reconciliation(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """:func:`reconciled` for the organisation and its teams, the latest months and quarters (:data:`RECENT`)."""
    return reconciled(tables, settings, as_of)


def reconciled(
    tables: Tables, settings: Settings, as_of: datetime, definitions: Sequence[Definition] = RECONCILED,
    scopes: Sequence[str] = ("org", "team"), every: Sequence[str] = ("1mo", "1q"), recent: int | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Every number of ours beside that of each definition, and why they differ.

    Starting from our definition, one choice after the other is replaced by theirs (in the order of :class:`Counted`,
    :class:`Link` and the measure's own fields) and the number is computed again. So the steps add up to the whole
    difference: the first starts at our number, each next where the last ended, the last ends at theirs. How much falls to
    one choice depends on the order where choices work together; that they add up does not. A step says how many deployments,
    incidents or changes count differently before and after it, and names some; a step without rows changes how the same rows
    become a number (median, rounding). Steps that change nothing in a period are left out.

    One row per entity, period, metric and definition with ``step`` 0, and one per step, columns :data:`COLUMNS`. Only numbers
    a definition gives first for a metric, over periods that ours covers. ``recent``: so many latest periods of each length.
    """
    wanted = {m.metric: m for m in IDP.measures if m.metric in _METRICS}
    pairs = [
        (d, wanted[m.metric], m) for d in definitions for m in d.measures if m.detail is None and m.metric in wanted
    ]
    grids = periods_of(list(wanted.values()), tables, settings, as_of, every)
    people = entities(tables, scopes)
    seen = _seen(tables, as_of, {"event", *(d.ownership for d, _, _ in pairs)})
    parts = [pl.DataFrame(schema=COLUMNS)]
    for name, ours in wanted.items():
        grid = grids[ours.tables, name].filter("is_measured")
        grid = pl.concat(
            [part.tail(recent or RECENT[part["every"][0]]) for part in grid.partition_by("every")] or [grid]
        )
        if grid.is_empty():
            continue
        paths = [
            (d, theirs, tuple(steps(ours, theirs, d.ownership))) for d, mine, theirs in pairs if mine.metric == name
        ]
        cells = _Cells.of(paths, seen, settings, calendar_windows(grid), people, scopes)
        starts = grid.select("every", "period", "period_start")
        parts += [
            part.join(starts, on=["every", "period"]) for d, t, path in paths for part in cells.told(ours, d, t, path)
        ]
    frame = pl.concat(part.select(pl.col(n).cast(t) for n, t in COLUMNS.items()) for part in parts)
    return frame.sort("metric", "scope", "entity_id", "every", "period_start", "definition", "step")


def _seen(tables: Tables, as_of: datetime, ownerships: Iterable[str]) -> dict[str, Tables]:
    """Ownership → the tables as known at ``as_of``. What every measure would work out again is worked out once."""
    repairs = labelled(tables).collect().lazy()
    return {ownership: {**known(tables, as_of, ownership), LABELLED: repairs} for ownership in ownerships}


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


@dataclass(frozen=True)
class _Cells:
    """What each measure on the way counts, and its numbers, by (measure, ownership) and scope; each is computed once."""

    rows: dict[tuple[Measure, str], dict[str, pl.DataFrame]]
    numbers: dict[tuple[Measure, str], pl.DataFrame]
    sums: dict[tuple[Measure, str, str], pl.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(
        cls, paths: Sequence[tuple[Definition, Measure, tuple[Step, ...]]], seen: Mapping[str, Tables], settings: Settings,
        spans: pl.DataFrame, people: pl.DataFrame, scopes: Sequence[str],
    ) -> _Cells:  # fmt: skip
        rows, numbers = {}, {}
        points = dict.fromkeys(point for _, _, path in paths for step in path for point in (step.before, step.after))
        for ownership in dict.fromkeys(o for _, o in points):
            measures = [m for m, o in points if o == ownership]
            counted = _distinct(measures)
            found = dict(
                zip(counted, collected(list(counted.values()), seen[ownership], settings, spans, scopes), strict=True)
            )
            for measure in measures:
                point = measure, ownership
                rows[point] = found[_counting(measure)]
                numbers[point] = pl.concat(
                    cell_values(measure, of_scope(frame, scope), people, spans, scope, settings.rules.level)
                    for scope, frame in rows[point].items()
                ).select("scope", *_CELL, "value", "n", "k")
        return cls(rows, numbers)

    def told(
        self, ours: Measure, definition: Definition, theirs: Measure, path: Sequence[Step]
    ) -> Iterator[pl.DataFrame]:
        """The whole and the steps of one metric under one definition."""
        first, last = path[0].before, path[-1].after
        enough = pl.when(pl.col("n_ours") >= ours.min_n).then("ours")
        whole = self._between(first, last).with_columns(enough.alias("ours"))
        somebody = (pl.col("n") > 0) | (pl.col("n_ours") > 0) | (pl.col("k").fill_null(0) > 0)
        nothing: dict[str, Any] = dict.fromkeys(
            ("reason", "ours_is", "theirs_is", "rows_count", "source_table", "example_ids")
        )
        whole = whole.filter(somebody)
        kept = whole.select("scope", *_CELL)
        yield self._labelled(whole, ours, definition, theirs, 0).with_columns(
            pl.lit(None).alias(name) for name in nothing
        )
        for number, step in enumerate(path, 1):
            moved = self._moved(step)
            told = self._between(step.before, step.after).join(moved, on=["scope", *_CELL], how="left")
            differs = pl.col("rows_count").is_not_null() | pl.col("value").ne_missing(pl.col("ours"))
            told = told.filter(differs).join(kept, on=["scope", *_CELL], how="semi")
            yield self._labelled(told, ours, definition, theirs, number).with_columns(
                pl.lit(step.reason).alias("reason"), pl.lit(step.ours_is).alias("ours_is"),
                pl.lit(step.theirs_is).alias("theirs_is"), pl.col("rows_count").fill_null(0),
            )  # fmt: skip

    def _between(self, before: tuple[Measure, str], after: tuple[Measure, str]) -> pl.DataFrame:
        mine = self.numbers[before].rename({"value": "ours", "n": "n_ours", "k": "k_ours"})
        both = self.numbers[after].join(mine, on=["scope", *_CELL], how="full", coalesce=True)
        return both.with_columns(pl.col("n", "n_ours").fill_null(0))

    def _suspects(self, step: Step, scope: str) -> pl.DataFrame:
        """``source_table``, ``source_key`` of what does not count the same for everybody before and after."""
        sides = []
        for measure, ownership in (step.before, step.after):
            key = _counting(measure), ownership, scope if asks(measure) else ""
            if key not in self.sums:  # steps that count the same rows share one frame
                self.sums[key] = _summed(self.rows[measure, ownership][scope], _OWN)
            sides.append(self.sums[key])
        before, after = sides
        return _differing(before, after, _OWN).select("source_table", "source_key").unique()

    def _moved(self, step: Step) -> pl.DataFrame:
        """Per cell, how many rows count differently before and after, and the first of them."""
        points, parts = (step.before, step.after), []
        by_scope = any(asks(measure) for measure, _ in points)
        suspects: pl.DataFrame | None = None
        for scope in self.rows[step.before]:
            if _counting(step.before[0]) == _counting(step.after[0]) and step.before[1] == step.after[1]:
                continue
            # Most rows do not move: they are told apart once, and only the others are added up for each scope.
            if suspects is None or by_scope:
                suspects = self._suspects(step, scope)
            before, after = (
                _summed(of_scope(self.rows[point][scope].join(suspects, on=suspects.columns, how="semi"), scope), _ROW)
                for point in points
            )
            ids = pl.col("source_key").unique().sort()
            parts.append(
                _differing(before, after, _ROW).group_by(_CELL).agg(
                    ids.len().cast(pl.Int64).alias("rows_count"), pl.col("source_table").min(),
                    ids.head(EXAMPLES).str.join(", ").alias("example_ids"), pl.lit(scope).first().alias("scope"),
                )
            )  # fmt: skip
        schema = {"scope": pl.String, **dict.fromkeys(_CELL, pl.String), "rows_count": pl.Int64, "source_table": pl.String,
                  "example_ids": pl.String}  # fmt: skip
        return pl.concat([pl.DataFrame(schema=schema), *(part.select(list(schema)) for part in parts)])

    @staticmethod
    def _labelled(
        frame: pl.DataFrame, ours: Measure, definition: Definition, theirs: Measure, step: int
    ) -> pl.DataFrame:
        return frame.with_columns(
            pl.lit(ours.metric).alias("metric"), pl.lit(definition.name).alias("definition"), pl.lit(step).alias("step"),
            pl.lit(ours.unit).alias("unit"), pl.lit(theirs.unit).alias("their_unit"),
        )  # fmt: skip


def _summed(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """What each row adds to its cell."""
    return rows.group_by(by).agg(pl.col("n", "k").sum(), added(pl.col("x")).alias("x"), pl.col("ended").all())


def _differing(before: pl.DataFrame, after: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Of two frames of :func:`_summed`, what is not the same in both."""
    both = before.join(after, on=by, how="full", coalesce=True, nulls_equal=True, suffix="_after")
    return both.filter(pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_after")) for c in ("n", "k", "x", "ended")))


def _counting(measure: Measure) -> Measure:
    """``measure`` reduced to what decides which rows count: how they become a number is set aside."""
    plain = IDP.measures[0]
    return replace(measure, **{name: getattr(plain, name) for name in _LAST}, unit="", tiers=())


def _distinct(measures: Sequence[Measure]) -> dict[Measure, Measure]:
    """The measures that count different rows, each once."""
    return {_counting(m): _counting(m) for m in measures}
