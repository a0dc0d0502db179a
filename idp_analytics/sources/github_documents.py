"""What a document of GitHub is of: its repository, its run, its deployment; whether it is a person's or a bot's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from idp_analytics.sources import members, repositories, snapshots
from idp_analytics.sources.export import Document, Export

_RUN = re.compile(r"/actions/runs/(\d+)")
_VERSION = re.compile(r"\D*\d+\.\d+\S*")

ENDED = {"success": "success", "failure": "failure", "error": "error"}
"""States that end a deployment → outcome."""

RUNNING = ("queued", "pending", "in_progress", "waiting", "requested")
"""States of a deployment that has not ended."""

Status = tuple[str, str, Document]
"""Time, state and document of one deployment status."""


def repository(document: Document) -> str | None:
    """``owner/name`` from what names it: the repository itself, or any address of the API or the site."""
    named = document.text("repository", "full_name") or document.text("base", "repo", "full_name")
    return named or of_addresses(document.body) or document.text("repository", "nameWithOwner")


def of_addresses(body: Mapping[str, Any]) -> str | None:
    """``owner/name`` from the first address that a document has."""
    for name in ("repository_url", "url", "deployment_url", "statuses_url", "html_url"):
        address = members.text(body, name) or ""
        parts = address.partition("/repos/")[2] or repositories.repository(address) or ""
        if parts.count("/") >= 1:
            return "/".join(parts.split("/")[:2])
    return None


def as_run(document: Document) -> Document:
    """The workflow run itself where a webhook brings it."""
    run = document.at("workflow_run")
    if not isinstance(run, dict):
        return document
    return Document({"repository": document.at("repository"), **run}, document.file, document.number)


def run_id(run: Any) -> str:
    """``run/number``; of attempts after the first with the attempt's number: GitHub tells only the last by itself."""
    number, attempt = members.text(run, "id"), members.text(run, "run_attempt") or "1"
    return f"run/{number}" + ("" if attempt == "1" else f"/{attempt}")


def run_of(group: list[Status]) -> str | None:
    """The run that wrote the statuses of a deployment, from the addresses of its log."""
    addresses = (one.text(name) or "" for _, _, one in group for name in ("log_url", "target_url"))
    return next((found[1] for address in addresses if (found := _RUN.search(address))), None)


def path_of(group: list[Status], export: Export) -> str | None:
    """The golden path of the run that deployed, where the export has the run."""
    runs = export.by("run", "id").get(run_of(group) or "", [])
    return next((path for run in runs for path, _ in called(run, export)), None)


def run_of_decision(document: Document) -> str:
    """The run of a decision: as the recipe adds it, else the number in the file's name, else that name."""
    number = re.search(r"(\d+)$", stem(document))
    return document.text("run_id") or (number[1] if number else stem(document))


def decisions(export: Export) -> dict[str, set[str]]:
    """Who decided what, by run and environment."""

    def made() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for document in export.of["decision"]:
            for environment in document.every("environments"):
                key = f"{run_of_decision(document)}/{members.text(environment, 'name')}"
                found.setdefault(key, set()).add(f"{document.text('user', 'login')}/{document.text('state')}")
        return found

    return export.once("decisions", made)


def waiting(export: Export) -> dict[str, set[str]]:
    """Deployments that waited, by run and environment: one decision lets all of them go, and only one alone is surely meant."""

    def made() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, group in statuses(export).items():
            for _, word, document in group:
                if word == "waiting":
                    found.setdefault(f"{run_of(group)}/{document.text('environment')}", set()).add(key)
        return found

    return export.once("waiting", made)


def rules(export: Export) -> dict[str, frozenset[str]]:
    """Kinds of protection rules by repository and environment."""

    def made() -> dict[str, frozenset[str]]:
        bodies = [body for one in export.of["environment"] for body in one.every("environments") or [one.body]]
        return {
            f"{of_addresses(body)}/{members.text(body, 'name')}": frozenset(
                members.text(rule, "type") or "" for rule in members.every(body, "protection_rules")
            )
            for body in bodies
        }

    return export.once("rules", made)


def deployment_of(document: Document) -> str:
    """The deployment of a status; where it does not say, the file's: statuses are exported per deployment."""
    address = document.text("deployment_url")
    return address.rsplit("/", 1)[-1] if address else f"{stem(document)}/{document.text('environment')}"


def deployment(key: str, export: Export) -> Document | None:
    """The deployment of that number, where the export has it."""
    found = export.by("deployment", "id").get(key) or export.by("deployment", "databaseId").get(key)
    return found[-1] if found else None


def statuses(export: Export) -> dict[str, list[Status]]:
    """The statuses of every deployment, oldest first; made once."""

    def made() -> dict[str, list[Status]]:
        found: dict[str, dict[str, Status]] = {}
        for document in export.of["status"]:
            at, state = document.text("created_at") or "", document.text("state") or ""
            found.setdefault(deployment_of(document), {})[document.text("id") or f"{at}{state}"] = (at, state, document)
        return {
            key: sorted(group.values(), key=lambda one: (one[0], (one[2].text("id") or "").zfill(20)))
            for key, group in found.items()
        }

    return export.once("statuses", made)


def inside(document: Document) -> list[Status]:
    """The statuses a deployment of the GraphQL interface has in itself."""
    return [
        (members.text(one, "createdAt") or members.text(one, "updatedAt") or "", (members.text(one, "state") or "").lower(), document)
        for one in document.every("statuses", "nodes")
    ]  # fmt: skip


def tag(document: Document) -> str | None:
    """The tag deployed: what is written as one, or looks like a version; a branch is none."""
    ref = document.text("ref") or document.text("ref", "name")
    if ref is None or members.is_sha(ref):
        return None
    return (
        ref.removeprefix("refs/tags/")
        if ref.startswith("refs/tags/")
        else ref
        if _VERSION.fullmatch(ref) and "/" not in ref
        else None
    )


def person(who: Any, export: Export) -> str | None:
    """Who it is; ``ghost`` stands for everybody who has been deleted, and so for nobody."""
    login = members.text(who, "login")
    return None if login == "ghost" else export.person(login)


def is_bot(who: Any) -> bool | None:
    """The account is a bot, as the system says or its name does; null: nobody is named."""
    login = members.text(who, "login")
    if login is None:
        return None
    return (
        "Bot" in (members.text(who, "type"), members.text(who, "__typename"))
        or login.endswith("[bot]")
        or members.flag(who, "is_bot") is True
    )


def is_left_out(environment: str | None, export: Export) -> bool:
    """The environment is left out, by the settings."""
    return environment is not None and export.matches(export.options["left_out"], environment)


def operation(export: Export, environment: str | None) -> str | None:
    """The operation that deploying to an environment is."""
    return export.operation(f"deploy to {environment}") if environment else None


def stem(document: Document) -> str:
    """The file's name up to its first dot."""
    return snapshots.original(document.file.shown).split(".")[0]


def is_status(body: Mapping[str, Any]) -> bool:
    """A deployment status."""
    known = body.get("state") in (*ENDED, *RUNNING, "inactive") and not {"sha", "number"} & body.keys()
    return has(body, "state", "created_at", "id") and ("deployment_url" in body or ("environment" in body and known))


def is_environment(body: Mapping[str, Any]) -> bool:
    """An environment, or a page of them."""
    return has(body, "name", "protection_rules") or (has(body, "environments", "total_count") and "user" not in body)


def is_review_event(body: Mapping[str, Any]) -> bool:
    """A webhook of a deployment's review: asked for, given or refused."""
    return has(body, "action", "workflow_run") and ("approver" in body or has(body, "since", "reviewers"))


def is_issue(body: Mapping[str, Any]) -> bool:
    """An issue, or a pull request in the list of issues."""
    return has(body, "number", "title", "state", "repository_url") or (
        has(body, "number", "author_association", "comments_url") and "base" not in body
    )


def has(body: Mapping[str, Any], *names: str) -> bool:
    """All these members are there."""
    return body.keys() >= set(names)


def called(run: Document, export: Export) -> list[tuple[str, dict[str, Any]]]:
    """The golden paths among the reusable workflows that a run called."""
    named = [
        (export.golden_path((members.text(one, "path") or "").partition("@")[0]), one)
        for one in run.every("referenced_workflows")
    ]
    return [(path, one) for path, one in named if path]
