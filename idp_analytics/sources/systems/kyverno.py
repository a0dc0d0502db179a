"""Kyverno: policy reports of all three API groups, and policy exceptions.

Reports are state: one per resource, gone with it. What was denied at admission is in no report, because it does not exist.
Other scanners write reports too; only those of Kyverno are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

_GROUPS = ("wgpolicyk8s.io/", "reports.x-k8s.io/", "openreports.io/")
_EXCEPTIONS = ("kyverno.io/", "policies.kyverno.io/")
_SOURCES = ("kyverno", "validatingadmissionpolicy", "mutatingadmissionpolicy")
_MADE_BY = {
    "Pod": {"Deployment": 2, "ReplicaSet": 1, "StatefulSet": 1, "DaemonSet": 1, "Job": 1, "CronJob": 2},
    "ReplicaSet": {"Deployment": 1},
    "Job": {"CronJob": 1},
}
"""Kind → kind that makes it → how many parts of its name (joined by -) were added to its maker's."""


def policy_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per result: a rule's verdict on a resource. ``rule`` is that of the Pod where Kyverno made it up for its
    controller; a skip that names an exception is that hatch used."""
    first = batch.documents[0]
    yield first.truncated("what was denied at admission is in no report: failures are a lower bound")
    results, places = batch.every("results")
    of_report = batch.texts("source")
    by = either(results.texts("source"), [of_report[place] for place in places])
    reasons = list(map(_not_read, by, results.texts("policy"), results.texts("result")))
    yield from (first.left_out(reason, times) for reason, times in Counter(filter(None, reasons)).items())
    told = results.where(reason is None for reason in reasons)
    judged = [
        (report, result, resource)
        for report, result in zip(told.documents, told.bodies, strict=True)
        for resource in _judged(report, result)
    ]
    whole = [one for one in judged if not _is_judged_on_its_owner(*one, export)]
    if len(whole) < len(judged):
        yield first.left_out("is judged on its owner as well (Deployment, CronJob, …)", len(judged) - len(whole))
    if whole:
        reports, bodies, resources = map(list, zip(*whole, strict=True))
        yield from _verdicts(Batch(batch.table, reports, bodies), Batch(batch.table, reports, resources), export)


def _not_read(by: str | None, policy: str | None, verdict: str | None) -> str | None:
    if by and not by.lower().startswith(_SOURCES):
        return f"is by another scanner ({by[:40]})"
    return None if policy and verdict else "names no policy or no verdict"


def _verdicts(results: Batch, resources: Batch, export: Export) -> Iterator[Row]:
    reports, taken = Batch(results.table, results.documents), results.documents[0].taken_at
    labels, names = reports.texts("metadata", "labels", export.options["service_label"]), resources.texts("name")
    times = list(map(members.moment, results.at("timestamp")))
    hatches = [
        export.id(_hatch(named.split(",")[0].strip(), _namespace(report, resource), export)) if named else None
        for named, report, resource in zip(
            results.texts("properties", "exceptions"), results.documents, resources.bodies, strict=True
        )
    ]
    yield from results.rows(
        policy=results.texts("policy"), rule=each(_rule, results.texts("rule")), resource=_called(resources),
        as_of=either(times, [taken] * len(results) if taken else reports.texts("metadata", "creationTimestamp")), engine="kyverno",
        service_id=each(export.service, either(labels, names)), result=results.texts("result"), result_raw=results.texts("result"),
        severity=results.texts("severity"), hatch_id=hatches,
    )  # fmt: skip


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per exception. ``uses`` is how many results were skipped for it in the newest reports; it is closed when it is
    being deleted, or by the first snapshot without it."""
    spec, notes = document.at("spec"), document.at("metadata", "annotations")
    policies = [members.text(one, "policyName") for one in members.every(spec, "exceptions")]
    policies += [members.text(one, "name") for one in members.every(spec, "policyRefs")]
    hatch = _hatch(document.text("metadata", "name"), document.text("metadata", "namespace"), export)
    told = members.at(spec, "properties")
    yield document.row(
        hatch_id=export.id(hatch), kind="exception", policy=", ".join(filter(None, policies)) or None,
        service_id=export.service(document.text("metadata", "labels", export.options["service_label"])),
        requestor_id=export.person(_said(told, notes, "requested-by", "requester")), approver_id=export.person(_said(told, notes, "approved-by", "approver")),
        opened_at=document.text("metadata", "creationTimestamp"),
        expires_at=members.text(spec, "expiresAt") or _said(told, notes, "expires-at", "expires"),
        closed_at=document.text("metadata", "deletionTimestamp"), reason=_said(told, notes, "reason"), uses=_uses(hatch, export),
    )  # fmt: skip


def _said(told: Any, notes: Any, *names: str) -> str | None:
    """A property of the newer exceptions, or an annotation whose last part is that word."""
    by_part = {str(key).rsplit("/", 1)[-1]: value for key, value in notes.items()} if isinstance(notes, dict) else {}
    return next(filter(None, (members.text(place, name) for place in (told, by_part) for name in names)), None)


def _hatch(name: str | None, namespace: str | None, export: Export) -> str | None:
    """An exception's name; where two namespaces have one of it, with its namespace. Reports give the name alone: there it is
    that of the resource's namespace, else it cannot be told which is meant."""
    places = export.once("exceptions", lambda: _places(export)).get(name or "", frozenset())
    return name if len(places) < 2 else f"{namespace}/{name}" if namespace in places else None


def _places(export: Export) -> dict[str, frozenset[str | None]]:
    found: dict[str, set[str | None]] = {}
    for one in export.of["exception"]:
        found.setdefault(one.text("metadata", "name") or "", set()).add(one.text("metadata", "namespace"))
    return {name: frozenset(places) for name, places in found.items()}


def _uses(hatch: str | None, export: Export) -> int | None:
    """How many results of the newest reports name the exception; null where there is no report."""
    return export.once("uses", lambda: _named(export))[hatch] if export.of["report"] else None


def _named(export: Export) -> Counter[str | None]:
    reports = export.of["report"]
    newest = max(report.taken_at or "" for report in reports)
    return Counter(
        _hatch(name, _namespace(report, _judged(report, result)[0]), export)
        for report in reports if (report.taken_at or "") == newest for result in report.every("results")
        for name in {one.strip() for one in (members.text(result, "properties", "exceptions") or "").split(",")}
    )  # fmt: skip


def _rule(rule: str | None) -> str:
    """Rules that Kyverno makes for controllers and cron jobs of a Pod's rule are that rule; without one: the policy itself."""
    for prefix in ("autogen-cronjob-", "autogen-"):
        if rule and rule.startswith(prefix):
            return rule.removeprefix(prefix)
    return rule or "policy"


def _owner(document: Document) -> dict[str, Any]:
    owner = document.at("metadata", "ownerReferences", 0)
    return owner if isinstance(owner, dict) else {"name": document.text("metadata", "name")}


def _judged(document: Document, result: Any) -> list[dict[str, Any]]:
    return members.every(result, "resources") or [document.at("scope") or _owner(document)]


def _is_judged_on_its_owner(document: Document, result: Any, resource: Any, export: Export) -> bool:
    """One Deployment is judged three times: itself, its ReplicaSet and its Pods; the owner's verdict is the one that counts."""
    makers = _MADE_BY.get(members.text(resource, "kind") or "")
    if not makers:
        return False
    judged = export.once("judged", lambda: {
        _key(report, one, of, members.text(of, "kind"), members.text(of, "name"))
        for report in export.of["report"] for one in report.every("results") for of in _judged(report, one)
    })  # fmt: skip
    name = members.text(resource, "name") or ""
    return any(
        _key(document, result, resource, kind, name.rsplit("-", parts)[0]) in judged
        for kind, parts in makers.items() if name.count("-") >= parts
    )  # fmt: skip


def _key(document: Document, result: Any, resource: Any, kind: str | None, name: str | None) -> tuple[str | None, ...]:
    namespace = _namespace(document, resource)
    rule = _rule(members.text(result, "rule"))
    return document.taken_at, members.text(result, "policy"), rule, namespace, kind, name


def _namespace(report: Document, resource: Any) -> str | None:
    return members.text(resource, "namespace") or report.text("metadata", "namespace")


def _called(resources: Batch) -> list[str]:
    """``namespace/kind/name`` of each resource, as far as it has them."""
    kinds = [(kind or "").lower() for kind in resources.texts("kind")]
    parts = zip(resources.texts("namespace"), kinds, resources.texts("name"), strict=True)
    return ["/".join(filter(None, some)) or "cluster" for some in parts]


SYSTEM = System(
    kind="kyverno",
    title="Kyverno",
    shapes=(
        Shape("report", "a policy report", lambda b: str(b.get("apiVersion", "")).startswith(_GROUPS) and str(b.get("kind", "")).endswith("Report")),
        Shape("exception", "a policy exception", lambda b: str(b.get("apiVersion", "")).startswith(_EXCEPTIONS) and b.get("kind") == "PolicyException"),
    ),
    gives=(
        Gives("policy_results", None, ("report",), "now only", at_once=policy_results, lost=("team_id", "enforcement", "truncated"), is_state=True),
        Gives("escape_hatches", escape_hatches, ("exception",), "now only", beside=("report",), lost=("golden_path_id", "team_id"), over_time=over_time.closed, is_state=True),
    ),
    recipes=(
        Recipe("policyreports.json", "kubectl get policyreports.wgpolicyk8s.io,clusterpolicyreports.wgpolicyk8s.io -A -o json > policyreports.json", "get, list on policyreports",
               "With the newer API: reports.openreports.io,clusterreports.openreports.io."),
        Recipe("policyexceptions.json", "kubectl get policyexceptions.kyverno.io -A -o json > policyexceptions.json", "get, list on policyexceptions",
               "Older exceptions say neither why nor until when: annotations ending in /reason, /requested-by, /approved-by and /expires-at are read."),
    ),
    options=(SERVICE_PATTERN, Option("service_label", "text", "Label that names the service.", default="app.kubernetes.io/name")),
)  # fmt: skip
