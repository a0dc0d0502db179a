"""When a team is under stress, and when the same team at the same hours is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

STRESSES = ("incident", "page load")
"""An open severe incident of the team; the weeks in which it was paged most."""

SEVERE = 2
"""From this severity on, 1 being the worst, an incident puts its team under stress."""

YEAR = timedelta(days=365)
"""How far back from the moment of looking."""

AFTER = timedelta(hours=2)
"""How long stress lasts once an incident is resolved."""

LONGEST = timedelta(hours=72)
"""What stays open longer is a state and no emergency: its window ends here."""

APART = timedelta(hours=24)
"""A calm window is at least so far from every stress window of its team."""

WEEKS = 8
"""How many weeks before and after a stress window calm ones are looked for."""

CALM = 4
"""How many calm windows, the nearest, stand beside one stress window."""

FEWEST = 5
"""Windows with anything to see from which something is told; of fewer it is untested."""

HEAVY, FEWEST_PAGES = 5, 3
"""Of a year's weeks the tenth with most pages, of at least so many pages each."""

_UTC = pl.Datetime("us", "UTC")


def windows(
    tables: Tables, settings: Settings, moments: pl.DataFrame, stresses: Collection[str] = STRESSES
) -> pl.DataFrame:
    """Windows of the ``stresses`` and the calm ones matched to each, of the year before each of ``moments`` (``at``).

    Columns: ``at``, ``stress`` (:data:`STRESSES`), ``team_id``, ``cluster`` (the incident that began it, or the week), ``is_stress``,
    ``from``, ``to`` (UTC, half-open), ``incidents`` (severe ones in it). Incidents of one team that overlap are one window, from opening
    to two hours after the last is resolved (:data:`AFTER`, at most :data:`LONGEST` each). A calm window is the same team's, as long, on
    the same weekday at the same wall time, up to :data:`WEEKS` weeks before or after, in the data, over before ``at`` and
    :data:`APART` from all stress of that kind; the nearest :data:`CALM` are taken, of two as near the earlier. A window without any is
    left out. One calm window may stand beside two of stress.
    """
    began = tables["deployments"].select(pl.coalesce("started_at", "finished_at").min()).collect().item()
    found = []
    if STRESSES[0] in stresses:
        found.append(_matched(_episodes(tables, moments), settings, began, APART))
    if STRESSES[1] in stresses:
        found.append(_matched(_heavy_weeks(tables, settings, moments), settings, began, timedelta(0)))
    return pl.concat(found).sort("at", "stress", "team_id", "cluster", "is_stress", "from")


def spans(tables: Tables, moments: pl.DataFrame) -> pl.DataFrame:
    """Every severe incident of the year before each of ``moments`` (``at``), one by one: ``at``, ``incident_id``, ``service_id``, ``team_id`` (null: none known), ``from``,
    ``to`` (UTC, half-open: two hours after it was resolved, :data:`LONGEST` at most)."""
    at, opened = pl.col("at"), pl.col("opened_at")
    severe = (
        tables["incidents"].filter(pl.col("severity") <= SEVERE)
        .select("incident_id", "service_id", "team_id", "opened_at", "resolved_at").collect()
    )  # fmt: skip
    # Open still, or resolved only later: as known at the moment it goes on. One said to end before it began has no length.
    ends = pl.max_horizontal(pl.col("resolved_at").fill_null(at), opened) + AFTER
    return (
        severe.join(moments.select("at").unique(), how="cross")
        .filter(opened < at, opened >= at - YEAR)
        .with_columns(opened.alias("from"), pl.min_horizontal(ends, opened + LONGEST, at).alias("to"))
        .select("at", "incident_id", "service_id", "team_id", "from", "to")
        .sort("at", "team_id", "from", "incident_id")
    )


def inside(there: pl.DataFrame, seen: pl.DataFrame, by: Sequence[str] = ("team_id",)) -> pl.DataFrame:
    """What is ``seen`` (``by``, ``happened_at``) within windows of ``there`` (``by``, ``from``, ``to``), joined by day so that the work grows with what happened and not
    with its square."""
    days = pl.date_ranges(pl.col("from").dt.date(), pl.col("to").dt.date())
    number = pl.Categorical(pl.Categories.random())
    numbered = [pl.col(name).cast(number) for name in by if there.schema[name] == pl.String]
    by_day = there.with_columns(days.alias("_day"), *numbered).explode("_day")
    happened = pl.col("happened_at")
    if there.height:
        seen = seen.filter(happened >= there["from"].min(), happened < there["to"].max())
    dated = seen.with_columns(happened.dt.date().alias("_day"), *numbered)
    return (
        by_day.join(dated, on=[*by, "_day"], how="inner")
        .filter(happened >= pl.col("from"), happened < pl.col("to"))
        .drop("_day")
        .with_columns(pl.col(name).cast(pl.String) for name in by if there.schema[name] == pl.String)
    )


def _episodes(tables: Tables, moments: pl.DataFrame) -> pl.DataFrame:
    whose = spans(tables, moments).drop_nulls("team_id")
    before = pl.col("to").cum_max().shift(1).over("at", "team_id")
    return (
        whose.with_columns((pl.col("from") > before).fill_null(True).cum_sum().over("at", "team_id").alias("_episode"))
        .group_by("at", "team_id", "_episode", maintain_order=True)
        .agg(
            pl.col("incident_id").first().alias("cluster"), pl.col("from").min(), pl.col("to").max(),
            pl.len().cast(pl.Int64).alias("incidents"),
        )
        .select(pl.lit(STRESSES[0]).alias("stress"), pl.all().exclude("_episode"))
    )  # fmt: skip


def _heavy_weeks(tables: Tables, settings: Settings, moments: pl.DataFrame) -> pl.DataFrame:
    at, begins = pl.col("at"), pl.col("from")
    local = pl.col("paged_at").dt.convert_time_zone(settings.time_zone)
    shift = timedelta(days=settings.calendar.first_weekday)
    begun = ((local.dt.date() - shift).dt.truncate("1w") + shift).cast(pl.Datetime("us"))
    weeks = (
        tables["pages"].filter(pl.col("team_id").is_not_null())
        .with_columns(begun.dt.replace_time_zone(settings.time_zone, ambiguous="earliest", non_existent="null").alias("_week"))
        .drop_nulls("_week").group_by("team_id", "_week").agg(pl.len().alias("pages")).collect()
    )  # fmt: skip
    end = pl.col("_week").dt.offset_by("1w").dt.convert_time_zone("UTC").cast(_UTC)
    return (
        weeks.with_columns(pl.col("_week").dt.convert_time_zone("UTC").cast(_UTC).alias("from"), end.alias("to"))
        .join(moments.select("at").unique(), how="cross")
        .filter(pl.col("to") <= at, begins >= at - YEAR, pl.col("pages") >= FEWEST_PAGES)
        .sort("at", "team_id", "pages", "from", descending=[False, False, True, False])
        .group_by("at", "team_id", maintain_order=True)
        .head(HEAVY)
        .select(
            pl.lit(STRESSES[1]).alias("stress"), "at", "team_id",
            pl.col("_week").dt.strftime("%Y-%m-%d").alias("cluster"), "from", "to", pl.lit(0, pl.Int64).alias("incidents"),
        )
    )  # fmt: skip


def _matched(stress: pl.DataFrame, settings: Settings, began: object, apart: timedelta) -> pl.DataFrame:
    at, key = pl.col("at"), ["at", "team_id", "cluster"]
    shifts = pl.DataFrame({"_shift": [k for week in range(1, WEEKS + 1) for k in (-week, week)]})
    order = pl.col("_shift").abs() * 2 + (pl.col("_shift") > 0)
    by = pl.format("{}w", "_shift")
    length = pl.col("to") - pl.col("from")
    moved = (
        pl.col("from").dt.convert_time_zone(settings.time_zone).dt.offset_by(by).dt.convert_time_zone("UTC").cast(_UTC)
    )
    candidates = (
        stress.join(shifts, how="cross")
        .with_columns(moved.alias("_from"), order.alias("_order"))
        .with_columns((pl.col("_from") + length).alias("_to"))
        .filter(pl.col("_to") <= at, pl.col("_from") >= pl.lit(began).cast(_UTC))
    )
    # Windows of stress of one team lie apart, so of those that begin before a candidate is over the last ends last: only that one need be looked at.
    others = stress.select(
        "at", "team_id", (pl.col("from") - apart).alias("_begins"), (pl.col("to") + apart).alias("_ends")
    )
    touched = (
        candidates.sort("_to").join_asof(
            others.sort("_begins"), left_on="_to", right_on="_begins", by=["at", "team_id"], allow_exact_matches=False, check_sortedness=False
        ).filter(pl.col("_from") < pl.col("_ends"))
        .select(*key, "_shift")
    )  # fmt: skip
    calm = (
        candidates.join(touched, on=[*key, "_shift"], how="anti")
        .sort(*key, "_order").group_by(*key, maintain_order=True).head(CALM)
        .with_columns(pl.col("_from").alias("from"), pl.col("_to").alias("to"), pl.lit(False).alias("is_stress"))
        .drop("_from", "_to", "_shift", "_order")
    )  # fmt: skip
    kept = stress.join(calm.select(key).unique(), on=key, how="semi").with_columns(pl.lit(True).alias("is_stress"))
    columns = ["at", "stress", "team_id", "cluster", "is_stress", "from", "to", "incidents"]
    return pl.concat([kept.select(columns), calm.select(columns)])
