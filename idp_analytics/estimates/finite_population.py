"""What all of so many people would give on average, some of whom were asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from idp_analytics.estimates.estimate import Estimate


def mean(values: npt.ArrayLike, population: int, level: float = 0.95) -> Estimate:
    """The mean over all ``population`` members of which ``values`` is a simple random sample (Cochran 1977, section 2.6).

    Standard error s · √((1 − n ÷ N) ÷ n), interval by t on n − 1 degrees of freedom. For *what holds now, of these members*; never for
    whether it changes. Where all were asked the interval is the mean. nan is missing. Null with fewer values than one, or more than
    there are members.
    """
    given = np.asarray(values, float)
    x = given[~np.isnan(given)]
    n, missing = len(x), int(np.isnan(given).sum())
    if n == 0:
        return Estimate.unknown(0, "no values", missing)
    if n > population:
        return Estimate.unknown(n, f"{n} values of only {population} members", missing)
    middle = float(x.mean())
    if n == population:
        return Estimate(middle, middle, middle, n, missing, 0.0, "all were asked")
    if n == 1:
        return Estimate(middle, None, None, n, missing, reason="one value tells nothing of how they vary")
    error = float(x.std(ddof=1) * np.sqrt((1 - n / population) / n))
    half = float(t.isf((1 - level) / 2, n - 1)) * error
    return Estimate(middle, middle - half, middle + half, n, missing, error, "t with finite population correction")


def total(values: npt.ArrayLike, population: int, level: float = 0.95) -> Estimate:
    """The total over all ``population`` members: N times :func:`mean`, with N times its error."""
    each = mean(values, population, level)

    def of(number: float | None) -> float | None:
        return None if number is None else number * population

    return Estimate(
        of(each.value), of(each.low), of(each.high), each.n, each.missing, of(each.error), each.method, each.reason
    )
