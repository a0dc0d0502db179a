"""Backstage: the catalogue, scaffolder tasks with their events and approvals, and usage events.

The catalogue knows only today and no dates of birth; collected snapshots tell when an owner changed. Parameters and secrets
of a task are never read, but for the one parameter the settings name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources import members, over_time, repositories
from idp_analytics.sources.batch import Batch
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.entity_refs import REFS, entity_ref
from idp_analytics.sources.export import TABLE, Document, Export, table_documents
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.sources.versions import drift

_OUTCOMES = {"completed": "success", "failed": "failure", "cancelled": "cancel", "skipped": "cancel"}
_RUNNING = ("open", "processing")
_TEAM_KINDS = {
    "team": "team", "squad": "team", "product-area": "group", "department": "group", "business-unit": "group",
    "group": "group", "root": "org", "organization": "org", "org": "org", "platform": "platform",
}  # fmt: skip
_PURPOSEFUL = {
    "create": True,
    "navigate": False,
    "click": False,
    "search": False,
    "discover": False,
    "not-found": False,
}
_EVENT = ("id", "action", "subject", "value", "plugin_id", "user_ref", "created_at")
_VERSION, _TEMPLATE, _SAVED = "backstage.io/template-version", "backstage.io/source-template", "backstage.io/time-saved"
_REPOSITORY = ("github.com/project-slug", "gitlab.com/project-slug", "bitbucket.org/project-slug")
_ISO_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)


# --- the catalogue ----------------------------------------------------------------------------------------------------


def services(document: Document, export: Export) -> Iterator[Row]:
    """One row per Component (or what ``kinds`` names). ``service_id`` is its reference; ``retired_at`` the first snapshot
    without it."""
    if not _is_service(document, export):
        return
    if _annotation(document, "backstage.io/orphan") == "true":
        yield document.left_out("is an orphan: no catalogue file declares it any more")
        return
    lifecycle = document.text("spec", "lifecycle")
    system = document.text("spec", "system")
    yield document.row(
        service_id=_own(document, export), name=document.text("metadata", "title") or document.text("metadata", "name"),
        system=system and _ref(system, "system", export), kind=document.text("spec", "type") or document.text("kind"),
        lifecycle=lifecycle, lifecycle_raw=lifecycle, repo=_repository(document),
    )  # fmt: skip


def ownership(document: Document, export: Export) -> Iterator[Row]:
    """One row per service and owning group; a person as owner is said and is no team."""
    if not _is_service(document, export):
        return
    owner = _relation(document, "ownedBy") or document.text("spec", "owner")
    if owner is None:
        return
    if owner.lower().startswith("user:"):
        yield document.warning("a person is the owner of some entities; they belong to no team")
        return
    yield document.row(service_id=_own(document, export), team_id=_ref(owner, "group", export))


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per Group."""
    if document.text("kind") != "Group":
        return
    parent = _relation(document, "childOf") or document.text("spec", "parent")
    kind = document.text("spec", "type")
    yield document.row(
        team_id=_own(document, export),
        name=document.text("spec", "profile", "displayName") or document.text("metadata", "title") or document.text("metadata", "name"),
        parent_team_id=parent and _ref(parent, "group", export), kind=_TEAM_KINDS.get((kind or "").lower(), kind),
    )  # fmt: skip


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per User, under a pseudonym of its reference."""
    if document.text("kind") == "User":
        yield document.row(person_id=_person(document, export))


def memberships(document: Document, export: Export) -> Iterator[Row]:
    """One row per User and Group it is a member of."""
    if document.text("kind") != "User":
        return
    told = [
        members.text(relation, "targetRef")
        for relation in document.every("relations")
        if relation.get("type") == "memberOf"
    ]
    for group in dict.fromkeys(filter(None, [*told, *members.words(document.body, "spec", "memberOf")])):
        yield document.row(person_id=_person(document, export), team_id=_ref(group, "group", export))


def aliases(document: Document, export: Export) -> Iterator[Row]:
    """Other names the catalogue itself knows: the bare name, the repository, the Kubernetes id; of a User the address."""
    kind, name = document.text("kind"), document.text("metadata", "name")
    if _is_service(document, export):
        ref = _own(document, export)
        for alias in dict.fromkeys((name, _annotation(document, "backstage.io/kubernetes-id"), _repository(document))):
            if alias and alias != ref:
                yield document.row(kind="service", alias=alias, canonical_id=ref)
    elif kind == "Group" and name and name != _own(document, export):
        yield document.row(kind="team", alias=name, canonical_id=_own(document, export))
    elif kind == "User":
        for alias in (name, document.text("spec", "profile", "email")):
            # With people = "keep" an address would stand there as it is.
            if alias and "@" not in str(export.person(alias)) and export.person(alias) != _person(document, export):
                yield document.row(kind="person", alias=export.person(alias), canonical_id=_person(document, export))


def _unambiguous(rows: list[Row]) -> list[Row]:
    """A name that stands for two things is the alias of neither: two services in one repository, one user name twice."""
    meant: dict[tuple[str, str], set[str]] = {}
    for row in (row for row in rows if is_row(row)):
        meant.setdefault((row["kind"], row["alias"].lower()), set()).add(row["canonical_id"])
    return [row for row in rows if not is_row(row) or len(meant[row["kind"], row["alias"].lower()]) == 1]


def golden_paths(document: Document, export: Export) -> Iterator[Row]:
    """One row per Template. ``minutes_saved`` is what its annotation says, an assumption."""
    if document.text("kind") != "Template":
        return
    owner, made = document.text("spec", "owner"), document.text("spec", "type")
    yield document.row(
        golden_path_id=_own(document, export), title=document.text("metadata", "title") or document.text("metadata", "name"),
        kind="template", owner_team_id=owner and _ref(owner, "group", export), applies_to=[made] if made else None,
        current_version=_annotation(document, _VERSION), minutes_saved=_minutes(_annotation(document, _SAVED)),
    )  # fmt: skip


def golden_path_versions(document: Document, export: Export) -> Iterator[Row]:
    """One row per Template and version; ``released_at`` is the first snapshot that has it, null in the first there is."""
    version = _annotation(document, _VERSION)
    if document.text("kind") == "Template" and version:
        yield document.row(golden_path_id=_own(document, export), version=version)


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per Template: running it is an operation. Its risk is for people to say."""
    if document.text("kind") == "Template":
        owner = document.text("spec", "owner")
        yield document.row(
            operation_id=_own(document, export), title=document.text("metadata", "title") or document.text("metadata", "name"),
            golden_path_id=_own(document, export), owner_team_id=owner and _ref(owner, "group", export),
        )  # fmt: skip


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per service and Template it says it was made from: born on the path, which says nothing about today."""
    if not _is_service(document, export):
        return
    told = (
        _annotation(document, _TEMPLATE)
        or _relation(document, "scaffoldedFrom")
        or document.text("spec", "scaffoldedFrom")
    )
    if not told:
        return
    template, _, tag = told.partition("@")
    path = _ref(template, "template", export)
    version = _annotation(document, _VERSION) or tag or None
    current = next(
        (
            _annotation(one, _VERSION)
            for one in reversed(export.once("templates", lambda: _templates(export)).get(path, []))
        ),
        None,
    )
    yield document.row(
        service_id=_own(document, export), golden_path_id=path, as_of=document.day, evidence="born", version=version,
        drift=drift(version, current),
    )  # fmt: skip


def _templates(export: Export) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for documents in export.by("entity", "metadata", "name").values():
        for document in documents:
            if document.text("kind") == "Template":
                found.setdefault(_own(document, export), []).append(document)
    return found


# --- the scaffolder ---------------------------------------------------------------------------------------------------


def action_runs(document: Document, export: Export) -> Iterator[Row]:
    """One row per task: a run of a template. ``finished_at`` is its completion event, else its last heartbeat (said)."""
    spec = _parsed(document.at("spec"))
    status, native = document.text("status"), document.text("id")
    template = members.text(spec, "templateInfo", "entityRef") or members.text(spec, "metadata", "name")
    if template is None:
        yield document.left_out("names no template")
        return
    path = _ref(template, "template", export)
    finished = None
    if status not in _RUNNING:
        ends = [
            event
            for event in export.by("task_event", "task_id").get(native or "", [])
            if event.text("event_type") == "completion"
        ]
        finished = ends[-1].text("created_at") if ends else _either(document, "lastHeartbeatAt", "last_heartbeat_at")
        if not ends:
            yield document.warning("tasks do not say when they ended: the last heartbeat stands for it")
    parameter = export.options["service_parameter"]
    created = _either(document, "createdAt", "created_at")
    yield document.row(
        newest=_either(document, "lastHeartbeatAt", "last_heartbeat_at") or created,
        run_id=export.id(native), operation_id=path, golden_path_id=path,
        version=members.text(spec, "templateInfo", "entity", "metadata", "annotations", _VERSION),
        service_id=members.text(spec, "parameters", parameter) if parameter else None,
        requestor_id=_who(_either(document, "createdBy", "created_by") or members.text(spec, "user", "ref"), export),
        requested_at=created, finished_at=finished, outcome=None if status in _RUNNING else _OUTCOMES.get(status or "", status),
        outcome_raw=status, channel="ui",
    )  # fmt: skip


def approvals(document: Document, export: Export) -> Iterator[Row]:
    """One row per approval a step of a task waits for."""
    status = document.text("status")
    decided = document.text("resolved_at")
    yield document.row(
        newest=decided, approval_id=export.id(f"{document.text('task_id')}/{document.text('step_id')}"),
        subject_kind="action_run", subject_id=export.id(document.text("task_id")),
        responder_id=_who(document.text("approved_by"), export), requested_at=document.text("created_at"), decided_at=decided,
        decision=status if status in ("approved", "rejected") else None, status=status, status_raw=status,
        time_basis="exact" if decided else "none",
    )  # fmt: skip


def usage(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per event: what was done in which plugin. Looking at a page is not purposeful, creating something is."""
    for document in batch.documents:
        if TABLE in document.body:
            yield document.columns(_events(document.body[TABLE], export))
    several = batch.where(TABLE not in body for body in batch.bodies)
    if several.documents:
        numbers = pl.Series(ROW, [document.number for document in several.documents])
        told = pl.DataFrame([numbers, *(pl.Series(name, several.texts(name), dtype=pl.String) for name in _EVENT)])
        yield several.documents[0].columns(_events(told, export))


def _events(told: pl.DataFrame, export: Export) -> pl.DataFrame:
    """Columns of usage events, with the names Backstage gives them → ours."""
    missing = [pl.lit(None, pl.String).alias(name) for name in _EVENT if name not in told.columns]
    text = pl.col(*_EVENT).cast(pl.String).str.strip_chars()
    told = told.with_columns(missing).select(ROW, pl.when(text != "").then(text).name.keep())
    nameless = told.filter(pl.col("id").is_null())
    made = nameless.with_columns(
        id=pl.Series(
            map(_event_id, nameless.select("created_at", "user_ref", "action", "subject", "plugin_id").iter_rows()),
            dtype=pl.String,
        )
    ).select(ROW, "id")
    if made.height:
        told = told.update(made, on=ROW)
    people = told["user_ref"].unique().drop_nulls().to_list()
    return told.select(
        ROW, "action", "value", event_id=pl.lit(export.id("")) + pl.col("id"), component="plugin_id", at="created_at",
        person_id=pl.col("user_ref").replace_strict(people, [_who(one, export) for one in people], default=None, return_dtype=pl.String),
        purposeful=pl.col("action").replace_strict(_PURPOSEFUL, default=None, return_dtype=pl.Boolean), _newest=pl.lit(None, pl.String),
    )  # fmt: skip


def _event_id(told: tuple[str | None, ...]) -> str:
    """The id of an event that has none: a hash of when who did what."""
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


# --- references -------------------------------------------------------------------------------------------------------


def _ref(told: str, kind: str, export: Export) -> str:
    return entity_ref(told, kind, export.options["refs"] == "short")


def _own(document: Document, export: Export) -> str:
    namespace = document.text("metadata", "namespace") or "default"
    kind = (document.text("kind") or "").lower()
    return _ref(f"{kind}:{namespace}/{document.text('metadata', 'name')}", kind, export)


def _person(document: Document, export: Export) -> str | None:
    namespace = document.text("metadata", "namespace") or "default"
    return _who(f"user:{namespace}/{document.text('metadata', 'name')}", export)


def _who(told: str | None, export: Export) -> str | None:
    """The pseudonym of a user's reference; where names are pseudonyms already, the name, in the namespace ``default``."""
    kind, _, rest = (told or "").strip().partition(":")
    if export.options["people"] != "keep" or kind.lower() != "user":
        return export.person(told)
    return export.person(rest.removeprefix("default/"))


def _is_service(document: Document, export: Export) -> bool:
    return document.text("kind") in export.options["kinds"]


def _annotation(document: Document, name: str) -> str | None:
    return document.text("metadata", "annotations", name)


def _relation(document: Document, kind: str) -> str | None:
    return next(
        (members.text(one, "targetRef") for one in document.every("relations") if one.get("type") == kind), None
    )


def _repository(document: Document) -> str | None:
    slug = next(filter(None, (_annotation(document, name) for name in _REPOSITORY)), None)
    if slug:
        return slug
    return repositories.repository(_annotation(document, "backstage.io/source-location"))


def _minutes(duration: str | None) -> float | None:
    found = _ISO_DURATION.fullmatch(duration or "")
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def _parsed(spec: Any) -> Any:
    """The specification of a task: an object from the API, its text from the database."""
    return json.loads(spec) if isinstance(spec, str) else spec


def _either(document: Document, *names: str) -> str | None:
    return next(filter(None, (document.text(name) for name in names)), None)


def _is_entity(body: Any) -> bool:
    version = str(body.get("apiVersion", ""))
    return version.startswith(("backstage.io/", "scaffolder.backstage.io/")) and "kind" in body and "metadata" in body


def _is_event(body: Mapping[str, Any]) -> bool:
    return {"action", "subject", "plugin_id", "created_at"} <= body.keys()


def _opened(path: Path, shown: str) -> Documents:
    """As any file, but that a table of usage events is one document: there are many."""
    return read_documents(path, shown, str) if holds_documents(path, shown) else table_documents(path, shown, _is_event)


_ENTITY, _NOW = ("entity",), "now only"

SYSTEM = System(
    kind="backstage",
    title="Backstage",
    opens=_opened,
    shapes=(
        Shape("entity", "a catalogue entity", _is_entity),
        Shape("task", "a scaffolder task", lambda b: "spec" in b and "status" in b and bool({"createdAt", "created_at"} & b.keys())
              and bool({"lastHeartbeatAt", "last_heartbeat_at", "createdBy", "created_by"} & b.keys())),
        Shape("task_event", "an event of a scaffolder task", lambda b: {"task_id", "event_type", "created_at"} <= b.keys()),
        Shape("task_approval", "an approval of a scaffolder task", lambda b: {"task_id", "step_id", "status"} <= b.keys()),
        Shape("usage_event", "a usage event", _is_event),
    ),
    gives=(
        Gives("services", services, _ENTITY, _NOW, lost=("tier", "created_at"), is_state=True,
              over_time=over_time.retired),
        Gives("ownership", ownership, _ENTITY, _NOW, over_time=over_time.spans, is_state=True),
        Gives("teams", teams, _ENTITY, _NOW, lost=("time_zone", "valid_from", "valid_to"), is_state=True),
        Gives("people", people, _ENTITY, _NOW, lost=("started_on", "ended_on", "is_developer", "is_bot", "time_zone"), is_state=True),
        Gives("memberships", memberships, _ENTITY, _NOW, over_time=over_time.spans, is_state=True),
        Gives("aliases", aliases, _ENTITY, _NOW, lost=("system", "valid_from", "valid_to"), together=_unambiguous, is_state=True),
        Gives("golden_paths", golden_paths, _ENTITY, _NOW, lost=("released_at", "announced_on", "mandated_from", "retired_at"), is_state=True),
        Gives("golden_path_versions", golden_path_versions, _ENTITY, _NOW, is_state=True,
              over_time=lambda rows, files: over_time.first_seen(rows, files, "released_at")),
        Gives("operations", operations, _ENTITY, _NOW, lost=("risk", "gate", "category"), is_state=True),
        Gives("service_golden_path", service_golden_path, _ENTITY, _NOW, lost=("joined_at", "left_at"), is_state=True),
        Gives("action_runs", action_runs, ("task",), "all tasks that were not deleted", beside=("task_event",),
              lost=("team_id", "started_at", "usable_at", "previous_run_id")),
        Gives("approvals", approvals, ("task_approval",), "all", lost=("operation_id", "service_id", "team_id", "requestor_id", "automated", "responders")),
        Gives("usage", None, ("usage_event",), "as long as the events are kept", lost=("team_id",), at_once=usage),
    ),
    recipes=(
        Recipe("entities.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "$BACKSTAGE/api/catalog/entities" > entities.json', "catalog.entity.read"),
        Recipe("tasks.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "$BACKSTAGE/api/scaffolder/v2/tasks?limit=1000" > tasks.json', "scaffolder.task.read",
               "Says totalTasks: a page with fewer is marked as incomplete."),
        Recipe("task_events.csv", "psql \"$DATABASE\" -c \"\\copy (select id, task_id, event_type, created_at from task_events where event_type = 'completion') to 'task_events.csv' csv header\"",
               "read on the scaffolder's database", "When a task really ended; without it the last heartbeat stands for it."),
        Recipe("usage_events.csv", "psql \"$DATABASE\" -c \"\\copy (select id, action, subject, value, plugin_id, user_ref, created_at from events) to 'usage_events.csv' csv header\"",
               "read on the Adoption Insights database"),
    ),
    options=(
        REFS,
        Option("kinds", "texts", "Kinds of entity that are services.", ("Component", "API", "Resource", "System"), ("Component",)),
        Option("service_parameter", "text", "The parameter of templates that names the service, if one does."),
    ),
)  # fmt: skip
