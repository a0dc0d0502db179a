"""Planted effects are found as often as METRICS.md says, and none where there is none: counted, and counted again with other seeds."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.coverage_company import drawn
from idp_analytics.metrics.impact import proof
from idp_analytics.metrics.impact.proof import (
    ALONE,
    CASES,
    FAILS,
    FAILS_LESS,
    LEAD,
    LEAD_FACTOR,
    PLANTED,
    WORST,
    measured,
)
from idp_analytics.metrics.simulated import Simulated, margin


def kept(told: Simulated) -> None:
    """Coverage is at least the level, and what is said of nothing at most the rest, as far as so few companies tell."""
    room = 2 * margin(told.level, told.seeds)
    for row in told.counts.to_dicts():
        where = (row["case"], row["metric"])
        assert row["intervals"] == row["entries"] == told.seeds, where
        if row["case"] != WORST:
            assert row["covered"] / row["intervals"] >= told.level - room, where
        if row["case"] == ALONE:
            assert row["improved"] == row["worsened"] == 0, "one series alone is never said to be better or worse"
            assert row["forbidden"] / row["entries"] <= 1 - told.level + room, where
        elif row["case"] != PLANTED:
            assert (row["improved"] + row["worsened"]) / row["entries"] <= 1 - told.level + room, where
            assert row["improved"] / row["entries"] <= 1 - told.level, where
        else:
            assert row["improved"] / row["entries"] > 0.7, where


def test_what_is_stored_keeps_what_is_promised():
    told = proof.proof()
    assert (told.seed, told.seeds, told.teams) == (proof.SEED, proof.SEEDS, proof.TEAMS)
    assert told.counts.select("case", "metric").rows() == [(case, metric) for case in CASES for metric in (LEAD, FAILS)]
    kept(told)
    # What a chart of before and after draws of those picked for being worst, with nothing done to them.
    worst = told.counts.filter(case=WORST, metric=FAILS).row(0, named=True)
    assert worst["looks_better"] / worst["entries"] > 0.75


@pytest.mark.slow
def test_other_companies_say_the_same():
    again = measured(seed=77, seeds=60)
    kept(again)
    both = proof.proof().counts.join(again.counts, on=["case", "metric"], suffix="_again")
    for row in both.to_dicts():
        for name in ("covered", "improved", "worsened"):
            stored, new = row[name] / row["entries"], row[f"{name}_again"] / row["entries_again"]
            spread = math.sqrt(stored * (1 - stored) * (1 / row["entries"] + 1 / row["entries_again"]))
            assert new == pytest.approx(stored, abs=4.5 * spread + 0.04), (row["case"], row["metric"], name)


def test_one_company_is_the_same_each_time():
    one, other = (measured(seed=5, seeds=1, teams=12).counts for _ in range(2))
    assert one.equals(other)


def test_an_effect_is_planted_as_said():
    """Lead times of what is deployed from that day on become as long as said, and that part of incidents is gone; before, and of others, nothing is."""
    company = drawn(9, 9)
    adopted = {name: date(2024, 7, 1) if at % 2 else None for at, name in enumerate(company.truth["team_id"])}
    tables = proof.with_effect(company, adopted, np.random.default_rng(0))
    on = pl.DataFrame({"service_id": list(adopted), "_on": list(adopted.values())}, schema_overrides={"_on": pl.Date})
    times = {}
    for name, made in (("before", company.tables), ("after", tables)):
        changes = made["changes"].collect()
        assert changes.columns == company.tables["changes"].collect_schema().names()
        deployed = (
            made["deployment_changes"]
            .join(made["deployments"], on="deployment_id")
            .select("change_id", "finished_at")
            .collect()
        )
        times[name] = (
            changes.join(deployed, on="change_id")
            .sort("change_id")
            .with_columns((pl.col("finished_at") - pl.col("first_commit_at")).alias("took"))
        )
    both = (
        times["before"]
        .join(times["after"].select("change_id", "took"), on="change_id", suffix="_now")
        .join(on, on="service_id")
    )
    is_on = (pl.col("finished_at").dt.date() >= pl.col("_on")).fill_null(False)
    ratio = both.select(is_on.alias("on"), (pl.col("took_now") / pl.col("took")).alias("ratio"))
    assert ratio.filter("on")["ratio"].to_numpy() == pytest.approx(LEAD_FACTOR, abs=1e-4)
    assert (ratio.filter(~pl.col("on"))["ratio"] == 1).all()
    left, all_ = (made["incidents"].collect().join(on, on="service_id") for made in (tables, company.tables))
    later = pl.col("opened_at").dt.date() >= pl.col("_on")
    assert left.filter(~later.fill_null(False)).height == all_.filter(~later.fill_null(False)).height
    shops = all_.filter(later).join(company.truth.select(service_id="team_id", p="change_fail_rate"), on="service_id")
    expected = shops.select((1 - FAILS_LESS / pl.col("p")).sum()).item()
    assert left.filter(later).height == pytest.approx(expected, abs=4 * math.sqrt(expected))


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    counts = pl.DataFrame([(PLANTED, LEAD, 3, 3, 3, 2, 0, 1, 3)], schema=proof.COLUMNS, orient="row")
    monkeypatch.setattr(proof, "FILE", tmp_path / "proof.toml")
    monkeypatch.setattr(proof, "measured", lambda: Simulated(0.9, 1, 3, 4, counts))
    proof.main()
    read = proof.proof.__wrapped__()
    assert (read.level, read.seed, read.seeds, read.teams) == (0.9, 1, 3, 4)
    assert read.counts.equals(counts)
    monkeypatch.setattr(proof, "proof", lambda: read)
    assert list(proof.lines())[-1] == f"| {PLANTED} | Change lead time | 100.0 | 66.7 | 0.0 | 33.3 | 100.0 |"
