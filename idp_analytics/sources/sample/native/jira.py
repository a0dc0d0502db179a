"""The company's tickets as a Jira project, found by a search."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {
    "team_field": "customfield_10011", "service_field": "customfield_10012", "channel_field": "customfield_10013", "people": "keep",
}  # fmt: skip
OTHERWISE: dict[str, frozenset[str]] = {}


def _local(at: Any) -> str | None:
    """Jira writes offsets without a colon, in the zone of whoever asks."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"


def _issue(row: dict[str, Any]) -> dict[str, Any]:
    done = row["status"] == "done"
    reopened: list[dict[str, Any]] = [
        {"id": str(n), "author": {}, "created": _local(row["created_at"]), "items": [{"field": "resolution", "from": "1", "to": None}]}
        for n in range(row["reopens"] or 0)
    ]  # fmt: skip
    answers = (
        [{"author": {"accountId": "support"}, "created": _local(row["first_response_at"]), "body": "…"}]
        if row["first_response_at"]
        else []
    )
    return {
        "id": row["ticket_id"].rsplit("-", 1)[-1], "key": row["ticket_id"],
        "fields": {
            "created": _local(row["created_at"]), "updated": _local(row["resolved_at"] or row["created_at"]), "resolutiondate": _local(row["resolved_at"]),
            "summary": "…", "reporter": {"accountId": "somebody"}, "issuetype": {"name": "Service Request"}, "labels": [],
            "status": {"name": "Fertig" if done else "Offen", "statusCategory": {"key": "done" if done else "new"}},
            "priority": {"name": row["priority"]} if row["priority"] else None, "components": [{"name": row["category"]}] if row["category"] else [],
            "comment": {"comments": answers}, "customfield_10011": {"value": row["team_id"]} if row["team_id"] else None,
            "customfield_10012": row["service_id"], "customfield_10013": [{"value": row["channel"]}] if row["channel"] else [],
        },
        "changelog": {"histories": reopened},
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``issues.json.gz`` as the newer search gives it, and ``users.json``."""
    people = [
        {"accountId": person, "accountType": "app" if is_bot else "atlassian", "active": True, **({"timeZone": zone} if zone else {})}
        for person, is_bot, zone in tables["people"].select("person_id", "is_bot", "time_zone").iter_rows()
    ]  # fmt: skip
    return {
        "issues.json.gz": {"issues": [_issue(row) for row in tables["tickets"].iter_rows(named=True)], "isLast": True},
        "users.json": people,
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Tickets but for the golden path they are about."""
    return {
        "tickets": tables["tickets"].drop("ticket_id", "golden_path_id", "status_raw").with_columns(
            (pl.lit("jira:") + tables["tickets"]["ticket_id"]).alias("ticket_id")
        ),
        "people": tables["people"].select("person_id", "is_bot", "time_zone"),
    }  # fmt: skip
