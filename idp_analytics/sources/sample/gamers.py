"""Teams that make a number look better than things are: one calls failed deployments cancelled, one closes its actions as a quarter ends."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from idp_analytics.periods import floor, following, preceding
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, Bools, Ints, stream

RENAMER, RENAMED = "storefront", 0.9
"""The team that calls failed deployments cancelled in the last complete quarter, and the share of them that it does."""
LATE_CLOSER, LATE, LAST_DAYS = "data", 0.9, 14
"""The team that closes actions in the last days of a quarter, the share of them that it does, and how many days."""


def renamed_from(world: World) -> date:
    """The first day of the last quarter that is over."""
    return preceding(floor(world.until, "1q"), "1q")


def renamed(world: World, team: Ints, seconds: Ints) -> Bools:
    """Which deployments that fail, of ``team`` (index) at ``seconds``, are called cancelled."""
    rng = stream(world.seed, "renamed")
    since = (renamed_from(world) - world.start).days * DAY + world.opening
    is_renamer = (world.teams["team_id"] == RENAMER).to_numpy()[team]
    found: Bools = is_renamer & (seconds >= since) & (rng.random(len(team)) < RENAMED)
    return found


def closing_days(world: World, team_id: pl.Series, opened: Ints, took: Ints) -> Ints:
    """How many days actions opened on day ``opened`` take to be closed: ``took``, or until the last days of the quarter they were opened in."""
    rng = stream(world.seed, "closed late")
    ends = np.array([(following(floor(day, "1q"), "1q") - world.start).days for day in _days(world)], np.int64)[opened]
    at = ends - LAST_DAYS + rng.integers(0, LAST_DAYS, len(opened))
    late = (team_id == LATE_CLOSER).to_numpy() & (rng.random(len(opened)) < LATE) & (at > opened) & (at < world.days)
    return np.where(late, at - opened, took)


def _days(world: World) -> list[date]:
    return [world.start + timedelta(days=day) for day in range(world.days)]
