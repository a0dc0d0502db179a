"""Who answered a wave at all: what is said of it in short is what follows from every answer to every question written out."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates import disclosure_audit
from idp_analytics.report import disclosure_responses

Numbers = dict[str, int]
Told = tuple[list[tuple[str, int]], list[tuple[str, str, int]], Numbers]
"""Who answered the wave, who answered which question (question, group, number), and how many there are of each team."""

CONTRADICTION = None


@st.composite
def waves(draw: st.DrawFn) -> Told:
    """Teams of which some answered, and of those some each question; some of these numbers are told, now and then one of them wrong."""
    most = draw(st.sampled_from([2, 4, 9]))
    there = {team: draw(st.integers(0, most)) for team in "abcde"[: draw(st.integers(1, 5))]}
    came = {team: draw(st.integers(0, number)) for team, number in there.items()}
    answered = [(team, number) for team, number in came.items() if draw(st.integers(0, 3)) == 0]
    if draw(st.booleans()):
        answered.append(("org", sum(came.values())))
    partly = []
    for question in "xyz"[: draw(st.integers(0, 3))]:
        of_all = draw(st.booleans())
        said = {team: number if of_all else draw(st.integers(0, number)) for team, number in came.items()}
        partly += [(question, team, number) for team, number in said.items() if draw(st.booleans())]
        if draw(st.booleans()):
            partly.append((question, "org", sum(said.values())))
    if partly and draw(st.integers(0, 7)) == 0:
        question, group, number = partly.pop()
        partly.append((question, group, number + draw(st.sampled_from([1, 4]))))
    return answered, partly, there


def written_out(told: Told) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of every team and question: who answered it, who answered the wave but not it, and who was silent."""
    answered, partly, there = told
    rows: list[tuple[str, str, int]] = []
    for question, group, number in [*(("wave", *one) for one in answered), *partly]:
        teams = there if group == "org" else [group]
        rows += [(f"{question} {group} {number}", f"{question} {team} answered", number) for team in teams]
    for question in {"wave", *(question for question, _, _ in partly)}:
        for team, number in there.items():
            rows += [
                (f"{question} {team}", f"{question} {team} answered", number),
                (f"{question} {team}", f"{team} silent", number),
            ]
            if question != "wave":
                rows.append((f"{question} {team}", f"{question} {team} passed", number))
    whole = pl.DataFrame(rows, schema=["statement", "cell", "total"], orient="row").unique()
    return whole.select("statement", "cell"), whole.select("statement", "total").unique()


def in_full(told: Told) -> list[str] | None:
    """Teams of which the number that answered follows and is not that of all of them."""
    members, totals = written_out(told)
    cells = [f"wave {team} answered" for team in told[2]]
    try:
        limits = disclosure_audit.bounds(members, totals, cells)
    except disclosure_audit.ContradictionError:
        return CONTRADICTION
    follows = limits.filter(pl.col("high") - pl.col("low") < 1e-6)["cell"]
    assert set(follows) == set(cells) & set(disclosure_audit.fixed(members, totals))
    least = dict(zip(told[2], limits["low"], strict=True))
    return [team for team in told[2] if f"wave {team} answered" in set(follows) and least[team] < told[2][team] - 0.5]


def in_short(told: Told) -> list[str] | None:
    answered, partly, there = told
    try:
        return disclosure_responses._silent(answered, partly, there, list(there), there)
    except disclosure_audit.ContradictionError:
        return CONTRADICTION


@given(waves())
@settings(max_examples=60, deadline=None)
def test_in_short_the_same_follows_as_in_full(told: Told) -> None:
    assert in_short(told) == in_full(told)


@pytest.mark.slow
@given(waves())
@settings(max_examples=2000, deadline=None)
def test_in_short_the_same_follows_of_many_waves(told: Told) -> None:
    assert in_short(told) == in_full(told)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # Of six and four, five and three rated it: of the ten there eight did at the least, and nobody knows of whom the ninth is.
        (([("org", 9)], [("x", "a", 5), ("x", "b", 3)], {"a": 6, "b": 4}), []),
        # Eight answered, and eight are known to have: one of either did not.
        (([("org", 8)], [("x", "a", 5), ("x", "b", 3)], {"a": 6, "b": 4}), ["a", "b"]),
        # All ten answered: that tells of nobody.
        (([("org", 10)], [("x", "a", 5), ("x", "b", 3)], {"a": 6, "b": 4}), []),
        # Of b nothing is said, but that as many rated it as answered at all: no less than three, and so no more than six of a.
        (([("org", 9)], [("x", "a", 6), ("x", "org", 9)], {"a": 7, "b": 4}), ["a", "b"]),
        # More rated it than answered.
        (([("org", 7)], [("x", "a", 5), ("x", "b", 3)], {"a": 6, "b": 4}), CONTRADICTION),
        # Two numbers of one group; and teams that are more than the organisation.
        (([], [("x", "a", 5), ("x", "a", 4)], {"a": 6}), CONTRADICTION),
        (([], [("x", "a", 5), ("x", "org", 4)], {"a": 6, "b": 4}), CONTRADICTION),
    ],
)  # fmt: skip
def test_waves_by_hand(told: Told, expected: list[str] | None) -> None:
    assert in_short(told) == in_full(told) == expected
