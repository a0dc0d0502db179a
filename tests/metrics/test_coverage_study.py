"""What METRICS.md says of coverage and false verdicts is what was counted, and is counted again with other seeds."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics import CATALOGUE, coverage_study
from idp_analytics.metrics.coverage_company import AS_OF, FIRST, PACES, Company, drawn
from idp_analytics.metrics.coverage_study import COUNTS, FEWEST, WHY, counted, shares, study
from idp_analytics.metrics.simulated import Simulated, margin
from idp_analytics.tables import TABLES

MONTHS = ["2024-01", *(f"2024-{month:02d}" for month in range(2, 13)), "2025-01"]


def asserted(counts: pl.DataFrame, level: float) -> None:
    """Coverage is at least ``level`` and false verdicts at most the rest, but for the metrics that say why."""
    for row in shares(counts).to_dicts():
        where = (row["metric"], row["pace"])
        if row["metric"] in WHY:
            continue
        if row["coverage"] is not None:
            assert row["coverage"] >= level - 1.5 * margin(level, row["intervals"]), where
        if row["false_share"] is not None:
            assert row["false_share"] <= 1 - level + 1.5 * margin(level, row["compared"]), where


def test_the_study_is_of_every_delivery_metric_and_large_enough():
    told = study()
    assert told.counts["metric"].unique(maintain_order=True).to_list() == [
        "deployment_frequency", "deployment_days", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time",
        "deployment_rework_rate", "time_between_deployments", "merge_to_deploy_time", "batch_size", "incident_free_share",
    ]  # fmt: skip
    assert {metric.name for metric in CATALOGUE if metric.headline and metric.better} <= set(told.counts["metric"])
    every = shares(told.counts).filter(pace="all")
    assert (every["intervals"] >= FEWEST).all()
    assert (every["compared"] >= FEWEST).all()
    assert (told.seeds, told.teams) == (coverage_study.SEEDS, coverage_study.TEAMS)
    assert told.counts["team_months"].unique().to_list() == [told.seeds * told.teams // len(PACES) * 12]


def test_intervals_and_verdicts_keep_what_they_promise_or_say_why():
    told = study()
    asserted(told.counts, told.level)
    failing = shares(told.counts).filter(
        (pl.col("coverage") < told.level - 0.005) | (pl.col("false_share") > 1 - told.level + 0.005)
    )
    assert set(failing["metric"]) == set(WHY)


@pytest.mark.slow
def test_other_companies_say_the_same():
    """Ten other seeds: each share within what two simulations of that size may differ by."""
    told, again = study(), coverage_study.measured(seed=7, seeds=10)
    asserted(again.counts, told.level)
    both = shares(told.counts).join(shares(again.counts), on=["metric", "pace"], suffix="_again")
    assert both.height == 40
    for row in both.to_dicts():
        for share, number in (("coverage", "intervals"), ("false_share", "compared")):
            stored, new = row[share], row[f"{share}_again"]
            if stored is not None and new is not None:
                spread = math.sqrt(stored * (1 - stored) * (1 / row[number] + 1 / row[f"{number}_again"]))
                assert new == pytest.approx(stored, abs=4.5 * spread + 0.002), (row["metric"], row["pace"], share)


# --- what is counted --------------------------------------------------------------------------------------------------


@pytest.fixture
def frequency(company, settings):
    """The counts of one team that deploys so often in each of :data:`MONTHS`, if its true rate is that."""

    def count(numbers: list[int], rate: float) -> dict:
        facts = [
            {"deployment_id": f"{month}/{n}", "finished_at": f"{month}-{1 + n % 28:02d}T{n // 28:02d}:00"}
            for month, number in zip(MONTHS, numbers, strict=True)
            for n in range(number)
        ]
        truth = pl.DataFrame({"team_id": ["red"], "pace": ["usual"], "deployment_frequency": [rate]})
        tables = company(teams=[{"team_id": "red"}], services=[{"service_id": "shop"}], deployments=facts)
        return counted(Company(tables, truth), settings()).row(1, named=True)

    return count


@pytest.mark.parametrize(
    ("numbers", "rate", "covered", "improved", "worsened"),
    [
        # Exact bounds of 3 events are 0.619 and 8.767: in 28 to 31 days a rate of 0.1 a day is always between, of 0.4 never.
        ([3] * 13, 0.1, 12, 0, 0),
        ([3] * 13, 0.4, 0, 0, 0),
        # 30 events in May: at least 20.2 ÷ 31 = 0.65 a day; up from 3 and down to 3 again.
        ([3, 3, 3, 3, 30, *[3] * 8], 0.1, 11, 1, 1),
        # The first month is before what is measured, and the second has nothing measured before it to be compared with.
        ([30, *[3] * 12], 0.1, 12, 0, 0),
        # Nothing seen is covered by the bound on so much quiet (3.689 ÷ 30 = 0.12), but not compared; nor is what follows.
        ([*[3] * 5, 0, *[3] * 7], 0.1, 12, 0, 0),
    ],
)
def test_counts_worked_by_hand(frequency, numbers, rate, covered, improved, worsened):
    row = frequency(numbers, rate)
    assert (row["metric"], row["pace"], row["team_months"], row["intervals"]) == (
        "deployment_frequency",
        "usual",
        12,
        12,
    )
    assert (row["covered"], row["improved"], row["worsened"]) == (covered, improved, worsened)
    assert row["compared"] == (9 if 0 in numbers else 11)


def test_margin_and_shares_by_hand():
    assert margin(0.05, 1900) == pytest.approx(1.96 * 0.005, abs=1e-5)  # √(0.05 × 0.95 ÷ 1900) = 0.005
    counts = pl.DataFrame(
        [("a", "quiet", 2000, 999, 900, 1000, 10, 20), ("a", "busy", 2000, 1001, 1001, 900, 9, 0)],
        schema=coverage_study.COLUMNS, orient="row",
    )  # fmt: skip
    assert shares(counts).select("pace", "coverage", "false_share").rows() == [
        ("quiet", None, 0.03),
        ("busy", 1.0, None),
        ("all", 1901 / 2000, 39 / 1900),
    ]


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    counts = pl.DataFrame([("batch_size", "busy", 5, 4, 3, 2, 1, 0)], schema=coverage_study.COLUMNS, orient="row")
    monkeypatch.setattr(coverage_study, "FILE", tmp_path / "counted.toml")
    monkeypatch.setattr(coverage_study, "measured", lambda: Simulated(0.9, 1, 2, 3, counts))
    coverage_study.main()
    read = study.__wrapped__()
    assert (read.level, read.seed, read.seeds, read.teams) == (0.9, 1, 2, 3)
    assert read.counts.equals(counts)


# --- the companies ----------------------------------------------------------------------------------------------------


def test_a_company_is_what_its_truth_says():
    """Raw counts against the planted truth, each within four standard deviations; nothing from after the as-of time."""
    made = drawn(3, 60)
    tables = {name: frame.collect() for name, frame in made.tables.items()}
    assert set(tables) == set(TABLES)
    days = (AS_OF - FIRST).days
    deployments, incidents, changes = tables["deployments"], tables["incidents"], tables["changes"]
    expected = made.truth["deployment_frequency"].sum() * days
    assert deployments.height == pytest.approx(expected, abs=4 * math.sqrt(expected))
    for frame, name in ((deployments, "finished_at"), (changes, "merged_at"), (incidents, "opened_at")):
        assert FIRST.replace(year=2020) < frame[name].min()
        assert frame[name].max() < AS_OF
    assert incidents["resolved_at"].drop_nulls().max() < AS_OF

    failing = (made.truth["deployment_frequency"] * made.truth["change_fail_rate"]).sum() * days
    assert incidents.height == pytest.approx(failing, abs=4 * math.sqrt(failing))
    medians = made.truth.select("team_id", "failed_deployment_recovery_time", "change_lead_time")
    open_hours = incidents.join(medians, on="team_id").select(
        (pl.col("resolved_at") - pl.col("opened_at")).dt.total_seconds() / 3600 < pl.col("failed_deployment_recovery_time")
    )  # fmt: skip
    assert open_hours.to_series().fill_null(False).mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(failing))
    first = (
        tables["deployment_changes"].select("deployment_id", "change_id")
        .join(deployments.select("deployment_id", "team_id", "finished_at"), on="deployment_id")
        .join(changes.select("change_id", "first_commit_at"), on="change_id")
    )  # fmt: skip
    lead = first.join(medians, on="team_id").select(
        (pl.col("finished_at") - pl.col("first_commit_at")).dt.total_seconds() / 3600 < pl.col("change_lead_time")
    )
    assert lead.to_series().mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(first.height))
    assert first.height / deployments.height == pytest.approx(2.5, abs=0.05)
    waiting = changes.join(tables["deployment_changes"], on="change_id", how="anti")
    assert waiting.height > 0, "some are merged and not deployed yet"


def test_a_seed_draws_the_same_company_and_another_seed_another():
    again, other = drawn(3, 6), drawn(4, 6)
    made = drawn(3, 6)
    for name in ("deployments", "changes", "incidents"):
        assert made.tables[name].collect().equals(again.tables[name].collect())
        assert not made.tables[name].collect().equals(other.tables[name].collect())
    assert np.array_equal(made.truth["pace"].to_numpy(), [*PACES] * 2)
    assert set(COUNTS) < set(study().counts.columns)
