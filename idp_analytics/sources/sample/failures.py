"""What goes wrong: incidents with their true causes, the rollbacks and hotfixes that follow, and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
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

RECOVERY_SIGMA = 1.0
"""Standard deviation of the logarithm of recovery times."""
EXPLICIT = 0.55
"""Share of change-caused incidents whose deployment somebody recorded."""
SAID = 0.6
"""Share of the rest at least said to be change-caused."""
ROLLED_BACK, FIXED_FORWARD = 0.35, 0.30
AGAIN = 0.06
"""Share of failed deployments that cause a second incident while the first is open."""
NO_SERVICE = 0.05
OTHER_RATE = 0.006
"""Incidents per service and day that no change caused."""
SAID_OTHER = 0.7
"""Share of those said not to be change-caused; of the rest nothing is said."""
OUTAGES = 2
OUTAGE_REACH = 0.35
STILL_OPEN = 3
"""Change-caused incidents open at the as-of time, at least."""
NOISE_PAGES = 0.003
"""Pages per person and day without an incident."""
_NAMES = {"change": "change", "other": "other", "outage": "cloud outage", "certificate": "expired certificate"}


@dataclass(frozen=True)
class Failures:
    """``incidents``: latent rows (service null: not known; row: the planned deployment that truly caused it);
    ``repairs``: rollbacks and hotfixes, as :func:`idp_analytics.sources.sample.delivery.extras` gives them;
    ``fixes``: the changes that the hotfixes brought; ``forced``: planned deployments made to fail."""

    incidents: pl.DataFrame
    repairs: pl.DataFrame
    fixes: pl.DataFrame
    forced: int


def failures(world: World, planned: pl.DataFrame) -> Failures:
    """Everything that goes wrong with or beside the planned deployments (columns of the plan, with ``sha``)."""
    rng = stream(world.seed, "failures")
    caused = _caused(world, planned, rng)
    repairs, fixes = _repairs(world, planned, caused, rng)
    other = pl.concat([_uncaused(world, rng), _outages(world, rng)])
    incidents = pl.concat([caused, other], how="diagonal").sort("opened", "service", "row", nulls_last=True)
    return Failures(_described(world, incidents, rng), repairs, fixes, int(caused["is_forced"].sum()))


def incidents(latent: pl.DataFrame, deployed: pl.DataFrame) -> pl.DataFrame:
    """Table ``incidents`` with two columns more: ``cause`` in words and ``true_deployment_id``.

    ``deployed`` is what :func:`idp_analytics.sources.sample.delivery.deployments` gives.
    """
    ids = deployed.filter(pl.col("role") == "planned").select(
        "row", pl.col("deployment_id").alias("true_deployment_id")
    )
    frame = latent.join(ids, on="row", how="left", maintain_order="left").with_columns(
        pl.when("explicit").then("true_deployment_id").alias("deployment_id")
    )
    table = shaped("incidents", frame)
    return table.with_columns(frame["cause"], frame["true_deployment_id"])


def pages(world: World, table: pl.DataFrame, latent: pl.DataFrame) -> pl.DataFrame:
    """Table ``pages``: people notified for incidents, and now and then for nothing."""
    rng = stream(world.seed, "pages")
    severe = latent["severity"].fill_null(4).to_numpy()
    count = np.where(severe <= 2, 1 + rng.poisson(0.9, len(severe)), rng.random(len(severe)) < 0.35)
    of = np.repeat(np.arange(len(severe)), count)
    opened, wait = latent["opened"].to_numpy()[of], rng.integers(10, 900, len(of))
    first = np.append(True, of[1:] != of[:-1]) if len(of) else np.zeros(0, dtype=np.bool_)
    paged = np.minimum(opened + np.where(first, wait // 10, wait), world.end - 60)
    team, noise_at = events(rng, NOISE_PAGES * world.teams["people"].to_numpy(), world.start, world.days)
    loud = ~world.is_quiet(team, noise_at)
    team, noise_at = team[loud], noise_at[loud]
    at = np.concatenate([paged, noise_at])
    owner = np.concatenate([latent["team"].to_numpy()[of], team])
    answered = np.minimum(at + lognormal(rng, 240.0, 0.9, len(at)).astype(np.int64), world.end - 1)
    high = np.concatenate([severe[of] <= 2, rng.random(len(team)) < 0.3])
    silent = pl.Series([None] * len(team), dtype=pl.String)
    frame = pl.DataFrame(
        {
            "incident_id": pl.concat([table["incident_id"].gather(of), silent]),
            "service_id": pl.concat([table["service_id"].gather(of), silent]),
            "team_id": pl.concat([table["team_id"].gather(of), world.teams["team_id"].gather(team)]),
            "person_id": world.person_ids(world.member(rng, owner, at)),
            "paged_at": instants(at),
            "acknowledged_at": instants(answered, rng.random(len(at)) < 0.92),
            "urgency": np.where(high, "high", "low"),
        }
    ).sort("paged_at", "incident_id", nulls_last=True)
    return shaped("pages", frame.with_columns(numbered("page-", frame.height, digits=5).alias("page_id")))


def _caused(world: World, planned: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    n = planned.height
    team, finished = planned["team"].to_numpy(), planned["finished"].to_numpy()
    fails = rng.random(n) < world.teams["fail"].to_numpy()[team]
    lag = np.clip(lognormal(rng, 25 * 60, 1.0, n), 30, 23 * HOUR).astype(np.int64)
    # The last deployments of a few services fail and nobody has mended them by the as-of time.
    last = planned.group_by("service").agg(pl.col("row", "finished").last()).sort("finished", "row")
    still = last["row"].tail(max(STILL_OPEN, world.teams.height // 10)).to_numpy()
    open_at_end = np.isin(np.arange(n), still)
    lag = np.where(open_at_end, np.minimum(lag, (world.end - finished) // 2), lag)
    opened = finished + lag
    fails = (fails | open_at_end) & (opened < world.end) & ~world.is_quiet(team, opened)
    lasts = np.maximum(240, _recovery(world, team, n, rng))
    second_opened = opened + (lasts * rng.uniform(0.05, 0.6, n)).astype(np.int64)
    second = fails & ~open_at_end & (rng.random(n) < AGAIN) & (second_opened < world.end)
    second &= ~world.is_quiet(team, second_opened)
    second_lasts = np.maximum(240, _recovery(world, team, n, rng))
    parts = [(fails, opened, lasts, False), (second, second_opened, second_lasts, True)]
    return pl.concat(
        pl.DataFrame(
            {
                "row": np.flatnonzero(which),
                "service": planned["service"].to_numpy()[which],
                "opened": at[which],
                "resolved": (at + spent)[which],
                "is_open": (open_at_end | (at + spent >= world.end))[which],
                "is_forced": open_at_end[which],
            }
        ).with_columns(pl.lit(_NAMES["change"]).alias("cause"), pl.lit(again).alias("again"))
        for which, at, spent, again in parts
    )


def _recovery(world: World, team: Ints, n: int, rng: np.random.Generator) -> Ints:
    median: Floats = world.teams["recovery_hours"].to_numpy()[team] * HOUR
    return lognormal(rng, median, RECOVERY_SIGMA, n).astype(np.int64)


def _repairs(
    world: World, planned: pl.DataFrame, caused: pl.DataFrame, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rollbacks to the version before and hotfixes, each finished while its incident is open."""
    is_git, number = planned["is_git"], planned["number"]
    may = caused.filter(~pl.col("is_open") & ~pl.col("again") & (pl.col("resolved") - pl.col("opened") >= 20 * 60))
    may = may.filter(~is_git.gather(may["row"]))
    n = may.height
    lot = rng.random(n)
    row, opened, resolved = (may[name].to_numpy() for name in ("row", "opened", "resolved"))
    finished = opened + ((resolved - opened) * rng.uniform(0.6, 0.95, n)).astype(np.int64)
    started = finished - np.minimum((finished - opened) // 2, rng.integers(60, 480, n))
    first = number.to_numpy()[row] == 0
    back = (lot < ROLLED_BACK) & ~first
    forward = ~back & (lot < ROLLED_BACK + FIXED_FORWARD)
    done = (back | forward) & ~world.is_quiet(world.owner(may["service"].to_numpy(), finished), finished)
    previous = np.maximum(row - 1, 0)
    fixed = hexes(rng, n)
    sha = np.where(back, planned["sha"].gather(previous).to_numpy(), np.array(fixed, dtype=object))
    version = np.where(back, number.to_numpy()[previous], number.to_numpy()[row])
    frame = pl.DataFrame(
        {
            "row": row,
            "service": may["service"],
            "started": started,
            "finished": finished,
            "role": np.where(back, "rollback", "hotfix"),
            "sha": pl.Series(sha, dtype=pl.String),
            "version": [f"1.{v}.{int(f)}" for v, f in zip(version, forward, strict=True)],
        }
    ).with_columns(pl.lit("production").alias("environment"), pl.lit("success").alias("outcome"))
    begun = opened + ((started - opened) * rng.uniform(0.05, 0.4, n)).astype(np.int64)
    merged = begun + ((started - begun) * rng.uniform(0.5, 0.95, n)).astype(np.int64)
    team = world.owner(may["service"].to_numpy(), started)
    fixes = pl.DataFrame(
        {
            "row": row,
            "service": may["service"],
            "team": team,
            "first": begun,
            "opened": begun + (merged - begun) // 3,
            "merged": merged,
            "closed": merged,
            "author": world.member(rng, team, merged),
            "sha": fixed,
            "lines": 1 + rng.poisson(6.0, n),
        }
    ).with_columns(pl.lit(False).alias("by_commit"), pl.lit(False).alias("rebased"), pl.lit(True).alias("is_fix"))
    return frame.filter(pl.Series(done)), fixes.filter(pl.Series(done & forward))


def _uncaused(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Incidents that no change caused, one of them an expired certificate."""
    service, at = events(rng, np.full(world.services.height, OTHER_RATE), world.start, world.days)
    services = world.services.select("created_day", "retired_day")
    day = (at - world.opening) // DAY
    lives = (services["created_day"].to_numpy()[service] <= day) & (day < services["retired_day"].to_numpy()[service])
    keep = lives & ~world.is_quiet(world.owner(service, at), at)
    service, at = service[keep], at[keep]
    resolved = at + np.maximum(300, lognormal(rng, 1.5 * HOUR, 0.9, len(at))).astype(np.int64)
    cause = np.full(len(at), _NAMES["other"], dtype=object)
    cause[len(at) // 2 : len(at) // 2 + 1] = _NAMES["certificate"]
    return _not_a_change(world, service, at, resolved, cause)


def _outages(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """The provider is down: many services at once, so their incidents overlap."""
    n = world.services.height
    parts = []
    for share in np.linspace(0.3, 0.8, OUTAGES):
        begun = world.opening + int(share * world.days) * DAY + 4 * HOUR
        team = world.owner(np.arange(n), np.full(n, begun))
        live = (world.services["created_day"] <= share * world.days) & (
            world.services["retired_day"] > share * world.days
        )
        hit = (rng.random(n) < OUTAGE_REACH) & live.to_numpy() & ~world.is_quiet(team, np.full(n, begun))
        service = np.flatnonzero(hit)
        at = begun + rng.integers(0, 20 * 60, len(service))
        resolved = begun + rng.integers(2 * HOUR, 4 * HOUR, len(service))
        parts.append(_not_a_change(world, service, at, resolved, np.full(len(service), _NAMES["outage"], dtype=object)))
    return pl.concat(parts)


def _not_a_change(
    world: World, service: Ints, at: Ints, resolved: Ints, cause: np.ndarray[tuple[int], np.dtype[np.object_]]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "service": service, "opened": at, "resolved": resolved, "is_open": resolved >= world.end,
            "cause": pl.Series(cause, dtype=pl.String),
        }
    ).with_columns(pl.lit(False).alias("is_forced"), pl.lit(False).alias("again"))  # fmt: skip


def _described(world: World, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """What people wrote down of each incident, and what they left out."""
    n = frame.height
    opened, resolved = frame["opened"].to_numpy(), frame["resolved"].to_numpy()
    team = world.owner(frame["service"].to_numpy(), opened)
    is_change = (frame["cause"] == _NAMES["change"]).to_numpy()
    by_tag = world.services["is_git"].gather(frame["service"]).to_numpy()
    # Who releases by tag has no run to point at, so nobody records the deployment.
    explicit = is_change & ~by_tag & (rng.random(n) < EXPLICIT)
    certain = np.isin(frame["cause"].to_numpy(), [_NAMES["outage"], _NAMES["certificate"]])
    said = explicit | np.where(is_change, rng.random(n) < SAID, certain | (rng.random(n) < SAID_OTHER))
    severity = rng.choice([1, 2, 3, 4], n, p=[0.05, 0.25, 0.45, 0.25])
    graded = rng.random(n) < 0.97
    raw = np.where(graded, np.char.add("SEV", severity.astype(str)), "SEV?")
    placed = (rng.random(n) >= NO_SERVICE) | explicit
    named = ~placed & (rng.random(n) < 0.5)
    answered = np.minimum(opened + lognormal(rng, 300.0, 0.8, n).astype(np.int64), np.minimum(resolved, world.end - 1))
    held = (severity <= 2) & (rng.random(n) < 0.75) & ~frame["is_open"].to_numpy() & (resolved + 12 * DAY < world.end)
    later = rng.integers(1, 11, n)
    dates = [world.start + timedelta(days=int(d)) for d in (resolved - world.opening) // DAY + later]
    ids = numbered("inc-", n, digits=4)
    return frame.with_columns(
        ids.alias("incident_id"),
        pl.Series("team", team),
        masked(world.services["service_id"].gather(frame["service"]), placed).alias("service_id"),
        masked(world.teams["team_id"].gather(team), named).alias("team_id"),
        masked(pl.Series(severity), graded).alias("severity"),
        pl.Series("severity_raw", raw),
        instants(opened).alias("opened_at"),
        instants(answered, rng.random(n) < 0.96).alias("acknowledged_at"),
        instants(resolved, ~frame["is_open"].to_numpy()).alias("resolved_at"),
        pl.Series("explicit", explicit),
        masked(pl.Series(is_change), said).alias("change_caused"),
        masked(pl.Series(dates, dtype=pl.Date), held).alias("postmortem_on"),
        ("https://status.larkspur.invalid/" + ids).alias("url"),
    )
