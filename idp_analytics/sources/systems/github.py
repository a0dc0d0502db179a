"""GitHub: deployments and their statuses, pull requests and reviews, workflow runs, environments, issues, teams.

``inactive`` says that a later deployment came, not how this one ended: the first status that tells an end counts. The history of
approvals has no times: the status ``waiting`` and what follows it has. A workflow run is no deployment unless the settings say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter, not_

from idp_analytics.sources import github_documents as docs
from idp_analytics.sources import members, over_time
from idp_analytics.sources.batch import Batch, each, either, pieces
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.github_documents import ENDED, RUNNING, Status
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
from idp_analytics.tables.pseudonyms import apart

_WAS_ACTIVE = ("active", "inactive")
_CONCLUSIONS = {
    "success": "success", "failure": "failure", "timed_out": "failure", "startup_failure": "error",
    "cancelled": "cancel", "skipped": "cancel", "stale": "cancel",
}  # fmt: skip
_ISSUES = {"open": "open", "closed": "done"}
_NUMBERS = ("id", "databaseId")
_ENDS = ("started_at", "finished_at", "outcome", "outcome_raw")
_DECIDED = ("approved", "rejected")
_LEFT_OUT = "is of an environment that is left out, by the settings"
_EXPIRES = timedelta(days=30)
"""GitHub fails a deployment that nobody has approved for so long."""

_REVERT = re.compile(r"revert-\d+-.*", re.DOTALL)


# --- deployments ------------------------------------------------------------------------------------------------------


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per deployment, from its statuses; one per group of statuses whose deployment is not in the export; one per run of
    a workflow that the settings say deploys."""
    ran = ["workflow_id" in body or "workflow_run" in body for body in batch.bodies]
    for document in batch.those(ran):
        yield from _run(docs.as_run(document), export)
    batch = batch.where(map(not_, ran))
    if len(batch) and docs.is_status(batch.bodies[0]):
        keys = docs.deployments_of(batch)
        alone = set(keys).difference(
            *(one.texts(name) for one in chain.from_iterable(pieces(export, "deployment")) for name in _NUMBERS)
        )
        for document, key in zip(
            batch.those(map(alone.__contains__, keys)), filter(alone.__contains__, keys), strict=True
        ):
            if docs.statuses(export)[key][0][2] is document.body:
                yield from _of_statuses(document, export)
    elif len(batch):
        yield from _deployed(batch, export)


def _deployed(batch: Batch, export: Export) -> Iterator[Row]:
    raws = either(batch.texts("original_environment"), batch.texts("environment"))
    is_out = each(lambda raw: docs.is_left_out(raw, export), raws)
    is_short = [not out and one is True for out, one in zip(is_out, batch.at("transient_environment"), strict=True)]
    yield from (document.left_out(_LEFT_OUT) for document in batch.those(is_out))
    for document in batch.those(is_short):
        yield document.left_out("is of an environment that is made for a time (transient_environment)")
    batch = batch.where(not (out or short) for out, short in zip(is_out, is_short, strict=True))
    if not len(batch):
        return
    if not export.of["status"] and any("statuses_url" in body for body in batch.bodies):
        yield batch.documents[0].warning("there are no statuses of these deployments: how they ended is not known")
    raws = either(batch.texts("original_environment"), batch.texts("environment"))
    natives, created = (
        either(batch.texts("databaseId"), batch.texts("id")),
        either(batch.texts("created_at"), batch.texts("createdAt")),
    )
    known = docs.statuses(export)
    told = [
        sorted([*known.get(native or "", ()), *docs.inside(body)], key=itemgetter(0)) if nodes else known.get(native or "", ())
        for body, native, nodes in zip(batch.bodies, natives, batch.at("statuses", "nodes"), strict=True)
    ]  # fmt: skip
    ended = list(zip(*map(_ended, told, batch.texts("state")), strict=True))
    is_production = ["production" if one is True else None for one in batch.at("production_environment")]
    yield from batch.rows(
        newest=either(batch.texts("updated_at"), batch.texts("updatedAt"), created), deployment_id=export.ids(natives),
        service_id=each(export.service, docs.repositories_of(batch)), environment=either(each(export.environment, raws), is_production), environment_raw=raws,
        version=each(docs.tag, either(batch.texts("ref"), batch.texts("ref", "name"))), sha=either(batch.texts("sha"), batch.texts("commitOid")),
        queued_at=created, initiated_by=docs.persons(batch, export, "creator"), automated=docs.are_bots(batch, "creator"),
        golden_path_id=docs.paths_of(told, export), **dict(zip(_ENDS, map(list, ended), strict=True)),
    )  # fmt: skip


def _of_statuses(document: Document, export: Export) -> Iterator[Row]:
    """The deployment of statuses that stand alone, told with the first of them."""
    key = docs.deployment_of(document)
    group = docs.statuses(export)[key]
    raw = document.text("environment")
    if docs.is_left_out(raw, export):
        yield document.left_out(_LEFT_OUT)
        return
    yield document.row(
        deployment_id=export.id(key), service_id=export.service(docs.repository(document)), environment=export.environment(raw), environment_raw=raw,
        queued_at=group[0][0], golden_path_id=docs.path_of(group, export),
        **dict(zip(_ENDS, _ended(group, None), strict=True)),
    )  # fmt: skip


def _ended(told: Sequence[Status], state: str | None) -> tuple[str | None, ...]:
    """When a deployment began and how it ended (:data:`_ENDS`). One that was active and is no more had succeeded, nobody knows when."""
    begun = end = None
    for at, word, _ in told:
        if begun is None and word == "in_progress":
            begun = at
        elif end is None and word in ENDED:
            end = at, word
    if end:
        return begun, end[0], ENDED[end[1]], end[1]
    now = (state or "").lower() or None
    last = told[-1][1] if told else now
    raw = now if now in _WAS_ACTIVE else last
    known = raw in RUNNING or raw is None
    outcome = "success" if raw in _WAS_ACTIVE else None if known else raw
    return begun, None, outcome, raw


def _run(document: Document, export: Export) -> Iterator[Row]:
    name, pattern = document.text("name"), export.options["deploying"]
    if not pattern or not export.matches(pattern, name or ""):
        yield document.left_out("is a run of a workflow that is not said to deploy")
        return
    conclusion, event, actor = (
        document.text("conclusion"),
        document.text("event"),
        document.at("triggering_actor") or document.at("actor"),
    )
    done, is_first = document.text("status") == "completed", (document.text("run_attempt") or "1") == "1"
    if not is_first:
        yield document.warning(
            "some runs were tried again: only attempts that are in the export are told, usually the last"
        )
    began = document.text("run_started_at")
    automated = True if event == "schedule" or docs.is_bot(actor) else False if event == "workflow_dispatch" else None
    yield document.row(
        newest=document.text("updated_at"), deployment_id=export.id(docs.run_id(document.body)), service_id=export.service(docs.repository(document)),
        environment=export.environment(name), environment_raw=name, sha=document.text("head_sha"),
        queued_at=(document.text("created_at") if is_first else None) or began, started_at=began,
        finished_at=document.text("updated_at") if done else None,
        outcome=_CONCLUSIONS.get(conclusion or "", conclusion) if done else None, outcome_raw=conclusion or document.text("status"),
        initiated_by=docs.person(actor, export), automated=automated, golden_path_id=next((path for path, _ in docs.called(document, export)), None),
    )  # fmt: skip


# --- approvals --------------------------------------------------------------------------------------------------------


def approvals(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per deployment that waited, from ``waiting`` to the status after it; per decision of a run's history, which has no
    time; per review of a deployment as webhooks tell it. What tells of one run and environment is put together."""
    if docs.is_status(batch.bodies[0]):
        for document in batch.those([state == "waiting" for state in batch.texts("state")]):
            yield from _waited(document, export)
        return
    for document in batch.documents:
        yield from (_decided if "environments" in document.body else _reviewed)(document, export)


def _decided(document: Document, export: Export) -> Iterator[Row]:
    decision, who, run = document.text("state"), document.at("user"), docs.run_of_decision(document)
    decided = decision in _DECIDED
    for environment in document.every("environments"):
        name = members.text(environment, "name")
        if docs.is_left_out(name, export):
            yield document.left_out(_LEFT_OUT)
            continue
        key = f"{run}/{name}"
        several = len(docs.decisions(export).get(key, ())) > 1
        yield document.row(
            newest="1" if decided else "0", approval_id=export.id(f"{key}/{apart(members.text(who, 'login'), key) or decision}" if several else key),
            operation_id=docs.operation(export, name), subject_kind="deployment", subject_id=export.id(f"run/{run}") if run.isdigit() else None,
            service_id=export.service(docs.of_addresses(environment)), responder_id=docs.person(who, export) if decided else None,
            decision=decision if decided else None, status=decision, status_raw=decision, automated=docs.is_bot(who) if decided else None, time_basis="none",
        )  # fmt: skip


def _reviewed(document: Document, export: Export) -> Iterator[Row]:
    action, run = document.text("action"), document.at("workflow_run")
    decided = action in _DECIDED
    who = document.at("approver") or document.at("sender")
    jobs = [*document.every("workflow_job_runs"), document.at("workflow_job_run")]
    names = (
        [document.text("environment")]
        if document.text("environment")
        else [members.text(job, "environment") for job in jobs]
    )
    for name in dict.fromkeys(filter(None, names)):
        if docs.is_left_out(name, export):
            yield document.left_out(_LEFT_OUT)
            continue
        attempt = members.text(run, "run_attempt") or "1"
        key = f"{members.text(run, 'id')}/{name}" + ("" if attempt == "1" else f"/{attempt}")
        yield document.row(
            newest="2" if decided else "0", approval_id=export.id(key), operation_id=docs.operation(export, name), subject_kind="deployment",
            subject_id=export.id(docs.run_id(run)), service_id=export.service(document.text("repository", "full_name")),
            requestor_id=docs.person(document.at("requestor"), export), responder_id=docs.person(who, export) if decided else None,
            requested_at=document.text("since") if action == "requested" else None, decided_at=members.text(run, "updated_at") if decided else None,
            decision=action if decided else None, status="pending" if action == "requested" else action, status_raw=action,
            automated=docs.is_bot(who) if decided else None, time_basis="bound" if decided else "none",
        )  # fmt: skip


def _waited(document: Document, export: Export) -> Iterator[Row]:
    key = docs.deployment_of(document)
    group = docs.statuses(export)[key]
    first = next((place for place, one in enumerate(group) if one[1] == "waiting"), None)
    if first is None or group[first][2] is not document.body:
        return
    name, repo = document.text("environment"), docs.repository(document)
    if docs.is_left_out(name, export):
        yield document.left_out(_LEFT_OUT)
        return
    rules = docs.rules(export).get(f"{repo}/{name}", frozenset())
    if "wait_timer" in rules and "required_reviewers" not in rules:
        yield document.left_out("waited for a timer and for nobody's approval")
        return
    asked = document.text("created_at")
    after = next((one for one in group[first:] if one[1] != "waiting"), None)
    status = "pending" if after is None else _answer(asked, after)
    decision = status if status in _DECIDED else None
    deployment, run = docs.deployment(key, export), docs.run_of(group)
    alone = run and len(docs.waiting(export)[f"{run}/{name}"]) == 1
    own = export.id(f"{run}/{name}" if alone else f"{key}/waiting")
    if deployment:
        # Who a webhook says has asked counts more than whose deployment it is.
        yield document.row(newest="", approval_id=own, requestor_id=docs.person(deployment.at("creator"), export))
    yield document.row(
        newest="0" if after is None else "3", approval_id=own, operation_id=docs.operation(export, name),
        subject_kind="deployment", subject_id=export.id(key), service_id=export.service(repo),
        requested_at=asked,
        decided_at=after[0] if after and decision else None, decision=decision, status=status, status_raw=after[1] if after else "waiting",
        time_basis="exact" if decision else "none",
    )  # fmt: skip


def _answer(asked: str | None, after: Status) -> str:
    """What the status after ``waiting`` says: who is refused fails; who is not answered fails after thirty days."""
    if after[1] == "inactive":
        return "cancelled"
    if after[1] not in ("failure", "error"):
        return "approved"
    waited = datetime.fromisoformat(after[0]) - datetime.fromisoformat(asked or after[0])
    return "expired" if waited >= _EXPIRES else "rejected"


def operations(document: Document, export: Export) -> Iterator[Row]:
    """One row per name of an environment: deploying to it. Reviewers are a human gate; a timer or a policy on branches is an
    automatic one; null: repositories differ."""
    for body in document.every("environments") or [document.body]:
        name = members.text(body, "name")
        kinds = {members.text(rule, "type") for rule in members.every(body, "protection_rules")}
        gate = "human" if "required_reviewers" in kinds else "automatic" if kinds else "none"
        operation = docs.operation(export, name)
        if docs.is_left_out(name, export):
            yield document.left_out(_LEFT_OUT)
        elif operation is None:
            yield document.left_out("is an environment that is no operation, by the settings")
        else:
            yield document.row(
                operation_id=operation, title=f"deploy to {name}", gate=gate, _place=f"{docs.of_addresses(body)}/{name}"
            )
    listed = sum(len(one.every("environments")) for one in export.of["environment"] if one.file is document.file)
    if int(document.text("total_count") or 0) > listed > 0:
        yield document.truncated(f"total_count: {document.text('total_count')}, of which the file has {listed}")


def _of_one_mind(rows: list[Row]) -> list[Row]:
    """One row per operation: of each environment the newest; where repositories protect theirs otherwise, the gate is null."""
    kept = [row for row in rows if not is_row(row)]
    newest = {row["_place"]: row for row in rows if is_row(row)}
    told: dict[str, list[Row]] = {}
    for row in newest.values():
        told.setdefault(row["operation_id"], []).append(row)
    for name, several in told.items():
        gates = {row["gate"] for row in several}
        if len(gates) > 1:
            kept.append(
                several[-1]["_document"].warning(
                    f"repositories protect {name!r} in different ways: its gate is not told"
                )
            )
        kept.append({**several[-1], "gate": gates.pop() if len(gates) == 1 else None})
    return kept


# --- changes ----------------------------------------------------------------------------------------------------------


def changes(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per pull request, as the API or ``gh pr list --json`` gives it; reviews are those of people other than its author."""
    repo, title = docs.repositories_of(batch), batch.texts("title")
    branch = either(batch.texts("head", "ref"), batch.texts("headRefName"))
    authors = Batch(None, batch.documents, either(batch.at("user"), batch.at("author")))
    merged = either(batch.texts("merged_at"), batch.texts("mergedAt"))
    became = either(batch.texts("merge_commit_sha"), batch.texts("mergeCommit", "oid"))
    reviews = docs.reviews(batch, export, authors.texts("login"))
    commits, of_commit = batch.every("commits")
    named, of_label = batch.every("labels")
    labels: list[list[str]] = [[] for _ in branch]
    for place, label in [*zip(of_label, named.texts("name"), strict=True), *enumerate(branch)]:
        if label:
            labels[place].append(label)
    yield from batch.rows(
        newest=either(batch.texts("updated_at"), batch.texts("updatedAt")), change_id=export.ids(f"{of}#{number}" for of, number in zip(repo, batch.texts("number"), strict=True)),
        service_id=each(export.service, repo), repo=repo, author_id=docs.persons(authors, export), kind="pull_request",
        sha=[sha if at else None for sha, at in zip(became, merged, strict=True)],
        first_commit_at=docs.earliest(len(batch), of_commit, commits.texts("authoredDate")), opened_at=either(batch.texts("created_at"), batch.texts("createdAt")),
        first_review_at=docs.earliest(len(batch), *reviews[:2]), merged_at=merged, closed_at=either(batch.texts("closed_at"), batch.texts("closedAt")),
        approved_at=docs.earliest(len(batch), reviews[0], [at if state == "APPROVED" else None for _, at, state in zip(*reviews, strict=True)]),
        lines=[str(int(more or 0) + int(less or 0)) if more or less else None for more, less in zip(batch.texts("additions"), batch.texts("deletions"), strict=True)],
        title=title, labels=[one or None for one in labels], is_revert=list(map(_is_revert, branch, title)),
    )  # fmt: skip


def _is_revert(branch: str | None, title: str | None) -> bool | None:
    """GitHub's own button for it names the branch and the title so."""
    if branch is None and title is None:
        return None
    return (title or "")[:8] == 'Revert "' or (
        (branch or "")[:7] == "revert-" and _REVERT.fullmatch(branch or "") is not None
    )


def people(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per bot that wrote, reviewed, ran or deployed something."""
    bots = docs.bots(export)
    first = set(map(id, bots.values()))
    for document in batch.those(map(first.__contains__, map(id, batch.bodies))):
        for name in docs.PEOPLE:
            login = document.text(name, "login")
            if login and bots.get(login) is document.body:
                yield document.row(person_id=export.person(login), is_bot=True)


# --- golden paths -----------------------------------------------------------------------------------------------------


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per repository and reusable workflow that a run of it called, on the run's day."""
    run = docs.as_run(document)
    at, repo = run.text("created_at"), docs.repository(run)
    for path, called in docs.called(run, export):
        if repo and at:
            yield document.row(
                newest=at, service_id=export.service(repo), golden_path_id=path, as_of=at[:10], evidence="uses",
                version=docs.version_of(called), drift="unknown",
            )  # fmt: skip


def golden_paths(document: Document, export: Export) -> Iterator[Row]:
    """One row per reusable workflow that a run called, under its first name; a path of the settings under its id."""
    for path, called in docs.called(docs.as_run(document), export):
        name = (members.text(called, "path") or "").partition("@")[0]
        if export.once(f"path {path}", lambda document=document: document) is document:  # type: ignore[misc]
            yield document.row(
                golden_path_id=path,
                title=path if export.options["golden_paths"] else name.rsplit("/", 1)[-1],
                kind="workflow",
            )


# --- issues and teams -------------------------------------------------------------------------------------------------


def tickets(document: Document, export: Export) -> Iterator[Row]:
    """One row per issue; the list of issues has pull requests too, which are none."""
    if "pull_request" in document.body:
        yield document.left_out("is a pull request")
        return
    labels = [members.text(label, "name") for label in document.every("labels")] or members.words(
        document.body, "labels"
    )
    pattern = export.options["category_label"]
    fitting = [found[1] for label in labels if pattern and label and (found := re.fullmatch(pattern, label))]
    category = next(iter(fitting if pattern else labels), None)
    state, repo = document.text("state"), docs.repository(document)
    yield document.row(
        newest=document.text("updated_at"), ticket_id=export.id(f"{repo}#{document.text('number')}"), service_id=export.service(repo), category=category,
        created_at=document.text("created_at"), resolved_at=document.text("closed_at"), status=_ISSUES.get((state or "").lower(), state),
        status_raw=document.text("state_reason") or state,
    )  # fmt: skip


def teams(document: Document, export: Export) -> Iterator[Row]:
    """One row per team, under its slug."""
    del export
    parent = document.text("parent", "slug") or document.text("parentTeam", "slug")
    yield document.row(team_id=document.text("slug"), name=document.text("name"), parent_team_id=parent, kind="team")


def memberships(document: Document, export: Export) -> Iterator[Row]:
    """One row per team and member, where the dump lists members."""
    for member in document.every("members", "nodes") or document.every("members"):
        if who := docs.person(member, export):
            yield document.row(person_id=who, team_id=document.text("slug"))
    if document.at("members", "pageInfo", "hasNextPage") is True:
        yield document.truncated("some teams have more members than their page")


_API = "gh api --paginate"
_DEPLOYMENTS = (
    "query($owner: String!, $name: String!, $endCursor: String) { repository(owner: $owner, name: $name) { deployments(first: 100, after: $endCursor) "
    "{ pageInfo { hasNextPage endCursor } nodes { databaseId environment originalEnvironment state createdAt updatedAt commitOid task ref { name } "
    "creator { login __typename } repository { nameWithOwner } statuses(first: 50) { nodes { state createdAt } } } } } }"
)
_TEAMS = (
    "query($org: String!, $endCursor: String) { organization(login: $org) { teams(first: 50, after: $endCursor) { pageInfo { hasNextPage endCursor } "
    "nodes { slug name privacy parentTeam { slug } members(first: 100) { pageInfo { hasNextPage } nodes { login } } } } } }"
)

SYSTEM = System(
    kind="github",
    title="GitHub",
    shapes=(
        Shape("status", "a deployment status", docs.is_status),
        Shape("deployment", "a deployment", lambda b: docs.has(b, "sha", "environment", "task") or docs.has(b, "environment", "commitOid")),
        Shape("pull", "a pull request", lambda b: docs.has(b, "number", "merged_at", "head", "base") or docs.has(b, "number", "mergedAt", "headRefName")),
        Shape("review", "a review of a pull request", lambda b: docs.has(b, "submitted_at", "state", "pull_request_url")),
        Shape("review_event", "a webhook of a deployment's review", docs.is_review_event),
        Shape("run_event", "a webhook of a workflow run", lambda b: docs.has(b, "action", "workflow_run", "repository")),
        Shape("run", "a workflow run", lambda b: docs.has(b, "run_number", "workflow_id", "head_sha")),
        Shape("decision", "an approval in a run's history", lambda b: docs.has(b, "state", "environments", "user")),
        Shape("environment", "an environment", docs.is_environment),
        Shape("issue", "an issue", docs.is_issue),
        Shape("team", "a team", lambda b: docs.has(b, "slug", "name") and bool({"privacy", "members_url", "members"} & b.keys())),
    ),
    gives=(
        Gives("deployments", None, ("deployment", "status", "run", "run_event"), "all", lost=("kind", "is_rollback", "is_resync"), at_once=deployments, in_pieces=True),
        Gives("changes", None, ("pull",), "all", beside=("review",), lost=("origin_sha",), at_once=changes, in_pieces=True),
        Gives("approvals", None, ("status", "decision", "review_event"), "waiting times as long as statuses; histories have none",
              beside=("deployment", "environment"), together=lambda rows: over_time.folded(rows, "approval_id"), lost=("team_id", "responders"), at_once=approvals, in_pieces=True),
        Gives("operations", operations, ("environment",), "now only", lost=("risk", "golden_path_id", "owner_team_id", "category"),
              together=_of_one_mind, is_state=True),
        Gives("golden_paths", golden_paths, ("run", "run_event"), "runs are kept 400 days",
              lost=("owner_team_id", "applies_to", "current_version", "released_at", "announced_on", "mandated_from", "retired_at", "minutes_saved")),
        Gives("service_golden_path", service_golden_path, ("run", "run_event"), "runs are kept 400 days", lost=("joined_at", "left_at")),
        Gives("tickets", tickets, ("issue",), "all", lost=("team_id", "golden_path_id", "priority", "channel", "first_response_at", "reopens")),
        Gives("teams", teams, ("team",), "now only", lost=("time_zone", "valid_from", "valid_to"), is_state=True),
        Gives("people", None, docs.SEEN, "bots that were seen", lost=("started_on", "ended_on", "is_developer", "time_zone"), at_once=people, in_pieces=True),
        Gives("memberships", memberships, ("team",), "now only", over_time=over_time.spans, is_state=True),
    ),
    recipes=(
        Recipe("deployments.json", f'{_API} "repos/$REPO/deployments?per_page=100" > deployments.json', "deployments: read"),
        Recipe("statuses.json", f'{_API} "repos/$REPO/deployments?per_page=100" --jq ".[].statuses_url" | xargs -n 1 {_API} > statuses.json', "deployments: read",
               "One request per deployment; without statuses no outcome is known. What waited for approval is told here."),
        Recipe("deployments.jsonl", f"{_API} graphql -F owner=$OWNER -F name=$NAME -f query='{_DEPLOYMENTS}' --jq '.data.repository.deployments.nodes[]' > deployments.jsonl",
               "deployments: read", "Deployments and statuses at once, in place of the two files above; approvals are told by those only."),
        Recipe("pull_requests.json", "gh pr list --repo $REPO --state all --limit 10000 --json number,url,title,author,createdAt,mergedAt,closedAt,updatedAt,mergeCommit,additions,deletions,labels,headRefName,commits,reviews > pull_requests.json",
               "pull requests: read", f'Has commits and reviews in it. Or {_API} "repos/$REPO/pulls?state=all&per_page=100", which has neither.'),
        Recipe("reviews.json", f'{_API} "repos/$REPO/pulls?state=all&per_page=100" --jq ".[].url" | xargs -I % {_API} "%/reviews?per_page=100" > reviews.json', "pull requests: read",
               "Only beside pull requests of the API; one request each."),
        Recipe("runs.json", f'{_API} "repos/$REPO/actions/runs?per_page=100" > runs.json', "actions: read",
               "Which reusable workflows are called. At most 1,000 runs per query: add created=2026-03-01..2026-03-31. Of a run that was tried again only the last attempt."),
        Recipe("environments.json", f'{_API} "repos/$REPO/environments?per_page=100" --jq ".environments[]" > environments.json', "actions: read"),
        Recipe("approvals-$RUN.json", f'{_API} "repos/$REPO/actions/runs/$RUN/approvals" --jq ".[] + {{run_id: $RUN}}" > approvals-$RUN.json', "actions: read",
               "Who decided, and not when."),
        Recipe("events.jsonl", "cat deliveries/*.json > events.jsonl", "webhooks deployment_review and workflow_run of the organisation",
               "Bodies of webhooks that you have kept: the only place that says who was asked, and since when."),
        Recipe("issues.json", f'{_API} "repos/$REPO/issues?state=all&per_page=100" > issues.json', "issues: read"),
        Recipe("teams.jsonl", f"{_API} graphql -F org=$ORG -f query='{_TEAMS}' --jq '.data.organization.teams.nodes[]' > teams.jsonl", "organisation members: read",
               f'Or without members {_API} "orgs/$ORG/teams?per_page=100".'),
    ),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN, GOLDEN_PATHS,
        Option("left_out", "text", "An expression for names of environments that are none.", default="github-pages"),
        Option("deploying", "text", "An expression for names of workflows whose runs are deployments; without it none is."),
        Option("operations", "patterns", "Which deployment (deploy to production) is which operation."),
        Option("category_label", "pattern", "An expression with one group for the label that is a ticket's category; without it the first label is."),
    ),
)  # fmt: skip
