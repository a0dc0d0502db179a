"""How many teams use the platform, of how much, who comes back, and who is near to a path: by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.estimates import concentration
from idp_analytics.metrics.breadth import COLUMNS, USE_COLUMNS, adoption_breadth, capability_use
from idp_analytics.metrics.next_teams import COLUMNS as NEXT
from idp_analytics.metrics.next_teams import SHOWN, next_teams
from idp_analytics.metrics.returning import COLUMNS as RETURN
from idp_analytics.metrics.returning import people_return
from idp_analytics.settings.components import Component

AS_OF = "2026-07-01"
TEAMS = [
    *({"team_id": name, "kind": "team"} for name in ("red", "blue", "green", "grey")), {"team_id": "plat", "kind": "platform"},
    {"team_id": "group", "kind": "group"}, {"team_id": "past", "kind": "team", "valid_to": date(2026, 6, 1)},
]  # fmt: skip


def use(
    number: int,
    team: str | None,
    day: str,
    component: str = "cli",
    purposeful: bool | None = True,
    person: str | None = None,
):
    return {"event_id": f"u{number}", "component": component, "action": "do", "team_id": team, "person_id": person, "at": datetime.fromisoformat(f"{day}T10:00+00:00"), "purposeful": purposeful}  # fmt: skip


def run(number: int, team: str, day: str, operation: str = "make", **more):
    return {"run_id": f"r{number}", "operation_id": operation, "team_id": team, "requested_at": f"{day}T10:00", **more}


@pytest.fixture
def june(company):
    """June: red uses three capabilities, blue one, green only looks, grey does nothing; the platform's own use is nobody's."""
    return company(
        teams=TEAMS, golden_paths=[{"golden_path_id": "pipe", "title": "Pipe"}], operations=[{"operation_id": "make", "title": "Make"}],
        usage=[
            use(1, "red", "2026-06-02"), use(2, "red", "2026-06-03"), use(3, "green", "2026-06-03", purposeful=False), use(4, "plat", "2026-06-04"),
            use(5, None, "2026-06-04"), use(6, "green", "2026-06-05", purposeful=None),
        ],
        action_runs=[run(1, "red", "2026-06-05"), run(2, "blue", "2026-06-06")],
        deployments=[{"deployment_id": "d1", "team_id": "red", "finished_at": "2026-06-07", "golden_path_id": "pipe"},
                     {"deployment_id": "d2", "team_id": "grey", "finished_at": "2026-06-07", "golden_path_id": None}],
    )  # fmt: skip


def test_breadth_and_depth_by_hand(june, settings, as_of):
    found = adoption_breadth(june, settings(), as_of(AS_OF))
    assert list(found.columns) == list(COLUMNS)
    row = found.filter(scope="org", period="2026-06").row(0, named=True)
    assert {name: row[name] for name in ("n", "k", "looked", "uses", "views", "others", "unknown", "capabilities")} == {
        "n": 4, "k": 2, "looked": 1, "uses": 5, "views": 2, "others": 1, "unknown": 1, "capabilities": 3,
    }  # fmt: skip
    assert (row["share"], row["depth"]) == (0.5, 2.0)  # red has 3, blue 1
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))
    gini = concentration.gini(pl.DataFrame({"g": ["a"] * 4, "x": [4, 1, 0, 0]}), ["g"], "x")["value"].item()
    assert row["gini"] == pytest.approx(gini)
    own = (
        found.filter(scope="team", period="2026-06")
        .select("entity_id", "k", "looked", "capabilities", "uses", "views")
        .rows()
    )
    assert own == [("blue", 1, 0, 1, 1, 0), ("green", 0, 1, 0, 0, 2), ("grey", 0, 0, 0, 0, 0), ("red", 1, 0, 3, 4, 0)]


def test_a_team_counts_only_while_it_was_there(june, settings, as_of):
    quarter = adoption_breadth(june, settings(), as_of(AS_OF)).filter(scope="org", period="2026-Q2").row(0, named=True)
    assert (quarter["n"], quarter["k"]) == (5, 2)  # past was there in April and May


def test_what_is_used_by_how_many(june, settings, as_of):
    found = capability_use(june, settings(), as_of(AS_OF))
    assert list(found.columns) == list(USE_COLUMNS)
    assert found.filter(scope="org", period="2026-06").select("capability", "uses", "k", "n").rows() == [
        ("Make", 2, 2, 4), ("Pipe", 1, 1, 4), ("cli", 2, 1, 4),
    ]  # fmt: skip
    red = found.filter(entity_id="red", period="2026-06", capability="Make").row(0, named=True)
    assert (red["uses"], red["k"], red["n"]) == (1, 2, 4)


def test_what_settings_put_together_is_one_capability(june, settings, as_of):
    """The command line deploys through the path: red then has two capabilities instead of three."""
    parts = (Component("delivery", "Delivery", usage=("cli",), golden_paths=("pipe",)),)
    found = capability_use(june, replace(settings(), components=parts), as_of(AS_OF))
    assert found.filter(scope="org", period="2026-06").select("capability", "uses", "k").rows() == [
        ("Delivery", 3, 1),
        ("Make", 2, 2),
    ]
    breadth = adoption_breadth(june, replace(settings(), components=parts), as_of(AS_OF)).filter(
        scope="org", period="2026-06"
    )
    assert breadth.select("depth", "capabilities", "uses").rows() == [(1.5, 2, 5)]


def test_no_use_is_known(company, settings, as_of):
    assert adoption_breadth(company(teams=TEAMS), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)
    assert capability_use(company(), settings(), as_of(AS_OF)).schema == pl.Schema(USE_COLUMNS)
    assert people_return(company(), settings(), as_of(AS_OF)).schema == pl.Schema(RETURN)
    assert next_teams(company(), settings(), as_of(AS_OF)).schema == pl.Schema(NEXT)


# --- people ------------------------------------------------------------------------------------------------------------


def people(company, back: int, came: int = 6, **more):
    """``came`` people used it in May; the first ``back`` of them in June too."""
    usage = [use(n, "red", "2026-05-10", person=f"p{n}") for n in range(came)]
    usage += [use(100 + n, "red", "2026-06-10", person=f"p{n}") for n in range(back)]
    return company(usage=usage + list(more.pop("usage", ())), **more)


def test_who_comes_back_by_hand(company, settings, as_of):
    found = people_return(people(company, 4), settings(), as_of(AS_OF))
    assert list(found.columns) == list(RETURN)
    june = found.filter(period="2026-06").row(0, named=True)
    assert (june["n"], june["k"], june["left"], june["is_withheld"]) == (6, 4, 0, False)
    assert (june["low"], june["high"]) == pytest.approx(proportion_confint(4, 6, method="wilson"))


def test_a_handful_is_withheld_to_the_last_number(company, settings, as_of):
    found = (
        people_return(people(company, 3, came=4), settings(), as_of(AS_OF)).filter(period="2026-06").row(0, named=True)
    )
    assert found["is_withheld"]
    assert [found[name] for name in ("n", "k", "left", "share", "low", "high", "daily")] == [None] * 7


@pytest.mark.parametrize("back", [0, 6])
def test_all_or_none_of_few_would_be_said_of_each(company, settings, as_of, back):
    found = people_return(people(company, back), settings(), as_of(AS_OF)).filter(period="2026-06").row(0, named=True)
    assert (found["n"], found["k"], found["is_withheld"]) == (None, None, True)


def test_of_a_month_that_is_not_over_nothing_is_told(company, settings, as_of):
    """Two reports within it would tell of each who came back in between."""
    found = people_return(people(company, 4), settings(), as_of("2026-06-25"))
    june = found.filter(period="2026-06").row(0, named=True)
    assert (june["is_partial"], june["is_withheld"]) == (True, True)
    assert [june[name] for name in ("n", "k", "left", "share", "low", "high", "daily")] == [None] * 7


def test_who_left_the_company_did_not_stay_away(company, settings, as_of):
    made = people(
        company,
        5,
        came=7,
        people=[{"person_id": "p6", "ended_on": date(2026, 6, 12)}, {"person_id": "p5", "ended_on": date(2026, 8, 1)}],
    )
    june = people_return(made, settings(), as_of(AS_OF)).filter(period="2026-06").row(0, named=True)
    assert (june["n"], june["k"], june["left"]) == (6, 5, 1)


def test_what_nobody_chose_is_no_use_by_choice(company, settings, as_of):
    """In June p5 only looks at a page, a machine runs for p4, p3 deploys through a path under a mandate, p2 through one of choice; a bot runs."""
    made = people(
        company, 1,
        usage=[use(200, "red", "2026-06-11", person="p5", purposeful=False), use(201, "red", "2026-05-11", person="bot"), use(202, "red", "2026-06-11", person="bot")],
        people=[{"person_id": "bot", "is_bot": True}],
        action_runs=[run(1, "red", "2026-06-11", requestor_id="p4", channel="automation")],
        golden_paths=[{"golden_path_id": "base", "title": "Base", "mandated_from": date(2026, 6, 1)}, {"golden_path_id": "pipe", "title": "Pipe"}],
        deployments=[
            {"deployment_id": "d1", "finished_at": "2026-06-12", "golden_path_id": "base", "initiated_by": "p3"},
            {"deployment_id": "d2", "finished_at": "2026-06-12", "golden_path_id": "pipe", "initiated_by": "p2"},
        ],
    )  # fmt: skip
    june = people_return(made, settings(), as_of(AS_OF)).filter(period="2026-06").row(0, named=True)
    assert (june["n"], june["k"]) == (6, 2)  # p0 and p2


def test_the_diagnostic_of_days_by_hand(company, settings, as_of):
    """June: five people on the 10th, one of them again on the 20th: (5/5 + 1/5) / 2."""
    made = people(company, 5, came=5, usage=[use(300, "red", "2026-06-20", person="p0")])
    june = people_return(made, settings(), as_of(AS_OF)).filter(period="2026-06").row(0, named=True)
    assert june["daily"] == pytest.approx(0.6)


# --- teams that are near ---------------------------------------------------------------------------------------------


def near(company, **more):
    """Red: one service on the path, one off, of one system. Blue: one off, nothing else. Green: one off that asked and ran. Grey: all on."""
    owned = {"r1": "red", "r2": "red", "b1": "blue", "g1": "green", "y1": "grey", "p1": "plat"}
    seen = [{"service_id": name, "golden_path_id": path, "as_of": date(2026, 6, 30), "evidence": "uses"} for name in ("r1", "y1") for path in ("pipe", "base")]  # fmt: skip
    return company(
        teams=TEAMS, ownership=[{"service_id": name, "team_id": team} for name, team in owned.items()], service_golden_path=seen,
        services=[{"service_id": name, "lifecycle": "production", "kind": "service" if name != "b1" else "website", "system": "shop" if name[0] == "r" else None} for name in owned],
        golden_paths=[{"golden_path_id": "pipe", "title": "Pipe"}, {"golden_path_id": "base", "title": "Base", "mandated_from": date(2026, 5, 1)}],
        operations=[{"operation_id": "make", "golden_path_id": "pipe"}],
        tickets=[{"ticket_id": "t1", "team_id": "green", "golden_path_id": "pipe", "created_at": "2026-06-01"},
                 {"ticket_id": "t2", "team_id": "green", "golden_path_id": "pipe", "created_at": "2026-01-01"}],
        action_runs=[run(1, "green", "2026-06-05"), run(2, "green", "2026-06-06")], **more,
    )  # fmt: skip


def test_who_is_near_and_what_says_so(company, settings, as_of):
    found = next_teams(near(company), settings(), as_of(AS_OF))
    assert list(found.columns) == list(NEXT)
    rows = {row["team_id"]: row for row in found.filter(scope="org").to_dicts()}
    signs = ("n", "on", "off", "beside", "alike", "tickets", "runs", "signs", "is_listed")
    # Half of the four services of kind service are on it: r1 and y1, of r1, r2, g1 and y1; the platform's own does not count.
    assert {team: tuple(row[name] for name in signs) for team, row in rows.items()} == {
        "red": (2, 1, 1, 1, 1, 0, 0, 3, True), "blue": (1, 0, 1, 0, 0, 0, 0, 0, False), "green": (1, 0, 1, 0, 1, 1, 2, 3, True),
    }  # fmt: skip
    assert set(found["golden_path_id"]) == {"pipe"}  # what is mandated is no suggestion
    assert found.filter(scope="org")["team_id"].to_list() == ["blue", "green", "red"]  # in order of name, not of signs
    assert found.filter(scope="team", entity_id="red")["team_id"].to_list() == ["red"]  # a team sees itself only


def test_the_list_is_short_and_has_a_team_once(sample):
    known = {name: frame.lazy() for name, frame in sample.tables.items()}
    listed = next_teams(known, sample.settings, sample.as_of).filter("is_listed", scope="org")
    assert 0 < listed.height <= SHOWN
    assert listed["team_id"].is_unique().all()


def test_planted_breadth_of_the_sample(sample):
    """All teams but the one that is quiet for a while use the platform in every month."""
    known = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = adoption_breadth(known, sample.settings, sample.as_of).filter(scope="org", every="1mo")
    assert set(found["n"]) == {8}
    assert found["k"].min() >= 7
    assert (found["high"] >= found["share"]).all()
