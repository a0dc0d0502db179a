"""How adoption spreads over time: the Bass model and the logistic curve, and whether the data tell where they end.

A curve fitted to growth that has not slowed yet says next to nothing of where it will stop: then it is *not identified*, and
its ceiling is no forecast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeWarning, curve_fit

Array = npt.NDArray[np.float64]

FEWEST = 6
"""Periods, or points, below which no curve is fitted."""
FEWEST_ADOPTERS = 10
WIDEST = 0.3
"""The largest standard error of a ceiling, as a share of it, with which it still tells something."""

FORMS = ("interval", "density")

_TRIED = ((0.005, 0.3), (0.03, 0.15), (0.001, 0.8), (0.2, 0.05))
"""Pairs of p and q the search begins from; the best end is taken."""


@dataclass(frozen=True)
class Fit:
    """One fitted curve. ``names``, ``values``, ``errors`` (standard errors; nan where a value was given, not fitted) in one order.

    ``residual``: residual standard error on ``freedom`` degrees; ``inflection``: when growth was fastest, in the units of the
    time given; ``reason``: why it is not identified, empty where it is.
    """

    model: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]
    residual: float
    freedom: int
    inflection: float
    reason: str

    @property
    def is_identified(self) -> bool:
        """Whether the data tell where the curve ends."""
        return not self.reason

    def __getitem__(self, name: str) -> float:
        return self.values[self.names.index(name)]

    def error(self, name: str) -> float:
        """The standard error of one parameter."""
        return self.errors[self.names.index(name)]

    def expected(self, time: npt.ArrayLike) -> Array:
        """How many have adopted by each ``time``, by this curve; nan where there is none."""
        at = np.asarray(time, float)
        if self.model == "logistic":
            return _logistic(at, *self.values)
        m, p, q = self.values
        return m * _bass_share(at, p, q)


def bass(adopters: npt.ArrayLike, ceiling: float | None = None, form: str = "interval") -> Fit:
    """Bass's model (1969) of ``adopters`` in each of consecutive periods, by least squares: ``m`` who ever will, ``p`` innovation,
    ``q`` imitation, per period.

    ``form`` matters, p most: *interval* compares period t with m(F(t) − F(t − 1)) (Srinivasan & Mason 1986), which is what counts
    per period are; *density* with m·f(t) at the end of the period, as textbooks' ``nls`` calls do; Bass's own regression on the
    cumulative count is a third and not here. ``ceiling``: m, where it is known how many can adopt; else m is fitted.

    Not identified: fewer than :data:`FEWEST` periods or :data:`FEWEST_ADOPTERS` adopters, no convergence, growth that was not yet
    fastest before the last period, or SE(m)/m above :data:`WIDEST`. Raises :class:`ValueError` for another form.
    """
    if form not in FORMS:
        raise ValueError(f"There is no form {form!r} of the Bass model; there are {', '.join(FORMS)}.")
    y = np.asarray(adopters, float)
    t = np.arange(1, len(y) + 1, dtype=float)
    total = float(y.sum())
    name = f"Bass, {form} form, m {'fitted' if ceiling is None else 'given'}"
    names = ("m", "p", "q")
    if reason := _too_few(len(y), total):
        return _nothing(name, names, reason, ceiling)
    step = _bass_density if form == "density" else _bass_interval
    if ceiling is None:
        starts = [(1.2 * total, p, q) for p, q in _TRIED]
        found = _fitted(step, t, y, starts, ([total / 10, 0, 0], [1e4 * total, 1, 10]))
    else:
        found = _fitted(lambda x, p, q: step(x, ceiling, p, q), t, y, list(_TRIED), ([0, 0], [1, 10]))
    if found is None:
        return _nothing(name, names, "the fit does not converge", ceiling)
    values, errors, residual, freedom = found
    if ceiling is not None:
        values, errors = (ceiling, *values), (np.nan, *errors)
    m, p, q = values
    peak = np.log(q / p) / (p + q) if q > p > 0 else (np.inf if q > 0 and p <= 0 else 0.0)
    reason = _unsure(peak, float(t[-1]), errors[0] / m, "m")
    return Fit(name, names, values, errors, residual, freedom, float(peak), reason)


def logistic(time: npt.ArrayLike, adopted: npt.ArrayLike, ceiling: float | None = None) -> Fit:
    """The three-parameter logistic curve asym / (1 + exp((xmid − t) / scal)) through ``adopted`` (cumulative) at each ``time``.

    Least squares, as R's ``nls`` with ``SSlogis``. ``ceiling``: asym, where it is known. Points of a cumulative count are not
    independent, so its errors are rather too small. Not identified: fewer than :data:`FEWEST` points, no convergence, the middle
    ``xmid`` not reached by the last time, or SE(asym)/asym above :data:`WIDEST`.
    """
    t, y = np.asarray(time, float), np.asarray(adopted, float)
    names = ("asym", "xmid", "scal")
    top = float(y.max(initial=0.0))
    if len(t) < FEWEST or top <= 0:
        return _nothing("logistic", names, f"fewer than {FEWEST} points" if top > 0 else "nobody adopted", ceiling)
    span = float(np.ptp(t)) or 1.0
    shapes = [(float(np.quantile(t, share)), span / part) for share in (0.5, 0.8) for part in (4, 10)]
    if ceiling is None:
        starts = [(factor * top, *shape) for factor in (1.05, 2.0) for shape in shapes]
        found = _fitted(_logistic, t, y, starts, ([0, -np.inf, 1e-9], [np.inf] * 3))
    else:
        found = _fitted(
            lambda x, mid, scale: _logistic(x, ceiling, mid, scale), t, y, shapes, ([-np.inf, 1e-9], [np.inf] * 2)
        )
    if found is None:
        return _nothing("logistic", names, "the fit does not converge", ceiling)
    values, errors, residual, freedom = found
    if ceiling is not None:
        values, errors = (ceiling, *values), (np.nan, *errors)
    reason = _unsure(values[1], float(t.max()), errors[0] / values[0], "the ceiling")
    return Fit("logistic", names, values, errors, residual, freedom, values[1], reason)


def _bass_share(t: Array, p: float, q: float) -> Array:
    if p <= 0:
        return np.zeros_like(t)
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(-(p + q) * t)
        return (1 - e) / (1 + q / p * e)


def _bass_interval(t: Array, m: float, p: float, q: float) -> Array:
    return m * (_bass_share(t, p, q) - _bass_share(t - 1, p, q))


def _bass_density(t: Array, m: float, p: float, q: float) -> Array:
    if p <= 0:
        return np.zeros_like(t)
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(-(p + q) * t)
        return m * (p + q) ** 2 / p * e / (1 + q / p * e) ** 2


def _logistic(t: Array, asym: float, mid: float, scale: float) -> Array:
    with np.errstate(over="ignore"):
        return asym / (1 + np.exp((mid - t) / scale))


def _too_few(periods: int, adopters: float) -> str:
    if periods < FEWEST:
        return f"fewer than {FEWEST} periods"
    return f"fewer than {FEWEST_ADOPTERS} adopters" if adopters < FEWEST_ADOPTERS else ""


def _unsure(inflection: float, last: float, relative: float, ceiling: str) -> str:
    if inflection >= last:
        return "growth has not yet been fastest"
    if not np.isnan(relative) and relative > WIDEST:
        return f"the standard error of {ceiling} is {100 * min(relative, 99):.0f} % of it"
    return ""


def _nothing(model: str, names: tuple[str, ...], reason: str, ceiling: float | None) -> Fit:
    nan = (np.nan,) * (len(names) - 1)
    return Fit(model, names, (np.nan if ceiling is None else ceiling, *nan), (np.nan, *nan), np.nan, 0, np.nan, reason)


def _fitted(
    curve: Callable[..., Array], t: Array, y: Array, starts: list[Any], bounds: Any
) -> tuple[tuple[float, ...], tuple[float, ...], float, int] | None:
    """Values, standard errors, residual error and degrees of freedom of the best end of all ``starts``; None: none ends."""
    best: tuple[float, Array, Array] | None = None
    for start in starts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OptimizeWarning)  # the covariance cannot be told: said by its infinity
                values, covariance = curve_fit(
                    curve, t, y, start, bounds=bounds, x_scale="jac", xtol=1e-10, ftol=1e-10, gtol=1e-10, max_nfev=300
                )
        except (RuntimeError, ValueError):
            continue
        rest = float(((y - curve(t, *values)) ** 2).sum())
        if best is None or rest < best[0] * (1 - 1e-9):
            best = rest, values, covariance
    if best is None:
        return None
    rest, values, covariance = best
    freedom = len(y) - len(values)
    errors = tuple(float(e) for e in np.sqrt(np.diag(covariance)))
    return tuple(float(v) for v in values), errors, float(np.sqrt(rest / max(freedom, 1))), freedom
