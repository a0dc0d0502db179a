"""What people chose of a list: how many chose each thing, and which two were surely chosen most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from idp_analytics.estimates.drivers import top_two
from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]

LEAST = 10
"""Respondents below which nothing is said of who comes first: drawn again, so few say too often how sure they are."""

DRAWS = 4000
AT_ONCE = 1_000_000
"""Numbers held at a time while respondents are drawn again."""


@dataclass(frozen=True)
class Votes:
    """Per thing: ``k`` respondents chose it, ``share`` of all with ``low`` and ``high`` (Wilson), ``top_two`` the chance to be one of the two
    chosen most. ``is_separable``: the second stays above the third. ``n`` respondents voted, ``missing`` did not.

    Shares are nan where nobody voted; ``top_two`` also, and nothing is separable, where ``reason`` says why. ``drawn``: how many chose each
    thing in each draw (draws × things; none where nobody voted).
    """

    k: Array
    share: Array
    low: Array
    high: Array
    top_two: Array
    is_separable: bool
    n: int
    missing: int
    drawn: Array
    reason: str = ""


def voted(
    chosen: npt.ArrayLike, seed: int, draws: int = DRAWS, level: float = 0.95, drawn: Array | None = None
) -> Votes:
    """What was chosen most, each respondent choosing as many things as the question lets them.

    ``chosen``: respondents × things, 1 chosen, 0 not; a row with a nan did not vote. The chance to be among the two is that of respondents
    drawn again with ``seed``, things that tie sharing the place; whether the second is above the third is asked of the interval of their
    difference over the same draws, since votes of one person are no two opinions. ``drawn``: what :func:`drawn_again` gave of the
    same, where that is known.
    """
    held = np.asarray(chosen, float)
    held = held if held.ndim == 2 else held.reshape(len(held), -1)
    is_vote = ~np.isnan(held).any(axis=1)
    cast = (held[is_vote] > 0).astype(float)
    n, things, missing = len(cast), held.shape[1], int((~is_vote).sum())
    k = cast.sum(axis=0)
    low, high = wilson(k, np.full(things, n), level)
    share = k / n if n else np.full(things, np.nan)
    drawn = drawn_again([cast], seed, draws)[0] if drawn is None else drawn
    if n < LEAST or things < 2:
        few = (
            f"{n} respondents voted, and {LEAST} are needed"
            if n < LEAST
            else f"of things to choose from there are {things}, and 2 are needed"
        )
        return Votes(k, share, low, high, np.full(things, np.nan), False, n, missing, drawn, few)
    chance, separable = top_two(drawn, k, level)
    return Votes(k, share, low, high, chance, separable, n, missing, drawn)


def drawn_again(chosen: Sequence[npt.ArrayLike], seed: int, draws: int = DRAWS) -> list[Array]:
    """How many chose each thing, draws × things, of each of ``chosen`` (respondents × things, 1 or 0), whose rows are the same respondents: they are drawn
    again with ``seed`` once for all. Some draws at a time, so that no more than :data:`AT_ONCE` numbers are held."""
    n = len(np.asarray(chosen[0]))
    # Whole numbers are added up, so that any order of adding says the same: half the bits hold them, unless there are very many.
    number: Any = np.float32 if n < 1 << 24 else np.float64
    held = [np.asarray(one, number) for one in chosen]
    if not n:
        return [np.zeros((0, one.shape[1])) for one in held]
    random, even = np.random.default_rng(seed), np.full(n, 1 / n)
    found = [np.empty((draws, one.shape[1])) for one in held]
    size = max(1, AT_ONCE // n)
    for first in range(0, draws, size):
        times = random.multinomial(n, even, min(size, draws - first)).astype(number)
        for one, into in zip(held, found, strict=True):
            into[first : first + size] = times @ one
    return found
