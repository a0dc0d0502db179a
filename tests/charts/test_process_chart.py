"""What a process behaviour chart shows, and what its description says."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from idp_analytics.charts import process
from idp_analytics.charts.process import NO_LIMITS, USUAL


def weeks(values: list[float | None], unit: str = "share of deployments", **columns: list) -> pl.DataFrame:
    """Rows as the study gives them, limits 0.1 to 0.3 around 0.2 unless told otherwise."""
    start = date(2026, 1, 5)
    count = len(values)
    rows = {
        "every": ["1w"] * count, "period": [f"2026-W{n + 2:02}" for n in range(count)],
        "period_start": [start + timedelta(weeks=n) for n in range(count)], "is_partial": [False] * count, "unit": [unit] * count,
        "value": values, "centre": [0.2] * count, "lower": [0.1] * count, "upper": [0.3] * count, "n": [10] * count,
        "signal": [None] * count, "phase": [0] * count, "phase_cause": [None] * count, "outlier": [None] * count, **columns,
    }  # fmt: skip
    text = dict.fromkeys(("signal", "phase_cause", "outlier"), pl.String)
    return pl.DataFrame(rows, schema_overrides=text)


def shown(chart) -> list[dict]:
    return chart.spec["datasets"]["weeks"]


def test_signals_have_a_shape_of_their_own_and_only_kinds_that_occur_are_in_the_legend():
    signal = [None, "above the limits", "below the limits", "long run"]
    chart = process.chart(weeks([0.2, 0.4, 0.05, 0.25], signal=signal), "Change fail rate")
    text = str(chart.spec)
    assert [row["kind"] for row in shown(chart)] == [USUAL, *signal[1:]]
    for shape in ("triangle-up", "triangle-down", "diamond", "circle"):
        assert shape in text
    quiet = process.chart(weeks([0.2, 0.21]), "Change fail rate")
    assert "triangle" not in str(quiet.spec)
    assert "no signal" in quiet.description


def test_partial_and_left_out_weeks_are_told_apart_and_judged_by_nothing():
    frame = weeks([0.2, 0.9, 0.1], is_partial=[False, False, True], outlier=[None, "storm", None])
    rows = shown(process.chart(frame, "Change fail rate"))
    assert [row["why"] for row in rows] == ["", "storm", "partial week"]
    assert {row["kind"] for row in rows[1:]} == {process.UNJUDGED}


def test_a_week_without_limits_is_not_said_to_be_within_them():
    rows = shown(process.chart(weeks([0.2, 0.3], centre=[None, None], lower=[None, None], upper=[None, None]), "x"))
    assert {row["kind"] for row in rows} == {NO_LIMITS}


def test_a_phase_begins_where_its_cause_is_named_and_hostile_text_stays_text():
    cause = "new\u202e pipeline <script>"
    frame = weeks([0.2, 0.2, 0.25], phase=[0, 1, 1], phase_cause=[None, cause, cause])
    chart = process.chart(frame, "Change fail rate")
    assert [row["starts"] for row in shown(chart)] == [False, True, False]
    assert shown(chart)[1]["cause"] == "new pipeline <script>"
    assert "a phase begins in week 3 of 2026: new pipeline <script>" in chart.description


def test_the_description_names_span_limits_and_signals():
    frame = weeks([0.2, 0.4, 0.41, 0.42], signal=[None] + ["above the limits"] * 3)
    assert process.chart(frame, "Change fail rate").description == (
        "Change fail rate by week, week 2 of 2026 to week 5 of 2026: centre 20.0 %, natural process limits 10.0–30.0 % in the "
        "last week; 3 weeks above the limits (between week 3 of 2026 and week 5 of 2026)."
    )


@pytest.mark.parametrize(("hours", "axis", "first"), [(0.5, "minutes", 30), (10, "hours", 10), (96, "days", 4)])
def test_durations_are_drawn_in_the_unit_that_suits_them(hours, axis, first):
    frame = weeks(
        [hours, None],
        "hours",
        centre=[hours] * 2,
        lower=[hours / 2] * 2,
        upper=[hours * 1.2 if hours != 0.5 else 0.8] * 2,
    )
    chart = process.chart(frame, "Change lead time")
    assert shown(chart)[0]["value"] == pytest.approx(first)
    assert shown(chart)[1]["value"] is None
    assert f"'title': '{axis}'" in str(chart.spec)


def test_the_drawing_is_what_altair_accepts():
    chart = process.chart(weeks([0.2, 0.3], signal=[None, "long run"]), "Change fail rate")
    assert "weeks" in chart.altair().to_dict()["datasets"]
