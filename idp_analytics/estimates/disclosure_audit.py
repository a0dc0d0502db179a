"""What somebody with all that is published, linear algebra and time could work out: a count that is not shown, to the person.

Every published count is a statement: these cells add up to that. The audit takes all statements together, whichever page,
table, download or earlier report they come from, and finds the cells whose value follows from them and from the fact that
no count is below zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack
from scipy.sparse.linalg import lsmr

from idp_analytics.estimates import disclosure_flow

_FREE = 1e-6
"""Below this the random direction does not move a cell: what is exactly zero comes out near 1e-12."""

_DIRECTIONS = 2
"""One direction leaves about one cell in a million that could move where it is: of thousands of teams there are so many cells. Two, one in 10¹²."""


class ContradictionError(Exception):
    """No counts fit all statements: they do not tell of the same answers."""


def fixed(members: pl.DataFrame, totals: pl.DataFrame) -> pl.Series:
    """The cells (column ``cell`` of ``members``, each once, sorted) whose value follows from the statements.

    ``members``: ``statement``, ``cell``, one row for each cell a statement adds up; ``totals``: ``statement``, ``total``
    (a count). A cell is fixed where it must be zero, or where the statements leave no direction in which it could move
    (Cox 1980: the unknown part of a table has an interior, and then only what lies in the row space is exact). Tables with two
    margins, which nearly all are, are followed as flows (:mod:`disclosure_flow`), which says the same in a fiftieth of the time. Raises
    :class:`ContradictionError` where no counts fit.
    """
    cells, relations, right = _system(members, totals)
    return cells.filter(pl.Series(follows(relations, right), dtype=pl.Boolean))


def follows(relations: Any, right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As :func:`fixed`, by number: whether each column of ``relations`` (statements × cells, zeros and ones), which add up to ``right``, follows."""
    pinned = np.ones(relations.shape[1], bool)
    settled = _settled(relations, right)
    is_open = np.isnan(settled)
    if not is_open.any():
        return pinned
    right = right - relations @ np.nan_to_num(settled)
    rows = np.flatnonzero(relations @ is_open.astype(float) > 0)
    left = relations[rows][:, np.flatnonzero(is_open)]
    try:
        moves = disclosure_flow.can_move(left, right[rows])
    except disclosure_flow.NoCountsError as error:
        raise ContradictionError(str(error)) from None
    pinned[is_open] = _followed(left, right[rows]) if moves is None else ~moves
    return pinned


def _followed(relations: Any, right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether each cell follows, from statements of any kind: those that must be zero, then those that no direction moves."""
    first, alike, times = _alike(relations)
    held = relations[:, first]
    zero = _must_be_zero(held, right)
    free = np.flatnonzero(~zero)
    moved = np.zeros(len(first))
    draw = np.random.default_rng(20260101)
    for _ in range(_DIRECTIONS if len(free) else 0):
        # A random direction less its part in the row space moves every cell that can move, all but surely.
        direction = draw.standard_normal(len(free))
        explained, *_ = lsmr(held[:, free].T, direction, atol=1e-13, btol=1e-13, conlim=0, maxiter=20 * sum(held.shape))
        moved[free] = np.maximum(moved[free], np.abs(direction - held[:, free].T @ explained))
        if (moved[free] >= _FREE).all():
            break
    # Two cells that all statements treat alike can trade, unless they are zero.
    moved[(times > 1) & ~zero] = 1.0
    return np.asarray((moved < _FREE)[alike])


def _settled(relations: Any, right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cells that are what is left of one statement, or zero since nothing is left of one; nan: not settled so. Cheap, and most of them."""
    settled = np.full(relations.shape[1], np.nan)
    while True:
        is_open = np.isnan(settled).astype(float)
        among, rest = relations @ is_open, right - relations @ np.nan_to_num(settled)
        if (rest < -_FREE).any() or (rest[among == 0] > _FREE).any():
            raise ContradictionError("what is left of a statement fits no counts")
        telling = np.flatnonzero((among == 1) | ((among > 0) & (rest < _FREE)))
        if not len(telling):
            return settled
        told = relations[telling].tocoo()
        new = is_open[told.col] > 0
        settled[told.col[new]] = rest[telling][told.row[new]]


def _alike(relations: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Cells that the same statements hold: the first of each kind, the kind of every cell, and how many there are of it."""
    columns = relations.tocsc()
    columns.sort_indices()
    kinds: dict[bytes, int] = {}
    ends = columns.indptr
    alike = np.array([
        kinds.setdefault(columns.indices[start:end].tobytes(), len(kinds)) for start, end in itertools.pairwise(ends)
    ])  # fmt: skip
    return np.unique(alike, return_index=True)[1], alike, np.bincount(alike)


def bounds(members: pl.DataFrame, totals: pl.DataFrame, cells: Sequence[str]) -> pl.DataFrame:
    """Between which counts each of ``cells`` must lie: ``cell``, ``low``, ``high`` (null: no end), by linear programming.

    As :func:`fixed`, but two programs per cell: for a few cells, or to check with.
    """
    known, relations, right = _system(members, totals)
    place = {cell: number for number, cell in enumerate(known)}
    ends = limits(relations, right, [place[cell] for cell in cells])
    rows = [(cell, *both) for cell, both in zip(cells, ends, strict=True)]
    return pl.DataFrame(rows, schema={"cell": pl.String, "low": pl.Float64, "high": pl.Float64}, orient="row")


def limits(
    relations: Any, right: np.ndarray[Any, Any], columns: Sequence[int]
) -> list[tuple[float | None, float | None]]:
    """As :func:`bounds`, by number: the least and the most (None: no end) that each of ``columns`` can be."""
    found = []
    for column in columns:
        goal = np.zeros(relations.shape[1])
        goal[column] = 1.0
        low, high = (_solved(sign * goal, relations, right) for sign in (1, -1))
        found.append((low, None if high is None else -high))
    return found


def _system(members: pl.DataFrame, totals: pl.DataFrame) -> tuple[pl.Series, Any, np.ndarray[Any, Any]]:
    """The distinct statements as a matrix of zeros and ones, and their totals."""
    cells = members["cell"].unique().sort()
    said = totals.sort("statement")
    across = members["cell"].replace_strict(cells, range(len(cells)), return_dtype=pl.Int64).to_numpy()
    down = members["statement"].replace_strict(said["statement"], range(len(said)), return_dtype=pl.Int64).to_numpy()
    ones = np.ones(len(across))
    relations = csr_array((ones, (down, across)), shape=(len(said), len(cells)))
    return cells, relations, said["total"].cast(pl.Float64).to_numpy()


def _must_be_zero(relations: Any, right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cells that are zero in every solution: one program, in which a solution may be blown up by any factor.

    Maximise Σ y with y ≤ x, y ≤ 1, relations · x = s · right, s ≥ 1: a cell that can be positive gets y = 1.
    """
    n = relations.shape[1]
    same = hstack([relations, csr_array((relations.shape[0], n)), csr_array(-right.reshape(-1, 1))], format="csr")
    below = hstack([-eye_array(n), eye_array(n), csr_array((n, 1))], format="csr")
    goal = np.concatenate([np.zeros(n), -np.ones(n), [0.0]])
    limits = [(0, None)] * n + [(0, 1)] * n + [(1, None)]
    found = linprog(goal, A_ub=below, b_ub=np.zeros(n), A_eq=same, b_eq=np.zeros(relations.shape[0]), bounds=limits)
    if not found.success:
        raise ContradictionError(found.message)
    return np.asarray(found.x[n : 2 * n] < 0.5)


def _solved(goal: np.ndarray[Any, Any], relations: Any, right: np.ndarray[Any, Any]) -> float | None:
    found = linprog(goal, A_eq=relations, b_eq=right, bounds=(0, None))
    if found.status == 3:  # unbounded
        return None
    if not found.success:
        raise ContradictionError(found.message)
    return float(found.fun)
