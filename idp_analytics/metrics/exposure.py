"""What a count is divided by when it is not days: weeks or months of services, months of developers, shifts of on-call rotas.

The ``exposure`` of a metric gives **spans**, one row each: ``scope``, ``entity_id``, ``begins``, ``ends`` (wall time of the
organisation, half-open; null: as far as the data go) and ``per_day``, how much of the exposure one day of it is. At
organisation scope every span is the organisation's, so that what is counted there is divided by all there was.
"""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.adding import added
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.pages import ever_paged
from idp_analytics.settings import Settings

_WALL = pl.Datetime("us")

MONTH_DAYS = 365.25 / 12
"""Days in a month of exposure: all months count alike, however long they are."""


def service_weeks(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Spans in weeks of services: each from its creation to its retirement; a team has those it owns, while it does.

    Every service of the catalogue counts, also one that never paged anybody: that it was quiet is part of the answer.
    """
    return _of_services(tables, settings, ever_paged(tables, "service_id"), 7.0)


def service_months(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The same in months of :data:`MONTH_DAYS`, with the services that tickets name instead of those that paged."""
    asked = tables["tickets"].select("service_id").drop_nulls().unique()
    return _of_services(tables, settings, asked, MONTH_DAYS)


def developer_months(tables: Tables, _: Settings) -> pl.LazyFrame:
    """Spans in months (:data:`MONTH_DAYS`) of developers: people, bots and those said to be none excepted.

    The organisation's begin with the first day at work, else with the first membership, and end with the last day, else with
    the last membership, so that who is in two teams, or in none for a while, is one developer. A team has its members while
    they are; services have none.
    """
    people = tables["people"].filter(~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True)).select(
        "person_id", "started_on", pl.col("ended_on").dt.offset_by("1d").alias("_left")
    )  # fmt: skip
    held = tables["memberships"].group_by("person_id").agg(
        pl.when(pl.col("valid_from").is_not_null().all()).then(pl.col("valid_from").min()).alias("_first"),
        pl.when(pl.col("valid_to").is_not_null().all()).then(pl.col("valid_to").max()).alias("_last"),
    )  # fmt: skip
    org = people.join(held, on="person_id", how="left").select(
        pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"),
        pl.coalesce("started_on", "_first").alias("begins"), pl.coalesce("_left", "_last").alias("ends"),
    )  # fmt: skip
    teams = tables["memberships"].join(people, on="person_id").select(
        pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"),
        pl.max_horizontal("valid_from", "started_on").alias("begins"), pl.min_horizontal("valid_to", "_left").alias("ends"),
    )  # fmt: skip
    return pl.concat([org, teams]).with_columns(
        pl.col("begins", "ends").cast(_WALL), pl.lit(1 / MONTH_DAYS).alias("per_day")
    )


def _of_services(tables: Tables, settings: Settings, named: pl.LazyFrame, days: float) -> pl.LazyFrame:
    """Spans of services in units of so many ``days``; ``named``: ids that count although the catalogue may not have them."""
    zone = settings.time_zone
    local = [
        pl.col(name).dt.convert_time_zone(zone).dt.replace_time_zone(None).alias(f"_{name}")
        for name in ("created_at", "retired_at")
    ]
    lives = tables["services"].select("service_id", *local)
    known = pl.concat([lives, named.join(lives, on="service_id", how="anti")], how="diagonal")
    whole = known.select("service_id", pl.col("_created_at").alias("begins"), pl.col("_retired_at").alias("ends"))
    from_day, to_day = (pl.col(name).cast(_WALL) for name in ("valid_from", "valid_to"))
    owned = (
        tables["ownership"]
        .sort("service_id", pl.col("valid_from").fill_null(pl.date(1, 1, 1)))
        .with_columns(pl.col("valid_from").shift(-1).over("service_id").cast(_WALL).alias("_next"))
        .join(known, on="service_id", how="left")
        .select(
            pl.lit("team").alias("scope"),
            pl.col("team_id").alias("entity_id"),
            pl.max_horizontal(from_day, "_created_at").alias("begins"),
            pl.min_horizontal(to_day, "_next", "_retired_at").alias("ends"),
        )
    )
    own = whole.select(pl.lit("service").alias("scope"), pl.col("service_id").alias("entity_id"), "begins", "ends")
    org = whole.select(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), "begins", "ends")
    return pl.concat([own, org, owned]).with_columns(pl.lit(1 / days).alias("per_day"))


def shifts(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Spans in on-call shifts (``calendar.shift_hours``): one rota, day and night, for every team that was ever paged."""
    paged = ever_paged(tables, "team_id")
    rotas = paged.join(tables["teams"].select("team_id", "valid_from", "valid_to"), on="team_id", how="left").select(
        pl.col("team_id").alias("entity_id"),
        pl.col("valid_from").cast(_WALL).alias("begins"),
        pl.col("valid_to").cast(_WALL).alias("ends"),
        pl.lit(24 / settings.calendar.shift_hours).alias("per_day"),
    )
    columns = ("scope", "entity_id", "begins", "ends", "per_day")
    return pl.concat(
        [
            rotas.with_columns(pl.lit("team").alias("scope")).select(columns),
            rotas.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id")).select(columns),
        ]
    )


def exposed(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with ``days`` replaced by the exposure of their entity in the covered part of their period."""
    cell = ["scope", "entity_id", "every", "period_start"]
    covered = rows.select("every", "period_start", "covered_from", "covered_to").unique().lazy()
    begins = pl.max_horizontal("begins", "covered_from")
    ends = pl.min_horizontal("ends", "covered_to")
    amount = ((ends - begins).dt.total_microseconds() / 8.64e10).clip(lower_bound=0) * pl.col("per_day")
    sums = spans.lazy().join(covered, how="cross").group_by(cell).agg(added(amount).alias("_exposure")).collect()
    measured = pl.when("is_measured").then(pl.col("_exposure").fill_null(0.0)).otherwise(0.0)
    return rows.join(sums, on=cell, how="left").with_columns(measured.alias("days")).drop("_exposure")
