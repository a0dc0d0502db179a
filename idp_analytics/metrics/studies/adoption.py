"""Studies of adoption: who takes the platform up, how far, and who leaves it again."""

from __future__ import annotations

from idp_analytics.metrics.adoption_incidence import adoption_incidence
from idp_analytics.metrics.adoption_kinds import adoption_kinds, adoptions
from idp_analytics.metrics.adoption_retention import adoption_retention, retention_ahead
from idp_analytics.metrics.breadth import adoption_breadth, capability_use
from idp_analytics.metrics.drift import drift, services_behind
from idp_analytics.metrics.first_deployments import first_deployments
from idp_analytics.metrics.fragmentation import fragmentation
from idp_analytics.metrics.hatches import escape_hatches, hatch_reasons
from idp_analytics.metrics.momentum import adoption_following, adoption_momentum
from idp_analytics.metrics.newcomers import newcomers
from idp_analytics.metrics.next_paths import next_path_teams, next_paths
from idp_analytics.metrics.next_teams import next_teams
from idp_analytics.metrics.path_coverage import path_coverage
from idp_analytics.metrics.path_diffusion import diffusion, diffusion_fits
from idp_analytics.metrics.path_retention import path_entry, path_retention
from idp_analytics.metrics.platform_size import platform_size
from idp_analytics.metrics.returning import people_return
from idp_analytics.metrics.sprawl import sprawl
from idp_analytics.metrics.sprawl_costs import sprawl_costs, sprawl_pairs
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study
from idp_analytics.metrics.upgrade_lag import upgrade_lag

STUDIES: tuple[Study, ...] = (
    Study(
        "newcomers",
        "one metric of all who joined, on one day after their first: how many were there, by Kaplan–Meier",
        newcomers,
        People.ORGANISATION,
    ),
    Study(
        "path_coverage",
        "the services of one entity at the end of one month or quarter, or those of one path or tier: on a golden path, not, unknown",
        path_coverage,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "first_deployments",
        "the services of one entity made since the data begin, before a golden path made services, on one or off one: how soon in production",
        first_deployments,
        People.NONE,
    ),
    Study(
        "drift",
        "the uses of one golden path, or of all, by one entity at the end of one month or quarter: current, behind by how much, unknown",
        drift,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "services_behind",
        "one service of one team that is behind on one golden path, and by how much",
        services_behind,
        People.NONE,
        Shown.PERIOD,
    ),
    Study(
        "upgrade_lag",
        "one day after a release of one golden path, or of all: how many of its users had taken it up, by Kaplan–Meier",
        upgrade_lag,
        People.NONE,
    ),
    Study(
        "escape_hatches",
        "one measure of the ways round the rules that stand open for one entity at the end of one month or quarter",
        escape_hatches,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "hatch_reasons",
        "one reason that repeats for one rule, in one month or quarter of one entity",
        hatch_reasons,
        People.NONE,
        Shown.PERIOD,
    ),
    Study(
        "path_retention",
        "one day after joining a golden path, of one quarter's joins or of all: how many were still there, by Kaplan–Meier",
        path_retention,
        People.NONE,
    ),
    Study(
        "path_entry",
        "the services of one entity that began one month or quarter on no golden path, and how many came to one unasked",
        path_entry,
        People.NONE,
        Shown.PERIOD,
    ),
    Study(
        "adoption_breadth",
        "the teams that used the platform in one month or quarter, and of how much of it; or what one team used",
        adoption_breadth,
        People.WORK,
        Shown.COURSE,
    ),
    Study(
        "capability_use",
        "the uses of one capability by one entity in one month or quarter, and how many teams made any",
        capability_use,
        People.WORK,
        Shown.PERIOD,
    ),
    Study(
        "people_return",
        "the people who used the platform by choice in the month before one month, and how many did again",
        people_return,
        People.ORGANISATION,
    ),
    Study(
        "adoption_kinds",
        "the joins of one golden path, or of all, in one month or quarter of one entity or up to its end: organic, pre-mandate, mandated",
        adoption_kinds,
        People.NONE,
        Shown.COURSE,
    ),
    Study("adoptions", "one join of one service of one team, and how it came about", adoptions, People.NONE),
    Study(
        "adoption_incidence",
        "one day since services could join a golden path, or any: how many had joined in one way, by Aalen–Johansen",
        adoption_incidence,
        People.NONE,
    ),
    Study(
        "adoption_retention",
        "one day after joining a golden path, of the joins that came about in one way: how many were still there, by Kaplan–Meier",
        adoption_retention,
        People.NONE,
    ),
    Study(
        "retention_ahead",
        "the joins that came about in one way, or all: how many will still be there after a year, by the beta-geometric model",
        retention_ahead,
        People.NONE,
    ),
    Study(
        "adoption_momentum",
        "one month or quarter of one golden path, or of all: organic joins per month of a service beside one that is on it",
        adoption_momentum,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "adoption_following",
        "one golden path, or all: whether services join sooner beside one that is on it",
        adoption_following,
        People.NONE,
    ),
    Study(
        "diffusion", "one month of one golden path: joins, services on it, and the fitted curve", diffusion, People.NONE
    ),
    Study(
        "diffusion_fits",
        "one model of how one golden path spreads, and whether it is identified",
        diffusion_fits,
        People.NONE,
    ),
    Study(
        "next_teams",
        "one team and one golden path some of its services are off, with what says that it is near",
        next_teams,
        People.NONE,
    ),
    Study(
        "fragmentation",
        "the services of one entity over the variants of one capability, at the end of one month or quarter",
        fragmentation,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "sprawl",
        "one part of the platform at the end of one month or quarter: who uses it, whether more or less, what stands against retiring it",
        sprawl,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "sprawl_costs",
        "what one part of the platform cost in one currency in the 90 days before, with its share of cost and of use",
        sprawl_costs,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "sprawl_pairs",
        "two parts of the platform that are for the same thing, with the teams that use them",
        sprawl_pairs,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "platform_size",
        "the organisation: how many engineers there are, how many build the platform, and where a rule of thumb puts that",
        platform_size,
        People.HEADS,
    ),
    Study(
        "next_paths",
        "one golden path that might be built next, stated or seen: how often it would be needed, what is waited, when it has paid back",
        next_paths,
        People.NONE,
    ),
    Study(
        "next_path_teams",
        "one team in which what one such path would be for came up, and whether it stands out",
        next_path_teams,
        People.NONE,
    ),
)
