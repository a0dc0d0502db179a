"""The portal's checks of the company's services as OpsLevel has them: a rubric, of which it says the level too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {"as_of": datetime(2026, 6, 30, 6, tzinfo=UTC)}
OTHERWISE: dict[str, frozenset[str]] = {}
_STATUS = {"passed": "passed", "failed": "failed", None: "pending"}


def _rows(tables: Tables) -> pl.DataFrame:
    return tables["scorecard_results"].filter(pl.col("tool") == "backstage")


def files(tables: Tables) -> dict[str, Any]:
    """``services.json``: the services themselves, as the command line writes them one after another."""
    services = []
    for (entity,), rows in _rows(tables).partition_by("resource", as_dict=True, maintain_order=True).items():
        levels = rows.partition_by("level_number", "level", as_dict=True, maintain_order=True)
        nodes = [
            {
                "level": {"index": number, "name": level},
                "items": {"nodes": [
                    {"status": _STATUS[row["state"]], "createdAt": "2026-06-29T00:00:00Z", "message": "", "check": {"id": row["rule"], "name": row["rule"], "category": {"name": row["category"]}}}
                    for row in of.iter_rows(named=True)
                ]},
            }
            for (number, level), of in levels.items()
        ]  # fmt: skip
        services.append({"name": entity, "aliases": [entity], "serviceStats": {"rubric": {"checkResults": {"byLevel": {"nodes": nodes}}}}})  # fmt: skip
    return {"services.json": services}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """All of it but what a check weighs, at the time of the export."""
    at = pl.lit(OPTIONS["as_of"]).cast(pl.Datetime("us", "UTC")).alias("as_of")
    return {
        "scorecard_results": _rows(tables).select(
            pl.lit("opslevel").alias("tool"), pl.lit("rubric").alias("scorecard"), "rule", "resource", at, "service_id", "category", "level", "level_number", "state"
        )
    }  # fmt: skip
