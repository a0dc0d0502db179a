"""What changed for units that took something up at different times, against those that had not: difference in differences.

Each unit has values month by month and, where it ever did, the month in which it took the thing up. The values of a unit that
has not yet, or never, say what would have happened; the difference is an association, whatever it is called: who takes
something up first is seldom chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

Array = npt.NDArray[np.float64]
Months = npt.NDArray[np.int64]

PERMUTATIONS = 999
FEWEST_PERMUTATIONS = 20
"""With fewer different ways of giving out the dates no p-value can fall below 0.05."""
_AT_ONCE = 100_000
_DIGITS = 9


class Effect(NamedTuple):
    """``effect``: mean difference of the months after, weighted; nan: not identified. ``low``, ``high``: its interval by
    randomisation (±inf: no bound). ``p``: two-sided. ``ways``: different ways of giving out the dates, at most as many as were
    tried. ``weight``: of the months after, ``lost``: the part of it to which nothing can be compared."""

    effect: float
    low: float
    high: float
    p: float
    ways: int
    weight: float
    lost: float


class Drift(NamedTuple):
    """Before they took it up: by how much more a month the later takers moved than the others; nan where it cannot be told."""

    slope: float
    low: float
    high: float


def effect(values: npt.ArrayLike, weights: npt.ArrayLike, taken_up: npt.ArrayLike, level: float = 0.95) -> Effect:
    """The effect on units × months ``values`` of what unit i took up in month ``taken_up[i]`` (the number of months or more: never).

    Imputation (Borusyak, Jaravel & Spiess 2024): means of units and months are fitted to what is not yet, or never, taken up,
    weighted, and what they let expect of the months after is taken from what was seen; unlike one regression with both means,
    no month after serves as a comparison for another (Goodman-Bacon 2021). The month of taking up is left out. p and interval
    by randomisation (Fisher 1935; for few units, MacKinnon & Webb 2020): the dates are given out among the units anew, 999
    times, and the interval is of those constant effects that the dates as they were do not contradict.
    """
    y, w, when = np.asarray(values, float), np.asarray(weights, float), np.asarray(taken_up, np.int64)
    months = y.shape[1]
    when = np.minimum(when, months)
    rng = np.random.default_rng(20_240_901)
    shuffled = np.array([when, *(rng.permutation(when) for _ in range(PERMUTATIONS))])
    ways = len(np.unique(shuffled, axis=0))
    # A constant effect as the dates were: none before, all after, half in the month itself.
    month = np.arange(months)
    dose = np.where(month > when[:, None], 1.0, np.where(month == when[:, None], 0.5, 0.0))
    parts = [_differences(np.stack([y, dose]), w, dates) for dates in _chunks(shuffled, y.size)]
    found = np.concatenate([part[0] for part in parts], axis=1)
    weight, lost = parts[0][1][0], parts[0][2][0]
    actual = found[0, 0]
    if np.isnan(actual):
        return Effect(np.nan, np.nan, np.nan, np.nan, ways, weight, lost)
    known = ~np.isnan(found).any(axis=0)
    a, b = found[0, known], found[1, known]
    p = float(np.mean(np.abs(a) >= abs(actual) - 1e-12))
    low, high = _not_contradicted(a, b, actual, 1 - level)
    return Effect(_rounded(actual), _rounded(low), _rounded(high), _rounded(p), ways, weight, lost)


def compared(weights: npt.ArrayLike, taken_up: npt.ArrayLike) -> Array:
    """``weights`` of the months after that :func:`effect` can compare with something; 0 elsewhere."""
    w, when = np.asarray(weights, float), np.asarray(taken_up, np.int64)[:, None]
    month = np.arange(w.shape[1])
    free = w * (month < when)
    known = (free.sum(axis=1) > 0)[:, None] & (free.sum(axis=0) > 0)[None, :]
    return np.where(known, w * (month > when), 0.0)


class Change(NamedTuple):
    """Of the units seen before and after: the mean change with its interval; nan: fewer than two, or three for the interval."""

    change: float
    low: float
    high: float
    units: int


def own_change(values: npt.ArrayLike, weights: npt.ArrayLike, taken_up: npt.ArrayLike, level: float = 0.95) -> Change:
    """Months after less months before of the units that took it up, each against itself, weighted by its months after.

    What changed for everybody at that time is in it, unless ``values`` are already differences from something that shares it.
    Interval: leave one unit out (t with units − 1), so that months of one unit may resemble one another.
    """
    y, w, when = np.asarray(values, float), np.asarray(weights, float), np.asarray(taken_up, np.int64)[:, None]
    month = np.arange(y.shape[1])
    before, after = w * (month < when), w * (month > when)
    both = (before.sum(axis=1) > 0) & (after.sum(axis=1) > 0)
    n = int(both.sum())
    if n < 2:
        return Change(np.nan, np.nan, np.nan, n)
    y, before, after = y[both], before[both], after[both]
    weight = after.sum(axis=1)
    moved = (y * after).sum(axis=1) / weight - (y * before).sum(axis=1) / before.sum(axis=1)
    whole = float((weight * moved).sum() / weight.sum())
    if n < 3:
        return Change(round(whole, _DIGITS), np.nan, np.nan, n)
    others = ((weight * moved).sum() - weight * moved) / (weight.sum() - weight)
    error = float(np.sqrt((n - 1) / n * np.sum((others - others.mean()) ** 2)))
    reach = float(student.isf((1 - level) / 2, n - 1)) * error
    return Change(_rounded(whole), _rounded(whole - reach), _rounded(whole + reach), n)


def drift_before(values: npt.ArrayLike, weights: npt.ArrayLike, taken_up: npt.ArrayLike, level: float = 0.95) -> Drift:
    """How those who took it up later moved apart from the others before they did, per month: no drift is what the comparison
    supposes, and not finding one does not show that there is none. Interval: leave one unit out (CR3; t with units − 1)."""
    y, w, when = np.asarray(values, float), np.asarray(weights, float), np.asarray(taken_up, np.int64)
    months = y.shape[1]
    ever = when < months
    free = w * (np.arange(months) < when[:, None])
    toward = np.where(ever[:, None], np.arange(months) - np.minimum(when, months)[:, None], 0.0)
    units = np.flatnonzero(free.sum(axis=1) > 0)
    whole, n = _slope(y, toward, free), len(units)
    if np.isnan(whole) or n < 3:
        return Drift(_rounded(whole), np.nan, np.nan)
    others = _slopes_without(y, toward, free, units)
    if np.isnan(others).any():
        return Drift(_rounded(whole), np.nan, np.nan)
    error = np.sqrt((n - 1) / n * np.sum((others - others.mean()) ** 2))
    reach = float(student.isf((1 - level) / 2, n - 1)) * error
    return Drift(_rounded(whole), _rounded(whole - reach), _rounded(whole + reach))


def _rounded(value: float) -> float:
    """To what the last bits of a sum, which depend on the number of threads, do not reach."""
    return round(float(value), _DIGITS)


def _chunks(dates: Months, cells: int) -> Iterator[Months]:
    size = max(1, _AT_ONCE // max(1, cells))
    yield from (dates[i : i + size] for i in range(0, len(dates), size))


def _differences(values: Array, weights: Array, dates: Months) -> tuple[Array, Array, Array]:
    """Per outcome (first axis) and way of giving out the dates: the effect; and the weight after, and the part of it lost."""
    month = np.arange(values.shape[2])
    free = weights * (month < dates[:, :, None])
    after = weights * (month > dates[:, :, None])
    units, months, sound = _means(values, free)
    known = (free.sum(axis=2) > 0)[:, :, None] & (free.sum(axis=1) > 0)[:, None, :]
    counted = np.where(known, after, 0.0)
    total, weight = counted.sum(axis=(1, 2)), after.sum(axis=(1, 2))
    # What was seen less what the means let expect, added up part by part: units, months and ways are never beside one another for each outcome.
    seen = values.reshape(len(values), -1) @ counted.reshape(len(counted), -1).T
    expected = (units * counted.sum(axis=2)).sum(axis=2) + (months * counted.sum(axis=1)).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(sound & (total > 0), (seen - expected) / total, np.nan)
        lost = 1 - total / weight
    return found, weight, lost


def _means(values: Array, free: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Means of units and months fitted to what ``free`` weighs, per outcome and way; and whether they are determined at all."""
    of_unit, of_month = free.sum(axis=2), free.sum(axis=1)
    inverse = np.where(of_unit > 0, 1 / np.where(of_unit > 0, of_unit, 1), 0.0)
    part = free * inverse[:, :, None]  # of a unit's weight, per month
    size = values.shape[2]
    system = of_month[:, :, None] * np.eye(size) - part.transpose(0, 2, 1) @ free
    # Of a unit, and of a month, what is weighed; all outcomes side by side.
    by_unit = (free.transpose(1, 0, 2) @ values.transpose(1, 2, 0)).transpose(2, 1, 0)
    by_month = (free.transpose(2, 0, 1) @ values.transpose(2, 1, 0)).transpose(2, 1, 0)
    right = by_month - (by_unit.transpose(1, 0, 2) @ part).transpose(1, 0, 2)
    # The least squares of a system that leaves a constant open; what is next to nothing beside the largest is nothing.
    sizes, vectors = np.linalg.eigh(system)
    is_far = np.abs(sizes) > 1e-10 * np.abs(sizes).max(axis=1, keepdims=True, initial=0.0)
    turned = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=is_far)[..., None] * (
        vectors.transpose(0, 2, 1) @ right.transpose(1, 2, 0)
    )
    months = (vectors @ turned).transpose(2, 0, 1)
    units = inverse * by_unit - (part @ months.transpose(1, 2, 0)).transpose(2, 0, 1)
    seen = (of_month > 0).sum(axis=1)
    rank = (np.abs(sizes) > 1e-9 * max(1.0, float(free.max(initial=0.0)))).sum(axis=1)
    return units, months, rank == seen - 1


def _slope(values: Array, toward: Array, free: Array) -> float:
    both = np.stack([values, toward])
    units, months, determined = _means(both, free[None])
    rest = both - units[:, 0, :, None] - months[:, 0, None, :]
    spread = float((free * rest[1] ** 2).sum())
    if not determined[0] or spread < 1e-9:
        return float("nan")
    return float((free * rest[0] * rest[1]).sum()) / spread


def _slopes_without(values: Array, toward: Array, free: Array, left_out: Months) -> Array:
    """:func:`_slope` with each of the units ``left_out`` left out: what a unit adds to the sums is taken away from those of all."""
    size = free.shape[1]
    weight = free.sum(axis=1)
    part = (
        free * np.divide(1.0, weight, out=np.zeros(len(free)), where=weight > 0)[:, None]
    )  # of a unit's weight, per month
    both = np.stack([values, toward], axis=1)
    both = both - np.einsum("it,ikt->ik", part, both)[:, :, None]  # from each unit's own mean
    systems = free[:, :, None] * np.eye(size) - free[:, :, None] * part[:, None, :]
    rights = free[:, None, :] * both
    # What is weighed of both, and of the second with itself; what the months explain of it is taken away below.
    products = np.stack([(rights[:, 1] * both[:, k]).sum(axis=1) for k in (0, 1)], axis=1)
    system, right, seen = systems.sum(axis=0), rights.sum(axis=0), (free > 0).sum(axis=0)
    most = free.max(axis=1, initial=0.0)
    largest = np.full(len(free), most.max(initial=0.0))
    largest[np.argmax(most)] = np.delete(most, np.argmax(most)).max(initial=0.0)
    found = []
    for some in np.array_split(left_out, max(1, -(-len(left_out) * size * size // _AT_ONCE))):
        values_of, vectors = np.linalg.eigh(system - systems[some])
        is_far = np.abs(values_of) > 1e-10 * np.abs(values_of).max(axis=1, keepdims=True)
        inverse = np.divide(1.0, values_of, out=np.zeros_like(values_of), where=is_far)
        turned = np.einsum("ats,akt->aks", vectors, right - rights[some])
        tolerance = 1e-9 * np.maximum(1.0, largest[some])
        rank = (np.abs(values_of) > tolerance[:, None]).sum(axis=1)
        there = ((seen - (free[some] > 0)) > 0).sum(axis=1)
        explained = (turned * inverse[:, None, :] * turned[:, 1, None, :]).sum(axis=2)
        moved, spread = (products.sum(axis=0) - products[some] - explained).T
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = moved / spread
        found.append(np.where((rank == there - 1) & (spread >= 1e-9), slope, np.nan))
    return np.concatenate(found)


def _not_contradicted(a: Array, b: Array, actual: float, alpha: float) -> tuple[float, float]:
    """The effects around ``actual`` of which p is above ``alpha``: p changes only where two ways are as far off."""
    with np.errstate(invalid="ignore", divide="ignore"):
        turns = np.concatenate([(actual - a) / (1 - b), (actual + a) / (1 + b)])
    turns = np.unique(turns[np.isfinite(turns)])
    if not len(turns):
        return -np.inf, np.inf
    edges = np.concatenate([[turns[0] - 1], turns, [turns[-1] + 1]])
    between = (edges[1:] + edges[:-1]) / 2
    p = np.array([np.mean(np.abs(a - d * b) >= abs(actual - d) - 1e-12) for d in between])
    held = p > alpha
    place = int(np.searchsorted(between, actual))
    above = np.flatnonzero(~held[place:])
    below = np.flatnonzero(~held[:place])
    high = np.inf if not len(above) else edges[place + above[0]]
    low = -np.inf if not len(below) else edges[below[-1] + 1]
    return min(float(low), actual), max(float(high), actual)
