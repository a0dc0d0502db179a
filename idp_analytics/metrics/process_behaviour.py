"""Process behaviour charts: is a week a signal, or what the process does anyhow?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Estimator, Metric
from idp_analytics.errors import ReportError, nearest
from idp_analytics.estimates import false_alarms, laney
from idp_analytics.estimates import process_behaviour as chart
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.series import COUNTED, ENTITY, FOLLOWED, PER_EXPOSURE, exposure_series, series
from idp_analytics.settings import Mark, Settings

Array = npt.NDArray[np.float64]

ABOVE, BELOW, LONG_RUN = "above the limits", "below the limits", "long run"
FEW_CROSSINGS = "few crossings"

TIMED = (Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN)
SHORTEST_HOURS = 1 / 3600
"""What a median of no time at all counts as on the log scale."""

FEWEST_HITS = 5
"""Hits, and misses, that a baseline must hold: a centre that rests on fewer may be off by its own size. Of counts per exposure
the events; and so many of them a week, on average, before runs say anything: fewer make a lopsided series with many ties."""

CHARTED: tuple[Metric, ...] = (*FOLLOWED, *PER_EXPOSURE)
"""The metrics the study is of."""

RESEMBLING = 0.3
"""Lag-1 autocorrelation above which limits are too narrow."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "metric": pl.String, "every": pl.String, "period": pl.String,
    "period_start": pl.Date, "period_end": pl.Date, "is_partial": pl.Boolean, "unit": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "k": pl.Int64,
    "centre": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "moving_range": pl.Float64, "moving_range_limit": pl.Float64,
    "signal": pl.String, "runs": pl.String, "phase": pl.Int64, "phase_cause": pl.String, "outlier": pl.String,
    "is_baseline": pl.Boolean, "points": pl.Int64, "false_alarm_probability": pl.Float64, "autocorrelation": pl.Float64,
    "caution": pl.String,
}  # fmt: skip
"""The columns of the study, in order."""


def process_behaviour(
    tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str] = ("org", "team")
) -> pl.DataFrame:
    """One row per scope, entity, metric (:data:`CHARTED`) and week: the value and what the process does by itself.

    ``value`` with ``low``, ``high``, ``n``, ``k`` as in the answers, but a share is told from one observation on and a
    complete week without a deployment is a rate of 0. ``centre``, ``lower``, ``upper``: natural process limits, set by
    the first 24 complete weeks of the phase (12 at least; until then those of the phase before, if any) and frozen.

    * rates: XmR limits of the weekly rate. Weeks are equally long, so these are Laney's u′ limits, and bunching of
      deployments is in them.
    * days with a deployment: Laney's p′ limits, since weekends make days more alike than chance.
    * other shares: Laney's p′ limits, and never narrower than exact binomial ones: few deployments make a share jump.
    * counts per exposure: Laney's u′ limits at the exposure of the week, and never narrower than exact Poisson ones.
    * medians: XmR limits of the logarithm, as a change of a median is told as a ratio. Weeks without a median are gaps.

    ``signal``: "above the limits", "below the limits", "long run" (the week belongs to an unusually long run on one side
    of the phase's median) or null. ``runs``: what Anhøj's rules say of the whole phase. ``phase``: 0 to the first named
    cause, then counted on; ``phase_cause``. ``outlier``: the cause for which settings leave the week out. A week left
    out, partial or unknown sets no limit and is no signal. ``moving_range``: distance to the week before (medians: the
    ratio, at least 1) and its limit. ``points``: complete weeks in the phase. ``false_alarm_probability``: the chance that
    a phase of so many weeks in which nothing changes shows a signal (:mod:`estimates.false_alarms`).

    Rows begin with the first week in which the entity did anything. Sorted by scope, entity, metric and time. Raises
    :class:`ReportError` when settings name a metric or team that does not exist.
    """
    both = series(tables, settings, as_of, scopes, "1w"), exposure_series(tables, settings, as_of, scopes, "1w")
    points = pl.concat(both, how="diagonal")
    points = _marked(points, _phases(tables, settings, as_of), "_cause")
    points = _marked(points, settings.outliers, "outlier")
    _known_names(settings, points)
    numbered = points.with_columns(
        pl.col("_cause").is_not_null().cast(pl.Int64).cum_sum().over(ENTITY).alias("phase"),
        pl.col("_cause").forward_fill().over(ENTITY).alias("phase_cause"),
        (~pl.col("is_partial") & pl.col("x").is_not_null() & pl.col("outlier").is_null()).alias("_judged"),
    )
    parts = [_charted(rows, metric) for metric in CHARTED if (rows := numbered.filter(metric=metric.name)).height]
    told = pl.concat([pl.DataFrame(schema=COLUMNS), *parts])
    return told.sort(*ENTITY, "period_start")


def _phases(tables: Tables, settings: Settings, as_of: datetime) -> list[Mark]:
    """The causes that begin a phase: those of the settings, and interventions a team took up, for the metric they name."""
    taken_up = (
        tables["interventions"]
        .filter(pl.col("unit_kind") == "team", pl.col("adopted_on") <= as_of.date())
        .select("adopted_on", pl.coalesce("component", "intervention_id").alias("cause"), "metric", "unit_id")
        .filter(pl.col("metric").is_in([metric.name for metric in CHARTED]))
        .unique()
        .sort(pl.all())
        .collect()
    )
    return [*settings.phases, *(Mark(on, cause, metric, team) for on, cause, metric, team in taken_up.iter_rows())]


def _known_names(settings: Settings, points: pl.DataFrame) -> None:
    marks = (*settings.phases, *settings.outliers)
    teams = set(points.filter(scope="team")["entity_id"].unique()) if marks else set()
    for mark in marks:
        if mark.metric is not None:
            by_name(mark.metric)
        if mark.team is not None and teams and mark.team not in teams:
            raise ReportError(
                f"Settings name a phase or outlier of team {mark.team!r}, which did nothing.{nearest(mark.team, teams)}"
            )


def _marked(points: pl.DataFrame, marks: Iterable[Mark], column: str) -> pl.DataFrame:
    """``points`` with ``column``: the causes of the marks whose day falls into the period, null for none."""
    rows = [(mark.on, mark.cause, mark.metric, mark.team) for mark in marks]
    if not rows:
        return points.with_columns(pl.lit(None, pl.String).alias(column))
    schema = {"_on": pl.Date, column: pl.String, "_metric": pl.String, "_team": pl.String}
    given = (
        points.select("period_start", "period_end")
        .unique()
        .join_where(
            pl.DataFrame(rows, schema=schema, orient="row"),
            pl.col("period_start") <= pl.col("_on"),
            pl.col("_on") < pl.col("period_end"),
        )
        .drop("period_end", "_on")
    )
    own = (pl.col("scope") == "team") & (pl.col("entity_id") == pl.col("_team"))
    told = (
        points.select(*ENTITY, "period_start")
        .join(given, on="period_start")
        .filter(
            pl.col("_metric").is_null() | (pl.col("_metric") == pl.col("metric")),
            pl.col("_team").is_null() | own,
        )
        .group_by(*ENTITY, "period_start")
        .agg(pl.col(column).unique().sort().str.join("; "))
    )
    return points.join(told, on=[*ENTITY, "period_start"], how="left", maintain_order="left")


def _charted(points: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """The points of one metric with everything that is computed of them; ``points`` in order of series and time."""
    grouped = points.with_columns(pl.struct(*ENTITY, "phase").rle_id().alias("_group"))
    grouped = grouped.with_columns(pl.int_range(pl.len()).over("_group").alias("_place"))
    table = _Table(grouped)
    judged = table.filled("x", only="_judged")
    scaled = np.log(np.maximum(judged, SHORTEST_HOURS)) if metric.estimator in TIMED else judged
    baseline = chart.first_known(scaled)
    found = chart.runs(scaled)
    is_told = found.useful >= chart.FEWEST
    if metric.estimator is Estimator.EXPOSURE:
        is_told &= chart.mean(table.filled("n", only="_judged")) >= FEWEST_HITS
    phases = _carried(
        grouped.group_by("_group", maintain_order=True)
        .agg(pl.col(ENTITY).first())
        .with_columns(
            *_baseline(metric, table, baseline, scaled),
            pl.Series("known", (~np.isnan(scaled)).sum(axis=1)),
            pl.Series("autocorrelation", chart.autocorrelation(scaled)).fill_nan(None),
            pl.Series("is_long", found.is_long.any(axis=1) & is_told),
            pl.Series("is_rare", found.is_rarely_crossed & is_told),
        )
    )
    trials = "exposure" if metric.estimator is Estimator.EXPOSURE else "n"
    columns = _drawn(metric, phases, table.filled(trials), scaled)
    hair = 1e-9 * (1 + np.abs(scaled))
    with np.errstate(invalid="ignore"):
        above, below = scaled > columns["upper"] + hair, scaled < columns["lower"] - hair
    if metric.estimator in TIMED:
        columns = {name: np.exp(values) for name, values in columns.items()}
    told = np.select([above, below, found.is_long & is_told[:, None]], [ABOVE, BELOW, LONG_RUN], "")
    long, rare = (
        pl.when(flag).then(pl.lit(word)) for flag, word in (("is_long", LONG_RUN), ("is_rare", FEW_CROSSINGS))
    )
    runs = pl.concat_str(long, rare, separator=" and ", ignore_nulls=True)
    return (
        grouped.with_columns(
            *(table.column(name, values).fill_nan(None) for name, values in columns.items()),
            table.column("signal", told),
            table.column("is_baseline", baseline),
        )
        .join(phases.drop(*ENTITY), on="_group", how="left", maintain_order="left")
        .with_columns(
            pl.col("x").alias("value"),
            pl.when(pl.col("signal") != "").then("signal").alias("signal"),
            pl.when(runs != "").then(runs).alias("runs"),
            pl.col("known").alias("points"),
            _caution(metric),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _baseline(metric: Metric, table: _Table, baseline: npt.NDArray[np.bool_], scaled: Array) -> tuple[pl.Series, ...]:
    """Per phase ``centre`` and ``spread`` (dispersion of a share, else mean moving range), and whether hits were too ``few``."""
    if metric.estimator in COUNTED:
        k, n = (np.where(baseline, table.filled(name), np.nan) for name in ("k", "n"))
        centre, spread = laney.share_baseline(k, n)
        few = np.minimum(np.nansum(k, axis=1), np.nansum(n - k, axis=1)) < FEWEST_HITS
        spread = np.where(few, np.nan, spread)
    elif metric.estimator is Estimator.EXPOSURE:
        counted, exposure = (np.where(baseline, table.filled(name), np.nan) for name in ("n", "exposure"))
        centre, spread = laney.rate_baseline(counted, exposure)
        few = np.nansum(counted, axis=1) < FEWEST_HITS
        spread = np.where(few, np.nan, spread)
    else:
        limits = chart.natural_limits(np.where(baseline, scaled, np.nan))
        centre, spread, few = limits.centre, limits.mean_range, np.zeros(len(limits.centre), bool)
    spread = np.where(spread > 0, spread, np.nan)
    return (
        pl.Series("centre", centre).fill_nan(None),
        pl.Series("spread", spread).fill_nan(None),
        pl.Series("few", few),
    )


def _drawn(metric: Metric, phases: pl.DataFrame, n: Array, scaled: Array) -> dict[str, Array]:
    """Centre, limits and moving ranges at every point, on the scale of the chart; ``n``: trials, or exposure."""
    centre, spread = (np.broadcast_to(phases[name].to_numpy()[:, None], n.shape) for name in ("centre", "spread"))
    range_limit = np.full_like(n, np.nan)
    if metric.estimator in COUNTED:
        lower, upper = laney.share_limits(centre, spread, n)
        if metric.estimator is Estimator.SHARE:
            lower, upper = laney.with_chance(lower, upper, centre, n)
    elif metric.estimator is Estimator.EXPOSURE:
        lower, upper = laney.with_poisson_chance(*laney.rate_limits(centre, spread, n), centre, n)
    else:
        lower, upper = centre - chart.WIDTH * spread, centre + chart.WIDTH * spread
        range_limit = chart.RANGE_LIMIT * spread
        lower = np.maximum(lower, 0) if metric.estimator is Estimator.RATE else lower
    return {
        "centre": centre, "lower": lower, "upper": upper,
        "moving_range": chart.moving_ranges(scaled), "moving_range_limit": range_limit,
    }  # fmt: skip


def _carried(phases: pl.DataFrame) -> pl.DataFrame:
    """Each phase with the limits it is judged by: its own, or while it has fewer than 12 points those of the phase before."""
    own, known = pl.col("known") >= chart.FEWEST, pl.col("known")
    set_by = pl.when(own).then(pl.min_horizontal(known, pl.lit(chart.BASELINE))).forward_fill().over(ENTITY)
    told = phases.with_columns(
        *(pl.when(own).then(pl.col(name)).forward_fill().over(ENTITY) for name in ("centre", "spread")),
        pl.when(own).then(known).otherwise(set_by + known).cast(pl.Float64).alias("_judged_points"),
    )
    chance = pl.Series(false_alarms.probability(told["_judged_points"].fill_null(float("nan")).to_numpy())).fill_nan(
        None
    )
    has_limits = pl.col("spread").is_not_null()
    return told.with_columns(
        pl.when(has_limits | (pl.col("is_long") | pl.col("is_rare"))).then(chance).alias("false_alarm_probability")
    )


def _caution(metric: Metric) -> pl.Expr:
    what = "events" if metric.estimator is Estimator.EXPOSURE else "hits or misses"
    known, has_limits = pl.col("known"), pl.col("spread").is_not_null()
    instead = (
        pl.when(has_limits).then(pl.lit("judged by the limits of the phase before")).otherwise(pl.lit("no limits yet"))
    )
    young = pl.when(known < chart.FEWEST).then(
        pl.format(
            "{} complete week(s) with a value in this phase, {} are needed: {}", known, pl.lit(chart.FEWEST), instead
        )
    )
    flat = pl.when((known >= chart.FEWEST) & ~has_limits).then(
        pl.when("few")
        .then(pl.lit(f"the first weeks hold fewer than {FEWEST_HITS} {what}: no limits"))
        .otherwise(pl.lit("the first weeks do not vary: no limits"))
    )
    alike = pl.when(pl.col("autocorrelation") > RESEMBLING).then(
        pl.format(
            "neighbouring weeks resemble each other (lag-1 autocorrelation {}): false alarms are likelier than said",
            pl.col("autocorrelation").round(2),
        )
    )
    said = pl.concat_str(young, flat, alike, separator="; ", ignore_nulls=True)
    return pl.when(said != "").then(said).alias("caution")


class _Table:
    """Rows of groups as a rectangle, one group per line, so that statistics run over all of them at once."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.at = (frame["_group"].to_numpy(), frame["_place"].to_numpy())
        self.shape = tuple(int(part.max()) + 1 if len(part) else 0 for part in self.at)

    def filled(self, column: str, only: str | None = None) -> Array:
        """The values of ``column``, nan where there is none or ``only`` is false."""
        values = self.frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        if only is not None:
            values[~self.frame[only].to_numpy()] = np.nan
        table = np.full(self.shape, np.nan)
        table[self.at] = values
        return table

    def column(self, name: str, table: npt.NDArray[np.generic]) -> pl.Series:
        """The rectangle as a column of the frame."""
        return pl.Series(name, table[self.at])
