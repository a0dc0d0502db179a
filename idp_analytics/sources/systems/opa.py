"""Open Policy Agent: decision logs, Gatekeeper's constraints and audit log, Conftest's results.

What a decision means is the policy's own affair: only true and false, ``allow``, ``deny`` and ``violation`` are understood.
Gatekeeper lists at most twenty violations per constraint, of its last audit only. What is in a namespace that its configuration
leaves out of audits is in no verdict; one that it only leaves out of admission is audited, and its violations name the exemption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import chain, starmap
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.system import SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

CAP = 20
"""Violations Gatekeeper lists per constraint unless told otherwise."""

_DENIES = ("deny", "denied", "violation", "violations")
_ENFORCEMENT = {"deny": "deny", "warn": "warn", "dryrun": "audit", "scoped": None}


def decisions(document: Document, export: Export) -> Iterator[Row]:
    """One row per decision of a policy that can be read as yes or no. What is done about it is not in the log."""
    yield document.warning("OPA drops decisions where its log is limited or filtered: counts are a lower bound")
    path = (document.text("path") or "").strip("/").replace(".", "/")
    where = export.options["allowed"]
    result = document.at("result", *(where.split(".") if where else ()))
    verdict = _allowed(result, path.rpartition("/")[2])
    if "result" not in document.body:
        yield document.left_out("was undefined: no rule decided")
        return
    if verdict is None:
        yield document.left_out("has a result that is no yes or no")
        return
    policy, _, rule = path.rpartition("/")
    yield document.row(
        policy=policy or path or "policy", rule=rule or "decision", resource=document.text("decision_id"), as_of=document.text("timestamp"), engine="opa",
        service_id=export.service(document.text("labels", export.options["service_label"])),
        result="pass" if verdict else "fail", result_raw=str(result).lower() if not isinstance(result, dict | list) else None,
    )  # fmt: skip


def constraints(document: Document, export: Export) -> Iterator[Row]:
    """One row per violation of a constraint in its last audit."""
    listed, total = document.every("status", "violations"), document.text("status", "totalViolations")
    cut = (int(total) > len(listed)) if total and total.isdigit() else len(listed) >= CAP
    if cut:
        yield document.truncated(
            f"Gatekeeper lists at most {CAP} violations per constraint: {document.text('metadata', 'name')} has more or may have"
        )
    yield from _unaudited(document, export)
    action = document.text("spec", "enforcementAction") or "deny"
    for one in listed:
        said = members.text(one, "enforcementAction") or action
        hatch = _hatch(members.text(one, "namespace"), export, document.taken_at)
        yield document.row(
            policy=document.text("kind"), rule=document.text("metadata", "name"), resource=_called(one, "namespace", "kind", "name"),
            as_of=document.text("status", "auditTimestamp") or document.taken_at, engine="gatekeeper", service_id=export.service(members.text(one, "name")),
            result="fail", result_raw=said, enforcement="audit" if hatch else _ENFORCEMENT.get(said, said), truncated=cut, hatch_id=hatch,
        )  # fmt: skip


def audited(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per violation in Gatekeeper's audit log or export."""

    def told(*names: str) -> list[str | None]:
        found = batch.texts(names[0])
        return found if all(found) else either(found, *(batch.texts(name) for name in names[1:]))

    actions, resources = told("constraint_action", "enforcementAction"), told("resource_name", "resourceName")
    namespaces, taken = told("resource_namespace", "resourceNamespace"), batch.documents[0].taken_at
    places = zip(namespaces, told("resource_kind", "resourceKind"), resources, strict=True)
    hatches = each(lambda namespace: _hatch(namespace, export, taken), namespaces)
    yield from _unaudited(batch.documents[0], export)
    yield from batch.rows(
        policy=told("constraint_kind", "constraintKind"), rule=told("constraint_name", "constraintName"),
        resource=list(starmap(_place, places)), as_of=told("audit_id", "id", "ts"), engine="gatekeeper",
        service_id=each(export.service, resources), result="fail", result_raw=actions,
        enforcement=["audit" if hatch else _ENFORCEMENT.get(action or "", action) for hatch, action in zip(hatches, actions, strict=True)],
        hatch_id=hatches,
    )  # fmt: skip


def _unaudited(document: Document, export: Export) -> Iterator[Row]:
    if left_out := _left_out(export, document.taken_at, from_audits=True):
        yield document.warning(
            f"audits leave out the namespaces {', '.join(left_out)}: of what is in them there is no verdict, neither failed nor passed"
        )


def _hatch(namespace: str | None, export: Export, at: str | None) -> str | None:
    """The exemption of a namespace that was audited all the same: nothing in it is denied when it is made."""
    left_out = _left_out(export, at, from_audits=False)
    return next((hatch for pattern, hatch in left_out.items() if namespace and fnmatchcase(namespace, pattern)), None)


def _left_out(export: Export, at: str | None, *, from_audits: bool) -> Mapping[str, str | None]:
    """Namespaces (``kube-*``) that Gatekeeper's configuration, as it was known then, leaves out of audits, or of all but these;
    each with its escape hatch."""

    def made() -> dict[str, str | None]:
        known = {
            one.text("metadata", "name"): one for one in export.of["config"] if not at or (one.taken_at or "") <= at
        }
        return {
            name: export.id(_exemption(one, name))
            for one in known.values()
            for match in one.every("spec", "match")
            if bool({"audit", "*"} & set(members.words(match, "processes"))) == from_audits
            for name in members.words(match, "excludedNamespaces")
        }

    return export.once(f"left out {from_audits} {at}", made)


def _exemption(document: Document, namespace: str) -> str:
    return f"{document.text('kind')}/{document.text('metadata', 'name')}/{namespace}"


def conftest(document: Document, export: Export) -> Iterator[Row]:
    """One row per finding in a file, and one for its passes together: Conftest counts those and names none. It does not say
    what in the file it found; of several findings of one rule the second is in ``file#2``, and so on."""
    file, namespace = document.text("filename") or "file", document.text("namespace") or "main"
    passed = document.at("successes")
    if isinstance(passed, int) and passed > 0:
        yield document.row(
            policy=namespace, rule="passed", resource=file, as_of=document.taken_at, engine="conftest", result="pass", result_raw=str(passed), enforcement="deny"
        )  # fmt: skip
    found: Counter[str] = Counter()
    for kind, verdict, enforcement in (
        ("failures", "fail", "deny"),
        ("warnings", "warn", "warn"),
        ("exceptions", "skip", "deny"),
    ):
        for number, finding in enumerate(document.every(kind), 1):
            rule = members.text(finding, "metadata", "query") or f"{kind[:-1]} {number}"
            hatch = export.id(f"{namespace}/{file}/{number}") if kind == "exceptions" else None
            found[rule] += 1
            yield document.row(
                policy=namespace, rule=rule, resource=file if found[rule] == 1 else f"{file}#{found[rule]}", as_of=document.taken_at, engine="conftest", service_id=export.service(None),
                result=verdict, result_raw=kind, enforcement=enforcement, hatch_id=hatch,
            )  # fmt: skip


def policy_results(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per verdict of any of the three."""
    body = batch.bodies[0]
    if not ("decision_id" in body or "successes" in body or _is_constraint(body)):
        return audited(batch, export)
    rows = decisions if "decision_id" in body else conftest if "successes" in body else constraints
    return chain.from_iterable(rows(document, export) for document in batch.documents)


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per exception Conftest allowed and per namespace that Gatekeeper's configuration leaves out."""
    if "successes" in document.body:
        file, namespace = document.text("filename") or "file", document.text("namespace") or "main"
        for number, _ in enumerate(document.every("exceptions"), 1):
            yield document.row(
                hatch_id=export.id(f"{namespace}/{file}/{number}"), kind="exception", policy=namespace, opened_at=document.taken_at, uses=1
            )  # fmt: skip
        return
    excluded = [
        name for match in document.every("spec", "match") for name in members.words(match, "excludedNamespaces")
    ]
    excluded += members.words(document.body, "spec", "match", "excludedNamespaces")
    # As verdicts name it: the kind of the constraint. The configuration is of all of them.
    policy = document.text("kind") if _is_constraint(document.body) else document.text("metadata", "name")
    for name in dict.fromkeys(excluded):
        yield document.row(
            hatch_id=export.id(_exemption(document, name)), kind="exemption",
            policy=policy, opened_at=document.text("metadata", "creationTimestamp"), reason=f"namespace {name} is left out",
        )  # fmt: skip


def _allowed(result: Any, rule: str) -> bool | None:
    """Yes or no, where a result says so: true, "true", ``{allow: …}``, or what is denied; of a rule named deny the opposite.

    Null where it says both: that a thing is allowed and why it is denied.
    """
    if rule in _DENIES:
        return _none_denied(result)
    if isinstance(result, bool | str):
        return members.flag({"x": result}, "x")
    said = next((one for name in ("allow", "allowed") if (one := members.flag(result, name)) is not None), None)
    denied = [one for name in _DENIES if (one := _none_denied(members.at(result, name))) is not None]
    clean = all(denied) if denied else None
    if said is None:
        return clean
    return None if said and clean is False else said


def _none_denied(result: Any) -> bool | None:
    if isinstance(result, list | dict):
        return not result
    said = members.flag({"x": result}, "x")
    return None if said is None else not said


def _called(of: Any, *names: str) -> str:
    return _place(*(members.text(of, one) for one in names))


def _place(namespace: str | None, kind: str | None, name: str | None) -> str:
    if namespace and kind and name:
        return f"{namespace}/{kind.lower()}/{name}"
    return "/".join(filter(None, (namespace, (kind or "").lower(), name))) or "cluster"


def _is_constraint(body: Any) -> bool:
    return str(body.get("apiVersion", "")).startswith("constraints.gatekeeper.sh/")


SYSTEM = System(
    kind="opa",
    title="OPA, Gatekeeper and Conftest",
    shapes=(
        Shape("audit", "a line of Gatekeeper's audit log", lambda b: b.get("event_type") == "violation_audited" or b.get("eventType") == "violation_audited"),
        Shape("decision", "a decision of OPA", lambda b: "decision_id" in b and ("path" in b or "query" in b or "labels" in b)),
        Shape("constraint", "a Gatekeeper constraint", _is_constraint),
        Shape("config", "Gatekeeper's configuration", lambda b: str(b.get("apiVersion", "")).startswith("config.gatekeeper.sh/")),
        Shape("conftest", "a result of Conftest", lambda b: {"filename", "successes"} <= b.keys()),
    ),
    gives=(
        Gives("policy_results", None, ("decision", "constraint", "audit", "conftest"), beside=("config",), at_once=policy_results,
              history="decisions and audit lines as long as the logs; constraints the last audit; Conftest one run", lost=("team_id", "severity"), is_state=True),
        Gives("escape_hatches", escape_hatches, ("conftest", "config", "constraint"), "now only",
              lost=("golden_path_id", "service_id", "team_id", "requestor_id", "approver_id", "expires_at", "closed_at"), is_state=True),
    ),
    recipes=(
        Recipe("decisions.jsonl", "kubectl logs -n $NAMESPACE deployment/opa --since=24h | grep '\"decision_id\"' > decisions.jsonl", "get pods/log",
               "With decision_logs.console: true; or the bodies that OPA uploads to its log service. Logs may be dropped by limits: counts are a lower bound."),
        Recipe("constraints.json", "kubectl get constraints -o json > constraints.json", "get, list on constraints.gatekeeper.sh",
               "The last audit only, at most 20 violations each (--constraint-violations-limit)."),
        Recipe("audit.jsonl", "kubectl logs -n gatekeeper-system deployment/gatekeeper-audit --since=24h | grep violation_audited > audit.jsonl", "get pods/log",
               "Every violation of every audit, as long as the log is kept. Denials at admission are not in it."),
        Recipe("gatekeeper-config.json", "kubectl get configs.config.gatekeeper.sh -A -o json > gatekeeper-config.json", "get configs", "Namespaces left out of every policy."),
        Recipe("conftest.json", "conftest test -o json $FILES > conftest.json", "none", "One run in CI; name the file by the day or use idp collect."),
    ),
    options=(SERVICE_PATTERN, Option("service_label", "text", "Label of OPA that names the service it decides for.", default="service"),
             Option("allowed", "text", "Where in a decision's result the answer is, names joined by dots (body.permitted). Without it allow, deny and violation are looked for.")),
)  # fmt: skip
