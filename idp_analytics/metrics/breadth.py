"""Studies ``adoption_breadth`` and ``capability_use``: how many teams use the platform, and of how much of it."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import CELL, ORG
from idp_analytics.estimates import concentration, medians, shares
from idp_analytics.metrics.cells import known_by
from idp_analytics.metrics.components import components
from idp_analytics.metrics.golden_paths import platform_teams
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.period_ends import UTC_TIME, period_ends
from idp_analytics.metrics.remembered import of_last_moment
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "n": pl.Int64,  # teams that could use it (of a team: 1)
    "k": pl.Int64,  # of them, with a purposeful use in the period
    "looked": pl.Int64,  # of n, that only looked at pages
    "share": pl.Float64,  # k ÷ n: breadth
    "low": pl.Float64,
    "high": pl.Float64,
    "depth": pl.Float64,  # median number of capabilities used per team with a use
    "depth_low": pl.Float64,
    "depth_high": pl.Float64,
    "capabilities": pl.Int64,  # that any team used in the period
    "uses": pl.Int64,  # purposeful ones
    "views": pl.Int64,  # page views and the like, never counted as use
    "others": pl.Int64,  # uses by the platform's own teams or by units that are no team
    "unknown": pl.Int64,  # uses of which the team is not known
    "gini": pl.Float64,  # of uses over the n teams: 0 all alike, 1 one has all
    "gini_low": pl.Float64,
    "gini_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``adoption_breadth``, in order."""

USE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "capability": pl.String,  # by the settings; component, operation or golden path where they name none
    "uses": pl.Int64,
    "k": pl.Int64,  # teams that used it
    "n": pl.Int64,  # teams that could
    "low": pl.Float64,  # of k ÷ n
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``capability_use``, in order."""

_SPAN = ["every", "period", "period_start", "is_partial"]


def adoption_breadth(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Teams that used the platform in each month and quarter, and how much of it (:data:`COLUMNS`): one row of the organisation, one per team.

    A use is purposeful: an event that says it did something, a run of a self-service operation, a production deployment through a golden
    path. Looking at a page is none. A capability is what ``[[component]]`` says a part of the platform is for, else that part; where settings
    name none, a component of ``usage``, an operation or a path by its own name, so that what two sources tell of counts twice. Eligible: units of kind team, there in the period, not the platform's own. Intervals: Wilson
    1927, order statistics (Conover 1999), jackknife (Yitzhaki 1991).
    """
    events, spans, teams = _events(tables, settings, as_of)
    if events.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    purposeful, many = pl.col("is_use"), pl.col("many")
    per_team = (
        events.join(teams.select(*_SPAN, "team_id"), on=[*_SPAN, "team_id"], how="semi")
        .group_by(*_SPAN, "team_id")
        .agg(
            many.filter(purposeful).sum().alias("uses"), many.filter(~purposeful).sum().alias("views"),
            pl.col("capability").filter(purposeful).n_unique().alias("depth"),
        )
    )  # fmt: skip
    level = settings.rules.level
    every = (
        teams.select(*_SPAN, "team_id").join(per_team, on=[*_SPAN, "team_id"], how="left")
        .with_columns(pl.col("uses", "views", "depth").fill_null(0)).with_columns((pl.col("uses") > 0).alias("is_active"))
    )  # fmt: skip
    no_team = pl.col("team_id").is_null()
    eligible = events.join(
        teams.select(*_SPAN, "team_id", pl.lit(True).alias("_is")), on=[*_SPAN, "team_id"], how="left"
    )
    beside = eligible.filter("is_use").group_by(_SPAN).agg(
        many.filter(~no_team & pl.col("_is").is_null()).sum().alias("others"), many.filter(no_team).sum().alias("unknown"),
        pl.col("capability").filter(pl.col("_is").fill_null(False)).n_unique().alias("capabilities"),
    )  # fmt: skip
    counts = every.group_by(_SPAN).agg(
        pl.len().alias("n"), pl.col("is_active").sum().alias("k"), (~pl.col("is_active") & (pl.col("views") > 0)).sum().alias("looked"),
        pl.col("uses", "views").sum(),
    )  # fmt: skip
    depth = medians.grouped(every.filter("is_active"), _SPAN, "depth", level=level).select(
        *_SPAN, pl.col("value").alias("depth"), pl.col("low").alias("depth_low"), pl.col("high").alias("depth_high")
    )
    spread = concentration.gini(every, _SPAN, "uses", level).select(
        *_SPAN, pl.col("value").alias("gini"), pl.col("low").alias("gini_low"), pl.col("high").alias("gini_high")
    )
    org = (
        counts.join(beside, on=_SPAN, how="left").join(depth, on=_SPAN, how="left").join(spread, on=_SPAN, how="left")
        .with_columns(pl.col("others", "unknown", "capabilities").fill_null(0), pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    )  # fmt: skip
    low, high = shares.wilson(org["k"].to_numpy(), org["n"].to_numpy(), level)
    ends = (pl.Series(name, values).fill_nan(None) for name, values in (("low", low), ("high", high)))
    org = org.with_columns((pl.col("k") / pl.col("n")).alias("share"), *ends)
    own = every.select(
        *_SPAN, pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"), pl.lit(1).alias("n"), pl.col("is_active").cast(pl.Int64).alias("k"),
        (~pl.col("is_active") & (pl.col("views") > 0)).cast(pl.Int64).alias("looked"), pl.col("depth").cast(pl.Float64),
        pl.col("depth").alias("capabilities"), "uses", "views",
    )  # fmt: skip
    return (
        pl.concat([org, own], how="diagonal_relaxed")
        .with_columns(pl.lit(level).alias("level"))
        .join(spans, on=_SPAN, how="semi")
        .sort(CELL)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def capability_use(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Purposeful uses of each capability in each month and quarter, and how many teams made them (:data:`USE_COLUMNS`).

    One row per entity and capability used; a team's row has ``k`` and ``n`` of all teams, so that it sees what others use. Teams and
    uses as in :func:`adoption_breadth`. Interval: Wilson 1927.
    """
    events, _, teams = _events(tables, settings, as_of)
    if events.is_empty():
        return pl.DataFrame(schema=USE_COLUMNS)
    used = events.filter("is_use").join(teams.select(*_SPAN, "team_id"), on=[*_SPAN, "team_id"], how="semi")
    own = used.group_by(*_SPAN, "capability", "team_id").agg(pl.col("many").sum().alias("uses"))
    sizes = teams.group_by(_SPAN).agg(pl.len().alias("n"))
    whole = own.group_by(*_SPAN, "capability").agg(pl.col("uses").sum(), pl.len().alias("k")).join(sizes, on=_SPAN)
    level = settings.rules.level
    low, high = shares.wilson(whole["k"].to_numpy(), whole["n"].to_numpy(), level)
    whole = whole.with_columns(pl.Series("low", low), pl.Series("high", high), pl.lit(level).alias("level"))
    org = whole.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    mine = own.join(whole.drop("uses"), on=[*_SPAN, "capability"]).with_columns(
        pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id")
    )
    return (
        pl.concat([org, mine.drop("team_id")], how="diagonal_relaxed")
        .sort(*CELL, "capability")
        .select(pl.col(name).cast(dtype) for name, dtype in USE_COLUMNS.items())
    )


@of_last_moment
def _events(tables: Tables, settings: Settings, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """How ``many`` events there are in each period they count in (by ``team_id``, ``capability``, ``is_use``), the periods, the eligible teams of each."""
    # Months and quarters are sums of months.
    day, what = pl.col("day"), ("team_id", "capability", "is_use")
    counted = known_by(told(tables, settings), settings, as_of).group_by(day.dt.truncate("1mo").alias("_month"), *what)
    found = counted.agg(pl.len().cast(pl.Int64).alias("many"), day.min()).collect()
    if found.is_empty():
        return found, pl.DataFrame(), pl.DataFrame()
    ends = period_ends(settings, as_of, found["day"].min())  # type: ignore[arg-type]
    spans = ends.select(*_SPAN, "begins", "at", pl.col("day").alias("_last"))
    month = pl.col("day").dt.truncate(pl.col("every")).alias("period_start")
    placed = (
        found.drop("_month").join(pl.DataFrame({"every": ends["every"].unique().sort()}), how="cross").with_columns(month)
        .join(spans.select(_SPAN), on=["every", "period_start"])
    )  # fmt: skip
    return placed, spans, eligible(tables, settings, spans)


def told(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Each use and page view: ``at``, ``team_id``, ``capability``, ``is_use``, and of what row (``source_table``, ``source_key``, ``load_id``, ``source_row``)."""
    parts = components(tables, settings)
    telling = (
        ("component", "usage", tables["usage"].with_columns(
            pl.col("purposeful").fill_null(False).alias("is_use"), pl.lit("usage").alias("source_table"), pl.col("event_id").alias("source_key"))),
        ("operation_id", "operations", tables["action_runs"].with_columns(
            pl.col("requested_at").alias("at"), pl.lit(True).alias("is_use"), pl.lit("action_runs").alias("source_table"), pl.col("run_id").alias("source_key"))),
        ("golden_path_id", "golden_paths", production_deployments(tables, settings).drop_nulls("golden_path_id").with_columns(
            pl.col("finished_at").alias("at"), pl.lit(True).alias("is_use"), pl.lit("deployments").alias("source_table"), pl.col("deployment_id").alias("source_key"))),
    )  # fmt: skip
    found = []
    for column, named, frame in telling:
        # What settings put together is one capability, whoever tells of it; the first part that names a thing has it.
        known = dict(tables[named].select(column, "title").collect().iter_rows()) if named != "usage" else {}
        of_parts = {name: part.capability or part.title for part in reversed(parts) for name in getattr(part, named)}
        capability = pl.col(column).replace({**known, **of_parts}).alias("capability")
        found.append(
            frame.select(
                pl.col("at").cast(UTC_TIME), "team_id", capability, "is_use", "source_table", "source_key", "load_id", "source_row"
            )
        )  # fmt: skip
    return pl.concat(found)


def eligible(tables: Tables, settings: Settings, spans: pl.DataFrame) -> pl.DataFrame:
    """The teams that could use the platform in each period (``period_start``, ``_last``: its last day): ``team_id`` beside the columns of ``spans``."""
    units = (
        tables["teams"].filter(pl.col("kind").is_null() | (pl.col("kind") == "team"))
        .select("team_id", "valid_from", "valid_to").collect().join(platform_teams(tables, settings), on="team_id", how="anti")
    )  # fmt: skip
    return spans.join(units, how="cross").filter(
        pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("_last")),
        pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("period_start")),
    )
