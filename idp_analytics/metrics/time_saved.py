"""Time saved by self-service: what is assumed, and beside it what was seen: how long a ticket took, and how long a run does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.estimates import changes, medians
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.requests import requests
from idp_analytics.settings import Settings
from idp_analytics.settings.components import Component

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "component": pl.String,
    "assumed_runs": pl.Int64,  # successful runs through a golden path of the component that states minutes
    "assumed_hours": pl.Float64,  # runs × those minutes; null: none are stated
    "ticket_n": pl.Int64,  # tickets of its categories that were settled, whoever asked
    "ticket_hours": pl.Float64,  # median from asked to settled
    "ticket_low": pl.Float64,
    "ticket_high": pl.Float64,
    "run_n": pl.Int64,  # requests to its operations that came to something
    "run_hours": pl.Float64,  # median from first asked to usable, else to the end of the run
    "run_low": pl.Float64,
    "run_high": pl.Float64,
    "saved_hours": pl.Float64,  # the one less the other: of waiting, not of work
    "saved_low": pl.Float64,
    "saved_high": pl.Float64,
}
"""What :func:`time_saved` tells."""


def time_saved(tables: Tables, settings: Settings, as_of: datetime, part: Component) -> dict[str, Any]:
    """The assumption and the observation for one component: :data:`COLUMNS` but ``component``.

    Observed: the median time of a ticket less that of a request by self-service, with a MOVER interval (Zou & Donner 2008) of two
    order-statistic ones. Both are waits; that a request would otherwise have been a ticket nobody has seen. What has not
    ended is left out, which makes both a little short.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    level = settings.rules.level
    minutes = tables["golden_paths"].select("golden_path_id", "minutes_saved").drop_nulls("minutes_saved")
    runs = (
        tables["action_runs"].filter(pl.col("outcome") == "success", pl.col("golden_path_id").is_in(list(part.golden_paths)))
        .join(minutes, on="golden_path_id").select("minutes_saved").collect()["minutes_saved"]
    )  # fmt: skip
    tickets = tables["tickets"].filter(pl.col("category").is_in(list(part.tickets)), pl.col("resolved_at") < now).select(
        _hours(pl.col("resolved_at") - pl.col("created_at")), pl.lit("ticket").alias("what")
    )  # fmt: skip
    over = pl.coalesce("usable_at", pl.when(pl.col("outcomes").list.last() == "success").then("ended_at"))
    asked = requests(tables).filter(pl.col("operation_id").is_in(list(part.operations)), over < now).select(
        _hours(over - pl.col("at")), pl.lit("run").alias("what")
    )  # fmt: skip
    both = pl.concat([tickets, asked]).filter(pl.col("hours") >= 0)
    told: dict[str, Any] = {
        "assumed_runs": len(runs), "assumed_hours": float(runs.sort().sum()) / 60 if len(runs) else None, "ticket_n": 0, "run_n": 0,
    }  # fmt: skip
    for row in medians.grouped(both, ["what"], "hours", level=level).to_dicts():
        kind = row["what"]
        told |= {
            f"{kind}_n": row["n"],
            f"{kind}_hours": row["value"],
            f"{kind}_low": row["low"],
            f"{kind}_high": row["high"],
        }
    ends = [
        told.get(name) for name in ("ticket_hours", "ticket_low", "ticket_high", "run_hours", "run_low", "run_high")
    ]
    if None not in ends:
        saved = changes.difference_from_intervals(*ends)  # type: ignore[arg-type]
        told |= {
            name: float(value) for name, value in zip(("saved_hours", "saved_low", "saved_high"), saved, strict=True)
        }
    return told


def _hours(span: pl.Expr) -> pl.Expr:
    return (span.dt.total_seconds(fractional=True) / 3600).alias("hours")
