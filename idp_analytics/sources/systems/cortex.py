"""Cortex: entity descriptors, deploys, scorecard scores, exemptions, initiatives and workflow runs.

Scores are of now only. An exemption that nobody had to grant, because an administrator asked or the scorecard grants all, is
automatic and says nothing about waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, each_text, either, ids
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import ENVIRONMENTS, Gives, Option, Recipe, Row, Shape, System
from idp_analytics.tables.facts import LEVEL_SAID

_DEPLOYED = {"DEPLOY": False, "ROLLBACK": True}
_NOT_DEPLOYED = ("SCALE", "RESTART")
_DEPLOYERS = ("deployer", "email"), ("deployer", "name"), ("deployerEmail",), ("deployerName",)
_READ = (
    ("type",), ("timestamp",), ("environment",), ("sha",), ("title",), ("serviceTag",), ("entityTag",), ("uuid",), ("id",),
)  # fmt: skip
"""What is read of every deploy, beside who did it."""
_NO_VERDICT = {"NOT_APPLICABLE": "skip", "NOT_EVALUATED": None}
_STATES = {"pass": "passed", "fail": "failed", "skip": "not_applicable"}
_EXEMPTED = {
    "PENDING": "pending",
    "APPROVED": "approved",
    "REJECTED": "rejected",
    "REVOKED": "approved",
    "EXPIRED": "approved",
}
_RUNS = {
    "COMPLETED": "success",
    "SUCCEEDED": "success",
    "SUCCESS": "success",
    "FAILED": "failure",
    "ERROR": "error",
    "CANCELLED": "cancel",
    "CANCELED": "cancel",
}
_RUNNING = ("RUNNING", "PENDING", "IN_PROGRESS", "WAITING")


# --- the catalogue ----------------------------------------------------------------------------------------------------


def services(document: Document, export: Export) -> Iterator[Row]:
    """One row per entity of the types that are services."""
    about = _about(document)
    if not _is_service(about, export):
        return
    repository = members.at(about, "x-cortex-git")
    kinds = [
        members.text(repository, kind, "repository") or members.text(repository, kind, "project")
        for kind in ("github", "gitlab", "bitbucket", "azure")
    ]
    groups = members.words(about, "x-cortex-groups")
    yield document.row(
        service_id=_tag(about), name=members.text(about, "title") or _tag(about), kind=members.text(about, "x-cortex-type") or "service",
        tier=_tier(groups), repo=next(filter(None, kinds), None), system=members.text(about, "x-cortex-parents", 0, "tag"),
    )  # fmt: skip


def ownership(document: Document, export: Export) -> Iterator[Row]:
    """One row per service and the first group that owns it."""
    about = _about(document)
    owners = [
        members.text(owner, "name")
        for owner in members.every(about, "x-cortex-owners")
        if owner.get("type") in ("group", "team", None)
    ]
    if _is_service(about, export) and (first := next(filter(None, owners), None)):
        yield document.row(service_id=_tag(about), team_id=first)


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per team entity."""
    del export
    about = _about(document)
    if members.text(about, "x-cortex-type") == "team":
        yield document.row(
            team_id=_tag(about),
            name=members.text(about, "title") or _tag(about),
            parent_team_id=members.text(about, "x-cortex-parents", 0, "tag"),
            kind="team",
        )


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per member of a team, under a pseudonym of the address."""
    for member in members.every(_about(document), "x-cortex-team", "members"):
        if person := export.person(members.text(member, "email")):
            yield document.row(person_id=person)


def memberships(document: Document, export: Export) -> Iterator[Row]:
    """One row per member and team."""
    for member in members.every(_about(document), "x-cortex-team", "members"):
        if person := export.person(members.text(member, "email")):
            yield document.row(person_id=person, team_id=_tag(_about(document)))


def aliases(document: Document, export: Export) -> Iterator[Row]:
    """The title and the repository of a service, as other names of it."""
    about = _about(document)
    for row in services(document, export):
        for alias in dict.fromkeys((row["name"], row["repo"])):
            if alias and alias != _tag(about):
                yield document.row(kind="service", alias=alias, canonical_id=_tag(about))


# --- what happened ----------------------------------------------------------------------------------------------------


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per deploy or rollback; scaling and restarting are none. Cortex is told of deploys that were done, so they are
    successes, and of no other: that failures are missing is said."""
    batch.read(*_READ, *_DEPLOYERS)
    if not set(_NOT_DEPLOYED).isdisjoint(batch.texts("type")):
        others = Counter(kind for kind in batch.texts("type") if kind in _NOT_DEPLOYED)
        yield from (batch.documents[0].left_out(f"is no deployment ({kind})", times) for kind, times in others.items())
        batch = batch.where(kind not in _NOT_DEPLOYED for kind in batch.texts("type"))
    if not batch.documents:
        return
    first = batch.documents[0]
    yield first.warning("Cortex is told of deployments that were done: failures are not among them")
    kinds = pl.Series(batch.texts("type"), dtype=pl.String).fill_null("DEPLOY")
    at, shas, titles = (batch.texts(name) for name in ("timestamp", "sha", "title"))
    raw, deployers = (pl.Series(of, dtype=pl.String) for of in (batch.texts("environment"), batch.first(*_DEPLOYERS)))
    services = batch.first("serviceTag", "entityTag")
    if not all(services):
        beside = [members.text(first.file.beside, "tag")] * len(batch)
        services = either(services, beside, batch.texts("serviceId"))
    natives = batch.first("uuid", "id")
    if not all(natives):
        natives = [
            one or f"{service or ''}/{sha or title}/{when}"
            for one, service, sha, title, when in zip(natives, services, shas, titles, at, strict=True)
        ]
    is_known = kinds.is_in(list(_DEPLOYED))
    yield from batch.rows(
        deployment_id=ids(export, natives), service_id=services, environment=each_text(export.environment, raw), environment_raw=raw,
        sha=shas, version=titles, kind="application", finished_at=at, outcome=kinds.set(is_known, "success"), outcome_raw=kinds,
        is_rollback=kinds.replace_strict(_DEPLOYED, default=None, return_dtype=pl.Boolean) if is_known.any() else None,
        initiated_by=each_text(export.person, deployers),
    )  # fmt: skip


def policy_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per rule and entity of a scorecard, when it was last scored. A rule that was not evaluated has no verdict."""
    del export
    rules, places = batch.every("score", "rules")
    verdicts = list(map(_verdict, rules.bodies))
    own = {
        "rule": rules.first("identifier", "expression"),
        "result": [verdict for verdict, _ in verdicts],
        "result_raw": [raw for _, raw in verdicts],
    }
    services = _scored(batch)
    yield from batch.several(
        places, own, policy=_cards(batch), resource=services, as_of=_scored_at(batch), engine="cortex", service_id=services, enforcement="audit"
    )  # fmt: skip


def scorecard_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per rule and entity of a scorecard, when it was last scored, and the level and points Cortex says the entity has. Which rule is of
    which level is in the scorecard's descriptor: without it the levels of rules are not known."""
    cards, services = _cards(batch), _scored(batch)
    known = {card: _described(card, export) for card in set(cards)}
    shared: dict[str, Any] = {
        "tool": "cortex", "scorecard": cards, "resource": services, "service_id": services, "as_of": _scored_at(batch),
    }  # fmt: skip
    rules, places = batch.every("score", "rules")
    names = [rules.texts(key) for key in ("title", "expression", "identifier")]
    levels, weights = rules.texts("level"), rules.texts("weight")
    numbers: list[str | None] = [None] * len(rules)
    if any(ranks or described for ranks, described in known.values()):
        of = [known[cards[place]] for place in places]
        abouts = [
            next((described[name] for name in some if name in described), {})
            for some, (_, described) in zip(zip(*names, strict=True), of, strict=True)
        ]
        levels = either(levels, [members.text(about, "level") for about in abouts])
        weights = either(weights, [members.text(about, "weight") for about in abouts])
        numbers = [ranks.get(level) if level else None for level, (ranks, _) in zip(levels, of, strict=True)]
    verdicts = list(map(_verdict, rules.bodies))
    yield from batch.several(
        places,
        {
            "rule": rules.first("identifier", "expression", "title"), "level": levels, "level_number": numbers, "weight": weights,
            "state": [_STATES.get(verdict or "") for verdict, _ in verdicts], "state_raw": [raw for _, raw in verdicts],
        },
        **shared,
    )  # fmt: skip
    ladders = batch.at("score", "ladderLevels")
    climbed = [place for place, ladder in enumerate(ladders) if isinstance(ladder, list)]
    reached = [members.every(ladders[place])[-1:] for place in climbed]
    stands = [members.text(one, 0, "level", "name") or members.text(one, 0, "levelName") for one in reached]
    points, most = (batch.texts("score", "summary", name) for name in ("score", "totalPossibleScore"))
    yield from batch.several(
        climbed,
        {
            "rule": [LEVEL_SAID] * len(climbed), "level": stands, "score": [points[place] for place in climbed], "score_most": [most[place] for place in climbed],
            "level_number": [
                members.text(one, 0, "level", "number") or known[cards[place]][0].get(level) if one else 0
                for place, one, level in zip(climbed, reached, stands, strict=True)
            ],
        },
        **shared,
    )  # fmt: skip


def _described(card: str, export: Export) -> tuple[dict[str | None, str | None], dict[str | None, dict[str, Any]]]:
    """What the newest descriptor of a scorecard tells: the rank of each level, and each rule by all its names."""
    cards = export.by("scorecard", "tag").get(card)
    if not cards:
        return {}, {}
    ranks = {members.text(one, "name"): members.text(one, "rank") for one in cards[-1].every("ladder", "levels")}
    described: dict[str | None, dict[str, Any]] = {
        name: rule
        for rule in cards[-1].every("rules")
        for name in (members.text(rule, key) for key in ("expression", "title", "identifier"))
        if name
    }
    return ranks, described


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per exemption that was granted."""
    state = _state(document)
    if _EXEMPTED.get(state or "") != "approved":
        return
    yield document.row(
        newest=_at(document, "approvedDate") or document.text("requestedDate"), hatch_id=_exemption(document, export), kind="exemption",
        policy=document.text("scorecardTag") or document.text("scorecardName"), service_id=document.text("entityTag") or document.text("entity", "tag"),
        requestor_id=export.person(document.text("requestedBy")), approver_id=export.person(document.text("approvedBy") or document.text("status", "approvedBy")),
        opened_at=_at(document, "approvedDate") or document.text("requestedDate"), expires_at=document.text("endDate"),
        closed_at=_at(document, "revokedDate"), reason=document.text("requestingReason"),
    )  # fmt: skip


def approvals(document: Document, export: Export) -> Iterator[Row]:
    """One row per exemption asked for. One that its scorecard grants by itself, or that was approved within a second, was granted by
    a machine."""
    state = _state(document)
    stands = _EXEMPTED.get(state or "", state)
    decided = _at(document, "approvedDate") or _at(document, "rejectedDate")
    cards = export.by("scorecard", "tag").get(document.text("scorecardTag") or "", [])
    by_itself = bool(document.at("autoApproved")) or any(card.at("exemptions", "autoApprove") is True for card in cards)
    automated = by_itself or (stands == "approved" and _at_once(document.text("requestedDate"), decided))
    is_decided = stands in ("approved", "rejected")
    responder = (
        document.text("approvedBy")
        or document.text("rejectedBy")
        or document.text("status", "approvedBy")
        or document.text("status", "rejectedBy")
    )
    yield document.row(
        newest=decided or document.text("requestedDate"), approval_id=_exemption(document, export), operation_id="exemption", subject_kind="policy",
        subject_id=document.text("ruleIdentifier") or document.text("scorecardTag"), service_id=document.text("entityTag") or document.text("entity", "tag"),
        requestor_id=export.person(document.text("requestedBy")), responder_id=export.person(responder) if is_decided else None,
        requested_at=document.text("requestedDate"), decided_at=decided if is_decided else None, decision=stands if is_decided else None,
        status=stands, status_raw=state, automated=automated, time_basis="exact" if decided and is_decided else "none",
    )  # fmt: skip


def _at_once(asked: str | None, decided: str | None) -> bool:
    """Decided within a second of being asked for."""
    try:
        waited = datetime.fromisoformat(decided or "") - datetime.fromisoformat(asked or "")
    except (ValueError, TypeError):
        return False
    return abs(waited) <= timedelta(seconds=1)


def golden_paths(document: Document, export: Export) -> Iterator[Row]:
    """One row per initiative that is no draft: a policy with a day from which it must be met."""
    del export
    if document.at("isDraft") is True:
        yield document.left_out("is a draft")
        return
    yield document.row(
        golden_path_id=document.text("cid") or document.text("scorecardTag") or document.text("name"), title=document.text("name"), kind="policy",
        mandated_from=document.text("targetDate"), announced_on=document.text("dateCreated") or document.text("createdDate"),
    )  # fmt: skip


def action_runs(document: Document, export: Export) -> Iterator[Row]:
    """One row per run of a workflow."""
    status = document.text("status")
    path = document.text("workflowTag") or document.text("workflow", "tag")
    yield document.row(
        newest=document.text("dateUpdated"), run_id=export.id(document.text("id")), operation_id=path, golden_path_id=path,
        service_id=document.text("scope", "entityTag") or document.text("entityTag"), requestor_id=export.person(document.text("initiatedBy") or document.text("runBy")),
        requested_at=document.text("startedAt") or document.text("dateCreated"), started_at=document.text("startedAt"),
        finished_at=document.text("endedAt") or document.text("dateUpdated") if status in _RUNS else None,
        outcome=None if status in _RUNNING else _RUNS.get(status or "", status.lower() if status else None), outcome_raw=status, channel="ui",
    )  # fmt: skip


# --- fields -----------------------------------------------------------------------------------------------------------


def _about(document: Document) -> Any:
    """The descriptor's ``info``, or the entity as the API lists it in the same words."""
    if isinstance(document.at("info"), dict):
        return document.at("info")
    if "github" in document.body and "title" in document.body:
        return {
            "title": document.at("title"),
            "x-cortex-tag": document.at("tag"),
            "x-cortex-type": "service",
            "x-cortex-git": {"github": {"repository": document.at("github")}},
        }
    owners = [
        {"type": "group", "name": members.text(team, "tag") or members.text(team, "groupName")}
        for team in document.every("owners", "teams")
    ]
    groups = document.at("groups")
    return {
        "title": document.at("name"), "x-cortex-tag": document.at("tag"), "x-cortex-type": document.at("type"), "x-cortex-groups": groups,
        "x-cortex-owners": owners, "x-cortex-git": {"github": {"repository": document.text("git", "repository")}},
    }  # fmt: skip


def _tag(about: Any) -> str | None:
    return members.text(about, "x-cortex-tag")


def _is_service(about: Any, export: Export) -> bool:
    return (members.text(about, "x-cortex-type") or "service") in export.options["types"]


def _tier(groups: list[str]) -> str | None:
    """``tier-1`` among the groups."""
    named = [group.rsplit("-", 1)[-1] for group in groups if group.lower().startswith("tier-")]
    return next((digit for digit in named if digit.isdigit()), None)


def _cards(batch: Batch) -> list[str]:
    """The scorecard that each score is of."""
    beside = batch.documents[0].file.beside
    card = members.text(beside, "scorecardTag") or members.text(beside, "tag") or "scorecard"
    return [one or card for one in batch.texts("scorecardTag")]


def _scored(batch: Batch) -> list[str | None]:
    return batch.first(("service", "tag"), "entityTag")


def _scored_at(batch: Batch) -> list[str | None]:
    taken_at = batch.documents[0].taken_at
    return [at or taken_at for at in batch.texts("lastUpdated")]


def _verdict(rule: Any) -> tuple[str | None, str | None]:
    """pass, fail, skip or null, and what is written. A rule that was not evaluated has no verdict."""
    raw, score = members.text(rule, "outcome", "type") or members.text(rule, "type"), members.text(rule, "score")
    if raw in _NO_VERDICT:
        return _NO_VERDICT[raw], raw
    return None if score is None else "pass" if float(score) > 0 else "fail", raw or score


def _state(document: Document) -> str | None:
    return document.text("status", "type") or document.text("status")


def _at(document: Document, name: str) -> str | None:
    return document.text(name) or document.text("status", name)


def _exemption(document: Document, export: Export) -> str | None:
    parts = ("scorecardTag", "ruleIdentifier", "entityTag", "requestedDate")
    return export.id(document.text("id") or "/".join(document.text(part) or "" for part in parts))


_DEPLOYER = frozenset(("deployer", "deployerEmail", "deployerName", "sha"))
_NOW = "now only"
_API = 'curl -fsS -H "Authorization: Bearer $TOKEN"'
_CATALOGUE = ("entity",)

SYSTEM = System(
    kind="cortex",
    title="Cortex",
    shapes=(
        Shape("deploy", "a deploy", lambda b: "timestamp" in b and "title" in b and "type" in b and not _DEPLOYER.isdisjoint(b)),
        Shape("entity", "an entity", lambda b: ("info" in b and members.at(b, "info", "x-cortex-tag") is not None)
              or ({"tag", "type", "name"} <= b.keys() and ("owners" in b or "hierarchy" in b)) or {"tag", "title", "github"} <= b.keys()),
        Shape("score", "a score of a scorecard", lambda b: "service" in b and isinstance(members.at(b, "score", "rules"), list)),
        Shape("exemption", "an exemption", lambda b: {"requestedBy", "requestedDate"} <= b.keys() and "status" in b),
        Shape("initiative", "an initiative", lambda b: {"name", "targetDate"} <= b.keys() and ("isDraft" in b or "scorecardTag" in b)),
        Shape("workflow_run", "a run of a workflow", lambda b: ("workflowTag" in b or "workflow" in b) and {"id", "status"} <= b.keys() and "createdBy" not in b
              and ("startedAt" in b or "dateCreated" in b)),
        Shape("scorecard", "a scorecard", lambda b: {"tag", "rules"} <= b.keys()),
    ),
    gives=(
        Gives("services", services, _CATALOGUE, _NOW, lost=("lifecycle", "created_at"), is_state=True, over_time=over_time.retired),
        Gives("ownership", ownership, _CATALOGUE, _NOW, over_time=over_time.spans, is_state=True),
        Gives("teams", teams, _CATALOGUE, _NOW, lost=("time_zone", "valid_from", "valid_to"), is_state=True),
        Gives("people", people, _CATALOGUE, _NOW, lost=("started_on", "ended_on", "is_developer", "is_bot", "time_zone"), is_state=True),
        Gives("memberships", memberships, _CATALOGUE, _NOW, over_time=over_time.spans, is_state=True),
        Gives("aliases", aliases, _CATALOGUE, _NOW, lost=("system", "valid_from", "valid_to"), is_state=True),
        Gives("deployments", None, ("deploy",), "all that were told to it", at_once=deployments, lost=("queued_at", "started_at", "is_resync", "automated", "golden_path_id")),
        Gives("policy_results", None, ("score",), _NOW, at_once=policy_results, lost=("team_id", "severity", "hatch_id", "truncated"), is_state=True),
        Gives("scorecard_results", None, ("score",), _NOW, at_once=scorecard_results, beside=("scorecard",), lost=("team_id", "category"), is_state=True),
        Gives("escape_hatches", escape_hatches, ("exemption",), "all", lost=("golden_path_id", "team_id", "uses")),
        Gives("approvals", approvals, ("exemption",), "all", lost=("team_id", "responders")),
        Gives("golden_paths", golden_paths, ("initiative",), _NOW, lost=("owner_team_id", "applies_to", "current_version", "released_at", "retired_at", "minutes_saved")),
        Gives("action_runs", action_runs, ("workflow_run",), "as long as runs are kept", lost=("version", "team_id", "usable_at", "previous_run_id")),
    ),
    recipes=(
        Recipe("catalog/*.yaml", "cortex backup export", "API key (read)", "Writes one descriptor per entity, and the scorecards."),
        Recipe("entities.csv", "cp importer/entities.csv entities.csv", "none", "The table its CSV importer takes: tag, title, github."),
        Recipe("catalogue.json", f'{_API} "$CORTEX/api/v1/catalog?pageSize=1000&page=0&yaml=false&includeOwners=true" > catalogue.json', "API key (read)", "Pages count from 0: go on while page + 1 < totalPages, into files of their own."),
        Recipe("deploys.json", f'{_API} "$CORTEX/api/v1/catalog/$TAG/deploys?pageSize=1000" | jq --arg tag "$TAG" \'. + {{tag: $tag}}\' > "deploys-$TAG.json"', "API key (read)",
               "Once per service: a deploy does not name its service, so that the tag is put beside them."),
        Recipe("scores.json", f'{_API} "$CORTEX/api/v1/scorecards/$SCORECARD/scores?pageSize=1000" > scores.json', "API key (read)", "One file per scorecard. Which rule is of which level stands in its descriptor: export scorecards/*.yaml beside it."),
        Recipe("exemptions.json", f'{_API} "$CORTEX/api/v1/scorecards/exemptions?pageSize=1000" > exemptions.json', "API key (read)"),
        Recipe("initiatives.json", f'{_API} "$CORTEX/api/v1/initiatives?pageSize=1000" > initiatives.json', "API key (read)"),
        Recipe("workflow-runs.json", f'{_API} "$CORTEX/api/v1/workflows/$WORKFLOW/runs?pageSize=1000" > workflow-runs.json', "API key (read)"),
    ),
    options=(ENVIRONMENTS, Option("types", "texts", "Types of entity that are services.", default=("service",))),
)  # fmt: skip
