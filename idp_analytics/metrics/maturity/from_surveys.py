"""Measures of what is asked in surveys: can two waves be compared, who answers, and is what is rated measured as well."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from idp_analytics.metrics import survey_groups, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.measured import YEAR, nothing, of_count, of_shares, org_row
from idp_analytics.metrics.remembered import remembered
from idp_analytics.metrics.survey_response import answers as answers_given
from idp_analytics.metrics.survey_waves import GIVEN, ORDERED, WAVE
from idp_analytics.metrics.theme_links import METRICS
from idp_analytics.settings import Settings

SAME = 0.8
"""Share of the questions of a survey that the one before asked too, from which the two can be compared."""


def comparable_surveys(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Waves closed in the last year of which at least four in five questions were asked in the wave before."""
    asked = _asked(tables, settings, as_of).select(
        "survey_id", "number", "closed_on", "question_id"
    ).unique()  # fmt: skip
    source, unit = "comparable_surveys", "surveys"
    if asked.is_empty():
        return nothing(source, unit)
    before = asked.select(
        "survey_id", "question_id", (pl.col("number") + 1).alias("number"), pl.lit(True).alias("same")
    )
    shared = (
        asked.join(before, on=["survey_id", "question_id", "number"], how="left")
        .group_by("survey_id", "number", "closed_on").agg(pl.col("same").fill_null(False).mean())
    )  # fmt: skip
    first = (as_of - timedelta(days=YEAR)).date()
    found = shared.filter(pl.col("same") >= SAME, pl.col("closed_on") > first, pl.col("closed_on") <= as_of.date())
    return of_count(source, float(found.height), unit, shared.height)


def survey_response(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of the people there were when the last wave closed, those who rated the platform as a whole."""
    found = _asked(tables, settings, as_of).filter(pl.col("part") == "overall", pl.col("headcount") > 0)
    last = found.filter(pl.col("closed_on") == pl.col("closed_on").max()).drop_nulls("n")
    if last.is_empty():
        return nothing("survey_response", "share of people")
    most = last.sort("n").tail(1)
    n, k = int(most["headcount"][0]), int(most["n"][0])
    return of_shares(org_row(min(k, n), n), "survey_response", "share of people", settings.rules.level)


def areas_rated_and_measured(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Areas of the platform that the last closed wave rated and that a metric of ours measures."""
    found = _asked(tables, settings, as_of).filter(pl.col("part") == "drivers")
    if found.is_empty():
        return nothing("areas_rated_and_measured", "areas")
    last = found.filter(pl.col("closed_on") == pl.col("closed_on").max())
    rated = set(last["subject"].drop_nulls()) & set(METRICS)
    return of_count("areas_rated_and_measured", float(len(rated)), "areas", last["subject"].n_unique())


@remembered
def _asked(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What the organisation was asked in closed waves: ``survey_id``, ``number``, ``closed_on``, ``question_id`` (null: the response to the wave), ``part``, ``subject``,
    ``headcount``, and ``n``, the answers as far as they may be shown, of the rating as a whole alone: as :func:`survey_results` tells them, which estimates too."""
    answers = answers_given(tables, settings, as_of)
    of_all = survey_waves.headcounts(tables, settings, as_of).filter(pl.col("team_id").is_null()).drop("team_id")
    has_order = pl.col("value").is_not_null() & pl.col("is_favourable").is_not_null()
    kind = pl.col("kind")
    told = answers.filter((kind.is_in(ORDERED) & has_order) | (kind.is_in(GIVEN) & pl.col("label").is_not_null()))
    questions = told.select(*WAVE, "question_id", "part", "subject").unique()
    responses = answers.select(WAVE).unique().join(of_all.select(WAVE), on=list(WAVE))
    rated = answers.filter(pl.col("part") == "overall")
    if rated["kind"].is_in(GIVEN).any():  # of given answers it matters who answered anything
        counts = survey_groups.shown(survey_groups.counted(answers, settings))
    else:
        counts = survey_groups.rated(rated, settings)
    counts = counts.filter(pl.col("scope") == "org")
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    return (
        pl.concat([questions, responses], how="diagonal")
        .join(counts.select(*WAVE, "question_id", "n"), on=[*WAVE, "question_id"], how="left")
        .join(waves.select(*WAVE, "number", "closed_on"), on=WAVE)
        .join(of_all, on=WAVE, how="left")
        .select("survey_id", "number", "closed_on", "question_id", "part", "subject", "headcount", "n")
    )
