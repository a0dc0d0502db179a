"""The company as the tables of an Apache DevLake that collected its pipelines, pull requests, incidents and tickets."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {"people": "keep"}
OTHERWISE: dict[str, frozenset[str]] = {}

_ENVIRONMENTS = {"production": "PRODUCTION", "staging": "STAGING", "test": "TESTING"}
_BUILD, _REPO, _PULL, _BOARD, _ISSUE = (
    pl.lit(f"{tool}:1:")
    for tool in (
        "jenkins:JenkinsBuild",
        "github:GithubRepo",
        "github:GithubPullRequest",
        "jira:JiraBoard",
        "jira:JiraIssue",
    )
)


def _deployments(tables: Tables) -> pl.DataFrame:
    return tables["deployments"].filter(pl.col("service_id").is_not_null())


def _pulls(tables: Tables) -> pl.DataFrame:
    return tables["changes"].filter(pl.col("kind") == "pull_request", pl.col("repo").is_not_null())


def _links(tables: Tables) -> pl.DataFrame:
    """DevLake knows one deployment per pull request."""
    return (
        tables["deployment_changes"].join(_pulls(tables).select("change_id"), on="change_id")
        .join(_deployments(tables).select("deployment_id"), on="deployment_id")
        .sort("change_id", "deployment_id").unique("change_id", keep="first", maintain_order=True)
    )  # fmt: skip


def _members(tables: Tables) -> pl.DataFrame:
    return (
        tables["memberships"]
        .filter(pl.col("valid_to").is_null())
        .select("person_id", "team_id")
        .unique(maintain_order=True)
    )


def _moment(name: str) -> pl.Expr:
    """Without a zone, as DevLake's database has it."""
    return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S")


def files(tables: Tables) -> dict[str, Any]:
    """One CSV per table of DevLake."""
    runs, pulls, links = _deployments(tables), _pulls(tables), _links(tables)
    incidents, tickets, services = tables["incidents"], tables["tickets"], tables["services"].sort("service_id")
    job = pl.concat_str(pl.lit("jenkins:JenkinsJob:1:"), "service_id")
    outcome = pl.col("outcome")
    result = (
        pl.when(outcome == "success")
        .then(pl.lit("SUCCESS"))
        .when(outcome.is_not_null())
        .then(pl.lit("FAILURE"))
        .otherwise(pl.lit(""))
    )
    original = outcome.replace_strict(
        {"success": "SUCCESS", "failure": "FAILURE", "error": "UNSTABLE", "cancel": "ABORTED"}, default=""
    )
    first = pulls.join(links, on="change_id", how="left", maintain_order="left")
    mapping = [
        services.select(pl.col("service_id").alias("project_name"), pl.lit(table).alias("table"), row.alias("row_id"))
        for table, row in (
            ("cicd_scopes", job),
            ("repos", _REPO + pl.col("repo")),
            ("boards", _BOARD + pl.col("service_id")),
        )
    ]
    frames = {
        "cicd_deployments": runs.select(
            (_BUILD + pl.col("deployment_id")).alias("id"), job.alias("cicd_scope_id"), pl.col("version").alias("name"),
            result.alias("result"), pl.when(outcome.is_null()).then(pl.lit("IN_PROGRESS")).otherwise(pl.lit("DONE")).alias("status"),
            original.alias("original_result"), pl.lit("").alias("original_status"),
            pl.col("environment").replace_strict(_ENVIRONMENTS, default="").alias("environment"),
            pl.col("environment_raw").alias("original_environment"), _moment("queued_at").alias("queued_date"),
            _moment("started_at").alias("started_date"), _moment("finished_at").alias("finished_date"),
        ),
        "cicd_deployment_commits": runs.filter(pl.col("sha").is_not_null()).select(
            (_BUILD + pl.col("deployment_id") + pl.lit(":commit")).alias("id"), (_BUILD + pl.col("deployment_id")).alias("cicd_deployment_id"),
            job.alias("cicd_scope_id"), pl.col("sha").alias("commit_sha"), result.alias("result"),
            pl.col("environment").replace_strict(_ENVIRONMENTS, default="").alias("environment"),
            _moment("started_at").alias("started_date"), _moment("finished_at").alias("finished_date"),
        ),
        "pull_requests": pulls.select(
            (_PULL + pl.col("change_id")).alias("id"), (_REPO + pl.col("repo")).alias("base_repo_id"), "author_id",
            pl.col("sha").alias("merge_commit_sha"), "title", _moment("opened_at").alias("created_date"),
            _moment("merged_at").alias("merged_date"), _moment("closed_at").alias("closed_date"),
            pl.col("lines").alias("additions"), pl.lit(0).alias("deletions"),
        ),
        "project_pr_metrics": first.select(
            (_PULL + pl.col("change_id")).alias("id"), pl.col("service_id").alias("project_name"), pl.lit("").alias("pr_cycle_time"),
            _moment("first_commit_at").alias("first_commit_authored_date"), _moment("first_review_at").alias("first_comment_date"),
            (_BUILD + pl.col("deployment_id") + pl.lit(":commit")).alias("deployment_commit_id"),
        ),
        "project_mapping": pl.concat(mapping),
        "repos": services.select((_REPO + pl.col("repo")).alias("id"), pl.col("repo").alias("name")),
        "cicd_scopes": services.select(job.alias("id"), pl.col("service_id").alias("name")),
        "incidents": incidents.select(
            (_ISSUE + pl.col("incident_id")).alias("id"), "url", pl.lit("boards").alias("table"),
            (_BOARD + pl.col("service_id")).alias("scope_id"), (pl.lit("P") + pl.col("severity").cast(pl.String)).alias("severity"),
            _moment("opened_at").alias("created_date"), _moment("resolved_at").alias("resolution_date"),
        ),
        "project_incident_deployment_relationships": incidents.filter(pl.col("deployment_id").is_not_null()).select(
            (_ISSUE + pl.col("incident_id")).alias("id"), pl.col("service_id").alias("project_name"), (_BUILD + pl.col("deployment_id")).alias("deployment_id"),
        ),
        "issues": tickets.select(
            (_ISSUE + pl.col("ticket_id")).alias("id"), pl.col("ticket_id").alias("issue_key"), pl.col("category").alias("type"),
            pl.lit("").alias("original_type"), pl.when(pl.col("status") == "done").then(pl.lit("DONE")).otherwise(pl.lit("TODO")).alias("status"),
            pl.lit("").alias("original_status"), "priority", _moment("created_at").alias("created_date"), _moment("resolved_at").alias("resolution_date"),
        ),
        "board_issues": tickets.filter(pl.col("service_id").is_not_null()).select(
            (_BOARD + pl.col("service_id")).alias("board_id"), (_ISSUE + pl.col("ticket_id")).alias("issue_id")
        ),
        "teams": tables["teams"].select(
            pl.col("team_id").alias("id"), "name", pl.col("parent_team_id").alias("parent_id"), pl.lit(0).alias("sorting_index")
        ),
        "users": tables["people"].select(pl.col("person_id").alias("id"), pl.lit("").alias("name"), pl.lit("").alias("email")),
        "team_users": _members(tables).select("team_id", pl.col("person_id").alias("user_id")),
    }  # fmt: skip
    return {f"{name}.csv.gz": frame.write_csv() for name, frame in frames.items()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """All of it, but: an error is a failure, changes are pull requests only and each has one deployment, who is a member today,
    and an incident is change-caused where it names a deployment."""
    ours = {kind: pl.lit("devlake:") + prefix for kind, prefix in (("run", _BUILD), ("pull", _PULL), ("issue", _ISSUE))}
    return {
        "deployments": _deployments(tables).select(
            (ours["run"] + pl.col("deployment_id")).alias("deployment_id"), "service_id", "environment", "sha", "queued_at", "started_at",
            pl.when(pl.col("outcome").is_not_null()).then(pl.col("finished_at")).alias("finished_at"),
            pl.col("outcome").replace({"error": "failure"}).alias("outcome"),
        ),
        "changes": _pulls(tables).select(
            (ours["pull"] + pl.col("change_id")).alias("change_id"), "service_id", "repo", "author_id", "kind", "sha", "first_commit_at",
            "opened_at", "first_review_at", "merged_at", "closed_at", "lines", "title",
        ),
        "deployment_changes": _links(tables).select(
            (ours["run"] + pl.col("deployment_id")).alias("deployment_id"), (ours["pull"] + pl.col("change_id")).alias("change_id"),
            pl.lit(True).alias("derived"),
        ),
        "incidents": tables["incidents"].select(
            (ours["issue"] + pl.col("incident_id")).alias("incident_id"), "service_id", "severity", "opened_at", "resolved_at", "url",
            (ours["run"] + pl.col("deployment_id")).alias("deployment_id"),
            pl.when(pl.col("deployment_id").is_not_null()).then(True).alias("change_caused"),
        ),
        "tickets": tables["tickets"].select(
            (ours["issue"] + pl.col("ticket_id")).alias("ticket_id"), "service_id", "category", "priority", "created_at", "resolved_at", "status"
        ),
        "services": tables["services"].select("service_id", pl.col("service_id").alias("name")),
        "teams": tables["teams"].select("team_id", "name", "parent_team_id"),
        "people": tables["people"].select("person_id"),
        "memberships": _members(tables),
    }  # fmt: skip
