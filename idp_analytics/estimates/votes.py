"""What people chose of a list: how many chose each thing, and which two were surely chosen most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from idp_analytics.estimates.drivers import top_two
from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]

LEAST = 10
"""Respondents below which nothing is said of who comes first: drawn again, so few say too often how sure they are."""

DRAWS = 4000


@dataclass(frozen=True)
class Votes:
    """Per thing: ``k`` respondents chose it, ``share`` of all with ``low`` and ``high`` (Wilson), ``top_two`` the chance to be one of the two
    chosen most. ``is_separable``: the second stays above the third. ``n`` respondents voted, ``missing`` did not.

    Shares are nan where nobody voted; ``top_two`` also, and nothing is separable, where ``reason`` says why.
    """

    k: Array
    share: Array
    low: Array
    high: Array
    top_two: Array
    is_separable: bool
    n: int
    missing: int
    reason: str = ""


def voted(chosen: npt.ArrayLike, seed: int, draws: int = DRAWS, level: float = 0.95) -> Votes:
    """What was chosen most, each respondent choosing as many things as the question lets them.

    ``chosen``: respondents × things, 1 chosen, 0 not; a row with a nan did not vote. The chance to be among the two is that of respondents
    drawn again with ``seed``, things that tie sharing the place; whether the second is above the third is asked of the interval of their
    difference over the same draws, since votes of one person are no two opinions.
    """
    held = np.asarray(chosen, float)
    held = held if held.ndim == 2 else held.reshape(len(held), -1)
    is_vote = ~np.isnan(held).any(axis=1)
    cast = (held[is_vote] > 0).astype(float)
    n, things, missing = len(cast), held.shape[1], int((~is_vote).sum())
    k = cast.sum(axis=0)
    low, high = wilson(k, np.full(things, n), level)
    share = k / n if n else np.full(things, np.nan)
    if n < LEAST or things < 2:
        few = (
            f"{n} respondents voted, and {LEAST} are needed"
            if n < LEAST
            else f"of things to choose from there are {things}, and 2 are needed"
        )
        return Votes(k, share, low, high, np.full(things, np.nan), False, n, missing, few)
    # Whole numbers are added up, so that any order of adding says the same.
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws).astype(float)
    chance, separable = top_two(times @ cast, k, level)
    return Votes(k, share, low, high, chance, separable, n, missing)
