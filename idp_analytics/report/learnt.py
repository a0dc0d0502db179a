"""What was learnt from changes that were registered and looked at: beside the area each was about, and in the next steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import effect, named
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.impact.columns import PRIMARY, Method, State
from idp_analytics.report import words
from idp_analytics.report.slices import where

_TITLES = {metric.name: metric.title for metric in CATALOGUE}

Row = Mapping[str, Any]

LOOKED_AT = (State.DUE.value, State.REVIEWED.value)
"""States in which the day to look has come: what is said before that is no answer."""

COMPARED = (Method.GROUP_TIME.value, Method.SYNTHETIC.value)
"""Methods that compare with units that had not taken it up; the others know only before and after."""

AGAINST: Mapping[str, str] = {
    Method.GROUP_TIME.value: "against units that had not taken it up",
    Method.SYNTHETIC.value: "against a mix of others that moved alike before",
    Method.INTERRUPTED.value: "against what the weeks before let expect",
    Method.PROCESS_BEHAVIOUR.value: "after against before",
}
"""What a difference is one to, by method."""


def judged(impact: pl.DataFrame) -> list[dict[str, Any]]:
    """The row of each change about the metric it is judged by, whose day to look has come; the latest review first."""
    rows = [row for row in where(impact, role=PRIMARY).to_dicts() if row["state"] in LOOKED_AT]
    rows.sort(key=lambda row: row["intervention_id"])
    return sorted(rows, key=lambda row: (row["review_on"] is None, row["review_on"]), reverse=True)


def tried(impact: pl.DataFrame, metric: str | None) -> str:
    """``tried: auto-approve, no detectable change; …`` of the changes judged by that metric whose day to look has come; empty where there is none."""
    told = [
        f"{named(row['intervention_id'])}, {outcome(row)}"
        for row in judged(impact)
        if row["metric"] == metric is not None
    ]
    return f"tried: {'; '.join(told)}" if told else ""


def outcome(row: Row) -> str:
    """The verdict with its difference and what that is one to: ``improved (−9.0 h, −14.0 to −4.0 against units that had not taken it up)``."""
    told = _difference(row)
    return f"{_verdict(row)} ({told} {AGAINST[row['method']]})" if told else _verdict(row)


def briefly(row: Row) -> str:
    """The verdict with its difference: ``improved: −9.0 h, 95 % interval −14.0 to −4.0``."""
    head, _, bounds = _difference(row).partition(", ")
    told = f"{head}, {words.level(row)} {bounds}" if bounds else head
    return f"{_verdict(row)}: {told}" if told else _verdict(row)


def _difference(row: Row) -> str:
    return "" if row["effect"] is None else effect(row["effect"], row["low"], row["high"], row["unit"] or "")


def _verdict(row: Row) -> str:
    if row["verdict"] == Verdict.NOT_IDENTIFIED.value and row["method"] not in COMPARED:
        return "it changed, and why is not identified"
    return str(row["verdict"])


def title(row: Row) -> str:
    """What the metric it is judged by is called."""
    return _TITLES.get(row["metric"]) or named(row["metric"])


def metric_words(row: Row) -> str:
    """The same inside a sentence."""
    told = title(row)
    return f"{told[:1].lower()}{told[1:]}"
