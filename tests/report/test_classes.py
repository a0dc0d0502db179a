"""What a reader is told of what deployments were."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from answer_building import answer, mart, of_org

from idp_analytics.metrics.classify import RULES
from idp_analytics.metrics.deployment_classes import COLUMNS
from idp_analytics.report.classes import classes
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View


def rows(of: int, **counts: int) -> pl.DataFrame:
    """June of the organisation: deployments per class, ``not_deployed`` and ``re_sync`` among them; one rule each."""
    known = ("planned", "hotfix", "revert", "rollback", "redeploy", "re-sync", "not deployed")
    told = []
    for name in known:
        n = counts.get(name.replace(" ", "_").replace("-", "_"), 0)
        counted = name not in known[5:]
        cell = {
            "scope": "org",
            "entity_id": "org",
            "every": "1mo",
            "period": "2026-06",
            "class": name,
            "n": n,
            "of": of,
            "level": 0.95,
        }
        share = {"share": n / of, "low": max(0.0, n / of - 0.1), "high": min(1.0, n / of + 0.1)} if counted else {}
        told.append({**cell, **share})
        if n:
            told.append({**cell, "rule": next(rule.name for rule in RULES if rule.says == name)})
    return pl.DataFrame([{**dict.fromkeys(COLUMNS), **row} for row in told], schema=COLUMNS, orient="row")


def seen(frame: pl.DataFrame):
    made = mart([answer("deployment_frequency", n=10, value=0.3, low=0.1, high=0.6)])
    return of_org(replace(made, studies={**made.studies, "deployment_classes": frame}))


def test_the_answer_says_what_was_planned_and_what_was_not():
    made = classes(seen(rows(10, planned=6, hotfix=2, revert=0, rollback=1, redeploy=1, re_sync=3, not_deployed=4)))
    assert made.answer == (
        "Of 10 deployments in June 2026, 6 were planned work: 60.0 % (95 % interval 50.0–70.0 %). Not planned: 2 hotfixes, "
        "0 reverts, 1 rollback. 1 redeploy brought nothing new; 4 more did not end in success or have not ended."
    )
    assert made.chart is not None
    assert [row["label"] for row in made.chart.spec["datasets"]["parts"]] == [
        "planned, n 6", "hotfix, n 2", "revert, n 0", "rollback, n 1", "redeploy, n 1"
    ]  # fmt: skip
    by_class, by_rule = made.tables
    assert by_class.frame["Share"].to_list() == ["60.0 %", "20.0 %", "0.0 %", "10.0 %", "10.0 %", "–", "–"]
    why = {rule.name: rule.why for rule in RULES}
    assert all(row["Why"] == why[row["Rule"]] for row in by_rule.frame.iter_rows(named=True))
    assert by_rule.frame.height == 6
    assert made.trace.startswith("idp explain rollback_share ")


def test_a_period_of_nothing_but_re_syncs_has_no_shares():
    made = classes(seen(rows(1, re_sync=3).with_columns(pl.lit(0).alias("of"))))
    assert made.chart is None
    assert "planned work" not in made.answer


def test_a_quiet_entity_has_the_sentence_of_its_deployments():
    made = classes(seen(pl.DataFrame(schema=COLUMNS)))
    assert made.answer.startswith("10 deployments in June 2026")
    assert (made.chart, made.tables) == (None, ())


@pytest.mark.parametrize(("report", "scope", "entity"), [(OrgReport, "org", "org"), (TeamReport, "team", "payments")])
def test_the_sample(mart, report, scope, entity):
    from idp_analytics.periods import parse

    view = View(mart, scope, entity, parse("2026-06"))
    made = report(view).classes()
    whole = mart.studies["deployment_classes"].filter(scope=scope, entity_id=entity, period="2026-06")
    planned = whole.filter(pl.col("class") == "planned", pl.col("rule").is_null()).row(0, named=True)
    assert made.answer.startswith(f"Of {planned['of']} deployments in June 2026, {planned['n']} were planned work: ")
    frequency = mart.answers.filter(metric="deployment_frequency", scope=scope, entity_id=entity, period="2026-06")
    assert planned["of"] == frequency["n"].item()
