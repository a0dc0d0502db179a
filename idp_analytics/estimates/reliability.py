"""Do several questions measure one thing? How well the answers to them go together, and what one of them has with the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import f

Array = npt.NDArray[np.float64]

LEAST = 30
"""Respondents below which alpha is not given: its interval would hold nearly every judgement of it."""

ACCEPTABLE = 0.6
"""Below this an index of the items is a list of different things under one name."""


def turned(answers: npt.ArrayLike, is_reversed: npt.ArrayLike, low: float, high: float) -> Array:
    """``answers`` (respondents × items) with those of reversed items turned: of a scale 1 to 5, 1 becomes 5."""
    held = np.asarray(answers, float)
    return np.where(np.asarray(is_reversed, bool), low + high - held, held)


def alpha(answers: npt.ArrayLike, pairwise: bool = False, level: float = 0.95) -> tuple[float, float, float, int]:
    """Cronbach's alpha (1951) of ``answers``, respondents × items, nan where one was left out, all turned the same way.

    Respondents with an item left out are not used; ``pairwise`` uses them for the items they did answer (both ways are in use,
    and they differ in the third digit). Alpha, low and high (Feldt 1965, with the respondents that answered every item), and how
    many respondents those are. All nan below :data:`LEAST` of them, below two items and where nothing varies.
    """
    held = np.asarray(answers, float)
    whole = held[~np.isnan(held).any(1)]
    n, items = len(whole), held.shape[1]
    if n < LEAST or items < 2:
        return np.nan, np.nan, np.nan, n
    covariance = _pairwise(held) if pairwise else np.cov(whole, rowvar=False)
    total = covariance.sum()
    if not total > 0:
        return np.nan, np.nan, np.nan, n
    value = items / (items - 1) * (1 - np.trace(covariance) / total)
    tail, of, over = (1 - level) / 2, n - 1, (n - 1) * (items - 1)
    low, high = (1 - (1 - value) * f.isf(end, of, over) for end in (tail, 1 - tail))
    return float(value), float(low), float(high), n


def item_rest(answers: npt.ArrayLike) -> Array:
    """Of each item, the correlation with the sum of all others, among respondents who answered every item.

    nan below :data:`LEAST` of them, below two items and for an item that does not vary.
    """
    held = np.asarray(answers, float)
    whole = held[~np.isnan(held).any(1)]
    found = np.full(held.shape[1], np.nan)
    if len(whole) < LEAST or held.shape[1] < 2:
        return found
    rest = whole.sum(1, keepdims=True) - whole
    for item in range(held.shape[1]):
        if np.ptp(whole[:, item]) > 0 and np.ptp(rest[:, item]) > 0:
            found[item] = np.corrcoef(whole[:, item], rest[:, item])[0, 1]
    return found


def _pairwise(held: Array) -> Array:
    """Covariances of each two items over the respondents who answered both."""
    there = (~np.isnan(held)).astype(float)
    known = np.nan_to_num(held - np.nanmean(held, 0))
    both = there.T @ there
    # The mean of an item is that among those who answered the other one as well.
    found: Array = (known.T @ known - (known.T @ there) * (there.T @ known) / both) / (both - 1)
    return found
