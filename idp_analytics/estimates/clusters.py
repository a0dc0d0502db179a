"""Groups of short texts by the words they share, and whether another throw of the dice would find the same groups."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.linalg import eigh
from scipy.sparse import csr_array

Ints = npt.NDArray[np.int64]

SEEDS = 10
_MOST_DIMENSIONS = 20
_NOTHING = 1e-12
_APART = 1e-5
_LEAST = 1e-8


def grouped(weights: Any, groups: int, seeds: int = SEEDS) -> tuple[Ints, float]:
    """Each text's group (0 to ``groups`` − 1), and how stable that is.

    ``weights``: texts × terms, sparse. The texts are laid into their main directions (singular value decomposition) and grouped
    by k-means (Arthur & Vassilvitskii's start, 2007) from ``seeds`` starts; told are the groups of the start that agrees most with
    the others, and the mean adjusted Rand index of all pairs of starts: 1 if every start finds the same, 0 if they agree by chance.
    """
    weights = csr_array(weights, dtype=float, copy=True)
    draw = np.random.default_rng(0)
    lengths = np.sqrt(weights.power(2).sum(axis=1))
    # Of texts that are alike there is no start for each.
    different = np.unique((weights @ draw.random(weights.shape[1]) / np.maximum(lengths, _NOTHING)).round(9))
    groups = min(groups, len(different))
    # Texts of the same words are as near to one group as to another, and then the last digit of a sum would decide, which is not the same everywhere.
    weights.data *= 1 + _APART * draw.random(weights.nnz)
    alike = (weights.T @ weights).toarray()  # terms × terms: it has the same directions
    strengths, directions = eigh(alike, subset_by_index=[max(0, len(alike) - _MOST_DIMENSIONS), len(alike) - 1])
    places = weights @ directions[:, strengths > _LEAST * strengths.max()]  # what rounding leaves has any direction
    places = places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), _NOTHING)
    with warnings.catch_warnings():
        # A start that leaves a group without texts has fewer groups; that it agrees less with the others is what is told.
        warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
        starts = [
            kmeans2(places, groups, minit="++", rng=np.random.default_rng(seed), missing="warn", iter=50)[1]
            for seed in range(seeds)
        ]
    pairs = {pair: adjusted_rand(starts[pair[0]], starts[pair[1]]) for pair in combinations(range(seeds), 2)}
    agreeing = [sum(value for pair, value in pairs.items() if seed in pair) for seed in range(seeds)]
    return np.asarray(starts[int(np.argmax(agreeing))], np.int64), float(np.mean(list(pairs.values())))


def adjusted_rand(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """How alike two groupings of the same things are: 1 the same, 0 as alike as chance makes them (Hubert & Arabie 1985).

    1 where both put everything in one group, or everything apart.
    """
    a, b = (np.unique(np.asarray(labels), return_inverse=True)[1] for labels in (first, second))
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: npt.NDArray[np.float64]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    n = len(a)
    expected = rows * columns / (n * (n - 1) / 2) if n > 1 else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
