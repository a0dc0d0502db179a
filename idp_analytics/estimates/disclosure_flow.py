"""Which cells of a table with margins follow from them, in whole numbers: the table as a flow, exact and in a fraction of a second.

Where every cell is added up by at most two statements, one of either kind (its group's and its answer's), counts that fit are a
flow from the ones to the others, and a cell can take another value where it lies on a circle along which counts can be moved
(Gusfield 1988, *A graph theoretic approach to statistical data security*): where both its ends are in one strongly connected part
of what can be moved, and it is not the only way between two halves of that part. No rounding and no chance is in that, but
for a number of 64 bits that says of one cell in 10¹⁹ that it follows though it does not.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

Array = np.ndarray[Any, Any]

_MOST = 2**30
"""Totals up to here: flows are counted in 32 bits."""


class NoCountsError(Exception):
    """No counts fit all statements."""


@dataclass(frozen=True)
class _Table:
    """Statements as nodes, cells as edges from one of the first kind to one of the second; the last node is what is in no statement."""

    start: Array
    end: Array
    totals: Array
    is_first: Array


def can_move(relations: Any, right: Array) -> Array | None:
    """For each column of ``relations`` (statements × cells, zeros and ones) whether its count could be another one, all counts being zero or
    more and every statement adding up to its ``right``; None where the statements are no table of two margins (nested ones are taken
    apart before) or its totals no whole numbers. Raises :class:`NoCountsError` where no counts fit."""
    totals = np.rint(right).astype(np.int64)
    if np.abs(totals - right).max(initial=0.0) > 1e-6 or totals.sum() > _MOST:
        return None
    if (relations.data != 1).any():
        return None
    apart = _taken_apart(csr_array(relations, dtype=np.int64), totals)
    if (apart[1] < 0).any():
        raise NoCountsError("what is left of a statement fits no counts")
    table = _table(*apart)
    if table is None:
        return None
    nodes = len(table.totals)
    # Cells between the same two statements can trade; the last node with itself is a cell that nothing says anything of.
    pairs, kind, times = np.unique(table.start * nodes + table.end, return_inverse=True, return_counts=True)
    start, end = np.divmod(pairs, nodes)
    flow = _flow(table, start, end)
    if flow is None:
        return None
    ways = csr_array(
        (np.ones(len(start) + (flow > 0).sum(), np.int8), (np.r_[start, end[flow > 0]], np.r_[end, start[flow > 0]])),
        shape=(nodes, nodes),
    )
    _, part = connected_components(ways, connection="strong")
    among = part[start] == part[end]
    moves = among & ~_bridges(start, end, among & (start != end), times, part)
    return np.asarray(moves[kind])


def _taken_apart(relations: Any, totals: Array) -> tuple[Any, Array]:
    """The same said by statements of which none holds another: each less those that it holds, the innermost ones first, until it holds none."""
    while True:
        sizes = np.asarray(relations.sum(axis=1)).ravel()
        if (totals[sizes == 0] != 0).any():
            raise NoCountsError("what is left of a statement fits no counts")
        relations, totals = relations[sizes > 0], totals[sizes > 0]
        order = np.argsort(-sizes[sizes > 0], kind="stable")
        relations, totals = relations[order], totals[order]
        sizes = np.asarray(relations.sum(axis=1)).ravel()
        common = (relations @ relations.T).tocoo()
        small, large = common.row, common.col
        # Of equal ones the first stays.
        held = (common.data == sizes[small]) & (small != large) & ((sizes[small] < sizes[large]) | (small < large))
        if not held.any():
            return relations, totals
        holds = np.zeros(len(sizes), bool)
        holds[large[held]] = True
        inner = held & ~holds[small]
        within = coo_array((np.ones(inner.sum(), np.int64), (small[inner], large[inner])), shape=common.shape).tocsr()
        apart = (common.row > common.col) & ~holds[common.row] & ~holds[common.col]
        before = coo_array(
            (np.ones(apart.sum(), np.int64), (common.row[apart], common.col[apart])), shape=common.shape
        ).tocsr()
        # Of those that have a cell in common the larger is taken away.
        crossed = (before @ within).multiply(within)
        taken = within - crossed.sign() if crossed.nnz else within
        taken.eliminate_zeros()
        relations = csr_array(relations - taken.T @ relations)
        relations.eliminate_zeros()
        totals = totals - taken.T @ totals


def _table(relations: Any, totals: Array) -> _Table | None:
    """The statements as two kinds of which no two of one kind have a cell in common; None where there are no such kinds."""
    rows, cells = relations.shape
    columns = relations.tocsc()
    often = np.diff(columns.indptr)
    if (often > 2).any():
        return None
    columns.sort_indices()
    first, last = np.full(cells, rows), np.full(cells, rows)
    first[often > 0] = columns.indices[columns.indptr[:-1][often > 0]]
    last[often > 1] = columns.indices[columns.indptr[1:][often > 1] - 1]
    one, other = first[often > 1], last[often > 1]
    # Everything twice, each time with the neighbours of the other kind: who meets himself has no kind.
    twice = csr_array(
        (np.ones(2 * len(one), np.int8), (np.r_[one, one + rows], np.r_[other + rows, other])),
        shape=(2 * rows, 2 * rows),
    )
    _, part = connected_components(twice, directed=False)
    if (part[:rows] == part[rows:]).any():
        return None
    is_first = np.append(part[:rows] < part[rows:], True)
    turned = ~is_first[first]
    start, end = np.where(turned, last, first), np.where(turned, first, last)
    return _Table(start, end, np.append(totals, 0), is_first)


def _flow(table: _Table, start: Array, end: Array) -> Array | None:
    """Counts that fit, by kind of cell; None where those found do not, added up once more."""
    nodes = len(table.totals)
    rest, source, sink = nodes - 1, nodes, nodes + 1
    real = np.arange(rest)
    giving, taking = real[table.is_first[:rest]], real[~table.is_first[:rest]]
    given, taken = table.totals[giving].sum(), table.totals[taking].sum()
    most = max(given, taken)
    edges = start != end
    tails = np.r_[start[edges], np.full(len(giving), source), taking, source, rest]
    heads = np.r_[end[edges], giving, np.full(len(taking), sink), rest, sink]
    room = np.r_[
        np.full(edges.sum(), most),
        table.totals[giving],
        table.totals[taking],
        max(taken - given, 0),
        max(given - taken, 0),
    ]
    graph = coo_array((room.astype(np.int32), (tails, heads)), shape=(nodes + 2, nodes + 2)).tocsr()
    found = maximum_flow(graph, source, sink)
    if found.flow_value != most:
        raise NoCountsError("no counts fit all statements")
    moved = csr_array(found.flow)
    flow = np.zeros(len(start), np.int64)
    flow[edges] = np.asarray(moved[start[edges], end[edges]]).ravel()
    of_first, of_second = (np.bincount(side, flow, minlength=nodes)[:rest] for side in (start, end))
    fits = (flow >= 0).all() and (np.where(table.is_first[:rest], of_first, of_second) == table.totals[:rest]).all()
    return flow if fits else None


def _bridges(start: Array, end: Array, used: Array, times: Array, part: Array) -> Array:
    """Edges (of those ``used``) without which a part would fall into two.

    An edge of a tree over the part is one unless another edge goes round it. Each of the others adds a number of its own at one end and takes
    it away at the other, so that below an edge of the tree a sum is left only of those that go round it.
    """
    nodes = len(part)
    roots = np.unique(part, return_index=True)[1]
    tails, heads = np.r_[start[used], np.full(len(roots), nodes)], np.r_[end[used], roots]
    graph = csr_array((np.ones(len(tails), np.int8), (tails, heads)), shape=(nodes + 1, nodes + 1))
    order, above = breadth_first_order(graph, nodes, directed=False)
    is_tree = used & ((above[start] == end) | (above[end] == start))
    around = used & (~is_tree | (times > 1))
    place = np.empty(nodes + 1, np.int64)
    place[order] = np.arange(nodes + 1)
    number = np.random.default_rng(20260101).integers(2**64 - 1, size=int(around.sum()), dtype=np.uint64) + np.uint64(1)
    below = np.zeros(nodes + 1, np.uint64)
    np.add.at(below, place[start[around]], number)
    np.subtract.at(below, place[end[around]], number)
    parent = place[above[order[1:]]]
    floors = [0, 1]
    while floors[-1] <= nodes:
        floors.append(1 + int(np.searchsorted(parent, floors[-1])))
    for first, last in reversed(list(itertools.pairwise(floors[1:]))):
        np.add.at(below, parent[first - 1 : last - 1], below[first:last])
    child = np.where(above[start] == end, start, end)
    return np.asarray(is_tree & (below[place[child]] == 0))
