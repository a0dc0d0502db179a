"""Tables of a made-up company at any size, drawn directly: what the delivery benchmark runs on. Seeded, the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from idp_analytics.tables import TABLES, empty

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
SEED = 3
DAY = 86_400


@dataclass(frozen=True)
class Size:
    """How much there is. ``services``: per team."""

    teams: int
    months: int
    deployments: int
    changes: int
    incidents: int
    services: int = 10


SIZES = {
    "small": Size(20, 12, 5_000, 8_000, 500),
    "usual": Size(200, 24, 250_000, 400_000, 10_000),
    "full": Size(2_000, 36, 5_000_000, 8_000_000, 100_000),
}
"""``full`` is what the largest organisations have in three years."""


def write(folder: Path, size: Size) -> None:
    """Every canonical table as Parquet in ``folder``; those the delivery metrics do not read are empty."""
    rng = np.random.default_rng(SEED)
    start = AS_OF - timedelta(days=round(365.25 * size.months / 12))
    span = int((AS_OF - start).total_seconds())
    first = int(start.timestamp())
    names = np.array([f"service-{i:05d}" for i in range(size.teams * size.services)])
    teams = np.array([f"team-{i:04d}" for i in range(size.teams)])
    owner = np.arange(len(names)) // size.services
    deployments = _deployments(rng, size, names, teams, owner, first, span)
    made = {
        "teams": pl.DataFrame({"team_id": teams, "name": teams, "kind": ["team"] * size.teams}),
        "services": pl.DataFrame({"service_id": names, "name": names}),
        "ownership": pl.DataFrame({"service_id": names, "team_id": teams[owner]}),
        "deployments": deployments,
        **_changes(rng, size, deployments),
        "incidents": _incidents(rng, size, deployments, names, teams, owner, first, span),
    }
    for name in TABLES:
        frame = pl.concat([empty(name), made[name]], how="diagonal_relaxed") if name in made else empty(name)
        owned = {"team_id": pl.String} if TABLES[name].owned else {}
        columns = dict.fromkeys([*TABLES[name].schema, *owned])
        missing = [pl.lit(None, pl.String).alias(c) for c in columns if c not in frame.columns]
        frame.with_columns(missing).select(list(columns)).write_parquet(folder / f"{name}.parquet")


def _deployments(
    rng: np.random.Generator, size: Size, names: np.ndarray, teams: np.ndarray, owner: np.ndarray, first: int, span: int
) -> pl.DataFrame:
    n = size.deployments
    weights = (1 + np.arange(len(names)) % size.services) ** -0.7 * rng.lognormal(0, 0.8, size.teams)[owner]
    service = rng.choice(len(names), n, p=weights / weights.sum())
    finished = np.sort(first + rng.integers(3600, span, n))
    return (
        pl.DataFrame(
            {
                "deployment_id": [f"d-{i:08d}" for i in range(n)],
                "service_id": names[service],
                "team_id": teams[owner[service]],
                "environment": rng.choice(["production", "staging"], n, p=[0.85, 0.15]),
                "kind": ["application"] * n,
                "outcome": rng.choice(["success", "failure", "cancel"], n, p=[0.92, 0.06, 0.02]),
                "started_at": _moments(finished - rng.integers(60, 1800, n)),
                "finished_at": _moments(finished),
                "is_resync": rng.random(n) < 0.01,
                "sha": [f"{i:012x}" for i in rng.permutation(n)],
                "back": rng.random(n) < 0.02,
                "said": rng.random(n) < 0.5,
            }
        )
        .with_columns(
            # What runs after a step back is what ran two deployments ago; of half of them the source says so.
            pl.when("back")
            .then(pl.coalesce(pl.col("sha").shift(2).over("service_id", "environment"), "sha"))
            .otherwise("sha"),
            (pl.col("back") & pl.col("said")).alias("is_rollback"),
        )
        .drop("back", "said")
    )


def _changes(rng: np.random.Generator, size: Size, deployments: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Each change is in one deployment, one in twenty in a second one too. One in twenty is a commit, of which half are what
    the pull request before became."""
    n = size.changes
    of = np.sort(rng.integers(0, deployments.height, n))
    ids = pl.Series([f"c-{i:08d}" for i in range(n)])
    finished = deployments["finished_at"].dt.epoch("s").to_numpy()[of]
    took = rng.lognormal(np.log(30 * 3600), 0.9, n).astype(np.int64)
    again = np.flatnonzero(rng.random(n) < 0.05)
    also = np.minimum(of[again] + rng.integers(1, 500, len(again)), deployments.height - 1)
    is_commit = rng.random(n) < 0.05
    of_request = is_commit & ~np.roll(is_commit, 1) & (rng.random(n) < 0.5)
    own = np.arange(n)
    source = np.where(of_request, np.roll(own, 1), own)
    service = deployments["service_id"].gather(of)
    titles = rng.choice(["Add a field to the form", "Update dependencies", "Hotfix for the login", 'Revert "Add a field"'], n,
                        p=[0.57, 0.38, 0.03, 0.02])  # fmt: skip
    changes = pl.DataFrame(
        {
            "change_id": ids,
            "kind": np.where(is_commit, "commit", "pull_request"),
            "repo": service.gather(source),
            "sha": pl.Series([f"{i:012x}" for i in range(n)]).gather(source),
            "title": titles,
            "service_id": service,
            "team_id": deployments["team_id"].gather(of),
            # One in two hundred has a rewritten date, later than its deployment.
            "first_commit_at": _moments(np.where(rng.random(n) < 0.005, finished + 7200, finished - took)),
            "opened_at": _moments(finished - took // 2),
            "first_review_at": _moments(finished - took // 3),
            "merged_at": _moments(finished - took // 4),
        }
    )
    links = pl.DataFrame(
        {
            "deployment_id": deployments["deployment_id"].gather(np.concatenate([of, also])),
            "change_id": pl.concat([ids, ids.gather(again)]),
        }
    ).unique(maintain_order=True)
    return {"changes": changes, "deployment_changes": links}


def _incidents(
    rng: np.random.Generator, size: Size, deployments: pl.DataFrame, names: np.ndarray, teams: np.ndarray, owner: np.ndarray,
    first: int, span: int,
) -> pl.DataFrame:  # fmt: skip
    """Seven in ten follow a deployment within a day and a half; of half of those somebody recorded it. All are resolved."""
    n, end = size.incidents, first + span
    caused = rng.random(n) < 0.7
    of = rng.integers(0, deployments.height, n)
    index = pl.Series(np.char.replace(names, "service-", "")).cast(pl.Int64)
    stray = rng.integers(0, len(names), n)
    theirs = deployments["service_id"].str.slice(8).cast(pl.Int64).to_numpy()[of]
    service = np.where(caused, theirs, index.to_numpy()[stray])
    after = deployments["finished_at"].dt.epoch("s").to_numpy()[of] + rng.integers(0, 36 * 3600, n)
    opened = np.minimum(np.where(caused, after, first + rng.integers(3600, span, n)), end - 120)
    took = np.maximum(60, rng.lognormal(np.log(2 * 3600), 1.0, n)).astype(np.int64)
    recorded = pl.Series(caused & (rng.random(n) < 0.5))
    said = rng.choice(["yes", "no", "silent"], n, p=[0.4, 0.15, 0.45])
    return pl.DataFrame(
        {
            "incident_id": [f"i-{i:07d}" for i in range(n)],
            "service_id": names[service],
            "team_id": teams[owner[service]],
            "opened_at": _moments(opened),
            "resolved_at": _moments(np.minimum(opened + took, end - 60)),
            "deployment_id": deployments["deployment_id"].gather(of),
            "said": said,
            "recorded": recorded,
        }
    ).select(
        "incident_id", "service_id", "team_id", "opened_at", "resolved_at",
        pl.when("recorded").then("deployment_id").alias("deployment_id"),
        pl.when(pl.col("recorded") | (pl.col("said") == "yes")).then(True).when(pl.col("said") == "no").then(False).alias("change_caused"),
    )  # fmt: skip


def _moments(seconds: np.ndarray) -> pl.Series:
    return pl.Series(seconds.astype(np.int64) * 1_000_000).cast(pl.Datetime("us", "UTC"))
