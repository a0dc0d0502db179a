"""Small groups are hidden, and nothing that is shown gives them away: worked by hand, and by an attacker with all sums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.cohorts import ALL, COHORTS, told, withheld

Q1, Q2 = date(2026, 1, 1), date(2026, 4, 1)


def people(*rows: tuple[str | None, date, int] | tuple[str | None, date, int, int]) -> pl.DataFrame:
    """(team, day, usable, missing)."""
    told = [(team, day, n, *(rest or (0,))) for team, day, n, *rest in rows]
    return pl.DataFrame(
        told, schema={"team_id": pl.String, "day": pl.Date, "n": pl.Int64, "missing": pl.Int64}, orient="row"
    )


def hidden(frame: pl.DataFrame, least: int = 5) -> set[tuple[str, str, date | None]]:
    """(entity, length, start) of what is withheld."""
    return set(withheld(frame, least).select("entity_id", "every", "period_start").iter_rows())


MANY = [(f"t{n}", Q1, 9) for n in range(3)]
"""Three teams of nine."""


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (MANY, set()),
        # one team too small: the organisation less the others would give it away, so the next smallest goes too
        ([*MANY, ("small", Q1, 2), ("next", Q1, 6)], {("small", "1q", Q1), ("next", "1q", Q1)}),
        # two too small together hold four: still a group that small, so a third goes
        ([*MANY, ("a", Q1, 2), ("b", Q1, 2), ("next", Q1, 6)], {("a", "1q", Q1), ("b", "1q", Q1), ("next", "1q", Q1)}),
        # two that hold five together are enough
        ([*MANY, ("a", Q1, 2), ("b", Q1, 3)], {("a", "1q", Q1), ("b", "1q", Q1)}),
        # those in no known team are never shown: two of them hide a team
        ([*MANY, (None, Q1, 2)], {("t0", "1q", Q1)}),
        # the only team: the organisation would be the team
        ([("a", Q1, 3)], {("a", "1q", Q1), ("org", "1q", Q1), ("org", ALL, Q1)}),
        # who cannot be counted is a person too
        ([*MANY, ("a", Q1, 0, 1)], {("a", "1q", Q1), ("t0", "1q", Q1)}),
        # a quarter too small waits until, with those after it, it is large enough
        ([("a", Q1, 9), ("b", Q1, 8), ("a", Q2, 3)], {("org", ALL, Q2), ("org", "1q", Q2), ("a", "1q", Q2)}),
        # one too small before it is told with the next, and both are hidden beside what they are together
        (
            [("a", Q1, 3), ("a", Q2, 9), ("b", Q2, 8)],
            {("org", "1q", Q1), ("a", "1q", Q1), ("org", "1q", Q2), ("b", "1q", Q2)},
        ),
    ],
)  # fmt: skip
def test_what_is_withheld(rows, expected):
    assert hidden(people(*rows)) == expected


def test_nobody_at_all():
    assert withheld(people(), 5).is_empty()


@pytest.mark.parametrize(("least", "expected"), [(3, set()), (4, {("a", "1q", Q1), ("t0", "1q", Q1)})])
def test_how_many_are_enough_is_a_setting(least, expected):
    assert hidden(people(*MANY, ("a", Q1, 3)), least) == expected


# --- an attacker -----------------------------------------------------------------------------------------------------------


def together(frame: pl.DataFrame) -> dict[date, date]:
    """Quarter → the first of those it is put together with, the last ones maybe too few."""
    found: dict[date, date] = {}
    first, count = None, 0
    for quarter, n in frame.group_by(pl.col("day").dt.truncate("1q")).agg(pl.col("n").sum()).sort("day").iter_rows():
        first, count = first or quarter, count + n
        found[quarter] = first
        if count >= 5:
            first, count = None, 0
    return found


def sums(frame: pl.DataFrame) -> dict[tuple[str | None, str, date | None], np.ndarray]:
    """Every group there is as a row of ones and zeros over its smallest parts (team × month), which the attacker knows."""
    parts = list(frame.select("team_id", pl.col("day").dt.truncate("1mo")).unique(maintain_order=True).iter_rows())
    batch = together(frame)
    groups: dict[tuple[str | None, str, date | None], np.ndarray] = {}
    for index, (team, month) in enumerate(parts):
        quarter = date(month.year, 3 * ((month.month - 1) // 3) + 1, 1)
        for key in (("org", ALL, batch[quarter]), ("org", "1q", quarter), (team, "1q", quarter)):
            groups.setdefault(key, np.zeros(len(parts)))[index] = 1
    return groups


days = st.sampled_from([date(2025, 11, 1), Q1, date(2026, 2, 1), Q2, date(2026, 5, 1)])
crowds = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d", None]), days, st.integers(1, 12)), min_size=1, max_size=14
).map(lambda rows: list({(team, day): (team, day, n) for team, day, n in rows}.values()))


@given(crowds)
@hypothesis_settings(max_examples=150)
def test_no_hidden_number_follows_from_those_shown(rows):
    """Adding and subtracting what is shown never gives a hidden group: its row is not in the span of the shown rows."""
    frame = people(*rows)
    gone = hidden(frame)
    groups = sums(frame)
    never = {key for key in groups if key[0] is None}
    shown = [row for key, row in groups.items() if key not in gone | never]
    span = np.array(shown) if shown else np.zeros((1, len(next(iter(groups.values())))))
    rank = np.linalg.matrix_rank(span)
    for key in gone | never:
        assert np.linalg.matrix_rank(np.vstack([span, groups[key]])) > rank, key


@given(crowds)
@hypothesis_settings(max_examples=100)
def test_whatever_is_shown_is_large_enough_and_so_is_what_is_left(rows):
    """Also what remains of a sum when all that is shown of it is taken away."""
    frame = people(*rows)
    gone, groups = hidden(frame), sums(frame)
    n = (
        frame.group_by("team_id", pl.col("day").dt.truncate("1mo"), maintain_order=True)
        .agg(pl.col("n").sum())["n"]
        .to_numpy()
    )
    size = {key: int(row @ n) for key, row in groups.items()}
    assert {key[:2] for key in size if key not in gone and key[0] is not None} <= {
        ("org", ALL), *((name, every) for scope, every in COHORTS for name in (["org"] if scope == "org" else "abcd"))
    }  # fmt: skip
    assert all(size[key] >= 5 for key in size if key not in gone and key[0] is not None)
    for whole, row in groups.items():
        if whole in gone or whole[0] != "org":
            continue
        parts = {key for key, part in groups.items() if key != whole and (part <= row).all()}
        for family in (
            {key for key in parts if key[1] == "1q" and key[0] != "org"} if whole[1] == "1q" else set(),
            {key for key in parts if key[:2] == ("org", "1q")} if whole[1] == ALL else set(),
        ):
            left = [key for key in family if key in gone or key[0] is None]
            assert not left or (len(left) >= 2 and sum(size[key] for key in left) >= 5)


@given(crowds, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=30)
def test_the_order_of_people_does_not_matter(rows, random):
    assert hidden(people(*rows)) == hidden(people(*random.sample(rows, len(rows))))


# --- from report to report -------------------------------------------------------------------------------------------------

starts = st.lists(
    st.tuples(st.dates(date(2025, 1, 1), date(2026, 6, 30)), st.booleans(), st.floats(0, 400), st.booleans()),
    max_size=30,
)


def seen(rows: list[tuple[date, bool, float, bool]], today: date) -> pl.DataFrame:
    """What is known on a day of who started, could be counted, and got there after so many days or never."""
    known = [
        (number, datetime(day.year, day.month, day.day, tzinfo=UTC), day, usable, min(x, float((today - day).days)), there and x < (today - day).days)
        for number, (day, usable, x, there) in enumerate(rows) if day < today
    ]  # fmt: skip
    schema = {
        "who": pl.Int64, "at": pl.Datetime("us", "UTC"), "day": pl.Date, "usable": pl.Boolean, "x": pl.Float64, "hit": pl.Boolean
    }  # fmt: skip
    return pl.DataFrame(known, schema=schema, orient="row")


@given(starts, st.dates(date(2025, 4, 1), date(2027, 1, 1)), st.integers(1, 200))
@hypothesis_settings(max_examples=100)
def test_two_reports_differ_by_whole_groups_or_not_at_all(rows, day, later):
    before, now = (told(seen(rows, today), 5, today, "UTC") for today in (day, day + timedelta(days=later)))
    assert before.equals(now.join(before.select("who"), on="who", how="semi", maintain_order="left"))
    new = now.join(before, on="who", how="anti")
    assert new.is_empty() or new["usable"].sum() >= 5


def test_a_group_is_told_when_its_quarters_are_over_as_it_is_then():
    rows = [(date(2026, 1, day), True, 10.0 * day, True) for day in (2, 5, 9)] + [
        (date(2026, 5, 4), True, 91.0, True),
        (date(2026, 6, 30), True, 0.5, True),
    ]
    assert told(seen(rows, date(2026, 6, 30)), 5, date(2026, 6, 30), "UTC").is_empty()
    for today in (date(2026, 7, 1), date(2027, 1, 1)):
        found = told(seen(rows, today), 5, today, "UTC")
        assert found.select("x", "hit").rows() == [(20, True), (50, True), (90, True), (58, False), (0.5, True)]
