"""Where the teams of the organisation stand: how many have come to which level, by what is seen and by what they say. No team is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp_analytics.charts import heatmap as chart
from idp_analytics.charts.wording import count
from idp_analytics.metrics.maturity.reached import SEEN
from idp_analytics.metrics.maturity.studies import OF_TEAMS
from idp_analytics.report import cells
from idp_analytics.report.section import Section
from idp_analytics.report.view import View
from idp_analytics.settings.maturity_model import LEVELS

STUDY = "maturity_reached"
QUESTION = "How many teams have come how far?"
_MOST = f"{100 * OF_TEAMS:.0f}\u00a0% of teams"


def reached(view: View) -> Section:
    """A map of aspects by levels: how many teams have surely, and possibly, come to each; and the level that most of them have."""
    rows = view.mart.studies[STUDY].to_dicts()
    told = [row for row in rows if not row["is_withheld"]]
    return Section(
        question=QUESTION,
        answer=" ".join(_answer(rows, told)),
        chart=chart.chart([_cell(row) for row in told], "Teams that have come to each level", view.name, "teams") if told else None,
        tables=(cells.table("Teams that have come to each level, surely and possibly", _by_aspect(told), ("What",)),) if told else (),
        cautions=tuple(_cautions(rows, told)),
        opened=False,
    )  # fmt: skip


def _answer(rows: list[dict[str, Any]], told: list[dict[str, Any]]) -> Iterator[str]:
    if not told:
        yield (
            "Too few teams are assessed to count them by level."
            if rows
            else "No team is assessed, nor has any assessed itself."
        )
        return
    seen = _lines(row for row in told if row["of"] == SEEN)
    if seen:
        yield f"By what is seen, at least {_MOST} have come to: {_levels(seen)}."
    said = _lines(row for row in told if row["of"] != SEEN)
    if said:
        yield f"By what they say: {_levels(said)}."


def _lines(rows: Any) -> list[list[dict[str, Any]]]:
    """The levels of each aspect together, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(f"{row['aspect']} {row['of']}", []).append(row)
    return list(found.values())


def _levels(lines: list[list[dict[str, Any]]]) -> str:
    return "; ".join(f"{line[0]['title'].lower()} {_most(line)}" for line in lines)


def _most(line: list[dict[str, Any]]) -> str:
    """The level most have come to: ``level 2``, or between which it lies; any, where nothing is told."""
    low, high = (next(row["level"] for row in line if row[f"is_most_{side}"]) for side in ("surely", "possibly"))
    if (low, high) == (min(LEVELS), max(LEVELS)):
        return "any level, for too little is known"
    return f"level {low}" if low == high else f"between level {low} and {high}"


def _cell(row: dict[str, Any]) -> dict[str, Any]:
    mark = chart.SURELY if row["is_most_surely"] else chart.POSSIBLY if row["is_most_possibly"] else None
    return {
        "label": f"{row['title']}, {row['of']}", "column": f"{row['level']}|{row['level_name']}", "surely": row["surely"],
        "possibly": row["possibly"], "n": row["teams"], "mark": mark,
    }  # fmt: skip


def _by_aspect(told: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for line in _lines(told):
        yield {
            "Aspect": line[0]["title"],
            "What": line[0]["of"],
            "n": f"{line[0]['teams']:,}",
            **{f"{row['level']} {row['level_name']}": _between(row) for row in line},
            f"At least {_MOST}": _most(line),
        }


def _between(row: dict[str, Any]) -> str:
    surely, possibly = row["surely"], row["possibly"]
    return f"{surely:,}" if surely == possibly else f"{surely:,}\u2060–\u2060{possibly:,}"


def _cautions(rows: list[dict[str, Any]], told: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    if told:
        yield (
            "A team counts at every level up to its own. Two numbers are those that surely have come so far, and those that may have: what is not known "
            "is neither. A whole line is round the level that three in four have surely come to, a broken one where that may be higher. All teams are "
            "counted, so no interval of chance is given."
        )
    few = list(
        dict.fromkeys(
            f"{row['title'].lower()} ({row['of']}, {count(row['teams'], 'team')})" for row in rows if row["is_withheld"]
        )
    )
    if few:
        yield f"Not counted, for so few teams would be known by name: {', '.join(few)}."
    yield "No team is named or placed, so its rows are not shown; what the level of a team follows from stands on its own page. Levels are no marks: a higher one costs more, and what a team needs depends on what it does."
