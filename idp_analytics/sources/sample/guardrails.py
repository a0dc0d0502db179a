"""Rules and the ways round them: escape hatches and policy results; and how much the platform is used at all."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import (
    DAY,
    HOUR,
    NEVER,
    Ints,
    events,
    instants,
    lognormal,
    masked,
    numbered,
    shaped,
    stream,
)
from idp_analytics.sources.sample.golden import BASE, Adoption

OVERRIDES = 0.0008
"""Overrides, suspensions and manual changes per person and day."""
BYPASSERS = ("payments", "mobile")
"""Teams that go round the change freeze under stress, and no other team does."""
BYPASSED = 0.7
"""Share of their severe incidents in which they do."""
USES = 0.2
"""Uses of the platform per person and day, at mid-year; half as many at the start, half as many again at the end."""

LONG_DAYS = 730
"""How long the first exemption lasts: its service passes to the end, and only because it is exempt."""

_RULES = (
    # policy, rule, engine, enforcement, severity, share passing at first, share passing at last
    ("image-provenance", "signed-base-image", "kyverno", "deny", "high", 0.55, 0.95),
    ("resource-limits", "limits-set", "kyverno", "audit", "medium", 0.80, 0.86),
    ("storage", "no-public-bucket", "opa", "deny", "critical", 0.97, 0.99),
    ("labels", "owner-label", "gatekeeper", "warn", "low", 0.70, 0.92),
)
_USED = (
    # component, action, does something, share
    ("portal", "view", False, 0.34), ("portal", "search", False, 0.16), ("docs", "view", False, 0.18),
    ("cli", "deploy", True, 0.14), ("cli", "logs", False, 0.08), ("templates", "create", True, 0.03),
    ("environments", "create", True, 0.07),
)  # fmt: skip

DEAD, FEW, YOUNG = "deploy-console", "build-cache", "previews"
"""Planted components: nobody has used the first for long, two teams use the second, the third is new."""
DEAD_FROM, YOUNG_DAYS = 0.35, 50
"""When the first was last used, as a part of the time covered; how many days the third has been there."""
_PLANTED_RATE = 0.25
"""Uses per team and day of each, by the few teams that use it."""


def tables(world: World, adopted: Adoption, incidents: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """``escape_hatches``, ``policy_results`` and ``usage``; ``incidents`` is that table."""
    hatches = _hatches(world, adopted, incidents)
    return {
        "escape_hatches": hatches,
        "policy_results": _policies(world, adopted, hatches),
        "usage": _usage(world),
    }


def _hatches(world: World, adopted: Adoption, incidents: pl.DataFrame) -> pl.DataFrame:
    rng = stream(world.seed, "hatches")
    parts = [_exemptions(world, adopted, rng), _bypasses(world, incidents, rng), _overrides(world, rng)]
    frame = pl.concat(parts, how="diagonal_relaxed").filter(pl.col("opened_at") < instants([world.end])[0])
    frame = frame.sort("opened_at", "service_id", "team_id", nulls_last=True)
    return shaped("escape_hatches", frame.with_columns(numbered("hatch-", frame.height, digits=4).alias("hatch_id")))


def _people(world: World, rng: np.random.Generator, team: Ints, at: Ints) -> dict[str, pl.Series]:
    platform = np.full(len(team), world.teams["team_id"].to_list().index("platform"))
    return {
        "requestor_id": world.person_ids(world.member(rng, team, at)),
        "approver_id": world.person_ids(world.member(rng, platform, at)),
    }


def _exemptions(world: World, adopted: Adoption, rng: np.random.Generator) -> pl.DataFrame:
    """The hold-outs of the mandated path, each with an exemption; some have run out and are not closed."""
    out = (adopted.days[BASE] == NEVER) & (world.services["retired_day"] > adopted.mandated).to_numpy()
    service = np.flatnonzero(out)
    created = np.maximum(world.services["created_day"].to_numpy()[service], adopted.mandated)
    at = world.opening + np.minimum(created, world.days - 1) * DAY + rng.integers(8 * HOUR, 16 * HOUR, len(service))
    return pl.DataFrame(
        {
            "service_id": world.services["service_id"].gather(service),
            "opened_at": instants(at),
            "expires_at": instants(at + np.where(np.arange(len(service)) == 0, LONG_DAYS, rng.choice([60, 90, 180], len(service))) * DAY),
            "uses": rng.poisson(8, len(service)),
            **_people(world, rng, world.owner(service, at), at),
        }
    ).with_columns(
        pl.lit("exemption").alias("kind"), pl.lit("image-provenance").alias("policy"),
        pl.lit(BASE).alias("golden_path_id"), pl.lit("legacy runtime").alias("reason"),
    )  # fmt: skip


def _bypasses(world: World, incidents: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Who goes round the change freeze does so in the first minutes of a severe incident."""
    severe = incidents.filter(pl.col("service_id").is_not_null() & (pl.col("severity") <= 2))
    index = severe["service_id"].replace_strict(
        world.services["service_id"], world.services["service"], return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    owner = world.owner(index, severe["opened_at"].dt.epoch("s").to_numpy())
    theirs = world.teams["team_id"].is_in(list(BYPASSERS)).to_numpy()[owner]
    kept = theirs & (rng.random(severe.height) < BYPASSED)
    chosen, service = severe.filter(pl.Series(kept)), index[kept]
    at = chosen["opened_at"].dt.epoch("s").to_numpy() + rng.integers(60, 600, chosen.height)
    closed = at + rng.integers(HOUR, 8 * HOUR, len(at))
    return pl.DataFrame(
        {
            "service_id": chosen["service_id"],
            "opened_at": instants(at),
            "expires_at": instants(at + 4 * HOUR),
            "closed_at": instants(closed, closed < world.end),
            "uses": 1 + rng.poisson(0.5, len(at)),
            **_people(world, rng, world.owner(service, at), at),
        }
    ).with_columns(
        pl.lit("bypass").alias("kind"), pl.lit("change-freeze").alias("policy"), pl.lit("incident").alias("reason")
    )


def _overrides(world: World, rng: np.random.Generator) -> pl.DataFrame:
    team, at = events(rng, OVERRIDES * world.teams["people"].to_numpy(), world.start, world.days)
    n = len(at)
    kind = rng.choice(["exception", "override", "suspend", "manual"], n, p=[0.4, 0.3, 0.15, 0.15])
    closed = at + np.maximum(HOUR, lognormal(rng, 9.0 * DAY, 1.0, n)).astype(np.int64)
    return pl.DataFrame(
        {
            "team_id": world.teams["team_id"].gather(team),
            "service_id": world.service_of(rng, team, at),
            "kind": kind,
            "policy": np.array([row[0] for row in _RULES])[rng.integers(0, len(_RULES), n)],
            "opened_at": instants(at),
            "expires_at": instants(at + 14 * DAY, kind != "manual"),
            "closed_at": instants(closed, (closed < world.end) & (rng.random(n) < 0.85)),
            "reason": np.array(["deadline", "migration", "false alarm", "vendor"])[rng.integers(0, 4, n)],
            "uses": rng.poisson(3, n),
            **_people(world, rng, team, at),
        }
    )


def _policies(world: World, adopted: Adoption, hatches: pl.DataFrame) -> pl.DataFrame:
    """Each rule's verdict on each live service, once a month; the base image rule follows who is on the secure base."""
    rng = stream(world.seed, "policies")
    seen = [day - timedelta(days=1) for day in (*world.month_starts()[1:], world.until)]
    day = np.array([(d - world.start).days for d in seen])
    created, retired = world.services["created_day"].to_numpy(), world.services["retired_day"].to_numpy()
    service, month = np.nonzero((created[:, None] <= day) & (day < retired[:, None]))
    at = world.opening + day[month] * DAY + 6 * HOUR
    exempt = hatches.filter(pl.col("kind") == "exemption").select("service_id", "hatch_id", "opened_at", "expires_at")
    parts = []
    for policy, rule, engine, enforcement, severity, first, last in _RULES:
        share = first + (last - first) * day[month] / world.days
        passing = rng.random(len(service)) < share
        if policy == "image-provenance":
            held_out = world.services["service_id"].gather(service).is_in(exempt["service_id"].implode()).to_numpy()
            passing = adopted.on(BASE, service, day[month]) | (passing & (rng.random(len(service)) < 0.5) & ~held_out)
        skipped = rng.random(len(service)) < 0.02
        parts.append(
            pl.DataFrame(
                {
                    "service_id": world.services["service_id"].gather(service),
                    "as_of": instants(at),
                    "result": np.select([skipped, passing], ["skip", "pass"], "warn" if enforcement == "warn" else "fail"),
                }
            ).with_columns(
                pl.lit(policy).alias("policy"), pl.lit(rule).alias("rule"), pl.lit(engine).alias("engine"),
                pl.lit(enforcement).alias("enforcement"), pl.lit(severity).alias("severity"),
            )
        )  # fmt: skip
    frame = pl.concat(parts).join(exempt, on="service_id", how="left", maintain_order="left")
    used = (
        (pl.col("policy") == "image-provenance")
        & (pl.col("result") == "fail")
        & (pl.col("opened_at") <= pl.col("as_of"))
    )
    # While an exemption is in force the engine is told to say pass, and names it; once it has run out the failure shows again.
    in_force = used & (pl.col("as_of") < pl.col("expires_at"))
    return shaped(
        "policy_results",
        frame.with_columns(
            pl.when(in_force).then(pl.lit("pass")).otherwise("result").alias("result"),
            pl.when(used).then("hatch_id").alias("hatch_id"),
            ("deployment/" + pl.col("service_id")).alias("resource"),
            pl.lit(False).alias("truncated"),
        ),
    ).sort("as_of", "policy", "resource")


def _usage(world: World) -> pl.DataFrame:
    rng = stream(world.seed, "usage")
    growth = np.linspace(0.5, 1.5, world.days)[None, :]
    team, at = events(rng, USES * world.teams["people"].to_numpy(), world.start, world.days, growth)
    order = np.lexsort((team, at))
    order = order[~world.is_quiet(team[order], at[order])]
    team, at = team[order], at[order]
    kind = rng.choice(len(_USED), len(at), p=[row[3] for row in _USED])
    column = {
        name: pl.Series([row[i] for row in _USED]) for i, name in enumerate(("component", "action", "purposeful"))
    }
    search = np.array([row[1] == "search" for row in _USED])[kind]
    usual = shaped(
        "usage",
        pl.DataFrame(
            {
                "event_id": numbered("use-", len(at)),
                **{name: values.gather(kind) for name, values in column.items()},
                "person_id": world.person_ids(world.member(rng, team, at)),
                "team_id": world.teams["team_id"].gather(team),
                "at": instants(at),
                "value": masked(pl.Series(rng.poisson(6, len(at)).astype(float)), search),
            }
        ),
    )
    return pl.concat([usual, _planted(world)])


def _planted(world: World) -> pl.DataFrame:
    """Uses of what hardly anybody uses: by the first teams that are not the platform's own."""
    rng = stream(world.seed, "planted usage")
    ours = np.flatnonzero((world.teams["team_id"] != "platform").to_numpy())
    dead_until = int(DEAD_FROM * world.days) if DEAD_FROM * world.days < world.days - 100 else 0
    spans = ((DEAD, ours[:3], 0, dead_until), (FEW, ours[1:3], 0, world.days),
             (YOUNG, ours[:1], max(0, world.days - YOUNG_DAYS), world.days))  # fmt: skip
    parts = []
    for component, teams, first, end in spans:
        rate = np.zeros(world.teams.height)
        rate[teams] = _PLANTED_RATE
        team, at = events(rng, rate, world.start + timedelta(days=first), max(0, end - first))
        kept = ~world.is_quiet(team, at)
        team, at = team[kept], at[kept]
        order = np.lexsort((team, at))
        parts.append(
            pl.DataFrame(
                {
                    "event_id": numbered(f"use-{component}-", len(at), digits=4),
                    "person_id": world.person_ids(world.member(rng, team[order], at[order])),
                    "team_id": world.teams["team_id"].gather(team[order]),
                    "at": instants(at[order]),
                }
            ).with_columns(pl.lit(component).alias("component"), pl.lit("run").alias("action"), pl.lit(True).alias("purposeful"))
        )  # fmt: skip
    return shaped("usage", pl.concat(parts, how="diagonal_relaxed"))
