"""Terraform and OpenTofu, and HCP Terraform: plans, modules, workspaces, runs, policy checks and evaluations, assessments.

State files have neither module sources nor times, and hold secrets in clear text: of a state nothing but its being there is
read. A run that needed confirming was approved when it was confirmed, by whoever did that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from idp_analytics.sources import members, snapshots
from idp_analytics.sources.batch import Batch, each, either
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.system import ENVIRONMENTS, GOLDEN_PATHS, SERVICE_PATTERN, Gives, Recipe, Row, Shape, System
from idp_analytics.sources.terraform_runs import (
    evaluated,
    last_stamps,
    latest,
    newest,
    person,
    person_of,
    related,
    run_of,
    service_of_run,
    stamp,
    workspace,
    workspace_called,
)

_ENDED = {
    "applied": "success",
    "errored": "failure",
    "discarded": "cancel",
    "canceled": "cancel",
    "force_canceled": "cancel",
}
_STAMPS, _WORKSPACE = ("attributes", "status-timestamps"), ("relationships", "workspace", "data", "id")
_ENDS = ("applied-at", "errored-at", "discarded-at", "canceled-at", "force-canceled-at")
_NO_CHANGE = ("planned_and_finished",)
_VERDICTS = {
    "passed": "pass",
    "failed": "fail",
    "errored": "error",
    "soft_failed": "fail",
    "hard_failed": "fail",
    "overridden": "fail",
    "unreachable": "error",
}
_ENFORCEMENT = {"advisory": "warn", "soft-mandatory": "deny", "hard-mandatory": "deny", "mandatory": "deny"}
_SOURCES = {
    "tfe-ui": "ui",
    "tfe-api": "api",
    "tfe-configuration-version": "gitops",
    "tfe-module": "ui",
    "tfe-run-trigger": "automation",
    "terraform": "cli",
    "terraform+cloud": "cli",
}


# --- runs -------------------------------------------------------------------------------------------------------------


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per run that was to change something: neither a plan only nor one that found nothing to do."""
    reasons = Counter(filter(None, batch.once("no deployment", lambda: _no_deployments(batch))))
    yield from (batch.documents[0].left_out(reason, times) for reason, times in reasons.items())
    runs = _changing(batch)
    workspaces = each(lambda native: workspace_called(native, export), runs.texts(*_WORKSPACE))
    automatic, confirmed = runs.at("attributes", "auto-apply"), runs.texts(*_STAMPS, "confirmed-at")
    yield from runs.rows(
        newest=_newest_of(runs), deployment_id=export.ids(runs.texts("id")), service_id=each(export.service, workspaces),
        environment=each(export.environment, workspaces), environment_raw=workspaces, kind="infrastructure",
        queued_at=runs.texts("attributes", "created-at"), initiated_by=_people(runs, export), **_ended(runs),
        automated=[None if flag is None else bool(flag) and at is None for flag, at in zip(automatic, confirmed, strict=True)],
    )  # fmt: skip


def action_runs(batch: Batch, export: Export) -> Iterator[Row]:
    """The same runs as asked for: from being queued to being applied."""
    runs = _changing(batch)
    workspaces = each(lambda native: workspace_called(native, export), runs.texts(*_WORKSPACE))
    yield from runs.rows(
        newest=_newest_of(runs), run_id=export.ids(runs.texts("id")),
        operation_id=["destroy infrastructure" if flag is True else "change infrastructure" for flag in runs.at("attributes", "is-destroy")],
        service_id=each(export.service, workspaces), requestor_id=_people(runs, export), requested_at=runs.texts("attributes", "created-at"),
        usable_at=runs.texts(*_STAMPS, "applied-at"), **_ended(runs),
        channel=each(lambda source: _SOURCES.get(source or "", source), runs.texts("attributes", "source")),
    )  # fmt: skip


def _changing(batch: Batch) -> Batch:
    """The runs that were to change something."""
    reasons = batch.once("no deployment", lambda: _no_deployments(batch))
    if not any(reasons):
        return batch
    return batch.once("changing", lambda: [batch.where(reason is None for reason in reasons)])[0].of(batch.table)


def _ended(runs: Batch) -> dict[str, list[str | None]]:
    """When each run began and ended, and how."""

    def made() -> list[dict[str, list[str | None]]]:
        statuses = runs.texts("attributes", "status")
        outcomes = [_ENDED.get(status or "") for status in statuses]
        ended = either(*(runs.texts(*_STAMPS, name) for name in _ENDS), runs.texts("attributes", "canceled-at"))
        return [{
            "started_at": either(runs.texts(*_STAMPS, "applying-at"), runs.texts(*_STAMPS, "planning-at")),
            "finished_at": [at if outcome else None for at, outcome in zip(ended, outcomes, strict=True)],
            "outcome": outcomes, "outcome_raw": statuses,
        }]  # fmt: skip

    return runs.once("ended", made)[0]


def _newest_of(runs: Batch) -> list[str | None]:
    return runs.once("newest", lambda: last_stamps(runs.at(*_STAMPS)))


def _people(runs: Batch, export: Export) -> list[str | None]:
    return each(lambda native: person_of(native, export), runs.texts("relationships", "created-by", "data", "id"))


def approvals(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per run that waits for somebody to confirm it, asked when the plan was ready (priced, checked) and decided when it
    was confirmed or discarded; and one per policy check that failed and somebody let pass."""
    if batch.texts("type")[0] == "policy-checks":
        told, documents = _overrides, batch.documents
    else:
        runs = _changing(batch)
        told, documents = (
            _confirmed,
            runs.where(flag is not True for flag in runs.at("attributes", "auto-apply")).documents,
        )
    yield from chain.from_iterable(told(document, export) for document in documents)


def _confirmed(document: Document, export: Export) -> Iterator[Row]:
    ready = [
        stamp(document, name)
        for name in (
            "planned-at",
            "planned-and-saved-at",
            "cost-estimated-at",
            "policy-checked-at",
            "post-plan-completed-at",
        )
    ]
    asked = latest(ready)
    if asked is None:
        return
    confirmed, discarded = stamp(document, "confirmed-at"), stamp(document, "discarded-at")
    status = document.text("attributes", "status")
    if status == "applied" and confirmed is None and document.at("attributes", "auto-apply") is not False:
        return
    # A run that ended without anybody's word asks for none any more.
    stands = (
        "approved"
        if confirmed or status == "applied"
        else "rejected"
        if discarded
        else "cancelled"
        if status in _ENDED
        else "pending"
    )
    decided = confirmed or discarded
    yield document.row(
        newest=newest(document), approval_id=export.id(document.text("id")), operation_id="change infrastructure", subject_kind="deployment",
        subject_id=export.id(document.text("id")), service_id=export.service(workspace(document, export)),
        requestor_id=person(document, export, "created-by"), responder_id=person(document, export, "confirmed-by") if confirmed else None,
        requested_at=asked, decided_at=decided, decision=stands if decided else None, status=stands, status_raw=status, automated=False,
        time_basis="exact" if decided else "none",
    )  # fmt: skip


def _overrides(document: Document, export: Export) -> Iterator[Row]:
    """A policy check that failed and may be let pass: approved when it was, refused or void as its run ended, else waiting."""
    status, failed, overridden = document.text("attributes", "status"), stamp(document, "soft-failed-at"), stamp(document, "overridden-at")  # fmt: skip
    if status not in ("overridden", "soft_failed"):
        return
    run = run_of(document, export)
    refused = stamp(run, "discarded-at") if run and not overridden else None
    ended = run is not None and run.text("attributes", "status") in _ENDED
    stands = "approved" if status == "overridden" else "rejected" if refused else "cancelled" if ended else "pending"
    decided = overridden or refused
    yield document.row(
        newest=newest(document), approval_id=export.id(document.text("id")), operation_id="override policy", subject_kind="policy",
        subject_id=export.id(related(document, "run")), service_id=service_of_run(document, export),
        requestor_id=person(run, export, "created-by") if run else None, requested_at=failed, decided_at=decided,
        decision=stands if stands in ("approved", "rejected") else None, status=stands, status_raw=status, automated=False,
        time_basis="exact" if decided else "none",
    )  # fmt: skip


# --- policies ---------------------------------------------------------------------------------------------------------


def policy_results(document: Document, export: Export) -> Iterator[Row]:
    """One row per policy of an outcome, one per policy check, whose policies are not named, and one per workspace or assessment
    that says whether what runs is still what was applied."""
    kind, native = document.text("type"), document.text("id")
    if kind == "policy-set-outcomes":
        evaluation, run = evaluated(document, export)
        overridden = evaluation is not None and evaluation.text("attributes", "status") == "overridden"
        engine = evaluation.text("attributes", "policy-kind") if evaluation else None
        service = export.service(workspace(run, export)) if run else None
        when = newest(evaluation) if evaluation else None
        for one in document.every("attributes", "outcomes"):
            verdict = members.text(one, "status")
            level = members.text(one, "enforcement_level") or members.text(one, "enforcement-level")
            yield document.row(
                policy=document.text("attributes", "policy-set-name") or "policy set", rule=members.text(one, "policy_name") or members.text(one, "policy-name"),
                resource=document.text("relationships", "policy-evaluation", "data", "id") or native, as_of=when or document.taken_at,
                engine=engine or ("opa" if members.text(one, "query") else None), service_id=service,
                hatch_id=export.id(evaluation.text("id")) if evaluation and overridden and verdict == "failed" and level != "advisory" else None,
                result=_VERDICTS.get(verdict or "", verdict), result_raw=verdict, enforcement=_ENFORCEMENT.get(level or "", level),
            )  # fmt: skip
        return
    if kind == "policy-checks":
        status, counts = document.text("attributes", "status"), document.at("attributes", "result")
        hard, soft = (members.text(counts, name) or "0" for name in ("hard-failed", "soft-failed"))
        when = newest(document)
        advisory = members.text(counts, "advisory-failed") or "0"
        yield document.row(
            policy="sentinel", rule="all policies", resource=document.text("relationships", "run", "data", "id") or native, as_of=when, engine="sentinel",
            service_id=service_of_run(document, export), result=_VERDICTS.get(status or "", None if status in ("pending", "queued", "canceled") else status), result_raw=status,
            enforcement="deny" if hard != "0" or soft != "0" else "warn" if advisory != "0" else None,
            hatch_id=export.id(native) if status == "overridden" else None,
        )  # fmt: skip
        return
    body = _explored(document)
    drifted = members.flag(body, "drifted")
    drifted = members.flag(document.at("data", "attributes"), "drifted") if drifted is None else drifted
    if drifted is not None:
        name = members.text(body, "workspace-name")
        yield document.row(
            policy="drift", rule="what runs is what was applied", resource=name or native, as_of=document.text("data", "attributes", "created-at") or document.text("attributes", "created-at") or document.taken_at,
            engine="terraform", service_id=export.service(name), result="fail" if drifted else "pass", result_raw=str(drifted).lower(), enforcement="audit",
        )  # fmt: skip


def escape_hatches(document: Document, export: Export) -> Iterator[Row]:
    """One row per policy check or evaluation that somebody overrode: it failed, and went on. An evaluation does not say when."""
    if document.text("attributes", "status") == "overridden":
        yield document.row(
            hatch_id=export.id(document.text("id")), kind="override", policy=document.text("attributes", "policy-kind") or "sentinel",
            service_id=service_of_run(document, export), opened_at=stamp(document, "soft-failed-at") or stamp(document, "failed-at"),
            closed_at=stamp(document, "overridden-at"), uses=1,
        )  # fmt: skip


# --- golden paths -----------------------------------------------------------------------------------------------------


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per module of a registry or repository that a workspace or plan calls. Modules of one's own folders are none.

    ``version`` is what the call asks for, which may be a range (``~> 1.0``); whether it is behind cannot be told from that.
    """
    for source, version, service in _modules(document, export):
        if source.startswith((".", "/")):
            continue
        # An address may hold a token, which is nobody's golden path.
        path = export.golden_path(members.address(source))
        tag = next(iter(parse_qs(source.partition("?")[2]).get("ref", ())), None)
        if path and service:
            yield document.row(
                service_id=service, golden_path_id=path, as_of=_day(document), evidence="uses", version=tag or version, drift="unknown"
            )  # fmt: skip


def _modules(document: Document, export: Export) -> Iterator[tuple[str, str | None, str | None]]:
    """(source, version, service) of every module a document tells of."""
    if (calls := document.at("configuration", "root_module", "module_calls")) is not None:
        service = export.service(_stem(document))
        yield from ((source, version, service) for source, version in _calls(calls))
    elif document.at("Modules") is not None:
        service = export.service(_stem(document))
        for module in document.every("Modules"):
            if members.text(module, "Key"):
                yield (members.text(module, "Source") or "", members.text(module, "Version"), service)
    else:
        body = _explored(document)
        name, version = members.text(body, "name"), members.text(body, "version")
        if members.text(body, "workspaces") and name:
            for workspace in (members.text(body, "workspaces") or "").split(","):
                yield name, version, export.service(workspace.strip())
            return
        for written in (members.text(body, "modules") or "").split(","):
            source, _, tag = written.strip().partition(":")
            if source:
                yield source, tag or None, export.service(members.text(body, "workspace-name"))


def _calls(calls: Any) -> Iterator[tuple[str, str | None]]:
    for call in calls.values() if isinstance(calls, Mapping) else ():
        if source := members.text(call, "source"):
            yield source, members.text(call, "version_constraint")
        yield from _calls(members.at(call, "module", "module_calls"))


def services(document: Document, export: Export) -> Iterator[Row]:
    """One row per workspace of the Explorer."""
    body = _explored(document)
    name = export.service(members.text(body, "workspace-name"))
    if name:
        yield document.row(
            service_id=name, name=name, system=members.text(body, "project-name"), kind="infrastructure", repo=members.text(body, "vcs-repo-identifier"),
            created_at=members.text(body, "workspace-created-at"),
        )  # fmt: skip


# --- documents --------------------------------------------------------------------------------------------------------


def _explored(document: Document) -> dict[str, Any]:
    """A row of the Explorer: attributes of its JSON, or columns of its CSV, under the same names."""
    of = document.at("attributes") if isinstance(document.at("attributes"), dict) else document.body
    return {str(name).replace("_", "-"): value for name, value in of.items()}


def _stem(document: Document) -> str:
    """A plan does not name its workspace; its file does."""
    return snapshots.original(document.file.shown).split(".")[0]


def _day(document: Document) -> str | None:
    planned = document.text("timestamp")
    return planned[:10] if planned else document.day


def _no_deployments(runs: Batch) -> list[str | None]:
    """Why each run was to change nothing; null: it was to change something."""
    told = zip(
        *(runs.at("attributes", name) for name in ("plan-only", "has-changes")),
        runs.texts("attributes", "status"),
        strict=True,
    )
    return [
        "is a plan only" if is_plan is True
        else "found nothing to change" if status in _NO_CHANGE or (changes is False and status in _ENDED and status != "errored")
        else None
        for is_plan, changes, status in told
    ]  # fmt: skip


def opened(path: Path, shown: str) -> Documents:
    """JSON:API documents out of their envelope, what they include too; any other file as usual."""
    if not holds_documents(path, shown):
        return table_documents(path, shown)
    found = read_documents(path, shown, str)
    whole: list[tuple[int, dict[str, Any]]] = []
    for number, body in found.found:
        inner = body.get("data")
        whole.append((number, inner if isinstance(inner, dict) and "type" in inner else body))
        if "included" in body:
            whole += [(number, one) for one in members.every(body, "included")]
    included = members.every(found.beside or {}, "included")
    whole += [(len(whole) + number, one) for number, one in enumerate(included, 1)]
    # What is included is not counted in what a page says there is in total.
    return replace(found, found=whole, total=found.total and found.total + len(whole) - len(found.found))


def _typed(*kinds: str) -> Any:
    return lambda body: body.get("type") in kinds and isinstance(body.get("attributes"), dict)


_API = 'curl -fsS -H "Authorization: Bearer $TOKEN"'
_TERRAFORM = "none but to plan"

SYSTEM = System(
    kind="terraform",
    title="Terraform",
    opens=opened,
    shapes=(
        Shape("run", "a run of HCP Terraform", _typed("runs")),
        Shape("check", "a policy check", _typed("policy-checks")),
        Shape("outcome", "a policy set's outcome", _typed("policy-set-outcomes")),
        Shape("evaluation", "a policy evaluation or task stage", _typed("policy-evaluations", "task-stages", "task-results", "state-versions")),
        Shape("workspace", "a workspace", _typed("workspaces")),
        Shape("user", "a user", _typed("users")),
        Shape("explored", "a row of the Explorer", lambda b: b.get("type") in ("visibility-workspace", "visibility-module-version", "visibility-module")
              or {"workspace_name", "drifted"} <= b.keys() or {"name", "version", "workspaces", "registry_type"} <= b.keys()),
        Shape("assessment", "a health assessment", lambda b: b.get("type") == "assessment-results"),
        Shape("plan", "a plan or state as JSON", lambda b: "terraform_version" in b and "format_version" in b),
        Shape("modules", "the modules of a folder", lambda b: isinstance(b.get("Modules"), list)),
        Shape("state", "a state file", lambda b: {"lineage", "serial", "version"} <= b.keys()),
    ),
    gives=(
        Gives("deployments", None, ("run",), "all runs", at_once=deployments, beside=("workspace", "explored", "user"), lost=("version", "sha", "is_rollback", "is_resync", "golden_path_id")),
        Gives("action_runs", None, ("run",), "all runs", at_once=action_runs, beside=("workspace", "explored", "user"), lost=("golden_path_id", "version", "team_id", "previous_run_id")),
        Gives("approvals", None, ("run", "check"), "all runs", at_once=approvals, beside=("workspace", "explored", "user"), lost=("team_id", "responders")),
        Gives("policy_results", policy_results, ("check", "outcome", "explored", "assessment"), "all runs; drift now only", beside=("run", "workspace", "evaluation"), lost=("team_id", "severity", "truncated"), is_state=True),
        Gives("escape_hatches", escape_hatches, ("check", "evaluation"), "all runs", beside=("run", "workspace"),
              lost=("golden_path_id", "team_id", "requestor_id", "approver_id", "expires_at", "reason")),
        Gives("service_golden_path", service_golden_path, ("plan", "modules", "explored"), "now only", lost=("joined_at", "left_at"), is_state=True),
        Gives("services", services, ("explored",), "now only", lost=("lifecycle", "tier", "retired_at"), is_state=True),
    ),
    recipes=(
        Recipe("runs.json", f'{_API} "$HCP/api/v2/workspaces/$WORKSPACE/runs?page[size]=100&include=created_by,confirmed_by,workspace" > runs.json', "read runs",
               "Once per workspace; a page that is not the last is marked as incomplete."),
        Recipe("workspaces.json", f'{_API} "$HCP/api/v2/organizations/$ORG/workspaces?page[size]=100" > workspaces.json', "read workspaces", "Names of the workspaces that runs give by id."),
        Recipe("policy-checks.json", f'{_API} "$HCP/api/v2/runs/$RUN/policy-checks" > policy-checks.json', "read runs", "Sentinel; policies run by agents: policy-evaluations and policy-set-outcomes."),
        Recipe("task-stages.json", f'{_API} "$HCP/api/v2/runs/$RUN/task-stages" > task-stages.json', "read runs", "Which run an evaluation belongs to."),
        Recipe("policy-evaluations.json", f'{_API} "$HCP/api/v2/task-stages/$STAGE/policy-evaluations" > policy-evaluations.json', "read runs", "When policies were judged, by which engine, and whether somebody overrode them."),
        Recipe("policy-set-outcomes.json", f'{_API} "$HCP/api/v2/policy-evaluations/$EVALUATION/policy-set-outcomes?page[size]=100" > policy-set-outcomes.json', "read runs", "Without the evaluation neither time nor service is known."),
        Recipe("assessment.json", f'{_API} "$HCP/api/v2/workspaces/$WORKSPACE/current-assessment-result" > assessment.json', "read workspaces", "Drift now only; the Explorer names the workspace, an assessment does not."),
        Recipe("explorer.json", f'{_API} "$HCP/api/v2/organizations/$ORG/explorer?type=workspaces&page[size]=100" > explorer.json', "read the organisation", "As explorer.csv, in pages."),
        Recipe("explorer.csv", f'{_API} "$HCP/api/v2/organizations/$ORG/explorer/export/csv?type=workspaces" > explorer.csv', "read the organisation", "Which workspace calls which modules; also type=modules."),
        Recipe("$WORKSPACE.plan.json", "terraform plan -out=plan.bin && terraform show -json plan.bin > $WORKSPACE.plan.json", _TERRAFORM, "Name the file by the workspace: a plan does not. Nothing but module calls is read of it."),
        Recipe("$WORKSPACE.modules.json", "terraform init && cp .terraform/modules/modules.json $WORKSPACE.modules.json", _TERRAFORM, "Which versions of modules were really installed."),
    ),
    options=(ENVIRONMENTS, SERVICE_PATTERN, GOLDEN_PATHS),
)  # fmt: skip
