"""Sums by place: each number is the place of its cell, so that none needs to be looked for. Exact, in whole numbers only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.tables import MONEY

_PARTS, _BITS = 4, 32  # of the 128 bits of an amount

Whole = npt.NDArray[np.int64]


def in_places(
    pieces: Iterable[tuple[pl.Series, pl.Series]], places: int, *, is_credited: bool = True, is_small: bool = False
) -> pl.DataFrame:
    """Of ``pieces`` (numbers below ``places``, and an amount of money to each) one row per number there is, in order.

    ``number`` UInt64, ``amount`` the sum, ``gross`` that of the positive ones, ``charges`` how many. An amount is a whole number
    of 10⁻²⁴; its four parts of 32 bits are added up by themselves, with room for 2³¹ amounts, so that no digit is lost. The
    caller knows that no sum has more digits than money can hold, and may know that none is negative (not ``is_credited``),
    and of these that all are ``is_small``: below 2⁹⁶ of these units, 79,228.
    """
    used = _PARTS - (is_small and not is_credited)
    whole = np.zeros((used, places), np.int64)
    gross = np.zeros((used if is_credited else 0, places), np.int64)
    charges = np.zeros(places, np.int64)
    held = np.empty((used + 1, 0), np.int64)  # one piece's, kept for the next: new memory costs more than the sums
    for numbers, amounts in pieces:
        if held.shape[1] < numbers.len():
            held = np.empty((used + 1, numbers.len()), np.int64)
        at, *parts = held[:, : numbers.len()]
        at[:] = numbers.to_numpy()
        for part, bits in zip(parts, _parts(amounts), strict=False):
            part[:] = bits
        np.add.at(charges, at, 1)
        _add(whole, at, parts)
        if is_credited:
            positive = parts[-1] >= 0
            _add(gross, at[positive], [part[positive] for part in parts])
    there = np.flatnonzero(charges)
    amount = _together(whole[:, there])
    return pl.DataFrame(
        {
            "number": pl.Series(there, dtype=pl.UInt64),
            "amount": amount,
            "gross": _together(gross[:, there]) if is_credited else amount,
            "charges": charges[there],
        }
    )


def _parts(amounts: pl.Series) -> list[npt.NDArray[np.integer]]:
    """The four parts of each amount, the lowest first; only the last tells whether it is negative."""
    laid = amounts.cast(MONEY).rechunk().to_arrow()
    bits = np.frombuffer(laid.buffers()[1], "<u4", _PARTS * len(laid), _PARTS * 4 * laid.offset).reshape(-1, _PARTS)
    return [*bits.T[:-1], bits.T[-1].view("<i4")]


def _add(sums: Whole, at: Whole, parts: Sequence[Whole]) -> None:
    for of_one, part in zip(sums, parts, strict=True):
        np.add.at(of_one, at, part)


def _together(parts: Whole) -> pl.Series:
    """The sums of the parts as money."""
    step = pl.Series([2**_BITS], dtype=pl.Int128)
    units = pl.repeat(0, parts.shape[1], dtype=pl.Int128, eager=True)
    for part in parts[::-1]:
        units = units * step + pl.Series(part).cast(pl.Int128)
    return units.reinterpret(dtype=MONEY)
