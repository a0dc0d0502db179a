"""Do several people who judge the same things judge them alike, beyond what chance would make them?

Coefficients are 1 for perfect agreement and 0 for that of chance. Where nearly everything is judged the same, kappa and alpha
can be low although nearly all agree: :func:`ac1` is then to be read beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]
Scale = Literal["nominal", "ordinal", "interval", "ratio"]

LEAST = 10
"""Things judged below which a coefficient has no interval and no name: show the table of who said what."""

DRAWS = 1000
WORDS = ("almost perfect", "substantial", "moderate", "fair", "slight", "poor")
"""What a coefficient is called (Landis & Koch 1977), from :data:`_FROM` upwards each."""
_FROM = (0.8, 0.6, 0.4, 0.2, 0.0, -1.0)


@dataclass(frozen=True)
class Agreement:
    """A coefficient with its interval; ``error`` is its standard error. ``n`` things were judged by two or more.

    All nan where nothing was, or (but for AC1) where everything was judged the same, so that there is nothing to agree about; interval
    and error also below :data:`LEAST` things: ``reason`` says why. Perfect agreement is not certain: of as many things as were judged,
    Wilson's interval (1927) says how many others might be judged by chance.
    """

    value: float
    low: float
    high: float
    error: float
    n: int
    reason: str = ""


def drawn_again(n: int, seed: int = 0, draws: int = DRAWS) -> Array:
    """How often each of ``n`` things (one at least) is drawn where as many are drawn again, ``draws`` times with ``seed``: 1 + draws × things, the first row
    being each once, as they were."""
    found = np.ones((1 + draws, n))
    found[1:] = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)
    return found


def krippendorff(
    ratings: npt.ArrayLike, scale: Scale, seed: int = 0, draws: int = DRAWS, level: float = 0.95, times: Array | None = None
) -> Agreement:  # fmt: skip
    """Krippendorff's alpha (2004) of ``ratings``, things × raters, nan where somebody judged nothing.

    ``scale`` says what a difference weighs: nothing but whether there is one, places between, distance, or distance ÷ sum (of
    values not below 0). Bounds and error by drawing things again, with ``seed``; ``times``: what :func:`drawn_again` gave of as many things
    that two or more judged, where that is known.
    """
    held = np.asarray(ratings, float)
    held = held[(~np.isnan(held)).sum(1) >= 2]
    values = np.unique(held[~np.isnan(held)])
    if scale == "ratio" and np.any(values < 0):
        raise ValueError("a ratio scale has no values below 0")
    n = len(held)
    if n == 0 or len(values) < 2:
        return _unknown(n)
    counts = (held[:, :, None] == values).sum(1).astype(float)  # things × values
    judges = counts.sum(1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(values))
    times = drawn_again(n, seed, draws) if times is None else times
    # Added up as whole numbers, which any order of adding leaves alike, and only then divided: things by how many judged them.
    drawn = sum(
        np.tensordot(times[:, judges == many], pairs[judges == many], 1) / (many - 1) for many in np.unique(judges)
    )
    return _drawn(_alpha(drawn, values, scale), n, level)


def _alpha(coincidences: Array, values: Array, scale: Scale) -> Array:
    """Of many coincidence matrices: 1 − disagreement seen ÷ disagreement by chance."""
    totals = coincidences.sum(-1)
    n = totals.sum(-1)
    x, y = values[:, None], values[None, :]
    if scale == "ordinal":
        upto = totals.cumsum(-1)
        # The mean rank of each value: two of them differ by the ranks in between.
        middle = upto - totals / 2
        weight = (middle[:, :, None] - middle[:, None, :]) ** 2
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = {
                "nominal": x != y,
                "interval": (x - y) ** 2,
                "ratio": np.where(x == y, 0, ((x - y) / (x + y)) ** 2),
            }
        weight = apart[scale][None].astype(float)
    seen = (coincidences * weight).sum((-2, -1))
    by_chance = (totals[:, :, None] * totals[:, None, :] * weight).sum((-2, -1)) / (n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance > 0, 1 - seen / by_chance, np.nan)


def crossed(first: npt.ArrayLike, second: npt.ArrayLike, levels: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How often the first judged it so and the second so: one row and one column for each of ``levels``, also for those nobody used.

    A table of only the levels used weighs distances between others than there are. What either did not judge (nan), or judged
    as no level, is not counted.
    """
    steps = np.asarray(levels, float)
    one, other = (np.asarray(values, float)[:, None] == steps for values in (first, second))
    found: npt.NDArray[np.int64] = one.astype(np.int64).T @ other.astype(np.int64)
    return found


def kappa(
    table: npt.ArrayLike, weights: Literal["linear", "quadratic"] | None = None, level: float = 0.95
) -> Agreement:
    """Cohen's kappa of two raters (1960), weighted by how far apart their levels are (Cohen 1968), with its asymptotic error (Fleiss, Cohen &
    Everitt 1969). ``table``: :func:`crossed`, of all levels."""
    from statsmodels.stats.inter_rater import cohens_kappa

    counts = np.asarray(table, float)
    n = int(counts.sum())
    used = (counts.sum(0) > 0) | (counts.sum(1) > 0)
    if n == 0 or used.sum() < 2:
        return _unknown(n)
    # The test against no agreement, which is not used, divides by its own error.
    with np.errstate(invalid="ignore", divide="ignore"):
        found = cohens_kappa(counts, wt=weights)
    return _normal(float(found.kappa), float(np.sqrt(max(float(found.var_kappa), 0.0))), n, level)


def ac1(table: npt.ArrayLike, level: float = 0.95) -> Agreement:
    """Gwet's AC1 of two raters (2008), which stays high where nearly everything is judged the same by both. ``table``: :func:`crossed`."""
    counts = np.asarray(table, float)
    n, q = counts.sum(), len(counts)
    if n < 2 or q < 2:
        return _unknown(int(n))
    p = counts / n
    used = (p.sum(0) + p.sum(1)) / 2
    seen, by_chance = np.trace(p), (used * (1 - used)).sum() / (q - 1)
    value = (seen - by_chance) / (1 - by_chance)
    own = (np.diagonal(p) * (1 - used)).sum() / (q - 1)
    crossing = (p * (1 - (used[:, None] + used[None, :]) / 2) ** 2).sum() / (q - 1) ** 2
    inner = (
        seen * (1 - seen)
        - 4 * (1 - value) * (own - seen * by_chance)
        + 4 * (1 - value) ** 2 * (crossing - by_chance**2)
    )
    error = float(np.sqrt(max(inner, 0.0) / n) / (1 - by_chance))
    return _normal(float(value), error, int(n), level)


def brennan_prediger(table: npt.ArrayLike, level: float = 0.95) -> Agreement:
    """Agreement beyond that of judging at random, all levels as likely (Brennan & Prediger 1981); of two levels known as PABAK, prevalence and
    bias adjusted. It does not ask how often each level was used, so unused levels raise it. ``table``: :func:`crossed`."""
    counts = np.asarray(table, float)
    n, q = int(counts.sum()), len(counts)
    if n == 0 or q < 2:
        return _unknown(n)
    seen = float(np.trace(counts)) / n
    error = float(np.sqrt(seen * (1 - seen) / n)) / (1 - 1 / q)
    return _normal((seen - 1 / q) / (1 - 1 / q), error, n, level)


def fleiss(counts: npt.ArrayLike, seed: int = 0, draws: int = DRAWS, level: float = 0.95) -> Agreement:
    """Fleiss' kappa (1971) of several raters: ``counts``, things × levels, how many judged it so, as many for every thing.

    Bounds and error by drawing things again. :class:`ValueError` where not all were judged by as many: use :func:`krippendorff`.
    """
    held = np.asarray(counts, float)
    n = len(held)
    if n and np.ptp(held.sum(1)) > 0:
        raise ValueError("not all things were judged by as many raters; take Krippendorff's alpha")
    judges = held[0].sum() if n else 0.0
    if judges < 2:
        return _unknown(0)
    times = drawn_again(n, seed, draws)
    # Whole numbers are added up, so that any order of adding says the same.
    seen = (times @ (held**2).sum(1) / n - judges) / (judges * (judges - 1))
    by_chance = ((times @ held / (n * judges)) ** 2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _drawn(np.where(by_chance < 1, (seen - by_chance) / (1 - by_chance), np.nan), n, level)


def called(value: float, error: float, sure: float = 0.95) -> tuple[str, Array]:
    """What the agreement may be called: the best of :data:`WORDS` that it deserves with probability ``sure`` (Gwet 2014, section 6.4), and
    the probability that it deserves each or a better one. The coefficient alone, looked up in the list, promises more than it can
    keep. Empty where it is not known."""
    if not np.isfinite(value) or not np.isfinite(error):
        return "", np.full(len(WORDS), np.nan)
    if error == 0:
        chances = (value >= np.array(_FROM)).astype(float)
    else:
        upto, least, cuts = (norm.cdf((value - np.array(end)) / error) for end in (1.0, -1.0, _FROM))
        chances = (cuts - upto) / (least - upto)
    return WORDS[int(np.argmax(chances >= sure))], chances


def _normal(value: float, error: float, n: int, level: float) -> Agreement:
    if n < LEAST:
        return _of_few(value, n)
    if error < 1e-9:  # rounding leaves a hair of it
        return _alike(value, n, level)
    half = float(norm.isf((1 - level) / 2)) * error
    return Agreement(value, max(value - half, -1.0), min(value + half, 1.0), error, n)


def _drawn(found: Array, n: int, level: float) -> Agreement:
    """The first is what was found, the others what was drawn; draws in which everything is alike say nothing."""
    value, drawn = float(found[0]), found[1:][~np.isnan(found[1:])]
    if np.isnan(value):
        return _unknown(n)
    if len(drawn) < 2 or n < LEAST:
        return _of_few(value, n)
    if np.ptp(drawn) < 1e-9:
        return _alike(value, n, level)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Agreement(value, min(float(low), value), max(float(high), value), float(drawn.std(ddof=1)), n)


def _alike(value: float, n: int, level: float) -> Agreement:
    """Nothing varies to go by. Where all agree: the share of things not left to chance may be as low as Wilson's bound for n of n."""
    if value < 1 - 1e-9:
        return Agreement(value, np.nan, np.nan, np.nan, n, "things do not differ in how they were judged")
    low = float(wilson(n, n, level)[0])
    return Agreement(value, low, 1.0, (1 - low) / float(norm.isf((1 - level) / 2)), n)


def _of_few(value: float, n: int) -> Agreement:
    return Agreement(
        value, np.nan, np.nan, np.nan, n, f"{n} things were judged, and {LEAST} are needed for an interval"
    )


def _unknown(n: int) -> Agreement:
    reason = "everything was judged the same" if n else "nothing was judged by two"
    return Agreement(np.nan, np.nan, np.nan, np.nan, n, reason)
