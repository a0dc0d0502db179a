"""Oracle's cost reports: exact to 18 digits, times with and without seconds, corrections as lines of their own."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError

LINE = {
    "lineItem/referenceNo": "l-1", "lineItem/intervalUsageStart": "2026-03-01T10:00Z", "lineItem/intervalUsageEnd": "2026-03-01T11:00:00Z",
    "product/service": "COMPUTE", "product/compartmentId": "ocid1.c.1", "product/resourceId": "ocid1.i.1", "usage/billedQuantity": "0.083333333333000000",
    "cost/productSku": "B1", "cost/myCost": "0.012264277499950943", "cost/myCostOverage": "0.01", "cost/currencyCode": "USD", "cost/skuUnitDescription": "Hours",
    "lineItem/isCorrection": "false", "lineItem/backreferenceNo": "", "tags/Ops.Team": "pay", "tags/Ops.Environment": "prd", "tags/Oracle-Tags.CreatedBy": "somebody",
}  # fmt: skip


def costs(tmp_path, *lines, **options):
    names = list(dict.fromkeys([*LINE, *(name for line in lines for name in line)]))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names, restval="")
    writer.writeheader()
    writer.writerows({**LINE, **line} for line in lines)
    return read("oci_cost", tmp_path, {"report.csv": file.getvalue()}, **options)


def test_a_line_is_billed_and_effective_alike(tmp_path):
    billed, effective = costs(tmp_path, {})["costs"]
    wanted = {
        "cost_id": "oci_cost:report.csv:1:billed", "period_start": at(2026, 3, 1, 10), "period_end": at(2026, 3, 1, 11), "team_id": "pay",
        "environment": "production", "environment_raw": "prd", "provider": "Oracle", "account": "ocid1.c.1", "component": "COMPUTE", "sku": "B1",
        "resource": "ocid1.i.1", "category": "usage", "is_correction": False, "quantity": Decimal("0.083333333333"), "quantity_unit": "Hours",
        "amount": Decimal("0.012264277499950943"), "currency": "USD",
    }  # fmt: skip
    assert {name: billed[name] for name in wanted} == wanted
    assert (effective["basis"], effective["amount"]) == ("effective", billed["amount"])


@pytest.mark.parametrize(
    ("line", "options", "team"),
    [
        ({}, {"team_tags": ["Ops.Team"]}, "pay"),
        ({}, {"team_tags": ["Other.Team"]}, None),
        ({"tags/Other.Team": "web"}, {"team_tags": ["other.team"]}, "web"),
        ({"tags/Other.Team": "web"}, {}, None),
        ({"tags/Other.Team": "pay"}, {}, "pay"),
        ({"tags/Other.Team": ""}, {}, "pay"),
        ({"tags/Ops.Team": ""}, {"accounts": [{"account": "OCID1.C.1", "team": "core"}]}, "core"),
    ],
)
def test_whose_a_line_is(tmp_path, line, options, team):
    assert {row["team_id"] for row in costs(tmp_path, line, **options)["costs"]} == {team}


def test_a_correction_is_a_line_of_its_own(tmp_path):
    again = {
        "lineItem/referenceNo": "l-2",
        "lineItem/isCorrection": "true",
        "cost/myCost": "-2.5E-3",
        "lineItem/backreferenceNo": "l-1",
    }
    found = costs(tmp_path, {}, again, {**again, "lineItem/referenceNo": "l-3", "lineItem/backreferenceNo": "l-0"})
    billed = [row for row in found["costs"] if row["basis"] == "billed"]
    assert columns(billed, "is_correction", "amount") == [
        (False, Decimal("0.012264277499950943")),
        (True, Decimal("-0.0025")),
        (True, Decimal("-0.0025")),
    ]
    assert found.warnings == [
        "1 correction(s) of lines that are in none of the files: the bill they correct is not here"
    ]


def test_reports_of_new_lines_are_not_taken_for_snapshots(tmp_path):
    files = {}
    for number in (1, 2):
        costs(tmp_path, {"lineItem/referenceNo": f"l-{number}"})
        files[f"{number}.csv"] = (tmp_path / "report.csv").read_text()
    assert len(read("oci_cost", tmp_path / "two", files)["costs"]) == 4


def test_ids_that_a_spreadsheet_has_rewritten_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"line of 1 row\(s\) is a power of ten \(row 1: '7.1E\+31'\)"):
        costs(tmp_path, {"lineItem/referenceNo": "7.1E+31"})


def test_an_export_of_the_least_columns(tmp_path):
    found = read(
        "oci_cost",
        tmp_path,
        {
            "r.csv": "lineItem/intervalUsageStart,lineItem/intervalUsageEnd,cost/myCost,cost/currencyCode\n2026-03-14T00:00Z,2026-03-14T01:00Z,3,USD\n"
        },
    )["costs"]
    assert {(row["amount"], row["account"], row["team_id"], row["quantity"]) for row in found} == {
        (3, None, None, None)
    }


def test_a_row_that_cannot_be_read_is_set_aside(tmp_path):
    found = costs(tmp_path, {}, {"cost/myCost": "much"}, {"lineItem/intervalUsageStart": "soon"})
    assert {row["row"] for row in found.rejected} == {2, 3}
    assert len(found["costs"]) == 2


def test_the_reference_report(cases, tmp_path):
    path = cases / "cost" / "focus_converters" / "reports_cost-csv_0000000030000269.csv"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    found = read("oci_cost", tmp_path, [path], team_tags=["OracleInternalReserved.CostCenter"])["costs"]
    billed = [row for row in found if row["basis"] == "billed"]
    assert sum(row["amount"] for row in billed) == Decimal("2.523589325400648027")
    assert {row["team_id"]: 1 for row in billed}.keys() == {"607825", None}
    assert sum(row["amount"] for row in billed if row["team_id"]) == Decimal("2.523533304580266138")
