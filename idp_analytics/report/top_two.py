"""Which two things to improve first: of the organisation, from the last wave of the survey that had closed by the end of the period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.charts import Chart, parts
from idp_analytics.charts.wording import NOTHING, interval, named, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.top_two import TOGETHER
from idp_analytics.metrics.top_two_evidence import COMMENTS, EXPLAINED, PAIN, RATINGS, TICKETS, VOTES
from idp_analytics.report import cells, learnt, words
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

QUESTION = "Which two things should we improve first?"
SHARE = "share of answers"
CHANCE = "share of draws"
_NEARLY = 0.05
"""A chance below this is not worth a place among what else it could be."""

_SPOKE = {VOTES: "voted for it", PAIN: "were held up by it", COMMENTS: "of the comments are about it"}


def top_two(view: View) -> Section:
    """The two areas that come first when all evidence is taken together, how sure that is, what would move and who is at it."""
    rows = _rows(view)
    first = _first(rows)
    if not first:
        return Section(
            QUESTION,
            "No closed wave of a survey says what to improve first, or what it says must be withheld. Ask for votes and ratings of areas "
            "(idp survey questions).",
        )
    metrics = tuple(by_name(row["metric"]) for row in first[:2] if row["metric"])
    return Section(
        QUESTION, " ".join([_answer(first), *(f"{told[:1].upper()}{told[1:]}" for told in (_suggestion(view, row, rows) for row in first[:2]))]), _drawn(view, first),
        tables=tuple(table for table in (_evidence(view, rows, first), _tickets(rows)) if table.height),
        cautions=tuple(_cautions(rows, first)), metrics=metrics,
        trace=next((view.trace(metric.name) for metric in metrics if not metric.about_people and view.row(metric)["n"]), ""),
    )  # fmt: skip


def suggestions(view: View) -> list[str]:
    """The two areas that come first: what speaks for each, what would move, how sure that is. Empty where no wave says so."""
    rows = _rows(view)
    first = _first(rows)
    return [f"Improve {_evident(view, row, rows)}{_sure(row, first)}." for row in first[:2]]


def first(view: View) -> list[tuple[str, str | None]]:
    """The two areas that come first, each with the name of the metric that would move (null: none measures it)."""
    return [(_title(row), row["metric"]) for row in _first(_rows(view))[:2]]


def _rows(view: View) -> pl.DataFrame:
    """What the last wave says that had closed by the end of the period; of the organisation only."""
    found = view.mart.studies["top_two"].filter(pl.lit(view.scope == "org"), pl.col("closed_on") <= view.period.end)
    last = found.sort("closed_on", "survey_id").tail(1)
    return found.join(last.select("survey_id", "wave"), on=["survey_id", "wave"], maintain_order="left")


def _first(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The areas by all evidence together, or by the one kind there is, what comes first first."""
    for kind in (TOGETHER, VOTES, PAIN, RATINGS, COMMENTS):
        told = where(rows, evidence=kind)
        if told.height > 1:
            return told.to_dicts()
    return []


def _answer(first: list[dict[str, Any]]) -> str:
    one, other, *rest = first
    basis = "votes, pain points, comments and ratings" if one["evidence"] == TOGETHER else one["evidence"]
    if one["evidence"] == TOGETHER:
        *before, kind = one["method"].split(", ")
        basis = f"{', '.join(before)} and {kind}"
    head = (
        f"{_title(one).capitalize()} and {_title(other)} come first, by the {basis} of the wave {named(one['wave'])}, closed {_day(one['closed_on'])}: "
        f"they are among the first two in {_chance(one)} and {_chance(other)} of draws"
    )
    if not rest:
        return f"{head}."
    if one["is_separable"]:
        return f"{head}, and the second can be told apart from the third ({_title(rest[0])}, {_chance(rest[0])})."
    likely = [row for row in rest if (row["top_two"] or 0) >= _NEARLY][:3] or rest[:1]
    others = ", ".join(f"{_title(row)} ({_chance(row)})" for row in likely)
    return (
        f"{head}. The second and the third cannot be told apart: it could as well be {others}. Begin with {_title(one)}, and choose the other by what is "
        "cheaper to try."
    )


def _suggestion(view: View, row: dict[str, Any], rows: pl.DataFrame) -> str:
    """What speaks for it most plainly, what would move, and whether somebody has said that they will try."""
    return f"{_evident(view, row, rows)}; {_who(view, row)}."


def _evident(view: View, row: dict[str, Any], rows: pl.DataFrame) -> str:
    same = {one["evidence"]: one for one in where(rows, subject=row["subject"]).to_dicts()}
    said = [
        f"{quantity(one['value'], SHARE)} {what} ({words.level(one)} {interval(one['low'], one['high'], SHARE, one['value'])}; {one['k']:,} of {one['n']:,})"
        for kind, what in _SPOKE.items()
        for one in ([same[kind]] if kind in same else [])
    ][:1]
    if RATINGS in same:
        said.append(f"{quantity(same[RATINGS]['favourable'], SHARE)} of its ratings are favourable")
    return f"{_title(row)}: {', '.join([*said, _moves(view, row)])}"


def _sure(row: dict[str, Any], first: list[dict[str, Any]]) -> str:
    """How sure it is that it belongs to the first two, and what the second could be instead where it cannot be told apart."""
    if row["top_two"] is None:
        return ""
    sure = f". It is {_chance(row)} sure that this is one of the first two"
    other = next((one for one in first[2:] if (one["top_two"] or 0) >= _NEARLY), None)
    if row is first[0] or first[0]["is_separable"] or other is None:
        return sure
    return f"{sure}; it could as well be {_title(other)} ({_chance(other)})"


def _moves(view: View, row: dict[str, Any]) -> str:
    if not row["metric"]:
        return "nothing here measures it, so its rating in the next wave would move"
    metric = by_name(row["metric"])
    now = view.row(metric)
    value = (
        f"now {quantity(now['value'], now['unit'])}, {words.level(now)} {interval(now['low'], now['high'], now['unit'], now['value'])}"
        if now["value"] is not None
        else "not measured now"
    )
    return f"{metric.title[:1].lower()}{metric.title[1:]} would move ({value})"


def _who(view: View, row: dict[str, Any]) -> str:
    """What was tried before with which verdict, and who is at it now."""
    impact = view.mart.studies["impact"]
    before = learnt.tried(impact, row["metric"])
    over = {one["intervention_id"] for one in learnt.judged(impact)}
    running = [name for name in (row["interventions"] or "").split(", ") if name and name not in over]
    if running:
        now = f"registered and still to be reviewed: {named(', '.join(running))}"
    else:
        now = "register what you try next" if before else "no change is registered for it: register what you try"
    return f"{before}; {now}" if before else now


def _drawn(view: View, first: list[dict[str, Any]]) -> Chart:
    shown = [
        {
            "label": _title(row), "share": row["top_two"] or 0.0, "low": None, "high": None, "n": row["n"], "quiet": place > 1,
        }
        for place, row in enumerate(first)
    ]  # fmt: skip
    return parts.chart(shown, "How sure it is to be one of the first two", view.name, CHANCE, ("suggested", "others"))


def _evidence(view: View, rows: pl.DataFrame, first: list[dict[str, Any]]) -> Table:
    held = {(row["evidence"], row["subject"]): row for row in rows.to_dicts()}
    others = {row["subject"]: row for row in rows.filter(pl.col("evidence") != TICKETS).to_dicts()}
    listed = [
        *first,
        *(row for subject, row in sorted(others.items()) if subject not in {one["subject"] for one in first}),
    ]
    ratings = next((row["method"] for row in held.values() if row["evidence"] == RATINGS), None)
    return cells.table(
        "Evidence by area",
        (
            {
                "Area": _title(row),
                "Among the first two": _chance(held[TOGETHER, row["subject"]]) if (TOGETHER, row["subject"]) in held else NOTHING,
                "Votes": _counted(held.get((VOTES, row["subject"]))),
                "Held up": _counted(held.get((PAIN, row["subject"]))),
                "Comments": _counted(held.get((COMMENTS, row["subject"]))),
                "Share of what goes with satisfaction" if ratings == EXPLAINED else "Goes with satisfaction (rank correlation)": _goes(held.get((RATINGS, row["subject"]))),
                "Favourable": quantity((held.get((RATINGS, row["subject"])) or {}).get("favourable"), SHARE)
                if (RATINGS, row["subject"]) in held
                else NOTHING,
                "Would move": by_name(row["metric"]).title if row["metric"] else NOTHING,
                "Registered": named(row["interventions"] or NOTHING),
                "Tried": learnt.tried(view.mart.studies["impact"], row["metric"]).removeprefix("tried: "),
            }
            for row in listed
        ),
        left=("Would move", "Registered", "Tried"),
    )  # fmt: skip


def _tickets(rows: pl.DataFrame) -> Table:
    return cells.table(
        "Tickets by category, of the 90 days before the wave closed",
        (
            {
                "Category": _title(row),
                "Share": quantity(row["value"], SHARE),
                words.level(row).capitalize(): interval(row["low"], row["high"], SHARE, row["value"]),
                "k": f"{row['k']:,}",
                "n": cells.n(row),
                "Among the first two": _chance(row),
            }
            for row in where(rows, evidence=TICKETS).to_dicts()
        ),
    )


def _counted(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return NOTHING
    return f"{quantity(row['value'], SHARE)} ({interval(row['low'], row['high'], SHARE, row['value'])}; {row['k']:,} of {row['n']:,})"


def _goes(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return NOTHING
    value, low, high = (f"{row[name]:.2f}".replace("-", "−") for name in ("value", "low", "high"))
    return f"{value} ({low} to {high}; n {row['n']:,})"


def _cautions(rows: pl.DataFrame, first: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "Votes and ratings are of the same people at the same time: what goes with satisfaction goes with it among those who answered, and need not be what "
        "makes them satisfied. Whether a change helps is told by an intervention that is registered before it begins, with the smallest effect that would matter and a "
        "day to look."
    )
    if first[0]["evidence"] == TOGETHER:
        yield (
            "How much votes, pain points, comments and ratings should count is nobody's to know, so every mixture is drawn as likely as any other; what is first in "
            "nearly all draws is so whatever they count."
        )
    ratings = where(rows, evidence=RATINGS)
    if ratings.height and ratings["method"][0] != EXPLAINED:
        yield (
            f"Only {ratings['n'][0]:,} people rated everything, too few to share satisfaction out among {ratings.height} areas: each area's rank correlation stands "
            "instead, in which areas that go together count for one another."
        )
    separable = {row["evidence"]: row["is_separable"] for row in rows.to_dicts()}
    apart = [kind for kind in (VOTES, PAIN, COMMENTS, RATINGS, TICKETS) if separable.get(kind)]
    if apart:
        yield f"Of the kinds of evidence alone, {' and '.join(apart)} tell the second apart from the third."
    elif len(separable) > 1:
        yield "No kind of evidence alone tells the second apart from the third."
    yield "Intervals here are of what people would say again; what these people think now is known more closely, and stands under “What do developers say?”."
    yield (
        "Only the whole organisation is looked at, and only what may be shown of it; who did not answer may want something else. The rows behind votes, comments and "
        "ratings are single people's and are not shown."
    )


def _chance(row: dict[str, Any]) -> str:
    if row["top_two"] is None:
        return NOTHING
    return (
        "over 99 %"
        if row["top_two"] > 0.99
        else "under 1 %"
        if row["top_two"] < 0.01
        else f"{100 * row['top_two']:.0f} %"
    )


def _title(row: dict[str, Any]) -> str:
    return named(row["title"])


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
