"""The one visible list of metrics. A new metric is a function in a subject file and an entry here."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import (
    catalogue_flow,
    catalogue_paths,
    catalogue_people,
    catalogue_requests,
    catalogue_tickets,
    delivery,
    showback,
)

_DORA = "DORA, software delivery performance metrics (dora.dev guide, as of 2026)"
_COUNTED = (
    "Deployments to the environment that counts (rules.environment, default production) that ended in success; "
    "a re-sync of what already runs is none. Rollbacks and redeploys are deployments."
)
_LINK = (
    "The deployment recorded on the incident, if it is one that counts; where none is recorded, the latest that counts "
    "of the same service that finished at or before the incident opened, at most rules.link_hours (default 24) "
    "earlier. Incidents said not to be change-caused are left out; where nobody said, the link decides."
)

CATALOGUE: tuple[Metric, ...] = (
    Metric(
        name="deployment_frequency",
        title="Deployment frequency",
        question="How often do we deploy to production?",
        formula="successful production deployments ÷ days covered",
        unit="deployments per day",
        better="higher",
        tables=("deployments",),
        estimator=Estimator.RATE,
        population=_COUNTED + " Dated by their end. Days covered are those from the organisation's first known "
        "deployment to the as-of time; a service that began later is counted over the same days.",
        link_rule=None,
        null_policy="None seen is no rate: no value, but the upper bound that so many quiet days allow. A deployment "
        "whose environment, outcome or end is not told is not counted as successful; how many there are is a caution. So is "
        "how many end as the next begins or last longer than 12 hours, where that holds for half of a source (five at least): "
        "their end may be when they were replaced.",
        min_n=1,
        source=_DORA + "; interval: Garwood 1936",
        observations=delivery.deployment_frequency,
        headline=True,
    ),
    Metric(
        name="deployment_days",
        title="Days with a deployment",
        question="On how many days do we deploy to production?",
        formula="days with at least one successful production deployment ÷ days covered",
        unit="share of days",
        better="higher",
        tables=("deployments",),
        estimator=Estimator.DAYS,
        population="Calendar days in the organisation's time zone, from its first known deployment to the last day "
        "that was over at the as-of time; weekends and holidays included. A day counts once however often was deployed.",
        link_rule=None,
        null_policy="A covered day without a deployment is a measured zero: a quiet team has the value 0, not none. "
        "Deployments of which something is not told: as for deployment_frequency.",
        min_n=5,
        source=_DORA + ", deployment frequency read as days; interval: Wilson 1927",
        observations=delivery.deployment_days,
        headline=True,
    ),
    Metric(
        name="change_lead_time",
        title="Change lead time",
        question="How long does a change take to reach production?",
        formula="median over changes of: end of the first successful production deployment that holds the change − "
        "first commit of the change",
        unit="hours",
        better="lower",
        tables=("deployments", "changes", "deployment_changes"),
        estimator=Estimator.MEDIAN,
        population="Changes that reached production for the first time in the period. Each counts once, with the "
        "deployment that brought it first, and belongs to that deployment's service and owner. A change is a pull request "
        "where one is known, else a commit (rules.lead_time_unit: mixed, pull_request or commit; default mixed). Changes that "
        "are not deployed yet are not in it; merge_to_deploy_time counts those.",
        link_rule="deployment_changes: which change is in which deployment, as the source says or git history shows.",
        null_policy="Missing: changes whose first commit is not known or lies after the deployment (a rewritten date). "
        "Deployments of which no change is known add nothing; how many there are is a caution. The first known deployment "
        "of a service may bring all that was done before anything was recorded: its changes count as any others, or are left "
        "out and counted in a caution (rules.first_deployment: count or leave out; default count). Deployments whose end may be "
        "when they were replaced: as for deployment_frequency.",
        min_n=6,
        source=_DORA + "; interval: order statistics, Conover 1999",
        observations=delivery.change_lead_time,
        headline=True,
    ),
    Metric(
        name="change_fail_rate",
        title="Change fail rate",
        question="How often does a deployment cause a failure?",
        formula="successful production deployments with at least one linked incident ÷ successful production deployments",
        unit="share of deployments",
        better="lower",
        tables=("deployments", "incidents"),
        estimator=Estimator.SHARE,
        population=_COUNTED + " Dated by their end. Several incidents of one deployment are one failure.",
        link_rule=_LINK,
        null_policy="An incident linked to no deployment makes none fail; how many there are is a caution, and the "
        "share that is linked stands in the coverage table. Without incidents in the data nothing is measured: no "
        "known incident is not no failure. Deployments made just before the as-of time may still fail.",
        min_n=5,
        source=_DORA + "; interval: Wilson 1927",
        observations=delivery.change_fail_rate,
        headline=True,
    ),
    Metric(
        name="failed_deployment_recovery_time",
        title="Failed deployment recovery time",
        question="How long until service is restored after a failed deployment?",
        formula="Kaplan–Meier median over linked incidents of: resolved − opened",
        unit="hours",
        better="lower",
        tables=("deployments", "incidents"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population="Incidents linked to a deployment, dated by their opening. Per incident: two that overlap count as "
        "two. The time from the deployment to the discovery of the failure is not in it.",
        link_rule=_LINK,
        null_policy="Incidents still open at the as-of time are kept as lasting longer than until then (censored), "
        "neither dropped nor ended. Missing: resolved before they opened. Incidents linked to no deployment are left "
        "out; how many there are is a caution.",
        min_n=5,
        source=_DORA + "; Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log",
        observations=delivery.failed_deployment_recovery_time,
        headline=True,
    ),
    Metric(
        name="deployment_rework_rate",
        title="Deployment rework rate",
        question="How much of our deploying is unplanned repair?",
        formula="(rollbacks, said or seen, + deployments that finished while a linked incident of the same service was open) ÷ "
        "successful production deployments",
        unit="share of deployments",
        better="lower",
        tables=("deployments", "incidents"),
        estimator=Estimator.SHARE,
        population=_COUNTED + " Dated by their end.",
        link_rule=_LINK + " A repair finishes after the incident opened, after the deployment that caused it, and not "
        "after the incident was resolved; the deployment that caused it is not its own repair. An incident that names "
        "no service counts for the service of the deployment that caused it.",
        null_policy="A rollback is what rollback_share counts. A planned deployment that happens to finish while an incident is "
        "open counts, a repair made after it was resolved does not: the sources do not tell them apart. What titles and labels "
        "call a hotfix or revert is not in it, for some teams write that and others do not; the study deployment_classes "
        "tells it beside. Redeploys stay in the denominator: somebody had to make them.",
        min_n=5,
        source=_DORA
        + ", rework rate since 2024; interval: Wilson 1927, with as many observations as the days of a service stand "
        "for (design effect, Kish 1965), since all deployments during one incident are repair together",
        observations=delivery.deployment_rework_rate,
        in_clusters=True,
        headline=True,
    ),
    Metric(
        name="showback_cost",
        title="Cost shown back",
        question="What did we use, and what did it cost?",
        formula="sum of the charges on one cost basis (rules.cost_basis, default effective) that a team owns, and of its shares of pools",
        unit="money",
        better=None,
        tables=("costs",),
        estimator=Estimator.TOTAL,
        population="Every charge whose charge period starts in the period, corrections and credits included; by UTC "
        "calendar, as charge periods are. One total per currency; currencies are never added.",
        link_rule="Direct: the team the charge names (tag or account, through the aliases), else the team that owned "
        "its service that day. A pool ([[pool]]) takes what its rule describes first, and is shared by that rule month by "
        "month, by largest remainder at the last of 24 decimals; pools that use one another are settled direct, step-down or "
        "reciprocal ([showback] services). What providers in weights_only charge is a weight to share by, and no bill.",
        null_policy="A charge is unallocated when no known team owns it, for the first reason that holds: "
        + ", ".join(showback.REASONS)
        + ". Nothing is spread without a rule, or dropped: teams and unallocated add up to the bill, to the last digit.",
        min_n=1,
        source="FinOps Foundation, FOCUS 1.2 (2025): BilledCost, EffectiveCost, ChargePeriodStart, ChargeCategory; service "
        "departments: Horngren, Datar & Rajan, Cost Accounting (2015), ch. 15",
        observations=showback.showback_cost,
        headline=True,
    ),
    *catalogue_flow.ENTRIES,
    *catalogue_people.ENTRIES,
    *catalogue_paths.ENTRIES,
    *catalogue_requests.ENTRIES,
    *catalogue_tickets.ENTRIES,
)
"""Every metric, in the order documents show them."""

HEADLINES: tuple[Metric, ...] = tuple(metric for metric in CATALOGUE if metric.headline)
"""The few that stand on the index, the cards and the table of teams."""


def by_name(name: str) -> Metric:
    """The metric of that name; raises :class:`ReportError` with the nearest known name."""
    for metric in CATALOGUE:
        if metric.name == name:
            return metric
    raise ReportError(f"There is no metric {name!r}.{nearest(name, [m.name for m in CATALOGUE])}")
