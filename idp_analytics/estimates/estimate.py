"""One number with how sure it is, as the statistics that are not computed elementwise give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """``value`` with its interval ``low`` to ``high``, from ``n`` answers, ``missing`` of which it could not use; never nan.

    ``error``: the standard error, where there is one. ``method``: how the interval came about. ``reason``: why ``value``, or only
    its interval, is null; empty where nothing is.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    missing: int = 0
    error: float | None = None
    method: str = ""
    reason: str = ""

    @classmethod
    def unknown(cls, n: int, reason: str, missing: int = 0) -> Estimate:
        """Nothing can be said, for this ``reason``."""
        return cls(None, None, None, n, missing, reason=reason)


def known(number: float) -> float | None:
    """``number``, null where it is none."""
    return float(number) if np.isfinite(number) else None
