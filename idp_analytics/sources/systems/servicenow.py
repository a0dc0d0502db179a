"""ServiceNow: records of the Table API: incidents, change requests and their approvals, requests.

Raw values are UTC; display values are in the exporting user's zone and format and are used for names only. Fields may be
text, a reference ``{link, value}``, or ``{display_value, value}``. An export of display values alone has references
``{link, display_value}``: its times look like raw ones but are local, so they need the source's time zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.documents import Documents, read_documents
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, TEAMS, Gives, Option, Recipe, Row, Shape, System, having

_DISPLAY = "\0display"
_RESOLVED = ("6", "7", "resolved", "closed")
_CANCELLED = ("8", "canceled", "cancelled")
_DECIDED = {"approved": "approved", "rejected": "rejected"}
_STATUS = {
    "approved": "approved", "rejected": "rejected", "requested": "pending", "not requested": "pending", "not_requested": "pending",
    "cancelled": "cancelled", "canceled": "cancelled", "not_required": "cancelled",
}  # fmt: skip


def incidents(document: Document, export: Export) -> Iterator[Row]:
    """One row per incident. ``severity`` is the number of its priority; a change that caused it makes it change-caused."""
    priority, state = _raw(document, "priority"), _word(document, "state") or _word(document, "incident_state")
    cause = _raw(document, "caused_by")
    ended = _time(document, "resolved_at") or (_time(document, "closed_at") if state in _RESOLVED else None)
    if state in _CANCELLED:
        yield document.left_out("was cancelled")
        return
    yield document.row(
        newest=_time(document, "sys_updated_on"), incident_id=export.id(_raw(document, "number") or _raw(document, "sys_id")),
        service_id=export.service(_name(document, "business_service") or _name(document, "cmdb_ci")),
        team_id=_name(document, "assignment_group") if export.options["teams"] else None, severity=_digit(priority), severity_raw=_shown(document, "priority"),
        opened_at=_time(document, "opened_at") or _time(document, "sys_created_on"), acknowledged_at=_time(document, "work_start"),
        resolved_at=ended, change_caused=True if cause else None,
    )  # fmt: skip


def changes(document: Document, export: Export) -> Iterator[Row]:
    """One row per change request; it is merged when its work ended. Its type is a label (normal, standard, emergency)."""
    kind = _word(document, "type")
    yield document.row(
        newest=_time(document, "sys_updated_on"), change_id=export.id(_raw(document, "number") or _raw(document, "sys_id")),
        service_id=export.service(_name(document, "business_service") or _name(document, "cmdb_ci")), author_id=export.person(_raw(document, "requested_by")),
        opened_at=_time(document, "sys_created_on"), closed_at=_time(document, "closed_at") or _time(document, "work_end"),
        approved_at=_all_approved(document, export), title=_raw(document, "short_description"), labels=[kind] if kind else None,
    )  # fmt: skip


def approvals(document: Document, export: Export) -> Iterator[Row]:
    """One row per approver asked. Decided when the record last changed: the best there is, and after the fact where the work
    had begun. Who was not needed any more withdrew nothing and is left out."""
    state = _word(document, "state")
    if state in ("not_required", "no longer required", "not requested", "not_requested"):
        yield document.left_out("was not needed any more")
        return
    subject = _raw(document, "sysapproval") or _raw(document, "document_id")
    change = next(iter(_subjects(export).get(subject or "", [])), None)
    decided = _time(document, "sys_updated_on") if state in _DECIDED else None
    kind = _word(change, "type") if change else None
    yield document.row(
        newest=_time(document, "sys_updated_on"), approval_id=export.id(_raw(document, "sys_id")), operation_id=_operation(change, export),
        subject_kind="change", subject_id=export.id((_raw(change, "number") if change else None) or subject),
        service_id=export.service(_name(change, "business_service") or _name(change, "cmdb_ci")) if change else None,
        requestor_id=export.person(_raw(change, "requested_by")) if change else None,
        responder_id=export.person(_raw(document, "approver")) if state in _DECIDED else None,
        requested_at=_time(document, "sys_created_on"), decided_at=decided, decision=_DECIDED.get(state or ""),
        status=_STATUS.get(state or "", state), status_raw=_raw(document, "state"), automated=False if kind != "standard" else None,
        time_basis="bound" if decided else "none",
    )  # fmt: skip


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per kind of change asked for, as the settings name it."""
    operation = _operation(document, export)
    if operation:
        yield document.row(
            operation_id=operation, title=_name(document, export.options["operation_field"]) or operation
        )


def tickets(document: Document, export: Export) -> Iterator[Row]:
    """One row per request (``sc_request``, ``sc_req_item``, ``sc_task``); open as long as it is active."""
    active = _raw(document, "active")
    yield document.row(
        newest=_time(document, "sys_updated_on"), ticket_id=export.id(_raw(document, "number") or _raw(document, "sys_id")),
        team_id=_name(document, "requested_for_group"), service_id=export.service(_name(document, "business_service") or _name(document, "cmdb_ci")),
        category=_name(document, "cat_item") or _shown(document, "category"), priority=_shown(document, "priority"), channel=_raw(document, "contact_type"),
        created_at=_time(document, "opened_at") or _time(document, "sys_created_on"), resolved_at=_time(document, "closed_at"),
        reopens=_raw(document, "reopen_count"), status={"true": "open", "false": "done"}.get(active or ""), status_raw=_shown(document, "state"),
    )  # fmt: skip


# --- fields -----------------------------------------------------------------------------------------------------------


def _raw(document: Document, name: str) -> str | None:
    """What the database holds: text, or the value of a reference (the end of its link, where only that is there)."""
    found = document.body.get(name)
    if type(found) is str:
        return found.strip() or None
    if not isinstance(found, dict):
        return members.text(found)
    link = members.text(found, "link")
    return members.text(found, "value") or (link.rsplit("/", 1)[-1] if link and "value" not in found else None)


def _word(document: Document, name: str) -> str | None:
    """A choice in small letters: its display value differs from the raw one by a capital."""
    found = _raw(document, name)
    return found.lower() if found else None


def _name(document: Document, name: str | None) -> str | None:
    """What people read, else what the database holds."""
    return (document.text(name, "display_value") or _raw(document, name)) if name else None


def _shown(document: Document, name: str) -> str | None:
    return _name(document, name)


def _time(document: Document, name: str) -> str | None:
    """Raw times are UTC and do not say so; those of an export of display values are local and stay without a zone."""
    text = _raw(document, name)
    if _DISPLAY in document.body:
        return text
    return f"{text.replace(' ', 'T')}Z" if text and len(text) == len("2026-01-01 00:00:00") else text


def _is_display(body: Mapping[str, Any]) -> bool:
    """Some reference has its display value alone."""
    return any(isinstance(field, dict) and "display_value" in field and "value" not in field for field in body.values())


def _digit(text: str | None) -> str | None:
    return text[0] if text and text[0].isdigit() else None


def _approvals(export: Export) -> dict[str, list[Document]]:
    """Approvals by the change they are for."""

    def made() -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {}
        for one in export.of["approval"]:
            found.setdefault(_raw(one, "sysapproval") or _raw(one, "document_id") or "", []).append(one)
        return found

    return export.once("approvals", made)


def _subjects(export: Export) -> dict[str, list[Document]]:
    return export.once("subjects", lambda: {**export.by("change", "sys_id"), **export.by("change", "sys_id", "value")})


def _operation(change: Document | None, export: Export) -> str | None:
    return export.operation(_name(change, export.options["operation_field"])) if change else None


def _all_approved(document: Document, export: Export) -> str | None:
    """When the last approver that was needed said yes; null while the change is not approved."""
    if _word(document, "approval") != "approved":
        return None
    native = _raw(document, "sys_id")
    said = _approvals(export).get(native or "", [])
    return max(
        filter(None, (_time(one, "sys_updated_on") for one in said if _word(one, "state") == "approved")), default=None
    )


def opened(path: Path, shown: str) -> Documents:
    """A file of one table, or of several by name: ``{"change_request": {"result": […]}, …}``."""
    found = read_documents(path, shown, str)
    whole: list[tuple[int, dict[str, Any]]] = []
    for number, body in found.found:
        tables = [
            members.every(table, "result") for table in body.values() if isinstance(table, dict) and "result" in table
        ]
        whole += [(number, record) for records in tables for record in records] if tables else [(number, body)]
    # What is told of each record once; its times are read several times.
    told = [(number, {**body, _DISPLAY: True} if _is_display(body) else body) for number, body in whole]
    return replace(found, found=told)


def _is(prefix: str, *fields: str) -> Any:
    """A record by its number's prefix, or by fields only such records have."""

    def is_one(body: Any) -> bool:
        number = body.get("number")
        number = number.get("value") if isinstance(number, dict) else number
        named = isinstance(number, str) and number.startswith(prefix)
        return "sys_id" in body and (named or (bool(fields) and set(fields) <= body.keys()))

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
        Shape("request", "a request", lambda b: any(_is(prefix)(b) for prefix in ("REQ", "RITM", "SCTASK"))),
        Shape("other", "a record of another table", having("sys_id", "sys_created_on")),
    ),
    gives=(
        Gives("incidents", incidents, ("incident",), "all", lost=("deployment_id", "postmortem_on", "url")),
        Gives("changes", changes, ("change",), "all", beside=("approval",),
              lost=("repo", "kind", "sha", "first_commit_at", "first_review_at", "merged_at", "lines", "is_revert", "origin_sha")),
        Gives("approvals", approvals, ("approval",), "all", beside=("change",), lost=("team_id", "responders")),
        Gives("operations", operations, ("change",), "now only", lost=("risk", "gate", "golden_path_id", "owner_team_id", "category")),
        Gives("tickets", tickets, ("request",), "all", lost=("golden_path_id", "first_response_at")),
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
