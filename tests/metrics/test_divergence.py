"""One hand-made log on which tools disagree: ours must say what really happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics import by_name, compute, trace
from idp_analytics.tables import TABLES
from idp_analytics.tables.ownership import attribute

AS_OF = datetime(2024, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def log(cases):
    folder = cases / "dora" / "ours" / "divergence"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return {path.stem: pl.read_csv(path) for path in folder.glob("*.csv")} | {
        "expected": json.loads((folder / "expected.json").read_text())["results"]
    }


def time(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC")


@pytest.fixture(scope="module")
def tables(log, company):
    """The log in our tables, from the start of its window, owners as of the event."""
    day = {name: time(name).dt.date() for name in ("valid_from", "valid_to")}
    frames = {
        "ownership": log["service_ownership"].select(service_id="service", team_id="team", **day),
        "deployments": log["deployments"]
        .select(
            "deployment_id",
            service_id="service",
            environment=pl.lit("production"),
            sha="commit_sha",
            started_at=time("started_at"),
            finished_at=time("finished_at"),
            outcome=pl.col("result").str.to_lowercase(),
            is_rollback=pl.col("kind") == "rollback",
        )
        .filter(pl.col("finished_at") >= datetime(2024, 3, 4, tzinfo=UTC)),
        "changes": log["commits"].select(
            change_id="commit_sha", service_id="service", first_commit_at=time("authored_at")
        ),
        "incidents": log["incidents"].select(
            "incident_id",
            service_id="service",
            opened_at=time("created_at"),
            resolved_at=time("resolved_at"),
            change_caused=pl.when(pl.col("truth") != "unknown").then(pl.col("truth") == "change"),
        ),
        "teams": pl.DataFrame({"team_id": ["payments", "storefront", "discovery"]}),
        "services": pl.DataFrame({"service_id": ["checkout", "search"]}),
    }
    frames["deployment_changes"] = frames["deployments"].select("deployment_id", change_id="sha")
    made = company()
    for name, frame in frames.items():
        empty = made[name].collect()
        whole = pl.concat([empty, frame.select(pl.col(c).cast(empty.schema[c]) for c in frame.columns)], how="diagonal")
        if TABLES[name].owned:
            whole = attribute(TABLES[name], whole, frames["ownership"], "UTC")
        made[name] = whole.lazy()
    return made


def row(tables, settings, metric: str, **where) -> dict:
    answers = compute(tables, settings(), AS_OF, (by_name(metric),), every=("1mo",))
    return answers.filter(**{"scope": "org", "period": "2024-03", **where}).row(0, named=True)


def test_deployments_and_owners_as_of_the_event(tables, settings, log):
    expected = log["expected"]
    answer = row(tables, settings, "deployment_frequency")
    assert answer["n"] == expected["deployment_frequency"]["successful_deployments"] == 18
    assert answer["value"] == pytest.approx(expected["deployment_frequency"]["gitlab_avg_per_day"], abs=5e-5)
    for team, n in expected["ownership"]["as_of_event"].items():
        assert row(tables, settings, "deployment_frequency", scope="team", entity_id=team)["n"] == n


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        ("UTC", "deployment_days_utc"),
        ("America/Los_Angeles", "deployment_days_los_angeles"),
        ("Asia/Tokyo", "deployment_days_tokyo"),
    ],
)
def test_deployment_days(tables, settings, log, zone, key):
    answers = compute(tables, settings(zone), AS_OF, (by_name("deployment_days"),), ("org",), ("1mo",))
    assert answers.filter(period="2024-03")["k"].to_list() == [log["expected"]["deployment_frequency"][key]]


def test_change_fail_rate(tables, settings, log):
    truth = log["expected"]["change_failure_rate"]["ground_truth"]
    answer = row(tables, settings, "change_fail_rate")
    assert (answer["k"], answer["n"]) == (truth["numerator"], truth["denominator"]) == (5, 18)
    assert [answer["low"], answer["high"]] == pytest.approx(log["expected"]["ground_truth_cfr_wilson95"], abs=5e-5)
    assert answer["caution"] == "partial period; incidents linked to no deployment: 1"
    behind = trace(tables, settings(), AS_OF, "change_fail_rate", "org", "org", "2024-03")
    assert behind.filter("hit")["source_key"].to_list() == truth["failed"]


@pytest.mark.parametrize("hours", [1, 4, 72])
def test_change_fail_rate_under_other_link_rules(tables, settings, log, hours):
    """Theirs counts incidents said not to be change-caused as well; ours never does."""
    theirs = log["expected"]["change_failure_rate"][f"same_service_within_{hours}h"]["failed"]
    outages = {"d07"} if hours == 72 else set()  # i03, a cloud outage
    answers = trace(tables, settings(link_hours=hours), AS_OF, "change_fail_rate", "org", "org", "2024-03")
    assert set(answers.filter("hit")["source_key"]) == set(theirs) - outages


def test_rework(tables, settings, log):
    answer = row(tables, settings, "deployment_rework_rate")
    expected = log["expected"]["deployment_rework_rate"]
    assert (answer["k"], answer["n"]) == (expected["numerator"], expected["denominator"]) == (3, 18)
    behind = trace(tables, settings(), AS_OF, "deployment_rework_rate", "org", "org", "2024-03")
    assert behind.filter("hit")["source_key"].to_list() == ["d05", "d06", "d16"]


def test_lead_time(tables, settings, log):
    answer = row(tables, settings, "change_lead_time")
    expected = log["expected"]["change_lead_time"]
    assert (answer["value"], answer["n"]) == (expected["first_deploy_per_commit_median_h"], expected["n"]) == (14.0, 16)


def test_recovery(tables, settings, log):
    answer = row(tables, settings, "failed_deployment_recovery_time")
    assert answer["value"] * 60 == pytest.approx(log["expected"]["recovery"]["change_caused_only_median_minutes"])
    assert (answer["n"], answer["k"], answer["censored"]) == (6, 6, 0)
