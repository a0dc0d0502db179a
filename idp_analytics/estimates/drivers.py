"""What goes together with a whole, and how much of it each part has: two of many, where two can be told apart from the third.

Weights say what goes together among those who answered, not what would follow from a change.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

Array = npt.NDArray[np.float64]

MOST_ITEMS = 10
"""More items than this are not weighed: there would be more than a thousand models."""
PER_ITEM, LEAST = 10, 50
"""Respondents for each item, and at least, from which weights are given."""
DRAWS = 1000
_LEAST_DETERMINANT = 1e-9
"""Items closer to saying the same than this determinant of their correlations cannot share anything out."""
_AT_ONCE = 50_000
"""Numbers held at a time while respondents are drawn again."""


@dataclass(frozen=True)
class Weights:
    """Of each item its ``share`` of what is explained (they add up to ``explained``, R²), ``low`` and ``high``, and
    ``top_two``, the share of draws in which it is one of the two largest. ``is_separable``: in nearly all draws the second
    largest stays above the third. ``n`` respondents answered everything. ``drawn``: the shares in each draw."""

    share: Array
    low: Array
    high: Array
    top_two: Array
    is_separable: bool
    explained: float
    n: int
    drawn: Array


def weights(
    items: npt.ArrayLike, whole: npt.ArrayLike, seed: int, draws: int = DRAWS, level: float = 0.95
) -> Weights | None:
    """How much of the variance of ``whole`` goes with each of ``items`` (respondents × items), by :func:`lmg`.

    Respondents are drawn again ``draws`` times, with ``seed``; bounds are percentiles of those draws. Who left anything out is
    not used. None where :func:`why_not` says why, and where in one of ten draws an item does not vary or follows from others: then
    :func:`spearman` is what there is.
    """
    if why_not(items, whole):
        return None
    told, n = _complete(items, whole)
    at = np.random.default_rng(seed).integers(0, n, (draws, n))
    correlations = np.concatenate([_correlations(told[None]), _correlations_drawn(told, at)])
    usable = np.asarray(np.isfinite(correlations).all((1, 2)))
    usable[usable] &= np.linalg.det(correlations[usable][:, :-1, :-1]) > _LEAST_DETERMINANT
    if usable.mean() < 0.9:  # hardly anybody answers otherwise than the others
        return None
    found = _shared(correlations[usable])
    share, drawn = found[0], found[1:]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    chances, separable = top_two(drawn, share, level)
    # What is drawn again explains a little more than it should, so that a share near 0 can lie below all that was drawn.
    low, high = np.minimum(low, share), np.maximum(high, share)
    return Weights(share, low, high, chances, separable, float(share.sum()), n, drawn)


def why_not(items: npt.ArrayLike, whole: npt.ArrayLike) -> str:
    """Why :func:`weights` cannot be given, as a clause; empty where they can. Fewer than :data:`PER_ITEM` respondents an item or
    :data:`LEAST`, more than :data:`MOST_ITEMS` items or fewer than two, or an item that does not vary or follows from others."""
    told, n = _complete(items, whole)
    count = told.shape[1] - 1
    if not 2 <= count <= MOST_ITEMS:
        return f"of items there are {count}, and 2 to {MOST_ITEMS} can be weighed"
    needed = max(PER_ITEM * count, LEAST)
    if n < needed:
        return f"{n} respondents answered everything, and {needed} are needed for {count} items"
    correlation = _correlations(told[None])[0]
    if not np.isfinite(correlation).all():
        return "an item, or the whole, is answered alike by everybody"
    if np.linalg.det(correlation[:-1, :-1]) <= _LEAST_DETERMINANT:
        return "an item follows from others"
    return ""


def lmg(items: npt.ArrayLike, whole: npt.ArrayLike) -> Array:
    """Of each item, what it adds to R² on average over all orders of entering (Lindeman, Merenda & Gold 1980; Grömping 2006):
    the Shapley value of R². All of ``items`` (rows × items) known; they add up to R². nan where one does not vary or follows
    from others."""
    told = np.column_stack([np.asarray(items, float), np.asarray(whole, float)])
    correlation = _correlations(told[None])
    if not np.isfinite(correlation).all() or np.linalg.det(correlation[0, :-1, :-1]) <= _LEAST_DETERMINANT:
        return np.full(told.shape[1] - 1, np.nan)
    found: Array = _shared(correlation)[0]
    return found


def johnson(items: npt.ArrayLike, whole: npt.ArrayLike) -> Array:
    """Relative weights (Johnson 2000): R² shared out by way of the closest uncorrelated items. For many items, where :func:`lmg`
    would take too long; of two items both say the same. nan where an item does not vary or follows from others."""
    told = np.column_stack([np.asarray(items, float), np.asarray(whole, float)])
    correlation = _correlations(told[None])[0]
    if not np.isfinite(correlation).all() or np.linalg.det(correlation[:-1, :-1]) <= _LEAST_DETERMINANT:
        return np.full(told.shape[1] - 1, np.nan)
    values, vectors = np.linalg.eigh(correlation[:-1, :-1])
    root = vectors * np.sqrt(values) @ vectors.T
    found: Array = root**2 @ np.linalg.solve(root, correlation[:-1, -1]) ** 2
    return found


def spearman(
    items: npt.ArrayLike, whole: npt.ArrayLike, level: float = 0.95
) -> tuple[Array, Array, Array, npt.NDArray[np.int64]]:
    """Of each item the rank correlation with ``whole`` among those who answered both, its interval (Fisher's transform with Bonett &
    Wright's variance, 2000) and how many those are; nan below four of them or where either does not vary."""
    x, y = np.asarray(items, float), np.asarray(whole, float)
    found, n = np.full((3, x.shape[1]), np.nan), np.zeros(x.shape[1], np.int64)
    z = norm.isf((1 - level) / 2)
    for item in range(x.shape[1]):
        both = ~np.isnan(x[:, item]) & ~np.isnan(y)
        n[item] = both.sum()
        if n[item] < 4 or np.ptp(x[both, item]) == 0 or np.ptp(y[both]) == 0:
            continue
        r = float(np.corrcoef(rankdata(x[both, item]), rankdata(y[both]))[0, 1])
        half = z * np.sqrt((1 + r**2 / 2) / (n[item] - 3))
        around = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
        found[:, item] = r, np.tanh(around - half), np.tanh(around + half)
    return found[0], found[1], found[2], n


def spearman_drawn(items: npt.ArrayLike, whole: npt.ArrayLike, seed: int, draws: int = DRAWS) -> Array:
    """Draws × items: :func:`spearman` of respondents drawn again with ``seed``, of those who answered everything; nan where a draw does not vary."""
    told, n = _complete(items, whole)
    if n < 4:
        return np.full((draws, told.shape[1] - 1), np.nan)
    at = np.random.default_rng(seed).integers(0, n, (draws, n))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = _correlations(rankdata(told[at], axis=1))[:, :-1, -1]
    return found


def top_two(drawn: npt.ArrayLike, stated: npt.ArrayLike, level: float = 0.95) -> tuple[Array, bool]:
    """Of each item the share of ``drawn`` (draws × items) in which it is one of the two largest, items that tie sharing the place; and
    whether the second and the third of those ``stated`` can be told apart: whether the interval of their difference over the
    draws lies above 0. With two items there is no third; with fewer, or without draws, nothing is told apart."""
    draws, now = np.asarray(drawn, float), np.asarray(stated, float)
    if draws.shape[0] == 0 or draws.shape[1] < 2:
        return np.full(draws.shape[1], np.nan), False
    second = np.sort(draws, axis=1)[:, -2][:, None]
    above, level_with = draws > second, draws == second
    places = (2 - above.sum(1, keepdims=True)) / level_with.sum(1, keepdims=True)
    chance = (above + level_with * places).mean(0)
    if draws.shape[1] == 2:
        return chance, True
    order = np.argsort(-now, kind="stable")
    between = draws[:, order[1]] - draws[:, order[2]]
    return chance, bool(np.quantile(between, (1 - level) / 2) > 0)


def bradley_terry(wins: npt.ArrayLike) -> tuple[Array, Array, float]:
    """Strengths from choices between two: ``wins[i, j]``, how often i was chosen over j (Bradley & Terry 1952).

    The log-odds with which each is chosen over the first, its standard error (0 for the first itself) and the deviance. nan for all where an
    item was always or never chosen, or where some were never compared with the others even by way of third ones: then no
    strength fits.
    """
    import statsmodels.api as sm

    held = np.asarray(wins, float)
    count = len(held)
    if count < 2 or not _is_connected(held):
        return np.full(count, np.nan), np.full(count, np.nan), np.nan
    pairs = [(i, j) for i, j in itertools.combinations(range(count), 2) if held[i, j] + held[j, i] > 0]
    design = np.zeros((len(pairs), count))
    for row, (i, j) in enumerate(pairs):
        design[row, i], design[row, j] = 1.0, -1.0
    outcome = np.array([(held[i, j], held[j, i]) for i, j in pairs])
    # As many pairs as strengths leave no freedom for a scale, which is not used.
    with np.errstate(invalid="ignore", divide="ignore"):
        fit = sm.GLM(outcome, design[:, 1:], family=sm.families.Binomial()).fit()
    return np.append(0.0, fit.params), np.append(0.0, fit.bse), max(float(fit.deviance), 0.0)


def cost_of_delay(
    per_time: npt.ArrayLike, takes: npt.ArrayLike, order: Sequence[int] | None = None
) -> tuple[tuple[int, ...], float]:
    """In which order to do what, one after the other, and what waiting costs: ``per_time`` is what each costs for every unit of time it is
    not done, ``takes`` how long each takes.

    The order is by cost of delay ÷ duration, largest first, which is the cheapest there is (Smith 1956; Reinertsen 2009), or the
    one given. The cost counts the wait before each begins. :class:`ValueError` where something takes no time.
    """
    cost, time = np.asarray(per_time, float), np.asarray(takes, float)
    if np.any(time <= 0):
        raise ValueError(f"takes {time.tolist()}: everything takes more than no time")
    chosen = np.argsort(-cost / time, kind="stable") if order is None else np.asarray(order)
    waits = np.cumsum(time[chosen]) - time[chosen]
    return tuple(int(one) for one in chosen), float(cost[chosen] @ waits)


def _complete(items: npt.ArrayLike, whole: npt.ArrayLike) -> tuple[Array, int]:
    """Items and whole side by side of the respondents who answered everything, and how many those are."""
    told = np.column_stack([np.asarray(items, float), np.asarray(whole, float)])
    told = told[~np.isnan(told).any(1)]
    return told, len(told)


def _correlations(told: Array) -> Array:
    """Correlation matrices of many tables at once; nan where a column does not vary, or there are no rows."""
    if not told.shape[1]:
        return np.full((len(told), told.shape[2], told.shape[2]), np.nan)
    centred = told - told.mean(1, keepdims=True)
    crossed = centred.transpose(0, 2, 1) @ centred
    spread = np.sqrt(np.diagonal(crossed, axis1=1, axis2=2))
    varies = np.where(spread > 1e-9 * np.abs(told).max((1, 2), initial=1.0)[:, None], spread, np.nan)
    found: Array = crossed / (varies[:, :, None] * varies[:, None, :])
    return found


def _correlations_drawn(told: Array, at: npt.NDArray[np.int64]) -> Array:
    """:func:`_correlations` of the rows ``at`` of ``told``, draw by draw (draws × rows); a few at a time, so that what is held stays near."""
    size = max(1, _AT_ONCE // max(1, told.size))
    return np.concatenate([_correlations(told.take(at[i : i + size], axis=0)) for i in range(0, len(at), size)])


def _shared(correlations: Array) -> Array:
    """Shapley values of R² for many correlation matrices at once, the last variable being the whole."""
    count = correlations.shape[1] - 1
    explained: dict[tuple[int, ...], Array] = {(): np.zeros(len(correlations))}
    for size in range(1, count + 1):
        for some in itertools.combinations(range(count), size):
            among = correlations[:, some][:, :, some]
            with_whole = correlations[:, some, -1]
            explained[some] = (with_whole * np.linalg.solve(among, with_whole[..., None])[..., 0]).sum(-1)
    found = np.zeros((len(correlations), count))
    for some, value in explained.items():
        for item in range(count):
            if item not in some:
                more = tuple(sorted((*some, item)))
                found[:, item] += (explained[more] - value) / (count * comb(count - 1, len(some)))
    return found


def _is_connected(wins: Array) -> bool:
    """Whether everybody is chosen over everybody, directly or by way of others: else no strengths exist (Ford 1957)."""
    reach = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(len(wins)):
        reach = reach | (reach.astype(int) @ reach.astype(int) > 0)
    return bool(reach.all())
