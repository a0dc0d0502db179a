"""Study ``platform_size``: how many engineers there are, how many of them build the platform, and what a rule of thumb says of that."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings

FROM, TO = 30, 50
"""The rule of thumb: below the one a team of its own seldom pays, above the other hardly anybody does without. Nobody has measured it."""

BELOW, BETWEEN, ABOVE, OPEN = "below", "between", "above", "not told"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "engineers": pl.Int64,  # people who are there at the as-of time and are said to be developers, bots left out
    "engineers_high": pl.Int64,  # and those of whom nobody says whether they are
    "platform": pl.Int64,  # of engineers_high, in the platform's team; null: no team is named
    "low": pl.Int64,  # FROM
    "high": pl.Int64,  # TO
    "place": pl.String,  # BELOW | BETWEEN | ABOVE | OPEN: the unknown may move it from one to the other
}
"""The columns of the study, in order; no row where no person is known."""


def platform_size(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Engineers at the as-of time and where the rule of thumb puts them (:data:`COLUMNS`); a headcount, so no interval but the unknown."""
    day = pl.lit(day_of(as_of - timedelta(microseconds=1), settings.time_zone))
    here = tables["people"].filter(
        ~pl.col("is_bot").fill_null(False), (pl.col("started_on") <= day).fill_null(True), (pl.col("ended_on") >= day).fill_null(True),
        pl.col("is_developer").fill_null(True),
    ).select("person_id", "is_developer").collect()  # fmt: skip
    if here.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    since, until = pl.col("valid_from").fill_null(pl.date(1, 1, 1)), pl.col("valid_to")
    own = (
        tables["memberships"]
        .filter(pl.col("team_id") == (settings.platform_team or ""), since <= day, (until > day).fill_null(True))
        .select("person_id").unique().collect()
    )  # fmt: skip
    sure, most = int(here["is_developer"].fill_null(False).sum()), here.height
    places = {_place(sure), _place(most)}
    row = {
        "scope": "org", "entity_id": ORG, "engineers": sure, "engineers_high": most,
        "platform": here.join(own, on="person_id").height if settings.platform_team else None,
        "low": FROM, "high": TO, "place": places.pop() if len(places) == 1 else OPEN,
    }  # fmt: skip
    return pl.DataFrame([row], schema=COLUMNS)


def _place(engineers: int) -> str:
    return BELOW if engineers < FROM else BETWEEN if engineers <= TO else ABOVE
