"""Crossplane: claims, composite resources and managed resources, as Kubernetes lists.

When something first became ready is known only until it flaps: the earliest time over all snapshots counts, and a time that is
later than the first snapshot that was ready is not believed. What is deleted is gone from the next snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.sources import members, over_time
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import GOLDEN_PATHS, Gives, Option, Recipe, Row, Shape, System

_LABEL = "crossplane.io/claim-name"


def action_runs(document: Document, export: Export) -> Iterator[Row]:
    """One row per root resource: a claim, or a composite (of version 2) or managed resource that nobody composed. It is
    finished and usable when it is first ready; one that is not ready yet is still on its way. Its operation is its kind."""
    if not _is_root(document):
        return
    if _observed(document):
        yield document.left_out("is observed only: imported, and not provisioned by the platform")
        return
    asked = document.text("metadata", "creationTimestamp")
    if asked is None:
        yield document.left_out("does not say when it was created")
        return
    ready = _condition(document, "Ready")
    is_ready = members.text(ready, "status") == "True"
    since = members.text(ready, "lastTransitionTime") if is_ready else None
    yield document.row(
        run_id=export.id(document.text("metadata", "uid") or _name(document)), operation_id=f"create {document.text('kind')}",
        golden_path_id=_path(document, export), version=_revision(document), service_id=_service(document, export),
        requested_at=asked, started_at=asked, finished_at=since, usable_at=since, outcome="success" if is_ready else None,
        outcome_raw=members.text(ready, "reason"), channel="gitops", _ready=since,
    )  # fmt: skip


def _first_ready(rows: list[Row]) -> list[Row]:
    """The newest snapshot of each, with the earliest time at which any snapshot says it was ready; none of those that come
    after the snapshot that first saw it ready: they are of a flap."""
    kept = [row for row in rows if not is_row(row)]
    by_run: dict[str, list[Row]] = {}
    for row in (row for row in rows if is_row(row)):
        by_run.setdefault(str(row["run_id"]), []).append(row)
    for seen in by_run.values():
        times = [row["_ready"] for row in seen if row["_ready"]]
        last = seen[-1]
        first = min(times, default=None)
        if seen[0]["_ready"] is not None:
            kept.append(
                last["_document"].warning(
                    "a resource may have flapped before it was first exported: its time to ready is then too long"
                )
            )
        # Ready once is provisioned, whatever became of it later.
        kept.append(
            {**last, "finished_at": first, "usable_at": first, "outcome": "success" if times else last["outcome"]}
        )
    return kept


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per service and composition it uses. Pinned to a revision that is not the newest seen is behind."""
    path, service = _path(document, export), _service(document, export)
    if not _is_root(document) or not path or not service:
        return
    revision = _revision(document)
    newest = _newest_revision(export, path)
    state = "unknown" if not revision or not newest else "current" if revision == newest else "behind"
    yield document.row(
        service_id=service, golden_path_id=path, as_of=document.day, evidence="uses", version=revision, joined_at=document.text("metadata", "creationTimestamp"),
        drift=state,
    )  # fmt: skip


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per root resource that is paused, observed only, or pinned by hand to a revision. Since when is told of what was
    imported only: the others may have been opened long after the resource was made. Closed by the first snapshot without."""
    if not _is_root(document):
        return
    name = _name(document)
    found = []
    if document.text("metadata", "annotations", "crossplane.io/paused") == "true":
        found.append(("suspend", "reconciliation", "paused"))
    if _observed(document):
        found.append(("bypass", "provisioning", "observed only"))
    if _of(document, "compositionUpdatePolicy") == "Manual":
        found.append(("manual", "composition updates", "updated by hand"))
    for kind, policy, reason in found:
        yield document.row(
            hatch_id=export.id(f"{name}/{kind}"), kind=kind, policy=policy, golden_path_id=_path(document, export), service_id=_service(document, export),
            opened_at=document.text("metadata", "creationTimestamp") if kind == "bypass" else None, reason=reason,
        )  # fmt: skip


# --- a resource -------------------------------------------------------------------------------------------------------


def _name(document: Document) -> str:
    parts = (document.text("kind"), document.text("metadata", "namespace"), document.text("metadata", "name"))
    return "/".join(filter(None, parts))


def _is_root(document: Document) -> bool:
    """Nobody composed it: neither the composite of a claim nor part of a composite."""
    owned = any(owner.get("controller") for owner in document.every("metadata", "ownerReferences"))
    return (
        not owned
        and _of(document, "claimRef") is None
        and document.text("metadata", "labels", _LABEL) is None
        and document.text("metadata", "labels", "crossplane.io/composite") is None
    )


def _of(document: Document, *path: str) -> str | None:
    """A member of ``spec.crossplane`` (version 2), else of ``spec``."""
    found = document.at("spec", "crossplane", *path)
    if found is None:
        found = document.at("spec", *path)
    return members.text(found) or (members.text(found, "name") if isinstance(found, dict) else None)


def _path(document: Document, export: Export) -> str | None:
    return export.golden_path(_of(document, "compositionRef"))


def _revision(document: Document) -> str | None:
    return _of(document, "compositionRevisionRef")


def _newest_revision(export: Export, path: str) -> str | None:
    """The revision with the greatest number, where the dump has the revisions."""
    numbered = [
        (int(one.text("spec", "revision") or 0), one.text("metadata", "name"))
        for one in export.of["revision"] if export.golden_path(one.text("metadata", "labels", "crossplane.io/composition-name")) == path
    ]  # fmt: skip
    return max(numbered)[1] if numbered else None


def _service(document: Document, export: Export) -> str | None:
    label = export.options["service_label"]
    return document.text("metadata", "labels", label) or document.text("metadata", "annotations", label)


def _observed(document: Document) -> bool:
    return members.words(document.body, "spec", "managementPolicies") == ["Observe"]


def _condition(document: Document, kind: str) -> dict[str, object] | None:
    return next((one for one in document.every("status", "conditions") if one.get("type") == kind), None)


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
        Gives("action_runs", action_runs, ("resource",), "what is there now", together=_first_ready, is_state=True,
              lost=("team_id", "requestor_id", "previous_run_id")),
        Gives("service_golden_path", service_golden_path, ("resource",), "now only", beside=("revision",), lost=("left_at",), is_state=True),
        Gives("escape_hatches", escape_hatches, ("resource",), "now only", is_state=True,
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
