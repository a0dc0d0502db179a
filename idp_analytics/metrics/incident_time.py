"""Reliability: how much of the time a service was there for its users, and which of its promises it kept.

Time with an incident is the length of the *union* of a service's incidents: two that overlap are one outage. An outage
counts in every period it reaches into, for as long as it does, and for whoever owned the service then.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.answers import CELL, ORG, observations
from idp_analytics.estimates.adding import added, averaged
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import floored
from idp_analytics.settings import Settings
from idp_analytics.working_time import in_utc

_UTC = pl.Datetime("us", "UTC")
_FAR = (pl.datetime(1, 1, 1, time_zone="UTC"), pl.datetime(9999, 1, 1, time_zone="UTC"))

NO_TARGET = "objectives without a count of events or a target"


def incident_free_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per incident, dated by its opening: hours until it was resolved, ``hit`` false while it is open.

    What is measured is not these hours but the length of their union, see :func:`timed`. Every incident counts, whatever
    caused it: users do not care. Not usable: no known service, or resolved before it opened.
    """
    x = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_seconds(fractional=True) / 3600
    usable = pl.col("service_id").is_not_null() & (x >= 0).fill_null(True)
    return observations(
        tables["incidents"].with_columns(
            pl.col("opened_at").alias("at"), x.alias("x"), pl.col("resolved_at").is_not_null().alias("hit"),
            usable.alias("usable"), pl.col("incident_id").alias("source_key"),
        ),
        source_table="incidents",
    )  # fmt: skip


def service_level_attainment(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per objective and span, dated by the start of the span; a hit when the target was met.

    Met: good ÷ total is at least the target. Not usable: counts or target are not told, or nothing was counted.
    """
    share = pl.col("good") / pl.col("total")
    hit = share >= pl.col("target_share")
    return observations(
        objectives(tables).with_columns(
            pl.col("period_start").alias("at"), share.alias("x"), hit.alias("hit"), hit.is_not_null().alias("usable"),
            pl.col("service_level_id").alias("source_key"),
        ),
        source_table="service_levels",
    )  # fmt: skip


def objectives(tables: Tables) -> pl.LazyFrame:
    """``service_levels`` with ``good`` and ``total`` (Int64): its counts where they make sense, else both null."""
    good, total = pl.col("good_count"), pl.col("total_count")
    sound = (total > 0) & good.is_between(0, total)
    return tables["service_levels"].with_columns(
        pl.when(sound).then(good).alias("good"), pl.when(sound).then(total).alias("total")
    )


def outages(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """The union of every service's incidents: ``service_id``, ``from``, ``to`` (UTC, half-open), ``incidents`` in it.

    Open ones, and those resolved after ``as_of``, reach to it. Touching or overlapping ones are one.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(_UTC)
    begins, ends = pl.col("from"), pl.col("to")
    reached = ends.cum_max().shift(1).over("service_id")
    return (
        tables["incidents"]
        .filter(pl.col("service_id").is_not_null(), pl.col("opened_at") < now)
        .select(
            "service_id", pl.col("opened_at").alias("from"), pl.min_horizontal(pl.col("resolved_at").fill_null(now), now).alias("to")
        )
        .filter(ends >= begins)
        .sort("service_id", "from", "to")
        .with_columns((reached.is_null() | (begins > reached)).cum_sum().over("service_id").alias("_outage"))
        .group_by("service_id", "_outage")
        .agg(begins.min(), ends.max(), pl.len().cast(pl.Int64).alias("incidents"))
        .drop("_outage")
        .sort("service_id", "from")
        .collect()
    )  # fmt: skip


def held(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Whose a service was when: ``scope``, ``entity_id``, ``service_id``, ``begins``, ``ends`` (UTC; null: no bound).

    A service counts from its creation to its retirement; for a team while it owned it. Services that only incidents know
    have no bounds.
    """
    lives = tables["services"].select(
        "service_id", pl.col("created_at").alias("_begins"), pl.col("retired_at").alias("_ends")
    )
    named = tables["incidents"].select("service_id").drop_nulls().unique()
    known = pl.concat([lives, named.join(lives, on="service_id", how="anti")], how="diagonal")
    day = pl.col("valid_from").fill_null(pl.date(1, 1, 1))
    owned = (
        tables["ownership"]
        .sort("service_id", day)
        .with_columns(pl.col("valid_from").shift(-1).over("service_id").alias("_next"))
        .join(known, on="service_id", how="left")
        .select(
            pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"), "service_id",
            pl.max_horizontal(in_utc(pl.col("valid_from"), settings.time_zone), "_begins").alias("begins"),
            pl.min_horizontal(
                *(in_utc(pl.col(name), settings.time_zone) for name in ("valid_to", "_next")), "_ends"
            ).alias("ends"),
        )
    )  # fmt: skip
    whole = known.select("service_id", pl.col("_begins").alias("begins"), pl.col("_ends").alias("ends"))
    columns = ("scope", "entity_id", "service_id", "begins", "ends")
    service = whole.select(pl.lit("service").alias("scope"), pl.col("service_id").alias("entity_id"), *columns[2:])
    org = whole.select(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), *columns[2:])
    return pl.concat([org, owned, service]).collect()


def timed(rows: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``rows`` (one per entity and period) with the time of services in them and the time with an incident.

    ``days``: days of services covered; ``down``: of them, with an incident; ``squares``, ``largest``: the sum of squares and
    the largest of single outages, in days, as far as they lie in the period; ``typical``, ``typical_square``: mean and mean
    square of all outages of the organisation in periods of this length; ``n``: incidents in those outages; ``k``: outages.
    """
    covered = rows.select("every", "period_start", "covered_from", "covered_to", "is_measured").unique()
    covered = covered.filter("is_measured").with_columns(
        in_utc(pl.col(name), settings.time_zone).alias(name) for name in ("covered_from", "covered_to")
    )
    spans = held(tables, settings)
    stood = _overlap("begins", "ends")
    exposure = spans.lazy().join(covered.lazy(), how="cross").group_by(CELL).agg(added(stood).alias("_days")).collect()
    pieces = _pieces(outages(tables, as_of), spans, covered, settings)
    down = pieces.group_by(CELL).agg(
        added(pl.col("_down")).alias("down"), added(pl.col("_down") ** 2).alias("squares"),
        pl.col("_down").max().alias("largest"), pl.col("incidents").sum().alias("_n"), pl.len().cast(pl.Int64).alias("_k"),
    )  # fmt: skip
    usual = pieces.filter(pl.col("scope") == "org").group_by("every").agg(
        averaged(pl.col("_down")).alias("typical"), averaged(pl.col("_down") ** 2).alias("typical_square")
    )  # fmt: skip
    zero = pl.col("down", "squares", "largest").fill_null(0.0)
    measured = pl.when("is_measured")
    return (
        rows.drop("n", "k", strict=False)
        .join(exposure, on=list(CELL), how="left")
        .join(down, on=list(CELL), how="left")
        .join(usual, on="every", how="left")
        .with_columns(
            zero, measured.then(pl.col("_days").fill_null(0.0)).otherwise(0.0).alias("days"),
            pl.concat_str(
                pl.when("is_measured", pl.col("_days") > 0).then(
                    pl.format("over {} days of services", pl.col("_days").round(1))
                ),
                "note", separator="; ", ignore_nulls=True,
            ).alias("note"),
            measured.then(pl.col("_n").fill_null(0)).alias("n"), measured.then(pl.col("_k").fill_null(0)).alias("k"),
        )
        .drop("_days", "_n", "_k")
    )  # fmt: skip


def _pieces(found: pl.DataFrame, spans: pl.DataFrame, covered: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Outages cut by whose they were and by period: ``CELL``, ``_down`` (days), ``incidents``."""
    owned = (
        found.join(spans, on="service_id")
        .with_columns(
            pl.max_horizontal("from", "begins").alias("from"), pl.min_horizontal("to", "ends").alias("to")
        )
        .filter(pl.col("to") >= pl.col("from"))
    )  # fmt: skip
    lengths = covered["every"].unique().sort().to_list()
    return (
        pl.concat(_by_period(owned, every, settings) for every in lengths)
        .join(covered, on=["every", "period_start"])
        .with_columns(_overlap("from", "to").alias("_down"))
        .filter((pl.col("_down") > 0) | (pl.col("from") == pl.col("to")))
        if lengths
        else owned.with_columns(
            pl.lit(0.0).alias("_down"), pl.lit("").alias("every"), pl.lit(None, pl.Date).alias("period_start")
        ).clear()
    )


def _by_period(owned: pl.DataFrame, every: str, settings: Settings) -> pl.DataFrame:
    """``owned`` once for each period it touches, so that no outage meets periods it has nothing to do with."""
    week_start = settings.calendar.first_weekday
    days = [
        floored(pl.col(name).dt.convert_time_zone(settings.time_zone).dt.date(), every, week_start)
        for name in ("from", "to")
    ]
    return owned.with_columns(
        pl.lit(every).alias("every"), pl.date_ranges(days[0], days[1], every).alias("period_start")
    ).explode("period_start")


def _overlap(begins: str, ends: str) -> pl.Expr:
    """Days of the span that lie in the covered part of the period."""
    begun = pl.max_horizontal(pl.col(begins).fill_null(_FAR[0]), "covered_from")
    ended = pl.min_horizontal(pl.col(ends).fill_null(_FAR[1]), "covered_to")
    return ((ended - begun).dt.total_microseconds() / 8.64e10).clip(lower_bound=0)
