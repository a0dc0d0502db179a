"""Service levels by hand: what was promised, what was kept, and how much of the error budget is used."""

from __future__ import annotations

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.service_levels import COLUMNS, service_levels

AT = "2026-05-01"


def levels(company, *spans):
    """One span a day from 2 March: (good, total, target), of an objective of shop."""
    return company(
        teams=[{"team_id": "red"}],
        services=[{"service_id": "shop"}],
        service_levels=[
            {"service_level_id": f"s{n}", "service_id": "shop", "team_id": "red", "objective": "availability",
             "period_start": f"2026-03-{2 + n:02d}", "period_end": f"2026-03-{3 + n:02d}", "good_count": good,
             "total_count": total, "target_share": target}
            for n, (good, total, target) in enumerate(spans)
        ],
    )  # fmt: skip


def rows(company, settings, as_of, *spans, scope="team", period="2026-03"):
    found = service_levels(levels(company, *spans), settings(), as_of(AT))
    return found.filter(scope=scope, period=period).to_dicts()


def test_spans_of_a_month_together(company, settings, as_of):
    (row,) = rows(company, settings, as_of, (980, 1000, 0.99), (1000, 1000, 0.99), (None, None, 0.99))
    assert (row["good"], row["total"], row["spans"], row["missing"]) == (1980, 2000, 3, 1)
    assert row["share"] == 0.99
    assert row["is_met"]  # exactly
    assert row["budget_used"] == pytest.approx(1.0)  # 20 bad of 20 allowed
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1980, 2000, method="wilson"))


@pytest.mark.parametrize(
    ("span", "share", "used", "met"),
    [
        ((970, 1000, 0.99), 0.97, 3.0, False),
        ((1000, 1000, 0.99), 1.0, 0.0, True),
        ((999, 1000, 1.0), 0.999, None, False),  # nothing is allowed
        ((999, 1000, None), 0.999, None, None),
        ((0, 0, 0.99), None, None, None),  # nothing was asked of it
        ((1001, 1000, 0.99), None, None, None),  # makes no sense
        ((-1, 1000, 0.99), None, None, None),
        ((None, 1000, 0.99), None, None, None),
    ],
)
def test_one_span(company, settings, as_of, span, share, used, met):
    (row,) = rows(company, settings, as_of, span)
    assert (row["share"], row["is_met"]) == (share, met)
    assert row["budget_used"] == (None if used is None else pytest.approx(used))
    assert row["missing"] == (share is None)


def test_a_target_that_was_changed_is_another_row(company, settings, as_of):
    one, other = rows(company, settings, as_of, (990, 1000, 0.99), (990, 1000, 0.999))
    assert [(r["target"], r["is_met"]) for r in (one, other)] == [(0.99, True), (0.999, False)]


def test_scopes_and_periods(company, settings, as_of):
    found = service_levels(levels(company, (999, 1000, 0.99)), settings(), as_of(AT))
    assert set(found["scope"]) == {"org", "team", "service"}
    assert set(found["period"]) == {"2026-03", "2026-Q1"}
    assert set(found["service_id"]) == {"shop"}


def test_what_begins_after_the_as_of_time_is_not_known(company, settings, as_of):
    found = service_levels(levels(company, (999, 1000, 0.99), (0, 1000, 0.99)), settings(), as_of("2026-03-03"))
    assert found.filter(scope="org", every="1mo")["total"].to_list() == [1000]


def test_the_metric_counts_objectives(company, settings, as_of):
    made = levels(company, *[(999, 1000, 0.99)] * 4, (900, 1000, 0.99), (None, 1000, 0.99))
    found = compute(made, settings(), as_of(AT), (by_name("service_level_attainment"),), ("team",), ("1mo",))
    row = found.filter(period="2026-03").row(0, named=True)
    assert (row["k"], row["n"], row["missing"], row["value"]) == (4, 5, 1, 0.8)


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    found = service_levels(company(), settings(), as_of(AT))
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)
