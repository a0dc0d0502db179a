"""CDEvents: approvals, changes, incidents, tickets, services deployed and pipeline runs, one event per line.

An event tells one step: what several tell of one subject is one row. Ids are unique per source only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import compress
from operator import and_
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, batches, each, either
from idp_analytics.sources.documents import Documents, read_documents
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import ENVIRONMENTS, SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

_CONTENT = ("subject", "content")
_RUNS = ("pipelinerun", "taskrun")
_DEPLOYED = {"deployed": False, "upgraded": False, "rolledback": True}
_WORDS = {"canceled": "cancel", "cancelled": "cancel"}
_STATUS = {"canceled": "cancelled"}
_DECIDED = ("approved", "rejected")


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per event that a service was deployed, upgraded or rolled back, which is what it says was done (a deployment that
    failed leaves none); and one per run of a pipeline or task that the settings say deploys, with its outcome."""
    kinds = each(_kind, batch.texts("context", "type"))
    is_deployed = [subject == "service" and predicate in _DEPLOYED for subject, predicate in kinds]
    deploys = list(map(and_, [subject in _RUNS for subject, _ in kinds], _deploying(batch, export)))
    for document, kind, *is_told in zip(batch.documents, kinds, is_deployed, deploys, strict=True):
        if not any(is_told):
            yield document.left_out(_no_deployment(*kind))
    services, runs = batch.where(is_deployed), batch.where(deploys)
    if len(services):
        yield services.documents[0].warning(
            "a deployment that failed leaves no event of its service: only those of runs tell failures"
        )
        done = [predicate for _, predicate in compress(kinds, is_deployed)]
        yield from services.singly(
            **_about(services, export), _is_run=False, deployment_id=export.ids(_events(services)),
            service_id=each(export.service, services.texts("subject", "id")), finished_at=_times(services), outcome="success",
            outcome_raw=done, is_rollback=[_DEPLOYED[predicate] for predicate in done],
        )  # fmt: skip
    if len(runs):
        done, outcome = [predicate for _, predicate in compress(kinds, deploys)], runs.texts(*_CONTENT, "outcome")
        yield from runs.singly(
            **_about(runs, export), _is_run=True, deployment_id=export.ids(_natives(runs)), service_id=each(export.service, _names(runs)),
            outcome=[_WORDS.get(word or "", word) for word in outcome], outcome_raw=outcome,
            queued_at=_when(runs, done, "queued"), started_at=_when(runs, done, "started"), finished_at=_when(runs, done, "finished"),
        )  # fmt: skip


def _no_deployment(subject: str, predicate: str) -> str:
    """Why an event tells of no deployment."""
    if subject in _RUNS:
        return "is a run that is not said to deploy"
    return (
        f"is a service {predicate}, which is no deployment"
        if subject == "service"
        else f"is an event of a {subject}, which is not read"
    )


def _about(batch: Batch, export: Export) -> dict[str, Any]:
    """What events of services and of runs have in common."""
    raw = batch.texts(*_CONTENT, "environment", "id")
    return {
        "newest": _times(batch), "environment": each(export.environment, raw), "environment_raw": raw, "_chain": batch.texts("context", "chainId"),
        "version": each(_version, batch.texts(*_CONTENT, "artifactId")),
    }  # fmt: skip


def _deploying(batch: Batch, export: Export) -> list[bool]:
    """Whether any event of the run that each is of has a name that the settings say deploys."""
    pattern = export.options["deploying"]

    def made() -> set[tuple[str, str]]:
        named = (
            told for one in batches(export, "run")
            for told in zip(one.texts("subject", "id"), _natives(one), _names(one), strict=True)
        )  # fmt: skip
        return {(run, native) for run, native, name in named if run and name and export.matches(pattern, name)}

    deploying = export.once("deploying", made) if pattern else set()
    return [
        (run, native) in deploying for run, native in zip(batch.texts("subject", "id"), _natives(batch), strict=True)
    ]


def _once(rows: list[Row]) -> list[Row]:
    """Runs from their events. A run and the one service that it deployed, by their chain, are one deployment: the service's, with
    the run's outcome and beginning; of a chain with several only runs that went well are told by the services."""
    chains: dict[str, list[Row]] = {}
    kept = []
    for row in over_time.folded(rows, "deployment_id", ("queued_at", "started_at")):
        if is_row(row) and row.get("_chain"):
            chains.setdefault(row["_chain"], []).append(row)
        else:
            kept.append(row)
    for chain in chains.values():
        runs, services = [row for row in chain if row["_is_run"]], [row for row in chain if not row["_is_run"]]
        told = (
            runs
            if len(runs) == len(services) == 1
            else [run for run in runs if services and run.get("outcome") == "success"]
        )
        if told and len(runs) == len(services) == 1:
            begun = {name: runs[0].get(name) for name in ("queued_at", "started_at", "outcome", "outcome_raw")}
            services = [{**services[0], **{name: value for name, value in begun.items() if value}}]
        kept += [*services, *(run for run in runs if run not in told)]
        kept += [run["_document"].left_out("is the run that deployed a service: told with that") for run in told]
    return kept


def changes(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per change, from the events of its life."""
    done = [predicate for _, predicate in each(_kind, batch.texts("context", "type"))]
    repo = batch.texts(*_CONTENT, "repository", "id")
    yield from batch.singly(
        newest=_times(batch), change_id=export.ids(_natives(batch)), service_id=each(export.service, repo), repo=repo, kind="pull_request",
        opened_at=_when(batch, done, "created"), first_review_at=_when(batch, done, "reviewed"), merged_at=_when(batch, done, "merged"),
        closed_at=_when(batch, done, "merged", "abandoned"),
    )  # fmt: skip


def _when(batch: Batch, done: Sequence[str], *wanted: str) -> list[str | None]:
    """The times of the events that say so."""
    return [at if predicate in wanted else None for at, predicate in zip(_times(batch), done, strict=True)]


def incidents(document: Document, export: Export) -> Iterator[Row]:
    """One row per incident: opened when detected or first reported, over when resolved."""
    _, predicate = _kind(document.text("context", "type"))
    when = {"detected": "opened_at", "reported": "opened_at", "resolved": "resolved_at"}.get(predicate)
    yield document.row(
        newest=_time(document), incident_id=export.id(_native(document)), service_id=export.service(document.text("subject", "content", "service", "id")),
        url=document.text("subject", "content", "ticketURI"), **({when: _time(document)} if when else {}),
    )  # fmt: skip


def tickets(document: Document, export: Export) -> Iterator[Row]:
    """One row per ticket: done when closed; an update says nothing of where it stands."""
    _, predicate = _kind(document.text("context", "type"))
    when = {"created": "created_at", "closed": "resolved_at"}.get(predicate)
    content = document.at("subject", "content")
    yield document.row(
        newest=_time(document), ticket_id=export.id(_native(document)), category=members.text(content, "ticketType"), priority=members.text(content, "priority"),
        team_id=members.text(content, "group") if export.options["group_asks"] else None,
        status={"created": "open", "closed": "done"}.get(predicate),
        status_raw=members.text(content, "resolution") or (predicate if when else None), **({when: _time(document)} if when else {}),
    )  # fmt: skip


def approvals(document: Document, export: Export) -> Iterator[Row]:
    """One row per approval: asked for when created, decided when it was first approved or rejected, or closed with a decision.
    Where it is closed and does not say how, ``status`` is null."""
    _, predicate = _kind(document.text("context", "type"))
    content = document.at("subject", "content")
    decision, status = (members.text(content, name) for name in ("decision", "status"))
    is_decided = decision in _DECIDED or bool(decision and predicate == "closed")
    target = members.text(content, "resourceTargetUrl")
    yield document.row(
        newest=_time(document), approval_id=export.id(_native(document)), operation_id=export.operation(target) if export.options["operations"] else None,
        requestor_id=export.person(members.text(content, "requestor")), responder_id=export.person(members.text(content, "responder")),
        requested_at=_time(document) if predicate == "created" else None, decided_at=_time(document) if is_decided else None,
        decision=decision, status=_STATUS.get(status or "", status) or (decision if decision in _DECIDED else None), status_raw=status,
        time_basis="exact" if is_decided else None, _is_closed=True if predicate == "closed" else None,
    )  # fmt: skip


def _complete(rows: list[Row]) -> list[Row]:
    """One row per approval; one that was not closed and says no more is pending."""
    folded = over_time.folded(rows, "approval_id", ("requested_at", "decided_at"))
    return [
        {
            **row, "status": row.get("status") or (None if row.get("_is_closed") else "pending"),
            "time_basis": row.get("time_basis") or "none",
        } if is_row(row) else row
        for row in folded
    ]  # fmt: skip


def _folded(key: str, *earliest: str) -> Callable[[list[Row]], list[Row]]:
    """One row per subject, which has the times in ``earliest`` even where no event told them."""

    def together(rows: list[Row]) -> list[Row]:
        unknown = dict.fromkeys(earliest)
        return [{**unknown, **row} if is_row(row) else row for row in over_time.folded(rows, key, earliest)]

    return together


# --- an event ---------------------------------------------------------------------------------------------------------


def _opened(path: Path, shown: str) -> Documents:
    """The events of a file, each also where it is the ``data`` of a CloudEvent."""
    found = read_documents(path, shown, str)
    return replace(found, found=[(number, _event_in(body)) for number, body in found.found])


def _event_in(body: Any) -> Any:
    data = body.get("data")
    return data if isinstance(data, dict) and "context" in data and "specversion" in body else body


def _kind(kind: str | None) -> tuple[str, str]:
    """``dev.cdevents.<subject>.<predicate>.<version>`` → subject and predicate."""
    parts = (kind or "").lower().removeprefix("dev.cdevents.").split(".")
    return parts[0], parts[1] if len(parts) > 1 else ""


def _names(batch: Batch) -> list[str | None]:
    return either(batch.texts(*_CONTENT, "pipelineName"), batch.texts(*_CONTENT, "taskName"))


def _time(document: Document) -> str | None:
    return document.text("context", "timestamp")


def _times(batch: Batch) -> list[str | None]:
    return batch.texts("context", "timestamp")


def _native(document: Document) -> str:
    """The subject's id within its source."""
    source = document.text("subject", "source") or document.text("context", "source")
    return _within(source, document.text("subject", "id"))


def _natives(batch: Batch) -> list[str]:
    sources = either(batch.texts("subject", "source"), batch.texts("context", "source"))
    return batch.once("natives", lambda: list(map(_within, sources, batch.texts("subject", "id"))))


def _events(batch: Batch) -> list[str]:
    return list(map(_within, batch.texts("context", "source"), batch.texts("context", "id")))


def _within(source: str | None, native: str | None) -> str:
    return f"{(source or '').strip('/')}/{native}".lstrip("/")


def _version(purl: str | None) -> str | None:
    """``pkg:oci/app@sha256%3A…`` → what follows the @."""
    return unquote(purl.rsplit("@", 1)[1].split("?")[0]) if purl and "@" in purl else None


def _is(*subjects: str) -> Callable[[Mapping[str, Any]], bool]:
    def is_one(body: Mapping[str, Any]) -> bool:
        event = _event_in(body) if "data" in body else body
        context = event.get("context")
        subject = _subject(str(context.get("type") or "")) if type(context) is dict else None
        return subject is not None and (not subjects or subject in subjects) and "subject" in event

    return is_one


@cache
def _subject(kind: str) -> str | None:
    """What an event of that type is of; null: it is none of CDEvents."""
    kind = kind.lower()
    return kind.split(".")[2] if kind.startswith("dev.cdevents.") else None


_KEPT = "as long as the events are kept"

SYSTEM = System(
    kind="cdevents",
    title="CDEvents",
    shapes=(
        Shape("service", "an event of a service", _is("service")),
        Shape("run", "an event of a pipeline run", _is("pipelinerun", "taskrun")),
        Shape("change", "an event of a change", _is("change")),
        Shape("incident", "an event of an incident", _is("incident")),
        Shape("ticket", "an event of a ticket", _is("ticket")),
        Shape("approval", "an event of an approval", _is("approval")),
        Shape("other", "an event of another subject", _is()),
    ),
    gives=(
        Gives("deployments", None, ("service", "run", "other"), _KEPT, together=_once, at_once=deployments,
              lost=("sha", "kind", "is_resync", "initiated_by", "automated", "golden_path_id")),
        Gives("changes", None, ("change",), _KEPT, together=_folded("change_id", "first_review_at", "opened_at"), at_once=changes,
              lost=("author_id", "sha", "first_commit_at", "approved_at", "lines", "title", "labels", "is_revert", "origin_sha")),
        Gives("incidents", incidents, ("incident",), _KEPT, together=_folded("incident_id", "opened_at"),
              lost=("team_id", "severity", "acknowledged_at", "deployment_id", "change_caused", "postmortem_on")),
        Gives("tickets", tickets, ("ticket",), _KEPT, together=_folded("ticket_id", "created_at"),
              lost=("service_id", "golden_path_id", "channel", "first_response_at", "reopens")),
        Gives("approvals", approvals, ("approval",), _KEPT, together=_complete,
              lost=("subject_kind", "subject_id", "service_id", "team_id", "automated", "responders")),
    ),
    recipes=(Recipe("events.jsonl", "curl -fsS -H \"Authorization: Bearer $TOKEN\" \"$EVENT_STORE/events?since=$SINCE\" > events.jsonl", "read on the event store",
                    "However your broker keeps them: one event per line, or CloudEvents whose data is one."),),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN,
        Option("deploying", "text", "An expression for names of pipelines and tasks that deploy; without it no run is a deployment."),
        Option("operations", "patterns", "Which target of an approval is which operation; without it none is told."),
        Option("group_asks", "flag", "The group of a ticket is the team that asked for it.", default=False),
    ),
    opens=_opened,
)  # fmt: skip
