"""Port: entities with their scorecards, self-service actions and their runs, and the audit log.

A run does not say when it was approved: the audit log does. A request that was withdrawn ends as FAILURE, like a run that
failed: it is told by its never having been approved.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from idp_analytics.sources import members, over_time, repositories
from idp_analytics.sources.batch import Batch, each, either, pieces
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import GOLDEN_PATHS, Gives, Option, Recipe, Row, Shape, System, having
from idp_analytics.tables.facts import LEVEL_SAID

MOST = 1000
"""Runs Port gives per answer."""

_WAITS = "WAITING_FOR_APPROVAL"
_OUTCOMES = {"SUCCESS": "success", "FAILURE": "failure", "DECLINED": "cancel"}
_DECIDED = ("approved", "rejected")
_RUNNING = ("IN_PROGRESS", _WAITS)
_CHANNELS = {"UI": "ui", "API": "api", "AUTOMATION": "automation"}
_VERDICTS = {"SUCCESS": "pass", "FAILURE": "fail"}
_STATES = {"SUCCESS": "passed", "FAILURE": "failed"}


def services(document: Document, export: Export) -> Iterator[Row]:
    """One row per entity of the blueprint of services; ``retired_at`` is the first snapshot without it."""
    body = _entity(document)
    if not _is_service(body, export):
        return
    lifecycle = members.text(body, "properties", "lifecycle")
    repo = members.text(body, "properties", export.options["repo_property"])
    yield document.row(
        newest=members.text(body, "updatedAt"), service_id=members.text(body, "identifier"),
        name=members.text(body, "title") or members.text(body, "identifier"), kind=members.text(body, "properties", "type") or members.text(body, "blueprint"),
        lifecycle=lifecycle.lower() if lifecycle else None, lifecycle_raw=lifecycle, tier=members.text(body, "properties", "tier"),
        repo=repositories.repository(repo) or members.address(repo), created_at=members.text(body, "createdAt"),
    )  # fmt: skip


def ownership(document: Document, export: Export) -> Iterator[Row]:
    """One row per entity of a service and its first team."""
    body = _entity(document)
    teams = members.words(body, "team") or members.words(body, "$team")
    if _is_service(body, export) and teams:
        yield document.row(service_id=members.text(body, "identifier"), team_id=teams[0])


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per team, under the name that entities use."""
    del export
    yield document.row(team_id=document.text("name"), name=document.text("name"), kind="team")


def memberships(document: Document, export: Export) -> Iterator[Row]:
    """One row per team and user in it."""
    for user in document.every("users"):
        yield document.row(
            person_id=export.person(members.text(user, "id") or members.text(user, "email")),
            team_id=document.text("name"),
        )


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per user. A user that was disabled keeps its id."""
    yield document.row(person_id=export.person(document.text("id") or document.text("email")))


def aliases(document: Document, export: Export) -> Iterator[Row]:
    """The address of a user, hashed: runs name people by the id of the identity provider."""
    native, address = document.text("id"), document.text("email")
    if native and address:
        yield document.row(kind="person", alias=export.person(address), canonical_id=export.person(native))


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per self-service action; its gate is a human one where it needs approval."""
    title = document.text("title") or document.text("identifier")
    yield document.row(
        operation_id=document.text("identifier"), title=title, gate="human" if _needed(document.at("requiredApproval")) else "none",
        golden_path_id=export.golden_path(document.text("identifier")) if export.options["golden_paths"] else None,
        category=document.text("trigger", "operation"),
    )  # fmt: skip


def action_runs(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per run. One that was declined or withdrawn never ran and is cancelled; it began when it was approved."""
    yield from _full(batch, export)
    status, created, operation = batch.texts("status"), batch.texts("createdAt"), _operations(batch)
    decided, withdrawn = _decisions(batch, export), _withdrawn(batch, export)
    begun = [
        None if word == "DECLINED" or is_withdrawn else decision[0] if decision else None if needed else at
        for word, is_withdrawn, decision, needed, at in zip(status, withdrawn, decided, batch.at("requiredApproval"), created, strict=True)
    ]  # fmt: skip
    ended = [None if word in _RUNNING else at for word, at in zip(status, batch.texts("endedAt"), strict=True)]
    outcome = [
        None if word in _RUNNING else "cancel" if is_withdrawn else _OUTCOMES.get(word or "", word)
        for word, is_withdrawn in zip(status, withdrawn, strict=True)
    ]
    yield from batch.rows(
        newest=batch.texts("updatedAt"), run_id=export.ids(batch.texts("id")), operation_id=operation,
        golden_path_id=each(export.golden_path, operation) if export.options["golden_paths"] else None,
        service_id=_services(batch, export), requestor_id=each(export.person, batch.texts("createdBy")), requested_at=created,
        started_at=begun, finished_at=ended, outcome=outcome, outcome_raw=either(batch.texts("statusLabel"), status),
        channel=[_CHANNELS.get(source or "", source) for source in batch.texts("source")],
    )  # fmt: skip


def approvals(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per run that needs approval. Decided when the audit log has it leave the queue; without the log that is not known."""
    yield from _full(batch, export)
    batch = batch.where(batch.at("requiredApproval"))
    status, said, natives = (
        batch.texts("status"),
        batch.texts("approval", "state"),
        export.ids(batch.texts("id")),
    )
    decisions = _decisions(batch, export)
    stands = list(map(_stands, status, said, _withdrawn(batch, export), decisions))
    decided = [decision if word in _DECIDED else None for decision, word in zip(decisions, stands, strict=True)]
    answered = either(batch.texts("approval", "userId"), [decision[1] if decision else None for decision in decisions])
    yield from batch.rows(
        newest=batch.texts("updatedAt"), approval_id=natives, operation_id=_operations(batch), subject_kind="action_run", subject_id=natives,
        service_id=_services(batch, export), requestor_id=each(export.person, batch.texts("createdBy")),
        responder_id=each(export.person, [who if word in _DECIDED else None for who, word in zip(answered, stands, strict=True)]),
        requested_at=batch.texts("createdAt"), decided_at=[decision[0] if decision else None for decision in decided],
        decision=[word if word in _DECIDED else None for word in stands], status=stands, status_raw=either(said, status),
        time_basis=["exact" if decision else "none" for decision in decided],
    )  # fmt: skip


def _stands(status: str | None, said: str | None, is_withdrawn: bool, left: object) -> str | None:
    """Where a request for approval stands; what nobody decided and what has a status nobody knows is not approved."""
    if status == _WAITS:
        return "pending"
    if is_withdrawn:
        return "cancelled"
    if "DECLINED" in (status, said):
        return "rejected"
    return "approved" if left or said == "APPROVED" or status in ("SUCCESS", "IN_PROGRESS") else None


def policy_results(document: Document, export: Export) -> Iterator[Row]:
    """One row per rule of each scorecard of an entity, on the export's day."""
    body = _entity(document)
    cards = members.at(body, "scorecards")
    for card, content in cards.items() if isinstance(cards, dict) else ():
        for rule in members.every(content, "rules"):
            verdict = members.text(rule, "status")
            yield document.row(
                policy=card, rule=members.text(rule, "identifier"), resource=members.text(body, "identifier"), as_of=document.taken_at, engine="port",
                service_id=members.text(body, "identifier") if _is_service(body, export) else None,
                result=_VERDICTS.get(verdict or "", verdict), result_raw=verdict, enforcement="audit", severity=members.text(rule, "level"),
            )  # fmt: skip


def scorecard_results(document: Document, export: Export) -> Iterator[Row]:
    """One row per rule of each scorecard of an entity, on the export's day, and the level Port says it has. The order of levels is that of the
    scorecard, where it was exported, else of the option ``levels``. An entity that a scorecard's filter leaves out has none of it."""
    body = _entity(document)
    cards = members.at(body, "scorecards")
    for card, content in cards.items() if isinstance(cards, dict) else ():
        ladder = _ladder(card, export)
        shared: dict[str, Any] = {
            "tool": "port", "scorecard": card, "resource": members.text(body, "identifier"), "as_of": document.taken_at,
            "service_id": members.text(body, "identifier") if _is_service(body, export) else None,
        }  # fmt: skip
        for rule in members.every(content, "rules"):
            raw, level = members.text(rule, "status"), members.text(rule, "level")
            yield document.row(
                **shared, rule=members.text(rule, "identifier"), level=level, level_number=ladder.get(level or ""), state=_STATES.get(raw or "", raw), state_raw=raw,
            )  # fmt: skip
        if said := members.text(content, "level"):
            yield document.row(**shared, rule=LEVEL_SAID, level=said, level_number=ladder.get(said))


def _ladder(card: str, export: Export) -> dict[str, int]:
    """Level → its place on the ladder of a scorecard; the first is what everything has."""
    exported = export.by("scorecard", "identifier").get(card, [])
    told = [name for level in exported[-1].every("levels") if (name := members.text(level, "title"))] if exported else []  # fmt: skip
    return {name: place for place, name in enumerate(told or export.options["levels"])}


# --- an entity, a run -------------------------------------------------------------------------------------------------


def _entity(document: Document) -> Any:
    """The entity itself, or what an event says it is after a change."""
    return document.at("event", "diff", "after") or document.at("diff", "after") or document.body


def _is_service(body: Any, export: Export) -> bool:
    return members.text(body, "blueprint") == str(export.options["service_blueprint"])


def _needed(required: Any) -> bool:
    """True, or the kind of approval (``{type: ANY}``)."""
    return bool(required)


def _services(batch: Batch, export: Export) -> list[str | None]:
    """The entity each run was for, where it is a service."""
    blueprints, entities = _identifiers(batch, "blueprint"), _identifiers(batch, "entity")
    ours = {None, export.options["service_blueprint"]}
    if ours.issuperset(blueprints):
        return entities
    return [entity if blueprint in ours else None for entity, blueprint in zip(entities, blueprints, strict=True)]


def _operations(batch: Batch) -> list[str | None]:
    return _identifiers(batch, "action")


def _identifiers(batch: Batch, name: str) -> list[str | None]:
    """What is named, as an object with its identifier or as the identifier alone."""
    if dict not in set(map(type, batch.at(name))):
        return batch.texts(name)
    return either(batch.texts(name, "identifier"), batch.texts(name))


def _full(batch: Batch, export: Export) -> Iterator[Row]:
    """An answer as long as any can be does not say whether there is more."""
    first = batch.documents[0]
    files = export.once(
        "runs", lambda: {runs[0].documents[0].file.shown: sum(map(len, runs)) for runs in pieces(export, "run")}
    )
    held = files[first.file.shown]
    if held % MOST == 0:
        yield first.truncated(
            f"Port gives at most {MOST:,} runs per answer, and the file has {held:,}: there may be more"
        )
    for log in pieces(export, "audit"):
        entries = sum(map(len, log))
        if entries % MOST == 0:
            yield (
                log[0]
                .documents[0]
                .truncated(
                    f"the audit log was asked for {MOST:,} entries at most, and the file has {entries:,}: there may be more, and runs that "
                    "seem to wait may be decided"
                )
            )


class _Move(NamedTuple):
    """That a run left the queue, by an entry of the audit log."""

    at: str | None
    by: str | None
    to: str | None


class _Left(NamedTuple):
    """The runs that left the queue, by their ids: all, those approved or declined (when, by whom), those that failed."""

    every: frozenset[str]
    decided: dict[str | None, tuple[str, str | None]]
    failed: frozenset[str]


def _left(export: Export) -> _Left:
    """How runs left the queue, by the entries that name them and by those that say what became of them."""

    def made() -> _Left:
        found: dict[str, list[_Move]] = {}
        left = [
            one.where(word == _WAITS for word in one.texts("diff", "before", "status"))
            for one in chain.from_iterable(pieces(export, "audit"))
        ]
        parts = ("trigger", "at"), ("trigger", "by", "userId"), ("diff", "after", "status")
        moves = [list(map(_Move, *(one.texts(*part) for part in parts))) for one in left]
        for path in (("context", "run_id"), ("diff", "after", "id")):
            for one, told in zip(left, moves, strict=True):
                for native, move in zip(one.texts(*path), told, strict=True):
                    if native is not None:
                        found.setdefault(native, []).append(move)
        decided: dict[str | None, tuple[str, str | None]] = {}
        for native, told in found.items():
            if decisions := [(move.at, move.by) for move in told if move.at and move.to in ("IN_PROGRESS", "DECLINED")]:
                decided[native] = min(decisions)
        failed = (native for native, told in found.items() if any(move.to == "FAILURE" for move in told))
        return _Left(frozenset(found), decided, frozenset(failed))

    return export.once("left", made)


def _decisions(batch: Batch, export: Export) -> list[tuple[str, str | None] | None]:
    """When each run was approved or declined, and by whom; null where no log says so."""
    return list(map(_left(export).decided.get, batch.texts("id")))


def _withdrawn(batch: Batch, export: Export) -> list[bool]:
    left = _left(export)
    told = zip(
        batch.texts("status"), batch.at("requiredApproval"), batch.at("approval"), batch.texts("id"), strict=True
    )
    return [
        word == "FAILURE"
        and bool(needed)
        and (native in left.failed or (native not in left.every and approval is None))
        for word, needed, approval, native in told
    ]


_NOW, _ENTITY = "now only", ("entity", "event")
_API = 'curl -fsS -H "Authorization: Bearer $TOKEN"'

SYSTEM = System(
    kind="port",
    title="Port",
    shapes=(
        Shape("event", "an event", lambda b: "trigger" in b and members.text(b, "event", "resourceType") is not None),
        Shape("audit", "an entry of the audit log", having("resourceType", "trigger", "diff")),
        Shape("run", "a run of an action", having("action", "status", "createdAt", "createdBy")),
        Shape("action", "a self-service action", having("identifier", "trigger", "invocationMethod")),
        Shape("scorecard", "a scorecard", lambda b: {"identifier", "levels", "rules"} <= b.keys() and "properties" not in b),
        Shape("entity", "an entity", having("identifier", "blueprint", "properties")),
        Shape("team", "a team", having("name", "users", "provider")),
        Shape("user", "a user", lambda b: {"email", "providers", "status"} <= b.keys() and "firstName" in b),
    ),
    gives=(
        Gives("services", services, _ENTITY, _NOW, lost=("system",), is_state=True, over_time=over_time.retired),
        Gives("ownership", ownership, _ENTITY, _NOW, over_time=over_time.spans, is_state=True),
        Gives("teams", teams, ("team",), _NOW, lost=("parent_team_id", "time_zone", "valid_from", "valid_to"), is_state=True),
        Gives("people", people, ("user",), _NOW, lost=("started_on", "ended_on", "is_developer", "is_bot", "time_zone"), is_state=True),
        Gives("memberships", memberships, ("team",), _NOW, over_time=over_time.spans, is_state=True),
        Gives("aliases", aliases, ("user",), _NOW, lost=("system", "valid_from", "valid_to"), is_state=True),
        Gives("operations", operations, ("action",), _NOW, lost=("risk", "owner_team_id"), is_state=True),
        Gives("action_runs", None, ("run",), "as long as runs are kept", beside=("audit",), lost=("version", "team_id", "usable_at", "previous_run_id"), at_once=action_runs, in_pieces=True),
        Gives("approvals", None, ("run",), "as long as runs are kept; the time as long as the audit log", beside=("audit",), lost=("team_id", "automated", "responders"), at_once=approvals, in_pieces=True),
        Gives("policy_results", policy_results, _ENTITY, _NOW, lost=("team_id", "hatch_id", "truncated"), is_state=True),
        Gives("scorecard_results", scorecard_results, _ENTITY, _NOW, beside=("scorecard",), lost=("team_id", "category", "score", "score_most", "weight"), is_state=True),
    ),
    recipes=(
        Recipe("entities.json", f'{_API} "$PORT/v1/blueprints/service/entities?include=identifier&include=title&include=blueprint&include=team&include=properties&include=scorecards&include=createdAt&include=updatedAt" > entities.json',
               "member (read)"),
        Recipe("scorecards.json", f'{_API} "$PORT/v1/scorecards" > scorecards.json', "member (read)", "In which order the levels of each scorecard come."),
        Recipe("runs.json", f'{_API} "$PORT/v1/actions/runs?version=v2&limit=1000" > runs.json', "admin", "At most 1,000 runs per answer: ask by action and day."),
        Recipe("audit.json", f'{_API} "$PORT/v1/audit-log?resources=run&from=$SINCE&to=$UNTIL&limit=1000" > audit.json', "admin", "When runs were approved; without it no waiting time is known."),
        Recipe("actions.json", f'{_API} "$PORT/v1/actions?version=v2" > actions.json', "admin", "Which actions need approval."),
        Recipe("teams.json", f'{_API} "$PORT/v1/teams?fields=name&fields=users.id&fields=users.email&fields=provider" > teams.json', "admin"),
        Recipe("users.json", f'{_API} "$PORT/v1/users" > users.json', "admin"),
    ),
    options=(
        GOLDEN_PATHS,
        Option("service_blueprint", "text", "The blueprint whose entities are services.", default="service"),
        Option("repo_property", "text", "The property with the repository's address.", default="repo"),
        Option("levels", "texts", "Levels of scorecards that were not exported, from the one that everything has upwards.", default=("Basic", "Bronze", "Silver", "Gold")),
    ),
)  # fmt: skip
