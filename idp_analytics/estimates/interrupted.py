"""One series before and after: is there a step that neither trend nor season explains? Nothing in it tells why.

Segmented regression (Wagner et al. 2002; Lopez Bernal, Cummins & Gasparrini 2017) by statsmodels. What else happened at that time is in it.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import statsmodels.api as sm
from scipy.stats import t as student
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from idp_analytics.estimates.process_behaviour import autocorrelation

Array = npt.NDArray[np.float64]

FEWEST = 12
"""Periods needed before and after."""
SEASONS = 24
"""Months from which on a yearly season is told apart from a step."""


class Interrupted(NamedTuple):
    """The mean step over the periods after: ``effect`` (of counts: the ratio), ``low``, ``high``, two-sided ``p``, standard ``error`` and ``df`` of the
    effect (of counts: of its logarithm); ``slope``, ``slope_low``, ``slope_high``: change of the trend per period (counts: as a ratio; nan where none is
    fitted); ``dispersion``: of counts against Poisson chance; ``resembling``: lag-1 autocorrelation of what is left."""

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


def counts(
    count: npt.ArrayLike, exposure: npt.ArrayLike, began: int, has_slope: bool = True, months: npt.ArrayLike | None = None, is_quasi: bool = True,
    level: float = 0.95, is_alike: bool = False,
) -> Interrupted:  # fmt: skip
    """The step of a series of counts per ``exposure`` at place ``began``, as a ratio of rates: Poisson regression with a trend.

    ``is_quasi``: errors by Pearson's χ² ÷ degrees of freedom (quasi-Poisson; Wedderburn 1974), never below Poisson's; without, errors of Poisson as published,
    which counts that bunch make too small. ``is_alike``: widened, as far as neighbours resemble each other, by
    (1 + r) ÷ (1 − r) of their variance, r being the lag-1 autocorrelation of what is left where it is above 0 (Bayley & Hammersley 1946). ``has_slope``: the trend may change too; the effect is then the mean over the periods after.
    ``months`` (1–12 per period): two pairs of harmonics are a yearly season. A place with no exposure or count is left out.
    """
    y, e = np.asarray(count, float), np.asarray(exposure, float)
    known = ~np.isnan(y) & (e > 0)
    design, step = _design(known, began, has_slope, months)
    with warnings.catch_warnings():
        # Counts that lie exactly on a line are no reason not to fit it.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fitted = sm.GLM(y[known], design, family=sm.families.Poisson(), offset=np.log(e[known])).fit()
    df = float(fitted.df_resid)
    dispersion = float(fitted.pearson_chi2) / df if df > 0 else math.nan
    scale = max(1.0, dispersion) if is_quasi else 1.0
    left = np.full(len(y), np.nan)
    left[known] = fitted.resid_pearson
    r = float(np.clip(np.nan_to_num(autocorrelation(left)), 0, 0.9)) if is_alike else 0.0
    spread = np.sqrt(np.diag(fitted.normalized_cov_params) * scale * (1 + r) / (1 - r))
    return _told(fitted.params, spread, step, np.inf, level, left, dispersion, is_ratio=True)


def means(
    values: npt.ArrayLike, began: int, weights: npt.ArrayLike | None = None, has_slope: bool = True, months: npt.ArrayLike | None = None, level: float = 0.95
) -> Interrupted:  # fmt: skip
    """The step of a series of means (shares, logarithms of medians) at place ``began``: weighted least squares with a trend, errors by Newey and West (1987).

    Their errors allow for neighbours that resemble each other, over 4 (n ÷ 100)^(2/9) periods, and are never taken below least squares' own; Student's t. Elsewhere as :func:`counts`.
    """
    y = np.asarray(values, float)
    w = np.ones_like(y) if weights is None else np.asarray(weights, float)
    known = ~np.isnan(y) & (w > 0)
    design, step = _design(known, began, has_slope, months)
    n = int(known.sum())
    df = float(n - design.shape[1])
    if df <= 0:
        raise ValueError(f"{n} known periods do not tell {design.shape[1]} numbers apart")
    lags = max(1, math.floor(4 * (n / 100) ** (2 / 9)))
    fitted = sm.WLS(y[known], design, weights=w[known]).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
    )
    left = np.full(len(y), np.nan)
    left[known] = fitted.wresid
    # Of a series that lies on a line, rounding may leave a little less than nothing.
    spread = np.sqrt(np.maximum(np.diag(fitted.cov_params()), 0.0))
    # Of few periods Newey and West's errors are too small; least squares' own are right where neighbours do not resemble each other.
    plain = np.sqrt(np.maximum(np.diag(fitted.normalized_cov_params) * float(fitted.scale), 0.0))
    spread = np.maximum(spread, plain)
    return _told(fitted.params, spread, step, df, level, left, np.nan, is_ratio=False)


def _design(
    known: npt.NDArray[np.bool_], began: int, has_slope: bool, months: npt.ArrayLike | None
) -> tuple[Array, int]:
    """Constant, trend, season, step and change of slope of the known periods; the column of the step. The change of slope has mean 0 after, so that the step is
    the mean of all that is after."""
    time = np.arange(len(known), dtype=float)
    after = time >= began
    columns = [np.ones_like(time), time - time.mean()]
    if months is not None:
        angle = 2 * np.pi * np.asarray(months, float) / 12
        columns += [wave(k * angle) for k in (1, 2) for wave in (np.sin, np.cos)]
    columns.append(after.astype(float))
    step = len(columns) - 1
    if has_slope:
        columns.append(np.where(after, time - time[after & known].mean(), 0.0))
    return np.column_stack(columns)[known], step


def _told(
    params: Array, spread: Array, step: int, df: float, level: float, left: Array, dispersion: float, is_ratio: bool
) -> Interrupted:
    # What does not vary tells nothing of how sure its step is.
    spread = np.where(spread > 1e-9 * (1 + np.abs(params)), spread, np.nan)
    reach = float(student.isf((1 - level) / 2, df))
    ends = [
        (float(b), float(b - reach * s), float(b + reach * s))
        for b, s in zip(params[step:], spread[step:], strict=True)
    ]
    ends += [(math.nan,) * 3] if len(ends) == 1 else []
    if is_ratio:
        ends = [(math.exp(a), math.exp(b), math.exp(c)) for a, b, c in ends]
    p = float(2 * student.sf(abs(float(params[step])) / float(spread[step]), df))
    alike = float(autocorrelation(left))
    return Interrupted(*ends[0], p, float(spread[step]), df, *ends[1], dispersion, alike, int((~np.isnan(left)).sum()))
