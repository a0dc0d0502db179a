"""Study ``page_load``: how many pages come at which hours, against how many such hours somebody was on call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from idp_analytics.answers import CELL, ORG
from idp_analytics.estimates import rates
from idp_analytics.estimates.adding import added
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.cells import known_by, periods_of, placed
from idp_analytics.metrics.exposure import shifts
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.pages import classed_pages
from idp_analytics.settings import Settings
from idp_analytics.working_time import CLASSES, in_utc

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


def page_load(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Pages, hours on call and pages per shift's worth of hours, for the organisation and each team that was ever paged.

    One row per entity, month or quarter and class of hours (:data:`COLUMNS`), exact Poisson interval (Garwood 1936).
    Pages are classed where the responder is, hours where the team is: rosters are not in the data. Nothing where no page
    counts.
    """
    metric = by_name("pages_per_shift")
    dated = classed_pages(tables, settings).with_columns(pl.col("paged_at").alias("at"))
    pages = known_by(dated, settings, as_of).collect()
    if pages.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: Any = pages["day"].min()
    periods = periods_of(metric.name, tables, settings, as_of, first)
    hours = _hours(periods, tables, settings)
    found = hours.join(_counted(pages, settings), on=[*CELL, "hour_class"], how="left").with_columns(
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
        .sort(*CELL, "hour_class")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _counted(pages: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Pages and incidents per cell and class; a page that names no incident is for one of its own."""
    # One row per team, month, class and incident first: every other cell counts those again, as numbers, not as text.
    incident = pl.coalesce(pl.lit("i:") + pl.col("incident_id"), pl.lit("p:") + pl.col("page_id")).rank("dense")
    month = pl.col("day").dt.truncate("1mo")
    base = pages.select("team_id", month.alias("day"), "hour_class", incident.alias("incident"))
    few = base.group_by(base.columns).len("pages")
    cells = pl.concat(
        placed(few.with_columns(which.alias("hour_class")), settings, ("org", "team"))
        for which in (pl.lit(WHOLE), pl.col("hour_class"))
    )
    return cells.group_by(*CELL, "hour_class").agg(_PAGES, _INCIDENTS)


_PAGES = pl.col("pages").sum().cast(pl.Int64).alias("n")
_INCIDENTS = pl.col("incident").n_unique().cast(pl.Int64).alias("incidents")


def _hours(periods: pl.DataFrame, tables: Tables, settings: Settings) -> pl.DataFrame:
    """Hours of each class that a rota was kept in each covered period: ``CELL``, ``hour_class``, ``hours``."""
    zone_of = tables["teams"].select(pl.col("team_id").alias("entity_id"), "time_zone")
    rotas = (
        shifts(tables, settings).filter(pl.col("scope") == "team").join(zone_of, on="entity_id", how="left").collect()
    )
    spans = (
        rotas.join(periods.select("every", "period_start", "covered_from", "covered_to"), how="cross")
        .with_columns(
            in_utc(pl.max_horizontal("begins", "covered_from"), settings.time_zone).alias("from"),
            in_utc(pl.min_horizontal("ends", "covered_to"), settings.time_zone).alias("to"),
            pl.col("time_zone").fill_null(settings.time_zone),
        )
        .filter(pl.col("to") > pl.col("from"))
    )  # fmt: skip
    parts = []
    for (zone,), part in spans.partition_by("time_zone", as_dict=True).items():
        first: Any = part["from"].min()
        begun, ended = (settings.calendar.hours_until(str(zone), first, part[name]) for name in ("from", "to"))
        parts.append(part.select(CELL).hstack([ended[name] - begun[name] for name in CLASSES]))
    wide = pl.concat(parts).with_columns(pl.sum_horizontal(CLASSES).alias(WHOLE))
    teams = wide.unpivot([WHOLE, *CLASSES], index=list(CELL), variable_name="hour_class", value_name="hours")
    org = teams.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    return pl.concat([teams, org]).group_by(*CELL, "hour_class").agg(added(pl.col("hours")))
