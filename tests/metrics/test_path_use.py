"""Deployments through a path, services born on one, templates that came to nothing: by hand."""

from __future__ import annotations

from datetime import date

import pytest

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.path_use import AGAIN, template_abandonment


def one(metric, tables, settings, as_of, period="2026-03", scope="org"):
    found = compute(tables, settings(), as_of("2026-07-01"), [by_name(metric)])
    return found.filter(scope=scope, period=period).row(0, named=True)


def deployment(name: str, path: str | None = None, **more):
    return {"deployment_id": name, "finished_at": "2026-03-10", "golden_path_id": path, **more}


def test_a_deployment_that_names_no_path_is_off_it_only_where_its_source_ever_names_one(company, settings, as_of):
    made = company(
        deployments=[
            deployment("a", "pipe"), deployment("b", "pipe"), deployment("c"), deployment("d"), deployment("e"),
            deployment("f", source="mute"), deployment("g", source="mute"),
            deployment("h", "pipe", environment="staging"), deployment("i", "pipe", outcome="failure"),
        ]
    )  # fmt: skip
    row = one("deployment_path_share", made, settings, as_of)
    assert (row["n"], row["k"], row["missing"], row["value"]) == (5, 2, 2, 0.4)


def births(company, *services, evidence="born", **more):
    return company(
        teams=[{"team_id": "red"}],
        services=[{"service_id": name, "created_at": day} for name, day in services],
        ownership=[{"service_id": name, "team_id": "red"} for name, _ in services],
        service_golden_path=[
            {"service_id": "a", "golden_path_id": "mould", "as_of": date(2026, 2, 28), "evidence": evidence},
            {"service_id": "b", "golden_path_id": "mould", "as_of": date(2026, 5, 31), "evidence": evidence},
        ],
    )


MADE = [
    ("a", "2026-02-10"),
    ("b", "2026-03-10"),
    ("c", "2026-03-11"),
    ("d", "2026-03-12"),
    ("e", "2026-03-13"),
    ("f", "2026-03-31T23:59"),
]


def test_services_born_on_a_path_by_when_they_were_created(company, settings, as_of):
    row = one(
        "new_service_path_share", births(company, *MADE, ("old", "2021-01-01"), ("undated", None)), settings, as_of
    )
    assert (row["n"], row["k"], row["missing"], row["value"]) == (5, 1, 0, 0.2)
    assert one("new_service_path_share", births(company, *MADE), settings, as_of, scope="team")["n"] == 5


def test_where_nobody_tells_how_services_came_to_be_it_is_not_known(company, settings, as_of):
    row = one("new_service_path_share", births(company, *MADE, evidence="uses"), settings, as_of)
    assert (row["n"], row["missing"], row["value"]) == (0, 5, None)


def run(name: str, outcome: str | None = "success", service: str | None = "shop", **more):
    return {"run_id": name, "operation_id": "create", "golden_path_id": "mould", "service_id": service, "team_id": "red",
            "requested_at": "2026-03-02", "outcome": outcome, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),  # hit, usable
    [
        (run("failed", "failure"), (True, True)),
        (run("broke", "error"), (True, True)),
        (run("cancelled", "cancel"), (True, True)),
        (run("pending", None), (None, False)),
        (run("kept"), (False, True)),  # deployed on the 20th
        (run("late", service="slow"), (True, True)),  # deployed after 31 days
        (run("just", service="brink"), (False, True)),  # after exactly 30
        (run("never", service="none"), (True, True)),
        (run("nameless", service=None), (None, False)),
        (run("young", service="none", requested_at="2026-05-20"), (None, False)),  # its 30 days are not over
        (
            run("young failure", "failure", requested_at="2026-05-20"),
            (None, False),
        ),  # nor here: failures alone would tilt
        (run("young success", requested_at="2026-05-20"), (None, False)),
    ],
)
def test_what_came_of_a_run(company, settings, given, expected):
    made = company(
        golden_paths=[{"golden_path_id": "mould", "title": "Mould", "kind": "template"}], action_runs=[given],
        deployments=[
            deployment("1", service_id="shop", finished_at="2026-03-20"), deployment("2", service_id="slow", finished_at="2026-04-02"),
            deployment("3", service_id="brink", finished_at="2026-04-01"), deployment("4", service_id="shop", finished_at="2026-05-25"),
        ],
    )  # fmt: skip
    row = template_abandonment(made, settings()).collect().row(0, named=True)
    hit, usable = expected
    assert row["usable"] is usable
    if usable:
        assert row["hit"] is hit


def test_a_run_tried_again_counts_once_and_other_paths_do_not(company, settings):
    made = company(
        golden_paths=[
            {"golden_path_id": "mould", "title": "Mould", "kind": "template"}, {"golden_path_id": "db", "title": "DB", "kind": "module"}
        ],
        action_runs=[run("first", "failure"), run("second", previous_run_id="first"), run("db", golden_path_id="db")],
        deployments=[deployment("1", finished_at="2026-03-20"), deployment("2", finished_at="2026-06-20")],
    )  # fmt: skip
    rows = template_abandonment(made, settings()).collect().sort("source_key").to_dicts()
    assert [(r["source_key"], r["detail"], r["usable"], r["hit"]) for r in rows] == [
        ("first", AGAIN, False, None), ("second", None, True, False)
    ]  # fmt: skip
