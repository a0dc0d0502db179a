"""What happens first where several things can: cumulative incidence per cause, with what has not happened yet counted in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import CensoredData, logrank, norm

from idp_analytics.estimates.shares import wilson


def incidence(
    frame: pl.DataFrame, by: Sequence[str], x: str, cause: str, causes: Sequence[str], level: float = 0.95
) -> pl.DataFrame:
    """The Aalen–Johansen cumulative incidence of each of ``causes`` per group: the share to which it happened first by a time.

    ``x``: the time until the first thing happened, or until the last look where ``cause`` is null; rows without a time are left out.
    Columns: ``by``, ``cause``, ``time``, ``at_risk`` (just before, to whom nothing had happened), ``events`` (of the cause, then),
    ``share``, ``low``, ``high``. One row per group, cause and distinct time at which anything happened. Shares of all causes and the
    share to which nothing happened (Kaplan–Meier of any) add up to 1; 1 − Kaplan–Meier of one cause alone, with the others taken for
    censored, would be too high. Variance: delta method (statsmodels ``CumIncidenceRight``), interval on the log-log scale
    (Choudhury 2002); before the first event of a cause Wilson's of none of those at risk; null where nobody is left to tell a variance.
    """
    shape: dict[str, pl.DataType | type[pl.DataType]] = {
        **{name: frame.schema[name] for name in by}, "cause": pl.String, "time": pl.Float64, "at_risk": pl.Int64,
        "events": pl.Int64, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    }  # fmt: skip
    known = frame.drop_nulls(x).filter(pl.col(x).is_not_nan())
    number = {name: place for place, name in enumerate(causes, 1)}
    parts = [
        _curves(part[x].to_numpy().astype(float), part[cause].replace_strict(number, default=0).fill_null(0).to_numpy(), causes, level)
        .with_columns(pl.lit(value, shape[name]).alias(name) for name, value in zip(by, key, strict=True))
        for key, part in known.sort(*by, x, nulls_last=True).partition_by(list(by), as_dict=True, maintain_order=True).items()
    ]  # fmt: skip
    return pl.concat([pl.DataFrame(schema=shape), *(part.select(list(shape)) for part in parts)])


def _curves(
    time: npt.NDArray[np.float64], status: npt.NDArray[np.int64], causes: Sequence[str], level: float
) -> pl.DataFrame:
    from statsmodels.duration.survfunc import CumIncidenceRight

    columns = {"cause": pl.String, "time": pl.Float64, "at_risk": pl.Int64, "events": pl.Int64, "share": pl.Float64,
               "low": pl.Float64, "high": pl.Float64}  # fmt: skip
    if not (status > 0).any():
        return pl.DataFrame(schema=columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = CumIncidenceRight(time, status)
    at_risk = np.array([(time >= moment).sum() for moment in found.times])
    happened = np.array([((time == moment) & (status > 0)).any() for moment in found.times])
    z = float(norm.isf((1 - level) / 2))
    none = wilson(np.zeros(len(at_risk)), at_risk, level)[1]
    parts = []
    for place, name in enumerate(causes, 1):
        seen = place <= len(found.cinc)
        share = found.cinc[place - 1] if seen else np.zeros(len(found.times))
        error = found.cinc_se[place - 1] if seen else np.zeros(len(found.times))
        with np.errstate(divide="ignore", invalid="ignore"):
            power = np.exp(z * error / np.abs(share * np.log(share)))
            low, high = share**power, share ** (1 / power)
        untouched = share == 0
        events = np.array([((time == moment) & (status == place)).sum() for moment in found.times])
        parts.append(
            pl.DataFrame(
                {
                    "cause": [name] * len(share), "time": found.times, "at_risk": at_risk, "events": events, "share": share,
                    "low": np.where(untouched, 0.0, low), "high": np.where(untouched, none, high),
                },
                schema=columns,
            ).filter(pl.Series(happened))
        )  # fmt: skip
    return pl.concat(parts).with_columns(pl.col("low", "high").fill_nan(None))


def differ(one: tuple[Sequence[float], Sequence[bool]], other: tuple[Sequence[float], Sequence[bool]]) -> float | None:
    """The p of the log-rank test (Mantel 1966) that two groups leave alike; each ``(times, whether it ended then)``.

    None where a group is empty or nobody left either: there is nothing to compare. Two-sided, scipy ``logrank``.
    """
    if not len(one[0]) or not len(other[0]) or not (any(one[1]) or any(other[1])):
        return None
    p = float(logrank(_censored(*one), _censored(*other)).pvalue)
    return None if np.isnan(p) else p


def _censored(times: Sequence[float], ended: Sequence[bool]) -> CensoredData:
    t, e = np.asarray(times, float), np.asarray(ended, bool)
    return CensoredData(uncensored=t[e], right=t[~e])
