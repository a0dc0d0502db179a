"""Study ``survey_quality``: how far the answers to a wave may be trusted, and the one index of its ratings.

Do the ratings measure one thing (alpha)? Did those who answered at once and those who had to be reminded think alike, and did teams that
are on a golden path answer as readily as the others? Both say something of who did not answer at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Verdict
from idp_analytics.estimates import changes, ordinal, reliability, shares
from idp_analytics.metrics import (
    golden_paths,
    survey_change,
    survey_groups,
    survey_index,
    survey_response,
    survey_waves,
)
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

INDEX, ALPHA, LATER, RESPONSE = "index", "alpha", "later answers higher", "response"
ON, OFF = "most services on a golden path", "fewer services on a golden path"
FIRST_DAYS = 7
"""Who answers within so many days of the first answer is among the first; the others had longer, and reminders, to think of it."""
LOW_ALPHA = "the ratings hardly go together: look at them one by one"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,  # 1 for the first wave of its survey
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "measure": pl.String,  # index | alpha | later answers higher | response
    "part": pl.String,  # of the response: of which teams
    "items": pl.Int64,  # ratings taken together
    "n": pl.Int64,  # index: fewest answers to one of them; alpha: who answered all; later: those; response: who could have
    "k": pl.Int64,  # later: who answered in the first days; response: who answered
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "unit": pl.String,
    "change": pl.Float64,  # of the index against the wave before; of the response of one part against the other
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,
    "caution": pl.String,
}
"""The columns of the study ``survey_quality``, in order."""

_UNITS = {INDEX: "share of answers", ALPHA: "alpha", LATER: "chance", RESPONSE: "share of developers"}
_ORDER = (INDEX, ALPHA, LATER, RESPONSE)


def survey_quality(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Per closed wave the index of each group that may have one, and for the organisation alpha, the late-wave check and the
    response by what is known of all teams (:data:`COLUMNS`).

    Index: mean of favourable shares, bootstrap of respondents with finite population correction (Cochran 1977); alpha: Cronbach 1951, Feldt 1965, from :data:`reliability.LEAST` who
    answered every rating; later answers higher: the chance that an answer of a later respondent about the whole is higher than one of the first days (Brunner &
    Munzel 2000; Armstrong & Overton 1977), both at least twice ``rules.min_cohort``; response: Wilson 1927, difference Newcombe 1998. What is
    too little is *insufficient data*, what could tell of few *suppressed*.
    """
    answers = survey_response.answers(tables, settings, as_of)
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    moved = survey_change.few_moved(tables, settings, waves)
    heads = survey_waves.headcounts(tables, settings, as_of)
    counts = survey_response.levels(tables, settings, as_of)[0]
    index = survey_index.index(answers, counts, waves, heads, moved, settings).with_columns(measure=pl.lit(INDEX))
    day = pl.col("submitted_at").dt.convert_time_zone(settings.time_zone).dt.date()
    when = tables["survey_responses"].group_by("response_id", *WAVE).agg(day.max().alias("day")).collect()
    rows = [
        row for wave in answers.partition_by(WAVE, maintain_order=True) for row in _of_wave(wave, when, settings, waves)
    ]
    rows += list(_responses(answers, tables, settings, as_of, waves))
    known = {
        name: dtype
        for name, dtype in COLUMNS.items()
        if name not in ("number", "opened_on", "closed_on", "level", "unit")
    }
    frame = pl.concat([
        index.with_columns(entity_id=pl.when(pl.col("scope") == "org").then(pl.lit(ORG)).otherwise("team_id")).drop("team_id"),
        pl.DataFrame(rows, schema=known).with_columns(scope=pl.lit("org"), entity_id=pl.lit(ORG)),
    ], how="diagonal")  # fmt: skip
    told = frame.join(waves.select(*WAVE, "number", "opened_on", "closed_on"), on=WAVE).with_columns(
        level=pl.lit(settings.rules.level), unit=pl.col("measure").replace_strict(_UNITS, return_dtype=pl.String)
    )
    order = pl.col("measure").replace_strict({name: at for at, name in enumerate(_ORDER)}, return_dtype=pl.Int64)
    return told.sort("survey_id", "number", "scope", "entity_id", order, "part", nulls_last=False).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )


def _of_wave(
    wave: pl.DataFrame, when: pl.DataFrame, settings: Settings, waves: pl.DataFrame
) -> Iterator[dict[str, object]]:
    key = wave.select(*WAVE).row(0, named=True)
    rated = wave.filter(pl.col("part") == "drivers", pl.col("kind") == "scale", pl.col("value").is_not_null())
    if rated["question_id"].n_unique() > 1:
        held = rated.pivot("question_id", index="response_id", values="value", aggregate_function="first").sort(
            "response_id"
        )
        items = held.select(sorted(set(held.columns) - {"response_id"}))
        value, low, high, n = reliability.alpha(
            items.cast(pl.Float64).fill_null(np.nan).to_numpy(), level=settings.rules.level
        )
        few = n < survey_groups.full_from(settings)
        yield {
            **key, "measure": ALPHA, "items": items.width, "n": None if few else n,
            **_numbers(value, low, high),
            "verdict": _told(value, few), "caution": LOW_ALPHA if value < reliability.ACCEPTABLE else None,
        }  # fmt: skip
    overall = wave.filter(pl.col("part") == "overall", pl.col("kind") == "scale").drop_nulls("value")
    if overall.height:
        yield {**key, "measure": LATER, **_later(overall, when, settings, waves)}


def _later(overall: pl.DataFrame, when: pl.DataFrame, settings: Settings, waves: pl.DataFrame) -> dict[str, object]:
    """The first days against those after them (``when``: the ``day`` of each response); who answered at no known time is in neither."""
    told = (
        overall.join(when, on=["response_id", *WAVE]).join(waves.select(*WAVE, "opened_on"), on=WAVE).drop_nulls("day")
    )
    asked = told["question_id"].unique().sort()
    told = told.filter(pl.col("question_id") == (asked[0] if len(asked) else ""))
    is_first = pl.col("day") < pl.col("opened_on") + pl.duration(days=FIRST_DAYS)
    counts = told.group_by("value").agg(is_first.sum().alias("first"), (~is_first).sum().alias("later")).sort("value")
    k, n = (int(counts[name].sum()) for name in ("first", "later"))
    if min(k, n) < survey_groups.full_from(settings):
        return {"verdict": Verdict.SUPPRESSED.value}
    chance, low, high = (float(v) for v in ordinal.higher(counts["first"], counts["later"], settings.rules.level))
    return {"k": k, "n": n, **_numbers(chance, low, high), "verdict": _told(chance, False)}


def _responses(
    answers: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime, waves: pl.DataFrame
) -> Iterator[dict[str, object]]:
    """The response of teams with most of their services on a golden path, and of the others: where neither tells, less the teams whose response is
    shown, of few whose response is not."""
    dated = waves.drop_nulls("opened_on")
    sides = _sides(tables, settings, as_of, dated)
    asked = answers.select(WAVE).unique()
    heads = survey_waves.headcounts(tables, settings, as_of).join(asked, on=WAVE)
    people = (
        answers.select(*WAVE, "response_id", "team_id").unique().group_by(*WAVE, "team_id").agg(pl.len().alias("k"))
    )
    both = (
        heads.drop_nulls("team_id").join(sides, on=[*WAVE, "team_id"])
        .join(people, on=[*WAVE, "team_id"], how="left")
        .with_columns(pl.col("k").fill_null(0))
    )  # fmt: skip
    least = settings.rules.min_cohort
    bare = _bare(survey_response.response(answers, heads, settings), heads, people, sides, least)
    parts = both.group_by(*WAVE, "is_on").agg(pl.col("headcount").sum().alias("n"), pl.col("k").sum()).filter(
        pl.col("k") <= pl.col("n")
    ).join(bare, on=WAVE, how="left").with_columns(pl.col("is_bare").fill_null(False))  # fmt: skip
    for (survey, wave), part in (
        parts.sort(*WAVE, "is_on", descending=[False, False, True])
        .partition_by(WAVE, as_dict=True, maintain_order=True)
        .items()
    ):
        if part.height < 2:
            continue
        may = bool((~part["is_bare"] & (part["n"] >= 2 * least)).all())
        k, n = part["k"].to_numpy(), part["n"].to_numpy()
        low, high = shares.wilson(k, n, settings.rules.level)
        apart = changes.newcombe_difference(k[0], n[0], k[1], n[1], settings.rules.level)
        for at, name in enumerate((ON, OFF)):
            row: dict[str, object] = {"survey_id": survey, "wave": wave, "measure": RESPONSE, "part": name}
            if may:
                row |= {"k": int(k[at]), "n": int(n[at]), **_numbers(k[at] / n[at], low[at], high[at])}
                row |= (
                    dict(zip(("change", "change_low", "change_high"), map(float, apart), strict=True))
                    if at == 0
                    else {}
                )
            yield row | {"verdict": (Verdict.NOT_IDENTIFIED if may else Verdict.SUPPRESSED).value}


def _bare(
    responses: pl.DataFrame, heads: pl.DataFrame, people: pl.DataFrame, sides: pl.DataFrame, least: int
) -> pl.DataFrame:
    """Per wave ``is_bare``: of the groups whose response is withheld, those on one side, or on neither, are one alone, or too few, or none of them answered."""
    hidden = responses.filter(pl.col("scope") == "team", pl.col("detail") == survey_groups.WITHHELD).select(
        *WAVE, "team_id"
    )
    known = {"on": [*WAVE, "team_id"], "how": "left", "nulls_equal": True}
    held = (
        hidden.join(people, **known).join(heads.drop_nulls("team_id"), **known).join(sides, **known)  # type: ignore[arg-type]
        .with_columns(pl.col("k").fill_null(0))
        .with_columns(pl.col("headcount").fill_null(pl.col("k")))
    )  # fmt: skip
    few = (pl.len() < 2) | (pl.col("headcount").sum() < least) | (pl.col("k").sum() == 0)
    return held.group_by(*WAVE, "is_on").agg(few.alias("is_bare")).group_by(WAVE).agg(pl.col("is_bare").any())


def _sides(tables: Tables, settings: Settings, as_of: datetime, waves: pl.DataFrame) -> pl.DataFrame:
    """Per wave and team with services: whether most of them were on a golden path on the day it opened (``is_on``)."""
    schema = {**dict.fromkeys((*WAVE, "team_id"), pl.String), "is_on": pl.Boolean}
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty() or waves.is_empty():
        return pl.DataFrame(schema=schema)
    moments = waves.select(
        *WAVE, pl.col("opened_on").alias("day"), pl.col("opened_on").dt.combine(time()).dt.replace_time_zone("UTC").cast(UTC_TIME).alias("at")
    ).filter(pl.col("at") < pl.lit(as_of.astimezone(UTC)))  # fmt: skip
    on = golden_paths.statuses(seen, moments.select("at", "day").unique()).select("service_id", "at").unique()
    there = golden_paths.services_at(tables, settings, as_of, moments.select("at", "day").unique()).drop_nulls(
        "team_id"
    )
    teams = there.join(on.with_columns(is_on=pl.lit(True)), on=["service_id", "at"], how="left").group_by("team_id", "at").agg(
        (pl.col("is_on").fill_null(False).mean() > 0.5).alias("is_on")
    )  # fmt: skip
    return moments.join(teams, on="at").select(*schema)


def _numbers(value: float, low: float, high: float) -> dict[str, float | None]:
    named = zip(("value", "low", "high"), (value, low, high), strict=True)
    return {name: float(number) if np.isfinite(number) else None for name, number in named}


def _told(value: float, is_few: bool) -> str:
    if is_few:
        return Verdict.SUPPRESSED.value
    return (Verdict.NOT_IDENTIFIED if np.isfinite(value) else Verdict.INSUFFICIENT_DATA).value
