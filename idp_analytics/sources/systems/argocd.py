"""Argo CD: Applications, from ``argocd app list -o json``, the API or ``kubectl get applications -o json``.

An Application keeps its last ten successful syncs and, besides, only the newest operation: failures are forgotten unless
snapshots are collected. A sync that succeeded is not a rollout that is healthy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from idp_analytics.sources import members, over_time
from idp_analytics.sources.export import Document, Export, File
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import (
    ENVIRONMENTS,
    GOLDEN_PATHS,
    SERVICE_PATTERN,
    Gives,
    Option,
    Recipe,
    Row,
    Shape,
    System,
)

_OUTCOMES = {"Failed": "failure", "Error": "error"}
_RUNNING = ("Running", "Terminating")
_PREVIEW = "is a preview, by the settings"


def deployments(document: Document, export: Export) -> Iterator[Row]:
    """One row per sync in the history, and the newest operation where it failed or still runs.

    ``finished_at``: when the sync was done, not when the rollout was healthy. ``is_resync``: same revisions and sources as
    the sync before; ``is_rollback``: those of an earlier one. Both null where the syncs before are not known.
    """
    if _is_preview(document, export):
        yield document.left_out(_PREVIEW)
        return
    app, operation = _name(document), document.at("status", "operationState")
    yield document.truncated(
        "a failed sync is remembered only while it is the newest operation: failures are a lower bound"
    )
    for entry in document.every("status", "history"):
        number = members.text(entry, "id")
        sha, version = _revision(entry)
        yield document.row(
            **_about(document, export), _app=app, _uid=document.text("metadata", "uid") or "", _number=int(number or -1), _what=_what(entry), _running=False,
            deployment_id=export.id(f"{app}/{number}"), sha=sha, version=version,
            started_at=members.text(entry, "deployStartedAt"), finished_at=members.text(entry, "deployedAt"),
            outcome="success", outcome_raw="Succeeded", **_initiator(members.at(entry, "initiatedBy"), export),
        )  # fmt: skip
    phase = members.text(operation, "phase")
    if phase and phase != "Succeeded":
        result = members.at(operation, "syncResult") or members.at(operation, "operation", "sync") or {}
        sha, version = _revision(result)
        yield document.row(
            newest=members.text(operation, "finishedAt") or "", **_about(document, export), _app=app, _uid=document.text("metadata", "uid") or "", _number=None,
            _what=None, _running=phase in _RUNNING,
            deployment_id=export.id(f"{app}/operation/{members.text(operation, 'startedAt')}"), sha=sha, version=version,
            started_at=members.text(operation, "startedAt"), finished_at=members.text(operation, "finishedAt"),
            outcome=None if phase in _RUNNING else _OUTCOMES.get(phase, phase), outcome_raw=phase, is_resync=False,
            **_initiator(members.at(operation, "operation", "initiatedBy"), export),
        )  # fmt: skip


def _in_order(rows: list[Row], files: Sequence[File]) -> list[Row]:
    """The syncs of each application over all snapshots, compared with the one before; gaps are said."""
    kept = [row for row in rows if not is_row(row)]
    by_app: dict[tuple[str, str], list[Row]] = {}
    for row in _told_apart([row for row in rows if is_row(row)]):
        by_app.setdefault((row["_app"], row["_uid"]), []).append(row)
    lost: dict[str, list[int]] = {}
    now = over_time.newest(files)
    for syncs in by_app.values():
        last = syncs[-1]["_document"].file
        # What ran in an older snapshot has ended since: well, and it is in the history, or not, and it has its own row.
        still = {last.shown} & now
        kept += [
            row
            for row in syncs
            if row["_number"] is None and (not row["_running"] or row["_document"].file.shown in still)
        ]
        told = {row["_number"]: row for row in syncs if row["_number"] is not None}
        kept += _compared(told)
        if told and (forgotten := max(told) + 1 - len(told)):
            lost.setdefault(told[max(told)]["_document"].file.shown, []).append(forgotten)
    newest = {row["_document"].file.shown: row["_document"] for row in kept}
    return kept + [
        newest[shown].truncated(f"{sum(counts)} sync(s) of {len(counts)} application(s) are forgotten: only the last ones are kept")
        for shown, counts in lost.items()
    ]  # fmt: skip


def _told_apart(rows: list[Row]) -> Iterator[Row]:
    """Two clusters may have an application of one name, and one that was made again counts its syncs from 0: their ids then
    hold the application's own id too."""
    uids: dict[str, set[str]] = {}
    for row in rows:
        uids.setdefault(row["_app"], set()).add(row["_uid"])
    for row in rows:
        app, uid, native = row["_app"], row["_uid"], row["deployment_id"]
        yield {**row, "deployment_id": native.replace(app, f"{app}/{uid}", 1)} if len(uids[app]) > 1 else row


def _compared(told: Mapping[int, Row]) -> Iterator[Row]:
    seen: set[Any] = set()
    for place, number in enumerate(sorted(told)):
        row, before = told[number], told.get(number - 1)
        is_resync = row["_what"] == before["_what"] if before else False if number == 0 else None
        whole = number == place  # none of those before is missing
        is_rollback = False if is_resync else True if row["_what"] in seen and before else False if whole else None
        seen.add(row["_what"])
        yield {**row, "is_resync": is_resync, "is_rollback": is_rollback}


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per chart (or path of a repository, by the settings) that the application deploys from, on the export's day."""
    if _is_preview(document, export):
        return
    for source in _sources(document.at("spec")):
        chart, repo = members.text(source, "chart"), members.text(source, "repoURL")
        place = f"{repo}/{chart or members.text(source, 'path') or ''}".rstrip("/")
        path = export.golden_path(chart, place) if chart or export.options["golden_paths"] else None
        if path:
            target = members.text(source, "targetRevision")
            yield document.row(
                service_id=_service(document, export), golden_path_id=path, as_of=document.day, evidence="uses",
                version=target if chart or _is_tag(target) else None, drift="unknown",
            )  # fmt: skip


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per application whose automated sync is off: what runs is whatever somebody synced by hand. Since when, nobody
    tells: the application may be much older. It is closed by the first snapshot in which that sync is on or the application
    is no more."""
    automated = document.at("spec", "syncPolicy", "automated")
    if _is_preview(document, export) or (automated is not None and members.flag(automated, "enabled") is not False):
        return
    yield document.row(
        hatch_id=export.id(f"{_name(document)}/manual"), kind="manual", policy="automated sync",
        service_id=_service(document, export), reason="automated sync is off",
    )  # fmt: skip


# --- an application ---------------------------------------------------------------------------------------------------


def _name(document: Document) -> str:
    return f"{document.text('metadata', 'namespace') or 'argocd'}/{document.text('metadata', 'name')}"


def _is_preview(document: Document, export: Export) -> bool:
    pattern = export.options["previews"]
    return bool(pattern) and export.matches(pattern, document.text("metadata", "name") or "")


def _service(document: Document, export: Export) -> str | None:
    label = export.options["service_label"]
    named = (document.text("metadata", part, label) for part in ("labels", "annotations"))
    return next(filter(None, named), None) or export.service(document.text("metadata", "name"))


def _about(document: Document, export: Export) -> Row:
    destination = document.at("spec", "destination")
    server = members.text(destination, "server")
    cluster = members.text(destination, "name") or (
        "in-cluster" if server == "https://kubernetes.default.svc" else server
    )
    label = export.options["environment_label"]
    named = label and document.text("metadata", "labels", label)
    raw = named or "/".join(filter(None, (cluster, members.text(destination, "namespace"))))
    chart = next((chart for source in _sources(document.at("spec")) if (chart := members.text(source, "chart"))), None)
    return {
        "service_id": _service(document, export), "environment_raw": raw or None, "environment": export.environment(raw or None),
        "kind": "application", "golden_path_id": export.golden_path(chart) if chart else None,
    }  # fmt: skip


def _sources(of: Any) -> list[dict[str, Any]]:
    single = members.at(of, "source")
    return members.every(of, "sources") or ([single] if isinstance(single, dict) else [])


def _revision(of: Any) -> tuple[str | None, str | None]:
    """Commit and version: of several revisions the commit is that of a git source, the version that of a chart."""
    revisions = members.words(of, "revisions") or members.words(of, "revision")
    shas = [revision for revision in revisions if members.is_sha(revision)]
    others = [revision for revision in revisions if not members.is_sha(revision)]
    return (shas[0] if shas else None), (others[0] if others else None)


def _what(entry: Mapping[str, Any]) -> tuple[str, str]:
    return repr(members.words(entry, "revisions") or members.text(entry, "revision")), repr(_sources(entry))


def _initiator(by: Any, export: Export) -> Row:
    automated = members.flag(by, "automated")
    name = members.text(by, "username")
    return {
        "automated": automated if automated is not None else False if name else None,
        "initiated_by": export.person(name),
    }


def _is_tag(target: str | None) -> bool:
    return bool(target) and any(letter.isdigit() for letter in target or "") and "*" not in (target or "")


SYSTEM = System(
    kind="argocd",
    title="Argo CD",
    shapes=(
        Shape(
            "application", "an Application",
            lambda body: (
                (body.get("kind") == "Application" and str(body.get("apiVersion", "")).startswith("argoproj.io"))
                or ("kind" not in body and members.at(body, "spec", "destination") is not None
                    and members.at(body, "spec", "project") is not None)
            ),
        ),
    ),
    gives=(
        Gives(
            "deployments", deployments, ("application",), "the last 10 successful syncs of an application, and its newest operation",
            lost=("queued_at",), over_time=_in_order, is_state=True,
        ),
        Gives("service_golden_path", service_golden_path, ("application",), "now only", lost=("joined_at", "left_at"), is_state=True),
        Gives(
            "escape_hatches", escape_hatches, ("application",), "now only",
            lost=("golden_path_id", "team_id", "requestor_id", "approver_id", "opened_at", "expires_at", "uses"), is_state=True, over_time=over_time.closed,
        ),
    ),
    recipes=(
        Recipe("applications.json", "argocd app list -o json > applications.json", "applications, get"),
        Recipe("applications.json", "kubectl get applications.argoproj.io -A -o json > applications.json", "get, list on applications"),
    ),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN, GOLDEN_PATHS,
        Option("service_label", "text", "Label or annotation that names the service.", default="backstage.io/kubernetes-id"),
        Option("environment_label", "text", "Label that names the environment; without it cluster/namespace does."),
        Option("previews", "text", "An expression for names of applications that are previews and no deployments."),
    ),
)  # fmt: skip
