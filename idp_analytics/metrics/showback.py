"""What each team's use cost: direct by owner, exact to the last digit, with the unallocated rest and its reasons."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.errors import IdpError
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

ALLOCATED = "allocated"
UNALLOCATED = "unallocated"


def showback_cost(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per charge on the basis that counts (``rules.cost_basis``), dated by the start of its period.

    ``team_id`` is the owner when it is a team we know; otherwise null and ``detail`` says why nobody owns the charge,
    the first that holds of: tax, credit, unused commitment, unknown owner, empty tag, no owner. A charge with a known
    owner is allocated whatever its category. Money is never clamped, spread or rounded here.
    """
    known = tables["teams"].select("team_id", pl.lit(True).alias("_known"))
    charges = tables["costs"].filter(pl.col("basis") == settings.rules.cost_basis).join(known, on="team_id", how="left")
    reason = (
        pl.when(pl.col("category") == "tax").then(pl.lit("tax"))
        .when(pl.col("category") == "credit").then(pl.lit("credit"))
        .when(pl.col("is_unused_commitment")).then(pl.lit("unused commitment"))
        .when(pl.col("team_id").is_not_null()).then(pl.lit("unknown owner"))
        .when(pl.col("owner_raw").str.strip_chars() == "").then(pl.lit("empty tag"))
        .otherwise(pl.lit("no owner"))
    )  # fmt: skip
    return observations(
        charges.with_columns(
            pl.when("_known").then(pl.lit(ALLOCATED)).otherwise(pl.concat_str(pl.lit(f"{UNALLOCATED}: "), reason)).alias("detail"),
            pl.when("_known").then("team_id").alias("team_id"),
            pl.col("cost_id").alias("source_key"),
        ).rename({"period_start": "at"}),
        source_table="costs",
    )


def prove(answers: pl.DataFrame) -> None:
    """Stop if money was lost or made: per period and currency, teams + unallocated must equal the bill, exactly.

    Raises :class:`IdpError` naming the period and the difference. Run on every answer table that has the metric at
    organisation and team scope.
    """
    money = answers.filter(pl.col("metric") == "showback_cost")
    if not {"org", "team"} <= set(money["scope"].unique()):
        return
    key = ["every", "period", "currency"]
    org = money.filter(pl.col("scope") == "org")
    bill = org.filter(pl.col("detail").is_null()).select(*key, pl.col("amount").alias("bill"))
    rest = org.filter(pl.col("detail") == UNALLOCATED).select(*key, pl.col("amount").alias("rest"))
    teams = money.filter(pl.col("scope") == "team").group_by(key).agg(pl.col("amount").sum().alias("teams"))
    zero = pl.lit(0).cast(answers.schema["amount"])
    sums = (
        bill.join(rest, on=key, how="left", nulls_equal=True).join(teams, on=key, how="left", nulls_equal=True)
        .with_columns((pl.col("rest").fill_null(zero) + pl.col("teams").fill_null(zero) - pl.col("bill").fill_null(zero)).alias("off"))
        .filter(pl.col("off") != zero)
    )  # fmt: skip
    if sums.height:
        row = sums.row(0, named=True)
        raise IdpError(
            f"Showback does not add up: {row['every']} {row['period']} {row['currency']}: teams + unallocated differ from "
            f"the bill by {row['off']}. Nothing may be published; this is a fault of the kit, please report it."
        )
