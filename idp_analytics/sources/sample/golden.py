"""The golden paths: what they are, who is on them since when, and which version they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, HOUR, NEVER, Bools, Ints, instants, masked, shaped, stream

TEMPLATE, PIPELINE, DATABASE, BASE = "service-template", "delivery-pipeline", "postgres-module", "secure-base"

LEAD_FACTOR = 0.6
"""What adopting ``delivery-pipeline`` multiplies a service's lead-time median by."""
RATE_FACTOR = 1.35
"""What adopting it multiplies a service's deployment rate by."""
CHAMPIONED_BEFORE = 0.15
NEVER_ADOPT = 0.25
ADOPTION_NOISE = 0.8
"""The smaller, the more adoption follows speed: fast teams come first, so comparing adopters with others misleads."""
HOLD_OUTS = 0.08
"""Share of services that do not take up ``secure-base`` though it is mandated."""
UNKNOWN_DRIFT = 0.05
RELEASE_EVERY = 55
"""Days between versions of a path."""

_TITLES = {
    TEMPLATE: ("Service template", "template", "born", 240.0),
    PIPELINE: ("Delivery pipeline", "workflow", "uses", 25.0),
    DATABASE: ("PostgreSQL module", "module", "declared", 90.0),
    BASE: ("Secure base image", "policy", "conforms", None),
}


@dataclass(frozen=True)
class Adoption:
    """Per path, the day since the start on which each service (by index) came onto it; ``NEVER``: not at all."""

    days: Mapping[str, Ints]
    announced: Mapping[str, int]
    mandated: int

    def on(self, path: str, service: Ints, day: Ints) -> Bools:
        """Whether each service is on ``path`` on each day."""
        joined: Bools = self.days[path][service] <= day
        return joined


def adoption(world: World) -> Adoption:
    """Who takes up which path when: by choice (fast teams first), at birth, or because it is mandated."""
    rng = stream(world.seed, "adoption")
    services = world.services
    n, months, span = services.height, world.months, world.days
    created = services["created_day"].to_numpy()
    retired = services["retired_day"].to_numpy()
    lead = world.teams["lead_hours"].to_numpy()[services["team_before"].to_numpy()]
    month = np.array([(day - world.start).days for day in world.month_starts()])

    # By choice: ordered by speed and chance; some before the data begin, the rest in monthly cohorts, some never.
    eligible = ~services["is_git"].to_numpy()
    score = np.where(eligible, np.log(lead) + ADOPTION_NOISE * rng.standard_normal(n), np.inf)
    rank = np.empty(n)
    rank[np.argsort(score, kind="stable")] = np.arange(n)
    place = rank / max(1, eligible.sum())
    cohorts = max(1, months - 2)
    cohort = np.clip(
        ((place - CHAMPIONED_BEFORE) / (1 - CHAMPIONED_BEFORE - NEVER_ADOPT) * cohorts).astype(int), 0, cohorts - 1
    )
    by_choice = month[np.minimum(cohort + 1, len(month) - 1)] + rng.integers(0, 21, n)
    pipeline = np.where(place < CHAMPIONED_BEFORE, -rng.integers(20, 150, n), by_choice)
    pipeline = np.where(eligible & (place < 1 - NEVER_ADOPT), np.maximum(pipeline, created), NEVER)

    announced = {PIPELINE: -150, TEMPLATE: -420, DATABASE: int(month[months // 3]), BASE: int(month[months // 3])}
    database = announced[DATABASE] + rng.integers(0, max(2, span - announced[DATABASE] - 20), n)
    database = np.where(rng.random(n) < 0.5, np.maximum(database, created), NEVER)

    template = np.where(created > announced[TEMPLATE], created, NEVER)

    mandated = int(month[max(1, round(months * 2 / 3))])
    lot = rng.random(n)
    early = rng.integers(announced[BASE], max(announced[BASE] + 1, mandated - 30), n)
    pushed = rng.integers(max(0, mandated - 30), mandated + 40, n)
    base = np.where(lot < 0.2, early, pushed)
    base = np.where(lot > 1 - HOLD_OUTS, NEVER, np.maximum(base, created))

    joined = {TEMPLATE: template, PIPELINE: pipeline, DATABASE: database, BASE: base}
    known = {path: np.where((day < retired) & (day < span), day, NEVER) for path, day in joined.items()}
    return Adoption(known, announced, mandated)


def tables(world: World, adopted: Adoption) -> dict[str, pl.DataFrame]:
    """``golden_paths``, ``golden_path_versions`` and ``service_golden_path`` (one snapshot a month)."""
    releases = {path: _releases(world, adopted, path) for path in _TITLES}
    return {
        "golden_paths": _paths(world, adopted, releases),
        "golden_path_versions": _versions(world, releases),
        "service_golden_path": _snapshots(world, adopted, releases),
    }


def versions_on(world: World, adopted: Adoption, path: str, day: Ints) -> pl.Series:
    """The newest version of ``path`` on each day; null before there was one."""
    releases = _releases(world, adopted, path)
    newest = np.searchsorted(releases, day, side="right") - 1
    return masked(pl.Series(_names(releases)).gather(np.maximum(newest, 0)), newest >= 0)


def _names(releases: Ints) -> list[str]:
    """The name of each release of a path, oldest first."""
    return [f"1.{number}.0" for number in range(len(releases))]


def _releases(world: World, adopted: Adoption, path: str) -> Ints:
    """The days on which versions of a path came out, from 30 days before it was announced."""
    return np.arange(adopted.announced[path] - 30, world.days - 3, RELEASE_EVERY, dtype=np.int64)


def _day(world: World, day: int) -> date:
    return world.start + timedelta(days=day)


def _paths(world: World, adopted: Adoption, releases: Mapping[str, Ints]) -> pl.DataFrame:
    rows = [
        {
            "golden_path_id": path,
            "title": title,
            "kind": kind,
            "owner_team_id": "platform",
            "applies_to": ["service", "website"] if path == TEMPLATE else None,
            "current_version": _names(releases[path])[-1],
            "announced_on": _day(world, adopted.announced[path]),
            "mandated_from": _day(world, adopted.mandated) if path == BASE else None,
            "minutes_saved": minutes,
        }
        for path, (title, kind, _, minutes) in _TITLES.items()
    ]
    frame = pl.DataFrame(rows, schema_overrides={"applies_to": pl.List(pl.String)})
    first = instants([world.opening + releases[path][0] * DAY + 10 * HOUR for path in _TITLES])
    return shaped("golden_paths", frame.with_columns(first.alias("released_at")))


def _versions(world: World, releases: Mapping[str, Ints]) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"version": _names(days)}).with_columns(
            pl.lit(path).alias("golden_path_id"), instants(world.opening + days * DAY + 10 * HOUR).alias("released_at")
        )
        for path, days in releases.items()
    ]
    return shaped("golden_path_versions", pl.concat(parts))


def _snapshots(world: World, adopted: Adoption, releases: Mapping[str, Ints]) -> pl.DataFrame:
    rng = stream(world.seed, "snapshots")
    ends = [*world.month_starts()[1:], world.until]
    seen = np.array([(day - world.start).days - 1 for day in ends])
    retired = world.services["retired_day"].to_numpy()
    parts = []
    for path, (_, _, evidence, _) in _TITLES.items():
        joined, days = adopted.days[path], releases[path]
        behind_by = rng.exponential(45.0, len(joined)).astype(np.int64)
        service, snapshot = np.nonzero(joined[:, None] <= seen[None, :])
        day = seen[snapshot]
        newest = np.searchsorted(days, day, side="right") - 1
        taken = np.maximum(day - behind_by[service], joined[service])
        running = np.clip(np.searchsorted(days, taken, side="right") - 1, 0, newest)
        unknown = rng.random(len(service)) < UNKNOWN_DRIFT
        drift = np.select([unknown, running == newest], ["unknown", "current"], "behind")
        names = pl.Series(_names(days))
        gone = retired[service] <= day
        parts.append(
            pl.DataFrame(
                {
                    "service_id": world.services["service_id"].gather(service),
                    "as_of": pl.Series([end - timedelta(days=1) for end in ends]).gather(snapshot),
                    "version": masked(names.gather(running), ~unknown),
                    "joined_at": instants(world.opening + joined[service] * DAY + 11 * HOUR),
                    "left_at": instants(world.opening + np.where(gone, retired[service], 0) * DAY + 9 * HOUR, gone),
                    "drift": drift,
                }
            ).with_columns(pl.lit(path).alias("golden_path_id"), pl.lit(evidence).alias("evidence"))
        )
    return shaped("service_golden_path", pl.concat(parts)).sort("as_of", "golden_path_id", "service_id")
