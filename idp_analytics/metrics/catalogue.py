"""The one visible list of metrics. A new metric is a function in a subject file and an entry here."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import delivery, showback

_DORA = "DORA, software delivery performance metrics (dora.dev guide, read 2026)"
_COUNTED = "Successful production deployments that are not re-syncs."
_LINK = (
    "The deployment recorded on the incident, else the latest counted deployment of the same service that finished at or "
    "before the incident opened and at most rules.link_hours (default 24) earlier. Incidents said not to be change-caused are left out."
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
        population=_COUNTED + " Exposure is the days of the period that the data cover, up to the as-of time.",
        link_rule=None,
        null_policy="No deployment seen: no rate is printed, only the upper bound. Deployments without outcome, environment or end are not counted as successful.",
        min_n=1,
        source=_DORA + "; interval: exact Poisson, Garwood 1936",
        observations=delivery.deployment_frequency,
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
        population="Days of the period that the data cover, cut in the organisation's time zone.",
        link_rule=None,
        null_policy="A covered day without a deployment is a measured zero; a day outside the data is not counted.",
        min_n=5,
        source=_DORA + " (deployment frequency as days); interval: Wilson 1927",
        observations=delivery.deployment_days,
    ),
    Metric(
        name="change_lead_time",
        title="Change lead time",
        question="How long does a change take to reach production?",
        formula="median over changes of: end of the first successful production deployment that holds the change − its first commit",
        unit="hours",
        better="lower",
        tables=("deployments", "changes", "deployment_changes"),
        estimator=Estimator.MEDIAN,
        population="Changes first deployed in the period; each counts once, with the deployment that brought it first.",
        link_rule="deployment_changes: which change is in which deployment, as the source says or the git history shows.",
        null_policy="Missing: the first commit is not known or lies after the deployment. Deployments without any known change add nothing. Changes not deployed yet are not in the population.",
        min_n=6,
        source=_DORA + "; interval: order statistics, Conover 1999",
        observations=delivery.change_lead_time,
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
        population=_COUNTED + " Rollbacks and redeploys are deployments too.",
        link_rule=_LINK,
        null_policy="An incident linked to no deployment makes none fail; the linked share is in the coverage table. No deployments: no rate.",
        min_n=5,
        source=_DORA + "; interval: Wilson 1927",
        observations=delivery.change_fail_rate,
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
        population="Incidents linked to a deployment, opened in the period. Overlapping incidents count one by one.",
        link_rule=_LINK,
        null_policy="Open incidents are kept as lasting longer than until now (censored), never dropped or ended. Missing: resolved before it opened.",
        min_n=5,
        source=_DORA + "; Kaplan & Meier 1958, interval: Brookmeyer & Crowley 1982, log",
        observations=delivery.failed_deployment_recovery_time,
    ),
    Metric(
        name="deployment_rework_rate",
        title="Deployment rework rate",
        question="How much of our deploying is repair?",
        formula="rollbacks, and deployments made while a linked incident of the same service was open ÷ successful production deployments",
        unit="share of deployments",
        better="lower",
        tables=("deployments", "incidents"),
        estimator=Estimator.SHARE,
        population=_COUNTED,
        link_rule=_LINK + " The deployment that caused the incident is not its own repair.",
        null_policy="A deployment not said to be a rollback is none. Repairs after the incident was resolved are not seen.",
        min_n=5,
        source=_DORA + " (rework rate, since 2024); interval: Wilson 1927",
        observations=delivery.deployment_rework_rate,
    ),
    Metric(
        name="showback_cost",
        title="Cost shown back",
        question="What did we use, and what did it cost?",
        formula="sum of charges on the basis rules.cost_basis (default effective), by the owner on the day of the charge",
        unit="money",
        better=None,
        tables=("costs",),
        estimator=Estimator.TOTAL,
        population="Every charge whose period starts in the period; currencies are never added.",
        link_rule="Owner: the team a tag or account names, else the team that owned the tagged service that day.",
        null_policy="A charge without a known owner is unallocated, with its reason; it is never spread or dropped.",
        min_n=1,
        source="FOCUS 1.2, BilledCost and EffectiveCost (FinOps Foundation 2025)",
        observations=showback.showback_cost,
    ),
)  # fmt: skip


def by_name(name: str) -> Metric:
    """The metric of that name; raises :class:`ReportError` with the nearest known name."""
    for metric in CATALOGUE:
        if metric.name == name:
            return metric
    raise ReportError(f"There is no metric {name!r}.{nearest(name, [m.name for m in CATALOGUE])}")
