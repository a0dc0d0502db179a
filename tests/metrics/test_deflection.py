"""Tickets before and after a team's first use by hand; what is not identified; and a planted effect found in a large company."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from idp_analytics.metrics.deflection import COLUMNS, COURSE_COLUMNS, deflection, deflection_course
from idp_analytics.metrics.deflection_panel import panel, whole_months
from idp_analytics.metrics.time_saved import time_saved
from idp_analytics.settings.components import Component
from idp_analytics.sources import sample as synthetic
from idp_analytics.tables import TABLES
from idp_analytics.tables.ownership import attribute

AS_OF = "2026-01-01"
PART = Component("db", "Databases", operations=("create",), golden_paths=("pg",), tickets=("database",))
RUNS = replace(PART, golden_paths=())


def ticket(team: str | None, month: int, n: int = 1, category: str | None = "database", **more):
    return [
        {
            "ticket_id": f"{team} {month} {category} {i}",
            "team_id": team,
            "category": category,
            "created_at": f"2025-{month:02d}-{i % 28 + 1:02d}",
            **more,
        }
        for i in range(n)
    ]


def run(team: str, on: str, outcome: str = "success", **more):
    return {
        "run_id": f"{team} {on}",
        "operation_id": "create",
        "team_id": team,
        "requested_at": on,
        "finished_at": on,
        "outcome": outcome,
        **more,
    }


@pytest.fixture
def tables(company):
    def build(*tickets, teams, sizes=2, **more):
        people = [f"{team}{i}" for team in teams for i in range(sizes)]
        return company(
            teams=[{"team_id": team} for team in teams], people=[{"person_id": p, "is_developer": True} for p in people],
            memberships=[{"person_id": p, "team_id": p[:-1]} for p in people], tickets=[row for rows in tickets for row in rows], **more,
        )  # fmt: skip

    return build


@pytest.fixture
def compared(tables, settings, as_of):
    def build(*tickets, part=RUNS, parts=None, study=deflection, **more):
        made = tables(*tickets, **more)
        return study(made, replace(settings(), components=parts or (part,)), as_of(AS_OF))

    return build


USERS, OTHERS = [f"u{i}" for i in range(5)], [f"o{i}" for i in range(5)]


def course(team: str, before: int, after: int, when: int = 6, category="database"):
    return [row for month in range(1, 13) for row in ticket(team, month, before if month <= when else after, category)]


def test_by_hand(compared):
    """Two developers. Users: 4 tickets a month before July, 1 after; others 4 throughout; network 2 throughout.

    1 − 4 = −3 tickets, of two developers −1.5; the others did not move. The month of the first use is left out.
    """
    made = [
        *(course(team, 4, 1) for team in USERS),
        *(course(team, 4, 4) for team in OTHERS),
        *(course(t, 2, 2, category="network") for t in USERS + OTHERS),
    ]
    row = compared(*made, teams=USERS + OTHERS, action_runs=[run(team, "2025-06-10") for team in USERS]).to_dicts()[0]
    assert (row["first_period"], row["last_period"], row["months"]) == ("2025-02", "2025-12", 11)
    assert (row["adopters"], row["never"], row["per"], row["others"]) == (5, 5, "developer", ["network"])
    assert (row["tickets_before"], row["tickets_after"]) == (5 * 4 * 4, 5 * 6)  # February to May; July to December
    assert (row["rate_before"], row["rate_after"], row["others_before"], row["others_after"]) == (2.0, 0.5, 1.0, 1.0)
    assert (row["effect"], row["own_change"]) == (-1.5, -1.5)
    assert row["share"] == -0.75  # of the 2.0 expected
    assert row["low"] <= -1.5 <= row["high"] < 0
    assert (row["verdict"], row["caution"], row["runs"]) == ("improved", None, 5)
    # 10 over 5 ways of saying who; this one and its mirror image are the farthest off.
    assert row["p"] == pytest.approx(2 / 252, abs=0.012)


def test_what_everybody_asks_less_of_is_not_its_doing(compared):
    """All teams ask half of everything from July on, for whatever reason: nothing goes with using it."""
    made = [course(team, 4, 2, category=c) for team in USERS + OTHERS for c in ("database", "network")]
    row = compared(*made, teams=USERS + OTHERS, action_runs=[run(team, "2025-06-10") for team in USERS]).to_dicts()[0]
    assert (row["rate_before"], row["rate_after"]) == (2.0, 1.0)
    assert (row["effect"], row["own_change"], row["verdict"]) == (0.0, 0.0, "no detectable change")


def test_a_team_that_asks_less_of_everything_is_told_apart(compared):
    """Users ask half of everything: against others alone that would look like an effect; against their other tickets it is none."""
    made = [course(t, 4, 2 if t in USERS else 4, category=c) for t in USERS + OTHERS for c in ("database", "network")]
    row = compared(*made, teams=USERS + OTHERS, action_runs=[run(team, "2025-06-10") for team in USERS]).to_dicts()[0]
    assert (row["effect"], row["verdict"]) == (0.0, "no detectable change")


def test_everybody_at_once_is_not_identified(compared):
    made = [*(course(team, 4, 1) for team in USERS), *(course(t, 2, 2, category="network") for t in USERS)]
    row = compared(*made, teams=USERS, action_runs=[run(team, "2025-06-10") for team in USERS]).to_dicts()[0]
    assert (row["verdict"], row["effect"], row["own_change"]) == ("not identified", None, -1.5)
    assert "no team without it" in row["caution"]


def test_few_teams_are_too_little(compared):
    row = compared(
        *(course(t, 4, 1) for t in USERS[:4]), teams=USERS, action_runs=[run(t, "2025-06-10") for t in USERS[:2]]
    ).to_dicts()[0]
    assert (row["verdict"], row["effect"]) == ("insufficient data", None)
    assert row["caution"] == "2 team(s) with 3 whole months before and after their first use, 3 are needed"
    empty = compared(teams=USERS).to_dicts()[0]
    assert (empty["verdict"], empty["caution"]) == ("insufficient data", "no whole month of tickets is known")


def test_those_who_drifted_before_are_not_compared(compared):
    """Users asked one less each month long before they could do it themselves."""
    made = [
        *(ticket(t, m, 14 - m) for t in USERS for m in range(1, 13)),
        *(ticket(t, m, 8) for t in OTHERS for m in range(1, 13)),
    ]
    made += [ticket(t, m, 2, "network") for t in USERS + OTHERS for m in range(1, 13)]
    row = compared(*made, teams=USERS + OTHERS, action_runs=[run(t, "2025-08-10") for t in USERS]).to_dicts()[0]
    assert row["drift"] == pytest.approx(-0.5)
    assert (row["verdict"], row["caution"]) == (
        "not identified",
        "those who took it up later moved apart from the others before they did",
    )
    assert row["effect"] is not None


def test_failed_runs_and_what_names_no_team(tables, settings, as_of):
    made = tables(ticket("u0", 1), ticket(None, 3), ticket("u0", 4, golden_path_id="pg", category="other"), ticket("u0", 5, category=None),
                  teams=["u0"], action_runs=[run("u0", "2025-03-02", "failure"), run("u0", "2025-05-02")])  # fmt: skip
    held = panel(made, settings(), as_of(AS_OF), PART, (PART,))
    assert held.taken_up["month"].to_list() == [3]  # May, of months from February on
    assert (held.unknown, held.others) == (1, ("other",))
    assert held.cells.filter(pl.col("caused") > 0)["month"].to_list() == [2]


def test_a_service_on_the_path_is_the_first_use_whatever_was_run_before(tables, settings, as_of):
    made = tables(
        ticket("u0", 1), ticket("u0", 12), teams=["u0", "u1"], services=[{"service_id": "s"}], ownership=[{"service_id": "s", "team_id": "u1"}],
        action_runs=[run("u0", "2025-03-02")],
        service_golden_path=[{"service_id": "s", "golden_path_id": "pg", "as_of": date(2025, 9, 30), "evidence": "uses", "joined_at": "2025-08-05"}],
    )  # fmt: skip
    held = panel(made, settings(), as_of(AS_OF), PART, (PART,))
    assert held.taken_up.select("team_id", "month").rows() == [("u1", 6)]


def test_developers_by_days_and_else_services(tables, settings, as_of, company):
    made = tables(ticket("u0", 1), teams=["u0"])
    people = [{"person_id": p, "is_bot": p == "bot", "is_developer": p != "boss"} for p in ("a", "bot", "boss")]
    spans = [{"person_id": p, "team_id": "u0", "valid_from": date(2025, 4, 16)} for p in ("a", "bot", "boss")]
    some = company(teams=[{"team_id": "u0"}], people=people, memberships=spans, tickets=ticket("u0", 1))
    cells = panel(some, settings(), as_of(AS_OF), PART, (PART,)).cells
    assert cells["weight"].to_list()[:4] == [0.0, 0.0, 0.5, 1.0]  # from 16 April: 15 of 30 days
    owned = company(teams=[{"team_id": "u0"}], services=[{"service_id": "s"}, {"service_id": "t"}], tickets=ticket("u0", 1),
                    ownership=[{"service_id": s, "team_id": "u0"} for s in "st"])  # fmt: skip
    held = panel(owned, settings(), as_of(AS_OF), PART, (PART,))
    assert (held.per, held.cells["weight"].unique().to_list()) == ("service", [2.0])
    assert panel(made, settings(), as_of(AS_OF), PART, (PART,)).per == "developer"


def test_whole_months_only(tables, settings, as_of):
    made = tables(ticket("u0", 3), teams=["u0"])
    assert whole_months(made, settings(), as_of("2025-06-15")) == [date(2025, 4, 1), date(2025, 5, 1)]
    assert whole_months(made, settings(), as_of("2025-06-01")) == [date(2025, 4, 1), date(2025, 5, 1)]


def test_time_assumed_and_seen(tables, settings, as_of):
    """Tickets took 1–7 hours, half of them 4; requests 1 hour: 3 hours less. Assumed: 7 runs of 30 minutes."""
    asked = [
        {"ticket_id": str(h), "category": "database", "created_at": "2025-03-01", "resolved_at": f"2025-03-01T0{h}:00"}
        for h in range(1, 8)
    ]
    runs = [run("u0", f"2025-0{m}-02", golden_path_id="pg", usable_at=f"2025-0{m}-02T01:00") for m in range(1, 8)]
    made = tables(
        asked,
        teams=["u0"],
        action_runs=runs,
        golden_paths=[{"golden_path_id": "pg", "title": "PG", "minutes_saved": 30.0}],
    )
    told = time_saved(made, settings(), as_of(AS_OF), PART)
    assert (told["assumed_runs"], told["assumed_hours"]) == (7, 3.5)
    assert (told["ticket_hours"], told["ticket_low"], told["ticket_high"], told["ticket_n"]) == (4.0, 1.0, 7.0, 7)
    assert (told["run_hours"], told["saved_hours"], told["saved_low"], told["saved_high"]) == (1.0, 3.0, 0.0, 6.0)


def test_the_course_around_the_first_use(compared):
    made = [*(course(team, 4, 1) for team in USERS[:2]), *(course(t, 2, 2, category="network") for t in USERS[:2])]
    found = compared(
        *made, teams=USERS[:3], study=deflection_course, action_runs=[run("u0", "2025-06-10"), run("u1", "2025-08-10")]
    )
    rows = {row["month"]: row for row in found.to_dicts()}
    assert (rows[0]["teams"], rows[0]["tickets"], rows[0]["weight"]) == (2, 4 + 1, 4.0)
    assert (rows[1]["value"], rows[-6]["teams"], max(rows)) == (0.5, 1, 6)
    assert rows[-4]["value"] == 2.0


def test_nothing_to_compare_has_columns(company, settings, as_of):
    given = company(), settings(), as_of(AS_OF)
    assert deflection(*given).schema == pl.Schema(COLUMNS)
    assert deflection_course(*given).schema == pl.Schema(COURSE_COLUMNS)


def test_the_planted_effect_is_within_the_interval(settings):
    """A synthetic company of 60 teams: 60 % of a team's database tickets vanish once a service of it is on the path."""
    made = synthetic.generate(teams=60, months=18)
    lineage = [pl.lit("test").alias("source"), pl.lit("l").alias("load_id"), pl.lit(1).alias("source_row")]
    tables = {}
    for name, table in TABLES.items():
        frame = made.tables.get(
            name,
            pl.DataFrame(
                schema={c: t for c, t in table.schema.items() if c not in ("source", "load_id", "source_row")}
            ),
        )
        whole = frame.with_columns(lineage) if name != "loads" else frame
        tables[name] = (
            attribute(table, whole, made.tables["ownership"], "UTC") if table.owned and name in made.tables else whole
        )
    lazy = {name: frame.lazy() for name, frame in tables.items()}
    part = Component("db", "Databases", golden_paths=("postgres-module",), tickets=("database",))
    chosen = replace(settings(), components=(part,), platform_team="platform")
    row = deflection(lazy, chosen, datetime(2026, 7, 1, tzinfo=UTC)).to_dicts()[0]
    true = made.truth["golden_paths"]["postgres-module"]["database_ticket_factor"] - 1
    assert true == pytest.approx(-0.6)
    assert row["share_low"] <= true <= row["share_high"]
    assert row["share_high"] < 0
    assert (row["verdict"], row["adopters"] > 20) == ("improved", True)
    assert row["others_after"] == pytest.approx(row["others_before"], rel=0.15)
