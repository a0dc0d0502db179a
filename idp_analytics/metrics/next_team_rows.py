"""The way back from who is near to a golden path to the services that are on and off it, and to the tickets and runs that say so."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.next_teams import next_teams, pairs, recent, runs
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.settings import Settings

TICKET, RUN = "ticket about it", "run of what belongs to it"
ON, UNVERIFIED, OFF = "on it", "said to be on it, and nobody looks", "off it"
BESIDE, ALIKE = ", and one of its system is on it", ", and half of its kind are on it"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),  # of a ticket or run; null: a service as it stands at the end of the data
    "team_id": pl.String,
    "golden_path_id": pl.String,
    "service_id": pl.String,
    "what": pl.String,  # ON, UNVERIFIED, OFF (with BESIDE, ALIKE), TICKET, RUN
    "source_table": pl.String,  # services, tickets, action_runs
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of :func:`next_team_rows`, in order."""

_KEY = ["team_id", "golden_path_id"]


def next_team_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``next_teams``) counts of one entity: of each team and path it is off, its services, and what it asked and ran in 90 days.

    As of the end of the data, so ``period`` changes nothing. Columns: :data:`COLUMNS`. Raises :class:`ReportError` for a scope or period that does
    not exist; services have no rows of their own.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    periods.parse(period)
    found = pairs(tables, settings, as_of)
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    off = pl.concat_str(
        pl.lit(OFF), pl.when("is_beside").then(pl.lit(BESIDE)).otherwise(pl.lit("")), pl.when("is_alike").then(pl.lit(ALIKE)).otherwise(pl.lit(""))
    )  # fmt: skip
    what = pl.when("is_on").then(pl.lit(ON)).when("is_off").then(off).otherwise(pl.lit(UNVERIFIED))
    services = tables["services"].select("service_id", "load_id", "source_row").collect()
    stands = found.join(services, on="service_id", how="left").with_columns(
        what.alias("what"), pl.lit("services").alias("source_table"), pl.col("service_id").alias("source_key")
    )
    did = pl.concat(
        recent(frame, time, as_of).select(
            pl.col(time).alias("at"), *_KEY, "service_id", pl.lit(word).alias("what"), pl.lit(table).alias("source_table"),
            pl.col(key).alias("source_key"), "load_id", "source_row",
        )
        for frame, time, word, table, key in (
            (tables["tickets"], "created_at", TICKET, "tickets", "ticket_id"),
            (runs(tables), "requested_at", RUN, "action_runs", "run_id"),
        )
    ).collect()  # fmt: skip
    near = next_teams(tables, settings, as_of).filter(scope="org").select(_KEY)
    return (
        pl.concat([stands, did], how="diagonal_relaxed")
        .filter(ENTITY[scope] == entity_id)
        .join(near, on=_KEY, how="semi")
        .join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .sort(*_KEY, "at", "service_id", "source_table", "source_key", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
