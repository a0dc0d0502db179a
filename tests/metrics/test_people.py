"""Newcomers: who is one, when they are there, what is withheld; and the curve of all who started."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics import by_name, compute, trace
from idp_analytics.metrics.newcomers import COLUMNS, newcomers

METRICS = ("time_to_first_deploy", "time_to_tenth_merged_change")
FIRST, TENTH = METRICS
TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]
START = datetime(2026, 1, 1, 9)


def person(name: str, started: str, team: str | None = "red", **told) -> dict:
    return {"person_id": name, "started_on": started, "is_developer": True, "_team": team, **told}


def firm(people: list[dict], shipped: dict[str, list[str]], since: str = "2026-01-01T09:00") -> dict:
    """Tables of a company whose data begin with a change of an old hand; ``shipped``: who had a change merged and deployed when."""
    changes, deployments, links = [], [], []
    for number, (who, at) in enumerate(
        [("old", since), *((who, at) for who, times in shipped.items() for at in times)]
    ):
        changes.append({"change_id": f"c{number}", "author_id": who, "merged_at": at, "first_commit_at": at})
        deployments.append({"deployment_id": f"d{number}", "finished_at": at})
        links.append({"deployment_id": f"d{number}", "change_id": f"c{number}"})
    members = [
        {"person_id": p["person_id"], "team_id": p["_team"], "valid_from": date.fromisoformat(p["started_on"])}
        for p in people if p["_team"]
    ]  # fmt: skip
    told = [{key: value for key, value in p.items() if key != "_team"} for p in people]
    return {
        "teams": TEAMS, "services": [{"service_id": "shop"}], "people": [{"person_id": "old", "started_on": "2020-01-01"}, *told],
        "memberships": members, "changes": changes, "deployments": deployments, "deployment_changes": links,
    }  # fmt: skip


@pytest.fixture
def answer(company, settings, as_of):
    def get(tables: dict, at: str = "2026-07-01", metric: str = FIRST, zone: str = "UTC", **rules) -> pl.DataFrame:
        return compute(
            company(**tables), settings(zone, **rules), as_of(at), (by_name(metric),), every=("1w", "1mo", "1q")
        )

    return get


def one(answers: pl.DataFrame, scope: str = "org", entity: str = "org", period: str = "2026-Q1") -> dict:
    (row,) = answers.filter(scope=scope, entity_id=entity, period=period).to_dicts()
    return row


FIVE = [person(f"p{n}", "2026-01-10") for n in range(5)]
SHIPPED = {f"p{n}": [f"2026-01-{11 + 2 * n}T00:00"] for n in range(5)}
"""They have work in production after 1, 3, 5, 7 and 9 days."""


def test_days_to_the_first_deployment(answer):
    row = one(answer(firm(FIVE, SHIPPED)))
    assert (row["value"], row["n"], row["k"], row["censored"], row["missing"]) == (5.0, 5, 5, 0, 0)
    assert (row["unit"], row["verdict"]) == ("days", "not identified")


def test_only_a_deployment_to_production_that_succeeded_brings_somebody_there(answer):
    tables = firm(FIVE, SHIPPED)
    tables["deployments"][1] |= {"environment": "staging"}
    tables["deployments"][2] |= {"outcome": "failure"}
    row = one(answer(tables, min_cohort=3))
    assert (row["n"], row["k"], row["censored"]) == (5, 3, 2)


def test_who_is_not_there_yet_or_left_is_open_and_not_dropped(answer):
    """Eight newcomers; p5 left on the 13th before anything, p6 shipped a day after leaving, p7 has not shipped."""
    people = [*FIVE, person("p5", "2026-01-10", ended_on="2026-01-13"), person("p6", "2026-01-10", ended_on="2026-01-20"),
              person("p7", "2026-01-10")]  # fmt: skip
    shipped = {**SHIPPED, "p6": ["2026-01-21T08:00"]}
    row = one(answer(firm(people, shipped)))
    assert (row["n"], row["k"], row["censored"]) == (8, 5, 3)
    # At risk 8, 7 (day 3), then p5 is gone after day 4: 5, 4, 3. One is left at 7/8 · 6/7 · 4/5 · 3/4 = 0.45 on day 7.
    assert row["value"] == 7.0


def test_the_last_day_at_work_counts(answer):
    people = [*FIVE[:4], person("p4", "2026-01-10", ended_on="2026-01-19")]
    for at, there in (("2026-01-19T23:59:59.999999", 5), ("2026-01-20T00:00", 4)):
        row = one(answer(firm(people, {**SHIPPED, "p4": [at]})))
        assert (row["k"], row["n"]) == (there, 5)


def test_nothing_is_told_until_the_quarter_is_over_and_then_it_stays(answer):
    """p4 has work in production on 11 April, which is told of nobody."""
    tables = firm(FIVE, {**SHIPPED, "p4": ["2026-04-11T00:00"]})
    assert one(answer(tables, at="2026-03-31T12:00"))["verdict"] == "suppressed"
    told = [one(answer(tables, at=at)) for at in ("2026-04-01", "2026-09-01")]
    assert [(row["n"], row["k"], row["censored"]) for row in told] == [(5, 4, 1)] * 2


def test_who_starts_after_those_who_are_told_of_is_not_told_of(answer):
    """Neither that one came in spring, nor that nobody did."""
    alone, more = (
        answer(firm([*FIVE, *others], SHIPPED), at="2026-09-30") for others in ((), (person("x", "2026-05-04"),))
    )
    assert one(alone, period="2026-Q2")["verdict"] == "suppressed"
    assert alone.equals(more)


@pytest.mark.parametrize(
    ("told", "n", "missing"),
    [
        ({}, 6, 0),
        ({"is_bot": True}, 5, 0),
        ({"is_developer": False}, 5, 0),
        ({"is_developer": None}, 5, 1),
        ({"started_on": "2025-12-31"}, 5, 0),  # before the data begin
        ({"started_on": "2026-01-01"}, 6, 0),  # on the day they begin
        ({"started_on": "2026-02-03"}, 5, 1),  # shipped before the first day: came back, or was here before
    ],
)
def test_who_is_a_newcomer(answer, told, n, missing):
    tables = firm([*FIVE, person("x", "2026-01-05") | told], {**SHIPPED, "x": ["2026-02-02T10:00"]})
    for metric in METRICS:
        found = answer(tables, metric=metric)
        row = one(found)
        assert (row["n"], row["missing"]) == (n, missing)


def test_the_first_day_begins_where_the_organisation_is(answer):
    """Deployed at 15:30 UTC on the 10th: in Tokyo half past midnight on the 11th, the first day of p0."""
    people = [person("p0", "2026-01-11"), *FIVE[1:]]
    shipped = {**SHIPPED, "p0": ["2026-01-10T15:30"]}
    assert one(answer(firm(people, shipped), zone="Asia/Tokyo"))["missing"] == 0
    assert (
        one(answer(firm(people, shipped)), period="2026-Q1")["verdict"] == "suppressed"
    )  # one is missing, four are left


def test_the_tenth_merge_and_who_has_fewer(answer):
    days = [[f"2026-02-{day:02d}T00:00" for day in range(1, 11)] for _ in range(5)]
    days[4] = days[4][:9]
    row = one(answer(firm(FIVE, {f"p{n}": times for n, times in enumerate(days)}), metric=TENTH, min_cohort=3))
    assert (row["n"], row["k"], row["censored"]) == (5, 4, 1)
    assert row["value"] is None  # four are there, five are needed
    row = one(answer(firm(FIVE, {f"p{n}": days[0] for n in range(5)}), metric=TENTH))
    assert row["value"] == 31.0


# --- what is withheld -------------------------------------------------------------------------------------------------------


def test_a_small_team_takes_the_next_smallest_with_it(answer):
    """Three teams of 2, 5 and 6. Only the organisation's 13 and the largest team remain."""
    teams = {"red": 2, "blue": 5, "green": 6}
    people = [person(f"{team}{n}", "2026-01-10", team) for team, size in teams.items() for n in range(size)]
    tables = firm(people, {p["person_id"]: ["2026-01-12T00:00"] for p in people}) | {
        "teams": [{"team_id": t} for t in teams]
    }
    found = answer(tables)
    assert [one(found, "team", team)["verdict"] for team in teams] == ["suppressed", "suppressed", "not identified"]
    assert (one(found)["n"], one(found, "team", "green")["n"]) == (13, 6)
    hidden = found.filter(verdict="suppressed")
    numbers = (
        "value",
        "low",
        "high",
        "n",
        "k",
        "missing",
        "censored",
        "change",
        "change_low",
        "change_high",
        "amount",
        "caution",
    )
    assert hidden.select(pl.col(numbers).is_not_null().any()).row(0) == (False,) * len(numbers)


def test_the_number_after_a_hidden_one_says_nothing_of_it(answer):
    """The second quarter stands; its change against the first, which is hidden, would give the first away."""
    people = [person(f"{team}{n}", f"2026-0{month}-10", team) for month, sizes in ((1, (3, 3)), (4, (9, 9)))
              for team, size in zip(("red", "blue"), sizes, strict=True) for n in range(size * 10 * month, size * 10 * month + size)]  # fmt: skip
    tables = firm(people, {p["person_id"]: [p["started_on"] + "T12:00"] for p in people})
    found = answer(tables, at="2026-10-01")
    assert [one(found, "team", "red", f"2026-Q{q}")["verdict"] for q in (1, 2)] == ["suppressed", "not identified"]
    assert one(found, "team", "red", "2026-Q2")["change"] is None
    assert one(found)["n"] == 6


def test_weeks_months_and_services_have_no_numbers_of_people(answer):
    found = answer(firm(FIVE, SHIPPED)).filter(~((pl.col("every") == "1q") & pl.col("scope").is_in(["org", "team"])))
    assert set(found["verdict"]) == {"not measured"}
    assert found["n"].sum() == 0
    assert found["value"].null_count() == found["low"].null_count() == found.height
    assert found.filter(every="1mo", scope="org")["caution"][-1].endswith("people are grouped by quarter only")


def test_nobody_starting_is_no_secret(answer):
    row = one(answer(firm(FIVE, SHIPPED)), "team", "blue")
    assert (row["n"], row["verdict"]) == (0, "insufficient data")


@pytest.mark.parametrize("metric", METRICS)
def test_the_rows_behind_are_people_and_are_not_listed(company, settings, as_of, metric):
    with pytest.raises(ReportError, match="are single people"):
        trace(company(**firm(FIVE, SHIPPED)), settings(), as_of("2026-07-01"), metric, "org", "org", "2026-Q1")
    observed = by_name(metric).observations(company(**firm(FIVE, SHIPPED)), settings()).collect()
    assert observed["source_key"].null_count() == observed.height


# --- the curve ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def curve(company, settings, as_of):
    def get(tables: dict, at: str = "2026-07-01", metric: str = FIRST, **rules) -> pl.DataFrame:
        return newcomers(company(**tables), settings(**rules), as_of(at)).filter(metric=metric)

    return get


def test_the_curve_is_kaplan_meiers_in_whole_days_and_ends_where_few_are_left(curve):
    """Eight: one after half a day, two after 2.5, one lost during day 5, the rest there on day 9: shares 1/8, 3/8, and the
    last step, of four, is not shown."""
    people = [person(f"p{n}", "2026-02-01") for n in range(7)] + [person("p7", "2026-02-01", ended_on="2026-02-05")]
    times = {"p0": 0.5, "p1": 2.5, "p2": 2.4, **{f"p{n}": 8.5 for n in range(3, 7)}}
    shipped = {who: [(datetime(2026, 2, 1) + timedelta(days=day)).isoformat()] for who, day in times.items()}
    found = curve(firm(people, shipped))
    assert found.select("day", "at_risk", "share").rows() == [(0, 8, 0.0), (1, 8, 1 / 8), (3, 7, pytest.approx(3 / 8))]
    assert set(found.select("n", "k", "missing", "median").iter_rows()) == {(8, 7, 0, 9.0)}
    assert (found["low"] <= found["share"]).all()
    assert (found["high"] >= found["share"]).all()
    assert dict(found.schema) == COLUMNS
    assert found["since"].unique().to_list() == [date(2026, 1, 1)]
    assert set(found["left_out"]) == {1}
    shown = curve(firm(people, shipped), min_cohort=3)
    assert shown["day"].to_list() == [0, 1, 3, 9]
    assert shown["share"][-1] == 1.0


def test_too_few_to_show(curve):
    (row,) = curve(firm(FIVE[:4], SHIPPED)).to_dicts()
    assert row["is_withheld"]
    assert {name for name, value in row.items() if value is not None} == {
        "scope", "entity_id", "metric", "since", "left_out", "is_withheld", "level"
    }  # fmt: skip


def test_nobody_to_show(curve, company, settings, as_of):
    assert curve(firm([], {})).is_empty()
    assert newcomers(company(), settings(), as_of("2026-07-01")).is_empty()


def test_those_who_started_before_the_data_are_counted(curve):
    found = curve(firm([*FIVE, person("o", "2019-05-01")], SHIPPED))
    assert found["left_out"][0] == 2
