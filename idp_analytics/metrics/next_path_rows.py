"""The way back from the next golden path to what it would be for: each service made and each ticket asked that no path serves."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.next_paths import events
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.settings import Settings

DONE, NOT_YET, UNKNOWN = "done", "not done yet", "how long it took is not known"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),  # made, or asked
    "basis": pl.String,  # stated, new services, tickets
    "id": pl.String,  # of the candidate
    "team_id": pl.String,
    "what": pl.String,  # DONE, NOT_YET, UNKNOWN
    "hours": pl.Float64,  # until it was done, or so far; null: not known
    "source_table": pl.String,  # services, tickets
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of :func:`next_path_rows`, in order."""

_KEYS = {"services": "service_id", "tickets": "ticket_id"}


def next_path_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``next_paths``) counts: everything of the last year that a candidate is for, as of the end of the data.

    The study looks a year back from there, so ``period`` changes nothing; of a team they are its own. What serves two candidates has a row of
    each. Columns: :data:`COLUMNS`, oldest first. Raises :class:`ReportError` for a scope or period that does not exist.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    periods.parse(period)
    found, _ = events(tables, settings, as_of)
    lines = pl.concat(
        tables[name].select(
            pl.lit(name).alias("source_table"), pl.col(key).alias("source_key"), "load_id", "source_row"
        )
        for name, key in _KEYS.items()
    )
    what = pl.when(~pl.col("usable")).then(pl.lit(UNKNOWN)).when("hit").then(pl.lit(DONE)).otherwise(pl.lit(NOT_YET))
    return (
        found.filter(ENTITY[scope] == entity_id)
        .join(lines.collect(), on=["source_table", "source_key"], how="left")
        .join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .with_columns(what.alias("what"), pl.when("usable").then("x").alias("hours"))
        .sort("at", "basis", "id", "source_table", "source_key", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
