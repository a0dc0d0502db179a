"""Measures of adoption and interfaces that studies of golden paths tell already, brought into one shape."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from idp_analytics import periods
from idp_analytics.metrics import drift
from idp_analytics.metrics.adoption_kinds import adoption_kinds
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.measured import (
    YEAR,
    nothing,
    of_intervals,
    of_registers,
    of_shares,
    since,
)
from idp_analytics.metrics.observed import day_of, observed
from idp_analytics.metrics.path_coverage import path_coverage
from idp_analytics.metrics.path_retention import path_retention
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.metrics.remembered import remembered
from idp_analytics.metrics.upgrade_lag import upgrade_lag
from idp_analytics.settings import Settings

_ENTITY = ["scope", "entity_id"]
FAR = 2
"""Versions behind a current one that are still near."""
STAYING, UPGRADED = 180, 90
"""Days after joining, and after a release."""


def latest(study: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The rows of a study of its last complete quarter; none where that began before :func:`not_before`."""
    whole = study.filter(pl.col("every") == "1q", ~pl.col("is_partial"), pl.col("period_start") >= not_before(as_of))
    return whole.filter(pl.col("period_start") == pl.col("period_start").max())


def not_before(as_of: datetime) -> date:
    """200 days ago: a quarter that began earlier says little of now."""
    return (as_of - timedelta(days=200)).date()


def whole_quarters(settings: Settings, as_of: datetime) -> tuple[periods.Period, ...]:
    """The quarters :func:`latest` may choose, oldest first: over at ``as_of`` where the organisation is or in UTC, in which money is told, and begun no earlier
    than :func:`not_before`."""
    today = max(day_of(as_of, settings.time_zone), day_of(as_of, "UTC"))
    this = periods.parse(periods.label(periods.floor(today, "1q"), "1q"))
    return tuple(span for span in periods.course(this, 4)[:-1] if span.start >= not_before(as_of))


def services_on_a_path(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of services in use that a path is for, those on one, at the end of the last complete quarter (:func:`path_coverage`)."""
    found = latest(path_coverage(tables, settings, as_of, whole_quarters(settings, as_of)), as_of).filter(
        pl.col("by") == "all"
    )
    return of_shares(found, "services_on_a_path", "share of services", settings.rules.level)


def joins_by_choice(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of all joins of golden paths so far, those without a mandate in force or announced (:func:`adoption_kinds`)."""
    found = latest(adoption_kinds(tables, settings, as_of, whole_quarters(settings, as_of)), as_of).filter(
        pl.col("span") == "so far", pl.col("golden_path_id").is_null()
    )
    return of_shares(
        found.with_columns(pl.col("organic").alias("k")), "joins_by_choice", "share of joins", settings.rules.level
    )


def still_on_the_path(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services still on a path 180 days after joining, by Kaplan–Meier (:func:`path_retention`)."""
    found = path_retention(tables, settings, as_of).filter(
        pl.col("cohort").is_null(), pl.col("day") == STAYING, pl.col("is_mark")
    )
    return of_intervals(found.rename({"share": "value"}), "still_on_the_path", "share of joins", settings.rules.level)


def new_services_on_a_path(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services made in the last year that began on a golden path (the observations of ``new_service_path_share``)."""
    metric = by_name("new_service_path_share")
    rows = observed(metric, tables, settings, as_of).filter(pl.col("at") >= since(as_of, YEAR)).collect()
    return of_shares(counted(rows), "new_services_on_a_path", "share of services", settings.rules.level)


def uses_far_behind(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of uses whose version can be compared, those more than two versions behind (:func:`drift.states`)."""
    found = _drift(tables, settings, as_of).with_columns(pl.col("far").alias("k"), pl.col("unknown").alias("missing"))
    return of_shares(found, "uses_far_behind", "share of uses", settings.rules.level)


@remembered
def _drift(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Uses of all paths at the end of the last complete quarter (:func:`drift.drift`), with ``far``: of them, those more than :data:`FAR` versions behind."""
    uses, ends = drift.states(tables, settings, as_of, whole_quarters(settings, as_of))
    if uses.is_empty():
        return pl.DataFrame(schema={**drift.COLUMNS, "far": pl.Int64})
    uses = uses.join(ends, on="at")
    late = uses.filter(pl.col("state") == "behind", pl.col("versions_behind") > FAR)
    far = by_scope(late).group_by(*_ENTITY, "period_start").agg(pl.len().cast(pl.Int64).alias("far"))
    found = latest(drift.of_states(uses, settings), as_of).filter(pl.col("by") == "all", pl.col("part").is_null())
    return found.join(far, on=[*_ENTITY, "period_start"], how="left", maintain_order="left").with_columns(
        pl.col("far").fill_null(0)
    )


def versions_known(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of uses of golden paths, those whose version can be compared with the current one (:func:`drift.drift`)."""
    known = _drift(tables, settings, as_of).with_columns(
        pl.col("n").alias("k"), (pl.col("n") + pl.col("unknown")).alias("n")
    )
    return of_registers(known, "versions_known", "share of uses")


def releases_taken_up(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Upgrades that releases called for and that were made within 90 days, by Kaplan–Meier (:func:`upgrade_lag`)."""
    course = upgrade_lag(tables, settings, as_of).filter(
        pl.col("scope") == "org", pl.col("part").is_null(), pl.col("day") <= UPGRADED
    )
    if course.is_empty():
        return nothing("releases_taken_up", "share of upgrades")
    last = course.filter(pl.col("day") == pl.col("day").max()).rename({"share": "value"})
    return of_intervals(last, "releases_taken_up", "share of upgrades", settings.rules.level)


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Observations → ``k`` hits of ``n`` usable ones, and ``missing``, for the organisation and each team."""
    usable = pl.col("usable") & pl.col("hit").is_not_null()
    return (
        by_scope(rows)
        .group_by(_ENTITY)
        .agg((usable & pl.col("hit")).sum().alias("k"), usable.sum().alias("n"), (~usable).sum().alias("missing"))
        .sort(_ENTITY)
    )
