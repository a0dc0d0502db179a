"""The rows behind all answers of a period are those that one number after the other is traced to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from idp_analytics import metrics
from idp_analytics.answers import Estimator
from idp_analytics.metrics import behind
from idp_analytics.metrics.gathered import Aside
from idp_analytics.organisation import Organisation
from idp_analytics.periods import parse
from idp_analytics.tables import OF_PEOPLE

JUNE = parse("2026-06")
NAMED = {"x": "value", "hit": "counted"}
SORTED = ("at", "source_table", "source_key", "service_id", "value", "amount", "detail")


def given(org: Organisation) -> tuple[Any, Any, datetime]:
    return org.lazy, org.settings, org.as_of


def text(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.cast({pl.Enum: pl.String, pl.Categorical: pl.String})


@pytest.fixture(scope="module")
def rows(sample: Organisation) -> pl.DataFrame:
    return text(behind.of_metrics(*given(sample), Aside(JUNE, behind.Kept())))


@pytest.mark.parametrize("team", ["payments", None])
def test_each_metric_has_the_rows_it_is_traced_to(sample: Organisation, rows: pl.DataFrame, team: str | None) -> None:
    own = rows.filter(team_id=team) if team else rows
    traced = 0
    for metric in behind.METRICS:
        one = sample.trace(metric.name, JUNE.label, team).rename(NAMED)
        found = own.filter(metric=metric.name)
        assert_frame_equal(found.select(one.columns).sort(SORTED), one.sort(SORTED), check_exact=True)
        unit = {Estimator.TIME: "hours", Estimator.SHARE: "share"}.get(metric.estimator, metric.unit)
        assert set(found.filter(pl.col("value").is_not_null())["unit"]) <= {unit}
        traced += one.height
    assert traced == own.height > 500


def test_a_share_of_time_has_what_reaches_into_the_period(company: Any, settings: Any, as_of: Any) -> None:
    night = {"incident_id": "night", "opened_at": "2026-05-31T23:00", "resolved_at": "2026-06-01T02:00"}
    made = company(incidents=[night])
    found = text(behind.of_metrics(made, settings(), as_of("2026-08-01"), Aside(JUNE, behind.Kept())))
    assert found.select("metric", "value", "unit", "source_key").rows() == [
        ("incident_free_share", 3.0, "hours", "night")
    ]


def test_what_was_put_aside_with_the_answers_is_the_same(sample: Organisation, rows: pl.DataFrame) -> None:
    aside = Aside(JUNE, kept := behind.Kept())
    with_aside = metrics.compute(*given(sample), scopes=("org",), every=("1mo",), keep=False, aside=aside)
    assert set(kept.frames) == {f"{metric.name}.2026-06" for metric in behind.METRICS}
    assert_frame_equal(text(behind.of_metrics(*given(sample), aside)), rows, check_exact=True)
    assert not kept.frames
    assert_frame_equal(with_aside, metrics.compute(*given(sample), scopes=("org",), every=("1mo",)))


def test_of_nothing_there_are_no_rows(sample: Organisation) -> None:
    found = behind.of_metrics(*given(sample), Aside(parse("2019-01"), behind.Kept()))
    assert (found.height, found.columns) == (0, list(behind.COLUMNS))


def test_no_row_is_of_a_person(sample: Organisation, rows: pl.DataFrame) -> None:
    left_out = {metric.name for metric in metrics.CATALOGUE} - {metric.name for metric in behind.METRICS}
    assert left_out == {"time_to_first_deploy", "time_to_tenth_merged_change"}
    assert not set(rows["source_table"]).intersection(OF_PEOPLE)
    people = set(sample.tables["people"]["person_id"])
    for column in rows.select(pl.col(pl.String)):
        assert not people.intersection(column.to_list()), column.name
