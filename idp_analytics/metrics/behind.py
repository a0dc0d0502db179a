"""The rows behind the answers of one period, of every metric and of everybody at once; one number after the other :func:`.observed.trace` gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from idp_analytics.answers import OBSERVATION, Estimator, Metric
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.gathered import Aside, Gathering
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import located
from idp_analytics.settings import Settings

METRICS = tuple(metric for metric in CATALOGUE if not metric.about_people)
"""Those whose rows may be shown: of the others a row is a person."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "metric": pl.String,
    "team_id": pl.String,  # as of the event; null: nobody's
    "service_id": pl.String,
    "at": OBSERVATION["at"],
    "value": pl.Float64,  # of what is measured one by one
    "unit": pl.String,  # of the value
    "counted": pl.Boolean,  # in the numerator of a share, or seen to end
    "usable": pl.Boolean,  # false: missing
    "amount": OBSERVATION["amount"],
    "currency": pl.String,
    "detail": pl.String,  # of money where the charge went; any other row with one stands beside the population
    "source_table": pl.String,
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of the rows of metrics. ``value`` and ``counted`` are what :data:`idp_analytics.answers.OBSERVATION` calls ``x`` and ``hit``."""

SAYS: Mapping[str, str] = {
    "metric": "Of which metric the row is.",
    "team_id, service_id": "Whose it was when it happened; nothing: nobody's, or of no one service.",
    "at": "When, in UTC.",
    "value, unit": "What was measured of this one row, if anything was; of a share of time, how long it lasted.",
    "counted": "Of a share: is it one of those counted? Of a time: had it ended by the as-of time? If not, it counts as lasting longer.",
    "usable": "If false, the row is missing: it belongs to the population and does not say what the number needs.",
    "amount, currency": "Of money: what is charged, exactly.",
    "detail": "Of money: where the charge went. Of all else: why the row is not in the number, but stands beside it.",
    "what": "Of studies: what the row counts as.",
    "source_table, source_key": "Which table it is in, and its id there.",
    "path, source_row": "In which exported file it stands, and where in it.",
}
"""Columns of files of rows → what they say, for readers of reports; those of studies that are not here say it by their names."""

ORDER = (
    "team_id", "metric", "at", "source_table", "source_key", "service_id", "value", "amount", "detail", "path", "source_row",
)  # fmt: skip
"""What the rows are sorted by."""


@dataclass(frozen=True)
class Kept:
    """What one process leaves for itself (:class:`.gathered.Exchange`)."""

    name: str = ""
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def leave(self, name: str, frame: pl.DataFrame) -> None:
        """Keep a frame."""
        self.frames[name] = frame

    def left(self, name: str) -> pl.DataFrame | None:
        """The frame of that name, which is not kept any longer."""
        return self.frames.pop(name, None)


def of_metrics(tables: Tables, settings: Settings, as_of: datetime, aside: Aside) -> pl.DataFrame:
    """The rows behind the answers of ``aside.span`` to all :data:`METRICS`. What was put aside as the answers were computed is not read again.

    One row per observation; columns :data:`COLUMNS`, the names that repeat as Enums. Sorted by team (nobody's first), metric as in the catalogue, time, and
    what else tells two rows apart (:data:`ORDER`).
    """
    gathering = Gathering(tables, settings, as_of, keep=False)
    names = pl.Enum([metric.name for metric in METRICS])
    parts = []
    for metric in METRICS:
        rows = aside.taken(metric)
        rows = gathering.rows(metric, aside.span) if rows is None else rows
        unit = pl.when(pl.col("x").is_not_null()).then(pl.lit(_unit(metric)))
        parts.append(rows.with_columns(pl.lit(metric.name, names).alias("metric"), unit.alias("unit")))
    found = located(pl.concat(parts).lazy(), sorted({name for metric in METRICS for name in metric.tables}), tables)
    shown = found.rename({"x": "value", "hit": "counted"}).select(*COLUMNS).collect()
    few = [name for name, dtype in COLUMNS.items() if dtype == pl.String and name not in ("metric", "source_key")]
    return shown.with_columns(_named(shown[name]) for name in few).sort(ORDER)


_UNITS = {Estimator.TIME: "hours", Estimator.SHARE: "share"}


def _unit(metric: Metric) -> str:
    """Of the values of single observations: a share of time is put together from hours, and what is counted in a share was measured as one itself (how much of
    an objective was kept)."""
    return _UNITS.get(metric.estimator, metric.unit)


def _named(column: pl.Series) -> pl.Series:
    """The column as an Enum, whose order is that of the texts."""
    return column.cast(pl.Enum(column.unique().drop_nulls().cast(pl.String).sort()))
