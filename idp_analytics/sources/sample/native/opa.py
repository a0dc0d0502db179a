"""The company's policy results as Gatekeeper's audit log would have had them: its failures only."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {}
OTHERWISE = {"policy_results": frozenset({"hatch_id", "truncated"})}
_ACTIONS = {"deny": "deny", "warn": "warn", "audit": "dryrun"}


def _failures(tables: Tables) -> pl.DataFrame:
    return tables["policy_results"].filter(pl.col("result") == "fail")


def files(tables: Tables) -> dict[str, Any]:
    """``audit.jsonl.gz``: a line per violation of each audit."""
    lines = [
        {
            "level": "info", "ts": row["as_of"].timestamp(), "logger": "controller", "msg": "…", "process": "audit", "audit_id": row["as_of"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event_type": "violation_audited", "constraint_kind": row["policy"], "constraint_name": row["rule"], "constraint_action": _ACTIONS.get(row["enforcement"]),
            "resource_kind": row["resource"].split("/")[0].title(), "resource_namespace": "", "resource_name": row["service_id"],
        }
        for row in _failures(tables).iter_rows(named=True)
    ]  # fmt: skip
    return {"audit.jsonl.gz": lines}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """What failed, and nothing of what passed."""
    resource = pl.concat_str(pl.col("resource").str.split("/").list.first(), "service_id", separator="/")
    return {
        "policy_results": _failures(tables).select(
            "policy",
            "rule",
            resource.alias("resource"),
            "as_of",
            pl.lit("gatekeeper").alias("engine"),
            "service_id",
            "result",
            "enforcement",
        )
    }
