"""The organisation's page does not grow with a company: sections of the sample with its teams copied many times over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.answers import Verdict
from idp_analytics.periods import parse
from idp_analytics.report import cells
from idp_analytics.report.mart import Mart
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDIES = ("comparison", "allocation_methods", "cost_variance", "unit_costs", "pools")


def copied(frame: pl.DataFrame, times: int) -> pl.DataFrame:
    """The frame with the rows of each team so many times, each time of a team of another id."""
    mine = pl.col("scope") == "team" if "scope" in frame.columns else pl.lit(value=True)
    name = "entity_id" if "scope" in frame.columns else "team_id"
    teams = frame.filter(mine)
    made = [teams.with_columns(pl.col(name) + f"-{n}") for n in range(times - 1)]
    return pl.concat([frame, *made])


def sections(mart: Mart, times: int) -> Iterator[Section]:
    """Those of the sections of a company so many times as large that tell of each team."""
    large = replace(
        mart, answers=copied(mart.answers, times), teams=copied(mart.teams, times),
        studies={**mart.studies, **{name: copied(mart.studies[name], times) for name in STUDIES}},
    )  # fmt: skip
    report = OrgReport(View(large, "org", "org", parse("2026-06")))
    yield from (
        report.comparison("change_fail_rate"), report.teams(), report.worth(), report.sharing(), report.cost_change(),
        report.unit_costs(),
    )  # fmt: skip


def size(section: Section) -> int:
    return sum(len(str(output)) for output in section.outputs())


@pytest.mark.parametrize("times", [24])
def test_a_page_of_many_teams_is_hardly_larger_than_that_of_some(mart: Mart, times: int) -> None:
    teams = mart.answers.filter(scope="team")["entity_id"].n_unique()
    assert teams * times > 200
    for some, many in zip(sections(mart, 8), sections(mart, times), strict=True):
        assert size(many) < 1.1 * size(some), many.question
        assert all(table.height <= cells.TEAMS for table in many.tables if table.whole), many.question
        assert any(table.whole for table in many.tables), many.question
        assert all(table.whole or table.height <= cells.TEAMS for table in many.tables), many.question


def test_who_is_apart_stands_in_the_table_before_all_others(mart: Mart) -> None:
    found = mart.studies["comparison"]
    apart = (pl.col("role") == "team") & (pl.col("entity_id") == "mobile")
    worse = found.with_columns(
        pl.when(apart).then(pl.col("high_998") * 2).otherwise("value").alias("value"),
        pl.when(apart).then(pl.lit("apart from the others")).otherwise("verdict").alias("verdict"),
    )
    changed = replace(mart, studies={**mart.studies, "comparison": worse})
    (told, *_) = sections(changed, 8)
    (table,) = told.tables
    assert list(table.columns["Said"]).count("apart from the others") == 8
    assert "farthest out" in table.caption
    assert (
        table.left_out
        == 8 * mart.studies["comparison"].filter(role="team", metric="change_fail_rate", period="2026-06").height
        - cells.TEAMS
    )


def test_of_teams_beside_their_own_past_those_stand_there_that_changed(mart: Mart) -> None:
    def changed(times: int) -> int:
        (_, told, *_) = sections(mart, times)
        rows = zip(*told.tables[-1].columns.values(), strict=True)
        words = {verdict.value for verdict in (Verdict.IMPROVED, Verdict.WORSENED)}
        return sum(any(word in cell for cell in row for word in words) for row in rows)

    assert changed(8) == min(cells.TEAMS, 8 * changed(1)) > 0
