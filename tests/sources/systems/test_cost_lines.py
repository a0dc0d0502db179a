"""Costs somebody keeps in a table: what is paid at once is spread over its months, to the last digit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import at, columns, read

from idp_analytics import sources
from idp_analytics.errors import SourceError

HEAD = "date,period,amount,currency,owner,months,until\n"


def lines(tmp_path, *rows, head=HEAD, **options):
    return read("cost_lines", tmp_path, {"lines.csv": head + "\n".join(rows) + "\n"}, **options)


def parts(found, basis="effective"):
    rows = sorted((row for row in found["costs"] if row["basis"] == basis), key=lambda row: row["period_start"])
    return [(f"{row['period_start']:%Y-%m-%d}", f"{row['period_end']:%Y-%m-%d}", row["amount"]) for row in rows]


def test_a_line_is_billed_at_once_and_effective_by_the_month(tmp_path):
    found = lines(tmp_path, "2026-01-15,,100,EUR,pay,3,")
    assert parts(found, "billed") == [("2026-01-15", "2026-01-16", 100)]
    assert parts(found) == [
        ("2026-01-15", "2026-02-15", Decimal("33.33")), ("2026-02-15", "2026-03-15", Decimal("33.34")), ("2026-03-15", "2026-04-15", Decimal("33.33"))
    ]  # fmt: skip
    assert {row["team_id"] for row in found["costs"]} == {"pay"}
    assert [row["cost_id"] for row in found["costs"]] == [
        "cost_lines:lines.csv:1:billed", "cost_lines:lines.csv:1:1:effective", "cost_lines:lines.csv:1:2:effective", "cost_lines:lines.csv:1:3:effective"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "spans"),
    [
        ("2026-03-05,,9,EUR,,,", [("2026-03-05", "2026-03-06", 9)]),
        (",2026-03,9,EUR,,,", [("2026-03-01", "2026-04-01", 9)]),
        (",2026-Q2,9,EUR,,,", [("2026-04-01", "2026-07-01", 9)]),
        (",2026,9,EUR,,,", [("2026-01-01", "2027-01-01", 9)]),
        (",2026-Q1,9,EUR,,3,", [("2026-01-01", "2026-02-01", 3), ("2026-02-01", "2026-03-01", 3), ("2026-03-01", "2026-04-01", 3)]),
        ("2026-01-01,,4,EUR,,,2026-02-28", [("2026-01-01", "2026-02-01", 2), ("2026-02-01", "2026-03-01", 2)]),
        ("2026-01-01,,4,EUR,,,2026-03-01", [("2026-01-01", "2026-02-01", 2), ("2026-02-01", "2026-03-01", 2)]),
        ("2026-01-01,,4,EUR,,2,2026-02-28", [("2026-01-01", "2026-02-01", 2), ("2026-02-01", "2026-03-01", 2)]),
        ("2026-01-31,,-4,EUR,,2,", [("2026-01-31", "2026-02-28", -2), ("2026-02-28", "2026-03-31", -2)]),
        ("2026-01-01,,4,EUR,,1.0,", [("2026-01-01", "2026-02-01", 4)]),
    ],
)  # fmt: skip
def test_when_a_line_counts(tmp_path, row, spans):
    assert parts(lines(tmp_path, row)) == spans


@pytest.mark.parametrize(
    ("row", "reason", "told"),
    [
        ("2026-01-01,,4,EUR,,-3,", "says months that are no whole number from 1 on", "row 1: months = -3: must be a whole number from 1 to 600"),
        ("2026-01-01,,4,EUR,,0,", "says months that are no whole number from 1 on", "row 1: months = 0: must be"),
        ("2026-01-01,,4,EUR,,2.5,", "says months that are no whole number from 1 on", "row 1: months = 2.5: must be"),
        ("2026-01-01,,4,EUR,,twelve,", "says months that are no whole number from 1 on", "row 1: months = twelve: must be"),
        ("2026-01-01,,4,EUR,,601,", "says months that are no whole number from 1 on", "row 1: months = 601: must be"),
        ("2026-01-01,,4,EUR,,,2025-12-31", "ends before it begins", "row 1: until = 2025-12-31 is not after 2026-01-01"),
        ("2026-01-01,,4,EUR,,,soon", "says until and not when", "row 1: until = soon: must be a day such as 2026-12-31"),
        ("2026-01-01,,4,EUR,,3,2026-12-31", "says months and until, and they differ", "row 1: months = 3 and until = 2026-12-31 do not agree"),
        ("2026-01-01,,4,EUR,,,2099-01-01", "is spread over too many months", "row 1: until = 2099-01-01: more than 600 months"),
        ("3/1/26,,4,EUR,,,", "has a date or period that is none", "row 1: date 3/1/26, period –: must be 2026-03-01 or"),
        ("2026-02-30,,4,EUR,,,", "has a date or period that is none", "row 1: date 2026-02-30"),
        (",2026-Q5,4,EUR,,,", "has a date or period that is none", "row 1: date –, period 2026-Q5"),
        (",,4,EUR,,,", "has neither a date nor a period", "row 1: has neither a date nor a period"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_left_out_and_said(tmp_path, row, reason, told):
    found = lines(tmp_path, row, "2026-01-01,,1,EUR,,,")
    assert found.dropped == {reason: 1}
    assert next(sentence for sentence in found.warnings if sentence.startswith("row")).startswith(told)
    assert parts(found) == [("2026-01-01", "2026-01-02", 1)]


def test_an_amount_that_cannot_be_read_is_set_aside_and_no_other(tmp_path):
    found = lines(tmp_path, '2026-01-01,,"12,000",EUR,,3,', "2026-01-01,,3,EUR,,3,", "2026-01-01,,5,,,,")
    assert {(row["row"], row["found"]) for row in found.rejected} == {(1, "12,000"), (3, "")}
    assert columns(found["costs"], "amount") == [(3,), (1,), (1,), (1,)]


def test_columns_of_other_names_and_what_holds_for_all(tmp_path):
    head = "Booked,Net EUR,Cost centre,Where,Pieces\n"
    (row, _) = lines(
        tmp_path, "2026-01-01,4,pay,prd-1,12", head=head,
        columns={"date": "Booked", "amount": "Net EUR", "owner": "Cost centre", "environment": "Where", "quantity": "Pieces"},
        constants={"currency": "EUR", "component": "Seats", "provider": "Sunny SaaS", "quantity_unit": "seats"}, environments={"prd-.": "production"},
    )["costs"]  # fmt: skip
    wanted = {
        "period_start": at(2026, 1, 1), "billing_period_on": date(2026, 1, 1), "team_id": "pay", "owner_raw": "pay", "component": "Seats",
        "provider": "Sunny SaaS", "category": "purchase", "environment": "production", "environment_raw": "prd-1", "quantity": 12, "quantity_unit": "seats",
        "amount": 4, "currency": "EUR",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_what_the_settings_get_wrong():
    assert sources.check("cost_lines", {"columns": {"amonut": "x"}, "constants": {"date": 3}}) == [
        "columns = {'amonut': 'x'}: there is no 'amonut'. Did you mean 'amount'?",
        'constants = {\'date\': 3}: must be a table, { "their word" = "ours" }',
    ]


@pytest.mark.parametrize(
    ("head", "options", "says"),
    [
        ("date,currency\n", {}, "no column amount. Found: date, currency"),
        ("date,amount\n", {}, "no column currency"),
        ("amount,currency\n", {}, "has neither a date nor a period"),
        ("date,amount,currency\n", {"columns": {"owner": "Cost centre"}}, "no column costcentre"),
    ],
)
def test_a_file_without_what_no_line_can_do_without(tmp_path, head, options, says):
    with pytest.raises(SourceError, match=says):
        lines(tmp_path, "x", head=head, **options)


def test_two_currencies_are_told_and_kept_apart(tmp_path):
    found = lines(tmp_path, "2026-01-01,,1,EUR,,,", "2026-01-01,,2,USD,,,")
    assert "several currencies, never added together: EUR, USD" in found.warnings
    assert set(columns(found["costs"], "currency", "amount")) == {("EUR", 1), ("USD", 2)}


@settings(max_examples=20)
@given(
    st.decimals(-(10**9), 10**9, places=6) | st.decimals(-(10**6), 10**6, places=2), st.integers(1, 120), st.dates(date(2000, 1, 1), date(2030, 1, 1))
)  # fmt: skip
def test_the_parts_are_the_amount_and_follow_one_another(tmp_path_factory, amount, months, day):
    found = lines(tmp_path_factory.mktemp("law"), f"{day},,{amount:f},EUR,,{months},")
    spread = parts(found)
    assert len(spread) == months
    assert sum(part for _, _, part in spread) == amount == parts(found, "billed")[0][2]
    assert all(end == begin for (_, end, _), (begin, _, _) in pairwise(spread))
    sizes = [part for _, _, part in spread]
    assert max(sizes) - min(sizes) <= Decimal("0.01")
