"""What must hold of every definition and every company."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_laws import AS_OF, companies

from idp_analytics.answers import COLUMNS, KEY
from idp_analytics.errors import ReportError
from idp_analytics.metrics import PRESETS, answered, by_name, compute, preset
from idp_analytics.metrics.grid import entities
from idp_analytics.metrics.presets import IDP, TOOLS, evaluated
from idp_analytics.metrics.presets.answered import periods_of
from idp_analytics.metrics.presets.windows import calendar_windows, fortnights, months

few = hypothesis_settings(max_examples=2)
many = hypothesis_settings(max_examples=12)
SCOPES = ("org", "team", "service")
OURS = [m for m in IDP.measures if m.metric != "incident_hours"]


@given(companies(), st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata"]))
@many
def test_the_engine_gives_our_own_answers(company, settings, tables, zone):
    """The default as data and the catalogue's functions are two ways to the same numbers."""
    made, chosen = company(**tables), settings(zone)
    known = entities(made, SCOPES)
    key = ["metric", "scope", "entity_id", "every", "period"]
    numbers = ["value", "low", "high", "n", "k", "censored"]
    ours = compute(made, chosen, AS_OF, tuple(by_name(m.metric) for m in OURS))
    parts = []
    for measure in OURS:
        grid = periods_of([measure], made, chosen, AS_OF, ("1mo", "1q"))[measure.tables, measure.metric]
        parts.append(evaluated(IDP, made, chosen, AS_OF, calendar_windows(grid), known, [measure.metric]))
    both = ours.filter(pl.col("verdict") != "not measured").join(pl.concat(parts), on=key, how="left", suffix="_engine")
    assert both.height
    for name in numbers:
        mine, theirs = both[name], both[f"{name}_engine"]
        if name == "k":  # the engine says it only where there is something above a line
            mine, theirs = mine.filter(theirs.is_not_null()), theirs.drop_nulls()
        if name == "censored":
            mine, theirs = mine.fill_null(0), theirs.fill_null(0)
        assert mine.is_null().equals(theirs.is_null()), name
        assert mine.fill_null(0).to_list() == pytest.approx(theirs.fill_null(0).to_list()), name


@given(companies())
@few
def test_answers_of_every_definition_have_the_same_shape(company, settings, tables):
    made = company(**tables)
    for definition in PRESETS:
        found = answered(definition, made, settings(), AS_OF, every=("1mo",))
        assert dict(found.schema) == COLUMNS
        assert not found.select(KEY).is_duplicated().any()
        if definition is not IDP:
            assert set(found["verdict"]) <= {"not identified", "insufficient data", "not measured"}
            assert found["change"].null_count() == found.height
            assert found["caution"].str.contains(definition.title, literal=True).all()
            assert found["method"].str.contains(definition.name, literal=True).all()
            within = found.filter(pl.col("low").is_not_null() & pl.col("value").is_not_null())
            assert (within["low"] <= within["value"] + 1e-12).all()


@given(companies(), st.randoms(use_true_random=False))
@few
def test_the_order_of_rows_does_not_matter_to_any_tool(company, settings, tables, random):
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
    for definition in TOOLS:
        first, second = (
            answered(definition, company(**t), settings(), AS_OF, every=("1mo",)) for t in (tables, shuffled)
        )
        assert first.equals(second), definition.name


def test_a_tool_without_the_metric_says_so(company, settings):
    with pytest.raises(ReportError, match="Definition 'sleuth' says nothing of 'change_fail_rate'"):
        answered(preset("sleuth"), company(), settings(), AS_OF, ["change_fail_rate"])


@pytest.mark.parametrize(
    ("name", "found"), [("devlake", "devlake_2023"), ("devlake_2021", "devlake_2021"), ("four_keys", "four_keys")]
)
def test_names(name, found):
    assert preset(name).name == found


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(ReportError, match=r"There is no definition 'midleware'\. Did you mean 'middleware'\?"):
        preset("midleware")


def test_every_preset_says_where_it_comes_from():
    assert len({d.name for d in PRESETS}) == len(PRESETS)
    for definition in PRESETS:
        assert definition.title
        assert definition.source
        assert definition.year.isdigit()
        assert definition.measures
        assert len({(m.metric, m.detail) for m in definition.measures}) == len(definition.measures)


def test_metrik_windows():
    first, last = datetime(2020, 8, 20), datetime(2020, 9, 10)
    assert fortnights(first, last)[0] == (first, datetime(2020, 8, 28))
    assert [s for s, _ in months(datetime(2020, 11, 30), datetime(2021, 1, 28))] == [
        datetime(2020, 11, 30), datetime(2020, 12, 1), datetime(2021, 1, 1),
    ]  # fmt: skip


def test_a_day_that_begins_at_an_hour_that_does_not_exist(company, settings):
    """In Beirut 2026-03-29 begins at 01:00; the month is cut by its days all the same."""
    tables = company(
        deployments=[
            {"deployment_id": "a", "finished_at": "2026-03-28T21:59"},
            {"deployment_id": "b", "finished_at": "2026-03-28T22:00"},
        ]
    )
    as_of = datetime(2026, 4, 2, tzinfo=UTC)
    found = answered(
        preset("datadog"), tables, settings("Asia/Beirut"), as_of, ["deployment_frequency"], ("org",), ("1w",)
    )
    assert found.filter(period="2026-W13")["value"].to_list() == [2]
