"""What was planted in the synthetic company is recovered, and its answers and studies say the same."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from ticket_building import MONTH

from idp_analytics.metrics.ticket_volume import tickets
from idp_analytics.metrics.ticket_waits import ticket_waits
from idp_analytics.sources.sample import generate
from idp_analytics.tables import TABLES, empty


@pytest.fixture(scope="module")
def large():
    """Sixty teams of the synthetic company, as tables, with what is true of their tickets."""
    made_ = generate(teams=60, seed=7)
    line = {"source": pl.lit("sample"), "load_id": pl.lit("load"), "source_row": pl.lit(1)}
    lazy = {
        name: frame.with_columns(**{k: v for k, v in line.items() if k not in frame.columns}).lazy()
        for name, frame in made_.tables.items()
    }
    return {**{name: empty(name).lazy() for name in TABLES}, **lazy}, made_.truth


def test_planted_rates_medians_and_shares_are_recovered(large, settings):
    """At 99.9 %, since some thirty intervals are looked at: rates of categories no path deflects, waits, opened again, about a path."""
    tables, truth = large
    planted, chosen, as_of_ = truth["tickets"], settings(level=0.999), datetime.fromisoformat(truth["company"]["as_of"])
    found = tickets(tables, chosen, as_of_).filter(scope="org", every="1q", is_partial=False)
    per_day = planted["per_person_of_a_team_and_day"] * planted["people_of_teams"]
    developers = (
        tables["people"]
        .filter(~pl.col("is_bot"), pl.col("is_developer"))
        .select("started_on", "ended_on")
        .collect()
        .rows()
    )
    looked = 0
    for row in found.filter(part="category").to_dicts():
        first = row["period_start"]
        days = [first + timedelta(days=n) for n in range(((first + timedelta(days=95)).replace(day=1) - first).days)]
        there = sum((start or day) <= day <= (end or day) for start, end in developers for day in days)
        assert row["developer_months"] == pytest.approx(there / MONTH)
        if row["category"] != "database":  # of those a path saves some
            expected = per_day * planted["category_shares"][row["category"]] * len(days) / row["developer_months"]
            assert row["per_developer_low"] <= expected <= row["per_developer_high"], row
            looked += 1
    assert looked >= 20
    for row in found.filter(part="all").to_dicts():
        assert row["reopen_low"] <= planted["reopened_ever"] <= row["reopen_high"]
    random = np.random.default_rng(1)
    answer, settle = (
        told_["median"] * np.exp(told_["sigma"] * random.standard_normal(1_000_000))
        for told_ in (planted["answer_hours"], planted["from_answer_to_settled_hours"])
    )
    true = {"response": (answer, 1.0), "resolution": (answer + settle, planted["settled_ever"])}
    waits = ticket_waits(tables, chosen, as_of_).filter(
        scope="org", every="1q", part="all", hours="clock", is_partial=False
    )
    assert waits.height >= 8
    for row in waits.to_dicts():
        hours, ever = true[row["wait"]]
        median, tail = np.quantile(hours, [0.5 / ever, 0.9 / ever])  # a few are never settled
        assert row["low"] <= median <= row["high"], row
        assert row["p90_low"] <= tail <= row["p90_high"], row


def test_the_sample_says_the_same_in_its_answers_and_studies(sample):
    """A team's number and the study's row are the same number; the path of the truth is the reason that repeats most."""
    answers = sample.answers().filter(pl.col("scope") != "service")
    volume = sample.study("tickets").filter(pl.col("part") == "all", pl.col("scope") != "service")
    both = volume.join(
        answers.filter(metric="tickets_per_developer_month"), on=["scope", "entity_id", "every", "period"]
    )
    asked_ = both.filter(pl.col("tickets") > 0, pl.col("developer_months") > 0)
    assert asked_.height > 50
    assert ((asked_["per_developer"] - asked_["value"]).abs() < 1e-9).all()
    assert (both["tickets"] == both["n"]).all()
    for wait in ("response", "resolution"):
        median = sample.study("ticket_waits").filter(part="all", wait=wait, hours="clock")
        both = median.join(
            answers.filter(metric=f"ticket_{wait}_time"), on=["scope", "entity_id", "every", "period"], suffix="_a"
        )
        told_ = both.drop_nulls("value")
        assert told_.height > 20
        assert ((told_["median"] - told_["value"]).abs() < 1e-9).all()
        assert (both["n"] == both["n_a"]).all() and (both["censored"] == both["censored_a"]).all()
    truth = json.loads((sample.settings.root / "truth.json").read_text())["tickets"]
    reasons = sample.study("ticket_reasons").filter(scope="org", every="1q")
    most = reasons.sort("tickets", descending=True).unique("period", keep="first")
    assert set(most.select("category", "about").iter_rows()) == set(truth["about_a_path"].items())
