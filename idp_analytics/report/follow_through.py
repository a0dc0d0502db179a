"""What was resolved and what became of it: done, dropped, put off, open; and whether it can be told that it helped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.metrics.follow_through import ALL, CHAIN
from idp_analytics.metrics.impact.columns import PRIMARY
from idp_analytics.report import cells, learnt, maturity_steps, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY, LINKED = "follow_through", "follow_through_linked"
UNIT = "share"
_TOLD = 3
"""So many registered changes are told in words; all stand in the table."""

CALLED = {
    ALL: "all",
    "retrospective": "from retrospectives",
    "postmortem": "from postmortems",
    "recommendation": "recommended",
}


def follow_through(view: View) -> Section:
    """Actions of the year to the end of the period, by where they were resolved; how it stood in the periods before."""
    found = {row["origin"]: row for row in view.study(STUDY).to_dicts()}
    when = period(view.period.label)
    shown = [
        {**found[name], "n": found[name]["due"], "share": found[name]["done_share"], "label": f"done, {word}", "quiet": name != ALL}
        for name, word in CALLED.items()
        if name in found and found[name]["due"]
    ]  # fmt: skip
    past = where(view.study_so_far(STUDY), origin=ALL).to_dicts() if found else []
    steps = tuple(maturity_steps.told(view))
    linked = _with_outcomes(view)
    tables = (
        cells.table(f"What was resolved in the year to the end of {when}", [_row(found[name]) for name in CALLED if name in found]),
        cells.table("The year to the end of each period", map(_then, past)),
        maturity_steps.outcomes(view),
        cells.table("Actions that name a registered change, and whether its number moved", map(_linked, linked), ("Judged by", "Did it move?")),
    )  # fmt: skip
    return Section(
        question="What we resolved: did we do it, and did it help?",
        answer=" ".join([view.unless_week(found, " ".join(_answer(found.get(ALL), when, bool(steps)))), *map(_moved, linked[:_TOLD]), *steps]),
        chart=chart.chart(shown, f"Done, of actions whose time had come, end of {when}", view.name, UNIT, ("all", "by origin")) if shown else None,
        tables=tuple(table for table in tables if table is not None and table.height),
        cautions=tuple(_cautions(found.get(ALL))),
        trace=view.trace(STUDY) if found else "",
    )  # fmt: skip


def _answer(row: dict[str, Any] | None, when: str, has_steps: bool) -> Iterator[str]:
    if row is None:
        yield f"No action is known to have been resolved in the year to the end of {when}."
        return
    resolved = count(row["n"], "action")
    if row["due"]:
        bounds = f"({words.level(row)} {interval(row['low'], row['high'], UNIT, row['done_share'])})"
        yield (
            f"Of {resolved} resolved in the year to the end of {when}, the time of {row['due']:,} had come: {row['done']:,} done, "
            f"{quantity(row['done_share'], UNIT)} {bounds}, {row['dropped']:,} dropped, {row['overdue']:,} open past their day."
        )
    else:
        yield f"Of {resolved} resolved in the year to the end of {when}, the time of none had come."
    if row["median_days"] is not None:
        told = row["p90_days"] is not None
        slow = (
            f", nine in ten within {quantity(row['p90_days'], 'days')}"
            if told
            else "; of nine in ten it cannot be told yet"
        )
        yield f"Half are closed within {quantity(row['median_days'], 'days')}, those still open counted in{slow}."
    if row["carried"]:
        yield f"{count(row['carried'], 'was', 'were')} put off at least once, {words.some(row['chained'])} of them {CHAIN} times or more."
    if row["linked"]:
        yield f"{count(row['linked'], 'action')} {('name', 'names')[row['linked'] == 1]} a registered change."
    elif not has_steps:
        yield "Not one names a registered change with a metric to judge it by, so whether it helped cannot be told."


def _with_outcomes(view: View) -> list[dict[str, Any]]:
    """What became of actions that name a registered change, each change with what can be said of its number; most actions first."""
    outcomes = {
        row["intervention_id"]: row for row in view.mart.studies["impact"].filter(pl.col("role") == PRIMARY).to_dicts()
    }
    rows = view.study(LINKED).to_dicts()
    told = [{**row, "impact": outcomes.get(row["intervention_id"])} for row in rows]
    return sorted(told, key=lambda row: (-row["n"], row["intervention_id"]))


def _moved(row: dict[str, Any]) -> str:
    """Of one change: how many of its actions are done, and whether its number moved. Done and moved stand side by side; neither is the other's reason."""
    one = row["impact"]
    done = f"{named(row['intervention_id'])}: {row['done']:,} of {count(row['n'], 'action')} done"
    if one is None:
        return f"{done}; nothing is known of its number yet."
    return f"{done}; {learnt.metric_words(one)}: {_outcome(one)}."


def _outcome(one: dict[str, Any]) -> str:
    if one["state"] not in learnt.LOOKED_AT:
        return f"to be looked at on {one['review_on']:%-d %B %Y}"
    return learnt.outcome(one)


def _linked(row: dict[str, Any]) -> dict[str, str]:
    one = row["impact"]
    return {
        "Change": named(row["intervention_id"]),
        "Actions": f"{row['n']:,}",
        "Done": f"{row['done']:,}",
        "Dropped": f"{row['dropped']:,}",
        "Closed, not told how": f"{row['ended']:,}" if row["ended"] else "",
        "Open": f"{row['open']:,}",
        "Overdue": f"{row['overdue']:,}",
        "Judged by": learnt.title(one) if one else NOTHING,
        "Did it move?": _outcome(one) if one else NOTHING,
    }


def _row(row: dict[str, Any]) -> dict[str, str]:
    upper = quantity(row["median_high"], "days") if row["median_high"] is not None else "no upper end"
    bounds = f" ({quantity(row['median_low'], 'days')} to {upper})" if row["median_low"] is not None else ""
    return {
        "Resolved": CALLED[row["origin"]],
        "n": f"{row['n']:,}",
        "Done": f"{row['done']:,}",
        "Dropped": f"{row['dropped']:,}",
        "Open": f"{row['open']:,}",
        "Overdue": f"{row['overdue']:,}",
        "Share done of due": quantity(row["done_share"], UNIT) if row["due"] else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["done_share"]) if row["due"] else NOTHING,
        "Half closed within": f"{quantity(row['median_days'], 'days')}{bounds}" if row["median_days"] is not None else NOTHING,
        "Nine in ten": quantity(row["p90_days"], "days") if row["p90_days"] is not None else NOTHING,
        "Put off": f"{row['carried']:,}",
        f"{CHAIN} times or more": f"{row['chained']:,}",
    }  # fmt: skip


def _then(row: dict[str, Any]) -> dict[str, str]:
    return {
        "End of": cells.period(row),
        "Whose time had come": f"{row['due']:,}",
        "Done": f"{row['done']:,}",
        "Share": quantity(row["done_share"], UNIT) if row["due"] else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["done_share"])
        if row["due"]
        else NOTHING,
        "Overdue": f"{row['overdue']:,}",
    }


def _cautions(row: dict[str, Any] | None) -> Iterator[str]:
    if row is None:
        return
    if row["undated"]:
        yield f"{count(row['undated'], 'open action')} without a day by when: neither due nor late."
    if row["ended"]:
        yield f"{count(row['ended'], 'action')} closed and not told how: neither done nor dropped."
    yield "Dropping on purpose is an answer too. How often an action was put off is known as of today, not as of then; done says nothing of how well."
