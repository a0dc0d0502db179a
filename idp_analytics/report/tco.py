"""What the options of a decision cost over their years, exit included, and what it costs to change one's mind."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import tco as drawing
from idp_analytics.charts.wording import NOTHING, count, money, named, quantity
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.tco_words import NONE, Row, cash, decisions, rows, standing
from idp_analytics.report.view import View

QUESTION = "What does a tool cost over its years, and what does it cost to change our mind?"


def tco(view: View, decision: str = "") -> Section:
    """Every decision that is stated, or the one named: the cheapest option, by how much, how sure, and what leaving costs."""
    asked = decisions(view, decision)
    if not asked:
        return Section(QUESTION, NONE, verdict=Verdict.NOT_MEASURED)
    options = {name: rows(view, "tco", name) for name in asked}
    years = {name: rows(view, "tco_years", name) for name in asked}
    first = asked[0]
    return Section(
        question=QUESTION,
        answer=" ".join(_answer(options[name], years[name], rows(view, "tco_lines", name)) for name in asked),
        chart=drawing.cumulative(
            view.mart.studies["tco_years"].filter(pl.col("decision") == first),
            f"Paid by and by, and leaving: {named(first)}",
        ),
        tables=tuple(table for name in asked for table in _tables(options[name], years[name])),
        cautions=tuple(_cautions(options, asked)),
    )


def _answer(options: list[Row], years: list[Row], lines: list[Row]) -> str:
    best, *others = options
    span, rate = count(best["years"], "year"), quantity(float(best["discount_rate"]), "share")
    head = f"Decision “{named(best['decision'])}”: over {span}, exit included and discounted at {rate} a year,"
    costs = [f"{row['called']} costs {cash(row, 'npv')}" for row in options]
    said = f"{head} {' and '.join([', '.join(costs[:-1]), costs[-1]] if others else costs)}"
    if not others:
        said += "."
    elif not others[0]["gap"]:
        said += ", so they cost the same."
    else:
        share = quantity(float(others[0]["gap"] / others[0]["npv"]), "share")
        said += f"; {best['called']} is cheaper by {cash(others[0], 'gap')} ({share})."
    return " ".join(
        filter(None, (said, standing(options, lines), *_otherwise(options), _leaving(years), _per_developer(options)))
    )


def _otherwise(options: list[Row]) -> Iterator[str]:
    """Where the order hangs on discounting, on the exit, on how long one waits, or on a benefit somebody claims."""
    best = options[0]
    for column, says in (("undiscounted", "Not discounted"), ("excluding_exit", "Without exit cost and discounting")):
        least = min(options, key=lambda row: row[column])
        if least[column] < best[column]:
            yield f"{says}, {least['called']} is cheaper: {cash(least, column)} against {cash(best, column)}."
    for row in options[1:]:
        if row["break_even_year"]:
            yield f"In cash, {best['called']} has cost no more than {row['called']} from the end of year {row['break_even_year']} on."
    if len(options) > 1 and all(row["benefit"] is not None for row in options):
        most = max(options, key=lambda row: row["benefit"] - row["npv"])
        if most["benefit"] - most["npv"] > best["benefit"] - best["npv"]:
            yield f"With what people say each brings, {most['called']} comes out ahead."


def _leaving(years: list[Row]) -> str:
    """What a change of mind costs at the end of the first and of the last year."""
    told = []
    for year in sorted({1, max(row["year"] for row in years)}):
        costs = " and ".join(f"{cash(row, 'leaving')} ({row['called']})" for row in years if row["year"] == year)
        told.append(f"at the end of year {year} {costs}")
    return f"Changing our mind costs {', '.join(told)}."


def _per_developer(options: list[Row]) -> str:
    if options[0]["per_developer_month"] is None:
        return ""
    costs = " and ".join(f"{cash(row, 'per_developer_month')} ({row['called']})" for row in options)
    return (
        f"Per developer and month that is {costs}, not discounted, with {count(options[0]['developers'], 'developer')}."
    )


def _cautions(options: dict[str, list[Row]], asked: list[str]) -> Iterator[str]:
    yield "Amounts and ranges are what people stated in settings.toml: none is measured, so there are no rows behind it, and a range is no interval."
    for name in asked:
        told = options[name]
        lines, ranged = (sum(row[column] for row in told) for column in ("lines", "ranged"))
        if 0 < ranged < lines:
            yield f"Decision “{named(name)}”: {lines - ranged} of {lines} lines have no range and are taken as certain."
        if (claims := [row for row in told if row["benefit"] is not None]) and len(told) > 1:
            said = "; ".join(f"{row['called']} {cash(row, 'benefit')}, says {named(row['said_by'])}" for row in claims)
            rest = "" if len(claims) == len(told) else " Of the others nobody says, which is not nothing."
            yield f"Decision “{named(name)}”: a benefit is in no order and no total ({said}).{rest}"
    first = options[asked[0]][0]
    if first["missing"]:
        yield f"Of {count(first['missing'], 'person', 'people')} nobody says whether they are developers; they are not counted."
    if not first["developers"]:
        yield "No developer is known to be at work at the as-of time, so nothing is given per developer."
    if len(asked) > 1:
        yield f"The chart shows {named(asked[0])} only; the others are in the tables."
    elif len(options[asked[0]]) > drawing.SHOWN:
        yield f"The chart shows the {drawing.SHOWN} cheapest options; the others are in the tables."


def _tables(options: list[Row], years: list[Row]) -> Iterator[Table]:
    name, best = named(options[0]["decision"]), options[0]
    currency = named(best["currency"])
    yield cells.table(
        f"{name}: options over {count(best['years'], 'year')}, {currency}",
        (
            {
                "Option": row["called"],
                "Present value": _plain(row, "npv"),
                "All lines low": _plain(row, "npv_low") if row["ranged"] else NOTHING,
                "All lines high": _plain(row, "npv_high") if row["ranged"] else NOTHING,
                "Dearer by": _plain(row, "gap") if row["position"] else "",
                "Not discounted": _plain(row, "undiscounted"),
                "Without exit": _plain(row, "excluding_exit"),
                "Dearer in cash since": _break_even(row),
                "Per developer, month": _plain(row, "per_developer_month"),
            }
            for row in options
        ),
    )
    yield from _benefits(name, currency, options)
    yield cells.table(
        f"{name}: cash flow, {currency}",
        (
            {
                "Option": row["called"],
                "Year": str(row["year"]) if row["year"] else "up front",
                "Cost": _plain(row, "cost"),
                "Paid until then": _plain(row, "cumulative"),
                "Present value": _plain(row, "present_value"),
                "Present value until then": _plain(row, "cumulative_present_value"),
                "Benefit, as said": _plain(row, "benefit"),
            }
            for row in years
        ),
    )
    yield cells.table(
        f"{name}: what it costs to leave, {currency}",
        (
            {
                "Option": row["called"],
                "At the end of year": str(row["year"]),
                "Left of contracts": _plain(row, "contract"),
                "Exit lines": _plain(row, "exit"),
                "Leaving": _plain(row, "leaving"),
                "Its present value": _plain(row, "leaving_present_value"),
                "Paid in all, then": _plain(row, "if_left"),
            }
            for row in years
            if row["year"]
        ),
    )


def _benefits(name: str, currency: str, options: list[Row]) -> Iterator[Table]:
    told = [row for row in options if row["benefit"] is not None]
    if told:
        yield cells.table(
            f"{name}: what people say it brings, present value, {currency}",
            (
                {
                    "Option": row["called"],
                    "Benefit, as said": _plain(row, "benefit"),
                    "Cost less benefit": money(row["npv"] - row["benefit"], ""),
                    "Says who": named(row["said_by"]),
                }
                for row in told
            ),
            left=("Says who",),
        )


def _break_even(row: Row) -> str:
    """From when on an option has cost no less than the cheapest, in cash and without exit."""
    if not row["position"]:
        return ""
    year = row["break_even_year"]
    return "not yet" if year is None else f"end of year {year}" if year else "the start"


def _plain(row: Row, column: str) -> str:
    """An amount in a table, whose caption says the currency."""
    return money(row[column], "")
