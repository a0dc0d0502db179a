"""What is asked for again is computed once, and never told of other tables."""

from __future__ import annotations

import weakref
from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics.remembered import (
    UNASKED,
    Shared,
    of_last_moment,
    of_one_frame,
    of_one_table,
    remembered,
    shared,
)

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def test_a_study_is_computed_once_for_the_same_tables_settings_and_moment(settings):
    seen = []

    @remembered
    def study(tables, settings, as_of):
        seen.append(as_of)
        return tables["costs"].collect()

    tables = {"costs": pl.LazyFrame({"amount": [1]}), "teams": pl.LazyFrame({"team_id": ["a"]})}
    for as_of in (MARCH, APRIL, MARCH):
        assert study(dict(tables), settings(), as_of)["amount"].to_list() == [1]
    assert len(seen) == 3  # settings() are others each time
    given = settings()
    seen.clear()
    for as_of in (MARCH, APRIL, MARCH):
        study(dict(tables), given, as_of)
    assert seen == [MARCH, APRIL]


def test_one_other_table_is_other_tables(settings):
    given = settings()

    @remembered
    def study(tables, settings, as_of):
        return tables["costs"].collect()

    teams = pl.LazyFrame({"team_id": ["a"]})
    for amount in (1, 2):
        tables = {"costs": pl.LazyFrame({"amount": [amount]}), "teams": teams}
        assert study(tables, given, MARCH)["amount"].to_list() == [amount]


def test_of_the_last_moment_one_result_is_kept_and_no_other(settings):
    seen = []

    @of_last_moment
    def large(tables, settings, as_of):
        seen.append(as_of)
        return tables["costs"].collect()

    tables, given = {"costs": pl.LazyFrame({"amount": [1]})}, settings()
    for as_of in (MARCH, MARCH, APRIL, APRIL, MARCH):
        assert large(dict(tables), given, as_of)["amount"].to_list() == [1]
    assert seen == [MARCH, APRIL, MARCH]


@pytest.mark.parametrize("kept", [remembered, of_last_moment])
def test_what_was_made_of_tables_goes_with_them(settings, kept):
    class Made:
        pass

    study = kept(lambda tables, settings, as_of: Made())
    tables, given = {"costs": pl.LazyFrame({"amount": [1]})}, settings()
    made = weakref.ref(study(tables, given, MARCH))
    assert made() is study(tables, given, MARCH)
    del tables
    assert made() is None


def test_what_looks_at_one_table_does_not_mind_the_others():
    seen = []

    @of_one_table("runs")
    def longest(tables):
        seen.append(tables)
        return tables["runs"].select(pl.col("hours").max())

    runs, fewer = pl.LazyFrame({"hours": [1, 3]}), pl.LazyFrame({"hours": [1]})
    told = [longest({"runs": table, "teams": pl.LazyFrame()}).collect().item() for table in (runs, runs, fewer, runs)]
    assert told == [3, 3, 1, 3]
    assert len(seen) == 3


def test_of_shared_tables_one_thing_is_made_once_and_of_others_not_at_all(settings):
    seen = []

    @shared
    def dear(tables, settings):
        seen.append(settings)
        return tables["costs"].filter(pl.col("amount") > 1)

    tables, given, other = {"costs": pl.LazyFrame({"amount": [1, 2]})}, settings(), settings()
    pass_ = Shared(tables)
    for one in (given, other, given):
        assert dear(pass_, one).select("amount").collect()["amount"].to_list() == [2]
    assert seen == [given, other]
    assert dear(Shared(tables), given).collect().height == 1
    assert dear(tables, given).collect().height == 1
    assert len(seen) == 4
    less = Shared({"costs": pl.LazyFrame({"amount": [1]})})
    assert dear(less, given).collect().is_empty()


def counting():
    """What several may share, and the list of the choices for which it was made."""
    made = []

    @shared
    def more(tables, settings, amount):
        made.append(amount)
        return tables["runs"].filter(pl.col("hours") > amount)

    return more, made


def test_of_shared_tables_each_choice_is_made_once(settings):
    more, made = counting()
    given, tables = settings(), Shared({"runs": pl.LazyFrame({"hours": [1, 3, 5]})})
    assert [more(tables, given, amount).collect().height for amount in (0, 2, 0, 2)] == [3, 2, 3, 2]
    assert made == [0, 2]


def test_what_no_metric_asked_for_in_a_while_is_let_go_and_made_again_when_asked(settings):
    more, made = counting()
    given, tables = settings(), Shared({"runs": pl.LazyFrame({"hours": [1, 3, 5]})})
    more(tables, given, 0)
    for _ in range(UNASKED):
        tables.next()
        more(tables, given, 2)
    assert len(tables.made) == 2
    tables.next()
    assert len(tables.made) == 1
    assert more(tables, given, 2).collect().height == 2
    assert more(tables, given, 0).collect().height == 3
    assert made == [0, 2, 0]


def test_of_the_very_same_frame_it_is_made_once():
    seen = []

    @of_one_frame
    def longest(frame):
        seen.append(frame.height)
        return frame.select(pl.col("hours").max())

    runs, fewer = pl.DataFrame({"hours": [1, 3]}), pl.DataFrame({"hours": [1]})
    assert [longest(frame).item() for frame in (runs, runs, fewer, runs)] == [3, 3, 1, 3]
    assert seen == [2, 1, 2]
