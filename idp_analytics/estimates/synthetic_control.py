"""Synthetic control (Abadie, Diamond & Hainmueller 2010): one unit against the mixture of others that went as it did before.

Only for who asks for it: with few units and periods a mixture that fits is soon found. What stands against chance are placebos, not an interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Array = npt.NDArray[np.float64]

FEWEST_DONORS = 10
FEWEST_BEFORE = 12
_SUM = 1e4
"""How much the weights' adding up to 1 counts beside one period, in spreads of the values."""


class Synthetic(NamedTuple):
    """``effect``: mean gap after; ``gaps``: per period; ``weights``: of the donors, 0–1, adding up to 1; ``before``, ``after``: root mean square gaps;
    ``p``: place of after ÷ before among the same of every donor as if it had been the one, (place) ÷ (donors + 1), so never below 1 ÷ (donors + 1);
    ``placebos``: mean gaps after of the donors, each as if it had been the one. ``in_time``: mean gap in the second half before, the mixture being fitted to the first half: about 0 where it goes as the unit does."""

    effect: float
    gaps: Array
    weights: Array
    before: float
    after: float
    p: float
    placebos: Array
    in_time: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The constant effects that placebos do not contradict (Firpo & Possebom 2018, by mean gaps): nan below 1 ÷ (1 − level) − 1 donors, which leave no bound."""
        allowed = int(np.floor((1 - level) * (len(self.placebos) + 1) + 1e-9))
        if allowed < 1:
            return np.nan, np.nan
        reach = float(np.sort(np.abs(self.placebos))[::-1][allowed - 1])
        return self.effect - reach, self.effect + reach


def synthetic_control(unit: npt.ArrayLike, donors: npt.ArrayLike, began: int) -> Synthetic:
    """The unit (periods) against ``donors`` (donors × periods), which never took it up; ``began``: the first period after.

    All values known: :class:`ValueError` else, or where nothing is before or after, or with fewer than two donors.
    """
    y, others = np.asarray(unit, float), np.asarray(donors, float)
    if not 1 < began < len(y) or len(others) < 2:
        raise ValueError(
            f"{len(others)} donor(s), {began} of {len(y)} periods before; two and some on each side are needed"
        )
    if np.isnan(y).any() or np.isnan(others).any():
        raise ValueError("a value is not known; leave out the period or the donor")
    weights = mixture(y[:began], others[:, :began])
    gaps = y - weights @ others
    ratios, placebos = [_ratio(gaps, began)], []
    for at in range(len(others)):
        # Without the unit itself: what happened to it is no part of what happened to others.
        rest = np.delete(others, at, axis=0)
        apart = others[at] - mixture(others[at, :began], rest[:, :began]) @ rest
        ratios.append(_ratio(apart, began))
        placebos.append(float(apart[began:].mean()))
    half = began // 2
    early = mixture(y[:half], others[:, :half])
    in_time = float((y - early @ others)[half:began].mean())
    place = int(np.sum(np.array(ratios) >= ratios[0] - 1e-12))
    return Synthetic(
        float(gaps[began:].mean()), gaps, weights, _size(gaps[:began]), _size(gaps[began:]), place / len(ratios), np.array(placebos), in_time
    )  # fmt: skip


def mixture(before: Array, donors: Array) -> Array:
    """The weights, none negative and adding up to 1, whose mixture of ``donors`` is nearest to ``before`` (least squares on the simplex, as
    non-negative least squares with the sum as one more row)."""
    spread = float(np.std(np.vstack([before, donors]))) or 1.0
    middle = float(np.mean(donors))
    system = np.vstack([(donors.T - middle) / spread, np.full(len(donors), _SUM)])
    weights, _ = nnls(system, np.append((before - middle) / spread, _SUM))
    found: Array = weights / weights.sum()
    return found


def _size(gaps: Array) -> float:
    return float(np.sqrt(np.mean(gaps**2)))


def _ratio(gaps: Array, began: int) -> float:
    before, after = _size(gaps[:began]), _size(gaps[began:])
    return after / before if before > 1e-12 else (np.inf if after > 1e-12 else 0.0)
