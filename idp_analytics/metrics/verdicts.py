"""Each answer against the same entity's period before, and what that allows to be said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from idp_analytics.answers import COLUMNS, Estimator, Metric, Verdict
from idp_analytics.estimates import changes

_SERIES = ("scope", "entity_id", "every", "metric", "detail", "currency")
_KINDS = {
    Estimator.RATE: "rate",
    Estimator.SHARE: "share",
    Estimator.DAYS: "share",
    Estimator.MEDIAN: "median",
    Estimator.SURVIVAL_MEDIAN: "median",
    Estimator.TOTAL: "total",
}


def compared(rows: pl.DataFrame, metrics: Sequence[Metric], level: float) -> pl.DataFrame:
    """``rows`` (answer columns and ``days``) with change, its interval and the verdict, sorted.

    Shares: difference (Newcombe). Rates: ratio (exact conditional). Medians: ratio (MOVER on the logs). Totals: ratio
    of two complete periods, no interval, no verdict. A rate, share or median of a partial period may be compared: its
    interval already says how little it rests on.
    """
    kinds = pl.DataFrame(
        [(m.name, _KINDS[m.estimator], m.better or "") for m in metrics],
        schema=["metric", "_kind", "_better"],
        orient="row",
    )
    used = ("value", "low", "high", "n", "k", "days", "is_partial")
    rows = (
        rows.join(kinds, on="metric")
        .sort(*_SERIES, "period_start", nulls_last=False)
        .with_columns(pl.col(c).shift(1).over(_SERIES, order_by="period_start").alias(f"_{c}") for c in used)
    )
    both = rows["value"].is_not_null().to_numpy() & rows["_value"].is_not_null().to_numpy()
    kind = rows["_kind"].to_numpy()
    change, low, high = (np.full(rows.height, np.nan) for _ in range(3))
    for name, interval in (("share", _shares), ("rate", _rates), ("median", _medians)):
        here = both & (kind == name)
        change[here], low[here], high[here] = interval(rows.filter(here), level)
    complete = both & (kind == "total") & ~(rows["is_partial"] | rows["_is_partial"]).fill_null(True).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        change[complete] = (rows["value"] / rows["_value"]).to_numpy()[complete]
    no_change = np.where(kind == "share", 0.0, 1.0)
    said = changes.verdict(low, high, no_change, rows["_better"].to_numpy())
    return (
        rows.with_columns(
            pl.Series("change", change).fill_nan(None), pl.Series("change_low", low).fill_nan(None),
            pl.Series("change_high", high).fill_nan(None),
            pl.coalesce("verdict", pl.Series(said, dtype=pl.String), pl.lit(Verdict.NOT_IDENTIFIED.value)).alias("verdict"),
        )
        .select(list(COLUMNS))
        .sort("metric", "scope", "entity_id", "every", "period_start", "currency", "detail", nulls_last=False)
    )  # fmt: skip


def _shares(rows: pl.DataFrame, level: float) -> changes.Interval:
    return changes.newcombe_difference(rows["k"], rows["n"], rows["_k"], rows["_n"], level)


def _rates(rows: pl.DataFrame, level: float) -> changes.Interval:
    return changes.rate_ratio(rows["n"], rows["days"], rows["_n"], rows["_days"], level)


def _medians(rows: pl.DataFrame, _level: float) -> changes.Interval:
    return changes.ratio_from_intervals(*(rows[c] for c in ("value", "low", "high", "_value", "_low", "_high")))
