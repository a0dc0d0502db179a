"""What a document of GitHub is of: its repository, its run, its deployment; whether it is a person's or a bot's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, compress
from operator import itemgetter
from typing import Any

from idp_analytics.sources import members, repositories, snapshots
from idp_analytics.sources.batch import Batch, each, either, pieces
from idp_analytics.sources.export import Document, Export

_RUN = re.compile(r"/actions/runs/(\d+)")
_OWN = re.compile(
    r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+/(?!(?:projects|scm|v3)/)([a-zA-Z0-9][\w.-]*/[a-zA-Z0-9][\w.-]*)(?<!\.git)/(?:pull|issues)/\d+",
    re.ASCII,
)
_VERSION = re.compile(r"\D*\d+\.\d+\S*")

_ADDRESSES = ("repository_url", "url", "deployment_url", "statuses_url", "html_url")

ENDED = {"success": "success", "failure": "failure", "error": "error"}
"""States that end a deployment → outcome."""

RUNNING = ("queued", "pending", "in_progress", "waiting", "requested")
"""States of a deployment that has not ended."""

_STATES = (*ENDED, *RUNNING, "inactive")

PEOPLE = ("user", "author", "creator", "actor", "triggering_actor")
"""Members that name an account."""
SEEN = ("pull", "review", "issue", "deployment", "status", "run")
"""Shapes whose accounts may be bots."""

Status = tuple[str, str, Mapping[str, Any]]
"""Time and state of one deployment status, and what it is read from."""


def repository(document: Document) -> str | None:
    """``owner/name`` from what names it: the repository itself, or any address of the API or the site."""
    named = document.text("repository", "full_name") or document.text("base", "repo", "full_name")
    return named or of_addresses(document.body) or document.text("repository", "nameWithOwner")


def of_addresses(body: Mapping[str, Any]) -> str | None:
    """``owner/name`` from the first address that a document has."""
    return next(filter(None, (_of_address(members.text(body, name)) for name in _ADDRESSES)), None)


def _of_address(address: str | None) -> str | None:
    address = address or ""
    # Each pull request has an address of its own, of which nearly all are written so: those of one repository are told by what is before the number.
    before, _, number = address.rpartition("/pull/")
    own = _own(f"{before}/pull/1" if number.isascii() and number.isdecimal() else address)
    parts = address.partition("/repos/")[2] or own or repositories.repository(address) or ""
    return "/".join(parts.split("/")[:2]) if "/" in parts else None


@lru_cache(maxsize=4096)
def _own(address: str) -> str | None:
    found = _OWN.fullmatch(address)
    return found[1] if found else None


def repositories_of(batch: Batch) -> list[str | None]:
    """:func:`repository` of each."""
    found = either(batch.texts("repository", "full_name"), batch.texts("base", "repo", "full_name"))
    for name in _ADDRESSES:
        found = found if all(found) else either(found, each(_of_address, batch.texts(name)))
    return either(found, batch.texts("repository", "nameWithOwner"))


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


def run_of(group: Sequence[Status]) -> str | None:
    """The run that wrote the statuses of a deployment, from the addresses of its log."""
    for _, _, one in group:
        for name in ("log_url", "target_url"):
            address = one.get(name)
            if type(address) is str and (found := _RUN.search(address)):
                return found[1]
    return None


def path_of(group: Sequence[Status], export: Export) -> str | None:
    """The golden path of the run that deployed, where the export has the run."""
    return _paths(export).get(run_of(group) or "") if _paths(export) else None


def paths_of(groups: Sequence[Sequence[Status]], export: Export) -> list[str | None]:
    """:func:`path_of` of each."""
    paths = _paths(export)
    return [paths.get(run_of(group) or "") for group in groups] if paths else [None] * len(groups)


def _paths(export: Export) -> dict[str, str]:
    """The first golden path that a run called, by the run's number; of runs that called one."""

    def made() -> dict[str, str]:
        told = {
            number: next((path for run in runs for path, _ in called(run, export)), None)
            for number, runs in export.by("run", "id").items()
        }
        return {number: path for number, path in told.items() if path is not None}

    return export.once("paths", made)


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
            for _, word, one in group:
                if word == "waiting":
                    found.setdefault(f"{run_of(group)}/{members.text(one, 'environment')}", set()).add(key)
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


def deployments_of(batch: Batch) -> list[str]:
    """:func:`deployment_of` of each."""
    return [
        address.rsplit("/", 1)[-1] if address else deployment_of(document)
        for address, document in zip(batch.texts("deployment_url"), batch.documents, strict=True)
    ]


def statuses(export: Export) -> dict[str, list[Status]]:
    """The statuses of every deployment, oldest first; made once."""

    def made() -> dict[str, list[Status]]:
        groups: dict[str, list[Status]] = defaultdict(list)
        natives: list[str | None] = []
        for batch in chain.from_iterable(pieces(export, "status")):
            at, state = ([one or "" for one in batch.texts(name)] for name in ("created_at", "state"))
            for key, *one in zip(deployments_of(batch), at, state, batch.bodies, strict=True):
                groups[key].append(tuple(one))
            natives += batch.texts("id")
        if None in natives or len(set(natives)) < len(natives):
            groups = {key: list({_native(one): one for one in group}.values()) for key, group in groups.items()}
        return {key: _oldest_first(group) for key, group in groups.items()}

    return export.once("statuses", made)


def _native(one: Status) -> str:
    """Its number; of one without a number its time and state."""
    at, state, body = one
    return members.text(body, "id") or f"{at}{state}"


def _oldest_first(group: list[Status]) -> list[Status]:
    """Those of one time by their number."""
    if len(group) > 1:
        group.sort(key=itemgetter(0))
        if len(set(map(itemgetter(0), group))) < len(group):
            group.sort(key=lambda one: (one[0], (members.text(one[2], "id") or "").zfill(20)))
    return group


def inside(body: Mapping[str, Any]) -> list[Status]:
    """The statuses a deployment of the GraphQL interface has in itself."""
    return [
        (members.text(one, "createdAt") or members.text(one, "updatedAt") or "", (members.text(one, "state") or "").lower(), body)
        for one in members.every(body, "statuses", "nodes")
    ]  # fmt: skip


def tag(ref: str | None) -> str | None:
    """The tag deployed: what is written as one, or looks like a version; a branch is none."""
    if ref is None or members.is_sha(ref):
        return None
    if ref.startswith("refs/tags/"):
        return ref.removeprefix("refs/tags/")
    return ref if _VERSION.fullmatch(ref) and "/" not in ref else None


def earliest(times: int, places: Sequence[int], moments: Sequence[str | None]) -> list[str | None]:
    """For each of so many places the earliest of its moments."""
    found: list[str | None] = [None] * times
    for place, at in zip(places, moments, strict=True):
        if at and (found[place] is None or at < (found[place] or "")):
            found[place] = at
    return found


def reviews(
    batch: Batch, export: Export, authors: Sequence[str | None]
) -> tuple[list[int], list[str | None], list[str | None]]:
    """Place, time and state of the reviews of other people, from the pull requests themselves or from a dump of reviews."""
    inner, places = batch.every("reviews")
    of_these = (
        inner.texts("submittedAt"),
        inner.texts("state"),
        inner.texts("author", "login"),
        are_bots(inner, "author"),
    )
    told: list[tuple[int, str | None, str | None, str | None, bool | None]] = [*zip(places, *of_these, strict=True)]
    if export.of["review"]:
        apart = export.by("review", "pull_request_url")
        told += [
            (place, one.text("submitted_at"), one.text("state"), one.text("user", "login"), is_bot(one.at("user")))
            for place, url in enumerate(batch.texts("url")) for one in apart.get(url or "", [])
        ]  # fmt: skip
    kept = [
        (place, at, state) for place, at, state, login, is_machine in told
        if at and not is_machine and (authors[place] is None or login != authors[place])
    ]  # fmt: skip
    return [one[0] for one in kept], [one[1] for one in kept], [one[2] for one in kept]


def persons(batch: Batch, export: Export, *path: str) -> list[str | None]:
    """:func:`person` of each account at ``path``."""
    return each(lambda login: None if login == "ghost" else export.person(login), batch.texts(*path, "login"))


def are_bots(batch: Batch, *path: str) -> list[bool | None]:
    """:func:`is_bot` of each account at ``path``."""
    return batch.once(f"bots {path}", lambda: _are_bots(batch, *path))


def _are_bots(batch: Batch, *path: str) -> list[bool | None]:
    logins = batch.texts(*path, "login")
    if not any(logins):
        return [None] * len(logins)
    kinds, names = batch.texts(*path, "type"), batch.texts(*path, "__typename")
    bots: list[bool | None] = [None if login is None else login[-5:] == "[bot]" for login in logins]
    if "Bot" in kinds or "Bot" in names:
        bots = [bot if bot is None else bot or "Bot" in both for bot, *both in zip(bots, kinds, names, strict=True)]
    flags = batch.at(*path, "is_bot")
    if any(flags):
        bots = [
            bot if bot is None else bot or members.flag(flag) is True for bot, flag in zip(bots, flags, strict=True)
        ]
    return bots


def bots(export: Export) -> dict[str, Any]:
    """Login of each bot and the first document that names it."""

    def made() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for batch in chain.from_iterable(part for shape in SEEN for part in pieces(export, shape)):
            of_bots = ((name, place) for name in PEOPLE for place in compress(range(len(batch)), are_bots(batch, name)))
            for name, place in sorted(of_bots, key=itemgetter(1)):
                found.setdefault(batch.texts(name, "login")[place] or "", batch.bodies[place])
        return found

    return export.once("bots", made)


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
    if "deployment_url" in body or "environment" not in body or "sha" in body or "number" in body:
        return "deployment_url" in body and has(body, "state", "created_at", "id")
    return has(body, "created_at", "id") and body.get("state") in _STATES


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
    for name in names:  # noqa: SIM110 - this runs for every document, and all() takes twice as long
        if name not in body:
            return False
    return True


def called(run: Document, export: Export) -> list[tuple[str, dict[str, Any]]]:
    """The golden paths among the reusable workflows that a run called."""
    named = [
        (export.golden_path((members.text(one, "path") or "").partition("@")[0]), one)
        for one in run.every("referenced_workflows")
    ]
    return [(path, one) for path, one in named if path]


def version_of(called: Mapping[str, Any]) -> str | None:
    """The tag or commit a reusable workflow was called at; a branch is no version."""
    ref = members.text(called, "ref")
    if ref:
        return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None
    written = (members.text(called, "path") or "").partition("@")[2]
    return written if members.is_sha(written) or re.fullmatch(r"v?\d+(\.\d+)*\S*", written) else None
