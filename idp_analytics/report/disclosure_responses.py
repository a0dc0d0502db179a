"""Does it follow who answered a wave at all? All numbers of people beside all questions of it, taken together with how many there are.

Who answered a question answered the wave, so each number of answers is one of people at the least; how many work in a team everybody
there knows. That everybody of a team answered accuses nobody and may follow; that somebody did not, of a team whose response is
withheld, may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import disclosure_audit
from idp_analytics.report.disclosure_statements import NOBODYS, WAVE

Row = tuple[str, str, int]
"""A statement, a cell of it, and its total."""


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
    try:
        silent = _silent(answered, partly, {**room, **heads}, hidden, heads)
    except disclosure_audit.ContradictionError:
        # People are not where memberships say: then nothing follows from how many there are.
        try:
            silent = _silent(answered, partly, room, hidden, {})
        except disclosure_audit.ContradictionError:
            yield f"{_called(responses)}: the numbers of who answered contradict each other, so what they tell of whom cannot be checked"
            return
    for group in silent:
        yield f"{_called(responses)}, {group}: how many answered can be worked out"


def _stated(
    answered: Sequence[tuple[str, int]], partly: Sequence[tuple[str, str, int]], there: Mapping[str, int]
) -> tuple[list[Row], dict[str, int]]:
    """What all numbers together say of how many of each team answered beyond those who answered some question, and how many those are.

    Who answered a question is nobody's business here, only that there are as many: where a team's number is told, at least so many of it
    answered the wave; those of all other teams together are no more than answered the wave there, so that the silent of these teams and who
    passed the question over (``spare``) are all that are there less those. Nothing else follows of the wave (Fourier–Motzkin elimination).
    """
    told: dict[str, dict[str, int]] = {}
    for question, entity, number in partly:
        if told.setdefault(question, {}).setdefault(entity, number) != number:
            raise disclosure_audit.ContradictionError("two numbers of one group")
    least = dict.fromkeys(there, 0)
    for numbers in told.values():
        for team in numbers.keys() & there.keys():
            least[team] = max(least[team], numbers[team])
    rows = [
        (f"there\0{team}", _cell(what, team), number - least[team])
        for team, number in there.items()
        for what in ("more", "silent")
    ]
    for entity, number in answered:
        teams = list(there) if entity == ORG else [entity]
        more = number - sum(least.get(team, 0) for team in teams)
        rows += [(f"answered\0{entity}\0{number}", _cell("more", team), more) for team in teams]
    for question, numbers in told.items():
        if ORG in numbers:
            others = [team for team in there if team not in numbers]
            rest = numbers[ORG] - sum(numbers[team] for team in numbers.keys() & there.keys())
            if rest < 0:
                raise disclosure_audit.ContradictionError("teams are more than the organisation")
            without = sum(there[team] for team in others) - rest
            cells = [*(_cell("silent", team) for team in others), _cell("spare", question)]
            rows += [(f"without\0{question}", cell, without) for cell in cells]
    return rows, least


def _silent(
    answered: Sequence[tuple[str, int]],
    partly: Sequence[tuple[str, str, int]],
    there: Mapping[str, int],
    hidden: Sequence[str],
    heads: Mapping[str, int],
) -> list[str]:
    """The ``hidden`` groups of which the number that answered follows, and is not that of everybody there."""
    rows, at_least = _stated(answered, partly, there)
    whole = pl.DataFrame(rows, schema={"statement": pl.String, "cell": pl.String, "total": pl.Int64}, orient="row")
    members, totals = whole.select("statement", "cell").unique(), whole.select("statement", "total").unique()
    pinned = set(disclosure_audit.fixed(members, totals))
    found = [group for group in hidden if _cell("more", group) in pinned]
    if not found:
        return []
    limits = disclosure_audit.bounds(members, totals, [_cell("more", group) for group in found])
    more = dict(zip(found, limits["low"], strict=True))
    return [
        group
        for group in found
        if group == NOBODYS or group not in heads or at_least[group] + more[group] < heads[group] - 0.5
    ]


def _cell(what: str, of: str) -> str:
    return f"{what}\0{of}"


def _called(responses: pl.DataFrame) -> str:
    survey, wave = responses.select(WAVE).row(0)
    return f"{survey} {wave}"
