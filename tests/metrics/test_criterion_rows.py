"""From a level back to the criteria it follows from: the level comes out again, and nobody's words are in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics import CATALOGUE, WAYS_BACK
from idp_analytics.metrics.criterion_rows import COLUMNS, ROWS_OF, STUDIES, criterion_rows
from idp_analytics.metrics.maturity.evidence import MEASURES
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.settings.maturity_model import Exemption

LAST = "2026-06"
KEY = ["aspect", "is_assessed", "level", "low", "high"]


def again(rows: pl.DataFrame) -> pl.DataFrame:
    """The levels that follow from the rows."""
    return levels(rows.with_columns(pl.lit("x").alias("scope"), pl.lit("x").alias("entity_id"))).select(KEY)


@pytest.mark.parametrize("team", [None, "payments", "ledger"])
def test_the_levels_follow_from_the_rows(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("maturity").filter(scope=scope, entity_id=entity).sort("aspect")
    rows = sample.trace("maturity_criteria", LAST, team)
    assert rows.schema == pl.Schema(COLUMNS)
    asked = pl.col("aspect").is_in(rows["aspect"].unique().implode())
    assert again(rows).equals(told.filter(asked).select(KEY))
    assert not told.filter(~asked)["is_assessed"].any()
    for row in told.filter("is_assessed").iter_rows(named=True):
        own = rows.filter(aspect=row["aspect"])["state"]
        assert [(own == state).sum() for state in ("met", "not met", "unknown")] == [
            row["met"],
            row["not_met"],
            row["unknown"],
        ]
    assert rows["team_id"].unique().to_list() == [team]  # fmt: skip


def test_the_levels_of_every_quarter_follow_from_the_rows(sample):
    rows = sample.trace("maturity_history", LAST)
    told = sample.study("maturity_history").filter(scope="org")
    assert rows["at"].unique().sort().to_list() == told["at"].unique().sort().to_list()
    for day, part in rows.partition_by("at", as_dict=True).items():
        assert again(part).equals(told.filter(pl.col("at") == day[0]).sort("aspect").select(KEY))
    assert rows.filter(pl.col("at") == pl.col("at").max()).equals(sample.trace("maturity_criteria", LAST))


def test_whose_rows_tell_more_can_be_asked_for(sample):
    known = {metric.name for metric in CATALOGUE if not metric.about_people} | set(WAYS_BACK)
    assert set(ROWS_OF) <= set(MEASURES)
    assert set(ROWS_OF.values()) <= known
    assert set(sample.trace("maturity_criteria", LAST)["rows"].drop_nulls()) <= known


def test_what_somebody_wrote_to_excuse_a_criterion_is_not_in_it(sample):
    """Neither the reason nor who signed it."""
    wanted = next(c.id for c in sample.settings.maturity.criteria if c.scope == "team")
    excuse = Exemption(
        criterion=wanted, reason="Ann is ill", by="bob", until=date(2027, 1, 1), team="payments", kind="exempt"
    )
    model = replace(sample.settings.maturity, exemptions=(excuse,))
    rows = criterion_rows(
        sample.lazy, replace(sample.settings, maturity=model), sample.as_of, "maturity_criteria", "team", "payments", LAST
    )  # fmt: skip
    assert rows.filter(criterion=wanted).select("state", "why").row(0) == ("exempt", None)
    said = rows.write_csv()
    assert "Ann" not in said
    assert "bob" not in said


def test_nothing_known_and_nothing_of_that_name(company, settings, as_of, sample):
    empty = criterion_rows(company(), settings(), as_of("2026-08-01"), "maturity_criteria", "team", "red", LAST)
    assert empty.schema == pl.Schema(COLUMNS)
    assert empty.is_empty()
    for study in STUDIES:
        with pytest.raises(ReportError, match="of the organisation and of teams"):
            sample.trace(study, LAST, service="checkout")
        with pytest.raises(ReportError, match="no team 'nobody'"):
            sample.trace(study, LAST, "nobody")
    with pytest.raises(ReportError, match="no way back"):
        criterion_rows(company(), settings(), as_of("2026-08-01"), "maturity", "org", "org", LAST)
