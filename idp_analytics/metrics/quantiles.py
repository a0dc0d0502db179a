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
    x, hit = durations["x"], durations["hit"]
    for block, cell in cells.of(durations):
        if metric.estimator is Estimator.MEDIAN:
            told = medians.of_groups(cell, x, block.size, share, level)
        else:
            told = survival.of_groups(cell, x, hit, block.size, share, level)
        for column in told.with_columns(pl.Series("seen", sums(cell, block.size))).iter_columns():
            found[column.name][block.lines, block.columns] = block.table(column.to_numpy())
    whole = pl.DataFrame({name: values.ravel() for name, values in found.items()})
    return whole.rename({"n": "count"}).with_columns(pl.col("value", "low", "high").fill_nan(None))
