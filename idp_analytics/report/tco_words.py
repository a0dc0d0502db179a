"""Decisions about tools in words: their rows with names to show, what a line says, and how far the order of the options stands."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts.wording import difference, money, named, significant
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.tco_study import ALWAYS, NO_RANGE, ONE_AT_A_TIME
from idp_analytics.report.view import View

NONE = "No decision about a tool is stated: the options and their lines are [[tool]] tables in settings.toml."

STATED = Decimal(1)

Row = dict[str, Any]
"""One row of a study, with ``called``: what its option is called."""


def decisions(view: View, decision: str = "") -> list[str]:
    """The decisions that are stated, in their order, or the one named; raises :class:`ReportError` for an unknown one."""
    frame = view.mart.studies["tco"]
    known = [] if frame.is_empty() else frame["decision"].unique(maintain_order=True).to_list()
    if decision and decision not in known:
        raise ReportError(f"There is no decision {decision!r}.{nearest(decision, known)}")
    return [decision] if decision else known


def rows(view: View, study: str, decision: str) -> list[Row]:
    """The rows of a study about one decision, the cheapest option first; options of one title are told apart by their ids."""
    found = view.mart.studies[study].filter(pl.col("decision") == decision).to_dicts()
    titles = [row["title"] for row in {row["option"]: row for row in found}.values()]
    for row in found:
        row["called"] = named(row["title"]) + (f" ({named(row['option'])})" if titles.count(row["title"]) > 1 else "")
    return found


def cash(row: Row, column: str) -> str:
    """An amount of a row in its currency."""
    return money(row[column], row["currency"])


def line(row: Row) -> str:
    """A line and whose it is."""
    return f"“{named(row['line'])}” of {row['called']}"


def figure(row: Row, times: Decimal, currency: str | None = None) -> str:
    """What a line would say at ``times`` what is stated: in people where it is people. ``currency``: empty leaves it out."""
    if row["fte"] is not None:
        return f"{significant(float(row['fte'] * times))} FTE"
    return money(row["stated"] * times, row["currency"] if currency is None else currency) + per(row)


def per(row: Row) -> str:
    """Per what the figure of a line is; nothing where it is paid once."""
    return "" if row["per"] in ("once", "on leaving") else f" {row['per']}"


def change(row: Row) -> str:
    """How far the value that turns the order lies from what is stated."""
    return difference(1 + row["flip_change"], None, None, "ratio")


def flip(row: Row) -> str:
    """The value of one line at which the order turns, beside what is stated."""
    value = figure(row, row["flip_value"] / row["stated"]) if row["fte"] else cash(row, "flip_value") + per(row)
    return f"{line(row)} at {value} instead of {figure(row, STATED)} ({change(row)})"


def flips(lines: Sequence[Row]) -> list[Row]:
    """The lines of which some value would turn the order, those that need to move least first."""
    found = (row for row in lines if row["flip_change"] is not None)
    return sorted(found, key=lambda row: (abs(row["flip_change"]), row["position"], row["line"]))


def standing(options: Sequence[Row], lines: Sequence[Row]) -> str:
    """How far the order of the options stands within what people say the lines may be, and what would turn it."""
    best = options[0]
    if len(options) < 2:
        return (
            f"Within the stated ranges it lies between {cash(best, 'npv_low')} and {cash(best, 'npv_high')}."
            if best["ranged"]
            else ""
        )
    able = flips(lines)
    take = (
        f"It would take {flip(able[0])} to turn it round."
        if able
        else "No value of one line alone would turn it round."
    )
    match best["certainty"]:
        case word if word == NO_RANGE:
            return f"No line has a range, so nothing can be said of how sure that is. {take}"
        case word if word == ALWAYS:
            return f"That holds wherever in their ranges the lines lie: at worst the difference is {cash(best, 'worst_gap')}. {take}"
        case word if word == ONE_AT_A_TIME:
            return f"That holds with any one line anywhere in its range, but not with all of them against it: {_worst(best)}. {take}"
        case _:
            within = [row for row in able if row["is_flip_in_range"]]
            return f"That does not survive the ranges: {flip(within[0])} turns it round, and with all lines against it {_worst(best)}."


def _worst(best: Row) -> str:
    if not best["worst_gap"]:
        return "the next option costs the same"
    return f"{best['called']} is dearer by {money(-best['worst_gap'], best['currency'])}"
