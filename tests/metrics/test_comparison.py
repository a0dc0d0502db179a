"""Teams beside one another: limits, verdicts, and no rank."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from scipy.stats import binom

from idp_analytics.metrics.comparison import COLUMNS, Place, comparison

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 4, 1, tzinfo=UTC)


def failing(teams: dict[str, tuple[int, int]]) -> dict[str, list[dict]]:
    """Each team's k failures of n deployments, all in January."""
    tables: dict[str, list[dict]] = {"teams": [], "services": [], "deployments": [], "incidents": []}
    for team, (k, n) in teams.items():
        tables["teams"].append({"team_id": team, "name": team})
        tables["services"].append({"service_id": f"{team}-shop"})
        for i in range(n):
            at = START + timedelta(hours=i % 700)
            where = {"service_id": f"{team}-shop", "team_id": team}
            tables["deployments"].append({"deployment_id": f"{team}{i}", "finished_at": at, **where})
            if i < k:
                tables["incidents"].append(
                    {"incident_id": f"{team}{i}", "deployment_id": f"{team}{i}", "opened_at": at, "resolved_at": at + timedelta(hours=1 + i % 5), **where}
                )  # fmt: skip
    return tables


@pytest.fixture
def compared(company, settings):
    def compare(teams: dict[str, tuple[int, int]], metric: str = "change_fail_rate") -> pl.DataFrame:
        frame = comparison(company(**failing(teams)), settings(), AS_OF)
        return frame.filter(metric=metric, period="2026-01")

    return compare


ALIKE = {f"t{n}": (k, 50) for n, k in enumerate([4, 6, 5, 5, 4, 6, 5, 5])}


def test_limits_are_exact_where_teams_differ_by_chance(compared):
    rows = compared(ALIKE).filter(role="team")
    assert rows["centre"].unique().to_list() == [0.1]
    assert rows["dispersion"].unique().to_list() == [1]
    row = rows.row(0, named=True)
    for tail, name in ((0.025, "95"), (0.001, "998")):
        ends = [binom.ppf(tail, 50, 0.1) / 50, binom.isf(tail, 50, 0.1) / 50]
        assert [row[f"low_{name}"], row[f"high_{name}"]] == pytest.approx(ends)
    assert set(rows["verdict"]) == {Place.WITHIN}
    assert rows.select(((pl.col("shrunken") - 0.1).abs() <= (pl.col("value") - 0.1).abs() + 1e-3).all()).item()


def test_a_team_far_off_is_apart_and_its_number_is_pulled_in(compared):
    rows = compared({**ALIKE, "wild": (45, 50)}).filter(role="team")
    assert rows.filter(verdict=Place.APART)["entity_id"].to_list() == ["wild"]
    wild = rows.filter(entity_id="wild").row(0, named=True)
    assert wild["value"] > wild["high_998"]
    assert wild["centre"] < wild["shrunken"] < wild["value"]
    assert wild["worst_third"] == 1
    assert rows["worst_third"].sum() == pytest.approx(3)


def test_one_failure_of_a_few_is_within_chance(compared):
    """Half of two deployments failed: with so few that says nothing, so there is not even a value to compare."""
    rows = compared({**ALIKE, "tiny": (1, 2), "small": (3, 6)}).filter(role="team")
    tiny, small = (rows.filter(entity_id=team).row(0, named=True) for team in ("tiny", "small"))
    assert (tiny["verdict"], tiny["value"], tiny["high_998"], tiny["teams"]) == (Place.INSUFFICIENT, None, None, 9)
    assert small["verdict"] == Place.WITHIN
    assert small["value"] > 0.4 > small["shrunken"]


def test_fewer_than_five_teams_are_not_compared(compared):
    rows = compared({"a": (4, 50), "b": (6, 50), "c": (30, 50), "d": (0, 50), "quiet": (0, 0)})
    assert set(rows["role"]) == {"team"}
    assert set(rows["verdict"]) == {Place.INSUFFICIENT}
    assert rows["shrunken"].null_count() == rows["high_998"].null_count() == rows["worst_third"].null_count() == 5
    assert rows["teams"].unique().to_list() == [4]


def test_order_is_that_of_ids_and_there_is_no_rank(compared):
    rows = compared({**ALIKE, "wild": (45, 50)}).filter(role="team")
    assert rows["entity_id"].to_list() == sorted(rows["entity_id"])
    assert rows.columns == list(COLUMNS)
    assert not [name for name in COLUMNS if "rank" in name]


def test_a_funnel_has_limits_for_every_size_and_dots_without_a_name(compared):
    rows = compared({f"t{n}": (n, 10 * (n + 1)) for n in range(8)}).filter(pl.col("role") != "team")
    assert set(rows["scope"]) == set(rows["entity_id"]) == {"org"}
    limits, dots = rows.filter(role="limit"), rows.filter(role="dot")
    assert (limits["n"].min(), limits["n"].max()) == (10, 80)
    assert limits["n"].is_unique().all()
    assert dots["n"].to_list() == [10 * (n + 1) for n in range(8)]
    assert dots["value"].to_list() == pytest.approx([n / (10 * (n + 1)) for n in range(8)])


def test_every_metric_with_enough_teams_is_compared_and_only_those_of_varying_n_are_drawn(company, settings):
    frame = comparison(company(**failing({f"t{n}": (6 + n, 40 + n) for n in range(6)})), settings(), AS_OF)
    january = frame.filter(period="2026-01")
    told = january.filter(role="team", verdict=Place.WITHIN)["metric"].unique().to_list()
    assert set(told) == {
        "deployment_frequency", "deployment_days", "change_fail_rate", "failed_deployment_recovery_time", "deployment_rework_rate",
    }  # fmt: skip
    assert set(january.filter(role="limit")["metric"]) == {
        "change_fail_rate", "failed_deployment_recovery_time", "deployment_rework_rate",
    }  # fmt: skip
    shown = frame.filter(pl.col("shrunken").is_not_null())
    assert shown.select(
        (pl.col("shrunken_low") <= pl.col("shrunken")).all() & (pl.col("shrunken") <= pl.col("shrunken_high")).all()
    ).item()
    assert shown.select(
        (pl.col("low_998") <= pl.col("low_95")).all() & (pl.col("high_95") <= pl.col("high_998")).all()
    ).item()


def test_it_is_the_same_every_time_and_whatever_the_order_of_rows(company, settings):
    tables = failing({f"t{n}": (n, 30 + n) for n in range(7)})
    turned = {name: rows[::-1] for name, rows in tables.items()}
    first, again, other = (comparison(company(**t), settings(), AS_OF) for t in (tables, tables, turned))
    assert first.equals(again)
    assert first.equals(other)


def test_a_company_without_facts_has_an_empty_study(company, settings):
    assert comparison(company(), settings(), AS_OF).schema == pl.DataFrame(schema=COLUMNS).schema
