"""The company's tickets as Zendesk has them, with their metrics beside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"team_field": "360001", "service_field": "360002"}
OTHERWISE: dict[str, frozenset[str]] = {}


def _ticket(row: dict[str, Any]) -> dict[str, Any]:
    fields = {"360001": row["team_id"], "360002": row["service_id"]}
    return {
        "id": row["ticket_id"], "created_at": stamp(row["created_at"]), "updated_at": stamp(row["resolved_at"] or row["created_at"]), "type": "question",
        "priority": row["priority"], "status": "solved" if row["status"] == "done" else "open", "requester_id": 1, "submitter_id": 1,
        "tags": [row["category"]] if row["category"] else [], "via": {"channel": row["channel"]},
        "custom_fields": [{"id": int(name), "value": value} for name, value in fields.items()],
    }  # fmt: skip


def _metric(row: dict[str, Any]) -> dict[str, Any]:
    first = row["first_response_at"]
    minutes = None if first is None else (first - row["created_at"]).total_seconds() / 60
    return {
        "ticket_id": row["ticket_id"], "reopens": row["reopens"], "solved_at": stamp(row["resolved_at"]),
        "reply_time_in_minutes": {"calendar": minutes, "business": None},
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``tickets.json.gz`` and ``ticket_metrics.json.gz``."""
    rows = tables["tickets"].to_dicts()
    return {
        "tickets.json.gz": {"tickets": [_ticket(row) for row in rows], "end_of_stream": True},
        "ticket_metrics.json.gz": {"ticket_metrics": [_metric(row) for row in rows], "meta": {"has_more": False}},
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Tickets but for the golden path they are about; the first answer to the minute of its metrics."""
    seconds = pl.col("created_at") + pl.duration(
        seconds=(pl.col("first_response_at") - pl.col("created_at")).dt.total_seconds()
    )
    return {
        "tickets": tables["tickets"].drop("golden_path_id", "status_raw").with_columns(
            (pl.lit("zendesk:") + pl.col("ticket_id")).alias("ticket_id"), seconds.alias("first_response_at")
        )
    }  # fmt: skip
