"""GitLab: deployments with their approvals, merge requests, protected environments.

A deployment that is blocked waits for approval; one that was cancelled did not fail. Approvals of deployments say when they were given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from operator import not_
from typing import Any

from idp_analytics.sources import members, repositories
from idp_analytics.sources.batch import Batch, each, either, inside, texts
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import (
    ENVIRONMENTS,
    SERVICE_PATTERN,
    Gives,
    Option,
    Recipe,
    Row,
    Shape,
    System,
    having,
)
from idp_analytics.tables.pseudonyms import apart

_ENDED = {"success": "success", "failed": "failure", "canceled": "cancel", "skipped": "cancel"}
_RUNNING = ("created", "running", "blocked")
_TIERS = {"production": "production", "staging": "staging", "testing": "test", "development": "development"}


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per deployment. Its environment is the tier GitLab has of it, else by its name."""
    previews = export.options["previews"]
    if previews:
        shown = each(lambda raw: raw is None or not export.matches(previews, raw), batch.texts("environment", "name"))
        yield from (one.left_out("is a preview, by the settings") for one in batch.those(map(not_, shown)))
        batch = batch.where(shown)
    status, raw, updated = batch.texts("status"), batch.texts("environment", "name"), batch.texts("updated_at")
    ended = list(map(_ENDED.__contains__, status))
    finished = either(batch.texts("finished_at"), batch.texts("deployable", "finished_at"), updated)
    tiers = each(lambda tier: _TIERS.get(tier or ""), batch.texts("environment", "tier"))
    tags = batch.at("deployable", "tag")
    yield from batch.rows(
        newest=updated, deployment_id=export.ids(_natives(batch)), service_id=each(export.service, _projects(batch)),
        environment=either(tiers, each(export.environment, raw)), environment_raw=raw,
        version=[ref if tag is True else None for ref, tag in zip(batch.texts("ref"), tags, strict=True)] if any(tags) else [None] * len(batch),
        sha=batch.texts("sha"), queued_at=batch.texts("created_at"), started_at=batch.texts("deployable", "started_at"),
        finished_at=[at if is_over else None for at, is_over in zip(finished, ended, strict=True)],
        outcome=each(_outcome, status), outcome_raw=status, initiated_by=each(export.person, batch.texts("user", "username")),
    )  # fmt: skip


def _outcome(status: str | None) -> str | None:
    return None if status in _RUNNING else _ENDED.get(status or "", status)


def approvals(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per approver who decided on a deployment, and one per deployment that still waits."""
    said, places = batch.every("approvals")
    status, at, who = said.texts("status"), said.texts("created_at"), said.texts("user", "username")
    natives, told = _natives(batch), _asked(batch, export)
    decided = [word in ("approved", "rejected") for word in status]
    yield from said.rows(
        newest=at, **{name: [values[place] for place in places] for name, values in told.items()}, subject_kind="deployment",
        approval_id=[export.id(f"{natives[place]}/{apart(name, natives[place] or '') or word}") for place, name, word in zip(places, who, status, strict=True)],
        responder_id=each(export.person, who), decided_at=[one if is_decided else None for one, is_decided in zip(at, decided, strict=True)],
        decision=[word if is_decided else None for word, is_decided in zip(status, decided, strict=True)], status=status, status_raw=status,
        automated=False, time_basis=["exact" if is_decided else "none" for is_decided in decided],
    )  # fmt: skip
    waits = {place for place, word in enumerate(batch.texts("status")) if word == "blocked"} - set(places)
    waiting = batch.where(place in waits for place in range(len(batch)))
    yield from waiting.rows(
        newest=waiting.texts("updated_at"), **_asked(waiting, export), subject_kind="deployment", approval_id=export.ids(_natives(waiting)),
        status="pending", status_raw="blocked", automated=False, time_basis="none",
    )  # fmt: skip


def _asked(batch: Batch, export: Export) -> dict[str, list[Any]]:
    """What is asked of whom by each deployment."""
    return {
        "operation_id": each(lambda name: export.operation(f"deploy to {name}"), batch.texts("environment", "name")),
        "subject_id": export.ids(_natives(batch)), "service_id": each(export.service, _projects(batch)),
        "requestor_id": each(export.person, batch.texts("user", "username")), "requested_at": batch.texts("created_at"),
    }  # fmt: skip


def changes(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per merge request. It became the commit of its squash or merge."""
    repo, merged = _projects(batch), batch.texts("merged_at")
    own = [sha if at else None for sha, at in zip(batch.texts("sha"), merged, strict=True)]
    stated = [stats or body for stats, body in zip(batch.at("changes_stats"), batch.bodies, strict=True)]
    lines = (texts(inside(stated, name)) for name in ("additions", "deletions"))
    yield from batch.rows(
        newest=batch.texts("updated_at"), change_id=export.ids(map("{}/{}".format, batch.texts("project_id"), batch.texts("iid"))),
        service_id=each(export.service, repo), repo=repo, author_id=each(export.person, batch.texts("author", "username")), kind="pull_request",
        sha=either(batch.texts("squash_commit_sha"), batch.texts("merge_commit_sha"), own), opened_at=batch.texts("created_at"), merged_at=merged,
        closed_at=either(batch.texts("closed_at"), merged), title=batch.texts("title"),
        lines=[str(int(more or 0) + int(less or 0)) if more or less else None for more, less in zip(*lines, strict=True)],
        labels=[
            [*labels, branch] if branch else labels or None
            for labels, branch in zip(_labels(batch), batch.texts("source_branch"), strict=True)
        ],
    )  # fmt: skip


def _labels(batch: Batch) -> list[list[str]]:
    found = batch.at("labels")
    with suppress(TypeError):
        # As nearly always: each is a list of texts. What no text can be, or no list, fails.
        if all(map(str.strip, set(chain.from_iterable(found)))) and set(map(type, found)) == {list}:
            return found
    return list(map(members.words, found))


def people(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per bot that wrote a merge request or started a deployment."""
    for name in ("author", "user"):
        logins, said = batch.texts(name, "username"), batch.at(name, "bot")
        named = {
            login for login in set(logins) if login and login.startswith(("project_", "group_")) and "_bot" in login
        }
        if named or any(said):
            are_bots = [
                one in named or (one is not None and is_one is True) for one, is_one in zip(logins, said, strict=True)
            ]
            bots = batch.where(are_bots)
            yield from bots.rows(person_id=each(export.person, bots.texts(name, "username")), is_bot=True)


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per protected environment: deploying to it, with a human gate where approvals are required."""
    needed = members.text(document.body, "required_approval_count") or "0"
    rules = any((members.text(rule, "required_approvals") or "0") != "0" for rule in document.every("approval_rules"))
    title = f"deploy to {document.text('name')}"
    yield document.row(
        operation_id=export.operation(title), title=title, gate="human" if needed != "0" or rules else "none"
    )


def _projects(batch: Batch) -> list[str | None]:
    """``group/project`` from what names it: the reference, an address, else the project's number."""
    return batch.once("projects", lambda: _named(batch))


def _named(batch: Batch) -> list[str | None]:
    named = [full.split("!")[0].split("#")[0] if full else None for full in batch.texts("references", "full")]
    if named and all(named):
        return named
    addresses = batch.texts("web_url")
    for path in (("deployable", "commit", "web_url"), ("deployable", "project", "web_url")):
        addresses = addresses if all(addresses) else either(addresses, batch.texts(*path))
    address = each(
        repositories.repository, [one.split("/-/")[0] if one and "/-/" in one else None for one in addresses]
    )
    return either(named, address, batch.texts("project_path"), batch.texts("project_id"))


def _natives(batch: Batch) -> list[str]:
    """Numbers of deployments are unique in one installation."""
    natives = batch.texts("id")
    if all(natives):
        return natives  # type: ignore[return-value]
    told = zip(natives, _projects(batch), batch.texts("iid"), strict=True)
    return [native or f"{project}/{number}" for native, project, number in told]


_IS_DEPLOYMENT = having("iid", "environment", "status", "sha")
_API = "glab api --paginate"

SYSTEM = System(
    kind="gitlab",
    title="GitLab",
    shapes=(
        Shape("deployment", "a deployment", lambda b: _IS_DEPLOYMENT(b) and "target_branch" not in b),
        Shape("merge_request", "a merge request", having("iid", "target_branch", "source_branch")),
        Shape("environment", "a protected environment", having("name", "deploy_access_levels")),
    ),
    gives=(
        Gives("deployments", None, ("deployment",), "all", lost=("kind", "is_rollback", "is_resync", "automated", "golden_path_id"), at_once=deployments, in_pieces=True),
        Gives("changes", None, ("merge_request",), "all", lost=("first_commit_at", "first_review_at", "approved_at", "is_revert", "origin_sha"), at_once=changes, in_pieces=True),
        Gives("approvals", None, ("deployment",), "all", lost=("team_id", "responders"), at_once=approvals, in_pieces=True),
        Gives("people", None, ("merge_request", "deployment"), "bots that were seen", lost=("started_on", "ended_on", "is_developer", "time_zone"), at_once=people, in_pieces=True),
        Gives("operations", operations, ("environment",), "now only", lost=("risk", "golden_path_id", "owner_team_id", "category"), is_state=True),
    ),
    recipes=(
        Recipe("deployments.json", f'{_API} "projects/$PROJECT/deployments?per_page=100&order_by=created_at" > deployments.json', "reporter",
               "Approvals are in the single deployment only: for those that were gated add glab api projects/$PROJECT/deployments/$ID."),
        Recipe("merge_requests.json", f'{_API} "projects/$PROJECT/merge_requests?state=all&scope=all&per_page=100" > merge_requests.json', "reporter"),
        Recipe("protected_environments.json", f'{_API} "projects/$PROJECT/protected_environments?per_page=100" > protected_environments.json', "maintainer"),
    ),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN,
        Option("previews", "text", "An expression for names of environments that are previews, e.g. review/.+."),
        Option("operations", "patterns", "Which deployment (deploy to production) is which operation."),
    ),
)  # fmt: skip
