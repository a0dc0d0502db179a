"""What a reader is told of behaviour under stress: the study's numbers, and what is untested is not called held."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.periods import parse
from idp_analytics.report.stress import CALLED, STUDY, in_short, stress
from idp_analytics.report.view import View


def told(mart, scope="org", entity="org", **changed):
    studies = {**mart.studies, STUDY: mart.studies[STUDY].with_columns(**changed)}
    return stress(View(replace(mart, studies=studies), scope, entity, parse("2026-06")))


@pytest.fixture
def rows(mart):
    return mart.studies[STUDY].filter(scope="team", entity_id="payments", period="2026-06", stress="incident")


def test_what_breaks_is_said_with_both_sides(mart, rows):
    section = told(mart, "team", "payments")
    row = rows.filter(signal="escape hatches").row(0, named=True)
    assert row["verdict"] == "breaks"
    assert f"{100 * row['stress_value']:.1f} % of {row['stress_n']}" in section.answer
    assert "in calm (breaks;" in section.answer
    assert section.chart is not None
    assert [table.frame.height for table in section.tables] == [len(CALLED), len(CALLED)]


def test_one_signal_is_told_as_one(mart):
    tested = pl.when(pl.col("signal") == "escape hatches").then(pl.lit("holds")).otherwise(pl.lit("not judged"))
    assert "Of 1 signal tested in severe incidents, in " in told(mart, verdict=tested).answer


def test_in_short_it_says_how_many_give_way_and_names_one(mart):
    def short(**changed):
        studies = {**mart.studies, STUDY: mart.studies[STUDY].with_columns(**changed)}
        return in_short(View(replace(mart, studies=studies), "org", "org", parse("2026-06")))

    (several,) = short()
    assert several.startswith(
        "In severe incidents of the last year, 3 of 7 habits looked at give way, among them: escape hatches opened, "
    )
    assert "(difference +28 points, 99.5 % interval +14 to +45)." in several
    hatches = pl.col("signal") == "escape hatches"
    (one,) = short(verdict=pl.when(hatches).then(pl.lit("bends")).otherwise(pl.lit("not judged")))
    assert one.startswith(
        "In severe incidents of the last year, 1 of 1 habit looked at gives way: escape hatches opened, "
    )
    assert short(verdict=pl.lit("holds")) == [
        "In severe incidents of the last year, none of 10 habits looked at is seen to give way."
    ]
    assert short(verdict=pl.lit("untested under stress")) == []


def test_untested_is_said_and_is_not_held(mart):
    section = told(mart, verdict=pl.lit("untested under stress"))
    assert section.answer.startswith("Untested in severe incidents")
    assert "hold" not in section.answer
    assert section.chart is None
    assert any("Untested is not held" in caution for caution in section.cautions)


def test_without_rows_nothing_is_claimed(mart):
    studies = {**mart.studies, STUDY: mart.studies[STUDY].clear()}
    section = stress(View(replace(mart, studies=studies), "org", "org", parse("2026-06")))
    assert (section.chart, section.tables, section.cautions) == (None, (), ())
    assert section.answer.startswith("Nothing is known")
