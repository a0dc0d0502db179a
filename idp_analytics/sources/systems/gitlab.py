"""GitLab: deployments with their approvals, merge requests, protected environments.

A deployment that is blocked waits for approval; one that was cancelled did not fail. Approvals of deployments say when they were given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.sources import members, repositories
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import ENVIRONMENTS, SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

_ENDED = {"success": "success", "failed": "failure", "canceled": "cancel", "skipped": "cancel"}
_RUNNING = ("created", "running", "blocked")
_TIERS = {"production": "production", "staging": "staging", "testing": "test", "development": "development"}


def deployments(document: Document, export: Export) -> Iterator[Row]:
    """One row per deployment. Its environment is the tier GitLab has of it, else by its name."""
    status, job = document.text("status"), document.at("deployable")
    raw, tier = document.text("environment", "name"), document.text("environment", "tier")
    ended = status in _ENDED
    finished = (
        document.text("finished_at")
        or members.text(job, "finished_at")
        or (document.text("updated_at") if ended else None)
    )
    if raw and export.options["previews"] and export.matches(export.options["previews"], raw):
        yield document.left_out("is a preview, by the settings")
        return
    yield document.row(
        newest=document.text("updated_at"), deployment_id=export.id(_native(document)), service_id=export.service(_project(document)),
        environment=_TIERS.get(tier or "") or export.environment(raw), environment_raw=raw, version=document.text("ref") if _is_tag(document) else None,
        sha=document.text("sha"), queued_at=document.text("created_at"), started_at=members.text(job, "started_at"), finished_at=finished if ended else None,
        outcome=None if status in _RUNNING else _ENDED.get(status or "", status), outcome_raw=status, initiated_by=export.person(document.text("user", "username")),
    )  # fmt: skip


def approvals(document: Document, export: Export) -> Iterator[Row]:
    """One row per approver who decided on a deployment, and one per deployment that still waits."""
    told = {
        "operation_id": export.operation(f"deploy to {document.text('environment', 'name')}"), "subject_kind": "deployment", "subject_id": export.id(_native(document)),
        "service_id": export.service(_project(document)), "requestor_id": export.person(document.text("user", "username")), "requested_at": document.text("created_at"),
    }  # fmt: skip
    said = document.every("approvals")
    for one in said:
        status = members.text(one, "status")
        decided = status in ("approved", "rejected")
        yield document.row(
            newest=members.text(one, "created_at"), **told, approval_id=export.id(f"{_native(document)}/{members.text(one, 'user', 'username')}"),
            responder_id=export.person(members.text(one, "user", "username")), decided_at=members.text(one, "created_at") if decided else None,
            decision=status if decided else None, status=status, status_raw=status, automated=False, time_basis="exact" if decided else "none",
        )  # fmt: skip
    if not said and document.text("status") == "blocked":
        yield document.row(
            newest=document.text("updated_at"), **told, approval_id=export.id(_native(document)), status="pending", status_raw="blocked", automated=False, time_basis="none"
        )  # fmt: skip


def changes(document: Document, export: Export) -> Iterator[Row]:
    """One row per merge request. It became the commit of its squash or merge."""
    repo = _project(document)
    lines = [members.text(document.at("changes_stats") or document.body, name) for name in ("additions", "deletions")]
    yield document.row(
        newest=document.text("updated_at"), change_id=export.id(f"{document.text('project_id')}/{document.text('iid')}"), service_id=export.service(repo), repo=repo,
        author_id=export.person(document.text("author", "username")), kind="pull_request",
        sha=document.text("squash_commit_sha") or document.text("merge_commit_sha") or (document.text("sha") if document.text("merged_at") else None),
        opened_at=document.text("created_at"), merged_at=document.text("merged_at"), closed_at=document.text("closed_at") or document.text("merged_at"),
        lines=sum(int(one or 0) for one in lines) if any(lines) else None, title=document.text("title"),
        labels=[*members.words(document.body, "labels"), *filter(None, [document.text("source_branch")])] or None,
    )  # fmt: skip


def people(document: Document, export: Export) -> Iterator[Row]:
    """One row per bot that wrote a merge request or started a deployment."""
    for name in ("author", "user"):
        login = document.text(name, "username")
        if login and (
            document.at(name, "bot") is True or (login.startswith(("project_", "group_")) and "_bot" in login)
        ):
            yield document.row(person_id=export.person(login), is_bot=True)


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per protected environment: deploying to it, with a human gate where approvals are required."""
    needed = members.text(document.body, "required_approval_count") or "0"
    rules = any((members.text(rule, "required_approvals") or "0") != "0" for rule in document.every("approval_rules"))
    title = f"deploy to {document.text('name')}"
    yield document.row(
        operation_id=export.operation(title), title=title, gate="human" if needed != "0" or rules else "none"
    )


def _project(document: Document) -> str | None:
    """``group/project`` from what names it: the reference, an address, else the project's number."""
    full = document.text("references", "full")
    if full:
        return full.split("!")[0].split("#")[0]
    address = (
        document.text("web_url")
        or document.text("deployable", "commit", "web_url")
        or document.text("deployable", "project", "web_url")
        or ""
    )
    path = repositories.repository(address.split("/-/")[0]) if "/-/" in address else None
    return path or document.text("project_path") or document.text("project_id")


def _native(document: Document) -> str:
    """Numbers of deployments are unique in one installation."""
    return document.text("id") or f"{_project(document)}/{document.text('iid')}"


def _is_tag(document: Document) -> bool:
    return document.at("deployable", "tag") is True


def _has(body: Mapping[str, Any], *names: str) -> bool:
    return set(names) <= body.keys()


_API = "glab api --paginate"

SYSTEM = System(
    kind="gitlab",
    title="GitLab",
    shapes=(
        Shape("deployment", "a deployment", lambda b: _has(b, "iid", "environment", "status", "sha") and "target_branch" not in b),
        Shape("merge_request", "a merge request", lambda b: _has(b, "iid", "target_branch", "source_branch")),
        Shape("environment", "a protected environment", lambda b: _has(b, "name", "deploy_access_levels")),
    ),
    gives=(
        Gives("deployments", deployments, ("deployment",), "all", lost=("kind", "is_rollback", "is_resync", "automated", "golden_path_id")),
        Gives("changes", changes, ("merge_request",), "all", lost=("first_commit_at", "first_review_at", "approved_at", "is_revert", "origin_sha")),
        Gives("approvals", approvals, ("deployment",), "all", lost=("team_id", "responders")),
        Gives("people", people, ("merge_request", "deployment"), "bots that were seen", lost=("started_on", "ended_on", "is_developer", "time_zone")),
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
