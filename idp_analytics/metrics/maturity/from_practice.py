"""Measures of what is kept and followed up: owners and money of the platform, postmortems, actions, records, targets."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

from idp_analytics.metrics.bill_quality import allocated
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.from_paths import counted, latest, not_before
from idp_analytics.metrics.maturity.from_requests import recent, with_untested
from idp_analytics.metrics.maturity.measured import (
    ABSENT,
    FEW,
    HALF_YEAR,
    YEAR,
    moment,
    nothing,
    of_count,
    of_shares,
    org_row,
    since,
)
from idp_analytics.metrics.stress_windows import SEVERE
from idp_analytics.metrics.unit_costs import quarters_known
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

TWO_WEEKS = timedelta(days=14)
NO_PLATFORM = "settings name no platform team"
CORE = ("deployments", "incidents", "tickets", "costs", "action_runs", "approvals")
"""Kinds of records without which little can be said of a platform."""


def months_with_platform_cost(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of the last twelve complete months, those in which the platform team was charged anything on the basis in use."""
    source, unit = "months_with_platform_cost", "months"
    if settings.platform_team is None:
        return nothing(source, unit, NO_PLATFORM)
    in_use = pl.col("basis") == settings.rules.cost_basis
    inside = _months_before(pl.col("period_start"), as_of, 12)
    there = tables["costs"].filter(in_use, pl.any_horizontal(inside))
    mine = (pl.col("team_id") == settings.platform_team).fill_null(False)
    months, theirs = there.select(
        pl.sum_horizontal(month.any() for month in inside), pl.sum_horizontal((month & mine).any() for month in inside).alias("theirs")
    ).collect().row(0)  # fmt: skip
    if not months:
        return nothing(source, unit)
    # Months of which there is no bill say nothing of what was charged in them.
    return of_count(source, float(theirs), unit, months) if months == 12 else nothing(source, unit, FEW)


def cost_with_an_owner(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Share of cost with a known owner in the last complete quarter (:func:`bill_quality.allocated`); of several currencies the lowest."""
    found = latest(allocated(tables, settings, as_of, not_before(as_of), is_last=True), as_of).filter(
        pl.col("scope") == "org", pl.col("measure") == "allocated, gross"
    )
    share = found["share"].min()
    source, unit = "cost_with_an_owner", "share of cost"
    return nothing(source, unit) if share is None else of_count(source, float(share), unit, found.height)  # type: ignore[arg-type]


def quarters_with_unit_cost(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of the last four complete quarters, those of which the cost of an active service is known (:func:`unit_costs.quarters_known`)."""
    found = quarters_known(tables, settings, as_of)
    known = found.filter("is_known")["period_start"].sort().tail(4)
    if found.is_empty():
        return nothing("quarters_with_unit_cost", "quarters")
    return of_count("quarters_with_unit_cost", float(known.len()), "quarters", known.len())


def paths_retired(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """Golden paths taken away in the last year; not known where no path has ever been said to be taken away."""
    gone = tables["golden_paths"].select("golden_path_id", "retired_at").unique("golden_path_id").collect()
    told = gone.drop_nulls("retired_at")
    if told.is_empty():  # a registry that keeps no such date looks the same as one in which nothing was retired
        return nothing("paths_retired", "golden paths")
    last = told.filter(pl.col("retired_at") >= since(as_of, YEAR), pl.col("retired_at") < moment(as_of))
    return of_count("paths_retired", float(last.height), "golden paths", gone.height)


def paths_kept_outside(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Golden paths that a team other than the platform team keeps."""
    if settings.platform_team is None:
        return nothing("paths_kept_outside", "golden paths", NO_PLATFORM)
    there = pl.col("retired_at").is_null() | (pl.col("retired_at") > moment(as_of))
    kept = tables["golden_paths"].filter(there).drop_nulls("owner_team_id").unique("golden_path_id").collect()
    if kept.is_empty():
        return nothing("paths_kept_outside", "golden paths")
    outside = kept.filter(pl.col("owner_team_id") != settings.platform_team).height
    return of_count("paths_kept_outside", float(outside), "golden paths", kept.height)


def platform_roster_kept(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of the members of the platform team at four moments a quarter apart, those who were there at three or more."""
    source, unit = "platform_roster_kept", "share of people"
    if settings.platform_team is None:
        return nothing(source, unit, NO_PLATFORM)
    held = tables["memberships"].filter(pl.col("team_id") == settings.platform_team)
    days = [(as_of - timedelta(days=1 + 91 * back)).date() for back in range(4)]
    there = [
        ((pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))).any()
        for day in days
    ]  # fmt: skip
    times = held.group_by("person_id").agg(pl.sum_horizontal(*there).alias("times")).collect().filter(pl.col("times") > 0)  # fmt: skip
    if times.height < settings.rules.min_cohort:
        return nothing(source, unit, ABSENT if times.is_empty() else FEW)
    k = times.filter(pl.col("times") >= 3).height
    return of_shares(org_row(k, times.height), source, unit, settings.rules.level)


def _contributions(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Changes merged in the last year to services of the platform team: ``team_id`` of who wrote it, as of then; null: not known."""
    changed = (
        recent(tables["changes"], "merged_at", as_of, YEAR).filter(pl.col("team_id") == settings.platform_team)
        .select("change_id", "author_id", pl.col("merged_at").dt.date().alias("day"))
    )  # fmt: skip
    bots = tables["people"].filter("is_bot").select(pl.col("person_id").alias("author_id"))
    at = (pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("day"))) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") > pl.col("day"))
    )
    members = tables["memberships"].select(pl.col("person_id").alias("author_id"), "team_id", "valid_from", "valid_to")
    people = changed.join(bots, on="author_id", how="anti")
    teams = people.join(members, on="author_id").filter(at).group_by("change_id").agg(
        pl.col("team_id").sort_by(pl.col("team_id") == settings.platform_team).last()
    )  # fmt: skip
    return people.join(teams, on="change_id", how="left").select("change_id", "team_id").collect()


def outside_changes(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of changes to the platform's services in the last year, those by members of other teams; bots are left out."""
    source, unit = "outside_changes", "share of changes"
    if settings.platform_team is None:
        return nothing(source, unit, NO_PLATFORM)
    rows = _contributions(tables, settings, as_of)
    known = rows.drop_nulls("team_id")
    if known.is_empty():
        return nothing(source, unit)
    k = known.filter(pl.col("team_id") != settings.platform_team).height
    return of_shares(org_row(k, known.height, rows.height - known.height), source, unit, settings.rules.level)


def contributing_teams(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of teams that own a service, those of which somebody changed a service of the platform in the last year."""
    source, unit = "contributing_teams", "share of teams"
    if settings.platform_team is None:
        return nothing(source, unit, NO_PLATFORM)
    rows = _contributions(tables, settings, as_of).drop_nulls("team_id")
    if rows.is_empty():
        return nothing(source, unit)
    others = (
        tables["ownership"].filter(pl.col("team_id") != settings.platform_team).select("team_id").unique().collect()
    )
    k = others.join(rows, on="team_id", how="semi").height
    return of_shares(org_row(k, others.height), source, unit, settings.rules.level)


def postmortems_held(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of severe incidents of the last year that ended two weeks ago or earlier, those with a postmortem within two weeks of their end."""
    source, unit = "postmortems_held", "share of severe incidents"
    ended = recent(tables["incidents"], "opened_at", as_of, YEAR).filter(
        pl.col("severity") <= SEVERE, pl.col("resolved_at") < moment(as_of - TWO_WEEKS)
    )
    if not tables["incidents"].select(pl.col("postmortem_on").count()).collect().item():
        return nothing(source, unit)
    soon = pl.col("postmortem_on") <= (pl.col("resolved_at") + TWO_WEEKS).dt.date()
    rows = ended.select("team_id", soon.fill_null(False).alias("hit"), pl.lit(True).alias("usable")).collect()
    return with_untested(of_shares(counted(rows), source, unit, settings.rules.level), tables, settings, as_of)


def postmortem_actions_in_time(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of actions of postmortems that were due in the last half year, those done or dropped by then."""
    return _in_time(tables, settings, as_of, "postmortem")


def retrospective_actions_in_time(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of actions of retrospectives that were due in the last half year, those done or dropped by then."""
    return _in_time(tables, settings, as_of, "retrospective")


def _in_time(tables: Tables, settings: Settings, as_of: datetime, origin: str) -> pl.DataFrame:
    first, last = (as_of - timedelta(days=HALF_YEAR)).date(), as_of.date()
    due = pl.coalesce("due_on", "opened_on").is_between(first, last, closed="left")
    in_time = (pl.col("closed_on") <= pl.col("due_on")).fill_null(False)
    rows = (
        tables["actions"].filter(pl.col("origin") == origin, due)
        .select("team_id", in_time.alias("hit"), pl.col("due_on").is_not_null().alias("usable")).collect()
    )  # fmt: skip
    source = f"{origin}_actions_in_time"
    found = of_shares(counted(rows), source, "share of actions", settings.rules.level)
    return with_untested(found, tables, settings, as_of)


def records_kept(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """Of six kinds of records, those of which there are some in each of the last six complete months."""
    kept = 0
    for name in CORE:
        at = pl.coalesce(TABLES[name].time).cast(pl.Datetime("us", "UTC"))
        kept += (
            tables[name]
            .select(pl.all_horizontal(month.any() for month in _months_before(at, as_of, 6)))
            .collect()
            .item()
        )
    return of_count("records_kept", float(kept), "kinds of records", len(CORE))


def _months_before(at: pl.Expr, as_of: datetime, count: int) -> list[pl.Expr]:
    """Whether ``at`` lies in each of the last ``count`` complete months, UTC: of many rows comparing takes a fraction of cutting each to its month."""
    end = moment(as_of).dt.truncate("1mo")
    bounds = pl.select(end.dt.offset_by(f"-{back}mo").alias(str(back)) for back in range(count + 1)).row(0)
    return [(at >= pl.lit(first)) & (at < pl.lit(last)) for last, first in pairwise(bounds)]


def metrics_with_a_target(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """Metrics with a ``[[target]]``."""
    return of_count("metrics_with_a_target", float(len({target.metric for target in settings.targets})), "metrics")


def measured_beforehand(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of changes in the ledger, those written down with their metric before the first unit took them up."""
    ledger = (
        tables["interventions"].filter(pl.col("registered_at") < moment(as_of)).group_by("intervention_id")
        .agg((pl.col("registered_at").min().dt.date() <= pl.col("adopted_on").min()).fill_null(True).alias("hit")).collect()
    )  # fmt: skip
    if ledger.is_empty():
        return nothing("measured_beforehand", "share of changes")
    return of_shares(
        org_row(int(ledger["hit"].sum()), ledger.height),
        "measured_beforehand",
        "share of changes",
        settings.rules.level,
    )
