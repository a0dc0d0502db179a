"""Crossplane: claims, composite resources and managed resources, as Kubernetes lists.

When something first became ready is known only until it flaps: the earliest time over all snapshots counts, and a time that is
later than the first snapshot that was ready is not believed. What is deleted is gone from the next snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import compress
from typing import Any

import polars as pl

from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, each, either, texts
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import GOLDEN_PATHS, Gives, Option, Recipe, Row, Shape, System

_LABEL = "crossplane.io/claim-name"
_CREATED = ("metadata", "creationTimestamp")
_OBSERVED = "is observed only: imported, and not provisioned by the platform"
_UNDATED = "does not say when it was created"


def action_runs(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per root resource: a claim, or a composite (of version 2) or managed resource that nobody composed. It is
    finished and usable when it is first ready; one that is not ready yet is still on its way. Its operation is its kind."""
    roots = _roots(batch)
    reasons = [
        _OBSERVED if is_observed else _UNDATED if asked is None else None
        for is_observed, asked in zip(_observed(roots), roots.texts(*_CREATED), strict=True)
    ]
    yield from (batch.documents[0].left_out(reason, times) for reason, times in Counter(filter(None, reasons)).items())
    roots = roots.where(reason is None for reason in reasons)
    ready = Batch(batch.table, roots.documents, list(map(_ready, roots.at("status", "conditions"))))
    is_ready = [word == "True" for word in ready.texts("status")]
    since = [at if is_so else None for at, is_so in zip(ready.texts("lastTransitionTime"), is_ready, strict=True)]
    natives = [uid or _name(one) for uid, one in zip(roots.texts("metadata", "uid"), roots.documents, strict=True)]
    yield from roots.rows(
        run_id=export.ids(natives), operation_id=[f"create {kind}" for kind in roots.texts("kind")],
        golden_path_id=_paths(roots, export), version=_revisions(roots), service_id=_services(roots, export),
        requested_at=roots.texts(*_CREATED), started_at=roots.texts(*_CREATED), finished_at=since, usable_at=since,
        outcome=["success" if is_so else None for is_so in is_ready], outcome_raw=ready.texts("reason"), channel="gitops",
    )  # fmt: skip


def _first_ready(rows: list[Row]) -> list[Row]:
    """The newest snapshot of each, with the earliest time at which any snapshot says it was ready; it may be that of a flap
    where it was ready in the first (said)."""
    kept, told = [row for row in rows if not is_row(row)], [row for row in rows if is_row(row)]
    if not told:
        return kept
    ready = pl.col("usable_at")
    runs = over_time.together(told).group_by("run_id", maintain_order=True).agg(
        pl.all().last(), _first=ready.min(), _was_ready=ready.first().is_not_null()
    )  # fmt: skip
    # Ready once is provisioned, whatever became of it later.
    first = pl.col("_first")
    runs = runs.with_columns(
        finished_at=first, usable_at=first, outcome=pl.when(first.is_not_null()).then(pl.lit("success")).otherwise("outcome")
    )  # fmt: skip
    for row in over_time.apart(runs, told):
        if row["_columns"]["_was_ready"].any():
            kept.append(
                row["_document"].warning(
                    "a resource may have flapped before it was first exported: its time to ready is then too long"
                )
            )
        kept.append(row)
    return kept


def service_golden_path(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per service and composition it uses. Pinned to a revision that is not the newest seen is behind."""
    roots = _roots(batch)
    paths, services = _paths(roots, export), _services(roots, export)
    which = [bool(path and service) for path, service in zip(paths, services, strict=True)]
    # Of those that are meant what is known of all is taken, which takes less than asking again.
    told = (list(compress(column, which)) for column in (paths, services, _revisions(roots), roots.texts(*_CREATED)))
    paths, services, revisions, created = told
    newest = export.once("newest revisions", lambda: _newest_revisions(export))
    yield from roots.where(which).rows(
        service_id=services, golden_path_id=paths, as_of=batch.documents[0].day, evidence="uses", version=revisions, joined_at=created,
        drift=[
            "unknown" if not revision or not newest.get(path) else "current" if revision == newest[path] else "behind"
            for path, revision in zip(paths, revisions, strict=True)
        ],
    )  # fmt: skip


def escape_hatches(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per root resource that is paused, observed only, or pinned by hand to a revision. Since when is told of what was
    imported only: the others may have been opened long after the resource was made. Closed by the first snapshot without."""
    roots = _roots(batch)
    which = {
        ("suspend", "reconciliation", "paused"): [word == "true" for word in roots.texts("metadata", "annotations", "crossplane.io/paused")],
        ("bypass", "provisioning", "observed only"): _observed(roots),
        ("manual", "composition updates", "updated by hand"): [word == "Manual" for word in _of(roots, "compositionUpdatePolicy")],
    }  # fmt: skip
    for (kind, policy, reason), wanted in which.items():
        found = roots.where(wanted)
        told = zip(
            found.documents, _paths(found, export), _services(found, export), found.texts(*_CREATED), strict=True
        )
        for document, path, service, opened in told:
            yield document.row(
                hatch_id=export.id(f"{_name(document)}/{kind}"), kind=kind, policy=policy, golden_path_id=path, service_id=service,
                opened_at=opened if kind == "bypass" else None, reason=reason,
            )  # fmt: skip


# --- a resource -------------------------------------------------------------------------------------------------------


def _name(document: Document) -> str:
    parts = (document.text("kind"), document.text("metadata", "namespace"), document.text("metadata", "name"))
    return "/".join(filter(None, parts))


def _roots(batch: Batch) -> Batch:
    """Resources that nobody composed: neither the composite of a claim nor part of a composite."""

    def made() -> list[Batch]:
        labels = (batch.texts("metadata", "labels", name) for name in (_LABEL, "crossplane.io/composite"))
        claimed = either(_of(batch, "claimRef"), *labels)
        owners = batch.at("metadata", "ownerReferences")
        roots = batch.where(map(_is_root, claimed, owners))
        # What holds itself is only freed when all objects there are have been looked at.
        return [] if roots is batch else [roots]

    return next(iter(batch.once("roots", made)), batch).of(batch.table)


def _is_root(claim: str | None, owners: Any) -> bool:
    return claim is None and not (owners and any(one.get("controller") for one in members.every(owners)))


def _of(batch: Batch, name: str) -> list[str | None]:
    """A member of ``spec.crossplane`` (version 2), else of ``spec``."""
    newer, older = batch.at("spec", "crossplane", name), batch.at("spec", name)
    if set(map(type, older)) <= {dict, type(None)} and not any(newer):
        return batch.texts("spec", name, "name")
    found = [new if new is not None else old for new, old in zip(newer, older, strict=True)]
    return texts([members.at(one, "name") if isinstance(one, dict) else one for one in found])


def _paths(roots: Batch, export: Export) -> list[str | None]:
    return roots.once("paths", lambda: each(export.golden_path, _of(roots, "compositionRef")))


def _revisions(roots: Batch) -> list[str | None]:
    return roots.once("revisions", lambda: _of(roots, "compositionRevisionRef"))


def _services(roots: Batch, export: Export) -> list[str | None]:
    label = export.options["service_label"]
    return either(*(roots.texts("metadata", part, label) for part in ("labels", "annotations")))


def _observed(roots: Batch) -> list[bool]:
    return [members.words(one) == ["Observe"] if one else False for one in roots.at("spec", "managementPolicies")]


def _newest_revisions(export: Export) -> dict[str | None, str | None]:
    """The revision with the greatest number of each golden path, where the dump has the revisions."""
    numbered: dict[str | None, list[tuple[int, str | None]]] = {}
    for one in export.of["revision"]:
        path = export.golden_path(one.text("metadata", "labels", "crossplane.io/composition-name"))
        numbered.setdefault(path, []).append((int(one.text("spec", "revision") or 0), one.text("metadata", "name")))
    return {path: max(revisions)[1] for path, revisions in numbered.items()}


def _ready(conditions: Any) -> dict[str, Any] | None:
    for one in conditions if isinstance(conditions, list) else ():
        if isinstance(one, dict) and one.get("type") == "Ready":
            return one
    return None


def _is_resource(body: object) -> bool:
    spec = members.at(body, "spec")
    parts = {
        "compositionRef",
        "compositionSelector",
        "compositeDeletePolicy",
        "claimRef",
        "crossplane",
        "forProvider",
        "managementPolicies",
    }
    return isinstance(spec, dict) and bool(parts & spec.keys()) and members.at(body, "kind") is not None


SYSTEM = System(
    kind="crossplane",
    title="Crossplane",
    shapes=(
        Shape("revision", "a composition's revision", lambda b: b.get("kind") == "CompositionRevision"),
        Shape("resource", "a claim, composite or managed resource", _is_resource),
    ),
    gives=(
        Gives("action_runs", None, ("resource",), at_once=action_runs, history="what is there now", together=_first_ready, is_state=True,
              lost=("team_id", "requestor_id", "previous_run_id")),
        Gives("service_golden_path", None, ("resource",), at_once=service_golden_path, history="now only", beside=("revision",), lost=("left_at",), is_state=True),
        Gives("escape_hatches", None, ("resource",), at_once=escape_hatches, history="now only", is_state=True,
              lost=("team_id", "requestor_id", "approver_id", "expires_at", "uses"), over_time=over_time.closed),
    ),
    recipes=(
        Recipe("claims.json", "kubectl get claim -A -o json > claims.json", "get, list on claims", "Version 1."),
        Recipe("composites.json", "kubectl get composite -A -o json > composites.json", "get, list on composites", "Version 2 has no claims: composites are namespaced."),
        Recipe("managed.json", "kubectl get managed -A -o json > managed.json", "get, list on managed resources", "For resources that are observed only."),
        Recipe("revisions.json", "kubectl get compositionrevisions.apiextensions.crossplane.io -o json > revisions.json", "get, list on compositionrevisions", "Which revision is the newest."),
    ),
    options=(GOLDEN_PATHS, Option("service_label", "text", "Label or annotation that names the service.", default="app.kubernetes.io/part-of")),
)  # fmt: skip
