"""Why: each area's place by what is written, rated and measured, and nothing of any comment."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.periods import parse
from idp_analytics.report import why
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.view import View


def verdict(word, share=None):
    return {"verdict": word, "share": share}


@pytest.mark.parametrize(
    ("share", "sound", "rating", "metric", "expected"),
    [
        (0.3, True, None, None, why.INSTRUMENT),
        (0.3, True, verdict("worsened", 0.4), verdict("not measured"), why.INSTRUMENT),
        (0.3, True, None, verdict("worsened"), why.BOTH),
        (0.3, None, verdict("worsened", 0.9), verdict("improved"), why.BOTH),
        (0.3, True, verdict("no detectable change", 0.2), verdict("improved"), why.DISAGREE),
        (0.3, True, verdict("no detectable change", 0.2), verdict("no detectable change"), why.STANDING),
        (0.3, True, verdict("no detectable change", 0.8), verdict("improved"), why.QUIET),
        (0.05, True, None, verdict("worsened"), why.ASK),
        (None, None, verdict("worsened", 0.3), None, why.ASK),
        (0.3, False, None, verdict("worsened"), why.ASK),  # the codebook does not tell the theme well enough
        (0.05, True, verdict("no detectable change", 0.2), None, why.QUIET),
    ],
)
def test_where_an_area_stands(share, sound, rating, metric, expected):
    assert why._so(share, sound, rating, metric) == expected


def test_the_organisation_learns_what_is_named_most(mart, organisation_report):
    section = organisation_report().why()
    assert section.answer.startswith("Of ")
    assert section.chart is not None
    areas = section.tables[0].frame
    assert set(areas["So"]) <= {why.ASK, why.INSTRUMENT, why.BOTH, why.DISAGREE, why.STANDING, why.QUIET}
    assert "alpha" in " ".join(section.tables[1].frame.columns).lower()
    assert section.tables[2].caption == "Why people left"


def test_what_follows_is_one_sentence_that_needs_no_glossary(mart):
    (told,) = why.in_short(View(mart, "org", "org", parse("2026-06")))
    assert told.startswith(
        "29 comments beside ratings and numbers: often written of, and its number or rating got worse: on-call; "
    )
    assert told.endswith(".") and "trend" not in told
    assert why.in_short(View(mart, "org", "org", parse("2025-08"))) == []


def test_too_few_comments_give_no_reasons(mart):
    few = mart.studies["themes"].with_columns(
        pl.lit(None, pl.Int64).alias("n"), pl.lit(None, pl.Float64).alias("share")
    )
    section = OrgReport(
        View(replace(mart, studies={**mart.studies, "themes": few}), "org", "org", parse("2026-06"))
    ).why()
    assert "nothing is said about reasons" in section.answer
    assert section.chart is None


def test_before_the_first_wave_there_is_nothing(organisation_report):
    assert "nothing is said about reasons" in organisation_report("2025-08").why().answer
