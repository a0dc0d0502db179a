"""The ledger of changes: what was hoped of each, by which metric, and who took it up when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.metrics.impact.columns import State
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings


@dataclass(frozen=True)
class Entry:
    """One intervention. ``adopted``: unit → day it took it up, None: not by the as-of time. ``sign``: +1 where up is hoped for, else −1.
    ``before_registered``: units that had taken it up when it was written down."""

    id: str
    component: str | None
    hypothesis: str
    metric: str
    sign: int
    smallest: float
    kind: str  # team | service
    registered_at: datetime
    review_on: date
    state: State
    adopted: Mapping[str, date | None]
    before_registered: int
    is_mixed: bool  # rows of it say different things


def entries(tables: Tables, settings: Settings, as_of: datetime) -> list[Entry]:
    """The entries written down before ``as_of``, by id; units that took it up later have not yet.

    Where rows of one entry say different things, what the first (by unit) says holds, and units of another kind are left out. *Reviewed*: something
    resolved on the day of review or later names it as its origin (``actions.origin_id``).
    """
    today = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    told = [
        "component",
        "hypothesis",
        "metric",
        "direction",
        "smallest_effect",
        "unit_kind",
        "review_on",
        "registered_at",
    ]
    rows = (
        tables["interventions"]
        .filter(pl.col("registered_at") < as_of)
        .with_columns(pl.when(pl.col("adopted_on") <= today).then("adopted_on").alias("adopted_on"))
        .sort("intervention_id", "unit_id")
        .collect()
    )
    if rows.is_empty():
        return []
    first = rows.group_by("intervention_id", maintain_order=True).agg(
        pl.col(told).first(),
        pl.any_horizontal(pl.col(name).n_unique() > 1 for name in told if name != "registered_at").alias("is_mixed"),
    )
    kept = rows.join(first.select("intervention_id", "unit_kind"), on=["intervention_id", "unit_kind"], how="semi")
    units = kept.group_by("intervention_id", maintain_order=True).agg(
        "unit_id", "adopted_on",
        (pl.col("adopted_on") < pl.col("registered_at").dt.date()).sum().alias("late"),
    )  # fmt: skip
    resolved = (
        tables["actions"].filter(pl.col("opened_on") <= today).group_by(pl.col("origin_id").alias("intervention_id"))
        .agg(pl.col("opened_on").max().alias("resolved_on")).collect()
    )  # fmt: skip
    whole = first.join(units, on="intervention_id", how="left", maintain_order="left").join(
        resolved, on="intervention_id", how="left", maintain_order="left"
    )
    return [_entry(row, today) for row in whole.iter_rows(named=True)]


def _entry(row: dict[str, Any], today: date) -> Entry:
    units: dict[str, date | None] = dict(zip(row["unit_id"], row["adopted_on"], strict=True))
    review: date = row["review_on"]
    resolved: date | None = row["resolved_on"]
    if resolved is not None and resolved >= review:
        state = State.REVIEWED
    elif today >= review:
        state = State.DUE
    else:
        state = State.RUNNING if any(units.values()) else State.PLANNED
    return Entry(
        str(row["intervention_id"]), row["component"], str(row["hypothesis"]), str(row["metric"]),
        1 if row["direction"] == "up" else -1, float(row["smallest_effect"]), str(row["unit_kind"]),
        row["registered_at"], review, state, units, int(row["late"] or 0), bool(row["is_mixed"]),
    )  # fmt: skip
