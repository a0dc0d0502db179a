"""Bills that would make every number wrong: each a clear message and nothing published, from the folder to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from idp_analytics.cli import cli
from idp_analytics.organisation import load

HEAD = "bill/BillingPeriodStartDate,bill/InvoiceId,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/CurrencyCode,lineItem/UnblendedCost,lineItem/ResourceId\n"


def line(resource: str = "i-1", cost: str = "1.5", account: str = "000011112222", currency: str = "USD") -> str:
    return f"2026-03-01T00:00:00Z,1,{account},Usage,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,AmazonEC2,{currency},{cost},{resource}\n"


def company(folder: Path, settings: str = "", **files: str) -> Path:
    """A data folder whose one source is the folder of bills."""
    (folder / "settings.toml").write_text(
        f'[[source]]\nkind = "aws_cur"\npaths = ["bills"]\n{settings}', encoding="utf-8"
    )
    for name, text in files.items():
        path = folder / "bills" / name.replace("__", "/").replace("_json", ".json")
        path = path if path.suffix else path.with_suffix(".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def checked(root: Path) -> Result:
    return CliRunner().invoke(cli, ["check", "--data", str(root)], catch_exceptions=False)


def sharing(*shares: str) -> str:
    return f'[[pool]]\nid = "net"\ntake = {{ component = "AmazonEC2" }}\nby = "fixed"\nshares = {{ {", ".join(shares)} }}\n'


MANIFEST = json.dumps({"dataFiles": ["s3://b/march.csv", "s3://b/march-2.csv"]})
TWO = [{"account": "1", "team": "pay"}, {"account": "1", "team": "web", "from": "2026-03-01"}]


@pytest.mark.parametrize(
    ("settings", "files", "says"),
    [
        (sharing("pay = 60", "web = 40.5"), {"march": HEAD + line()}, ["pool 'net': its shares come to 100.5 percent, which is more than there is"]),
        (sharing("pay = -1", "web = 40"), {"march": HEAD + line()}, ["net", "-1"]),
        ("", {"march": HEAD + line(), "manifest_json": MANIFEST}, ["bills/manifest.json: names s3://b/march-2.csv, not there (1 of 2 files are)", "copy the whole export"]),
        ("", {"march": HEAD + line(account="1.1112E+10")}, ["bills/march.csv: account of 1 row(s) is a power of ten", "as the provider wrote it"]),
        ("", {"new": HEAD + line(), "old": HEAD + line(cost="1.6")}, ["bills/new.csv and bills/old.csv look like two snapshots of one bill", "parts = true"]),
        ("net = true\n", {"march": HEAD + line()}, ["net = true, and no column line_item_net_unblended_cost"]),
        ('accounts = [{ account = "1", team = "pay" }, { account = "1", team = "web", from = 2026-03-01 }]\n', {"march": HEAD + line()},
            ["accounts: '1' has two teams from 2026-03-01 on; spans must not overlap"]),
        ("", {"march": HEAD.replace("lineItem/UnblendedCost", "cost") + line()}, ["bills/march.csv: is no bill of AWS Cost and Usage Report: no column lineitemunblendedcost"]),
    ],
    ids=["shares of more than all", "a share below zero", "a manifest naming a missing file", "ids as powers of ten", "two snapshots", "no net costs", "accounts with two teams", "no costs"],
)  # fmt: skip
def test_a_bill_that_cannot_be_trusted_stops_the_run(
    tmp_path: Path, settings: str, files: dict[str, str], says: list[str]
) -> None:
    result = checked(company(tmp_path, settings, **files))
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert [part for part in says if part not in result.output] == [], result.output


def test_a_folder_of_bills_is_read_whole_and_its_currencies_stay_apart(tmp_path: Path) -> None:
    root = company(
        tmp_path, a__march=HEAD + line("i-1") + line("i-2", currency="EUR"), b__march=HEAD + line("i-3", cost="0.1")
    )
    costs = load(root).tables["costs"].filter(basis="billed")
    assert dict(costs.group_by("currency").agg(pl.col("amount").sum().cast(pl.String)).iter_rows()) == {
        "USD": "1.600000000000000000000000", "EUR": "1.500000000000000000000000"
    }  # fmt: skip
    assert "several currencies, never added together: EUR, USD" in checked(root).output


def test_a_column_of_mixed_currencies_is_never_one_sum_and_what_is_no_currency_is_told_with_file_and_row(
    tmp_path: Path,
) -> None:
    mixed = [line("i-1"), line("i-2", currency="usd"), line("i-3", currency=""), line("i-4", currency="$")]
    root = company(tmp_path, march=HEAD + "".join(mixed))
    found = load(root)
    assert dict(found.tables["costs"].filter(basis="billed").group_by("currency").len().iter_rows()) == {
        "USD": 1, "usd": 1, "$": 1,
    }  # fmt: skip
    gone = found.rejected.filter(pl.col("column").str.contains("currency"))
    assert set(gone.select("file", "row").rows()) == {("bills/march.csv", 3)}
    told = found.checks.filter(table="costs", column="currency").filter(~pl.col("success"))
    odd = found.tables["costs"].filter(pl.col("currency") != "USD")
    assert told["unexpected_count"].to_list() == [odd.height]  # kept apart, and counted
