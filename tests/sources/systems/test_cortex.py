"""Cortex: descriptors, deploys that are none, scores of now, exemptions that nobody had to grant."""

from __future__ import annotations

import json

import pytest
import yaml
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.facts import LEVEL_SAID
from idp_analytics.tables.pseudonyms import pseudonym

SERVICE = """\
openapi: 3.0.1
info:
  title: The shop
  x-cortex-tag: shop
  x-cortex-type: service
  x-cortex-groups:
  - tier-1
  x-cortex-owners:
  - type: email
    email: jane@example.invalid
  - type: group
    name: team-a
  x-cortex-parents:
  - tag: store
  x-cortex-git:
    github:
      repository: acme/shop
  x-cortex-custom-metadata:
    secret: hush
---
openapi: 3.0.1
info:
  title: Team A
  x-cortex-tag: team-a
  x-cortex-type: team
  x-cortex-team:
    members:
    - email: jane@example.invalid
      name: Jane Doe
---
openapi: 3.0.0
info:
  title: Store
  x-cortex-tag: store
  x-cortex-type: domain
"""


def test_descriptors(tmp_path):
    found = read("cortex", tmp_path, {"catalog.yaml": SERVICE})
    assert columns(found["services"], "service_id", "name", "kind", "tier", "repo", "system") == [
        ("shop", "The shop", "service", 1, "acme/shop", "store")
    ]
    assert columns(found["ownership"], "service_id", "team_id") == [("shop", "team-a")]
    assert columns(found["teams"], "team_id", "name", "kind") == [("team-a", "Team A", "team")]
    assert columns(found["memberships"], "person_id", "team_id") == [(pseudonym("jane@example.invalid"), "team-a")]
    assert {row["alias"] for row in found["aliases"]} == {"The shop", "acme/shop"}
    assert not any(word in repr(found) for word in ("example.invalid", "hush", "Jane"))


def test_the_catalogue_as_the_api_lists_it(tmp_path):
    listed = {
        "tag": "shop",
        "name": "The shop",
        "type": "service",
        "groups": ["tier-2"],
        "owners": {"teams": [{"tag": "team-a"}]},
        "git": {"repository": "acme/shop"},
    }
    found = read("cortex", tmp_path, {"c.json": {"entities": [listed], "page": 0, "totalPages": 3, "total": 250}})
    assert columns(found["services"], "service_id", "name", "tier", "repo") == [("shop", "The shop", 2, "acme/shop")]
    assert columns(found["ownership"], "team_id") == [("team-a",)]
    assert "services" in found.truncated


def deploy(kind="DEPLOY", **more):
    return {
        "uuid": "u1",
        "timestamp": "2026-03-02T10:00:00Z",
        "environment": "prod",
        "sha": "abc",
        "title": "1.2",
        "type": kind,
        "deployer": {"name": "Jane", "email": "jane@example.invalid"},
        **more,
    }


@pytest.mark.parametrize(("kind", "rollback"), [("DEPLOY", False), ("ROLLBACK", True)])
def test_a_deploy(tmp_path, kind, rollback):
    found = read("cortex", tmp_path, {"d.json": {"deployments": [deploy(kind)], "tag": "shop"}})
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": "cortex:u1", "service_id": "shop", "environment": "production", "environment_raw": "prod", "version": "1.2", "sha": "abc", "kind": "application",
        "finished_at": at(2026, 3, 2, 10), "outcome": "success", "outcome_raw": kind, "is_rollback": rollback, "initiated_by": pseudonym("jane@example.invalid"),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_scaling_and_restarting_deploy_nothing_and_old_dumps_are_read(tmp_path):
    old = {
        "id": 7,
        "timestamp": "2026-03-02T10:00:00Z",
        "title": "1.3",
        "type": "DEPLOY",
        "deployerName": "Joe",
        "serviceId": "cart",
    }
    found = read("cortex", tmp_path, {"d.json": [deploy("SCALE"), deploy("RESTART"), old]})
    assert columns(found["deployments"], "deployment_id", "service_id", "initiated_by", "environment") == [
        ("cortex:7", "cart", pseudonym("Joe"), None)
    ]
    assert found.dropped == {"is no deployment (SCALE)": 1, "is no deployment (RESTART)": 1}
    odd = read("cortex", tmp_path, {"d.json": [deploy("CANARY")]})
    assert columns(odd["deployments"], "outcome", "outcome_raw", "is_rollback") == [(None, "CANARY", None)]
    assert any("'CANARY'" in sentence for sentence in odd.warnings)


def test_scores(tmp_path):
    rules = [
        {"identifier": "a", "score": 2}, {"identifier": "b", "score": 0, "error": "x"}, {"identifier": "c", "score": 0, "outcome": {"type": "NOT_APPLICABLE"}},
        {"identifier": "d", "outcome": {"type": "NOT_EVALUATED"}}, {"expression": "e != null", "score": 1},
    ]  # fmt: skip
    scored = {
        "service": {"tag": "shop"},
        "score": {"ladderLevels": [], "rules": rules},
        "lastUpdated": "2026-03-01T06:00:00Z",
    }
    found = read("cortex", tmp_path, {"s.json": {"scorecardTag": "ready", "serviceScores": [scored]}})
    assert columns(found["policy_results"], "policy", "rule", "resource", "as_of", "service_id", "result") == [
        ("ready", rule, "shop", at(2026, 3, 1, 6), "shop", verdict) for rule, verdict in (("a", "pass"), ("b", "fail"), ("c", "skip"), ("d", None), ("e != null", "pass"))
    ]  # fmt: skip


READY = """
tag: ready
name: Ready
ladder:
  levels:
  - {name: Bronze, rank: 1}
  - {name: Silver, rank: 2}
rules:
- {title: Owned, expression: ownership != null, weight: 2, level: Bronze}
- {title: On call, expression: oncall != null, weight: 1, level: Silver}
- {title: Tidy, expression: tidy, weight: 1}
"""


def scored(ladder, *rules, tag="shop"):
    return {
        "service": {"tag": tag, "owners": {"individuals": [{"email": "a@example.com"}]}}, "lastUpdated": "2026-03-01T06:00:00Z",
        "score": {"ladderLevels": ladder, "rules": list(rules), "summary": {"score": 2, "totalPossibleScore": 4, "percentage": 0.5}},
    }  # fmt: skip


RULES = (
    {"identifier": "r1", "expression": "ownership != null", "score": 2}, {"identifier": "r2", "expression": "oncall != null", "score": 0}, {"identifier": "r3", "expression": "tidy"},
    {"identifier": "r4", "expression": "gone", "score": 0, "outcome": {"type": "NOT_APPLICABLE"}}, {"identifier": "r5", "expression": "x", "outcome": {"type": "NOT_EVALUATED"}},
)  # fmt: skip


def test_rules_of_a_scorecard_with_the_levels_of_its_descriptor(tmp_path):
    page = {"scorecardTag": "ready", "serviceScores": [scored([{"level": {"name": "Bronze", "number": 1}}], *RULES)]}
    found = read("cortex", tmp_path, {"s.json": page, "ready.yaml": READY})
    assert columns(found["scorecard_results"], "rule", "level", "level_number", "state", "state_raw", "weight", "score", "score_most") == [
        ("r1", "Bronze", 1, "passed", "2", 2, None, None), ("r2", "Silver", 2, "failed", "0", 1, None, None), ("r3", None, None, None, None, 1, None, None),
        ("r4", None, None, "not_applicable", "NOT_APPLICABLE", None, None, None), ("r5", None, None, None, "NOT_EVALUATED", None, None, None),
        (LEVEL_SAID, "Bronze", 1, None, None, None, 2, 4),
    ]  # fmt: skip
    assert columns(found["scorecard_results"][:1], "tool", "scorecard", "resource", "service_id", "as_of") == [
        ("cortex", "ready", "shop", "shop", at(2026, 3, 1, 6))
    ]
    alone = read("cortex", tmp_path, {"s.json": page})["scorecard_results"]
    assert columns(alone[:2], "rule", "level", "level_number", "state") == [("r1", None, None, "passed"), ("r2", None, None, "failed")]  # fmt: skip


def test_below_the_first_level_is_a_level_and_no_ladder_is_none(tmp_path):
    below = read("cortex", tmp_path, {"s.json": {"scorecardTag": "ready", "serviceScores": [scored([])]}})
    assert columns(below["scorecard_results"], "rule", "level", "level_number") == [(LEVEL_SAID, None, 0)]
    without = scored([])
    del without["score"]["ladderLevels"]
    page = {"scorecardTag": "ready", "serviceScores": [without]}
    assert read("cortex", tmp_path, {"s.json": page})["scorecard_results"] == []


def exemption(state="APPROVED", decided="2026-03-03T10:00:00Z", **more):
    status = (
        {"type": state, "approvedBy": "joe", "approvedDate": decided}
        if state != "REJECTED"
        else {"type": state, "rejectedBy": "joe", "rejectedDate": decided}
    )
    return {
        "scorecardTag": "ready", "ruleIdentifier": "a", "entityTag": "shop", "requestedBy": "jane", "requestedDate": "2026-03-02T10:00:00Z", "requestingReason": "migration",
        "endDate": "2026-06-01T00:00:00Z", "status": status, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "status", "automated", "hatch"),
    [
        (exemption(), "approved", False, True),
        (exemption(decided="2026-03-02T10:00:00Z"), "approved", True, True),
        (exemption(decided="2026-03-02T10:00:00.012Z"), "approved", True, True),
        (exemption(decided="2026-03-02T10:00:02Z"), "approved", False, True),
        (exemption(autoApproved=True), "approved", True, True),
        (exemption("REJECTED"), "rejected", False, False),
        (exemption("PENDING", None), "pending", False, False),
        (exemption("EXPIRED"), "approved", False, True),
        (exemption("REVOKED"), "approved", False, True),
        (exemption("ODD"), None, False, False),
    ],
)
def test_exemptions(tmp_path, one, status, automated, hatch):
    found = read("cortex", tmp_path, {"e.json": {"exemptions": [one]}})
    (said,) = found["approvals"]
    assert (said["status"], said["automated"], said["subject_kind"], said["requestor_id"]) == (
        status,
        automated,
        "policy",
        pseudonym("jane"),
    )
    assert (said["decided_at"] is not None) == (said["decision"] is not None) == (status in ("approved", "rejected"))
    assert len(found["escape_hatches"]) == hatch
    if hatch:
        assert columns(found["escape_hatches"], "kind", "policy", "service_id", "approver_id", "expires_at", "reason") == [
            ("exemption", "ready", "shop", pseudonym("joe"), at(2026, 6, 1), "migration")
        ]  # fmt: skip


def test_a_scorecard_that_grants_all_exemptions_needs_nobody(tmp_path):
    card = "tag: ready\nname: Ready\nexemptions:\n  enabled: true\n  autoApprove: true\nladder: {}\nrules: []\n"
    found = read("cortex", tmp_path, {"e.json": {"exemptions": [exemption()]}, "s.yaml": card})
    assert columns(found["approvals"], "automated") == [(True,)]


def test_initiatives_and_workflow_runs(tmp_path):
    initiative = {
        "cid": "i1",
        "name": "Own everything",
        "scorecardTag": "ready",
        "targetDate": "2026-09-01",
        "isDraft": False,
    }
    runs = [
        {"id": "w1", "workflowTag": "new-service", "status": "COMPLETED", "startedAt": "2026-03-02T10:00:00Z", "endedAt": "2026-03-02T10:05:00Z", "scope": {"entityTag": "shop"}, "initiatedBy": "jane"},
        {"id": "w2", "workflowTag": "new-service", "status": "RUNNING", "startedAt": "2026-03-02T11:00:00Z"},
        {"id": "w3", "workflowTag": "new-service", "status": "Napping", "startedAt": "2026-03-02T12:00:00Z"},
    ]  # fmt: skip
    found = read(
        "cortex",
        tmp_path,
        {
            "i.json": {"initiatives": [initiative, {**initiative, "cid": "i2", "isDraft": True}]},
            "w.json": {"runs": runs},
        },
    )
    assert columns(found["golden_paths"], "golden_path_id", "title", "kind", "mandated_from") == [
        ("i1", "Own everything", "policy", at(2026, 9, 1).date())
    ]
    assert columns(found["action_runs"], "run_id", "operation_id", "service_id", "requestor_id", "finished_at", "outcome", "outcome_raw") == [
        ("cortex:w1", "new-service", "shop", pseudonym("jane"), at(2026, 3, 2, 10, 5), "success", "COMPLETED"), ("cortex:w2", "new-service", None, None, None, None, "RUNNING"),
        ("cortex:w3", "new-service", None, None, None, None, "Napping"),
    ]  # fmt: skip
    assert found.dropped == {"is a draft": 1}


def test_empty_and_wrong_files(tmp_path):
    assert read("cortex", tmp_path, {"c.json": {"entities": []}}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a run of an action of Port"):
        read(
            "cortex",
            tmp_path,
            {"p.json": {"runs": [{"id": "r", "action": "x", "status": "SUCCESS", "createdAt": "x", "createdBy": "y"}]}},
        )


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "cortex"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_descriptors(real, tmp_path):
    names = (
        "entity_service.yaml",
        "entity_team.yaml",
        "entity_domain-parent.yaml",
        "scorecard.yaml",
        "csv_importer_entities.csv",
    )
    found = read("cortex", tmp_path, [real / name for name in names])
    assert ("cli-test-service", "my-org/my-repo") in columns(found["services"], "service_id", "repo")
    assert len(found["services"]) == 8
    assert columns(found["teams"], "team_id") == [("cli-test-team-1",)]
    assert len(found["memberships"]) == 1


def test_the_reference_deploy_and_scores(real, tmp_path):
    (deployed,) = read("cortex", tmp_path, [real / "deploy_event.json"])["deployments"]
    assert columns([deployed], "sha", "environment_raw", "environment") == [("SHA-123456", "testEnv", None)]
    assert deployed["finished_at"] == at(2023, 8, 16, 22, 55, 38).replace(microsecond=284000)
    scores = read("cortex", tmp_path, [real / "constructed_scorecard_scores.json"])["policy_results"]
    assert columns(scores, "service_id", "rule", "result") == [
        ("checkout", "r1", "pass"), ("checkout", "r2", "pass"), ("legacy-batch", "r1", "fail"), ("legacy-batch", "r2", "fail"),
    ]  # fmt: skip
    rows = read("cortex", tmp_path, [real / "constructed_scorecard_scores.json"])["scorecard_results"]
    assert columns(rows, "service_id", "rule", "level", "level_number", "state") == [
        ("checkout", "r1", None, None, "passed"), ("checkout", "r2", None, None, "passed"), ("checkout", LEVEL_SAID, "Gold", 3, None),
        ("legacy-batch", "r1", None, None, "failed"), ("legacy-batch", "r2", None, None, "failed"), ("legacy-batch", LEVEL_SAID, None, 0, None),
    ]  # fmt: skip


def test_every_reference_scorecard_gives_its_rules_their_levels(cases, tmp_path):
    """Eleven real descriptors, with and without a ladder, also where an expression is only a note to write one."""
    files = sorted(one for folder in ("cortexapps-cli", "cortexapps-scorecard-library") for one in (cases / "maturity" / folder).glob("*.yaml"))  # fmt: skip
    if not files:
        pytest.skip("no such cases")
    assert len(files) == 11
    for file in files:
        card = yaml.safe_load(file.read_text(encoding="utf-8"))
        rules = [{"identifier": f"r{i}", "expression": rule["expression"], "title": rule["title"], "score": rule["weight"]} for i, rule in enumerate(card["rules"])]  # fmt: skip
        (tmp_path / "s.json").write_text(json.dumps({"scorecardTag": card["tag"], "serviceScores": [scored([], *rules)]}), encoding="utf-8")  # fmt: skip
        found = read("cortex", tmp_path, [tmp_path / "s.json", file])
        ranks = {level["name"]: level["rank"] for level in card.get("ladder", {}).get("levels", ())}
        assert columns(found["scorecard_results"][:-1], "level", "level_number", "weight", "state") == [
            (rule.get("level"), ranks.get(rule.get("level")), rule["weight"], "passed") for rule in card["rules"]
        ]  # fmt: skip
