"""The company's deployments as the Kustomizations a cluster has at the end of the year, and while one was suspended."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.sources import snapshots
from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "service_pattern": "(.+)-(?:production|staging)",
    "golden_paths": {"fleet/delivery-pipeline/.+": "delivery-pipeline"},
}
OTHERWISE = {
    "deployments": frozenset({"version", "started_at", "is_rollback", "is_resync", "automated", "golden_path_id"}),
    "service_golden_path": frozenset({"version", "drift"}),
    "escape_hatches": frozenset({"policy", "reason", "closed_at"}),
}
KEPT = 5
_PATH = "delivery-pipeline"
_STATUS = {"success": "ReconciliationSucceeded", "failure": "HealthCheckFailed"}


def _last(tables: Tables) -> Any:
    return tables["service_golden_path"]["as_of"].max()


def _end(tables: Tables) -> datetime:
    """When the last snapshot is taken: in the evening of the last day on which golden paths were looked at."""
    day = _last(tables)
    return datetime(day.year, day.month, day.day, 23, 50, tzinfo=UTC)


def _suspended(tables: Tables) -> pl.DataFrame:
    return (
        tables["escape_hatches"]
        .filter(pl.col("kind") == "suspend", pl.col("service_id").is_not_null())
        .sort("opened_at")
    )


def _taken(tables: Tables) -> list[datetime]:
    """A snapshot soon after each suspension, and one at the end."""
    return [*(at + timedelta(minutes=5) for at in _suspended(tables)["opened_at"]), _end(tables)]


def _outcomes(tables: Tables, at: datetime) -> pl.DataFrame:
    """The last five outcomes of each service and environment at that time, newest first."""
    runs = tables["deployments"].filter(
        pl.col("outcome").is_in(list(_STATUS)),
        pl.col("finished_at") <= at,
        pl.col("service_id").is_not_null(),
        pl.col("environment").is_not_null(),
    )
    ordered = runs.sort(
        "service_id", "environment", "finished_at", "deployment_id", descending=[False, False, True, True]
    )
    return ordered.group_by("service_id", "environment", maintain_order=True).head(KEPT)


def _on_path(tables: Tables) -> pl.DataFrame:
    rows = tables["service_golden_path"].filter(
        pl.col("golden_path_id") == _PATH, pl.col("evidence") == "uses", pl.col("as_of") == _last(tables)
    )
    deployed = _outcomes(tables, _end(tables)).select("service_id").unique()
    return rows.join(deployed, on="service_id", how="semi")


def files(tables: Tables) -> dict[str, Any]:
    """Snapshots of ``kustomizations.json``."""
    found = {}
    for at in _taken(tables):
        on_path = set(_on_path(tables)["service_id"]) if at == _end(tables) else set()
        held = _suspended(tables).filter(
            pl.col("opened_at") <= at, pl.col("closed_at").is_null() | (pl.col("closed_at") > at)
        )
        since = {
            f"{service}-production": opened for service, opened in held.select("service_id", "opened_at").iter_rows()
        }
        outcomes = _outcomes(tables, at).partition_by("service_id", "environment", as_dict=True, maintain_order=True)
        items = [
            _kustomization(str(service), str(environment), rows, service in on_path, since, at)
            for (service, environment), rows in outcomes.items()
        ]
        known = {item["metadata"]["name"] for item in items}
        items += [
            _kustomization(name.removesuffix("-production"), "production", tables["deployments"].clear(), False, since, at)
            for name in since if name not in known
        ]  # fmt: skip
        content = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        found[f"snapshots/flux/{snapshots.name(at, digest, 'kustomizations.json')}.gz"] = content
    return found


def _kustomization(
    service: str, environment: str, rows: pl.DataFrame, on_path: bool, since: dict[str, datetime], at: datetime
) -> dict[str, Any]:
    name, entries, until = f"{service}-{environment}", [], at
    for row in rows.iter_rows(named=True):
        # Reconciled every ten minutes until the next one came.
        last = max(row["finished_at"], until - timedelta(minutes=10))
        entries.append({
            "digest": _digest(row["deployment_id"]), "firstReconciled": stamp(row["finished_at"]), "lastReconciled": stamp(last),
            "lastReconciledDuration": "2.818583s", "lastReconciledStatus": _STATUS[row["outcome"]],
            "totalReconciliations": 1 + (last - row["finished_at"]) // timedelta(minutes=10), "metadata": {"revision": f"main@sha1:{row['sha']}"},
        })  # fmt: skip
        until = row["finished_at"]
    managed: list[dict[str, Any]] = [
        {
            "manager": "kustomize-controller",
            "operation": "Update",
            "time": stamp(at),
            "fieldsV1": {"f:status": {"f:history": {}}},
        }
    ]
    if name in since:
        managed.append(
            {
                "manager": "flux",
                "operation": "Update",
                "time": stamp(since[name]),
                "fieldsV1": {"f:spec": {"f:suspend": {}}},
            }
        )
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system", "creationTimestamp": "2025-01-07T08:00:00Z", "managedFields": managed},
        "spec": {
            "interval": "10m", "prune": True, "targetNamespace": environment, "path": f"./{_PATH if on_path else 'apps'}/{name}",
            "sourceRef": {"kind": "GitRepository", "name": "fleet"}, **({"suspend": True} if name in since else {}),
        },
        "status": {"observedGeneration": 1, **({"history": entries, "lastAppliedRevision": entries[0]["metadata"]["revision"]} if entries else {})},
    }  # fmt: skip


def _digest(native: str) -> str:
    return f"sha256:{hashlib.sha256(native.encode()).hexdigest()}"


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """The last five outcomes at each snapshot that were a success or a failure; the paths of the last day, of what is deployed;
    the suspensions."""
    rows = pl.concat([_outcomes(tables, at) for at in _taken(tables)]).unique("deployment_id", maintain_order=True)
    ids = [
        f"flux:Kustomization/flux-system/{row['service_id']}-{row['environment']}/{_digest(row['deployment_id'])}/{_STATUS[row['outcome']]}/{stamp(row['finished_at'])}"
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
    held = _suspended(tables)
    hatches = [
        f"flux:Kustomization/flux-system/{service}-production/suspend/{stamp(opened)}"
        for service, opened in held.select("service_id", "opened_at").iter_rows()
    ]
    return {
        "deployments": rows.select(pl.Series("deployment_id", ids), "service_id", "environment", "sha", "finished_at", "outcome", kind=pl.lit("application")),
        "service_golden_path": _on_path(tables).select("service_id", "golden_path_id", "as_of", "evidence"),
        "escape_hatches": held.select(pl.Series("hatch_id", hatches, dtype=pl.String), "kind", "service_id", "opened_at"),
    }  # fmt: skip
