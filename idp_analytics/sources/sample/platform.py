"""Self-service: what people can ask the platform to do, what they asked, and who had to approve it."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import BOT, World
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
    Bools,
    Ints,
    events,
    instants,
    lognormal,
    masked,
    numbered,
    shaped,
    stream,
)
from idp_analytics.sources.sample.golden import DATABASE, TEMPLATE, Adoption, versions_on

RUNS = 0.07
"""Runs of self-service operations per person and day."""
RETRIED = 0.7
"""Share of failed runs that are tried again."""
RUBBER_STAMPED = ("rotate-secret", "grant-production-access")
"""Operations whose approvers approve everything within a minute or so."""
RUBBER_SECONDS, ATTENTIVE_SECONDS, DEPLOYMENT_SECONDS = 45.0, 5.0 * HOUR, 1.5 * HOUR
"""Median time to decide: the rubber-stampers, everybody else, and for deployments."""
REJECTED, SENT_BACK, ESCALATED = 0.10, 0.04, 0.02
WITHDRAWN, EXPIRED, FORGOTTEN, SELF_APPROVED = 0.04, 0.02, 0.02, 0.025
GATED_TEAM = "ledger"
"""The team whose every production deployment needs an approval."""
RUBBER_GROUP, APPROVER_GROUP = "platform", 6
"""The rubber-stampers are the longest-standing of this team, half of the approvers; the other half looks."""

_OPERATIONS = (
    # id, title, risk, gate, golden path, category, share of runs, median seconds to run, gives something to use
    ("create-service", "Create a service", "sensitive", "automatic", TEMPLATE, "provisioning", 4, 240, True),
    ("provision-database", "Provision a database", "sensitive", "automatic", DATABASE, "provisioning", 8, 540, True),
    ("drop-database", "Drop a database", "dangerous", "human", None, "provisioning", 2, 90, False),
    ("create-environment", "Create an environment", "safe", "automatic", None, "provisioning", 10, 420, True),
    ("add-queue", "Add a message queue", None, "automatic", None, "provisioning", 4, 120, True),
    ("request-accelerator", "Request an accelerator", None, "human", None, "provisioning", 2, 1800, True),
    ("rotate-secret", "Rotate a secret", "safe", "human", None, "access", 12, 30, False),
    ("grant-production-access", "Grant access to production", "dangerous", "human", None, "access", 9, 20, False),
    ("restart-service", "Restart a service", "safe", "none", None, "running", 26, 60, False),
    ("scale-service", "Scale a service", "safe", "automatic", None, "running", 12, 45, False),
    ("purge-cache", "Purge a cache", "sensitive", "none", None, "running", 5, 15, False),
    ("change-dns", "Change a DNS record", "sensitive", "human", None, "network", 4, 120, False),
    ("open-firewall", "Open a firewall port", "dangerous", "none", None, "network", 2, 60, False),
    ("change-production", "Change production", "sensitive", "human", None, "delivery", 0, 0, False),
)


def operations() -> pl.DataFrame:
    """Table ``operations``: every combination of risk and gate that matters, two of unknown risk."""
    names = ("operation_id", "title", "risk", "gate", "golden_path_id", "category")
    frame = pl.DataFrame([row[: len(names)] for row in _OPERATIONS], schema=list(names), orient="row")
    return shaped("operations", frame.with_columns(pl.lit("platform").alias("owner_team_id")))


def tables(world: World, adopted: Adoption, deployed: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """``operations``, ``action_runs`` and ``approvals``; and the latent approvals (``kind``: rubber, attentive, …)."""
    asked = _asked(world, adopted)
    decided = _decided(world, asked)
    runs = _ran(world, adopted, asked, decided)
    approvals = pl.concat([decided, _deployment_approvals(world, deployed)], how="diagonal_relaxed")
    approvals = approvals.sort("requested", "subject_id", maintain_order=True)
    approvals = approvals.with_columns(numbered("appr-", approvals.height, digits=5).alias("approval_id"))
    return {
        "operations": operations(),
        "action_runs": shaped("action_runs", runs),
        "approvals": shaped("approvals", approvals),
    }, approvals


def _asked(world: World, adopted: Adoption) -> pl.DataFrame:
    """Who asked for what, when; more databases once there is a path for them."""
    rng = stream(world.seed, "runs")
    team, at = events(rng, RUNS * world.teams["people"].to_numpy(), world.start, world.days)
    loud = ~world.is_quiet(team, at)
    team, at = team[loud], at[loud]
    day = (at - world.opening) // DAY
    share = np.array([row[6] for row in _OPERATIONS], dtype=float)
    early = share * np.where([row[0] == "provision-database" for row in _OPERATIONS], 0.3, 1.0)
    lot = rng.random(len(at))
    now = np.searchsorted(np.cumsum(share / share.sum()), lot, side="right")
    then = np.searchsorted(np.cumsum(early / early.sum()), lot, side="right")
    operation = np.where(day >= adopted.announced[DATABASE], now, then)
    order = np.lexsort((team, at))
    team, at, operation = team[order], at[order], operation[order]
    return pl.DataFrame(
        {
            "run_id": numbered("act-", len(at), digits=5),
            "operation": operation,
            "operation_id": pl.Series([row[0] for row in _OPERATIONS]).gather(operation),
            "team": team,
            "team_id": world.teams["team_id"].gather(team),
            "service_id": masked(world.service_of(rng, team, at), rng.random(len(at)) < 0.9),
            "requestor": world.member(rng, team, at),
            "requested": at,
        }
    )


def _decided(world: World, asked: pl.DataFrame) -> pl.DataFrame:
    """One request for approval for each run of an operation with a human gate, and an automatic one for new services."""
    rng = stream(world.seed, "approvals")
    gates = pl.Series([row[3] for row in _OPERATIONS])
    gated = asked.filter((gates.gather(asked["operation"]) == "human") | (asked["operation_id"] == "create-service"))
    n = gated.height
    requested, requestor = gated["requested"].to_numpy(), gated["requestor"].to_numpy()
    machine = (gated["operation_id"] == "create-service").to_numpy()
    rubber = gated["operation_id"].is_in(list(RUBBER_STAMPED)).to_numpy()
    kind = np.select([machine, rubber], ["machine", "rubber"], "attentive")
    median = np.select([machine, rubber], [2.0, RUBBER_SECONDS], ATTENTIVE_SECONDS)
    sigma = np.select([machine, rubber], [0.3, 0.5], 1.2)
    decided = requested + np.maximum(1, median * np.exp(sigma * rng.standard_normal(n))).astype(np.int64)
    lot = rng.random(n)
    attentive = kind == "attentive"
    edges = np.cumsum([REJECTED, SENT_BACK, ESCALATED])
    decision = np.select(
        [attentive & (lot < edge) for edge in edges], ["rejected", "requestchanges", "escalated"], "approved"
    )
    fate = rng.random(n)
    withdrawn = ~machine & (fate < WITHDRAWN)
    expired = attentive & ~withdrawn & (fate < WITHDRAWN + EXPIRED)
    forgotten = attentive & ~withdrawn & ~expired & (fate < WITHDRAWN + EXPIRED + FORGOTTEN)
    pending = ~withdrawn & ~expired & (forgotten | (decided >= world.end))
    none = withdrawn | expired | pending
    open_decision = (decision == "escalated") & ~none
    status = np.select(
        [withdrawn, expired, pending | open_decision, decision == "approved"], ["cancelled", "expired", "pending", "approved"], "rejected"
    )  # fmt: skip
    itself = attentive & (rng.random(n) < SELF_APPROVED)
    responder = np.where(itself, requestor, _approver(world, rng, rubber, n))
    # An approver does not decide on what they asked for themselves, but for the few planted cases.
    responder = np.where(
        ~itself & (responder == requestor), _approver(world, rng, rubber, n, other=responder), responder
    )
    who = pl.select(pl.when(pl.Series(machine)).then(pl.lit(BOT)).otherwise(world.person_ids(responder))).to_series()
    basis = np.where(none, "none", np.where(rng.random(n) < 0.04, "bound", "exact"))
    return gated.select("run_id", "operation_id", "service_id", "team_id", "requested").with_columns(
        pl.col("run_id").alias("subject_id"),
        pl.lit("action_run").alias("subject_kind"),
        world.person_ids(requestor).alias("requestor_id"),
        masked(who, ~none).alias("responder_id"),
        instants(requested).alias("requested_at"),
        instants(decided, ~none).alias("decided_at"),
        masked(pl.Series(decision), ~none).alias("decision"),
        pl.Series("status", status),
        pl.Series("automated", machine),
        masked(pl.Series(np.where(attentive, 1 + (rng.random(n) < 0.15), 1)), ~none).alias("responders"),
        pl.Series("time_basis", basis),
        pl.Series("kind", kind),
        pl.Series("decided", decided),
        pl.Series("is_self", itself & ~none),
    )


def _approver(world: World, rng: np.random.Generator, rubber: Bools, n: int, other: Ints | None = None) -> Ints:
    """Somebody of the approvers' group that decides on this kind of request; not ``other``."""
    team = world.teams["team_id"].to_list().index(RUBBER_GROUP)
    group = (
        world.people.filter(pl.col("team_before") == team).sort("is_steady", "ended_day", "started_day", descending=[True, True, False])
        ["person"].to_numpy()[:APPROVER_GROUP]
    )  # fmt: skip
    half = len(group) // 2
    place = rng.integers(0, half, n) + np.where(rubber, 0, half)
    chosen = group[place]
    if other is not None:
        chosen = np.where(chosen == other, group[(place + 1) % half + np.where(rubber, 0, half)], chosen)
    return chosen


def _ran(world: World, adopted: Adoption, asked: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """The runs: after approval where one is needed, not at all without it, some failing and some of those tried again."""
    rng = stream(world.seed, "outcomes")
    frame = asked.join(decided.select("run_id", "status", "decided"), on="run_id", how="left", maintain_order="left")
    n = frame.height
    wait = frame["status"].is_not_null().to_numpy()
    allowed = ~wait | (frame["status"] == "approved").fill_null(False).to_numpy()
    over = frame["status"].is_in(["rejected", "cancelled", "expired"]).fill_null(False).to_numpy()
    begun = np.where(wait, frame["decided"].fill_null(0).to_numpy(), frame["requested"].to_numpy()) + rng.integers(
        2, 40, n
    )
    main = _outcome(world, rng, frame.with_columns(pl.Series("begun", begun), pl.Series("allowed", allowed)), 0.09)
    main = main.with_columns(pl.when(pl.Series(over)).then(pl.lit("cancel")).otherwise("outcome").alias("outcome"))

    failed = main.filter(pl.col("outcome").is_in(["failure", "error"]))
    again = failed.filter(pl.Series(rng.random(failed.height) < RETRIED))
    later = again["ended"].to_numpy() + rng.integers(300, 3600, again.height)
    again = again.with_columns(
        pl.col("run_id").alias("previous_run_id"),
        pl.Series("requested", later),
        pl.Series("begun", later + 5),
        pl.lit(True).alias("allowed"),
        (pl.col("run_id") + "-2").alias("run_id"),
    ).filter(pl.col("requested") < world.end)
    retried = _outcome(world, rng, again, 0.15)
    both = pl.concat([main, retried], how="diagonal").sort("requested", "run_id")
    paths = pl.Series([row[4] for row in _OPERATIONS], dtype=pl.String).gather(both["operation"])
    day = (both["requested"].to_numpy() - world.opening) // DAY
    versions = pl.DataFrame({path: versions_on(world, adopted, path, day) for path in (TEMPLATE, DATABASE)})
    channels = np.array(["ui", "cli", "api", "gitops", "automation"])
    return both.with_columns(
        paths.alias("golden_path_id"),
        versions.select(pl.coalesce(pl.when(paths == p).then(pl.col(p)) for p in (TEMPLATE, DATABASE))).to_series().alias("version"),
        world.person_ids(both["requestor"].to_numpy()).alias("requestor_id"),
        instants(both["requested"].to_numpy()).alias("requested_at"),
        pl.Series("channel", rng.choice(channels, both.height, p=[0.5, 0.25, 0.1, 0.1, 0.05])),
    )  # fmt: skip


def _outcome(world: World, rng: np.random.Generator, frame: pl.DataFrame, fails: float) -> pl.DataFrame:
    """Start, end and outcome of runs that may start at ``begun``; nothing that lies after the as-of time is known."""
    n = frame.height
    operation, begun = frame["operation"].to_numpy(), frame["begun"].to_numpy()
    median = np.array([max(1, row[7]) for row in _OPERATIONS])[operation]
    gives = np.array([row[8] for row in _OPERATIONS])[operation]
    ended = begun + np.maximum(1, lognormal(rng, median, 0.5, n)).astype(np.int64)
    usable = ended + np.maximum(1, lognormal(rng, 600.0, 0.8, n)).astype(np.int64)
    lot = rng.random(n)
    outcome = np.where(lot < fails * 0.8, "failure", np.where(lot < fails, "error", "success"))
    started = frame["allowed"].to_numpy() & (begun < world.end)
    done = started & (ended < world.end)
    return frame.with_columns(
        pl.Series("ended", ended),
        instants(begun, started).alias("started_at"),
        instants(ended, done).alias("finished_at"),
        instants(usable, done & gives & (outcome == "success") & (usable < world.end)).alias("usable_at"),
        masked(pl.Series(outcome), done).alias("outcome"),
    )


def _deployment_approvals(world: World, deployed: pl.DataFrame) -> pl.DataFrame:
    """An approval before each planned deployment of the team that needs one."""
    rng = stream(world.seed, "deployment approvals")
    names = world.teams["team_id"].to_list()
    planned = (deployed["role"] == "planned") & ~deployed["is_git"].fill_null(False)
    mine = deployed.filter(planned & (deployed["team"] == (names.index(GATED_TEAM) if GATED_TEAM in names else -1)))
    n = mine.height
    decided = mine["started"].to_numpy() - rng.integers(60, 1800, n)
    requested = decided - np.maximum(60, lognormal(rng, DEPLOYMENT_SECONDS, 0.8, n)).astype(np.int64)
    team = mine["team"].to_numpy()
    asks, answers = world.member(rng, team, requested), world.member(rng, team, decided)
    return mine.select("service_id", pl.col("deployment_id").alias("subject_id")).with_columns(
        pl.lit("change-production").alias("operation_id"),
        pl.lit("deployment").alias("subject_kind"),
        world.person_ids(asks).alias("requestor_id"),
        world.person_ids(answers).alias("responder_id"),
        instants(requested).alias("requested_at"),
        instants(decided).alias("decided_at"),
        pl.lit("approved").alias("decision"),
        pl.lit("approved").alias("status"),
        pl.lit(False).alias("automated"),
        pl.lit(1).alias("responders"),
        pl.lit("exact").alias("time_basis"),
        pl.lit("deployment").alias("kind"),
        pl.Series("requested", requested),
        pl.Series("decided", decided),
        pl.Series("is_self", asks == answers),
    )
