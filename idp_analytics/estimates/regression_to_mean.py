"""Who was worst before will look better after, with nothing done: how much of a change that alone lets expect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Regression(NamedTuple):
    """``expected``: mean change of the units chosen, less that of the others, when nothing is done; ``reliability``: how much of the differences
    between units in their periods before lasts, 0–1, on average over those chosen; nan: not told."""

    expected: float
    reliability: float


def expected_change(
    values: npt.ArrayLike, weights: npt.ArrayLike, chosen: npt.ArrayLike, shares: npt.ArrayLike
) -> Regression:
    """What chance alone lets expect of the units ``chosen``, from the periods before of all units.

    ``values``: units × periods before anything was taken up (nan: not known or not before), ``weights``: observations behind each. Once the
    periods' common course is off, a unit's mean is its own level and chance; levels vary between units by τ², single periods by σ² (one-way
    analysis of variance for unequal numbers, Searle, Casella & McCulloch 1992). Empirical Bayes (Efron & Morris 1975; regression to the mean: Davis 1976): the level to expect lies (1 − r)
    of the way back to the mean of all, r = τ² ÷ (τ² + σ² ÷ observations). That holds however units were chosen from these values, since all
    of them are in it: also those of which they were not chosen. ``shares``: how much each unit counts among the chosen, or among the others. nan below three units with
    two periods each, or where nobody is chosen or left.
    """
    y, m = np.asarray(values, float), np.asarray(weights, float)
    mine, share = np.asarray(chosen, bool), np.asarray(shares, float)
    m = np.where(np.isnan(y), 0.0, m)
    y = np.nan_to_num(y)
    per = m.sum(axis=0)
    course = np.divide((m * y).sum(axis=0), per, out=np.zeros_like(per), where=per > 0)
    off = np.where(m > 0, y - course, 0.0)
    size, periods = m.sum(axis=1), (m > 0).sum(axis=1)
    there = size > 0
    level = np.divide((m * off).sum(axis=1), size, out=np.zeros_like(size), where=there)
    if (periods >= 2).sum() < 3 or not (share * mine * there).sum() > 0 or not (share * ~mine * there).sum() > 0:
        return Regression(np.nan, np.nan)
    within = float((m * (off - level[:, None]) ** 2).sum()) / float((periods - 1)[there].sum())
    centre = float(size @ level) / float(size.sum())
    units = int(there.sum())
    between = float(size @ (level - centre) ** 2) - (units - 1) * within
    scale = float(size.sum() - (size**2).sum() / size.sum())
    tau = max(0.0, between / scale)
    trust = (
        np.where(there, tau / (tau + within / np.where(there, size, 1.0)), 0.0)
        if tau + within > 0
        else there.astype(float)
    )
    # The mean of all that the levels vary about, each as sure as it is known.
    known = np.where(there, 1 / (tau + within / np.where(there, size, 1.0)), 0.0) if tau + within > 0 else size
    centre = float(known @ level) / float(known.sum())
    back = (1 - trust) * (centre - level)
    one, other = (float((share * who * there) @ back) / float((share * who * there).sum()) for who in (mine, ~mine))
    return Regression(one - other, float((share * mine * there) @ trust) / float((share * mine * there).sum()))
