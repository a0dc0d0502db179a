"""Answers as sentences. Every number in a report's prose is put there by this module, none by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.charts.wording import NOTHING, clean, count, interval, money, period, quantity
from idp_analytics.periods import label, preceding

Answer = Mapping[str, Any]
"""One row of the answer table, column name to value."""


@dataclass(frozen=True)
class Said:
    """How a verdict is shown: a symbol beside the word, so that colour is never all there is, and what it means."""

    symbol: str
    meaning: str


VERDICTS: Mapping[Verdict, Said] = {
    Verdict.IMPROVED: Said("✓", "the interval of the change lies wholly on the better side"),
    Verdict.WORSENED: Said("!", "the interval of the change lies wholly on the worse side"),
    Verdict.NO_DETECTABLE_CHANGE: Said(
        "≈", "the interval of the change holds “no change”; a change too small for these counts may still be there"
    ),
    Verdict.INSUFFICIENT_DATA: Said("…", "too few observations for a value"),
    Verdict.SUPPRESSED: Said("–", "withheld, because the number could single out a person"),
    Verdict.NOT_MEASURED: Said("∅", "the data do not cover what the number needs"),
    Verdict.NOT_IDENTIFIED: Said("?", "there is nothing sound to compare with, so nothing is said about change"),
}
"""The closed list of verdicts, each with its symbol and meaning."""

TERMS: Mapping[str, str] = {
    "interval": "The values the true number may well have, given how few or many observations there are; methods are "
    "chosen so that 95 of 100 such intervals hold it, unless the settings say another level.",
    "n": "Observations the number rests on.",
    "missing": "Rows that belong to the population but do not say what the number needs; they are counted, never guessed.",
    "open": "Not ended by the as-of time; counted as lasting longer, never dropped.",
    "partial period": "The as-of time, or the beginning of the data, lies inside the period.",
    "as-of time": "Nothing that happened at or after it is known to this report.",
}
"""Words every report uses, with their meaning."""


@dataclass(frozen=True)
class Phrase:
    """How one metric talks: what is counted, and what happened to those counted."""

    noun: str
    place: str = ""  # where or how they were counted, after the noun
    hit: tuple[str, str] = ("counted", "counted")  # what k of them did: one, several
    over: tuple[str, str] = ("was over", "were over")  # what those who are not still open had come to (survival)


PHRASES: Mapping[str, Phrase] = {
    "deployment_frequency": Phrase("deployment"),
    "deployment_days": Phrase("day"),
    "change_lead_time": Phrase("change", "first deployed"),
    "change_fail_rate": Phrase("deployment", hit=("failed", "failed")),
    "failed_deployment_recovery_time": Phrase("incident", "that followed a deployment"),
    "deployment_rework_rate": Phrase("deployment", hit=("was repair", "were repair")),
    "time_between_deployments": Phrase("deployment", over=("was followed by the next", "were followed by the next")),
    "coding_time": Phrase("change", "first deployed"),
    "pickup_time": Phrase("change", "first deployed"),
    "review_time": Phrase("change", "first deployed"),
    "delivery_time": Phrase("change", "first deployed"),
    "merge_to_deploy_time": Phrase("change", "merged", over=("was in production", "were in production")),
    "batch_size": Phrase("deployment"),
    "rollback_share": Phrase("deployment", hit=("stepped back", "stepped back")),
    "incident_free_share": Phrase("incident"),
    "service_level_attainment": Phrase("objective", hit=("was met", "were met")),
    "deployment_working_days": Phrase("working day"),
    "pages_per_service_week": Phrase("page"),
    "pages_per_shift": Phrase("page"),
    "out_of_hours_page_share": Phrase("page", hit=("came outside working time", "came outside working time")),
    "night_page_share": Phrase("page", hit=("came at night", "came at night")),
    "time_to_first_deploy": Phrase(
        "newcomer", "who started", over=("had work in production", "had work in production")
    ),
    "time_to_tenth_merged_change": Phrase(
        "newcomer", "who started", over=("had ten changes merged", "had ten changes merged")
    ),
    "deployment_path_share": Phrase("deployment", hit=("went through a golden path", "went through a golden path")),
    "new_service_path_share": Phrase("new service", hit=("was born on a golden path", "were born on a golden path")),
    "new_service_deploy_time": Phrase("new service", over=("was in production", "were in production")),
    "template_abandonment": Phrase("template run", hit=("came to nothing", "came to nothing")),
    "policy_conformance": Phrase("verdict", hit=("conforms", "conform")),
    "approval_queue_time": Phrase("request", over=("was answered", "were answered")),
    "approval_share": Phrase("decision", hit=("approved", "approved")),
    "approval_withdrawal_share": Phrase("request", hit=("was withdrawn", "were withdrawn")),
    "provisioning_time": Phrase("request", over=("could be used", "could be used")),
    "run_success_share": Phrase("run", hit=("succeeded", "succeeded")),
    "first_try_share": Phrase("request", hit=("succeeded at once", "succeeded at once")),
    "exposed_run_share": Phrase("dangerous run", hit=("was unchecked", "were unchecked")),
    "gate_evasion_share": Phrase("dangerous use", hit=("was off the platform", "were off the platform")),
    "tickets_per_developer_month": Phrase("ticket"),
    "tickets_per_service_month": Phrase("ticket"),
    "ticket_response_time": Phrase("ticket", over=("was answered", "were answered")),
    "ticket_resolution_time": Phrase("ticket", over=("was settled", "were settled")),
    "ticket_reopen_share": Phrase("ticket", hit=("was opened again", "were opened again")),
    "platform_ticket_share": Phrase("ticket", hit=("was about the platform itself", "were about the platform itself")),
    "showback_cost": Phrase("line"),
}
_ANY = Phrase("observation")

_WHAT = {
    Estimator.RATE: "a rate",
    Estimator.SHARE: "a rate",
    Estimator.DAYS: "a share",
    Estimator.WORKING_DAYS: "a share",
    Estimator.EXPOSURE: "a rate",
    Estimator.TIME: "a share",
    Estimator.MEDIAN: "a median",
    Estimator.SURVIVAL_MEDIAN: "a median",
    Estimator.TOTAL: "a total",
}


def phrase(metric: str) -> Phrase:
    """How the metric of that name talks; one without words of its own has observations."""
    return PHRASES.get(metric, _ANY)


def answer(metric: Metric, row: Answer, before: Answer | None = None) -> str:
    """The answer as one sentence: what was counted, the value, its interval, and what may be said against ``before``."""
    if row["verdict"] == Verdict.NOT_MEASURED:
        return f"Not measured in {_when(row)}: {_why_not_measured(metric, row)}."
    if row["verdict"] == Verdict.SUPPRESSED:
        return f"Withheld for {_when(row)}: the number could single out a person."
    if row["value"] is None:
        return _without_value(metric, row)
    return f"{_with_value(metric, row)}{against(metric, row, before)}."


def slowest(row: Answer, slow: Answer | None) -> str:
    """By when nine in ten of those a median is of had ended, as a sentence; empty where that is not known, or the median is not."""
    if slow is None or slow["p90"] is None or row["value"] is None:
        return ""
    bounds = interval(slow["low"], slow["high"], slow["unit"], slow["p90"])
    sure = "too few for an interval" if bounds == NOTHING else f"{level(slow)} {bounds}"
    return f"Nine in ten: {quantity(slow['p90'], slow['unit'])} or less ({sure})."


def against(metric: Metric, row: Answer, before: Answer | None) -> str:
    """The half-sentence that compares a value with the period before; empty where neither way is better."""
    if metric.better is None:
        return ""
    earlier = period(_label_before(row), row["period"])
    if row["verdict"] != Verdict.NOT_IDENTIFIED:
        was = f" ({quantity(before['value'], metric.unit)})" if before and before["value"] is not None else ""
        return f"; {row['verdict']} against {earlier}{was}"
    if before is None:
        return f"; the data do not reach back to {earlier}"
    if before["value"] is None:
        return f"; {earlier} has no value to compare with"
    return f"; {earlier} is only partly covered, so the two are not compared" if before["is_partial"] else ""


def cautions(row: Answer) -> tuple[str, ...]:
    """What a reader of one answer must be warned of, one sentence each."""
    if row["verdict"] == Verdict.NOT_MEASURED:
        return ()  # the answer itself says why
    told = [f"{part[0].upper()}{part[1:]}." for part in _said(row)]
    if row["censored"]:
        told.append(f"{count(row['censored'], 'is', 'are')} still open at the as-of time.")
    return tuple(told)


def some(n: int) -> str:
    """A count in a sentence, ``1,234`` or ``none``."""
    return f"{n:,}" if n else "none"


def level(row: Answer) -> str:
    """``95 % interval``."""
    return f"{100 * (row['level']):g} % interval"


def _label_before(row: Answer) -> str:
    return label(preceding(row["period_start"], row["every"]), row["every"])


def _when(row: Answer) -> str:
    return f"{period(row['period'])}{' (partial period)' if row['is_partial'] else ''}"


def _why_not_measured(metric: Metric, row: Answer) -> str:
    told = [part for part in _said(row) if part != "partial period"]
    return told[0] if told else f"there are no rows of {' or '.join(metric.tables)} that cover it"


def _said(row: Answer) -> list[str]:
    return [part for part in map(clean, (row["caution"] or "").split(";")) if part]


def _bounds(metric: Metric, row: Answer) -> str:
    return f"({level(row)} {interval(row['low'], row['high'], metric.unit, row['value'])})"


def _with_value(metric: Metric, row: Answer) -> str:
    said = phrase(metric.name)
    value, when, n, k = quantity(row["value"], metric.unit), _when(row), row["n"], row["k"]
    counted = f"{count(n, said.noun)} {said.place}".strip()
    bounds = _bounds(metric, row)
    match metric.estimator:
        case Estimator.SHARE:
            hit = f"none {said.hit[0]}" if k == 0 else f"{k:,} {said.hit[k != 1]}"
            return f"Of {counted} in {when}, {hit}: {value} {bounds}"
        case Estimator.TIME:
            return f"{counted} in {when}: {value} of the time without one {bounds}"
        case Estimator.DAYS | Estimator.WORKING_DAYS:
            return f"On {k:,} of {counted} in {when} there was at least one deployment: {value} {bounds}"
        case Estimator.MEDIAN:
            did = "took" if metric.unit == "hours" else "had"
            return f"Half of the {counted} in {when} {did} {value} or less {bounds}"
        case Estimator.SURVIVAL_MEDIAN:
            return f"Half of the {counted} in {when} {said.over[n != 1]} within {value} {bounds}"
        case Estimator.RATE | Estimator.EXPOSURE:
            return f"{counted} in {when}: {value} {bounds}"
        case _:
            return f"{metric.title} in {when}: {money(row['amount'], row['currency'])} from {counted}"


def _without_value(metric: Metric, row: Answer) -> str:
    said = phrase(metric.name)
    what, n, k, unit = _WHAT[metric.estimator], row["n"], row["k"] or 0, metric.unit
    counted = f"{count(n, said.noun)} {said.place}".strip()
    if n == 0:
        head = f"No {said.noun} {said.place}".strip() + f" in {_when(row)}, so {what} cannot be given"
    elif metric.estimator is Estimator.EXPOSURE and n >= metric.min_n:
        head = f"{counted} in {_when(row)}, but what to divide by is not known ({metric.formula}), so {what} cannot be given"
    elif metric.estimator is not Estimator.SURVIVAL_MEDIAN:
        head = f"Only {counted} in {_when(row)}: too few for {what} ({metric.min_n} are needed)"
    elif k < metric.min_n:
        head = f"Of {counted} in {_when(row)}, {k or 'none'} {said.over[k != 1]}: too few for {what} ({metric.min_n} are needed)"
    else:
        head = f"Of {counted} in {_when(row)}, {k:,} {said.over[k != 1]}; half have not come that far yet, so the median is not reached"
    low, high = row["low"], row["high"]
    if low is None and high is None:
        return f"{head}."
    if high is None:
        return f"{head}; it is above {quantity(low, unit)} ({level(row)})."
    if not low:
        return f"{head}; it is at most {quantity(high, unit)} ({level(row)})."
    return f"{head}; the {level(row)} is {interval(low, high, unit)}."
