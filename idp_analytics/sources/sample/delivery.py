"""Changes and deployments: what teams ship, when, and all the other rows a pipeline writes while they do."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.sources.sample import gamers
from idp_analytics.sources.sample.company import BOT, GIT_SERVICES, QUIET, World, repositories
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
    Bools,
    Floats,
    Ints,
    events,
    hexes,
    instants,
    lognormal,
    masked,
    numbered,
    shaped,
    stream,
)
from idp_analytics.sources.sample.golden import LEAD_FACTOR, PIPELINE, RATE_FACTOR, Adoption

LEAD_SIGMA = 0.9
"""Standard deviation of the logarithm of lead times."""
MORE_CHANGES = 0.7
"""Changes in a deployment beyond the first, on average."""
FAILED, CANCELLED, STAGED, REDEPLOYED, RESYNCED, UNTOLD = 0.06, 0.02, 0.22, 0.03, 0.02, 0.006
"""Chance of each extra row beside a planned deployment."""
LONGEST_WAIT = 4 * DAY
"""No change waits longer than this between its merge and its deployment."""
REBASED = 0.004
"""Share of changes whose first commit is dated after their deployment."""
LIGHT_TAGS = 0.25
"""Share of releases by tag that have a light one, whose time is the commit's."""
COMMITS_ONLY = "data"
"""The team that works without pull requests."""


def activity(world: World, adopted: Adoption) -> Floats:
    """(service × day) what a service's rate is multiplied by: 0 before it exists, after it retires and in the quiet
    quarter of the quiet team; ``RATE_FACTOR`` from the day it is on the delivery pipeline."""
    day = np.arange(world.days)[None, :]
    services = world.services
    created, retired = services["created_day"].to_numpy()[:, None], services["retired_day"].to_numpy()[:, None]
    factor = np.where(adopted.days[PIPELINE][:, None] <= day, RATE_FACTOR, 1.0)
    factor *= (created <= day) & (day < retired)
    quiet = (world.teams["team_id"] == QUIET).to_numpy()[services["team_before"].to_numpy()]
    first, end = world.quiet_days()
    factor[quiet, first:end] = 0.0
    return factor


def plan(world: World, adopted: Adoption) -> pl.DataFrame:
    """Every planned successful production deployment, by service and time.

    Columns: row, service, team (owner that day), started, finished (seconds), adopted (on the pipeline that day),
    is_git, light (tag without a date of its own), number (n-th of its service, from 0), previous (end of the one
    before). One runs at a time: a later one waits, so none is lost and the planted rate stays true.
    """
    rng = stream(world.seed, "plan")
    rates = world.services["rate"].to_numpy()
    service, started = events(rng, rates, world.start, world.days, activity(world, adopted))
    lasts = np.clip(lognormal(rng, 300.0, 0.6, len(service)), 60, 5400).astype(np.int64)
    frame = pl.DataFrame({"service": service, "started": started, "lasts": lasts})
    ahead = (pl.col("lasts") + 30).cum_sum().over("service") - (pl.col("lasts") + 30)
    frame = (
        frame.with_columns((ahead + (pl.col("started") - ahead).cum_max().over("service")).alias("started"))
        .with_columns((pl.col("started") + pl.col("lasts")).alias("finished"))
        .filter(pl.col("finished") < world.end)
        .with_columns(
            pl.int_range(pl.len()).over("service").alias("number"),
            pl.col("finished").shift(1).over("service").alias("previous"),
        )
        .with_columns(pl.col("previous").fill_null(pl.col("started") - 3 * DAY))
        .with_row_index("row")
    )
    service, begun = frame["service"].to_numpy(), frame["started"].to_numpy()
    is_git = world.services["is_git"].to_numpy()[service]
    return frame.with_columns(
        pl.col("row").cast(pl.Int64),
        pl.Series("team", world.owner(service, begun)),
        pl.Series("adopted", adopted.on(PIPELINE, service, (begun - world.opening) // DAY)),
        pl.Series("is_git", is_git),
        pl.Series("light", is_git & (rng.random(frame.height) < LIGHT_TAGS)),
    ).drop("lasts")


def changes(world: World, planned: pl.DataFrame) -> pl.DataFrame:
    """The changes of every planned deployment, and those that wait, are open or were closed unmerged.

    Columns: row (of the plan; null: not deployed), service, first, opened, review, approved, merged, closed (seconds,
    null: not), rebased (the first commit was given a later date), author (person), sha, lines.
    """
    rng = stream(world.seed, "changes")
    count = 1 + rng.poisson(MORE_CHANGES, planned.height)
    of = np.repeat(np.arange(planned.height), count)
    take = {
        name: planned[name].to_numpy()[of] for name in ("service", "team", "started", "finished", "previous", "light")
    }
    factor = np.where(planned["adopted"].to_numpy()[of], LEAD_FACTOR, 1.0)
    median = world.teams["lead_hours"].to_numpy()[take["team"]] * factor * HOUR
    shortest = take["finished"] - take["started"] + 60
    first = take["finished"] - np.maximum(shortest, lognormal(rng, median, LEAD_SIGMA, len(of)).astype(np.int64))
    room = np.minimum(np.minimum(take["started"] - take["previous"], LONGEST_WAIT), take["started"] - first)
    merged = take["started"] - (rng.uniform(0.02, 0.9, len(of)) * room).astype(np.int64)
    last = _is_last(of, merged)
    # A light tag has no date but its commit's: the last commit is then the moment of the release.
    merged = np.where(last & take["light"], take["finished"], merged)
    deployed = pl.DataFrame(
        {"row": of, "service": take["service"], "team": take["team"], "first": first, "merged": merged}
    ).with_columns(pl.lit(True).alias("is_merged"), pl.Series("is_last", last))
    both = pl.concat([deployed, _not_deployed(world, planned, rng)], how="diagonal")
    return _reviewed(world, both, planned, rng)


def _is_last(of: Ints, merged: Ints) -> Bools:
    """For each group of equal ``of``, marks one row with the greatest ``merged``."""
    order = np.lexsort((merged, of))
    last = np.zeros(len(of), dtype=np.bool_)
    last[order[np.append(of[order][1:] != of[order][:-1], True)]] = True
    return last


def _not_deployed(world: World, planned: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Changes merged after the last deployment of their service, still open, or closed without merging."""
    live = world.services.filter(pl.col("retired_day") > world.days)["service"].to_numpy()
    last = planned.group_by("service").agg(pl.col("finished").max())
    after = dict(last.iter_rows())
    ends = np.array([after.get(s, world.end - 20 * DAY) for s in live])
    by_tag = world.services["is_git"].to_numpy()[live]
    waiting = np.repeat(np.arange(len(live)), np.maximum(rng.poisson(1.0, len(live)), by_tag))
    merged = ends[waiting] + (rng.uniform(0.05, 0.95, len(waiting)) * (world.end - ends[waiting])).astype(np.int64)
    left = rng.integers(0, max(1, len(planned)), round(0.04 * len(planned)))
    closed = planned["started"].to_numpy()[left] - rng.integers(HOUR, 30 * HOUR, len(left))
    is_open = np.repeat(np.arange(len(live)), rng.poisson(0.8, len(live)))
    opened = world.end - rng.integers(HOUR, 20 * DAY, len(is_open))
    service = np.concatenate([live[waiting], planned["service"].to_numpy()[left], live[is_open]])
    at = np.concatenate([merged, closed, opened])
    team = world.owner(service, at)
    lead = world.teams["lead_hours"].to_numpy()[team] * HOUR
    return pl.DataFrame(
        {
            "service": service,
            "team": team,
            "first": at - np.maximum(600, lognormal(rng, lead / 2, LEAD_SIGMA, len(at)).astype(np.int64)),
            "merged": at,
            "is_merged": np.repeat([True, False, False], [len(waiting), len(left), len(is_open)]),
            "is_open": np.repeat([False, False, True], [len(waiting), len(left), len(is_open)]),
        }
    )


def _reviewed(world: World, frame: pl.DataFrame, planned: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The stages between first commit and merge, author, size, and the few dates that rebasing made wrong."""
    git = world.services["is_git"]
    commits_only = world.teams["team_id"] == COMMITS_ONLY
    frame = (
        frame.with_columns(
            pl.col("is_open", "is_last").fill_null(False),
            (git.gather(frame["service"]) | commits_only.gather(frame["team"])).alias("by_commit"),
        )
        .filter(pl.col("is_merged") | ~pl.col("by_commit"))
        .sort("service", "merged", "row", "first", nulls_last=True)
    )
    n = frame.height
    first, merged, is_open = (frame[name].to_numpy() for name in ("first", "merged", "is_open"))
    opened = np.where(is_open, merged, first + ((merged - first) * rng.uniform(0.2, 0.6, n)).astype(np.int64))
    review = opened + ((merged - opened) * rng.uniform(0.1, 0.6, n)).astype(np.int64)
    approved = review + ((merged - review) * rng.uniform(0.2, 0.95, n)).astype(np.int64)
    proposed = ~frame["by_commit"].to_numpy()
    reviewed = proposed & ~is_open & (rng.random(n) < 0.93)

    deployed = frame["row"].is_not_null().to_numpy()
    finished = planned["finished"].to_numpy()[frame["row"].fill_null(0).to_numpy()]
    may = np.flatnonzero(deployed & (finished < world.end - 3 * DAY))
    rebased = np.zeros(n, dtype=np.bool_)
    rebased[rng.choice(may, min(len(may), max(3, round(REBASED * n))), replace=False)] = True
    first = np.where(rebased, finished + rng.integers(HOUR, 48 * HOUR, n), first)
    is_merged = frame["is_merged"].to_numpy()
    return frame.with_columns(
        pl.Series("first", first),
        masked(pl.Series(opened), proposed).alias("opened"),
        masked(pl.Series(review), reviewed).alias("review"),
        masked(pl.Series(approved), reviewed & is_merged & (rng.random(n) < 0.95)).alias("approved"),
        masked(pl.Series(merged), is_merged).alias("merged"),
        masked(pl.Series(merged), proposed & ~is_open).alias("closed"),
        pl.Series("rebased", rebased),
        pl.Series("author", world.member(rng, frame["team"].to_numpy(), merged)),
        pl.Series("sha", hexes(rng, n)),
        masked(pl.Series(np.maximum(1, lognormal(rng, 48.0, 1.3, n)).astype(np.int64)), proposed).alias("lines"),
    )


def extras(world: World, planned: pl.DataFrame) -> pl.DataFrame:
    """The rows a pipeline writes beside planned deployments: failed and cancelled attempts, staging, the same commit
    deployed again, re-syncs, and runs whose end or outcome nobody told.

    Columns: row (the planned deployment it belongs to), service, role, started, finished (null: not told),
    environment, outcome (null: not told).
    """
    rng = stream(world.seed, "extras")
    base = planned.filter(~pl.col("is_git"))
    n = base.height
    started, finished = base["started"].to_numpy(), base["finished"].to_numpy()
    before = started - rng.integers(15 * 60, 90 * 60, n)
    after = finished + rng.integers(2 * HOUR, 30 * HOUR, n)
    short = np.clip(lognormal(rng, 240.0, 0.5, n), 30, 3600).astype(np.int64)
    tried = np.where(rng.random(n) < 0.8, "failure", "error")
    tried = np.where(gamers.renamed(world, base["team"].to_numpy(), before), "cancel", tried)
    staged = np.where(rng.random(n) < 0.94, "success", "failure")
    said = np.where(rng.random(n) < 0.5, "success", "")  # of an untold run either the end or the outcome is known
    kinds: tuple[tuple[str, float | Floats, Ints, object], ...] = (
        ("failed", FAILED, before, tried),
        ("cancelled", CANCELLED, before, "cancel"),
        ("staging", STAGED, before - 2 * HOUR, staged),
        ("redeploy", REDEPLOYED, after, "success"),
        ("resync", np.where(base["adopted"].to_numpy(), RESYNCED, 0.0), after, "success"),
        ("untold", UNTOLD, after, said),
    )
    parts = []
    for role, share, begun, outcomes in kinds:
        picked = (rng.random(n) < share) & (begun + short < world.end) & (begun > world.opening)
        picked &= ~world.is_quiet(base["team"].to_numpy(), begun)
        outcome = np.broadcast_to(np.asarray(outcomes), n)[picked]
        told = (outcome == "") | (role != "untold")
        parts.append(
            base.filter(pl.Series(picked)).select(
                "row",
                "service",
                pl.Series("started", begun[picked]),
                masked(pl.Series((begun + short)[picked]), told).alias("finished"),
                masked(pl.Series(outcome, dtype=pl.String), outcome != "").alias("outcome"),
                pl.lit(role).alias("role"),
                pl.lit("staging" if role == "staging" else "production").alias("environment"),
            )
        )
    return pl.concat(parts)


def deployments(world: World, planned: pl.DataFrame, others: pl.DataFrame, repairs: pl.DataFrame) -> pl.DataFrame:
    """All deployments in time order: canonical columns, and role, row (of the plan it belongs to), service, team, started and
    finished (seconds).

    ``others`` is :func:`extras`; ``repairs`` are the rollbacks and hotfixes (columns as there, and ``sha``,
    ``version``); ``planned`` has got ``sha`` and ``native`` (the id of a release by tag) by now.
    """
    rng = stream(world.seed, "deployments")
    version = pl.coalesce("tag", "1." + pl.col("number").cast(pl.String) + ".0")
    main = planned.with_columns(
        pl.lit("planned").alias("role"), pl.lit("production").alias("environment"), pl.lit("success").alias("outcome"), version.alias("version")
    )  # fmt: skip
    carried = main.select("row", "sha", "version")
    both = pl.concat([main, others.join(carried, on="row", how="left"), repairs], how="diagonal_relaxed")
    frame = both.sort(pl.coalesce("finished", "started"), "service", "role", maintain_order=True)
    n = frame.height
    service, started = frame["service"].to_numpy(), frame["started"].to_numpy()
    team = world.owner(service, started)
    git = world.services["is_git"].to_numpy()[service]
    adopted = frame["row"].is_not_null() & planned["adopted"].gather(frame["row"].fill_null(0))
    automated = rng.random(n) < np.where(adopted.to_numpy(), 0.9, 0.35)
    person = world.person_ids(world.member(rng, team, started))
    told = frame["finished"].is_not_null().to_numpy()
    runs = numbered("run-", n)
    tag = pl.Series(git)
    ids = pl.select(pl.when(tag).then(frame["native"]).otherwise(runs)).to_series()
    role = frame["role"]
    return frame.with_columns(
        ids.alias("deployment_id"),
        pl.Series("team", team),
        world.services["service_id"].gather(frame["service"]).alias("service_id"),
        pl.Series(np.select([git, role == "staging"], ["production", "STAGE"], "PROD")).alias("environment_raw"),
        pl.lit("application").alias("kind"),
        instants(started - rng.integers(5, 300, n), ~git).alias("queued_at"),
        instants(started, ~git).alias("started_at"),
        instants(frame["finished"].fill_null(0).to_numpy(), told).alias("finished_at"),
        (role == "rollback").alias("is_rollback"),
        masked(role == "resync", ~git).alias("is_resync"),
        masked(pl.select(pl.when(pl.Series(automated)).then(pl.lit(BOT)).otherwise(person)).to_series(), ~git).alias(
            "initiated_by"
        ),
        masked(pl.Series(automated), ~git).alias("automated"),
        masked(pl.Series([PIPELINE] * n), adopted.to_numpy()).alias("golden_path_id"),
    )


def tables(
    world: World, deployed: pl.DataFrame, changed: pl.DataFrame, fixes: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """``deployments``, ``changes`` and ``deployment_changes``; and the latent changes with their ids.

    ``deployed`` is :func:`deployments`, ``changed`` :func:`changes` with commit ids, ``fixes`` what hotfixes brought.
    A first release by tag has no earlier one to compare with, so its commits are no changes.
    """
    both = pl.concat([changed.drop("is_last", "is_open"), fixes], how="diagonal_relaxed")
    both = both.filter(~pl.col("before_start").fill_null(False)).sort(
        pl.coalesce("merged", "closed", "opened"), "service", "sha", maintain_order=True
    )
    service_id = world.services["service_id"].gather(both["service"])
    text = both.select(
        pl.when(world.services["is_git"].gather(both["service"])).then("git:" + service_id + ":" + pl.col("sha"))
        .when("by_commit").then("commit-" + pl.col("sha").str.head(12))
        .otherwise(numbered("pr-", both.height)).alias("change_id"),
        pl.when("by_commit", ~pl.col("is_merge").fill_null(False)).then(pl.lit("commit")).otherwise(pl.lit("pull_request")).alias("kind"),
        pl.when(pl.col("merged").is_not_null()).then("sha").alias("sha"),
    )  # fmt: skip
    frame = both.with_columns(
        *text,
        service_id.alias("service_id"),
        repositories(service_id).alias("repo"),
        world.person_ids(both["author"].to_numpy()).alias("author_id"),
        *(
            instants(both[short].fill_null(0).to_numpy(), both[short].is_not_null().to_numpy()).alias(name)
            for short, name in _STAGES.items()
        ),
        pl.col("is_revert").fill_null(False),
        *_worded(both, service_id),
    )
    return {
        "deployments": shaped("deployments", deployed),
        "changes": shaped("changes", frame),
        "deployment_changes": _contained(deployed, frame),
    }, frame


_WORK = ("Speed up", "Rewrite", "Simplify", "Extend", "Measure", "Tidy", "Retry", "Cache", "Split")
_PARTS = ("the start", "retries", "the client", "settings", "logging", "the schema", "a query", "tests", "the queue")


def _worded(both: pl.DataFrame, service_id: pl.Series) -> tuple[pl.Expr, pl.Expr]:
    """``title`` and ``labels``: what a pull request says of itself. What git tells has neither."""
    seeds = pl.Series([int(sha[:6], 16) for sha in both["sha"].fill_null("0" * 6)])
    work, part = (pl.Series(words).gather(seeds // k % len(words)) for words, k in ((_WORK, 1), (_PARTS, 9)))
    is_fix, told = pl.col("is_fix").fill_null(False), ~pl.lit(pl.Series(service_id.is_in(list(GIT_SERVICES))))
    title = pl.when(is_fix).then("Hotfix: mend " + service_id).otherwise(work + " " + part + " of " + service_id)
    labels = pl.when(is_fix).then(pl.lit(["hotfix"])).otherwise(pl.lit(["feature"]))
    return (
        pl.when(told).then(title).alias("title"),
        pl.when(told & ~pl.col("by_commit")).then(labels).alias("labels"),
    )


_STAGES = {
    "first": "first_commit_at", "opened": "opened_at", "review": "first_review_at", "approved": "approved_at",
    "merged": "merged_at", "closed": "closed_at",
}  # fmt: skip


def _contained(deployed: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """A change is in the planned deployment it was made for and in failed attempts at it; a fix in its hotfix."""
    carries = deployed.filter(pl.col("role").is_in(["planned", "failed", "hotfix"])).select(
        "row", "deployment_id", (pl.col("role") == "hotfix").alias("is_fix")
    )
    known = changed.select("row", "change_id", pl.col("is_fix").fill_null(False)).drop_nulls("row")
    links = carries.join(known, on=["row", "is_fix"]).sort("deployment_id", "change_id")
    by_git = pl.col("deployment_id").str.starts_with("git:")
    return shaped("deployment_changes", links.with_columns(by_git.alias("derived")))
