"""JSON is the standard library's to the byte, whoever writes it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.charts.chart import Drawing, drawn
from idp_analytics.publish import json_text

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(leaves, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4), max_leaves=12)  # fmt: skip
numbers = st.floats() | st.sampled_from([0.0, -0.0, 1e-4, 9.99999e-5, -5e-5, 1e15, 1e16, 123456.5])


@given(values)
def test_a_line_is_what_the_standard_library_writes(value: Any) -> None:
    assert json_text.line(value) == json.dumps(value, ensure_ascii=False, sort_keys=True)


@given(st.lists(numbers | st.text() | st.none() | st.integers(), min_size=1, max_size=5))
def test_a_drawing_is_what_the_standard_library_writes_whatever_its_numbers(told: list[Any]) -> None:
    rows = [{"value": value, "é": number} for number, value in enumerate(told)]
    spec = drawn(
        "hours", {"hours": rows}, "Title", "What is seen", axis="n", labels=["a"], series=["a"], colours=["b"]
    ).spec
    try:
        compact = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True)
    except ValueError:
        with pytest.raises(ValueError):
            json_text.compact(spec)
        return
    assert json_text.compact(spec) == compact
    assert json_text.line(spec) == json.dumps(spec, ensure_ascii=False, sort_keys=True)


def test_numbers_that_are_written_in_two_ways_are_left_to_the_standard_library() -> None:
    def kind(value: Any) -> type:
        return type(
            drawn(
                "hours", {"hours": [{"value": value}]}, "", "", axis="n", labels=["a"], series=["a"], colours=["b"]
            ).spec
        )

    assert [kind(value) for value in (1.5, 0.0, 3, "text", None, True)] == [Drawing] * 6
    assert [kind(value) for value in (5e-5, 1e16, float("nan"), float("inf"), date(2026, 1, 1))] == [dict] * 5


@pytest.mark.parametrize("value", [{"x": date(2026, 1, 1)}, [b"x"], {"x": {1, 2}}])
def test_what_json_has_not_is_written_by_nobody(value: Any) -> None:
    for write in (json_text.line, json_text.compact):
        with pytest.raises(TypeError):
            write(value)
