"""Where the time goes, as a reader sees it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from answer_building import SCRIPT, answer, by_team, of_org, of_team
from answer_building import mart as made_of

from idp_analytics.metrics.lead_time_ledger import COLUMNS, PARTS
from idp_analytics.periods import parse
from idp_analytics.report import html
from idp_analytics.report.ledger import FLOW, MEDIANS, STUDY, ledger
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View


def rows(hours: dict[str, float], n: int = 40, scope: str = "org", entity: str = "org", **told: dict) -> pl.DataFrame:
    """The study of June: hours by part, with bounds 0.05 to either side; ``told``: what else a part says, by its name."""
    whole = sum(hours.values())
    reason = {"part": "not split", "reason": "no review known", "low": None, "high": None}
    made = []
    for part in PARTS:
        spent = whole if part == "total" else hours.get(part, 0.0)
        share = spent / whole if whole else None
        bounds = {"low": share - 0.05, "high": share + 0.05} if part != "total" and share else {}
        row = {
            "scope": scope, "entity_id": entity, "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start,
            "is_partial": False, "part": part, "n": n, "hours": spent, "share": share, "level": 0.95, **bounds,
            **told.get(part.replace(" ", "_"), {}),
        }  # fmt: skip
        made += [row, {**row, **reason}] if part == "not split" and spent else [row]
    return pl.DataFrame([{**dict.fromkeys(COLUMNS), **row} for row in made], schema=COLUMNS)


def seen(frame: pl.DataFrame, *answers: dict, **meta):
    made = made_of(answers or [answer("change_lead_time", n=40, value=10.0)], {"red": f"Red {SCRIPT}"}, **meta)
    return replace(made, studies={**made.studies, STUDY: frame})


USUAL = {"coding": 100.0, "pickup": 40.0, "review": 60.0, "delivery": 180.0, "not split": 20.0}
"""400 hours of 40 changes: 10 each."""


def test_the_answer_names_the_largest_stage_first():
    made = ledger(of_org(seen(rows(USUAL))))
    assert made.question == "Where does the time go?"
    assert made.answer == (
        "40 changes that first reached production in June 2026 took 10.0 h on average. The largest part, 45.0 % (95 % interval "
        "40.0–50.0 %), was the way from merge to production (delivery); coding took 25.0 %; review took 15.0 %; pickup took "
        "10.0 %. 5.0 % cannot be split (95 % interval 0.0–10.0 %)."
    )
    assert made.chart is not None
    assert made.cautions == ()


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({"coding": 200.0, "delivery": 190.0, "review": 10.0}, "Whether it is larger than delivery cannot be told from so many changes."),
        ({"coding": 100.0, "not split": 300.0}, "The largest part that can be told, 25.0 % (95 % interval 20.0–30.0 %), was the work"),
        ({"not split": 300.0}, "took 7.5 h on average. None of that can be split into stages."),
    ],
)  # fmt: skip
def test_what_the_answer_says_else(hours, said):
    assert said in ledger(of_org(seen(rows(hours)))).answer


def test_without_an_interval_it_says_why():
    few = {part.replace(" ", "_"): {"low": None, "high": None} for part in PARTS}
    made = ledger(of_org(seen(rows(USUAL, **few))))
    assert "45.0 % (too few changes for an interval), was the way" in made.answer
    assert "5.0 % cannot be split (too few changes for an interval)." in made.answer


def test_the_tables_hold_every_part_and_every_reason():
    made = ledger(of_org(seen(rows(USUAL, review={"backwards": 3}, total={"missing": 2}))))
    stages, reasons, numbers = (table.frame for table in made.tables)
    assert stages["Stage"].to_list() == ["in all", "coding", "pickup", "review", "delivery", "not split"]
    assert stages["Share"].to_list() == ["100.0 %", "25.0 %", "10.0 %", "15.0 %", "45.0 %", "5.0 %"]
    # 400, 100, 40, 60, 180 and 20 hours over 40 changes.
    assert stages["Per change, of all"].to_list() == ["10.0 h", "2.5 h", "1.0 h", "1.5 h", "4.5 h", "30 min"]
    assert stages["Run backwards"].to_list() == ["", "", "", "3", "", ""]
    assert stages["Missing"].to_list() == ["2", "", "", "", "", ""]
    assert reasons.rows() == [("no review known", "40", "20.0 h", "5.0 %")]
    assert numbers.height == len((*FLOW, *MEDIANS))
    assert numbers["Number"][0] == "Time from merge to production"


@pytest.mark.parametrize(
    ("hours", "told", "meta", "said"),
    [
        (USUAL, {"coding": {"backwards": 1}}, {}, "1 stage runs backwards"),
        (USUAL, {"coding": {"backwards": 1}, "review": {"backwards": 2}}, {}, "3 stages run backwards"),
        ({"coding": 80.0, "not split": 20.0}, {}, {}, "Much of the time cannot be split"),
        (USUAL, {}, {"rules": {"level": 0.95, "first_deployment": "count"}}, 'rules.first_deployment = "leave out"'),
    ],
)
def test_cautions(hours, told, meta, said):
    made = ledger(of_org(seen(rows(hours, **told), **meta)))
    (caution,) = made.cautions
    assert said in caution


def test_changes_left_out_with_the_first_deployment_are_said():
    row = answer("change_lead_time", n=40, value=10.0, caution="changes that came with the first known deployment: 7")
    made = ledger(of_org(seen(rows(USUAL), row, rules={"level": 0.95, "first_deployment": "leave out"})))
    assert len(made.cautions) == 1 and "first known deployment: 7" in made.cautions[0]


def test_a_quiet_team_is_told_that_nothing_was_deployed():
    none = of_team("red", answer("change_lead_time", verdict="insufficient data"))
    made = ledger(by_team(seen(rows(USUAL), *none), "red"))
    assert made.answer == "No change first deployed in June 2026, so a median cannot be given."
    assert (made.chart, made.tables, made.trace) == (None, (), "")


def test_changes_without_a_lead_time_have_no_shares():
    made = ledger(of_org(seen(rows({}, n=0, total={"missing": 3}))))
    assert (made.chart, made.tables) == (None, ())


def test_a_hostile_name_is_escaped():
    made = ledger(by_team(seen(rows(USUAL, scope="team", entity="red"), *of_team("red", answer("change_lead_time", n=40))), "red"))  # fmt: skip
    assert "<script>" not in html.behind(made)
    assert "&lt;script&gt;" in html.behind(made)


def test_the_reports_have_it(organisation_report, team_report, mart):
    whole, team = organisation_report().ledger(), team_report().ledger()
    row = mart.studies[STUDY].filter(scope="org", period="2026-06", part="total").row(0, named=True)
    assert whole.answer.startswith(f"{row['n']} changes that first reached production in June 2026 took ")
    assert "Larkspur Works (synthetic)" in whole.tables[0].caption
    assert "Payments" in team.tables[0].caption
    assert isinstance(organisation_report(), OrgReport) and isinstance(team_report(), TeamReport)


def test_a_week_has_the_median_and_no_ledger(mart):
    made = ledger(View(mart, "org", "org", parse("2026-W24")))
    assert made.chart is None
    assert made.answer.startswith("Not measured")
