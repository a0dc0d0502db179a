"""The statements of one table as sums of cells: which group gave an answer in which piece of the scale, by number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from idp_analytics.answers import ORG

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Cells:
    """``relations`` (statements × cells, zeros and ones) and what each adds up to (``right``); cells are groups × pieces of the scale, of each
    group one more: who said nothing."""

    groups: Sequence[str]
    starts: Array
    relations: Any
    right: Array

    def of(self, group: str) -> Array:
        """The numbers of the group's cells that a statement holds."""
        width = len(self.starts) + 1
        first = self.groups.index(group) * width
        return first + np.flatnonzero(self.relations.sum(axis=0)[first : first + width])

    def lows(self, pinned: Array) -> dict[str, list[float]]:
        """Group → where its ``pinned`` cells start, those who said nothing left out."""
        found: dict[str, list[float]] = {}
        group, piece = np.nonzero(pinned.reshape(len(self.groups), -1)[:, :-1])
        for one, start in zip(group.tolist(), self.starts[piece].tolist(), strict=True):
            found.setdefault(self.groups[one], []).append(start)
        return found


def pieces(statements: pl.DataFrame) -> list[tuple[float, float]]:
    """The finest pieces that the statements cut the scale into: from, up to but without."""
    ends = {*statements["low"].unique(), *(statements["high"].unique() + 1)}
    return list(itertools.pairwise(sorted(ends)))


def cells(
    statements: pl.DataFrame, groups: Sequence[str], wholes: Sequence[Sequence[str]], heads: Mapping[str, int]
) -> Cells:
    """Of one table. ``statements``: ``entity_id``, ``low``, ``high``, ``n``, and for the organisation ``whole``, the number of its groups in
    ``wholes``; ``heads``: group → how many it is, who gave an answer and who said nothing."""
    names = sorted({*groups, *statements["entity_id"]} - {ORG})
    place = {name: number for number, name in enumerate(names)}
    cut = pieces(statements)
    starts, ends = np.array([start for start, _ in cut]), np.array([end for _, end in cut])
    width = len(cut) + 1
    low = np.searchsorted(starts, statements["low"].to_numpy())
    count = np.maximum(np.searchsorted(ends, statements["high"].to_numpy() + 1, side="right") - low, 0)
    whole = statements["whole"].to_list()
    is_whole = statements["whole"].is_not_null().to_numpy()
    of = statements["entity_id"].replace_strict(place, default=0, return_dtype=pl.Int64).to_numpy()
    alone = np.flatnonzero(~is_whole & (count > 0))
    one = np.repeat(alone, count[alone])
    nth = np.arange(len(one)) - np.repeat(np.cumsum(count[alone]) - count[alone], count[alone])
    down, across = [one], [of[one] * width + low[one] + nth]
    members = [np.array([place[name] for name in held], np.int64) * width for held in wholes]
    for row in np.flatnonzero(is_whole):
        held = (members[whole[row]][:, None] + np.arange(low[row], low[row] + count[row])).ravel()
        down.append(np.full(len(held), row))
        across.append(held)
    there = np.array([place[name] for name in heads], np.int64) * width
    down.append(np.repeat(np.arange(len(there)) + statements.height, width))
    across.append((there[:, None] + np.arange(width)).ravel())
    rows, columns = np.concatenate(down), np.concatenate(across)
    total = np.concatenate([statements["n"].to_numpy(), np.array(list(heads.values()), np.int64)]).astype(float)
    # A statement about no piece at all says nothing.
    said, rows = np.unique(rows, return_inverse=True)
    relations = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(said), len(names) * width))
    return Cells(names, starts, relations, total[said])
