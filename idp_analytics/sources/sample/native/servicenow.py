"""The company's incidents, and its gated deployments and runs as change requests with an approver each."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {"people": "keep"}
OTHERWISE = {
    "incidents": frozenset({"team_id", "change_caused"}),
    "approvals": frozenset({"subject_id", "subject_kind", "automated"}),
    "changes": frozenset({"labels", "approved_at", "closed_at"}),
}
_STATES = {
    "approved": "approved",
    "rejected": "rejected",
    "pending": "requested",
    "cancelled": "cancelled",
    "expired": "cancelled",
}


def _utc(at: Any) -> str:
    """The Table API's raw form: UTC, which it does not say."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _of(value: str | None, shown: str | None = None) -> Any:
    return {"display_value": shown or value or "", "value": value or ""}


def _incident(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sys_id": f"sys-{row['incident_id']}", "number": f"INC-{row['incident_id']}", "priority": _of(str(row["severity"]), f"{row['severity']} - Level"),
        "state": _of("6" if row["resolved_at"] else "2", "Resolved" if row["resolved_at"] else "In Progress"), "business_service": _of(row["service_id"]),
        "opened_at": _utc(row["opened_at"]), "work_start": _utc(row["acknowledged_at"]), "resolved_at": _utc(row["resolved_at"]),
        "sys_created_on": _utc(row["opened_at"]), "sys_updated_on": _utc(row["resolved_at"] or row["opened_at"]), "caused_by": "",
    }  # fmt: skip


def _gated(tables: Tables) -> pl.DataFrame:
    return tables["approvals"].filter(pl.col("requested_at").is_not_null()).sort("approval_id")


def files(tables: Tables) -> dict[str, Any]:
    """``incidents.json.gz``, ``changes.json.gz`` and ``approvals.json.gz``."""
    changes, approvals = [], []
    for row in _gated(tables).iter_rows(named=True):
        native = f"chg-{row['approval_id']}"
        changes.append({
            "sys_id": native, "number": f"CHG-{row['approval_id']}", "type": "normal", "approval": row["status"], "requested_by": _of(row["requestor_id"]),
            "short_description": "…", "category": _of(row["operation_id"]), "business_service": _of(row["service_id"]),
            "sys_created_on": _utc(row["requested_at"]), "sys_updated_on": _utc(row["decided_at"] or row["requested_at"]),
        })  # fmt: skip
        approvals.append({
            "sys_id": row["approval_id"], "sysapproval": {"link": "https://snow.larkspur.invalid/x", "value": native}, "approver": _of(row["responder_id"]),
            "state": _STATES[row["status"]], "sys_created_on": _utc(row["requested_at"]), "sys_updated_on": _utc(row["decided_at"] or row["requested_at"]),
        })  # fmt: skip
    incidents = [_incident(row) for row in tables["incidents"].iter_rows(named=True)]
    return {
        "incidents.json.gz": {"result": incidents},
        "changes.json.gz": {"result": changes},
        "approvals.json.gz": {"result": approvals},
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """An approval that expired is cancelled here; only who decided is known as its responder; its time is a bound."""
    ours = pl.lit("servicenow:")
    gated = _gated(tables)
    decided = pl.col("status").is_in(["approved", "rejected"])
    return {
        "incidents": tables["incidents"].select(
            (pl.lit("servicenow:INC-") + pl.col("incident_id")).alias("incident_id"), "service_id", "severity", "opened_at", "acknowledged_at", "resolved_at"
        ),
        "changes": gated.select(
            (pl.lit("servicenow:CHG-") + pl.col("approval_id")).alias("change_id"), "service_id", pl.col("requestor_id").alias("author_id"),
            pl.col("requested_at").alias("opened_at"), pl.lit("…").alias("title"),
        ),
        "approvals": gated.select(
            (ours + pl.col("approval_id")).alias("approval_id"), "operation_id", "service_id", "requestor_id",
            pl.when(decided).then("responder_id").alias("responder_id"), "requested_at", pl.when(decided).then("decided_at").alias("decided_at"),
            pl.when(decided).then("status").alias("decision"), pl.col("status").replace({"expired": "cancelled"}).alias("status"),
            pl.when(decided).then(pl.lit("bound")).otherwise(pl.lit("none")).alias("time_basis"),
        ),
        "operations": gated.select("operation_id", pl.col("operation_id").alias("title")).unique(),
    }  # fmt: skip
