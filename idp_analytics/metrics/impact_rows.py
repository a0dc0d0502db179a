"""The way back from whether a change worked: who took it up when, by the ledger, and each unit's value in each period an estimate is made of."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics.impact.judged import impact_cells
from idp_analytics.metrics.interventions import intervention_units
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

TAKEN_UP, NOT_YET = "taken up", "not taken up yet"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "intervention_id": pl.String,
    "metric": pl.String,  # null: a row of the ledger
    "role": pl.String,  # primary: the one it is judged by | exploratory
    "unit_kind": pl.String,  # team | service
    "unit_id": pl.String,
    "team_id": pl.String,  # whose unit it is; null: a service the ledger does not name
    "unit_is": pl.String,  # took it up, compared with, both, not compared
    "on": pl.Date,  # of the ledger: when it was taken up; else the first day of the period
    "period": pl.String,
    "what": pl.String,  # TAKEN_UP, NOT_YET; before, while it was taken up, after, not taken up, not counted
    "value": pl.Float64,  # the unit's number in the period, of which `idp explain METRIC --service … --period …` lists the rows
    "unit": pl.String,
    "n": pl.Int64,  # usable observations
    "missing": pl.Int64,
    "path": pl.String,  # of the ledger's row
    "source_row": pl.Int64,
}
"""The columns of :func:`impact_rows`, in order."""

_UNIT = ["intervention_id", "unit_id"]


def impact_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``impact``) is made of: one row per registered change and unit, and one per metric, unit and period that was looked at.

    An estimate rests on all periods, so ``period`` changes nothing; of a team they are those of its units. Columns: :data:`COLUMNS`. Raises
    :class:`ReportError` for a scope or period that does not exist; services have no rows of their own.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    periods.parse(period)
    units = intervention_units(tables, settings, as_of)
    teams = units.filter(scope="team").select(*_UNIT, pl.col("entity_id").alias("team_id"))
    told = (
        tables["interventions"].select(*_UNIT, "load_id", "source_row").collect()
        .join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .unique(_UNIT, keep="first", maintain_order=True)
    )  # fmt: skip
    taken = pl.col("adopted_on").is_not_null()
    ledger = units.filter(scope="org").join(told, on=_UNIT, how="left").select(
        *_UNIT, "unit_kind", "path", "source_row", pl.col("adopted_on").alias("on"),
        pl.when(taken).then(pl.lit(TAKEN_UP)).otherwise(pl.lit(NOT_YET)).alias("what"),
    )  # fmt: skip
    looked = impact_cells(tables, settings, as_of)
    labels = looked.select("every", "period_start").unique()
    named = [periods.label(start, every) for every, start in labels.iter_rows()]
    cells = looked.join(labels.with_columns(pl.Series("period", named, pl.String)), on=["every", "period_start"])
    whole = pl.concat([ledger, cells.rename({"period_start": "on", "side": "what"})], how="diagonal").join(
        teams, on=_UNIT, how="left"
    )
    of_team = pl.when(pl.col("unit_kind") == "team").then("unit_id").otherwise("team_id")
    return (
        whole.with_columns(of_team.alias("team_id"))
        .filter(pl.lit(scope == "org") | (pl.col("team_id") == entity_id))
        .sort("intervention_id", pl.col("metric").is_not_null(), pl.col("role") != "primary", "metric", "unit_id", "on")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
