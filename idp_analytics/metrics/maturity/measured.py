"""The one shape in which everything that criteria look at comes, and how sure it is that a threshold is passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import beta, norm

from idp_analytics.answers import ORG
from idp_analytics.estimates import shares

Array = npt.NDArray[np.float64]

HALF_YEAR, YEAR = 182, 365
"""Days looked back: over what happens often, and over what is seldom (stress, new services, retired paths)."""
LEAST = 5
"""Observations from which a share is judged."""

SHARE, COUNTED, INTERVAL = "share", "counted", "interval"
"""How a number is judged: k of n; counted whole, so without any doubt; by its value and interval."""

ABSENT = "not in the data"
FEW = "too few to say"
CALM = "nothing to test it"
"""Why there is no number. Only the last makes a criterion not applicable; all else leaves it unknown."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "source": pl.String,  # metric or measure
    "kind": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "k": pl.Float64,
    "n": pl.Int64,
    "missing": pl.Int64,
    "unit": pl.String,
    "why": pl.String,  # why there is no value
}
"""The columns of what was measured, in order."""


def since(as_of: datetime, days: int) -> pl.Expr:
    """The moment ``days`` days before ``as_of``, UTC."""
    return pl.lit((as_of - timedelta(days=days)).astimezone(UTC)).cast(pl.Datetime("us", "UTC"))


def moment(as_of: datetime) -> pl.Expr:
    """``as_of`` in UTC."""
    return since(as_of, 0)


def of_shares(frame: pl.DataFrame, source: str, unit: str, level: float) -> pl.DataFrame:
    """``frame`` (``scope``, ``entity_id``, ``k``, ``n``, maybe ``missing``, ``why``) as shares with Wilson's interval (1927)."""
    low, high = shares.wilson(frame["k"].to_numpy(), frame["n"].to_numpy(), level)
    few = pl.col("n") < LEAST
    given = pl.col("why") if "why" in frame.columns else pl.lit(None, pl.String)
    told = frame.with_columns(
        pl.Series("low", low, pl.Float64).fill_nan(None), pl.Series("high", high, pl.Float64).fill_nan(None),
        (pl.col("k") / pl.col("n")).fill_nan(None).alias("value"), pl.coalesce(given, pl.when(few).then(pl.lit(FEW))).alias("why"),
    )  # fmt: skip
    return shaped(told, source, SHARE, unit, level)


def of_intervals(frame: pl.DataFrame, source: str, unit: str, level: float) -> pl.DataFrame:
    """``frame`` (``scope``, ``entity_id``, ``value``, ``low``, ``high``, ``n``, maybe ``missing``, ``why``) as numbers with intervals."""
    return shaped(frame, source, INTERVAL, unit, level)


def of_registers(frame: pl.DataFrame, source: str, unit: str) -> pl.DataFrame:
    """``frame`` (``scope``, ``entity_id``, ``k``, ``n``, maybe ``missing``) as shares of a register that is known whole: of three services that are
    all there are, three with an owner leave nothing to guess."""
    share = (pl.col("k") / pl.col("n")).fill_nan(None)
    told = frame.with_columns(
        share.alias("value"),
        share.alias("low"),
        share.alias("high"),
        pl.when(pl.col("n") == 0).then(pl.lit(ABSENT)).alias("why"),
    )
    return shaped(told, source, COUNTED, unit, 1.0)


def of_count(source: str, value: float | None, unit: str, n: int | None = None, why: str | None = None) -> pl.DataFrame:
    """One number of the whole organisation that was counted and not drawn; null: ``why``."""
    row = {"scope": "org", "entity_id": ORG, "value": value, "low": value, "high": value, "n": n, "why": why}
    return shaped(pl.DataFrame([row], infer_schema_length=None), source, COUNTED, unit, 1.0)


def org_row(k: int, n: int, missing: int | None = None) -> pl.DataFrame:
    """The organisation's row for :func:`of_shares`."""
    row = {"scope": "org", "entity_id": ORG, "k": k, "n": n, "missing": missing}
    return pl.DataFrame(
        [row], schema={"scope": pl.String, "entity_id": pl.String, "k": pl.Int64, "n": pl.Int64, "missing": pl.Int64}
    )


def nothing(source: str, unit: str, why: str = ABSENT) -> pl.DataFrame:
    """No number, and why."""
    return of_count(source, None, unit, None, why)


def shaped(frame: pl.DataFrame, source: str, kind: str, unit: str, level: float) -> pl.DataFrame:
    """``frame`` with exactly :data:`COLUMNS`."""
    given: dict[str, Any] = {"source": source, "kind": kind, "unit": unit, "level": level}
    have = [name for name in frame.columns if name not in given]
    return frame.select(
        (pl.col(name) if name in have else pl.lit(given.get(name))).cast(dtype).alias(name) for name, dtype in COLUMNS.items()
    )  # fmt: skip


def chance(frame: pl.DataFrame) -> pl.Series:
    """The probability that the truth passes ``threshold`` (``is_least``: is at least that high); null where nothing can be said.

    Of a share: Jeffreys' posterior, Beta(k + ½, n − k + ½) (Brown, Cai & DasGupta 2001). Of a number with an interval: normal, on the
    side of the interval towards the threshold, of logarithms where all is above 0; where that side is not known, as of a median that
    has not been reached, nothing is said unless the other side settles it. What was counted passes or does not.
    """
    value, low, high, level, k, n, threshold = (
        frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("value", "low", "high", "level", "k", "n", "threshold")
    )
    kind, is_least = frame["kind"].fill_null("").to_numpy(), frame["is_least"].to_numpy()
    with np.errstate(all="ignore"):
        above = np.select(
            [kind == SHARE, kind == COUNTED, kind == INTERVAL],
            [
                # A threshold of 0 or 1 would be passed by nothing or by all: the ends of a Beta are never reached.
                beta.sf(np.clip(threshold, 0, 1), k + 0.5, n - k + 0.5),
                np.where(is_least, value >= threshold, value > threshold).astype(float),
                _above(value, low, high, level, threshold),
            ],
            np.nan,
        )
    unknown = frame["why"].is_not_null().to_numpy() | ((kind == COUNTED) & np.isnan(value))
    found = np.where(unknown, np.nan, np.where(is_least, above, 1 - above))
    return pl.Series("p", found, pl.Float64).fill_nan(None)


def _above(value: Array, low: Array, high: Array, level: Array, threshold: Array) -> Array:
    on_logs = (np.nan_to_num(value, nan=1) > 0) & (np.nan_to_num(low, nan=1) > 0) & (threshold > 0)
    v, a, b, t = (np.where(on_logs, np.log(x), x) for x in (value, low, high, threshold))
    z = norm.isf((1 - level) / 2)
    error = np.where(t >= v, b - v, v - a) / z
    near = np.where(error > 0, norm.sf((t - v) / error), np.where(t <= v, 1.0, 0.0))
    tail = (1 - level) / 2
    # Not reached at all: beyond its lower bound is all that is known.
    return np.where(np.isnan(v), np.where(a > t, 1 - tail, np.nan), np.where(np.isnan(error), np.nan, near))
