"""Teams counted by level, by hand: at, below and possibly above each; of few teams nothing is counted."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from idp_analytics.metrics.maturity.reached import COLUMNS, SAID, SEEN, of_teams
from idp_analytics.settings import Settings

SETTINGS = Settings("o", "O", Path())

SCHEMA = {
    "aspect": pl.String, "is_assessed": pl.Boolean, "low": pl.Int64, "high": pl.Int64,
    "self_level": pl.Int64, "self_low": pl.Int64, "self_high": pl.Int64,
}  # fmt: skip


def reached(bounds, said=(), few=()):
    """Teams seen between ``bounds`` in adoption, and others that say so in interfaces, those of ``few`` people without bounds."""
    rows = [("adoption", True, low, high, None, None, None) for low, high in bounds]
    rows += [("interfaces", False, None, None, level, level, level) for level in said]
    rows += [("interfaces", False, None, None, level, None, None) for level in few]
    return of_teams(pl.DataFrame(rows, schema=SCHEMA, orient="row"), SETTINGS)


def test_teams_are_counted_at_every_level_up_to_their_own():
    found = reached([(1, 1), (2, 2), (2, 3), (2, 4), (3, 3), (3, 3), (3, 4), (4, 4)])
    assert found.columns == list(COLUMNS)
    assert found.select("of", "level", "teams", "surely", "possibly").rows() == [
        (SEEN, 1, 8, 8, 8), (SEEN, 2, 8, 7, 7), (SEEN, 3, 8, 4, 6), (SEEN, 4, 8, 1, 3),
    ]  # fmt: skip
    # Six of eight are three in four: surely at level 2 (seven), possibly at level 3 (six).
    assert found.filter("is_most_surely")["level"].to_list() == [2]
    assert found.filter("is_most_possibly")["level"].to_list() == [3]


def test_what_is_said_is_counted_apart_and_only_where_enough_people_say_it():
    found = reached([(2, 2)] * 5, [1, 3, 3, 3, 3], few=[4, 4])
    assert found.filter(of=SAID).select("aspect", "teams", "surely").rows() == [
        ("interfaces", 5, 5), ("interfaces", 5, 4), ("interfaces", 5, 4), ("interfaces", 5, 0),
    ]  # fmt: skip
    assert found.filter(of=SEEN)["aspect"].unique().to_list() == ["adoption"]


@pytest.mark.parametrize("teams", [1, 4, 5])
def test_of_few_teams_nothing_is_counted(teams):
    found = reached([(2, 3)] * teams)
    few = teams < SETTINGS.rules.min_cohort
    assert found["is_withheld"].to_list() == [few] * 4
    for name in ("surely", "possibly", "is_most_surely", "is_most_possibly"):
        assert found[name].null_count() == (4 if few else 0)


def test_no_team_at_all_is_no_row():
    assert reached([]).is_empty()
