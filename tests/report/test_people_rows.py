"""What is published of files that hold people: no number of rows that moves by one, no time, no place in the file."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from idp_analytics.organisation import Organisation
from idp_analytics.report import people_rows
from idp_analytics.report.mart import Mart
from idp_analytics.tables import OF_PEOPLE

OF = pl.col("table").is_in(list(OF_PEOPLE))


@pytest.mark.parametrize("rows", [20, 21, 24])
def test_one_more_row_of_people_is_not_told(rows: int) -> None:
    checks = pl.DataFrame({
        "table": ["people", "costs", "assessments", "usage"], "element_count": [rows, rows, rows, None],
        "unexpected_count": [rows - 20, rows - 20, None, None], "unexpected_share": [(rows - 20) / rows] * 2 + [None, None],
    }, schema_overrides={"unexpected_count": pl.Int64})  # fmt: skip
    told = people_rows.checks(checks)
    assert told["element_count"].to_list() == [20, rows, 20, None]
    assert told["unexpected_count"].to_list() == [0 if rows == 20 else 5, rows - 20, None, None]
    assert told["unexpected_share"].to_list() == [0 if rows == 20 else 0.25, (rows - 20) / rows, None, None]


def test_what_a_respondent_answered_is_in_no_row_set_aside() -> None:
    rejected = pl.DataFrame(
        {"table": ["survey_responses", "costs"], "found": ["my lead shouts", "12,5"], "row": [7, 8]}
    )
    assert people_rows.rejected(rejected).select("found", "row").rows() == [
        (people_rows.TOLD_BY_CHECK, None),
        ("12,5", 8),
    ]


def test_the_mart_tells_no_more_of_files_than_that(mart: Mart, sample: Organisation) -> None:
    of_people, others = mart.loads.filter(OF), mart.loads.filter(~OF)
    assert_frame_equal(others, sample.tables["loads"].filter(~OF))
    assert set(of_people["table"]) == {*OF_PEOPLE}
    assert of_people.select((pl.col("rows_in", "rows_out") % people_rows.STEP).sum()).row(0) == (0, 0)
    assert of_people["rows_in"].sum() < sample.tables["loads"].filter(OF)["rows_in"].sum()
    assert of_people.select("period_from", "period_to").null_count().row(0) == (of_people.height,) * 2
    assert set(of_people["dropped"]) == {"{}"} and of_people["warnings"].list.len().sum() == 0
    assert (mart.checks.filter(OF).drop_nulls("element_count")["element_count"] % people_rows.STEP).sum() == 0
    assert_frame_equal(mart.checks.filter(~OF), sample.checks.filter(~OF))
    assert mart.coverage.filter(OF).is_empty()
