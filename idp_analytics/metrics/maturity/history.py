"""Study ``maturity_history``: the level of each aspect at the last quarters' ends, all by the model, thresholds and exemptions of today.

What was published at the time may differ: the model may have been another, and data come late. By how much, and why, is in
:mod:`changes`; here nothing but what is measured moves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.evidence import STATES, rescored
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.settings import Settings

LOOKS = 4
"""So many looks: now, and three quarters back."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "aspect": pl.String,
    "title": pl.String,
    "at": pl.Date,  # nothing of that day or later is used
    "is_now": pl.Boolean,
    "is_assessed": pl.Boolean,
    "level": pl.Int64,  # null: not assessed, or anything is possible
    "low": pl.Int64,
    "high": pl.Int64,
    "criteria": pl.Int64,
    "met": pl.Int64,
    "not_met": pl.Int64,
    "unknown": pl.Int64,
    "not_applicable": pl.Int64,
    "exempt": pl.Int64,
}
"""The columns of the study, in order."""

_KEY = ["scope", "entity_id", "aspect"]


def earlier(as_of: datetime, settings: Settings, quarters: int = 1) -> datetime:
    """So many quarters before, by the calendar of where the company is: the end of a quarter stays one."""
    local = as_of.astimezone(ZoneInfo(settings.time_zone))
    moved: datetime = pl.select(pl.lit(local).dt.offset_by(f"-{3 * quarters}mo")).item()
    return moved.astimezone(UTC)


def maturity_history(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every aspect of everybody asked today, now and at the quarters before, oldest first (:data:`COLUMNS`).

    Who was not asked then (a team that owned nothing yet) has no row of that time.
    """
    zone = ZoneInfo(settings.time_zone)
    titles = pl.DataFrame(
        [(i, a.id, a.title) for i, a in enumerate(settings.maturity.aspects)], schema=["_at", "aspect", "title"], orient="row"
    )  # fmt: skip
    looks = [earlier(as_of, settings, back) for back in reversed(range(LOOKS))]
    whole = pl.concat(
        _look(rescored(tables, settings, then, as_of)).with_columns(
            pl.lit(then.astimezone(zone).date()).alias("at"), pl.lit(then == looks[-1]).alias("is_now")
        )
        for then in looks
    )
    today = whole.filter("is_now").select("scope", "entity_id").unique()
    return (
        whole.join(today, on=["scope", "entity_id"], how="semi")
        .join(titles, on="aspect")
        .sort("scope", "entity_id", "_at", "at")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _look(seen: pl.DataFrame) -> pl.DataFrame:
    state = pl.col("state")
    counts = seen.group_by(_KEY).agg(
        pl.len().alias("criteria"), *((state == name).sum().alias(name.replace(" ", "_")) for name in STATES)
    )
    return levels(seen).join(counts, on=_KEY)
