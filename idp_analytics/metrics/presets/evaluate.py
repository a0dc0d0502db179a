"""The one engine: any definition over any windows, for the organisation, teams and services."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables, begun_before
from idp_analytics.metrics.presets.aggregate import CELL, NUMBERS, aggregated, way
from idp_analytics.metrics.presets.definition import (
    Definition,
    FailRate,
    LeadTime,
    Measure,
    Recovery,
    Rework,
)
from idp_analytics.metrics.presets.observe import counted_by
from idp_analytics.metrics.presets.windows import between, placed, wall_time
from idp_analytics.metrics.remembered import Shared
from idp_analytics.settings import Settings

ENTITY = {"org": pl.lit(ORG), "team": pl.col("team_id"), "service": pl.col("service_id")}

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

_TOGETHER = 3
"""Measures counted at once: bounds the memory, changes nothing else."""

_OWNED = ("deployments", "changes", "incidents")


def known(tables: Tables, as_of: datetime, ownership: str = "event") -> dict[str, pl.LazyFrame]:
    """The tables a definition looks at, without what happened at or after ``as_of``, and ``now``: that moment.

    An incident resolved later is open. With ``ownership`` ``today``, every fact belongs to whoever owns its service at
    ``as_of``: history is rewritten, as tools without dated ownership do.
    """
    moment = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    resolved = pl.col("resolved_at")
    found = {
        "deployments": begun_before(tables["deployments"], moment),
        "changes": tables["changes"],
        "deployment_changes": tables["deployment_changes"],
        "incidents": tables["incidents"]
        .filter(pl.col("opened_at") < moment)
        .with_columns(pl.when(resolved <= moment).then(resolved).alias("resolved_at")),
        "now": pl.LazyFrame({"now": [as_of.astimezone(UTC)]}, schema={"now": pl.Datetime("us", "UTC")}),
    }
    if ownership == "event":
        return found
    day = moment.dt.date()
    starts, ends = pl.col("valid_from"), pl.col("valid_to")
    owners = (
        tables["ownership"]
        .filter(starts.is_null() | (starts <= day), ends.is_null() | (day < ends))
        .sort("service_id", pl.col("valid_from").fill_null(pl.date(1, 1, 1)))
        .unique("service_id", keep="last", maintain_order=True)
        .select("service_id", pl.col("team_id").alias("_owner"))
    )
    for name in _OWNED:
        found[name] = (
            found[name]
            .join(owners, on="service_id", how="left", maintain_order="left")
            .with_columns(pl.coalesce("_owner", "team_id").alias("team_id"))
            .drop("_owner")
        )
    return found


def asks(measure: Measure) -> bool:
    """Whether what is counted depends on who is asked about."""
    return isinstance(measure, FailRate | Recovery | Rework) and measure.link.reach == "asked"


def placed_rows(measure: Measure, tables: Tables, settings: Settings, spans: pl.DataFrame, scope: str) -> pl.LazyFrame:
    """What ``measure`` counts (:data:`observe.COUNTED`) in each window it falls into: with ``every``, ``period``, ``local``.

    ``scope``: what is asked about; the rows differ by it only where :func:`asks` says so.
    """
    found = placed(counted_by(measure, tables, settings, scope), spans, settings.time_zone)
    # What must lie in the same window: between its ends, in the same wall time.
    edges = spans.lazy().select("every", "period", "start", "end")
    also = wall_time(pl.col("also_at"), settings.time_zone)
    return (
        found.join(edges, on=["every", "period"], how="left")
        .filter(pl.col("also_at").is_null() | ((also >= pl.col("start")) & (also < pl.col("end"))))
        .drop("start", "end")
    )


def within_reach(tables: Tables, spans: pl.DataFrame, zone: str) -> Shared:
    """``tables`` with those ``changes`` and ``deployment_changes`` only that can matter to a lead time in ``spans``: every change that was deployed, or
    merged, between the first start and the last end. What a measure without ``carry`` counts there is the same."""
    links = tables["deployment_changes"].select("deployment_id", "change_id")
    ended = pl.coalesce("finished_at", "started_at", "queued_at")
    deployed = between(tables["deployments"], ended, spans, zone).select("deployment_id")
    merged = between(tables["changes"], pl.col("merged_at"), spans, zone).select("change_id")
    matter = pl.concat([links.join(deployed, on="deployment_id", how="semi").select("change_id"), merged]).unique()
    matter = matter.collect().lazy()
    near = ("deployment_changes", links), ("changes", tables["changes"])
    found = pl.collect_all(frame.join(matter, on="change_id", how="semi") for _, frame in near)
    return Shared({**tables, **{name: frame.lazy() for (name, _), frame in zip(near, found, strict=True)}})


def of_scope(rows: Frame, scope: str, org: pl.Expr = ENTITY["org"]) -> Frame:
    """``rows`` with ``scope`` and ``entity_id``: whose they are there (``org``: the organisation's id); what is nobody's there is left out."""
    whose = org if scope == "org" else ENTITY[scope]
    return rows.with_columns(pl.lit(scope).alias("scope"), whose.alias("entity_id")).filter(
        pl.col("entity_id").is_not_null()
    )


def collected(
    measures: Sequence[Measure],
    tables: Tables,
    settings: Settings,
    spans: pl.DataFrame,
    scopes: Sequence[str],
    near: Tables | None = None,
) -> list[dict[str, pl.DataFrame]]:
    """For each measure, scope → its :func:`placed_rows`; read and joined together, once where the scope does not matter. ``near``: the tables
    :func:`within_reach` of ``spans``, for who has them."""
    wanted = [(m, scope) for m in measures for scope in (scopes if asks(m) else scopes[:1])]
    in_reach = [isinstance(m, LeadTime) and not m.carry for m, _ in wanted]
    if near is None:  # for one measure alone, looking for what it may need is as much work as counting all
        near = within_reach(tables, spans, settings.time_zone) if sum(in_reach) > 1 else tables
    frames = iter(
        pl.collect_all(
            placed_rows(m, near if reaches else tables, settings, spans, scope)
            for (m, scope), reaches in zip(wanted, in_reach, strict=True)
        )
    )
    found = []
    for measure in measures:
        if asks(measure):
            found.append({scope: next(frames) for scope in scopes})
        else:
            found.append(dict.fromkeys(scopes, next(frames)))
    return found


def evaluated(
    definition: Definition,
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    spans: pl.DataFrame,
    entities: pl.DataFrame,
    metrics: Iterable[str] | None = None,
    seen: Tables | None = None,
) -> pl.DataFrame:
    """Every measure of ``definition`` for every entity in every window.

    ``spans``: :data:`windows.WINDOW`; ``entities``: ``scope``, ``entity_id``. Columns: ``metric``, ``detail``, ``scope``,
    ``entity_id``, ``every``, ``period``, :data:`aggregate.NUMBERS`, ``unit``, ``tier`` (the tool's own grade; null: none),
    sorted by all of the first six. ``seen``: the tables as :func:`known`, for who asks several times.
    """
    wanted = None if metrics is None else set(metrics)
    measures = [m for m in definition.measures if wanted is None or m.metric in wanted]
    if seen is None:
        seen = known(tables, as_of, definition.ownership)
        if len(measures) > 1:
            seen = Shared(seen)
    scopes = entities["scope"].unique(maintain_order=True).to_list()
    parts = [
        cell_values(measure, by_scope, entities, spans, settings.rules.level)
        for first in range(0, len(measures), _TOGETHER)
        for some in [measures[first : first + _TOGETHER]]
        for measure, by_scope in zip(some, collected(some, seen, settings, spans, scopes), strict=True)
    ]
    if not parts:
        return pl.DataFrame(schema=_COLUMNS)
    return pl.concat(parts).sort(list(_COLUMNS)[:6])


_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "metric": pl.String, "detail": pl.String, "scope": pl.String, "entity_id": pl.String, "every": pl.String,
    "period": pl.String, **NUMBERS, "unit": pl.String, "tier": pl.String,
}  # fmt: skip


def cell_values(
    measure: Measure, by_scope: Mapping[str, pl.DataFrame], entities: pl.DataFrame, spans: pl.DataFrame, level: float
) -> pl.DataFrame:
    """The numbers of one measure for all scopes from what it counts in each (:func:`collected`)."""
    rows = pl.concat(of_scope(frame, scope) for scope, frame in by_scope.items())
    whose = ["scope", "entity_id"]
    known = entities.filter(pl.col("scope").is_in(list(by_scope)))
    cells = (
        pl.concat([known.select(whose), rows.select(whose)])
        .unique()
        .join(spans.select("every", "period"), how="cross")
        .select(CELL)
    )
    return (
        aggregated(measure, rows, cells, spans, level)
        .with_columns(
            pl.lit(measure.metric).alias("metric"), pl.lit(measure.detail, pl.String).alias("detail"),
            pl.lit(measure.unit).alias("unit"), graded(measure).alias("tier"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items())
    )  # fmt: skip


def together(
    measures: Sequence[Measure],
    by_scopes: Sequence[Mapping[str, pl.DataFrame]],
    entities: pl.DataFrame,
    spans: pl.DataFrame,
    org: pl.Expr,
) -> pl.DataFrame:
    """The numbers of several measures from what each counts (:func:`collected`), with ``place``: which of ``measures`` they are of. Those whose rows become
    a number in the same way are aggregated at once. Intervals are not told. ``entities`` and rows may have ids by number; ``org`` is that of the organisation."""
    ways: dict[Hashable, list[int]] = {}
    for place, measure in enumerate(measures):
        ways.setdefault(way(measure), []).append(place)
    windows = spans.select("every", "period")
    parts = []
    for places in ways.values():
        keys = pl.DataFrame(
            [(place, scope, f"{place} {scope}") for place in places for scope in by_scopes[place]],
            schema={"place": pl.Int64, "_scope": pl.String, "scope": pl.String},
            orient="row",
        )
        rows = pl.concat(
            of_scope(by_scopes[place][scope], scope, org).with_columns(pl.lit(key).alias("scope"))
            for place, scope, key in keys.iter_rows()
        )
        whose = entities.join(keys, left_on="scope", right_on="_scope").select(
            pl.col("scope_right").alias("scope"), "entity_id"
        )
        cells = (
            pl.concat([whose, rows.select("scope", "entity_id").unique()])
            .unique()
            .join(windows, how="cross")
            .select(CELL)
        )
        found = aggregated(measures[places[0]], rows, cells, spans, None).drop("low", "high", "interval")
        parts.append(found.join(keys, on="scope").drop("scope").rename({"_scope": "scope"}))
    return pl.concat(parts)


def graded(measure: Measure) -> pl.Expr:
    """The tool's own grade of ``value``: the first tier whose bound is above it (how often: not below it)."""
    if not measure.tiers:
        return pl.lit(None, pl.String)
    often = measure.metric == "deployment_frequency"
    value = pl.col("value") / measure.scale
    grade = pl.lit(None, pl.String)
    for bound, word in reversed(measure.tiers):
        grade = pl.when(value <= bound if often else value < bound).then(pl.lit(word)).otherwise(grade)
    return pl.when(value.is_not_null()).then(grade)
