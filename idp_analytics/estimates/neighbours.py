"""Do units follow their neighbours? A discrete-time logit of joining on having neighbours who joined, with a permutation test.

Whatever comes out, units that are alike do alike (homophily), and units that see each other copy (contagion): the two cannot be
told apart from who joined when (Shalizi & Thomas 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]

NEVER = 1_000_000
"""The step of what did not happen."""
FEWEST = 10
"""Joins below which nothing is said."""
DRAWS = 999
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Histories:
    """Units of one kind of joining over the steps 0 … ``steps`` − 1, one element per unit.

    ``entered``: the first step in which it could join; ``joined``: the step in which it did (negative: before the first, :data:`NEVER`:
    not); ``is_counted``: the join is of the way asked about, others only end the waiting; ``left``: the first step in which it is
    followed no more. ``groups``: one array (steps × units) per sort of neighbourhood: units with one number ≥ 0 are neighbours.
    """

    entered: Ints
    joined: Ints
    is_counted: npt.NDArray[np.bool_]
    left: Ints
    groups: tuple[Ints, ...]


@dataclass(frozen=True)
class Following:
    """``odds_ratio`` with ``low`` and ``high`` (Wald), ``p`` by permutation, ``reason`` why not identified (empty: it is).

    ``cells``: per kind, step and exposure (kind, step, 0 or 1) the units at risk and those that joined.
    """

    odds_ratio: float
    low: float
    high: float
    p: float
    reason: str
    cells: Array


def following(kinds: list[Histories], level: float = 0.95, seed: int = 0, draws: int = DRAWS) -> Following:
    """Whether units join sooner with a neighbour on it already than without, several kinds of joining taken together.

    Exposed: at the start of a step, a unit of one group with it has joined. The odds ratio is that of a logit of joining in a step on
    exposure, the step and the kind (Allison 1982), by statsmodels. ``p``, two-sided: the histories (when and whether) are dealt out
    anew among units that could join from the same step on, ``draws`` times, and the excess of exposed joins over what each step lets
    expect is compared. Not identified: fewer than :data:`FEWEST` joins, none of them exposed or all, or none at risk so.
    """
    told = [exposure(kind) for kind in kinds]
    cells = np.concatenate([np.column_stack([np.full(len(one), place), one]) for place, one in enumerate(told)])
    of = {exposed: cells[cells[:, 2] == exposed][:, 3:].sum(axis=0) for exposed in (0, 1)}
    reason = _why_not(of)
    if reason:
        return Following(np.nan, np.nan, np.nan, np.nan, reason, cells)
    value, error = _logit(cells)
    z = float(norm.isf((1 - level) / 2))
    rng = np.random.default_rng(seed)
    excess = sum(float(_excess(_cells(kind, _as_it_was(kind)))[0]) for kind in kinds)
    dealt = np.zeros(draws)
    for kind in kinds:
        dealt += _dealt(kind, rng, draws)
    as_far = (np.abs(dealt - dealt.mean()) >= abs(excess - dealt.mean()) - 1e-9).sum()
    ends = (np.exp(value - z * error), np.exp(value + z * error))
    return Following(float(np.exp(value)), float(ends[0]), float(ends[1]), float((1 + as_far) / (1 + draws)), "", cells)


def exposure(kind: Histories) -> Array:
    """One row per step and exposure in which anybody was at risk: step, exposed (0 or 1), units at risk, of them joined."""
    found = _cells(kind, _as_it_was(kind))[0]
    rows = [
        (step, side, *found[step, side]) for step in range(len(found)) for side in (0, 1) if found[step, side, 0] > 0
    ]
    return np.array(rows, dtype=float).reshape(-1, 4)


def _why_not(of: dict[int, Array]) -> str:
    joins = int(of[0][1] + of[1][1])
    if joins < FEWEST:
        return f"{joins} joins, and {FEWEST} are needed"
    if of[0][0] == 0 or of[1][0] == 0:
        return f"{'no' if of[1][0] == 0 else 'every'} unit had a neighbour on it"
    if of[0][1] == 0 or of[1][1] == 0:
        return f"{'none' if of[1][1] == 0 else 'all'} of the joins had a neighbour on it"
    return ""


def _logit(cells: Array) -> tuple[float, float]:
    import statsmodels.api as sm

    kind, step, exposed, at_risk, joined = cells.T
    dummies = [(kind == one).astype(float) for one in np.unique(kind)]
    centred = step - step.mean()
    columns = [exposed, *dummies, *([centred] if np.ptp(step) > 0 else [])]
    fit = sm.GLM(
        np.column_stack([joined, at_risk - joined]), np.column_stack(columns), family=sm.families.Binomial()
    ).fit()
    return float(fit.params[0]), float(fit.bse[0])


def _dealt(kind: Histories, rng: np.random.Generator, draws: int) -> Array:
    """The excess of exposed joins in each of ``draws`` dealings of the histories."""
    units = len(kind.joined)
    found = []
    for begin in range(0, draws, max(1, _AT_ONCE // max(1, units))):
        many = min(max(1, _AT_ONCE // max(1, units)), draws - begin)
        order = np.tile(np.arange(units), (many, 1))
        for entry in np.unique(kind.entered[kind.joined >= 0]):
            mine = np.flatnonzero((kind.entered == entry) & (kind.joined >= 0))
            order[:, mine] = rng.permuted(np.tile(mine, (many, 1)), axis=1)
        found.append(_excess(_cells(kind, order)))
    return np.concatenate(found)


def _as_it_was(kind: Histories) -> Ints:
    return np.arange(len(kind.joined))[None]


def _cells(kind: Histories, order: Ints) -> Array:
    """Draws × steps × exposure (no, yes) × (at risk, joined), where each unit has the history of that in its place of ``order`` (draws × units)."""
    steps = kind.groups[0].shape[0]
    # How far outside the steps something lies says no more, and small numbers are gone through fastest.
    small = np.int16 if steps < np.iinfo(np.int16).max else np.int64
    near: list[npt.NDArray[Any]] = [
        np.clip(told, -1, steps).astype(small) for told in (kind.entered, kind.joined, kind.left)
    ]
    entered, joined, left, counted = near[0], near[1][order], near[2][order], kind.is_counted[order]
    cells = np.zeros((len(joined), steps, 2, 2))
    first = joined
    for step in range(steps):
        beside = [sort[step] for sort in kind.groups]
        if step == 0 or any((now != sort[step - 1]).any() for now, sort in zip(beside, kind.groups, strict=True)):
            first = _first_beside(beside, joined, steps)
        at_risk = (entered <= step) & (joined >= step) & (left > step)
        exposed = at_risk & (first < step)
        now = at_risk & (joined == step) & counted
        for which, mask in ((1, exposed), (0, at_risk & ~exposed)):
            cells[:, step, which, 0] = np.count_nonzero(mask, axis=1)
            cells[:, step, which, 1] = np.count_nonzero(mask & now, axis=1)
    return cells


def _first_beside(groups: list[Ints], joined: npt.NDArray[Any], steps: int) -> npt.NDArray[Any]:
    """The first step in which anybody of a group with it, or it itself, joined (draws × units); ``steps``: nobody has."""
    first = np.full_like(joined, steps)
    for order, starts, member in map(_places, groups):
        if len(order):
            whole = np.minimum.reduceat(joined[:, order], starts, axis=1)
            first[:, order] = np.minimum(first[:, order], whole[:, member])
    return first


def _places(group: Ints) -> tuple[Ints, Ints, Ints]:
    """Units of a group in order of it, where each group begins among them, and each one's group counted from 0."""
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    _, starts, member = np.unique(group[order], return_index=True, return_inverse=True)
    return order, starts, member


def _excess(cells: Array) -> Array:
    """Exposed joins less those expected if joining in a step had nothing to do with exposure, per draw."""
    at_risk, joined = cells[..., 0].sum(axis=2), cells[..., 1].sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(at_risk > 0, joined * cells[:, :, 1, 0] / at_risk, 0.0)
    excess: Array = (cells[:, :, 1, 1] - expected).sum(axis=1)
    return excess
