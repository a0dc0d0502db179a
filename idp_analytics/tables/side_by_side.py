"""Work on many rows side by side, on as many cores as Polars may use. What lets go of Python's lock meanwhile gains by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import polars as pl

PIECE = 2**18
"""So many rows are worth a thread, and what is made of them meanwhile stays in the processor's cache."""

Found = TypeVar("Found")


def side_by_side(work: Sequence[Callable[[], Found]], rows: int = PIECE + 1) -> list[Found]:
    """What each of ``work`` gives, in order; one after another on one core, or where so few ``rows`` are no more than one piece.

    No thread is left behind. Raises what the first of ``work`` raises that does.
    """
    most = min(pl.thread_pool_size(), len(work))
    if most < 2 or rows <= PIECE:
        return [one() for one in work]
    with ThreadPoolExecutor(most) as threads:
        begun = [threads.submit(copy_context().run, one) for one in work]
        try:
            return [one.result() for one in begun]
        finally:
            for one in begun:
                one.cancel()


def pieces(height: int) -> list[slice]:
    """``height`` rows in pieces of :data:`PIECE`, in order; one piece where there are none. What would be less than half a piece is
    part of the last: it is not worth to put all together again."""
    starts = range(0, max(height - PIECE // 2, 1), PIECE)
    return [slice(start, end) for start, end in zip(starts, (*starts[1:], height), strict=True)]
