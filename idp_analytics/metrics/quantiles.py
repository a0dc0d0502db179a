"""Quantiles of durations for all scopes and periods at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Estimator, Metric
from idp_analytics.estimates import medians, survival
from idp_analytics.metrics.numbered_cells import Cells, sums


def quantiles(metric: Metric, durations: pl.DataFrame, cells: Cells, level: float, share: float = 0.5) -> pl.DataFrame:
    """One row per cell: ``seen`` (how many durations), ``count`` (of them those known), ``value``, ``low``, ``high``, and where some may still be open
    ``events``, ``censored``. ``durations``: as :class:`gathered.Gathered` says; ``share`` of what is looked at has ended by ``value``: of medians one half."""
    counts = ("seen", "n") if metric.estimator is Estimator.MEDIAN else ("seen", "n", "events", "censored")
    found: dict[str, npt.NDArray[np.generic]] = {name: np.zeros(cells.shape, np.int64) for name in counts}
    found |= {name: np.full(cells.shape, np.nan) for name in ("value", "low", "high")}
    # In order the values need no further sorting.
    durations = durations.sort("x", nulls_last=True)
    for block, cell in cells.of(durations):
        x, hit, numbers = durations["x"], durations["hit"], cell
        if (cell < 0).any():
            is_there = pl.Series(cell >= 0)
            x, hit, numbers = x.filter(is_there), hit.filter(is_there), cell[cell >= 0]
        if metric.estimator is Estimator.MEDIAN:
            told = medians.of_groups(numbers, x, block.size, share, level)
        else:
            told = survival.of_groups(numbers, x, hit, block.size, share, level)
        for column in told.with_columns(pl.Series("seen", sums(numbers, block.size))).iter_columns():
            found[column.name][block.lines, block.columns] = column.to_numpy().reshape(block.shape)
    whole = pl.DataFrame({name: values.ravel() for name, values in found.items()})
    return whole.rename({"n": "count"}).with_columns(pl.col("value", "low", "high").fill_nan(None))
