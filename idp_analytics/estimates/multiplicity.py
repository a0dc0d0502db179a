"""Many questions at once: which of many small chances are still small once all of them are counted in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

Array = npt.NDArray[np.float64]


def adjusted(p: npt.ArrayLike) -> Array:
    """Chances adjusted for how many there are, so that of those below 0.05 one in twenty is expected to be false
    (Benjamini & Hochberg 1995, section 3.3).

    ``p``: of any shape, each 0–1. What was not tested (nan) stays nan and does not count as a test. :class:`ValueError` for a
    chance outside 0–1.
    """
    chances = np.asarray(p, float)
    found = np.full(chances.shape, np.nan)
    tested = ~np.isnan(chances)
    if tested.any():
        found[tested] = false_discovery_control(chances[tested], method="bh")
    return found
