"""The whole company put together: every table and every truth, from a few numbers and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.errors import SettingsError
from idp_analytics.sources.sample import (
    company,
    delivery,
    failures,
    golden,
    guardrails,
    history,
    levels,
    money,
    platform,
    scorecards,
    surveys,
    truth,
    voice,
)
from idp_analytics.tables import TABLES

SEED = 20260701
UNTIL = date(2026, 7, 1)
TEAMS, MONTHS, SERVICES_PER_TEAM = 9, 12, 3.3
LEAST_TEAMS, MOST_TEAMS = 4, 20_000
LEAST_MONTHS, MOST_MONTHS = 3, 60


@dataclass(frozen=True)
class Company:
    """A synthetic company. ``tables``: every canonical table but ``loads``, own columns only, no lineage.
    ``truth``: what is true of it (JSON-ready). ``repositories`` and ``charges`` are what its exports are written from
    where those hold more than the tables do; ``codes``: comments as two people coded them."""

    tables: Mapping[str, pl.DataFrame]
    truth: Mapping[str, Any]
    repositories: tuple[history.Repository, ...]
    charges: pl.DataFrame
    codes: pl.DataFrame


def generate(
    teams: int = TEAMS,
    services_per_team: float = SERVICES_PER_TEAM,
    months: int = MONTHS,
    until: date = UNTIL,
    seed: int = SEED,
) -> Company:
    """Make a company: ``teams`` teams with about ``services_per_team`` services each over the ``months`` months before
    ``until`` (the first of a month, which is the as-of day). The same arguments give the same company.

    Nothing in it happened on or after ``until``; only plans (due, review and expiry dates) and the exclusive end of a
    charge may lie there. Raises :class:`SettingsError` when a number is out of range.
    """
    if problems := unusable(teams, services_per_team, months, until, seed):
        raise SettingsError.listing("sample", problems)
    world = company.world(teams, services_per_team, months, until, seed)
    adopted = golden.adoption(world)
    planned = delivery.plan(world, adopted)
    repositories, planned, changed = history.repositories(world, planned, delivery.changes(world, planned))
    failed = failures.failures(world, planned)
    deployed = delivery.deployments(world, planned, delivery.extras(world, planned), failed.repairs)
    delivered, changed = delivery.tables(world, deployed, changed, failed.fixes)
    incidents = failures.incidents(failed.incidents, deployed)
    services, approvals = platform.tables(world, adopted, deployed)
    asked = surveys.surveys(world, adopted)
    said, tickets = voice.tables(world, adopted, incidents)
    charges = money.charges(world)
    costs, owned = money.tables(world, charges)
    tables = {
        **company.tables(world),
        **golden.tables(world, adopted),
        **delivered,
        "incidents": incidents.drop("cause", "true_deployment_id"),
        "pages": failures.pages(world, incidents, failed.incidents),
        "service_levels": levels.table(world, failed.incidents),
        **services,
        **guardrails.tables(world, adopted, incidents),
        "survey_responses": asked.rows,
        **said,
        **costs,
    }
    tables["scorecard_results"] = scorecards.table(world, tables)
    known = {
        "company": truth.about(world, services_per_team),
        "reorganisation": truth.reorganisation(world),
        "time_zones": truth.time_zones(tables["teams"], tables["people"]),
        "delivery": truth.deliveries(world, deployed, changed, incidents, failed.forced),
        "golden_paths": truth.golden_paths(world, adopted),
        "incidents": truth.incident_causes(deployed, incidents),
        "approvals": truth.approval_habits(approvals),
        "surveys": asked.waves,
        "voice": asked.truth,
        "tickets": tickets,
        "maturity": truth.maturity(world),
        "gaming": truth.gaming(world),
        "components": truth.components(tables["usage"]),
        "policies": truth.policies(tables["policy_results"]),
        "costs": truth.bills(owned),
        "rows": {name: tables[name].height for name in TABLES if name in tables},
    }
    return Company({name: tables[name] for name in TABLES if name in tables}, known, repositories, charges, asked.codes)


def unusable(teams: int, services_per_team: float, months: int, until: date, seed: int) -> list[str]:
    """What is wrong with the arguments of :func:`generate`, one sentence each."""
    found = []
    if not LEAST_TEAMS <= teams <= MOST_TEAMS:
        found.append(f"teams = {teams}: must lie between {LEAST_TEAMS} and {MOST_TEAMS}")
    if not 1 <= services_per_team <= 100:
        found.append(f"services_per_team = {services_per_team}: must lie between 1 and 100")
    if not LEAST_MONTHS <= months <= MOST_MONTHS:
        found.append(f"months = {months}: must lie between {LEAST_MONTHS} and {MOST_MONTHS}")
    if until.day != 1:
        found.append(f"until = {until}: must be the first of a month")
    if seed < 0:
        found.append(f"seed = {seed}: must not be negative")
    return found
