"""What a number says against the period before it, and what a reader must be warned of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.estimates import changes

SERIES = ("scope", "entity_id", "every", "currency", "detail")
"""What the periods that are compared have in common."""

_USED = ("value", "low", "high", "n", "k", "days", "crowding")

Array = npt.NDArray[np.float64]


def compared(rows: pl.DataFrame, metric: Metric, level: float) -> pl.DataFrame:
    """``rows`` of one metric, sorted by :data:`SERIES` and time, with ``change``, ``change_low``, ``change_high`` and ``verdict``.

    Each period is compared with the one just before it, of the same length and entity (money: currency and part):
    shares by their difference (Newcombe; of time: MOVER), rates by their ratio (exact), medians by their ratio (MOVER), totals by
    their ratio without an interval, since there is no sampling and neither more nor less is better in itself.

    Only with a complete period: the one before must not be partial. A number that is *per* something may itself be of
    a partial period, its interval knows how little it rests on; a total may not. An end that is unbounded is null.

    Verdict: *not measured* where the tables do not cover the period; *suppressed* where the number is withheld (then the
    period after has nothing to compare with); *insufficient data* where there is no value; *not
    identified* where there is nothing to compare with or no better side; else what the interval of the change allows.
    """
    if "crowding" not in rows.columns:
        rows = rows.with_columns(pl.lit(1.0).alias("crowding"))
    # In order, so that the row before is that of the period before, if there is any.
    follows = pl.all_horizontal(
        *(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in SERIES),
        (pl.col("period_end").shift(1) == pl.col("period_start")).fill_null(False),
    )
    rows = rows.with_columns(follows.alias("_follows")).with_columns(
        pl.when("_follows").then(pl.col(name).shift(1)).alias(f"{name}_before") for name in (*_USED, "is_partial")
    )
    comparable = pl.col("value", "value_before").is_not_null()
    alike = ~pl.col("is_partial_before")
    if metric.estimator is Estimator.TOTAL:
        alike = alike & ~pl.col("is_partial")
    sound = rows.select(pl.all_horizontal(comparable, alike).fill_null(False)).to_series().to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        change, low, high = (np.where(sound, v, np.nan) for v in _change(rows, metric.estimator, level))
    no_change = 0.0 if metric.estimator in _DIFFERENCES else 1.0
    withheld = pl.col("is_withheld") if "is_withheld" in rows.columns else pl.lit(False)
    allowed = pl.lit(pl.Series(changes.allowed(low, high, no_change, metric.better or "")))
    other = dict(zip(_OTHERWISE, range(len(changes.ALLOWED), len(_VERDICTS)), strict=True))
    # By number, so that each word is made once.
    said = rows.select(
        pl.when(~pl.col("is_measured")).then(other[Verdict.NOT_MEASURED])
        .when(withheld).then(other[Verdict.SUPPRESSED])
        .when(pl.col("value").is_null()).then(other[Verdict.INSUFFICIENT_DATA])
        .otherwise(allowed)
    ).to_series()  # fmt: skip
    return rows.with_columns(
        _finite("change", change),
        _finite("change_low", low),
        _finite("change_high", high),
        pl.Series(_VERDICTS, dtype=pl.String).gather(said).alias("verdict"),
    )


_OTHERWISE = (Verdict.NOT_MEASURED, Verdict.SUPPRESSED, Verdict.INSUFFICIENT_DATA)
_VERDICTS = (*changes.ALLOWED, *(verdict.value for verdict in _OTHERWISE))


_DIFFERENCES = (Estimator.SHARE, Estimator.DAYS, Estimator.WORKING_DAYS, Estimator.TIME)


def _change(rows: pl.DataFrame, estimator: Estimator, level: float) -> tuple[Array, Array, Array]:
    now = {name: _numbers(rows, name) for name in _USED}
    then = {name: _numbers(rows, f"{name}_before") for name in _USED}
    if estimator is Estimator.TIME:
        both = (frame[name] for frame in (now, then) for name in ("value", "low", "high"))
        return changes.difference_from_intervals(*both)
    if estimator in _DIFFERENCES:
        k, n, k0, n0 = (frame[name] / frame["crowding"] for frame in (now, then) for name in ("k", "n"))
        return changes.newcombe_difference(k, n, k0, n0, level)
    if estimator in (Estimator.RATE, Estimator.EXPOSURE):
        return changes.rate_ratio(now["n"], now["days"], then["n"], then["days"], level)
    if estimator is Estimator.TOTAL:
        ratio = np.where((now["value"] > 0) & (then["value"] > 0), now["value"] / then["value"], np.nan)
        return ratio, np.full_like(ratio, np.nan), np.full_like(ratio, np.nan)
    return changes.ratio_from_intervals(now["value"], now["low"], now["high"], then["value"], then["low"], then["high"])


def _numbers(rows: pl.DataFrame, name: str) -> Array:
    return rows[name].cast(pl.Float64).to_numpy()


def _finite(name: str, values: Array) -> pl.Series:
    return pl.Series(name, np.where(np.isfinite(values), values, np.nan)).fill_nan(None)


def cautioned(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` of one metric with ``caution``: short sentences joined by ``; ``, null where there is nothing to say."""
    missing, population = pl.col("missing"), pl.col("n") + pl.col("missing")
    some = pl.when(missing > 0).then(
        pl.format("{} of {} {} had no usable span", missing, population, pl.col("noun").str.replace_all("_", " "))
    )
    partial = pl.when("is_partial").then(pl.lit("partial period"))
    said = pl.concat_str(partial, "note", some, "beside", separator="; ", ignore_nulls=True)
    # Of most rows there is nothing to say, and no text is put together.
    is_any = rows.select(
        pl.any_horizontal("is_partial", missing > 0, pl.col("note", "beside").is_not_null()).fill_null(False)
    ).to_series()
    told = rows.filter(is_any).select(pl.when(said != "").then(said).alias("caution")).to_series()
    return rows.with_columns(told.gather(rows.select(pl.when(is_any).then(is_any.cum_sum() - 1)).to_series()))
