from __future__ import annotations

import pytest

from idp_analytics.answers import Estimator
from idp_analytics.errors import ReportError
from idp_analytics.metrics import CATALOGUE, by_name, compute, trace
from idp_analytics.metrics.observed import observed


@pytest.fixture
def tables(company):
    return company(
        teams=[{"team_id": "red"}, {"team_id": "blue"}],
        services=[
            {"service_id": "shop"},
            {"service_id": "till"},
            {"service_id": "new", "kind": "service", "lifecycle": "production", "created_at": "2026-03-20T00:00"},
        ],
        ownership=[{"service_id": "shop", "team_id": "red"}, {"service_id": "till", "team_id": "blue"}],
        deployments=[
            {"deployment_id": "d1", "finished_at": "2026-03-01T00:00", "golden_path_id": "template"},
            {"deployment_id": "d2", "finished_at": "2026-03-31T23:30"},
            {"deployment_id": "d3", "finished_at": "2026-04-01T00:00"},
            {"deployment_id": "t1", "finished_at": "2026-03-10T00:00", "service_id": "till", "team_id": "blue"},
            {"deployment_id": "n1", "finished_at": "2026-03-10T00:00", "service_id": None, "team_id": None},
        ],
        changes=[
            {"change_id": "c1", "first_commit_at": "2026-02-28T20:00"},
            {"change_id": "c2"},
            {
                "change_id": "c3",
                "kind": "pull_request",
                "first_commit_at": "2026-03-29T09:00",
                "opened_at": "2026-03-29T10:00",
                "first_review_at": "2026-03-30T09:00",
                "merged_at": "2026-03-30T10:00",
            },
        ],
        deployment_changes=[
            {"deployment_id": "d1", "change_id": "c1"},
            {"deployment_id": "t1", "change_id": "c2"},
            {"deployment_id": "d3", "change_id": "c3"},
        ],
        service_levels=[
            {
                "service_level_id": "s1",
                "service_id": "shop",
                "team_id": "red",
                "period_start": "2026-03-05",
                "period_end": "2026-03-06",
                "good_count": 999,
                "total_count": 1000,
                "target_share": 0.99,
            }
        ],
        incidents=[
            {"incident_id": "i1", "opened_at": "2026-03-01T01:00", "resolved_at": "2026-03-01T03:00"},
            {"incident_id": "i2", "opened_at": "2026-03-31T23:45", "resolved_at": "2026-04-01T02:45"},
            {"incident_id": "far", "opened_at": "2026-03-20T00:00", "team_id": "blue", "service_id": "till"},
        ],
        costs=[
            {"cost_id": "k1", "amount": 5, "period_start": "2026-03-01", "period_end": "2026-03-02", "team_id": "red"},
            {"cost_id": "k2", "amount": 7, "period_start": "2026-03-01", "period_end": "2026-03-02", "currency": "EUR"},
        ],
        golden_paths=[{"golden_path_id": "template", "title": "Template", "kind": "template"}],
        operations=[{"operation_id": "drop", "title": "Drop", "risk": "dangerous", "gate": "human"}],
        action_runs=[
            {
                "run_id": f"r{n}",
                "operation_id": "drop",
                "golden_path_id": "template",
                "service_id": service,
                "team_id": team,
                "requestor_id": f"p{n}",
                "requested_at": at,
                "started_at": at,
                "finished_at": at,
                "usable_at": at,
                "outcome": outcome,
            }
            for n, (service, team, at, outcome) in enumerate(
                [
                    ("shop", "red", "2026-03-01T02:00", "success"),
                    ("shop", "red", "2026-03-31T23:30", "failure"),
                    ("till", "blue", "2026-04-01T00:00", "success"),
                ]
            )
        ],
        approvals=[
            {
                "approval_id": f"a{n}",
                "operation_id": "drop",
                "subject_kind": "action_run",
                "subject_id": f"r{n}",
                "service_id": "shop",
                "team_id": "red",
                "requestor_id": "p1",
                "responder_id": "p2",
                "requested_at": at,
                "decided_at": at,
                "status": status,
                "decision": status,
                "automated": False,
                "time_basis": "exact",
            }
            for n, (at, status) in enumerate([("2026-03-01T01:00", "approved"), ("2026-03-31T23:00", "rejected")])
        ],
        escape_hatches=[
            {
                "hatch_id": "h1",
                "kind": "bypass",
                "service_id": "shop",
                "team_id": "red",
                "opened_at": "2026-03-12T00:00",
            }
        ],
        loads=[{"load_id": "load-1", "path": "exports/all.csv"}],
    )


@pytest.mark.parametrize(
    ("scope", "entity", "period", "keys"),
    [
        ("org", "org", "2026-03", ["d1", "n1", "t1", "d2"]),
        ("org", "org", "2026-04", ["d3"]),
        ("org", "org", "2026-Q1", ["d1", "n1", "t1", "d2"]),
        ("org", "org", "2026-W14", ["d2", "d3"]),
        ("team", "red", "2026-03", ["d1", "d2"]),
        ("service", "till", "2026-03", ["t1"]),
        ("team", "nobody", "2026-03", []),
    ],
)
def test_trace_finds_the_rows_behind_a_number(tables, settings, as_of, scope, entity, period, keys):
    rows = trace(tables, settings(), as_of("2026-05-01"), "deployment_frequency", scope, entity, period)
    assert rows["source_key"].to_list() == keys
    assert set(rows["path"]) <= {"exports/all.csv"}
    assert set(rows["source_table"]) <= {"deployments"}


def test_trace_leads_to_the_row_of_the_file(tables, settings, as_of):
    rows = trace(tables, settings(), as_of("2026-05-01"), "change_lead_time", "org", "org", "2026-03")
    shown = rows.select("source_table", "source_key", "x", "usable", "detail", "path", "source_row").rows()
    file = "exports/all.csv"
    assert shown == [
        ("changes", "c1", 4.0, True, None, file, 1),
        ("changes", "c2", None, False, None, file, 2),
        ("deployments", "n1", None, False, "deployments without a known change", file, 5),
        ("deployments", "d2", None, False, "deployments without a known change", file, 2),
    ]


@pytest.mark.parametrize(
    ("zone", "keys"), [("UTC", ["d1", "n1", "t1", "d2"]), ("America/Los_Angeles", ["n1", "t1", "d2", "d3"])]
)
def test_trace_cuts_periods_where_the_answers_do(tables, settings, as_of, zone, keys):
    rows = trace(tables, settings(zone), as_of("2026-05-01"), "deployment_frequency", "org", "org", "2026-03")
    assert rows["source_key"].to_list() == keys


@pytest.mark.parametrize(
    ("zone", "period", "keys"),
    [
        ("UTC", "2026-03", ["i1", "far", "i2"]),
        ("UTC", "2026-04", ["far", "i2"]),  # i2 ends on 1 April
        ("America/Los_Angeles", "2026-04", ["far"]),  # where it is still 31 March
        ("UTC", "2026-02", []),
    ],
)
def test_behind_a_share_of_time_stand_the_incidents_that_reach_into_it(tables, settings, as_of, zone, period, keys):
    rows = trace(tables, settings(zone), as_of("2026-05-01"), "incident_free_share", "org", "org", period)
    assert rows["source_key"].to_list() == keys


def test_what_ends_at_midnight_does_not_reach_into_the_next_day(company, settings, as_of):
    made = company(incidents=[{"incident_id": "i", "opened_at": "2026-03-31T22:00", "resolved_at": "2026-04-01T00:00"}])
    found = [
        trace(made, settings(), as_of("2026-05-01"), "incident_free_share", "org", "org", period).height
        for period in ("2026-03", "2026-04")
    ]
    assert found == [1, 0]


FILLED = [
    m for m in CATALOGUE if not {"pages", "people", "service_golden_path", "policy_results", "tickets"} & set(m.tables)
]
"""Those the tables of these tests have rows for; the others have tests of their own."""


@pytest.mark.parametrize("metric", FILLED, ids=lambda m: m.name)
def test_trace_and_answers_count_the_same(tables, settings, as_of, metric):
    at, rules = as_of("2026-05-01"), settings("America/Los_Angeles")
    answers = compute(tables, rules, at, (metric,))
    checked = 0
    for row in answers.filter(answers["verdict"] != "not measured").iter_rows(named=True):
        rows = trace(tables, rules, at, metric.name, row["scope"], row["entity_id"], row["period"])
        if metric.name == "showback_cost":
            rows = rows.filter(currency=row["currency"] or "none")
            if row["detail"]:
                rows = rows.filter(rows["detail"].str.starts_with(row["detail"]))
            assert rows["amount"].sum() == (row["amount"] or 0)
        else:
            rows = rows.filter(rows["detail"].is_null())
        counted = rows["usable"].sum()
        if metric.estimator in (Estimator.DAYS, Estimator.WORKING_DAYS):
            assert (
                rows.filter("usable")["at"].dt.convert_time_zone("America/Los_Angeles").dt.date().n_unique() == row["k"]
            )
        else:
            assert (counted, rows.height - counted) == (row["n"], row["missing"])
        checked += row["n"] > 0
    assert checked


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (("deployment_freqency", "org", "org", "2026-03"), "Did you mean 'deployment_frequency'"),
        (("change_fail_rate", "squad", "x", "2026-03"), "no scope 'squad'"),
        (("change_fail_rate", "org", "org", "March"), "is not a period"),
    ],
)
def test_trace_refuses_what_does_not_exist(tables, settings, as_of, given, match):
    with pytest.raises(ReportError, match=match):
        trace(tables, settings(), as_of("2026-05-01"), *given)


@pytest.mark.parametrize(
    ("at", "x", "hit"),
    [
        ("2026-04-02", 3.0, True),
        ("2026-04-01T02:45", 3.0, True),  # resolved at that very time
        ("2026-04-01T02:44:59", 3 - 1 / 3600, False),
        ("2026-04-01T00:45", 1.0, False),
    ],
)
def test_what_is_not_over_at_the_as_of_time_is_open(tables, settings, as_of, at, x, hit):
    rows = observed(by_name("failed_deployment_recovery_time"), tables, settings(), as_of(at)).collect()
    assert rows.filter(source_key="i2").select("x", "hit").row(0) == (pytest.approx(x), hit)
