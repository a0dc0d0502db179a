"""Which answers there are: every known entity in every period, and what the data cover of each period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics import periods
from idp_analytics.answers import ORG, Estimator, Metric
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of, time_zone
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES
from idp_analytics.tables.ownership import event_time

WALL = pl.Datetime("us")
"""Wall time where the organisation is."""

MEASURED_TEAMS = ("team", "platform")
"""Kinds of unit that get a row whether they did anything or not; groups and organisations only when facts name them."""


@dataclass(frozen=True)
class Span:
    """What one table holds before the as-of time: its number of rows, its first and last dated fact."""

    rows: int
    first: datetime | None
    last: datetime | None


def spans(tables: Tables, names: Iterable[str], as_of: datetime) -> dict[str, Span]:
    """The :class:`Span` of each named table, read in one pass."""
    names = sorted(set(names))
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    plans = []
    for name in names:
        at = event_time(TABLES[name]) if TABLES[name].time else pl.lit(None, pl.Datetime("us", "UTC"))
        known = tables[name].select(at.alias("at")).filter(pl.col("at").is_null() | (pl.col("at") < now))
        plans.append(
            known.select(pl.len().alias("rows"), pl.col("at").min().alias("first"), pl.col("at").max().alias("last"))
        )
    return {name: Span(**frame.row(0, named=True)) for name, frame in zip(names, pl.collect_all(plans), strict=True)}


def entities(tables: Tables, scopes: Sequence[str]) -> pl.DataFrame:
    """``scope``, ``entity_id`` of everything that always has a row: the organisation, its teams, its services."""
    kind = pl.col("kind")
    known = {
        "org": pl.LazyFrame({"entity_id": [ORG]}),
        "team": tables["teams"].filter(kind.is_null() | kind.is_in(MEASURED_TEAMS)).select(entity_id="team_id"),
        "service": tables["services"].select(entity_id="service_id"),
    }
    return pl.concat(pl.collect_all(known[scope].select(pl.lit(scope).alias("scope"), "entity_id") for scope in scopes))


def calendar(
    metric: Metric,
    settings: Settings,
    as_of: datetime,
    spans: Mapping[str, Span],
    earliest: date | None,
    every: Sequence[str],
) -> pl.DataFrame:
    """The periods of one metric, oldest first, up to the one the as-of time falls in.

    They start with the first fact of the table that dates the metric (``metric.tables[0]``) or with ``earliest``, its
    first observation; where it has neither, with the first fact of those that date any metric, else of any table, else
    with the as-of time.
    ``spans`` must tell of all tables of the catalogue, so that the periods do not depend on which metrics are asked
    for. Columns of :func:`periods.spine` and

    * ``days``: covered days, with the part of the as-of day that is over; ``whole_days``: covered days that are over, for
      a share of working days only those; ``covered_from``, ``covered_to``: the part of the period covered, as wall time;
    * ``is_partial``: the as-of time, or the first fact of a table the metric needs, lies inside the period;
    * ``is_measured``: false where a table the metric needs is empty or has not begun yet, and everywhere when there is
      no observation at all (``earliest`` is null);
    * ``note``: what a reader must know of the coverage, null for nothing.
    """
    zone = time_zone(metric, settings)
    today, last_day = day_of(as_of, zone), day_of(as_of - timedelta(microseconds=1), zone)
    dating = metric.tables[0]
    day = {name: day_of(span.first, zone) for name, span in spans.items() if span.first}
    start = min(
        [d for d in (day.get(dating), earliest) if d]
        or [day[m.tables[0]] for m in CATALOGUE if m.tables[0] in day]
        or list(day.values())
        or [last_day]
    )
    week_start = settings.calendar.first_weekday
    frame = pl.concat([periods.spine(start, last_day, length, week_start) for length in every])
    first, end = pl.col("period_start"), pl.col("period_end")

    begins = {name: day[name] for name in metric.tables if name in day}
    begun, latest = max(((d, name) for name, d in begins.items()), default=(start, dating))
    empty = [name for name in metric.tables if not spans[name].rows]
    if empty:
        measured, absence = pl.lit(False), f"no rows of {' and '.join(empty)}"
    elif earliest is None:
        measured, absence = pl.lit(False), f"nothing that counts in {' and '.join(metric.tables)}"
    else:
        measured, absence = end > begun, f"{latest} known only from {begun.isoformat()}"
    # An export that ended and a quiet company look alike; say so rather than choose.
    last = spans[dating].last
    silent_since = day_of(last, zone) if last else last_day
    silence = pl.when(first > silent_since).then(pl.lit(f"no {dating} known after {silent_since.isoformat()}"))

    local = as_of.astimezone(ZoneInfo(zone))
    over = (local.hour * 3600 + local.minute * 60 + local.second) / 86400
    from_day, to_day = pl.max_horizontal(first, pl.lit(start)), pl.min_horizontal(end, pl.lit(today))
    whole = (to_day - from_day).dt.total_days()
    if metric.estimator is Estimator.WORKING_DAYS:
        both = frame.select(from_day.alias("from"), to_day.alias("to"))
        whole = pl.lit(
            pl.Series(settings.calendar.working_days_between(both["from"].to_numpy(), both["to"].to_numpy()))
        )
    whole = pl.when(measured).then(whole.clip(lower_bound=0)).otherwise(0)
    rest = pl.when(measured & (first <= today) & (end > today)).then(over).otherwise(0.0)
    return frame.with_columns(
        whole.alias("whole_days"),
        (whole + rest).alias("days"),
        from_day.cast(WALL).alias("covered_from"),
        pl.min_horizontal(end.cast(WALL), pl.lit(local.replace(tzinfo=None)).cast(WALL)).alias("covered_to"),
        pl.any_horizontal(end > today, *((first < d) & (end > d) for d in begins.values())).alias("is_partial"),
        measured.alias("is_measured"),
        pl.when(measured).then(silence).otherwise(pl.lit(absence)).alias("note"),
    )
