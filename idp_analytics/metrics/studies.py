"""Studies: what is computed beside the answers, once per run, because it has another shape than one number.

A control chart, the same rate under eight rules, a ledger of stages: each is a tidy frame of its own. A report slices it
as it slices the answers, so its first columns are ``scope`` (org, team, service) and ``entity_id``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from idp_analytics.metrics.adoption_incidence import adoption_incidence
from idp_analytics.metrics.adoption_kinds import adoption_kinds, adoptions
from idp_analytics.metrics.adoption_retention import adoption_retention, retention_ahead
from idp_analytics.metrics.allocation import studies as allocation
from idp_analytics.metrics.approval_queue import approval_queue
from idp_analytics.metrics.benchmarks import benchmarks
from idp_analytics.metrics.bill_quality import bill_quality
from idp_analytics.metrics.boundary import boundary
from idp_analytics.metrics.breadth import adoption_breadth, capability_use
from idp_analytics.metrics.comparison import comparison
from idp_analytics.metrics.cost_anomalies import cost_anomalies
from idp_analytics.metrics.cost_bridge import cost_bridge
from idp_analytics.metrics.cost_forecast import cost_forecast
from idp_analytics.metrics.cost_lines import cost_lines
from idp_analytics.metrics.cost_restatement import nothing_before
from idp_analytics.metrics.cost_restatement_reasons import none_before
from idp_analytics.metrics.cost_variance import cost_variance
from idp_analytics.metrics.deflection import deflection, deflection_course
from idp_analytics.metrics.deployment_classes import deployment_classes
from idp_analytics.metrics.drift import drift, services_behind
from idp_analytics.metrics.exit_reasons import exit_reasons
from idp_analytics.metrics.first_deployments import first_deployments
from idp_analytics.metrics.follow_through import follow_through
from idp_analytics.metrics.fragmentation import fragmentation
from idp_analytics.metrics.gaming import gaming
from idp_analytics.metrics.gate_value import gate_value
from idp_analytics.metrics.hatches import escape_hatches, hatch_reasons
from idp_analytics.metrics.lead_time_ledger import lead_time_ledger
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import (
    maturity,
    maturity_cells,
    maturity_criteria,
    maturity_items,
    maturity_reached,
    maturity_step_outcomes,
    maturity_steps,
    maturity_targets,
    maturity_thresholds,
)
from idp_analytics.metrics.momentum import adoption_following, adoption_momentum
from idp_analytics.metrics.newcomers import newcomers
from idp_analytics.metrics.next_teams import next_teams
from idp_analytics.metrics.nine_in_ten import nine_in_ten
from idp_analytics.metrics.page_load import page_load
from idp_analytics.metrics.path_coverage import path_coverage
from idp_analytics.metrics.path_diffusion import diffusion, diffusion_fits
from idp_analytics.metrics.path_retention import path_entry, path_retention
from idp_analytics.metrics.policy_study import policies
from idp_analytics.metrics.process_behaviour import process_behaviour
from idp_analytics.metrics.provisioning import provisioning, run_outcomes
from idp_analytics.metrics.reconciliation import reconciliation
from idp_analytics.metrics.returning import people_return
from idp_analytics.metrics.rubber_stamps import approvals
from idp_analytics.metrics.self_agreement import self_agreement
from idp_analytics.metrics.sensitivity import link_sensitivity
from idp_analytics.metrics.service_levels import service_levels
from idp_analytics.metrics.sprawl import sprawl
from idp_analytics.metrics.sprawl_costs import sprawl_costs, sprawl_pairs
from idp_analytics.metrics.stress_signals import stress_signals
from idp_analytics.metrics.survey_price import survey_price
from idp_analytics.metrics.survey_quality import survey_quality
from idp_analytics.metrics.survey_results import survey_answers, survey_results
from idp_analytics.metrics.tco_study import tco, tco_lines, tco_years
from idp_analytics.metrics.theme_links import theme_links
from idp_analytics.metrics.theme_quality import theme_quality
from idp_analytics.metrics.themes import themes
from idp_analytics.metrics.ticket_volume import ticket_reasons, tickets
from idp_analytics.metrics.ticket_waits import ticket_waits
from idp_analytics.metrics.top_two import top_two
from idp_analytics.metrics.trends import trends
from idp_analytics.metrics.uncoded import uncoded
from idp_analytics.metrics.unit_costs import unit_costs
from idp_analytics.metrics.upgrade_lag import upgrade_lag
from idp_analytics.settings import Settings


@dataclass(frozen=True)
class Study:
    """One study. ``compute(tables, settings, as_of)`` takes what :func:`idp_analytics.metrics.compute` takes.

    ``doc`` says what one row of the frame is. The frame begins with ``scope`` and ``entity_id`` and is in a fixed order.
    """

    name: str
    doc: str
    compute: Callable[[Tables, Settings, datetime], pl.DataFrame]


STUDIES: tuple[Study, ...] = (
    Study(
        "process_behaviour",
        "one delivery metric, or tickets per developer, of one entity in one week, with natural process limits and whether it is a signal",
        process_behaviour,
    ),
    Study("trend", "one delivery metric of one entity, with its slope over the last complete months", trends),
    Study(
        "comparison", "one delivery metric of one team in one month or quarter, beside what chance allows", comparison
    ),
    Study("link_sensitivity", "one number of one entity in one month or quarter under one link rule", link_sensitivity),
    Study(
        "reconciliation",
        "one of our numbers beside another tool's, or one choice on the way from ours to theirs with the rows it moves",
        reconciliation,
    ),
    Study(
        "benchmarks",
        "one delivery number of one entity in its latest complete month or quarter, beside one published figure or target",
        benchmarks,
    ),
    Study(
        "lead_time_ledger",
        "one stage of the lead time of one entity in one month or quarter, with its share of the whole and what is not split",
        lead_time_ledger,
    ),
    Study(
        "deployment_classes",
        "the deployments of one entity in one month or quarter that were of one class, or decided by one rule",
        deployment_classes,
    ),
    Study(
        "service_levels", "one objective of one service in one month or quarter, with its error budget", service_levels
    ),
    Study("gaming", "one signal of one check of one entity in one month or quarter, against the one before", gaming),
    Study(
        "self_agreement",
        "one aspect, or all, of the self-assessment of one entity in one wave: how far people agree, what they do not know",
        self_agreement,
    ),
    Study(
        "page_load",
        "the pages of one entity in one month or quarter and one class of hours, per shift's worth of such hours on call",
        page_load,
    ),
    Study(
        "newcomers",
        "one metric of all who joined, on one day after their first: how many were there, by Kaplan–Meier",
        newcomers,
    ),
    Study(
        "path_coverage",
        "the services of one entity at the end of one month or quarter, or those of one path or tier: on a golden path, not, unknown",
        path_coverage,
    ),
    Study(
        "first_deployments",
        "the services of one entity made since the data begin, before a golden path made services, on one or off one: how soon in production",
        first_deployments,
    ),
    Study(
        "drift",
        "the uses of one golden path, or of all, by one entity at the end of one month or quarter: current, behind by how much, unknown",
        drift,
    ),
    Study(
        "services_behind", "one service of one team that is behind on one golden path, and by how much", services_behind
    ),
    Study(
        "upgrade_lag",
        "one day after a release of one golden path, or of all: how many of its users had taken it up, by Kaplan–Meier",
        upgrade_lag,
    ),
    Study(
        "escape_hatches",
        "one measure of the ways round the rules that stand open for one entity at the end of one month or quarter",
        escape_hatches,
    ),
    Study(
        "hatch_reasons", "one reason that repeats for one rule, in one month or quarter of one entity", hatch_reasons
    ),
    Study(
        "path_retention",
        "one day after joining a golden path, of one quarter's joins or of all: how many were still there, by Kaplan–Meier",
        path_retention,
    ),
    Study(
        "path_entry",
        "the services of one entity that began one month or quarter on no golden path, and how many came to one unasked",
        path_entry,
    ),
    Study(
        "adoption_breadth",
        "the teams that used the platform in one month or quarter, and of how much of it; or what one team used",
        adoption_breadth,
    ),
    Study(
        "capability_use",
        "the uses of one capability by one entity in one month or quarter, and how many teams made any",
        capability_use,
    ),
    Study(
        "people_return",
        "the people who used the platform by choice in the month before one month, and how many did again",
        people_return,
    ),
    Study(
        "adoption_kinds",
        "the joins of one golden path, or of all, in one month or quarter of one entity or up to its end: organic, pre-mandate, mandated",
        adoption_kinds,
    ),
    Study("adoptions", "one join of one service of one team, and how it came about", adoptions),
    Study(
        "adoption_incidence",
        "one day since services could join a golden path, or any: how many had joined in one way, by Aalen–Johansen",
        adoption_incidence,
    ),
    Study(
        "adoption_retention",
        "one day after joining a golden path, of the joins that came about in one way: how many were still there, by Kaplan–Meier",
        adoption_retention,
    ),
    Study(
        "retention_ahead",
        "the joins that came about in one way, or all: how many will still be there after a year, by the beta-geometric model",
        retention_ahead,
    ),
    Study(
        "adoption_momentum",
        "one month or quarter of one golden path, or of all: organic joins per month of a service beside one that is on it",
        adoption_momentum,
    ),
    Study(
        "adoption_following",
        "one golden path, or all: whether services join sooner beside one that is on it",
        adoption_following,
    ),
    Study("diffusion", "one month of one golden path: joins, services on it, and the fitted curve", diffusion),
    Study("diffusion_fits", "one model of how one golden path spreads, and whether it is identified", diffusion_fits),
    Study(
        "next_teams",
        "one team and one golden path some of its services are off, with what says that it is near",
        next_teams,
    ),
    Study(
        "fragmentation",
        "the services of one entity over the variants of one capability, at the end of one month or quarter",
        fragmentation,
    ),
    Study(
        "nine_in_ten",
        "one duration of one entity in one month or quarter: by when nine in ten had ended, with what has not counted in",
        nine_in_ten,
    ),
    Study(
        "provisioning",
        "one part of the time from asking to use of one operation, or of all, in one month or quarter of one entity",
        provisioning,
    ),
    Study(
        "run_outcomes",
        "what became of the runs of one operation, or of all, in one month or quarter of one entity",
        run_outcomes,
    ),
    Study(
        "approval_queue",
        "the requests for approval of one entity in one month or quarter: waits in clock or in working hours, and who waits now",
        approval_queue,
    ),
    Study(
        "policies",
        "the services of one entity by how they stand with one policy, or with all, at the end of one month or quarter",
        policies,
    ),
    Study(
        "sprawl",
        "one part of the platform at the end of one month or quarter: who uses it, whether more or less, what stands against retiring it",
        sprawl,
    ),
    Study(
        "sprawl_costs",
        "what one part of the platform cost in one currency in the 90 days before, with its share of cost and of use",
        sprawl_costs,
    ),
    Study(
        "sprawl_pairs",
        "two parts of the platform that are for the same thing, with the teams that use them",
        sprawl_pairs,
    ),
    Study(
        "deflection",
        "one part of the platform that serves what tickets ask for: tickets after its first use, against before and against others; time",
        deflection,
    ),
    Study(
        "deflection_course",
        "the tickets of teams that took up one part of the platform, in one month from their first use",
        deflection_course,
    ),
    Study(
        "tickets",
        "the tickets of one category, or all, in one month or quarter of one entity: per developer and per service, opened again, about the platform",
        tickets,
    ),
    Study(
        "ticket_waits",
        "one wait (answer, settled) of the tickets of one category, or all, in clock or in working hours, in one month or quarter of one entity",
        ticket_waits,
    ),
    Study(
        "ticket_reasons",
        "one category asked again and again about one golden path or service, in one month or quarter of one entity",
        ticket_reasons,
    ),
    Study(
        "approvals",
        "the requests for approval of one operation in one month or quarter of one entity: waits, decisions, signs of a rubber stamp",
        approvals,
    ),
    Study(
        "gate_value",
        "the deployments of one entity in one month or quarter and one tier, or of all: how often they failed, approved before or not",
        gate_value,
    ),
    Study(
        "boundary",
        "one operation behind one gate by one route in one month or quarter of one entity: uses, hours waited, done unchecked",
        boundary,
    ),
    Study(
        "pools",
        "one pool of shared cost in one month or quarter, with what a team pays of it, or what of it nobody pays and why",
        allocation.pools,
    ),
    Study(
        "cost_views",
        "the cost of one entity in one month or quarter by one value of one dimension (service, component, …, golden path)",
        allocation.cost_views,
    ),
    Study(
        "allocation_methods",
        "what one team would pay in one month or quarter by one method of sharing, or what nobody would (org)",
        allocation.allocation_methods,
    ),
    Study(
        "cost_variance",
        "one effect on the cost of one entity in one month or quarter against the one before, or one item that moved most",
        cost_variance,
    ),
    Study(
        "cost_lines",
        "what one owner was charged in one month for one item, or paid of one pool; a later run is compared with it",
        cost_lines,
    ),
    Study(
        "unit_costs",
        "the cost of one entity in one month or quarter per deployment, active service or active developer",
        unit_costs,
    ),
    Study(
        "bill_quality",
        "one measure of the bill in one month or quarter and currency: allocated, owner told by, corrections, lag, …",
        bill_quality,
    ),
    Study(
        "cost_bridge",
        "one step from billed to effective cost of one provider in one month or quarter and currency",
        cost_bridge,
    ),
    Study(
        "cost_forecast",
        "the cost of one entity and currency in one of the next three months, as the past allows to say it",
        cost_forecast,
    ),
    Study(
        "cost_anomalies",
        "days in a row that cost one entity much more or less than the weeks before, or one period of it with the days tested",
        cost_anomalies,
    ),
    Study(
        "cost_restatement",
        "one amount of cost that is not what the report published before this one said, with what kind of change it is",
        nothing_before,
    ),
    Study(
        "cost_restatement_reasons",
        "what one reason made of the difference of such an amount; over the reasons it adds up",
        none_before,
    ),
    Study(
        "survey_results",
        "one question, or given answer, of one closed wave of a survey in one entity, as far as it may be shown, with its change",
        survey_results,
    ),
    Study(
        "survey_answers",
        "how many of one entity gave one answer to one question of one closed wave, where that may be shown",
        survey_answers,
    ),
    Study(
        "themes",
        "the comments of one closed wave in one entity that have one theme, as far as it may be shown, with the change",
        themes,
    ),
    Study(
        "theme_links",
        "one theme of one closed wave, with what goes with it: lower ratings, and the metric of its area across teams",
        theme_links,
    ),
    Study(
        "theme_quality", "one theme of the codebook, measured against people who read the same comments", theme_quality
    ),
    Study("uncoded", "one list of words that comments without a theme share, for whoever keeps the codebook", uncoded),
    Study(
        "exit_reasons", "one reason for which people left in four quarters, where enough left to be shown", exit_reasons
    ),
    Study(
        "survey_quality",
        "one measure of one closed wave in one entity: the index of its ratings, alpha, first days against later, response",
        survey_quality,
    ),
    Study(
        "survey_price",
        "one price shown in one closed wave and who would keep the platform at it; what it is worth at least; the range of prices",
        survey_price,
    ),
    Study(
        "top_two",
        "one area in one closed wave by one kind of evidence of what to improve first, or by all together; tickets by category beside",
        top_two,
    ),
    Study(
        "maturity",
        "one aspect of maturity of one entity: the level that is seen, as an interval, beside the level that is said",
        maturity,
    ),
    Study(
        "maturity_cells",
        "one level of one aspect of one entity: how much of what it asks is met, not met, unknown",
        maturity_cells,
    ),
    Study(
        "maturity_criteria",
        "one criterion of the maturity model for one entity it is asked of: what was measured, against which threshold, and how it stands",
        maturity_criteria,
    ),
    Study(
        "maturity_thresholds",
        "the same criterion: from where to where its threshold could lie without a change, and what level would follow from one",
        maturity_thresholds,
    ),
    Study(
        "maturity_items",
        "one item of the self-assessment in one wave and entity: how many gave which answer, where enough answered",
        maturity_items,
    ),
    Study(
        "maturity_reached",
        "one level of one aspect: how many teams have surely and possibly come to it, by what is seen or by what they say",
        maturity_reached,
    ),
    Study(
        "maturity_targets",
        "one level of one aspect that one entity set out to reach: by when, how far it is, and how much of what it asks is there",
        maturity_targets,
    ),
    Study(
        "maturity_steps",
        "one thing one entity could do next, or has resolved to do, with the number it should move and why this one",
        maturity_steps,
    ),
    Study(
        "maturity_step_outcomes",
        "one step that was taken up: what became of it, and whether its number moved from the quarter before to the one after",
        maturity_step_outcomes,
    ),
    Study(
        "stress_signals",
        "one thing one entity does under one kind of stress, in the year before the end of one month or quarter, against calm",
        stress_signals,
    ),
    Study(
        "follow_through",
        "the actions one entity resolved in the year before the end of one month or quarter, by origin or in all, and what became of them",
        follow_through,
    ),
    Study(
        "tco",
        "one option of one decision about a tool, with what it costs over its years and how sure its place is",
        tco,
    ),
    Study(
        "tco_years", "one year of one such option: cash, running totals and what leaving at its end costs", tco_years
    ),
    Study("tco_lines", "one line of one such option, with what follows where it alone lies elsewhere", tco_lines),
)
"""Every study, in the order they are computed."""
