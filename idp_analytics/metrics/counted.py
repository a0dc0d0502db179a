"""What was counted of a metric in each of its cells."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.answers import Estimator, Metric
from idp_analytics.estimates import groups
from idp_analytics.metrics.numbered_cells import Block, Cells, Numbers, sums
from idp_analytics.metrics.value import CLUSTERED

_BY_DAY = (Estimator.DAYS, Estimator.WORKING_DAYS)


def counted(metric: Metric, cube: pl.DataFrame, cells: Cells) -> pl.DataFrame:
    """The rows of ``cells`` with what the ``cube`` of the metric (:class:`gathered.Gathered`) counts there.

    ``n`` usable observations, ``k`` hits, ``missing``, ``hit_days`` (of shares of days: days with a usable observation, else 0), ``noun``, the table they
    are rows of, and ``beside``, what stands beside the population there, in words. Where observations come in clusters also ``squares_n``, ``products``,
    ``squares_k``, the sums of n², n·k and k² over ``clusters``, the days of a service with an observation.
    """
    is_whole = pl.col("detail").is_null()
    whole = cube.filter(is_whole)
    added = {name: whole[name].cast(pl.Int64).to_numpy() for name in ("n", "k", "missing")}
    n, k = added["n"], added["k"]
    if metric.in_clusters:
        added |= dict(zip(CLUSTERED, (k**2, n * k, n**2, (n > 0).astype(np.int64)), strict=True))
    found = {name: np.zeros(cells.shape, np.int64) for name in (*added, "hit_days", "noun")}
    nouns, noun = groups.numbered(whole, ["source_table"])
    days, day = groups.numbered(whole.filter(pl.col("n") > 0), ["day"])
    for block, cell in cells.of(whole):
        place = block.lines, block.columns
        for name, values in added.items():
            if values.any():
                found[name][place] = sums(cell, block.size, values).reshape(block.shape)
        if nouns.height > 1:  # the first in the alphabet of those a cell has
            for number in reversed(range(nouns.height)):
                found["noun"][place][sums(cell[noun == number], block.size).reshape(block.shape) > 0] = number
        if metric.estimator in _BY_DAY:
            found["hit_days"][place] = _different(cell[n > 0], day, days.height, block).reshape(block.shape)
    told = pl.DataFrame({name: values.ravel() for name, values in found.items()})
    return pl.concat([cells.frame(), told], how="horizontal").with_columns(
        nouns["source_table"].cast(pl.String).gather(told["noun"]).alias("noun") if nouns.height else pl.lit(None, pl.String).alias("noun"),
        _beside(cube.filter(~is_whole), cells),
        *(pl.lit(None, pl.String).alias(name) for name in ("currency", "detail")),
    )  # fmt: skip


def _different(cell: Numbers, day: Numbers, days: int, block: Block) -> Numbers:
    """How many different days the rows of each cell are of."""
    lines, columns = block.shape
    line, column = np.divmod(cell[cell >= 0], columns)
    day = day[cell >= 0]
    # A day is in one column, so that what tells a day of an entity tells its cell.
    of_day = np.zeros(days, np.int64)
    of_day[day] = column
    is_there = np.zeros(lines * days, bool)
    is_there[line * days + day] = True
    line, day = np.divmod(np.flatnonzero(is_there), max(days, 1))
    return sums(line * columns + of_day[day], block.size)


def _beside(rows: pl.DataFrame, cells: Cells) -> pl.Series:
    """What is counted in ``rows``, each with a ``detail``, in words, per cell; null: nothing."""
    if rows.is_empty():
        return pl.Series("beside", [None], pl.String).new_from_index(0, cells.shape[0] * cells.shape[1])
    details, detail = groups.numbered(rows, ["detail"])
    missing, parts = rows["missing"].to_numpy(), []
    numbers = np.arange(cells.shape[0] * cells.shape[1]).reshape(cells.shape)
    for block, cell in cells.of(rows):
        single, many = np.where(cell >= 0, cell * details.height + detail, -1), block.size * details.height
        there = np.flatnonzero(sums(single, many))
        whose, which = np.divmod(there, details.height)
        whose = numbers[block.lines, block.columns].ravel()[whose]
        parts.append(pl.DataFrame({"cell": whose, "which": which, "missing": sums(single, many, missing)[there]}))
    told = (
        pl.concat([pl.DataFrame(schema={"cell": pl.Int64, "which": pl.Int64, "missing": pl.Int64}), *parts])
        .sort("cell", "which")
        .select("cell", pl.format("{}: {}", pl.lit(details["detail"].cast(pl.String)).gather(pl.col("which")), "missing").alias("beside"))
        .group_by("cell", maintain_order=True)
        .agg(pl.col("beside").str.join("; "))
    )  # fmt: skip
    return pl.DataFrame({"cell": numbers.ravel()}).join(told, on="cell", how="left", maintain_order="left")["beside"]
