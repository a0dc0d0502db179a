"""Study ``top_two``: what to improve first, by what people voted for, what held them up, what they wrote and what goes with their
satisfaction; each alone and all together, with the chance that it is one of the two that come first.

How much each kind of evidence should count is nobody's to know. So *all together* draws not only the respondents anew but the weights as
well, every mixture being as likely as any other (Dirichlet): what comes first in nearly all draws does so whatever the weights.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Verdict
from idp_analytics.estimates import drivers
from idp_analytics.metrics import survey_response, survey_waves, themes, top_two_evidence
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.metrics.theme_links import METRICS
from idp_analytics.metrics.top_two_evidence import DRAWS, SEED, TICKETS, Evidence
from idp_analytics.settings import Settings

TOGETHER = "all together"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,  # 1 for the first wave of its survey
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "evidence": pl.String,  # votes | pain points | comments | ratings | tickets | all together
    "subject": pl.String,  # area of the platform; of tickets their category
    "title": pl.String,
    "n": pl.Int64,  # respondents; of comments: comments, of tickets: tickets
    "k": pl.Int64,  # who chose it, comments or tickets with it
    "value": pl.Float64,  # share of n; of ratings: share of what is explained, or rank correlation; all together: mean of the shares
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "favourable": pl.Float64,  # of ratings: the share of favourable answers
    "top_two": pl.Float64,  # the share of draws in which it is one of the first two
    "is_separable": pl.Boolean,  # whether the second of this evidence can be told apart from the third
    "method": pl.String,
    "metric": pl.String,  # what would move, where something measured is about this area
    "interventions": pl.String,  # registered ones that are judged by this metric and not reviewed yet
    "verdict": pl.String,
}
"""The columns of the study ``top_two``, in order."""


def top_two(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per closed wave, kind of evidence and area (:data:`COLUMNS`); the organisation only.

    Votes, pain points, comments: shares with Wilson's interval; ratings: shares of explained variance (Lindeman, Merenda & Gold 1980) from
    ten respondents an item and fifty, else rank correlations; tickets by category over the 90 days before the wave closed.
    ``top_two`` by drawing respondents (tickets) again. All together: per draw the mean of the kinds under random weights,
    of ratings what goes with satisfaction × what is not favourable yet; tickets only where a category is called as an area. What may not be shown takes part in
    nothing, and a wave of which nothing may has no row.
    """
    answers = survey_response.answers(tables, settings, as_of)
    shown = survey_response.levels(tables, settings, as_of)[0].filter(pl.col("scope") == "org")
    written = themes.comments(tables, settings, as_of)
    mentions = themes.shown(tables, settings, as_of).filter(pl.col("scope") == "org")
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    registered = _interventions(tables, as_of, settings)
    rows: list[dict[str, object]] = []
    for wave in answers.partition_by(WAVE, maintain_order=True):
        key = wave.select(*WAVE).row(0, named=True)
        closed = waves.filter(survey_id=key["survey_id"], wave=key["wave"])["closed_on"].item()
        here, comments, themed = (part.filter(**key) for part in (shown, written, mentions))
        found = top_two_evidence.of_wave(wave, here, comments, themed, settings)
        if not found:
            continue
        asked = top_two_evidence.tickets(tables, settings, as_of, closed)
        titles = {area: title for one in reversed(found) for area, title in one.titles.items()}
        together = _together(found, asked, settings.rules.level)
        for one in [*([together] if together else []), *found, *([asked] if asked else [])]:
            rows += [{**key, **row} for row in _rows(one, {**one.titles, **({} if one is asked else titles)})]
    frame = pl.DataFrame(rows, schema={name: dtype for name, dtype in COLUMNS.items() if name not in _ADDED})
    metrics = pl.DataFrame({"subject": list(METRICS), "metric": list(METRICS.values())})
    told = (
        frame.join(waves.select(*WAVE, "number", "opened_on", "closed_on"), on=WAVE)
        .join(metrics, on="subject", how="left")
        .with_columns(pl.when(pl.col("evidence") != TICKETS).then("metric").alias("metric"))
    )
    due = (
        told.select("metric", "closed_on").drop_nulls().unique().join(registered, on="metric")
        .filter(pl.col("closed_on").is_null() | (pl.col("review_on") >= pl.col("closed_on")))
        .group_by("metric", "closed_on").agg(pl.col("intervention_id").unique().sort().str.join(", ").alias("interventions"))
    )  # fmt: skip
    return (
        told.join(due, on=["metric", "closed_on"], how="left")
        .with_columns(
            scope=pl.lit("org"), entity_id=pl.lit(ORG), level=pl.lit(settings.rules.level),
            verdict=pl.lit(Verdict.NOT_IDENTIFIED.value),
        )
        .sort("survey_id", "number", maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


_ADDED = ("scope", "entity_id", "number", "opened_on", "closed_on", "level", "metric", "interventions", "verdict")


def _together(found: list[Evidence], tickets: Evidence | None, level: float) -> Evidence | None:
    """All kinds in one, over areas that two of them or more are about; None where there are fewer than two kinds or areas."""
    named = {area for one in found for area in one.areas}
    kinds = [*found, *([tickets] if tickets and named & set(tickets.areas) else [])]
    areas = [area for area in sorted(named) if sum(area in one.areas for one in kinds) >= 2]
    if len(kinds) < 2 or len(areas) < 2:
        return None
    weights = np.random.default_rng([SEED, len(kinds)]).dirichlet(np.ones(len(kinds)), DRAWS)
    stated, drawn = np.zeros((2, len(areas))), np.zeros((2, DRAWS, len(areas)))
    for kind, one in enumerate(kinds):
        at = [one.areas.index(area) for area in areas if area in one.areas]
        here = [place for place, area in enumerate(areas) if area in one.areas]
        # Every kind shares out one among the areas it is about.
        stated[0, here] += _shared(one.pull[None, at])[0]
        stated[1, here] += 1
        drawn[0][:, here] += weights[:, [kind]] * _shared(one.drawn[:, at])
        drawn[1][:, here] += weights[:, [kind]]
    value, draws = stated[0] / stated[1], drawn[0] / drawn[1]
    chance, separable = drivers.top_two(draws, value, level)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Evidence(
        TOGETHER, areas, {}, value, np.minimum(low, value), np.maximum(high, value), chance, separable, draws, value,
        None, max(one.n for one in found), method=", ".join(one.kind for one in kinds),
    )  # fmt: skip


def _shared(pull: np.ndarray) -> np.ndarray:
    """Of each row what part of it each area has; a row without any is shared evenly."""
    total = pull.sum(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shared: np.ndarray = np.where(total > 0, pull / total, 1 / pull.shape[1])
    return shared


def _rows(one: Evidence, titles: dict[str, str]) -> list[dict[str, object]]:
    """One row per area, what comes first first."""
    order = np.argsort(-one.value, kind="stable")
    return [
        {
            "evidence": one.kind, "subject": one.areas[at], "title": titles.get(one.areas[at], one.areas[at]), "n": one.n,
            "k": None if one.k is None else int(one.k[at]), "value": _known(one.value[at]), "low": _known(one.low[at]),
            "high": _known(one.high[at]), "top_two": _known(one.chance[at]), "is_separable": one.is_separable, "method": one.method,
            "favourable": None if one.favourable is None else _known(one.favourable[at]),
        }
        for at in order
    ]  # fmt: skip


def _interventions(tables: Tables, as_of: datetime, settings: Settings) -> pl.DataFrame:
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    return (
        tables["interventions"]
        .filter(pl.col("registered_at").dt.date() <= last)
        .select("intervention_id", "metric", "review_on")
        .unique()
        .collect()
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
