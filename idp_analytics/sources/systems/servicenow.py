"""ServiceNow: records of the Table API: incidents, change requests and their approvals, requests.

Raw values are UTC; display values are in the exporting user's zone and format and are used for names only. Fields may be
text, a reference ``{link, value}``, or ``{display_value, value}``. An export of display values alone has references
``{link, display_value}``: its times look like raw ones but are local, so they need the source's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from operator import contains, not_
from pathlib import Path
from typing import Any, NamedTuple

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, either, pieces
from idp_analytics.sources.documents import Documents, read_documents
from idp_analytics.sources.export import Export
from idp_analytics.sources.system import SERVICE_PATTERN, TEAMS, Gives, Option, Recipe, Row, Shape, System, having

_DISPLAY = "\0display"
_RESOLVED = ("6", "7", "resolved", "closed")
_CANCELLED = ("8", "canceled", "cancelled")
_NOT_NEEDED = ("not_required", "no longer required", "not requested", "not_requested")
_LENGTH = len("2026-01-01 00:00:00")
_DECIDED = {"approved": "approved", "rejected": "rejected"}
_STATUS = {
    "approved": "approved", "rejected": "rejected", "requested": "pending", "not requested": "pending", "not_requested": "pending",
    "cancelled": "cancelled", "canceled": "cancelled", "not_required": "cancelled",
}  # fmt: skip


def incidents(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per incident. ``severity`` is the number of its priority; a change that caused it makes it change-caused."""
    states = either(_words(batch, "state"), _words(batch, "incident_state"))
    is_cancelled = [state in _CANCELLED for state in states]
    if any(is_cancelled):
        yield from (document.left_out("was cancelled") for document in batch.those(is_cancelled))
        batch = batch.where(map(not_, is_cancelled))
        states = either(_words(batch, "state"), _words(batch, "incident_state"))
    closed = [at if state in _RESOLVED else None for at, state in zip(_times(batch, "closed_at"), states, strict=True)]
    yield from batch.rows(
        newest=_times(batch, "sys_updated_on"), incident_id=export.ids(either(_raws(batch, "number"), _raws(batch, "sys_id"))),
        service_id=_services(batch, export), team_id=_names(batch, "assignment_group") if export.options["teams"] else None,
        severity=each(_digit, _raws(batch, "priority")), severity_raw=_names(batch, "priority"),
        opened_at=either(_times(batch, "opened_at"), _times(batch, "sys_created_on")), acknowledged_at=_times(batch, "work_start"),
        resolved_at=either(_times(batch, "resolved_at"), closed), change_caused=[True if cause else None for cause in _raws(batch, "caused_by")],
    )  # fmt: skip


def changes(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per change request; it is merged when its work ended. Its type is a label (normal, standard, emergency)."""
    approved = _approved(export)
    yield from batch.rows(
        newest=_times(batch, "sys_updated_on"), change_id=export.ids(either(_raws(batch, "number"), _raws(batch, "sys_id"))),
        service_id=_services(batch, export), author_id=each(export.person, _raws(batch, "requested_by")),
        opened_at=_times(batch, "sys_created_on"), closed_at=either(_times(batch, "closed_at"), _times(batch, "work_end")),
        approved_at=[
            approved.get(native or "") if word == "approved" else None
            for native, word in zip(_raws(batch, "sys_id"), _words(batch, "approval"), strict=True)
        ],
        title=_raws(batch, "short_description"), labels=[[kind] if kind else None for kind in _words(batch, "type")],
    )  # fmt: skip


def approvals(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per approver asked. Decided when the record last changed: the best there is, and after the fact where the work
    had begun. Who was not needed any more withdrew nothing and is left out."""
    is_needed = [state not in _NOT_NEEDED for state in _words(batch, "state")]
    if not all(is_needed):
        not_needed = batch.those(map(not_, is_needed))
        yield from (document.left_out("was not needed any more") for document in not_needed)
        batch = batch.where(is_needed)
    states, subjects, known = _words(batch, "state"), _subjects(batch), _changes(export)
    of = [known.places.get(subject, -1) for subject in subjects]
    kinds, numbers = map(known.kind.__getitem__, of), either(list(map(known.number.__getitem__, of)), subjects)
    decided = [
        at if state in _DECIDED else None for at, state in zip(_times(batch, "sys_updated_on"), states, strict=True)
    ]
    who = [one if state in _DECIDED else None for one, state in zip(_raws(batch, "approver"), states, strict=True)]
    yield from batch.rows(
        newest=_times(batch, "sys_updated_on"), approval_id=export.ids(_raws(batch, "sys_id")), operation_id=list(map(known.operation.__getitem__, of)),
        subject_kind="change", subject_id=export.ids(numbers),
        service_id=list(map(known.service.__getitem__, of)), requestor_id=each(export.person, list(map(known.requestor.__getitem__, of))),
        responder_id=each(export.person, who), requested_at=_times(batch, "sys_created_on"), decided_at=decided,
        decision=[_DECIDED.get(state or "") for state in states], status=each(lambda state: _STATUS.get(state or "", state), states),
        status_raw=_raws(batch, "state"), automated=[False if kind != "standard" else None for kind in kinds],
        time_basis=["bound" if at else "none" for at in decided],
    )  # fmt: skip


def operations(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per kind of change asked for, as the settings name it."""
    batch = batch.where(_operations(batch, export))
    named = _operations(batch, export)
    yield from batch.rows(operation_id=named, title=either(_names(batch, export.options["operation_field"]), named))


def tickets(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per request (``sc_request``, ``sc_req_item``, ``sc_task``); open as long as it is active."""
    yield from batch.rows(
        newest=_times(batch, "sys_updated_on"), ticket_id=export.ids(either(_raws(batch, "number"), _raws(batch, "sys_id"))),
        team_id=_names(batch, "requested_for_group"), service_id=_services(batch, export),
        category=either(_names(batch, "cat_item"), _names(batch, "category")), priority=_names(batch, "priority"), channel=_raws(batch, "contact_type"),
        created_at=either(_times(batch, "opened_at"), _times(batch, "sys_created_on")), resolved_at=_times(batch, "closed_at"),
        reopens=_raws(batch, "reopen_count"), status=[{"true": "open", "false": "done"}.get(active or "") for active in _raws(batch, "active")],
        status_raw=_names(batch, "state"),
    )  # fmt: skip


# --- fields -----------------------------------------------------------------------------------------------------------


def _raws(batch: Batch, name: str) -> list[str | None]:
    """What the database holds: text, or the value of a reference (the end of its link, where only that is there)."""
    return batch.once(f"raw {name}", lambda: _raw(batch, name))


def _raw(batch: Batch, name: str) -> list[str | None]:
    found = batch.at(name)
    if dict not in set(map(type, found)):
        return batch.texts(name)
    values = batch.texts(name, "value")
    if all(values):
        return values
    return [
        (value or _linked(one)) if type(one) is dict else members.text(one)
        for value, one in zip(values, found, strict=True)
    ]


def _linked(reference: Mapping[str, Any]) -> str | None:
    link = members.text(reference, "link")
    return link.rsplit("/", 1)[-1] if link and "value" not in reference else None


def _words(batch: Batch, name: str) -> list[str | None]:
    """A choice in small letters: its display value differs from the raw one by a capital."""
    return batch.once(f"word {name}", lambda: [found.lower() if found else None for found in _raws(batch, name)])


def _names(batch: Batch, name: str | None) -> list[str | None]:
    """What people read, else what the database holds."""
    if not name:
        return [None] * len(batch)
    return batch.once(f"name {name}", lambda: either(batch.texts(name, "display_value"), _raws(batch, name)))


def _services(batch: Batch, export: Export) -> list[str | None]:
    return each(export.service, either(_names(batch, "business_service"), _names(batch, "cmdb_ci")))


def _times(batch: Batch, name: str) -> list[str | None]:
    """Raw times are UTC and do not say so; those of an export of display values are local and stay without a zone."""
    return batch.once(f"time {name}", lambda: _zoned(_raws(batch, name), batch.at(_DISPLAY)))


def _zoned(raws: Sequence[str | None], are_display: Sequence[object]) -> list[str | None]:
    if not any(are_display):
        return [f"{text.replace(' ', 'T')}Z" if text and len(text) == _LENGTH else text for text in raws]
    return [
        f"{text.replace(' ', 'T')}Z" if text and len(text) == _LENGTH and not is_display else text
        for text, is_display in zip(raws, are_display, strict=True)
    ]


def _is_display(fields: Sequence[Mapping[str, Any]]) -> bool:
    """Some reference has its display value alone."""
    for field in fields:  # noqa: SIM110 - this runs for every record, and any() takes twice as long
        if "display_value" in field and "value" not in field:
            return True
    return False


def _digit(text: str | None) -> str | None:
    return text[0] if text and text[0].isdigit() else None


# --- a change and its approvals ---------------------------------------------------------------------------------------


class _Changes(NamedTuple):
    """What approvals say of the changes they are for: the place of each by its id, and by place a column of each (the last: of none)."""

    places: dict[str | None, int]
    number: list[str | None]
    service: list[str | None]
    requestor: list[str | None]
    kind: list[str | None]
    operation: list[str | None]


def _changes(export: Export) -> _Changes:
    def made() -> _Changes:
        every = list(chain.from_iterable(pieces(export, "change")))

        def column(told: Callable[[Batch], list[str | None]]) -> list[str | None]:
            return [*chain.from_iterable(map(told, every)), None]

        plain, inside = column(lambda one: one.texts("sys_id")), column(lambda one: one.texts("sys_id", "value"))
        places = {**_firsts(plain), **_firsts(inside)}
        places.pop(None)
        return _Changes(
            places, column(lambda one: _raws(one, "number")), column(lambda one: _services(one, export)),
            column(lambda one: _raws(one, "requested_by")), column(lambda one: _words(one, "type")),
            column(lambda one: _operations(one, export)),
        )  # fmt: skip

    return export.once("changes", made)


def _firsts(names: Sequence[str | None]) -> dict[str | None, int]:
    """Where each comes first."""
    return dict(zip(reversed(names), reversed(range(len(names))), strict=True))


def _subjects(batch: Batch) -> list[str | None]:
    """The change that each approval is for."""
    return either(_raws(batch, "sysapproval"), _raws(batch, "document_id"))


def _operations(batch: Batch, export: Export) -> list[str | None]:
    return each(export.operation, _names(batch, export.options["operation_field"]))


def _approved(export: Export) -> dict[str, str]:
    """When the last approver that was needed said yes, by the change it is for."""

    def made() -> dict[str, str]:
        last: dict[str, str] = {}
        for one in chain.from_iterable(pieces(export, "approval")):
            for subject, at, state in zip(
                _subjects(one), _times(one, "sys_updated_on"), _words(one, "state"), strict=True
            ):
                if state == "approved" and at:
                    last[subject or ""] = max(at, last.get(subject or "", at))
        return last

    return export.once("approved", made)


def opened(path: Path, shown: str) -> Documents:
    """A file of one table, or of several by name: ``{"change_request": {"result": […]}, …}``."""
    found = read_documents(path, shown, str)
    # As nearly always: records of one table, in which no reference has its display value alone.
    objects = [value for _, body in found.found for value in body.values() if type(value) is dict]
    if all(map(contains, objects, repeat("value"))) and not any(map(contains, objects, repeat("result"))):
        return found
    told: list[tuple[int, dict[str, Any]]] = []
    for number, body in found.found:
        fields = [field for field in body.values() if type(field) is dict]
        tables = [members.every(table, "result") for table in fields if "result" in table]
        # What is told of each record once; its times are read several times.
        told += (
            [(number, _marked(record)) for records in tables for record in records]
            if tables
            else [(number, _marked(body, fields))]
        )
    return replace(found, found=told)


def _marked(body: dict[str, Any], fields: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    fields = [field for field in body.values() if type(field) is dict] if fields is None else fields
    return {**body, _DISPLAY: True} if _is_display(fields) else body


def _is(*prefixes: str) -> Callable[[Mapping[str, Any]], bool]:
    """A record by its number's prefix."""

    def is_one(body: Mapping[str, Any]) -> bool:
        number = body.get("number")
        number = number.get("value") if isinstance(number, dict) else number
        return isinstance(number, str) and number.startswith(prefixes) and "sys_id" in body

    return is_one


_API = 'curl -fsS -u "$SN_USER:$PASSWORD"'
_LIMIT = "sysparm_display_value=all&sysparm_limit=10000&sysparm_offset=0"

SYSTEM = System(
    kind="servicenow",
    title="ServiceNow",
    opens=opened,
    shapes=(
        Shape("incident", "an incident", _is("INC")),
        Shape("change", "a change request", _is("CHG")),
        Shape("approval", "an approval", lambda b: "sys_id" in b and "approver" in b and ("sysapproval" in b or "document_id" in b)),
        Shape("request", "a request", _is("REQ", "RITM", "SCTASK")),
        Shape("other", "a record of another table", having("sys_id", "sys_created_on")),
    ),
    gives=(
        Gives("incidents", None, ("incident",), "all", lost=("deployment_id", "postmortem_on", "url"), at_once=incidents, in_pieces=True),
        Gives("changes", None, ("change",), "all", beside=("approval",),
              lost=("repo", "kind", "sha", "first_commit_at", "first_review_at", "merged_at", "lines", "is_revert", "origin_sha"), at_once=changes, in_pieces=True),
        Gives("approvals", None, ("approval",), "all", beside=("change",), lost=("team_id", "responders"), at_once=approvals, in_pieces=True),
        Gives("operations", None, ("change",), "now only", lost=("risk", "gate", "golden_path_id", "owner_team_id", "category"), at_once=operations, in_pieces=True),
        Gives("tickets", None, ("request",), "all", lost=("golden_path_id", "first_response_at"), at_once=tickets, in_pieces=True),
    ),
    recipes=(
        Recipe("incidents.json", f'{_API} "$SERVICENOW/api/now/table/incident?{_LIMIT}" > incidents.json', "itil (read)", "Go on with sysparm_offset until a page is not full."),
        Recipe("changes.json", f'{_API} "$SERVICENOW/api/now/table/change_request?{_LIMIT}" > changes.json', "itil (read)"),
        Recipe("approvals.json", f'{_API} "$SERVICENOW/api/now/table/sysapproval_approver?{_LIMIT}" > approvals.json', "approver_user (read)",
               "The record says when it last changed, not when it was decided: decided_at is a bound."),
        Recipe("requests.json", f'{_API} "$SERVICENOW/api/now/table/sc_req_item?{_LIMIT}" > requests.json', "itil (read)"),
    ),
    options=(
        SERVICE_PATTERN, TEAMS,
        Option("operation_field", "text", "The field of a change that names the operation, e.g. std_change_producer_version or category.", default="category"),
        Option("operations", "patterns", "Which of the field's words is which operation; without it each is one itself."),
    ),
)  # fmt: skip
