"""The rows behind the numbers, beside the pages that show them: of each metric those of everybody, of each team those of all metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import polars as pl

from idp_analytics.metrics.behind import METRICS
from idp_analytics.paths import written
from idp_analytics.publish.downloads import is_touched, spreadsheet_safe
from idp_analytics.report.mart import OF_METRICS
from idp_analytics.report.trace import FOLDER, OF_TEAM

_MOMENT = "%Y-%m-%dT%H:%M:%S%.fZ"


def write(folder: Path, rows: Mapping[str, pl.DataFrame], files: Mapping[str, str]) -> Iterator[Path]:
    """Write ``rows`` (:meth:`~idp_analytics.report.mart.Computing.rows`) as CSV: of each metric and study ``rows/<name>.csv``, with the columns that say
    anything there; of each of ``files`` (team → name without ending, below ``folder``) ``<name>.rows.csv``, all metrics of the team. Gives each file once it is
    written; where there are no rows it has a head and nothing else.
    """
    of_metrics = _safe(rows[OF_METRICS])
    (folder / FOLDER).mkdir(exist_ok=True)
    by_metric = of_metrics.partition_by("metric", as_dict=True, maintain_order=True)
    for metric in METRICS:
        own = by_metric.get((metric.name,), of_metrics.clear()).drop("metric")
        said = [column.name for column in own if column.name in _ALWAYS or column.null_count() < column.len()]
        yield _csv(folder / FOLDER / f"{metric.name}.csv", own.select(said))
    for study, found in rows.items():
        if study != OF_METRICS:
            yield _csv(folder / FOLDER / f"{study}.csv", _safe(found))
    runs = of_metrics.get_column("team_id").cast(pl.String).rle().struct.unnest()
    ends = runs.get_column("len").cum_sum()
    places = {team: (end - count, count) for team, count, end in zip(runs["value"], runs["len"], ends, strict=True)}
    for team, name in files.items():
        yield _csv(folder / f"{name}{OF_TEAM}", of_metrics.slice(*places.get(team, (0, 0))))


_ALWAYS = ("team_id", "service_id", "at", "usable", "source_table", "source_key", "path", "source_row")
"""Columns that every file of a metric has."""


def _csv(path: Path, frame: pl.DataFrame) -> Path:
    written(path, partial(frame.write_csv, datetime_format=_MOMENT))
    return path


def _safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with texts as a spreadsheet may have them; of Enums only those are looked at that there are."""
    touched = [
        column.name for column in frame if isinstance(column.dtype, pl.Enum) and is_touched(column.dtype.categories)
    ]
    return spreadsheet_safe(frame.with_columns(pl.col(touched).cast(pl.String)))
