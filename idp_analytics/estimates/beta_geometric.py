"""Retention ahead: the shifted beta-geometric model of a cohort that leaves at one look after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import norm

Array = npt.NDArray[np.float64]

FEWEST_LOOKS, FEWEST_LOST = 3, 10
"""Looks, and how many must have left, below which nothing is fitted."""


@dataclass(frozen=True)
class BetaGeometric:
    """A fit: ``alpha``, ``beta`` (nan where there is none), ``loglik``, ``covariance`` of their logarithms, ``reason`` why not identified."""

    alpha: float
    beta: float
    loglik: float
    covariance: Array
    reason: str

    @property
    def is_identified(self) -> bool:
        """Whether the data tell how leaving differs between members."""
        return not self.reason

    def survival(self, looks: npt.ArrayLike) -> Array:
        """The share still there after so many looks: B(α, β + t) / B(α, β)."""
        return _survival(np.log([self.alpha, self.beta]), np.asarray(looks, float))

    def interval(self, looks: float, level: float = 0.95) -> tuple[float, float]:
        """An interval for the share still there after ``looks``, by the delta method on the logit; nan, nan where nothing is fitted."""
        from statsmodels.tools.numdiff import approx_fprime

        if np.isnan(self.alpha):
            return np.nan, np.nan

        def logit(logs: Array) -> Array:
            share = _survival(logs, np.asarray([looks], float))
            odds: Array = np.log(share / (1 - share))
            return odds

        logs = np.log([self.alpha, self.beta])
        slope = np.ravel(approx_fprime(logs, logit, centered=True))
        middle = float(logit(logs)[0])
        reach = float(norm.isf((1 - level) / 2) * np.sqrt(np.maximum(0.0, slope @ self.covariance @ slope)))
        low, high = 1 / (1 + np.exp(-(middle - reach))), 1 / (1 + np.exp(-(middle + reach)))
        return float(low), float(high)


def beta_geometric(lost: npt.ArrayLike, followed: npt.ArrayLike) -> BetaGeometric:
    """The shifted beta-geometric model (Fader & Hardie 2007) by maximum likelihood.

    ``lost[t]``: how many were found to have left at look t + 1; ``followed[t]``: how many were still there at look t + 1 and followed no
    further, so that cohorts of different age can be put together. Each member leaves at every look with a chance of its own, drawn
    from a beta distribution; a loss that falls with age then needs nobody to grow fonder: those likely to leave have left.

    Not identified: fewer than :data:`FEWEST_LOOKS` looks or :data:`FEWEST_LOST` lost, all at one look, or a likelihood so flat that
    chances do not differ between members by more than chance (α or β without bound). Raises :class:`ValueError` for negative counts
    or two lengths.
    """
    from statsmodels.tools.numdiff import approx_hess

    gone, left = np.asarray(lost, float), np.asarray(followed, float)
    if gone.shape != left.shape or (gone < 0).any() or (left < 0).any():
        raise ValueError("lost and followed must be counts of one length, none below zero.")
    nothing = np.full((2, 2), np.nan)
    reason = (
        f"fewer than {FEWEST_LOOKS} looks" if len(gone) < FEWEST_LOOKS
        else f"fewer than {FEWEST_LOST} have left" if gone.sum() < FEWEST_LOST
        else "all left at one look" if (gone > 0).sum() < 2
        else ""
    )  # fmt: skip
    if reason:
        return BetaGeometric(np.nan, np.nan, np.nan, nothing, reason)
    look = np.arange(1, len(gone) + 1, dtype=float)

    def against(logs: Array) -> float:
        a, b = np.exp(logs)
        left_at = betaln(a + 1, b + look - 1) - betaln(a, b)
        stayed = betaln(a, b + look) - betaln(a, b)
        return float(-(gone * left_at + left * stayed).sum())

    found = min(
        (
            minimize(against, np.log(start), method="L-BFGS-B", bounds=[(-9, 9)] * 2, options={"ftol": 1e-14, "gtol": 1e-9})
            for start in ((1.0, 1.0), (0.5, 5.0), (5.0, 5.0))
        ),
        key=lambda result: float(result.fun),
    )  # fmt: skip
    alpha, beta = (float(v) for v in np.exp(found.x))
    curvature = approx_hess(found.x, against)
    flat = bool(np.abs(found.x).max() > 8.9 or np.linalg.eigvalsh(curvature).min() <= 1e-6)
    covariance = nothing if flat else np.linalg.inv(curvature)
    said = "members do not differ by more than chance" if flat else ""
    return BetaGeometric(alpha, beta, -float(found.fun), covariance, said)


def _survival(logs: Array, looks: Array) -> Array:
    a, b = np.exp(logs)
    share: Array = np.exp(betaln(a, b + looks) - betaln(a, b))
    return share
