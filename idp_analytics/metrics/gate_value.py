"""Study ``gate_value``: do deployments that somebody had approved fail less often than others of services of the same tier?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import changes, shares
from idp_analytics.estimates.stratified import pooled_difference
from idp_analytics.metrics.approvals import judged
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.cells import Spans, periods_of, placed
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import observed
from idp_analytics.settings import Settings

NOT_TOLD = "not told"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "tier": pl.String,  # of the service; null: all tiers together
    "gated": pl.Int64,  # deployments a person had approved before they began
    "gated_failed": pl.Int64,
    "gated_share": pl.Float64,
    "gated_low": pl.Float64,
    "gated_high": pl.Float64,
    "ungated": pl.Int64,  # deployments nobody was asked about, of a source that tells of approvals
    "ungated_failed": pl.Int64,
    "ungated_share": pl.Float64,
    "ungated_low": pl.Float64,
    "ungated_high": pl.Float64,
    "unknown": pl.Int64,  # beside both: no approval of any deployment of that source is known, or it came after it began
    "tiers": pl.Int64,  # of all tiers together: those with both kinds
    "difference": pl.Float64,  # gated less ungated; of all tiers together within tiers
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""

_KINDS = ("gated", "ungated")


def gate_value(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Change fail rate of deployments behind a gate and of others, per tier and for all, by month and quarter (:data:`COLUMNS`).

    Deployments and failures as for ``change_fail_rate``. Shares: Wilson 1927; difference within a tier: Newcombe 1998; over tiers:
    weights of Mantel–Haenszel, interval by MOVER (Zou, Huang & Zhang 2009). An association: what is gated is chosen, often because it is risky.
    """
    seen = observed(by_name("change_fail_rate"), tables, settings, as_of).filter("usable", pl.col("detail").is_null())
    rows = seen.join(_behind(tables, as_of), left_on="source_key", right_on="deployment_id").join(
        tables["services"].select("service_id", pl.col("tier").cast(pl.String)), on="service_id", how="left"
    )
    told = ("service_id", "team_id", "day", "hit", "kind", pl.col("tier").fill_null(NOT_TOLD))
    known = rows.select(told).collect()
    if known.filter(pl.col("kind") != "unknown").is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = known["day"].min()  # type: ignore[assignment]
    periods = periods_of("change_fail_rate", tables, settings, as_of, first, of=spans)
    kind, level = pl.col("kind"), settings.rules.level
    by_tier = (
        placed(known, settings, ("org", "team"), spans=spans)
        .group_by(*CELL, "tier")
        .agg(
            *((kind == name).sum().cast(pl.Int64).alias(name) for name in (*_KINDS, "unknown")),
            *(((kind == name) & pl.col("hit")).sum().cast(pl.Int64).alias(f"{name}_failed") for name in _KINDS),
        )
    )
    counts = pl.col(*_KINDS, "unknown", *(f"{name}_failed" for name in _KINDS))
    whole = by_tier.group_by(CELL).agg(counts.sum()).with_columns(pl.lit(None, pl.String).alias("tier"))
    pooled = pooled_difference(by_tier, CELL, "gated_failed", "gated", "ungated_failed", "ungated", level)
    together = whole.join(pooled.rename({"strata": "tiers"}), on=list(CELL))
    return (
        pl.concat([together, _differing(by_tier, level)], how="diagonal")
        .with_columns(pl.lit(level).alias("level"))
        .pipe(_with_shares, level)
        .join(periods, on=["every", "period_start"])
        .sort(*CELL, "tier", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _behind(tables: Tables, as_of: datetime) -> pl.LazyFrame:
    """``deployment_id`` and ``kind``: gated, ungated or unknown."""
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    asked = judged(tables, now).filter("is_human", pl.col("subject_kind") == "deployment")
    gates = asked.group_by(pl.col("subject_id").alias("deployment_id")).agg(
        (pl.col("state") == "approved").any().fill_null(False).alias("_approved"),
        pl.col("answered_at").filter(pl.col("state") == "approved").min().alias("_at"),
        pl.lit(True).alias("_asked"),
    )
    deployments = tables["deployments"].join(gates, on="deployment_id", how="left")
    tells = deployments.filter("_asked").select("source", pl.lit(True).alias("_tells")).unique()
    begun = pl.coalesce("started_at", "finished_at")
    kind = (
        pl.when(pl.col("_approved").fill_null(False) & ~(pl.col("_at") > begun).fill_null(False)).then(pl.lit("gated"))
        .when(pl.col("_asked").fill_null(False) | ~pl.col("_tells").fill_null(False)).then(pl.lit("unknown"))
        .otherwise(pl.lit("ungated"))
    )  # fmt: skip
    return deployments.join(tells, on="source", how="left").select("deployment_id", kind.alias("kind"))


def _differing(by_tier: pl.DataFrame, level: float) -> pl.DataFrame:
    failed, gated, others_failed, others = (
        by_tier[name].to_numpy() for name in ("gated_failed", "gated", "ungated_failed", "ungated")
    )
    found = changes.newcombe_difference(failed, gated, others_failed, others, level)
    return by_tier.with_columns(
        pl.Series(name, np.asarray(v)).fill_nan(None) for name, v in zip(("difference", "low", "high"), found, strict=True)
    )  # fmt: skip


def _with_shares(found: pl.DataFrame, level: float) -> pl.DataFrame:
    for kind in _KINDS:
        ends = shares.wilson(found[f"{kind}_failed"].to_numpy(), found[kind].to_numpy(), level)
        found = found.with_columns(
            pl.when(pl.col(kind) > 0).then(pl.col(f"{kind}_failed") / pl.col(kind)).alias(f"{kind}_share"),
            *(pl.Series(f"{kind}_{end}", np.asarray(v)).fill_nan(None) for end, v in zip(("low", "high"), ends, strict=True)),
        )  # fmt: skip
    return found
