"""Runs of self-service operations put together into the requests they were made for, and how soon those came true."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import of_one_table
from idp_analytics.settings import Settings

CHAIN = timedelta(hours=24)
"""A run asked for at most so long after one of the same kind failed tries the same thing again."""

UNDONE = ("failure", "error", "cancel")
"""Outcomes after which the same thing may be asked again; what succeeded is done, and what has not ended may still succeed."""

_ASKED = ("requestor_id", "operation_id")


@of_one_table("action_runs")
def chained(tables: Tables) -> pl.LazyFrame:
    """``action_runs`` with ``request_id``: the run that began the request this one belongs to.

    A run continues the one it names (``previous_run_id``); else the latest of the same requestor, operation and service, if
    that did not succeed and ended (else: was asked for) at most :data:`CHAIN` before. A failed run of which the service is
    not told (it was to be made) is continued by the very next run of that requestor and operation, whatever its service.
    Without a known requestor nothing is put together but by name. So three failures and a success are one request of full
    length, and two successes in an hour are two.
    """
    runs = tables["action_runs"].sort("requested_at", "run_id").with_row_index("_number").collect()
    numbers = runs.select("run_id", "_number")
    # The run before in time among those alike, by its number; what is not known is alike too.
    found = runs.with_columns(
        pl.col("_number").shift(1).over(_ASKED).alias("_any"),
        pl.col("_number").shift(1).over(*_ASKED, "service_id").alias("_same"),
    )
    unnamed = pl.col("service_id").is_null() | pl.col("service_id").gather("_any").is_null()
    found = found.with_columns(pl.when(unnamed).then("_any").otherwise("_same").alias("_earlier"))
    ended = pl.coalesce("finished_at", "requested_at").gather("_earlier")
    again = (
        pl.col("requestor_id").is_not_null()
        & pl.col("outcome").is_in(list(UNDONE)).gather("_earlier")
        & (pl.col("requested_at") - ended <= CHAIN)
    )
    links = found.select("_number", "previous_run_id", pl.when(again).then("_earlier").alias("_guessed")).join(
        numbers.rename({"run_id": "previous_run_id", "_number": "_named"}), on="previous_run_id", how="left"
    )
    pairs = links.select("_number", pl.coalesce("_named", "_guessed").alias("_to")).drop_nulls()
    n = runs.height
    graph = coo_array((np.ones(pairs.height), (pairs["_number"].to_numpy(), pairs["_to"].to_numpy())), shape=(n, n))
    _, group = connected_components(graph, directed=False) if n else (0, np.zeros(0, np.int32))
    return (
        runs.with_columns(pl.Series("_group", group))
        .with_columns(pl.col("run_id").first().over("_group").alias("request_id"))
        .drop("_number", "_group")
        .lazy()
    )


def run_success_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per run that succeeded or failed, dated by its end, else by the asking; a hit when it succeeded."""
    done = tables["action_runs"].filter(pl.col("outcome").is_in(["success", "failure", "error"]))
    at = pl.coalesce("finished_at", "requested_at")
    return observations(
        done.with_columns(
            at.alias("at"), (pl.col("outcome") == "success").alias("hit"), pl.col("run_id").alias("source_key")
        ),
        source_table="action_runs",
    )


def first_try_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per request of which a run succeeded or failed, dated by its first run; a hit when that succeeded."""
    ended = pl.element().is_in(["success", "failure", "error"])
    asked = requests(tables).filter(pl.col("outcomes").list.eval(ended).list.any())
    return observations(
        asked.with_columns((pl.col("outcomes").list.first() == "success").fill_null(False).alias("hit")),
        source_table="action_runs",
    )


def provisioning_time(tables: Tables, _: Settings) -> pl.LazyFrame:
    """Hours from the first asking until the result could be used, per request; ``hit`` false: given up, or not there yet.

    Only operations of which the source ever tells when a result could be used. What was given up is open until its last run
    ended. Not usable: usable before it was asked for, or given up but not told when.
    """
    gives = tables["action_runs"].filter(pl.col("usable_at").is_not_null()).select("operation_id").unique()
    asked = requests(tables).join(gives, on="operation_id", how="semi")
    ready, over = pl.col("usable_at").is_not_null(), pl.col("outcomes").list.last().is_in(list(UNDONE)).fill_null(False)
    until = pl.when(ready).then("usable_at").when(over).then("ended_at")
    return observations(
        asked.with_columns(
            ((until - pl.col("at")).dt.total_seconds(fractional=True) / 3600).alias("x"), ready.alias("hit"),
            pl.when(ready | over).then((until >= pl.col("at")).fill_null(False)).otherwise(True).alias("usable"),
        ),
        source_table="action_runs",
    )  # fmt: skip


def requests(tables: Tables) -> pl.LazyFrame:
    """One row per request: ``source_key`` (its first run), ``at`` (asked first), ``operation_id``, ``service_id``, ``team_id`` (the
    first told), ``outcomes`` (of its runs, in order), ``usable_at`` (first), ``ended_at`` (of the last run)."""
    first = (pl.col(name).drop_nulls().first() for name in ("service_id", "team_id"))
    return (
        chained(tables)
        .sort("requested_at", "run_id")
        .group_by("request_id", maintain_order=True)
        .agg(
            pl.col("requested_at").first().alias("at"), pl.col("operation_id").first(), *first,
            pl.col("outcome").alias("outcomes"), pl.col("usable_at").min(), pl.col("finished_at").last().alias("ended_at"),
        )
        .rename({"request_id": "source_key"})
    )  # fmt: skip
