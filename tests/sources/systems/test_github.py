"""GitHub: the first end counts, a run is no deployment, and the history of approvals has no times."""

from __future__ import annotations

import re

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources import github_documents, repositories
from idp_analytics.tables.pseudonyms import apart, pseudonym

API = "https://api.example.invalid/repos/acme/shop"


def deployment(native=7, environment="production", **more):
    return {
        "id": native, "sha": "a" * 40, "ref": "main", "task": "deploy", "payload": {"secret": "hush"}, "original_environment": environment, "environment": environment,
        "creator": {"login": "jane", "type": "User"}, "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z", "repository_url": API,
        "statuses_url": f"{API}/deployments/{native}/statuses", "transient_environment": False, "production_environment": True, **more,
    }  # fmt: skip


def status(number, state, minute, native=7, hour=10, day=2, **more):
    return {
        "id": number, "state": state, "environment": "production", "created_at": f"2026-03-{day:02d}T{hour:02d}:{minute:02d}:00Z", "updated_at": "2026-04-01T00:00:00Z",
        "deployment_url": f"{API}/deployments/{native}", "repository_url": API, **more,
    }  # fmt: skip


def test_a_deployment_ends_with_the_first_status_that_says_so(tmp_path):
    # Newest first, as the API lists them.
    told = [
        status(4, "inactive", 0, day=3),
        status(3, "success", 5),
        status(2, "in_progress", 1),
        status(1, "queued", 0),
    ]
    found = read("github", tmp_path, {"d.json": [deployment()], "s.json": told})
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": "github:7", "service_id": "acme/shop", "environment": "production", "environment_raw": "production", "version": None, "sha": "a" * 40,
        "queued_at": at(2026, 3, 2, 10), "started_at": at(2026, 3, 2, 10, 1), "finished_at": at(2026, 3, 2, 10, 5), "outcome": "success", "outcome_raw": "success",
        "initiated_by": pseudonym("jane"), "automated": False,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("states", "outcome", "finished"),
    [
        (["failure"], "failure", True), (["error"], "error", True), (["queued", "in_progress"], None, False), ([], None, False), (["inactive"], "success", False),
        (["failure", "inactive"], "failure", True), (["pending", "waiting"], None, False),
    ],
)  # fmt: skip
def test_how_a_deployment_ended(tmp_path, states, outcome, finished):
    found = read(
        "github",
        tmp_path,
        {"d.json": [deployment()], "s.json": [status(n, state, n) for n, state in enumerate(states)]},
    )
    (row,) = found["deployments"]
    assert (row["outcome"], row["finished_at"] is not None) == (outcome, finished)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("ACTIVE", "success"),
        ("INACTIVE", "success"),
        ("FAILURE", "failure"),
        ("ABANDONED", None),
        ("IN_PROGRESS", None),
    ],
)
def test_the_graphql_form(tmp_path, state, outcome):
    node = {
        "databaseId": 9, "environment": "production", "commitOid": "b" * 40, "createdAt": "2026-03-02T10:00:00Z", "state": state, "statuses": {"nodes": []},
        "repository": {"nameWithOwner": "acme/shop"},
    }  # fmt: skip
    (row,) = read("github", tmp_path, {"d.jsonl": [node]})["deployments"]
    assert (row["deployment_id"], row["service_id"], row["outcome"], row["finished_at"]) == (
        "github:9",
        "acme/shop",
        outcome,
        None,
    )


def test_environments_that_are_none_and_previews_are_left_out(tmp_path):
    found = read(
        "github",
        tmp_path,
        {"d.json": [deployment(1, "github-pages"), deployment(2, "pr-9", transient_environment=True), deployment(3)]},
    )
    assert columns(found["deployments"], "deployment_id") == [("github:3",)]
    assert sum(found.dropped.values()) == 2


def test_where_all_are_left_out_each_is_counted_with_why(tmp_path):
    found = read(
        "github", tmp_path, {"d.json": [deployment(1, "github-pages"), deployment(2, transient_environment=True)]}
    )
    assert not found["deployments"]
    assert sorted(found.dropped) == [
        "is of an environment that is left out, by the settings",
        "is of an environment that is made for a time (transient_environment)",
    ]


def test_bots_and_people_who_are_gone(tmp_path):
    bot, gone = deployment(1, creator={"login": "deployer[bot]", "type": "Bot"}), deployment(2, creator=None)
    found = read("github", tmp_path, {"d.json": [bot, gone]})
    assert columns(found["deployments"], "automated", "initiated_by") == [
        (True, pseudonym("deployer[bot]")),
        (None, None),
    ]
    assert columns(found["people"], "person_id", "is_bot") == [(pseudonym("deployer[bot]"), True)]


def pull(number=4, merged="2026-03-02T10:00:00Z", **more):
    return {
        "number": number, "url": f"{API}/pulls/{number}", "state": "closed", "title": "Faster", "body": "hush", "user": {"login": "jane", "type": "User"},
        "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T11:00:00Z", "closed_at": "2026-03-02T10:00:00Z", "merged_at": merged, "merge_commit_sha": "m" * 40,
        "labels": [{"name": "perf"}], "head": {"ref": "faster"}, "base": {"ref": "main", "repo": {"full_name": "acme/shop"}}, **more,
    }  # fmt: skip


def review(who, state, hour, number=4):
    return {
        "id": hour,
        "user": {"login": who, "type": "Bot" if "bot" in who else "User"},
        "state": state,
        "submitted_at": f"2026-03-01T{hour}:00:00Z",
        "pull_request_url": f"{API}/pulls/{number}",
    }


def test_a_pull_request_and_its_reviews(tmp_path):
    reviews = [
        review("jane", "COMMENTED", 11),
        review("lint[bot]", "COMMENTED", 11),
        review("joe", "COMMENTED", 12),
        review("ann", "APPROVED", 14),
        review("joe", "APPROVED", 15),
    ]
    found = read("github", tmp_path, {"p.json": [pull(), pull(5, merged=None)], "r.json": reviews})
    first, second = found["changes"]
    wanted = {
        "change_id": "github:acme/shop#4", "service_id": "acme/shop", "repo": "acme/shop", "author_id": pseudonym("jane"), "kind": "pull_request", "sha": "m" * 40,
        "opened_at": at(2026, 3, 1, 10), "first_review_at": at(2026, 3, 1, 12), "approved_at": at(2026, 3, 1, 14), "merged_at": at(2026, 3, 2, 10),
        "closed_at": at(2026, 3, 2, 10), "title": "Faster", "labels": ["perf", "faster"],
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert (second["sha"], second["merged_at"]) == (None, None)
    assert "hush" not in repr(found)


def test_what_gh_lists_has_everything_in_it(tmp_path):
    listed = {
        "number": 4, "url": "https://git.example.invalid/acme/shop/pull/4", "title": "Faster", "author": {"login": "jane"}, "createdAt": "2026-03-01T10:00:00Z",
        "mergedAt": "2026-03-02T10:00:00Z", "closedAt": "2026-03-02T10:00:00Z", "updatedAt": "2026-03-02T10:00:00Z", "mergeCommit": {"oid": "m" * 40}, "additions": 10, "deletions": 5,
        "labels": [], "headRefName": "faster", "commits": [{"authoredDate": "2026-02-28T10:00:00Z"}, {"authoredDate": "2026-03-01T09:00:00Z"}],
        "reviews": [{"author": {"login": "joe"}, "state": "APPROVED", "submittedAt": "2026-03-01T12:00:00Z"}],
    }  # fmt: skip
    (row,) = read("github", tmp_path, {"p.json": [listed]})["changes"]
    assert (row["change_id"], row["first_commit_at"], row["approved_at"], row["lines"]) == (
        "github:acme/shop#4",
        at(2026, 2, 28, 10),
        at(2026, 3, 1, 12),
        15,
    )


def test_one_pull_request_on_two_pages_is_one(tmp_path):
    old = pull(updated_at="2026-03-01T10:00:00Z", title="Old")
    found = read("github", tmp_path, {"p.json": [pull(), old]})
    assert columns(found["changes"], "title") == [("Faster",)]
    assert sum(found.dropped.values()) == 1


def test_the_list_of_issues_has_pull_requests_in_it(tmp_path):
    issue = {
        "number": 5, "title": "hush", "state": "closed", "state_reason": "not_planned", "labels": [{"name": "access"}], "created_at": "2026-03-01T10:00:00Z",
        "closed_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z", "repository_url": API, "author_association": "MEMBER", "comments_url": "x",
    }  # fmt: skip
    found = read("github", tmp_path, {"i.json": [issue, {**issue, "number": 6, "pull_request": {}}]})
    assert columns(found["tickets"], "ticket_id", "category", "created_at", "resolved_at", "status", "status_raw") == [
        ("github:acme/shop#5", "access", at(2026, 3, 1, 10), at(2026, 3, 2, 10), "done", "not_planned")
    ]  # fmt: skip
    assert found.dropped == {"is a pull request": 1}


def run(native=1, name="CI", conclusion="success", **more):
    return {
        "id": native, "name": name, "run_number": 1, "workflow_id": 3, "head_sha": "c" * 40, "status": "completed" if conclusion else "in_progress", "conclusion": conclusion,
        "event": "push", "created_at": "2026-03-02T10:00:00Z", "run_started_at": "2026-03-02T10:00:30Z", "updated_at": "2026-03-02T10:05:00Z", "run_attempt": 1,
        "repository": {"full_name": "acme/shop"}, "actor": {"login": "jane"}, "triggering_actor": {"login": "jane"}, **more,
    }  # fmt: skip


def test_a_run_is_a_deployment_only_where_the_settings_say_so(tmp_path):
    runs = {
        "r.json": {
            "total_count": 4,
            "workflow_runs": [run(), run(2, "Deploy"), run(3, "Deploy", "cancelled"), run(4, "Deploy", None)],
        }
    }
    assert read("github", tmp_path, runs)["deployments"] == []
    found = read("github", tmp_path, runs, deploying="Deploy.*", environments={"Deploy": "production"})
    assert columns(found["deployments"], "deployment_id", "environment", "started_at", "outcome") == [
        ("github:run/2", "production", at(2026, 3, 2, 10, 0, 30), "success"), ("github:run/3", "production", at(2026, 3, 2, 10, 0, 30), "cancel"),
        ("github:run/4", "production", at(2026, 3, 2, 10, 0, 30), None),
    ]  # fmt: skip


def test_reusable_workflows_are_golden_paths(tmp_path):
    called = [
        {"path": "acme/platform/.github/workflows/deploy.yml@v2.1", "sha": "d" * 40, "ref": "refs/tags/v2.1"}, {"path": "acme/platform/.github/workflows/scan.yml@main", "ref": "refs/heads/main"},
    ]  # fmt: skip
    found = read("github", tmp_path, {"r.json": [run(referenced_workflows=called), run(2)]})
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "as_of", "evidence", "version") == [
        ("acme/shop", "acme/platform/.github/workflows/deploy.yml", at(2026, 3, 2).date(), "uses", "v2.1"),
        ("acme/shop", "acme/platform/.github/workflows/scan.yml", at(2026, 3, 2).date(), "uses", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("in_progress", ("approved", "approved", at(2026, 3, 2, 12), "exact")), ("failure", ("rejected", "rejected", at(2026, 3, 2, 12), "exact")),
        (None, (None, "pending", None, "none")),
    ],
)  # fmt: skip
def test_how_long_a_deployment_waited_is_told_by_its_statuses(tmp_path, after, expected):
    told = [status(1, "waiting", 0), *([status(2, after, 0, hour=12)] if after else [])]
    found = read("github", tmp_path, {"d.json": [deployment()], "s.json": told}, as_of=at(2026, 3, 3))
    (row,) = found["approvals"]
    assert (row["decision"], row["status"], row["decided_at"], row["time_basis"]) == expected
    assert (row["subject_kind"], row["subject_id"], row["requested_at"], row["operation_id"]) == (
        "deployment",
        "github:7",
        at(2026, 3, 2, 10),
        "deploy to production",
    )
    assert row["requestor_id"] == pseudonym("jane")


def test_gates_of_environments(tmp_path):
    def environment(name, *kinds):
        return {
            "id": 1,
            "name": name,
            "url": f"{API}/environments/{name}",
            "protection_rules": [{"type": kind} for kind in kinds],
        }

    found = read(
        "github",
        tmp_path,
        {
            "e.json": [
                environment("production", "required_reviewers", "wait_timer"),
                environment("staging", "branch_policy"),
                environment("dev"),
            ]
        },
    )
    assert columns(found["operations"], "operation_id", "gate") == [
        ("deploy to production", "human"),
        ("deploy to staging", "automatic"),
        ("deploy to dev", "none"),
    ]


def test_two_who_decide_on_one_deployment_have_ids_that_name_neither(tmp_path):
    decided = [
        {"state": "approved", "user": {"login": login}, "run_id": 7, "environments": [{"name": "production"}]}
        for login in ("joe", "ann")
    ]
    found = read("github", tmp_path, {"a.json": decided})
    assert columns(found["approvals"], "approval_id", "responder_id") == [
        (f"github:7/production/{apart(login, '7/production')}", pseudonym(login)) for login in ("joe", "ann")
    ]
    assert not re.search(r"\bjoe\b|\bann\b", repr(found))


def test_teams(tmp_path):
    team = {
        "slug": "shop",
        "name": "Shop",
        "privacy": "closed",
        "members": {"nodes": [{"login": "jane", "email": "jane@example.invalid"}]},
    }
    found = read("github", tmp_path, {"t.json": [team]})
    assert columns(found["teams"], "team_id", "name") == [("shop", "Shop")]
    assert columns(found["memberships"], "person_id", "team_id") == [(pseudonym("jane"), "shop")]
    assert "example.invalid" not in repr(found)


def test_pages_empty_and_wrong_files(tmp_path):
    page = {"total_count": 35, "workflow_runs": [run()]}
    assert "deployments" in read("github", tmp_path, {"r.json": page}).truncated
    assert read("github", tmp_path, {"p.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a merge request of GitLab"):
        read("github", tmp_path, {"m.json": [{"iid": 1, "target_branch": "main", "source_branch": "x"}]})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "github"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_pull_requests(real, tmp_path):
    found = read("github", tmp_path, [real / "pull_requests.json"])
    rows = found["changes"]
    assert (len(rows), sum(row["merged_at"] is not None for row in rows), sum(found.dropped.values())) == (7, 4, 1)


def test_the_reference_runs_and_issues(real, tmp_path):
    runs = read("github", tmp_path, [real / "workflow_runs.json"])
    assert runs["deployments"] == []
    assert 10 in runs.dropped.values()
    issues = read("github", tmp_path, [real / "issues.json"])
    assert (len(issues["tickets"]), issues.dropped) == (5, {"is a pull request": 5})
    old = read("github", tmp_path, [real / "webhook_workflow_run_completed.json"])
    assert old["service_golden_path"] == []


def test_the_reference_deployments(real, tmp_path):
    found = read("github", tmp_path, [real / "deployments.json", real / "deployment_statuses.json"])
    # Three statuses, all queued: nobody knows how it ended.
    assert {row["outcome"] for row in found["deployments"]} <= {None}
    alone = read("github", tmp_path, [real / "constructed_deployment_statuses_waiting.json"])
    (row,), (said,) = alone["deployments"], alone["approvals"]
    assert (row["finished_at"], row["outcome"]) == (at(2026, 3, 2, 11, 32), "success")
    assert (said["decided_at"] - said["requested_at"]).total_seconds() == 9000


def test_the_reference_approvals(real, tmp_path):
    (said,) = read("github", tmp_path, [real / "rest_run_approvals_docs.json"])["approvals"]
    assert columns([said], "decision", "responder_id", "decided_at", "requested_at", "time_basis") == [
        ("approved", pseudonym("octocat"), None, None, "none")
    ]
    (asked,) = read("github", tmp_path, [real / "webhook_deployment_review_requested.json"])["approvals"]
    assert (asked["requested_at"], asked["status"], asked["operation_id"]) == (
        at(2023, 7, 4, 9, 28, 15),
        "pending",
        "deploy to TST",
    )


def test_the_reference_environment_and_team(real, tmp_path):
    (gated,) = read("github", tmp_path, [real / "environment_protection_rules.json"])["operations"]
    assert columns([gated], "operation_id", "gate") == [("deploy to dev", "human")]
    assert columns(read("github", tmp_path, [real / "team.json"])["teams"], "team_id") == [("kickerstarters",)]


@pytest.mark.parametrize(
    "address",
    [f"https://{host}/{path}" for host in ("github.com", "git.example.invalid", "vs-ssh.visualstudio.com") for path in (
        "v3/n/pull/5", "o/n/pull/5", "o/n.git/pull/5", "projects/n/pull/5", "scm/o/pull/5", "o/-/pull/5", "_git/o/pull/5", "o/_git/pull/5", "o/n.x-y/issues/7", "o/n/pull/5/files", "o.git/n/pull/5",
    )],
)  # fmt: skip
def test_the_repository_of_a_pull_request_is_that_of_its_address(address):
    """Addresses of pull requests are read in a short way, with the same result."""
    told = repositories.repository(address)
    assert github_documents.of_addresses({"html_url": address}) == (
        "/".join(told.split("/")[:2]) if told and "/" in told else None
    )


@pytest.mark.parametrize(
    ("address", "repo"),
    [
        ("https://github.com/larkspur/checkout/pull/7", "larkspur/checkout"),
        ("https://github.com/larkspur/checkout/pull/8", "larkspur/checkout"),
        ("https://github.com/larkspur/checkout/issues/8", "larkspur/checkout"),
        ("https://api.github.com/repos/larkspur/checkout/pull/8", "larkspur/checkout"),
        ("https://ghe.example.invalid/larkspur/pull/pull/8", "larkspur/pull"),
        ("https://github.com/repos/pull/8", "pull/8"),
    ],
)
def test_the_repository_is_what_an_address_says(address, repo):
    assert github_documents.of_addresses({"url": address}) == repo
