"""Study ``people_return``: do people who used the platform in one month use it in the next, where nobody makes them?"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import shares
from idp_analytics.estimates.adding import averaged
from idp_analytics.metrics.cells import known_by
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.period_ends import UTC_TIME, period_ends
from idp_analytics.settings import Settings

BY_HAND = ("ui", "api", "cli")
"""Channels by which a person asks; what automation asks for, nobody chose to."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "every": pl.String,  # 1mo
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "n": pl.Int64,  # people with a use of their own choice in the month before, still here at the end of this one; null: withheld
    "k": pl.Int64,  # of them, with one in this month
    "left": pl.Int64,  # beside n: left the company by its end
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "daily": pl.Float64,  # people with a use per day with any, of those with one in the month: a diagnostic, no goal
    "level": pl.Float64,
    "is_withheld": pl.Boolean,  # fewer people than rules.min_cohort, all or none of fewer than twice as many, or a month that is not over
}
"""The columns of the study, in order."""


def people_return(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """People with a purposeful use in one month who have one in the next: of the organisation, by month (:data:`COLUMNS`).

    By choice: an event that says it did something, a run asked for by hand (:data:`BY_HAND`), a deployment started by a person through a
    golden path; not what uses a path while its mandate is in force, nor page views, nor bots. Who left the company did not stay away and
    is counted apart. Interval: Wilson 1927. Groups of fewer than ``rules.min_cohort`` people are withheld, nothing is told of a month that is not over, and there are none by team:
    the groups of two months share people, so that a person who moved could be told from the difference of two of them.
    """
    used = _uses(tables, settings, as_of)
    if used.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = used["day"].min()  # type: ignore[assignment]
    span = ("every", "period", "period_start", "is_partial")
    ends = period_ends(settings, as_of, first, ("1mo",)).select(*span, "day")
    months = used.with_columns(pl.col("day").dt.truncate("1mo").alias("month"))
    active = months.select("person_id", "month").unique()
    gone = tables["people"].select("person_id", "ended_on").collect()
    pairs = (
        active.with_columns(pl.col("month").dt.offset_by("1mo").alias("period_start"))
        .join(ends, on="period_start")
        .join(active.select("person_id", pl.col("month").alias("period_start"), pl.lit(True).alias("back")), on=["person_id", "period_start"], how="left")
        .join(gone, on="person_id", how="left")
    )  # fmt: skip
    here = (pl.col("ended_on").is_null() | (pl.col("ended_on") >= pl.col("day"))).fill_null(True)
    counts = pairs.group_by(span).agg(
        here.sum().alias("n"), (here & pl.col("back").fill_null(False)).sum().alias("k"), (~here).sum().alias("left")
    )
    # The mean over days of people active that day, out of those active in the month (DAU ÷ MAU on days with any use).
    size = months.group_by(pl.col("month").alias("period_start")).agg(pl.col("person_id").n_unique().alias("_people"))
    daily = (
        months.group_by("day", pl.col("month").alias("period_start")).agg(pl.col("person_id").n_unique().alias("_active"))
        .join(size, on="period_start").group_by("period_start").agg(averaged(pl.col("_active") / pl.col("_people")).alias("daily"), pl.col("_people").first())
    )  # fmt: skip
    level, least = settings.rules.level, settings.rules.min_cohort
    low, high = shares.wilson(counts["k"].to_numpy(), counts["n"].to_numpy(), level)
    found = counts.with_columns(
        pl.when(pl.col("n") > 0).then(pl.col("k") / pl.col("n")).alias("share"),
        *(pl.Series(name, values).fill_nan(None) for name, values in (("low", low), ("high", high))),
    ).join(daily, on="period_start", how="left")
    # All or none of few would say it of each of them; and in a month that is not over they come back one by one, from report to report.
    is_mixed = (pl.col("k") > 0) & (pl.col("k") < pl.col("n"))
    few = (pl.col("n") < least) | ((pl.col("n") < 2 * least) & ~is_mixed) | pl.col("is_partial")
    return (
        found.with_columns(
            *(pl.when(~few).then(name).alias(name) for name in ("n", "k", "left", "share", "low", "high")),
            pl.when(~pl.col("is_partial"), pl.col("n") >= least, pl.col("_people") >= least).then("daily").alias("daily"), few.alias("is_withheld"),
            pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(level).alias("level"),
        )
        .sort("period_start")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _uses(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``person_id`` and ``day`` of each use by choice."""
    none = pl.lit(None, pl.String).alias("golden_path_id")
    by_hand = pl.col("channel").is_null() | pl.col("channel").is_in(list(BY_HAND))
    parts = (
        tables["usage"].filter("purposeful").select("person_id", pl.col("at").cast(UTC_TIME), none),
        tables["action_runs"].filter(by_hand).select(pl.col("requestor_id").alias("person_id"), pl.col("requested_at").cast(UTC_TIME).alias("at"), "golden_path_id"),
        production_deployments(tables, settings).filter(~pl.col("automated").fill_null(False), pl.col("golden_path_id").is_not_null())
        .select(pl.col("initiated_by").alias("person_id"), pl.col("finished_at").cast(UTC_TIME).alias("at"), "golden_path_id"),
    )  # fmt: skip
    bots = tables["people"].filter("is_bot").select("person_id")
    mandates = tables["golden_paths"].select("golden_path_id", "mandated_from")
    return (
        known_by(pl.concat(parts).drop_nulls("person_id"), settings, as_of)
        .join(bots, on="person_id", how="anti")
        .join(mandates, on="golden_path_id", how="left")
        .filter((pl.col("day") < pl.col("mandated_from")).fill_null(True))
        .select("person_id", "day")
        .collect()
    )
