"""Which assumption a decision about a tool hangs on: each line at its low and high, and the value at which the order turns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from idp_analytics.answers import Verdict
from idp_analytics.charts import Chart
from idp_analytics.charts import tco as drawing
from idp_analytics.charts.wording import NOTHING, count, difference, money, named
from idp_analytics.metrics.tco import EXIT
from idp_analytics.metrics.tco_study import NO_RANGE
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.tco_words import (
    NONE,
    STATED,
    Row,
    cash,
    change,
    decisions,
    figure,
    flip,
    flips,
    line,
    per,
    rows,
)
from idp_analytics.report.view import View

QUESTION = "What would flip the decision?"

_TOLD = 3
"""How many lines the answer names."""


def tco_sensitivity(view: View, decision: str = "") -> Section:
    """Every decision that is stated, or the one named: whether one line, or all together, would change which option is cheapest."""
    asked = decisions(view, decision)
    if not asked:
        return Section(QUESTION, NONE, verdict=Verdict.NOT_MEASURED)
    options = {name: rows(view, "tco", name) for name in asked}
    lines = {name: rows(view, "tco_lines", name) for name in asked}
    drawn = next((name for name in asked if any(row["low"] is not None for row in lines[name])), None)
    told = [f"The chart shows {named(drawn)} only."] if drawn and len(asked) > 1 else []
    return Section(
        question=QUESTION,
        answer=" ".join(_answer(options[name], lines[name]) for name in asked),
        chart=_chart(options[drawn], lines[drawn]) if drawn else None,
        tables=tuple(table for name in asked for table in _tables(options[name], lines[name])),
        cautions=(
            "One line moves at a time, the others stay as stated; lines that rise together do more than each alone. Stated lines have no rows behind them.",
            *told,
        ),
    )


def _answer(options: list[Row], lines: list[Row]) -> str:
    best = options[0]
    head = f"Decision “{named(best['decision'])}”:"
    if len(options) < 2:
        return f"{head} {_alone(best, lines)}"
    able = flips(lines)
    within = [row for row in able if row["is_flip_in_range"]]
    if within:
        whose = "its range" if len(within) == 1 else "their ranges"
        said = f"Within {whose}, {count(len(within), 'line')} alone would flip that: {_listed(within)}."
    elif best["certainty"] != NO_RANGE:
        said = f"No line alone would flip that, anywhere in its range{'; nearest is ' + flip(able[0]) if able else ''}."
    else:
        said = (
            f"No line has a range; nearest first, it would take {_listed(able)}."
            if able
            else "No line alone would flip that."
        )
    never = len(lines) - len(able)
    rest = f" {never} of {count(len(lines), 'line')} could not at any value." if never and able else ""
    return f"{head} {best['called']} is cheapest. {said}{rest} {_together(best)}".strip()


def _alone(best: Row, lines: list[Row]) -> str:
    """What the cost of the only option hangs on."""
    ranged = [row for row in lines if row["low"] is not None]
    if not ranged:
        return f"{best['called']} stands alone and no line has a range, so there is nothing to weigh."
    widest = max(ranged, key=_swing)
    return (
        f"{best['called']} stands alone, so nothing flips. Most hangs on {line(widest)}: at {figure(widest, widest['low'])} to "
        f"{figure(widest, widest['high'])} the present value is {cash(widest, 'npv_low')} to {cash(widest, 'npv_high')}; with all "
        f"lines at their ends, {cash(best, 'npv_low')} to {cash(best, 'npv_high')}."
    )


def _together(best: Row) -> str:
    """The joint range: all lines against the cheapest option."""
    if best["certainty"] == NO_RANGE:
        return ""
    worst = best["worst_gap"]
    what = (
        f"still cheaper by {cash(best, 'worst_gap')}" if worst > 0 else f"dearer by {money(-worst, best['currency'])}"
    )
    return f"With its lines at their highest and all others' at their lowest, {best['called']} is {what if worst else 'level'}."


def _listed(found: list[Row]) -> str:
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(flip(row) for row in found[:_TOLD]) + more


def _chart(options: list[Row], lines: list[Row]) -> Chart:
    best, currency = options[0], named(options[0]["currency"])
    several = len(options) > 1
    ranged = [
        {
            "label": f"{named(row['line'])}, {row['called']}", "low": figure(row, row["low"]), "high": figure(row, row["high"]),
            "at_low": row["gap_low"] if several else row["npv_low"], "at_high": row["gap_high"] if several else row["npv_high"],
        }
        for row in lines
        if row["low"] is not None
    ]  # fmt: skip
    name = named(best["decision"])
    if several:
        title, axis = f"By how much {best['called']} is cheaper: {name}", f"Cheaper by, {currency}"
        return drawing.tornado(ranged, options[1]["gap"], title, axis, currency)
    return drawing.tornado(
        ranged, best["npv"], f"What the cost hangs on: {name}", f"Present value, {currency}", currency
    )


def _tables(options: list[Row], lines: list[Row]) -> Iterator[Table]:
    name, currency = (named(options[0][column]) for column in ("decision", "currency"))
    if len(options) > 1:
        caption = f"{name}: by how much {options[0]['called']} is cheaper with one line elsewhere, and where it is not, {currency}"
        yield cells.table(caption, (_turning(row) for row in lines), left=("Option", "Flips at"))
    yield cells.table(f"{name}: every line, {currency}", (_line(row) for row in lines), left=("Option",))


def _turning(row: Row) -> dict[str, str]:
    at = "no value"
    if row["flip_change"] is not None:
        at = f"{money(row['flip_value'], '')}{per(row)} ({change(row)})"
    return {
        **_named(row),
        "At its low": money(row["gap_low"], ""),
        "At its high": money(row["gap_high"], ""),
        "Flips at": at,
        "In its range": {True: "yes", False: "no", None: NOTHING}[row["is_flip_in_range"]],
    }


def _line(row: Row) -> dict[str, str]:
    ranged = row["low"] is not None
    return {
        **_named(row),
        "Stated": figure(row, STATED, ""),
        "Growth a year": difference(1 + float(row["growth"]), None, None, "ratio") if row["growth"] else "",
        "Low": figure(row, row["low"], "") if ranged else NOTHING,
        "High": figure(row, row["high"], "") if ranged else NOTHING,
        "Not discounted": money(row["total"], ""),
        "Present value": money(row["present_value"], ""),
    }


def _named(row: Row) -> dict[str, str]:
    kind = "" if row["line"] == row["kind"] else f" ({row['kind']})"
    end = ", at the end" if row["part"] == EXIT else ""
    return {"Line": f"{named(row['line'])}{kind}{end}", "Option": row["called"]}


def _swing(row: Row) -> Decimal:
    return abs(Decimal(row["npv_high"]) - Decimal(row["npv_low"]))
