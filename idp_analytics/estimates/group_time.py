"""Group-time effects (Callaway & Sant'Anna 2021): what changed for units that took something up at different times.

Units × periods of ``values``, nan where nothing is known; ``adopted[i]`` is the period in which unit i took it up, the number of periods
or more: not within them. The effect of a cohort (who took it up in period g) in period t is how much more it moved from its base than units moved
that had not taken it up by then; these are put together over cohorts and periods, never the other way round, so that no early taker
is a comparison for a later one (Goodman-Bacon 2021). Without covariates; what is missing is left out, never filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from scipy.stats import t as student

Array = npt.NDArray[np.float64]
Periods = npt.NDArray[np.int64]
Base = Literal["varying", "universal", "before"]
Comparison = Literal["never", "not yet"]

FEWEST_COMPARED = 2
"""With one unit to compare with, nothing tells how much units differ by themselves."""


class Effect(NamedTuple):
    """One effect: standard ``error``, interval, two-sided ``p``, degrees of freedom (inf: normal), ``units`` it is of; nan: not identified."""

    effect: float
    error: float
    low: float
    high: float
    p: float
    df: float
    units: int


NOTHING = Effect(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True)
class GroupTime:
    """The effects of one panel.

    ``weights``: observations behind each cell (default 1); a unit counts in a cell as the precision of its difference from its base says, which
    with equal weights is one unit, one vote. ``base``: *varying*, the period before (of effects: the last before taking up; R ``did``'s default);
    *universal*, always the last before taking up; *before*, all periods before by their weights, each compared with the same
    periods of the others: several bases chance less. ``comparison``: units that never took it up, or all that had not yet.
    ``anticipation``: periods before taking up in which it may have been at work already.
    ``is_few``: errors for few units: spread around the mean of all cohorts together and every unit left out once (CR3; Student's t by Welch and
    Satterthwaite), since the spread within a cohort of one is none; else influence functions as published, with the normal.
    """

    values: Array
    adopted: Periods
    weights: Array
    base: Base = "varying"
    comparison: Comparison = "never"
    anticipation: int = 0
    is_few: bool = False

    @cached_property
    def cohorts(self) -> Periods:
        """The periods in which units took it up, those of the first period left out: they have no base."""
        found: Periods = np.unique(self.adopted[(self.adopted > 0) & (self.adopted < self.values.shape[1])])
        return found

    @cached_property
    def place(self) -> Periods:
        """Which of :attr:`cohorts` each unit is in; −1: none."""
        at = np.searchsorted(self.cohorts, self.adopted).clip(0, max(len(self.cohorts) - 1, 0))
        return (
            np.where(self.cohorts[at] == self.adopted, at, -1) if len(self.cohorts) else np.full(len(self.adopted), -1)
        )

    @cached_property
    def _members(self) -> Array:
        """Units × cohorts: 1 where the unit is of the cohort."""
        return np.asarray(self.place[:, None] == np.arange(len(self.cohorts)), float)

    @cached_property
    def _compared(self) -> tuple[Array, Array]:
        """The weights of :attr:`_pairs` and the same times the moves, a row per unit; for few units as they are when the unit is left out."""
        pair, shift = self._pairs
        if self.is_few:
            rest = pair.sum(axis=0) - pair
            pair = pair * np.divide(pair.sum(axis=0), rest, out=np.ones_like(pair), where=rest > 1e-9)
        return pair.reshape(len(pair), -1), (pair * shift).reshape(len(pair), -1)

    @cached_property
    def _pairs(self) -> tuple[Array, Array]:
        """Per unit, period and base: how much the comparison weighs that it gives, and by how much it moved from there."""
        m = np.where(np.isnan(self.values), 0.0, self.weights)
        both = m[:, :, None] + m[:, None, :]
        weight = 2 * m[:, :, None] * m[:, None, :] / np.where(both > 0, both, 1)
        y = np.nan_to_num(self.values)
        span = np.arange(y.shape[1])
        last = np.maximum(span[:, None], span[None, :])
        if self.comparison == "never":
            free = np.broadcast_to((self.adopted >= y.shape[1])[:, None, None], weight.shape)
        else:
            free = self.adopted[:, None, None] - self.anticipation > last
        return weight * free, y[:, :, None] - y[:, None, :]

    @cached_property
    def _others(self) -> tuple[Array, Array]:
        """Per cohort, period and base: the weight of the units it is compared with (itself left out), and how much these moved."""
        weight, moved = self._pairs
        own = self._members
        total, sums = weight.sum(axis=0), (weight * moved).sum(axis=0)
        mine = [np.einsum("ig,its->gts", own, part) for part in (weight, weight * moved)]
        left = np.where(total - mine[0] > 1e-9, total - mine[0], 0.0)
        number = (weight > 0).sum(axis=0) - np.einsum("ig,its->gts", own, (weight > 0).astype(float))
        left = np.where(number >= (FEWEST_COMPARED if self.is_few else 1), left, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return left, np.where(left > 0, (sums - mine[1]) / left, 0.0)

    @cached_property
    def _bases(self) -> Array:
        """Per unit, period and base: what part of its base each period is; 0 for units that are in no cohort."""
        n, size = self.values.shape
        span = np.arange(size)
        first = (self.adopted - self.anticipation)[:, None, None]
        period, at = span[None, :, None], span[None, None, :]
        if self.base == "before":
            chosen = (at < first) & (at != period)
        elif self.base == "universal":
            chosen = (at == first - 1) & (at != period)
        else:
            chosen = at == np.where(period >= first, first - 1, period - 1)
        weight = np.where(np.isnan(self.values), 0.0, self.weights)
        share = np.where(chosen, weight[:, None, :], 0.0) * (self.place >= 0)[:, None, None]
        if len(self.cohorts):
            share = share * (self._others[0][self.place] > 0)
        share = np.where(np.isnan(self.values)[:, :, None], 0.0, share)
        total = share.sum(axis=2, keepdims=True)
        found: Array = np.divide(share, total, out=np.zeros((n, size, size)), where=total > 0)
        return found

    @cached_property
    def effects(self) -> Array:
        """Per unit and period: how much more it moved from its base than the others; nan where that is not known."""
        if not len(self.cohorts):
            return np.full(self.values.shape, np.nan)
        moved = self._pairs[1] - self._others[1][self.place]
        found = np.einsum("its,its->it", self._bases, moved)
        return np.where(self._bases.sum(axis=2) > 0, found, np.nan)

    @cached_property
    def precision(self) -> Array:
        """How much each of :attr:`effects` counts: 1 ÷ (1 ÷ observations + 1 ÷ observations of its base); 0 where none is known."""
        m = np.where(np.isnan(self.values), 0.0, self.weights)
        behind = np.where(self._bases > 0, m[:, None, :], 0.0).sum(axis=2)
        both = m + behind
        found = np.divide(m * behind, both, out=np.zeros_like(m), where=both > 0)
        known: Array = np.where(np.isnan(self.effects), 0.0, found)
        return known

    def table(self) -> Array:
        """The effect per cohort and period (:attr:`cohorts` × periods); nan where it is not identified."""
        if not len(self.cohorts):
            return np.zeros((0, self.values.shape[1]))
        own = self._members
        total = own.T @ self.precision
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, own.T @ (self.precision * np.nan_to_num(self.effects)) / total, np.nan)

    def simple(self, first: int = 0, level: float = 0.95) -> Effect:
        """All cohorts and periods from ``first`` periods after taking up on, units × periods alike."""
        return self._told(self._after(first), level)

    def dynamic(self, level: float = 0.95) -> tuple[Periods, list[Effect]]:
        """The event study: periods from taking up that are identified, and the effect of each."""
        since = np.arange(self.values.shape[1])[None, :] - self.adopted[:, None]
        there = self.precision > 0
        events: Periods = np.unique(since[there])
        return events, [self._told(self.precision * (since == event), level) for event in events]

    def dynamic_overall(self, level: float = 0.95) -> Effect:
        """The mean of the event study from taking up on, every period alike (Callaway & Sant'Anna 2021, θ with subscript es)."""
        since = np.arange(self.values.shape[1])[None, :] - self.adopted[:, None]
        events = np.unique(since[(self.precision > 0) & (since >= 0)])
        return self._mean([self.precision * (since == event) for event in events], level)

    def by_cohort(self, level: float = 0.95) -> list[Effect]:
        """The effect of each of :attr:`cohorts` from taking up on."""
        after = self._after(0)
        return [self._told(after * (self.place == at)[:, None], level) for at in range(len(self.cohorts))]

    def cohort_overall(self, level: float = 0.95) -> Effect:
        """The mean over cohorts, each by its number of units."""
        after = self._after(0)
        parts = [after * (self.place == at)[:, None] for at in range(len(self.cohorts))]
        return self._mean(parts, level, [int((self.place == at).sum()) for at in range(len(self.cohorts))])

    def calendar(self, level: float = 0.95) -> list[Effect]:
        """The effect in each period, of the cohorts that had taken it up by then."""
        after, span = self._after(0), np.arange(self.values.shape[1])
        return [self._told(after * (span == at), level) for at in span]

    def pretest(self) -> tuple[float, int, float]:
        """Wald's statistic, degrees of freedom and p of all effects before taking up being none; that they may be none shows nothing by itself."""
        span = np.arange(self.values.shape[1])
        parts = [
            self.precision * (self.place == g)[:, None] * (span == at)
            for g, when in enumerate(self.cohorts) for at in span[: max(0, when - self.anticipation)]
        ]  # fmt: skip
        parts = [part for part in parts if part.sum() > 0]
        if not parts:
            return np.nan, 0, np.nan
        found = [self._parts(part) for part in parts]
        value, influence = np.array([one[0] for one in found]), np.array([one[1].sum(axis=0) for one in found])
        spread = influence @ influence.T
        rank = int(np.linalg.matrix_rank(spread, hermitian=True))
        wald = float(value @ np.linalg.pinv(spread, hermitian=True) @ value)
        return wald, rank, float(chi2.sf(wald, rank))

    def _after(self, first: int) -> Array:
        since = np.arange(self.values.shape[1])[None, :] - self.adopted[:, None]
        return self.precision * (since >= first)

    def _told(self, cells: Array, level: float) -> Effect:
        return self._mean([cells], level) if cells.sum() > 0 else NOTHING

    def _mean(self, parts: Sequence[Array], level: float, shares: Sequence[float] | None = None) -> Effect:
        """The mean of what each of ``parts`` (weights per unit and period) says, by ``shares``."""
        kept = [at for at, part in enumerate(parts) if part.sum() > 0]
        if not kept:
            return NOTHING
        share = np.array([1.0 if shares is None else shares[at] for at in kept])
        share = share / share.sum()
        weights = [parts[at] / parts[at].sum() for at in kept]
        found = [self._parts(part) for part in weights]
        value = float(sum(s * one[0] for s, one in zip(share, found, strict=True)))
        influence = np.sum([s * one[1] for s, one in zip(share, found, strict=True)], axis=0)
        if shares is not None:  # the numbers of units in the cohorts are chance as well
            means = np.array([one[0] for one in found])
            of = [kept.index(at) if at in kept else -1 for at in range(len(parts))]
            in_cohort = self.place >= 0
            lead = np.where(in_cohort, np.append(means - value, 0.0)[np.array([*of, -1])[self.place]], 0.0)
            influence[0] += lead / max(1, int(in_cohort.sum()))
        whole = np.sum([s * part for s, part in zip(share, weights, strict=True)], axis=0)
        units = int((whole.sum(axis=1) > 0).sum())
        variance = (influence**2).sum(axis=1)
        error = float(np.sqrt((influence.sum(axis=0) ** 2).sum()))
        df = self._freedom(variance, whole.sum(axis=1)) if self.is_few else np.inf
        if not (error > 0 and df > 0) or (self.is_few and units < 2):
            return Effect(value, np.nan, np.nan, np.nan, np.nan, np.nan, units)
        reach = float(student.isf((1 - level) / 2, df)) * error
        return Effect(
            value, error, value - reach, value + reach, float(2 * student.sf(abs(value) / error, df)), df, units
        )

    def _freedom(self, variance: Array, of_unit: Array) -> float:
        """Welch's and Satterthwaite's degrees of freedom of the two groups, each counted as many units as its weights are worth (Kish 1965)."""
        free = (
            np.where(self.place >= 0, 0.0, 1.0) if self.comparison == "never" else (self._pairs[0].sum(axis=(1, 2)) > 0)
        )
        mine = of_unit.sum() ** 2 / max(float((of_unit**2).sum()), 1e-300) - 1
        theirs = float(free.sum()) - 1
        if mine <= 0 or theirs <= 0:
            return 0.0
        parts = float(variance[0]) ** 2 / mine + float(variance[1]) ** 2 / theirs
        return float(variance.sum() ** 2 / parts) if parts > 0 else 0.0

    def _parts(self, cells: Array) -> tuple[float, Array]:
        """The effect that ``cells`` weigh, and each unit's part in its error: as one that took it up, and as one compared with."""
        weight = cells / cells.sum()
        effects = np.nan_to_num(self.effects)
        value = float((weight * effects).sum())
        own = weight.sum(axis=1)
        lead = (weight * (effects - value)).sum(axis=1)
        rows = (self._bases * weight[:, :, None]).reshape(len(own), -1)
        left, moved = (part.reshape(len(self.cohorts), -1) for part in self._others)
        coefficient = self._members.T @ rows
        ratio = np.divide(coefficient, left, out=np.zeros_like(coefficient), where=left > 0)
        level = ratio * moved
        pair, shifted = self._compared
        compared = shifted @ ratio.sum(axis=0) - pair @ level.sum(axis=0)
        if len(self.cohorts):
            # A unit is no comparison for its own cohort.
            itself = np.einsum("ik,ik->i", shifted, ratio[self.place]) - np.einsum("ik,ik->i", pair, level[self.place])
            compared = compared - np.where(self.place >= 0, itself, 0.0)
        if self.is_few:
            rest = np.where(own < 1 - 1e-9, 1 - own, np.nan)
            lead = np.where(own > 0, lead / rest, 0.0)
        return value, np.stack([lead, -compared])


def group_time(
    values: npt.ArrayLike, adopted: npt.ArrayLike, weights: npt.ArrayLike | None = None, base: Base = "varying",
    comparison: Comparison = "never", anticipation: int = 0, is_few: bool = False,
) -> GroupTime:  # fmt: skip
    """The :class:`GroupTime` of units × periods ``values``; :class:`ValueError` where shapes do not fit."""
    y, when = np.asarray(values, float), np.asarray(adopted, np.int64)
    m = np.ones_like(y) if weights is None else np.asarray(weights, float)
    if y.ndim != 2 or when.shape != y.shape[:1] or m.shape != y.shape:
        raise ValueError(
            f"values {y.shape}, adopted {when.shape} and weights {m.shape} are not of the same units and periods"
        )
    return GroupTime(np.where(m > 0, y, np.nan), when, m, base, comparison, anticipation, is_few)
