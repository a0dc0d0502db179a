"""One measure → one frame of what it counts, one row per thing counted, whatever the tool."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from idp_analytics.metrics.classify import rollbacks
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.blame import blamed
from idp_analytics.metrics.presets.definition import (
    FailRate,
    Frequency,
    IncidentTime,
    LeadTime,
    Measure,
    Recovery,
    Rework,
)
from idp_analytics.metrics.presets.deployments import counted, labelled, remedied, restored
from idp_analytics.metrics.presets.lead_time import lead_times
from idp_analytics.settings import Settings

COUNTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "service_id": pl.String,
    "team_id": pl.String,
    "at": pl.Datetime("us", "UTC"),  # which window it falls in
    "also_at": pl.Datetime("us", "UTC"),  # must fall into the same window, where not null
    "n": pl.Int64,  # what it adds below the line, or to the number of observations
    "k": pl.Int64,  # what it adds above the line
    "x": pl.Float64,  # hours
    "ended": pl.Boolean,  # false: still open, x is how long so far
    "unit": pl.String,  # what must differ to be counted twice; null: every row counts
    "until": pl.Datetime("us", "UTC"),  # when an incident ended, for unions
    "source_table": pl.String,
    "source_key": pl.String,
}
"""The columns of what a measure counts."""


_IDS = ("service_id", "team_id", "source_key")


def counted_by(measure: Measure, tables: Tables, settings: Settings, scope: str) -> pl.LazyFrame:
    """What ``measure`` counts, columns :data:`COUNTED`. ``scope``: what is asked about; it matters only to a link that
    reaches as far as that. ``tables`` hold nothing from after the as-of time; ``now`` is a table of one moment, that."""
    match measure:
        case Frequency():
            frame = _frequency(measure, tables, settings)
        case FailRate():
            frame = _fail_rate(measure, tables, settings, scope)
        case Recovery():
            frame = _recovery(measure, tables, settings, scope)
        case LeadTime():
            frame = _rows(lead_times(measure, tables, settings), "changes", n=pl.lit(1))
        case Rework():
            frame = _rework(measure, tables, settings, scope)
        case IncidentTime():
            frame = _incident_time(tables)
        case _:
            raise AssertionError(measure)
    return frame


def _rows(frame: pl.LazyFrame, source_table: str, **given: pl.Expr) -> pl.LazyFrame:
    have = set(frame.collect_schema().names())
    given = {"source_table": pl.lit(source_table), **given}
    found = {name: given.get(name, pl.col(name) if name in have else pl.lit(None)) for name in COUNTED}
    # Ids stay what they are: whoever asks often gives them by number (:class:`coded.Coded`).
    return frame.select(
        (found[name] if name in _IDS else found[name].cast(dtype)).alias(name) for name, dtype in COUNTED.items()
    )


def _deployments(frame: pl.LazyFrame, **given: pl.Expr) -> pl.LazyFrame:
    return _rows(frame, "deployments", source_key=pl.col("deployment_id"), **{"n": pl.lit(1), **given})


def _frequency(measure: Frequency, tables: Tables, settings: Settings) -> pl.LazyFrame:
    frame = _deployments(counted(tables, measure.counted, settings), unit=_unit(measure.of))
    if not (measure.of == "days" and measure.covered):
        return frame
    # The as-of day is not over: it cannot be a day without a deployment yet, so it is no observation.
    at, now = (pl.col(name).dt.convert_time_zone(settings.time_zone).dt.date() for name in ("at", "now"))
    return frame.join(tables["now"], how="cross").filter(at < now).drop("now")


def _unit(of: str) -> pl.Expr:
    return pl.col("sha") if of == "commits" else pl.lit(None, pl.String)


def _fail_rate(measure: FailRate, tables: Tables, settings: Settings, scope: str) -> pl.LazyFrame:
    found = counted(tables, measure.counted, settings)
    below = found if measure.below_counted is None else counted(tables, measure.below_counted, settings)
    unit = _unit(measure.below)
    if measure.link.by == "outcome":
        return _deployments(below, unit=unit, k=(pl.col("outcome") == "failure").fill_null(False))
    if measure.link.by == "remediation":
        everything = replace(measure.counted, rollbacks=True, redeploys=True)
        failed = remedied(tables, settings, everything).select(
            "deployment_id", pl.lit(1).alias("k"), pl.lit(None).alias("_incident")
        )
        links = failed.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("also_at"))
    else:
        incidents = blamed(tables, settings, measure.counted, measure.link, scope)
        if measure.link.by == "nothing":
            above = _rows(incidents, "incidents", at=pl.col("opened_at"), k=pl.lit(1), source_key=pl.col("incident_id"))
            return pl.concat([_deployments(below, unit=unit, k=pl.lit(0)), above])
        links = incidents.filter(pl.col("linked_id").is_not_null()).select(
            pl.col("linked_id").alias("deployment_id"), pl.lit(1).alias("k"), pl.col("incident_id").alias("_incident"),
            pl.col("opened_at").alias("also_at"),
        )  # fmt: skip
    if not measure.link.inside:
        links = links.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("also_at"))
    if measure.above != "deployments":
        above = links.join(found.select("deployment_id", "service_id", "team_id", "at"), on="deployment_id")
        incidents = _rows(above, "incidents", k=pl.lit(1), source_key=pl.col("_incident"))
        # Where no incident is needed, none is named.
        return pl.concat([_deployments(below, unit=unit, k=pl.lit(0)), incidents], how="vertical_relaxed")
    # A failed deployment is one row; where the incident must lie in the same period, its earliest incident decides.
    failed = links.group_by("deployment_id").agg(pl.col("k").first(), pl.col("also_at").min())
    marked = below.join(failed, on="deployment_id", how="left")
    if not measure.link.inside:
        return _deployments(marked, unit=unit, k=pl.col("k").fill_null(0))
    hits = _deployments(marked.filter(pl.col("k").is_not_null()), n=pl.lit(0), k=pl.col("k"))
    return pl.concat([_deployments(marked.drop("also_at"), unit=unit, k=pl.lit(0)), hits])


def _recovery(measure: Recovery, tables: Tables, settings: Settings, scope: str) -> pl.LazyFrame:
    start, end = pl.col("_start"), pl.col("_end")
    if measure.link.by in ("outcome", "remediation"):
        spans = _repaired(measure, tables, settings).with_columns(
            pl.col("at").alias("_start"), pl.col("remedied_at").alias("_end"), pl.col("at").alias("linked_at")
        )
        table, key = "deployments", pl.col("deployment_id")
    else:
        spans = blamed(tables, settings, measure.counted, measure.link, scope)
        if measure.linked:
            spans = spans.filter(pl.col("linked_id").is_not_null())
        begin = {
            "opened": pl.col("opened_at"),
            "deployment": pl.col("linked_at"),
            "earlier": pl.min_horizontal("linked_at", "opened_at"),
        }[measure.start]
        spans = spans.with_columns(begin.alias("_start"), pl.col("resolved_at").alias("_end"))
        table, key = "incidents", pl.col("incident_id")
    spans = spans.join(tables["now"], how="cross")
    if measure.open == "left out":
        spans = spans.filter(end.is_not_null())
    hours = _whole((pl.coalesce(end, "now") - start).dt.total_seconds(fractional=True) / 3600, measure.whole)
    at = {"start": pl.col("opened_at") if table == "incidents" else start}.get(measure.dated, end)
    rows = spans.filter((hours >= 0).fill_null(False)).with_columns(
        hours.alias("x"),
        (end.is_not_null() | (measure.open == "until now")).alias("ended"),
        at.alias("_at"),
        (pl.col("linked_at") if measure.dated == "both" else pl.lit(None, COUNTED["at"])).alias("also_at"),
    )
    return _rows(rows, table, at=pl.col("_at"), n=pl.lit(1), source_key=key)


def _repaired(measure: Recovery, tables: Tables, settings: Settings) -> pl.LazyFrame:
    if measure.link.by == "outcome":
        return restored(tables, settings, measure.counted)
    whose = counted(tables, measure.counted, settings).select("deployment_id", "service_id", "team_id", "at")
    return whose.join(remedied(tables, settings, measure.counted), on="deployment_id")


def _whole(hours: pl.Expr, unit: str) -> pl.Expr:
    """Hours cut down to whole hours or minutes; floats of a second's fraction are first brought back to it."""
    if not unit:
        return hours
    per_hour = {"hours": 1, "minutes": 60}[unit]
    return (hours * per_hour).round(6).floor() / per_hour


def _rework(measure: Rework, tables: Tables, settings: Settings, scope: str) -> pl.LazyFrame:
    found = counted(tables, measure.counted, settings)
    if measure.by == "label":
        repairs = labelled(tables).with_columns(pl.lit(1).alias("k"))
        return _deployments(found.join(repairs, on="deployment_id", how="left"), k=pl.col("k").fill_null(0))
    links = blamed(tables, settings, measure.counted, measure.link, scope).filter(pl.col("linked_id").is_not_null())
    far = pl.datetime(9999, 1, 1, time_zone="UTC")
    spans = (
        links.select(
            pl.coalesce("service_id", "linked_service_id").alias("service_id"),
            pl.max_horizontal("opened_at", "linked_at").alias("_from"),
            pl.col("resolved_at").fill_null(far).alias("_until"),
        )
        .sort("_from", "_until")
        .with_columns(pl.col("_until").cum_max().over("service_id"))
    )
    during = found.sort("at").join_asof(
        spans, left_on="at", right_on="_from", by="service_id", strategy="backward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    back = rollbacks(tables, settings).select("deployment_id", pl.lit(True).alias("_back"))
    repair = pl.col("_back").fill_null(False) | (pl.col("at") <= pl.col("_until")).fill_null(False)
    return _deployments(during.join(back, on="deployment_id", how="left"), k=repair)


def _incident_time(tables: Tables) -> pl.LazyFrame:
    """Every incident that is over, with its hours and its end."""
    hours = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_seconds(fractional=True) / 3600
    over = tables["incidents"].filter(pl.col("resolved_at") >= pl.col("opened_at"))
    return _rows(
        over, "incidents", at=pl.col("opened_at"), until=pl.col("resolved_at"), n=pl.lit(1), x=hours,
        source_key=pl.col("incident_id"),
    )  # fmt: skip
