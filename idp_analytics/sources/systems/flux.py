"""Flux: Kustomizations and HelmReleases, and the events of its notification controller.

A history keeps five entries, one per digest and outcome: an entry that was reconciled a hundred times is one deployment. Every
release in a Helm history names the first install as its beginning: the last deployment counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export
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

KEPT = 5
"""Entries a history keeps."""

_RECONCILED = {"ReconciliationSucceeded": "success", "success": "success", "failure": "failure"}
_RELEASED = {"deployed": "success", "superseded": "success", "failed": "failure"}
# Uninstalled is also what is done about an install that failed: how it had ended is not told.
_UNTOLD = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling", "uninstalled")
_REVISION = re.compile(r"(?:(?P<name>.+?)[@/])?(?:(?P<hash>sha\d+):)?(?P<digits>[0-9a-f]{64}|[0-9a-f]{40})")
_VERSION = re.compile(r"v?\d+\.\d.*")
_EVENT_REVISION = ("kustomize.toolkit.fluxcd.io/revision", "helm.toolkit.fluxcd.io/revision", "revision")
_EVENT_ORIGIN = ("kustomize.toolkit.fluxcd.io/originRevision", "originRevision")
_TELLING = {
    "ReconciliationSucceeded": "success", "InstallSucceeded": "success", "UpgradeSucceeded": "success", "RollbackSucceeded": "success",
    "ReconciliationFailed": "failure", "ValidationFailed": "failure", "BuildFailed": "failure", "HealthCheckFailed": "failure",
    "InstallFailed": "failure", "UpgradeFailed": "failure", "RollbackFailed": "failure",
}  # fmt: skip
_NEAR = timedelta(hours=1)
"""How long after a Helm release its event may come."""


def deployments(document: Document, export: Export) -> Iterator[Row]:
    """One row per entry of a history; per object without one its last known revision; per event that tells an outcome.

    ``finished_at`` of a Kustomization's entry is when it was first reconciled. A rollback finds its entry there already and only
    bumps it: it is a second row, at the time when the entry before it was last reconciled, which is a bound (said).
    """
    if "involvedObject" in document.body:
        yield from _event(document, export)
        return
    history, is_release = document.every("status", "history"), document.text("kind") == "HelmRelease"
    oldest = min((int(entry["version"]) for entry in history if str(entry.get("version")).isdigit()), default=1)
    if len(history) >= KEPT or (is_release and oldest > 1):
        yield document.truncated("an object keeps few of its last outcomes: earlier ones are forgotten")
    about = _about(document, export)
    if not history:
        yield from _snapshot(document, export, about)
    elif is_release:
        yield from _released(document, export, history, about)
    else:
        yield from _reconciled(document, export, history, about)


def _released(document: Document, export: Export, history: list[dict[str, Any]], about: Row) -> Iterator[Row]:
    for number, entry in enumerate(history):
        older = history[number + 1] if number + 1 < len(history) else None
        status, at, action = (members.text(entry, name) for name in ("status", "lastDeployed", "action"))
        same = all(
            members.text(entry, name) == members.text(older, name)
            for name in ("chartVersion", "configDigest", "ociDigest")
        )
        yield document.row(
            newest=at, **about, deployment_id=export.id(f"{_name(document)}/{members.text(entry, 'version')}/{at}"),
            version=members.text(entry, "chartVersion"), finished_at=None if (status or "").startswith("pending-") else at,
            outcome=None if status in _UNTOLD else _RELEASED.get(status or "", status), outcome_raw=status,
            is_rollback=action == "rollback" if action else None,
            # What failed before is tried again, and is no repetition of what runs.
            is_resync=bool(older and same and members.text(entry, "configDigest") and _RELEASED.get(members.text(older, "status") or "") == "success"),
        )  # fmt: skip


def _reconciled(document: Document, export: Export, history: list[dict[str, Any]], about: Row) -> Iterator[Row]:
    well = {
        members.text(entry, "digest"): members.text(entry, "firstReconciled") for entry in history if _succeeded(entry)
    }
    for number, entry in enumerate(history):
        older = history[number + 1] if number + 1 < len(history) else None
        first, last, before = (
            *(members.text(entry, name) for name in ("firstReconciled", "lastReconciled")),
            members.text(older, "lastReconciled"),
        )
        digest, status = members.text(entry, "digest"), members.text(entry, "lastReconciledStatus")
        revision = members.text(entry, "metadata", "originRevision") or members.text(entry, "metadata", "revision")
        told = {
            **about, "sha": _sha(revision, document), "version": _version(revision, members.text(entry, "metadata", "revision")),
            "outcome": _outcome(status), "outcome_raw": status,
        }  # fmt: skip
        # A failure of what had been applied well is no deployment of anything new.
        again = not _succeeded(entry) and (well.get(digest) or "9") < (first or "")
        yield document.row(
            newest=last, **told, deployment_id=export.id(f"{_name(document)}/{digest}/{status}/{first}"), finished_at=first,
            is_rollback=False, is_resync=again,
        )  # fmt: skip
        # It began before the one after it in the list ended, and was reconciled later: it was put back.
        if first and last and before and first < before <= last and digest != members.text(older, "digest"):
            yield document.warning("a rollback does not say when it began: the end of what it replaced stands for it")
            yield document.row(
                newest=last, **told, deployment_id=export.id(f"{_name(document)}/{digest}/{status}/{before}"), finished_at=before,
                is_rollback=True, is_resync=False,
            )  # fmt: skip


def _snapshot(document: Document, export: Export, about: Row) -> Iterator[Row]:
    """An object without history: what it last applied, or what it last tried where that failed or is under way."""
    ready = next((one for one in document.every("status", "conditions") if one.get("type") == "Ready"), None)
    applied, tried = document.text("status", "lastAppliedRevision"), document.text("status", "lastAttemptedRevision")
    is_ready, at = members.text(ready, "status"), members.text(ready, "lastTransitionTime")
    revision = applied if is_ready == "True" else tried or applied
    if revision is None:
        return
    yield document.warning("objects without a history tell only what they last applied")
    yield document.truncated("objects without a history remember one deployment")
    ended = is_ready in ("True", "False")
    yield document.row(
        **about, deployment_id=export.id(f"{_name(document)}/{revision}/{at}"), sha=_sha(revision, document), version=_version(revision),
        started_at=None if ended else at, finished_at=at if ended else None,
        outcome={"True": "success", "False": "failure"}.get(is_ready or ""), outcome_raw=members.text(ready, "reason"), is_resync=False,
    )  # fmt: skip


def _event(document: Document, export: Export) -> Iterator[Row]:
    reason, kind = document.text("reason"), document.text("involvedObject", "kind")
    outcome = _TELLING.get(reason or "")
    if outcome is None:
        yield document.left_out("is an event that tells no outcome")
        return
    yield document.truncated(
        "the same event is sent once in five minutes at most, and forgotten soon: there may have been more"
    )
    name, namespace = document.text("involvedObject", "name"), document.text("involvedObject", "namespace")
    revision, origin = (_said(document, keys) for keys in (_EVENT_REVISION, _EVENT_ORIGIN))
    times = (document.text(name) for name in ("timestamp", "firstTimestamp", "lastTimestamp", "eventTime"))
    at = next(filter(None, times), None)
    about = next(
        (_about(one, export) for one in export.by((kind or "").lower(), "metadata", "name").get(name or "", []) if one.text("metadata", "namespace") == namespace),
        {"service_id": export.service(name), "environment": export.environment(namespace), "environment_raw": namespace, "kind": "application", "automated": True},
    )  # fmt: skip
    native = "/".join(filter(None, (kind, namespace, name)))
    yield document.row(
        newest=at, **about, _object=native, _at=at, deployment_id=export.id(f"{native}/{revision}/{at}"), sha=_sha(origin or revision, document),
        version=_version(origin or revision, revision), finished_at=at, outcome=outcome, outcome_raw=reason,
        is_rollback=(reason or "").startswith("Rollback"), is_resync=False,
    )  # fmt: skip


def _said(document: Document, keys: tuple[str, ...]) -> str | None:
    places = (("metadata", key) for key in keys), (("metadata", "annotations", key) for key in keys)
    return next(filter(None, (document.text(*path) for paths in places for path in paths)), None)


def _once(rows: list[Row]) -> list[Row]:
    """Of the events of an object only the first of each try (Flux tries again and again), and none that its history tells too."""
    events = sorted((row for row in rows if "_object" in row), key=lambda row: (row["_object"], row["_at"] or ""))
    kept = [row for row in rows if "_object" not in row]
    told: dict[tuple[Any, ...], list[str]] = {}
    for row in filter(is_row, kept):
        # A Kustomization's commit is deployed once; a chart's version may be, again and again, with other values.
        what = row.get("sha") or row.get("version")
        told.setdefault((_name(row["_document"]), what, row["outcome"]), []).append(row.get("finished_at") or "")
    last: tuple[Any, ...] = ()
    for row in events:
        this = (row["_object"], row["sha"] or row["version"], row["outcome"])
        is_release = row["_object"].startswith("HelmRelease")
        if this == last and not (is_release and row["outcome"] == "success"):
            kept.append(row["_document"].left_out("is the same try again, or the same event"))
        elif this in told and this[1] and (not is_release or any(_follows(at, row["_at"]) for at in told[this])):
            kept.append(row["_document"].left_out("is told by the object's history too"))
        else:
            kept.append(row)
        last = this
    return kept


def _follows(at: str, event: str | None) -> bool:
    try:
        return timedelta() <= datetime.fromisoformat(event or "") - datetime.fromisoformat(at) <= _NEAR
    except (TypeError, ValueError):
        return False


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per chart a HelmRelease uses, and per path of a Kustomization that the settings name. ``version``: of the chart that
    runs, or the tag of the source; a branch is none."""
    running = next(
        (
            entry
            for entry in document.every("status", "history")
            if _RELEASED.get(str(entry.get("status"))) == "success"
        ),
        None,
    )
    applied = document.text("status", "lastAppliedRevision")
    chart = (
        document.text("spec", "chart", "spec", "chart")
        or members.text(running, "chartName")
        or document.text("spec", "chartRef", "name")
    )
    place = "/".join(
        filter(
            None, (document.text("spec", "sourceRef", "name"), (document.text("spec", "path") or "").removeprefix("./"))
        )
    )
    path = export.golden_path(chart, place) if chart or export.options["golden_paths"] else None
    if path:
        version = (members.text(running, "chartVersion") or applied) if chart else _version(applied)
        yield document.row(
            service_id=_service(document, export), golden_path_id=path, as_of=document.day, evidence="uses",
            version=version.split("+")[0] if version else None, drift="unknown",
        )  # fmt: skip


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per suspension: what the object deploys is changed by hand, or not at all.

    ``opened_at``: when the suspension was written, where managed fields were exported; ``closed_at``: the first later snapshot
    in which the object is not suspended.
    """
    if document.at("spec", "suspend") is not True:
        return
    written = (
        members.text(field, "time") for field in document.every("metadata", "managedFields")
        if members.at(field, "fieldsV1", "f:spec", "f:suspend") is not None
    )  # fmt: skip
    opened, taken = max(filter(None, written), default=None), document.taken_at
    later = (
        one.taken_at for one in export.by((document.text("kind") or "").lower(), "metadata", "name").get(document.text("metadata", "name") or "", [])
        if _name(one) == _name(document) and one.at("spec", "suspend") is not True
    )  # fmt: skip
    yield document.row(
        hatch_id=export.id("/".join(filter(None, (_name(document), "suspend", opened)))), kind="suspend", policy="reconciliation",
        service_id=_service(document, export), opened_at=opened, reason="suspended",
        closed_at=min((at for at in later if at and taken and at > taken), default=None),
    )  # fmt: skip


# --- an object --------------------------------------------------------------------------------------------------------


def _name(document: Document) -> str:
    named = (document.text("kind"), document.text("metadata", "namespace"), document.text("metadata", "name"))
    return "/".join(filter(None, named))


def _service(document: Document, export: Export) -> str | None:
    label = export.options["service_label"]
    return document.text("metadata", "labels", label) or export.service(document.text("metadata", "name"))


def _about(document: Document, export: Export) -> Row:
    label = export.options["environment_label"]
    namespace = document.text("spec", "targetNamespace") or document.text("metadata", "namespace")
    raw = (label and document.text("metadata", "labels", label)) or namespace
    chart = document.text("spec", "chart", "spec", "chart") or document.text("status", "history", 0, "chartName")
    return {
        "service_id": _service(document, export), "environment": export.environment(raw), "environment_raw": raw, "kind": "application",
        "automated": True, "golden_path_id": export.golden_path(chart) if chart else None,
    }  # fmt: skip


def _sha(revision: str | None, document: Document) -> str | None:
    """The commit in ``main@sha1:…``, ``main/…`` or alone. ``sha256:`` is the digest of an artifact, unless the source is git."""
    found = _REVISION.fullmatch(revision or "")
    is_git = document.text("spec", "sourceRef", "kind") == "GitRepository"
    return None if found is None or (found["hash"] == "sha256" and not is_git) else found["digits"]


def _version(*revisions: str | None) -> str | None:
    """The first tag that looks like a version (``v1.2.0@sha1:…``, ``6.5.0@sha256:…``), or what has no commit in it."""
    for revision in filter(None, revisions):
        found = _REVISION.fullmatch(revision)
        if found is None or _VERSION.fullmatch(found["name"] or ""):
            return found["name"] if found else revision
    return None


def _succeeded(entry: dict[str, Any]) -> bool:
    return _RECONCILED.get(str(entry.get("lastReconciledStatus"))) == "success"


def _outcome(status: str | None) -> str | None:
    if status in _RECONCILED:
        return _RECONCILED[status or ""]
    return "failure" if (status or "").endswith("Failed") else status


def _toolkit(kind: str, *path: str) -> Any:
    def is_one(body: Any) -> bool:
        group = str(members.at(body, *path, "apiVersion") or "")
        return members.at(body, *path, "kind") == kind and ".toolkit.fluxcd.io/" in group

    return is_one


_OBJECTS = ("kustomization", "helmrelease")

SYSTEM = System(
    kind="flux",
    title="Flux",
    shapes=(
        Shape("kustomization", "a Kustomization", _toolkit("Kustomization")),
        Shape("helmrelease", "a HelmRelease", _toolkit("HelmRelease")),
        Shape(
            "event", "an event",
            lambda b: _toolkit("Kustomization", "involvedObject")(b) or _toolkit("HelmRelease", "involvedObject")(b),
        ),
    ),
    gives=(
        Gives("deployments", deployments, (*_OBJECTS, "event"), f"the last {KEPT} outcomes of an object; events as long as they are kept", together=_once, is_state=True,
              lost=("queued_at", "initiated_by")),
        Gives("service_golden_path", service_golden_path, _OBJECTS, "now only", lost=("joined_at", "left_at"), is_state=True),
        Gives("escape_hatches", escape_hatches, _OBJECTS, "now only", is_state=True,
              lost=("golden_path_id", "team_id", "requestor_id", "approver_id", "expires_at", "uses")),
    ),
    recipes=(
        Recipe("flux.json", "kubectl get kustomizations.kustomize.toolkit.fluxcd.io,helmreleases.helm.toolkit.fluxcd.io -A --show-managed-fields -o json > flux.json",
               "get, list on both", "Managed fields tell when an object was suspended."),
        Recipe("events.json", "kubectl get events -A --field-selector involvedObject.kind=Kustomization -o json > events.json", "get, list on events",
               "Kubernetes forgets events after an hour: better the payloads of a generic webhook provider, one JSON per line. The same for HelmRelease."),
    ),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN, GOLDEN_PATHS,
        Option("service_label", "text", "Label that names the service.", default="app.kubernetes.io/part-of"),
        Option("environment_label", "text", "Label that names the environment; without it the namespace does."),
    ),
)  # fmt: skip
