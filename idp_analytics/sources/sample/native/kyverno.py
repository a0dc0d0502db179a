"""The company's policy results as the policy reports of each month's last day, and its exceptions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import polars as pl

from idp_analytics.sources import snapshots
from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"people": "keep"}
OTHERWISE = {"escape_hatches": frozenset({"uses", "service_id"}), "policy_results": frozenset({"hatch_id"})}


def _results(tables: Tables) -> pl.DataFrame:
    return tables["policy_results"].filter(pl.col("engine") == "kyverno")


def _exceptions(tables: Tables) -> pl.DataFrame:
    return tables["escape_hatches"].filter(pl.col("kind") == "exception")


def files(tables: Tables) -> dict[str, Any]:
    """One snapshot of the reports per day on which they were exported, and ``policyexceptions.json``."""
    found: dict[str, Any] = {}
    for (at,), part in _results(tables).partition_by("as_of", as_dict=True, maintain_order=True).items():
        items = []
        for (resource,), rows in part.partition_by("resource", as_dict=True, maintain_order=True).items():
            kind, name = str(resource).split("/")
            verdicts = [
                {"policy": row["policy"], "rule": f"autogen-{row['rule']}", "result": row["result"], "severity": row["severity"], "source": "kyverno", "scored": True}
                for row in rows.iter_rows(named=True)
            ]  # fmt: skip
            items.append({
                "apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": {"name": f"r-{name}", "labels": {"app.kubernetes.io/name": rows["service_id"][0]}},
                "scope": {"kind": kind.title(), "name": name}, "results": verdicts, "summary": {},
            })  # fmt: skip
        content = {"apiVersion": "v1", "kind": "List", "items": items}
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        found[f"snapshots/kyverno/{snapshots.name(at, digest, 'policyreports.json')}.gz"] = content
    return {
        **found,
        "policyexceptions.json": {
            "apiVersion": "v1",
            "kind": "List",
            "items": [_exception(row) for row in _exceptions(tables).iter_rows(named=True)],
        },
    }


def _exception(row: dict[str, Any]) -> dict[str, Any]:
    told = {"reason": row["reason"], "requested-by": row["requestor_id"], "approved-by": row["approver_id"]}
    about = {
        "name": row["hatch_id"],
        "creationTimestamp": stamp(row["opened_at"]),
        "deletionTimestamp": stamp(row["closed_at"]),
    }
    return {
        "apiVersion": "policies.kyverno.io/v1", "kind": "PolicyException", "metadata": {key: value for key, value in about.items() if value},
        "spec": {
            "policyRefs": [{"name": row["policy"], "kind": "ValidatingPolicy"}], "properties": {key: value for key, value in told.items() if value},
            **({"expiresAt": stamp(row["expires_at"])} if row["expires_at"] else {}),
        },
    }  # fmt: skip


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Kyverno's results, and the exceptions among the escape hatches."""
    return {
        "policy_results": _results(tables).select("policy", "rule", "resource", "as_of", "engine", "service_id", "result", "severity"),
        "escape_hatches": _exceptions(tables).select(
            (pl.lit("kyverno:") + pl.col("hatch_id")).alias("hatch_id"), "kind", "policy", "requestor_id", "approver_id", "opened_at", "expires_at", "closed_at", "reason"
        ),
    }  # fmt: skip
