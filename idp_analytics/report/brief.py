"""What matters, for somebody who has three minutes: what changed and why, what it costs and buys, where it hurts, what to decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from idp_analytics.charts.wording import count, interval, named, period, quantity
from idp_analytics.report import (
    boundary,
    breadth,
    cost_change,
    impact,
    maturity,
    maturity_steps,
    moved,
    quality,
    stress,
    top_two,
    voice,
    why,
    words,
    worth,
)
from idp_analytics.report.section import Brief, Statement
from idp_analytics.report.view import View

_SHARE = "share of decisions"

_ROWS_OF = {
    cost_change.QUESTION: "showback_cost", worth.QUESTION: "showback_cost", breadth.QUESTION: "adoption_breadth", breadth.QUESTION_OF_TEAM: "adoption_breadth",
    boundary.QUESTION: boundary.STUDY, impact.QUESTION: "impact", maturity.QUESTION: "maturity_criteria", maturity_steps.QUESTION: "maturity_criteria",
    stress.QUESTION: "stress_signals",
}  # fmt: skip
"""Question → the metric or study whose rows are behind what is said of it here. Where none is named they are answers of people."""


def brief(view: View) -> Brief:
    """Of the organisation: what a leader decides by. Of a team: how it does against itself, what the platform gives it and costs it."""
    level, when = words.level(view.mart.meta["rules"]), period(view.period.label)
    told = _told(_of_team(view) if view.scope == "team" else _of_organisation(view), (f"{level} ", f" in {when}"))
    rows_of = {question: view.trace(name) for question, name in _ROWS_OF.items()}
    return Brief(
        {topic: tuple(replace(s, trace=s.trace or rows_of.get(s.question, "")) for s in told[topic]) for topic in told},
        f"Numbers are of {when} where no other time is told. In brackets behind one: its {level}, the values the true number may well have.",
    )


def _told(topics: Mapping[str, Iterable[Statement]], once: Sequence[str]) -> dict[str, tuple[Statement, ...]]:
    """Topics with something to say, without the words said once for all of them: in every sentence they would be read over."""
    said = {
        title: tuple(replace(one, text=_without(one.text, once)) for one in statements)
        for title, statements in topics.items()
    }
    return {title: statements for title, statements in said.items() if statements}


def _without(text: str, once: Sequence[str]) -> str:
    for words_of_all in once:
        text = text.replace(words_of_all, "")
    return text


def _of_organisation(view: View) -> dict[str, Iterable[Statement]]:
    return {
        "What changed?": moved.moved(view),
        "Why?": _reasons(view),
        "What does it cost, and what does it buy?": (
            *_one(cost_change.said(view), cost_change.QUESTION),
            *_one(worth.said(view), worth.QUESTION),
            *_one(breadth.said(view)[:1], breadth.QUESTION),
        ),
        "Where does the boundary hurt?": _boundary(view),
        "Did what we tried work?": _one(impact.due(view), impact.QUESTION),
        "Which two decisions are there to take?": _decisions(view),
        "Where do we stand?": _standing(view),
        "How far can this be trusted?": [Statement(quality.said(view), quality.QUESTION)],
    }


def _of_team(view: View) -> dict[str, Iterable[Statement]]:
    return {
        "How do we do against ourselves?": moved.moved(view),
        "What do we say?": _one(voice.in_short(view), voice.QUESTION),
        "What does the platform give us, and what does it cost?": (
            *_one(breadth.said(view), breadth.QUESTION_OF_TEAM),
            *_one(cost_change.said(view), cost_change.QUESTION),
        ),
        "Where do we wait, and what is unchecked?": _boundary(view),
        "Where do we stand?": _standing(view),
        "How far can this be trusted?": [Statement(quality.said(view), quality.QUESTION)],
    }


def _one(sentences: list[str], question: str) -> Iterator[Statement]:
    """The sentences as one statement; none where there is nothing to say."""
    if sentences:
        yield Statement(" ".join(sentences), question)


def _reasons(view: View) -> Iterator[Statement]:
    """What people rate, and what follows from what they write and what is measured."""
    yield from _one(voice.in_short(view), voice.QUESTION)
    yield from _one(why.in_short(view), why.QUESTION)


def _standing(view: View) -> Iterator[Statement]:
    yield from _one(maturity.in_short(view), maturity.QUESTION)
    yield from _one(maturity_steps.first(view), maturity_steps.QUESTION)
    yield from _one(stress.in_short(view), stress.QUESTION)


def _boundary(view: View) -> Iterator[Statement]:
    """The gate with most waiting for what is safe, and the hole through which most that is dangerous went."""
    found = view.study(boundary.STUDY)
    for text in (*map(_gate, boundary.gates_to_open(found)[:1]), *map(_hole, boundary.holes_to_close(found)[:1])):
        yield Statement(text, boundary.QUESTION)


def _gate(row: Mapping[str, Any]) -> str:
    hours = ""
    if row["hours_per_month"] is not None:
        bounds = interval(row["hours_low"], row["hours_high"], "hours", row["hours_per_month"])
        hours = (
            f"; people waited {quantity(row['hours_per_month'], 'hours')} a month for it ({words.level(row)} {bounds})"
        )
    caught = interval(row["caught_low"], row["caught_high"], _SHARE, row["caught_share"])
    return (
        f"“{named(row['title'])}” is safe, and yet a person decides on it: asked {count(row['asked'], 'time')}, refused or sent back "
        f"{row['caught']:,} of {row['decided']:,} ({words.level(row)} {caught}){hours}."
    )


def _hole(row: Mapping[str, Any]) -> str:
    how = {word: row[name] for name, word in boundary.CAUSES.items() if row[name]}
    told = next(iter(how)) if len(how) == 1 else ", ".join(f"{n:,} {word}" for word, n in how.items())
    of = (
        f"{row['exposed']:,} of {count(row['carried_out'], 'use')} {('were', 'was')[row['carried_out'] == 1]} unchecked"
    )
    return f"“{named(row['title'])}” is dangerous, and {of} ({told})."


def _decisions(view: View) -> Iterator[Statement]:
    """The two areas people and numbers point at first; where no survey tells, what the boundary asks for."""
    said = top_two.suggestions(view)
    for text in said:
        yield Statement(text, top_two.QUESTION)
    if said:
        return
    found = view.study(boundary.STUDY)
    for row in boundary.gates_to_open(found)[:1]:
        yield Statement(
            f"Open the gate before “{named(row['title'])}”, which is safe, or say what it protects.", boundary.QUESTION
        )
    for row in boundary.holes_to_close(found)[:1]:
        yield Statement(
            f"Let somebody else look at “{named(row['title'])}” before it is done, or say that it is safe.",
            boundary.QUESTION,
        )
