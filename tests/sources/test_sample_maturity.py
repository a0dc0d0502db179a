"""Self-assessments of the synthetic company are answers to the shipped model, and who claims what is planted and told."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from idp_analytics.settings.maturity_model import shipped
from idp_analytics.sources import sample


@pytest.fixture(scope="module")
def company():
    return sample.generate(9, 3.3, 12, date(2026, 7, 1), 20260701)


def test_answers_are_to_the_items_and_the_version_of_the_model(company):
    answers = company.tables["assessments"]
    assert set(answers["item_id"]) == {item.id for item in shipped().items}
    assert set(answers["model_version"]) == {shipped().version}
    assert answers.select("assessment_id", "item_id").is_unique().all()
    assert answers.filter((pl.col("answer") == "not_applicable") != pl.col("reason").is_not_null()).is_empty()


def test_who_claims_more_or_less_than_others_is_told(company):
    planted = company.truth["maturity"]
    claimed = (
        company.tables["assessments"]
        .with_columns(pl.col("answer").cast(pl.Int64, strict=False))
        .group_by("team_id")
        .agg(pl.col("answer").mean())
    )
    means = dict(claimed.iter_rows())
    over, under = planted["over_claimers"], planted["under_claimers"]
    others = [mean for team, mean in means.items() if team not in over + under]
    assert over
    assert under
    assert min(means[team] for team in over) > max(others)
    assert max(means[team] for team in under) < min(others)


def test_who_goes_round_rules_under_stress_is_told_and_nobody_else_does(company):
    planted = company.truth["maturity"]
    hatches = company.tables["escape_hatches"].filter(kind="bypass")
    owner = company.tables["ownership"].with_columns(pl.col("valid_from").fill_null(date(2000, 1, 1)))
    incidents = company.tables["incidents"].filter(pl.col("severity") <= 2).drop_nulls("service_id")
    held = (
        incidents.with_columns(pl.col("opened_at").dt.date().alias("day")).sort("day")
        .join_asof(owner.sort("valid_from"), left_on="day", right_on="valid_from", by="service_id", check_sortedness=False, suffix="_owner")
    )  # fmt: skip
    both = held.join(hatches.select("service_id", pl.col("opened_at").alias("round_at")), on="service_id").filter(
        pl.col("round_at").is_between(pl.col("opened_at"), pl.col("opened_at") + timedelta(seconds=600))
    )
    assert set(both["team_id_owner"]) == set(planted["stress_bypassers"])
    of_them = held.filter(pl.col("team_id_owner").is_in(planted["stress_bypassers"])).height
    # 70 % of about 35 severe incidents: from 16 to 32 of them with a probability of 99.9 %.
    assert of_them > 25
    assert 0.45 < both["incident_id"].n_unique() / of_them < 0.95
