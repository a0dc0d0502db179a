"""Does it follow who answered a wave at all? All numbers of people beside all questions of it, taken together with how many there are.

Who answered a question answered the wave, so each number of answers is one of people at the least; how many work in a team everybody
there knows. That everybody of a team answered accuses nobody and may follow; that somebody did not, of a team whose response is
withheld, may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import disclosure_audit
from idp_analytics.report.disclosure_statements import NOBODYS, WAVE

Row = tuple[str, str, int]
"""A statement, a cell of it, and its total."""

_ALL = ""
"""The question to answer at all."""


def problems(responses: pl.DataFrame, counted: pl.DataFrame, all_answer: frozenset[object]) -> Iterator[str]:
    """One sentence per group whose number of silent people follows. Of one wave: ``responses`` (:func:`disclosure_statements.responses`, those of
    this report before those of others), ``counted`` (``question_id``, ``entity_id``, ``of``: answers to each question); ``all_answer``: questions whose
    number is that of all who answered the wave."""
    teams = responses.filter(pl.col("scope") == "team")
    first = teams.drop_nulls("headcount").unique("entity_id", keep="first", maintain_order=True)
    heads = dict(first.select("entity_id", "headcount").iter_rows())
    told = set(teams.drop_nulls("k")["entity_id"])
    everybody = teams["entity_id"].unique().sort().to_list()
    hidden = [group for group in everybody if group not in told]
    if not hidden:
        return
    answered = list(responses.drop_nulls("k").select("entity_id", "k").unique().iter_rows())
    lists = [
        (question, entity, of)
        for question, entity, of in counted.select("question_id", "entity_id", "of").unique().iter_rows()
    ]
    answered += [(entity, of) for question, entity, of in lists if question in all_answer]
    partly = [(str(question), entity, of) for question, entity, of in lists if question not in all_answer]
    # Where more answered than are known to have been there, there were so many.
    for entity, of in [*answered, *((entity, of) for _, entity, of in partly)]:
        if entity in heads:
            heads[entity] = max(heads[entity], of)
    # Where it is not known how many there are, as many as anything says: no end to how many answered, but that who answered a question did.
    most = max((number for _, number in [*answered, *((entity, of) for _, entity, of in partly)]), default=0)
    room = dict.fromkeys(everybody, most)
    questions = sorted({question for question, _, _ in partly})
    rows = [*_answered(answered, everybody), *_partly(partly, everybody)]
    try:
        silent = _silent([*rows, *_there({**room, **heads}, questions)], hidden, heads)
    except disclosure_audit.ContradictionError:
        # People are not where memberships say: then nothing follows from how many there are.
        try:
            silent = _silent([*rows, *_there(room, questions)], hidden, {})
        except disclosure_audit.ContradictionError:
            yield f"{_called(responses)}: the numbers of who answered contradict each other, so what they tell of whom cannot be checked"
            return
    for group in silent:
        yield f"{_called(responses)}, {group}: how many answered can be worked out"


def _answered(answered: Sequence[tuple[str, int]], everybody: Sequence[str]) -> Iterator[Row]:
    for entity, number in answered:
        for group in everybody if entity == ORG else [entity]:
            yield f"{_ALL}\0{entity}\0{number}", _cell(_ALL, group, "answered"), number


def _partly(counted: Sequence[tuple[str, str, int]], everybody: Sequence[str]) -> Iterator[Row]:
    for question, entity, number in counted:
        for group in everybody if entity == ORG else [entity]:
            yield f"{question}\0{entity}\0{number}", _cell(question, group, "answered"), number


def _there(heads: dict[str, int], questions: Sequence[str]) -> Iterator[Row]:
    """Of every team, for every question: who answered it, who answered the wave but not it, and who did not answer make up the team."""
    for team, number in heads.items():
        for question in (_ALL, *questions):
            head = f"{question}\0{team}\0there"
            yield head, _cell(question, team, "answered"), number
            yield head, _cell(_ALL, team, "silent"), number
            if question != _ALL:
                yield head, _cell(question, team, "passed"), number


def _silent(rows: Sequence[Row], hidden: Sequence[str], heads: dict[str, int]) -> list[str]:
    """The ``hidden`` groups of which the number that answered follows, and is not that of everybody there."""
    whole = pl.DataFrame(rows, schema={"statement": pl.String, "cell": pl.String, "total": pl.Int64}, orient="row")
    members, totals = whole.select("statement", "cell").unique(), whole.select("statement", "total").unique()
    pinned = set(disclosure_audit.fixed(members, totals))
    found = [group for group in hidden if _cell(_ALL, group, "answered") in pinned]
    if not found:
        return []
    limits = disclosure_audit.bounds(members, totals, [_cell(_ALL, group, "answered") for group in found])
    least = dict(zip(found, limits["low"], strict=True))
    return [group for group in found if group == NOBODYS or group not in heads or least[group] < heads[group] - 0.5]


def _cell(question: str, group: str, what: str) -> str:
    return f"{question}\0{group}\0{what}"


def _called(responses: pl.DataFrame) -> str:
    survey, wave = responses.select(WAVE).row(0)
    return f"{survey} {wave}"
