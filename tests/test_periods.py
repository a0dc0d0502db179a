from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import ReportError
from idp_analytics.periods import EVERY, floor, floored, following, label, parse, preceding, spine


@pytest.mark.parametrize(
    ("text", "every", "start", "end"),
    [
        ("2026-03", "1mo", date(2026, 3, 1), date(2026, 4, 1)),
        ("2026-12", "1mo", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q1", "1q", date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-Q4", "1q", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026-W01", "1w", date(2025, 12, 29), date(2026, 1, 5)),
        ("2020-W53", "1w", date(2020, 12, 28), date(2021, 1, 4)),
        ("2026-w-03-01", "1w", date(2026, 3, 1), date(2026, 3, 8)),
        ("2025-w-12-28", "1w", date(2025, 12, 28), date(2026, 1, 4)),
    ],
)
def test_labels_and_half_open_bounds(text: str, every: str, start: date, end: date) -> None:
    period = parse(text)
    assert (period.every, period.start, period.end) == (every, start, end)
    assert label(start, every) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-Q5",
        "2025-W53",
        "March",
        "2026-3",
        "2026-03-01",
        "../x",
        "2026-w-02-30",
        "2026-w-03-02",
    ],
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ReportError, match="is not a period"):
        parse(text)


def test_a_spine_has_no_gaps() -> None:
    assert spine(date(2025, 11, 30), date(2026, 2, 1), "1mo")["period"].to_list() == [
        "2025-11",
        "2025-12",
        "2026-01",
        "2026-02",
    ]
    assert spine(date(2026, 1, 1), date(2025, 1, 1), "1mo").is_empty()


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(EVERY), st.integers(0, 6))
def test_every_day_is_in_exactly_the_period_that_names_it(day: date, every: str, week_start: int) -> None:
    start = floor(day, every, week_start)
    assert start <= day < following(start, every)
    period = parse(label(start, every))
    assert (period.start, period.end, period.every) == (start, following(start, every), every)
    assert preceding(following(start, every), every) == start
    assert pl.select(floored(pl.lit(day), every, week_start)).item() == start


def test_weeks_from_sunday_have_labels_in_the_order_of_time() -> None:
    labels = spine(date(2025, 12, 20), date(2026, 1, 12), "1w", week_start=6)["period"].to_list()
    assert labels == ["2025-w-12-14", "2025-w-12-21", "2025-w-12-28", "2026-w-01-04", "2026-w-01-11"]
    assert sorted(labels) == labels
