"""The part of the catalogue about what people ask the platform for: how fast it comes, and who has to agree."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import approvals, requests, uses

_ASKED = (
    "Requests for approval that a person was to decide; what a machine decided (approvals.automated, or a responder that is a bot) "
    "is left out. "
)
_SENT_BACK = "Sent back (CDEvents requestchanges) is an answer and no refusal; deferred, delegated and escalated requests still wait. "

_CHAIN = (
    "Runs that try the same thing again are one request: the source names the run before (previous_run_id), or the same requestor "
    "asks for the same operation and service at most 24 hours after a run that did not succeed. "
)

ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="exposed_run_share",
        title="Dangerous runs unchecked",
        question="How much that is dangerous is done without anybody else having agreed?",
        formula="dangerous uses carried out ungated, round their gate, approved by who asked for them, or approved after they "
        "began ÷ dangerous uses carried out",
        unit="share of runs",
        better="lower",
        tables=("action_runs", "operations"),
        estimator=Estimator.SHARE,
        population="Runs of self-service operations classified as dangerous (operations.risk; nobody's guess), what else approval "
        "was asked for, and escape hatches of such operations, that were carried out; dated by when they were asked for. An "
        "automatic gate is a gate.",
        link_rule="approvals.subject_id: which run or deployment an approval is for; the approvals of one request hold for all of "
        "its runs. Where a person is said to stand before an operation, and others asked one, a run without approval went round.",
        null_policy="Missing: what stood before it is neither said nor seen, for no approval is in the data. Operations nobody has "
        "classified are not in it: they are listed, never taken for safe. When a decision is not known exactly, it is not said to "
        "come after the fact. What is done off the platform is not seen.",
        min_n=5,
        source="gate by risk: own definition, after CDEvents approval (draft 0.6, 2026) and DORA, streamlining change approval "
        "(dora.dev capabilities, as of 2026); interval: Wilson 1927",
        observations=uses.exposed_run_share,
        scopes=("org", "team"),
    ),
    Metric(
        name="gate_evasion_share",
        title="Dangerous uses off the platform",
        question="How much that is dangerous is done round the platform?",
        formula="dangerous uses done by hand, round a gate, over a policy or with reconciliation suspended ÷ dangerous uses carried out",
        unit="share of uses",
        better="lower",
        tables=("action_runs", "operations", "escape_hatches"),
        estimator=Estimator.SHARE,
        population="As for exposed_run_share: runs, what else approval was asked for, and escape hatches of operations classified as "
        "dangerous, that were carried out. Round the platform: escape hatches of kind manual (an apply or a sync by hand), bypass (an "
        "admin's), override and suspend; an exemption or exception only where who asked for it granted it.",
        link_rule="An escape hatch is a use of the operation called as its policy, else of the only operation of its golden path.",
        null_policy="Visible only where an audit log or another record of such things is loaded: while the data hold none of these "
        "kinds, every use is missing, for none seen is not none. What no log records stays unseen, so this is a lower bound. Hatches "
        "without a date are left out.",
        min_n=5,
        source="own definition; interval: Wilson 1927",
        observations=uses.gate_evasion_share,
        scopes=("org", "team"),
    ),
    Metric(
        name="approval_queue_time",
        title="Approval queue time",
        question="How long do people wait for an approval?",
        formula="Kaplan–Meier median over requests of: answered − asked",
        unit="hours",
        better="lower",
        tables=("approvals",),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_ASKED + "Dated by when they were asked. Clock hours, nights and weekends included.",
        link_rule=None,
        null_policy=_SENT_BACK + "Requests that still wait, and those withdrawn or expired at a known time, count as waiting longer "
        "(censored): left out, the slowest would be missing. Missing: answered or ended, but not known when, or only by when, or "
        "before it was asked.",
        min_n=5,
        source="CDEvents approval (draft 0.6, 2026); Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log",
        observations=approvals.approval_queue_time,
    ),
    Metric(
        name="approval_share",
        title="Approved",
        question="How many requests are approved in the end?",
        formula="requests approved ÷ requests approved or refused",
        unit="share of decisions",
        better=None,
        tables=("approvals",),
        estimator=Estimator.SHARE,
        population=_ASKED + "Dated by the decision, where its time is told, else by the asking. Neither more nor less is better in "
        "itself: a gate that never refuses may do nothing, one that often does comes too late.",
        link_rule=None,
        null_policy=_SENT_BACK + "Those are in neither number, nor are requests withdrawn, expired or waiting. A decision of unknown "
        "time counts.",
        min_n=5,
        source="CDEvents approval (draft 0.6, 2026); interval: Wilson 1927",
        observations=approvals.approval_share,
    ),
    Metric(
        name="approval_withdrawal_share",
        title="Approval requests withdrawn",
        question="How often do people give up waiting for an approval?",
        formula="requests withdrawn ÷ requests",
        unit="share of requests",
        better="lower",
        tables=("approvals",),
        estimator=Estimator.SHARE,
        population=_ASKED + "Dated by when they were asked. Why one is withdrawn is not told: some are no longer needed.",
        link_rule=None,
        null_policy="Requests that still wait may yet be withdrawn. Expired ones are not. Missing: how it stands is not told.",
        min_n=5,
        source="CDEvents approval (draft 0.6, 2026); interval: Wilson 1927",
        observations=approvals.approval_withdrawal_share,
    ),
    Metric(
        name="provisioning_time",
        title="Time to provision",
        question="How long from asking the platform for something until it can be used?",
        formula="Kaplan–Meier median over requests of: result usable − first asked",
        unit="hours",
        better="lower",
        tables=("action_runs",),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_CHAIN + "Operations of which the source ever tells when a result could be used; dated by the first asking. Waiting "
        "for approval is in it.",
        link_rule=None,
        null_policy="Requests not usable yet count as taking longer (censored), those that failed or were cancelled and not tried again "
        "until their last run ended: a failure is no fast success. Missing: given up but not told when, or usable before it was asked for.",
        min_n=5,
        source="CNCF Platforms white paper (2023), latency of requests; Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log",
        observations=requests.provisioning_time,
    ),
    Metric(
        name="run_success_share",
        title="Runs that succeed",
        question="How often does self-service work?",
        formula="runs that succeeded ÷ runs that succeeded or failed",
        unit="share of runs",
        better="higher",
        tables=("action_runs",),
        estimator=Estimator.SHARE,
        population="Runs of self-service operations, dated by their end, else by when they were asked for. Each try counts.",
        link_rule=None,
        null_policy="Cancelled and withdrawn runs, those that have not ended and those whose outcome is not told are in neither number.",
        min_n=5,
        source="interval: Wilson 1927",
        observations=requests.run_success_share,
    ),
    Metric(
        name="first_try_share",
        title="First-try success",
        question="How often does self-service work at the first try?",
        formula="requests whose first run succeeded ÷ requests of which a run succeeded or failed",
        unit="share of requests",
        better="higher",
        tables=("action_runs",),
        estimator=Estimator.SHARE,
        population=_CHAIN + "Dated by the first asking.",
        link_rule=None,
        null_policy="Requests of which every run was cancelled, has not ended, or does not tell its outcome are in neither number. A "
        "first run that was cancelled and tried again did not succeed at the first try.",
        min_n=5,
        source="interval: Wilson 1927",
        observations=requests.first_try_share,
    ),
)  # fmt: skip
"""The entries, in the order documents show them."""
