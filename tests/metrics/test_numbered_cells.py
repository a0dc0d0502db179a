"""Every row in its cell by number, and nothing anywhere else."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from idp_analytics.answers import ORG
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.counted import counted
from idp_analytics.metrics.numbered_cells import Cells, everyone, sums
from idp_analytics.metrics.quantiles import quantiles
from idp_analytics.periods import spine

MARCH, LAST = date(2026, 3, 2), date(2026, 4, 30)


@pytest.fixture
def cells():
    known = pl.DataFrame({"scope": ["team", "org", "service", "team"], "entity_id": ["red", ORG, "shop", "blue"]})
    periods = pl.concat([spine(MARCH, LAST, every) for every in ("1q", "1mo")])
    return Cells(known, periods)


def rows(*told: tuple[str | None, str | None, date]) -> pl.DataFrame:
    return pl.DataFrame(told, schema={"service_id": pl.String, "team_id": pl.String, "day": pl.Date}, orient="row")


def test_cells_are_in_order_of_scope_entity_length_and_time(cells):
    frame = cells.frame()
    assert frame.height == 4 * 4
    assert frame["scope"].unique(maintain_order=True).to_list() == ["org", "service", "team"]
    assert frame.filter(scope="team")["entity_id"].unique(maintain_order=True).to_list() == ["blue", "red"]
    assert frame.head(4)["period"].to_list() == ["2026-03", "2026-04", "2026-Q1", "2026-Q2"]
    assert frame.sort("scope", "entity_id", "every", "period_start").equals(frame)


def test_a_row_counts_once_per_scope_and_length_where_it_is_somebodys(cells):
    told = rows(
        ("shop", "red", MARCH),
        ("other", None, MARCH),
        (None, "blue", date(2026, 4, 1)),
        ("shop", "red", date(2027, 1, 1)),
    )
    found = {(block.scope, block.every): cell.tolist() for block, cell in cells.of(told)}
    assert found == {
        # The last number of a line is that of no period, the last line that of nobody.
        ("org", "1mo"): [0, 0, 1, 2], ("org", "1q"): [0, 0, 1, 2],
        ("service", "1mo"): [0, 3, 4, 2], ("service", "1q"): [0, 3, 4, 2],
        ("team", "1mo"): [3, 6, 1, 5], ("team", "1q"): [3, 6, 1, 5],
    }  # fmt: skip


def test_whoever_is_known_or_has_rows_is_there_once(cells):
    found = everyone(cells.entities, rows(("other", "red", MARCH), (None, None, MARCH)), ("org", "team", "service"))
    assert sorted(found.rows()) == [
        ("org", ORG), ("service", "other"), ("service", "shop"), ("team", "blue"), ("team", "red")
    ]  # fmt: skip


def test_sums_are_of_each_number_and_exact():
    assert sums(np.array([2, 0, 2]), 4).tolist() == [1, 0, 2, 0]
    assert sums(np.array([2, 0, 2]), 4, np.array([5, 1, 2**52])).tolist() == [1, 0, 2**52 + 5, 0]


@pytest.mark.parametrize("scopes", [("org",), ("team",), ("org", "team", "service")])
def test_what_is_added_up_of_stretches_is_what_its_cells_have(cells, scopes):
    told = rows(
        ("shop", "red", MARCH), ("other", None, MARCH), (None, "blue", date(2026, 4, 1)), ("shop", "blue", date(2026, 3, 31)),
        ("shop", "red", date(2027, 1, 1)), ("shop", "red", MARCH),
    )  # fmt: skip
    values = np.array([[1, 2**60], [2, 0], [4, 1], [8, 3], [16, 5], [32, 7]])
    some = Cells(cells.entities.filter(pl.col("scope").is_in(scopes)), cells.periods)
    expected = {
        (block.scope, block.every): [
            [[int(values[cell == line * (block.shape[1] + 1) + column, at].sum()) for at in (0, 1)] for column in range(block.shape[1])]
            for line in range(block.shape[0])
        ]
        for block, cell in some.of(told)
    }  # fmt: skip
    assert {(block.scope, block.every): found.tolist() for block, found in some.added(told, values)} == expected
    assert [found.sum() for _, found in some.added(told.clear(), values[:0])] == [0] * len(scopes) * 2


def test_what_is_counted_in_a_cell_and_what_stands_beside_it(cells):
    schema = {
        "service_id": pl.String, "team_id": pl.String, "day": pl.Date, "currency": pl.String, "detail": pl.String,
        "source_table": pl.String, "n": pl.Int64, "k": pl.Int64, "missing": pl.Int64,
    }  # fmt: skip
    cube = pl.DataFrame(
        [
            ("shop", "red", MARCH, None, None, "pages", 3, 1, 0),
            ("shop", "red", MARCH, None, None, "incidents", 0, 0, 2),
            ("shop", "red", date(2026, 3, 9), None, None, "pages", 1, 1, 0),
            ("shop", "red", date(2026, 4, 9), None, None, "pages", 2, 0, 1),
            ("shop", "red", MARCH, None, "not told", "incidents", 0, 0, 4),
            ("shop", None, MARCH, None, "again", "incidents", 0, 0, 5),
        ],
        schema=schema, orient="row",
    )  # fmt: skip
    found = counted(by_name("deployment_days"), cube, cells)
    told = {(scope, period): rest for scope, period, *rest in found.filter(pl.col("entity_id") != "blue").select(
        "scope", "period", "n", "k", "missing", "hit_days", "noun", "beside").rows()}  # fmt: skip
    assert told["service", "2026-03"] == [4, 2, 2, 2, "incidents", "again: 5; not told: 4"]
    assert told["team", "2026-03"] == [4, 2, 2, 2, "incidents", "not told: 4"]
    assert told["org", "2026-04"] == [2, 0, 1, 1, "pages", None]
    assert told["org", "2026-Q1"] == [4, 2, 2, 2, "incidents", "again: 5; not told: 4"]
    assert found.filter(pl.col("entity_id") == "blue")["n"].sum() == 0


@pytest.mark.parametrize("metric", ["change_lead_time", "batch_size"])
def test_without_rows_or_cells_there_is_nothing_to_tell(cells, metric):
    none = rows().with_columns(pl.lit(None, pl.Float64).alias("x"), pl.lit(None, pl.Boolean).alias("hit"))
    found = quantiles(by_name(metric), none, cells, 0.95)
    assert found.height == 16 and found["seen"].sum() == 0 and found["value"].null_count() == 16
    nobody = Cells(cells.entities.clear(), cells.periods)
    assert quantiles(by_name(metric), none, nobody, 0.95).is_empty()
