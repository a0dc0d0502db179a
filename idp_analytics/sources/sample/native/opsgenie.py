"""The company's incidents as Opsgenie has them."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {}
OTHERWISE = {"incidents": frozenset({"team_id"}), "pages": frozenset({"team_id"})}


def files(tables: Tables) -> dict[str, Any]:
    """``incidents.json.gz``, the ``alerts`` behind the pages and the names of services."""
    incidents = [
        {
            "id": row["incident_id"], "tinyId": row["incident_id"].rsplit("-", 1)[-1], "message": "Something is wrong", "tags": [],
            "impactedServices": [f"svc-{row['service_id']}"] if row["service_id"] else [], "status": "resolved" if row["resolved_at"] else "open",
            "createdAt": stamp(row["opened_at"]), "updatedAt": stamp(row["resolved_at"] or row["opened_at"]), "priority": f"P{row['severity']}" if row["severity"] else None,
            "ownerTeam": "", "responders": [], "impactStartDate": stamp(row["opened_at"]), "links": {"web": row["url"]},
            **({"impactEndDate": stamp(row["resolved_at"])} if row["resolved_at"] else {}),
        }
        for row in tables["incidents"].iter_rows(named=True)
    ]  # fmt: skip
    alerts = [
        {
            "id": row["page_id"], "tinyId": row["page_id"], "message": "Something is wrong", "status": "closed", "count": 1, "teams": [],
            "acknowledged": row["acknowledged_at"] is not None, "lastOccurredAt": stamp(row["paged_at"]), "createdAt": stamp(row["paged_at"]),
            "updatedAt": stamp(row["paged_at"]), "priority": "P1" if row["urgency"] == "high" else "P4", "ownerTeamId": "",
            "report": {"ackTime": round((row["acknowledged_at"] - row["paged_at"]).total_seconds() * 1000)} if row["acknowledged_at"] else {},
        }
        for row in tables["pages"].iter_rows(named=True)
    ]  # fmt: skip
    services = [
        {"id": f"svc-{name}", "name": name, "teamId": "x", "links": {}} for name in tables["services"]["service_id"]
    ]
    return {
        "incidents.json.gz": {"data": incidents, "paging": {}},
        "alerts.json.gz": {"data": alerts},
        "services.json": {"data": services},
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Incidents without who acknowledged them, and pages without whom they called."""
    ours = pl.lit("opsgenie:")
    return {
        "incidents": tables["incidents"].select(
            (ours + pl.col("incident_id")).alias("incident_id"), "service_id", "severity", "opened_at", "resolved_at", "url"
        ),
        "pages": tables["pages"].select((ours + pl.col("page_id")).alias("page_id"), "paged_at", "acknowledged_at", "urgency"),
    }  # fmt: skip
