"""What a reader is told of adoption: by choice or not, how far, how widely, who is near."""

from __future__ import annotations

from datetime import date

import pytest
from answer_building import SCRIPT, by_team, frame, mart, of_org

from idp_analytics.metrics import (
    adoption_incidence,
    adoption_kinds,
    adoption_retention,
    momentum,
    next_teams,
    path_diffusion,
    returning,
)
from idp_analytics.metrics import (
    breadth as breadth_study,
)
from idp_analytics.periods import parse
from idp_analytics.report.adoption import adoption
from idp_analytics.report.breadth import breadth
from idp_analytics.report.spread import _fit, near, spread

JUNE = {"every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False, "level": 0.95}
ORG = {"scope": "org", "entity_id": "org"}
RED = {"scope": "team", "entity_id": "red"}
SHARE = {"share": 0.5, "low": 0.25, "high": 0.75}

KINDS = {"n": 8, "organic": 4, "pre_mandate": 1, "mandated": 3, "born": 0, "early": 0, **SHARE}
FOLLOWING = {
    "months": 9,
    "exposed_months": 100,
    "exposed_joins": 20,
    "other_months": 80,
    "other_joins": 10,
    "level": 0.95,
}


def kinds(*rows):
    return frame([{**JUNE, **ORG, **KINDS, **row} for row in rows], adoption_kinds.COLUMNS)


def stay(way, day, share, p=None, n=12, k=2):
    return {**ORG, "cohort": way, "n": n, "k": k, "unknown": 0, "early": 0, "day": day, "at_risk": 5, "share": share, "low": share - 0.1,
            "high": share + 0.05, "level": 0.95, "is_mark": True, "is_small": n < 10, "p": p}  # fmt: skip


def told(view=of_org, **studies):
    given = {
        "adoption_kinds": adoption_kinds.COLUMNS, "adoptions": adoption_kinds.JOIN_COLUMNS, "adoption_incidence": adoption_incidence.COLUMNS,
        "adoption_retention": adoption_retention.COLUMNS, "retention_ahead": adoption_retention.AHEAD_COLUMNS, "adoption_momentum": momentum.COLUMNS,
        "adoption_following": momentum.FOLLOWING_COLUMNS, "diffusion": path_diffusion.COLUMNS, "diffusion_fits": path_diffusion.FIT_COLUMNS,
        "next_teams": next_teams.COLUMNS, "adoption_breadth": breadth_study.COLUMNS, "capability_use": breadth_study.USE_COLUMNS, "people_return": returning.COLUMNS,
    }  # fmt: skip
    frames = {name: studies[name] if name in studies else frame((), columns) for name, columns in given.items()}
    return view(mart(studies=frames, teams={"red": "Red", "blue": "Blue", SCRIPT: SCRIPT}))


def test_by_choice_or_not():
    found = kinds(
        {"span": "period", "n": 3, "organic": 1, "pre_mandate": 0, "mandated": 2}, {"span": "so far", "early": 5}
    )
    made = adoption(told(adoption_kinds=found))
    assert made.answer == (
        "In June 2026 there were 3 joins of golden paths: 1 by choice, 2 under a mandate. Of all 8 joins since the first look, 4 came about by "
        "choice: 50.0 % (95 % interval 25.0–75.0 %); 1 once a mandate was announced, 3 under one."
    )
    assert made.chart is None
    assert any("5 joins left out" in text for text in made.cautions)


def test_nobody_joined():
    made = adoption(told())
    assert made.answer == "No service is known to have joined a golden path since anybody looked."
    assert (made.tables, made.cautions) == ((), ())


@pytest.mark.parametrize(
    ("p", "said"), [(None, "nobody has left, so the two cannot differ yet"), (0.0004, "with p below 0.001 (log-rank)")]
)
def test_those_who_had_to_come_beside_those_who_chose(p, said):
    rows = [stay("organic", 90, 0.9, p), stay("mandated", 90, 0.6, p, n=7)]
    made = adoption(
        told(adoption_kinds=kinds({"span": "so far"}), adoption_retention=frame(rows, adoption_retention.COLUMNS))
    )
    assert (
        "Still there after 90 days: 90.0 % of 12 by choice (95 % interval 80.0–95.0 %) and 60.0 % of 7 under a mandate"
        in made.answer
    )
    assert said in made.answer
    table = next(table for table in made.tables if "Still on the path" in table.caption)
    assert table.frame["Joined"].to_list() == ["by choice", "under a mandate (few)"]
    assert any("fewer than ten joins" in text for text in made.cautions)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (
            {"odds_ratio": 2.5, "low": 1.2, "high": 5.0, "p": 0.01},
            "join more often than those beside none: odds ratio 2.5",
        ),
        (
            {"odds_ratio": 0.8, "low": 0.4, "high": 1.6, "p": 0.6},
            "do not join detectably more or less often than those beside none",
        ),
        ({"reason": "3 joins, and 10 are needed"}, "is not identified: 3 joins, and 10 are needed."),
    ],
)
def test_whether_services_follow(numbers, said):
    rows = [{**ORG, **FOLLOWING, **numbers}]
    made = adoption(
        told(adoption_kinds=kinds({"span": "so far"}), adoption_following=frame(rows, momentum.FOLLOWING_COLUMNS))
    )
    assert said in made.answer
    assert any("Homophily and contagion are not distinguishable" in text for text in made.cautions)


def test_a_curve_per_way_that_anybody_took():
    step = {
        **ORG,
        "n": 10,
        "open": 5,
        "early": 0,
        "at_risk": 8,
        "low": 0.0,
        "high": 0.3,
        "level": 0.95,
        "is_mark": False,
    }
    rows = [{**step, "adoption": way, "k": k, "day": day, "share": share} for way, k, share in (("organic", 3, 0.3), ("mandated", 2, 0.2), ("pre-mandate", 0, 0.0)) for day in (0, 40)]  # fmt: skip
    made = adoption(
        told(adoption_kinds=kinds({"span": "so far"}), adoption_incidence=frame(rows, adoption_incidence.COLUMNS))
    )
    assert made.chart is not None
    assert {row["way"] for row in made.chart.spec["datasets"]["curves"]} == {"by choice, 3", "under a mandate, 2"}
    assert "after 40 days" in made.chart.description


def test_a_team_sees_its_own_joins_with_names_escaped_by_the_page():
    rows = [{**RED, "joined_on": date(2026, 6, day), "service_id": SCRIPT, "golden_path_id": "p", "title": "Pipe", "adoption": "organic", "is_born": day == 1, "standing": "counted"} for day in (1, 2)]  # fmt: skip
    made = adoption(told(lambda m: by_team(m, "red"), adoptions=frame(rows, adoption_kinds.JOIN_COLUMNS), adoption_kinds=kinds({**RED, "span": "so far"})))  # fmt: skip
    table = next(table for table in made.tables if "What joined" in table.caption)
    assert table.frame["How"].to_list() == ["by choice", "by choice, born on it"]
    assert SCRIPT not in "".join(bundle.get("text/html", "") for bundle in made.outputs())


# --- breadth ---------------------------------------------------------------------------------------------------------

BREADTH = {**JUNE, **ORG, "n": 8, "k": 4, "looked": 1, **SHARE, "depth": 3.0, "capabilities": 5, "uses": 90, "views": 30, "others": 2,
           "unknown": 1, "gini": 0.4}  # fmt: skip
PEOPLE = {
    **JUNE,
    **ORG,
    "n": 20,
    "k": 15,
    "left": 1,
    "share": 0.75,
    "low": 0.5,
    "high": 0.9,
    "daily": 0.2,
    "is_withheld": False,
}
USE = {**JUNE, **ORG, "capability": "cli", "uses": 9, "k": 6, "n": 8, "low": 0.4, "high": 0.9}


def test_how_widely_it_is_used():
    made = breadth(told(
        adoption_breadth=frame([BREADTH], breadth_study.COLUMNS), capability_use=frame([USE], breadth_study.USE_COLUMNS), people_return=frame([PEOPLE], returning.COLUMNS)
    ))  # fmt: skip
    assert made.answer == (
        "Of 8 teams that could, 4 used the platform in June 2026: 50.0 % (95 % interval 25.0–75.0 %); 1 only looked at pages. Half of the teams "
        "that used the platform used 3 of the 5 capabilities in use or more. Uses are spread over teams with a Gini coefficient of 0.40: 0 is all alike, 1 is "
        "one team alone. Of 20 people who used it by choice the month before, 15 did again in June 2026: 75.0 % (95 % interval 50.0–90.0 %); 1 more "
        "left the company."
    )
    assert any("1 use of which the team is not known is in none." in text for text in made.cautions)


def test_a_few_people_are_withheld_wherever_they_could_stand():
    few = {**PEOPLE, **dict.fromkeys(("n", "k", "left", "share", "low", "high", "daily")), "is_withheld": True}
    made = breadth(
        told(adoption_breadth=frame([BREADTH], breadth_study.COLUMNS), people_return=frame([few], returning.COLUMNS))
    )
    assert "How many people came back in June 2026 is withheld: they are too few." in made.answer
    table = next(table for table in made.tables if "People" in table.caption)
    assert table.frame.row(0, named=True)["People the month before (n)"] == "withheld"


def test_no_use_is_known():
    made = breadth(told())
    assert (made.answer, made.chart) == ("No use of the platform is known in June 2026.", None)


def test_what_a_team_uses_and_others_do():
    made = breadth(told(
        lambda m: by_team(m, "red"), adoption_breadth=frame([{**BREADTH, **RED, "capabilities": 1, "uses": 2}, BREADTH], breadth_study.COLUMNS),
        capability_use=frame([USE, {**USE, "capability": "databases"}, {**USE, "capability": "rare", "k": 4}, {**USE, **RED, "uses": 2}], breadth_study.USE_COLUMNS),
    ))  # fmt: skip
    assert made.answer == (
        "Red used 1 capability in June 2026, in 2 uses; page views are not counted. Half of the teams that used the platform used 3 or more. "
        "More than half of all teams used, and it did not: databases."
    )


def test_a_team_that_only_looked():
    quiet = {**BREADTH, **RED, "k": 0, "uses": 0, "views": 3}
    made = breadth(told(lambda m: by_team(m, "red"), adoption_breadth=frame([quiet], breadth_study.COLUMNS)))
    assert made.answer == "Red did not use the platform in June 2026; it looked at 3 pages."


# --- spread ----------------------------------------------------------------------------------------------------------

POINT = {
    **ORG,
    "golden_path_id": "p",
    "title": "Pipe",
    "joined": 2,
    "eligible": 20,
    "curve": 5.5,
    "is_identified": True,
}
FIT = {**ORG, "golden_path_id": "p", "title": "Pipe", "months": 9, "n": 20, "k": 12, "undated": 0}
NEAR = {**ORG, "golden_path_id": "p", "title": "Pipe", "n": 3, "on": 1, "unverified": 0, "off": 2, "beside": 2, "alike": 0, "tickets": 1, "runs": 0, "signs": 3, "is_listed": True}  # fmt: skip


def test_how_far_and_where_it_ends():
    points = [{**POINT, "month": date(2026, month, 1), "adopted": 2 * month} for month in (4, 5, 6, 7)]
    fits = [{**FIT, "model": "bass", "ceiling": 15.0, "ceiling_error": 2.0, "middle": 4.0, "p": 0.01, "q": 0.4, "is_identified": True},
            {**FIT, "model": "logistic", "is_identified": False, "reason": "growth has not yet been fastest"},
            {**FIT, "golden_path_id": "q", "title": "Base", "model": "bass", "is_identified": False, "reason": "fewer than 10 adopters"}]  # fmt: skip
    made = spread(
        told(diffusion=frame(points, path_diffusion.COLUMNS), diffusion_fits=frame(fits, path_diffusion.FIT_COLUMNS))
    )
    assert made.answer == (
        "Eligible services on each path by the last complete month: Pipe 12 of 20 (60.0 %). As growth has gone it would level off at: Pipe 15 (Bass) "
        "of 20. Where it will end is not identified for Base."
    )
    assert [row["month"] for row in made.chart.spec["datasets"]["points"]] == [
        "2026-04",
        "2026-05",
        "2026-06",
    ]  # not after the period
    tiny = {
        **FIT,
        "model": "bass",
        "ceiling": 15.0,
        "ceiling_error": 2.0,
        "middle": 4.0,
        "p": 0.01,
        "q": 3e-9,
        "is_identified": True,
    }
    assert _fit(tiny)["q"] == "under 0.001"
    assert made.tables[0].frame["What can be said"].to_list()[1:] == ["not identified: growth has not yet been fastest", "not identified: fewer than 10 adopters"]  # fmt: skip


def test_the_list_is_in_order_of_name_whatever_the_signs():
    rows = [
        {**NEAR, "team_id": "red", "signs": 5},
        {**NEAR, "team_id": "blue"},
        {**NEAR, "team_id": SCRIPT, "is_listed": False},
    ]
    made = spread(told(next_teams=frame(rows, next_teams.COLUMNS)))
    assert made.answer.endswith("in order of name: Blue, Red.")
    assert made.tables[0].frame["Team"].to_list() == ["Blue", "Red"]
    assert (
        made.tables[0].frame["What says so"][0]
        == "1 of its services on it already; 2 that are off share a system with one on it; 1 ticket about it"
    )
    assert "rank" not in made.answer


def test_what_one_team_is_near_to():
    rows = [{**NEAR, **RED, "team_id": "red"}]
    made = near(told(lambda m: by_team(m, "red"), next_teams=frame(rows, next_teams.COLUMNS)))
    assert made.answer == "Red has 2 services off Pipe (1 of 3 on it). More than one sign says that it is near to Pipe."
    nothing = near(told(lambda m: by_team(m, "red")))
    assert nothing.answer == "Red has no active production service that is off a golden path of choice."
    assert nothing.tables == ()


def test_the_sample(organisation_report, team_report):
    org, team = organisation_report(), team_report()
    assert "came about by choice" in org.adoption().answer
    assert org.adoption().chart is not None
    assert org.breadth().chart is not None
    assert "Delivery pipeline" in org.spread().answer
    for made in (team.adoption(), team.breadth(), team.near()):
        assert made.answer
    assert organisation_report("2026-Q2").adoption().answer
    assert organisation_report("2025-07").spread().answer
