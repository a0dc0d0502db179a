"""What a reader is told of what was resolved: the study's numbers, and no claim that it helped."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from idp_analytics.periods import parse
from idp_analytics.report.follow_through import LINKED, STUDY, follow_through
from idp_analytics.report.view import View


def test_the_numbers_are_the_study_s(mart):
    section = follow_through(View(mart, "team", "search", parse("2026-06")))
    row = (
        mart.studies[STUDY].filter(scope="team", entity_id="search", period="2026-06", origin="all").row(0, named=True)
    )
    assert f"the time of {row['due']:,} had come: {row['done']:,} done" in section.answer
    assert row["linked"] == 0
    assert section.answer.endswith("so whether it helped cannot be told.")
    assert section.chart is not None
    assert len(section.tables) == 2
    assert section.trace == "idp explain follow_through --data data/sample --team search --period 2026-06"


def test_what_names_a_registered_change_stands_beside_its_number(mart):
    section = follow_through(View(mart, "team", "payments", parse("2026-06")))
    assert (
        "1 action names a registered change. secure-base-rollout: 0 of 1 action done; change fail rate: "
        in section.answer
    )
    assert section.tables[-1].frame["Change"].to_list() == ["secure-base-rollout"]


def test_one_put_off_is_told_as_one(mart):
    studies = {**mart.studies, STUDY: mart.studies[STUDY].with_columns(carried=pl.lit(1), chained=pl.lit(0))}
    section = follow_through(View(replace(mart, studies=studies), "org", "org", parse("2026-06")))
    assert " 1 was put off at least once, none of them 3 times or more." in section.answer


def test_many_put_off_again_and_again_are_told_with_their_thousands(mart):
    studies = {**mart.studies, STUDY: mart.studies[STUDY].with_columns(carried=pl.lit(2345), chained=pl.lit(1234))}
    section = follow_through(View(replace(mart, studies=studies), "org", "org", parse("2026-06")))
    assert " 2,345 were put off at least once, 1,234 of them 3 times or more." in section.answer


def test_without_actions_that_is_said(mart):
    studies = {**mart.studies, **{name: mart.studies[name].clear() for name in (STUDY, LINKED)}}
    section = follow_through(View(replace(mart, studies=studies), "org", "org", parse("2026-06")))
    assert section.answer.startswith("No action is known")
    assert (section.chart, section.tables, section.cautions, section.trace) == (None, (), (), "")
