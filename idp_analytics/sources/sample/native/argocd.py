"""The company's deployments as the Applications an Argo CD would show at the end of the year."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS = {
    "people": "keep",
    "service_pattern": "(.+)-(?:production|staging)",
    "environments": {"in-cluster/.+-production": "production", "in-cluster/.+-staging": "staging"},
}
OTHERWISE = {"deployments": frozenset({"version", "is_rollback", "is_resync", "golden_path_id"})}
KEPT = 10
_REPOSITORY = "https://git.larkspur.invalid/gitops.git"


def _syncs(tables: Tables) -> pl.DataFrame:
    """Deployments that ended or run, numbered per application in the order in which they were done."""
    runs = tables["deployments"].filter(pl.col("service_id").is_not_null(), pl.col("environment").is_not_null())
    app = ["service_id", "environment"]
    good = runs.filter(pl.col("outcome") == "success").sort("finished_at", "deployment_id").with_columns(
        pl.int_range(pl.len()).over(app).alias("number"), pl.len().cast(pl.Int64).over(app).alias("syncs"),
    )  # fmt: skip
    return good.sort("service_id", "environment", "number")


def _failing(tables: Tables) -> pl.DataFrame:
    """The newest deployment of an application, where it failed."""
    runs = tables["deployments"].filter(
        pl.col("finished_at").is_not_null(), pl.col("service_id").is_not_null(), pl.col("environment").is_not_null()
    )
    last = runs.sort("finished_at", "deployment_id").group_by("service_id", "environment", maintain_order=True).last()
    return last.filter(pl.col("outcome").is_in(["failure", "error"])).sort("service_id", "environment")


def files(tables: Tables) -> dict[str, Any]:
    """``applications.json``: each application with its last ten successful syncs and a newest one that failed."""
    failing = {(row["service_id"], row["environment"]): row for row in _failing(tables).iter_rows(named=True)}
    apps: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _syncs(tables).iter_rows(named=True):
        key = (row["service_id"], row["environment"])
        app = apps.setdefault(key, _application(*key))
        if row["number"] >= row["syncs"] - KEPT:
            app["status"]["history"].append({
                "id": row["number"], "revision": row["sha"], "deployStartedAt": stamp(row["started_at"]),
                "deployedAt": stamp(row["finished_at"]), "source": app["spec"]["source"], "initiatedBy": _by(row),
            })  # fmt: skip
    for key, row in failing.items():
        app = apps.setdefault(key, _application(*key))
        app["status"]["operationState"] = {
            "phase": "Failed" if row["outcome"] == "failure" else "Error", "startedAt": stamp(row["started_at"]),
            "finishedAt": stamp(row["finished_at"]), "operation": {"initiatedBy": _by(row)}, "syncResult": {"revision": row["sha"]},
        }  # fmt: skip
    return {"applications.json.gz": list(apps.values())}


def _application(service: str, environment: str) -> dict[str, Any]:
    source = {"repoURL": _REPOSITORY, "path": f"{service}/{environment}", "targetRevision": "main"}
    destination = {"server": "https://kubernetes.default.svc", "namespace": f"{service}-{environment}"}
    return {
        "metadata": {"name": f"{service}-{environment}", "namespace": "argocd", "creationTimestamp": "2025-01-07T08:00:00Z"},
        "spec": {"project": "default", "source": source, "destination": destination, "syncPolicy": {"automated": {}}},
        "status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "history": []},
    }  # fmt: skip


def _by(row: dict[str, Any]) -> dict[str, Any]:
    return (
        {"automated": True, "username": row["initiated_by"]} if row["automated"] else {"username": row["initiated_by"]}
    )


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Per application the last ten successes, and the newest deployment where it failed; no version, no path.

    Whether a sync put back or repeated an earlier one is told by what is deployed, and of the oldest one not at all: see
    the tests of the reader.
    """
    app = pl.concat_str(pl.lit("argocd:argocd/"), "service_id", pl.lit("-"), "environment", pl.lit("/"))
    kept = _syncs(tables).filter(pl.col("number") >= pl.col("syncs") - KEPT)
    good = kept.with_columns(pl.concat_str(app, "number").alias("deployment_id"))
    bad = _failing(tables).with_columns(
        pl.concat_str(app, pl.lit("operation/"), pl.col("started_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).alias(
            "deployment_id"
        )
    )
    columns = [
        "deployment_id",
        "service_id",
        "environment",
        "sha",
        "started_at",
        "finished_at",
        "outcome",
        "initiated_by",
        "automated",
    ]
    return {
        "deployments": pl.concat([good.select(columns), bad.select(columns)]).with_columns(kind=pl.lit("application"))
    }
