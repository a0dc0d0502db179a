"""The part of the catalogue about the way of a change to production, stepping back, and reliability."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import delivery, incident_time, lead_time

_DORA = "DORA, software delivery performance metrics (dora.dev guide, as of 2026)"
_STAGED = (
    "The changes of change_lead_time, dated by their first production deployment and belonging to its service and owner. A "
    "change is a pull request where one is known, else a commit (rules.lead_time_unit: mixed, pull_request or commit)."
)
_ORDER = "interval: order statistics, Conover 1999"
_DRAFT = "Opened is when it was proposed, as the source says; where that is when a draft was made ready, time as a draft is coding."
_SPLIT = (
    "Missing: changes of which one of the two times is not known, or stands out of order with the others; how many run backwards "
    "is a caution. They are neither 0 nor left out of the lead time: in the ledger their time stands as not split. "
)


def _stage(name: str, title: str, question: str, formula: str, known: str) -> Metric:
    return Metric(
        name=f"{name}_time",
        title=title,
        question=question,
        formula=f"median over changes of: {formula}",
        unit="hours",
        better="lower",
        tables=("deployments", "changes", "deployment_changes"),
        estimator=Estimator.MEDIAN,
        population=_STAGED,
        link_rule="deployment_changes: which change is in which deployment.",
        null_policy=_SPLIT + known,
        min_n=6,
        source=_ORDER,
        observations=getattr(lead_time, f"{name}_time"),
    )


ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="time_between_deployments",
        title="Time between deployments",
        question="How long does a service wait for its next deployment?",
        formula="Kaplan–Meier median over deployments of: end of the next successful production deployment of the same "
        "service − end of this one",
        unit="hours",
        better="lower",
        tables=("deployments", "services"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population="Successful production deployments (as for deployment_frequency), dated by the one that begins the wait, "
        "whose owner it belongs to. The next is that of the same service, whoever owns it then.",
        link_rule=None,
        null_policy="The wait that has not ended at the as-of time, or ended with the service, counts as lasting longer "
        "(censored): left out, a team that stopped deploying would look as fast as ever. Missing: deployments of no known "
        "service.",
        min_n=5,
        source=_DORA + ", deployment frequency read as time between deployments; Kaplan & Meier 1958; interval: Brookmeyer & "
        "Crowley 1982, log-log",
        observations=lead_time.time_between_deployments,
    ),
    _stage("coding", "Coding time", "How long from the first commit until a change is proposed?", "opened − first commit", _DRAFT),
    _stage("pickup", "Pickup time", "How long does a change wait for its first review?", "first review − opened",
           "The first review is what the source says it is; whether a machine gave it is not told. " + _DRAFT),
    _stage("review", "Review time", "How long from the first review to the merge?", "merged − first review",
           "Changes nobody is known to have reviewed have none."),
    _stage("delivery", "Delivery time", "How long from the merge to production?", "end of the first deployment − merged",
           "Changes that are not deployed yet are not in it; merge_to_deploy_time counts them."),
    Metric(
        name="merge_to_deploy_time",
        title="Time from merge to production",
        question="How long does finished work wait to reach users?",
        formula="Kaplan–Meier median over merged changes of: end of the first successful production deployment that holds it − "
        "merged",
        unit="hours",
        better="lower",
        tables=("changes", "deployments", "deployment_changes"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population="Merged changes, deployed or not, dated by their merge, of their own service and its owner. A change is a "
        "pull request where one is known, else a commit (rules.lead_time_unit).",
        link_rule="deployment_changes: which change is in which deployment.",
        null_policy="Changes not deployed at the as-of time count as waiting longer (censored); left out, the slowest would be "
        "missing. One that never will be (documents, a reverted idea) waits for ever. Missing: deployed before it was merged. "
        "Changes of services whose deployments name no change are left out; how many there are is a caution.",
        min_n=5,
        source="Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log",
        observations=lead_time.merge_to_deploy_time,
    ),
    Metric(
        name="batch_size",
        title="Batch size",
        question="How many changes come with a deployment?",
        formula="median over successful production deployments of: changes in it",
        unit="changes",
        better="lower",
        tables=("deployments", "changes", "deployment_changes"),
        estimator=Estimator.MEDIAN,
        population="Successful production deployments of which at least one change is known, dated by their end; changes as for "
        "change_lead_time. Also those a rollback or redeploy brings again, where the source says they are in it.",
        link_rule="deployment_changes: which change is in which deployment.",
        null_policy="Deployments of which no change is known are left out; how many there are is a caution.",
        min_n=6,
        source="DORA, working in small batches (dora.dev capabilities, as of 2026); " + _ORDER,
        observations=lead_time.batch_size,
    ),
    Metric(
        name="rollback_share",
        title="Rollback share",
        question="How often do we step back?",
        formula="deployments that put back an earlier version ÷ successful production deployments",
        unit="share of deployments",
        better="lower",
        tables=("deployments",),
        estimator=Estimator.SHARE,
        population="Successful production deployments, as for deployment_frequency, dated by their end. A rollback is one the "
        "source calls so; or whose commit (else version) ran in the same place before what was running, as V1 in V1, V2, V1; or "
        "whose version number is lower, if no change in it says hotfix or revert.",
        link_rule=None,
        null_policy="A deployment that tells neither commit nor version, nor that it is a rollback, is none. A feature switched "
        "off is none either: no deployment shows it.",
        min_n=5,
        source="rule from recurrence: as Datadog's change failure detection (docs, 2026) reads V1, V2, V1; interval: Wilson 1927",
        observations=delivery.rollback_share,
    ),
    Metric(
        name="incident_free_share",
        title="Time without an incident",
        question="How much of the time was there no open incident?",
        formula="1 − time of services with an open incident ÷ time of services covered",
        unit="share of time",
        better="higher",
        tables=("incidents",),
        estimator=Estimator.TIME,
        population="Every service of the catalogue from its creation to its retirement, a team's while it owned them, from the "
        "first known incident to the as-of time. Of each service the union of its incidents counts: two at once are one outage. "
        "Every incident, whatever caused it and however severe. An outage counts in each period it reaches into, with the part "
        "that lies there; n is the incidents, and the caution says over how much time.",
        link_rule=None,
        null_policy="Incidents still open last until the as-of time, and are not left out. Missing: incidents of no known "
        "service, or resolved before they opened. A quiet service has 100 %, with the lower bound that so much quiet time "
        "allows. Without any incident in the data nothing is measured.",
        min_n=0,
        source="DORA, reliability (dora.dev, since 2021), where no service levels are known; interval: Fay & Feuer 1997",
        observations=incident_time.incident_free_share,
    ),
    Metric(
        name="service_level_attainment",
        title="Service levels attained",
        question="Do our services keep what they promise?",
        formula="objectives whose share of good events reached its target ÷ objectives with a target",
        unit="share of objectives",
        better="higher",
        tables=("service_levels",),
        estimator=Estimator.SHARE,
        population="Each objective of each service in each span it is given for, dated by the start of the span. Objectives are "
        "counted, not events: those of a busy service would drown the others, and minutes and requests do not add up.",
        link_rule=None,
        null_policy="Missing: objectives of which counts or target are not told, or nothing was counted. How near each came to its "
        "target, with its events and interval, is in the study service_levels.",
        min_n=5,
        source="DORA, reliability: meeting targets (dora.dev, since 2021); Google, Site Reliability Engineering (Beyer et al. 2016, "
        "chapter 4); interval: Wilson 1927",
        observations=incident_time.service_level_attainment,
    ),
)  # fmt: skip
"""The entries, in the order documents show them."""
