"""What is registered, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics import metrics
from idp_analytics.charts.wording import size
from idp_analytics.metrics.observed import day_of
from idp_analytics.organisation import Organisation
from idp_analytics.sources.ledger_entries import REVIEWED


def listed(known: pl.DataFrame, organisation: Organisation) -> pl.DataFrame:
    """One row per change (rows of ``interventions``): metric, what is hoped for, units, how many took it up and when, and when to look."""
    settings = organisation.settings
    today = day_of(organisation.as_of - timedelta(microseconds=1), settings.time_zone)
    units = {metric.name: metric.unit for metric in metrics.CATALOGUE}
    found = (
        known.sort("registered_at", "unit_id")
        .group_by("intervention_id", maintain_order=True)
        .agg(
            pl.col("component", "metric", "direction", "smallest_effect", "review_on", "registered_at").first(),
            pl.len().alias("units"), pl.col("adopted_on").count().alias("took it up"),
            pl.col("adopted_on").min().alias("first"), pl.col("adopted_on").max().alias("last"),
        )
    )  # fmt: skip
    hoped = [
        f"{row['direction']} {size(row['smallest_effect'], units.get(row['metric'], ''))}"
        for row in found.iter_rows(named=True)
    ]
    state = (
        pl.when(pl.col("took it up") == 0).then(pl.lit("planned"))
        .when(pl.col("review_on") <= today).then(pl.lit("to be looked at")).otherwise(pl.lit("running"))
    )  # fmt: skip
    return found.select(
        "intervention_id", pl.col("component").fill_null(""), "metric", pl.Series("hoped for", hoped, dtype=pl.String), "units", "took it up",
        *(pl.col(end).cast(pl.String).fill_null("") for end in ("first", "last")), "review_on",
        pl.col("registered_at").dt.convert_time_zone(settings.time_zone).dt.date().alias("registered"), state.alias("state"),
    )  # fmt: skip


def decided(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was decided on changes that were looked at, and what was learnt, oldest first."""
    for entry in entries:
        if entry.get("entry") == REVIEWED:
            yield f"{entry.get('intervention_id')}, {entry.get('on')}: {entry.get('decision')}. {entry.get('learnt')}"
