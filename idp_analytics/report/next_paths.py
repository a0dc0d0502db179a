"""Whether there should be a platform team at all, and which golden path next: a rule of thumb, what is counted, what is stated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, count, interval, named, quantity, significant
from idp_analytics.metrics.next_paths import SERVICE, STATED, TICKET
from idp_analytics.metrics.platform_size import ABOVE, BELOW, BETWEEN, OPEN
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View, team_names

SHOWN = 8
"""Candidates nobody stated that the table shows at most."""

_PLACES = {
    BELOW: "there are fewer, so what a platform would do may be bought, or done beside other work",
    BETWEEN: "that is where there are, so either can be right",
    ABOVE: "there are more",
    OPEN: "on which side of it there are is open, since of some nobody says whether they are engineers",
}
_OF = {SERVICE: "new services of kind", TICKET: "tickets about"}

Row = dict[str, Any]


def next_paths(view: View) -> Section:
    """How many engineers there are against the rule of thumb; which stated path pays back first; what is waited for that has none."""
    sizes = view.own("platform_size").to_dicts()
    found = view.own("next_paths").to_dicts()
    stated, seen = ([row for row in found if (row["basis"] == STATED) is wanted] for wanted in (True, False))
    teams = view.own("next_path_teams")
    ids = list(teams["team_id"].unique()) if teams.height else []
    names = team_names(view.mart, ids)
    tables = (
        cells.table("Paths that are put forward, as they stand in the settings", map(_stated, stated), ("Said by",)),
        cells.table("What nobody has a path for, by what was waited for it", map(_seen, seen[:SHOWN]), left_out=max(0, len(seen) - SHOWN)),
        *_asking(teams, found, names),
    )  # fmt: skip
    return Section(
        question="Should we have a platform team, and which path next?",
        answer=" ".join([*_size(sizes), *_payback(stated), *_waited(seen), *_pilots(teams, stated or seen[:1], names)]),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(found, stated)),
        trace=view.trace("next_paths") if found else "",
    )


def _size(rows: list[Row]) -> Iterator[str]:
    if not rows:
        yield "How many engineers there are is not known: no export tells of people."
        return
    row = rows[0]
    most = row["engineers_high"]
    unknown = (
        f", and {count(most - row['engineers'], 'person', 'people')} of whom nobody says it"
        if most > row["engineers"]
        else ""
    )
    there = f"{count(row['engineers'], 'engineer')} work{'s' if row['engineers'] == 1 else ''} here{unknown}"
    platform = f"; {row['platform']:,} of them on the platform" if row["platform"] is not None else ""
    yield (
        f"{there}{platform}. By a rule of thumb, which nobody has measured, a platform team of its own begins to pay somewhere between "
        f"{row['low']} and {row['high']} engineers: {_PLACES[row['place']]}."
    )


def _payback(stated: list[Row]) -> Iterator[str]:
    if not stated:
        return
    first = next((row for row in stated if row["is_first"]), None)
    ahead = "Of the paths that are put forward" if len(stated) > 1 else "The one path that is put forward"
    if first:
        yield f"{ahead}, {named(first['title'])} pays back first: {_when(first)}."
    elif len(stated) > 1:
        told = "; ".join(f"{named(row['title'])} {_when(row)}" for row in stated)
        yield f"{ahead}, none is told apart as the first to pay back: {told}."
    else:
        yield f"{ahead}, {named(stated[0]['title'])}, pays back {_when(stated[0])}."


def _when(row: Row) -> str:
    if row["payback_low"] is None:
        return "never, not even at the most that is stated and likely"
    if row["payback_months"] is None:
        return f"never as stated; at the most that is stated and likely after {significant(row['payback_low'])} months"
    end = (
        f"{significant(row['payback_low'])}–{significant(row['payback_high'])}"
        if row["payback_high"] is not None
        else f"{significant(row['payback_low'])}, or never"
    )
    return f"after {significant(row['payback_months'])} months ({end}; it was needed {row['n']:,} times in {count(round(row['days']), 'day')})"


def _waited(seen: list[Row]) -> Iterator[str]:
    known = [row for row in seen if row["waiting"] is not None]
    if known:
        row = known[0]
        yield (
            f"Of what no path serves, people wait most for {_OF[row['basis']]} {named(row['title'])}: {row['n']:,} times in {count(round(row['days']), 'day')}, "
            f"half of them done within {quantity(row['wait'], 'hours')} ({words.level(row)} {interval(row['wait_low'], row['wait_high'], 'hours', row['wait'])})."
        )


def _pilots(teams: pl.DataFrame, chosen: list[Row], names: dict[str, str]) -> Iterator[str]:
    alike = []
    for row in chosen:
        of = where(teams, basis=row["basis"], id=row["id"]).to_dicts() if teams.height else []
        pilot = next((one for one in of if one["is_pilot"]), None)
        if pilot:
            yield (
                f"The next project of {names[pilot['team_id']]} is where to begin with {named(row['title'])}: it came up there "
                f"{pilot['n']:,} of {pilot['of']:,} times."
            )
        elif len(of) > 1:
            alike.append(named(row["title"]))
    if alike:
        yield f"No team is told apart from the next as the one to begin with {' or '.join(alike)}."


def _stated(row: Row) -> dict[str, str]:
    return {
        "Path": named(row["title"]),
        "Needed": f"{row['n']:,}",
        "A year": _range(row, "per_year", "per_year_low", "per_year_high"),
        "Hours saved each": _range(row, "hours_each", "hours_low", "hours_high"),
        "Hours to build": significant(row["build_hours"]),
        "Hours a year to keep": significant(row["yearly_hours"]),
        "Months to pay back": NOTHING if row["payback_low"] is None else _when_in_cell(row),
        "Half done within": _waits(row),
        "Said by": named(row["said_by"]),
    }


def _when_in_cell(row: Row) -> str:
    months = "never" if row["payback_months"] is None else significant(row["payback_months"])
    return f"{months} ({significant(row['payback_low'])}–{'never' if row['payback_high'] is None else significant(row['payback_high'])})"


def _seen(row: Row) -> dict[str, str]:
    return {
        "What": f"{_OF[row['basis']][0].upper()}{_OF[row['basis']][1:]} {named(row['title'])}",
        "Times": f"{row['n']:,}",
        "A year": _range(row, "per_year", "per_year_low", "per_year_high"),
        "Half done within": _waits(row),
        "Not done yet": f"{row['censored']:,}",
        "Not known": f"{row['missing']:,}",
        "Hours waited a year": _range(row, "waiting", "waiting_low", "waiting_high"),
    }


def _waits(row: Row) -> str:
    if row["wait"] is None:
        return NOTHING
    return f"{quantity(row['wait'], 'hours')} ({interval(row['wait_low'], row['wait_high'], 'hours', row['wait'])})"


def _range(row: Row, value: str, low: str, high: str) -> str:
    if row[value] is None:
        return NOTHING
    ends = [NOTHING if row[end] is None else significant(row[end]) for end in (low, high)]
    return f"{significant(row[value])} ({'–'.join(ends)})"


def _asking(teams: pl.DataFrame, found: list[Row], names: dict[str, str]) -> Iterator[Table]:
    """Per stated candidate, or where there is none per what is waited for most, in which teams it came up, in order of name."""
    shown = [row for row in found if row["basis"] == STATED] or found[:1]
    rows = [
        {"Path": named(row["title"]), "Team": names[one["team_id"]], "Needed": f"{one['n']:,}"}
        for row in shown if teams.height
        for one in sorted(where(teams, basis=row["basis"], id=row["id"]).head(SHOWN).to_dicts(), key=lambda one: names[one["team_id"]].casefold())
    ]  # fmt: skip
    yield cells.table(f"Where it came up: the {SHOWN} teams with most for each, in order of name", rows, ("Team",))


def _cautions(found: list[Row], stated: list[Row]) -> Iterator[str]:
    if stated:
        yield (
            "Hours saved, hours to build and hours to keep are what somebody states; how often a path would be needed is counted. The interval of months "
            "to pay back takes both at their worst and at their best; whether a path saves what is said is told by an intervention that is registered first."
        )
    else:
        yield "Say under [[next_path]] in settings.toml what a path would save and what it takes to build, and it is told when it has paid back."
    if found:
        yield (
            "A wait is no work: what people wait for may cost them nothing, or hold up everything. Hours waited a year are how often times the median, with an "
            "interval from the ends of both (Bonferroni)."
        )
    if any(row["censored"] for row in found):
        yield "What is not done yet counts as waiting up to now (Kaplan–Meier)."
