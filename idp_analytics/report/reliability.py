"""Whether services are there for their users: what they promise, where that is known, and time without an incident."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, metric, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDY = "service_levels"
UNIT = "share of time"
ATTAINED, FREE = "service_level_attainment", "incident_free_share"

SHOWN = 40
"""Objectives listed at most; those that were missed come first."""


def reliability(view: View) -> Section:
    """Service levels attained and error budgets where they are known, and the time without an open incident."""
    found = view.study(STUDY)
    has_levels = bool(view.row(by_name(ATTAINED))["n"])
    free, attained = metric.section(view, FREE, drawn=not has_levels), metric.section(view, ATTAINED, drawn=has_levels)
    first, second = (attained, free) if has_levels else (free, None)
    listed = found.sort(pl.col("is_met").fill_null(True), "service_id", "objective").to_dicts()
    budgets = cells.table(
        f"Service levels of {view.name}, {period(view.period.label)}", map(_objective, listed[:SHOWN]),
        ("Objective", "Met"), max(0, len(listed) - SHOWN),
    )  # fmt: skip
    missed = [row for row in listed if row["is_met"] is False]
    said = [first.answer, *_missed(missed), *([second.answer] if second else [])]
    return replace(
        first,
        question="Are our services there for their users?",
        answer=" ".join(said),
        tables=tuple(table for table in (budgets, *first.tables, *(second.tables if second else ())) if table.height),
        cautions=tuple(
            dict.fromkeys(
                (
                    *first.cautions,
                    *(second.cautions if second else ()),
                    *_cautions(has_levels, sum(row["missing"] for row in listed)),
                )
            )
        ),
        metrics=(by_name(ATTAINED), by_name(FREE)),
    )


def _missed(rows: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    whose = "its target" if len(rows) == 1 else "their targets"
    told = f"Over the whole period {count(len(rows), 'objective')} missed {whose}"
    budgeted = [row for row in rows if row["budget_used"] is not None]  # a target of all events leaves no budget to use
    if not budgeted:
        yield f"{told}."
        return
    worst = max(budgeted, key=lambda row: (row["budget_used"], row["service_id"] or ""))
    what = f"{named(worst['objective'] or 'an objective')} of {named(worst['service_id'] or 'an unknown service')}"
    yield f"{told}; the most of an error budget was used by {what}, {worst['budget_used']:.1f} times all of it."


def _objective(row: dict[str, Any]) -> dict[str, str]:
    met = {True: "yes", False: "no", None: "not known"}[row["is_met"]]
    return {
        "Service": named(row["service_id"] or "unknown"),
        "Objective": named(row["objective"] or ""),
        "Target": quantity(row["target"], UNIT),
        "Good": f"{row['good']:,} of {row['total']:,}" if row["total"] else NOTHING,
        "Share": quantity(row["share"], UNIT),
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]),
        "Error budget used": f"{100 * row['budget_used']:,.0f} %" if row["budget_used"] is not None else NOTHING,
        "Spans without counts": f"{row['missing']:,}" if row["missing"] else "",
        "Met": met,
    }


def _cautions(has_levels: bool, missing: int) -> Iterator[str]:
    if missing:
        yield f"{count(missing, 'span')} {'has' if missing == 1 else 'have'} no counts: what happened then is in no objective's share."
    if has_levels:
        yield "Bad events come together, so the interval of a share of events is narrower than what is really known."
    else:
        yield "No service levels are known: time without an incident stands in for them, and is no better than incidents are recorded."
