"""Study ``page_load``: how many pages come at which hours, against how many such hours somebody was on call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import rates
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.exposure import shifts
from idp_analytics.metrics.grid import calendar, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.pages import classed_pages
from idp_analytics.periods import floored
from idp_analytics.settings import Settings
from idp_analytics.working_time import CLASSES

EVERY = ("1mo", "1q")

WHOLE = "all"
"""The ``hour_class`` of all hours together."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "hour_class": pl.String,  # all | working | evening | night | weekend | holiday
    "n": pl.Int64,  # pages
    "incidents": pl.Int64,  # they were for; a page that names none is one of its own
    "hours": pl.Float64,  # on call, of this class
    "value": pl.Float64,  # pages per so many such hours as a shift has
    "low": pl.Float64,
    "high": pl.Float64,
    "incidents_value": pl.Float64,  # the same of incidents
    "incidents_low": pl.Float64,
    "incidents_high": pl.Float64,
    "level": pl.Float64,
    "shift_hours": pl.Float64,
}
"""The columns of the study, in order."""

_CELL = ["scope", "entity_id", "every", "period_start"]


def page_load(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Pages, hours on call and pages per shift's worth of hours, for the organisation and each team that was ever paged.

    One row per entity, month or quarter and class of hours (:data:`COLUMNS`), exact Poisson interval (Garwood 1936).
    Pages are classed where the responder is, hours where the team is: rosters are not in the data. Nothing where no page
    counts.
    """
    metric = by_name("pages_per_shift")
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    local = pl.col("paged_at").dt.convert_time_zone(settings.time_zone).dt.date()
    pages = classed_pages(tables, settings).filter(pl.col("paged_at") < now).with_columns(local.alias("day")).collect()
    if pages.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: Any = pages["day"].min()
    periods = calendar(metric, settings, as_of, spans(tables, metric.tables, as_of), first, EVERY)
    hours = _hours(periods.filter("is_measured"), tables, settings)
    found = hours.join(_counted(pages), on=[*_CELL, "hour_class"], how="left").with_columns(
        pl.col("n", "incidents").fill_null(0)
    )
    shift, level = settings.calendar.shift_hours, settings.rules.level
    stood = pl.col("hours") / shift
    numbers: list[pl.Expr | pl.Series] = []
    for count, prefix in (("n", ""), ("incidents", "incidents_")):
        low, high = rates.exact_poisson(found[count].to_numpy(), found.select(stood).to_series().to_numpy(), level)
        numbers += [
            pl.when(stood > 0).then(pl.col(count) / stood).alias(f"{prefix}value"),
            pl.Series(f"{prefix}low", low).fill_nan(None),
            pl.Series(f"{prefix}high", high).fill_nan(None),
        ]
    return (
        found.join(periods.select("every", "period_start", "period", "is_partial"), on=["every", "period_start"])
        .with_columns(
            *numbers,
            pl.lit(level).alias("level"),
            pl.lit(shift).alias("shift_hours"),
        )
        .with_columns(pl.col("hour_class").cast(pl.Enum([WHOLE, *CLASSES])))
        .sort(*_CELL, "hour_class")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _counted(pages: pl.DataFrame) -> pl.DataFrame:
    """Pages and incidents per cell and class; a page that names no incident is for one of its own."""
    # One row per team, month, class and incident first: every other cell counts those again, as numbers, not as text.
    incident = pl.coalesce(pl.lit("i:") + pl.col("incident_id"), pl.lit("p:") + pl.col("page_id")).rank("dense")
    month = pl.col("day").dt.truncate("1mo")
    base = pages.select("team_id", month.alias("day"), "hour_class", incident.alias("incident"))
    few = base.group_by(base.columns).len("pages")
    parts = []
    for every in EVERY:
        for which in (pl.lit(WHOLE), pl.col("hour_class")):
            for scope, entity in (("org", pl.lit(ORG)), ("team", pl.col("team_id"))):
                cell = [
                    pl.lit(scope).alias("scope"), entity.alias("entity_id"), pl.lit(every).alias("every"),
                    floored(pl.col("day"), every).alias("period_start"), which.alias("hour_class"),
                ]  # fmt: skip
                parts.append(few.group_by(cell).agg(_PAGES, _INCIDENTS))
    return pl.concat(parts)


_PAGES = pl.col("pages").sum().cast(pl.Int64).alias("n")
_INCIDENTS = pl.col("incident").n_unique().cast(pl.Int64).alias("incidents")


def _hours(periods: pl.DataFrame, tables: Tables, settings: Settings) -> pl.DataFrame:
    """Hours of each class that a rota was kept in each covered period: ``_CELL``, ``hour_class``, ``hours``."""
    zone_of = tables["teams"].select(pl.col("team_id").alias("entity_id"), "time_zone")
    rotas = (
        shifts(tables, settings).filter(pl.col("scope") == "team").join(zone_of, on="entity_id", how="left").collect()
    )
    spans = (
        rotas.join(periods.select("every", "period_start", "covered_from", "covered_to"), how="cross")
        .with_columns(
            _utc(pl.max_horizontal("begins", "covered_from"), settings.time_zone).alias("from"),
            _utc(pl.min_horizontal("ends", "covered_to"), settings.time_zone).alias("to"),
            pl.col("time_zone").fill_null(settings.time_zone),
        )
        .filter(pl.col("to") > pl.col("from"))
    )  # fmt: skip
    parts = []
    for (zone,), part in spans.partition_by("time_zone", as_dict=True).items():
        first: Any = part["from"].min()
        begun, ended = (settings.calendar.hours_until(str(zone), first, part[name]) for name in ("from", "to"))
        parts.append(part.select(_CELL).hstack([ended[name] - begun[name] for name in CLASSES]))
    wide = pl.concat(parts).with_columns(pl.sum_horizontal(CLASSES).alias(WHOLE))
    teams = wide.unpivot([WHOLE, *CLASSES], index=_CELL, variable_name="hour_class", value_name="hours")
    org = teams.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    return pl.concat([teams, org]).group_by(*_CELL, "hour_class").agg(pl.col("hours").sum())


def _utc(wall: pl.Expr, zone: str) -> pl.Expr:
    """Wall time in ``zone`` as UTC; what the clock skipped counts an hour later, what came twice the first time."""
    tries = (
        w.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null") for w in (wall, wall.dt.offset_by("1h"))
    )
    return pl.coalesce(*tries).dt.convert_time_zone("UTC")
