"""Study ``maturity_roles``: what users, the platform's people and leaders of the whole organisation say, each beside what is seen.

A level and how sure it is, never how answers spread: a team less its users is its leader. Of the organisation alone, of all roles or none by their size, and not of a
role whose people are all but a few of a team's (or of everybody), whose level is told too.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import self_levels
from idp_analytics.metrics.maturity.evidence import criteria
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.metrics.maturity.studies import FEWEST, gap
from idp_analytics.settings import Settings

SMALL, NEAR = "a role has too few people", "nearly the same people as a team, or as everybody"
"""Why nothing is told of a role."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "wave": pl.String,
    "role": pl.String,
    "aspect": pl.String,  # null: withheld
    "title": pl.String,
    "self_level": pl.Int64,
    "self_low": pl.Int64,
    "self_high": pl.Int64,
    "respondents": pl.Int64,
    "low": pl.Int64,  # seen, of the organisation
    "high": pl.Int64,
    "gap_low": pl.Int64,  # said less seen
    "gap_high": pl.Int64,
    "gap": pl.String,  # studies.MORE …
    "why": pl.String,  # why nothing is told
}
"""The columns of the study, in order."""


def maturity_roles(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per role and aspect of the last closed wave, or one per role of which nothing is told, and why (:data:`COLUMNS`); none where no role is known."""
    least, model = settings.rules.min_cohort, settings.maturity
    given = self_levels.with_roles(tables, settings, as_of)
    given = given.filter(pl.col("number") == pl.col("number").max())
    people = given.select("respondent", "team_id", "role", "wave").unique("respondent")
    known = people.drop_nulls("role").group_by("wave", "role").agg(pl.len().alias("people"))
    unknown = people["role"].null_count()
    if known.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    if known["people"].min() < least or 0 < unknown < least:  # type: ignore[operator]
        told = known.with_columns(pl.lit(SMALL).alias("why"))
    else:
        told = known.join(_near(people, least), on="role", how="left")
    # Levels by entity are what is asked of teams; here each role is one.
    said = self_levels.self_levels(
        given.drop_nulls("role").with_columns(pl.col("role").alias("team_id")), model, settings.rules.level
    ).filter(pl.col("scope") == "team", pl.col("respondents") >= least).rename({"entity_id": "role"}).drop("scope", "wave", "number")  # fmt: skip
    open_ = told.filter(pl.col("why").is_null()).join(self_levels.not_alike(said, least), on="role").drop("people")
    seen = levels(criteria(tables, settings, as_of)).filter(pl.col("scope") == "org").select("aspect", "low", "high")
    titles = pl.DataFrame([(i, a.id, a.title) for i, a in enumerate(model.aspects)], schema=["_at", "aspect", "title"], orient="row")  # fmt: skip
    beside = open_.join(titles, on="aspect").join(seen, on="aspect", how="left").with_columns(
        (pl.col("self_low") - pl.col("high")).alias("gap_low"), (pl.col("self_high") - pl.col("low")).alias("gap_high")
    ).with_columns(gap().alias("gap"))  # fmt: skip
    both = pl.concat([beside, told.filter(pl.col("why").is_not_null()).drop("people")], how="diagonal_relaxed")
    return (
        both.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
        .sort("_at", "role", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _near(people: pl.DataFrame, least: int) -> pl.DataFrame:
    """Roles that differ by fewer than ``least`` people, and by one at least, from a group whose level is told: ``role``, ``why``."""
    groups = pl.concat([people.with_columns(pl.lit(ORG, pl.String).alias("group")), people.with_columns(pl.lit("team/").add(pl.col("team_id")).alias("group"))])  # fmt: skip
    sizes = groups.group_by("group").agg(pl.len().alias("size")).filter(pl.col("size") >= FEWEST)
    shared = groups.drop_nulls("role").group_by("role", "group").agg(pl.len().alias("shared"))
    own = people.drop_nulls("role").group_by("role").agg(pl.len().alias("own"))
    apart = pl.col("size") + pl.col("own") - 2 * pl.col("shared")
    near = shared.join(sizes, on="group").join(own, on="role").filter(apart.is_between(1, least - 1))
    return near.select("role").unique().with_columns(pl.lit(NEAR).alias("why"))
