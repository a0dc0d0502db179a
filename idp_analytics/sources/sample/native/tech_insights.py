"""The portal's checks of the company's services as Tech Insights answers when all are asked for in bulk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {"refs": "short", "as_of": datetime(2026, 6, 30, 6, tzinfo=UTC)}
OTHERWISE: dict[str, frozenset[str]] = {}
_HELD = {"passed": True, "failed": False}


def _rows(tables: Tables) -> pl.DataFrame:
    return tables["scorecard_results"].filter(pl.col("tool") == "backstage")


def files(tables: Tables) -> dict[str, Any]:
    """``results.json.gz``, each check with its metadata, and ``checks.json``, the list of checks."""
    rows = _rows(tables)
    checks: dict[str, Any] = {}
    for row in rows.unique("rule", keep="first", maintain_order=True).iter_rows(named=True):
        about = {"category": row["category"], "rank": row["level_number"], "exp": row["weight"]}
        checks[row["rule"]] = {"id": row["rule"], "type": "json-rules-engine", "name": row["rule"], "description": "", "factIds": ["catalogue"], "metadata": about}  # fmt: skip
    results = [
        {
            "entity": f"component:default/{entity}",
            "results": [{"facts": {}, "check": {"id": row["rule"]}, "result": _HELD.get(row["state"] or "")} for row in of.iter_rows(named=True)],
        }
        for (entity,), of in rows.partition_by("resource", as_dict=True, maintain_order=True).items()
    ]  # fmt: skip
    return {"results.json.gz": results, "checks.json": list(checks.values())}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """All of it, at the time of the export."""
    at = pl.lit(OPTIONS["as_of"]).cast(pl.Datetime("us", "UTC")).alias("as_of")
    return {
        "scorecard_results": _rows(tables).select(
            "tool", "scorecard", "rule", "resource", at, "service_id", "category", "level", "level_number", "state", "weight"
        )
    }  # fmt: skip
