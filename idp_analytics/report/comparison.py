"""Teams beside one another without a ranking: a funnel, numbers shrunken towards all, in order of name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts import Chart, funnel
from idp_analytics.charts.wording import count, interval, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.report import cells
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View, of_all, team_names
from idp_analytics.report.words import PHRASES

STUDY = "comparison"

APART, INSUFFICIENT = "apart from the others", "insufficient data"

_CAUTIONS = (
    "Apart means outside the 99.8 % limits, where one team in five hundred is by chance alone; it is a reason to ask, not a "
    "finding. Teams build different things under different conditions.",
    "The chance to be in the worst third comes from what all teams together make likely of each; where it is neither near "
    "0 nor near 1, the data do not tell.",
)


def comparison(view: View, name: str) -> Section:
    """Whether teams differ by more than chance in the metric called ``name``; raises :class:`ReportError` for one that
    does not exist."""
    metric, found = by_name(name), where(view.mart.studies[STUDY], **_told(view, name))
    teams = where(found, role="team").to_dicts()
    names = team_names(view.mart, [row["entity_id"] for row in teams])
    teams.sort(key=lambda row: (names[row["entity_id"]].casefold(), row["entity_id"]))
    return Section(
        question="Do our teams differ by more than chance?",
        answer=_differ(view, teams, metric.title),
        chart=_chart(found, metric.title, name, names),
        tables=(
            cells.of_teams(
                "Teams, in order of name", ((_far(row), {"Team": names[row["entity_id"]], **_cells(row)}) for row in teams),
                "farthest out, or nearest to being so", f"{STUDY}.csv", left=("Said",),
            ),
        ),
        cautions=_CAUTIONS if any(row["verdict"] != INSUFFICIENT for row in teams) else (),
        trace=view.trace(name) if any(row["n"] for row in teams) and not metric.about_people else "",
        metrics=(metric,),
    )  # fmt: skip


def _far(row: dict[str, Any]) -> float:
    """How far a team lies from all together, where its 99.8 % limit is 1; of one that is not compared, less than any other."""
    if row["low_998"] is None or row["value"] is None:
        return -1.0
    way = row["value"] - row["centre"]
    reach = row["high_998"] - row["centre"] if way > 0 else row["centre"] - row["low_998"]
    return float(abs(way) / reach) if reach else float(way != 0)


def place(view: View, name: str) -> Section:
    """Where one team stands in the funnel of all; raises :class:`ReportError` for a metric that does not exist."""
    metric = by_name(name)
    limits, others = _of_all(view, name)
    own = where(view.own(STUDY), **_told(view, name))
    row = next(iter(where(own, role="team").to_dicts()), None)
    drawable = row is not None and row["low_998"] is not None
    return Section(
        question="Do we differ from other teams by more than chance?",
        answer=_placed(view, row, metric.title),
        chart=_chart(pl.concat([limits, own]), metric.title, name, {view.entity_id: view.name}, view.entity_id, others)
        if drawable
        else None,
        tables=(cells.table(f"{metric.title} of {view.name}", [_cells(row)], left=("Said",)),) if row else (),
        cautions=_CAUTIONS if drawable else (),
        trace=view.trace(name) if row and row["n"] and not metric.about_people else "",
        metrics=(metric,),
    )


def _told(view: View, metric: str) -> dict[str, str]:
    """What the rows of one metric in the period say in these columns."""
    return {"metric": metric, "every": view.period.every, "period": view.period.label}


def _of_all(view: View, metric: str) -> tuple[pl.DataFrame, Sequence[funnel.Mark]]:
    """What the pages of all teams show of one metric: the limits, and where the others are."""
    told = _told(view, metric)

    def made() -> tuple[pl.DataFrame, Sequence[funnel.Mark]]:
        rows = where(view.whole(STUDY), **told)
        return rows.filter(pl.col("role") != "dot"), funnel.marks(where(rows, role="dot"))

    return of_all(view.mart, (STUDY, *told.values()), made)


def _chart(
    rows: pl.DataFrame,
    title: str,
    metric: str,
    names: dict[str, str],
    own: str = "",
    dots: Sequence[funnel.Mark] | None = None,
) -> Chart | None:
    """The funnel, where the study drew one: metrics counted over the same days by all have no width."""
    if not where(rows, role="limit").height:
        return None
    noun = f"{PHRASES[metric].noun}s" if metric in PHRASES else "observations"
    return funnel.chart(rows, title, noun, names, own, dots)


def _differ(view: View, teams: list[dict[str, Any]], title: str) -> str:
    """The answer for the organisation. Dispersion within 2 of its own standard errors of 1 is chance (Spiegelhalter 2005)."""
    when = period(view.period.label)
    if view.period.every == "1w":
        return "Teams are compared by month and quarter; a week holds too little of each."
    compared = [row for row in teams if row["verdict"] != INSUFFICIENT]
    if not compared:
        known = teams[0]["teams"] if teams else 0
        return f"{count(known, 'team')} with a value in {when}: too few to compare (5 are needed)."
    apart = sum(row["verdict"] == APART for row in compared)
    first = compared[0]
    head = f"{title} of {count(len(compared), 'team')} in {when}, {quantity(first['centre'], first['unit'])} all together: "
    told = (
        "no team lies outside what chance allows"
        if not apart
        else f"{count(apart, 'team lies', 'teams lie')} outside what chance allows; by chance alone {significant(0.002 * len(compared))} would"
    )
    spread = f"(dispersion {significant(first['dispersion'])}; 1 is chance alone)"
    more = (
        f" Taken together teams differ by more than chance {spread}, and the limits allow for that."
        if first["dispersion"] > 1 + 2 * (2 / len(compared)) ** 0.5
        else f" Taken together their differences are no more than chance makes {spread}."
    )
    left = len(teams) - len(compared)
    rest = f" {count(left, 'team has', 'teams have')} too few observations." if left else ""
    return f"{head}{told}.{more}{rest}"


def _placed(view: View, row: dict[str, Any] | None, title: str) -> str:
    when = period(view.period.label)
    if view.period.every == "1w":
        return "Teams are compared by month and quarter; a week holds too little of each."
    if row is None or row["verdict"] == INSUFFICIENT:
        why = (
            "fewer than 5 teams have a value" if row and row["value"] is not None else "there are too few observations"
        )
        return f"Not compared in {when}: {why}."
    unit = row["unit"]
    bounds = interval(row["low_998"], row["high_998"], unit, row["value"])
    shrunken = interval(row["shrunken_low"], row["shrunken_high"], unit, row["shrunken"])
    return (
        f"{title} {quantity(row['value'], unit)} in {when} (n = {row['n']:,}), all {row['teams']:,} teams together "
        f"{quantity(row['centre'], unit)}. With so many observations chance allows {bounds}: {row['verdict']}. What all teams tell "
        f"makes {quantity(row['shrunken'], unit)} likeliest for this one ({100 * row['level']:g} % interval {shrunken})."
    )


def _cells(row: dict[str, Any]) -> dict[str, str]:
    unit = row["unit"]
    chance = row["worst_third"]
    return {
        "Value": quantity(row["value"], unit),
        "Interval": interval(row["low"], row["high"], unit, row["value"]),
        "n": f"{row['n']:,}",
        "95 % limits": interval(row["low_95"], row["high_95"], unit, row["centre"]),
        "99.8 % limits": interval(row["low_998"], row["high_998"], unit, row["centre"]),
        "Likeliest": quantity(row["shrunken"], unit),
        "Its interval": interval(row["shrunken_low"], row["shrunken_high"], unit, row["shrunken"]),
        "Chance of worst third": "" if chance is None else f"{100 * chance:.0f} %",
        "Said": row["verdict"],
    }
