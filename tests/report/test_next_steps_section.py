"""What are the next two steps: a team lead reads what to do, why, and when it is done; how far targets are; what became of earlier ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from idp_analytics.metrics.maturity.next_steps import action_id
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View
from idp_analytics.settings.maturity_model import AspectTarget


def taken(organisation):
    """Three steps of the first quarter as actions: one done, one dropped, one open; and one of the organisation."""
    given = [
        ("team", "payments", "interfaces-few-tickets", date(2026, 5, 20), "done"),
        ("team", "payments", "operations-under-stress", None, None),
        ("team", "storefront", "adoption-by-choice", date(2026, 4, 20), "dropped"),
        ("org", "org", "operations-under-stress", None, None),
    ]
    rows = [
        {
            **dict.fromkeys(organisation.tables["actions"].columns), "action_id": action_id("2026-Q1", scope, entity, criterion), "origin_id": criterion,
            "team_id": "platform" if scope == "org" else entity, "origin": "recommendation", "opened_on": date(2026, 3, 31), "due_on": date(2026, 6, 30),
            "closed_on": closed, "outcome": outcome,
        }
        for scope, entity, criterion, closed, outcome in given
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=organisation.tables["actions"].schema)


@pytest.fixture(scope="module")
def mart(mart, sample):
    """The sample's, with targets set and steps taken up: what rests on neither is not computed again."""
    day = date(2026, 12, 31)
    targets = (
        AspectTarget("adoption", 3, day, "promised to the board"),
        AspectTarget("operations", 3, date(2026, 6, 30), "before the summer", None, True),
        AspectTarget("operations", 2, day, "who is that?", "nobody"),
    )
    settings = replace(sample.settings, maturity=replace(sample.settings.maturity, targets=targets))
    actions = pl.concat([sample.tables["actions"], taken(sample)])
    organisation = replace(sample, settings=settings, tables={**sample.tables, "actions": actions})
    resting = [name for name in mart.studies if name.startswith("maturity") or name == "follow_through"]
    studies = {**mart.studies, **{name: organisation.study(name) for name in resting}}
    return replace(mart, studies=studies, meta={**mart.meta, "maturity_target_teams": ["nobody"]})


def report(mart, team=None):
    kind, view = (TeamReport, ("team", team)) if team else (OrgReport, ("org", "org"))
    return kind(View(mart, *view, mart.period("")))


def test_a_team_reads_what_to_do_why_and_when_it_is_done(mart):
    section = report(mart, "payments").next_steps()
    assert section.question == "What are the next two steps?"
    first, second = section.tables[0].frame.to_dicts()
    # What was resolved and is open comes before what is new, and keeps its place.
    assert (first["What should move"], first["State"]) == ("severe incidents in which nobody went round a rule", "open")
    assert (first["Now"], first["n"], first["Done when"]) == ("38.5 %", "26", "at least 26 of 26")
    assert second["State"] == "proposed"
    assert second["Why this one"] == "because level 3 is to be reached by 30 June 2026"
    assert section.answer.startswith(
        "1. Operations, on the way to level 3: severe incidents in which nobody went round a rule, now 38.5 % ("
    )
    assert "level 3 was to be reached by 30 June 2026; 1 to go." in section.answer
    assert section.opened


def test_targets_are_told_with_levels_to_go_and_how_much_is_there(mart):
    (row,) = report(mart, "mobile").next_steps().tables[1].frame.to_dicts()
    assert (row["Target"], row["Seen"], row["Levels to go"]) == ("3", "2", "1")
    assert row["Which is"] == "not reached, and its day has come"
    (row,) = report(mart).next_steps().tables[1].frame.to_dicts()
    assert (row["Aspect"], row["Which is"], row["Why"]) == ("Adoption", "cannot be told", "promised to the board")


def test_a_target_of_nobody_is_told_and_the_command_to_take_steps_up(mart):
    cautions = report(mart).next_steps().cautions
    assert any("names nobody, which is no team" in caution for caution in cautions)
    assert any(
        "“idp assess steps --data data/sample --period 2026-Q2” takes them up" in caution for caution in cautions
    )


def test_done_and_moved_are_two_things_and_both_are_told(mart):
    section = report(mart, "payments").follow_through()
    (table,) = (t for t in section.tables if t.caption == "Steps taken up, and whether the number moved")
    done = {row["Step"]: (row["What became of it"], row["Did its number move?"]) for row in table.frame.to_dicts()}
    assert done["support tickets per service in use and month"][0] == "done"
    assert done["support tickets per service in use and month"][1].startswith("≈ no detectable change (")
    assert done["severe incidents in which nobody went round a rule"][0] == "overdue"
    assert "Of 2 next steps taken up, 1 done, 1 overdue." in section.answer
    assert "cannot be told." not in section.answer.rpartition("Of 2 next steps")[0]


def test_the_organisation_sees_its_own_and_how_many_of_teams_moved(mart):
    answer = report(mart).follow_through().answer
    assert "Of 1 next step taken up, 1 overdue." in answer
    assert "Of 3 next steps taken up by teams, 1 done, 1 overdue, 1 dropped." in answer


def test_every_team_has_at_most_two_and_only_of_the_next_level(mart):
    steps = mart.studies["maturity_steps"]
    assert steps.group_by("scope", "entity_id").len()["len"].max() <= 2
    assert (steps["at_level"] <= steps["to_level"]).all()
    for team in steps.filter(scope="team")["entity_id"].unique():
        assert report(mart, team).next_steps().tables[0].frame.height <= 2
