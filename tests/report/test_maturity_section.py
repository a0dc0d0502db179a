"""Where we stand, of the synthetic company: what is planted is told, without an overall number, a ranking or an average."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from idp_analytics.metrics.maturity import studies
from idp_analytics.report import maturity
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def truth():
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))["maturity"]


def of_team(mart, team):
    return TeamReport(View(mart, "team", team, mart.period(""))).maturity()


def test_the_organisation_sees_five_aspects_and_no_sixth_number(mart):
    section = OrgReport(View(mart, "org", "org", mart.period(""))).maturity()
    assert section.question == "Where do we stand?"
    first = section.tables[0].frame
    assert first["Aspect"].to_list() == ["Investment", "Adoption", "Interfaces", "Operations", "Measurement"]
    assert all(word not in section.answer.lower() for word in ("overall", "average", "total", "rank"))
    seen = mart.studies["maturity"].filter(scope="org")
    for row, shown in zip(seen.to_dicts(), first.to_dicts(), strict=True):
        assert row["low"] <= row["level"] <= row["high"]
        assert f"{row['title']}: level {row['level']} ({row['level_name']}" in section.answer
        assert shown["Seen"].startswith(str(row["level"]))


def test_in_short_aspects_of_one_level_stand_together():
    row = {"is_assessed": True, "level_name": "operational", "capped_from": None, "gap": None}
    known = [
        {**row, "title": "Adoption", "level": None, "low": 1, "high": 4},
        {**row, "title": "Interfaces", "level": 2, "low": 1, "high": 3},
        {**row, "title": "Operations", "level": 2, "low": 2, "high": 2, "capped_from": 3},
        {**row, "title": "Measurement", "level": 3, "level_name": "scalable", "low": 3, "high": 3},
    ]
    assert list(maturity._by_level(known)) == [
        "level 3 (scalable) in measurement",
        "level 2 (operational) in interfaces (between 1 and 3) and operations (3 but for what is seen under stress)",
        "any level in adoption (too little is known)",
    ]


def test_in_short_it_says_of_when_and_what_is_not_assessed(mart):
    told = maturity.in_short(View(mart, "team", "mobile", mart.period("")))
    assert told[0].startswith("At the end of the data: ") and told[0].endswith(".")
    assert told[1] == "2 aspects are not assessed here: what they ask is asked of the organisation."
    assert maturity.in_short(View(mart, "team", "nobody", mart.period(""))) == [
        "Too little is measured to tell where we stand in any aspect."
    ]


def test_who_claims_more_or_less_than_is_seen_is_found_and_nobody_else_is_accused(mart, truth):
    """Of 24 aspects of teams that are both seen and said; no false alarm here, some in other companies (``test_planted_claims``)."""
    gaps = mart.studies["maturity"].filter(scope="team").drop_nulls("gap")
    assert gaps.height == 24
    assert set(gaps.filter(gap=studies.MORE)["entity_id"]) == set(truth["over_claimers"])
    assert set(gaps.filter(gap=studies.LESS)["entity_id"]) == set(truth["under_claimers"])
    assert "says more than is seen" in of_team(mart, truth["over_claimers"][0]).answer
    assert "says less than is seen" in of_team(mart, truth["under_claimers"][0]).answer


def test_who_goes_round_rules_under_stress_is_found_and_nobody_else_is_accused(mart, truth):
    kept = mart.studies["maturity_criteria"].filter(scope="team", criterion="operations-under-stress")
    broken = set(kept.filter(state="not met")["entity_id"])
    assert broken == set(truth["stress_bypassers"])
    for team in broken:
        row = mart.studies["maturity"].filter(entity_id=team, aspect="operations").row(0, named=True)
        assert (row["stress"], row["high"]) == ("not kept", 2)


def test_a_team_is_not_assessed_in_what_is_asked_of_the_organisation(mart):
    section = of_team(mart, "mobile")
    shown = {row["Aspect"]: row["Seen"] for row in section.tables[0].frame.to_dicts()}
    assert shown["Investment"] == shown["Measurement"] == "not assessed"
    assert "2 aspects are not assessed here" in section.answer
    assert any("fewer than three people is not shown" in caution for caution in section.cautions)


def test_at_most_two_steps_of_an_aspect_are_shown_and_each_with_its_n(mart):
    section = OrgReport(View(mart, "org", "org", mart.period(""))).maturity()
    lacking = section.tables[1].frame
    assert lacking.group_by("Aspect").len()["len"].max() <= 2
    assert set(lacking["State"].str.split(":").list.first()) <= {"not met", "unknown"}


def test_each_picture_lays_said_beside_seen_only_where_it_is_published(mart):
    chart = of_team(mart, "mobile").chart
    said = [row for row in chart.spec["datasets"]["marks"] if row["kind"] == "said"]
    published = mart.studies["maturity"].filter(entity_id="mobile").drop_nulls("self_level")
    assert [row["value"] for row in said] == published["self_level"].to_list()


def test_the_organisation_counts_teams_by_level_and_names_none(mart):
    section = OrgReport(View(mart, "org", "org", mart.period(""))).maturity_reached()
    counted = mart.studies["maturity_reached"].filter(~pl.col("is_withheld"))
    assert counted.height and counted.filter(pl.col("surely") > pl.col("possibly")).is_empty()
    assert counted.filter((pl.col("level") == 1) & (pl.col("surely") != pl.col("teams"))).is_empty()
    assert len(section.chart.spec["datasets"]["cells"]) == counted.height
    teams = set(mart.studies["maturity"].filter(scope="team")["entity_id"])
    told = json.dumps([section.answer, section.chart.spec["datasets"], *section.cautions])
    assert not [team for team in teams if f'"{team}"' in told]
