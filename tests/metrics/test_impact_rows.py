"""From the effect of a change back to who took it up and what each unit's number was: as many as the study counts."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics.impact_rows import COLUMNS, NOT_YET, TAKEN_UP, impact_rows

LAST = "2026-06"


@pytest.fixture(scope="module")
def behind(sample) -> pl.DataFrame:
    return sample.trace("impact", LAST)


def test_each_number_adds_up(sample, behind):
    told = sample.study("impact")
    assert told.height > 4
    for row in told.iter_rows(named=True):
        cells = behind.filter(intervention_id=row["intervention_id"], metric=row["metric"], role=row["role"])
        counted = cells.filter(pl.col("what") != "not counted")
        assert (counted["n"].sum(), cells["missing"].sum()) == (row["n"], row["missing"])
        took, compared = (
            cells.filter(pl.col("unit_is").str.contains(word))["unit_id"].n_unique()
            for word in ("took it up", "compared with")
        )
        assert (took, compared) == (row["adopted"], row["compared"])
        assert counted.filter(what="after")["unit_id"].n_unique() == row["adopted"]  # fmt: skip


def test_each_value_is_the_answer_of_its_unit(sample, behind):
    cells = behind.filter(pl.col("value").is_not_null(), metric="change_lead_time", role="primary")
    answers = sample.answers("change_lead_time", "service", "1mo").select(
        pl.col("entity_id").alias("unit_id"), "period", pl.col("value").alias("told"), pl.col("n").alias("known")
    )
    found = cells.join(answers, on=["unit_id", "period"], how="left")
    assert found.height > 100
    assert found["n"].equals(found["known"].rename("n"))
    assert (found["value"] - found["told"]).abs().max() < 1e-9


def test_who_took_it_up_is_in_the_ledger_with_its_row(sample, behind):
    ledger = behind.filter(pl.col("metric").is_null())
    units = sample.study("intervention_units").filter(scope="org")
    assert ledger.height == units.height
    assert (ledger["what"] == TAKEN_UP).sum() == units["adopted_on"].count()
    assert (ledger["what"] == NOT_YET).sum() == units["adopted_on"].null_count() > 0
    assert ledger.select("path", "source_row").null_count().row(0) == (0, 0)
    lines = sample.tables["interventions"].select("intervention_id", "unit_id", "source_row")
    assert ledger.join(lines, on=["intervention_id", "unit_id", "source_row"], how="anti").is_empty()


def test_a_team_has_the_rows_of_its_units(sample, behind):
    mine = sample.trace("impact", LAST, "payments")
    units = sample.study("intervention_units").filter(scope="team", entity_id="payments")
    assert set(mine["unit_id"]) == set(units["unit_id"])
    assert mine.equals(behind.filter(team_id="payments"))
    assert mine.filter(pl.col("metric").is_null()).height == units.height


def test_nothing_registered_and_nothing_of_that_name(company, settings, as_of, sample):
    empty = impact_rows(company(), settings(), as_of("2026-08-01"), "impact", "org", "org", LAST)
    assert empty.schema == pl.Schema(COLUMNS)
    assert empty.is_empty()
    with pytest.raises(ReportError, match="of the organisation and of teams"):
        sample.trace("impact", LAST, service="checkout")
    with pytest.raises(ReportError, match="no team 'nobody'"):
        sample.trace("impact", LAST, "nobody")
