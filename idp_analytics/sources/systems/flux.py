"""Flux: Kustomizations and HelmReleases, and the events of its notification controller.

A history keeps five entries, one per digest and outcome: an entry that was reconciled a hundred times is one deployment. Every
release in a Helm history names the first install as its beginning: the last deployment counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import compress
from typing import Any

import polars as pl

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.over_time import beside, is_row
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
from idp_analytics.tables import TABLES

KEPT = 5
"""Entries a history keeps."""

_RECONCILED = {"ReconciliationSucceeded": "success", "success": "success", "failure": "failure"}
_RELEASED = {"deployed": "success", "superseded": "success", "failed": "failure"}
# Uninstalled is also what is done about an install that failed: how it had ended is not told.
_UNTOLD = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling", "uninstalled")
_REVISION = re.compile(r"(?:(?P<name>.+?)[@/])?(?:(?P<hash>sha\d+):)?(?P<digits>[0-9a-f]{64}|[0-9a-f]{40})")
_SHA1, _HEX = 40, "0123456789abcdef"
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


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per entry of a history; per object without one its last known revision; per event that tells an outcome.

    ``finished_at`` of a Kustomization's entry is when it was first reconciled. A rollback finds its entry there already and only
    bumps it: it is a second row, at the time when the entry before it was last reconciled, which is a bound (said).
    """
    if "involvedObject" in batch.bodies[0]:
        for event in batch.documents:
            yield from _event(event, export)
        return
    histories = list(map(members.every, batch.at("status", "history")))
    is_release = batch.texts("kind")[0] == "HelmRelease"
    if max(map(len, histories)) >= KEPT or (is_release and max(map(_oldest, histories)) > 1):
        yield batch.documents[0].truncated("an object keeps few of its last outcomes: earlier ones are forgotten")
    if is_release or not all(histories):
        abouts = _abouts(batch, export)
        for place, (document, history) in enumerate(zip(batch.documents, histories, strict=True)):
            about = {name: values[place] for name, values in abouts.items()}
            if not history:
                yield from _snapshot(document, export, about)
            elif is_release:
                yield from _released(document, export, history, about)
    objects = batch.where(map(bool, histories))
    if objects.documents and not is_release:
        yield from _reconciled(objects, export)


def _oldest(history: list[dict[str, Any]]) -> int:
    return min((int(entry["version"]) for entry in history if str(entry.get("version")).isdigit()), default=1)


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


def _reconciled(objects: Batch, export: Export) -> Iterator[Row]:
    entries, of = objects.every("status", "history")
    digests, statuses, first = (entries.texts(name) for name in ("digest", "lastReconciledStatus", "firstReconciled"))
    revisions = entries.texts("metadata", "revision")
    origins = entries.texts("metadata", "originRevision")
    parts = [_parts(one or "") for one in (either(origins, revisions) if any(origins) else revisions)]
    versions = [version for version, _, _ in parts]
    if any(origins):
        versions = either(versions, [_parts(one or "")[0] for one in revisions])
    git = [kind == "GitRepository" for kind in objects.texts("spec", "sourceRef", "kind")]
    names = [
        "/".join(filter(None, named))
        for named in zip(
            objects.texts("kind"), *(objects.texts("metadata", name) for name in ("namespace", "name")), strict=True
        )
    ]
    abouts = _abouts(objects, export)
    del abouts["kind"], abouts["automated"]
    shared = {
        **{name: list(map(values.__getitem__, of)) for name, values in abouts.items()}, "kind": "application", "automated": True,
        "sha": [digits if kind != "sha256" or git[place] else None for (_, kind, digits), place in zip(parts, of, strict=True)], "version": versions,
        "outcome": each(_outcome, statuses), "outcome_raw": statuses, "finished_at": first, "is_rollback": False,
        "is_resync": _ill(of, digests, statuses, first),
        "deployment_id": export.ids(f"{names[place]}/{digest}/{status}/{at}" for place, digest, status, at in zip(of, digests, statuses, first, strict=True)),
    }  # fmt: skip
    (whole,) = entries.rows(newest=entries.texts("lastReconciled"), **shared)
    whole = beside(whole, _named=[names[place] for place in of])
    back, before = _put_back(of, first, entries.texts("lastReconciled"), digests)
    if back:
        yield objects.documents[0].warning(
            "a rollback does not say when it began: the end of what it replaced stands for it"
        )
        ids = [
            export.id(f"{names[of[place]]}/{digests[place]}/{statuses[place]}/{at}")
            for place, at in zip(back, before, strict=True)
        ]
        entry = whole["_columns"].with_row_index("_entry")
        bumped = entry[back].with_columns(
            pl.Series("deployment_id", ids), pl.Series("finished_at", before), is_rollback=pl.lit(True), is_resync=pl.lit(False)
        )  # fmt: skip
        whole = {**whole, "_columns": pl.concat([entry, bumped]).sort("_entry", maintain_order=True)}
    yield whole


def _ill(of: list[int], digests: list[str | None], statuses: list[str | None], first: list[str | None]) -> list[bool]:
    """Whether each entry is a failure of what had been applied well, which is no deployment of anything new."""
    well = [_RECONCILED.get(status or "") == "success" for status in statuses]
    if all(well):
        return [False] * len(well)
    since = {
        (place, digest): at for place, digest, at, is_well in zip(of, digests, first, well, strict=True) if is_well
    }
    return [
        not is_well and (since.get((place, digest)) or "9") < (at or "")
        for place, digest, at, is_well in zip(of, digests, first, well, strict=True)
    ]


def _put_back(
    of: list[int], first: list[str | None], last: list[str | None], digests: list[str | None]
) -> tuple[list[int], list[str]]:
    """The entries that began before the one after them in their list ended and were reconciled later, and when that one ended."""
    # Of nearly all the one after it had ended before: this is looked at first.
    found = [
        (place, ended)
        for place, (at, ended) in enumerate(zip(first, last[1:], strict=False))
        if at
        and ended
        and at < ended
        and of[place] == of[place + 1]
        and digests[place] != digests[place + 1]
        and ended <= (last[place] or "")
    ]
    return [place for place, _ in found], [ended for _, ended in found]


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
    if not events:
        return rows
    kept = [row for row in rows if "_object" not in row]
    told: dict[tuple[Any, ...], list[str]] = {}
    for row in filter(is_row, kept):
        for name, sha, version, outcome, at in _told(row):
            # A Kustomization's commit is deployed once; a chart's version may be, again and again, with other values.
            told.setdefault((name, sha or version, outcome), []).append(at or "")
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


def _told(row: Row) -> Iterable[tuple[str | None, ...]]:
    """Object, commit, version, outcome and end of what a row stands for."""
    names = ("sha", "version", "outcome", "finished_at")
    if "_columns" in row:
        return row["_columns"].select("_named", *names).iter_rows()  # type: ignore[no-any-return]
    return [(_name(row["_document"]), *(row.get(name) for name in names))]


def _follows(at: str, event: str | None) -> bool:
    try:
        return timedelta() <= datetime.fromisoformat(event or "") - datetime.fromisoformat(at) <= _NEAR
    except (TypeError, ValueError):
        return False


def service_golden_path(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per chart a HelmRelease uses, and per path of a Kustomization that the settings name. ``version``: of the chart that
    runs, or the tag of the source; a branch is none."""
    running: list[Any] = (
        [None] * len(batch)
        if batch.texts("kind")[0] == "Kustomization"
        else [
            next(
                (entry for entry in members.every(history) if _RELEASED.get(str(entry.get("status"))) == "success"),
                None,
            )
            for history in batch.at("status", "history")
        ]
    )
    runs = Batch(batch.table, batch.documents, running)
    charts = either(
        batch.texts("spec", "chart", "spec", "chart"), runs.texts("chartName"), batch.texts("spec", "chartRef", "name")
    )
    if not any(charts) and not export.options["golden_paths"]:
        return
    folders = [(path or "").removeprefix("./") for path in batch.texts("spec", "path")]
    places = [
        "/".join(filter(None, parts)) for parts in zip(batch.texts("spec", "sourceRef", "name"), folders, strict=True)
    ]
    paths = [
        export.golden_path(chart, place) if chart or export.options["golden_paths"] else None
        for chart, place in zip(charts, places, strict=True)
    ]
    versions = [
        (runs_now or applied) if chart else _version(applied)
        for chart, runs_now, applied in zip(
            charts, runs.texts("chartVersion"), batch.texts("status", "lastAppliedRevision"), strict=True
        )
    ]
    yield from batch.where(paths).rows(
        service_id=list(compress(_services(batch, export), paths)), golden_path_id=list(filter(None, paths)), as_of=batch.documents[0].day,
        evidence="uses", version=[version.split("+")[0] if version else None for version in compress(versions, paths)], drift="unknown",
    )  # fmt: skip


def escape_hatches(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per suspension: what the object deploys is changed by hand, or not at all.

    ``opened_at``: when the suspension was written, where managed fields were exported; ``closed_at``: the first later snapshot
    in which the object is not suspended.
    """
    flags = batch.at("spec", "suspend")
    if not any(flags):
        return
    suspended = batch.where(flag is True for flag in flags)
    yield from (
        _suspension(document, service, export)
        for document, service in zip(suspended.documents, _services(suspended, export), strict=True)
    )


def _suspension(document: Document, service: str | None, export: Export) -> Row:
    written = (
        members.text(field, "time") for field in document.every("metadata", "managedFields")
        if members.at(field, "fieldsV1", "f:spec", "f:suspend") is not None
    )  # fmt: skip
    opened, taken = max(filter(None, written), default=None), document.taken_at
    later = (
        one.taken_at for one in export.by((document.text("kind") or "").lower(), "metadata", "name").get(document.text("metadata", "name") or "", [])
        if _name(one) == _name(document) and one.at("spec", "suspend") is not True
    )  # fmt: skip
    return document.row(
        hatch_id=export.id("/".join(filter(None, (_name(document), "suspend", opened)))), kind="suspend", policy="reconciliation",
        service_id=service, opened_at=opened, reason="suspended",
        closed_at=min((at for at in later if at and taken and at > taken), default=None),
    )  # fmt: skip


# --- an object --------------------------------------------------------------------------------------------------------


def _name(document: Document) -> str:
    named = (document.text("kind"), document.text("metadata", "namespace"), document.text("metadata", "name"))
    return "/".join(filter(None, named))


def _about(document: Document, export: Export) -> Row:
    return {name: values[0] for name, values in _abouts(Batch(TABLES["deployments"], [document]), export).items()}


def _abouts(objects: Batch, export: Export) -> dict[str, list[Any]]:
    """What all deployments of each object have in common."""
    label, count = export.options["environment_label"], len(objects)
    named = objects.texts("metadata", "labels", label) if label else [None] * count
    raw = either(named, objects.texts("spec", "targetNamespace"), objects.texts("metadata", "namespace"))
    charts = either(objects.texts("spec", "chart", "spec", "chart"), objects.texts("status", "history", 0, "chartName"))
    return {
        "service_id": _services(objects, export), "environment": each(export.environment, raw), "environment_raw": raw,
        "kind": ["application"] * count, "automated": [True] * count,
        "golden_path_id": [export.golden_path(chart) if chart else None for chart in charts],
    }  # fmt: skip


def _services(objects: Batch, export: Export) -> list[str | None]:
    labels = objects.texts("metadata", "labels", export.options["service_label"])
    return either(labels, each(export.service, objects.texts("metadata", "name")))


def _sha(revision: str | None, document: Document) -> str | None:
    return _digits(revision, document.text("spec", "sourceRef", "kind") == "GitRepository")


def _digits(revision: str | None, is_git: bool) -> str | None:
    """The commit in ``main@sha1:…``, ``main/…`` or alone. ``sha256:`` is the digest of an artifact, unless the source is git."""
    _, kind, digits = _parts(revision or "")
    return None if kind == "sha256" and not is_git else digits


def _version(*revisions: str | None) -> str | None:
    """The first tag that looks like a version (``v1.2.0@sha1:…``, ``6.5.0@sha256:…``), or what has no commit in it."""
    return next((version for one in dict.fromkeys(revisions) if one and (version := _parts(one)[0])), None)


# One revision is in the histories of many objects, and in those of many snapshots.
@lru_cache(maxsize=1 << 16)
def _parts(revision: str) -> tuple[str | None, str | None, str | None]:
    """Version, kind of hash and commit or digest of a revision."""
    name, _, digits = revision.partition("@sha1:")
    # As nearly always: the expression takes many times as long.
    if name and len(digits) == _SHA1 and not digits.strip(_HEX) and "\n" not in name:
        return _tag(name), "sha1", digits
    found = _REVISION.fullmatch(revision)
    if found is None:
        return revision or None, None, None
    return _tag(found["name"] or ""), found["hash"], found["digits"]


@lru_cache(maxsize=1 << 12)
def _tag(name: str) -> str | None:
    return name if _VERSION.fullmatch(name) else None


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
        Gives("deployments", None, (*_OBJECTS, "event"), at_once=deployments, history=f"the last {KEPT} outcomes of an object; events as long as they are kept", together=_once, is_state=True,
              lost=("queued_at", "initiated_by")),
        Gives("service_golden_path", None, _OBJECTS, at_once=service_golden_path, history="now only", lost=("joined_at", "left_at"), is_state=True),
        Gives("escape_hatches", None, _OBJECTS, at_once=escape_hatches, history="now only", is_state=True,
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
