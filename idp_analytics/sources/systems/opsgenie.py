"""Opsgenie: incidents, alerts, teams and services of its API. The product ends in 2027; its successor exports the same shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import polars as pl

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, either, later
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, TEAMS, Gives, Recipe, Row, Shape, System, having

_DIGITS = 15
_ENDED = ("resolved", "closed")


def incidents(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per incident and the first service it touched; its end is that of the impact, else of the last update once it is over."""
    updated, priority = batch.texts("updatedAt"), batch.texts("priority")
    over = [at if word in _ENDED else None for at, word in zip(updated, batch.texts("status"), strict=True)]
    services = list(map(members.words, batch.at("impactedServices")))
    if any(len(of) > 1 for of in services):
        yield batch.documents[0].warning("some incidents touched several services: they are counted for the first")
    yield from batch.rows(
        newest=updated, incident_id=export.ids(batch.texts("id")),
        service_id=each(export.service, _named(export, "service", [of[0] if of else None for of in services])),
        team_id=_named(export, "team", either(batch.texts("ownerTeam"), _answering(batch))) if export.options["teams"] else None,
        severity=[word[1:] if word and word[0] == "P" else None for word in priority], severity_raw=priority,
        opened_at=either(batch.texts("impactStartDate"), batch.texts("createdAt")), resolved_at=either(batch.texts("impactEndDate"), over),
        url=batch.texts("links", "web"),
    )  # fmt: skip


def _answering(batch: Batch) -> list[str | None]:
    """The first team among those who respond."""
    found: list[str | None] = [None] * len(batch)
    who, places = batch.every("responders")
    met: set[int] = set()
    for place, kind, native in zip(places, who.at("type"), who.texts("id"), strict=True):
        if kind == "team" and place not in met:
            met.add(place)
            found[place] = native
    return found


def pages(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per alert: how often it came again is one page. Who was called is not said."""
    at = batch.texts("createdAt")
    yield from batch.rows(
        newest=batch.texts("updatedAt"), page_id=export.ids(batch.texts("id")), paged_at=at,
        acknowledged_at=_acknowledged(at, batch.texts("report", "ackTime")),
        team_id=_named(export, "team", either(batch.texts("ownerTeamId"), batch.texts("teams", 0, "id"))) if export.options["teams"] else None,
        urgency=["high" if word in ("P1", "P2", "P3") else "low" if word else None for word in batch.texts("priority")],
    )  # fmt: skip


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per team, under its name, as other systems know it."""
    del export
    yield document.row(team_id=document.text("name"), name=document.text("name"), kind="team")


def _named(export: Export, shape: str, ids: Sequence[str | None]) -> list[str | None]:
    """The name of each; the id itself where the dump with names is not there."""
    known = export.by(shape, "id")
    names = {native: found[0].text("name") for native, found in known.items()}
    return [names.get(native or "") or native for native in ids]


def _acknowledged(at: list[str | None], waited: list[str | None]) -> pl.Series | list[str | None]:
    """So many milliseconds after each came."""
    milliseconds = [int(text) if text and text.isdigit() and len(text) < _DIGITS else None for text in waited]
    told = (
        later(at, pl.Series(milliseconds, dtype=pl.Int64) * 1000)
        if waited.count(None) == milliseconds.count(None)
        else None
    )
    return list(map(_after, at, waited)) if told is None else told


def _after(at: str | None, milliseconds: str | None) -> str | None:
    if not at or not milliseconds or not milliseconds.isdigit():
        return None
    return (datetime.fromisoformat(at) + timedelta(milliseconds=int(milliseconds))).isoformat()


_API = 'curl -fsS -H "Authorization: GenieKey $TOKEN"'

SYSTEM = System(
    kind="opsgenie",
    title="Opsgenie",
    shapes=(
        Shape("incident", "an incident", having("tinyId", "impactedServices")),
        Shape("alert", "an alert", having("tinyId", "lastOccurredAt", "acknowledged")),
        Shape("service", "a service", lambda b: {"teamId", "name", "id"} <= b.keys() and ("links" in b or "isExternal" in b)),
        Shape("team", "a team", lambda b: {"id", "name", "links"} <= b.keys() and "opsgenie" in str(b["links"])),
    ),
    gives=(
        Gives("incidents", None, ("incident",), "all", beside=("service", "team"),
              lost=("acknowledged_at", "deployment_id", "change_caused", "postmortem_on"), at_once=incidents),
        Gives("pages", None, ("alert",), "as long as alerts are kept", beside=("team",), lost=("incident_id", "service_id", "person_id"), at_once=pages),
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
