"""Sums of fractions that do not depend on the order of rows, nor on how many threads share them."""

from __future__ import annotations

import polars as pl

_UNIT = 2.0**52


def added(values: pl.Expr) -> pl.Expr:
    """Float64 n → their sum, the same to the last bit whatever the order; nulls add nothing, none give 0.

    Values are added as whole multiples of 2⁻⁵², which a float of 1 or more always is; of smaller ones what is
    finer is rounded away first. For sums up to 10²² in size; NaN and infinity raise :class:`polars.exceptions.PolarsError`.
    """
    return summed(whole(values))


def whole(values: pl.Expr) -> pl.Expr:
    """The multiples that :func:`added` adds (Int128 n): what goes into many sums of groups is made so once, before it is grouped."""
    return (values * _UNIT).round(0).cast(pl.Int128)


def summed(multiples: pl.Expr) -> pl.Expr:
    """The sum of what :func:`whole` made, as :func:`added` gives it."""
    return multiples.sum().cast(pl.Float64) / _UNIT


def averaged(values: pl.Expr) -> pl.Expr:
    """The mean of the values that are not null, by :func:`added`; null where there are none."""
    return pl.when(values.count() > 0).then(added(values) / values.count())
