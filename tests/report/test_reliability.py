"""What a reader is told of whether services are there for their users."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from answer_building import SCRIPT, answer, mart, of_org

from idp_analytics.metrics.service_levels import COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.reliability import SHOWN, reliability
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View

FREE = answer("incident_free_share", value=0.9995, low=0.9987, high=0.9999, n=3, k=2, verdict="no detectable change")
ATTAINED = answer("service_level_attainment", value=0.5, low=0.1, high=0.9, n=6, k=3, verdict="no detectable change")


def level(service: str, met: bool | None = True, used: float | None = 0.5, **given: object) -> dict:
    known = {
        "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "service_id": service,
        "objective": "availability", "target": 0.995, "spans": 1, "missing": 0, "good": 998, "total": 1000, "share": 0.998,
        "low": 0.993, "high": 0.9995, "level": 0.95, "budget_used": used, "is_met": met,
    }  # fmt: skip
    return {**dict.fromkeys(COLUMNS), **known, **given}


def seen(*levels: dict, answers=(FREE, ATTAINED)):
    made = mart(answers)
    frame = pl.DataFrame(list(levels), schema=COLUMNS, orient="row")
    return of_org(replace(made, studies={**made.studies, "service_levels": frame}))


def test_service_levels_come_first_and_what_was_missed_is_named():
    made = reliability(seen(level("shop"), level("till", met=False, used=2.5), level(SCRIPT, met=False, used=1.2)))
    assert made.answer.startswith("Of 6 objectives in June 2026, 3 were met: 50.0 % (95 % interval 10.0–90.0 %)")
    assert (
        "2 objectives missed their targets; the most of an error budget was used by availability of till, 2.5 times all of it."
        in made.answer
    )
    assert "99.95 % of the time without one" in made.answer
    table = made.tables[0].frame
    assert table["Met"].to_list() == ["no", "no", "yes"]
    assert table.filter(pl.col("Service") == "till")["Error budget used"].item() == "250 %"
    assert SCRIPT not in html.behind(made)


def test_without_service_levels_time_without_an_incident_stands_in():
    made = reliability(seen(answers=(FREE,)))
    assert made.answer.startswith("3 incidents in June 2026: 99.95 % of the time without one")
    assert any("No service levels are known" in text for text in made.cautions)
    assert made.trace.startswith("idp explain incident_free_share ")


def test_where_nothing_is_allowed_or_known_no_budget_is_made_up():
    made = reliability(
        seen(level("shop", met=False, used=None), level("till", met=None, used=None, share=None, total=0))
    )
    assert "1 objective missed its target. " in made.answer  # it has no budget to have used
    rows = {row["Service"]: row for row in made.tables[0].frame.iter_rows(named=True)}
    assert rows["till"]["Met"] == "not known"
    assert rows["till"]["Share"] == "–"


def test_spans_without_counts_are_a_caution():
    assert "2 spans have no counts" in " ".join(reliability(seen(level("shop", missing=2))).cautions)
    assert "no counts" not in " ".join(reliability(seen(level("shop"))).cautions)


def test_of_many_objectives_those_that_were_missed_are_shown():
    made = reliability(seen(*(level(f"s{n:02d}") for n in range(SHOWN)), level("zz", met=False)))
    assert made.tables[0].frame.height == SHOWN
    assert made.tables[0].left_out == 1
    assert made.tables[0].frame["Service"][0] == "zz"


@pytest.mark.parametrize(("report", "scope", "entity"), [(OrgReport, "org", "org"), (TeamReport, "team", "payments")])
def test_the_sample(mart, report, scope, entity):
    made = report(View(mart, scope, entity, parse("2026-Q2"))).reliability()
    row = mart.answers.filter(metric="service_level_attainment", scope=scope, entity_id=entity, period="2026-Q2").row(
        0, named=True
    )
    assert made.answer.startswith(f"Of {row['n']} objectives in Q2 2026, {row['k']} were met: ")
    assert made.chart is not None
    assert len(made.tables) == 3
