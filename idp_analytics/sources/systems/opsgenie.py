"""Opsgenie: incidents, alerts, teams and services of its API. The product ends in 2027; its successor exports the same shapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, TEAMS, Gives, Recipe, Row, Shape, System

_ENDED = ("resolved", "closed")


def incidents(document: Document, export: Export) -> Iterator[Row]:
    """One row per incident and the first service it touched; its end is that of the impact, else of the last update once it is over."""
    ended = document.text("impactEndDate") or (
        document.text("updatedAt") if document.text("status") in _ENDED else None
    )
    priority = document.text("priority")
    services = members.words(document.body, "impactedServices")
    team = document.text("ownerTeam") or next(
        (members.text(one, "id") for one in document.every("responders") if one.get("type") == "team"), None
    )
    if len(services) > 1:
        yield document.warning("some incidents touched several services: they are counted for the first")
    yield document.row(
        newest=document.text("updatedAt"), incident_id=export.id(document.text("id")), service_id=export.service(_named(export, "service", services)),
        team_id=_named(export, "team", [team] if team else []) if export.options["teams"] else None,
        severity=priority[1:] if priority and priority[0] == "P" else None, severity_raw=priority,
        opened_at=document.text("impactStartDate") or document.text("createdAt"), resolved_at=ended, url=document.text("links", "web"),
    )  # fmt: skip


def pages(document: Document, export: Export) -> Iterator[Row]:
    """One row per alert: how often it came again is one page. Who was called is not said."""
    at, report = document.text("createdAt"), document.text("report", "ackTime")
    acknowledged = _after(at, report)
    team = document.text("ownerTeamId") or document.text("teams", 0, "id")
    yield document.row(
        newest=document.text("updatedAt"), page_id=export.id(document.text("id")), paged_at=at, acknowledged_at=acknowledged,
        team_id=_named(export, "team", [team] if team else []) if export.options["teams"] else None,
        urgency="high" if document.text("priority") in ("P1", "P2", "P3") else "low" if document.text("priority") else None,
    )  # fmt: skip


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per team, under its name, as other systems know it."""
    del export
    yield document.row(team_id=document.text("name"), name=document.text("name"), kind="team")


def _named(export: Export, shape: str, ids: list[str]) -> str | None:
    """The name of the first; the id itself where the dump with names is not there."""
    if not ids:
        return None
    known = export.by(shape, "id").get(ids[0])
    return (known[0].text("name") if known else None) or ids[0]


def _after(at: str | None, milliseconds: str | None) -> str | None:
    if not at or not milliseconds or not milliseconds.isdigit():
        return None
    return (datetime.fromisoformat(at) + timedelta(milliseconds=int(milliseconds))).isoformat()


_API = 'curl -fsS -H "Authorization: GenieKey $TOKEN"'

SYSTEM = System(
    kind="opsgenie",
    title="Opsgenie",
    shapes=(
        Shape("incident", "an incident", lambda b: {"tinyId", "impactedServices"} <= b.keys()),
        Shape("alert", "an alert", lambda b: {"tinyId", "lastOccurredAt", "acknowledged"} <= b.keys()),
        Shape("service", "a service", lambda b: {"teamId", "name", "id"} <= b.keys() and ("links" in b or "isExternal" in b)),
        Shape("team", "a team", lambda b: {"id", "name", "links"} <= b.keys() and "opsgenie" in str(b["links"])),
    ),
    gives=(
        Gives("incidents", incidents, ("incident",), "all", beside=("service", "team"),
              lost=("acknowledged_at", "deployment_id", "change_caused", "postmortem_on")),
        Gives("pages", pages, ("alert",), "as long as alerts are kept", beside=("team",), lost=("incident_id", "service_id", "person_id")),
        Gives("teams", teams, ("team",), "now only", lost=("parent_team_id", "time_zone", "valid_from", "valid_to")),
    ),
    recipes=(
        Recipe("incidents.json", f'{_API} "$OPSGENIE/v1/incidents?limit=100&sort=createdAt" > incidents.json', "read", "Follow paging.next; a page that has one is marked as incomplete."),
        Recipe("alerts.json", f'{_API} "$OPSGENIE/v2/alerts?limit=100&sort=createdAt" > alerts.json', "read", "At most 20,000 alerts per query: ask month by month."),
        Recipe("teams.json", f'{_API} "$OPSGENIE/v2/teams" > teams.json', "read"),
        Recipe("services.json", f'{_API} "$OPSGENIE/v1/services?limit=100" > services.json', "read", "Names of the services that incidents give by id."),
    ),
    options=(SERVICE_PATTERN, TEAMS),
)  # fmt: skip
