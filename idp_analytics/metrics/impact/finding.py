"""What was found of one metric of one intervention: numbers, before anything is said of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idp_analytics.metrics.impact.columns import Method
from idp_analytics.metrics.impact.panel import Panel, Periods

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Week(NamedTuple):
    """One week of one series, in the metric's unit, nan: not known or not drawn; see :data:`columns.WEEKS_COLUMNS`."""

    start: date
    side: str
    value: float
    n: int
    fitted: float
    without: float
    low: float
    high: float


class Counted(NamedTuple):
    """The units × periods a number was made of. ``panel``: what is known of them; ``looked``: which cells were looked at, for their ``missing``; ``cells``:
    which of them count, for their ``n``; ``when``: the period in which each unit took it up (:meth:`.Panel.taken_up`); ``took``, ``compared``: units that
    took it up and count on both sides, and those they are compared with."""

    panel: Panel
    looked: Flags
    cells: Flags
    when: Periods
    took: Flags
    compared: Flags


@dataclass(frozen=True)
class Finding:
    """Numbers in the metric's unit; nan: not told. ``is_signal``: a process behaviour chart sees a change; ``drift_low``, ``drift_high``: of the drift before,
    per period; ``early``: the period before taking up had moved already, for certain; ``resembling``: lag-1 autocorrelation of one series.
    ``expected_level``: of medians what would be expected after without it, from which a factor is told in their unit.
    ``course``: event period, effect, low, high, units. ``weeks``: of one series the week, whether before or after, its value and n, and the lines drawn with it. ``counted``: what it was made of."""

    method: Method
    why: str
    adopted: int = 0
    compared: int = 0
    periods_before: int = 0
    periods_after: int = 0
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    missing: int = 0
    p: float = math.nan
    detectable: float = math.nan
    pretrend_p: float = math.nan
    pretrend_detectable: float = math.nan
    drift_low: float = math.nan
    drift_high: float = math.nan
    placebo_p: float = math.nan
    is_few: bool = False
    robust_to: float = math.nan
    expected: float = math.nan
    early: float = math.nan
    is_signal: bool = False
    expected_level: float = math.nan
    resembling: float = math.nan
    course: tuple[tuple[int, float, float, float, int], ...] = field(default=())
    weeks: tuple[Week, ...] = field(default=())
    counted: Counted | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """An effect without an interval is not told."""
        if math.isnan(self.low) or math.isnan(self.high):
            for name in ("effect", "low", "high", "p", "detectable", "placebo_p", "robust_to", "expected"):
                object.__setattr__(self, name, math.nan)


Amounts = Callable[[float], str]
"""A number in the metric's unit as it stands in a sentence."""


def amounts(unit: str) -> Amounts:
    """How numbers of that unit are told: differences of shares in points, others with their unit."""
    if unit.startswith("share"):
        return lambda value: f"{_plain(100 * value, 2)} points"
    return lambda value: f"{_plain(value, 3)} {unit}"


def _plain(value: float, digits: int) -> str:
    """So many digits that tell, written out: neither ``1.2e+03`` nor a hyphen for a minus."""
    return f"{Decimal(f'{value:.{digits}g}'):,f}".replace("-", "−")


@dataclass(frozen=True)
class Scale:
    """From where an effect is estimated to the metric's unit: itself, or of logarithms the factor times what would be expected without it.

    ``expected``: that level, taken as known: its error is small beside that of the factor.
    """

    is_ratio: bool
    expected: float = 1.0

    def __call__(self, effect: float) -> float:
        """The effect in the metric's unit."""
        if not self.is_ratio or math.isnan(effect):
            return effect
        return self.expected * math.expm1(min(effect, 50.0))

    def detectable(self, size: float, sign: int) -> float:
        """The smallest effect in the metric's unit, never negative, that is found on the side hoped for."""
        return abs(self(sign * size))


def expected_level(values: Array, weights: Array, effect: float, is_ratio: bool) -> Scale:
    """The :class:`Scale` of an ``effect`` seen in ``values`` after, by ``weights``: of logarithms, their mean as it would be without it."""
    if not is_ratio:
        return Scale(False)
    total = float(weights.sum())
    seen = float((weights * np.exp(np.nan_to_num(values))).sum()) / total if total > 0 else math.nan
    return Scale(True, seen / math.exp(effect) if not math.isnan(effect) else seen)
