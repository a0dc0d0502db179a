"""Do teams differ by more than chance? Funnel limits and shrunken numbers; never a rank.

Every team stands beside what chance allows at its own number of observations, in the order of its id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm

from idp_analytics.answers import ORG, Estimator, Metric
from idp_analytics.estimates import funnel, shrinkage
from idp_analytics.metrics.cells import EVERY, Spans, of_spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.process_behaviour import SHORTEST_HOURS, TIMED
from idp_analytics.metrics.series import COUNTED, FOLLOWED, answered
from idp_analytics.settings import Settings

Array = npt.NDArray[np.float64]

USUAL, WIDE = 0.95, 0.998
"""The two pairs of limits: one team in twenty, and one in five hundred, lies outside by chance alone."""

GRID = 40
"""Numbers of observations at which the limits are drawn."""

DRAWN = 200
"""Other teams that a team's own page shows at most, as dots without a name."""


class Place(StrEnum):
    """What may be said of a team beside the others. A closed list, and no rank."""

    WITHIN = "within what chance allows"
    APART = "apart from the others"
    INSUFFICIENT = "insufficient data"


TEAM, LIMIT, DOT = "team", "limit", "dot"
"""What a row is (``role``): a team; the limits at some number of observations; a team without a name, to be drawn."""

_CELL = ("every", "period", "period_start", "is_partial", "metric", "unit")
_LIMITS = ("low_95", "high_95", "low_998", "high_998")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "role": pl.String, "every": pl.String, "period": pl.String,
    "period_start": pl.Date, "is_partial": pl.Boolean, "metric": pl.String, "unit": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "k": pl.Int64,
    **dict.fromkeys(_LIMITS, pl.Float64), "centre": pl.Float64, "dispersion": pl.Float64, "shrunken": pl.Float64,
    "shrunken_low": pl.Float64, "shrunken_high": pl.Float64, "level": pl.Float64, "worst_third": pl.Float64,
    "teams": pl.Int64, "verdict": pl.String,
}  # fmt: skip
"""The columns of the study, in order."""


def comparison(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """One row per team, delivery metric, month and quarter (or those of ``spans``): its number, what chance allows, and the number shrunken.

    ``value``, ``low``, ``high``, ``n``, ``k``: the answer. ``centre``: the number of all compared teams together (medians:
    their mean, weighed, on the log scale). ``low_95`` … ``high_998``: between what a team with this many observations
    lies if its true number is the centre: exact binomial (shares), exact Poisson (rates), normal on the log scale
    (medians), moved outwards by how much teams differ beyond chance. ``dispersion``: mean squared z-score, winsorised;
    1 is chance alone. ``shrunken`` with ``shrunken_low``, ``shrunken_high`` (at ``level``): what all teams together make
    likely of this one (:mod:`estimates.shrinkage`). ``worst_third``: the chance that it truly is among the third of
    ``teams`` that do worst.

    ``verdict``: one of :class:`Place`; apart means outside the 99.8 % limits. Null and *insufficient data* where a team
    has no value, or fewer than five teams have one. Sorted by team, metric, length and time; never by value.

    Beside the teams (``role`` team) stand, at organisation scope, what a funnel plot is drawn from: the limits at some
    numbers of observations (limit), and teams without a name (dot; 200 at most). Only for shares and medians: rates and
    shares of days are counted over the same days for everyone, so that their funnel has one place only.
    """
    by_name = {metric.name: metric for metric in FOLLOWED}
    answers = answered(tables, settings, as_of).filter(
        pl.col("scope") == "team", pl.col("every").is_in(EVERY), of_spans(spans)
    )
    parts = [pl.DataFrame(schema=COLUMNS)]
    for (name, *_), rows in answers.partition_by(
        "metric", "every", "period_start", as_dict=True, maintain_order=True
    ).items():
        cell = _Cell(by_name[str(name)], rows, settings.rules.level)
        common = _common(cell) if cell.valued.height >= shrinkage.FEWEST else None
        parts.append(_told(cell, common))
        if common and cell.metric.estimator in (Estimator.SHARE, *TIMED):
            parts.append(_funnel(cell, common))
    frame = pl.concat(parts, how="diagonal_relaxed").select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    return frame.sort("scope", "entity_id", "metric", "every", "period_start", "role", "n", "value")


@dataclass(frozen=True)
class _Cell:
    """One metric in one period: the answers of all teams."""

    metric: Metric
    rows: pl.DataFrame
    level: float

    @property
    def back(self) -> Callable[[npt.ArrayLike], Array]:
        """From the working scale (times: logarithm) to that of the metric."""
        return np.exp if self.metric.estimator in TIMED else np.asarray

    @cached_property
    def valued(self) -> pl.DataFrame:
        """The teams that are compared: those with a value, times also with an interval to tell how sure it is."""
        known = pl.col("value").is_not_null()
        if self.metric.estimator in TIMED:
            known = known & pl.any_horizontal(pl.col("low", "high").is_not_null())
        return self.rows.filter(known)


@dataclass(frozen=True)
class _Common:
    """What the compared teams have in common, on the working scale.

    ``single``: the variance of one observation (shares), of one day (rates), or of a median's logarithm times n;
    ``between``: the variance between teams beyond chance; ``weight``: of each team, what ``single`` is divided by.
    """

    centre: float
    single: float
    between: float
    dispersion: float
    posterior: shrinkage.Posterior
    weight: Array

    def limits(self, metric: Metric, weight: Array, level: float) -> tuple[Array, Array]:
        """Limits at some weights, on the metric's scale."""
        error = np.sqrt(self.single / weight)
        wider = 1 + self.between / error**2 if self.single > 0 else np.ones_like(weight)
        if metric.estimator in COUNTED:
            return funnel.share_limits(self.centre, weight, level, wider)
        if metric.estimator is Estimator.RATE:
            return funnel.rate_limits(self.centre, weight, level, wider)
        low, high = funnel.normal_limits(self.centre, error, level, wider)
        return np.exp(low), np.exp(high)


def _common(cell: _Cell) -> _Common:
    estimator, rows = cell.metric.estimator, cell.valued
    value, n = (rows[name].cast(pl.Float64).to_numpy() for name in ("value", "n"))
    if estimator in COUNTED:
        k = rows["k"].cast(pl.Float64).to_numpy()
        centre, weight, posterior = float(k.sum() / n.sum()), n, shrinkage.shares(k, n)
        single = centre * (1 - centre)
    elif estimator is Estimator.RATE:
        weight = n / value
        centre, posterior = float(n.sum() / weight.sum()), shrinkage.rates(n, weight)
        single = centre
    else:
        value, errors, single = _logs(rows, cell.level)
        weight, posterior = n, shrinkage.normals(value, errors)
        centre, _ = shrinkage.pooled(value, errors, shrinkage.variance_between(value, errors))
    errors = np.sqrt(single / weight)
    dispersion = funnel.dispersion((value - centre) / errors) if single > 0 else 1.0
    between = funnel.variance_between(dispersion, errors) if single > 0 else 0.0
    return _Common(centre, single, between, dispersion, posterior, weight)


def _logs(rows: pl.DataFrame, level: float) -> tuple[Array, Array, float]:
    """Logarithms of medians, their standard errors, and the typical variance of a single observation.

    An error is half the width of the interval in normal quantiles, or its one side where the other has no end. A single
    observation's is the median over teams of error × √n, so that limits depend on n alone. An interval without width
    tells nothing; it gets what others of its n have.
    """
    logs = [np.log(np.maximum(rows[name].to_numpy(), SHORTEST_HOURS)) for name in ("value", "low", "high")]
    value, low, high = logs
    n = rows["n"].cast(pl.Float64).to_numpy()
    reach = np.where(np.isnan(high), value - low, np.where(np.isnan(low), high - value, (high - low) / 2))
    error = reach / float(norm.isf((1 - level) / 2))
    has_width = error > 0
    single = float(np.median((error * np.sqrt(n))[has_width])) if has_width.any() else 1.0
    return value, np.where(has_width, error, single / np.sqrt(n)), single**2


def _told(cell: _Cell, common: _Common | None) -> pl.DataFrame:
    """One row per team."""
    rows = cell.rows.select(
        "scope", "entity_id", *_CELL, "value", "low", "high", "n", "k",
        pl.lit(TEAM).alias("role"), pl.lit(cell.valued.height).alias("teams"),
    )  # fmt: skip
    insufficient = pl.lit(Place.INSUFFICIENT.value)
    if common is None:
        return rows.with_columns(insufficient.alias("verdict"))
    posterior = common.posterior
    ends = (end for level in (USUAL, WIDE) for end in common.limits(cell.metric, common.weight, level))
    numbers = dict(zip(_LIMITS, ends, strict=True))
    numbers["shrunken"] = cell.back(posterior.mean)
    numbers["shrunken_low"], numbers["shrunken_high"] = map(cell.back, posterior.interval(cell.level))
    if cell.metric.better is not None:
        numbers["worst_third"] = posterior.worst_third(cell.metric.better)
    told = cell.valued.select("entity_id", *(pl.Series(name, column) for name, column in numbers.items()))
    hair = 1e-12
    outside = (pl.col("value") < pl.col("low_998") - hair) | (pl.col("value") > pl.col("high_998") + hair)
    return rows.join(told, on="entity_id", how="left", maintain_order="left").with_columns(
        pl.lit(float(cell.back(common.centre))).alias("centre"), pl.lit(common.dispersion).alias("dispersion"),
        pl.lit(cell.level).alias("level"),
        pl.when(outside.is_null()).then(insufficient).when(outside).then(pl.lit(Place.APART.value))
        .otherwise(pl.lit(Place.WITHIN.value)).alias("verdict"),
    )  # fmt: skip


def _funnel(cell: _Cell, common: _Common) -> pl.DataFrame:
    """The rows from which the funnel is drawn."""
    rows = cell.valued
    n = rows["n"].cast(pl.Float64).to_numpy()
    grid: Array = np.unique(np.round(np.geomspace(n.min(), n.max(), GRID))).astype(np.float64)
    ends = (end for level in (USUAL, WIDE) for end in common.limits(cell.metric, grid, level))
    limits = pl.DataFrame({"n": grid, **dict(zip(_LIMITS, ends, strict=True))}).with_columns(
        pl.lit(LIMIT).alias("role")
    )
    # Evenly through the teams in order of n, so that few dots still have the shape of all.
    ordered = rows.select("n", "value").sort("n", "value")
    chosen = np.unique(np.linspace(0, ordered.height - 1, min(DRAWN, ordered.height)).round().astype(np.int64))
    dots = ordered[chosen.tolist()].with_columns(pl.lit(DOT).alias("role"))
    return (
        rows.head(1)
        .select(*_CELL)
        .join(pl.concat([limits, dots], how="diagonal_relaxed"), how="cross")
        .with_columns(
            pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"),
            pl.lit(float(cell.back(common.centre))).alias("centre"), pl.lit(rows.height).alias("teams"),
        )
    )  # fmt: skip
