"""Zendesk: tickets, their metrics (which know when a ticket was solved) and satisfaction ratings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System

_STATUS = {"new": "open", "open": "open", "pending": "open", "hold": "open", "solved": "done", "closed": "done"}
_SCORES = {"good": 1, "bad": 0}


def tickets(document: Document, export: Export) -> Iterator[Row]:
    """One row per ticket. When it was solved, first answered (calendar minutes) and reopened comes from its metrics."""
    native = document.text("id")
    metric = next(iter(reversed(export.by("metric", "ticket_id").get(native or "", []))), None)
    inside = metric.body if metric else members.at(document.body, "metric_set")
    created, status = document.text("created_at"), document.text("status")
    minutes = members.text(inside, "reply_time_in_minutes", "calendar")
    if inside is None:
        yield document.warning("without ticket metrics nobody knows when tickets were answered and solved")
    by = export.options["category"]
    tags = members.words(document.body, "tags")
    wanted = export.options["category_tags"]
    yield document.row(
        newest=document.text("updated_at"), ticket_id=export.id(native), team_id=_field(document, export.options["team_field"]),
        service_id=_field(document, export.options["service_field"]),
        category=next((tag for tag in tags if not wanted or tag in wanted), None) if by == "tag" else document.text("type") if by == "type" else _field(document, by),
        priority=document.text("priority"), channel=document.text("via", "channel"), created_at=created, first_response_at=_after(created, minutes),
        resolved_at=members.text(inside, "solved_at"), reopens=members.text(inside, "reopens"), status=_STATUS.get(status or "", status), status_raw=status,
    )  # fmt: skip


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per rating of a ticket: good is 1, bad is 0. One that was only offered is no answer."""
    score = document.text("score")
    if score in ("offered", "unoffered"):
        yield document.left_out("was offered and not answered")
        return
    at = document.text("updated_at") or document.text("created_at")
    yield document.row(
        newest=at, response_id=export.id(document.text("id")), question_id="satisfied@1", value_index=0, survey_id="support",
        wave=_quarter(document.text("created_at")), person_id=export.person(document.text("requester_id")), submitted_at=at,
        value=_SCORES.get((score or "").split("_")[0]), label=score, scale_min=0, scale_max=1,
    )  # fmt: skip


def _field(document: Document, name: str | None) -> str | None:
    """A custom field by its id."""
    found = (
        members.text(field, "value") for field in document.every("custom_fields") if members.text(field, "id") == name
    )
    return next(filter(None, found), None) if name else None


def _after(created: str | None, minutes: str | None) -> str | None:
    return (
        (datetime.fromisoformat(created) + timedelta(minutes=float(minutes))).isoformat()
        if created and minutes
        else None
    )


def _quarter(at: str | None) -> str | None:
    return f"{at[:4]}-Q{(int(at[5:7]) + 2) // 3}" if at else None


_API = 'curl -fsS -u "$ZENDESK_USER/token:$TOKEN"'

SYSTEM = System(
    kind="zendesk",
    title="Zendesk",
    shapes=(
        Shape("ticket", "a ticket", lambda b: {"requester_id", "submitter_id", "status", "via"} <= b.keys()),
        Shape("metric", "metrics of a ticket", lambda b: {"ticket_id", "reopens", "reply_time_in_minutes"} <= b.keys()),
        Shape("rating", "a satisfaction rating", lambda b: {"ticket_id", "score", "requester_id"} <= b.keys()),
    ),
    gives=(
        Gives("tickets", tickets, ("ticket",), "all; deleted tickets after 30 days no more", beside=("metric",), lost=("golden_path_id",)),
        Gives("survey_responses", survey_responses, ("rating",), "all", lost=("team_id", "text")),
    ),
    recipes=(
        Recipe("tickets.json", f'{_API} "$ZENDESK/api/v2/incremental/tickets/cursor.json?start_time=$SINCE&include=metric_sets" > tickets.json', "admin",
               "Follow after_url until end_of_stream."),
        Recipe("ticket_metrics.json", f'{_API} "$ZENDESK/api/v2/ticket_metrics.json?page[size]=100" > ticket_metrics.json', "agent", "When tickets were answered and solved."),
        Recipe("satisfaction_ratings.json", f'{_API} "$ZENDESK/api/v2/satisfaction_ratings.json?page[size]=100" > satisfaction_ratings.json', "admin"),
    ),
    options=(
        Option("category", "text", "What a ticket is about: tag, type, or the id of a custom field.", default="tag"),
        Option("category_tags", "texts", "The tags that are categories; without it the first tag is."),
        Option("team_field", "text", "The id of the custom field that names the team that asked."),
        Option("service_field", "text", "The id of the custom field that names the service."),
    ),
)  # fmt: skip
