"""Study ``maturity_thresholds``: how much a level rests on where somebody put a threshold.

No calibration of any threshold has been published, so each is told with the span in which it could lie without the criterion standing
otherwise, and with the level that would follow if it did.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from scipy.stats import beta, norm

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.evidence import MET, NOT_MET, SURE, criteria
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.metrics.maturity.measured import COUNTED, INTERVAL, SHARE
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "aspect": pl.String,
    "level": pl.Int64,
    "criterion": pl.String,
    "is_least": pl.Boolean,
    "threshold": pl.Float64,
    "unit": pl.String,
    "state": pl.String,
    "met_to": pl.Float64,  # met up to (at least) or from (at most) this threshold; null: nothing can be said
    "not_met_from": pl.Float64,  # not met from, or up to, this one; in between unknown
    "low": pl.Int64,  # of the aspect, as it stands; null: not assessed
    "high": pl.Int64,
    "low_if_met": pl.Int64,
    "high_if_met": pl.Int64,
    "low_if_not": pl.Int64,
    "high_if_not": pl.Int64,
    "decides": pl.Boolean,  # another threshold alone could change the level
}
"""The columns of the study, in order."""

_KEY = ["scope", "entity_id", "aspect"]


def maturity_thresholds(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """For every criterion that applies, where its threshold would make it met or not met, and the level of its aspect then (:data:`COLUMNS`)."""
    seen = criteria(tables, settings, as_of)
    return turned(seen)


def turned(seen: pl.DataFrame) -> pl.DataFrame:
    """The same of a frame of :data:`evidence.CRITERIA`."""
    asked = seen.filter(pl.col("state").is_in(["met", "not met", "unknown"]))
    tips = asked.with_columns(*_tips(asked)).drop("low", "high")
    now = levels(seen).select(*_KEY, "low", "high")
    found = tips.join(now, on=_KEY, how="left", maintain_order="left")
    for name, state in (("met", MET), ("not", NOT_MET)):
        varied = asked.select(*_KEY, pl.col("criterion").alias("varied"))
        # Each aspect once per criterion of it, with that one criterion taken to stand so.
        many = seen.join(varied, on=_KEY, how="inner").with_columns(
            pl.when(pl.col("criterion") == pl.col("varied")).then(pl.lit(state)).otherwise("state").alias("state")
        )
        then = levels(many, ["varied"]).select(
            *_KEY, pl.col("varied").alias("criterion"), pl.col("low").alias(f"low_if_{name}"), pl.col("high").alias(f"high_if_{name}")
        )  # fmt: skip
        found = found.join(then, on=[*_KEY, "criterion"], how="left", maintain_order="left")
    changes = pl.any_horizontal(
        (pl.col(f"{end}_if_{name}") != pl.col(end)) for name in ("met", "not") for end in ("low", "high")
    ).fill_null(False)
    return found.with_columns((changes & pl.col("met_to").is_not_null()).alias("decides")).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )


def _tips(frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The thresholds at which the probability of passing is :data:`SURE`, and one less it."""
    value, low, high, level, k, n = (
        frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("value", "low", "high", "interval_level", "k", "n")
    )
    kind, known = frame["kind"].fill_null("").to_numpy(), frame["p"].is_not_null().to_numpy()
    with np.errstate(all="ignore"):
        shares = [beta.isf(p, k + 0.5, n - k + 0.5) for p in (SURE, 1 - SURE)]
        on_logs = (value > 0) & (low > 0)
        v, a, b = (np.where(on_logs, np.log(x), x) for x in (value, low, high))
        z, reach = norm.isf((1 - level) / 2), norm.isf(1 - SURE)
        ends = [v - reach * (v - a) / z, v + reach * (b - v) / z]
        numbers = [np.where(on_logs, np.exp(end), end) for end in ends]
    below, above = (
        np.where(known, np.select([kind == SHARE, kind == INTERVAL, kind == COUNTED], [share, number, value], np.nan), np.nan)
        for share, number in zip(shares, numbers, strict=True)
    )  # fmt: skip
    is_least = frame["is_least"].to_numpy()
    return (
        pl.Series("met_to", np.where(is_least, below, above), pl.Float64).fill_nan(None),
        pl.Series("not_met_from", np.where(is_least, above, below), pl.Float64).fill_nan(None),
    )
