"""What was counted of a metric in each of its cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
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
    # Of several tables the rows of each are counted too.
    of_noun = [noun == number for number in range(nouns.height)] if nouns.height > 1 else []
    for block, sums_of in cells.added(whole, np.column_stack([*added.values(), *of_noun]).astype(np.int64)):
        place = block.lines, block.columns
        for at, name in enumerate(added):
            found[name][place] = sums_of[:, :, at]
        for number in reversed(range(len(of_noun))):  # the first in the alphabet of those a cell has
            found["noun"][place][sums_of[:, :, len(added) + number] > 0] = number
    if metric.estimator in _BY_DAY:
        some = whole.filter(pl.col("n") > 0)
        days, day = groups.numbered(some, ["day"])
        for block, cell in cells.of(some):
            found["hit_days"][block.lines, block.columns] = block.table(_different(cell, day, days.height, block))
    told = pl.DataFrame({name: values.ravel() for name, values in found.items()})
    return pl.concat([cells.frame(), told], how="horizontal").with_columns(
        nouns["source_table"].cast(pl.String).gather(told["noun"]).alias("noun") if nouns.height else pl.lit(None, pl.String).alias("noun"),
        _beside(cube.filter(~is_whole), cells),
        *(pl.lit(None, pl.String).alias(name) for name in ("currency", "detail")),
    )  # fmt: skip


def _different(cell: Numbers, day: Numbers, days: int, block: Block) -> npt.NDArray[np.int64]:
    """How many different days the rows of each cell are of."""
    columns = block.shape[1] + 1
    line, column = np.divmod(cell, columns)
    # A day is in one column, so that what tells a day of an entity tells its cell.
    of_day = np.zeros(days, np.int64)
    of_day[day] = column
    is_there = np.zeros((block.shape[0] + 1, days), bool)
    is_there[line, day] = True
    line, day = np.nonzero(is_there)
    return sums(line * columns + of_day[day], block.size)


def _beside(rows: pl.DataFrame, cells: Cells) -> pl.Series:
    """What is counted in ``rows``, each with a ``detail``, in words, per cell; null: nothing."""
    if rows.is_empty():
        return pl.Series("beside", [None], pl.String).new_from_index(0, cells.shape[0] * cells.shape[1])
    details, detail = groups.numbered(rows, ["detail"])
    missing, parts = rows["missing"].to_numpy(), []
    numbers = np.arange(cells.shape[0] * cells.shape[1]).reshape(cells.shape)
    for block, cell in cells.of(rows):
        single, many = cell.astype(np.int64) * details.height + detail, block.size * details.height
        lines, columns, which = np.nonzero(block.table(sums(single, many).reshape(block.size, -1)))
        added = block.table(sums(single, many, missing).reshape(block.size, -1))[lines, columns, which]
        whose = numbers[block.lines, block.columns][lines, columns]
        parts.append(pl.DataFrame({"cell": whose, "which": which, "missing": added}))
    told = (
        pl.concat([pl.DataFrame(schema={"cell": pl.Int64, "which": pl.Int64, "missing": pl.Int64}), *parts])
        .sort("cell", "which")
        .select("cell", pl.format("{}: {}", pl.lit(details["detail"].cast(pl.String)).gather(pl.col("which")), "missing").alias("beside"))
        .group_by("cell", maintain_order=True)
        .agg(pl.col("beside").str.join("; "))
    )  # fmt: skip
    return pl.DataFrame({"cell": numbers.ravel()}).join(told, on="cell", how="left", maintain_order="left")["beside"]
