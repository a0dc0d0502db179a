"""The way back: the observations behind one answer."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import parse
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES


def trace(
    tables: Tables, settings: Settings, as_of: datetime, metric: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """One row per observation behind ``metric`` of ``entity_id`` in ``period``, oldest first.

    Columns: at (UTC), x (the metric's unit), hit, amount, currency, detail, usable, and where it came from:
    source_table, source_key, path, source_row. Raises :class:`ReportError` for an unknown metric or period.
    """
    span = parse(period)
    day = pl.col("at").dt.convert_time_zone(settings.time_zone).dt.date()
    belongs = {
        "org": pl.lit(True),
        "team": pl.col("team_id") == entity_id,
        "service": pl.col("service_id") == entity_id,
    }
    rows = (
        by_name(metric).observations(tables, settings)
        .filter(belongs[scope], day >= span.start, day < span.end, pl.col("at") <= as_of)
        .select("at", "service_id", "x", "hit", "amount", "currency", "detail", "usable", "source_table", "source_key")
        .sort("at", "source_key").collect()
    )  # fmt: skip
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.String).alias("path"), pl.lit(None, pl.Int64).alias("source_row"))
    table = TABLES[rows["source_table"][0]]
    lineage = (
        tables[table.name].select(pl.col(table.key[0]).alias("source_key"), "load_id", "source_row")
        .join(tables["loads"].select("load_id", "path"), on="load_id", how="left").drop("load_id").collect()
    )  # fmt: skip
    found = rows.join(lineage, on="source_key", how="left", maintain_order="left")
    return found.select([c for c in found.columns if not found[c].is_null().all() or c in ("path", "source_row")])
