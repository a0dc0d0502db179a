"""What people ask for and resolve: support tickets, actions, self-assessments, and the ledger of changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.sources.sample import assessments, gamers
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
    NEVER,
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
from idp_analytics.sources.sample.golden import BASE, DATABASE, PIPELINE, Adoption

TICKETS = 0.014
"""Support tickets per person and day before any is saved by a golden path."""
DEFLECTED = 0.6
"""Share of a team's database tickets that vanish once a service of it is on ``postgres-module``."""

ANSWER_HOURS, ANSWER_SIGMA = 2.0, 1.2
"""Median and log-standard deviation of the hours from asking to the first answer (a minute at least)."""
SETTLE_HOURS, SETTLE_SIGMA = 18.0, 1.3
"""The same from there until it is settled (two minutes at least)."""
SETTLED = 0.97
"""Share of tickets that are ever settled."""
REOPENS = 0.08
"""How often a ticket is opened again, on average; independent of all else."""

_CATEGORIES = ("access", "database", "pipeline", "network", "question", "quota")
_CATEGORY_SHARES = (0.24, 0.22, 0.20, 0.10, 0.18, 0.06)


def tables(world: World, adopted: Adoption, incidents: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """``tickets``, ``actions``, ``assessments`` and ``interventions``; and what is true of the tickets: how often each category is
    asked, how long it takes, how many database tickets the golden path saved."""
    tickets, planted = _tickets(world, adopted)
    return (
        {
            "tickets": tickets,
            "actions": _actions(world, incidents),
            "assessments": assessments.table(world),
            "interventions": _interventions(world, adopted),
        },
        planted,
    )


def _tickets(world: World, adopted: Adoption) -> tuple[pl.DataFrame, dict[str, Any]]:
    rng = stream(world.seed, "tickets")
    team, at = events(rng, TICKETS * world.teams["people"].to_numpy(), world.start, world.days)
    category = np.array(_CATEGORIES)[rng.choice(len(_CATEGORIES), len(at), p=_CATEGORY_SHARES)]
    day = (at - world.opening) // DAY
    served = _first_database_day(world, adopted)[team] <= day
    saved = served & (category == "database") & (rng.random(len(at)) < DEFLECTED)
    quiet = world.is_quiet(team, at)
    keep = ~saved & ~quiet
    order = np.lexsort((team[keep], at[keep]))
    drawn, team, at, category = category, team[keep][order], at[keep][order], category[keep][order]
    n = len(at)
    answered = at + np.maximum(60, lognormal(rng, ANSWER_HOURS * HOUR, ANSWER_SIGMA, n)).astype(np.int64)
    resolved = answered + np.maximum(120, lognormal(rng, SETTLE_HOURS * HOUR, SETTLE_SIGMA, n)).astype(np.int64)
    done = (resolved < world.end) & (rng.random(n) < SETTLED)
    frame = pl.DataFrame(
        {
            "ticket_id": numbered("tick-", n, digits=5),
            "team_id": world.teams["team_id"].gather(team),
            "service_id": masked(world.service_of(rng, team, at), rng.random(n) < 0.5),
            "category": category,
            "priority": rng.choice(["P1", "P2", "P3", "P4"], n, p=[0.05, 0.2, 0.5, 0.25]),
            "channel": rng.choice(["chat", "portal", "mail"], n, p=[0.55, 0.35, 0.1]),
            "created_at": instants(at),
            "first_response_at": instants(answered, answered < world.end),
            "resolved_at": instants(resolved, done),
            "reopens": rng.poisson(REOPENS, n),
            "status": np.where(done, "done", "open"),
        }
    ).with_columns(pl.when(pl.col("category") == "pipeline").then(pl.lit(PIPELINE)).alias("golden_path_id"))
    asked = served & (drawn == "database") & ~quiet
    told = {
        "database_tickets_without_path": int(asked.sum()), "database_tickets_saved": int((asked & saved).sum()),
        "per_person_of_a_team_and_day": TICKETS, "people_of_teams": int(world.teams["people"].sum()),
        "category_shares": dict(zip(_CATEGORIES, _CATEGORY_SHARES, strict=True)),
        "answer_hours": {"median": ANSWER_HOURS, "sigma": ANSWER_SIGMA},
        "from_answer_to_settled_hours": {"median": SETTLE_HOURS, "sigma": SETTLE_SIGMA},
        "settled_ever": SETTLED, "reopened_ever": round(1 - math.exp(-REOPENS), 6),
        "about_a_path": {"pipeline": PIPELINE},
    }  # fmt: skip
    return shaped("tickets", frame), told


def _first_database_day(world: World, adopted: Adoption) -> Ints:
    """Per team, the first day on which one of its services is on ``postgres-module``."""
    days = np.full(world.teams.height, NEVER)
    np.minimum.at(days, world.services["team_before"].to_numpy(), adopted.days[DATABASE])
    return days


def _dated(world: World, days: Ints, known: Bools | None = None) -> pl.Series:
    """Days since the start → dates, null where not known."""
    frame = pl.DataFrame({"day": np.where(np.abs(days) < NEVER, days, 0)})
    dates = frame.select((pl.lit(world.start) + pl.duration(days="day")).cast(pl.Date)).to_series()
    return dates if known is None else masked(dates, known)


def _actions(world: World, incidents: pl.DataFrame) -> pl.DataFrame:
    """What retrospectives (every other week) and postmortems resolved, and whether it was done."""
    rng = stream(world.seed, "actions")
    held = np.arange(10, world.days - 1, 14)
    team, place = np.repeat(np.arange(world.teams.height), len(held)), np.tile(held, world.teams.height)
    quiet = world.is_quiet(team, world.opening + place * DAY)
    count = np.where(quiet, 0, rng.poisson(0.9, len(team)))
    retro = pl.DataFrame(
        {
            "team_id": world.teams["team_id"].gather(np.repeat(team, count)),
            "day": np.repeat(place, count),
            "origin_id": pl.Series([f"retro-{d:03d}" for d in range(world.days)]).gather(np.repeat(place, count)),
        }
    ).with_columns(pl.lit("retrospective").alias("origin"))
    names = world.teams["team_id"]
    later = incidents.filter(pl.col("postmortem_on").is_not_null() & pl.col("service_id").is_not_null())
    service = later["service_id"].replace_strict(
        world.services["service_id"], world.services["service"], return_dtype=pl.Int64
    )
    opened = (later["postmortem_on"] - world.start).dt.total_days().to_numpy()
    owner = world.owner(service.to_numpy(), world.opening + opened * DAY)
    after = pl.DataFrame(
        {"team_id": names.gather(owner), "day": opened, "origin_id": later["incident_id"]}
    ).with_columns(pl.lit("postmortem").alias("origin"))
    frame = pl.concat([retro, after], how="diagonal_relaxed").sort("day", "team_id", "origin_id")
    n, day = frame.height, frame["day"].to_numpy()
    took = np.maximum(1, lognormal(rng, 16.0, 0.9, n)).astype(np.int64)
    took = gamers.closing_days(world, frame["team_id"], day, took)
    lot = rng.random(n)
    closed = (lot < 0.8) & (day + took < world.days)
    resolved = shaped(
        "actions",
        frame.with_columns(
            numbered("todo-", n, digits=5).alias("action_id"),
            _dated(world, day).alias("opened_on"),
            _dated(world, day + rng.choice([14, 28], n), rng.random(n) < 0.85).alias("due_on"),
            _dated(world, day + took, closed).alias("closed_on"),
            masked(pl.Series(np.where(lot < 0.68, "done", "dropped")), closed).alias("outcome"),
            pl.Series("carried_over", np.minimum(took // 14, 6)),
        ),
    )
    return pl.concat([resolved, _reviewed(world, n + 1)])


REVIEWED = "secure-base-rollout"
"""The change of the ledger of which something was resolved on the day it was to be looked at; of the other nobody has written anything down."""


def _reviewed(world: World, number: int) -> pl.DataFrame:
    """What a team resolved on the last day, when :data:`REVIEWED` was looked at."""
    day = world.days - 1
    everybody = np.arange(world.teams.height)
    there = everybody[~world.is_quiet(everybody, np.full(len(everybody), world.opening + day * DAY))]
    return shaped(
        "actions",
        pl.DataFrame({"team_id": world.teams["team_id"].gather(there[:1])}).with_columns(
            pl.lit(f"todo-{number:05d}").alias("action_id"), pl.lit("retrospective").alias("origin"), pl.lit(REVIEWED).alias("origin_id"),
            _dated(world, np.array([day])[: len(there)]).alias("opened_on"), _dated(world, np.array([day + 28])[: len(there)]).alias("due_on"),
            pl.lit(None, pl.Date).alias("closed_on"), pl.lit(None, pl.String).alias("outcome"), pl.lit(0).alias("carried_over"),
        ),
    )  # fmt: skip


def _interventions(world: World, adopted: Adoption) -> pl.DataFrame:
    """The ledger: what was changed in the hope of what, for whom, and when they took it up."""
    planned = (
        ("pipeline-rollout", PIPELINE, "Changes reach production sooner", "change_lead_time", 4.0),
        (REVIEWED, BASE, "Deployments fail less often", "change_fail_rate", 0.02),
    )
    parts = []
    for name, path, hope, metric, effect in planned:
        days = adopted.days[path]
        announced = max(0, min(adopted.announced[path], world.days - 30))
        unit = np.flatnonzero((days > announced) & ~world.services["is_git"].to_numpy())
        joined = days[unit]
        parts.append(
            pl.DataFrame(
                {
                    "unit_id": world.services["service_id"].gather(unit),
                    "adopted_on": _dated(world, joined, joined < NEVER),
                    "registered_at": instants(np.full(len(unit), world.opening + announced * DAY + 9 * HOUR)),
                    "review_on": _dated(world, np.full(len(unit), world.days - 1)),
                }
            ).with_columns(
                pl.lit(name).alias("intervention_id"), pl.lit("service").alias("unit_kind"), pl.lit(hope).alias("hypothesis"),
                pl.lit(metric).alias("metric"), pl.lit("down").alias("direction"), pl.lit(effect).alias("smallest_effect"),
                pl.lit(path).alias("component"),
            )
        )  # fmt: skip
    return shaped("interventions", pl.concat(parts)).sort("intervention_id", "unit_id")
