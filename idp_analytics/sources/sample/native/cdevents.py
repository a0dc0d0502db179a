"""The company's deployments, changes, incidents, tickets and approvals as the events of their lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

_REQUESTS = "https://requests.larkspur.invalid"
_OPERATIONS = (
    "grant-production-access",
    "rotate-secret",
    "drop-database",
    "request-accelerator",
    "change-production",
    "create-service",
)

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "service_pattern": "(?:larkspur/|deploy/)?(.+)",
    "deploying": "deploy/.+",
    "group_asks": True,
    "operations": {f"{_REQUESTS}/{operation}/.+": operation for operation in _OPERATIONS},
}
OTHERWISE: dict[str, frozenset[str]] = {}


def _runs(tables: Tables) -> pl.DataFrame:
    """Deployments by a pipeline: what was seen to begin, and not only found as a tag."""
    return tables["deployments"].filter(pl.col("started_at").is_not_null(), pl.col("service_id").is_not_null())


def _changes(tables: Tables) -> pl.DataFrame:
    return tables["changes"].filter(pl.col("kind") == "pull_request", pl.col("opened_at").is_not_null())


def _approvals(tables: Tables) -> pl.DataFrame:
    return tables["approvals"].filter(pl.col("time_basis") != "bound", pl.col("operation_id").is_in(_OPERATIONS))


def files(tables: Tables) -> dict[str, Any]:
    """One file of events per sort of subject; the runs in two, one of which has the end of what the other saw begin."""
    runs = [event for row in _runs(tables).iter_rows(named=True) for event in _run(row)]
    half = len(runs) // 2
    return {
        "runs-1.jsonl.gz": runs[:half],
        "runs-2.jsonl.gz": runs[half:],
        "changes.jsonl.gz": [event for row in _changes(tables).iter_rows(named=True) for event in _change(row)],
        "incidents.jsonl.gz": [event for row in tables["incidents"].iter_rows(named=True) for event in _incident(row)],
        "tickets.jsonl.gz": [event for row in tables["tickets"].iter_rows(named=True) for event in _ticket(row)],
        "approvals.jsonl.gz": [event for row in _approvals(tables).iter_rows(named=True) for event in _approval(row)],
    }


def _event(
    kind: str, version: str, source: str, subject: str, at: Any, content: dict[str, Any], **more: Any
) -> dict[str, Any]:
    about = {
        "specversion": "0.5.0", "id": f"{subject}-{kind.split('.')[1]}", "source": source, "type": f"dev.cdevents.{kind}.{version}",
        "timestamp": stamp(at), **more,
    }  # fmt: skip
    return {"context": about, "subject": {"id": subject, "source": source, "content": content}}


def _run(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    native, content = (
        row["deployment_id"],
        {"pipelineName": f"deploy/{row['service_id']}", "uri": f"https://ci.larkspur.invalid/{row['deployment_id']}"},
    )
    steps = {"queued": row["queued_at"], "started": row["started_at"], "finished": row["finished_at"]}
    for step, at in steps.items():
        if at is not None:
            ended = {"outcome": row["outcome"]} if step == "finished" and row["outcome"] else {}
            yield _event(
                f"pipelinerun.{step}", "0.2.0", "/ci/larkspur", native, at, {**content, **ended}, chainId=native
            )
    if row["outcome"] == "success":
        deployed = _event(
            "service.rolledback" if row["is_rollback"] else "service.upgraded", "0.2.0", "/cd/larkspur", row["service_id"], row["finished_at"],
            {"environment": {"id": row["environment"]}, "artifactId": f"pkg:oci/{row['service_id']}@{row['version']}"}, chainId=native,
        )  # fmt: skip
        yield {**deployed, "context": {**deployed["context"], "id": native}}


def _change(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    steps = {"created": row["opened_at"], "reviewed": row["first_review_at"], "merged": row["merged_at"]}
    steps["abandoned"] = None if row["merged_at"] else row["closed_at"]
    content = {"repository": {"id": row["repo"], "source": "https://git.larkspur.invalid"}}
    for step, at in steps.items():
        if at is not None:
            yield _event(f"change.{step}", "0.3.0", "/git/larkspur", row["change_id"], at, content)


def _incident(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = {"service": {"id": row["service_id"]}} if row["service_id"] else {}
    yield _event("incident.detected", "0.2.0", "/monitoring", row["incident_id"], row["opened_at"], content)
    yield _event(
        "incident.reported",
        "0.2.0",
        "/monitoring",
        row["incident_id"],
        row["opened_at"],
        {**content, "ticketURI": row["url"]},
    )
    if row["resolved_at"] is not None:
        yield _event("incident.resolved", "0.2.0", "/monitoring", row["incident_id"], row["resolved_at"], content)


def _ticket(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = {
        "ticketType": row["category"],
        "group": row["team_id"],
        "priority": row["priority"],
        "uri": f"https://help.larkspur.invalid/{row['ticket_id']}",
    }
    yield _event("ticket.created", "0.2.0", "/help", row["ticket_id"], row["created_at"], content)
    if row["resolved_at"] is not None:
        yield _event(
            "ticket.closed",
            "0.2.0",
            "/help",
            row["ticket_id"],
            row["resolved_at"],
            {**content, "resolution": "completed"},
        )


def _approval(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    target = {"resourceTargetUrl": f"{_REQUESTS}/{row['operation_id']}/{row['subject_id']}"}
    asked = {**target, "requestor": row["requestor_id"]}
    yield _event("approval.created", "0.1.0", "/requests", row["approval_id"], row["requested_at"], asked)
    if row["status"] != "pending" or row["decision"]:
        answer = {"responder": row["responder_id"], "decision": row["decision"], "status": row["status"]}
        answer = {name: value for name, value in answer.items() if value}
        yield _event(
            "approval.closed",
            "0.1.0",
            "/requests",
            row["approval_id"],
            row["decided_at"] or row["requested_at"],
            {**target, **answer},
        )


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Deployments seen to begin (of those that did not succeed neither environment nor version), pull requests, incidents, tickets,
    and approvals of known time."""
    good = pl.col("outcome") == "success"
    only = [
        pl.when(good.fill_null(False)).then(pl.col(name)).alias(name)
        for name in ("environment", "version", "is_rollback")
    ]
    source = (
        pl.when(good.fill_null(False)).then(pl.lit("cdevents:cd/larkspur/")).otherwise(pl.lit("cdevents:ci/larkspur/"))
    )
    return {
        "deployments": _runs(tables).select(
            (source + pl.col("deployment_id")).alias("deployment_id"), "service_id", *only, "queued_at", "started_at", "finished_at", "outcome"
        ),
        "changes": _changes(tables).select(
            (pl.lit("cdevents:git/larkspur/") + pl.col("change_id")).alias("change_id"), "service_id", "repo", "kind", "opened_at", "first_review_at", "merged_at", "closed_at"
        ),
        "incidents": tables["incidents"].select(
            (pl.lit("cdevents:monitoring/") + pl.col("incident_id")).alias("incident_id"), "service_id", "opened_at", "resolved_at", "url"
        ),
        "tickets": tables["tickets"].select(
            (pl.lit("cdevents:help/") + pl.col("ticket_id")).alias("ticket_id"), "team_id", "category", "priority", "created_at", "resolved_at", "status"
        ),
        "approvals": _approvals(tables).select(
            (pl.lit("cdevents:requests/") + pl.col("approval_id")).alias("approval_id"), "operation_id", "requestor_id", "responder_id", "requested_at", "decided_at", "decision",
            "status", "time_basis",
        ),
    }  # fmt: skip
