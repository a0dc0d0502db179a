"""How soon people who join can ship, as observations: one row per newcomer, shown only in groups (:mod:`cohorts`).

A newcomer is a developer, no bot, whose first day at work is known and not before the data begin: who came earlier may
have shipped before anything was recorded. They belong to the team they were in on that day, and to the period it is in.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.periods import floor
from idp_analytics.settings import Settings
from idp_analytics.working_time import in_utc

TENTH = 10
"""The merged change that is taken for having arrived."""

_UTC = pl.Datetime("us", "UTC")
_WALL = pl.Datetime("us")


def time_to_first_deploy(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Days from a newcomer's first day to the first successful production deployment that holds a change of theirs.

    ``hit`` is false for those who have not got there; they are open until the as-of time or the end of their last day.
    Not usable: nobody said whether they are a developer, or a change of theirs was deployed before their first day.
    """
    deployed = production_deployments(tables, settings).select("deployment_id", "finished_at")
    authors = tables["changes"].select("change_id", "author_id").drop_nulls()
    reached = (
        tables["deployment_changes"].select("deployment_id", "change_id")
        .join(deployed, on="deployment_id")
        .join(authors, on="change_id")
        .group_by("author_id")
        .agg(pl.col("finished_at").min().alias("earliest"), pl.col("finished_at").min().alias("reached_at"))
    )  # fmt: skip
    return _until(reached, tables, settings)


def time_to_tenth_merged_change(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Days from a newcomer's first day to the merge of their tenth change; who has fewer is open, as above.

    Not usable: nobody said whether they are a developer, or a change of theirs was merged before their first day.
    """
    merged = pl.col("merged_at").sort()
    reached = (
        tables["changes"]
        .filter(pl.col("merged_at").is_not_null(), pl.col("author_id").is_not_null())
        .group_by("author_id")
        .agg(merged.first().alias("earliest"), merged.get(TENTH - 1, null_on_oob=True).alias("reached_at"))
    )
    return _until(reached, tables, settings)


def newcomers(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Developers with a known first day, whether or not the data reach back to it.

    Columns: ``person_id``, ``team_id`` (on the first day; null: in none known), ``started_at``, ``left_at`` (UTC, the
    midnight that begins their first day and ends their last where the organisation is), ``is_developer`` (null: not
    said), ``is_covered`` (the first day is not before :func:`covered_since`).
    """
    zone = settings.time_zone
    people = tables["people"].filter(
        pl.col("started_on").is_not_null(), ~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True)
    )
    first, end = pl.col("valid_from").fill_null(pl.date(1, 1, 1)), pl.col("valid_to")
    teams = (
        people.select("person_id", "started_on")
        .join(tables["memberships"].select("person_id", "team_id", "valid_from", "valid_to"), on="person_id")
        .filter(first <= pl.col("started_on"), end.is_null() | (end > pl.col("started_on")))
        .sort("person_id", first, "team_id", descending=[False, True, False])
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", "team_id")
    )
    return (
        people.join(teams, on="person_id", how="left")
        .join(covered_since(tables, settings), how="cross")
        .select(
            "person_id",
            "team_id",
            in_utc(pl.col("started_on"), zone).alias("started_at"),
            in_utc(pl.col("ended_on").dt.offset_by("1d"), zone).alias("left_at"),
            "is_developer",
            (pl.col("started_on") >= pl.col("since")).fill_null(False).alias("is_covered"),
        )
    )


def first_quarter(tables: Tables, settings: Settings, as_of: datetime) -> date | None:
    """The quarter in which the first newcomer since the data begin started; null: there was none."""
    started = newcomers(tables, settings).filter("is_covered", pl.col("started_at") < as_of)
    first = started.select(_day(pl.col("started_at").min(), settings.time_zone)).collect().item()
    return None if first is None else floor(first, "1q")


def covered_since(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One row, ``since``: the day of the first production deployment or of the first merged change, whichever is later.

    One day for both metrics: with two, their groups would differ by the few who started in between.
    """
    zone = settings.time_zone
    deployed = production_deployments(tables, settings).select(
        _day(pl.col("finished_at").min(), zone).alias("deployed")
    )
    merged = tables["changes"].select(_day(pl.col("merged_at").min(), zone).alias("merged"))
    return deployed.join(merged, how="cross").select(pl.max_horizontal("deployed", "merged").alias("since"))


def _until(reached: pl.LazyFrame, tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Observations from ``reached``: ``author_id``, ``earliest``, ``reached_at``. They do not carry who it is."""
    start, left = pl.col("started_at"), pl.col("left_at")
    in_time = pl.col("reached_at").is_not_null() & (left.is_null() | (pl.col("reached_at") < left))
    end = pl.when(in_time).then("reached_at").otherwise(left)
    before = (pl.col("earliest") < start).fill_null(False)
    return observations(
        newcomers(tables, settings)
        .filter("is_covered")
        .join(reached, left_on="person_id", right_on="author_id", how="left")
        .with_columns(
            ((end - start).dt.total_seconds(fractional=True) / 86400).alias("x"),
            in_time.alias("hit"),
            (pl.col("is_developer").is_not_null() & ~before).alias("usable"),
            start.alias("at"),
        ),
        source_table="people",
    )


def _day(moment: pl.Expr, zone: str) -> pl.Expr:
    return moment.dt.convert_time_zone(zone).dt.date()
