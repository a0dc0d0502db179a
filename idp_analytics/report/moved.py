"""Which numbers moved against the period before, among all that can be compared, and how many would by chance alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import count, period
from idp_analytics.metrics import by_name
from idp_analytics.report import summary, words
from idp_analytics.report.section import Statement
from idp_analytics.report.view import View

WHERE: Mapping[str, tuple[str, ...]] = {
    "How often do we deploy to production?": ("deployment_frequency",),
    "On how many days do we deploy to production?": ("deployment_days",),
    "How long does a change take to reach production?": ("change_lead_time",),
    "How often does a deployment cause a failure?": ("change_fail_rate",),
    "How long until service is restored after a failed deployment?": ("failed_deployment_recovery_time",),
    "How much of our deploying is unplanned repair?": ("deployment_rework_rate",),
    "Where does the time go?": (
        "coding_time", "pickup_time", "review_time", "delivery_time", "merge_to_deploy_time", "time_between_deployments", "batch_size",
    ),
    "What were our deployments?": ("rollback_share",),
    "Are our services there for their users?": ("service_level_attainment", "incident_free_share"),
    "How heavy is on-call?": ("pages_per_service_week", "pages_per_shift", "out_of_hours_page_share", "night_page_share"),
    "How soon do new engineers ship?": ("time_to_first_deploy", "time_to_tenth_merged_change"),
    "Who is on a golden path?": (
        "deployment_path_share", "new_service_path_share", "new_service_deploy_time", "template_abandonment",
    ),
    "Do our services keep the rules?": ("policy_conformance",),
    "Do people wait for what is safe, and is what is dangerous checked?": ("exposed_run_share", "gate_evasion_share"),
    "How long do people wait for an approval, and does the gate look?": ("approval_queue_time", "approval_withdrawal_share"),
    "How soon can what we ask the platform for be used?": ("provisioning_time", "run_success_share", "first_try_share"),
    "What do people ask the platform for, and how long do they wait?": (
        "tickets_per_developer_month", "ticket_response_time", "ticket_resolution_time", "ticket_reopen_share",
    ),
}  # fmt: skip
"""Question of a section → the metrics it answers whose change is good or bad. Of two that count the same thing over another
denominator (deployments by working days, tickets per service) one is here, or a move would be counted twice."""

QUESTION_OF = {name: question for question, names in WHERE.items() for name in names}

WORSE, BETTER = 3, 2
"""So many that got worse, and that got better, are told in a sentence each; the others by name."""


def moved(view: View) -> Iterator[Statement]:
    """How many numbers moved of how many, then what got worse and what got better, each in the order of the sections."""
    now = {name: view.row(by_name(name)) for name in QUESTION_OF}
    before = {name: view.row_before(by_name(name)) for name in QUESTION_OF}
    names = [name for name in QUESTION_OF if view.scope == "org" or not by_name(name).about_people]
    by_verdict = {
        verdict: [row for name in names if (row := now.get(name)) and row["verdict"] == verdict]
        for verdict in (Verdict.WORSENED, Verdict.IMPROVED, Verdict.NO_DETECTABLE_CHANGE)
    }
    worse, better, still = by_verdict.values()
    yield Statement(_counted(view, worse, better, still, len(names)), summary.QUESTION)
    for rows, most in ((worse, WORSE), (better, BETTER)):
        for row in rows[:most]:
            metric = by_name(row["metric"])
            said = words.answer(metric, row, before.get(row["metric"]))
            yield Statement(
                f"{metric.title}. {said}",
                QUESTION_OF[row["metric"]],
                Verdict(row["verdict"]),
                view.trace(row["metric"]),
            )
        for row in rows[most : most + 1]:
            others = ", ".join(by_name(one["metric"]).title.lower() for one in rows[most:])
            yield Statement(
                f"{row['verdict'].capitalize()} too: {others}.", QUESTION_OF[row["metric"]], Verdict(row["verdict"])
            )


def _counted(view: View, worse: list[Any], better: list[Any], still: list[Any], of: int) -> str:
    when, earlier = period(view.period.label), period(view.before, view.period.label)
    compared = len(worse) + len(better) + len(still)
    rest = of - compared
    if not compared:
        return f"Not one of {of} numbers of {when} can be compared with {earlier}."
    chance = sum(1 - row["level"] for row in (*worse, *better, *still))
    left = f"; {rest} more cannot be compared" if rest else ""
    return (
        f"Of {count(compared, 'number')} of {when} that can be compared with {earlier}, {len(worse) or 'none'} got worse and {len(better) or 'none'} got better; "
        f"chance alone would move about {chance:.1f}{left}."
    )
