"""What rules say of services: what passes, what only because it is exempt, what fails, of what there is no verdict."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

STATUSES = ("fail", "warn", "error", "exempt", "pass", "skip")
"""How one service stands with one policy: the first that any of its resources and rules has.

``exempt`` passes or is skipped, but under an escape hatch; ``skip``: the rule was not applied; ``error``: no verdict."""

JUDGED = ("fail", "warn", "exempt", "pass")
"""Those that count: conformance = pass ÷ (pass + exempt + warn + fail)."""

KEY = ["source", "engine", "policy", "rule", "resource"]
"""What one verdict is on, whenever it was given."""


def policy_conformance(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per policy, rule and resource and calendar month, its last verdict in it; a hit where it passes, and not
    under an escape hatch.

    Not usable: the engine gave no verdict (error, or not told), or its source only ever lists failures, so that what passes
    is not known. Skipped without a hatch is in neither number.
    """
    local = pl.col("as_of").dt.convert_time_zone(settings.time_zone).dt.truncate("1mo")
    last = (
        judged(tables).with_columns(local.alias("_month"))
        .sort("as_of").unique([*KEY, "_month"], keep="last", maintain_order=True)
        .filter(pl.col("status") != "skip")
    )  # fmt: skip
    told = last.join(listing(tables), on=["source", "engine", "policy"], how="left", nulls_equal=True)
    return observations(
        told.with_columns(
            (pl.col("status") == "pass").alias("hit"), (pl.col("status").is_in(list(JUDGED)) & pl.col("lists_passes")).alias("usable"),
            pl.col("as_of").alias("at"), TABLES["policy_results"].row_key().alias("source_key"),
        ),
        source_table="policy_results",
    )  # fmt: skip


def judged(tables: Tables) -> pl.LazyFrame:
    """``policy_results`` with ``status`` (:data:`STATUSES`) and ``is_tolerated``: fails, and a hatch is named or open.

    A hatch that the engine names was used. Where it names none, one of the service for that policy that stood open at that
    moment counts too: an engine may be told to say *pass* of what is exempt, and what passes by itself needs no hatch.
    """
    at = pl.col("as_of")
    hatches = (
        tables["escape_hatches"].drop_nulls(["policy", "service_id", "opened_at"])
        .select("policy", "service_id", "opened_at", pl.min_horizontal("closed_at", "expires_at").alias("_ends"))
    )  # fmt: skip
    rows = tables["policy_results"].with_row_index("_n")
    covered = (
        rows.select("_n", "policy", "service_id", "as_of").drop_nulls("service_id").join(hatches, on=["policy", "service_id"])
        .filter(pl.col("opened_at") <= at, pl.col("_ends").is_null() | (pl.col("_ends") > at))
        .select("_n", pl.lit(True).alias("_open")).unique()
    )  # fmt: skip
    under = pl.col("hatch_id").is_not_null() | pl.col("_open").fill_null(False)
    result = pl.col("result")
    return rows.join(covered, on="_n", how="left").with_columns(
        pl.when(result.is_in(["pass", "skip"]) & under).then(pl.lit("exempt")).when(result.is_null()).then(pl.lit("error"))
        .otherwise(result).alias("status"),
        (result.is_in(["fail", "warn"]) & under).fill_null(False).alias("is_tolerated"),
    ).drop("_n", "_open")  # fmt: skip


def listing(tables: Tables) -> pl.LazyFrame:
    """Whether the source of a policy tells of what passes too: ``source``, ``engine``, ``policy``, ``lists_passes``.

    Gatekeeper's constraints list violations alone; of such a policy nobody can say how many conform.
    """
    passes = pl.col("result").is_in(["pass", "skip"]).fill_null(False).any()
    return tables["policy_results"].group_by("source", "engine", "policy").agg(passes.alias("lists_passes"))
