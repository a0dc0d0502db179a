"""The part of the catalogue about golden paths: what is counted as it happens. What stands at the end of a period is in studies."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import new_services, path_use, policies

_WILSON = "Interval: Wilson 1927"

ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="deployment_path_share",
        title="Deployments through a golden path",
        question="How much of our deploying goes through a golden path?",
        formula="successful production deployments that name the golden path they went through ÷ successful production deployments",
        unit="share of deployments",
        better="higher",
        tables=("deployments",),
        estimator=Estimator.SHARE,
        population="Successful production deployments, as for deployment_frequency, dated by their end.",
        link_rule="deployments.golden_path_id: the pipeline or chart the deployment used, as the source names it.",
        null_policy="A deployment that names no path went through none, if its source names one for any; those of a source that "
        "never does are missing. Busy services weigh more here than quiet ones: path_coverage counts services.",
        min_n=5,
        source=_WILSON + ", with as many observations as the days of a service stand for (design effect, Kish 1965)",
        observations=path_use.deployment_path_share,
        in_clusters=True,
    ),
    Metric(
        name="new_service_path_share",
        title="New services born on a golden path",
        question="Is the golden path where new services begin?",
        formula="services created that were made from a golden path ÷ services created",
        unit="share of services",
        better="higher",
        tables=("service_golden_path", "services"),
        estimator=Estimator.SHARE,
        population="Services by when they were created, with the team that owned them that day, since the first look at golden "
        "paths. A leading figure: what is easiest for those who begin.",
        link_rule="service_golden_path.evidence born: the catalogue says what the service was made from.",
        null_policy="Services without a time of creation are left out. Where no source tells of any service how it came to be, all "
        "are missing. Born on a path does not mean on it today: path_coverage says that.",
        min_n=5,
        source=_WILSON,
        observations=path_use.new_service_path_share,
        scopes=("org", "team"),
    ),
    Metric(
        name="new_service_deploy_time",
        title="Time to first deploy of a new service",
        question="How soon is a new service in production?",
        formula="Kaplan–Meier median over new services of: end of the first successful production deployment − first asking of the run "
        "that made the service, else its creation",
        unit="days",
        better="lower",
        tables=("deployments", "services"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population="Services made since the first known production deployment, dated by when they were asked for, with the team that owned "
        "them that day. Older ones may have been deployed before anything was recorded.",
        link_rule="The run that made a service: the last one of a golden path of kind template that succeeded, names the service and was "
        "asked for at most an hour after its creation; tries before it count. Later runs that name it made something else.",
        null_policy="Services not in production yet count as taking longer (censored), those retired before until then. Missing: deployed "
        "before they are said to have been made. Services without a run or a time of creation are left out.",
        min_n=5,
        source="own definition, after DORA, platform engineering (dora.dev capabilities, as of 2026); Kaplan & Meier 1958; interval: "
        "Brookmeyer & Crowley 1982, log-log",
        observations=new_services.new_service_deploy_time,
        scopes=("org", "team"),
    ),
    Metric(
        name="template_abandonment",
        title="Template runs that came to nothing",
        question="How often does a template come to nothing?",
        formula="runs of a golden path that is a template which failed, were cancelled, or whose service had no successful production "
        "deployment within 30 days of the request ÷ runs of such a path",
        unit="share of runs",
        better="lower",
        tables=("action_runs", "deployments"),
        estimator=Estimator.SHARE,
        population="Runs of a golden path of kind template, dated by their request. A run that another says it tries again counts "
        "with the last try; how many there are is a caution.",
        link_rule="action_runs.service_id: the service the run made; the first successful production deployment of it afterwards.",
        null_policy="Missing: runs that have not ended, that name no service, or whose 30 days are not over where the known "
        "deployments end. They are neither kept nor abandoned yet.",
        min_n=5,
        source=_WILSON,
        observations=path_use.template_abandonment,
        scopes=("org", "team"),
    ),
    Metric(
        name="policy_conformance",
        title="Policy conformance",
        question="How much of what rules look at keeps them?",
        formula="verdicts that pass, not under an escape hatch ÷ verdicts that pass, warn or fail",
        unit="share of verdicts",
        better="higher",
        tables=("policy_results",),
        estimator=Estimator.SHARE,
        population="The last verdict of each rule on each resource in each month (a quarter counts that of each of its months), by all "
        "engines, with the team that owned the service when it was judged. A warning is a breach that nothing stopped. How many "
        "services conform at the end of a period, by policy, is in the study policies. What does not change is the same verdict in each month of "
        "a quarter, so that a quarter's interval is rather too narrow.",
        link_rule="policy_results.hatch_id: the hatch the engine names; else one of the service for that policy that stood open then. "
        "What passes only because it is exempt does not conform.",
        null_policy="Missing: the engine gave no verdict (error), or its source lists failures only, so that what passes is not known "
        "(Gatekeeper). Skipped without a hatch is in neither number. What a rule that denies turned away is in no report: the "
        "object does not exist.",
        min_n=5,
        source=_WILSON + ", with as many observations as the days of a service stand for (design effect, Kish 1965)",
        observations=policies.policy_conformance,
        in_clusters=True,
    ),
)
"""Its metrics, in the order documents show them."""
