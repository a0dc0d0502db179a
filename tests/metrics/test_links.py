from __future__ import annotations

import pytest

from idp_analytics.metrics.links import incident_links, linked_incidents, production_deployments

DEPLOYMENT = {"deployment_id": "d1", "finished_at": "2026-03-02T12:00"}


@pytest.mark.parametrize(
    ("deployment", "counts"),
    [
        ({}, True),
        ({"is_resync": False}, True),
        ({"is_rollback": True}, True),
        ({"is_resync": True}, False),
        ({"environment": "staging"}, False),
        ({"environment": None}, False),
        ({"outcome": "failure"}, False),
        ({"outcome": None}, False),
        ({"finished_at": None, "started_at": "2026-03-02T12:00"}, False),
        ({"service_id": None, "team_id": None}, True),
    ],
)
def test_which_deployments_count(company, settings, deployment, counts):
    tables = company(deployments=[DEPLOYMENT | deployment])
    assert production_deployments(tables, settings()).collect().height == counts


def test_another_environment_can_count(company, settings):
    tables = company(deployments=[DEPLOYMENT | {"environment": "staging"}])
    assert production_deployments(tables, settings(environment="staging")).collect().height == 1


@pytest.mark.parametrize(
    ("incident", "linked"),
    [
        ({"opened_at": "2026-03-02T13:00"}, "d1"),
        ({"opened_at": "2026-03-02T12:00"}, "d1"),  # the same second
        ({"opened_at": "2026-03-02T11:59:59"}, None),  # before anything was deployed
        ({"opened_at": "2026-03-03T12:00"}, "d1"),  # exactly 24 hours later
        ({"opened_at": "2026-03-03T12:00:01"}, None),
        ({"opened_at": "2026-03-02T13:00", "change_caused": True}, "d1"),
        ({"opened_at": "2026-03-02T13:00", "service_id": "till"}, "t1"),
        ({"opened_at": "2026-03-02T13:00", "service_id": "unheard-of"}, None),
        ({"opened_at": "2026-03-02T13:00", "service_id": None}, None),  # though a deployment without service is there
        ({"opened_at": "2026-03-20", "deployment_id": "d1"}, "d1"),  # said by somebody: no time limit
        ({"opened_at": "2026-03-20", "deployment_id": "t1"}, "t1"),  # … and no service limit
        ({"opened_at": "2026-03-02T13:00", "service_id": None, "deployment_id": "d1"}, "d1"),
        ({"opened_at": "2026-03-02T13:00", "deployment_id": "failed"}, None),  # recorded, but none that counts
        ({"opened_at": "2026-03-02T13:00", "deployment_id": "unheard-of"}, None),
        ({"opened_at": "2026-03-05T10:00"}, "d3"),  # d2 finished at the same instant
        ({"opened_at": "2026-03-05T10:30"}, "d3"),  # a failed, a staging and a re-synced one came later
    ],
)
def test_link(company, settings, incident, linked):
    tables = company(
        deployments=[
            DEPLOYMENT,
            {"deployment_id": "t1", "service_id": "till", "finished_at": "2026-03-02T12:30"},
            {"deployment_id": "nobody", "service_id": None, "finished_at": "2026-03-02T12:45"},
            {"deployment_id": "d3", "finished_at": "2026-03-05T10:00"},
            {"deployment_id": "d2", "finished_at": "2026-03-05T10:00"},
            {"deployment_id": "failed", "finished_at": "2026-03-05T10:10", "outcome": "failure"},
            {"deployment_id": "staged", "finished_at": "2026-03-05T10:10", "environment": "staging"},
            {"deployment_id": "synced", "finished_at": "2026-03-05T10:10", "is_resync": True},
        ],
        incidents=[{"incident_id": "i1", **incident}],
    )
    links = incident_links(tables, settings()).collect()
    assert links["linked_id"].to_list() == [linked]
    assert (links["linked_finished_at"][0] is None) == (linked is None)


def test_not_change_caused_is_left_out(company, settings):
    tables = company(
        deployments=[DEPLOYMENT],
        incidents=[
            {"incident_id": "i1", "opened_at": "2026-03-02T13:00", "change_caused": False},
            {"incident_id": "i2", "opened_at": "2026-03-02T13:00", "change_caused": False, "deployment_id": "d1"},
        ],
    )
    assert incident_links(tables, settings()).collect().is_empty()


@pytest.mark.parametrize(("hours", "linked"), [(1, False), (2, True), (0.5, False)])
def test_link_hours(company, settings, hours, linked):
    tables = company(deployments=[DEPLOYMENT], incidents=[{"incident_id": "i1", "opened_at": "2026-03-02T13:30"}])
    assert linked_incidents(tables, settings(link_hours=hours)).collect()["linked"].to_list() == [linked]


def test_linked_incidents_say_whose_they_are(company, settings):
    tables = company(
        deployments=[DEPLOYMENT],
        incidents=[
            {"incident_id": "i1", "opened_at": "2026-03-02T13:30"},
            {"incident_id": "i2", "opened_at": "2026-03-09T13:30", "team_id": None, "service_id": None},
            {"incident_id": "i3", "opened_at": "2026-03-02T13:30", "change_caused": False},
        ],
    )
    assert linked_incidents(tables, settings()).collect().sort("incident_id").rows() == [
        ("i1", "red", "shop", "test", True),
        ("i2", None, None, "test", False),
    ]
