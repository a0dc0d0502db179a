"""GitLab: what is blocked waits, what was cancelled did not fail."""

from __future__ import annotations

import re

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import apart, pseudonym


def deployment(native=42, status="success", **more):
    return {
        "id": native, "iid": 2, "ref": "main", "sha": "a" * 40, "created_at": "2026-03-02T10:00:00.000Z", "updated_at": "2026-03-02T10:20:00.000Z", "status": status,
        "user": {"username": "jane"}, "environment": {"name": "eu-1", "tier": "production"},
        "deployable": {
            "started_at": "2026-03-02T10:01:00.000Z", "finished_at": "2026-03-02T10:05:00.000Z", "tag": False,
            "commit": {"web_url": "https://git.example.invalid/acme/shop/-/commit/aaa"},
        },
        **more,
    }  # fmt: skip


def test_a_deployment(tmp_path):
    (row,) = read("gitlab", tmp_path, {"d.json": [deployment()]})["deployments"]
    wanted = {
        "deployment_id": "gitlab:42", "service_id": "acme/shop", "environment": "production", "environment_raw": "eu-1", "version": None, "sha": "a" * 40,
        "queued_at": at(2026, 3, 2, 10), "started_at": at(2026, 3, 2, 10, 1), "finished_at": at(2026, 3, 2, 10, 5), "outcome": "success", "outcome_raw": "success",
        "initiated_by": pseudonym("jane"),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("status", "outcome", "ended"),
    [
        ("failed", "failure", True), ("canceled", "cancel", True), ("skipped", "cancel", True), ("running", None, False), ("created", None, False), ("blocked", None, False),
        ("moonlit", None, False),
    ],
)  # fmt: skip
def test_how_it_ended(tmp_path, status, outcome, ended):
    (row,) = read("gitlab", tmp_path, {"d.json": [deployment(status=status)]})["deployments"]
    assert (row["outcome"], row["outcome_raw"], row["finished_at"] is not None) == (outcome, status, ended)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"name": "x", "tier": "testing"}, "test"), ({"name": "staging", "tier": "other"}, "staging"), ({"name": "prod"}, "production"), ({"name": "eu-1", "tier": "other"}, None),
    ],
)  # fmt: skip
def test_the_tier_says_more_than_the_name(tmp_path, environment, expected):
    assert columns(
        read("gitlab", tmp_path, {"d.json": [deployment(environment=environment)]})["deployments"], "environment"
    ) == [(expected,)]


def test_previews_tags_and_what_is_missing(tmp_path):
    tagged = deployment(2, ref="v1.2", deployable={"tag": True})
    bare = {
        "id": 3,
        "iid": 1,
        "sha": "b",
        "status": "success",
        "environment": {},
        "created_at": "2026-03-02T10:00:00Z",
        "updated_at": "2026-03-02T10:09:00Z",
    }
    found = read(
        "gitlab",
        tmp_path,
        {"d.json": [deployment(1, environment={"name": "review/x"}), tagged, bare]},
        previews="review/.+",
    )
    assert columns(found["deployments"], "version", "service_id", "finished_at") == [
        ("v1.2", None, at(2026, 3, 2, 10, 20)),
        (None, None, at(2026, 3, 2, 10, 9)),
    ]
    assert found.dropped == {"is a preview, by the settings": 1}


def test_approvals_say_when(tmp_path):
    said = [
        {"user": {"username": "joe"}, "status": "approved", "created_at": "2026-03-02T10:00:30Z", "comment": "hush"},
        {"user": {"username": "ann"}, "status": "rejected", "created_at": "2026-03-02T10:00:40Z"},
    ]  # fmt: skip
    found = read(
        "gitlab",
        tmp_path,
        {"d.json": [deployment(approvals=said), deployment(43, "blocked"), deployment(44)]},
        operations={"deploy to eu-.": "deploy"},
    )
    joe, ann = (apart(name, "42") for name in ("joe", "ann"))
    assert columns(found["approvals"], "approval_id", "operation_id", "subject_id", "requestor_id", "responder_id", "requested_at", "decided_at", "decision", "status", "time_basis") == [
        (f"gitlab:42/{joe}", "deploy", "gitlab:42", pseudonym("jane"), pseudonym("joe"), at(2026, 3, 2, 10), at(2026, 3, 2, 10, 0, 30), "approved", "approved", "exact"),
        (f"gitlab:42/{ann}", "deploy", "gitlab:42", pseudonym("jane"), pseudonym("ann"), at(2026, 3, 2, 10), at(2026, 3, 2, 10, 0, 40), "rejected", "rejected", "exact"),
        ("gitlab:43", "deploy", "gitlab:43", pseudonym("jane"), None, at(2026, 3, 2, 10), None, None, "pending", "none"),
    ]  # fmt: skip
    assert not re.search(r"hush|\bjoe\b|\bann\b|jane", repr(found))


def request(number=7, **more):
    return {
        "id": 100 + number, "iid": number, "project_id": 12, "title": "Faster", "state": "merged", "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
        "merged_at": "2026-03-02T09:00:00Z", "closed_at": None, "target_branch": "main", "source_branch": "faster", "labels": ["perf"], "author": {"username": "jane"},
        "merge_commit_sha": "m", "squash_commit_sha": None, "sha": "h", "references": {"full": "acme/shop!7"}, "description": "hush", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "sha"),
    [
        ({}, "m"),
        ({"squash_commit_sha": "s"}, "s"),
        ({"merge_commit_sha": None}, "h"),
        ({"merge_commit_sha": None, "merged_at": None, "state": "opened"}, None),
    ],
)
def test_what_a_merge_request_became(tmp_path, changed, sha):
    (row,) = read("gitlab", tmp_path, {"m.json": [request(**changed)]})["changes"]
    assert (row["sha"], row["change_id"], row["service_id"], row["repo"], row["title"], row["labels"]) == (
        sha,
        "gitlab:12/7",
        "acme/shop",
        "acme/shop",
        "Faster",
        ["perf", "faster"],
    )
    assert "hush" not in repr(row)


def test_bots_and_gates(tmp_path):
    environments = [
        {"name": "production", "deploy_access_levels": [], "required_approval_count": 2}, {"name": "staging", "deploy_access_levels": [], "approval_rules": []},
        {"name": "eu", "deploy_access_levels": [], "approval_rules": [{"required_approvals": 1}]},
    ]  # fmt: skip
    bot = request(author={"username": "project_12_bot_3"})
    found = read("gitlab", tmp_path, {"e.json": environments, "m.json": [bot, request(8)]})
    assert columns(found["operations"], "operation_id", "gate") == [
        ("deploy to production", "human"),
        ("deploy to staging", "none"),
        ("deploy to eu", "human"),
    ]
    assert columns(found["people"], "person_id", "is_bot") == [(pseudonym("project_12_bot_3"), True)]


def test_pages_empty_and_wrong_files(tmp_path):
    assert read("gitlab", tmp_path, {"m.json": {"merge_requests": [request()], "next_page": 2}}).truncated == {
        "changes",
        "people",
    }
    assert read("gitlab", tmp_path, {"d.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a pull request of GitHub"):
        read("gitlab", tmp_path, {"p.json": [{"number": 1, "merged_at": None, "head": {}, "base": {}}]})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "gitlab"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_approval(real, tmp_path):
    (said,) = read("gitlab", tmp_path, [real / "deployment_approval.json"])["approvals"]
    assert (said["responder_id"], said["decided_at"]) == (
        pseudonym("security-user-1"),
        at(2022, 2, 24, 20, 22, 30).replace(microsecond=97000),
    )


def test_the_reference_merge_requests(real, tmp_path):
    rows = read("gitlab", tmp_path, [real / "merge_requests.json"])["changes"]
    assert len(rows) == 8
    assert sum(row["merged_at"] is not None for row in rows) == 7
    assert {row["change_id"].rsplit("/", 1)[1] for row in rows} == {"1", "3", "4", "5", "6", "8", "9", "10"}
