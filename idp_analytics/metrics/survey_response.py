"""How many of each group answered a wave at all, as far as that may be shown: who answered is somebody's secret too.

The response of a group is withheld where fewer than ``rules.min_cohort`` people could have answered, where none of few did, and
where it would follow from the whole less the groups that are shown (:mod:`idp_analytics.estimates.disclosure`). That everybody of a
group answered is no secret: it accuses nobody, and the number beside any rating says it.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.estimates import disclosure
from idp_analytics.metrics import survey_groups, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import of_last_moment
from idp_analytics.metrics.survey_groups import COUNTED, FAVOURABLE, WITHHELD, full_from
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

_ORG, _NOBODYS = "\0org", "\0none"


def response(answers: pl.DataFrame, heads: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """One row per group and wave (:data:`survey_groups.COUNTED`, no question): ``n`` could have answered, ``k`` did.

    ``answers``, ``heads``: what :mod:`survey_waves` gives. Only waves whose headcount is known. Who is of no known team is one
    more group, always withheld.
    """
    people = answers.select(*WAVE, "response_id", "team_id").unique(
        [*WAVE, "response_id"], keep="first", maintain_order=True
    )
    group = pl.col("team_id").fill_null(_NOBODYS).alias("group")
    in_teams = heads.filter(pl.col("team_id").is_not_null()).select(*WAVE, group, "headcount")
    asked = (
        answers.select(WAVE)
        .unique()
        .join(heads.filter(pl.col("team_id").is_null()).select(*WAVE, "headcount"), on=list(WAVE))
    )
    answered = people.group_by(*WAVE, group).agg(pl.len().alias("k"))
    teams = in_teams.join(answered, on=[*WAVE, "group"], how="full", coalesce=True).join(
        asked.select(WAVE), on=list(WAVE), how="semi"
    )
    whole = asked.join(people.group_by(WAVE).agg(pl.len().alias("k")), on=list(WAVE)).with_columns(
        pl.lit(_ORG).alias("group")
    )
    k = pl.col("k").fill_null(0).cast(pl.Int64)
    both = pl.concat([part.select(*WAVE, "group", "headcount", k.alias("k")) for part in (whole, teams)]).with_columns(
        (pl.col("headcount").fill_null(0).cast(pl.Int64) - pl.col("k")).clip(0).alias("silent"),
        pl.when(pl.col("group") != _ORG).then(pl.lit(_ORG)).alias("whole"),
        pl.col("headcount").is_not_null().alias("may"), pl.lit(True).alias("spreads"),
    )  # fmt: skip
    least, full = settings.rules.min_cohort, full_from(settings)
    told = disclosure.shown(both, ["k", "silent"], WAVE, least, mixed_below=full, secret=["k"])
    return told.select(
        *WAVE, pl.lit(None, pl.String).alias("question_id"), pl.lit(None, pl.String).alias("option"),
        pl.when(pl.col("group") == _ORG).then(pl.lit("org")).otherwise(pl.lit("team")).alias("scope"),
        pl.when(~pl.col("group").is_in([_ORG, _NOBODYS])).then("group").alias("team_id"),
        pl.when("is_shown").then(pl.lit(FAVOURABLE)).otherwise(pl.lit(WITHHELD)).alias("detail"),
        pl.when("is_shown").then(pl.col("headcount").cast(pl.Int64)).alias("n"), pl.when("is_shown").then("k").alias("k"),
    ).select(pl.col(name).cast(dtype) for name, dtype in COUNTED.items())  # fmt: skip


@of_last_moment
def answers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The answers to closed waves but those of people who leave (:func:`survey_waves.answers`), with ``is_open``: false of a team whose
    response is withheld though that of its wave is shown. No count of its answers may be shown: each says how many answered at least."""
    told = survey_waves.answers(tables, settings, as_of).filter(pl.col("part") != survey_waves.EXIT)
    responses = response(told, survey_waves.headcounts(tables, settings, as_of), settings)
    of_wave = responses.filter(pl.col("scope") == "org", pl.col("detail") != WITHHELD)
    shut = responses.filter(pl.col("scope") == "team", pl.col("detail") == WITHHELD).drop_nulls("team_id").join(
        of_wave, on=list(WAVE), how="semi"
    ).select(*WAVE, "team_id", pl.lit(False).alias("is_open"))  # fmt: skip
    return told.join(shut, on=[*WAVE, "team_id"], how="left", maintain_order="left").with_columns(
        pl.col("is_open").fill_null(True)
    )


@of_last_moment
def levels(tables: Tables, settings: Settings, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What :func:`survey_groups.levels` says of :func:`answers`."""
    return survey_groups.levels(answers(tables, settings, as_of), settings)


def there(responses: pl.DataFrame, answers: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Teams (:data:`WAVE`, ``team_id``) of which it is not known that nobody answered; where nobody knows who was in which team, all."""
    known = responses.filter(pl.col("scope") == "team").drop_nulls("team_id")
    others = answers.select(WAVE).unique().join(known, on=list(WAVE), how="anti")
    every = others.join(tables["teams"].select("team_id").unique().collect(), how="cross")
    return pl.concat(
        [
            known.filter(pl.col("k").is_null() | (pl.col("k") > 0)).select(*WAVE, "team_id"),
            every.select(*WAVE, "team_id"),
        ]
    )
