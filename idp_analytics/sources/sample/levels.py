"""Service levels: what the monitoring promises of each service and month, and what was kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, Floats, epoch, instants, numbered, shaped, stream

OBJECTIVE, TARGET = "availability", 0.995
REQUESTS_PER_MINUTE = 40
UNNOTICED = 0.0004
"""Share of requests that fail outside any incident, on average."""
LOST = 0.6
"""Share of requests that fail while an incident is open."""


def table(world: World, latent: pl.DataFrame) -> pl.DataFrame:
    """Table ``service_levels``: one row per service that was in use and complete month.

    ``latent``: the incidents as :class:`idp_analytics.sources.sample.failures.Failures` has them. Overlapping incidents
    count once, as a user would notice them.
    """
    rng = stream(world.seed, "service levels")
    starts = [*map(epoch, world.month_starts()), world.end]
    services = world.services.select("service", "service_id", "created_day", "retired_day").to_dicts()
    down = _down(world, latent)
    rows = []
    for begin, end in pairwise(starts):
        first, last = ((moment - world.opening) // DAY for moment in (begin, end))
        for s in services:
            if s["created_day"] > first or s["retired_day"] < last:
                continue
            rows.append((s["service_id"], begin, end, float(down[s["service"], first:last].sum())))
    frame = pl.DataFrame(rows, schema=["service_id", "begin", "end", "down"], orient="row")
    total = ((frame["end"] - frame["begin"]).to_numpy() // 60) * REQUESTS_PER_MINUTE
    lost = frame["down"].to_numpy() / 60 * REQUESTS_PER_MINUTE * LOST
    bad = np.minimum(total, rng.poisson(lost + total * UNNOTICED))
    return shaped("service_levels", frame.with_columns(
        numbered("slo-", frame.height, digits=5).alias("service_level_id"),
        pl.lit(OBJECTIVE).alias("objective"), pl.lit(TARGET).alias("target_share"),
        instants(frame["begin"].to_numpy()).alias("period_start"), instants(frame["end"].to_numpy()).alias("period_end"),
        pl.Series("good_count", total - bad), pl.Series("total_count", total),
    ))  # fmt: skip


def _down(world: World, latent: pl.DataFrame) -> Floats:
    """(service × day) seconds in which at least one incident was open."""
    seconds = np.zeros((world.services.height, world.days), dtype=np.float64)
    spans = latent.select("service", "opened", pl.col("resolved").clip(upper_bound=world.end).alias("resolved"))
    until = dict.fromkeys(range(world.services.height), world.opening)
    for service, opened, resolved in spans.sort("service", "opened", "resolved").iter_rows():
        begin = max(opened, until[service])
        while begin < resolved:
            day = (begin - world.opening) // DAY
            end = min(resolved, world.opening + (day + 1) * DAY)
            seconds[service, day] += end - begin
            begin = end
        until[service] = max(until[service], resolved)
    return seconds
