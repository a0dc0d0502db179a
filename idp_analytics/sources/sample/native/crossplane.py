"""The company's databases as the claims Crossplane shows at the end of the year."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {}
OTHERWISE = {"service_golden_path": frozenset({"drift"})}


def _made(tables: Tables) -> pl.DataFrame:
    """Runs of a path that made something that is there, or are on their way."""
    return tables["action_runs"].filter(
        pl.col("golden_path_id").is_not_null(), (pl.col("outcome") == "success") & pl.col("usable_at").is_not_null() | pl.col("outcome").is_null()
    )  # fmt: skip


def _claim(row: dict[str, Any]) -> dict[str, Any]:
    ready = row["usable_at"] is not None
    about = {
        "name": row["run_id"],
        "namespace": row["team_id"],
        "creationTimestamp": stamp(row["requested_at"]),
        "uid": row["run_id"],
    }
    labels = {"app.kubernetes.io/part-of": row["service_id"]} if row["service_id"] else {}
    return {
        "apiVersion": "platform.larkspur.invalid/v1alpha1", "kind": "Database", "metadata": {**about, "labels": labels},
        "spec": {
            "compositionRef": {"name": row["golden_path_id"]}, "compositionRevisionRef": {"name": row["version"]}, "compositionUpdatePolicy": "Automatic",
            "resourceRef": {"kind": "XDatabase", "name": row["run_id"]},
        },
        "status": {"conditions": [
            {"type": "Synced", "status": "True", "reason": "ReconcileSuccess", "lastTransitionTime": stamp(row["requested_at"])},
            {"type": "Ready", "status": str(ready), "reason": "Available" if ready else "Creating", "lastTransitionTime": stamp(row["usable_at"] or row["requested_at"])},
        ]},
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``claims.json.gz``."""
    return {
        "claims.json.gz": {
            "apiVersion": "v1",
            "kind": "List",
            "items": [_claim(row) for row in _made(tables).iter_rows(named=True)],
        }
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Only what is there: what failed left nothing behind. Asked for is begun; ready is finished."""
    made = _made(tables)
    joined = made.filter(pl.col("service_id").is_not_null()).sort("requested_at")
    return {
        "action_runs": made.select(
            (pl.lit("crossplane:") + pl.col("run_id")).alias("run_id"), pl.lit("create Database").alias("operation_id"), "golden_path_id", "version", "service_id",
            "requested_at", pl.col("requested_at").alias("started_at"), pl.col("usable_at").alias("finished_at"), "usable_at", "outcome", pl.lit("gitops").alias("channel"),
        ),
        "service_golden_path": joined.unique(["service_id", "golden_path_id"], keep="last", maintain_order=True).select(
            "service_id", "golden_path_id", pl.lit("2026-07-01").str.to_date().alias("as_of"), pl.lit("uses").alias("evidence"), "version", pl.col("requested_at").alias("joined_at")
        ),
    }  # fmt: skip
