"""The company's incidents and pages as PagerDuty's REST API gives them."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"people": "keep"}
OTHERWISE: dict[str, frozenset[str]] = {"incidents": frozenset({"team_id"}), "pages": frozenset({"team_id"})}


def files(tables: Tables) -> dict[str, Any]:
    """``incidents.json`` in pages of a hundred, ``log_entries.jsonl`` and ``users.json``."""
    urgency = dict(
        tables["pages"].filter(pl.col("incident_id").is_not_null()).select("incident_id", "urgency").iter_rows()
    )
    incidents = [
        _incident(row, urgency.get(row["incident_id"], "high")) for row in tables["incidents"].iter_rows(named=True)
    ]
    entries = [entry for row in tables["pages"].iter_rows(named=True) for entry in _paged(row)]
    entries += [
        _entry("trigger", f"{row['incident_id']}-trigger", row["incident_id"], row["opened_at"])
        for row in tables["incidents"].iter_rows(named=True)
    ]
    entries += [
        _entry("acknowledge", f"{row['incident_id']}-ack", row["incident_id"], row["acknowledged_at"])
        for row in tables["incidents"].filter(pl.col("acknowledged_at").is_not_null()).iter_rows(named=True)
    ]  # fmt: skip
    pages = [
        {"incidents": incidents[start : start + 100], "limit": 100, "offset": start, "more": start + 100 < len(incidents)}
        for start in range(0, len(incidents), 100)
    ]  # fmt: skip
    return {
        "incidents.jsonl.gz": pages,
        "log_entries.jsonl.gz": entries,
        "users.json": {"users": [_user(row) for row in _people(tables)], "more": False},
    }


def _incident(row: dict[str, Any], urgency: str) -> dict[str, Any]:
    ended = row["resolved_at"]
    status = "resolved" if ended else "acknowledged" if row["acknowledged_at"] else "triggered"
    return {
        "id": row["incident_id"], "type": "incident", "incident_number": int(row["incident_id"].rsplit("-", 1)[-1]), "title": "Something is wrong",
        "created_at": stamp(row["opened_at"]), "updated_at": stamp(ended or row["acknowledged_at"] or row["opened_at"]), "status": status,
        "service": {"id": f"P-{row['service_id']}", "type": "service_reference", "summary": row["service_id"]} if row["service_id"] else None,
        "last_status_change_at": stamp(ended or row["acknowledged_at"] or row["opened_at"]), "resolved_at": stamp(ended), "teams": [],
        "acknowledgements": [] if ended or not row["acknowledged_at"] else [{"at": stamp(row["acknowledged_at"])}],
        "priority": {"id": "x", "type": "priority_reference", "summary": f"P{row['severity']}"} if row["severity"] else None,
        "urgency": urgency, "html_url": row["url"], "resolve_reason": None,
    }  # fmt: skip


def _entry(kind: str, native: str, incident: str | None, at: Any, **more: Any) -> dict[str, Any]:
    about = {"id": incident, "type": "incident_reference", "summary": "Something is wrong"}
    return {
        "id": native,
        "type": f"{kind}_log_entry",
        "created_at": stamp(at),
        "incident": about,
        "channel": {"type": "auto"},
        "teams": [],
        **more,
    }


def _paged(row: dict[str, Any]) -> list[dict[str, Any]]:
    person = {"id": row["person_id"], "type": "user_reference"}
    service = {"id": "x", "type": "service_reference", "summary": row["service_id"]} if row["service_id"] else None
    found = [_entry("notify", row["page_id"], row["incident_id"], row["paged_at"], user=person, service=service)]
    if row["acknowledged_at"]:
        found.append(
            _entry("acknowledge", f"{row['page_id']}-ack", row["incident_id"], row["acknowledged_at"], agent=person)
        )
    return found


def _people(tables: Tables) -> list[dict[str, Any]]:
    return tables["people"].filter(~pl.col("is_bot")).to_dicts()


def _user(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["person_id"],
        "type": "user",
        "notification_rules": [],
        "time_zone": row["time_zone"],
        "teams": [],
    }


def _answered(pages: pl.DataFrame) -> pl.DataFrame:
    """Who was called twice for one incident answered both calls with the first answer after them."""
    both = ["incident_id", "person_id"]
    answers = pages.filter(pl.col("acknowledged_at").is_not_null()).select(
        *both, pl.col("acknowledged_at").alias("_answer")
    )
    after = (
        pages.drop("acknowledged_at").join(answers, on=both, how="left").filter(pl.col("_answer") >= pl.col("paged_at"))
    )
    first = after.group_by("page_id").agg(pl.col("_answer").min().alias("acknowledged_at"))
    return pages.drop("acknowledged_at").join(first, on="page_id", how="left")


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """All of it; an incident is acknowledged when the first person answered, on the incident or on a page; a page without
    incident has neither an answer nor an urgency."""
    ours = pl.lit("pagerduty:")
    answered = tables["pages"].group_by("incident_id").agg(pl.col("acknowledged_at").min().alias("_answered"))
    urgency = (
        tables["pages"]
        .filter(pl.col("incident_id").is_not_null())
        .group_by("incident_id")
        .agg(pl.col("urgency").last())
    )
    known = tables["incidents"].join(answered, on="incident_id", how="left")
    return {
        "incidents": known.select(
            (ours + pl.col("incident_id")).alias("incident_id"), "service_id", "severity", "opened_at",
            pl.min_horizontal("acknowledged_at", "_answered").alias("acknowledged_at"), "resolved_at", "url",
        ),
        "pages": _answered(tables["pages"].drop("urgency")).join(urgency, on="incident_id", how="left").select(
            (ours + pl.col("page_id")).alias("page_id"), (ours + pl.col("incident_id")).alias("incident_id"), "service_id", "person_id",
            "paged_at", "acknowledged_at", "urgency",
        ),
        "people": tables["people"].filter(~pl.col("is_bot")).select("person_id", "time_zone"),
    }  # fmt: skip
