"""What people ask the platform's team for, how long they wait for it, and how much of it is about the platform itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.metrics.ticket_volume import ALL, CATEGORY, REPEATED
from idp_analytics.metrics.tickets import BULK, RESOLUTION, RESPONSE
from idp_analytics.report import cells, course, metric, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY, WAITS, REASONS = "tickets", "ticket_waits", "ticket_reasons"
QUESTION = "What do people ask the platform for, and how long do they wait?"
OFTEN = "tickets_per_developer_month"
METRICS = (
    OFTEN, "tickets_per_service_month", "ticket_response_time", "ticket_resolution_time", "ticket_reopen_share", "platform_ticket_share",
)  # fmt: skip

ENDS = {RESPONSE: "first answer", RESOLUTION: "settled"}
DONE = {RESPONSE: "answered", RESOLUTION: "settled"}

SHOWN = 3
"""How many categories the answer names."""

FEWEST = 5
"""Tickets of a category from which on its waits have rows of their own."""

UNITS = {"clock": "hours", "working": "h"}
"""Kind of hours → unit. Working hours are never told in days: a day of them is not 24 hours."""

_SHARE = "share of tickets"


def tickets(view: View) -> Section:
    """Volume, waits, reopened and what is about the platform, by category; weeks with their limits as the chart."""
    often = by_name(OFTEN)
    row = view.row(often)
    if row["verdict"] == Verdict.NOT_MEASURED and view.row(by_name(METRICS[3]))["verdict"] == Verdict.NOT_MEASURED:
        return Section(question=QUESTION, answer=words.answer(often, row), metrics=(often,))
    parts = {name: metric.section(view, name, drawn=False) for name in METRICS}
    weeks = course.course(view, OFTEN)
    found, waits, reasons = (view.study(name) for name in (STUDY, WAITS, REASONS))
    whole = next(iter(where(found, part=ALL).to_dicts()), None)
    when = period(view.period.label)
    by_size = found.filter(pl.col("tickets") > 0).sort("part", "tickets", "category", descending=[False, True, False])
    many = waits.filter((pl.col("part") == ALL) | (pl.col("tickets") >= FEWEST))
    rare = waits.height - many.height
    tables = (
        cells.table(f"What was asked, {when}", map(_asked, by_size.to_dicts())),
        cells.table(f"How long people waited, {when}", map(_waited, many.to_dicts()), ("Until", "Hours"), rare),
        cells.table(f"Asked {REPEATED} times and more about one thing, {when}", map(_reason, reasons.to_dicts()), ("About",)),
    )  # fmt: skip
    rows = {name: view.row(by_name(name)) for name in METRICS}
    told = [
        parts[OFTEN].answer, *_most(whole, found), *_waits(view, rows, waits), *_shares(rows), *_unknown(whole), *_weeks(view),
    ]  # fmt: skip
    cautions = dict.fromkeys(caution for part in (*parts.values(), weeks) for caution in part.cautions)
    return Section(
        question=QUESTION,
        answer=" ".join(told),
        chart=weeks.chart,
        tables=(
            *(table for table in tables if table.height), *(table for part in parts.values() for table in part.tables),
            *weeks.tables,
        ),
        cautions=(weeks.answer, *_cautions(whole), *cautions),
        trace=parts[OFTEN].trace or parts[METRICS[3]].trace,
        verdict=parts[OFTEN].verdict,
        metrics=tuple(by_name(name) for name in METRICS),
    )  # fmt: skip


def _most(whole: dict[str, Any] | None, found: pl.DataFrame) -> Iterator[str]:
    """The categories most asked of in the period, and over how much that was counted."""
    asked = found.filter(pl.col("part") == CATEGORY, pl.col("category").is_not_null(), pl.col("tickets") > 0)
    most = asked.sort("tickets", "category", descending=[True, False]).head(SHOWN).to_dicts()
    if whole is not None and most:
        over = (
            f"Over {whole['developer_months']:,.0f} months of developers, most" if whole["developer_months"] else "Most"
        )
        told = ", ".join(f"{named(row['category'])} ({row['tickets']:,})" for row in most)
        yield f"{over} asked for: {told}."


def _waits(view: View, rows: dict[str, dict[str, Any]], waits: pl.DataFrame) -> Iterator[str]:
    """Both waits by the clock, with nine in ten and in working hours; a wait without a median has its own sentence."""
    studied = {(row["wait"], row["hours"]): row for row in where(waits, part=ALL).to_dicts()}
    for wait, name in ((RESPONSE, METRICS[2]), (RESOLUTION, METRICS[3])):
        row, chosen = rows[name], by_name(name)
        clock, working = studied.get((wait, "clock")), studied.get((wait, "working"))
        if row["value"] is None or clock is None or working is None:
            yield words.answer(chosen, row)
            continue
        moved = row["verdict"] in (Verdict.IMPROVED, Verdict.WORSENED)
        change = words.against(chosen, row, view.row_before(chosen)) if moved else ""
        late = f", nine in ten within {quantity(clock['p90'], 'hours')}" if clock["p90"] is not None else ""
        bounds = interval(row["low"], row["high"], "hours", row["value"])
        beside = (
            f"; {quantity(working['median'], 'h')} in working hours of who asked"
            if working["median"] is not None
            else ""
        )
        still = f", with {clock['waiting']:,} still open" if wait == RESOLUTION and clock["waiting"] else ""
        yield f"Half were {DONE[wait]} within {quantity(row['value'], 'hours')} ({words.level(row)} {bounds}{beside}){late}{still}{change}."


def _shares(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, did in ((METRICS[4], "were opened again"), (METRICS[5], "were about the platform itself")):
        row = rows[name]
        if row["value"] is not None:
            bounds = interval(row["low"], row["high"], _SHARE, row["value"])
            yield f"{row['k']:,} of {row['n']:,} {did}: {quantity(row['value'], _SHARE)} ({words.level(row)} {bounds})."


def _weeks(view: View) -> Iterator[str]:
    """How many weeks of the period stand out; what that is worth is said among the cautions."""
    weeks = view.own("process_behaviour").filter(
        pl.col("metric") == OFTEN, ~pl.col("is_partial"),
        pl.col("period_start") >= view.period.start, pl.col("period_start") < view.period.end,
    )  # fmt: skip
    if weeks["false_alarm_probability"].count():
        found = weeks["signal"].count()
        yield f"{count(found, 'week stands', 'weeks stand') if found else 'No week stands'} out in the chart."


def _unknown(whole: dict[str, Any] | None) -> Iterator[str]:
    if whole is not None and (unknown := whole["tickets"] - whole["about_n"]):
        yield f"Of {count(unknown, 'ticket')} more nothing tells whether {'it is' if unknown == 1 else 'they are'}."


def _called(row: dict[str, Any]) -> str:
    if row["part"] == ALL:
        return "all"
    return "not told" if row["category"] is None else named(row["category"])


def _asked(row: dict[str, Any]) -> dict[str, str]:
    bounds = words.level(row)
    told = {"Category": _called(row), "Tickets (n)": f"{row['tickets']:,}"}
    for name, word in (("developer", "Per developer and month"), ("service", "Per service and month")):
        value, low, high = (row[f"per_{name}{end}"] for end in ("", "_low", "_high"))
        told[word] = NOTHING if value is None else significant(value)
        told[f"{word}, {bounds}"] = (
            NOTHING if value is None else f"{significant(low, value)}–{significant(high, value)}"
        )
    some = row["reopen_n"] > 0
    return {
        **told,
        "Naming no service": f"{row['without_service']:,}" if row["without_service"] else "",
        "Settled": f"{row['settled']:,}",
        "Closed unsettled": f"{row['closed']:,}" if row["closed"] else "",
        "Open": f"{row['open']:,}" if row["open"] else "",
        "Opened again": f"{row['reopened']:,} of {row['reopen_n']:,}" if some else "",
        f"Opened again, {bounds}": interval(row["reopen_low"], row["reopen_high"], _SHARE, row["reopen_share"]) if some else "",
        "About a golden path": f"{row['on_path']:,}" if row["on_path"] else "",
        "About the platform itself": f"{row['about']:,} of {row['about_n']:,}" if row["about_n"] else "",
    }  # fmt: skip


def _waited(row: dict[str, Any]) -> dict[str, str]:
    some, unit = row["n"] > 0, UNITS[row["hours"]]
    return {
        "Category": _called(row),
        "Until": ENDS[row["wait"]],
        "Hours": row["hours"],
        "Wait known (n)": f"{row['n']:,} of {row['tickets']:,}",
        "Not ended": f"{row['censored']:,}" if row["censored"] else "",
        "Half within": quantity(row["median"], unit),
        words.level(row).capitalize(): interval(row["low"], row["high"], unit, row["median"]) if some else NOTHING,
        "Nine in ten within": quantity(row["p90"], unit),
        "its interval": interval(row["p90_low"], row["p90_high"], unit, row["p90"]) if row["p90"] is not None else NOTHING,
        "Still waiting": f"{row['waiting']:,}" if row["waiting"] else "",
        "Oldest": quantity(row["oldest"], unit) if row["waiting"] else "",
    }  # fmt: skip


def _reason(row: dict[str, Any]) -> dict[str, str]:
    some = row["reopen_n"] > 0
    return {
        "Category": named(row["category"]),
        "About": f"{row['kind']} {named(row['about'])}",
        "Tickets (n)": f"{row['tickets']:,}",
        "Teams": f"{row['teams']:,}",
        "Opened again": f"{row['reopened']:,} of {row['reopen_n']:,}" if some else "",
        words.level(row).capitalize(): interval(row["reopen_low"], row["reopen_high"], _SHARE, row["reopen_share"]) if some else NOTHING,
    }  # fmt: skip


def _cautions(whole: dict[str, Any] | None) -> Iterator[str]:
    if whole is None:
        return
    yield "Working hours are those of the team that asked, by the calendar; it waits on its own days, whoever answers."
    yield (
        "Few tickets are no proof of few needs: what is asked in chat leaves none, and who has given up asks no more. Why more or "
        "fewer were asked is not told by how many."
    )
    if whole["bulk"]:
        yield (
            f"{count(whole['bulk'], 'ticket was', 'tickets were')} closed {BULK} and more in one minute: a clean-up, which settled nothing. "
            "Until then they count as waiting."
        )
    if alone := whole["closed"] - whole["bulk"]:
        yield (
            f"{count(alone, 'ticket was', 'tickets were')} closed without being settled, by {'its' if alone == 1 else 'their'} own word "
            "(duplicate, not planned, cancelled, …): asked, and waiting until then."
        )
    if whole["without_service"]:
        yield (
            f"{count(whole['without_service'], 'ticket names', 'tickets name')} no service; of one service the rate is a lower bound, and "
            "what repeats about a service may repeat more often."
        )
    if whole["about"]:
        yield "About the platform is not caused by it: a question how something works and a fault of it are told apart by nobody."
