"""Every bill of the collection, by the reader of its kind, against totals computed elsewhere in exact decimals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from idp_analytics import sources
from idp_analytics.sources.cost_cells import amounts
from idp_analytics.sources.focus_format import COSTS
from idp_analytics.sources.tabular import read_rows
from idp_analytics.tables.conform import conform

FOCUS_GROUPS = {
    "BillingCurrency": "currency", "SubAccountId": "account", "ServiceName": "component", "ChargeCategory": "category", "ResourceId": "resource",
    "ChargeClass": "is_correction", "CommitmentDiscountStatus": "is_unused_commitment",
}  # fmt: skip
"""FOCUS column → ours, where both group alike."""
OTHER_GROUPS = {
    "BillingCurrencyCode": "currency", "SubscriptionId": "account", "MeterCategory": "component", "ChargeType": "category",
    "cost/currencyCode": "currency", "product/service": "component", "lineItem/isCorrection": "is_correction",
    "lineItem/CurrencyCode": "currency", "lineItem/UsageAccountId": "account", "lineItem/ProductCode": "component", "lineItem/LineItemType": "category",
}  # fmt: skip
NATIVE = {
    "finops-toolkit/EA_ActualCost_Small.csv": ("azure_cost", {}, {"Cost": "billed"}),
    "finops-toolkit/EA_AmortizedCost_Small.csv": ("azure_cost", {}, {"Cost": "effective"}),
    "focus_converters/sample-anonymous-ea-export-dataset.csv": ("azure_cost", {"dataset": "actual"}, {"CostInBillingCurrency": "billed"}),
    "focus_converters/reports_cost-csv_0000000030000269.csv": ("oci_cost", {}, {"cost/myCost": "billed"}),
    "focus_converters/sample-anonymous-aws-export-dataset.csv": (
        "aws_cur", {}, {"lineItem/UnblendedCost": "billed", "pricing/publicOnDemandCost": "list"}
    ),
}  # fmt: skip
"""Bills that are not FOCUS: kind of source, its options, their column → basis."""
NEEDED = {
    "BillingCurrency": "USD",
    "ChargePeriodStart": "2026-03-01T00:00:00Z",
    "ChargePeriodEnd": "2026-03-02T00:00:00Z",
}
"""What the specification's excerpts leave out, and what stands for it here."""


@pytest.fixture(scope="module")
def cost(cases: Path) -> Path:
    if not (cases / "cost" / "expected").is_dir():
        pytest.skip(f"no such case: {cases / 'cost' / 'expected'}")
    return cases / "cost"


def expected(cost: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((cost / "expected").glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        if "file" in told and (cost / told["file"]).is_file():
            yield told


def read(cost: Path, file: str, kind: str, **options: Any) -> pl.DataFrame:
    """The rows its reader gives."""
    (extract,) = sources.read(kind, [cost / file], options, cost)
    return extract.frame


def as_read(told: dict[str, Any], cost: Path, **more: Any) -> tuple[pl.DataFrame, Mapping[str, str], Mapping[str, str]]:
    """The rows of one bill; their cost column → our basis; their group → our column."""
    if told["file"] in NATIVE:
        kind, options, bases = NATIVE[told["file"]]
        return (
            read(cost, told["file"], kind, **{**options, **more}),
            bases,
            {**OTHER_GROUPS, "BillingCurrency": "currency"},
        )
    header = read_rows(cost / told["file"], "", lambda _: False).header
    constants = {name: value for name, value in NEEDED.items() if name not in header}
    groups = {**FOCUS_GROUPS, **({} if "ServiceProviderName" in header else {"ProviderName": "provider"})}
    return (
        read(cost, told["file"], "focus", constants=constants, **more),
        {column: basis for basis, column in COSTS.items()},
        groups,
    )


Bill = tuple[dict[str, Any], pl.DataFrame, Mapping[str, str], Mapping[str, str]]


@pytest.fixture(scope="module")
def bills(cost: Path) -> list[Bill]:
    return [(told, *as_read(told, cost)) for told in expected(cost)]


def folded(group: str, name: str | None) -> str:
    """One name for what they and we call a group's member."""
    if name is None or name in ("<null>", "<key absent>", "<no tags>", "<empty>"):
        return "" if group not in ("ChargeClass", "CommitmentDiscountStatus") else "false"
    if group in ("ChargeClass", "CommitmentDiscountStatus"):
        return str(name in ("Correction", "Unused", "true")).lower()
    return (
        name.strip().lower()
        if group in ("ChargeCategory", "ChargeType", "lineItem/LineItemType", "SubscriptionId", "lineItem/isCorrection")
        else name.strip()
    )


def theirs(group: str, members: dict[str, Any], column: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, total in members.items():
        key = folded(group, name)
        found[key] = found.get(key, Decimal(0)) + Decimal(total.get(column, 0))
    return {key: amount for key, amount in found.items() if amount}


def ours(group: str, rows: pl.DataFrame, column: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, amount in rows.group_by(column).agg(pl.col("amount").sum()).iter_rows():
        key = folded(group, None if name is None else str(name).lower() if isinstance(name, bool) else name)
        found[key] = found.get(key, Decimal(0)) + amount
    return {key: amount for key, amount in found.items() if amount}


def test_every_total_comes_out_to_the_last_digit(bills: list[Bill]) -> None:
    checked, wrong = 0, []
    for told, rows, bases, _ in bills:
        for column, basis in bases.items():
            totals = told.get("totals") or {}
            if column in totals and not isinstance(totals[column], dict):  # by currency: the next test's
                mine = rows.filter(basis=basis)
                checked += 1
                if mine["amount"].sum() != Decimal(totals[column]) or mine.filter(pl.col("amount") < 0).height != told[
                    "negative_rows"
                ].get(column, 0):
                    wrong.append((told["file"], column, mine["amount"].sum(), totals[column]))
    assert wrong == []
    assert checked > 90


def test_what_is_read_passes_the_door(cost: Path) -> None:
    """One of each kind; the examples with a time at 30 o'clock lose those rows and say so."""
    files = {
        **{kind: (file, options) for file, (kind, options, _) in NATIVE.items()},
        "focus": ("focus-data-toolkit/client_like/consolidated_multi_provider_1_3.csv", {}),
    }
    for kind, (file, options) in files.items():
        (extract,) = sources.read(kind, [cost / file], options, cost)
        assert conform(extract, kind).rejected.is_empty()


def test_every_group_comes_out_to_the_last_digit_and_no_two_currencies_are_added(bills: list[Bill]) -> None:
    checked, wrong = 0, []
    for told, rows, bases, groups in bills:
        for group, column in groups.items():
            for theirs_, basis in bases.items():
                members = told["groups"].get(group)
                if members is None or not any(theirs_ in total for total in members.values()):
                    continue
                checked += 1
                mine, wanted = ours(group, rows.filter(basis=basis), column), theirs(group, members, theirs_)
                if mine != wanted:
                    wrong.append((told["file"], group, basis, mine, wanted))
    assert wrong == []
    assert checked > 300


def test_every_owner_comes_out_to_the_last_digit(cost: Path) -> None:
    """``AllocatedTags ?? Tags``; keys that a file writes in two ways are no test of that."""
    checked, wrong = 0, []
    for told in expected(cost):
        for group, key in (
            ("Resolved.CostCenter", "CostCenter"),
            ("Tags.business_unit", "business_unit"),
            ("Tags.application", "application"),
        ):
            if group in told["groups"]:
                rows, _, _ = as_read(told, cost, team_tags=[key])
                wanted = theirs(group, told["groups"][group], "BilledCost")
                mine = ours(group, rows.filter(basis="billed"), "owner_raw")
                if set(wanted) == {""}:
                    continue  # the file writes the key in another case, which is the same key to us
                checked += 1
                if mine != wanted:
                    wrong.append((told["file"], group, mine, wanted))
    assert wrong == []
    assert checked >= 8


def test_forecasts_of_changes_are_exact_numbers_and_no_costs(cost: Path) -> None:
    """Infracost writes what a change would cost, as text of up to 26 decimals: it is read exactly, and is nobody's spending."""
    files = sorted((cost / "infracost").glob("*.json"))
    checked = 0
    for path in files:
        body = json.loads(path.read_text("utf-8"))
        for project in body.get("projects", []) if isinstance(body, dict) else []:
            breakdown = project.get("breakdown") or {}
            monthly = pl.Series([r.get("monthlyCost") for r in breakdown.get("resources", [])], dtype=pl.String)
            if monthly.count() and breakdown.get("totalMonthlyCost"):
                assert amounts(monthly, strict=True).values.sum() == Decimal(breakdown["totalMonthlyCost"])
                checked += 1
    assert checked
    with pytest.raises(Exception, match=r"holds nothing that OpenCost exports"):
        sources.read("opencost", files[:1], {"currency": "USD"}, cost)


def test_numbers_as_the_specification_writes_them(cost: Path) -> None:
    path = cost / "focus-data-toolkit" / "official" / "numeric_format_examples.json"
    told = json.loads(path.read_text("utf-8"))
    read_ = amounts(pl.Series(told["valid"]), strict=True)
    assert read_.values.to_list() == [Decimal(text) for text in told["valid"]]
    # A plus sign says the same as none: it is read, and no other number is.
    refused = [text for text in told["invalid"] if amounts(pl.Series([text]), strict=True).known[0] is None]
    assert set(told["invalid"]) - set(refused) <= {"35.2E+7", "1.5E+3", "+333"}
