"""What developers say: the sentences are the study's numbers, and a small team's page has none."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.periods import parse
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View


def results(mart, entity):
    return mart.studies["survey_results"].filter(pl.col("entity_id") == entity)


@pytest.fixture
def small(mart):
    """A team of which every rating of the last closed wave is withheld."""
    last = mart.studies["survey_results"].filter(pl.col("closed_on") <= parse("2026-06").end, pl.col("scope") == "team")
    last = last.filter(pl.col("closed_on") == pl.col("closed_on").max())
    rated = (
        last.filter(pl.col("question_id").is_not_null())
        .group_by("entity_id")
        .agg(pl.col("share").is_null().all().alias("withheld"))
    )
    return rated.filter("withheld").drop_nulls("entity_id").sort("entity_id")["entity_id"][0]


def test_the_organisation_hears_what_was_said_and_how_sure_that_is(mart, organisation_report):
    section = organisation_report().voice()
    row = (
        results(mart, "org")
        .filter(pl.col("item") == "satisfaction", pl.col("closed_on") <= parse("2026-06").end)
        .sort("number")
        .row(-1, named=True)
    )
    assert f"{row['k']:,} of {row['n']:,}" in section.answer
    assert f"{100 * row['share']:.1f} %" in section.answer
    assert "whatever the others think" in section.answer
    assert row["verdict"] in section.answer
    assert section.chart is not None
    assert section.tables[0].frame.height == len({*section.tables[0].frame["Question"]})
    told = section.tables[0].frame.filter(Question="satisfaction")["Change (points)"].item()
    ends = [f"{100 * row[name]:+.1f}".replace("-", "−") for name in ("change", "change_low", "change_high")]
    assert told == f"{ends[0]} ({ends[1]} to {ends[2]})"


def test_the_index_and_how_far_to_trust_it_stand_beside(mart, organisation_report, team_report, small):
    section = organisation_report().voice()
    rows = mart.studies["survey_quality"].filter(pl.col("scope") == "org", pl.col("closed_on") <= parse("2026-06").end)
    last = {row["measure"]: row for row in rows.filter(pl.col("closed_on") == pl.col("closed_on").max()).to_dicts()}
    index = last["index"]
    assert (
        f"Over the {index['items']} areas that are rated, {100 * index['value']:.1f} % are favourable on average"
        in section.answer
    )
    table = next(table.frame for table in section.tables if table.caption == "How far these answers can be trusted")
    assert table["Measure"].to_list()[:2] == ["mean of the shares above (index)", "do the ratings go together (alpha)"]
    assert table["Value"].to_list()[1] == f"{last['alpha']['value']:.2f}"
    assert table.height == sum(row["value"] is not None for row in last.values())
    assert "areas that are rated" not in team_report(small).voice().answer


def test_ratings_that_do_not_go_together_are_said(mart):
    first = mart.studies["survey_quality"].filter(pl.col("measure") == "alpha").sort("number").row(0, named=True)
    section = OrgReport(View(mart, "org", "org", parse(f"{first['closed_on']:%Y-%m}"))).voice()
    assert first["value"] < 0.6
    assert any("the ratings hardly go together" in caution for caution in section.cautions)


def test_given_answers_are_listed_with_the_most_frequent_first(organisation_report):
    tables = [table for table in organisation_report().voice().tables if "held people up" in table.caption]
    shares = [float(cell.removesuffix(" %")) for cell in tables[0].frame["Chosen by"]]
    assert shares == sorted(shares, reverse=True)


def test_a_wave_that_has_not_closed_is_not_told(mart, organisation_report):
    first = results(mart, "org")["closed_on"].min()
    section = OrgReport(View(mart, "org", "org", parse(f"{first.year - 1}-12"))).voice()
    assert section.answer.startswith("No wave of a survey is known to have closed")
    assert section.chart is None and section.tables == ()


def test_a_page_of_a_small_team_shows_nothing_of_its_answers(mart, team_report, small):
    section = team_report(small).voice()
    assert section.chart is None
    assert "withheld" in section.answer
    cells = {cell for table in section.tables for row in table.frame.rows() for cell in row[1:]}
    assert not {cell for cell in cells if re.search(r"\d", cell)}
    shown = json.dumps([dict(bundle) for bundle in section.outputs()])
    assert "vegalite" not in shown


def test_what_is_withheld_is_not_in_the_mart_either(mart):
    withheld = mart.studies["survey_results"].filter(pl.col("verdict") == "suppressed")
    assert withheld.height
    numbers = ("n", "k", "share", "low", "high", "worst_low", "worst_high", "median", "score", "change", "higher")
    assert withheld.select(numbers).null_count().sum_horizontal().item() == withheld.height * len(numbers)
    told = mart.studies["survey_answers"].join(withheld, on=["scope", "entity_id", "wave", "question_id"], how="semi")
    assert told.is_empty()


def test_an_old_wave_is_said_to_be_old(mart):
    waves = mart.studies["survey_results"].filter(pl.col("number") == 1)
    old = replace(mart, studies={**mart.studies, "survey_results": waves})
    section = OrgReport(View(old, "org", "org", parse("2026-06"))).voice()
    assert any("nothing newer had closed" in caution for caution in section.cautions)


def test_hostile_names_are_text(mart):
    renamed = mart.studies["survey_results"].with_columns(pl.lit("<script>alert(1)</script>").alias("title"))
    section = OrgReport(
        View(replace(mart, studies={**mart.studies, "survey_results": renamed}), "org", "org", parse("2026-06"))
    ).voice()
    assert "<script>" not in "".join(str(bundle.get("text/html", "")) for bundle in section.outputs())


def test_every_team_has_the_section(mart):
    for team in mart.teams["team_id"]:
        assert TeamReport(View(mart, "team", team, parse("2026-06"))).voice().answer
