"""Study ``unit_costs``: what a deployment, an active service and an active developer cost, all cost included.

A unit cost is an exact total over a count. Nothing is sampled, so it has no interval; what makes it shaky is a small count, where
one more or less would move it much, and then none is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.metrics.allocation.before import paid_before
from idp_analytics.metrics.allocation.charges import bill, cell_start, charged_before
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed, within
from idp_analytics.metrics.cost_lines import Schema
from idp_analytics.metrics.delivery import NOT_TOLD
from idp_analytics.metrics.lead_time import counted_changes
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import observed
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

DEPLOYMENT, SERVICE, DEVELOPER = "deployment", "active service", "active developer"
PER = (DEPLOYMENT, SERVICE, DEVELOPER)
"""What cost is divided by, in the order reports show it."""

FEWEST: Mapping[str, int] = {DEPLOYMENT: 5, SERVICE: 3}
"""Below so many no unit cost is given; of developers ``rules.min_cohort`` decides."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
    "per": pl.String,  # one of PER
    "amount": MONEY,  # all cost of the entity in the period: its own and its shares of pools (org: the whole bill)
    "lines": pl.Int64,  # lines of the ledger it is the sum of
    "n": pl.Int64,  # what it is divided by; null: not known, or withheld
    "missing": pl.Int64,  # of what it is divided by: may count or not, for want of what the row does not say
    "value": MONEY,  # amount ÷ n
    "verdict": pl.String,  # insufficient data, suppressed, not measured; else not identified: neither way is better
}
"""The columns of the study, in order."""

_CELL = ["scope", "entity_id", "every", "period_start"]
_SCOPES = ("org", "team")


def unit_costs(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Every entity's cost per unit, by month and quarter: one row per entity that has cost, currency and unit (:data:`COLUMNS`).

    ``deployment``: the observations of ``deployment_frequency``. ``active service``: services that have one of them in the period.
    ``active developer``: people, bots and those who do not write software excepted, who had a change merged in the period;
    fewer than ``rules.min_cohort`` are withheld, and of those who belong to a team nobody is counted twice. ``value`` is to
    the last digit of what money holds (10⁻²⁴).
    """
    nobody = pl.lit(None, pl.String).alias("service_id")
    cost = paid_before(tables, settings, as_of).filter(within(spans, pl.col("day"))).with_columns(nobody)
    deployed, merged = _deployed(tables, settings, as_of), _merged(tables, settings, as_of)
    by_unit = {
        DEPLOYMENT: (deployed, pl.col("many").filter("usable").sum()),
        SERVICE: (deployed, pl.col("service_id").filter("usable").n_unique()),
        DEVELOPER: (merged, pl.col("person_id").drop_nulls().n_unique()),
    }
    return _per_unit(cost, by_unit, tables, settings, as_of, _SCOPES, spans)


def quarters_known(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The complete quarters in which the organisation was charged anything: ``period_start``, and ``is_known``, whether :func:`unit_costs` tells what an
    active service cost. For that nothing has to be shared out."""
    day = cell_start(pl.col("period_start").dt.date(), settings.calendar.first_weekday).alias("day")
    owner = pl.lit(None, pl.String)
    charged = bill(charged_before(tables, as_of), settings).group_by(day, "currency").agg(pl.col("amount").sum(), pl.len().alias("lines"))  # fmt: skip
    cost = charged.with_columns(owner.alias("team_id"), owner.alias("service_id")).collect()
    by_unit = {SERVICE: (_deployed(tables, settings, as_of), pl.col("service_id").filter("usable").n_unique())}
    found = _per_unit(cost, by_unit, tables, settings, as_of, ("org",))
    whole = found.filter(pl.col("every") == "1q", ~pl.col("is_partial"))
    return whole.group_by("period_start", maintain_order=True).agg(
        pl.col("value").is_not_null().any().alias("is_known")
    )


def _per_unit(
    cost: pl.DataFrame, by_unit: Mapping[str, tuple[pl.DataFrame, pl.Expr]], tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str], spans: Spans | None = None,
) -> pl.DataFrame:  # fmt: skip
    """``cost`` (``day``, ``team_id``, ``service_id``, ``currency``, ``amount``, ``lines``) per unit: what is seen of each, and how it is counted."""
    if cost.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = cost["day"].min()  # type: ignore[assignment]
    periods = periods_of("showback_cost", tables, settings, as_of, first, of=spans)
    amounts = (
        placed(cost, settings, scopes, spans=spans).group_by(*_CELL, "currency").agg(pl.col("amount", "lines").sum())
        .join(periods.select("every", "period", "period_start", "period_end", "is_partial"), on=["every", "period_start"])
    )  # fmt: skip
    parts = []
    for unit, (seen, counted) in by_unit.items():
        begun: date | None = seen.filter("usable")["day"].min()  # type: ignore[assignment]
        counts = placed(seen, settings, scopes, spans=spans).group_by(_CELL).agg(
            counted.cast(pl.Int64).alias("n"), pl.col("many").filter(~pl.col("usable")).sum().cast(pl.Int64).alias("missing")
        )  # fmt: skip
        known = pl.lit(begun is not None) & (pl.col("period_end") > pl.lit(begun, pl.Date))
        parts.append(
            amounts.join(counts, on=_CELL, how="left").with_columns(
                pl.when(known).then(pl.col("n", "missing").fill_null(0)),
                (pl.col("is_partial") | (pl.col("period_start") < pl.lit(begun, pl.Date)).fill_null(False)).alias("is_partial"),
                pl.lit(unit).alias("per"),
            )
        )  # fmt: skip
    return (
        _judged(pl.concat(parts), settings)
        .sort(*_CELL, "currency", pl.col("per").cast(pl.Enum(PER)))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _judged(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    n, per = pl.col("n"), pl.col("per")
    few = pl.max_horizontal(per.replace_strict(FEWEST, default=0, return_dtype=pl.Int64), 1)
    withheld = (per == DEVELOPER) & (n > 0) & (n < settings.rules.min_cohort)
    verdict = (
        pl.when(n.is_null()).then(pl.lit(Verdict.NOT_MEASURED.value))
        .when(withheld).then(pl.lit(Verdict.SUPPRESSED.value))
        .when(n < few).then(pl.lit(Verdict.INSUFFICIENT_DATA.value))
        .otherwise(pl.lit(Verdict.NOT_IDENTIFIED.value))
    )  # fmt: skip
    given = verdict == Verdict.NOT_IDENTIFIED.value
    by = pl.when(given).then(n).otherwise(1).cast(MONEY)
    return rows.with_columns(
        verdict.alias("verdict"),
        pl.when(given).then(pl.col("amount") / by).alias("value"),
        pl.when(~withheld).then(pl.col("n", "missing")),
    )


def _deployed(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How ``many`` observations of deployment frequency each service has in each month (``day``: of the first); not usable: what may count if more
    were known."""
    seen = observed(by_name("deployment_frequency"), tables, settings, as_of)
    counted = pl.col("detail").is_null() | (pl.col("detail") == NOT_TOLD)
    return _by_month(seen.filter(counted), "service_id", "team_id", "usable")


def _merged(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How ``many`` changes of each developer were merged in each month (``day``: of the first); not usable: nobody knows whose they are."""
    people = tables["people"].select("person_id", "is_bot", "is_developer").unique("person_id")
    changes = (
        counted_changes(tables, settings)
        .filter(pl.col("merged_at").is_not_null())
        .select("service_id", "team_id", pl.col("author_id").alias("person_id"), pl.col("merged_at").alias("at"))
        .join(people, on="person_id", how="left")
        .filter(~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True))
    )
    known = known_by(changes, settings, as_of).with_columns(pl.col("person_id").is_not_null().alias("usable"))
    return _by_month(known, "service_id", "team_id", "person_id", "usable")


def _by_month(rows: pl.LazyFrame, *by: str) -> pl.DataFrame:
    """Months and quarters are sums of months."""
    day = pl.col("day")
    counted = rows.group_by(day.dt.truncate("1mo").alias("_month"), *by).agg(day.min(), pl.len().alias("many"))
    return counted.drop("_month").collect()
