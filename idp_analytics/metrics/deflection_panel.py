"""Tickets by team and month around the day a team first used the self-service for them: what :mod:`deflection` compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from idp_analytics import periods
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings
from idp_analytics.settings.components import Component
from idp_analytics.tables.ownership import attribute

DEVELOPER, SERVICE, TEAM = "developer", "service", "team"
"""What tickets are counted per: developers by memberships; else services owned; else the team."""


@dataclass(frozen=True)
class Panel:
    """``cells``: one row per team and whole month: ``team_id``, ``month`` (0, 1, …), ``tickets`` (of the categories), ``others`` (of
    categories nobody can serve themselves), ``caused`` (that name a golden path of the component), ``weight`` (developers, …).
    ``taken_up``: team → month of its first use; missing: never. ``months``: their first days. ``unknown``: tickets of the categories
    that name no team."""

    cells: pl.DataFrame
    taken_up: pl.DataFrame
    months: tuple[date, ...]
    per: str
    others: tuple[str, ...]
    unknown: int


def whole_months(tables: Tables, settings: Settings, as_of: datetime) -> list[date]:
    """The first days of the months that tickets cover from end to end."""
    at = pl.col("created_at")
    first = tables["tickets"].select(at.min()).collect().item()
    if first is None:
        return []
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    spine = periods.spine(day_of(first, settings.time_zone), last, "1mo")
    # The month of the first ticket may have begun before anything was recorded; the last must be over.
    over = spine.filter(pl.col("period_end") <= day_of(as_of, settings.time_zone))
    return over["period_start"].to_list()[1:]


def panel(tables: Tables, settings: Settings, as_of: datetime, part: Component, parts: Sequence[Component]) -> Panel:
    """The panel of one component; ``parts``: all of them, whose categories are no comparison."""
    months = whole_months(tables, settings, as_of)
    weights, per = _weights(tables, settings, months)
    served = {name for one in parts for name in one.tickets}
    local = pl.col("created_at").dt.convert_time_zone(settings.time_zone).dt.date().dt.truncate("1mo")
    asked = (
        tables["tickets"].with_columns(local.alias("start")).filter(pl.col("start").is_in(months))
        .select("team_id", "start", "category", pl.col("golden_path_id").is_in(list(part.golden_paths)).fill_null(False).alias("is_caused"))
        .collect()
    )  # fmt: skip
    mine, other = pl.col("category").is_in(list(part.tickets)), ~pl.col("category").is_in(list(served))
    counts = asked.drop_nulls("team_id").group_by("team_id", "start").agg(
        mine.sum().cast(pl.Int64).alias("tickets"), other.sum().cast(pl.Int64).alias("others"), pl.col("is_caused").sum().cast(pl.Int64).alias("caused")
    )  # fmt: skip
    numbered = pl.DataFrame(
        {"start": months, "month": range(len(months))}, schema={"start": pl.Date, "month": pl.Int64}
    )
    cells = (
        weights.join(counts, on=["team_id", "start"], how="left").join(numbered, on="start")
        .with_columns(pl.col("tickets", "others", "caused").fill_null(0)).sort("team_id", "month")
    )  # fmt: skip
    others = asked.filter(other)["category"].drop_nulls().unique().sort().to_list()
    return Panel(
        cells, _taken_up(tables, settings, as_of, part, months), tuple(months), per, tuple(others),
        asked.filter(pl.col("team_id").is_null() & mine).height,
    )  # fmt: skip


def first_uses(tables: Tables, settings: Settings, as_of: datetime, part: Component) -> pl.DataFrame:
    """When each team first used a component by itself: ``team_id``, ``first_at``.

    Where services are known to be on a golden path of the component, when the first of the team came onto it (of the team that
    owned it then); else its first run that succeeded. A run may have been there before the path, and replaced nothing.
    """
    runs = tables["action_runs"].filter(
        pl.col("outcome") == "success",
        pl.col("operation_id").is_in(list(part.operations)) | pl.col("golden_path_id").is_in(list(part.golden_paths)),
    ).select("team_id", pl.coalesce("finished_at", "requested_at").alias("first_at")).collect()  # fmt: skip
    stays = golden_paths.spells(golden_paths.evidence(tables, settings, as_of)).filter(
        pl.col("golden_path_id").is_in(list(part.golden_paths))
    )  # fmt: skip
    days = stays.select("service_id", "began", pl.col("began").dt.date().alias("day"), pl.col("began").alias("at"))
    came = attribute(golden_paths.STATE, days, tables["ownership"].collect(), settings.time_zone)
    first = came.select("team_id", pl.col("began").alias("first_at")) if came.height else runs
    return first.drop_nulls().group_by("team_id").agg(pl.col("first_at").min()).sort("team_id")


def _taken_up(
    tables: Tables, settings: Settings, as_of: datetime, part: Component, months: Sequence[date]
) -> pl.DataFrame:
    """``team_id``, ``month`` of the first use; −1 before the first whole month, the number of months after the last."""
    firsts = first_uses(tables, settings, as_of, part)
    start = pl.col("first_at").dt.convert_time_zone(settings.time_zone).dt.date().dt.truncate("1mo")
    place = pl.lit(0, pl.Int64)
    for month in months:
        place = place + (start >= pl.lit(month)).cast(pl.Int64)
    after = start > pl.lit(months[-1]) if months else pl.lit(True)
    return firsts.with_columns(pl.when(after).then(len(months)).otherwise(place - 1).alias("month"))


def _weights(tables: Tables, settings: Settings, months: Sequence[date]) -> tuple[pl.DataFrame, str]:
    """``team_id``, ``start``, ``weight`` of every team but the platform's own in every month; and what the weight is."""
    starts = pl.DataFrame({"start": list(months)}, schema={"start": pl.Date}).with_columns(
        pl.col("start").dt.offset_by("1mo").alias("end")
    )
    kind = pl.col("kind")
    teams = tables["teams"].filter(
        kind.is_null() | (kind == "team"), pl.col("team_id") != (settings.platform_team or "")
    ).select("team_id").collect()  # fmt: skip
    people = tables["people"].filter(~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True))
    members = (
        tables["memberships"].join(people.select("person_id", "started_on", "ended_on"), on="person_id")
        .select("team_id", pl.max_horizontal("valid_from", "started_on").alias("from"),
                pl.min_horizontal("valid_to", pl.col("ended_on").dt.offset_by("1d")).alias("to")).collect()
    )  # fmt: skip
    owned = (
        tables["ownership"].join(tables["services"].select("service_id", "created_at", "retired_at"), on="service_id")
        .select("team_id", pl.max_horizontal("valid_from", pl.col("created_at").dt.date()).alias("from"),
                pl.min_horizontal("valid_to", pl.col("retired_at").dt.date()).alias("to")).collect()
    )  # fmt: skip
    always = teams.with_columns(pl.lit(None, pl.Date).alias("from"), pl.lit(None, pl.Date).alias("to"))
    spans, per = next(
        (held, word)
        for held, word in ((members, DEVELOPER), (owned, SERVICE), (always, TEAM))
        if held.height or word == TEAM
    )
    there = spans.join(starts, how="cross").with_columns(
        (pl.min_horizontal("to", "end") - pl.max_horizontal("from", "start")).dt.total_days().clip(lower_bound=0).alias("days")
    )  # fmt: skip
    length = (pl.col("end") - pl.col("start")).dt.total_days()
    sums = (
        there.group_by("team_id", "start", "end")
        .agg(pl.col("days").sum())
        .with_columns((pl.col("days") / length).alias("weight"))
    )
    return sums.join(teams, on="team_id", how="semi").select("team_id", "start", "weight"), per
