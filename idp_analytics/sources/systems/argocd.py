"""Argo CD: Applications, from ``argocd app list -o json``, the API or ``kubectl get applications -o json``.

An Application keeps its last ten successful syncs and, besides, only the newest operation: failures are forgotten unless
snapshots are collected. A sync that succeeded is not a rollout that is healthy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import compress
from operator import not_
from typing import Any

import polars as pl

from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Document, Export, File
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

_OUTCOMES = {"Failed": "failure", "Error": "error"}
_RUNNING = ("Running", "Terminating")
_OF_SYNCS = {"_number": pl.Int64(), "_what": pl.String(), "is_resync": pl.Boolean()}
_PREVIEW = "is a preview, by the settings"
_NUMBER = re.compile(r"[0-9]{1,15}")
"""What syncs are counted by, from 0: more digits are no count, and would not fit where they are compared."""
_UNCOUNTED = "is a sync whose id is no number of at most 15 digits, which Argo CD counts them by"


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per sync in the history, and the newest operation where it failed or still runs.

    ``finished_at``: when the sync was done, not when the rollout was healthy. ``is_resync``: same revisions and sources as
    the sync before; ``is_rollback``: those of an earlier one. Both null where the syncs before are not known.
    """
    apps = _apps(batch, export)
    if len(apps) < len(batch):
        yield batch.documents[0].left_out(_PREVIEW, len(batch) - len(apps))
    if not apps.documents:
        return
    yield apps.documents[0].truncated(
        "a failed sync is remembered only while it is the newest operation: failures are a lower bound"
    )
    about, app = _about(apps, export), export.ids(map(_name, apps.documents))
    uid = [one or "" for one in apps.texts("metadata", "uid")]

    def told(part: Batch, places: list[int], more: dict[str, list[Any]], **columns: Any) -> Iterator[Row]:
        own = {name: [values[place] for place in places] for name, values in about.items()}
        of: dict[str, list[Any]] = {"_app": [app[place] for place in places], "_uid": [uid[place] for place in places]}
        yield from (beside(row, **{**of, **more}) for row in part.rows(**columns, **own))

    syncs, places = apps.every("status", "history")
    is_counted = each(lambda number: number is None or _NUMBER.fullmatch(number) is not None, syncs.texts("id"))
    yield from (document.left_out(_UNCOUNTED) for document in syncs.those(map(not_, is_counted)))
    syncs, places = syncs.where(is_counted), list(compress(places, is_counted))
    numbers = syncs.texts("id")
    more: dict[str, list[Any]] = {
        "_native": [str(number) for number in numbers], "_number": [int(number or -1) for number in numbers],
        "_what": list(map(_what, syncs.bodies)), "_running": [False] * len(syncs),
    }  # fmt: skip
    yield from told(
        syncs, places, more, **_revisions(syncs.bodies), started_at=syncs.texts("deployStartedAt"),
        finished_at=syncs.texts("deployedAt"), outcome="success", outcome_raw="Succeeded", **_initiators(syncs, ("initiatedBy",), export),
    )  # fmt: skip
    newest = Batch(apps.table, apps.documents, apps.at("status", "operationState"))
    others = [bool(phase and phase != "Succeeded") for phase in newest.texts("phase")]
    newest, places = newest.where(others), list(compress(range(len(apps)), others))
    phases, begun, ended = newest.texts("phase"), newest.texts("startedAt"), newest.texts("finishedAt")
    results = [members.at(one, "syncResult") or members.at(one, "operation", "sync") or {} for one in newest.bodies]
    running = [phase in _RUNNING for phase in phases]
    yield from told(
        newest, places, {"_native": [f"operation/{at}" for at in begun], "_running": running}, newest=[at or "" for at in ended], **_revisions(results),
        started_at=begun, finished_at=ended, outcome_raw=phases, is_resync=False, **_initiators(newest, ("operation", "initiatedBy"), export),
        outcome=[None if is_running else _OUTCOMES.get(phase or "", phase) for phase, is_running in zip(phases, running, strict=True)],
    )  # fmt: skip


def _in_order(rows: list[Row], files: Sequence[File]) -> list[Row]:
    """The syncs of each application over all snapshots, compared with the one before; gaps are said."""
    kept, told = [row for row in rows if not is_row(row)], [row for row in rows if is_row(row)]
    if not told:
        return kept
    every, app, of = over_time.together(told), pl.col("_place"), pl.col("_of")
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in _OF_SYNCS.items() if name not in every.columns]
    # Two clusters may have an application of one name, and one that was made again counts its syncs from 0: their ids then hold
    # the application's own id too.
    uid = pl.when(pl.col("_uid").n_unique().over("_app") > 1).then(pl.lit("/") + pl.col("_uid")).otherwise(pl.lit(""))
    every = every.with_columns(
        *missing, deployment_id=pl.concat_str("_app", uid, pl.lit("/"), "_native"), _place=pl.int_range(pl.len())
    ).with_columns(app.first().over("_app", "_uid"))
    # What ran in an older snapshot has ended since: well, and it is in the history, or not, and it has its own row.
    now = over_time.newest(files)
    is_now = of.is_in([place for place, row in enumerate(told) if row["_document"].file.shown in now])
    still = is_now & (of == of.last().over(app))
    others = every.filter(pl.col("_number").is_null() & (~pl.col("_running") | still))
    syncs = _compared(every.filter(pl.col("_number").is_not_null()))
    whole = pl.concat([others, syncs], how="diagonal_relaxed").sort("_place", "_number", maintain_order=True)
    kept += over_time.apart(whole, told)
    lost = syncs.group_by("_place").agg(of.last(), forgotten=pl.col("_number").last() + 1 - pl.len())
    lost = lost.filter(pl.col("forgotten") != 0).group_by("_of").agg(pl.len(), pl.col("forgotten").sum()).sort("_of")
    return kept + [
        told[place]["_document"].truncated(f"{syncs} sync(s) of {count} application(s) are forgotten: only the last ones are kept")
        for place, count, syncs in lost.iter_rows()
    ]  # fmt: skip


def _compared(syncs: pl.DataFrame) -> pl.DataFrame:
    """The newest row of each sync, with whether it was deployed before."""
    syncs = syncs.unique(["_place", "_number"], keep="last", maintain_order=True).sort("_place", "_number")
    number, what = pl.col("_number"), pl.col("_what")
    follows = (pl.col("_place") == pl.col("_place").shift(1)) & (number == number.shift(1) + 1)
    # None of those before is missing.
    whole = number == pl.int_range(pl.len()).over("_place")
    is_met = ~pl.struct("_place", "_what").is_first_distinct()
    again = pl.col("is_resync")
    return syncs.with_columns(
        is_resync=pl.when(follows).then(what == what.shift(1)).when(number == 0).then(False)
    ).with_columns(is_rollback=pl.when(again).then(False).when(is_met & follows).then(True).when(whole).then(False))


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


def _apps(batch: Batch, export: Export) -> Batch:
    """The applications that are no previews."""
    return batch.where(not _is_preview(one, export) for one in batch.documents) if export.options["previews"] else batch


def _service(document: Document, export: Export) -> str | None:
    label = export.options["service_label"]
    named = (document.text("metadata", part, label) for part in ("labels", "annotations"))
    return next(filter(None, named), None) or export.service(document.text("metadata", "name"))


def _about(apps: Batch, export: Export) -> dict[str, list[Any]]:
    """What all syncs of each application have in common."""
    servers = apps.texts("spec", "destination", "server")
    local = ["in-cluster" if server == "https://kubernetes.default.svc" else server for server in servers]
    clusters = either(apps.texts("spec", "destination", "name"), local)
    spaces = apps.texts("spec", "destination", "namespace")
    raw: list[str | None] = ["/".join(filter(None, parts)) or None for parts in zip(clusters, spaces, strict=True)]
    if label := export.options["environment_label"]:
        raw = either(apps.texts("metadata", "labels", label), raw)
    charts = [
        next(filter(None, (members.text(one, "chart") for one in _sources(spec))), None) for spec in apps.at("spec")
    ]
    return {
        "service_id": [_service(one, export) for one in apps.documents], "environment_raw": raw, "environment": each(export.environment, raw),
        "kind": ["application"] * len(apps), "golden_path_id": each(lambda chart: export.golden_path(chart) if chart else None, charts),
    }  # fmt: skip


def _sources(of: Any) -> list[dict[str, Any]]:
    single = members.at(of, "source")
    return members.every(of, "sources") or ([single] if isinstance(single, dict) else [])


def _revisions(of: Sequence[dict[str, Any]]) -> dict[str, list[str | None]]:
    """Commit and version: of several revisions the commit is that of a git source, the version that of a chart."""
    shas: list[str | None] = []
    versions: list[str | None] = []
    for one in of:
        revision = one.get("revision")
        # Nearly all are one commit, and this runs for every sync.
        if "revisions" not in one and type(revision) is str and members.is_sha(revision):
            shas.append(revision)
            versions.append(None)
            continue
        revisions = members.words(one, "revisions") or members.words(revision)
        shas.append(next(filter(members.is_sha, revisions), None))
        versions.append(next((word for word in revisions if not members.is_sha(word)), None))
    return {"sha": shas, "version": versions}


def _what(sync: dict[str, Any]) -> str:
    """What was deployed, so that two of it compare."""
    if "revisions" not in sync and "sources" not in sync and type(sync.get("source")) is dict:
        return f"{members.text(sync, 'revision')!r} [{sync['source']!r}]"
    return f"{members.words(sync, 'revisions') or members.text(sync, 'revision')!r} {_sources(sync)!r}"


def _initiators(of: Batch, path: tuple[str, ...], export: Export) -> dict[str, list[Any]]:
    names = of.texts(*path, "username")
    automated = [
        flag if flag is not None else False if name else None
        for flag, name in zip(map(members.flag, of.at(*path, "automated")), names, strict=True)
    ]
    return {"automated": automated, "initiated_by": each(export.person, names)}


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
            "deployments", None, ("application",), "the last 10 successful syncs of an application, and its newest operation",
            lost=("queued_at",), over_time=_in_order, is_state=True, at_once=deployments,
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
