"""What many units tell about each: empirical-Bayes estimates that pull a number towards all, the more the less it rests on.

A raw number of few observations is mostly chance; beside it, what all units together make likely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, logit
from scipy.stats import beta, gamma, norm

Array = npt.NDArray[np.float64]

FEWEST = 5
"""Units below which they tell too little of one another."""

SEED = 20_260_701
_DRAWS = 200_000
"""Posterior draws over all units together; at least 100 of each, at most 4,000."""


@dataclass(frozen=True)
class Posterior:
    """What is believed of each unit: a ``beta`` (of a share), ``gamma`` (of a rate) or ``normal`` distribution.

    ``first``, ``second``: its parameters per unit (beta: a, b; gamma: shape, rate; normal: mean, standard deviation).
    """

    family: Literal["beta", "gamma", "normal"]
    first: Array
    second: Array

    @property
    def mean(self) -> Array:
        """The shrunken number of each unit."""
        if self.family == "beta":
            return self.first / (self.first + self.second)
        return self.first / self.second if self.family == "gamma" else self.first

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Equal-tailed credible interval of each unit."""
        tails = ((1 - level) / 2, (1 + level) / 2)
        if self.family == "beta":
            low, high = (beta.ppf(tail, self.first, self.second) for tail in tails)
        elif self.family == "gamma":
            low, high = (gamma.ppf(tail, self.first) / self.second for tail in tails)
        else:
            low, high = (self.first + norm.ppf(tail) * self.second for tail in tails)
        return np.asarray(low), np.asarray(high)

    def worst_third(self, better: str, seed: int = SEED) -> Array:
        """The chance that each unit truly is in the worst third (a third of the units, rounded), from posterior draws.

        ``better``: "higher" or "lower". The chances add up to the size of the third. A rank computed from raw numbers
        is mostly luck; this says how much of it is. Standard error at most 0.05 at 2,000 units, 0.01 at 80, 0.008 from 50 down.
        """
        units = len(self.first)
        third = round(units / 3)
        if not third:
            return np.zeros(units)
        draws = self._drawn(int(np.clip(_DRAWS // units, 100, 4000)), np.random.default_rng(seed))
        worst = np.argpartition(draws if better == "higher" else -draws, third - 1, axis=1)[:, :third]
        return np.bincount(worst.ravel(), minlength=units) / len(draws)

    def _drawn(self, times: int, random: np.random.Generator) -> Array:
        shape = (times, len(self.first))
        if self.family == "beta":
            return random.beta(self.first, self.second, shape)
        if self.family == "gamma":
            return random.standard_gamma(self.first, shape) / self.second
        return random.normal(self.first, self.second, shape)


def shares(k: npt.ArrayLike, n: npt.ArrayLike) -> Posterior:
    """Beta–binomial empirical Bayes for ``k`` of ``n`` per unit: the prior is the one under which all are likeliest.

    Maximum marginal likelihood of the prior's mean and weight (Casella 1985); the posterior of a unit is
    beta(a + k, b + n − k). Where units do not differ beyond chance the likeliest weight has no bound; it is held to that
    of all trials together, so that nobody is believed to be better known than the whole. Where nothing, or everything,
    was a hit, all get that common posterior.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    # Units alike in k and n are alike in all: far fewer pairs are distinct than there are units.
    pairs, many = np.unique(np.stack([k, n]), axis=1, return_counts=True)

    hits, trials = pairs

    def surprise(at: Array) -> float:
        a, b = _shape(at)
        return -float(many @ (betaln(hits + a, trials - hits + b) - betaln(a, b)))

    total = float(n.sum())
    least, start = float(logit(0.5 / (total + 1))), float(logit((k.sum() + 0.5) / (total + 1)))
    is_told = 0 < k.sum() < total
    a, b = _shape(_least(surprise, (least, -least), total, start) if is_told else np.array([start, np.log(total)]))
    return Posterior("beta", a + k, b + n - k)


def rates(count: npt.ArrayLike, exposure: npt.ArrayLike) -> Posterior:
    """Gamma–Poisson empirical Bayes for events per unit of exposure; posterior gamma(shape + count, rate + exposure)."""
    count, exposure = np.asarray(count, float), np.asarray(exposure, float)
    pairs, many = np.unique(np.stack([count, exposure]), axis=1, return_counts=True)
    events, time = pairs

    def surprise(at: Array) -> float:
        rate = float(np.exp(at[1]))
        shape = rate * float(np.exp(at[0]))
        given = gammaln(events + shape) - gammaln(shape) + shape * np.log(rate) - (events + shape) * np.log(rate + time)
        return -float(many @ given)

    total = float(exposure.sum())
    start = float(np.log((count.sum() + 0.5) / total))
    least = float(np.log(0.5 / total))
    log_mean, log_rate = _least(surprise, (least, start + 3), total, start) if count.sum() else (start, np.log(total))
    rate = float(np.exp(log_rate))
    return Posterior("gamma", rate * float(np.exp(log_mean)) + count, rate + exposure)


def normals(values: npt.ArrayLike, errors: npt.ArrayLike) -> Posterior:
    """Normal–normal empirical Bayes for numbers with standard errors, e.g. logarithms of medians.

    The variance between units is DerSimonian and Laird's (1986), never below 0: where it is 0, every unit gets the
    common mean, with that mean's own error.
    """
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    between = variance_between(values, errors)
    mean, error = pooled(values, errors, between)
    trust = between / (between + errors**2)
    spread = np.sqrt(trust * errors**2 + (1 - trust) ** 2 * error**2)
    return Posterior("normal", trust * values + (1 - trust) * mean, spread)


def variance_between(values: npt.ArrayLike, errors: npt.ArrayLike) -> float:
    """DerSimonian and Laird's variance between units, clamped at 0: below, it would shrink away from the mean."""
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    weights = 1 / errors**2
    mean, _ = pooled(values, errors)
    excess = float(weights @ (values - mean) ** 2) - (len(values) - 1)
    return max(0.0, excess / float(weights.sum() - (weights**2).sum() / weights.sum()))


def pooled(values: npt.ArrayLike, errors: npt.ArrayLike, between: float = 0.0) -> tuple[float, float]:
    """The precision-weighted mean of all units and its standard error."""
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    weights = 1 / (errors**2 + between)
    return float(weights @ values / weights.sum()), float(weights.sum() ** -0.5)


def _shape(at: Array) -> tuple[float, float]:
    """The a and b of a beta prior from the logit of its mean and the logarithm of its weight a + b."""
    weight = float(np.exp(at[1]))
    return weight * float(expit(at[0])), weight * float(expit(-at[0]))


def _least(surprise: Callable[[Array], float], mean: tuple[float, float], total: float, start: float) -> Array:
    """Where ``surprise`` is least: the mean (transformed) within bounds, the logarithm of the prior's weight at most
    that of everything seen."""
    top = float(np.log(total))
    found = minimize(
        surprise, (start, top - 3), method="Nelder-Mead", bounds=[mean, (top - 20, top)],
        options={"xatol": 1e-4, "fatol": 1e-9, "maxiter": 1000},
    )  # fmt: skip
    best: Array = found.x
    return best
