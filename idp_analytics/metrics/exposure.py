"""What a count is divided by when it is not days: weeks of services, shifts of on-call rotas.

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


def service_weeks(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Spans in weeks of services: each from its creation to its retirement; a team has those it owns, while it does.

    Every service of the catalogue counts, also one that never paged anybody: that it was quiet is part of the answer.
    """
    zone = settings.time_zone
    local = [
        pl.col(name).dt.convert_time_zone(zone).dt.replace_time_zone(None).alias(f"_{name}")
        for name in ("created_at", "retired_at")
    ]
    lives = tables["services"].select("service_id", *local)
    named = ever_paged(tables, "service_id")
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
    return pl.concat([own, org, owned]).with_columns(pl.lit(1 / 7).alias("per_day"))


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
