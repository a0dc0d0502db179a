"""Why another tool says something else: from our number to theirs, one choice at a time, with the rows each choice moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, get_type_hints

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.adding import added
from idp_analytics.metrics.cells import EVERY, Spans, lengths, of_spans
from idp_analytics.metrics.grid import entities
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.answered import periods_of
from idp_analytics.metrics.presets.coded import Coded
from idp_analytics.metrics.presets.definition import (
    Counted,
    Definition,
    FailRate,
    Frequency,
    IncidentTime,
    LeadTime,
    Link,
    Measure,
    Recovery,
    Rework,
)
from idp_analytics.metrics.presets.evaluate import asks, collected, of_scope, together, within_reach
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

TOGETHER = 2
"""How many definitions are worked out at once where there are few rows, since of a few periods: of all at once there were half as many rows again in memory, and it took as long."""

_METRICS = ("deployment_frequency", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time")
_SKIPPED = {"metric", "unit", "detail", "tables", "tiers", "min_n"}
_FIRST = ("linked",)
_LAST = ("aggregation", "scale", "empty_is_zero", "decimals")
_CELL = ["entity_id", "every", "period"]
_STEP = ["path", "step", "scope", *_CELL]
_ROW = [*_STEP, "source_table", "source_key"]
_SOURCE = ["source_table", "source_key"]
_OWN = ["every", "period", *_SOURCE, "team_id", "service_id"]
_COUNTS = ("n", "k", "x", "ended")
_MOVED: dict[str, pl.DataType | type[pl.DataType]] = {
    "path": pl.Int64,
    "step": pl.Int64,
    "scope": pl.String,
    "entity_id": pl.UInt32,
    "every": pl.String,
    "period": pl.String,
    "rows_count": pl.Int64,
    "source_table": pl.String,
    "example_ids": pl.List(pl.UInt32),
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

_TOLD = {**COLUMNS, "entity_id": pl.UInt32, "example_ids": pl.List(pl.UInt32)}
_OF_TOLD = [pl.col(name).cast(dtype) for name, dtype in _TOLD.items()]

_CHOICES: dict[type, dict[str, Any]] = {
    kind: get_type_hints(kind, include_extras=True)
    for kind in (Counted, Link, Frequency, FailRate, LeadTime, Recovery, Rework, IncidentTime)
}

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


_Path = tuple[Definition, Measure, Sequence[Step]]


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
    coded = Coded.of(tables, as_of, {"event", *(d.ownership for d, _, _ in pairs)}, people["entity_id"])
    parts = [pl.DataFrame(schema=_TOLD)]
    for name, ours in wanted.items():
        grid = grids[ours.tables, name].filter("is_measured", of_spans(spans))
        if spans is None:
            latest = [part.tail(recent or RECENT[part["every"][0]]) for part in grid.partition_by("every")]
            grid = pl.concat(latest or [grid])
        if grid.is_empty():
            continue
        paths = [
            (d, theirs, list(steps(ours, theirs, d.ownership))) for d, mine, theirs in pairs if mine.metric == name
        ]
        cells = _Cells(coded, settings, calendar_windows(grid), people, scopes)
        starts = grid.select("every", "period", "period_start")
        while paths:
            some = paths[: TOGETHER if spans is not None else 1]
            cells.work_out(_points(some))
            told = cells.told(ours, [path for _, _, path in some]).with_columns(
                pl.lit(ours.metric).alias("metric"), pl.lit(ours.unit).alias("unit")
            )
            names = pl.DataFrame(
                [(at, definition.name, theirs.unit) for at, (definition, theirs, _) in enumerate(some)],
                schema={"path": pl.Int64, "definition": pl.String, "their_unit": pl.String}, orient="row",
            )  # fmt: skip
            parts.append(told.join(names, on="path").join(starts, on=["every", "period"]).select(_OF_TOLD))
            del paths[: len(some)]
            cells.keep(set(_points(paths)))
    return _in_words(pl.concat(parts), coded).sort(
        "metric", "scope", "entity_id", "every", "period_start", "definition", "step"
    )


def _in_words(told: pl.DataFrame, coded: Coded) -> pl.DataFrame:
    """``told`` with ids instead of their numbers."""
    ids = told.select("example_ids").with_row_index("_row").drop_nulls().explode("example_ids")
    named = (
        ids.with_columns(coded.rows.gather(ids["example_ids"]).alias("example_ids"))
        .group_by("_row", maintain_order=True).agg(pl.col("example_ids").str.join(", "))
    )  # fmt: skip
    entities = coded.owners.gather(told["entity_id"]).alias("entity_id")
    words = told.drop("example_ids").with_columns(entities).with_row_index("_row")
    return words.join(named, on="_row", how="left").select(list(COLUMNS))


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
    (why,) = _CHOICES[kind][name].__metadata__
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
        self, coded: Coded, settings: Settings, spans: pl.DataFrame, people: pl.DataFrame, scopes: Sequence[str]
    ) -> None:  # fmt: skip
        self._coded, self._settings, self._spans, self._scopes = coded, settings, spans, scopes
        self._people = people.with_columns(coded.entity(people["entity_id"]).alias("entity_id"))
        self._org = pl.lit(coded.entity(pl.Series([ORG])).item(), pl.UInt32)
        self._near: dict[str, Shared] = {}
        self._rows: dict[Point, dict[str, pl.DataFrame]] = {}
        self._prints: dict[tuple[Point, str], pl.DataFrame] = {}
        self._numbers: dict[Point, pl.DataFrame] = {}

    def work_out(self, points: Sequence[Point]) -> None:
        """Have the rows and numbers of ``points``."""
        for ownership in dict.fromkeys(o for _, o in points):
            missing = list(
                dict.fromkeys(_counting(m) for m, o in points if o == ownership and _rows_of((m, o)) not in self._rows)
            )
            found = collected(
                missing, self._coded.seen[ownership], self._settings, self._spans, self._scopes, self._within_reach(missing, ownership)
            )  # fmt: skip
            self._rows.update({(m, ownership): by_scope for m, by_scope in zip(missing, found, strict=True)})
        new = [point for point in points if point not in self._numbers]
        if new:
            rows = [self._rows[_rows_of(point)] for point in new]
            numbers = together([m for m, _ in new], rows, self._people, self._spans, self._org)
            numbers = numbers.select("place", "scope", *_CELL, "value", "n", "k")
            by_place = numbers.partition_by("place", as_dict=True, include_key=False)
            nobody = numbers.drop("place").clear()
            self._numbers.update({point: by_place.get((place,), nobody) for place, point in enumerate(new)})

    def _within_reach(self, measures: Sequence[Measure], ownership: str) -> Shared:
        """The tables of ``ownership``; for lead times, of the changes in reach."""
        seen = self._coded.seen[ownership]
        if not any(isinstance(measure, LeadTime) for measure in measures):
            return seen
        if ownership not in self._near:
            self._near[ownership] = within_reach(seen, self._spans, self._settings.time_zone)
        return self._near[ownership]

    def keep(self, points: set[Point]) -> None:
        """Forget all but ``points``."""
        rows = set(map(_rows_of, points))
        self._numbers = {point: numbers for point, numbers in self._numbers.items() if point in points}
        self._rows = {point: by_scope for point, by_scope in self._rows.items() if point in rows}
        self._prints = {key: prints for key, prints in self._prints.items() if key[0] in rows}

    def told(self, ours: Measure, paths: Sequence[Sequence[Step]]) -> pl.DataFrame:
        """The whole and the steps of one metric under several definitions, whose points are worked out, with ``path``: which of ``paths`` they are on."""
        ends = [
            (place, at, *pair)
            for place, path in enumerate(paths)
            for at, pair in enumerate([(path[0].before, path[-1].after), *((step.before, step.after) for step in path)])
        ]
        mine, other = (
            pl.concat(
                self._numbers[pair[end]].with_columns(pl.lit(place, pl.Int64).alias("path"), pl.lit(at, pl.Int64).alias("step"))
                for place, at, *pair in ends
            )
            for end in (0, 1)
        )  # fmt: skip
        both = (
            other.lazy()
            .join(mine.lazy().rename({"value": "ours", "n": "n_ours", "k": "k_ours"}), on=_STEP, how="full", coalesce=True)
            .with_columns(pl.col("n", "n_ours").fill_null(0))
        )  # fmt: skip
        both = both.collect().lazy()
        enough = pl.when(pl.col("n_ours") >= ours.min_n).then("ours")
        somebody = (pl.col("n") > 0) | (pl.col("n_ours") > 0) | (pl.col("k").fill_null(0) > 0)
        whole = both.filter(pl.col("step") == 0, somebody).with_columns(enough.alias("ours"))
        differs = pl.col("rows_count").is_not_null() | pl.col("value").ne_missing(pl.col("ours"))
        words = pl.LazyFrame(
            [(place, at, step.reason, step.ours_is, step.theirs_is) for place, path in enumerate(paths) for at, step in enumerate(path, 1)],
            schema={"path": pl.Int64, "step": pl.Int64, **dict.fromkeys(("reason", "ours_is", "theirs_is"), pl.String)}, orient="row",
        )  # fmt: skip
        changed = (
            both.filter(pl.col("step") > 0).join(whole, on=["path", "scope", *_CELL], how="semi")
            .join(self._moved(paths).lazy(), on=_STEP, how="left").filter(differs)
            .with_columns(pl.col("rows_count").fill_null(0)).join(words, on=["path", "step"])
        )  # fmt: skip
        return pl.concat([whole, changed], how="diagonal").collect()

    def _moved(self, paths: Sequence[Sequence[Step]]) -> pl.DataFrame:
        """Of each step, per cell, how many rows count differently before and after, and the first of them."""
        asked = [
            (path, at, step, scopes)
            for path, steps in enumerate(paths)
            for at, step in enumerate(steps, 1)
            if _rows_of(step.before) != _rows_of(step.after)
            # Who is asked about matters to few measures; of all others rows are compared once for all scopes.
            for scopes in ([(s,) for s in self._scopes] if _by_scope(step) else [tuple(self._scopes)])
        ]
        if not asked:
            return pl.DataFrame(schema=_MOVED)
        suspects = self._suspects([(step, scopes[0]) for _, _, step, scopes in asked])
        sides = []
        for point in ("before", "after"):
            frames = []
            for place, (path, at, step, scopes) in enumerate(asked):
                if (place,) not in suspects:
                    continue
                rows = self._rows[_rows_of(getattr(step, point))][scopes[0]].lazy()
                rows = rows.select(*_OWN, *_COUNTS).join(suspects[place,].lazy(), on=_SOURCE, how="semi")
                rows = rows.with_columns(pl.lit(path, pl.Int64).alias("path"), pl.lit(at, pl.Int64).alias("step"))
                frames += [of_scope(rows, scope, self._org) for scope in scopes]
            sides.append(frames)
        if not sides[0]:
            return pl.DataFrame(schema=_MOVED)
        before, after = (pl.concat(frames) for frames in sides)
        return _differences(before, after).collect()

    def _suspects(self, steps: Sequence[tuple[Step, str]]) -> dict[tuple[int], pl.DataFrame]:
        """Of each step, ``source_table``, ``source_key`` of all rows that are not the same before and after; most are."""
        sides = [
            self._printed(_rows_of(point), scope).lazy().select(
                *_SOURCE, pl.col("_print").hash(place).alias("_print"), pl.lit(place, pl.Int64).alias("_place"),
                pl.lit(sign, pl.Int64).alias("_times"), (pl.col("_print_too") * sign).alias("_too"),
            )
            for place, (step, scope) in enumerate(steps)
            for point, sign in ((step.before, 1), (step.after, -1))
        ]  # fmt: skip
        rows = pl.concat(sides).collect().lazy()
        differ = (
            rows.group_by("_print")
            .agg(pl.col("_times", "_too").sum())
            .filter((pl.col("_times") != 0) | (pl.col("_too") != 0))
        )
        found = rows.join(differ, on="_print", how="semi").select("_place", *_SOURCE).unique().collect()
        return found.partition_by("_place", as_dict=True, include_key=False)

    def _printed(self, point: Point, scope: str) -> pl.DataFrame:
        """A print of each row, 64 bits and 40 more of what matters in it: two rows with one print are the same row, but for once in 10³¹ comparisons."""
        key = point, scope
        if key not in self._prints:
            frame = self._rows[point][scope]
            whole = frame.select(*_OWN, *_COUNTS)
            few = (whole.hash_rows(1) // 2**24).cast(pl.Int64)  # so few bits that millions of them can be added up
            self._prints[key] = frame.select(*_SOURCE, whole.hash_rows(0).alias("_print"), few.alias("_print_too"))
        return self._prints[key]


def _points(paths: Sequence[_Path]) -> tuple[Point, ...]:
    """Every measure on some paths, with its ownership, in order."""
    return tuple(dict.fromkeys(point for _, _, path in paths for step in path for point in (step.before, step.after)))


def _by_scope(step: Step) -> bool:
    return asks(step.before[0]) or asks(step.after[0])


def _differences(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.LazyFrame:
    """Per step and cell, how many rows add something else to it in the one than in the other, and the first of them (:data:`_MOVED`)."""
    both = _summed(before).join(_summed(after), on=_ROW, how="full", coalesce=True, nulls_equal=True, suffix="_after")
    differing = both.filter(pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_after")) for c in _COUNTS))
    ids = pl.col("source_key").unique().sort()
    return differing.group_by(_STEP).agg(
        ids.len().cast(pl.Int64).alias("rows_count"), pl.col("source_table").min(), ids.head(EXAMPLES).alias("example_ids"),
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
