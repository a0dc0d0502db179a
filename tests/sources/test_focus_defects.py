"""Every defect of a bill is one sentence with its count and its money; a bill without a fault has none."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from focus_building import bill

from idp_analytics.sources import focus
from idp_analytics.sources.focus_defects import CHECKS, Bill, defects, mended, money, plain


def told(folder: Path, *charges: Mapping[str, str], without: tuple[str, ...] = ()) -> tuple[str, ...]:
    path = folder / "bill.csv"
    path.write_text(bill(*charges, without=without), encoding="utf-8", newline="")
    return focus.read([path], {}, folder)[0].warnings


def test_a_bill_without_a_fault_has_no_warning(tmp_path: Path) -> None:
    assert told(tmp_path, {}, {"BilledCost": "2.25"}) == ()


LOST = {"BilledCost": "1.37", "EffectiveCost": "1", "ContractedCost": "1.3", "ListCost": "2.1"}
AWS = {"ProviderName": "AWS"}
SENTENCES: dict[str, tuple[list[Mapping[str, str]], list[str]]] = {
    "lost decimals": (
        [LOST] * 5,
        ["EffectiveCost of 'Cumulus' is a whole number in 5 of 5 usage rows while BilledCost is not: its decimals are lost, "
         "do not use the effective basis (BilledCost 6.85 USD, EffectiveCost 5 USD)"],
    ),
    "lost decimals of two": (
        [{**LOST, "ContractedCost": "0"}] * 5,
        ["EffectiveCost of 'Cumulus' is a whole number in 5 of 5 usage rows while BilledCost is not: its decimals are lost, "
         "do not use the effective basis (BilledCost 6.85 USD, EffectiveCost 5 USD)",
         "ContractedCost of 'Cumulus' is a whole number in 5 of 5 usage rows while BilledCost is not: its decimals are lost, "
         "do not use the contracted basis (BilledCost 6.85 USD, ContractedCost 0 USD)"],
    ),
    "too few rows to say that decimals are lost": ([LOST] * 4, []),
    "one fraction is enough": ([LOST] * 5 + [{}], []),
    "whole everywhere": ([{"BilledCost": "1", "EffectiveCost": "1"}] * 6, []),
    "a price as zone": (
        [{"AvailabilityZone": z} for z in ("0.05", ".5", "1.2e-7", "0", "1", "eu-1a", "")],
        ["AvailabilityZone holds a price in 4 row(s): columns have slipped (BilledCost 6 USD)"],
    ),
    "a stray column": ([{"Id": "1", "x_Id": "1"}], ["column(s) that FOCUS does not have and that are not marked x_: 'Id'"]),
    "seven stray columns": (
        [dict.fromkeys("abcdefg", "1")],
        ["column(s) that FOCUS does not have and that are not marked x_: 'a', 'b', 'c', 'd', 'e' and 2 more"],
    ),
    "times without zone": (
        [{"ChargePeriodStart": "2026-03-01 00:00:00"}, {"BillingPeriodEnd": "2026-04-01 00:00:00"}, {}],
        ["times not written as 2024-09-18T23:00:00Z, taken as UTC where they can be read: ChargePeriodStart 1, BillingPeriodEnd 1"],
    ),
    "words": (
        [{"ChargeFrequency": "Usage-based"}, {"ChargeFrequency": "Usage-based"}, {"ChargeClass": "Corrected"}],
        ["ChargeClass: 'Corrected' (1 row(s)) is none of Correction",
         "ChargeFrequency: 'Usage-based' (2 row(s)) is written 'Usage-Based' in the specification"],
    ),
    "nulls": (
        [{"ContractedCost": "NULL", "ServiceName": ""}, {"ContractedCost": ""}],
        ["empty though FOCUS forbids it: ContractedCost in 2 row(s), ServiceName in 1 row(s)"],
    ),
    "tag keys with spaces": (
        [{"Tags": '{"team": "pay", " team": "pay"}'}],
        ["1 row(s) have tag keys with spaces around them, which are ignored (BilledCost 1.5 USD)"],
    ),
    "a conflict": (
        [{"Tags": '{"team": "pay", "Team": "web"}'}] * 2,
        ["2 row(s) have one owner tag with two values, so that neither is used (BilledCost 3 USD)"],
    ),
    "no JSON": ([{"Tags": "team=pay"}], ["1 row(s) have tags that are no JSON and are not used (BilledCost 1.5 USD)"]),
    "untagged below zero": (
        [{"Tags": "", "BilledCost": "-3", "ChargeCategory": "Credit"}, {"Tags": "{}", "BilledCost": "1"}, {}],
        ["charges without any tag sum below zero (BilledCost -2 USD, of it 1 credit(s) of BilledCost -3 USD): a share of the "
         "bill that is untagged cannot be given"],
    ),
    "negative usage": (
        [{"BilledCost": "-0.5"}, {"BilledCost": "-2", "ChargeCategory": "Credit"}],
        ["1 Usage row(s) are negative, refunds most likely; they are kept (BilledCost -0.5 USD); 1 Credit row(s) besides "
         "(BilledCost -2 USD)"],
    ),
    "negative usage alone": (
        [{"BilledCost": "-0.5"}], ["1 Usage row(s) are negative, refunds most likely; they are kept (BilledCost -0.5 USD)"],
    ),
    "a credit is no refund": ([{"BilledCost": "-2", "ChargeCategory": "Credit"}], []),
    "billed in another period": (
        [{"ChargePeriodStart": "2026-02-28T00:00:00Z"}, {"ChargePeriodStart": "2026-04-01T00:00:00Z"}, {}],
        ["2 row(s) are charged in one period and billed in another; they count in the period of the charge (BilledCost 3 USD)"],
    ),
    "short account ids": (
        [{**AWS, "SubAccountId": "1"}, {**AWS, "SubAccountId": "12345678901"}, {**AWS, "SubAccountId": "1"}, AWS],
        ["2 AWS account id(s) in 3 row(s) are not 12 digits (found 1, 11 characters): leading zeros may be lost, and a map of "
         "accounts to teams will miss them"],
    ),
    "another provider's account ids": ([{"SubAccountId": "1"}], []),
    "currencies": (
        [{}, {"BillingCurrency": "EUR"}, {"BillingCurrency": "EUR"}],
        ["several currencies, never added together: BilledCost 3 EUR, 1.5 USD"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("charges", "says"), SENTENCES.values(), ids=SENTENCES)
def test_defects(tmp_path: Path, charges: list[Mapping[str, str]], says: list[str]) -> None:
    assert list(told(tmp_path, *charges)) == says


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (("ChargeClass", "ServiceName"), "the file has no ChargeClass, ServiceName, which FOCUS makes mandatory"),
        (("BilledCost",), "the file has no BilledCost, which FOCUS makes mandatory"),
        (("ChargeCategory",), "the file has no ChargeCategory, which FOCUS makes mandatory"),
        (("ProviderName",), "the file has no ProviderName, which FOCUS makes mandatory"),
        (("BillingPeriodStart",), "the file has no BillingPeriodStart, which FOCUS makes mandatory"),
    ],
)
def test_a_column_that_is_not_there_is_said_once(tmp_path: Path, without: tuple[str, ...], says: str) -> None:
    assert told(tmp_path, *[LOST] * 6, without=without)[0] == says


def test_the_provider_may_be_called_as_in_the_newest_version(tmp_path: Path) -> None:
    charge = {"ServiceProviderName": "Cumulus"}
    assert told(tmp_path, charge, without=("ProviderName", "PublisherName")) == ()


@pytest.mark.parametrize("without", [(), ("ChargeCategory",), ("SubAccountId",), ("Tags",), ("ChargeCategory", "Tags")])
def test_untagged_charges_are_looked_at_with_what_there_is(tmp_path: Path, without: tuple[str, ...]) -> None:
    said = told(tmp_path, {"Tags": "", "BilledCost": "-1"}, without=without)
    below = [line for line in said if "without any tag" in line]
    assert len(below) == ("Tags" not in without)
    if below:
        assert "(BilledCost -1 USD, of it 0 credit(s) of no cost)" in below[0]


def test_floats_have_lost_digits_before_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "bill.parquet"
    (tmp_path / "bill.csv").write_text(bill({}), encoding="utf-8", newline="")
    frame = pl.read_csv(tmp_path / "bill.csv", infer_schema=False)
    frame.with_columns(pl.col("BilledCost", "ListCost").cast(pl.Float64)).write_parquet(path)
    said = focus.read([path], {}, tmp_path)[0].warnings
    assert said == ("BilledCost, ListCost are binary floats: exact decimals were lost before the file was written",)


def test_no_charge_no_defect() -> None:
    assert defects(Bill(pl.DataFrame({"BilledCost": []}), pl.DataFrame(), ["BilledCost", "Id"])) == []
    assert len(CHECKS) == len(set(CHECKS))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("18.006638618400000000000000", "18.0066386184"),
        ("-3.0", "-3"),
        ("0E-24", "0"),
        ("100", "100"),
        ("1E+3", "1000"),
    ],
)
def test_an_amount_in_plain_digits(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("frame", "column", "says"),
    [
        ({"BillingCurrency": ["USD", None], "BilledCost": [Decimal(1), Decimal("0.5")]}, None, "BilledCost 1 USD, 0.5 (no currency)"),
        ({"BillingCurrency": ["USD"], "ListCost": [Decimal(2)]}, None, "ListCost 2 USD"),
        ({"BillingCurrency": ["USD"], "BilledCost": [Decimal(1)], "ListCost": [Decimal(2)]}, "ListCost", "ListCost 2 USD"),
        ({"BillingCurrency": ["USD"]}, None, "no cost"),
        ({"BillingCurrency": [], "BilledCost": []}, None, "no cost"),
    ],
)  # fmt: skip
def test_what_rows_cost(frame: dict[str, list[object]], column: str | None, says: str) -> None:
    assert money(pl.DataFrame(frame), column) == says


def test_of_many_mended_cells_the_first_are_named() -> None:
    found = pl.Series(["1"] + ["$1,000.00"] * 7)
    (says,) = mended("BilledCost", {"$1,000.00": "1000.00"}, found)
    assert says.startswith(
        "BilledCost: 7 cell(s) not written as FOCUS asks, taken as meant (row 2: '$1,000.00' as 1000.00, row 3"
    )
    assert says.endswith("row 6: '$1,000.00' as 1000.00 and 2 more); strict = true refuses them")
    assert mended("BilledCost", {}, found) == []
