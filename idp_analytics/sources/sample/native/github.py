"""The company's deployments, pull requests, approvals, issues and teams as its GitHub would export them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "service_pattern": "larkspur/(.+)",
    "golden_paths": {"larkspur/workflows/.github/workflows/deliver.yml": "delivery-pipeline"},
    "operations": {"deploy to production": "change-production"},
}
OTHERWISE = {
    "deployments": frozenset({"golden_path_id"}),
    "operations": frozenset({"title"}),
    "golden_paths": frozenset({"title"}),
    "service_golden_path": frozenset({"drift"}),
    "teams": frozenset({"kind"}),
    "memberships": frozenset({"valid_from", "valid_to"}),
}
DAY = date(2026, 7, 1)
"""When somebody exported the teams."""

_SITE = "https://git.larkspur.invalid"
_RUNS = 7_000_000
_PATH = "larkspur/workflows/.github/workflows/deliver.yml"


# --- rows that GitHub can tell ----------------------------------------------------------------------------------------


def _number(name: str) -> pl.Expr:
    return pl.col(name).str.extract(r"(\d+)$").cast(pl.Int64)


def _deployments(tables: Tables) -> pl.DataFrame:
    """Deployments with their number, and when the next good one of the service took their place."""
    known = pl.col("outcome").is_in(["success", "failure", "error"]) | pl.col("finished_at").is_null()
    runs = tables["deployments"].filter(pl.col("deployment_id").str.starts_with("run-"), known)
    good = pl.when(pl.col("outcome") == "success").then(pl.col("finished_at"))
    return runs.sort("finished_at", "deployment_id", nulls_last=True).with_columns(
        _number("deployment_id").alias("number"),
        good.shift(-1).backward_fill().over("service_id", "environment").alias("replaced_at"),
    ).sort("number")  # fmt: skip


def _approvals(tables: Tables) -> pl.DataFrame:
    ours = _deployments(tables).select(pl.col("deployment_id").alias("subject_id"), "number")
    return tables["approvals"].filter(pl.col("subject_kind") == "deployment").join(ours, on="subject_id").sort("number")


def _pulls(tables: Tables) -> pl.DataFrame:
    ours = tables["changes"].filter(pl.col("change_id").str.starts_with("pr-"))
    branch = pl.concat_str(pl.col("labels").list.first(), pl.lit("/"), _number("change_id"))
    return ours.with_columns(_number("change_id").alias("number"), branch.alias("branch"))


def _paths(tables: Tables) -> pl.DataFrame:
    return (
        tables["service_golden_path"]
        .filter(pl.col("golden_path_id") == "delivery-pipeline")
        .sort("as_of", "service_id")
    )


def _issues(tables: Tables) -> pl.DataFrame:
    return (
        tables["tickets"].filter(pl.col("service_id").is_not_null()).with_columns(_number("ticket_id").alias("number"))
    )


def _members(tables: Tables) -> pl.DataFrame:
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= DAY)
    return tables["memberships"].filter(begun, pl.col("valid_to").is_null() | (pl.col("valid_to") > DAY))


# --- files ------------------------------------------------------------------------------------------------------------


def files(tables: Tables) -> dict[str, Any]:
    """What the recipes of the reader write. A deployment that is active, and has no status that says when it became so, is
    told by the GraphQL interface."""
    runs = _deployments(tables)
    asked = {row["number"]: row for row in _approvals(tables).iter_rows(named=True)}
    plain = runs.filter(pl.col("finished_at").is_not_null() | (pl.col("outcome") != "success"))
    statuses = [status for row in plain.iter_rows(named=True) for status in _statuses(row, asked.get(row["number"]))]
    called = list(_paths(tables).iter_rows(named=True))
    return {
        "deployments.json.gz": [_deployment(row) for row in plain.iter_rows(named=True)],
        "statuses.json.gz": [{"id": 20_000_000 + place, **status} for place, status in enumerate(statuses)],
        "active.jsonl": [_active(row) for row in runs.join(plain, on="number", how="anti").iter_rows(named=True)],
        "approvals.jsonl": [_decision(row) for row in asked.values()],
        "events.jsonl.gz": [_asked(row) for row in asked.values()],
        "environments.json": [_environment("production", "required_reviewers"), _environment("staging")],
        "pull_requests.json.gz": [_pull(row) for row in _pulls(tables).iter_rows(named=True)],
        "runs.json.gz": {"total_count": len(called), "workflow_runs": [_run(place, row) for place, row in enumerate(called, 1)]},
        "issues.json.gz": [_issue(row) for row in _issues(tables).iter_rows(named=True)],
        "teams.jsonl": list(_teams(tables)),
    }  # fmt: skip


def _api(service: str) -> str:
    return f"{_SITE}/api/v3/repos/larkspur/{service}"


def _user(login: str, *, is_bot: bool = False) -> dict[str, Any]:
    return {"login": login, "type": "Bot" if is_bot else "User", "site_admin": False}


def _deployment(row: dict[str, Any]) -> dict[str, Any]:
    url = f"{_api(row['service_id'])}/deployments/{row['number']}"
    return {
        "id": row["number"], "url": url, "sha": row["sha"], "ref": row["version"], "task": "deploy", "payload": {},
        "environment": row["environment"], "original_environment": row["environment"], "description": None,
        "creator": _user(row["initiated_by"], is_bot=row["automated"]), "created_at": stamp(row["queued_at"]),
        "updated_at": stamp(row["replaced_at"] or row["finished_at"] or row["started_at"]), "statuses_url": f"{url}/statuses",
        "repository_url": _api(row["service_id"]), "transient_environment": False, "production_environment": row["environment"] == "production",
    }  # fmt: skip


def _statuses(row: dict[str, Any], asked: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    told = [("in_progress", row["started_at"]), (row["outcome"], row["finished_at"])]
    if asked:
        told = [("waiting", asked["requested_at"]), ("queued", asked["decided_at"]), *told]
    if row["outcome"] == "success":
        told.append(("inactive", row["replaced_at"]))
    url = f"{_api(row['service_id'])}/deployments/{row['number']}"
    for state, at in told:
        if state and at:
            yield {
                "url": f"{url}/statuses", "state": state, "environment": row["environment"], "description": "", "created_at": stamp(at),
                "updated_at": stamp(at), "deployment_url": url, "repository_url": _api(row["service_id"]),
                "log_url": f"{_SITE}/larkspur/{row['service_id']}/actions/runs/{row['number']}/job/1",
            }  # fmt: skip


def _active(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "databaseId": row["number"], "environment": row["environment"], "originalEnvironment": row["environment"], "state": "ACTIVE",
        "createdAt": stamp(row["queued_at"]), "updatedAt": stamp(row["started_at"]), "commitOid": row["sha"], "task": "deploy",
        "ref": {"name": row["version"]}, "creator": {"login": row["initiated_by"], "__typename": "Bot" if row["automated"] else "User"},
        "repository": {"nameWithOwner": f"larkspur/{row['service_id']}"},
        "statuses": {"nodes": [{"state": "IN_PROGRESS", "createdAt": stamp(row["started_at"])}]},
    }  # fmt: skip


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    environment = {
        "name": "production",
        "url": f"{_api(row['service_id'])}/environments/production",
        "created_at": "2024-02-01T09:00:00Z",
    }
    return {
        "state": row["status"],
        "comment": "",
        "environments": [environment],
        "user": _user(row["responder_id"]),
        "run_id": row["number"],
    }


def _asked(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": "requested", "since": stamp(row["requested_at"]), "environment": "production", "requestor": _user(row["requestor_id"]),
        "reviewers": [{"type": "Team", "reviewer": {"slug": "platform"}}], "workflow_run": {"id": row["number"], "run_attempt": 1},
        "repository": {"full_name": f"larkspur/{row['service_id']}"}, "sender": _user(row["requestor_id"]),
    }  # fmt: skip


def _environment(name: str, *rules: str) -> dict[str, Any]:
    return {
        "name": name, "url": f"{_api('checkout')}/environments/{name}", "created_at": "2024-02-01T09:00:00Z",
        "protection_rules": [{"type": rule, "reviewers": []} for rule in rules],
    }  # fmt: skip


def _pull(row: dict[str, Any]) -> dict[str, Any]:
    reviews = [("COMMENTED", row["first_review_at"]), ("APPROVED", row["approved_at"])]
    return {
        "number": row["number"], "url": f"{_SITE}/{row['repo']}/pull/{row['number']}", "title": row["title"],
        "author": {"login": row["author_id"], "is_bot": False}, "createdAt": stamp(row["opened_at"]), "mergedAt": stamp(row["merged_at"]),
        "closedAt": stamp(row["closed_at"]), "updatedAt": stamp(row["closed_at"] or row["opened_at"]),
        "mergeCommit": {"oid": row["sha"]} if row["sha"] else None, "additions": row["lines"], "deletions": 0, "headRefName": row["branch"],
        "labels": [{"name": label} for label in row["labels"]], "commits": [{"authoredDate": stamp(row["first_commit_at"])}],
        "reviews": [{"author": {"login": "reviewer"}, "state": state, "submittedAt": stamp(at)} for state, at in reviews if at],
    }  # fmt: skip


def _run(place: int, row: dict[str, Any]) -> dict[str, Any]:
    at = f"{row['as_of']}T10:00:00Z"
    ref = f"refs/tags/{row['version']}" if row["version"] else "refs/heads/main"
    return {
        "id": _RUNS + place, "name": "Deliver", "run_number": place, "run_attempt": 1, "event": "push", "status": "completed",
        "conclusion": "success", "workflow_id": 1, "head_sha": "0" * 40, "created_at": at, "run_started_at": at, "updated_at": at,
        "referenced_workflows": [{"path": f"{_PATH}@{ref}", "sha": "0" * 40, "ref": ref}],
        "repository": {"full_name": f"larkspur/{row['service_id']}"},
    }  # fmt: skip


def _issue(row: dict[str, Any]) -> dict[str, Any]:
    done = row["status"] == "done"
    return {
        "url": f"{_api(row['service_id'])}/issues/{row['number']}", "repository_url": _api(row["service_id"]), "number": row["number"],
        "title": "…", "user": _user("somebody"), "labels": [{"name": row["category"]}], "state": "closed" if done else "open",
        "state_reason": "completed" if done else None, "created_at": stamp(row["created_at"]), "closed_at": stamp(row["resolved_at"]),
        "updated_at": stamp(row["resolved_at"] or row["created_at"]), "author_association": "MEMBER", "comments": 0,
    }  # fmt: skip


def _teams(tables: Tables) -> Iterator[dict[str, Any]]:
    members: dict[str, list[str]] = {}
    for person, team in _members(tables).select("person_id", "team_id").iter_rows():
        members.setdefault(team, []).append(person)
    for row in tables["teams"].iter_rows(named=True):
        listed = {
            "nodes": [{"login": person} for person in members.get(row["team_id"], [])],
            "pageInfo": {"hasNextPage": False},
        }
        parent = {"slug": row["parent_team_id"]} if row["parent_team_id"] else None
        yield {
            "slug": row["team_id"],
            "name": row["name"],
            "privacy": "VISIBLE",
            "parentTeam": parent,
            "members": listed,
        }


# --- what a reader must give back -------------------------------------------------------------------------------------


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Deployments of the pipeline but for those that were cancelled or ended nobody knows how (no state of GitHub says so); pull
    requests and no plain commits; approvals of those deployments; issues of a repository; the pipeline's use; teams and who is
    in them at the end."""
    ours, repo = pl.lit("github:"), pl.concat_str(pl.lit("larkspur/"), "service_id", pl.lit("#"), "number")
    runs = _deployments(tables)
    people = tables["people"].filter("is_bot", pl.col("person_id").is_in(runs["initiated_by"].implode()))
    return {
        "deployments": runs.select(
            pl.concat_str(ours, "number").alias("deployment_id"), "service_id", "environment", "version", "sha", "queued_at", "started_at",
            "finished_at", "outcome", "initiated_by", "automated",
        ),
        "changes": _pulls(tables).with_columns((ours + repo).alias("change_id"), pl.concat_list("labels", "branch").alias("labels"))
        .drop("number", "branch", "origin_sha"),
        "approvals": _approvals(tables).with_columns(
            pl.concat_str(ours, "number", pl.lit("/production")).alias("approval_id"), pl.concat_str(ours, "number").alias("subject_id"),
        ).drop("number", "team_id", "responders", "status_raw"),
        "operations": tables["operations"].filter(pl.col("operation_id") == "change-production").select("operation_id", "gate"),
        "golden_paths": tables["golden_paths"].filter(pl.col("golden_path_id") == "delivery-pipeline").select("golden_path_id", "kind"),
        "service_golden_path": _paths(tables).select("service_id", "golden_path_id", "as_of", "evidence", "version"),
        "tickets": _issues(tables).select((ours + repo).alias("ticket_id"), "service_id", "category", "created_at", "resolved_at", "status"),
        "teams": tables["teams"].select("team_id", "name", "parent_team_id"),
        "people": people.select("person_id", "is_bot"),
        "memberships": _members(tables).select("person_id", "team_id"),
    }  # fmt: skip
