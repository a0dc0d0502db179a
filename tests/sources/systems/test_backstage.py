"""Backstage: the catalogue, its owners over time, and the scaffolder."""

from __future__ import annotations

import hashlib
import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.recognise import Likeness, recognised
from idp_analytics.tables.pseudonyms import pseudonym


def entity(kind, name, spec=None, annotations=None, relations=(), namespace=None, **metadata):
    about = {
        "name": name,
        "annotations": annotations or {},
        **({"namespace": namespace} if namespace else {}),
        **metadata,
    }
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": about, "spec": spec or {}, "relations": list(relations)}


def shop(**more):
    return entity(
        "Component",
        "Shop",
        {"type": "service", "lifecycle": "production", "owner": "team-a", "system": "store"},
        **more,
    )


def test_a_component(tmp_path):
    found = read(
        "backstage",
        tmp_path,
        {"e.json": [shop(title="The shop", annotations={"github.com/project-slug": "acme/shop"})]},
    )
    (row,) = found["services"]
    wanted = {
        "service_id": "component:default/shop", "name": "The shop", "system": "system:default/store", "kind": "service", "lifecycle": "production",
        "lifecycle_raw": "production", "tier": None, "repo": "acme/shop", "created_at": None, "retired_at": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert columns(found["ownership"], "service_id", "team_id", "valid_from", "valid_to") == [
        ("component:default/shop", "group:default/team-a", None, None)
    ]
    assert {row["alias"] for row in found["aliases"]} == {"Shop", "acme/shop"}


@pytest.mark.parametrize(
    ("owner", "team"),
    [
        ("team-a", "group:default/team-a"),
        ("group:team-a", "group:default/team-a"),
        ("group:default/Team-A", "group:default/team-a"),
        ("ops/team-a", "group:ops/team-a"),
    ],
)
def test_an_owner_however_it_is_written(tmp_path, owner, team):
    found = read("backstage", tmp_path, {"e.json": [entity("Component", "x", {"owner": owner})]})
    assert columns(found["ownership"], "team_id") == [(team,)]


def test_the_resolved_owner_wins_and_a_person_is_no_team(tmp_path):
    owned = shop(relations=[{"type": "ownedBy", "targetRef": "group:default/team-b"}])
    found = read("backstage", tmp_path, {"e.json": [owned, entity("Component", "x", {"owner": "user:default/jane"})]})
    assert columns(found["ownership"], "team_id") == [("group:default/team-b",)]
    assert "a person is the owner of some entities; they belong to no team" in found.warnings


def test_short_references(tmp_path):
    found = read("backstage", tmp_path, {"e.json": [shop(), shop(namespace="lab")]}, refs="short")
    assert columns(found["services"], "service_id", "system") == [("shop", "store"), ("lab/shop", "store")]


def test_unknown_words_orphans_and_kinds(tmp_path):
    entities = [
        entity("Component", "a", {"lifecycle": "beta"}), entity("Component", "b", annotations={"backstage.io/orphan": "true"}),
        entity("API", "c", {"type": "openapi"}), entity("Location", "d"),
    ]  # fmt: skip
    found = read("backstage", tmp_path, {"e.json": entities})
    assert columns(found["services"], "service_id", "lifecycle", "lifecycle_raw") == [
        ("component:default/a", None, "beta")
    ]
    assert found.dropped == {"is an orphan: no catalogue file declares it any more": 1}
    assert any("'beta' (1)" in sentence for sentence in found.warnings)
    more = read("backstage", tmp_path, {"e.json": entities}, kinds=["Component", "API"])
    assert columns(more["services"], "service_id", "kind")[1] == ("api:default/c", "openapi")


def test_groups_and_users(tmp_path):
    found = read("backstage", tmp_path, {"e.json": [
        entity("Group", "shop", {"type": "squad", "parent": "store", "profile": {"displayName": "Shop team"}}),
        entity("Group", "store", {"type": "guild"}, relations=[{"type": "childOf", "targetRef": "group:default/acme"}]),
        entity("User", "jane", {"memberOf": ["shop"], "profile": {"email": "jane@example.invalid"}}),
        entity("User", "jane", {"memberOf": ["shop"]}, namespace="lab"),
    ]})  # fmt: skip
    assert columns(found["teams"], "team_id", "name", "parent_team_id", "kind") == [
        ("group:default/shop", "Shop team", "group:default/store", "team"), ("group:default/store", "store", "group:default/acme", None),
    ]  # fmt: skip
    ids = [pseudonym("user:default/jane"), pseudonym("user:lab/jane")]
    assert columns(found["people"], "person_id") == [(ids[0],), (ids[1],)]
    assert columns(found["memberships"], "person_id", "team_id") == [
        (ids[0], "group:default/shop"),
        (ids[1], "group:default/shop"),
    ]
    people = [row for row in found["aliases"] if row["kind"] == "person"]
    # One name, two people: the name is nobody's alias; the address is one person's.
    assert columns(people, "alias", "canonical_id") == [(pseudonym("jane@example.invalid"), ids[0])]
    assert "example.invalid" not in repr(found)
    kept = read("backstage", tmp_path, [tmp_path / "e.json"], people="keep")
    assert "example.invalid" not in repr(kept)


def test_a_person_that_is_kept_has_one_name(tmp_path):
    task = {"id": "t1", "spec": {"templateInfo": {"entityRef": "template:default/x"}}, "status": "open", "createdAt": "2026-03-01T10:00:00Z", "createdBy": "user:default/p17"}  # fmt: skip
    approval = {"task_id": "t1", "step_id": "s", "status": "approved", "approved_by": "user:default/p17", "created_at": "2026-03-01T10:00:00Z", "resolved_at": "2026-03-01T11:00:00Z"}  # fmt: skip
    event = {"id": "1", "action": "create", "subject": "x", "plugin_id": "scaffolder", "user_ref": "p17", "created_at": "2026-03-01T10:00:00Z"}  # fmt: skip
    users = [entity("User", "p17", {"memberOf": ["a"]}), entity("User", "p17", namespace="lab")]
    found = read("backstage", tmp_path, {"e.json": users, "t.json": [task], "a.json": [approval], "u.json": [event]}, people="keep")  # fmt: skip
    assert columns(found["people"], "person_id") == [("p17",), ("lab/p17",)]
    who = [found["memberships"][0]["person_id"], found["action_runs"][0]["requestor_id"], found["approvals"][0]["responder_id"], found["usage"][0]["person_id"]]  # fmt: skip
    assert who == ["p17"] * 4


def test_two_services_in_one_repository_share_no_alias(tmp_path):
    slug = {"github.com/project-slug": "acme/mono"}
    found = read(
        "backstage", tmp_path, {"e.json": [shop(annotations=slug), entity("Component", "b", annotations=slug)]}
    )
    assert {row["alias"] for row in found["aliases"]} == {"Shop", "b"}


@pytest.mark.parametrize(
    ("annotations", "repo"),
    [
        ({"backstage.io/source-location": "url:https://git.example.invalid/acme/shop/tree/main/"}, "acme/shop"),
        (
            {"backstage.io/source-location": "url:https://gitlab.example.invalid/acme/pay/shop/-/tree/main/"},
            "acme/pay/shop",
        ),
        ({"gitlab.com/project-slug": "acme/shop"}, "acme/shop"),
        ({}, None),
    ],
)
def test_the_repository(tmp_path, annotations, repo):
    assert read("backstage", tmp_path, {"e.json": [shop(annotations=annotations)]})["services"][0]["repo"] == repo


TEMPLATE = entity(
    "Template", "service", {"type": "service", "owner": "platform"}, title="A service",
    annotations={"backstage.io/template-version": "2.1.0", "backstage.io/time-saved": "PT4H30M"},
)  # fmt: skip


def test_a_template_is_a_golden_path_and_an_operation(tmp_path):
    found = read("backstage", tmp_path, {"e.json": [TEMPLATE]})
    (path,) = found["golden_paths"]
    assert columns([path], "golden_path_id", "title", "kind", "owner_team_id", "applies_to", "current_version", "minutes_saved") == [
        ("template:default/service", "A service", "template", "group:default/platform", ["service"], "2.1.0", 270.0)
    ]  # fmt: skip
    assert columns(found["golden_path_versions"], "version", "released_at") == [("2.1.0", None)]
    assert columns(found["operations"], "operation_id", "title", "risk", "gate", "golden_path_id") == [
        ("template:default/service", "A service", None, None, "template:default/service")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("annotations", "spec", "version", "drift"),
    [
        (
            {"backstage.io/source-template": "template:default/service", "backstage.io/template-version": "2.0.0"},
            {},
            "2.0.0",
            "behind",
        ),
        ({"backstage.io/source-template": "service@2.1.0"}, {}, "2.1.0", "current"),
        ({"backstage.io/source-template": "template:service"}, {}, None, "unknown"),
        ({}, {"scaffoldedFrom": "template:default/service"}, None, "unknown"),
    ],
)
def test_born_on_a_path(tmp_path, annotations, spec, version, drift):
    made = entity("Component", "shop", spec, annotations)
    (row,) = read("backstage", tmp_path, {"e.json": [made, TEMPLATE]})["service_golden_path"]
    assert columns([row], "service_id", "golden_path_id", "evidence", "version", "drift") == [
        ("component:default/shop", "template:default/service", "born", version, drift)
    ]  # fmt: skip
    assert row["as_of"].isoformat() == "2026-07-01"


def test_snapshots_date_owners_versions_and_ends(tmp_path):
    old = [
        shop(),
        entity("Component", "gone", {"owner": "team-a"}),
        {**TEMPLATE, "metadata": {**TEMPLATE["metadata"], "annotations": {"backstage.io/template-version": "2.0.0"}}},
    ]
    new = [entity("Component", "Shop", {"owner": "team-b"}), TEMPLATE]
    found = read("backstage", tmp_path, {
        "snapshots/b/20260301T060000Z-000000000000-e.json": old, "snapshots/b/20260315T060000Z-111111111111-e.json": new,
    }, refs="short")  # fmt: skip
    assert sorted(columns(found["ownership"], "service_id", "team_id", "valid_from", "valid_to"), key=repr) == sorted([
        ("shop", "team-a", None, at(2026, 3, 15).date()), ("gone", "team-a", None, at(2026, 3, 15).date()), ("shop", "team-b", at(2026, 3, 15).date(), None),
    ], key=repr)  # fmt: skip
    assert dict(columns(found["services"], "service_id", "retired_at")) == {"shop": None, "gone": at(2026, 3, 15, 6)}
    assert dict(columns(found["golden_path_versions"], "version", "released_at")) == {
        "2.0.0": None,
        "2.1.0": at(2026, 3, 15, 6),
    }


def task(number="t1", status="completed", template="template:default/service", **more):
    spec = {
        "parameters": {"name": "shop", "password": "hush"},
        "templateInfo": {"entityRef": template, "entity": TEMPLATE},
    }
    return {
        "id": number, "spec": spec, "status": status, "createdBy": "user:default/jane", "lastHeartbeatAt": "2026-03-02T09:15:41.000Z",
        "createdAt": "2026-03-02T09:14:55.000Z", "secrets": {"token": "hush"}, **more,
    }  # fmt: skip


def test_a_task(tmp_path):
    found = read("backstage", tmp_path, {"t.json": {"tasks": [task()], "totalTasks": 1}})
    (row,) = found["action_runs"]
    wanted = {
        "run_id": "backstage:t1", "operation_id": "template:default/service", "golden_path_id": "template:default/service", "version": "2.1.0",
        "service_id": None, "team_id": None, "requestor_id": pseudonym("user:default/jane"), "requested_at": at(2026, 3, 2, 9, 14, 55),
        "started_at": None, "finished_at": at(2026, 3, 2, 9, 15, 41), "outcome": "success", "outcome_raw": "completed", "channel": "ui",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert "tasks do not say when they ended: the last heartbeat stands for it" in found.warnings
    assert not found.truncated
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("status", "outcome", "ended"),
    [
        ("failed", "failure", True),
        ("cancelled", "cancel", True),
        ("open", None, False),
        ("processing", None, False),
        ("strange", None, True),
    ],
)
def test_how_a_task_ended(tmp_path, status, outcome, ended):
    (row,) = read("backstage", tmp_path, {"t.json": [task(status=status)]})["action_runs"]
    assert (row["outcome"], row["outcome_raw"], row["finished_at"] is not None) == (outcome, status, ended)


def test_when_a_task_really_ended_and_the_database_form(tmp_path):
    stored = {
        "id": "t1", "spec": json.dumps(task()["spec"]), "status": "completed", "created_by": "", "last_heartbeat_at": "2026-03-02 09:15:41+00",
        "created_at": "2026-03-02 09:14:55+00",
    }  # fmt: skip
    events = [
        {"id": 1, "task_id": "t1", "event_type": "log", "created_at": "2026-03-02T09:15:00Z"},
        {"id": 2, "task_id": "t1", "event_type": "completion", "created_at": "2026-03-02T09:15:30Z"},
    ]  # fmt: skip
    found = read("backstage", tmp_path, {"t.json": [stored], "events.jsonl": events}, service_parameter="name")
    (row,) = found["action_runs"]
    assert (row["finished_at"], row["service_id"], row["requestor_id"]) == (at(2026, 3, 2, 9, 15, 30), "shop", None)
    assert not any("heartbeat" in sentence for sentence in found.warnings)


def test_old_tasks_broken_tasks_and_pages(tmp_path):
    old = {**task("t2"), "spec": {"metadata": {"name": "react"}}, "createdBy": None}
    found = read(
        "backstage",
        tmp_path,
        {"t.json": {"tasks": [old, {**task("t3"), "spec": {}}, {**task("t4"), "spec": "{"}], "totalTasks": 7}},
    )
    assert columns(found["action_runs"], "operation_id", "requestor_id") == [("template:default/react", None)]
    assert found.dropped == {"names no template": 1, "is not shaped as Backstage writes it (JSONDecodeError)": 1}
    assert found.truncated == {"action_runs"}


def test_an_approval(tmp_path):
    rows = [
        {"id": 1, "task_id": "t1", "step_id": "s", "approvers": "[]", "status": "approved", "approved_by": "user:default/joe", "created_at": "2026-03-02T09:00:00Z", "resolved_at": "2026-03-02T09:20:00Z"},
        {"id": 2, "task_id": "t2", "step_id": "s", "approvers": "[]", "status": "pending", "approved_by": None, "created_at": "2026-03-02T10:00:00Z", "resolved_at": None},
    ]  # fmt: skip
    found = read("backstage", tmp_path, {"a.json": rows})["approvals"]
    assert columns(found, "approval_id", "subject_kind", "subject_id", "responder_id", "decided_at", "decision", "status", "time_basis") == [
        ("backstage:t1/s", "action_run", "backstage:t1", pseudonym("user:default/joe"), at(2026, 3, 2, 9, 20), "approved", "approved", "exact"),
        ("backstage:t2/s", "action_run", "backstage:t2", None, None, None, "pending", "none"),
    ]  # fmt: skip


def test_usage(tmp_path):
    rows = "action,subject,value,plugin_id,user_ref,created_at\nnavigate,/,,catalog,user:default/jane,2026-03-02T09:00:00Z\ncreate,x,30,scaffolder,,2026-03-02T09:01:00Z\nwink,x,,catalog,,2026-03-02T09:02:00Z\n"
    found = read("backstage", tmp_path, {"u.csv": rows})["usage"]
    assert columns(found, "component", "action", "person_id", "value", "purposeful") == [
        ("catalog", "navigate", pseudonym("user:default/jane"), None, False), ("scaffolder", "create", None, 30.0, True), ("catalog", "wink", None, None, None),
    ]  # fmt: skip
    assert len({row["event_id"] for row in found}) == 3


def test_usage_is_the_same_from_a_table_and_from_documents(tmp_path):
    table = "id,action,subject,plugin_id,created_at\n7, click ,/,catalog,2026-03-02T09:00:00Z\n,create,x,scaffolder,2026-03-02T09:01:00Z\n"
    documents = [
        {"id": 7, "action": "click", "subject": "/", "plugin_id": "catalog", "created_at": "2026-03-02T09:00:00Z"},
        {"action": "create", "subject": "x", "plugin_id": "scaffolder", "created_at": "2026-03-02T09:01:00Z"},
    ]
    names = ("event_id", "component", "action", "at", "value", "purposeful", "source_row")
    of_table = columns(read("backstage", tmp_path / "a", {"u.csv": table})["usage"], *names)
    assert of_table == columns(read("backstage", tmp_path / "b", {"u.json": documents})["usage"], *names)
    assert [row[0] for row in of_table] == ["backstage:7", "backstage:" + hashed("create", "x", "scaffolder", "2026-03-02T09:01:00Z")]  # fmt: skip
    assert recognised(tmp_path / "a" / "u.csv") == [(Likeness("backstage", "Backstage", "a usage event"), 2)]


def hashed(action, subject, plugin, at):
    return hashlib.sha256(repr((at, None, action, subject, plugin)).encode()).hexdigest()[:16]


def test_empty_and_wrong_files(tmp_path):
    assert read("backstage", tmp_path, {"e.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("backstage", tmp_path, {"a.json": [{"metadata": {}, "spec": {"project": "p", "destination": {}}}]})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "backstage"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_catalogue(real, tmp_path):
    found = read("backstage", tmp_path, [real / "entity_artist_web.json", real / "artist-lookup-component.yaml"])
    assert columns(found["services"], "service_id", "system", "lifecycle")[1] == (
        "component:default/artist-web",
        "system:default/public-websites",
        "production",
    )
    assert dict(columns(found["ownership"], "service_id", "team_id")) == {
        "component:default/artist-web": "group:default/artist-relations-team", "component:default/artist-lookup": "group:default/team-a",
    }  # fmt: skip
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "version") == [
        ("component:default/artist-lookup", "template:default/springboot-template", None)
    ]  # fmt: skip


def test_the_reference_tasks_and_events(real, tmp_path):
    found = read(
        "backstage",
        tmp_path,
        [real / "constructed_scaffolder_tasks.json", real / "constructed_adoption_insights_events.jsonl"],
    )
    assert [row["outcome"] for row in found["action_runs"]] == ["success", "failure", "cancel", "success"]
    assert columns(found["action_runs"], "version")[0] == ("2.1.0",)
    assert "action_runs" in found.truncated
    assert columns(found["usage"], "action", "purposeful") == [
        ("navigate", False),
        ("create", True),
        ("search", False),
        ("click", False),
    ]
    assert found["usage"][1]["value"] == 240
