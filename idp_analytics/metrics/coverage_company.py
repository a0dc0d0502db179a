"""A made-up company in which nothing changes and every truth is known: what the coverage study measures.

Drawn directly as tables, seeded, the same every time. Each team has one service; it deploys as a Poisson process of constant
rate, brings changes whose lead times are log-normal, and each deployment causes an incident with a constant probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import poisson

from idp_analytics.tables import TABLES, empty

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

PACES = {"quiet": 0.2, "usual": 0.8, "busy": 3.0}
"""Kind of team → its typical deployments per day; single teams differ from it by a third or so."""

FIRST, SINCE, AS_OF = (datetime(year, month, 1, tzinfo=UTC) for year, month in ((2024, 1), (2024, 2), (2025, 2)))
"""The data begin at FIRST; measured are the twelve months from SINCE to AS_OF, so that what begins with the data is over."""

_SPREAD = 1.0
"""Standard deviation of the logarithm of durations: the mean is 1.65 times the median."""
_WAITING = 0.3
"""The part of a lead time that comes after the merge."""
_MORE_CHANGES = 1.5
"""Changes of a deployment beyond its first, on average."""
_STEPS_BACK = 0.04
"""The share of deployments said to be rollbacks."""
_LATER = 60.0
"""Days drawn beyond AS_OF and then hidden: work merged by then waits for deployments nobody has seen yet."""


@dataclass(frozen=True)
class Company:
    """``tables``: every canonical table. ``truth``: ``team_id``, ``pace``, and one column per metric with its true value in
    the metric's unit."""

    tables: dict[str, pl.LazyFrame]
    truth: pl.DataFrame


def drawn(seed: int, teams: int) -> Company:
    """A company of ``teams`` teams, in turn of each pace."""
    rng = np.random.default_rng(seed)
    names = np.array([f"team-{i:04d}" for i in range(teams)])
    pace = np.array(list(PACES))[np.arange(teams) % len(PACES)]
    rate = np.array(list(PACES.values()))[np.arange(teams) % len(PACES)] * rng.lognormal(0, 0.3, teams)
    fails = rng.uniform(0.05, 0.35, teams)
    lead, repair = (median * rng.lognormal(0, 0.4, teams) for median in (30.0, 3.0))

    begin = FIRST.timestamp() / 3600
    end, hidden = (AS_OF - FIRST).total_seconds() / 3600, _LATER * 24
    number = rng.poisson(rate * (end + hidden) / 24)
    team = np.repeat(np.arange(teams), number)
    at = rng.uniform(0, end + hidden, len(team))
    order = np.lexsort((at, team))
    at = at[order]  # teams are in order already

    following = np.where(np.append(team[1:] != team[:-1], True), np.inf, np.append(at[1:], np.inf)) - at
    seen = at < end
    deployments = pl.DataFrame(
        {
            "deployment_id": _ids("d", len(team)),
            "service_id": names[team],
            "team_id": names[team],
            "environment": "production",
            "outcome": "success",
            "finished_at": _moments(begin + at),
            "is_rollback": rng.random(len(team)) < _STEPS_BACK,
        }
    )
    changes, links = _changes(rng, deployments, team, at, lead, begin)
    incidents = _incidents(rng, deployments.filter(seen), team[seen], at[seen], following[seen], fails, repair, begin)
    made = {
        "teams": pl.DataFrame({"team_id": names, "name": names, "kind": "team"}),
        "services": pl.DataFrame({"service_id": names, "name": names}),
        "ownership": pl.DataFrame({"service_id": names, "team_id": names}),
        "deployments": deployments.filter(seen),
        "changes": changes.filter(pl.col("merged_at") < AS_OF),
        "deployment_changes": links.join(deployments.filter(seen), on="deployment_id", how="semi"),
        "incidents": incidents.filter(pl.col("opened_at") < AS_OF),
    }
    # At a random moment, and so at a deployment, as many incidents are open as a Poisson number of this mean says.
    open_at_once = rate / 24 * fails * repair * np.exp(_SPREAD**2 / 2)
    truth = {
        "deployment_frequency": rate,
        "deployment_days": 1 - np.exp(-rate),
        "change_lead_time": lead,
        "change_fail_rate": fails,
        "failed_deployment_recovery_time": repair,
        "deployment_rework_rate": 1 - (1 - _STEPS_BACK) * np.exp(-open_at_once),
        "time_between_deployments": np.log(2) * 24 / rate,
        "merge_to_deploy_time": _WAITING * lead,
        "batch_size": np.full(teams, 1 + poisson.median(_MORE_CHANGES)),
        "incident_free_share": np.exp(-open_at_once),
    }
    return Company(_canonical(made), pl.DataFrame({"team_id": names, "pace": pace, **truth}))


def _changes(
    rng: np.random.Generator, deployments: pl.DataFrame, team: Places, at: Array, lead: Array, begin: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    of = np.repeat(np.arange(len(team)), 1 + rng.poisson(_MORE_CHANGES, len(team)))
    took = lead[team[of]] * rng.lognormal(0, _SPREAD, len(of))
    ids, whose = _ids("c", len(of)), deployments["team_id"].gather(of)
    changes = pl.DataFrame(
        {
            "change_id": ids,
            "kind": "pull_request",
            "service_id": whose,
            "team_id": whose,
            "first_commit_at": _moments(begin + at[of] - took),
            "merged_at": _moments(begin + at[of] - _WAITING * took),
        }
    )
    return changes, pl.DataFrame({"deployment_id": deployments["deployment_id"].gather(of), "change_id": ids})


def _incidents(
    rng: np.random.Generator, deployments: pl.DataFrame, team: Places, at: Array, following: Array, fails: Array, repair: Array,
    begin: float,
) -> pl.DataFrame:  # fmt: skip
    """Noticed within ten minutes, before the next deployment; of every other one somebody recorded the cause."""
    failed = np.flatnonzero(rng.random(len(team)) < fails[team])
    opened = at[failed] + np.minimum(rng.uniform(0, 1 / 6, len(failed)), following[failed] / 2)
    lasted = repair[team[failed]] * rng.lognormal(0, _SPREAD, len(failed))
    cause, whose = (deployments[name].gather(failed) for name in ("deployment_id", "team_id"))
    recorded = pl.Series(rng.random(len(failed)) < 0.5)
    resolved = begin + opened + lasted
    return pl.DataFrame(
        {
            "incident_id": _ids("i", len(failed)),
            "service_id": whose,
            "team_id": whose,
            "opened_at": _moments(begin + opened),
            "resolved_at": _moments(resolved),
            "deployment_id": cause,
            "recorded": recorded,
        }
    ).with_columns(
        pl.when("recorded").then("deployment_id").alias("deployment_id"),
        pl.when(pl.col("resolved_at") < AS_OF).then("resolved_at").alias("resolved_at"),
    )


def _canonical(made: dict[str, pl.DataFrame]) -> dict[str, pl.LazyFrame]:
    """Every table, typed; those not made are empty."""
    tables = {}
    for name, table in TABLES.items():
        frame = made.get(name, empty(name))
        schema = dict(table.schema) | ({"team_id": pl.String} if table.owned else {})
        have = frame.columns
        tables[name] = frame.lazy().select(
            (pl.col(column) if column in have else pl.lit(None)).cast(dtype).alias(column)
            for column, dtype in schema.items()
        )
    return tables


def _ids(letter: str, number: int) -> pl.Series:
    return pl.select(pl.format("{}-{}", pl.lit(letter), pl.int_range(number))).to_series()


def _moments(hours: Array) -> pl.Series:
    return pl.Series(np.round(hours * 3.6e9).astype(np.int64)).cast(pl.Datetime("us", "UTC"))
