"""Steps back counted: by what ran, by what was said, and as rework; and days of rework that stand for one observation."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics import by_name, compute, trace
from idp_analytics.metrics.value import valued


def made_of(company, *rows):
    """Deployments of one service, an hour apart on 10 March unless they say when; one incident, of nothing, in the past."""
    return company(
        teams=[{"team_id": "red"}],
        services=[{"service_id": "shop"}],
        deployments=[
            {"deployment_id": f"d{n}", "finished_at": f"2026-03-10T{n:02d}:00", **row} for n, row in enumerate(rows)
        ],
        incidents=[{"incident_id": "past", "opened_at": "2026-03-01", "change_caused": False}],
    )


def answer(made, settings, as_of, metric, period="2026-03"):
    found = compute(made, settings(), as_of("2026-05-01"), (by_name(metric),), ("team",), ("1mo",))
    return found.filter(pl.col("period") == period).row(0, named=True)


@pytest.mark.parametrize("metric", ["rollback_share", "deployment_rework_rate"])
@pytest.mark.parametrize(
    ("rows", "k", "n"),
    [
        ([{"sha": s} for s in "aba"], 1, 3),  # V1, V2, V1
        ([{"version": v} for v in ("v1", "v2", "v1")], 1, 3),
        ([{"sha": s} for s in "abab"], 1, 4),  # forward again is no second step back
        ([{"sha": s} for s in "aab"], 0, 3),  # a redeploy is none
        ([{}, {"is_rollback": True}, {}], 1, 3),  # said
        ([{"sha": "a"}, {"sha": "b"}, {"sha": "a", "is_rollback": False}], 1, 3),  # what ran is seen, whatever is said
        ([{}, {}, {}], 0, 3),  # neither commit nor version: none is seen
        ([{"sha": "a"}, {"sha": "b"}, {"sha": "a", "outcome": "failure"}], 0, 2),
        ([{"sha": "a"}, {"sha": "b", "environment": "staging"}, {"sha": "a"}], 0, 2),
        ([{"sha": "a"}, {"sha": "b"}, {"sha": "a", "is_resync": True}], 0, 2),
    ],
)
def test_a_step_back(company, settings, as_of, metric, rows, k, n):
    row = answer(made_of(company, *rows), settings, as_of, metric)
    assert (row["k"], row["n"], row["missing"]) == (k, n, 0)


def test_the_interval_is_wilsons(company, settings, as_of):
    row = answer(made_of(company, *({"sha": s} for s in "abacdef")), settings, as_of, "rollback_share")
    assert (row["k"], row["n"], row["value"]) == (1, 7, pytest.approx(1 / 7))
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 7, method="wilson"))


def test_what_ran_in_a_month_before_is_remembered(company, settings, as_of):
    rows = [{"sha": s, "finished_at": f"2026-0{m}-10"} for s, m in (("a", 2), ("b", 3), ("a", 4))]
    made = made_of(company, *rows)
    found = [answer(made, settings, as_of, "rollback_share", p)["k"] for p in ("2026-02", "2026-03", "2026-04")]
    assert found == [0, 0, 1]
    kept = trace(made, settings(), as_of("2026-05-01"), "rollback_share", "team", "red", "2026-04")
    assert kept.select("source_key", "hit").rows() == [("d2", True)]


# --- the design effect ------------------------------------------------------------------------------------------------------


def rework(company, settings, as_of, days):
    """The answer for deployments of these days of March, each a list of whether they stepped back."""
    rows = [
        {"finished_at": f"2026-03-{day:02d}T{hour:02d}:00", "is_rollback": hit}
        for day, hits in enumerate(days, 2)
        for hour, hit in enumerate(hits)
    ]
    return answer(made_of(company, *rows), settings, as_of, "deployment_rework_rate")


def test_spread_evenly_it_is_plain_wilson_and_on_one_day_it_is_wider(company, settings, as_of):
    """Both 4 of 16. Once, four days of four with one each; once, all four on one of the days.

    On one day: p = 1/4, n·p(1 − p) = 3; Σ(k − p·n)² = 3² + 3 · 1² = 12; 12 ÷ 16² · 4/3 = 1/16; p(1 − p) ÷ 15 = 1/80;
    1/16 ÷ 1/80 = 5: sixteen deployments stand for 3.2.
    """
    even = rework(company, settings, as_of, [[True, False, False, False]] * 4)
    crowded = rework(company, settings, as_of, [[True] * 4] + [[False] * 4] * 3)
    assert [(r["value"], r["n"], r["k"]) for r in (even, crowded)] == [(0.25, 16, 4)] * 2
    assert (even["low"], even["high"]) == pytest.approx(proportion_confint(4, 16, method="wilson"))
    assert (crowded["low"], crowded["high"]) == pytest.approx(proportion_confint(4 / 5, 16 / 5, method="wilson"))
    assert crowded["low"] < even["low"]
    assert crowded["high"] > even["high"]


def test_days_of_two_services_are_two_clusters(company, settings, as_of):
    """One day, two services, two deployments each, those of one all back: Σ(k − p·n)² = 1 + 1 = 2; 2 ÷ 4² · 2/1 = 1/4;
    p(1 − p) ÷ 3 = 1/12; so 3, and four stand for 4/3. One service would be one cluster, which tells of no effect."""
    rows = [{"service_id": service, "is_rollback": service == "till"} for service in ("shop", "till") for _ in range(2)]
    row = answer(made_of(company, *rows), settings, as_of, "deployment_rework_rate")
    assert (row["k"], row["n"]) == (2, 4)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2 / 3, 4 / 3, method="wilson"))
    one = answer(
        made_of(company, *({**r, "service_id": "shop"} for r in rows)), settings, as_of, "deployment_rework_rate"
    )
    assert (one["low"], one["high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))


def test_shares_that_do_not_come_in_clusters_are_left_alone(company, settings, as_of):
    rows = [{"finished_at": f"2026-03-{2 + n // 4:02d}T{n:02d}:00", "is_rollback": n < 4} for n in range(16)]
    row = answer(made_of(company, *rows), settings, as_of, "rollback_share")
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(4, 16, method="wilson"))
    assert row["method"] == "Wilson"


@given(st.lists(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=12))
def test_crowding_never_narrows_an_interval_nor_moves_a_share(clusters):
    counts = {
        "n": sum(n for n, _ in clusters), "k": sum(k for _, k in clusters), "clusters": len(clusters),
        "squares_n": sum(n * n for n, _ in clusters), "products": sum(n * k for n, k in clusters),
        "squares_k": sum(k * k for _, k in clusters),
    }  # fmt: skip
    rest = {"missing": 0, "hit_days": 0, "is_measured": True}
    metric = by_name("deployment_rework_rate")
    whole = pl.DataFrame([{**counts, **rest}])
    row = valued(whole, metric, 0.95).row(0, named=True)
    plain = valued(whole.drop("squares_n", "products", "squares_k", "clusters"), metric, 0.95).row(0, named=True)
    assert (row["value"], row["n"], row["k"]) == (plain["value"], plain["n"], plain["k"])
    assert row["low"] <= plain["low"] + 1e-12
    assert row["high"] >= plain["high"] - 1e-12
