"""Study ``newcomers``: how many of those who joined since the data begin, and may be told of, were there after so many days."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG, Metric
from idp_analytics.estimates import survival
from idp_analytics.metrics import people
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.cohorts import ALL, withheld
from idp_analytics.metrics.gathered import Gathered, Gathering
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

FOLLOWED: tuple[Metric, ...] = tuple(metric for metric in CATALOGUE if metric.about_people)

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "metric": pl.String,
    "since": pl.Date,  # the first day a newcomer may have started on
    "left_out": pl.Int64,  # who started earlier: they may have been there before anything was recorded
    "is_withheld": pl.Boolean,  # too few to be shown: then nothing else is said
    "n": pl.Int64,  # newcomers
    "missing": pl.Int64,  # newcomers of whom it cannot be told
    "k": pl.Int64,  # of n, there by the end of the quarters they are told with (cohorts.batches)
    "median": pl.Float64,  # days; null: half are not there yet, or fewer are than the metric needs
    "median_low": pl.Float64,
    "median_high": pl.Float64,
    "level": pl.Float64,
    "day": pl.Int64,  # whole days after the first
    "at_risk": pl.Int64,  # followed so long and not there before that day
    "share": pl.Float64,  # there by the end of that day (Kaplan–Meier)
    "low": pl.Float64,
    "high": pl.Float64,
}
"""The columns of the study, in order."""


def newcomers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The Kaplan–Meier curve of each metric about newcomers, for the whole organisation and all who started in batches that are told (:mod:`cohorts`).

    One row per metric and day on which somebody got there, and one for day 0. Times are whole days, and the curve ends
    where fewer than ``rules.min_cohort`` are still followed: each later step would be one of a few people. Fewer
    newcomers than that: one row with ``is_withheld``. No newcomer: no row. Share, interval: 1 − Kaplan–Meier, on the log
    scale (Kalbfleisch & Prentice 1980).
    """
    if people.first_quarter(tables, settings, as_of) is None:
        return pl.DataFrame(schema=COLUMNS)
    gathering = Gathering(tables, settings, as_of)
    since = people.covered_since(tables, settings).collect().item()
    everyone = people.newcomers(tables, settings).collect()
    head = {
        "scope": "org", "entity_id": ORG, "since": since, "level": settings.rules.level,
        "left_out": everyone.filter(~pl.col("is_covered")).height,
    }  # fmt: skip
    return pl.concat(_followed(metric, gathering.of(metric), head, settings) for metric in FOLLOWED)


def _followed(metric: Metric, seen: Gathered, head: dict[str, object], settings: Settings) -> pl.DataFrame:
    least, level = settings.rules.min_cohort, settings.rules.level
    cube = seen.cube.select(pl.col("team_id").cast(pl.String), "day", "n", "missing")
    head = {**head, "metric": metric.name}
    if seen.durations is None or cube.is_empty() or withheld(cube, least).filter(every=ALL).height:
        return _shaped(pl.DataFrame([{**head, "is_withheld": True}]))
    # Somebody there in the course of a day is so at its end; who was lost sight of in it was not seen to its end.
    days = pl.when("hit").then(pl.col("x").ceil()).otherwise(pl.col("x").floor())
    rounded = seen.durations.select(pl.lit(metric.name).alias("metric"), days.alias("x"), "hit")
    median = survival.grouped_median(rounded, ["metric"], "x", "hit", level).row(0, named=True)
    told = {
        **head, "is_withheld": False, "n": median["n"], "missing": int(cube["missing"].sum()), "k": median["events"],
        "median": median["value"] if median["events"] >= metric.min_n else None, "median_low": median["low"], "median_high": median["high"],
    }  # fmt: skip
    steps = survival.curve(rounded, ["metric"], "x", "hit", level).filter(pl.col("at_risk") >= least)
    start = pl.DataFrame([{**told, "day": 0, "at_risk": median["n"], "share": 0.0, "low": 0.0, "high": 0.0}])
    later = steps.select(
        *(pl.lit(value).alias(name) for name, value in told.items() if name != "metric"),
        "metric", pl.col("time").alias("day"), "at_risk", (1 - pl.col("survival")).alias("share"),
        (1 - pl.col("high")).alias("low"), (1 - pl.col("low")).alias("high"),
    )  # fmt: skip
    return pl.concat([_shaped(start), _shaped(later)])


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in COLUMNS.items()
    )
