"""Where delivery metrics are known to go wrong, one test each, on tables small enough to be worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from idp_analytics.metrics import CATALOGUE, by_name, compute
from idp_analytics.metrics.classify import classified
from idp_analytics.metrics.lead_time import STAGES, staged
from idp_analytics.periods import EVERY
from idp_analytics.sources import devlake_pipelines
from idp_analytics.tables import TABLES, Extract
from idp_analytics.tables.conform import conform
from idp_analytics.tables.ownership import attribute

TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]
SERVICES = [{"service_id": "shop"}, {"service_id": "till"}]


@pytest.fixture
def told(company, settings, as_of):
    """The one answer of a metric for March or another ``period``, of the organisation or another ``entity``."""

    def get(metric, tables, at="2026-04-01", rules=None, period="2026-03", entity="org") -> dict:
        scope = "org" if entity == "org" else "team" if entity in ("red", "blue") else "service"
        made = tables if "loads" in tables else company(**{"teams": TEAMS, "services": SERVICES, **tables})
        found = compute(made, rules or settings(), as_of(at), (by_name(metric),), (scope,), ("1mo",))
        return found.filter(entity_id=entity, period=period).row(0, named=True)

    return get


def deployments(*times: str, prefix: str = "d", **also) -> list[dict]:
    return [{"deployment_id": f"{prefix}{n}", "finished_at": at, **also} for n, at in enumerate(times, 1)]


def holding(deployment: str, *changes: str) -> list[dict]:
    return [{"deployment_id": deployment, "change_id": change} for change in changes]


def daily(first: int, last: int, hour: str = "12:00") -> list[str]:
    return [f"2026-03-{day:02d}T{hour}" for day in range(first, last + 1)]


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_time_zone_that_is_written_is_not_dropped():
    """Half past midnight at +02:00 is the day before in UTC."""
    given = pl.DataFrame({"_row": [1, 2], "deployment_id": ["a", "b"], "outcome": ["success"] * 2, "environment": ["production"] * 2,
                          "finished_at": ["2026-03-01T00:30:00+0200", "2026-03-01T00:30:00Z"]})  # fmt: skip
    rows = conform(Extract("deployments", given, "d.csv", "abc"), "ci", None).rows
    assert rows["finished_at"].to_list() == [
        datetime(2026, 2, 28, 22, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 0, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(("zone", "february", "march"), [("UTC", 0, 3), ("America/Los_Angeles", 1, 2)])
def test_the_day_begins_where_the_organisation_is(told, settings, zone, february, march):
    """Nightly at 00:16 UTC is the afternoon before in Los Angeles: that of 1 March belongs to February."""
    facts = {"deployments": deployments("2026-02-02", *(f"2026-03-0{day}T00:16" for day in (1, 2, 3)))}
    days = [told("deployment_days", facts, rules=settings(zone), period=p)["k"] for p in ("2026-02", "2026-03")]
    # 2 February 00:00 UTC is 1 February there: one day more in either zone.
    assert days == [1 + february, march]


def test_months_at_the_ends_are_counted_over_the_days_they_cover(told):
    """Data from 21 February, asked at noon on 6 March: 4 in 8 days, and 2 in 5.5, not 2 in 31."""
    facts = {
        "deployments": deployments("2026-02-21", "2026-02-23", "2026-02-25", "2026-02-27", "2026-03-02", "2026-03-04")
    }
    before = told("deployment_frequency", facts, "2026-03-06T12:00", period="2026-02")
    now = told("deployment_frequency", facts, "2026-03-06T12:00")
    assert (before["value"], now["value"]) == (pytest.approx(4 / 8), pytest.approx(2 / 5.5))
    assert before["is_partial"]
    assert now["is_partial"]
    assert now["verdict"] == "not identified"  # a month that is not whole is nothing to be compared with


# --- which deployments ------------------------------------------------------------------------------------------------

LATE = "deployments whose end may be when they were replaced"


@pytest.mark.parametrize(
    ("hours", "slow", "caution"),
    [
        (24, 6, f"{LATE}: 6"),  # each until the next one: 6 of 6 last longer than half a day
        (12, 6, None),  # exactly half a day and not until the next one
        (24, 4, None),  # fewer than five may have been slow indeed
        (24, 5, f"{LATE}: 5"),  # 5 of 10 is half
    ],
)
def test_touched_last_is_not_finished(told, hours, slow, caution):
    """Some exports give when a deployment was replaced as its end. They are counted, and the doubt is said."""
    days = [f"2026-03-{day:02d}" for day in range(2, 2 + slow)]
    facts = [
        {"deployment_id": day, "started_at": day, "finished_at": f"2026-03-{int(day[-2:]) + hours // 24:02d}T{hours % 24:02d}:00:00"}
        for day in days
    ]  # fmt: skip
    if slow == 5:
        facts += [
            {"deployment_id": f"q{n}", "started_at": f"2026-03-2{n}", "finished_at": f"2026-03-2{n}T00:10"}
            for n in range(5)
        ]
    changes = [{"change_id": "c", "first_commit_at": "2026-03-01"}]
    links = [link for fact in facts for link in holding(fact["deployment_id"], "c")]
    tables = {"deployments": facts, "changes": changes, "deployment_changes": links}
    rows = [told(metric, tables) for metric in ("deployment_frequency", "deployment_days", "change_lead_time")]
    assert (rows[0]["n"], rows[1]["k"], rows[2]["n"]) == (len(facts), len(facts), 1)
    assert {row["caution"] for row in rows} == {"; ".join(filter(None, ("partial period", caution)))}


def test_an_end_at_the_instant_of_the_next_start_is_doubted_too(told):
    """Five an hour apart, each ended by the next; the sixth took ten minutes. Another service's start ends nothing."""
    hours = [f"2026-03-02T{hour:02d}:00" for hour in range(8, 14)]
    chain = [{"deployment_id": a, "started_at": a, "finished_at": b} for a, b in pairwise(hours)]
    chain += [{"deployment_id": "last", "started_at": hours[-1], "finished_at": "2026-03-02T13:10"}]
    assert f"{LATE}: 5" in told("deployment_frequency", {"deployments": chain})["caution"]
    apart = [{**row, "service_id": ("shop", "till")[n % 2]} for n, row in enumerate(chain)]
    assert LATE not in (told("deployment_frequency", {"deployments": apart})["caution"])


def test_failed_and_cancelled_deployments_are_in_no_denominator(told):
    """5 successes of which 1 caused an incident: 1 in 5, whatever else was tried; what is not told is said."""
    facts = deployments(*daily(2, 6))
    facts += deployments(*daily(7, 9), prefix="f", outcome="failure") + deployments(
        *daily(10, 12), prefix="c", outcome="cancel"
    )
    facts += deployments("2026-03-13", prefix="u", outcome=None)
    incidents = [
        {"incident_id": "i", "opened_at": "2026-03-06T13:00"},
        {"incident_id": "j", "opened_at": "2026-03-12T13:00"},
    ]
    row = told("change_fail_rate", {"deployments": facts, "incidents": incidents})
    assert (row["k"], row["n"], row["value"]) == (1, 5, 0.2)
    frequency = told("deployment_frequency", {"deployments": facts})
    assert frequency["n"] == 5
    assert "whose environment, outcome or end is not told: 1" in frequency["caution"]


def test_the_same_commit_deployed_again_brings_nothing_new(told, company, settings):
    """One commit, 14 deployments: 14 times somebody deployed, once a change reached users, after 6 hours."""
    facts = [{**row, "sha": "abc"} for row in deployments(*daily(2, 15))]
    links = [link for row in facts for link in holding(row["deployment_id"], "c")]
    tables = {
        "deployments": facts,
        "changes": [{"change_id": "c", "first_commit_at": "2026-03-02T06:00"}],
        "deployment_changes": links,
    }
    assert told("deployment_frequency", tables)["n"] == 14
    assert told("change_lead_time", tables)["n"] == 1
    assert staged(company(**tables), settings()).collect()["total"].dt.total_hours().to_list() == [6]
    classes = classified(company(**tables), settings()).collect()["class"].value_counts()
    assert dict(classes.rows()) == {"planned": 1, "redeploy": 13}


def test_a_pipeline_that_deploys_two_products_is_a_deployment_of_each(told):
    """Each has its own, an incident of one blames that one, and a place that is not told is not guessed."""
    facts = [
        {"deployment_id": f"p{n}:{service}", "service_id": service, "finished_at": at}
        for n, at in enumerate(daily(2, 6)) for service in ("shop", "till")
    ]  # fmt: skip
    facts += deployments("2026-03-07", prefix="unknown", environment=None)
    tables = {
        "deployments": facts,
        "incidents": [{"incident_id": "i", "opened_at": "2026-03-02T12:05", "service_id": "till"}],
    }
    counted = [told("deployment_frequency", tables, entity=entity)["n"] for entity in ("org", "shop", "till")]
    assert counted == [10, 5, 5]
    assert "is not told: 1" in told("deployment_frequency", tables)["caution"]
    assert [told("change_fail_rate", tables, entity=e)["k"] for e in ("org", "shop", "till")] == [1, 0, 1]


def test_rollbacks_reverts_and_hotfixes_are_known(told, company, settings):
    """V1, V2, V1 is a step back though nobody says so; a revert and a hotfix are what their changes say."""
    shas = ["one", "two", "one", "three", "four", "five"]
    facts = [{**row, "sha": sha} for row, sha in zip(deployments(*daily(2, 7)), shas, strict=True)]
    changes = [{"change_id": "r", "title": 'Revert "faster search"'}, {"change_id": "h", "title": "hotfix: login"}]
    tables = {"deployments": facts, "changes": changes, "deployment_changes": holding("d4", "r") + holding("d5", "h")}
    row = told("rollback_share", tables)
    assert (row["k"], row["n"], row["value"]) == (1, 6, pytest.approx(1 / 6))
    found = classified(company(**tables), settings()).collect().sort("deployment_id")["class"].to_list()
    assert found == ["planned", "planned", "rollback", "revert", "hotfix", "planned"]


# --- changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "n", "value", "caution"),
    [
        ("count", 12, 24 * 6.5, None),  # 1 … 12 days: the middle of 6 and 7
        ("leave out", 6, 24 * 3.5, "changes that came with the first known deployment of their service, left out: 6"),
    ],
)
def test_the_first_deployment_counts_or_is_said_to_be_left_out(told, settings, rule, n, value, caution):
    """It brings six changes 7 to 12 days old, the second one six 1 to 6 days old. Later months do not swallow them again."""
    changes = [{"change_id": f"c{age}", "first_commit_at": f"2026-03-{20 - age:02d}"} for age in range(1, 7)]
    changes += [{"change_id": f"c{age}", "first_commit_at": f"2026-03-{15 - age:02d}"} for age in range(7, 13)]
    links = holding("d1", *(f"c{age}" for age in range(7, 13))) + holding("d2", *(f"c{age}" for age in range(1, 7)))
    tables = {
        "deployments": deployments("2026-03-15", "2026-03-20", "2026-04-01"),
        "changes": changes,
        "deployment_changes": links,
    }
    row = told("change_lead_time", tables, "2026-05-01", settings(first_deployment=rule))
    assert (row["n"], row["value"]) == (n, value)
    assert row["caution"] == "; ".join(filter(None, ("partial period", caution)))
    april = told("change_lead_time", tables, "2026-05-01", settings(first_deployment=rule), period="2026-04")
    assert april["n"] == 0


def test_changes_that_are_not_deployed_are_neither_counted_as_fast_nor_lost(told):
    """Merged on 1 March: five deployed after 1 … 5 days, six never. Of the eleven half have not arrived, so no median is
    known; the five alone would say 3 days. The lead time has the five."""
    changes = [{"change_id": f"c{n}", "first_commit_at": "2026-03-01", "merged_at": "2026-03-01"} for n in range(1, 12)]
    facts = deployments(*(f"2026-03-0{1 + n}" for n in range(1, 6)))
    links = [link for n in range(1, 6) for link in holding(f"d{n}", f"c{n}")]
    tables = {"deployments": facts, "changes": changes, "deployment_changes": links}
    row = told("merge_to_deploy_time", tables)
    assert (row["n"], row["k"], row["censored"], row["value"]) == (11, 5, 6, None)
    fewer = {**tables, "changes": changes[:9]}
    # 9 at risk, the fifth leaves 4 of 9: below one half, at 5 days.
    assert told("merge_to_deploy_time", fewer)["value"] == 5 * 24
    assert told("change_lead_time", tables)["n"] == 5


def test_every_commit_of_a_deployment_counts_and_a_squashed_one_once(told):
    """A pull request, the commit it became, and five other commits: six changes, 1 … 6 hours old."""
    changes = [
        {"change_id": "pr", "kind": "pull_request", "repo": "r", "sha": "s", "first_commit_at": "2026-03-02T11:00"}
    ]
    changes += [{"change_id": "s", "kind": "commit", "repo": "r", "sha": "s", "first_commit_at": "2026-03-02T11:59"}]
    changes += [{"change_id": f"c{n}", "kind": "commit", "repo": "r", "sha": f"c{n}", "first_commit_at": f"2026-03-02T{12 - n:02d}:00"}
                for n in range(2, 7)]  # fmt: skip
    links = holding("d1", *(change["change_id"] for change in changes))
    tables = {"deployments": deployments("2026-03-02T12:00"), "changes": changes, "deployment_changes": links}
    row = told("change_lead_time", tables)
    assert (row["n"], row["value"]) == (6, 3.5)


def test_merged_after_its_deployment_is_missing_there_and_stays_in_the_lead_time(told, company, settings):
    """From first commit to deployment it took 10 hours; from merge to deployment it would be −1, which is not 0."""
    change = {"change_id": "c", "first_commit_at": "2026-03-02T02:00", "merged_at": "2026-03-02T13:00"}
    tables = {
        "deployments": deployments("2026-03-02T12:00"),
        "changes": [change],
        "deployment_changes": holding("d1", "c"),
    }
    assert told("change_lead_time", tables)["n"] == 1
    row = told("merge_to_deploy_time", tables)
    assert (row["n"], row["missing"]) == (0, 1)
    delivery = told("delivery_time", tables)
    assert (delivery["n"], delivery["missing"]) == (0, 1)
    assert "changes deployed before it was merged: 1" in delivery["caution"]
    way = staged(company(**tables), settings()).collect().row(0, named=True)
    assert way["total"] == way["not_split"]
    assert way["reason"] == "deployed before it was merged"


def test_a_rewritten_date_is_missing_and_not_zero(told):
    """1, 2, 3, 4, 5, 6 hours and one authored after its deployment: 3.5 of six, not 3 of seven."""
    changes = [{"change_id": f"c{n}", "first_commit_at": f"2026-03-02T{12 - n:02d}:00"} for n in range(1, 7)]
    changes += [{"change_id": "rebased", "first_commit_at": "2026-03-02T18:00"}]
    links = holding("d1", *(change["change_id"] for change in changes))
    tables = {"deployments": deployments("2026-03-02T12:00"), "changes": changes, "deployment_changes": links}
    row = told("change_lead_time", tables)
    assert (row["n"], row["missing"], row["value"]) == (6, 1, 3.5)
    assert "1 of 7 changes had no usable span" in row["caution"]


def test_time_as_a_draft_is_coding(told, company, settings):
    """First commit at 0 h, ready at 20 h, looked at 22 h, merged 25 h, live 31 h: 20 + 2 + 3 + 6 = 31."""
    times = ("2026-03-02T00:00", "2026-03-02T20:00", "2026-03-02T22:00", "2026-03-03T01:00")
    names = ("first_commit_at", "opened_at", "first_review_at", "merged_at")
    changes = [{"change_id": f"c{n}", "kind": "pull_request", **dict(zip(names, times, strict=True))} for n in range(6)]
    links = holding("d1", *(change["change_id"] for change in changes))
    tables = {"deployments": deployments("2026-03-03T07:00"), "changes": changes, "deployment_changes": links}
    assert [told(f"{stage}_time", tables)["value"] for stage in STAGES] == [20, 2, 3, 6]
    assert told("change_lead_time", tables)["value"] == 31
    for stage in ("coding", "pickup"):
        assert "time as a draft is coding" in by_name(f"{stage}_time").null_policy


def test_nobody_reviews_their_own_and_no_machine_is_guessed_by_its_name():
    """Their own remark is no review; Cubot and the robotics expert are people. What cannot be told is said to be so."""
    request = {"id": "a", "base_repo_id": "r", "merge_commit_sha": "x", "author_id": "ann", "created_date": "2026-03-01 00:00:00",
               "merged_date": "2026-03-02 00:00:00"}  # fmt: skip
    commits = pl.DataFrame(schema=dict.fromkeys(("pull_request_id", "commit_sha", "commit_authored_date"), pl.String))
    for other in ("cubot", "robotics_expert"):
        comments = pl.DataFrame({"id": ["1", "2"], "pull_request_id": ["a", "a"], "account_id": ["ann", other],
                                 "created_date": ["2026-03-01 01:00:00", "2026-03-01 02:00:00"]})  # fmt: skip
        made = devlake_pipelines.changes(pl.DataFrame([request]), commits, comments)
        assert made["first_review_at"].to_list() == [datetime(2026, 3, 1, 2, tzinfo=UTC)]
    assert "whether a machine gave it is not told" in by_name("pickup_time").null_policy


# --- failures ---------------------------------------------------------------------------------------------------------


def failing(**incident) -> dict[str, list[dict]]:
    """Shop deployed at noon on the 2nd to 6th, the till on the 2nd at 13:00; one incident of the shop."""
    facts = deployments(*daily(2, 6)) + deployments("2026-03-02T13:00", prefix="t", service_id="till")
    return {"deployments": facts, "incidents": [{"incident_id": "i", **incident}]}


@pytest.mark.parametrize(
    ("opened_at", "k"),
    [
        ("2026-03-02T12:00", 1),  # the very instant the first deployment ended
        ("2026-03-07T12:00", 1),  # a whole day later
        ("2026-03-07T12:01", 0),  # a minute more: the last deployment is not to blame for ever
        ("2026-04-14T12:00", 0),  # nor 39 days later
        ("2026-03-02T11:59", 0),  # and none before it
    ],
)
def test_ties_count_and_blame_ends_after_a_day(told, opened_at, k):
    tables = failing(opened_at=opened_at)
    tables["incidents"] += [{"incident_id": "old", "opened_at": "2026-03-01"}]  # from then on incidents are known
    row = told("change_fail_rate", tables, "2026-05-01")
    assert (row["k"], row["n"]) == (k, 6)
    lost = 2 if k == 0 and opened_at < "2026-04" else 1
    assert row["caution"].endswith(f"incidents linked to no deployment: {lost}")


def test_an_incident_after_the_window_fails_the_deployment_before_it(told):
    """Deployed on 31 March, failing on 1 April: March's deployment failed, however the day one looks moves afterwards."""
    facts = deployments("2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-31T20:00", "2026-04-20")
    tables = {"deployments": facts, "incidents": [{"incident_id": "old", "opened_at": "2026-03-01"},
                                                  {"incident_id": "i", "opened_at": "2026-04-01T03:00"}]}  # fmt: skip
    rows = [told("change_fail_rate", tables, at) for at in ("2026-04-02", "2026-04-03", "2026-05-01")]
    assert [(row["k"], row["n"], row["value"]) for row in rows] == [(1, 5, 0.2)] * 3


def test_another_service_is_not_blamed(told):
    """The till was deployed last, an hour before; it is the shop's incident and the shop's deployment."""
    tables = failing(opened_at="2026-03-02T14:00")
    assert [told("change_fail_rate", tables, entity=entity)["k"] for entity in ("shop", "till")] == [1, 0]


def test_two_incidents_at_once_are_one_failure_and_one_outage(told):
    """12:00–18:00, 14:00–18:00 and the same again: one of six deployments failed, and 6 hours were lost, not 14."""
    tables = failing(opened_at="2026-03-02T12:00", resolved_at="2026-03-02T18:00")
    tables["incidents"] += [
        {"incident_id": name, "opened_at": "2026-03-02T14:00", "resolved_at": "2026-03-02T18:00"}
        for name in ("j", "again")
    ]
    row = told("change_fail_rate", tables)
    assert (row["k"], row["n"], row["value"]) == (1, 6, pytest.approx(1 / 6))
    free = told("incident_free_share", tables, entity="shop")
    assert free["value"] == pytest.approx(1 - 6 / (30 * 24))  # known from 2 March on: 30 days
    assert (free["n"], free["k"]) == (3, 1)


def test_open_incidents_are_neither_dropped_nor_ended(told):
    """Resolved after 1 … 5 hours, three open since the 2nd: half of eight have ended after 4 hours, where the curve rests
    until 5; the five alone would say 3, and counted until now they would say days."""
    tables = failing(opened_at="2026-03-02T12:00")
    tables["incidents"] = [
        {"incident_id": f"i{n}", "opened_at": "2026-03-02T12:00", "resolved_at": f"2026-03-02T{12 + n}:00" if n < 6 else None}
        for n in range(1, 9)
    ]  # fmt: skip
    row = told("failed_deployment_recovery_time", tables)
    assert (row["n"], row["k"], row["censored"], row["value"]) == (8, 5, 3, 4.5)


def test_a_month_without_anything_has_no_value_and_is_not_the_best(told):
    """February is empty: no rate, no lead time, no fail rate, no recovery; what was not deployed cannot have failed."""
    facts = deployments("2026-01-05", "2026-03-05")
    tables = {"deployments": facts, "changes": [{"change_id": "c", "first_commit_at": "2026-01-01"}],
              "deployment_changes": holding("d1", "c"), "incidents": [{"incident_id": "i", "opened_at": "2026-01-05T01:00"}]}  # fmt: skip
    for metric in ("deployment_frequency", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time"):
        row = told(metric, tables, period="2026-02")
        assert (row["n"], row["value"], row["verdict"]) == (0, None, "insufficient data"), metric
    # Days without a deployment were seen to be so: that is a zero.
    assert told("deployment_days", tables, period="2026-02")["value"] == 0


# --- whose, and sums --------------------------------------------------------------------------------------------------


def test_one_repository_of_two_services_gives_each_its_own_changes(told):
    """Of one repository, three changes went out with the shop, two with the till, one with both, the shop first."""
    changes = [
        {"change_id": f"c{n}", "repo": "mono", "service_id": None, "first_commit_at": "2026-03-01"} for n in range(6)
    ]
    facts = deployments("2026-03-02") + deployments("2026-03-03", prefix="t", service_id="till")
    links = holding("d1", "c0", "c1", "c2", "c5") + holding("t1", "c3", "c4", "c5")
    tables = {"deployments": facts, "changes": changes, "deployment_changes": links}
    counted = {entity: told("change_lead_time", tables, entity=entity)["n"] for entity in ("shop", "till", "org")}
    assert counted == {"shop": 4, "till": 2, "org": 6}


def test_a_repository_in_two_projects_is_counted_once_in_the_whole(told):
    """A change of blue's repository that only red deploys is red's: nothing leaks, and the teams add up to the whole."""
    changes = [{"change_id": f"c{n}", "repo": "lib", "service_id": "till", "team_id": "blue", "first_commit_at": "2026-03-01"}
               for n in range(6)]  # fmt: skip
    tables = {"deployments": deployments("2026-03-02"), "changes": changes,
              "deployment_changes": holding("d1", *(change["change_id"] for change in changes))}  # fmt: skip
    counted = {entity: told("change_lead_time", tables, entity=entity)["n"] for entity in ("red", "blue", "org")}
    assert counted == {"red": 6, "blue": 0, "org": 6}


def test_a_deployment_belongs_to_the_owner_of_that_day(told, company):
    """The shop went from red to blue on 16 March: 14 of its daily deployments stay red's, 16 are blue's, none is both's."""
    made = company(
        teams=TEAMS, services=SERVICES, deployments=deployments(*daily(2, 31), team_id=None, initiated_by="ann")
    )
    owners = pl.DataFrame({"service_id": ["shop"] * 2, "team_id": ["red", "blue"], "valid_from": [None, "2026-03-16"],
                           "valid_to": ["2026-03-16", None]}).with_columns(pl.col("valid_from", "valid_to").str.to_date())  # fmt: skip
    made["deployments"] = attribute(TABLES["deployments"], made["deployments"].collect(), owners, "UTC").lazy()
    counted = {entity: told("deployment_frequency", made, entity=entity)["n"] for entity in ("red", "blue", "org")}
    assert counted == {"red": 14, "blue": 16, "org": 30}


def test_the_whole_is_made_of_facts_and_not_of_its_parts_averages(told):
    """Red failed 1 of 10, blue 5 of 5: together 6 of 15, not the mean of 10 % and 100 %."""
    facts = deployments(*daily(2, 11)) + deployments(*daily(20, 24), prefix="t", service_id="till", team_id="blue")
    incidents = [{"incident_id": row["deployment_id"], "opened_at": row["finished_at"], "service_id": row.get("service_id", "shop"),
                  "team_id": row.get("team_id", "red")} for row in (facts[0], *facts[10:])]  # fmt: skip
    tables = {"deployments": facts, "incidents": incidents}
    assert [told("change_fail_rate", tables, entity=e)["value"] for e in ("red", "blue", "org")] == [0.1, 1.0, 0.4]


def test_a_median_is_of_numbers_and_between_the_two_in_the_middle(told):
    """2, 3, 9, 10, 100, 200 hours: 9.5. By text 200 would stand before 3."""
    at = datetime(2026, 3, 20, tzinfo=UTC)
    changes = [{"change_id": f"c{h}", "first_commit_at": at - timedelta(hours=h)} for h in (10, 100, 2, 200, 3, 9)]
    tables = {"deployments": deployments("2026-03-20"), "changes": changes,
              "deployment_changes": holding("d1", *(change["change_id"] for change in changes))}  # fmt: skip
    row = told("change_lead_time", tables)
    assert (row["value"], row["low"], row["high"]) == (9.5, 2, 200)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_runs_for_every_scope_and_length_of_period(company, settings, as_of, metric):
    """March has 31 days in six weeks, one month, one quarter: a row of each, for the whole, two teams and two services."""
    tables = company(teams=TEAMS, services=SERVICES, **failing(opened_at="2026-03-02T12:30"))
    found = compute(tables, settings(), as_of("2026-04-01"), (metric,), every=tuple(EVERY))
    rows = found.filter(pl.col("currency").is_null()).group_by("every").len()
    # From Monday 2 March (where nothing dates a metric: from what dates any) to Tuesday 31 March there are five weeks.
    assert dict(rows.rows()) == {"1w": 5 * 5, "1mo": 5, "1q": 5}
    if metric.name == "change_fail_rate":
        shown = found.filter(scope="org").select("every", "period", "k", "n").rows()
        assert shown[:3] == [("1mo", "2026-03", 1, 6), ("1q", "2026-Q1", 1, 6), ("1w", "2026-W10", 1, 6)]
