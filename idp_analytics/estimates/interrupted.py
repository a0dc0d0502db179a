"""One series before and after: is there a step that neither trend nor season explains? Nothing in it tells why.

Segmented regression (Wagner et al. 2002; Lopez Bernal, Cummins & Gasparrini 2017), counts by statsmodels; neighbours that resemble each other by :mod:`serial`. What else
happened at that time is in it.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from idp_analytics.estimates import serial
from idp_analytics.estimates.process_behaviour import autocorrelation

Array = npt.NDArray[np.float64]

FEWEST = 12
"""Periods needed before and after."""
WAYS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How much of a period's variance is its own, however many observations it has: summed over, each as far as the series bears it out."""
SEASONS = 24
"""Months from which on a yearly season is told apart from a step."""


class Course(NamedTuple):
    """Of every known period the level ``fitted``, of those after also the one ``without`` the change and its interval, ``low`` and ``high``, which is of the level and not of
    single periods. nan else."""

    fitted: Array
    without: Array
    low: Array
    high: Array


class Lines(NamedTuple):
    """A fitted series, of which the course is worked out when it is to be drawn."""

    fitted: serial.Fitted
    design: Array
    known: npt.NDArray[np.bool_]
    step: int
    is_ratio: bool

    def course(self, level: float = 0.95) -> Course:
        """The lines, of counts as rates; the interval at ``level``."""
        after = self.design[:, self.step] > 0
        without = np.where(np.arange(self.design.shape[1]) < self.step, self.design, 0.0)[after]
        told = self.fitted.told(without, level)
        lines = np.full((4, len(self.known)), np.nan)
        lines[0, self.known] = self.design @ self.fitted.mean
        lines[1:, np.flatnonzero(self.known)[after]] = told.value, told.low, told.high
        return Course(*(np.exp(lines) if self.is_ratio else lines))


class Interrupted(NamedTuple):
    """The mean step over the periods after: ``effect`` (of counts: the ratio), ``low``, ``high``, two-sided ``p``, standard ``error`` and ``df`` of the
    effect (of counts: of its logarithm); ``slope``, ``slope_low``, ``slope_high``: change of the trend per period (counts: as a ratio; nan where none is
    fitted); ``dispersion``: of counts against Poisson chance; ``resembling``: lag-1 autocorrelation of what is left. ``lines``: what :meth:`Lines.course` draws."""

    effect: float
    low: float
    high: float
    p: float
    error: float
    df: float
    slope: float
    slope_low: float
    slope_high: float
    dispersion: float
    resembling: float
    n: int
    lines: Lines | None = None


def counts(
    count: npt.ArrayLike, exposure: npt.ArrayLike, began: int, has_slope: bool = True, months: npt.ArrayLike | None = None, is_quasi: bool = True,
    level: float = 0.95, is_alike: bool = False,
) -> Interrupted:  # fmt: skip
    """The step of a series of counts per ``exposure`` at place ``began``, as a ratio of rates: Poisson regression with a trend.

    ``is_quasi``: errors by Pearson's χ² ÷ degrees of freedom (quasi-Poisson; Wedderburn 1974), never below Poisson's; without, errors of Poisson as published,
    which counts that bunch make too small. ``is_alike``: neighbours may resemble each other (:mod:`serial`): the logarithms of the rates, as Poisson
    regression makes them linear (working values and weights; McCullagh & Nelder 1989), are regressed so, quasi-Poisson. ``has_slope``: the trend may change too; the effect is then the mean over the
    periods after. ``months`` (1–12 per period): two pairs of harmonics are a yearly season. A place with no exposure or count is left out.
    """
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    y, e = np.asarray(count, float), np.asarray(exposure, float)
    known = ~np.isnan(y) & (e > 0)
    design, step = _design(known, began, has_slope, months)
    with warnings.catch_warnings():
        # Counts that lie exactly on a line are no reason not to fit it.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fitted = sm.GLM(y[known], design, family=sm.families.Poisson(), offset=np.log(e[known])).fit()
    df = float(fitted.df_resid)
    dispersion = float(fitted.pearson_chi2) / df if df > 0 else math.nan
    left = np.full(len(y), np.nan)
    left[known] = fitted.resid_pearson
    if is_alike:
        working = design @ fitted.params + fitted.resid_response / fitted.mu
        alike = serial.fitted(working, design, fitted.mu, np.flatnonzero(known), least=1.0)
        return _summed(alike, design, known, step, level, left, dispersion, is_ratio=True)
    scale = max(1.0, dispersion) if is_quasi else 1.0
    reach = float(student.isf((1 - level) / 2, np.inf))
    of = range(step, design.shape[1])
    spread = np.sqrt(np.diag(fitted.normalized_cov_params) * scale)
    ends = [[float(fitted.params[at] + side * reach * spread[at]) for side in (0, -1, 1)] for at in of]
    p = float(2 * student.sf(abs(float(fitted.params[step])) / float(spread[step]), np.inf))
    return _told(ends, p, float(spread[step]), math.inf, left, dispersion, is_ratio=True)


def means(
    values: npt.ArrayLike, began: int, weights: npt.ArrayLike | None = None, has_slope: bool = True, months: npt.ArrayLike | None = None, level: float = 0.95,
    has_trend: bool = True,
) -> Interrupted:  # fmt: skip
    """The step of a series of means (shares, logarithms of medians) at place ``began``: least squares with a trend, neighbours resembling each other (:mod:`serial`).

    ``weights``: observations behind each; they count as far as the series bears out that chance in them is what strays (:data:`WAYS`). ``has_trend``: without,
    ``has_slope`` must be false, and the step is one of two means. Elsewhere as :func:`counts`.
    """

    y = np.asarray(values, float)
    w = np.ones_like(y) if weights is None else np.asarray(weights, float)
    known = ~np.isnan(y) & (w > 0)
    design, step = _design(known, began, has_slope, months, has_trend)
    alike = serial.fitted(y[known], design, _ways(w[known]), np.flatnonzero(known))
    left = np.full(len(y), np.nan)
    left[known] = np.sqrt(w[known]) * (y[known] - design @ alike.mean)
    return _summed(alike, design, known, step, level, left, math.nan, is_ratio=False)


def foreseen(
    values: npt.ArrayLike, after: int, has_trend: bool = True, has_slope: bool = True, level: float = 0.95
) -> tuple[float, float]:
    """Standard error and degrees of freedom of the step that :func:`means` will tell of ``values`` once ``after`` more periods have gone on like them.

    ``has_trend``, ``has_slope``: as there. How much neighbours resemble each other is known as little as these values tell. :class:`ValueError` where they are too few.
    """
    y = np.asarray(values, float)
    known = ~np.isnan(y)
    n = int(known.sum())
    time = np.arange(len(y), dtype=float)[known]
    course = np.column_stack([np.ones(n), time - time.mean()] if has_trend else [np.ones(n)])
    before = serial.fitted(y[known], course, at=time)
    design, step = _design(np.ones(n + after, dtype=bool), n, has_slope, None, has_trend)
    told = before.foreseen(design, np.eye(design.shape[1])[step], level)
    return float(told.error), float(len(design) - design.shape[1])


def _design(
    known: npt.NDArray[np.bool_], began: int, has_slope: bool, months: npt.ArrayLike | None, has_trend: bool = True
) -> tuple[Array, int]:
    """Constant, trend, season, step and change of slope of the known periods; the column of the step. The change of slope has mean 0 after, so that the step is
    the mean of all that is after."""
    time = np.arange(len(known), dtype=float)
    after = time >= began
    columns = [np.ones_like(time), *([time - time.mean()] if has_trend else [])]
    if months is not None:
        angle = 2 * np.pi * np.asarray(months, float) / 12
        columns += [wave(k * angle) for k in (1, 2) for wave in (np.sin, np.cos)]
    columns.append(after.astype(float))
    step = len(columns) - 1
    if has_slope:
        columns.append(np.where(after, time - time[after & known].mean(), 0.0))
    return np.column_stack(columns)[known], step


def _summed(
    found: serial.Fitted, design: Array, known: npt.NDArray[np.bool_], step: int, level: float, left: Array, dispersion: float, is_ratio: bool
) -> Interrupted:  # fmt: skip
    numbers = design.shape[1]
    told = found.told(np.eye(numbers)[step:], level)
    ends = np.column_stack([told.value, told.low, told.high]).tolist()
    lines = Lines(found, design, known, step, is_ratio)
    return _told(ends, float(told.p[0]), float(told.error[0]), found.df, left, dispersion, is_ratio, lines)


def _ways(weights: Array) -> Array:
    """Weights where chance in few observations is all there is, where the week itself strays and observations count for nothing, and between."""
    own = np.array(WAYS)[:, None]
    made: Array = 1 / (own + (1 - own) * weights.mean() / weights)
    return made


def _told(
    ends: list[list[float]], p: float, error: float, df: float, left: Array, dispersion: float, is_ratio: bool, lines: Lines | None = None
) -> Interrupted:  # fmt: skip
    ends = [*ends, *([[math.nan] * 3] if len(ends) == 1 else [])]
    if is_ratio:
        ends = [[math.exp(v) for v in one] for one in ends]
    alike = float(autocorrelation(left))
    (effect, low, high), (slope, slope_low, slope_high) = ends[:2]
    n = int((~np.isnan(left)).sum())
    return Interrupted(effect, low, high, p, error, df, slope, slope_low, slope_high, dispersion, alike, n, lines)
