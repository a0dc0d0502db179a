"""The way back from a component to its rows: every use, charge and ticket of the 90 days before the end of a period."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.allocation.charges import bill, charged_before, matches, with_owner
from idp_analytics.metrics.components import WINDOW_DAYS, components, uses
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

_SHOWN = ["at", "team_id", "service_id", "amount", "currency", "source_table", "source_key"]


def component_rows(tables: Tables, settings: Settings, as_of: datetime, component: str, period: str) -> pl.DataFrame:
    """What the study ``sprawl`` counts of one component at the end of a period, oldest first.

    Columns: ``at``, ``team_id``, ``service_id``, ``amount`` and ``currency`` (charges only), ``source_table`` (usage, action_runs,
    deployments, costs, tickets), ``source_key``, ``path``, ``source_row``. Services that stand on a golden path are in
    ``service_golden_path``, not here. Raises :class:`ReportError` for a component or period that does not exist.
    """
    parts = components(tables, settings)
    known = [part.id for part in parts]
    if component not in known:
        raise ReportError(f"There is no component {component!r}.{nearest(component, known)}")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    if ends.is_empty():
        raise ReportError(f"{period} begins after the as-of time, so nothing is known of it.")
    at: datetime = ends["at"].item()
    place = known.index(component)
    part = parts[place]
    used = uses(tables, (part,), as_of).lazy().select("at", "team_id", "service_id", "source_table", "source_key")
    asked = tables["tickets"].filter(
        pl.col("category").is_in(list(part.tickets)) | pl.col("golden_path_id").is_in(list(part.golden_paths))
    ).select(pl.col("created_at").alias("at"), "team_id", "service_id", pl.lit("tickets").alias("source_table"), pl.col("ticket_id").alias("source_key"))  # fmt: skip
    held = [used, asked]
    if part.take:
        earlier = pl.any_horizontal(pl.lit(False), *(matches(other.take) for other in parts[:place] if other.take))
        held.append(
            with_owner(bill(charged_before(tables, as_of), settings), tables).filter(matches(part.take), ~earlier)
            .select(pl.col("period_start").alias("at"), "team_id", "service_id", "amount", "currency",
                    pl.lit("costs").alias("source_table"), pl.col("cost_id").alias("source_key"))
        )  # fmt: skip
    rows = pl.concat(held, how="diagonal")
    since = pl.lit(at) - pl.duration(days=WINDOW_DAYS)
    lines = pl.concat(
        tables[name].select(pl.lit(name).alias("source_table"), pl.col(TABLES[name].key[0]).alias("source_key"), "load_id", "source_row")
        for name in ("usage", "action_runs", "deployments", "tickets", "costs")
    )  # fmt: skip
    missing = [
        pl.lit(None, TABLES["costs"].schema[name]).alias(name) for name in ("amount", "currency") if not part.take
    ]
    return (
        rows.with_columns(missing).filter(pl.col("at") < pl.lit(at), pl.col("at") >= since)
        .join(lines, on=["source_table", "source_key"], how="left")
        .join(tables["loads"].select("load_id", "path"), on="load_id", how="left")
        .select(*_SHOWN, "path", "source_row")
        .sort("at", "source_table", "source_key")
        .collect()
    )  # fmt: skip
