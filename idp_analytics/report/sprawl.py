"""Which parts of the platform hardly anybody uses: questions with the money each is about, never a verdict."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts import parts as chart
from idp_analytics.charts.wording import NOTHING, count, interval, money, named, period, quantity, significant
from idp_analytics.metrics.components import WINDOW_DAYS
from idp_analytics.metrics.process_behaviour import RESEMBLING
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View, team_names

STUDY, COSTS, PAIRS = "sprawl", "sprawl_costs", "sprawl_pairs"
UNIT = "share of teams"
CANDIDATE = "retire candidate"


def sprawl(view: View) -> Section:
    """The components whose use is in question, each with what it costs; beside them all others and why they are not."""
    when = period(view.period.label)
    found = view.study(STUDY).to_dicts()
    costs = view.study(COSTS).to_dicts()
    paid: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in costs:
        paid[row["component"]].append(row)
    asked = [row for row in found if row["reading"] == CANDIDATE]
    users = team_names(view.mart, sorted({team for row in found for team in row["users"]}))
    tables = (
        cells.table(f"Questions to ask, end of {when}", (_question(row, paid, users) for row in asked), ("Question", "Used by")),
        cells.table(f"Use of every part of the platform, end of {when}", map(_usage, found), ("Reading",)),
        cells.table(
            f"Cost, tickets and what stands against retiring each part, end of {when}", (_standing(row, paid) for row in found),
            ("Few users", "Against retiring it", "Needed by"),
        ),
        cells.table(f"Share of cost and of use, {WINDOW_DAYS} days to the end of {when}", map(_beside, costs)),
        cells.table(f"Parts that are for the same thing, end of {when}", map(_pair, view.study(PAIRS).to_dicts()), ("First", "Second")),
    )  # fmt: skip
    drawn = [
        {"label": named(row["title"]), "share": row["share"], "low": row["low"], "high": row["high"], "n": row["teams"],
         "quiet": row["reading"] != CANDIDATE}
        for row in found if row["share"] is not None and row["reading"] != "not measured"
    ]  # fmt: skip
    return Section(
        question="Which parts of the platform does hardly anybody use?",
        answer=view.unless_week(found, " ".join(_answer(found, asked, paid, when))),
        chart=chart.chart(
            drawn, f"Teams with a use in {WINDOW_DAYS} days", view.name, UNIT, ("worth a question", "other")
        )
        if drawn
        else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(found)),
        trace=_trace(view, (asked or found)[0]["component"]) if found else "",
        opened=bool(asked),
    )


def _trace(view: View, component: str) -> str:
    asked = view.mart.meta["asked"]
    return shlex.join(["idp", "explain", STUDY, *asked, "--component", component, "--period", view.period.label])


def _answer(
    found: list[dict[str, Any]], asked: list[dict[str, Any]], paid: dict[str, list[dict[str, Any]]], when: str
) -> Iterator[str]:
    if not found:
        yield f"Nothing tells what the platform was used for by the end of {when}."
        return
    if asked:
        tied = _sums([row for part in asked for row in paid[part["component"]]])
        are = ("are", "is")[len(asked) == 1]
        yield (
            f"At the end of {when}, {len(asked)} of {count(len(found), 'part')} of the platform {are} worth a question: hardly anybody uses "
            f"{('them', 'it')[len(asked) == 1]}, and {('they', 'it')[len(asked) == 1]} cost {tied} in {WINDOW_DAYS} days."
        )
        for row in asked:
            yield f"{named(row['title'])}: {_use(row)}."
    else:
        yield f"At the end of {when} none of {count(len(found), 'part')} of the platform is worth the question whether it is still needed."
    watched = [named(row["title"]) for row in found if row["reading"] == "watch"]
    if watched:
        yield f"To be watched: {', '.join(watched)}."
    unknown = [named(row["title"]) for row in found if row["reading"] == "not measured"]
    if unknown:
        yield f"Not measured, which is not unused: {', '.join(unknown)}."


def _use(row: dict[str, Any]) -> str:
    bound = f"at most {quantity(row['high'], UNIT)} of teams"
    if row["because"].startswith("no use"):
        return f"no use since {_day(row['last_used'])} by any of {count(row['teams'], 'team')}, which means {bound} ({words.level(row)})"
    return f"{count(row['active_teams'], 'team')} of {row['teams']:,}, {bound} ({words.level(row)})"


def _day(at: datetime | None) -> str:
    return f"{at.day} {at:%B %Y}" if at else "the data begin"


def _sums(rows: list[dict[str, Any]]) -> str:
    """Money by currency; what is of two is never added."""
    by: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        by[row["currency"]] += row["amount"]
    return " and ".join(money(amount, currency) for currency, amount in sorted(by.items())) or NOTHING


def _question(row: dict[str, Any], paid: dict[str, list[dict[str, Any]]], users: dict[str, str]) -> dict[str, str]:
    who = ", ".join(users[team] for team in row["users"])
    asks = f"Could {who} do without it?" if who else f"Does anybody miss it? Last used {_day(row['last_used'])}."
    return {
        "Part": named(row["title"]),
        "Question": asks,
        f"Cost in {WINDOW_DAYS} days": _sums(paid[row["component"]]),
        "Teams that use it": f"{row['active_teams']:,} of {row['teams']:,}",
        "At most": quantity(row["high"], UNIT),
        "Used by": who or "nobody",
    }


def _usage(row: dict[str, Any]) -> dict[str, str]:
    known = row["slope"] is not None
    return {
        "Part": named(row["title"]),
        "Reading": row["reading"],
        "Teams": f"{row['active_teams']:,} of {row['teams']:,}",
        f"Share, {words.level(row)}": NOTHING if row["share"] is None else interval(row["low"], row["high"], UNIT, row["share"]),
        "Services": f"{row['active_services']:,} of {row['services']:,}",
        f"Uses in {WINDOW_DAYS} days": f"{row['uses']:,}",
        "More uses each month": _signed(row["slope"]) if known else NOTHING,
        f"Trend, {words.level(row)}": f"{_signed(row['slope_low'])} to {_signed(row['slope_high'])}" if known else NOTHING,
    }  # fmt: skip


def _standing(row: dict[str, Any], paid: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    against = row["but"] if row["because"] or row["reading"] == "not measured" else []
    return {
        "Part": named(row["title"]),
        f"Cost in {WINDOW_DAYS} days": _sums(paid[row["component"]]),
        "Tickets": NOTHING if row["tickets"] is None else f"{row['tickets']:,}",
        "Few users": row["because"] or "",
        "Against retiring it": "; ".join(against),
        "Needed by": ", ".join(named(title) for title in row["needed_by"]),
    }


def _signed(value: float) -> str:
    shown = significant(value)
    return f"+{shown}" if value > 0 else shown


def _beside(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Part": named(row["title"]),
        "Cost": money(row["amount"], row["currency"]),
        "Of": money(row["of"], row["currency"]),
        "Share of cost": quantity(row["cost_share"], "share") if row["cost_share"] is not None else NOTHING,
        "Share of use": quantity(row["use_share"], "share") if row["use_share"] is not None else NOTHING,
        "Teams (n)": f"{row['active_teams']:,}",
    }


def _pair(row: dict[str, Any]) -> dict[str, str]:
    return {
        "For": named(row["capability"]), "First": named(row["first"]), "Second": named(row["second"]), "Teams with either (n)": f"{row['n']:,}",
        "Only the first": f"{row['only_first']:,}", "Only the second": f"{row['only_second']:,}", "Both": f"{row['k']:,}",
        f"Share of both, {words.level(row)}": interval(row["low"], row["high"], UNIT, row["share"]) if row["n"] else NOTHING,
    }  # fmt: skip


def _cautions(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    yield (
        "Nobody is asked to do without anything by this list: it finds questions, and those who use a part, or know why it is there, "
        "answer them. Use by the platform's own team does not count; what is used once a year may look unused."
    )
    if any(row["has_cost"] is None for row in found):
        yield "Where settings do not say which charges run a part (take), its cost is not known, and it is no candidate whatever its use."
    sure = pl.Series([row["autocorrelation"] for row in found], dtype=pl.Float64).drop_nulls()
    if (sure > RESEMBLING).any():
        yield "Of some parts neighbouring months resemble each other, so the interval of their trend is too narrow."
    yield "A trend is of dated uses; services that merely stand on a golden path are in none. Share of use counts a team once for each part."
