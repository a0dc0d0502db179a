"""The ledger of all that was charged before a moment, which several studies of one run ask for: computed once for all of them."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics.allocation.charges import charged_before
from idp_analytics.metrics.allocation.entries import entries
from idp_analytics.metrics.allocation.gather import gathered
from idp_analytics.metrics.allocation.shares import shares
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings


@remembered
def shares_before(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The shares of all pools (:func:`shares.shares`). What is shared of a month follows from that month alone, so those of a period are rows of these."""
    return shares(_cells_before(tables, settings, as_of) if settings.showback.pools else tables, settings)


@remembered
def paid_before(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What each team pays (null: nobody) by ``day`` (the first of a week cut at the ends of months), ``team_id`` and ``currency``: ``amount``, from
    so many ``lines`` of the ledger."""
    cells = _cells_before(tables, settings, as_of)
    return (
        entries(cells, settings, dimensions=(), shared=shares_before(tables, settings, as_of))
        .group_by(pl.col("on").alias("day"), "team_id", "currency")
        .agg(pl.col("amount", "lines").sum())
        .collect()
    )


def _cells_before(tables: Tables, settings: Settings, as_of: datetime) -> Tables:
    return {**tables, "costs": _gathered(tables, settings, as_of).lazy()}


@remembered
def _gathered(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    return gathered(charged_before(tables, as_of), settings)["costs"].collect()
