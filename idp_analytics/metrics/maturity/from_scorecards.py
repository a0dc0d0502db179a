"""What scorecards say of services, as evidence for a criterion that names a rule of one, or a level: of the services judged, those that pass.

A service of which the scorecard says nothing is neither passed nor failed. Where that is more than half of them, what is known of the rest says too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.metrics import golden_paths, scorecard_results
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.from_paths import counted
from idp_analytics.metrics.maturity.measured import nothing, of_shares
from idp_analytics.metrics.scorecard_results import CARD
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import CardRule

UNIT = "share of services"
TWO_TOOLS = "two tools have a scorecard of that name"
MOSTLY_UNKNOWN = "the scorecard says nothing of most services"


def services_passing(tables: Tables, settings: Settings, as_of: datetime, wanted: Sequence[CardRule]) -> list[pl.DataFrame]:  # fmt: skip
    """What each of ``wanted`` measures at ``as_of`` (:data:`measured.COLUMNS`): the share of the services judged that pass the rule, have its points, or have come
    to the level; for the organisation and every team, by who owns the service then."""
    if not wanted:
        return []
    now = as_of.astimezone(UTC)
    day = (now - timedelta(microseconds=1)).astimezone(ZoneInfo(settings.time_zone)).date()
    moments = pl.DataFrame({"at": [now], "day": [day]}, schema={"at": pl.Datetime("us", "UTC"), "day": pl.Date})
    held = scorecard_results.standing(tables, as_of, moments)
    there = golden_paths.services_there(tables, moments).select("service_id", "team_id")
    said, come, ladder = scorecard_results.verdicts(held), scorecard_results.reached(held), scorecard_results.ladders(held)  # fmt: skip
    found = []
    for one in wanted:
        of = (pl.col("scorecard") == one.scorecard) & (pl.col("tool") == one.tool if one.tool else pl.lit(True))
        rows = _passed(said.filter(of), one) if one.rule is not None else _come(come.filter(of), ladder.filter(of), one)
        if rows["tool"].n_unique() > 1:
            found.append(nothing(one.source, UNIT, TWO_TOOLS))
        elif rows.is_empty():
            found.append(nothing(one.source, UNIT))
        else:
            found.append(_shares(there.join(rows, on="service_id", how="left"), one.source, settings.rules.level))
    return found


def _passed(said: pl.DataFrame, wanted: CardRule) -> pl.DataFrame:
    rows = said.filter(pl.col("rule") == wanted.rule)
    if wanted.points is not None:
        return rows.select(*CARD, "service_id", (pl.col("score") >= wanted.points).alias("hit"))
    state = pl.col("state")
    judged = pl.when(state.is_in(["passed", "partial", "failed"])).then(state == "passed")
    return rows.select(*CARD, "service_id", judged.alias("hit"))


def _come(come: pl.DataFrame, ladder: pl.DataFrame, wanted: CardRule) -> pl.DataFrame:
    """A level is had when that is sure, and not had when something that is known stands in its way."""
    at = ladder.filter(pl.col("level_name") == wanted.reaches).select(*CARD, "level_number")
    number = pl.col("level_number")
    surely, possibly = (
        pl.col(f"{end}_below").is_null() | (number < pl.col(f"{end}_below")) for end in ("surely", "possibly")
    )
    hit = pl.when(surely).then(True).when(~possibly).then(False)
    return come.join(at, on=CARD).select(*CARD, "service_id", hit.alias("hit"))


def _shares(rows: pl.DataFrame, source: str, level: float) -> pl.DataFrame:
    known = counted(rows.with_columns(pl.col("hit").is_not_null().alias("usable")).select("team_id", "hit", "usable"))
    few = pl.when(pl.col("missing") > pl.col("n")).then(pl.lit(MOSTLY_UNKNOWN))
    return of_shares(known.with_columns(few.alias("why")), source, UNIT, level)
