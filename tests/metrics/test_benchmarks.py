"""Where a number lies among what DORA published: hand-worked places, own targets, and what must never be said."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.answers import COLUMNS
from idp_analytics.errors import SettingsError
from idp_analytics.metrics import CATALOGUE, by_name
from idp_analytics.metrics.benchmarks import benchmarks, check, placed
from idp_analytics.metrics.editions import editions
from idp_analytics.settings import Settings, Target


def answer(
    metric: str, low: float | None, high: float | None, value: float | None = 0.5, **more: object
) -> dict[str, object]:
    usual = {
        "scope": "team", "entity_id": "red", "every": "1mo", "period": "2026-03", "period_start": date(2026, 3, 1),
        "metric": metric, "value": value, "low": low, "high": high, "n": 20, "unit": by_name(metric).unit,
    }  # fmt: skip
    return {**dict.fromkeys(COLUMNS), **usual, **more}


def beside(*rows: dict[str, object], targets: tuple[Target, ...] = ()) -> pl.DataFrame:
    return placed(pl.DataFrame(list(rows), schema=COLUMNS), targets)


def one(metric: str, low: float | None, high: float | None, year: int) -> dict[str, object]:
    found = beside(answer(metric, low, high)).filter(pl.col("year") == year, pl.col("kind") != "quick check")
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("metric", "low", "high", "year", "tier", "place"),
    [
        ("change_lead_time", 2.0, 20.0, 2019, "elite", "as elite was described (under one day)"),
        ("change_lead_time", 2.0, 24.0, 2019, None, "spans elite–high"),
        ("change_lead_time", 24.0, 100.0, 2019, "high", "as high was described (one day to one week)"),
        ("change_lead_time", 20.0, 800.0, 2019, None, "spans elite–low"),
        # 2021 left gaps: nobody was described between one hour and one day.
        ("change_lead_time", 2.0, 20.0, 2021, None, "between elite (under one hour) and high (one day to one week)"),
        ("change_lead_time", 20.0, 30.0, 2021, None, "partly as high was described (one day to one week)"),
        ("change_lead_time", 20.0, 30.0, 2022, None, "partly as high was described (one day to one week)"),
        ("change_lead_time", 2.0, 20.0, 2022, None, "on the better side of high (one day to one week)"),
        ("change_lead_time", 5000.0, None, 2019, None, "beyond low (one month to six months)"),
        ("change_lead_time", 5000.0, None, 2021, "low", "as low was described (over six months)"),
        # Several tiers with the same description are not told apart.
        ("change_fail_rate", 0.04, 0.12, 2019, None, "as elite, high and medium alike were described (0–15 %)"),
        ("change_fail_rate", 0.04, 0.154, 2021, "elite", "as elite was described (0–15 %)"),
        ("change_fail_rate", 0.17, 0.29, 2021, None, "as high, medium and low alike were described (16–30 %)"),
        ("change_fail_rate", 0.1, 0.2, 2021, None, "spans elite–low"),
        ("change_fail_rate", 0.32, 0.4, 2019, None, "between medium (0–15 %) and low (46–60 %)"),
        # Points have no bounds.
        ("change_fail_rate", 0.04, 0.06, 2023, None, "its interval holds the 5 % of elite"),
        ("change_fail_rate", 0.04, 0.12, 2023, None, "its interval holds the 5 % of elite and 10 % of high"),
        ("change_fail_rate", 0.06, 0.09, 2023, None, "between elite (5 %) and high (10 %)"),
        ("change_fail_rate", 0.06, 0.09, 2024, None, "between elite (5 %) and medium (10 %)"),
        ("change_fail_rate", 0.01, 0.03, 2023, None, "on the better side of elite (5 %)"),
        ("change_fail_rate", 0.8, 0.9, 2023, None, "beyond low (64 %)"),
        # 2024 is in no order, so what a number resembles is no tier.
        ("deployment_frequency", 2.0, 5.0, 2024, None, "as elite was described (on demand, several a day)"),
        ("deployment_frequency", 2.0, 5.0, 2023, "elite", "as elite was described (on demand, several a day)"),
        ("deployment_frequency", 0.9, 1.1, 2023, None, "spans elite–high"),
        ("deployment_frequency", 0.05, 0.1, 2023, None, "as medium and low alike were described (once per week to once per month)"),
        ("deployment_frequency", 0.0, 0.001, 2021, "low", "as low was described (less than once per six months)"),
        ("failed_deployment_recovery_time", 0.2, 0.9, 2019, "elite", "as elite was described (under one hour)"),
        ("failed_deployment_recovery_time", 2.0, 9.0, 2019, None, "as high and medium alike were described (one hour to one day)"),
        ("failed_deployment_recovery_time", 1.1, None, 2019, None, "spans high–low"),
        ("failed_deployment_recovery_time", None, 0.5, 2021, "elite", "as elite was described (under one hour)"),
    ],
)  # fmt: skip
def test_places_worked_by_hand(metric, low, high, year, tier, place):
    row = one(metric, low, high, year)
    assert (row["tier"], row["place"]) == (tier, place)
    assert row["ahead_low"] is None


@pytest.mark.parametrize(
    ("metric", "low", "high", "place", "ahead"),
    [
        ("change_lead_time", 30.0, 90.0, "within the answer “one day to one week”, which 31.9 % chose", (0.244, 0.563)),
        ("change_lead_time", 20.0, 30.0, "spans the answers “less than one day” to “one day to one week”, which 46.9 % chose", (0.094, 0.563)),
        ("change_lead_time", 0.1, 0.5, "within the answer “less than one hour”, which 9.4 % chose", (0.0, 0.094)),
        # More than one a day is both of two answers.
        ("deployment_frequency", 2.0, 3.0, "spans the answers “on demand” to “once per hour to once per day”, which 22.7 % chose", (0.0, 0.227)),
        ("deployment_frequency", 0.2, 0.4, "within the answer “once per day to once per week”, which 21.9 % chose", (0.227, 0.446)),
        # Of the fail rate one answer is known, so nothing bounds how many are ahead.
        ("change_fail_rate", 0.0, 0.02, "within the answer “0 to 2 %”, which 8.5 % chose", (0.0, 0.085)),
        ("change_fail_rate", 0.01, 0.09, "partly within the answer “0 to 2 %”, which 8.5 % chose", (0.0, None)),
        ("change_fail_rate", 0.05, 0.09, "beyond the answers known here (0 to 2 %: 8.5 %)", (0.085, None)),
    ],
)  # fmt: skip
def test_places_among_the_answers_of_2025(metric, low, high, place, ahead):
    row = one(metric, low, high, 2025)
    assert row["place"] == place
    assert (row["ahead_low"], row["ahead_high"]) == pytest.approx(ahead)
    assert row["tier"] is None


METRICS = [m.metric for m in editions()[0].metrics]


@given(st.sampled_from(METRICS), st.floats(0, 1), st.floats(0, 1))
def test_no_tier_without_the_whole_interval_in_one_description(metric, one_end, other):
    scale = 1.0 if metric == "change_fail_rate" else 6000.0 if "time" in metric else 5.0
    low, high = sorted((one_end * scale, other * scale))
    rows = beside(answer(metric, low, high))
    assert rows.filter(pl.col("year").is_in([2024, 2025]) & pl.col("tier").is_not_null()).is_empty()
    for row in rows.filter(pl.col("tier").is_not_null()).to_dicts():
        (edition,) = (e for e in editions() if e.year == row["year"])
        published = next(m for m in edition.metrics if m.metric == metric)
        (described,) = (r for r in published.ranges if r.name == row["tier"])
        factor, slack = (100, 0.5) if metric == "change_fail_rate" else (1, 0)
        assert described.low - slack <= factor * low <= factor * high <= described.high + slack
        assert row["place"].startswith(f"as {row['tier']} was described")
    ahead = rows.filter(pl.col("ahead_high").is_not_null())
    assert (ahead["ahead_low"] <= ahead["ahead_high"]).all()


def test_a_number_without_a_value_has_no_place_and_metrics_dora_does_not_know_are_left_out():
    nothing = beside(answer("change_lead_time", None, None, value=None), answer("deployment_days", 0.2, 0.4))
    assert nothing.is_empty()
    assert beside().is_empty()
    assert "place" in beside().columns


def test_scores_have_bounds_and_groups_say_when_not_all_is_answered():
    rows = beside(answer("change_lead_time", 2.0, 30.0, 20.0), answer("deployment_frequency", 0.9, 3.0, 2.0))
    scores = rows.filter(kind="quick check", year=2025).to_dicts()
    found = {r["metric"]: (r["value"], r["low"], r["high"], r["reference"], r["place"]) for r in scores}
    assert found["change_lead_time"] == (8.0, 6.0, 8.0, 5.5, "above the mean of all respondents")
    assert found["deployment_frequency"] == (8.0, 6.0, 10.0, 4.8, "above the mean of all respondents")
    assert found["throughput"] == (8.0, 6.0, 9.0, None, "no mean published")
    value, low, high, mean, place = found["overall"]
    assert (value, low, high, place) == (8.0, 6.0, 9.0, "not all of its metrics are answered")
    assert mean == pytest.approx(6.72)
    assert "stability" not in found
    open_end = beside(answer("failed_deployment_recovery_time", 1.1, None, 2.0)).filter(kind="quick check", year=2024)
    assert open_end.filter(metric="failed_deployment_recovery_time").select("low", "high").row(0) == (0.0, 8.0)


def test_below_and_around_the_mean():
    rows = beside(
        answer("change_lead_time", 200.0, 300.0, 250.0), answer("change_fail_rate", 0.1, 0.3, 0.2)
    ).filter(kind="quick check", year=2025)  # fmt: skip
    told = dict(rows.select("metric", "place").iter_rows())
    assert told["change_lead_time"] == "below the mean of all respondents"
    assert told["change_fail_rate"] == "its bounds hold the mean of all respondents"


@pytest.mark.parametrize(
    ("metric", "goal", "low", "high", "verdict"),
    [
        ("change_fail_rate", 0.10, 0.02, 0.10, "met"),
        ("change_fail_rate", 0.10, 0.02, 0.11, "not decided"),
        ("change_fail_rate", 0.10, 0.11, 0.20, "not met"),
        ("change_fail_rate", 0.10, 0.10, 0.20, "not decided"),
        ("deployment_frequency", 1.0, 1.0, 2.0, "met"),
        ("deployment_frequency", 1.0, 0.5, 1.0, "not decided"),
        ("deployment_frequency", 1.0, 0.5, 0.9, "not met"),
        ("failed_deployment_recovery_time", 4.0, 1.0, None, "not decided"),
        ("failed_deployment_recovery_time", 4.0, 5.0, None, "not met"),
        ("deployment_days", 0.5, 0.6, 0.8, "met"),
    ],
)
def test_targets_are_judged_by_the_interval(metric, goal, low, high, verdict):
    (row,) = beside(answer(metric, low, high), targets=(Target(metric, goal),)).filter(kind="target").to_dicts()
    assert (row["place"], row["reference"], row["tier"]) == (verdict, goal, None)


def test_without_a_value_a_target_is_not_decided():
    rows = beside(answer("change_fail_rate", 0.0, 0.05, value=None), targets=(Target("change_fail_rate", 0.1),))
    assert rows.select("kind", "place").rows() == [("target", "not decided")]


def test_targets_of_one_team_or_scope():
    rows = [answer("change_fail_rate", 0.0, 0.05), answer("change_fail_rate", 0.0, 0.05, entity_id="blue"),
            answer("change_fail_rate", 0.0, 0.05, scope="org", entity_id="org")]  # fmt: skip
    name = "change_fail_rate"
    for target, whom in (
        (Target(name, 0.1), ["blue", "org", "red"]),
        (Target(name, 0.1, "team"), ["blue", "red"]),
        (Target(name, 0.1, "org"), ["org"]),
        (Target(name, 0.1, "team", "red", date(2026, 12, 31)), ["red"]),
    ):
        found = beside(*rows, targets=(target,)).filter(kind="target")
        assert sorted(found["entity_id"]) == whom
        assert found["where"].unique().to_list() == [
            "own target by 2026-12-31" if target.by else "own target"
        ]  # fmt: skip


def test_a_target_of_nothing_known_or_without_a_better_side_is_told_before_anything_is_read():
    targets = (Target("change_failure_rate", 0.1), Target("showback_cost", 100.0), Target("change_fail_rate", 0.1))
    with pytest.raises(SettingsError) as told:
        check(Settings("x", "X", Path(), targets=targets))
    assert "no such metric. Did you mean 'change_fail_rate'" in str(told.value)
    assert "'showback_cost': neither more nor less of it is better" in str(told.value)
    check(Settings("x", "X", Path(), targets=targets[2:]))


def test_the_study_is_of_the_latest_complete_month_and_quarter(sample):
    found = sample.study("benchmarks")
    assert found.select("every", "period").unique().sort("every").rows() == [("1mo", "2026-06"), ("1q", "2026-Q2")]
    assert set(found["scope"]) == {"org", "team"}
    answers = sample.answers("change_lead_time", by="team", every="1q").filter(pl.col("period") == "2026-Q2")
    ours = found.filter(metric="change_lead_time", kind="tiers", year=2021, every="1q", scope="team")
    known = answers.filter(pl.col("value").is_not_null()).sort("entity_id")
    assert (
        ours.select("entity_id", "value", "low", "high").rows()
        == known.select("entity_id", "value", "low", "high").rows()
    )


def test_the_study_judges_targets_of_other_metrics_too(sample):
    other = next(m.name for m in CATALOGUE if not m.headline and m.better)
    settings = replace(sample.settings, targets=(Target(other, 1e9),))
    rows = benchmarks(sample.lazy, settings, sample.as_of).filter(kind="target")
    assert rows["metric"].unique().to_list() == [other]


def test_infinity_is_in_no_answer_frame(sample):
    numbers = sample.study("benchmarks").select("value", "low", "high", "reference")
    assert not any(math.isinf(v) for column in numbers for v in column.drop_nulls())
