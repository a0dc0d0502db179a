"""Our answers against the same questions in plain pandas, on the same tables, in one run.

pandas is written as an analyst would: merge, group, count; no intervals, no missing, no comparison, months only. Ours
computes all of that for organisation, teams and services. The numbers both give are compared first.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl

from idp_analytics import metrics
from idp_analytics.settings import Settings
from idp_analytics.sources import sample
from idp_analytics.tables import TABLES, empty
from idp_analytics.tables.ownership import attribute

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
REPEATS = 3


def trusted(teams: int) -> dict[str, pl.DataFrame]:
    """The synthetic company's tables with owners as of the event."""
    made = sample.generate(teams=teams).tables
    tables = {
        name: pl.concat([empty(name), made[name]], how="diagonal_relaxed").select(list(TABLES[name].schema))
        if name in made
        else empty(name)
        for name in TABLES
    }
    return {name: attribute(TABLES[name], frame, tables["ownership"], "UTC") for name, frame in tables.items()}


def in_pandas(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Deployments, change lead time, change fail rate and cost per team and month."""
    d = tables["deployments"]
    resync = d["is_resync"].astype("boolean").fillna(False).astype(bool)
    d = d[(d["environment"] == "production") & (d["outcome"] == "success") & d["finished_at"].notna() & ~resync].copy()
    d["month"] = d["finished_at"].dt.strftime("%Y-%m")
    count = d.groupby(["team_id", "month"]).size().rename("n").reset_index()

    links = tables["deployment_changes"].merge(
        d[["deployment_id", "team_id", "finished_at", "month"]], on="deployment_id"
    )
    links = links.sort_values(["finished_at", "deployment_id"]).drop_duplicates("change_id")
    links = links.merge(tables["changes"][["change_id", "first_commit_at"]], on="change_id", how="left")
    links["hours"] = (links["finished_at"] - links["first_commit_at"]).dt.total_seconds() / 3600
    lead = links[links["hours"] >= 0].groupby(["team_id", "month"])["hours"].median().reset_index()

    caused = tables["incidents"]["change_caused"].astype("boolean").fillna(True).astype(bool)
    incidents = tables["incidents"][caused].sort_values("opened_at")
    near = pd.merge_asof(
        incidents[incidents["service_id"].notna()][["incident_id", "service_id", "opened_at", "deployment_id"]],
        d.sort_values("finished_at")[["service_id", "finished_at", "deployment_id"]].rename(columns={"deployment_id": "near"}),
        left_on="opened_at", right_on="finished_at", by="service_id", tolerance=pd.Timedelta(hours=24),
    )  # fmt: skip
    failed = set(near["deployment_id"].where(near["deployment_id"].notna(), near["near"]).dropna())
    d["failed"] = d["deployment_id"].isin(failed)
    rate = d.groupby(["team_id", "month"])["failed"].mean().reset_index()

    costs = tables["costs"][tables["costs"]["basis"] == "effective"].copy()
    costs["month"] = costs["period_start"].dt.strftime("%Y-%m")
    cost = costs.groupby(["team_id", "month", "currency"])["amount"].sum().reset_index()
    return {"count": count, "lead": lead, "rate": rate, "cost": cost}


def median_seconds(what: Callable[[], object]) -> float:
    """The median of a few runs after one to warm up."""
    what()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        what()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(sizes: list[int]) -> None:
    """One line per size."""
    print(
        f"{'teams':>6} {'deployments':>12} {'cost rows':>10} {'ours s':>8} {'pandas s':>9} {'ratio':>6}   (median of {REPEATS})"
    )
    for teams in sizes:
        tables = trusted(teams)
        lazy = {name: frame.lazy() for name, frame in tables.items()}
        settings = Settings("bench", "bench", Path(), as_of=AS_OF)
        frames = {
            n: tables[n].to_pandas() for n in ("deployments", "deployment_changes", "changes", "incidents", "costs")
        }
        ours = metrics.compute(lazy, settings, AS_OF, every=("1mo",))
        theirs = in_pandas(frames)["count"]
        mine = (
            ours.filter(metric="deployment_frequency", scope="team").filter(pl.col("n") > 0).sort("entity_id", "period")
        )
        assert mine["n"].to_list() == theirs.sort_values(["team_id", "month"])["n"].to_list(), "the two disagree"
        fast = median_seconds(
            lambda lazy=lazy, settings=settings: metrics.compute(lazy, settings, AS_OF, every=("1mo",))
        )
        slow = median_seconds(lambda frames=frames: in_pandas(frames))
        print(
            f"{teams:>6} {tables['deployments'].height:>12,} {tables['costs'].height:>10,} "
            f"{fast:>8.2f} {slow:>9.2f} {slow / fast:>5.1f}x"
        )


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [9, 100, 500])
