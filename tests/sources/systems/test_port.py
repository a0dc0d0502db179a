"""Port: a run does not say when it was approved, and a withdrawn request looks like a failure."""

from __future__ import annotations

import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.facts import LEVEL_SAID
from idp_analytics.tables.pseudonyms import pseudonym


def run(native="r_1", status="SUCCESS", required=False, approval=None, action="restart", **more):
    ended = None if status in ("IN_PROGRESS", "WAITING_FOR_APPROVAL") else "2026-03-02T10:30:00Z"
    return {
        "id": native, "action": {"identifier": action}, "blueprint": {"identifier": "service"}, "entity": {"identifier": "shop"}, "source": "UI", "requiredApproval": required,
        "approval": approval, "status": status, "createdBy": "auth0|1", "createdAt": "2026-03-02T10:00:00Z", "updatedAt": "2026-03-02T11:00:00Z", "endedAt": ended,
        "properties": {"password": "hush"}, **more,
    }  # fmt: skip


def left(native, after, when="2026-03-02T10:10:00Z", who="auth0|9"):
    return {
        "action": "UPDATE", "resourceType": "run", "trigger": {"at": when, "by": {"userId": who}}, "context": {"run_id": native},
        "diff": {"before": {"id": native, "status": "WAITING_FOR_APPROVAL"}, "after": {"id": native, "status": after}},
    }  # fmt: skip


def test_a_run_without_a_gate(tmp_path):
    found = read("port", tmp_path, {"r.json": {"ok": True, "runs": [run()]}})
    (row,) = found["action_runs"]
    wanted = {
        "run_id": "port:r_1", "operation_id": "restart", "golden_path_id": None, "service_id": "shop", "requestor_id": pseudonym("auth0|1"), "requested_at": at(2026, 3, 2, 10),
        "started_at": at(2026, 3, 2, 10), "finished_at": at(2026, 3, 2, 10, 30), "usable_at": None, "outcome": "success", "outcome_raw": "SUCCESS", "channel": "ui",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert found["approvals"] == []
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("one", "audit", "outcome", "started", "status", "decided"),
    [
        (run(required=True, approval={"userId": "auth0|9", "state": "APPROVED"}), "IN_PROGRESS", "success", True, "approved", True),
        (run(required={"type": "ALL"}, approval={"userId": "auth0|9", "state": "APPROVED"}), None, "success", False, "approved", False),
        (run(status="DECLINED", required=True, approval={"userId": "auth0|9", "state": "DECLINED"}), "DECLINED", "cancel", False, "rejected", True),
        (run(status="WAITING_FOR_APPROVAL", required=True), None, None, False, "pending", False),
        (run(status="FAILURE", required=True), "FAILURE", "cancel", False, "cancelled", False),
        (run(status="FAILURE", required=True), None, "cancel", False, "cancelled", False),
        (run(status="FAILURE", required=True, approval={"userId": "auth0|9", "state": "APPROVED"}), "IN_PROGRESS", "failure", True, "approved", True),
        (run(status="PAUSED", required=True), None, None, False, None, False),
        (run(status="FAILURE", required=True, approval={"userId": "auth0|9", "state": "APPROVED"}), None, "failure", False, "approved", False),
        (run(status="PAUSED", required=True, approval={"userId": "auth0|9", "state": "APPROVED"}), "IN_PROGRESS", None, True, "approved", True),
    ],
)  # fmt: skip
def test_what_became_of_a_gated_request(tmp_path, one, audit, outcome, started, status, decided):
    files = {"r.json": {"runs": [one]}, **({"a.json": {"audits": [left("r_1", audit)]}} if audit else {})}
    found = read("port", tmp_path, files)
    (made,), (said,) = found["action_runs"], found["approvals"]
    assert (made["outcome"], made["started_at"]) == (outcome, at(2026, 3, 2, 10, 10) if started else None)
    assert (said["status"], said["decided_at"], said["time_basis"]) == (
        status,
        at(2026, 3, 2, 10, 10) if decided else None,
        "exact" if decided else "none",
    )
    assert said["responder_id"] == (pseudonym("auth0|9") if status in ("approved", "rejected") else None)
    assert (said["approval_id"], said["subject_kind"], said["subject_id"], said["operation_id"]) == (
        "port:r_1",
        "action_run",
        "port:r_1",
        "restart",
    )


@pytest.mark.parametrize(("runs", "cut"), [(999, set()), (1000, {"action_runs", "approvals"}), (1001, set())])
def test_an_answer_as_long_as_any_may_be_cut(tmp_path, runs, cut):
    found = read(
        "port", tmp_path, {"r.json": {"ok": True, "runs": [run(f"r_{n}", required=n == 0) for n in range(runs)]}}
    )
    assert found.truncated == cut


@pytest.mark.parametrize(("entries", "cut"), [(999, set()), (1000, {"action_runs", "approvals"})])
def test_an_audit_log_as_long_as_was_asked_for_may_be_cut(tmp_path, entries, cut):
    log = {"audits": [left(f"r_{n}", "IN_PROGRESS") for n in range(entries)]}
    found = read("port", tmp_path, {"r.json": {"runs": [run(required=True)]}, "a.json": log})
    assert found.truncated == cut
    assert any("runs that seem to wait may be decided" in sentence for sentence in found.warnings) == bool(cut)


def test_old_runs_name_their_action_and_other_blueprints_are_no_service(tmp_path):
    old = {**run(), "action": "restart", "blueprint": "cluster", "entity": "c1", "source": "MOON"}
    found = read("port", tmp_path, {"r.json": [old]})
    assert columns(found["action_runs"], "operation_id", "service_id", "channel") == [("restart", None, None)]
    gated = read(
        "port",
        tmp_path,
        {
            "r.json": [
                {**old, "requiredApproval": True},
                {**old, "id": "r_2", "requiredApproval": True, "blueprint": "service", "entity": "shop"},
            ]
        },
    )
    assert columns(gated["approvals"], "service_id") == [(None,), ("shop",)]
    assert any("'MOON'" in sentence for sentence in found.warnings)


def entity(native="shop", blueprint="service", **more):
    return {
        "identifier": native, "title": "The shop", "blueprint": blueprint, "team": ["Shop", "Other"],
        "properties": {"type": "website", "lifecycle": "Production", "tier": "1", "repo": "https://git.example.invalid/acme/shop"}, "relations": {},
        "createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip


def test_entities(tmp_path):
    cards = {
        "Ready": {
            "level": "Gold",
            "rules": [
                {"identifier": "owned", "status": "SUCCESS", "level": "Gold"},
                {"identifier": "paged", "status": "FAILURE", "level": "Silver"},
                {"identifier": "odd", "status": "?", "level": "Silver"},
            ],
        }
    }
    found = read(
        "port", tmp_path, {"e.json": {"ok": True, "entities": [entity(scorecards=cards), entity("c1", "cluster")]}}
    )
    assert columns(found["services"], "service_id", "name", "kind", "lifecycle", "tier", "repo", "created_at") == [
        ("shop", "The shop", "website", "production", 1, "acme/shop", at(2025, 1, 1))
    ]  # fmt: skip
    assert columns(found["ownership"], "service_id", "team_id") == [("shop", "Shop")]
    assert columns(found["policy_results"], "policy", "rule", "resource", "as_of", "engine", "service_id", "result", "result_raw", "severity") == [
        ("Ready", "owned", "shop", at(2026, 7, 1), "port", "shop", "pass", "SUCCESS", "Gold"), ("Ready", "paged", "shop", at(2026, 7, 1), "port", "shop", "fail", "FAILURE", "Silver"),
        ("Ready", "odd", "shop", at(2026, 7, 1), "port", "shop", None, "?", "Silver"),
    ]  # fmt: skip


CARDS = {
    "Ready": {
        "level": "Basic",
        "rules": [
            {"identifier": "owned", "status": "SUCCESS", "level": "Bronze"}, {"identifier": "paged", "status": "FAILURE", "level": "Silver"},
            {"identifier": "odd", "status": "?", "level": "Platinum"},
        ],
    },
    "Empty": {"level": None, "rules": []},
}  # fmt: skip


def test_rules_of_scorecards_on_their_ladder(tmp_path):
    entities = {"entities": [entity(scorecards=CARDS), entity("c1", "cluster", scorecards=CARDS), entity("bare")]}
    found = read("port", tmp_path, {"e.json": entities})
    assert columns(found["scorecard_results"][:4], "tool", "scorecard", "rule", "resource", "service_id", "as_of", "level", "level_number", "state", "state_raw") == [
        ("port", "Ready", "owned", "shop", "shop", at(2026, 7, 1), "Bronze", 1, "passed", "SUCCESS"), ("port", "Ready", "paged", "shop", "shop", at(2026, 7, 1), "Silver", 2, "failed", "FAILURE"),
        ("port", "Ready", "odd", "shop", "shop", at(2026, 7, 1), "Platinum", None, None, "?"), ("port", "Ready", LEVEL_SAID, "shop", "shop", at(2026, 7, 1), "Basic", 0, None, None),
    ]  # fmt: skip
    assert columns(found["scorecard_results"][4:], "resource", "service_id") == [("c1", None)] * 4
    card = {"identifier": "Ready", "title": "Ready", "levels": [{"title": name} for name in ("Basic", "Silver", "Bronze", "Platinum")], "rules": []}  # fmt: skip
    turned = read("port", tmp_path, {"e.json": entities, "s.json": {"ok": True, "scorecards": [card]}})
    assert columns(turned["scorecard_results"][:4], "level_number") == [(2,), (1,), (3,), (0,)]
    named = read("port", tmp_path, {"e.json": entities}, levels=["Basic", "Platinum"])
    assert columns(named["scorecard_results"][:4], "level_number") == [(None,), (None,), (1,), (0,)]


def test_the_reference_scorecard_gives_the_order_of_levels(cases, tmp_path):
    path = cases / "maturity" / "port-format" / "scorecard_own.json"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    card = json.loads(path.read_text(encoding="utf-8"))
    rules = [{"identifier": rule["identifier"], "level": rule["level"], "status": "SUCCESS"} for rule in card["rules"]]
    held = {card["identifier"]: {"level": "Gold", "rules": rules}}
    (tmp_path / "e.json").write_text(json.dumps([entity(scorecards=held)]), encoding="utf-8")
    found = read("port", tmp_path, [tmp_path / "e.json", path], levels=["nothing"])
    assert columns(found["scorecard_results"], "rule", "level_number") == [
        ("has_team", 1), ("has_oncall", 1), ("on_path", 2), ("few_incidents", 3), (LEVEL_SAID, 3),
    ]  # fmt: skip


def test_snapshots_tell_when_an_owner_changed_and_a_service_went(tmp_path):
    found = read("port", tmp_path, {
        "snapshots/p/20260301T060000Z-000000000000-e.json": {"entities": [entity(), entity("old")]},
        "snapshots/p/20260315T060000Z-111111111111-e.json": {"entities": [entity(team=["Cart"])]},
    })  # fmt: skip
    assert dict(columns(found["services"], "service_id", "retired_at")) == {"shop": None, "old": at(2026, 3, 15, 6)}
    assert set(columns(found["ownership"], "service_id", "team_id", "valid_from", "valid_to")) == {
        ("shop", "Shop", None, at(2026, 3, 15).date()), ("old", "Shop", None, at(2026, 3, 15).date()), ("shop", "Cart", at(2026, 3, 15).date(), None),
    }  # fmt: skip


def test_actions_teams_and_users(tmp_path):
    action = {
        "identifier": "create_db",
        "title": "Create a database",
        "trigger": {"type": "self-service", "operation": "CREATE"},
        "requiredApproval": {"type": "ANY"},
        "invocationMethod": {},
    }
    user = {
        "email": "jane@example.invalid",
        "firstName": "Jane",
        "lastName": "Doe",
        "providers": [],
        "status": "ACTIVE",
        "id": "auth0|1",
    }
    team = {"name": "Shop", "provider": "port", "users": [{"id": "auth0|1", "email": "jane@example.invalid"}]}
    found = read(
        "port",
        tmp_path,
        {
            "a.json": {"actions": [action, {**action, "identifier": "restart", "requiredApproval": False}]},
            "u.json": {"users": [user]},
            "t.json": {"teams": [team]},
        },
    )
    assert columns(found["operations"], "operation_id", "title", "gate", "risk", "category") == [
        ("create_db", "Create a database", "human", None, "CREATE"), ("restart", "Create a database", "none", None, "CREATE"),
    ]  # fmt: skip
    assert columns(found["people"], "person_id") == [(pseudonym("auth0|1"),)]
    assert columns(found["aliases"], "alias", "canonical_id") == [
        (pseudonym("jane@example.invalid"), pseudonym("auth0|1"))
    ]
    assert columns(found["memberships"], "person_id", "team_id") == [(pseudonym("auth0|1"), "Shop")]
    assert "example.invalid" not in repr(found)


def test_pages_empty_and_wrong_files(tmp_path):
    assert read("port", tmp_path, {"r.json": {"runs": [run()], "next": "x"}}).truncated == {"action_runs", "approvals"}
    assert read("port", tmp_path, {"r.json": {"ok": True, "runs": []}}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an entity of Cortex"):
        read("port", tmp_path, {"c.json": {"info": {"x-cortex-tag": "x"}}})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "port"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_runs_and_their_log(real, tmp_path):
    found = read("port", tmp_path, [real / "constructed_action_runs_v2.json", real / "constructed_audit_log_runs.json"])
    approvals = {row["subject_id"]: row for row in found["approvals"]}
    assert {name: row["status"] for name, row in approvals.items()} == {
        "port:r_2": "pending",
        "port:r_3": "rejected",
        "port:r_4": "approved",
        "port:r_5": "cancelled",
    }
    stamped = approvals["port:r_4"]
    assert (stamped["decided_at"] - stamped["requested_at"]).total_seconds() == 20
    assert approvals["port:r_3"]["decided_at"] == at(2026, 3, 3, 8)
    assert {row["run_id"]: row["outcome"] for row in found["action_runs"]} == {
        "port:r_1": "success", "port:r_2": None, "port:r_3": "cancel", "port:r_4": "success", "port:r_5": "cancel",
    }  # fmt: skip


def test_the_reference_event_and_entity(real, tmp_path):
    found = read("port", tmp_path, [real / "event_entity_update.json", real / "entity_with_scorecards.json"])
    assert columns(found["ownership"], "service_id", "team_id") == [("example-service-identifier", "Rocket")]
    assert {row["policy"] for row in found["policy_results"]} == {"ResourceQuota", "Ownership"}
