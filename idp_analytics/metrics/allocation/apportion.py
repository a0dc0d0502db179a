"""Dividing whole units so that the parts add up: largest remainder, and rounding that keeps a sum."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

_DIGITS = 76  # as many as an exact sum of Decimal(38, 24) can need


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` units divided by ``weights`` (≥ 0), one part each, adding up to ``total``: largest remainder (Hamilton 1792).

    Each gets the whole units of its exact share; units left over go one each to the largest remainders, of equal ones to
    the first: give the weights in order of key, so that the order of rows does not matter. A weight of 0 gets 0. A negative
    total is the mirror image of the positive one. Raises :class:`ValueError` for a negative weight or weights that are all
    0: there is nothing to go by, and the caller keeps the pool with a reason.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, nor all 0")
    sign, units = (-1, -total) if total < 0 else (1, total)
    divided = [divmod(units * weight, whole) for weight in weights]
    parts = [part for part, _ in divided]
    if left := units - sum(parts):
        rest = [more for _, more in divided]
        # Reversed, what is equal stays in its order: the first of them gets it.
        for i in sorted(range(len(weights)), key=rest.__getitem__, reverse=True)[:left]:
            parts[i] += 1
    return [sign * part for part in parts] if sign < 0 else parts


def round_preserving_sum(amounts: Sequence[Decimal], places: int = 2) -> list[Decimal]:
    """``amounts`` to ``places`` decimals so that they add up to their rounded sum, each within one unit of its exact value.

    Unlike :func:`apportion` it starts from amounts that are exact already: each is cut towards minus infinity and the units
    that are missing from the rounded (half-even) sum go to the largest remainders, of equal ones to the first. All amounts
    mirrored give all results mirrored only if no two remainders are equal.
    """
    unit = Decimal(1).scaleb(-places)
    with localcontext() as context:
        context.prec = _DIGITS
        low = [amount.quantize(unit, ROUND_FLOOR) for amount in amounts]
        rest = [amount - cut for amount, cut in zip(amounts, low, strict=True)]
        whole = sum(amounts, Decimal(0)).quantize(unit, ROUND_HALF_EVEN)
        left = int((whole - sum(low, Decimal(0))) / unit)
        for i in sorted(range(len(low)), key=lambda i: (-rest[i], i))[:left]:
            low[i] += unit
    return low
