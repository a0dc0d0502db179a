"""Whether the rule decides, and why another tool says something else, as a reader sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import polars as pl
import pytest

from idp_analytics.metrics.reconciliation import COLUMNS as STEPS
from idp_analytics.metrics.sensitivity import COLUMNS, DEPENDS, OURS, TOO_FEW
from idp_analytics.periods import parse
from idp_analytics.report import html, rules
from idp_analytics.report.view import View

CELL = {"scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-03", "period_start": datetime(2026, 3, 1).date(),
        "metric": "change_fail_rate"}  # fmt: skip


def view(sensitivity=(), steps=(), period="2026-03") -> View:
    def frame(rows, schema):
        return pl.DataFrame([{**dict.fromkeys(schema), **CELL, **row} for row in rows], schema=schema, orient="row")

    studies = {"link_sensitivity": frame(sensitivity, COLUMNS), "reconciliation": frame(steps, STEPS)}
    mart = SimpleNamespace(
        studies=studies, meta={"title": "Acme", "asked": ["--data", "x"], "rules": {"level": 0.95}},
        as_of=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    return View(mart, "org", "org", parse(period))


def rule(name: str, position: int, value: float | None, k: int, **more) -> dict:
    return {"rule": name, "position": position, "is_ours": position == 0, "is_judged": True, "value": value, "low": 0.01,
            "high": 0.9, "level": 0.95, "n": 20, "k": k, "unit": "share of deployments", **more}  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "begins"),
    [
        (DEPENDS, "Yes: change fail rate in March 2026 is 10.0 % (recorded) to 30.0 % (ours: recorded, else same service), "
                  "which is further apart than chance moves it; ours says 30.0 % (n 20)."),
        (TOO_FEW, "Change fail rate in March 2026: too few to say; 10.0 % (recorded)"),
        ("same under every rule", "No: change fail rate in March 2026 is 10.0 % (recorded)"),
    ],
)  # fmt: skip
def test_the_answer_is_a_sentence(verdict, begins):
    rows = [rule(OURS, 0, 0.3, 6, verdict=verdict), rule("recorded", 1, 0.1, 2, verdict=verdict),
            rule("failed pipeline", 2, None, 0, verdict=verdict, note="no deployment is said to have failed", is_judged=False)]  # fmt: skip
    made = rules.sensitivity(view(rows))
    assert made.answer.startswith(begins)
    assert made.cautions == ("Failed pipeline: no deployment is said to have failed.",)
    assert made.chart is not None
    assert made.table is not None
    assert made.table.frame["Rule"].to_list() == [OURS, "recorded", "failed pipeline (beside)"]
    assert made.trace == "idp explain change_fail_rate --data x --period 2026-03"


def test_without_a_value_there_is_no_chart():
    made = rules.sensitivity(view([rule(OURS, 0, None, 0, verdict=TOO_FEW, note="too few for a value")]))
    assert (made.chart, made.answer) == (None, "Change fail rate: no value under any rule in March 2026.")
    assert "only months and quarters are" in rules.reconciliation(view(period="2025-03")).answer


def step(number: int, ours: float | None, value: float | None, **more) -> dict:
    return {"definition": "devlake_2023", "step": number, "ours": ours, "value": value, "unit": "share of deployments",
            "their_unit": "share of deployments", "n_ours": 18, "n": 18, **more}  # fmt: skip


def test_from_ours_to_theirs():
    made = rules.reconciliation(view(steps=[
        step(0, 5 / 18, 8 / 18),
        step(1, 5 / 18, 6 / 18, reason="how far away the blamed deployment may be", ours_is="service", theirs_is="organisation",
             rows_count=3, example_ids="d07, <b>d09</b>"),
        step(2, 6 / 18, 8 / 18, reason="the limit", ours_is="24", theirs_is="none", rows_count=1, example_ids="d21"),
    ]))  # fmt: skip
    assert made.answer == (
        "Change fail rate in March 2026: ours says 27.8 % (n 18); the same data by other tools' rules: "
        "44.4 % (Apache DevLake, 2023 rules)."
    )
    tools, path = (table.frame for table in made.tables)
    assert tools["Most of it"].to_list() == ["the limit: 24 → none"]
    assert path["From"].to_list() == ["0.278", "0.333"]
    assert path["To"].to_list() == ["0.333", "0.444"]
    assert path["Rows that count otherwise"].to_list() == ["3 rows", "1 row"]
    assert "&lt;b&gt;d09" in html.behind(made)
    assert "<b>d09" not in html.behind(made)


def test_an_edition_that_counts_the_same_is_told_once():
    """DevLake's 2021 and 2023 rules differ in recovery only."""
    assert rules._told_once("change_fail_rate").count("devlake_2023") == 1
    assert "devlake_2021" not in rules._told_once("change_fail_rate")
    assert {"devlake_2021", "devlake_2023"} <= set(rules._told_once("failed_deployment_recovery_time"))
