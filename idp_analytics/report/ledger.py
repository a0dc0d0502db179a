"""Where the time of a change goes: its lead time in stages, what cannot be split, and how work waits for production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import count, interval, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.lead_time import NOT_SPLIT
from idp_analytics.metrics.lead_time_ledger import TOTAL
from idp_analytics.report import cells, metric, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import having, lacking
from idp_analytics.report.view import View

STUDY = "lead_time_ledger"
UNIT = "share of lead time"

STAGES = {
    "coding": "the work before a change is proposed",
    "pickup": "the wait for the first review",
    "review": "the review, up to the merge",
    "delivery": "the way from merge to production",
    NOT_SPLIT: "time that cannot be split",
}
"""Part → what it is, in the order shown."""

FLOW = ("merge_to_deploy_time", "batch_size", "time_between_deployments")
MEDIANS = ("coding_time", "pickup_time", "review_time", "delivery_time")

MUCH = 0.2
"""From which share on it is said that a part of the time cannot be split."""


def ledger(view: View) -> Section:
    """The stages of the lead time of all changes that reached production in the period, adding up to the whole."""
    lead_time = by_name("change_lead_time")
    row = view.row(lead_time)
    found = view.study(STUDY)
    by_part = {r["part"]: r for r in lacking(found, "reason").to_dicts()}
    whole = by_part.get(TOTAL)
    known = whole is not None and whole["hours"] > 0
    when = period(view.period.label)
    tables = (
        cells.table(f"Lead time of {view.name} by stage, {when}", (_stage(r, by_part[TOTAL]) for r in by_part.values()), ("Stage", "What it is")),
        cells.table("What is not split, and why", (_reason(r) for r in having(found, "reason").to_dicts())),
        cells.table(f"How long and how much at once, {view.name}, {when}", (_number(view, name) for name in (*FLOW, *MEDIANS)), ("Number",)),
    ) if known else ()  # fmt: skip
    drawn = [{**by_part[part], "label": part, "quiet": part == NOT_SPLIT} for part in STAGES if part in by_part]
    return Section(
        question="Where does the time go?",
        answer=_answer(by_part, when) if known else words.answer(lead_time, row, view.row_before(lead_time)),
        chart=chart.chart(drawn, f"Lead time by stage, {when}", view.name, UNIT) if known else None,
        tables=tuple(table for table in tables if table.height),
        cautions=(*_cautions(by_part, view), *words.cautions(row), *view.truncated(lead_time)),
        trace=view.trace(lead_time.name) if row["n"] else "",
        metrics=tuple(by_name(name) for name in ("change_lead_time", *MEDIANS, *FLOW)),
    )


def _answer(by_part: dict[str, dict[str, Any]], when: str) -> str:
    """The whole, the largest stage of what can be split, the others, and what cannot be split."""
    whole, left = by_part[TOTAL], by_part[NOT_SPLIT]
    told = [r for part, r in by_part.items() if part not in (TOTAL, NOT_SPLIT) and r["hours"]]
    told.sort(key=lambda r: -r["hours"])
    head = (
        f"{count(whole['n'], 'change')} that first reached production in {when} took "
        f"{quantity(whole['hours'] / whole['n'], 'hours')} on average."
    )
    if not told:
        return f"{head} None of that can be split into stages."
    first, *rest = told
    largest = "The largest part" if first["hours"] >= left["hours"] else "The largest part that can be told"
    others = "".join(f"; {r['part']} took {quantity(r['share'], UNIT)}" for r in rest)
    near = [r["part"] for r in rest if None not in (first["low"], r["high"]) and r["high"] >= first["low"]]
    alike = f" Whether it is larger than {' or '.join(near)} cannot be told from so many changes." if near else ""
    unsplit = f" {quantity(left['share'], UNIT)} cannot be split{_bounds(left)}." if left["hours"] else ""
    return (
        f"{head} {largest}, {quantity(first['share'], UNIT)}{_bounds(first)}, was {STAGES[first['part']]} "
        f"({first['part']}){others}.{alike}{unsplit}"
    )


def _bounds(row: dict[str, Any]) -> str:
    if row["low"] is not None:
        return f" ({words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])})"
    return " (too few changes for an interval)" if 0 < row["share"] < 1 else ""


def _stage(row: dict[str, Any], whole: dict[str, Any]) -> dict[str, str]:
    return {
        "Stage": "in all" if row["part"] == TOTAL else row["part"],
        "What it is": STAGES.get(row["part"], "from the first commit to production"),
        "Changes (n)": f"{row['n']:,}",
        "Time in all": quantity(row["hours"], "hours"),
        "Per change, of all": quantity(row["hours"] / whole["n"], "hours"),
        "Share": quantity(row["share"], UNIT),
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]),
        "Run backwards": f"{row['backwards']:,}" if row["backwards"] else "",
        "Missing": f"{row['missing']:,}" if row["missing"] else "",
    }


def _reason(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Reason": row["reason"],
        "Changes (n)": f"{row['n']:,}",
        "Time in all": quantity(row["hours"], "hours"),
        "Share": quantity(row["share"], UNIT),
    }


def _number(view: View, name: str) -> dict[str, str]:
    chosen = by_name(name)
    row = view.row(chosen)
    return {"Number": chosen.title, **{k: v for k, v in metric.cells_of(row).items() if k != "Period"}}


def _cautions(by_part: dict[str, dict[str, Any]], view: View) -> Iterator[str]:
    backwards = sum(row["backwards"] or 0 for part, row in by_part.items() if part != TOTAL)
    if backwards:
        yield (
            f"{count(backwards, 'stage')} {'runs' if backwards == 1 else 'run'} backwards (a rebased commit, a review before the "
            "pull request): counted here, in no stage, and never as nothing."
        )
    left = by_part.get(NOT_SPLIT)
    if left and (left["share"] or 0) >= MUCH:
        yield "Much of the time cannot be split: the shares of the stages are those of what is known, not of the rest."
    if by_part and view.mart.meta["rules"].get("first_deployment") == "count":
        yield (
            "The first known deployment of a service counts as any other and may bring old changes "
            '(rules.first_deployment = "leave out" leaves them out).'
        )
