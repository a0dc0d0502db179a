"""CDEvents: what the events of one subject say together."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import pseudonym


def event(kind, subject, minute, content=None, event_id=None, source="/here", **context):
    """``minute``: of one hour."""
    return {
        "context": {
            "specversion": "0.5.0", "id": event_id or f"{subject}-{kind}-{minute}", "source": source, "type": f"dev.cdevents.{kind}.0.2.0",
            "timestamp": f"2026-03-01T10:{minute:02d}:00.5Z", **context,
        },
        "subject": {"id": subject, "source": source, "content": content or {}},
    }  # fmt: skip


def told(tmp_path, table, *events, **options):
    return read("cdevents", tmp_path, {"events.jsonl": list(events)}, tables=[table], **options)


def minute(number):
    return at(2026, 3, 1, 10, number, 0, 500_000)


def test_a_service_deployed_with_all_it_says(tmp_path):
    content = {"environment": {"id": "eu-live"}, "artifactId": "pkg:oci/shop@sha256%3Aabc?tag=1"}
    one = event("service.deployed", "shop-svc", 1, content, "e1", "/a/b")
    found = told(tmp_path, "deployments", one, environments={"eu-.+": "production"}, service_pattern="(.+)-svc")
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": "cdevents:a/b/e1", "service_id": "shop", "environment": "production", "environment_raw": "eu-live", "version": "sha256:abc",
        "sha": None, "kind": None, "queued_at": None, "started_at": None, "finished_at": minute(1), "outcome": "success", "outcome_raw": "deployed",
        "is_rollback": False, "is_resync": None, "initiated_by": None, "automated": None, "golden_path_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert any("tell failures" in sentence for sentence in found.warnings)


def test_each_deployment_of_a_service_is_one(tmp_path):
    events = [event(f"service.{word}", "shop", n) for n, word in enumerate(("deployed", "upgraded", "rolledback"))]
    found = told(
        tmp_path, "deployments", *events, event("service.removed", "shop", 8), event("service.published", "shop", 9)
    )
    assert columns(found["deployments"], "is_rollback", "outcome_raw") == [
        (False, "deployed"),
        (False, "upgraded"),
        (True, "rolledback"),
    ]
    assert found.dropped == {
        "is a service removed, which is no deployment": 1,
        "is a service published, which is no deployment": 1,
    }


def run(predicate, number, subject="run-1", outcome=None, kind="pipelinerun", name="deploy-shop", **context):
    content = {"pipelineName" if kind == "pipelinerun" else "taskName": name, "outcome": outcome}
    return event(f"{kind}.{predicate}", subject, number, {key: value for key, value in content.items() if value}, **context)  # fmt: skip


def test_a_run_over_several_files(tmp_path):
    files = {
        "b.jsonl": [run("finished", 9, outcome="failure", name=None)],
        "a.jsonl": [run("queued", 1), run("started", 2)],
    }
    options = {"deploying": "deploy-.+", "service_pattern": "deploy-(.+)"}
    (row,) = read("cdevents", tmp_path, files, tables=["deployments"], **options)["deployments"]
    wanted = {
        "deployment_id": "cdevents:here/run-1", "service_id": "shop", "queued_at": minute(1), "started_at": minute(2), "finished_at": minute(9),
        "outcome": "failure", "outcome_raw": "failure",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        ("success", "success"),
        ("failure", "failure"),
        ("error", "error"),
        ("cancel", "cancel"),
        ("canceled", "cancel"),
        ("odd", None),
        (None, None),
    ],
)
def test_outcomes_of_a_run(tmp_path, outcome, wanted):
    found = told(tmp_path, "deployments", run("finished", 3, outcome=outcome, kind="taskrun"), deploying="deploy.*")
    assert columns(found["deployments"], "outcome", "outcome_raw", "finished_at") == [(wanted, outcome, minute(3))]
    assert any("odd" in sentence for sentence in found.warnings) == (outcome == "odd")


def test_a_run_under_way_has_no_outcome(tmp_path):
    found = told(tmp_path, "deployments", run("started", 3), deploying="deploy-.+")
    assert columns(found["deployments"], "started_at", "finished_at", "outcome") == [(minute(3), None, None)]


def test_runs_that_do_not_deploy(tmp_path):
    events = [
        run("finished", 3, "run-1", "success"),
        run("finished", 3, "run-2", "success", name="test"),
        run("finished", 3, "run-3", "success", name=None),
    ]
    found = told(tmp_path, "deployments", *events, deploying="deploy-.+")
    assert columns(found["deployments"], "deployment_id") == [("cdevents:here/run-1",)]
    assert found.dropped == {"is a run that is not said to deploy": 2}
    assert told(tmp_path, "deployments", *events)["deployments"] == []


def test_a_run_and_what_it_deployed_are_one(tmp_path):
    chain = {"chainId": "c1"}
    events = [
        run("started", 1, **chain),
        run("finished", 3, outcome="failure", **chain),
        event("service.upgraded", "shop", 2, event_id="e1", **chain),
    ]
    found = told(tmp_path, "deployments", *events, deploying="deploy-.+")
    assert columns(found["deployments"], "deployment_id", "started_at", "finished_at", "outcome") == [
        ("cdevents:here/e1", minute(1), minute(2), "failure"),
    ]
    assert found.dropped == {"is the run that deployed a service: told with that": 1}


def test_of_a_chain_with_several_the_services_tell_what_went_well(tmp_path):
    chain = {"chainId": "c1"}
    events = [
        run("finished", 3, "run-1", "success", **chain), run("finished", 4, "run-2", "failure", **chain),
        event("service.deployed", "shop", 2, event_id="e1", **chain), event("service.deployed", "search", 2, event_id="e2", **chain),
    ]  # fmt: skip
    found = told(tmp_path, "deployments", *events, deploying="deploy-.+")
    assert sorted(columns(found["deployments"], "deployment_id", "outcome")) == [
        ("cdevents:here/e1", "success"),
        ("cdevents:here/e2", "success"),
        ("cdevents:here/run-2", "failure"),
    ]


def test_a_change_with_all_it_says(tmp_path):
    repo = {"repository": {"id": "acme/shop"}}
    steps = [("merged", 9), ("reviewed", 7), ("created", 1), ("reviewed", 3), ("updated", 2)]
    events = [event(f"change.{word}", "42", n, repo) for word, n in steps]
    (row,) = told(tmp_path, "changes", *events, service_pattern="acme/(.+)")["changes"]
    wanted = {
        "change_id": "cdevents:here/42", "service_id": "shop", "repo": "acme/shop", "kind": "pull_request", "opened_at": minute(1),
        "first_review_at": minute(3), "merged_at": minute(9), "closed_at": minute(9), "sha": None, "approved_at": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_an_abandoned_change_is_closed_and_not_merged(tmp_path):
    found = told(tmp_path, "changes", event("change.created", "42", 1), event("change.abandoned", "42", 5))
    assert columns(found["changes"], "merged_at", "closed_at") == [(None, minute(5))]


def test_an_incident_with_all_it_says(tmp_path):
    service = {"service": {"id": "shop", "source": "/x"}, "environment": {"id": "prod"}, "description": "slow"}
    events = [
        event("incident.resolved", "i1", 30), event("incident.reported", "i1", 5, {**service, "ticketURI": "https://t.invalid/1"}),
        event("incident.detected", "i1", 2, service), event("incident.detected", "i2", 8, service),
    ]  # fmt: skip
    first, second = told(tmp_path, "incidents", *events)["incidents"]
    wanted = {
        "incident_id": "cdevents:here/i1", "service_id": "shop", "team_id": None, "severity": None, "opened_at": minute(2), "resolved_at": minute(30),
        "acknowledged_at": None, "url": "https://t.invalid/1",
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert (second["opened_at"], second["resolved_at"]) == (minute(8), None)


def test_an_incident_nobody_saw_begin_is_set_aside(tmp_path):
    found = told(tmp_path, "incidents", event("incident.resolved", "i1", 30))
    assert found["incidents"] == []
    assert columns(found.rejected, "column") == [("opened_at",)]


def test_a_ticket_with_all_it_says(tmp_path):
    content = {"ticketType": "access", "priority": "high", "group": "payments", "creator": "jane", "summary": "x"}
    events = [
        event("ticket.created", "t1", 1, content), event("ticket.closed", "t1", 9, {**content, "resolution": "completed"}),
        event("ticket.updated", "t1", 10, {**content, "priority": "low"}), event("ticket.created", "t2", 2),
    ]  # fmt: skip
    first, second = told(tmp_path, "tickets", *events, group_asks=True)["tickets"]
    wanted = {
        "ticket_id": "cdevents:here/t1", "team_id": "payments", "service_id": None, "category": "access", "priority": "low", "created_at": minute(1),
        "resolved_at": minute(9), "status": "done", "status_raw": "completed", "first_response_at": None,
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert (second["status"], second["status_raw"], second["resolved_at"], second["team_id"]) == ("open", "created", None, None)  # fmt: skip


def test_the_group_of_a_ticket_is_no_team_unless_it_is_said(tmp_path):
    found = told(tmp_path, "tickets", event("ticket.created", "t1", 1, {"group": "security"}))
    assert columns(found["tickets"], "team_id") == [(None,)]


ASKED = {"requestor": "urn:user:jane", "resourceTargetUrl": "https://x.invalid/drop/1"}


def test_an_approval_with_all_it_says(tmp_path):
    answer = {"responder": "urn:user:joe", "decision": "approved", "status": "approved"}
    files = {
        "2.jsonl": [event("approval.created", "a1", 1, ASKED)],
        "1.jsonl": [event("approval.closed", "a1", 3, {**answer, "resourceTargetUrl": ASKED["resourceTargetUrl"]})],
    }
    options = {"operations": {".+/drop/.+": "drop-database"}}
    (row,) = read("cdevents", tmp_path, files, tables=["approvals"], **options)["approvals"]
    wanted = {
        "approval_id": "cdevents:here/a1", "operation_id": "drop-database", "subject_kind": None, "subject_id": None, "service_id": None, "team_id": None,
        "requestor_id": pseudonym("urn:user:jane"), "responder_id": pseudonym("urn:user:joe"), "requested_at": minute(1), "decided_at": minute(3),
        "decision": "approved", "status": "approved", "status_raw": "approved", "automated": None, "responders": None, "time_basis": "exact",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (None, ("pending", None, None, "none")),
        ({}, (None, None, None, "none")),
        ({"decision": "rejected"}, ("rejected", "rejected", minute(3), "exact")),
        ({"status": "canceled"}, ("cancelled", None, None, "none")),
        ({"status": "expired"}, ("expired", None, None, "none")),
        ({"status": "odd"}, (None, None, None, "none")),
        ({"decision": "requestchanges", "status": "rejected"}, ("rejected", "requestchanges", minute(3), "exact")),
        ({"decision": "odd", "status": "approved"}, ("approved", None, minute(3), "exact")),
    ],
)
def test_how_approvals_end(tmp_path, answer, wanted):
    closed = [] if answer is None else [event("approval.closed", "a1", 3, answer)]
    found = told(tmp_path, "approvals", event("approval.created", "a1", 1, ASKED), *closed)
    assert columns(found["approvals"], "status", "decision", "decided_at", "time_basis") == [wanted]
    assert columns(found["approvals"], "operation_id") == [(None,)]
    assert any("odd" in sentence for sentence in found.warnings) == ("odd" in (answer or {}).values())


def test_the_decision_is_dated_by_the_event_that_told_it_first(tmp_path):
    events = [
        event(f"approval.{word}", "a1", n, {"decision": "approved"}) for word, n in (("closed", 9), ("responded", 4))
    ]
    found = told(tmp_path, "approvals", event("approval.created", "a1", 1, ASKED), *events)
    assert columns(found["approvals"], "decided_at", "status") == [(minute(4), "approved")]


def test_ids_are_unique_per_source_only(tmp_path):
    events = [event("incident.detected", "i1", 1, source=source) for source in ("/a", "/b")]
    found = told(tmp_path, "incidents", *events, *events)
    assert sorted(columns(found["incidents"], "incident_id")) == [("cdevents:a/i1",), ("cdevents:b/i1",)]


def test_cloud_events(tmp_path):
    one = event("incident.detected", "i1", 1)
    cloud = {"specversion": "1.0", "id": "x", "source": "/s", "type": one["context"]["type"], "data": one}
    plain = {key: value for key, value in cloud.items() if key != "data"}
    found = read("cdevents", tmp_path, {"cloud.json": [cloud, plain]}, tables=["incidents"])
    assert columns(found["incidents"], "incident_id") == [("cdevents:here/i1",)]
    assert found.dropped == {"is a document of another shape, which is not read": 1}


def test_other_subjects_are_counted(tmp_path):
    found = told(tmp_path, "deployments", event("build.finished", "b1", 1), event("service.deployed", "shop", 2))
    assert found.dropped == {"is an event of a build, which is not read": 1}


def test_nothing_missing_is_fatal(tmp_path):
    bare = [
        {"context": {"type": f"dev.cdevents.{kind}"}, "subject": None}
        for kind in ("service.deployed", "change.merged", "approval.closed", "ticket.created")
    ]
    found = read("cdevents", tmp_path, {"bare.jsonl": bare})
    assert columns(found["deployments"], "service_id", "finished_at", "environment") == [(None, None, None)]
    assert columns(found["changes"], "merged_at") == [(None,)]
    assert columns(found["approvals"], "status") == [(None,)]
    assert columns(found.rejected, "table") == [("tickets",)]


def test_pages_and_empty_files(tmp_path):
    page = {"events": [event("ticket.created", "t1", 1)], "next": "https://x.invalid/2"}
    assert read("cdevents", tmp_path, {"a.json": page}, tables=["tickets"]).truncated == {"tickets"}
    assert read("cdevents", tmp_path, {"b.json": []}).warnings == ["the file holds no documents"]
    assert read("cdevents", tmp_path, {"c.json": {"events": []}}).warnings == ["the file holds no documents"]


def test_another_systems_file(tmp_path):
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("cdevents", tmp_path, {"x.json": [{"kind": "Application", "apiVersion": "argoproj.io/v1alpha1"}]})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "cdevents"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_an_approval_asked_and_given(real, tmp_path):
    (row,) = read("cdevents", tmp_path, sorted(real.glob("approval_*.json")))["approvals"]
    assert row["approval_id"].endswith("approval-123")
    assert row["requestor_id"] == pseudonym("urn:user:alice")
    assert row["requested_at"] == at(2023, 3, 20, 14, 27, 5, 315_384)
    assert (row["status"], row["decision"], row["time_basis"]) == ("approved", "approved", "exact")
    assert (row["decided_at"] - row["requested_at"]).total_seconds() == 120


def test_one_of_each(real, tmp_path):
    found = read("cdevents", tmp_path, sorted(real.glob("*.json")))
    assert {table: len(rows) for table, rows in found.rows.items()} == {
        "deployments": 1, "changes": 1, "incidents": 1, "tickets": 1, "approvals": 1,
    }  # fmt: skip
    (deployment,) = found["deployments"]
    assert deployment["environment_raw"] == "test123"
    assert deployment["version"].startswith("sha256:0b31b1c02ff4")
    (incident,) = found["incidents"]
    assert incident["incident_id"].endswith("/incident-123")
    assert (incident["service_id"], incident["opened_at"]) == ("myApp", at(2022, 11, 11, 13, 52, 20, 79_000))
    (change,) = found["changes"]
    assert change["merged_at"] == at(2023, 3, 20, 14, 27, 5, 315_384)
    (ticket,) = found["tickets"]
    assert (ticket["category"], ticket["priority"], ticket["team_id"]) == ("task", "high", None)


def test_the_group_of_a_ticket(real, tmp_path):
    (ticket,) = read("cdevents", tmp_path, [real / "ticket_created.json"], group_asks=True)["tickets"]
    assert (ticket["ticket_id"].endswith("/ticket-123"), ticket["team_id"]) == (True, "security")
