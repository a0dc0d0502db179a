"""Studies of scorecards: how far services have come by the rules of others, and where those say something else than is seen here."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.answers import CELL
from idp_analytics.errors import ReportError
from idp_analytics.estimates import medians, shares
from idp_analytics.metrics import golden_paths, scorecard_evidence, scorecard_results
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope, period_ends
from idp_analytics.metrics.remembered import remembered
from idp_analytics.metrics.scorecard_results import CARD, RULE
from idp_analytics.settings import Settings

_PERIOD: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "tool": pl.String,
    "scorecard": pl.String,
}

CARDS: dict[str, pl.DataType | type[pl.DataType]] = {
    **_PERIOD,
    "level_number": pl.Int64,  # null: the card as a whole
    "level_name": pl.String,
    "n": pl.Int64,  # services checked; of a level, those of which the tool or its rules tell levels
    "surely": pl.Int64,  # of a level: services that have come to it, or above
    "possibly": pl.Int64,  # and those that may have: nothing that is known stands in the way
    "is_told": pl.Boolean,  # of a level: by the tool itself; false: by its rules, for some service at least
    "unknown": pl.Int64,  # of the whole, beside n: services there are of which the card says nothing
    "nameless": pl.Int64,  # of the whole: things of no known service (of the organisation only)
    "looked_at": pl.Datetime("us", "UTC"),  # of the whole: the last result
    "points_n": pl.Int64,  # of the whole: services with points
    "points": pl.Float64,  # their median, as a share of the most there are
    "points_low": pl.Float64,
    "points_high": pl.Float64,
    "points_if_none": pl.Float64,  # the median if checks that could not tell had none of their points
    "points_if_all": pl.Float64,  # or all of them
    "points_most": pl.Float64,  # the most there are; null: not the same of all services
    "level": pl.Float64,  # of points_low and points_high
}
"""The columns of the study ``scorecards``, in order."""

RULES: dict[str, pl.DataType | type[pl.DataType]] = {
    **_PERIOD,
    "rule": pl.String,
    "category": pl.String,
    "level_number": pl.Int64,  # of the ladder; null: of none, or not told
    "level_name": pl.String,
    "n": pl.Int64,  # services judged: passed + partial + failed
    "k": pl.Int64,  # passed
    "partial": pl.Int64,
    "failed": pl.Int64,
    "exempt": pl.Int64,  # beside n, as the next two
    "not_applicable": pl.Int64,
    "unknown": pl.Int64,  # services there are without a result of it
    "value": pl.Float64,  # k ÷ n
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "seen_as": pl.String,  # what is seen here that it asks (``[[scorecard_rule]]``); null: nothing that is known of
    "compared": pl.Int64,  # services of which both the rule and the data say something
    "agree": pl.Int64,
    "only_said": pl.Int64,  # the rule passes them, the data do not
    "only_seen": pl.Int64,  # the other way round
    "agreement": pl.Float64,  # agree ÷ compared
    "agreement_low": pl.Float64,
    "agreement_high": pl.Float64,
}
"""The columns of the study ``scorecard_rules``, in order."""

DISPUTES: dict[str, pl.DataType | type[pl.DataType]] = {
    **_PERIOD,
    "rule": pl.String,
    "seen_as": pl.String,
    "service_id": pl.String,
    "is_passed": pl.Boolean,  # by the rule; the data say the opposite
}
"""The columns of the study ``scorecard_disputes``, in order."""

_ENTITY = ["scope", "entity_id"]


class _Looked:
    """What holds at the end of each period, and whose services there are then."""

    def __init__(self, tables: Tables, settings: Settings, as_of: datetime) -> None:
        first: date | None = tables["scorecard_results"].select(pl.col("as_of").min().dt.date()).collect().item()
        self.is_empty = first is None
        if first is None:
            return
        self.ends = period_ends(settings, as_of, first)
        latest = pl.col("period_start").rank("dense", descending=True).over("every") <= 2
        self.last = self.ends.filter(latest).drop("day", "begins")
        self.moments = self.ends.select("at", "day").unique().sort("at")
        known = tables["services"].select("service_id").unique().collect()["service_id"]
        # What is called by a name that no table of services has is of no known service either.
        service = pl.col("service_id")
        self.held = scorecard_results.standing(tables, as_of, self.moments).with_columns(
            pl.when(service.is_in(known.implode())).then(service)
        )
        self.is_empty = self.held.is_empty()
        self.there = golden_paths.services_there(tables, self.moments).select("at", "service_id", "team_id")

    def placed(self, found: pl.DataFrame) -> pl.DataFrame:
        """``found`` (``at``) with the periods that end then."""
        return found.join(self.ends.drop("day", "begins"), on="at")


def scorecards(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every scorecard at the end of each month and quarter, for the organisation and teams: one row for the whole, and one per level (:data:`CARDS`).

    A service counts at every level up to its own, as :func:`scorecard_results.reached` says. Points: the median over services with its interval by order
    statistics (Conover 1999). All services there are are counted, so counts have no interval of chance; what is not known is the span from surely to possibly.
    """
    look = _Looked(tables, settings, as_of)
    if look.is_empty:
        return pl.DataFrame(schema=CARDS)
    both = pl.concat([_wholes(look, settings.rules.level), _levels(look)], how="diagonal_relaxed")
    return (
        look.placed(both)
        .with_columns(pl.lit(settings.rules.level).alias("level"))
        .sort(*CELL, *CARD, "level_number", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in CARDS.items())
    )


def _wholes(look: _Looked, level: float) -> pl.DataFrame:
    checked = look.held.drop_nulls("service_id").select("at", *CARD, "service_id").unique()
    cards = look.held.group_by("at", *CARD).agg(
        pl.col("as_of").max().alias("looked_at"), pl.col("resource").filter(pl.col("service_id").is_null()).n_unique().alias("nameless")
    )  # fmt: skip
    of = ["at", *_ENTITY, *CARD]
    rows = by_scope(look.there.join(cards, on="at")).join(
        checked.with_columns(pl.lit(True).alias("_checked")), on=["at", *CARD, "service_id"], how="left"
    )  # fmt: skip
    is_checked = pl.col("_checked").fill_null(False)
    whole = rows.group_by(of).agg(
        is_checked.sum().alias("n"), (~is_checked).sum().alias("unknown"), pl.col("looked_at").first(),
        pl.when(pl.col("scope").first() == "org").then(pl.col("nameless").first()).alias("nameless"),
    )  # fmt: skip
    earned = by_scope(look.there.join(scorecard_results.points(look.held), on=["at", "service_id"]))
    of_points = medians.grouped(earned, of, "share", level=level).rename(
        {"n": "points_n", "value": "points", "low": "points_low", "high": "points_high"}
    )  # fmt: skip
    bounds = earned.group_by(of).agg(
        pl.col("if_none").median().alias("points_if_none"), pl.col("if_all").median().alias("points_if_all"),
        pl.when(pl.col("most").n_unique() == 1).then(pl.col("most").first()).alias("points_most"),
    )  # fmt: skip
    return whole.join(of_points, on=of, how="left").join(bounds, on=of, how="left")


def _levels(look: _Looked) -> pl.DataFrame:
    come = look.there.join(scorecard_results.reached(look.held), on=["at", "service_id"])
    rows = by_scope(come).join(scorecard_results.ladders(look.held), on=["at", *CARD])
    number = pl.col("level_number")
    counts = {
        name: (pl.col(f"{name}_below").is_null() | (number < pl.col(f"{name}_below"))).sum().alias(name)
        for name in ("surely", "possibly")
    }
    return rows.group_by("at", *_ENTITY, *CARD, "level_number", "level_name").agg(
        pl.len().alias("n"), *counts.values(), pl.col("is_told").all()
    )


def scorecard_rules(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every rule of every scorecard at the end of each month and quarter: how many services pass, and where that is seen here too how often the two agree
    (:data:`RULES`). Shares: Wilson 1927."""
    look = _Looked(tables, settings, as_of)
    if look.is_empty:
        return pl.DataFrame(schema=RULES)
    counted, _ = _told(tables, settings, as_of)
    found = look.placed(counted).join(scorecard_results.rules(look.held), on=["at", *RULE])
    level = settings.rules.level
    for ends, k, n in ((("value", "low", "high"), "k", "n"), (("agreement", "agreement_low", "agreement_high"), "agree", "compared")):  # fmt: skip
        bounds = shares.wilson(found[k].to_numpy(), found[n].to_numpy(), level)
        some = pl.col(n) > 0
        found = found.with_columns(
            pl.when(some).then(pl.col(k) / pl.col(n)).alias(ends[0]),
            *(pl.when(some).then(pl.Series(end)).alias(name) for name, end in zip(ends[1:], bounds, strict=True)),
        )
    return (
        found.with_columns(pl.lit(level).alias("level"))
        .sort(*CELL, *CARD, "level_number", "rule", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in RULES.items())
    )


def scorecard_disputes(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services of which a rule says one thing and the data the opposite, at the end of the last two months and quarters (:data:`DISPUTES`)."""
    look = _Looked(tables, settings, as_of)
    if look.is_empty or not settings.scorecard_rules:
        return pl.DataFrame(schema=DISPUTES)
    _, apart = _told(tables, settings, as_of)
    return (
        apart.join(look.last, on="at")
        .with_columns(pl.col("said").alias("is_passed"))
        .sort(*CELL, *RULE, "service_id")
        .select(pl.col(name).cast(dtype) for name, dtype in DISPUTES.items())
    )


def scorecard_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """The way back from ``study`` (``scorecard_rules``): every result that stands at the end of the period.

    Columns: ``tool``, ``scorecard``, ``rule``, ``service_id``, ``team_id`` (the owner then), ``resource`` (null where it is no known
    service: it may be a person, whom a tool calls by an address), ``state``, ``score``, ``as_of``, ``path``, ``source_row``. Raises
    :class:`ReportError` for a scope or period that does not exist; services have no rows.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    held = scorecard_results.standing(tables, as_of, ends)
    owners = golden_paths.services_there(tables, ends.select("at", "day")).select("service_id", "team_id")
    whose = by_scope(held.join(owners, on="service_id", how="left")).filter(scope=scope, entity_id=entity_id)
    return (
        whose.join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .select(*RULE, "service_id", "team_id", "resource", "state", "score", "as_of", "path", "source_row")
        .sort(*RULE, "service_id", "resource", "path", "source_row")
        .with_columns(pl.when(pl.col("service_id").is_not_null()).then("resource").alias("resource"))
    )


@remembered
def _told(tables: Tables, settings: Settings, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of every service against every rule, judged once: how many pass, fail …, per moment, entity and rule; and where what is said and what is seen are apart in the
    last two periods."""
    look = _Looked(tables, settings, as_of)
    rows = _judged(look, tables, settings, as_of)
    state, said, seen = pl.col("state"), pl.col("said"), pl.col("seen")
    both = said.is_not_null() & seen.is_not_null()
    counts = {
        "k": state == "passed", "partial": state == "partial", "failed": state == "failed", "exempt": state == "exempt",
        "not_applicable": state == "not_applicable", "unknown": state == "unknown",
        "compared": both, "agree": both & (said == seen), "only_said": both & said & ~seen, "only_seen": both & ~said & seen,
    }  # fmt: skip
    counted = rows.group_by("at", *_ENTITY, *RULE).agg(
        pl.col("seen_as").drop_nulls().first(),
        *(holds.fill_null(False).sum().cast(pl.Int64).alias(name) for name, holds in counts.items()),
    ).with_columns(pl.sum_horizontal("k", "partial", "failed").alias("n"))  # fmt: skip
    return counted, rows.filter(said != seen).join(look.last.select("at").unique(), on="at", how="semi")


def _judged(look: _Looked, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every service there is against every rule of every card: ``state``, ``said`` (whether it passes; null: not judged), ``seen_as``, ``seen``."""
    asked = scorecard_results.rules(look.held).select("at", *RULE)
    own = scorecard_evidence.seen(tables, settings, as_of, look.moments)
    every = (
        look.there.join(asked, on="at")
        .join(scorecard_results.verdicts(look.held).drop("score"), on=["at", *RULE, "service_id"], how="left")
        .join(own, on=["at", "scorecard", "rule", "service_id"], how="left")
    )
    state = pl.col("state").fill_null("unknown")
    return by_scope(
        every.with_columns(
            state, pl.when(state.is_in(["passed", "partial", "failed"])).then(state == "passed").alias("said")
        )
    )
