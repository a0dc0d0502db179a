"""Zendesk: tickets, their metrics (which know when a ticket was solved) and satisfaction ratings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import polars as pl

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, later, pieces
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System, having

_STATUS = {"new": "open", "open": "open", "pending": "open", "hold": "open", "solved": "done", "closed": "done"}
_MINUTE = 60_000_000
"""Microseconds."""
_MOST_MINUTES = 1e8
_SCORES = {"good": 1, "bad": 0}


def tickets(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per ticket. When it was solved, first answered (calendar minutes) and reopened comes from its metrics."""
    known, natives = _metrics(export), batch.texts("id")
    inner = [known.get(native or "", inside) for native, inside in zip(natives, batch.at("metric_set"), strict=True)]
    metrics = Batch(None, batch.documents, inner)
    if None in inner:
        yield batch.documents[0].warning("without ticket metrics nobody knows when tickets were answered and solved")
    created, status = batch.texts("created_at"), batch.texts("status")
    by, wanted = export.options["category"], export.options["category_tags"]
    if by == "tag":
        tags = map(members.words, batch.at("tags"))
        category = [next((tag for tag in of if not wanted or tag in wanted), None) for of in tags]
    else:
        category = batch.texts("type") if by == "type" else _fields(batch, by)
    yield from batch.rows(
        newest=batch.texts("updated_at"), ticket_id=export.ids(natives), team_id=_fields(batch, export.options["team_field"]),
        service_id=_fields(batch, export.options["service_field"]), category=category, priority=batch.texts("priority"),
        channel=batch.texts("via", "channel"), created_at=created,
        first_response_at=_after(created, metrics.texts("reply_time_in_minutes", "calendar")),
        resolved_at=metrics.texts("solved_at"), reopens=metrics.texts("reopens"),
        status=[_STATUS.get(word or "", word) for word in status], status_raw=status,
    )  # fmt: skip


def _metrics(export: Export) -> dict[str, Any]:
    """The metrics of each ticket, the last ones read."""

    def made() -> dict[str, Any]:
        told = (
            (native, body)
            for one in chain.from_iterable(pieces(export, "metric"))
            for native, body in zip(one.texts("ticket_id"), one.bodies, strict=True)
        )
        return {native: body for native, body in told if native is not None}

    return export.once("metrics", made)


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


def _fields(batch: Batch, name: str | None) -> list[str | None]:
    """A custom field of each by its id."""
    if not name:
        return [None] * len(batch)
    fields, places = batch.every("custom_fields")
    told = zip(reversed(places), reversed(fields.texts("id")), reversed(fields.texts("value")), strict=True)
    found = {place: value for place, native, value in told if native == name and value is not None}
    return list(map(found.get, range(len(batch))))


def _after(created: list[str | None], minutes: list[str | None]) -> pl.Series | list[str | None]:
    """So many minutes after each was created."""
    begun = pl.Series(created, dtype=pl.String).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False)
    waited = pl.Series(minutes, dtype=pl.String).cast(pl.Int32, strict=False)
    if begun.null_count() + waited.null_count() > created.count(None) + minutes.count(None):
        return _finer(created, minutes)
    told: pl.Series = pl.select(begun + pl.duration(minutes=pl.lit(waited), time_unit="us")).to_series()
    return told.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _finer(created: list[str | None], minutes: list[str | None]) -> pl.Series | list[str | None]:
    """The same of minutes with fractions, to the microsecond, as ``timedelta`` rounds."""
    given = pl.Series(minutes, dtype=pl.String).cast(pl.Float64, strict=False)
    if given.null_count() > minutes.count(None) or not given.is_finite().all() or (given.abs() > _MOST_MINUTES).any():
        return list(map(_later, created, minutes))
    whole = given.cast(pl.Int64)
    told = later(created, whole * _MINUTE + ((given - whole) * _MINUTE).round(mode="half_to_even").cast(pl.Int64))
    return list(map(_later, created, minutes)) if told is None else told


def _later(created: str | None, minutes: str | None) -> str | None:
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
        Shape("ticket", "a ticket", having("requester_id", "submitter_id", "status", "via")),
        Shape("metric", "metrics of a ticket", having("ticket_id", "reopens", "reply_time_in_minutes")),
        Shape("rating", "a satisfaction rating", having("ticket_id", "score", "requester_id")),
    ),
    gives=(
        Gives("tickets", None, ("ticket",), "all; deleted tickets after 30 days no more", beside=("metric",), lost=("golden_path_id",), at_once=tickets, in_pieces=True),
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
