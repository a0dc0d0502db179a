"""On-call load as observations: one row per page, and what hour of the day it was for whom it woke.

A page is one person notified, with some urgency. Notifications of low urgency are none: they may wait. A page of the same
incident to the same person soon after the last (``calendar.page_dedupe_minutes``) is the same page once more. Whether an
alert resolved itself before anybody looked is not known; such pages count, since somebody was called.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.working_time import local_time

LOW = "notifications of low urgency, not counted"
AGAIN = "pages sent again, not counted"


def pages_per_service_week(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per page, dated by it. Beside them: notifications of low urgency and pages sent again."""
    sorted_out = _sorted_out(tables, settings)
    beside = [
        _observed(sorted_out.filter(pl.col("is_low")), detail=LOW, usable=False),
        _observed(sorted_out.filter(~pl.col("is_low") & pl.col("is_again")), detail=AGAIN, usable=False),
    ]
    return pl.concat([_observed(counted_pages(tables, settings)), *beside])


def pages_per_shift(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The observations of :func:`pages_per_service_week`; only what they are divided by differs."""
    return pages_per_service_week(tables, settings)


def out_of_hours_page_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per page; a hit when it was not working time for whom it called."""
    return _observed(classed_pages(tables, settings).with_columns((pl.col("hour_class") != "working").alias("hit")))


def night_page_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per page; a hit when it was night for whom it called."""
    return _observed(classed_pages(tables, settings).with_columns((pl.col("hour_class") == "night").alias("hit")))


def counted_pages(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The rows of ``pages`` that count: of high or unknown urgency, and not the same page once more."""
    return _sorted_out(tables, settings).filter(~pl.col("is_low"), ~pl.col("is_again")).drop("is_low", "is_again")


def ever_paged(tables: Tables, column: str) -> pl.LazyFrame:
    """The teams or services (``column``) that a page was ever for; one column, each once."""
    return tables["pages"].filter(~_is_low()).select(column).drop_nulls().unique()


def classed_pages(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """:func:`counted_pages` with ``hour_class`` (:data:`idp_analytics.working_time.CLASSES`) where the responder is.

    The zone is the person's, else that of the team paged, else the organisation's: always known.
    """
    people = tables["people"].select("person_id", pl.col("time_zone").alias("_person_zone"))
    teams = tables["teams"].select("team_id", pl.col("time_zone").alias("_team_zone"))
    zone = pl.coalesce("_person_zone", "_team_zone")
    local = local_time(pl.col("paged_at"), zone, zones(tables), settings.time_zone)
    return (
        counted_pages(tables, settings)
        .join(people, on="person_id", how="left")
        .join(teams, on="team_id", how="left")
        .with_columns(settings.calendar.hour_class(local).alias("hour_class"))
        .drop("_person_zone", "_team_zone")
    )


def zones(tables: Tables) -> list[str]:
    """Every time zone a team or a person is in, in order of name."""
    named = pl.concat([tables[name].select("time_zone") for name in ("people", "teams")])
    return named.drop_nulls().unique().collect()["time_zone"].sort().to_list()


def _sorted_out(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """``pages`` with ``is_low`` and ``is_again``.

    A chain of pages, each soon after the one before, is one page, however long it goes on. Low urgency ones do not
    count in it: the first that calls somebody is not hidden by one that did not.
    """
    window = timedelta(minutes=settings.calendar.page_dedupe_minutes)
    same = ("incident_id", "person_id", "is_low")  # what is not known is nobody's, and never the same
    alike = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in same)
    since = pl.col("paged_at") - pl.col("paged_at").shift(1)
    return (
        tables["pages"]
        .with_columns(_is_low().alias("is_low"))
        .sort(*same, "paged_at", "page_id")
        .with_columns((alike & (since <= window)).fill_null(False).alias("is_again"))
    )


def _is_low() -> pl.Expr:
    return (pl.col("urgency") == "low").fill_null(False)


def _observed(frame: pl.LazyFrame, **given: object) -> pl.LazyFrame:
    dated = frame.with_columns(pl.col("page_id").alias("source_key")).rename({"paged_at": "at"})
    return observations(dated, source_table="pages", **given)
