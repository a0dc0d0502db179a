"""What became of actions, by hand: as it stood that day, open ones counted in."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.estimates.shares import wilson
from idp_analytics.metrics.follow_through import COLUMNS, LINKED, follow_through, follow_through_linked


def action(name: str, opened: str, **given):
    return {
        "action_id": name,
        "team_id": "red",
        "origin": "retrospective",
        "origin_id": "r1",
        "opened_on": opened,
        **given,
    }


SEVEN = [
    action("a", "2026-03-01", due_on="2026-03-20", closed_on="2026-03-11", outcome="done"),  # 10 days
    action("b", "2026-03-01", due_on="2026-03-20", closed_on="2026-03-21", outcome="done", carried_over=1),  # 20 days
    action(
        "c", "2026-03-01", due_on="2026-03-20", closed_on="2026-03-31", outcome="dropped", carried_over=3
    ),  # 30 days
    action("d", "2026-03-01", due_on="2026-03-20", carried_over=4, origin="postmortem"),  # overdue
    action(
        "e", "2026-03-21", due_on="2026-04-20", closed_on="2026-04-05", outcome="done"
    ),  # closed after the month: open in it
    action("f", "2026-03-21"),  # open without a day
    action("g", "2026-03-21", closed_on="2026-03-26", origin_id="pipeline"),  # closed, not told how: 5 days
]
CHANGE = {"intervention_id": "pipeline", "unit_id": "red"}


@pytest.fixture
def found(company, settings, as_of):
    def of(actions, at="2026-06-01", period="2026-03", scope="team", **tables):
        made = company(teams=[{"team_id": "red"}], actions=actions, **tables)
        frame = follow_through(made, settings(), as_of(at)).filter(period=period, scope=scope)
        return {row["origin"]: row for row in frame.to_dicts()}

    return of


@pytest.mark.parametrize("scope", ["team", "org"])
def test_seven_actions_by_hand(found, scope):
    row = found(SEVEN, scope=scope, interventions=[CHANGE])["all"]
    assert [row[k] for k in ("n", "done", "dropped", "ended", "open", "overdue", "undated", "due")] == [
        7,
        2,
        1,
        1,
        3,
        1,
        1,
        4,
    ]
    assert row["n"] == row["done"] + row["dropped"] + row["ended"] + row["open"]
    low, high = (float(v) for v in wilson(2, 4))
    assert (row["done_share"], row["low"], row["high"]) == pytest.approx((0.5, low, high))
    assert [row[k] for k in ("carried", "chained", "most_carried", "linked")] == [3, 2, 4, 1]


def test_the_median_counts_open_ones_in(found):
    # Ends at 5, 10, 20, 30 days; open since 10, 10 and 30: 6/7, then 5/6 of it = 5/7; at 20 three are left: 5/7 · 2/3 = 10/21 < 1/2.
    assert found(SEVEN)["all"]["median_days"] == 20
    assert found(SEVEN)["all"]["p90_days"] is None  # the curve rests at 5/21


def test_origins_are_told_apart_and_add_up(found):
    rows = found(SEVEN)
    assert set(rows) == {"all", "retrospective", "postmortem"}
    assert rows["all"]["n"] == rows["retrospective"]["n"] + rows["postmortem"]["n"]
    assert rows["postmortem"]["done_share"] == 0


def test_later_it_stands_otherwise(found):
    row = found(SEVEN, period="2026-04")["all"]
    assert (row["done"], row["open"]) == (3, 2)


def test_nothing_due_has_no_share(found):
    row = found([action("a", "2026-03-21", due_on="2026-04-20")])["all"]
    assert (row["due"], row["done_share"], row["low"]) == (0, None, None)


def test_without_actions_the_shape_is_the_same(company, settings, as_of):
    assert follow_through(company(), settings(), as_of("2026-06-01")).schema == pl.Schema(COLUMNS)


def test_the_sample_s_actions_are_all_counted(sample):
    row = sample.study("follow_through").filter(scope="org", period="2026-06", origin="all").row(0, named=True)
    assert row["n"] == sample.tables["actions"].height == row["done"] + row["dropped"] + row["ended"] + row["open"]


@pytest.mark.parametrize("whose", [{}, {"team": "payments"}])
def test_the_way_back_has_the_actions_counted_as_they_stood(sample, whose):
    scope, entity = ("team", whose["team"]) if whose else ("org", "org")
    row = sample.study("follow_through").filter(scope=scope, entity_id=entity, period="2026-03", origin="all").row(0, named=True)  # fmt: skip
    rows = sample.trace("follow_through", "2026-03", **whose)
    stood = dict(rows.group_by("stood").len().iter_rows())
    assert [stood.get(word, 0) for word in ("done", "dropped", "ended", "overdue")] == [row["done"], row["dropped"], row["ended"], row["overdue"]]  # fmt: skip
    assert rows.height == row["n"]
    assert rows["closed_on"].max() <= date(2026, 3, 31)  # what was closed later is open
    assert rows["source_row"].null_count() == rows["path"].null_count() == 0


def test_there_is_no_way_back_of_a_service(sample):
    with pytest.raises(ReportError, match="no follow_through of a service"):
        sample.trace("follow_through", "2026-03", service="checkout")


def test_actions_that_name_a_registered_change_are_told_by_it_as_they_stood(company, settings, as_of):
    named = [
        action("a", "2026-03-01", closed_on="2026-03-11", outcome="done", origin_id="pipeline"),
        action("b", "2026-03-02", closed_on="2026-04-02", outcome="dropped", origin_id="pipeline"),
        action("c", "2026-03-03", due_on="2026-03-09", origin_id="base", team_id="blue"),
        action("d", "2026-03-04"),
    ]
    changes = [CHANGE, {**CHANGE, "unit_id": "blue"}, {**CHANGE, "intervention_id": "base"}]
    made = company(teams=[{"team_id": "red"}], actions=named, interventions=changes)
    found = follow_through_linked(made, settings(), as_of("2026-06-01"))
    assert dict(found.schema) == LINKED

    def told(period, scope, entity="org"):
        columns = ("intervention_id", "n", "done", "dropped", "open", "overdue")
        return found.filter(period=period, scope=scope, entity_id=entity).select(columns).rows()

    assert told("2026-03", "org") == [("base", 1, 0, 0, 1, 1), ("pipeline", 2, 1, 0, 1, 0)]
    assert told("2026-04", "team", "red") == [("pipeline", 2, 1, 1, 0, 0)]
    assert told("2026-04", "team", "blue") == [("base", 1, 0, 0, 1, 1)]
    assert follow_through_linked(
        company(actions=[named[3]], interventions=[CHANGE]), settings(), as_of("2026-06-01")
    ).is_empty()
