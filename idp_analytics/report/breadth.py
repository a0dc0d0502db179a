"""How widely the platform is used: teams and capabilities, and whether people who use it by choice come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import thirds
from idp_analytics.charts.wording import NOTHING, count, interval, named, period, quantity
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

STUDY, USE, RETURN = "adoption_breadth", "capability_use", "people_return"
QUESTION, QUESTION_OF_TEAM = "How widely is the platform used?", "What of the platform do we use?"
UNIT = "share of teams"
PEOPLE = "share of people"
KINDS = ("teams that used it", "teams that only looked", "teams that did neither")

Row = dict[str, Any]


def breadth(view: View) -> Section:
    """Of the organisation: teams with a use, capabilities per team, people who come back; of a team: what it uses and what others do."""
    row, when = _row(view), period(view.period.label)
    if view.scope == "team":
        return _of_team(view, row, when)
    back = _months(view)
    past = view.study_so_far(STUDY).to_dicts()
    used = view.study(USE).sort("k", "uses", descending=True, maintain_order=True).to_dicts()
    tables = (
        cells.table(f"Teams that used the platform, {view.name}", map(_then, past)),
        cells.table(f"Capabilities used in {when}, those of most teams first", map(_capability, used)),
        cells.table("People who used it by choice and came back the month after", map(_returned, back)),
    )
    return Section(
        question=QUESTION,
        answer=" ".join([view.unless_week(row, " ".join(_answer(row, when))), *_back(back)]),
        chart=thirds.chart(
            [{**r, "unknown": r["looked"]} for r in past], KINDS, "Teams by what they did with the platform", view.name, "team"
        ) if row else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(row, bool(back))),
        trace=view.trace(STUDY) if row else "",
    )  # fmt: skip


def said(view: View) -> list[str]:
    """The answer, sentence by sentence; of the organisation without those who came back, and of a week nothing."""
    row, when = _row(view), period(view.period.label)
    if row is None and view.period.every == "1w":
        return []
    return list(_said_of_team(view, row, when) if view.scope == "team" else _answer(row, when))


def _row(view: View) -> Row | None:
    return next(iter(view.study(STUDY).to_dicts()), None)


def _months(view: View) -> list[Row]:
    if view.scope != "org":
        return []
    frame = view.mart.studies[RETURN]
    if not frame.height:
        return []
    inside = (pl.col("period_start") < view.period.end) & ~pl.col("is_partial")
    return frame.filter(inside).sort("period_start").tail(13).to_dicts()


def _answer(row: Row | None, when: str) -> Iterator[str]:
    if row is None:
        yield f"No use of the platform is known in {when}."
        return
    bounds = f"{words.level(row)} {interval(row['low'], row['high'], UNIT, row['share'])}"
    yield (
        f"Of {count(row['n'], 'team')} that could, {row['k']:,} used the platform in {when}: {quantity(row['share'], UNIT)} ({bounds})"
        + (f"; {row['looked']:,} only looked at pages." if row["looked"] else ".")
    )
    if row["depth"] is not None:
        ends = (
            f" ({words.level(row)} {row['depth_low']:g}–{row['depth_high']:g})" if row["depth_low"] is not None else ""
        )
        yield f"Half of the teams that used the platform used {row['depth']:g} of the {row['capabilities']:,} capabilities in use or more{ends}."
    if row["gini"] is not None:
        ends = (
            f" ({words.level(row)} {row['gini_low']:.2f}–{row['gini_high']:.2f})" if row["gini_low"] is not None else ""
        )
        yield f"Uses are spread over teams with a Gini coefficient of {row['gini']:.2f}{ends}: 0 is all alike, 1 is one team alone."


def _back(months: list[Row]) -> Iterator[str]:
    if not months:
        return
    row = months[-1]
    if row["is_withheld"]:
        yield f"How many people came back in {period(row['period'])} is withheld: they are too few."
        return
    if row["share"] is None:
        return
    left = f"; {row['left']:,} more left the company" if row["left"] else ""
    yield (
        f"Of {count(row['n'], 'person', 'people')} who used it by choice the month before, {row['k']:,} did again in {period(row['period'])}: "
        f"{quantity(row['share'], PEOPLE)} ({words.level(row)} {interval(row['low'], row['high'], PEOPLE, row['share'])}){left}."
    )


def _then(row: Row) -> dict[str, str]:
    return {
        "Period": cells.period(row), "Teams (n)": f"{row['n']:,}", "Used it": f"{row['k']:,}", "Only looked": f"{row['looked']:,}",
        "Share": quantity(row["share"], UNIT), words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, row["share"]),
        "Capabilities per team (median)": f"{row['depth']:g}" if row["depth"] is not None else NOTHING,
        "Uses": f"{row['uses']:,}", "Page views": f"{row['views']:,}", "Gini of uses": f"{row['gini']:.2f}" if row["gini"] is not None else NOTHING,
        "Uses of no known team": f"{row['unknown']:,}" if row["unknown"] else "", "Uses by others": f"{row['others']:,}" if row["others"] else "",
    }  # fmt: skip


def _capability(row: Row) -> dict[str, str]:
    share = row["k"] / row["n"]
    return {
        "Capability": named(row["capability"]), "Teams": f"{row['k']:,} of {row['n']:,}", "Share of teams": quantity(share, UNIT),
        words.level(row).capitalize(): interval(row["low"], row["high"], UNIT, share), "Uses": f"{row['uses']:,}",
    }  # fmt: skip


def _returned(row: Row) -> dict[str, str]:
    known = row["share"] is not None
    return {
        "Month": cells.period(row), "People the month before (n)": "withheld" if row["is_withheld"] else f"{row['n']:,}",
        "Came back": f"{row['k']:,}" if known else NOTHING, "Share": quantity(row["share"], PEOPLE) if known else NOTHING,
        words.level(row).capitalize(): interval(row["low"], row["high"], PEOPLE, row["share"]) if known else NOTHING,
        "Active on a day, of the month's": quantity(row["daily"], PEOPLE) if row["daily"] is not None else NOTHING,
    }  # fmt: skip


def _of_team(view: View, row: Row | None, when: str) -> Section:
    used = sorted(view.study(USE).to_dicts(), key=lambda r: (-r["uses"], r["capability"]))
    table = cells.table(
        f"What {view.name} used in {when}",
        (
            {
                "Capability": named(r["capability"]),
                "Uses": f"{r['uses']:,}",
                "Teams that used it": f"{r['k']:,} of {r['n']:,}",
            }
            for r in used
        ),
    )
    return Section(
        question=QUESTION_OF_TEAM,
        answer=view.unless_week(_row(view), " ".join(said(view))),
        tables=(table,) if table.height else (),
        cautions=tuple(_cautions(row, False)),
        trace=view.trace(STUDY) if row else "",
    )


def _said_of_team(view: View, row: Row | None, when: str) -> Iterator[str]:
    if row is None:
        yield f"No use of the platform is known in {when}."
    elif not row["k"]:
        looked = f"; it looked at {count(row['views'], 'page')}" if row["views"] else ""
        yield f"{view.name} did not use the platform in {when}{looked}."
    else:
        yield f"{view.name} used {count(row['capabilities'], 'capability', 'capabilities')} in {when}, in {count(row['uses'], 'use')}; page views are not counted."
        (depth,) = _of_all(view, STUDY)["depth"].to_list() or (None,)
        if depth is not None:
            yield f"Half of the teams that used the platform used {depth:g} or more."
    mine = set(view.study(USE)["capability"].to_list())
    theirs = zip(*(_of_all(view, USE)[name].to_list() for name in ("capability", "k", "n")), strict=True)
    unused = sorted(capability for capability, k, n in theirs if capability not in mine and 2 * k > n)
    if unused:
        yield f"More than half of all teams used, and it did not: {', '.join(map(named, unused))}."


def _of_all(view: View, study: str) -> pl.DataFrame:
    """The rows of the study about the whole organisation in the period."""
    return where(view.mart.studies[study], scope="org", every=view.period.every, period=view.period.label)


def _cautions(row: Row | None, people: bool) -> Iterator[str]:
    if row is not None:
        yield (
            "A use did something: an event that says so, a run of an operation, a production deployment through a golden path. More of them are "
            "not better in themselves: a team may not need what others use."
        )
        if row["unknown"]:
            yield f"{count(row['unknown'], 'use')} of which the team is not known {('are', 'is')[row['unknown'] == 1]} in none."
        yield "Behind it, events of people are counted by team and capability, since each alone is one person's; runs and deployments stand one by one."
    if people:
        yield (
            "By choice leaves out what runs by itself and what goes through a path under a mandate. Groups of a few people are withheld, "
            "teams have no such number, and its rows, being people, are never shown. How many are active on a day is a diagnostic: many good platforms are needed once a week."
        )
