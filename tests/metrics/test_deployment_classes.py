"""Classes of deployments counted: they part all of them, and their shares add up to one."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.answers import CELL
from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.classify import RULES, UNFINISHED, classified
from idp_analytics.metrics.deployment_classes import COLUMNS, COUNTED, KNOWN, deployment_classes
from idp_analytics.metrics.gaming import gaming

SHAS = "aababc"  # planned, redeploy, planned, rollback, redeploy (forward again), planned


@pytest.fixture
def tables(company):
    def build(shas: str = SHAS):
        return company(
            teams=[{"team_id": "red"}],
            services=[{"service_id": "shop"}],
            deployments=[
                *({"deployment_id": f"d{n}", "finished_at": f"2026-03-10T{n:02d}:00", "sha": sha} for n, sha in enumerate(shas)),
                {"deployment_id": "failed", "started_at": "2026-03-11", "finished_at": None, "outcome": "failure"},
                {"deployment_id": "sync", "finished_at": "2026-03-12", "is_resync": True},
                {"deployment_id": "stage", "finished_at": "2026-03-12", "environment": "staging"},
                {"deployment_id": "later", "finished_at": "2026-04-12", "sha": "z"},
            ],
        )  # fmt: skip

    return build


def test_a_month_by_hand(tables, settings, as_of):
    found = deployment_classes(tables(), settings(), as_of("2026-04-01"))
    rows = found.filter(pl.col("scope") == "team", pl.col("period") == "2026-03", pl.col("rule").is_null())
    assert dict(rows.select("class", "n").iter_rows()) == {
        "planned": 3, "hotfix": 0, "revert": 0, "rollback": 1, "redeploy": 2, "re-sync": 1, UNFINISHED: 1
    }  # fmt: skip
    assert set(rows["of"]) == {6}
    assert rows["class"].to_list() == list(KNOWN)
    planned, hotfix, *_, sync, failed = rows.to_dicts()
    assert planned["share"] == 0.5
    assert (planned["low"], planned["high"]) == pytest.approx(proportion_confint(3, 6, method="wilson"))
    assert (hotfix["share"], hotfix["low"]) == (0.0, 0.0)
    assert hotfix["high"] > 0
    assert (sync["share"], failed["share"]) == (None, None)
    assert set(found["period"]) == {"2026-03", "2026-Q1"}  # what comes after the as-of time is not known


def test_rules_add_up_to_their_class_and_stand_in_their_order(tables, settings, as_of):
    found = deployment_classes(tables(), settings(), as_of("2026-05-01"))
    by_rule = found.drop_nulls("rule").group_by(*CELL, "class").agg(pl.col("n").sum().alias("sum"))
    both = found.filter(pl.col("rule").is_null(), pl.col("n") > 0).join(by_rule, on=[*CELL, "class"], how="full")
    assert both["n"].equals(both["sum"], check_names=False)
    redeploys = found.filter(pl.col("class") == "redeploy", pl.col("scope") == "org", pl.col("period") == "2026-03")
    names = [rule.name for rule in RULES]
    order = [names.index(name) for name in redeploys["rule"].drop_nulls()]
    assert order == sorted(order)
    assert len(order) == 2


@pytest.mark.parametrize("seed", range(4))
def test_classes_part_all_deployments(tables, settings, as_of, seed):
    shas = "".join(np.random.default_rng(seed).choice(list("abcd"), 20))
    found = deployment_classes(tables(shas), settings(), as_of("2026-05-01")).filter(pl.col("rule").is_null())
    cells = found.group_by(CELL).agg(
        pl.col("n").sum(),
        pl.col("of").first(),
        pl.col("n").filter(pl.col("class").is_in(list(COUNTED))).sum().alias("counted"),
        pl.col("share").sum(),
    )
    assert cells["counted"].equals(cells["of"], check_names=False)
    assert cells["share"].to_numpy() == pytest.approx(np.ones(cells.height))
    march = cells.filter(pl.col("scope") == "org", pl.col("every") == "1mo").sort("period_start")["n"].to_list()
    assert march == [22, 1]


def test_a_deployment_counts_when_it_ended(company, settings, as_of):
    made = company(
        deployments=[
            {"deployment_id": "first", "finished_at": "2026-03-01"},
            {"deployment_id": "over", "started_at": "2026-03-31T23:00", "finished_at": "2026-04-01T01:00"},
        ]
    )
    found = deployment_classes(made, settings(), as_of("2026-05-01")).filter(
        pl.col("scope") == "org", pl.col("class") == "planned", pl.col("rule").is_null(), pl.col("every") == "1mo"
    )
    assert dict(found.select("period", "n").iter_rows()) == {"2026-03": 1, "2026-04": 1}


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    found = deployment_classes(company(), settings(), as_of("2026-05-01"))
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)


# --- what rests on it -----------------------------------------------------------------------------------------------------------


def answer(made, settings, as_of, metric):
    found = compute(made, settings(), as_of("2026-04-01"), (by_name(metric),), ("team",), ("1mo",))
    return found.filter(pl.col("period") == "2026-03").row(0, named=True)


def test_a_rollback_that_is_seen_counts_as_one_that_is_said(tables, company, settings, as_of):
    said = company(
        teams=[{"team_id": "red"}],
        deployments=[
            {"deployment_id": f"d{n}", "finished_at": f"2026-03-1{n}", "is_rollback": n == 3} for n in range(6)
        ],
        incidents=[{"incident_id": "i", "opened_at": "2026-03-01"}],
    )
    for made in (tables(), said):
        row = answer(made, settings, as_of, "rollback_share")
        assert (row["k"], row["n"], row["value"]) == (1, 6, 1 / 6)
    assert answer(said, settings, as_of, "deployment_rework_rate")["k"] == 1


@pytest.mark.parametrize(
    ("hits", "crowding"),
    [
        ([(d, d % 2) for d in range(10)], 1.0),  # one a day: a day is one observation
        ([(d, h) for d in range(5) for h in (0, 1)], 1.0),  # every day half of its two: less than chance, and never below one
        # Five days of two, all hits on one day: k = 2, p = 0.2; sum of squares 1.6² + 4 · 0.4² = 3.2; ÷ 10² · 5/4 ÷ (0.16 / 9) = 2.25
        ([(d, d == 2) for d in range(5) for _ in (0, 1)], 2.25),
        ([(0, d == 2) for d in range(10)], 1.0),  # one day tells nothing of days
        ([(d, 0) for d in range(5) for _ in (0, 1)], 1.0),
    ],
)  # fmt: skip
def test_observations_that_come_together_count_as_fewer(company, settings, as_of, hits, crowding):
    made = company(
        teams=[{"team_id": "red"}],
        deployments=[
            {"deployment_id": f"d{n}", "finished_at": f"2026-03-{10 + day}T{n:02d}:00", "is_rollback": bool(hit)}
            for n, (day, hit) in enumerate(hits)
        ],
        incidents=[{"incident_id": "i", "opened_at": "2026-03-01"}],
    )
    row = answer(made, settings, as_of, "deployment_rework_rate")
    k, n = sum(bool(hit) for _, hit in hits), len(hits)
    assert (row["k"], row["n"], row["value"]) == (k, n, k / n)
    low, high = proportion_confint(k / crowding, n / crowding, method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((max(low, 0.0), high))
    assert row["method"] == "Wilson, n by design effect"


def test_deployments_are_classified_once_for_all_studies_that_ask(tables, settings, as_of, monkeypatch):
    study, asked = sys.modules[deployment_classes.__module__], []
    monkeypatch.setattr(study, "classified", lambda *given: asked.append(given) or classified(*given))
    made, rules, now = tables(), settings(), as_of("2026-05-01")
    gaming(made, rules, now)
    deployment_classes(made, rules, now)
    assert len(asked) == 1
    deployment_classes(made, rules, as_of("2026-04-01"))
    assert len(asked) == 2
