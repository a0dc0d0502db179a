"""DORA's delivery metrics in pandas, with the semantics of METRICS.md: what the delivery benchmark compares ours with.

Written as a careful analyst would: merge, as-of merge, group; no loop over rows or teams. Value, n and Wilson's interval for
organisation, teams and services by month; no other interval, no comparison, no verdict.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = {
    "teams": ["team_id", "kind"],
    "services": ["service_id"],
    "deployments": [
        "deployment_id", "service_id", "team_id", "environment", "kind", "outcome", "started_at", "finished_at", "is_rollback",
        "is_resync", "sha", "version",
    ],
    "deployment_changes": ["deployment_id", "change_id"],
    "changes": ["change_id", "kind", "repo", "sha", "first_commit_at"],
    "incidents": [
        "incident_id", "service_id", "team_id", "opened_at", "resolved_at", "deployment_id", "change_caused",
    ],
}  # fmt: skip
"""What the semantics look at; PostgreSQL is given the same."""

SCOPES = {"org": None, "team": "team_id", "service": "service_id"}
PLACE = ["service_id", "environment", "kind"]
Z = 1.959963984540054
Frames = dict[str, pd.DataFrame]


def read(folder: Path) -> Frames:
    """The tables, from Parquet."""
    return {name: pd.read_parquet(folder / f"{name}.parquet", columns=columns) for name, columns in COLUMNS.items()}


def answers(tables: Frames, as_of: pd.Timestamp) -> pd.DataFrame:
    """``metric``, ``scope``, ``entity_id``, ``period``, ``value``, ``n``, ``k``, ``low``, ``high``: every entity in every month.

    ``as_of`` is a UTC midnight, so that every covered day is a whole one.
    """
    d = counted(tables["deployments"], as_of)
    links = linked(tables["incidents"], d, as_of)
    links["month"] = _month(links["opened_at"])
    links["hours"] = (links["resolved_at"] - links["opened_at"]).dt.total_seconds() / 3600
    d["failed"] = d["deployment_id"].isin(links["linked_id"])
    d["rework"] = put_back(d) | repairs(d, links)
    changes = lead_times(tables, d)
    first = tables["deployments"]["finished_at"].fillna(tables["deployments"]["started_at"]).min().normalize()
    numbers = _cells(tables, first, as_of)
    for scope, owner in SCOPES.items():
        key = [*([owner] if owner else []), "month"]
        counts = d.groupby(key).agg(n=("failed", "size"), failed=("failed", "sum"), rework=("rework", "sum"))
        days = d.drop_duplicates([*key, "day"]).groupby(key).size().rename("hit_days")
        lead = changes[changes["hours"] >= 0].groupby(key)["hours"].agg(lead_n="size", lead_value="median")
        recovery = links[links["hours"] >= 0].groupby(key)["hours"].agg(recovery_n="size", recovery_value="median")
        found = counts.join([days, lead, recovery], how="outer").reset_index()
        found = found.rename(columns={owner: "entity_id"}) if owner else found.assign(entity_id="org")
        numbers[scope] = numbers[scope].merge(found, on=["entity_id", "month"], how="left").assign(scope=scope)
    return _told(pd.concat(numbers.values(), ignore_index=True))


def counted(deployments: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Successful production deployments, re-syncs left out, by their end."""
    d = deployments
    resync = d["is_resync"].astype("boolean").fillna(False).astype(bool)
    d = d[(d["environment"] == "production") & (d["outcome"] == "success") & (d["finished_at"] < as_of) & ~resync]
    d = d.sort_values(["finished_at", "deployment_id"], ignore_index=True)
    d["day"] = d["finished_at"].dt.normalize()
    d["month"] = _month(d["finished_at"])
    return d


def linked(incidents: pd.DataFrame, d: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Incidents that a change may have caused with the deployment recorded, else the latest of the service within a day."""
    caused = incidents["change_caused"].astype("boolean").fillna(True).astype(bool)
    i = incidents[caused & (incidents["opened_at"] < as_of)].sort_values("opened_at")
    latest = d[["service_id", "finished_at", "deployment_id"]].rename(columns={"deployment_id": "latest"})
    i = pd.merge_asof(
        i, latest.dropna(subset="service_id"), left_on="opened_at", right_on="finished_at", by="service_id",
        tolerance=pd.Timedelta(hours=24),
    )  # fmt: skip
    i["linked_id"] = i["deployment_id"].fillna(i["latest"])
    of = d[["deployment_id", "service_id", "finished_at"]].add_prefix("linked_").rename(
        columns={"linked_deployment_id": "linked_id"}
    )  # fmt: skip
    return i.drop(columns=["finished_at", "latest"]).merge(of, on="linked_id")


def put_back(d: pd.DataFrame) -> pd.Series:
    """Rollbacks: said by the source, or seen because it ran before what was running ran first. ``d`` is in order of time."""
    what = ("sha:" + d["sha"].str.lower()).fillna("version:" + d["version"])
    d = d[PLACE].assign(what=what, place=np.arange(len(d)), said=d["is_rollback"].astype("boolean").fillna(False))
    d["first"] = d.groupby([*PLACE, "what"], dropna=False)["place"].transform("min")
    before = d.groupby(PLACE, dropna=False)
    running, running_first = before["what"].shift(), before["first"].shift()
    seen = (d["place"] > d["first"]) & (d["first"] < running_first) & d["service_id"].notna()
    return d["said"].astype(bool) | (seen & (what != running) & what.notna() & running.notna())


def repairs(d: pd.DataFrame, links: pd.DataFrame) -> pd.Series:
    """What ended while a linked incident of the same service, caused by an earlier deployment, was open."""
    spans = pd.DataFrame(
        {
            "service_id": links["service_id"].fillna(links["linked_service_id"]),
            "from": links[["opened_at", "linked_finished_at"]].max(axis=1),
            "until": links["resolved_at"].fillna(pd.Timestamp.max.floor("D").tz_localize("UTC").as_unit("us")),
        }
    ).sort_values(["from", "until"])
    # Of all spans begun by then only the one that reaches furthest matters.
    spans["until"] = spans.groupby("service_id")["until"].cummax()
    near = pd.merge_asof(
        d[["service_id", "finished_at"]], spans, left_on="finished_at", right_on="from", by="service_id",
        allow_exact_matches=False,
    )  # fmt: skip
    return (near["finished_at"] <= near["until"]).set_axis(d.index)


def lead_times(tables: Frames, d: pd.DataFrame) -> pd.DataFrame:
    """Hours of every change from its first commit to the deployment that brought it first; of that deployment's owner.

    A commit that is what a pull request became on the mainline is that pull request, and no change of its own: a deployment
    that names it brings the pull request.
    """
    changes = tables["changes"]
    commits = changes[changes["kind"] == "commit"]
    requests = changes[(changes["kind"] == "pull_request") & changes["sha"].notna()]
    least = requests.groupby(["repo", "sha"], dropna=False)["change_id"].min().rename("request").reset_index()
    became = commits.merge(least, on=["repo", "sha"])[["change_id", "request"]]
    links = tables["deployment_changes"].merge(
        d[["deployment_id", "service_id", "team_id", "finished_at", "month"]], on="deployment_id"
    )
    links = links.merge(became, on="change_id", how="left")
    links["change_id"] = links["request"].fillna(links["change_id"])
    links = links.sort_values(["finished_at", "deployment_id"]).drop_duplicates("change_id")
    links = links.merge(changes[["change_id", "first_commit_at"]], on="change_id", how="left")
    links["hours"] = (links["finished_at"] - links["first_commit_at"]).dt.total_seconds() / 3600
    return links[["service_id", "team_id", "month", "hours"]]


def _month(moment: pd.Series) -> pd.Series:
    return (
        moment.dt.tz_localize(None).astype("datetime64[us]").to_numpy().astype("datetime64[M]").astype("datetime64[us]")
    )


def _cells(tables: Frames, first: pd.Timestamp, as_of: pd.Timestamp) -> Frames:
    """Scope → every known entity in every month, with the days covered."""
    first, end = first.tz_localize(None), as_of.tz_localize(None)
    start = pd.date_range(first.to_period("M").to_timestamp(), end - pd.Timedelta("1us"), freq="MS", unit="us")
    covered = np.minimum(start + pd.DateOffset(months=1), end) - np.maximum(start, first)
    months = pd.DataFrame({"month": start, "days": covered.days})
    teams, services = tables["teams"], tables["services"]
    known = {
        "org": pd.Series(["org"]),
        "team": teams.loc[teams["kind"].isna() | teams["kind"].isin(["team", "platform"]), "team_id"],
        "service": services["service_id"],
    }
    return {scope: pd.DataFrame({"entity_id": who}).merge(months, how="cross") for scope, who in known.items()}


def _told(cells: pd.DataFrame) -> pd.DataFrame:
    """Every metric's value and n; a value needs its fewest observations (the catalogue's ``min_n``)."""
    counts = ["n", "hit_days", "failed", "rework", "lead_n", "recovery_n"]
    cells[counts] = cells[counts].fillna(0).astype("int64")
    n, days, none = cells["n"], cells["days"], pd.Series(np.nan, cells.index)
    told = {
        "deployment_frequency": (n / days, n, None, 1),
        "deployment_days": (cells["hit_days"] / days, days, cells["hit_days"], 5),
        "change_lead_time": (cells["lead_value"], cells["lead_n"], None, 6),
        "change_fail_rate": (cells["failed"] / n, n, cells["failed"], 5),
        "failed_deployment_recovery_time": (cells["recovery_value"], cells["recovery_n"], None, 5),
        "deployment_rework_rate": (cells["rework"] / n, n, cells["rework"], 5),
    }
    period = cells["month"].dt.strftime("%Y-%m")
    parts = []
    for metric, (value, of, k, fewest) in told.items():
        low, high = (none, none) if k is None else wilson(k, of)
        numbers = {"value": value.where(of >= fewest), "n": of, "k": none if k is None else k, "low": low, "high": high}
        parts.append(cells[["scope", "entity_id"]].assign(metric=metric, period=period, **numbers))
    return pd.concat(parts, ignore_index=True)


def wilson(k: pd.Series, n: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Wilson's score interval at 95 %; nan where ``n`` is 0."""
    n = n.where(n > 0).astype("float64")
    middle, spread = k + Z**2 / 2, Z * np.sqrt(k * (n - k) / n + Z**2 / 4)
    low, high = (middle - spread) / (n + Z**2), (middle + spread) / (n + Z**2)
    return low.mask((k == 0) & n.notna(), 0.0), high.mask(k == n, 1.0)
