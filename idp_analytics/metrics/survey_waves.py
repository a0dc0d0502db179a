"""Waves of surveys, and the answers that count: those to a closed wave, given in time, by the team they were given in.

A wave is closed some days after its first answer (``[survey] closes_after_days``). Before that nothing of it is published, and
what comes later never changes it: a number published at twelve answers and again at thirteen would tell the thirteenth.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings
from idp_analytics.settings.questions import Question

WAVE = ("survey_id", "wave")
"""What identifies a wave."""

ORDERED, GIVEN = ("scale", "promoter"), ("several", "choice")
"""Kinds of questions whose answers have an order, and those with given answers."""

EXIT = "exit"
"""The part of questions that only those who leave are asked; they are shown for the organisation only, by the year."""

QUESTION: dict[str, pl.DataType | type[pl.DataType]] = {
    "question_id": pl.String,
    "item": pl.String,
    "version": pl.Int64,
    "title": pl.String,
    "kind": pl.String,
    "part": pl.String,
    "subject": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "favourable": pl.Float64,
    "is_reversed": pl.Boolean,
}
"""What is known of a question, one column each (:class:`~idp_analytics.settings.questions.Question`)."""


@remembered
def waves(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every wave with an answer before ``as_of``, oldest first.

    ``survey_id``, ``wave``, ``opened_on`` (the day of the first answer, where the organisation is; null: no answer is dated),
    ``closed_on`` (the day it closes), ``is_closed``, ``number`` (1 for the first wave of a survey), ``responses`` (in time),
    ``late`` (responses after that), ``undated`` (of ``responses``, when is not known).
    """
    zone, last = settings.time_zone, day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    day = pl.col("submitted_at").dt.convert_time_zone(zone).dt.date()
    given = _given(tables, as_of).with_columns(day.alias("day"))
    opened = given.group_by(WAVE).agg(pl.col("day").min().alias("opened_on"))
    after = pl.duration(days=settings.survey.closes_after_days)
    closed = opened.with_columns((pl.col("opened_on") + after).alias("closed_on")).with_columns(
        (pl.col("closed_on") <= last).fill_null(True).alias("is_closed")
    )
    in_time = pl.col("day").is_null() | (pl.col("day") < pl.col("closed_on"))
    counts = (
        given.join(closed, on=WAVE)
        .group_by("response_id", *WAVE)
        .agg(in_time.all().alias("in_time"), pl.col("day").is_null().all().alias("undated"))
        .group_by(WAVE)
        .agg(
            pl.col("in_time").sum().alias("responses"), (~pl.col("in_time")).sum().alias("late"),
            (pl.col("in_time") & pl.col("undated")).sum().alias("undated"),
        )
    )  # fmt: skip
    return (
        closed.join(counts, on=WAVE)
        .sort("survey_id", "opened_on", "wave", nulls_last=False)
        .with_columns(pl.int_range(1, pl.len() + 1).over("survey_id").alias("number"))
        .collect()
    )


def answers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The answers to closed waves, given in time: ``response_id``, ``survey_id``, ``wave``, ``team_id`` (null: of no known
    team), ``question_id``, ``value``, ``label``, ``text``, and of its question :data:`QUESTION`; ``value`` of a reversed scale is
    turned, so that better is higher, and null outside its scale; ``is_favourable`` (null: no answer is better than another)."""
    closed = waves(tables, settings, as_of).filter("is_closed").select(*WAVE, "closed_on").lazy()
    day = pl.col("submitted_at").dt.convert_time_zone(settings.time_zone).dt.date()
    given = (
        _given(tables, as_of)
        .join(closed, on=WAVE)
        # All of a response or nothing: half of one in time is a wave that closed while somebody wrote.
        .filter((day.is_null() | (day < pl.col("closed_on"))).all().over("response_id", *WAVE))
        .collect()
    )
    # An answer outside the scale was given to another question than the one declared: it is none to this.
    outside = (pl.col("value") < pl.col("low")) | (pl.col("value") > pl.col("high"))
    turned = (
        pl.when(outside.fill_null(False))
        .then(None)
        .when("is_reversed")
        .then(pl.col("low") + pl.col("high") - pl.col("value"))
        .otherwise("value")
    )
    known_teams = tables["teams"].select("team_id").unique().with_columns(pl.lit(True).alias("_known"))
    return (
        given.lazy().join(_questions(given, settings).lazy(), on="question_id", how="left")
        .join(known_teams, on="team_id", how="left")
        .with_columns(turned.alias("value"), pl.when("_known").then("team_id").alias("team_id"))
        .with_columns((pl.col("value") >= pl.col("favourable")).alias("is_favourable"))
        .select(
            "response_id", *WAVE, "team_id", *QUESTION, "value", "label", "text", "is_favourable", "source", "source_row"
        )
        .sort(*WAVE, "question_id", "response_id", "label", nulls_last=False)
        .collect()
    )  # fmt: skip


def leavers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The answers of those who leave, whenever they were given: ``response_id``, ``question_id``, ``label``, ``day`` (where the
    organisation is). They come one by one, so that no wave of them ever closes; undated ones are left out."""
    given = _given(tables, as_of).filter(pl.col("submitted_at").is_not_null())
    asked = [question.id for question in settings.questions.values() if question.part == EXIT]
    return (
        given.filter(pl.col("question_id").is_in(asked))
        .with_columns(pl.col("submitted_at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"))
        .select("response_id", "question_id", "label", "day")
        .sort("day", "response_id", "question_id", "label")
        .collect()
    )


@remembered
def headcounts(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How many could have answered each wave: developers (no bot) in the team on the day the wave opened.

    ``survey_id``, ``wave``, ``team_id`` (null: the organisation, with those of no team), ``headcount``. A wave whose day is not
    known, or a company whose memberships are not, has no row.
    """
    return developers_there(
        tables, waves(tables, settings, as_of).drop_nulls("opened_on").select(*WAVE, "opened_on").lazy()
    )


def developers_there(tables: Tables, opened: pl.LazyFrame) -> pl.DataFrame:
    """As :func:`headcounts`, of waves that open on given days (``survey_id``, ``wave``, ``opened_on``)."""
    there = (pl.col("started_on").is_null() | (pl.col("started_on") <= pl.col("opened_on"))) & (
        pl.col("ended_on").is_null() | (pl.col("ended_on") >= pl.col("opened_on"))
    )
    people = (
        tables["people"]
        .filter(~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True))
        .select("person_id", "started_on", "ended_on")
        .join(opened, how="cross")
        .filter(there)
    )
    began, ends = pl.col("valid_from"), pl.col("valid_to")
    member = (began.is_null() | (began <= pl.col("opened_on"))) & (ends.is_null() | (ends > pl.col("opened_on")))
    teams = (
        people.join(tables["memberships"].select("person_id", "team_id", "valid_from", "valid_to"), on="person_id")
        .filter(member)
        .group_by(*WAVE, "team_id")
        .agg(pl.col("person_id").n_unique().alias("headcount"))
    )
    whole = people.group_by(WAVE).agg(
        pl.lit(None, pl.String).alias("team_id"), pl.col("person_id").n_unique().alias("headcount")
    )
    return pl.concat([whole, teams]).sort(*WAVE, "team_id", nulls_last=False).collect()


def _given(tables: Tables, as_of: datetime) -> pl.LazyFrame:
    submitted = pl.col("submitted_at")
    return tables["survey_responses"].filter(submitted.is_null() | (submitted < as_of))


def _questions(given: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """What is known of every question that was answered; of one that nobody declared, what its answers tell."""
    rows = [_row(question) for question in settings.questions.values()]
    declared = pl.DataFrame(rows, schema=QUESTION, orient="row")
    unknown = given.join(declared, on="question_id", how="anti").group_by("question_id").agg(
        pl.col("scale_min").drop_nulls().first().alias("low"), pl.col("scale_max").drop_nulls().first().alias("high"),
        pl.col("value").is_not_null().any().alias("_has_value"), pl.col("label").is_not_null().any().alias("_has_label"),
    )  # fmt: skip
    is_scale = pl.col("low").is_not_null() & pl.col("high").is_not_null() & pl.col("_has_value")
    kind = (
        pl.when(is_scale).then(pl.lit("scale"))
        .when("_has_value").then(pl.lit("number"))
        .when("_has_label").then(pl.lit("several"))
        .otherwise(pl.lit("open"))
    )  # fmt: skip
    guessed = unknown.select(
        "question_id", pl.col("question_id").str.split("@").list.first().alias("item"), pl.lit(1, pl.Int64).alias("version"),
        pl.col("question_id").alias("title"), kind.alias("kind"), pl.lit("other").alias("part"), pl.lit(None, pl.String).alias("subject"),
        "low", "high", pl.when(is_scale).then(pl.col("high") - 1).alias("favourable"), pl.lit(False).alias("is_reversed"),
    )  # fmt: skip
    return pl.concat([declared, guessed.select(pl.col(name).cast(dtype) for name, dtype in QUESTION.items())])


def _row(question: Question) -> tuple[object, ...]:
    return (
        question.id, question.item, question.version, question.title, question.kind, question.part, question.subject,
        question.low, question.high, question.favourable, question.is_reversed,
    )  # fmt: skip
