"""Study ``exit_reasons``: why people left, of the organisation and four quarters together, and only where enough left.

Years follow one another and do not overlap: two that share three quarters would tell, one less the other, of the few who left in
a quarter. They begin with the quarter of the first answer to any survey.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import disclosure, shares
from idp_analytics.metrics import survey_groups, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.periods import floor, following
from idp_analytics.settings import Settings
from idp_analytics.settings.questions import Question

QUARTERS = 4

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "year_start": pl.Date,  # half-open
    "year_end": pl.Date,
    "left": pl.Int64,  # who left in the year, as far as it is known; null: fewer than rules.min_cohort were interviewed
    "n": pl.Int64,  # interviewed
    "reason": pl.String,
    "title": pl.String,
    "is_withheld": pl.Boolean,  # too few were interviewed, or all or none of few gave the reason, but for one at most
    "k": pl.Int64,  # gave the reason
    "share": pl.Float64,
    "low": pl.Float64,  # of those who left (finite population), Wilson
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``exit_reasons``, in order."""


def exit_reasons(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per complete year and reason asked for (:data:`COLUMNS`), the organisation only; a year with too few: one row."""
    told = survey_waves.leavers(tables, settings, as_of)
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    first = survey_waves.waves(tables, settings, as_of)["opened_on"].min()
    if told.is_empty() or not isinstance(first, date):
        return pl.DataFrame(schema=COLUMNS)
    asked = {
        question.id: question
        for question in settings.questions.values()
        if question.part == "exit" and question.kind in survey_waves.GIVEN
    }
    people = tables["people"].select("ended_on").drop_nulls().collect()["ended_on"]
    rows: list[dict[str, object]] = []
    start = floor(first, "1q")
    while (end := _year_after(start)) <= last + timedelta(days=1):
        within = told.filter(pl.col("day") >= start, pl.col("day") < end)
        n, left = within["response_id"].n_unique(), int(((people >= start) & (people < end)).sum())
        head = {"year_start": start, "year_end": end}
        if n < settings.rules.min_cohort:
            rows.append({**head, "is_withheld": True})
        else:
            for question in asked.values():
                given = survey_groups.options(
                    within.filter(pl.col("question_id") == question.id, pl.col("label").is_not_null()), settings
                )
                rows += [
                    {**head, "n": n, "left": max(left, n), "title": question.title, "reason": reason, "k": k}
                    for reason, k in _counted(given, question)
                ]
        start = end
    return _shown(
        pl.DataFrame(rows, schema={n: t for n, t in COLUMNS.items() if n not in ("share", "low", "high")}),
        settings,
    )


def _counted(given: pl.DataFrame, question: Question) -> list[tuple[str, int]]:
    """Each reason and how many gave it. Where one only may be given, those nobody gave are put together with the least given one: beside
    the others they would be known to be nobody's."""
    options = list(dict.fromkeys([*question.choices, *given["option"].unique().sort().to_list()]))
    people = [given.filter(pl.col("option") == option)["response_id"].n_unique() for option in options]
    if question.kind != "choice":
        return list(zip(options, people, strict=True))
    frame = pl.DataFrame({"question": question.id, "option": options, "k": people})
    both = frame.join(survey_groups.together(frame, ["question"]), on=["question", "option"])
    return list(both.group_by("label", maintain_order=True).agg(pl.col("k").sum()).iter_rows())


def _year_after(start: date) -> date:
    for _ in range(QUARTERS):
        start = following(start, "1q")
    return start


def _shown(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Reasons that all or none of few gave are withheld: they would say of each of them what it was, or was not. Those that all but one or only one
    gave are withheld with them, so that being withheld says neither."""
    level, full = settings.rules.level, 2 * settings.rules.min_cohort
    groups = rows.select(
        pl.col("year_start").cast(pl.String).alias("table"), pl.col("reason").fill_null("").alias("option"), pl.lit("org").alias("group"),
        pl.lit(None, pl.String).alias("whole"), "k", (pl.col("n") - pl.col("k")).alias("other"), pl.lit(True).alias("may"),
        pl.lit(True).alias("spreads"),
    )  # fmt: skip
    shown = disclosure.shown(groups, ["k", "other"], ["table", "option"], settings.rules.min_cohort, mixed_below=full)[
        "is_shown"
    ]
    several = (pl.col("n") >= full) | ((pl.col("k") > 1) & (pl.col("n") - pl.col("k") > 1))
    rows = rows.with_columns((~(shown & several.fill_null(False))).alias("is_withheld"))
    told = rows.with_columns(pl.when(~pl.col("is_withheld")).then("k").alias("k"))
    k, n, left = (told[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in ("k", "n", "left"))
    low, high = shares.wilson_finite(k, n, left, level)
    return told.with_columns(
        (pl.col("k") / pl.col("n")).alias("share"), pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None),
        pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(level).alias("level"),
    ).sort("year_start", "title", "reason", nulls_last=False).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())  # fmt: skip
