"""The company's deployments, their approvals and its merge requests as GitLab has them."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import KNOWN, Tables, stamp
from idp_analytics.tables.pseudonyms import apart

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "service_pattern": "[^/]+/(?:lark-)?(.+)",
    "environments": {"PROD": "production", "STAGE": "staging"},
}
OTHERWISE = {"deployments": frozenset({"version"}), "approvals": frozenset({"operation_id"})}
_STATUS = {"success": "success", "failure": "failed", "error": "failed", "cancel": "canceled"}


def _deployed(tables: Tables) -> pl.DataFrame:
    return tables["deployments"].filter(KNOWN)


def _gated(tables: Tables) -> pl.DataFrame:
    """Approvals of deployments that were decided by one person."""
    known = _deployed(tables).select(
        pl.col("deployment_id").alias("subject_id"), "queued_at", "initiated_by", pl.col("service_id").alias("_service")
    )
    decided = tables["approvals"].filter(
        pl.col("subject_kind") == "deployment", pl.col("decision").is_in(["approved", "rejected"])
    )
    return (
        decided.join(known, on="subject_id").sort("approval_id").unique("subject_id", keep="first", maintain_order=True)
    )


def _requests(tables: Tables) -> pl.DataFrame:
    return tables["changes"].filter(
        pl.col("kind") == "pull_request", pl.col("opened_at").is_not_null(), pl.col("repo").is_not_null()
    )


def _deployment(row: dict[str, Any], decision: dict[str, Any] | None) -> dict[str, Any]:
    said = [] if decision is None else [
        {"user": {"username": decision["responder_id"]}, "status": decision["decision"], "created_at": stamp(decision["decided_at"]), "comment": "…"}
    ]  # fmt: skip
    return {
        "id": row["deployment_id"], "iid": 1, "ref": row["version"], "sha": row["sha"], "created_at": stamp(row["queued_at"]),
        "updated_at": stamp(row["finished_at"] or row["started_at"]), "status": _STATUS.get(row["outcome"], "running"), "user": {"username": row["initiated_by"]},
        "environment": {"id": 1, "name": row["environment_raw"], "tier": row["environment"]},
        "deployable": {
            "started_at": stamp(row["started_at"]), "finished_at": stamp(row["finished_at"]),
            "commit": {"web_url": f"https://git.larkspur.invalid/larkspur/{row['service_id']}/-/commit/x"},
        },
        "approvals": said,
    }  # fmt: skip


def _request(row: dict[str, Any]) -> dict[str, Any]:
    number = row["change_id"].rsplit("-", 1)[-1]
    *labels, branch = row["labels"] or [None]
    return {
        "id": number, "iid": number, "project_id": 7, "title": row["title"], "state": "merged" if row["merged_at"] else "closed" if row["closed_at"] else "opened",
        "created_at": stamp(row["opened_at"]), "updated_at": stamp(row["merged_at"] or row["opened_at"]), "merged_at": stamp(row["merged_at"]),
        "closed_at": stamp(row["closed_at"]), "target_branch": "main", "source_branch": branch, "labels": labels, "author": {"username": row["author_id"]},
        "merge_commit_sha": row["sha"], "squash_commit_sha": None, "references": {"full": f"{row['repo']}!{number}"},
        "changes_stats": {"additions": row["lines"], "deletions": 0},
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``deployments.json.gz`` and ``merge_requests.json.gz``."""
    decided = {row["subject_id"]: row for row in _gated(tables).iter_rows(named=True)}
    return {
        "deployments.json.gz": [
            _deployment(row, decided.get(row["deployment_id"])) for row in _deployed(tables).iter_rows(named=True)
        ],
        "merge_requests.json.gz": [_request(row) for row in _requests(tables).iter_rows(named=True)],
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Deployments, where an error is a failure; of approvals those somebody decided, asked for when the deployment was; merge
    requests, without when they were reviewed."""
    ours = pl.lit("gitlab:")
    ended, gated = pl.col("outcome").is_not_null(), _gated(tables)
    decided = [f"gitlab:{of}/{apart(who, of)}" for of, who in gated.select("subject_id", "responder_id").iter_rows()]
    return {
        "deployments": _deployed(tables).select(
            (ours + pl.col("deployment_id")).alias("deployment_id"), "service_id", "environment", "sha", "queued_at", "started_at",
            pl.when(ended).then("finished_at").alias("finished_at"), pl.col("outcome").replace({"error": "failure"}).alias("outcome"), "initiated_by",
        ),
        "approvals": gated.select(
            pl.Series("approval_id", decided, pl.String), "subject_kind", (ours + pl.col("subject_id")).alias("subject_id"),
            pl.col("_service").alias("service_id"), pl.col("initiated_by").alias("requestor_id"), "responder_id", pl.col("queued_at").alias("requested_at"), "decided_at",
            "decision", pl.col("decision").alias("status"), pl.lit(False).alias("automated"), pl.lit("exact").alias("time_basis"),
        ),
        "changes": _requests(tables).select(
            (pl.lit("gitlab:7/") + pl.col("change_id").str.split("-").list.last()).alias("change_id"), "service_id", "repo", "author_id", "kind",
            pl.when(pl.col("merged_at").is_not_null() | pl.col("sha").is_not_null()).then("sha").alias("sha"), "opened_at", "merged_at",
            pl.coalesce("closed_at", "merged_at").alias("closed_at"), "lines", "title", "labels",
        ),
    }  # fmt: skip
