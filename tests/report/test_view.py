"""What one report looks at: its slice of the mart, the command behind a number, and what teams are called."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from answer_building import SCRIPT, TURNED, answer, by_team, load, mart, of_org, of_team

from idp_analytics.metrics import by_name
from idp_analytics.paths import slug
from idp_analytics.periods import SHOWN, label, parse
from idp_analytics.report.trace import OF_TEAM
from idp_analytics.report.view import View, team_names

RATE = by_name("change_fail_rate")


def rates(*periods, **given):
    return [answer(RATE.name, period, n=10, value=0.1, **given) for period in periods]


def test_rows_are_of_one_entity_up_to_the_period_oldest_first():
    made = mart(
        [*rates("2026-06", "2026-04", "2026-07", "2026-Q2"), *of_team("pay", *rates("2026-05")),
         answer("deployment_days", "2026-05", n=3)]
    )  # fmt: skip
    assert of_org(made).rows(RATE.name)["period"].to_list() == ["2026-04", "2026-06"]
    assert by_team(made, "pay").rows(RATE.name)["period"].to_list() == ["2026-05"]
    assert by_team(made, "pay").rows(RATE.name, "org")["period"].to_list() == ["2026-04", "2026-06"]
    assert by_team(made, "web").rows(RATE.name).height == 0


@pytest.mark.parametrize(("every", "first"), [("1mo", "2025-01"), ("1q", "2022-Q1"), ("1w", "2025-W10")])
def test_no_more_periods_are_shown_than_fit(every, first):
    span, labels = parse(first), []
    while len(labels) < SHOWN[every] + 5:
        labels.append(span.label)
        span = parse(label(span.end, every))
    shown = View(mart(rates(*labels)), "org", "org", parse(labels[-1])).rows(RATE.name)["period"].to_list()
    assert shown == labels[5:]


def test_the_answer_of_the_period_and_the_one_before():
    view = of_org(mart([*rates("2026-05", "2026-06"), *rates("2026-06", detail="a part")]))
    assert view.row(RATE)["period"] == "2026-06"
    assert view.row(RATE)["detail"] is None
    assert view.row_before(RATE)["period"] == view.before == "2026-05"
    assert of_org(mart(rates("2026-06"))).row_before(RATE) is None


def test_what_the_mart_has_no_answer_to_is_not_measured_and_is_no_zero():
    row = by_team(mart(), "pay").row(RATE)
    assert (row["verdict"], row["value"], row["n"], row["low"]) == ("not measured", None, 0, None)
    assert (row["scope"], row["entity_id"], row["period"], row["unit"]) == ("team", "pay", "2026-06", RATE.unit)


@pytest.mark.parametrize("team", ["pay", SCRIPT, "a b; rm -rf /", "it's"])
def test_the_command_behind_a_number_is_safe_to_paste(team):
    told = by_team(mart(asked=["--data", "my data"]), team).trace(RATE.name)
    assert shlex.split(told) == [
        "idp", "explain", "change_fail_rate", "--data", "my data", "--team", team, "--period", "2026-06",
    ]  # fmt: skip
    assert of_org(mart()).trace(RATE.name) == "idp explain change_fail_rate --data data/acme --period 2026-06"
    assert (
        slug(team) + OF_TEAM == by_team(replace(mart(), meta={**mart().meta, "rows": True}), team).trace(RATE.name).file
    )


@pytest.mark.parametrize(
    ("team", "name", "file", "among"),
    [
        ("", RATE.name, "rows/change_fail_rate.csv", ""),
        ("", "drift", "rows/drift.csv", ""),
        ("", "stress_signals", "", ""),
        ("", "time_to_first_deploy", "", ""),
        ("", "maturity_criteria", "rows/maturity_criteria.csv", ""),
        ("a b", "maturity_criteria", "", ""),
        ("a b", RATE.name, f"{slug('a b')}.rows.csv", "with metric change_fail_rate"),
        ("a b", "drift", "../rows/drift.csv", "with team_id a b"),
        ("a b", "stress_signals", "", ""),
    ],
)
def test_where_the_rows_lie(team, name, file, among):
    made = replace(mart(), meta={**mart().meta, "rows": True})
    told = (by_team(made, team) if team else of_org(made)).trace(name)
    assert (told.file, told.among) == (file, among)
    assert (by_team(mart(), team) if team else of_org(mart())).trace(name).file == ""


def test_a_file_known_to_be_incomplete_is_told_by_the_metrics_that_rest_on_it():
    made = mart(
        loads=[
            load("policy_results", "p.json", truncated=True),
            load("incidents", f"{TURNED}\n{SCRIPT}.csv", truncated=True),
            load("deployments", "d.csv", truncated=True),
            load("deployments", "whole.csv"),
            load("costs", "c.csv", truncated=True),
        ]
    )
    assert of_org(made).truncated(RATE) == (
        "What rests on deployments is a lower bound: d.csv is incomplete by its own account.",
        f"What rests on incidents is a lower bound: PayslaP {SCRIPT}.csv is incomplete by its own account.",
    )


@pytest.mark.parametrize(
    ("teams", "asked", "shown"),
    [
        ({"pay": "Payments"}, ["pay"], ["Payments"]),
        ({"pay": None}, ["pay"], ["pay"]),
        ({"pay": ""}, ["pay"], ["pay"]),
        ({"pay": "\u202e \n"}, ["pay"], ["pay"]),
        ({}, ["gone"], ["gone"]),
        ({"a": "Web", "b": "Web", "c": "Ops"}, ["a", "b", "c"], ["Web (a)", "Web (b)", "Ops"]),
        ({"a": "Web", "b": "We\u202eb"}, ["a", "b"], ["Web (a)", "Web (b)"]),
        ({"a": "gone"}, ["a", "gone"], ["gone (a)", "gone (gone)"]),
        ({"a": TURNED, "b": SCRIPT}, ["a", "b"], ["PayslaP", SCRIPT]),
        ({"a": "x" * 200}, ["a"], ["x" * 119 + "…"]),
    ],
)
def test_no_two_teams_are_called_the_same_and_none_nothing(teams, asked, shown):
    assert list(team_names(mart(teams=teams), asked).values()) == shown


def test_a_report_is_headed_by_the_name_of_whom_it_is_about():
    made = mart(teams={"pay": "Payments"}, title="Acme\u202e & Sons")
    assert (of_org(made).name, by_team(made, "pay").name) == ("Acme & Sons", "Payments")
