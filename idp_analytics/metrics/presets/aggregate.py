"""What a measure counts → one number per entity and window, all of them in one pass."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.estimates import medians, rates, shares, survival
from idp_analytics.estimates.adding import added, averaged
from idp_analytics.metrics.presets.definition import Aggregation, FailRate, Frequency, Measure, Rework
from idp_analytics.metrics.presets.windows import buckets, weekdays

CELL = ("scope", "entity_id", "every", "period")

NUMBERS = {
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "k": pl.Int64,
    "censored": pl.Int64,
    "interval": pl.String,
}
"""What is said of one cell. ``interval``: how ``low`` and ``high`` are made; null where there is no sound one."""


def aggregated(
    measure: Measure, rows: pl.DataFrame, cells: pl.DataFrame, spans: pl.DataFrame, level: float | None
) -> pl.DataFrame:
    """``cells`` (:data:`CELL`, every entity in every window) with :data:`NUMBERS`; where ``level`` is None, without intervals.

    ``rows``: what is counted, placed (:func:`windows.placed`), with ``scope`` and ``entity_id``. A value is null where nothing is
    behind it, or 0 where the definition says so; ``n`` then tells that it rests on nothing.
    """
    if isinstance(measure, Frequency):
        found = _frequency(measure, rows, cells, spans, level)
    elif measure.aggregation is Aggregation.SHARE:
        found = _share(measure, rows, cells, level)
    elif measure.aggregation in (Aggregation.SUM, Aggregation.UNION):
        found = _time(measure, rows, cells)
    else:
        found = _spans(measure, rows, cells, level)
    return _finished(measure, found)


def way(measure: Measure) -> Hashable:
    """How rows become a number: what of a measure :func:`aggregated` looks at. Measures that agree in it can be aggregated at once."""
    own: tuple[Hashable, ...] = ()
    match measure:
        case Frequency():
            own = measure.of, measure.per, measure.covered, measure.whole_days
        case FailRate():
            own = measure.link.inside, measure.above == "deployments", measure.below
        case Rework():
            own = (measure.in_clusters,)
    shared = measure.aggregation, measure.scale, measure.empty_is_zero, measure.decimals, measure.min_n
    return type(measure), *shared, *own


def _finished(measure: Measure, found: pl.DataFrame) -> pl.DataFrame:
    have = found.columns
    frame = found.with_columns(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in NUMBERS.items()
    ).with_columns(pl.col("n").fill_null(0))
    rests_on = pl.col("n") - pl.col("censored").fill_null(0)
    value: pl.Expr = pl.when(rests_on >= measure.min_n).then(pl.col("value"))
    if measure.empty_is_zero:
        value = pl.when(pl.col("n") == 0).then(0.0).otherwise(value)
    scaled = [(e * measure.scale).fill_nan(None).alias(name) for name, e in
              (("value", value), ("low", pl.col("low")), ("high", pl.col("high")))]  # fmt: skip
    frame = frame.with_columns(scaled)
    if measure.decimals is not None:
        frame = frame.with_columns(pl.col("value").round(measure.decimals))
    return frame.select(*CELL, *NUMBERS)


# --- shares -----------------------------------------------------------------------------------------------------------


def _share(measure: Measure, rows: pl.DataFrame, cells: pl.DataFrame, level: float | None) -> pl.DataFrame:
    above = pl.col("k").fill_null(0).sum()
    if isinstance(measure, FailRate) and measure.link.inside:
        # A hit in a row of its own: one deployment fails once, however often it is found.
        above = pl.col("source_key").filter(pl.col("k") > 0).n_unique().cast(pl.Int64)
    below = pl.col("n").fill_null(0).sum()
    if isinstance(measure, FailRate) and measure.below == "commits":
        below = pl.col("unit").filter(pl.col("n") > 0).drop_nulls().n_unique().cast(pl.Int64)
    found = cells.join(rows.group_by(CELL).agg(below.alias("n"), above.alias("k")), on=CELL, how="left")
    found = found.with_columns(pl.col("n", "k").fill_null(0))
    value = pl.when(pl.col("n") > 0).then(pl.col("k") / pl.col("n"))
    if isinstance(measure, FailRate) and (measure.above != "deployments" or measure.below != "deployments"):
        return found.with_columns(value.alias("value"))  # a ratio of two counts: no share of anything, no interval
    if level is None:
        return found.with_columns(value.alias("value"))
    crowding, how = np.ones(found.height), "Wilson"
    if isinstance(measure, Rework) and measure.in_clusters:
        crowding, how = _crowding(rows, found), "Wilson, n by design effect"
    low, high = shares.wilson(found["k"].to_numpy() / crowding, found["n"].to_numpy() / crowding, level)
    return found.with_columns(
        value.alias("value"), pl.Series("low", low), pl.Series("high", high), pl.lit(how).alias("interval")
    )


def _crowding(rows: pl.DataFrame, found: pl.DataFrame) -> npt.NDArray[np.float64]:
    """The design effect of each cell of ``found``: what one service did on one day goes together."""
    days = rows.group_by(*CELL, "service_id", "team_id", pl.col("local").dt.date().alias("day")).agg(
        pl.col("n", "k").sum()
    )
    n, k = pl.col("n"), pl.col("k")
    sums = days.filter(n > 0).group_by(CELL).agg(
        (k * k).sum().alias("kk"), (k * n).sum().alias("kn"), (n * n).sum().alias("nn"), pl.len().alias("m")
    )  # fmt: skip
    told = found.join(sums, on=list(CELL), how="left", maintain_order="left").fill_null(0)
    return shares.design_effect(*(told[name].to_numpy() for name in ("k", "n", "kk", "kn", "nn", "m")))


# --- spans of time ----------------------------------------------------------------------------------------------------


def _spans(measure: Measure, rows: pl.DataFrame, cells: pl.DataFrame, level: float | None) -> pl.DataFrame:
    known = rows.filter(pl.col("x").is_not_null())
    level = level or 0.95  # here an interval is found with the value, at no price
    if measure.aggregation is Aggregation.SURVIVAL_MEDIAN:
        found = survival.grouped_median(known.with_columns(pl.col("ended").fill_null(True)), CELL, "x", "ended", level)
        found = found.with_columns(pl.col("events").alias("k"), pl.lit("Kaplan–Meier, log-log").alias("interval"))
        return cells.join(found.drop("events"), on=CELL, how="left")
    if measure.aggregation in (Aggregation.MEDIAN, Aggregation.LOWER_MEDIAN):
        found = medians.grouped(known, CELL, "x", level=level).with_columns(
            pl.lit("order statistics").alias("interval")
        )
        if measure.aggregation is Aggregation.LOWER_MEDIAN:
            lower = known.group_by(CELL).agg(_lower_median(pl.col("x")).alias("value"))
            found = found.drop("value").join(lower, on=CELL)
        return cells.join(found, on=CELL, how="left")
    value = averaged(pl.col("x"))
    if measure.aggregation is Aggregation.P90:
        value = pl.col("x").quantile(0.9, "linear")
    found = known.group_by(CELL).agg(value.alias("value"), pl.len().alias("n"))
    return cells.join(found, on=CELL, how="left")


def _lower_median(x: pl.Expr) -> pl.Expr:
    """The lower of the two middle values: the largest whose percent rank is at most one half."""
    return x.sort().get((x.len().cast(pl.Int64) - 1) // 2)


def _time(measure: Measure, rows: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Hours with an incident: all added up, or what overlaps within one service once."""
    whose = [*CELL, "service_id"]
    if measure.aggregation is Aggregation.UNION:
        reached = pl.col("until").cum_max().shift(1).over(whose)
        begin = pl.max_horizontal("at", reached)
        hours = ((pl.col("until") - begin).dt.total_seconds(fractional=True) / 3600).clip(lower_bound=0)
        rows = rows.sort("at", "until").with_columns(hours.alias("x"))
    found = rows.group_by(CELL).agg(added(pl.col("x")).alias("value"), pl.len().alias("n"))
    return cells.join(found, on=CELL, how="left")


# --- how often --------------------------------------------------------------------------------------------------------


def _frequency(
    measure: Frequency, rows: pl.DataFrame, cells: pl.DataFrame, spans: pl.DataFrame, level: float | None
) -> pl.DataFrame:
    count = {
        "deployments": pl.len(),
        "days": pl.col("local").dt.date().n_unique(),
        "commits": pl.col("unit").drop_nulls().n_unique(),
    }[measure.of].cast(pl.Int64).alias("n")  # fmt: skip
    whole = cells.join(rows.group_by(CELL).agg(count), on=CELL, how="left").with_columns(pl.col("n").fill_null(0))
    if measure.per == "period":
        return whole.with_columns(pl.col("n").cast(pl.Float64).alias("value"), pl.col("n").alias("k"))
    if measure.per in ("day", "weekday") and measure.aggregation is Aggregation.MEAN:
        return _per_day(measure, whole, spans, level)
    grid = buckets(spans, measure.per)
    unit = {"day": "1d", "week": "1w", "month": "1mo"}[measure.per]
    within = rows.with_columns(pl.col("local").dt.truncate(unit).alias("bucket")).group_by(*CELL, "bucket").agg(count)
    counts = (
        cells.join(grid, on=["every", "period"])
        .join(within, on=[*CELL, "bucket"], how="left")
        .with_columns(pl.col("n").fill_null(0).cast(pl.Float64).alias("x"))
    )
    value = {
        Aggregation.MEAN: averaged(pl.col("x")),
        Aggregation.FLOOR_MEAN: averaged(pl.col("x")).floor(),
        Aggregation.MEDIAN: pl.col("x").median(),
        Aggregation.LOWER_MEDIAN: _lower_median(pl.col("x")),
    }[measure.aggregation]
    return whole.join(counts.group_by(CELL).agg(value.alias("value")), on=CELL, how="left")


def _per_day(measure: Frequency, whole: pl.DataFrame, spans: pl.DataFrame, level: float | None) -> pl.DataFrame:
    days = (pl.col("end") - pl.col("start")).dt.total_seconds(fractional=True) / 86400
    per = spans.select("every", "period", (pl.col("days") if measure.covered else days).alias("_days"))
    if measure.per == "weekday":
        per = weekdays(spans).rename({"days": "_days"})
    if measure.whole_days:
        per = per.with_columns(pl.col("_days").ceil())
    found = whole.join(per, on=["every", "period"], how="left")
    value = pl.when(pl.col("_days") > 0).then(pl.col("n") / pl.col("_days"))
    if measure.of == "days":
        days_over = np.floor(found["_days"].to_numpy())
        told = found.with_columns(
            (pl.col("n") / pl.Series(days_over)).alias("value"), pl.col("n").alias("k"), pl.Series("n", days_over.astype(np.int64))
        )  # fmt: skip
        if level is None:
            return told
        low, high = shares.wilson(found["n"].to_numpy(), days_over, level)
        return told.with_columns(pl.Series("low", low), pl.Series("high", high), pl.lit("Wilson").alias("interval"))
    if level is None:
        return found.with_columns(value.alias("value"))
    low, high = rates.exact_poisson(found["n"].to_numpy(), found["_days"].to_numpy(), level)
    return found.with_columns(
        value.alias("value"), pl.Series("low", low), pl.Series("high", high), pl.lit("exact Poisson").alias("interval")
    )
