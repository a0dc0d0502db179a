"""Azure exports: each dataset on its own basis, tags without braces, dates with the month first, 24 decimals."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from reading import at, columns, read

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.cost_snapshots import OLDER

CHARGE = {
    "BillingPeriodStartDate": "03/01/2026", "SubscriptionId": "sub-1", "Date": "03/14/2026", "MeterCategory": "Storage", "MeterId": "m-1", "PartNumber": "p-1",
    "Quantity": "2.5", "UnitOfMeasure": "10K", "CostInBillingCurrency": "0.000000000000000000000419", "BillingCurrencyCode": "USD", "ResourceId": "/r/1",
    "Tags": '"Team": "pay","env": "prod"', "ChargeType": "Usage", "PricingModel": "OnDemand",
}  # fmt: skip


def export(*charges, without=()):
    names = [
        name
        for name in dict.fromkeys([*CHARGE, *(name for charge in charges for name in charge)])
        if name not in without
    ]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**CHARGE, **charge} for charge in charges)
    return "\ufeff" + file.getvalue()


def costs(tmp_path, *charges, without=(), name="actual.csv", **options):
    return read("azure_cost", tmp_path, {name: export(*charges, without=without)}, **options)


def test_a_charge(tmp_path):
    (row,) = costs(tmp_path, {})["costs"]
    wanted = {
        "cost_id": "azure_cost:actual.csv:1:billed", "period_start": at(2026, 3, 14), "period_end": at(2026, 3, 15), "billing_period_on": date(2026, 3, 1),
        "team_id": "pay", "owner_raw": "pay", "environment": "production", "provider": "Microsoft", "account": "sub-1", "component": "Storage", "sku": "m-1",
        "resource": "/r/1", "category": "usage", "is_correction": False, "is_unused_commitment": False, "quantity": Decimal("2.5"), "quantity_unit": "10K",
        "amount": Decimal("0.000000000000000000000419"), "currency": "USD", "basis": "billed",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("charge", "column", "found"),
    [
        ({"ChargeType": "Purchase"}, "category", "purchase"),
        ({"ChargeType": "Refund"}, "category", "purchase"),
        ({"ChargeType": "Refund"}, "is_correction", True),
        ({"ChargeType": "RoundingAdjustment"}, "category", "adjustment"),
        ({"ChargeType": "Tax"}, "category", "tax"),
        ({"Tags": '{"team": "web"}'}, "team_id", "web"),
        ({"Tags": ""}, "team_id", None),
        ({"MeterCategory": "", "ConsumedService": "Microsoft.Capacity"}, "component", "Microsoft.Capacity"),
        ({"MeterId": ""}, "sku", "p-1"),
        ({"Date": "2026-03-14"}, "period_start", at(2026, 3, 14)),
        ({"Date": "3/4/2026"}, "period_start", at(2026, 3, 4)),
        ({"CostInBillingCurrency": "5.64902E-05"}, "amount", Decimal("0.0000564902")),
    ],
)
def test_what_a_charge_says(tmp_path, charge, column, found):
    assert costs(tmp_path, charge)["costs"][0][column] == found


@pytest.mark.parametrize(
    ("names", "renamed"),
    [
        ("EA of old", {"CostInBillingCurrency": "Cost", "BillingCurrencyCode": "BillingCurrency", "SubscriptionId": "SubscriptionGuid", "ResourceId": "InstanceId"}),
        ("MCA", {name: name[0].lower() + name[1:] for name in CHARGE} | {"BillingCurrencyCode": "billingCurrency"}),
    ],
)  # fmt: skip
def test_agreements_name_their_columns_otherwise(tmp_path, names, renamed):
    header, rest = export({}).split("\n", 1)
    wanted = costs(tmp_path, {})["costs"]
    other = (
        ",".join(renamed.get(name.strip().removeprefix("\ufeff"), name.strip()) for name in header.split(","))
        + "\n"
        + rest
    )
    found = read("azure_cost", tmp_path, {"actual.csv": other})["costs"]
    assert [{**row, "load_id": None} for row in found] == [{**row, "load_id": None} for row in wanted]


RESERVED = {"PricingModel": "Reservation"}
DATASETS = [
    ("x.csv", [{"ChargeType": "UnusedReservation"}], "effective"),
    ("x.csv", [{}, {**RESERVED, "CostInBillingCurrency": "3"}], "effective"),
    ("x.csv", [{**RESERVED, "ChargeType": "Purchase"}], "billed"),
    ("x.csv", [{**RESERVED, "ChargeType": "Purchase"}, {**RESERVED, "CostInBillingCurrency": "0"}], "billed"),
    ("ea-ActualCost.csv", [{}], "billed"),
    ("ea-AmortizedCost.csv", [{}], "effective"),
    ("amortised-march.csv", [{}], "effective"),
]


@pytest.mark.parametrize(("name", "charges", "basis"), DATASETS)
def test_which_dataset_a_file_is(tmp_path, name, charges, basis):
    assert {row["basis"] for row in costs(tmp_path, *charges, name=name)["costs"]} == {basis}


@pytest.mark.parametrize(
    ("name", "charges"),
    [
        ("contractual.csv", [{}]),
        ("x.csv", [{**RESERVED, "CostInBillingCurrency": "0"}]),
        ("x.csv", [{"ChargeType": "UnusedSavingsPlan"}, {**RESERVED, "ChargeType": "Purchase"}]),
    ],
    ids=["no commitments", "nothing paid", "says both"],
)
def test_a_file_that_may_be_either_is_refused_unless_somebody_says(tmp_path, name, charges):
    with pytest.raises(
        SourceError, match=r"nothing says whether these are actual or amortized costs.* dataset = \"actual\" \(billed\)"
    ):
        costs(tmp_path, *charges, name=name)
    assert {row["basis"] for row in costs(tmp_path, *charges, name=name, dataset="amortized")["costs"]} == {"effective"}


def test_actual_and_amortized_costs_of_a_month_are_never_added_nor_compared(tmp_path):
    files = {
        "actual.csv": export({"CostInBillingCurrency": "5"}),
        "amortized.csv": export({"CostInBillingCurrency": "7"}),
    }
    found = read("azure_cost", tmp_path, files)
    assert columns(found["costs"], "basis", "amount") == [("billed", 5), ("effective", 7)]
    again = read(
        "azure_cost",
        tmp_path,
        {**files, "actual-2.csv": export({"CostInBillingCurrency": "5"}, {"ResourceId": "/r/2"})},
    )
    assert again.dropped == {OLDER: 1}


def test_what_goes_unused_is_of_the_amortized_costs(tmp_path):
    (row,) = costs(tmp_path, {"ChargeType": "UnusedSavingsPlan", "CostInBillingCurrency": "3"}, name="amortized.csv")[
        "costs"
    ]
    assert (row["basis"], row["category"], row["is_unused_commitment"]) == ("effective", "usage", True)


def test_list_prices_where_the_agreement_tells_them(tmp_path):
    found = costs(tmp_path, {"paygCostInBillingCurrency": "9"})["costs"]
    assert columns(found, "basis", "amount")[1] == ("list", 9)


def manifest(kind):
    return {
        "exportConfig": {"exportName": "e", "type": kind}, "runInfo": {"startDate": "2026-03-01T00:00:00"}, "blobs": [{"blobName": "c/e/part_0_0001.csv"}],
    }  # fmt: skip


def test_the_manifest_says_which_dataset_it_is(tmp_path):
    files = {"e/part_0_0001.csv": export({})}
    for kind, basis in (("ActualCost", "billed"), ("AmortizedCost", "effective")):
        read("azure_cost", tmp_path, {**files, "e/manifest.json": manifest(kind)}, dataset="actual")
        assert {row["basis"] for row in read("azure_cost", tmp_path, [tmp_path / "e"])["costs"]} == {basis}
    read("azure_cost", tmp_path, {"e/manifest.json": manifest("ActualCost"), **files})
    (tmp_path / "e/manifest.json").write_text(
        (tmp_path / "e/manifest.json").read_text().replace("ActualCost", "FocusCost")
    )
    with pytest.raises(SourceError, match=r"its manifest says it is FocusCost, .* kind = \"focus\""):
        read("azure_cost", tmp_path, [tmp_path / "e"])


def test_what_a_spreadsheet_has_turned_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"day first \('14/3/2026'\) and with the month first \('03/14/2026'\)"):
        costs(tmp_path, {}, {"Date": "14/3/2026"})
    with pytest.raises(SourceError, match=r"account of 1 row\(s\) is a power of ten"):
        costs(tmp_path, {"SubscriptionId": "1.2E+15"})
    found = costs(tmp_path, {"Date": "14/3/2026", "BillingPeriodStartDate": "1/3/2026"})
    assert found["costs"][0]["period_start"] == at(2026, 3, 14)
    assert found.warnings == [
        "dates are written with the day first, which Azure does not: the file was saved anew somewhere"
    ]


def test_costs_rounded_to_cents_are_said(tmp_path):
    cents = [{"CostInBillingCurrency": f"{n}.{n:02}", "ResourceId": str(n)} for n in range(1, 51)]
    assert costs(tmp_path, *cents).warnings == [
        "all 50 costs have at most two decimals, which no such bill has: rounded on the way, so that sums are off by up to 250 thousandths"
    ]
    assert costs(tmp_path, *cents[1:]).warnings == []
    assert costs(tmp_path, *cents, {"CostInBillingCurrency": "0.001"}).warnings == []


def test_an_export_of_the_least_columns(tmp_path):
    found = read(
        "azure_cost",
        tmp_path,
        {"actual.csv": "Date,CostInBillingCurrency,BillingCurrencyCode,ChargeType\n2026-03-14,3,USD,Usage\n"},
    )["costs"]
    assert {(row["amount"], row["account"], row["team_id"], row["quantity"]) for row in found} == {
        (3, None, None, None)
    }


def test_a_cell_that_cannot_be_read_sets_its_row_aside_and_no_other(tmp_path):
    found = costs(tmp_path, {}, {"Date": "soon"}, {"CostInBillingCurrency": "0,5"})
    assert [(row["row"], row["found"]) for row in found.rejected] == [(2, "soon; soon"), (3, "0,5")]
    assert len(found["costs"]) == 1


def test_two_currencies_are_told(tmp_path):
    found = costs(tmp_path, {}, {"BillingCurrencyCode": "EUR"})
    assert found.warnings == ["several currencies, never added together: EUR, USD"]


def test_a_file_without_costs_is_no_export(tmp_path):
    with pytest.raises(
        SourceError,
        match=r"actual\.csv: is no bill of Azure Cost Management: no column costinbillingcurrency or cost or pretaxcost",
    ):
        costs(tmp_path, {}, without=["CostInBillingCurrency"])


def test_options():
    assert sources.check("azure_cost", {"dataset": "both", "parts": 1}) == [
        "dataset = 'both': must be one of actual, amortized", "parts = 1: must be true or false"
    ]  # fmt: skip


def test_the_reference_exports(cases, tmp_path):
    folder = cases / "cost" / "finops-toolkit"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    found = read("azure_cost", tmp_path, sorted(folder.glob("EA_*.csv")))["costs"]
    totals = {basis: sum(row["amount"] for row in found if row["basis"] == basis) for basis in ("billed", "effective")}
    assert totals == {"billed": Decimal("8.5450077867419368"), "effective": Decimal("16.296932136636644627485419")}
