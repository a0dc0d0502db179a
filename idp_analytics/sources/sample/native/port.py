"""The company's services, self-service actions and their runs as Port has them, with the audit log that knows when runs were approved."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"people": "keep"}
OTHERWISE = {
    "services": frozenset({"retired_at"}), "operations": frozenset({"golden_path_id"}), "action_runs": frozenset({"started_at", "golden_path_id"}),
}  # fmt: skip
_STATUS = {"success": "SUCCESS", "failure": "FAILURE", "error": "FAILURE", "cancel": "FAILURE"}
_SOURCES = {"ui": "UI", "api": "API", "automation": "AUTOMATION"}


def _runs(tables: Tables) -> pl.DataFrame:
    """Runs asked for in the portal, by its interface or by its automations, with what was decided about them."""
    said = tables["approvals"].filter(pl.col("subject_kind") == "action_run").select(
        pl.col("subject_id").alias("run_id"), "responder_id", "decided_at", "status", pl.lit(True).alias("gated")
    )  # fmt: skip
    known = pl.col("outcome").is_null() | pl.col("finished_at").is_not_null() | (pl.col("outcome") == "cancel")
    asked = tables["action_runs"].filter(pl.col("channel").is_in(list(_SOURCES)), known)
    return asked.join(said, on="run_id", how="left", maintain_order="left").filter(
        pl.col("status").is_null() | pl.col("status").is_in(["approved", "rejected", "cancelled"])
    )


def _status(row: dict[str, Any]) -> str:
    if row["status"] == "rejected":
        return "DECLINED"
    return "FAILURE" if row["status"] == "cancelled" else _STATUS.get(row["outcome"], "IN_PROGRESS")


def _run(row: dict[str, Any]) -> dict[str, Any]:
    status = _status(row)
    decided = row["status"] in ("approved", "rejected")
    ended = row["finished_at"] or row["decided_at"] or row["requested_at"]
    return {
        "id": row["run_id"], "action": {"identifier": row["operation_id"], "title": row["operation_id"]}, "blueprint": {"identifier": "service"},
        "entity": {"identifier": row["service_id"]} if row["service_id"] else None, "source": _SOURCES[row["channel"]], "requiredApproval": bool(row["gated"]),
        "approval": {"userId": row["responder_id"], "state": "APPROVED" if status != "DECLINED" else "DECLINED", "description": ""} if decided else None,
        "status": status, "createdBy": row["requestor_id"], "createdAt": stamp(row["requested_at"]), "updatedAt": stamp(ended),
        "endedAt": None if status == "IN_PROGRESS" else stamp(ended),
    }  # fmt: skip


def _left(row: dict[str, Any]) -> list[dict[str, Any]]:
    """How a run left the queue, in the audit log."""
    after = {"approved": "IN_PROGRESS", "rejected": "DECLINED", "cancelled": "FAILURE"}.get(row["status"])
    if after is None:
        return []
    at = row["decided_at"] or row["requested_at"]
    waiting = {"id": row["run_id"], "status": "WAITING_FOR_APPROVAL"}
    return [{
        "identifier": f"event_{row['run_id']}", "action": "UPDATE", "resourceType": "run", "status": "SUCCESS", "context": {"run_id": row["run_id"]},
        "trigger": {"at": stamp(at), "by": {"userId": row["responder_id"] or row["requestor_id"]}, "origin": "UI"},
        "diff": {"before": waiting, "after": {**waiting, "status": after}},
    }]  # fmt: skip


def _services(tables: Tables) -> pl.DataFrame:
    return tables["services"].filter(pl.col("retired_at").is_null())


def files(tables: Tables) -> dict[str, Any]:
    """``entities.json``, ``actions.json``, ``runs.json.gz`` and ``audit.json.gz``."""
    owners = dict(tables["ownership"].filter(pl.col("valid_to").is_null()).select("service_id", "team_id").iter_rows())
    entities = [
        {
            "identifier": row["service_id"], "title": row["name"], "blueprint": "service", "team": [owners[row["service_id"]]],
            "properties": {"type": row["kind"], "lifecycle": row["lifecycle"].title(), "tier": row["tier"], "repo": f"https://git.larkspur.invalid/{row['repo']}"},
            "relations": {}, "createdAt": stamp(row["created_at"]), "updatedAt": stamp(row["created_at"]),
        }
        for row in _services(tables).iter_rows(named=True)
    ]  # fmt: skip
    actions = [
        {
            "identifier": row["operation_id"], "title": row["title"], "trigger": {"type": "self-service", "operation": row["category"], "userInputs": {}},
            "requiredApproval": row["gate"] == "human", "invocationMethod": {"type": "WEBHOOK"},
        }
        for row in tables["operations"].iter_rows(named=True)
    ]  # fmt: skip
    runs = _runs(tables).to_dicts()
    return {
        "entities.json": {"ok": True, "entities": entities}, "actions.json": {"ok": True, "actions": actions},
        "runs.json.gz": {"ok": True, "runs": [_run(row) for row in runs]},
        "audit.json.gz": {"ok": True, "audits": [entry for row in runs for entry in _left(row)]},
    }  # fmt: skip


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Services that are there, and runs of three of the five channels. An error is a failure; what was withdrawn or declined never
    ran; a gate is a human one or none."""
    runs, ours = _runs(tables), pl.lit("port:")
    stopped = pl.col("status").is_in(["rejected", "cancelled"])
    outcome = pl.col("outcome").replace({"error": "failure"})
    # A run that was cancelled while it ran is a failure to Port.
    cancelled = pl.when((pl.col("outcome") == "cancel") & ~stopped.fill_null(False)).then(pl.lit("failure"))
    decided = pl.col("status").is_in(["approved", "rejected"])
    ended = pl.coalesce("finished_at", "decided_at", "requested_at")
    there = _services(tables).select("service_id")
    gated = runs.filter(pl.col("gated"))
    return {
        "services": _services(tables).select("service_id", "name", "kind", "lifecycle", "tier", "repo", "created_at"),
        "ownership": tables["ownership"].filter(pl.col("valid_to").is_null()).join(there, on="service_id").select(
            "service_id", "team_id", pl.lit(None, pl.Date).alias("valid_from"), pl.lit(None, pl.Date).alias("valid_to")
        ),
        "operations": tables["operations"].select(
            "operation_id", "title", pl.when(pl.col("gate") == "human").then(pl.lit("human")).otherwise(pl.lit("none")).alias("gate"), "category"
        ),
        "action_runs": runs.select(
            (ours + pl.col("run_id")).alias("run_id"), "operation_id", "service_id", "requestor_id", "requested_at",
            pl.when(pl.col("outcome").is_not_null() | stopped).then(ended).alias("finished_at"),
            pl.when(stopped).then(pl.lit("cancel")).otherwise(pl.coalesce(cancelled, outcome)).alias("outcome"), "channel",
        ),
        "approvals": gated.select(
            (ours + pl.col("run_id")).alias("approval_id"), "operation_id", pl.lit("action_run").alias("subject_kind"), (ours + pl.col("run_id")).alias("subject_id"),
            "service_id", "requestor_id", pl.when(decided).then("responder_id").alias("responder_id"), "requested_at",
            pl.when(decided).then("decided_at").alias("decided_at"), pl.when(decided).then("status").alias("decision"), "status",
            pl.when(decided).then(pl.lit("exact")).otherwise(pl.lit("none")).alias("time_basis"),
        ),
    }  # fmt: skip
