"""Service departments: what follows where pools use one another. Direct, step-down and reciprocal allocation, exactly.

Textbook methods of cost accounting (Horngren, Datar & Rajan, Cost Accounting, 15th ed. 2015, ch. 15). Only fractions between
pools are needed here; to which teams a pool goes is settled elsewhere and may differ by month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

CLOSED = ""
"""Stands for "no pool": what goes round between pools for ever and reaches nobody."""


def settled(
    used: Mapping[str, Mapping[str, Fraction]], method: str, order: Sequence[str] = ()
) -> dict[str, dict[str, Fraction]]:
    """Pool → pool → by how much the other's own split is to be multiplied to place the first one's cost.

    ``used``: pool → other pool → fraction of it that the other uses; what is left of 1 is a pool's own split, to teams and
    reasons. With s the part of a pool's own split, the multipliers m of a pool satisfy Σ m·s = 1, but for what stands under
    :data:`CLOSED`. What a pool uses of itself falls away. ``method``: ``direct`` (what pools use of one another is
    ignored), ``step-down`` (in ``order``; a pool that is settled receives nothing more), ``reciprocal`` (all at once: a pool
    passes on what it receives, solved as linear equations in exact fractions).

    The pools' gross costs (own and received) never appear: they add up to more than the bill and are nobody's spend.
    """
    clean = {name: {other: part for other, part in row.items() if other != name and part} for name, row in used.items()}
    own = {name: 1 - sum(row.values(), Fraction(0)) for name, row in used.items()}
    if method == "direct":
        return {name: {name: 1 / own[name]} if own[name] else {CLOSED: Fraction(1)} for name in used}
    if method == "step-down":
        return _stepped(clean, own, list(order) or list(used))
    return _solved(clean, own)


def _stepped(
    used: Mapping[str, Mapping[str, Fraction]], own: Mapping[str, Fraction], order: Sequence[str]
) -> dict[str, dict[str, Fraction]]:
    found: dict[str, dict[str, Fraction]] = {}
    for name in reversed(order):  # those settled later are already known
        later = {other: part for other, part in used[name].items() if other in found}
        whole = own[name] + sum(later.values(), Fraction(0))
        if not whole:
            found[name] = {CLOSED: Fraction(1)}
            continue
        row = {name: 1 / whole} if own[name] else {}
        for other, part in later.items():
            for reached, times in found[other].items():
                row[reached] = row.get(reached, Fraction(0)) + part / whole * times
        found[name] = row
    return {name: found[name] for name in used}


def _solved(used: Mapping[str, Mapping[str, Fraction]], own: Mapping[str, Fraction]) -> dict[str, dict[str, Fraction]]:
    """(I − Q)⁻¹ by elimination; pools from which nothing can get out are closed, so that the rest has one solution."""
    ends = {name for name in used if own[name]}
    while more := {n for n in used if n not in ends and any(other in ends for other in used[n])}:
        ends |= more
    names = [name for name in used if name in ends]
    scale = {
        name: own[name] + sum(used[name].values(), Fraction(0)) for name in names
    }  # without what it uses of itself
    shut = {
        name: sum((part for other, part in used[name].items() if other not in ends), Fraction(0)) / scale[name]
        for name in names
    }
    rows = [
        [Fraction(i == j) - (used[a].get(b, Fraction(0)) / scale[a]) for j, b in enumerate(names)]
        + [Fraction(i == j) for j in range(len(names))]
        for i, a in enumerate(names)
    ]
    for i in range(len(names)):
        pivot = next(r for r in range(i, len(names)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r in range(len(names)):
            if r != i and (factor := rows[r][i]):
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    found: dict[str, dict[str, Fraction]] = {name: {CLOSED: Fraction(1)} for name in used if name not in ends}
    for i, name in enumerate(names):
        passed = dict(zip(names, rows[i][len(names) :], strict=True))
        lost = sum((times * shut[other] for other, times in passed.items()), Fraction(0))
        found[name] = {other: times / scale[other] for other, times in passed.items() if times and own[other]}
        if lost:
            found[name][CLOSED] = lost
    return {name: found[name] for name in used}
