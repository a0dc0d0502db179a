from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import ReportError
from idp_analytics.periods import EVERY, floor, following, label, parse, spine


@pytest.mark.parametrize(
    ("text", "every", "start", "end"),
    [
        ("2026-03", "1mo", date(2026, 3, 1), date(2026, 4, 1)),
        ("2026-12", "1mo", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q1", "1q", date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-Q4", "1q", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026-W01", "1w", date(2025, 12, 29), date(2026, 1, 5)),
        ("2020-W53", "1w", date(2020, 12, 28), date(2021, 1, 4)),
    ],
)
def test_labels_and_half_open_bounds(text: str, every: str, start: date, end: date) -> None:
    period = parse(text)
    assert (period.every, period.start, period.end) == (every, start, end)
    assert label(start, every) == text


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "2026-Q5", "2025-W53", "March", "2026-3", "2026-03-01", "../x"]
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


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(EVERY))
def test_every_day_is_in_exactly_the_period_that_names_it(day: date, every: str) -> None:
    start = floor(day, every)
    assert start <= day < following(start, every)
    assert parse(label(start, every)).start == start
