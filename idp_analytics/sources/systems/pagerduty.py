"""PagerDuty: incidents, log entries, analytics and users of the REST API.

An acknowledgement is forgotten once an incident is resolved: it comes from the log entries or from analytics. Times of
analytics have no zone, which stands beside the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from idp_analytics.sources import members, over_time
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, TEAMS, Gives, Recipe, Row, Shape, System, having


def incidents(document: Document, export: Export) -> Iterator[Row]:
    """One row per incident. ``severity`` is the number in its priority; ``service_id`` the service's name."""
    if document.text("resolve_reason", "type") == "merge_resolve_reason":
        yield document.left_out("was merged into another incident")
        return
    native, status = document.text("id"), document.text("status")
    ended = document.text("resolved_at") or (document.text("last_status_change_at") if status == "resolved" else None)
    acknowledged = [entry.text("created_at") for entry in _entries(export, native, "acknowledge_log_entry")]
    acknowledged += [members.text(one, "at") for one in document.every("acknowledgements")]
    priority = document.text("priority", "summary") or document.text("priority", "name")
    yield document.row(
        newest=document.text("updated_at") or document.text("last_status_change_at"), incident_id=export.id(native),
        service_id=export.service(document.text("service", "summary") or document.text("service", "id")),
        team_id=document.text("teams", 0, "summary") if export.options["teams"] else None,
        severity=severity(priority), severity_raw=priority, opened_at=document.text("created_at"),
        acknowledged_at=min(filter(None, acknowledged), default=None), resolved_at=ended, url=document.text("html_url"),
    )  # fmt: skip


def _analysed(document: Document, export: Export) -> Iterator[Row]:
    """The same from analytics. Its durations are right where they and its times disagree."""
    zone, opened = members.text(document.file.beside, "time_zone"), document.text("created_at")
    begun = _moment(opened, zone)
    priority = document.text("priority_name")
    yield document.row(
        newest=document.text("updated_at"), incident_id=export.id(document.text("id")), service_id=export.service(document.text("service_name")),
        team_id=document.text("team_name") if export.options["teams"] else None, severity=severity(priority), severity_raw=priority,
        opened_at=begun.isoformat() if begun else opened, acknowledged_at=_after(begun, document.text("seconds_to_first_ack")),
        resolved_at=_after(begun, document.text("seconds_to_resolve")) if document.text("status") in ("resolved", None) else None,
    )  # fmt: skip


def _either(document: Document, export: Export) -> Iterator[Row]:
    return (_analysed if "seconds_to_resolve" in document.body else incidents)(document, export)


def pages(document: Document, export: Export) -> Iterator[Row]:
    """One row per notification of one person. It is acknowledged when that person next acknowledged the incident."""
    if document.text("type") != "notify_log_entry":
        return
    incident, person, at = document.text("incident", "id"), document.text("user", "id"), document.text("created_at")
    about = next(iter(export.by("incident", "id").get(incident or "", [])), None)
    answers = [
        entry.text("created_at") for entry in _entries(export, incident, "acknowledge_log_entry")
        if entry.text("agent", "id") == person and (entry.text("created_at") or "") >= (at or "")
    ]  # fmt: skip
    service = document.text("service", "summary") or (about.text("service", "summary") if about else None)
    yield document.row(
        page_id=export.id(document.text("id")), incident_id=export.id(incident), service_id=export.service(service),
        team_id=document.text("teams", 0, "summary") if export.options["teams"] else None, person_id=export.person(person), paged_at=at,
        acknowledged_at=min(filter(None, answers), default=None), urgency=about.text("urgency") if about else None,
    )  # fmt: skip


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per user, with the time zone they set."""
    yield document.row(person_id=export.person(document.text("id")), time_zone=document.text("time_zone"))


def aliases(document: Document, export: Export) -> Iterator[Row]:
    """The address of a user, hashed, so that other systems' people are found."""
    if document.text("email"):
        yield document.row(
            kind="person", alias=export.person(document.text("email")), canonical_id=export.person(document.text("id"))
        )


def severity(priority: str | None) -> str | None:
    """``P2``, ``SEV-2``, ``2 - High`` → 2; null without a number."""
    found = re.search(r"\d", priority or "")
    return found[0] if found else None


def _entries(export: Export, incident: str | None, kind: str) -> list[Document]:
    return [
        entry
        for entry in export.by("log_entry", "incident", "id").get(incident or "", [])
        if entry.text("type") == kind
    ]


def _moment(text: str | None, zone: str | None) -> datetime | None:
    """A time in the zone beside the page, where it has none of its own."""
    try:
        found = datetime.fromisoformat(text or "")
        return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone or ""))
    except (ValueError, ZoneInfoNotFoundError):
        return None


def _after(begun: datetime | None, seconds: str | None) -> str | None:
    return (begun + timedelta(seconds=float(seconds))).isoformat() if begun and seconds else None


_API = 'curl -fsS -H "Authorization: Token token=$TOKEN"'

SYSTEM = System(
    kind="pagerduty",
    title="PagerDuty",
    shapes=(
        Shape("analysed", "an incident of analytics", having("incident_number", "seconds_to_resolve", "service_name")),
        Shape("incident", "an incident", lambda b: b.get("type") == "incident" and "incident_number" in b),
        Shape("log_entry", "a log entry", lambda b: str(b.get("type", "")).endswith("_log_entry") and "incident" in b),
        Shape("user", "a user", lambda b: b.get("type") == "user" and "notification_rules" in b),
        Shape("oncall", "an on-call shift", having("escalation_policy", "escalation_level", "user")),
        Shape("service", "a service", lambda b: b.get("type") == "service" and "escalation_policy" in b),
    ),
    gives=(
        Gives("incidents", _either, ("incident", "analysed"), "all, 10,000 per query", beside=("log_entry", "service"),
              lost=("deployment_id", "change_caused", "postmortem_on"), together=lambda rows: over_time.folded(rows, "incident_id")),
        Gives("pages", pages, ("log_entry",), "all, 10,000 per query", beside=("incident", "oncall")),
        Gives("people", people, ("user",), "now only", lost=("started_on", "ended_on", "is_developer", "is_bot")),
        Gives("aliases", aliases, ("user",), "now only", lost=("system", "valid_from", "valid_to")),
    ),
    recipes=(
        Recipe("incidents.json", f'for o in $(seq 0 100 9900); do {_API} "$PAGERDUTY/incidents?since=$SINCE&until=$UNTIL&limit=100&offset=$o"; done > incidents.json',
               "read-only API key", "Ask for at most a few months at a time: an offset beyond 10,000 is refused. A page that says more is marked as incomplete."),
        Recipe("log_entries.json", f'for o in $(seq 0 100 9900); do {_API} "$PAGERDUTY/log_entries?since=$SINCE&until=$UNTIL&limit=100&offset=$o"; done > log_entries.json',
               "read-only API key", "Who was notified and who acknowledged: without it there are no pages."),
        Recipe("analytics.json", f'{_API} -H "Content-Type: application/json" -d "{{\\"filters\\": {{\\"created_at_start\\": \\"$SINCE\\"}}, \\"limit\\": 1000}}" "$PAGERDUTY/analytics/raw/incidents" > analytics.json',
               "analytics.read", "Follow starting_after while it says more."),
        Recipe("users.json", f'{_API} "$PAGERDUTY/users?limit=100" > users.json', "users.read"),
        Recipe("oncalls.json", f'{_API} "$PAGERDUTY/oncalls?limit=100" > oncalls.json', "oncalls.read"),
        Recipe("services.json", f'{_API} "$PAGERDUTY/services?limit=100" > services.json', "services.read", "Known and not needed: incidents name their service."),
    ),
    options=(SERVICE_PATTERN, TEAMS),
)  # fmt: skip
