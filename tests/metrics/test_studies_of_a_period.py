"""What a study says of one period is what it says of it among all periods."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from idp_analytics.errors import ReportError
from idp_analytics.metrics import STUDIES, Shown
from idp_analytics.metrics.reconciliation import reconciled
from idp_analytics.periods import SHOWN, course, parse

NARROWED = {study.name: study for study in STUDIES if study.narrows}
CUT = {study.name: study for study in STUDIES if study.shown is not Shown.WHOLE}


def assert_as_among_all(sample, mart, name: str, period: str) -> None:
    study = CUT[name]
    labels = [span.label for span in study.spans(parse(period))]
    whole = mart.studies[name].filter(pl.col("every") == parse(period).every, pl.col("period").is_in(labels))
    found = sample.study(name, period)
    assert_frame_equal(found if found["scope"].is_sorted() else found.sort("scope", maintain_order=True), whole)


@pytest.mark.parametrize("name", NARROWED)
def test_rows_of_a_month_are_those_among_all(sample, mart, name):
    assert_as_among_all(sample, mart, name, "2026-05")


@pytest.mark.slow
@pytest.mark.parametrize("period", ["2026-Q2", "2026-Q3", "2026-W20", "2025-06", "2026-07"])
@pytest.mark.parametrize("name", CUT)
def test_rows_of_any_period_are_those_among_all(sample, mart, name, period):
    assert_as_among_all(sample, mart, name, period)


@pytest.mark.slow
def test_rows_of_a_month_long_ago_are_those_among_all(sample, mart):
    for name in NARROWED:
        if name != "reconciliation":
            assert_as_among_all(sample, mart, name, "2025-08")
    # Without a period it covers the latest few only; asked for one it tells of that, however old.
    assert mart.studies["reconciliation"].filter(period="2025-12").is_empty()
    all_there_are = reconciled(sample.lazy, sample.settings, sample.as_of, recent=99)
    assert_frame_equal(sample.study("reconciliation", "2025-12"), all_there_are.filter(period="2025-12"))


def test_a_study_without_periods_is_whole(sample, mart):
    assert_frame_equal(sample.study("tco", "2026-05"), mart.studies["tco"])


def test_of_a_study_with_a_course_so_many_periods_are_shown(sample):
    found = sample.study("nine_in_ten", "2026-05")
    assert set(found["every"]) == {"1mo"}
    assert found["period_start"].max() == parse("2026-05").start
    assert set(found["period"]) <= {span.label for span in course(parse("2026-05"), SHOWN["1mo"])}


def test_only_studies_by_period_are_cut(mart):
    for name in CUT:
        assert {"every", "period", "period_start"} <= set(mart.studies[name].columns), name


def test_what_is_no_period_is_refused(sample):
    with pytest.raises(ReportError, match="'May' is not a period"):
        sample.study("nine_in_ten", "May")
