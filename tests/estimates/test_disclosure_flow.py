"""What follows from a table with two margins, by flows, against what linear programs and random directions say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from idp_analytics.estimates import disclosure_audit, disclosure_flow

NOTHING = None
"""The statements are no table with two margins."""


def moving(cells: str, *statements: tuple[str, float]) -> str | None:
    """The letters of ``cells`` that can move; each of the ``statements`` adds up letters to a total."""
    relations = csr_array([[float(cell in held) for cell in cells] for held, _ in statements])
    found = disclosure_flow.can_move(relations, np.array([float(total) for _, total in statements]))
    return None if found is None else "".join(cell for cell, moves in zip(cells, found, strict=True) if moves)


@pytest.mark.parametrize(
    ("cells", "statements", "expected"),
    [
        # Two groups by two answers: one count says the others, and none is said.
        ("abcd", [("ab", 5), ("cd", 4), ("ac", 3), ("bd", 6)], "abcd"),
        # Nobody in the second row: all of it is zero, and with it the first is known.
        ("abcd", [("ab", 5), ("cd", 0), ("ac", 3), ("bd", 2)], ""),
        # a has only one way to the others: the three circles b c d e do not go through it.
        ("abcde", [("abc", 9), ("de", 4), ("bd", 5), ("ce", 6)], "bcde"),
        # A circle of four that stands at its end: b + c = 0 as what is left, so a and d are all there is.
        ("abcd", [("ab", 5), ("cd", 4), ("ac", 5), ("bd", 4)], "abcd"),
        ("abcd", [("ab", 5), ("cd", 4), ("ac", 9), ("bd", 0)], ""),
        # Two alike trade, though the two of them together are known.
        ("abc", [("abc", 7), ("c", 3)], "ab"),
        ("abc", [("abc", 3), ("c", 3)], ""),
        # Nested: favourable answers within all, of a group and of the whole.
        ("abcd", [("ab", 8), ("a", 3), ("abcd", 20), ("ac", 9)], ""),
        ("abcd", [("a", 3), ("abcd", 20), ("ac", 9)], "bd"),
        # The whole as its answers, and as its groups: the one is worth no more than the other.
        ("abcd", [("abcd", 9), ("ab", 5), ("cd", 4), ("ac", 3), ("bd", 6)], "abcd"),
        # The same said twice; a cell of which nothing is said.
        ("abc", [("ab", 5), ("ab", 5)], "abc"),
        # Three ways of adding up, each crossing the others, are no two margins.
        ("abcd", [("ab", 5), ("ac", 5), ("ad", 5), ("bcd", 6)], NOTHING),
        ("abc", [("ab", 5), ("bc", 5), ("ac", 6)], NOTHING),
        # Parts of people are no counts.
        ("ab", [("ab", 5.5)], NOTHING),
        ("ab", [("ab", 2**31)], NOTHING),
    ],
)  # fmt: skip
def test_tables_by_hand(cells: str, statements: list[tuple[str, float]], expected: str | None) -> None:
    assert moving(cells, *statements) == expected


@pytest.mark.parametrize(
    "statements",
    [
        [("ab", 5), ("cd", 4), ("ac", 3), ("bd", 7)],  # five and four are not three and seven
        [("ab", 5), ("ab", 6)],
        [("a", 5), ("ab", 4)],  # less is left than nothing
        [("ab", 1), ("bc", 1), ("c", 2)],
    ],
)
def test_where_no_counts_fit_that_is_told(statements: list[tuple[str, float]]) -> None:
    with pytest.raises(disclosure_flow.NoCountsError):
        moving("abcd", *statements)


Cells = list[int]
Published = tuple[int, list[Cells], list[float]]
"""How many cells there are, which of them are added up, and to what."""


@st.composite
def tables(draw: st.DrawFn) -> Published:
    """Groups by pieces of a scale and the silent, many of them empty; ranges of groups and of the whole, headcounts, and now and then what an earlier
    report said of other groups, or a number that fits nothing."""
    groups, pieces = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    cell = np.arange(groups * (pieces + 1)).reshape(groups, pieces + 1)
    most = draw(st.sampled_from([1, 3, 9]))
    counts = np.array(draw(st.lists(st.integers(0, most), min_size=cell.size, max_size=cell.size)))
    held: list[Cells] = []

    def ranges(of: np.ndarray) -> None:
        for low, high in pairwise(sorted(draw(st.sets(st.integers(0, pieces), max_size=4)))):
            held.append(of[:, low:high].ravel().tolist())

    ranges(cell)
    ranges(cell)
    for group in cell:
        ranges(group[None])
        if draw(st.booleans()):
            held.append(group.tolist())
    if draw(st.sampled_from([False, False, False, True])):
        ranges(cell[draw(st.integers(0, groups - 1)) :])
    assume(held)
    totals = [float(counts[one].sum()) for one in held]
    if draw(st.sampled_from([False] * 7 + [True])):
        totals[draw(st.integers(0, len(totals) - 1))] += 1
    return cell.size, held, totals


def system(published: Published) -> tuple[csr_array, np.ndarray]:
    cells, held, totals = published
    relations = np.zeros((len(held), cells))
    for number, one in enumerate(held):
        relations[number, one] = 1.0
    return csr_array(relations), np.array(totals)


def agrees(published: Published) -> None:
    """Flows say of every cell what programs and directions do, and what the least and the most it can be say."""
    relations, right = system(published)
    try:
        moves = disclosure_flow.can_move(relations, right)
    except disclosure_flow.NoCountsError:
        with pytest.raises(disclosure_audit.ContradictionError):
            disclosure_audit._must_be_zero(relations, right)
        return
    assume(moves is not None)
    assert moves is not None
    assert moves.tolist() == (~disclosure_audit._followed(relations, right)).tolist()
    for cell in np.flatnonzero(moves)[:2]:
        goal = np.zeros(relations.shape[1])
        goal[cell] = 1.0
        low, minus_high = (disclosure_audit._solved(sign * goal, relations, right) for sign in (1, -1))
        assert minus_high is None or low is None or -minus_high - low > 1e-6


@given(tables())
@settings(max_examples=60, deadline=None)
def test_flows_say_what_programs_and_directions_say(published: Published) -> None:
    agrees(published)


@pytest.mark.slow
@given(tables())
@settings(max_examples=1000, deadline=None)
def test_flows_say_the_same_of_many_tables(published: Published) -> None:
    agrees(published)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_every_count_that_is_said_to_follow_is_the_same_in_other_counts_that_fit(published: Published) -> None:
    """The audit as a whole, whichever way it takes: cells that follow have one value between the two ends."""
    _, held, totals = published
    rows = [
        (str(number), f"{cell:03}", total)
        for number, (one, total) in enumerate(zip(held, totals, strict=True))
        for cell in one
    ]
    whole = pl.DataFrame(rows, schema=["statement", "cell", "total"], orient="row")
    members, sums = whole.select("statement", "cell"), whole.select("statement", "total").unique()
    try:
        found = disclosure_audit.fixed(members, sums).to_list()
    except disclosure_audit.ContradictionError:
        return
    limits = disclosure_audit.bounds(members, sums, members["cell"].unique().sort().to_list()[:8])
    one_value = limits.filter(pl.col("high") - pl.col("low") < 1e-6)["cell"].to_list()
    assert [cell for cell in found if cell in set(limits["cell"])] == one_value


def test_a_long_chain_is_followed_to_its_end() -> None:
    """a + b, b + c, …: every cell can move as far as its neighbours let it, and one count more says them all."""
    links = 400
    relations = np.zeros((links, links + 1))
    for link in range(links):
        relations[link, link : link + 2] = 1.0
    moves = disclosure_flow.can_move(csr_array(relations), np.full(links, 5.0))
    assert moves is not None
    assert moves.all()
    known = np.zeros((1, links + 1))
    known[0, 0] = 1.0
    moves = disclosure_flow.can_move(csr_array(np.vstack([relations, known])), np.full(links + 1, 5.0))
    assert moves is not None
    assert not moves.any()
