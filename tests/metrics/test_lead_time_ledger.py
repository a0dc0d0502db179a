"""The ledger: what each stage took of all changes together, that it adds up, and how sure a share is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.lead_time import NOT_SPLIT
from idp_analytics.metrics.lead_time_ledger import COLUMNS, FEWEST, PARTS, TOTAL, lead_time_ledger

AS_OF = datetime(2026, 5, 1, tzinfo=UTC)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3_600_000_000


def firm(*changes: tuple, **deployed) -> dict:
    """Tables of changes (first commit, opened, first review, merged, deployed: hours of 2 March, None: not known), each with
    a deployment of its own."""
    rows, deployments, links = [], [], []
    for number, times in enumerate(changes):
        first, opened, review, merged, end = (None if h is None else BEGIN + timedelta(hours=h) for h in times)
        rows.append(
            {"change_id": f"c{number}", "first_commit_at": first, "opened_at": opened, "first_review_at": review, "merged_at": merged}
        )  # fmt: skip
        deployments.append({"deployment_id": f"d{number}", "finished_at": end, **deployed})
        links.append({"deployment_id": f"d{number}", "change_id": f"c{number}"})
    return {"teams": [{"team_id": "red"}], "services": [{"service_id": "shop"}], "deployments": deployments,
            "changes": rows, "deployment_changes": links}  # fmt: skip


TWO = ((0, 2, 3, 7, 12), (0, 2, None, 6, 8))
"""12 hours: 2, 1, 4, 5. And 8 hours: 2 and 2, with 4 between them that nobody is known to have reviewed."""


def cell(frame: pl.DataFrame, scope: str = "org", entity: str = "org", period: str = "2026-03") -> dict[tuple, dict]:
    rows = frame.filter(scope=scope, entity_id=entity, period=period).to_dicts()
    return {(row["part"], row["reason"]): row for row in rows}


@pytest.fixture
def ledger(company, settings):
    def build(tables: dict, at: datetime = AS_OF, zone: str = "UTC", **rules) -> pl.DataFrame:
        return lead_time_ledger(company(**tables), settings(zone, **rules), at)

    return build


@pytest.mark.parametrize("entity", [("org", "org"), ("team", "red"), ("service", "shop")])
@pytest.mark.parametrize("period", ["2026-03", "2026-Q1"])
def test_two_changes_of_everybody(ledger, entity, period):
    frame = ledger(firm(*TWO))
    assert dict(frame.schema) == COLUMNS
    found = cell(frame, *entity, period)
    assert {key: (row["n"], row["hours"], row["share"]) for key, row in found.items()} == {
        ("total", None): (2, 20, 1.0),
        ("coding", None): (2, 4, 0.2),
        ("pickup", None): (1, 1, 0.05),
        ("review", None): (1, 4, 0.2),
        ("delivery", None): (2, 7, 0.35),
        ("not split", None): (1, 4, 0.2),
        ("not split", "no review known"): (1, 4, 0.2),
    }
    assert [row["low"] for row in found.values()] == [None] * 7
    assert found["total", None]["missing"] == 0


def test_rows_stand_in_order_and_the_commonest_reason_first(ledger):
    unopened = (0, None, 3, 7, 12)
    found = list(cell(ledger(firm(*TWO, unopened, unopened))))
    assert found == [
        *((part, None) for part in PARTS),
        (NOT_SPLIT, "opening not known"),
        (NOT_SPLIT, "no review known"),
    ]


def test_what_runs_backwards_is_counted_by_stage_and_what_has_no_lead_time_is_missing(ledger):
    """Opened before its first commit; reviewed before opened; merged before reviewed; deployed before merged; and one
    committed after its deployment, which is missing as the one whose first commit is not known is."""
    rows = (
        (4, 2, 5, 7, 12),
        (0, 3, 2, 7, 12),
        (0, 2, 9, 7, 12),
        (0, 2, 3, 13, 12),
        (14, 2, 3, 7, 12),
        (None, 2, 3, 7, 12),
    )
    found = cell(ledger(firm(*rows)))
    assert {part: found[part, None]["backwards"] for part in PARTS} == {
        "total": 1, "coding": 2, "pickup": 1, "review": 1, "delivery": 1, "not split": None,
    }  # fmt: skip
    assert (found[TOTAL, None]["n"], found[TOTAL, None]["missing"]) == (4, 2)
    assert found[TOTAL, None]["hours"] == 8 + 12 + 12 + 12
    # The stages of the two that are missing are in no sum: 3 + 2 + 2 hours of coding.
    assert (found["coding", None]["n"], found["coding", None]["hours"]) == (3, 7)


def test_only_missing_changes_make_a_total_of_nothing(ledger):
    found = cell(ledger(firm((None, 2, 3, 7, 12))))
    assert (found[TOTAL, None]["n"], found[TOTAL, None]["hours"], found[TOTAL, None]["share"]) == (0, 0, None)
    assert found[TOTAL, None]["missing"] == 1


def test_a_change_all_at_once_has_no_share(ledger):
    found = cell(ledger(firm((5, 5, 5, 5, 5))))
    assert (found[TOTAL, None]["n"], found[TOTAL, None]["hours"], found["coding", None]["share"]) == (1, 0, None)


def test_what_nobody_owns_is_the_organisations(ledger):
    frame = ledger(firm(*TWO, team_id=None))
    assert set(frame["scope"]) == {"org", "service"}
    assert cell(frame)[TOTAL, None]["n"] == 2


def test_the_month_is_that_of_the_deployment_where_the_organisation_is(ledger):
    """Deployed at 15:30 UTC on 31 March: in Tokyo half past midnight in April."""
    end = (datetime(2026, 3, 31, 15, 30, tzinfo=UTC) - BEGIN) / timedelta(hours=1)
    tables = firm((0, 2, 3, 7, end))
    assert set(cell(ledger(tables))) and not cell(ledger(tables), period="2026-04")
    assert set(cell(ledger(tables, zone="Asia/Tokyo"), period="2026-04"))


def test_what_is_deployed_after_the_as_of_time_is_not_known(ledger):
    before, at = (ledger(firm(*TWO), at=BEGIN + timedelta(hours=hour)) for hour in (8, 12))
    assert before.is_empty() and before.columns == list(COLUMNS)
    assert cell(at)[TOTAL, None]["n"] == 1
    assert set(at["is_partial"]) == {True}


def test_nothing_known(ledger):
    frame = ledger({})
    assert frame.is_empty() and frame.columns == list(COLUMNS)


# --- how sure a share is --------------------------------------------------------------------------------------------------


def alternating(n: int) -> dict:
    """Changes of 10 hours of which coding takes 2 and 4 in turn."""
    return firm(*((0, 2 + 2 * (k % 2), 5, 6, 10) for k in range(n)))


def test_the_interval_of_a_share_worked_out_by_hand(ledger):
    """20 changes, 60 of 200 hours. Residuals coding − 0.3 · 10 are ±1, so their squares sum to 20; the standard error is
    √(20 · 20/19) / 200 = 0.022942; on the logit scale 0.022942 / (0.3 · 0.7) = 0.109246, times t(19) = 2.093024: 0.228654.
    logit 0.3 = −0.847298, so −1.075952 and −0.618644: 0.25427 and 0.35009."""
    row = cell(ledger(alternating(20)))["coding", None]
    assert row["share"] == pytest.approx(0.3)
    assert (row["low"], row["high"]) == (pytest.approx(0.25427, abs=1e-5), pytest.approx(0.35009, abs=1e-5))
    assert row["level"] == 0.95
    assert cell(ledger(alternating(20), level=0.9))["coding", None]["low"] > row["low"]


def test_too_few_changes_or_nothing_have_no_interval(ledger):
    found = cell(ledger(alternating(FEWEST - 1)))
    assert [row["low"] for row in found.values()] == [None] * len(found)
    found = cell(ledger(alternating(FEWEST)))
    assert {key: row["low"] is None for key, row in found.items()} == {
        (part, None): part in (TOTAL, NOT_SPLIT) for part in PARTS
    }


# --- laws -----------------------------------------------------------------------------------------------------------------

MOMENT = st.none() | st.integers(0, 10**12)


@given(st.lists(st.tuples(MOMENT, MOMENT, MOMENT, MOMENT, st.integers(0, 10**12)), min_size=1, max_size=30))
@hypothesis_settings(max_examples=40)
def test_parts_add_up_to_the_total_to_the_microsecond_in_every_cell(company, settings, drawn):
    tables = firm(*(tuple(None if m is None else m / HOUR for m in times) for times in drawn))
    frame = lead_time_ledger(company(**tables), settings(), AS_OF)
    exact = (pl.col("hours") * HOUR).round().cast(pl.Int64)
    is_part = pl.col("reason").is_null() & (pl.col("part") != TOTAL)
    by_cell = frame.group_by("scope", "entity_id", "every", "period").agg(
        exact.filter(pl.col("part") == TOTAL).sum().alias("whole"),
        exact.filter(is_part).sum().alias("parts"),
        exact.filter(is_part, pl.col("part") == NOT_SPLIT).sum().alias("unsplit"),
        exact.filter(pl.col("reason").is_not_null()).sum().alias("why"),
    )
    assert by_cell["whole"].to_list() == by_cell["parts"].to_list()
    assert by_cell["unsplit"].to_list() == by_cell["why"].to_list()
    bounded = frame.drop_nulls("low")
    assert bounded.filter(
        (pl.col("low") > pl.col("share") + 1e-12) | (pl.col("high") < pl.col("share") - 1e-12)
    ).is_empty()
    assert frame.filter((pl.col("share") < 0) | (pl.col("share") > 1)).is_empty()


@given(st.permutations(range(8)))
@hypothesis_settings(max_examples=15)
def test_the_order_of_rows_does_not_matter(company, settings, order):
    rows = [(0, 1 + k / 7, None if k % 3 else 5, 6 + k, 15 + k / 3) for k in range(8)]
    tables = firm(*rows)
    turned = {
        **tables,
        **{name: [tables[name][k] for k in order] for name in ("deployments", "changes", "deployment_changes")},
    }
    first, second = (lead_time_ledger(company(**made), settings(), AS_OF) for made in (tables, turned))
    assert first.equals(second)


def test_the_total_is_the_changes_of_the_lead_time(company, settings):
    tables = company(**firm(*TWO, (None, 2, 3, 7, 12)))
    answers = compute(tables, settings(), AS_OF, (by_name("change_lead_time"),), every=("1mo", "1q"))
    whole = lead_time_ledger(tables, settings(), AS_OF).filter(part=TOTAL)
    both = whole.join(answers, on=["scope", "entity_id", "every", "period"], suffix="_answer")
    assert both.height == 6
    assert both["n"].to_list() == both["n_answer"].to_list() == [2] * 6
    assert both["missing"].to_list() == both["missing_answer"].to_list() == [1] * 6
