"""Runs of OpenSSF Scorecard on the company's repositories, one result per line."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp
from idp_analytics.tables.facts import LEVEL_SAID

OPTIONS: dict[str, Any] = {"service_pattern": "[^/]+/(.+)"}
OTHERWISE: dict[str, frozenset[str]] = {}


def _rows(tables: Tables) -> pl.DataFrame:
    """The service is the last part of its repository's name."""
    runs = tables["scorecard_results"].filter(pl.col("tool") == "openssf")
    return runs.with_columns(pl.col("resource").str.extract(r"^[^/]+/(.+)$").alias("service_id"))


def files(tables: Tables) -> dict[str, Any]:
    """``results.jsonl.gz``, oldest first."""
    results = []
    for (repo, at), rows in _rows(tables).partition_by("resource", "as_of", as_dict=True, maintain_order=True).items():
        checks = rows.filter(pl.col("rule") != LEVEL_SAID)
        whole = rows.filter(pl.col("rule") == LEVEL_SAID)["score"].item()
        results.append({
            "date": stamp(at), "repo": {"name": f"github.com/{repo}", "commit": ""}, "scorecard": {"version": "v5.0.0", "commit": ""}, "score": whole,
            "checks": [{"name": row["rule"], "score": -1 if row["score"] is None else int(row["score"]), "reason": "", "details": None} for row in checks.iter_rows(named=True)],
            "metadata": None,
        })  # fmt: skip
    return {"results.jsonl.gz": results}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """All of it."""
    return {
        "scorecard_results": _rows(tables).select(
            "tool", "scorecard", "rule", "resource", "as_of", "service_id", "category", "state", "score", "score_most", "weight"
        )
    }  # fmt: skip
