"""AWS reports: both kinds of headers, what is amortised by AWS's rule, instances given to their pods, tags of any month."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import at, columns, read

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.cost_splits import NO_PARENT, UNUSED, UNUSED_RECORD
from idp_analytics.tables.conform import conform

LINE = {
    "identity/LineItemId": "a", "bill/InvoiceId": "1", "bill/BillType": "Anniversary", "bill/BillingPeriodStartDate": "2026-03-01T00:00:00.000Z",
    "lineItem/UsageAccountId": "000011112222", "lineItem/LineItemType": "Usage", "lineItem/UsageStartDate": "2026-03-01T00:00:00Z",
    "lineItem/UsageEndDate": "2026-03-01T01:00:00Z", "lineItem/ProductCode": "AmazonEC2", "lineItem/UsageType": "BoxUsage:m5", "lineItem/UsageAmount": "1.5",
    "pricing/unit": "Hrs", "lineItem/CurrencyCode": "USD", "lineItem/UnblendedCost": "0.1000000001", "lineItem/ResourceId": "i-1",
    "pricing/RateCode": "R1", "pricing/publicOnDemandCost": "0.2", "resourceTags/user:Team": "pay", "resourceTags/user:Env": "prod",
}  # fmt: skip
AMORTISED = (
    "reservation/EffectiveCost", "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "reservation/UnusedRecurringFee", "reservation/ReservationARN",
    "savingsPlan/SavingsPlanEffectiveCost", "savingsPlan/TotalCommitmentToDate", "savingsPlan/UsedCommitment",
)  # fmt: skip
SPLIT = ("splitLineItem/ParentResourceId", "splitLineItem/SplitCost", "splitLineItem/UnusedCost")


def report(*lines, header=()):
    """A legacy report: ``LINE`` changed as each says; short names are of the group ``lineItem``."""
    full = [{name if "/" in name else f"lineItem/{name}": value for name, value in line.items()} for line in lines]
    names = list(dict.fromkeys([*LINE, *header, *(name for line in full for name in line)]))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names, restval="")
    writer.writeheader()
    writer.writerows({**LINE, **line} for line in full)
    return file.getvalue()


def snake(text):
    """The same with the columns of CUR 2.0, tags as a map."""
    frame = pl.read_csv(io.StringIO(text), infer_schema=False)
    tags = [name for name in frame.columns if name.startswith("resourceTags/")]
    keys = {name: "user_" + name.removeprefix("resourceTags/user:").lower() for name in tags}
    maps = [
        str({keys[n]: row[n] for n in tags if row[n] is not None}).replace("'", '"')
        for row in frame.iter_rows(named=True)
    ]
    named = {
        name: "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name.replace("/", "_")).replace("__", "_").replace("_a_r_n", "_arn")
        for name in frame.columns if name not in tags
    }  # fmt: skip
    return frame.drop(tags).rename(named).with_columns(pl.Series("resource_tags", maps))


def costs(tmp_path, *lines, header=(), **options):
    return read("aws_cur", tmp_path, {"report.csv": report(*lines, header=header)}, **options)


def amounts(found, basis):
    return [row["amount"] for row in found["costs"] if row["basis"] == basis]


def test_a_line(tmp_path):
    found = costs(tmp_path, {})
    (billed, *_) = found["costs"]
    wanted = {
        "cost_id": "aws_cur:report.csv:1:billed", "period_start": at(2026, 3, 1), "period_end": at(2026, 3, 1, 1), "billing_period_on": date(2026, 3, 1),
        "service_id": None, "team_id": "pay", "owner_raw": "pay", "provider": "AWS", "account": "000011112222", "component": "AmazonEC2", "sku": "R1",
        "resource": "i-1", "environment": "production", "environment_raw": "prod", "category": "usage", "is_correction": False,
        "is_unused_commitment": False, "quantity": Decimal("1.5"), "quantity_unit": "Hrs", "amount": Decimal("0.1000000001"), "currency": "USD",
    }  # fmt: skip
    assert {name: billed[name] for name in wanted} == wanted
    assert {row["basis"]: row["amount"] for row in found["costs"]} == {
        "billed": Decimal("0.1000000001"), "effective": Decimal("0.1000000001"), "list": Decimal("0.2")
    }  # fmt: skip
    assert found.warnings == []


@pytest.mark.parametrize("form", ["gzip", "cur 2 csv", "cur 2 parquet", "athena parquet"])
def test_every_form_gives_the_same_costs(tmp_path, form):
    text = report({}, {"LineItemType": "Tax", "ResourceId": "", "resourceTags/user:Team": ""})
    wanted = read("aws_cur", tmp_path, {"report.csv": text})["costs"]
    path = tmp_path / "other" / ("report.csv.gz" if form == "gzip" else "report.csv")
    path.parent.mkdir()
    if form == "gzip":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    elif form == "cur 2 csv":
        snake(text).write_csv(path)
    elif form == "cur 2 parquet":
        snake(text).with_columns(pl.col("line_item_unblended_cost").cast(pl.Decimal(38, 12))).write_parquet(path)
    else:
        tags = {"resourceTags/user:Team": "resource_tags_user_team", "resourceTags/user:Env": "resource_tags_user_env"}
        frame = pl.read_csv(io.StringIO(text), infer_schema=False).rename(tags)
        frame.select(pl.all().name.map(lambda name: name.replace("/", "_"))).write_parquet(path)
    given = read("aws_cur", tmp_path, [path])["costs"]

    def plain(rows):
        return [{name: row[name] for name in row if name not in ("cost_id", "load_id")} for row in rows]

    assert plain(given) == plain(wanted)


def test_costs_as_floats_are_said(tmp_path):
    snake(report({})).with_columns(pl.col("line_item_unblended_cost").cast(pl.Float64)).write_parquet(
        tmp_path / "r.parquet"
    )
    found = read("aws_cur", tmp_path, [tmp_path / "r.parquet"])
    assert found.warnings == [
        "costs are binary floats in the file (unblended): their exact decimals were lost before it was written"
    ]


@pytest.mark.parametrize(
    ("line", "billed", "effective", "category", "unused"),
    [
        ({"LineItemType": "SavingsPlanCoveredUsage", "UnblendedCost": "10", "savingsPlan/SavingsPlanEffectiveCost": "7"}, 10, 7, "usage", False),
        ({"LineItemType": "SavingsPlanNegation", "UnblendedCost": "-10"}, -10, 0, "usage", False),
        ({"LineItemType": "SavingsPlanRecurringFee", "UnblendedCost": "8", "savingsPlan/TotalCommitmentToDate": "8", "savingsPlan/UsedCommitment": "7"},
            8, 1, "purchase", True),
        ({"LineItemType": "SavingsPlanUpfrontFee", "UnblendedCost": "500"}, 500, 0, "purchase", False),
        ({"LineItemType": "DiscountedUsage", "UnblendedCost": "0", "reservation/EffectiveCost": "3.5"}, 0, Decimal("3.5"), "usage", False),
        ({"LineItemType": "RIFee", "UnblendedCost": "4", "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "0.25", "reservation/UnusedRecurringFee": "0.5"},
            4, Decimal("0.75"), "purchase", True),
        ({"LineItemType": "RIFee", "UnblendedCost": "4", "reservation/UnusedRecurringFee": "0.5"}, 4, Decimal("0.5"), "purchase", True),
        ({"LineItemType": "Fee", "UnblendedCost": "100", "reservation/ReservationARN": "arn:1"}, 100, 0, "purchase", False),
        ({"LineItemType": "Fee", "UnblendedCost": "100"}, 100, 100, "purchase", False),
        ({"LineItemType": "Tax", "UnblendedCost": "2"}, 2, 2, "tax", False),
        ({"LineItemType": "Credit", "UnblendedCost": "-2"}, -2, -2, "credit", False),
        ({"LineItemType": "Refund", "UnblendedCost": "-2"}, -2, -2, "adjustment", False),
        ({"LineItemType": "EdpDiscount", "UnblendedCost": "-2"}, -2, -2, "adjustment", False),
    ],
)  # fmt: skip
def test_what_each_type_of_line_costs(tmp_path, line, billed, effective, category, unused):
    found = costs(tmp_path, line, header=AMORTISED)
    assert (amounts(found, "billed"), amounts(found, "effective")) == ([billed], [effective])
    assert {row["category"] for row in found["costs"]} == {category}
    assert {row["basis"]: row["is_unused_commitment"] for row in found["costs"]} == {
        "billed": False,
        "effective": unused,
        "list": False,
    }


def test_a_commitment_costs_over_its_term_what_was_paid_for_it(tmp_path):
    """A Savings Plan of 8 an hour: 7 used for what would have cost 10 on demand, 1 unused."""
    lines = [
        {"LineItemType": "SavingsPlanCoveredUsage", "UnblendedCost": "10", "savingsPlan/SavingsPlanEffectiveCost": "7"},
        {"LineItemType": "SavingsPlanNegation", "UnblendedCost": "-10"},
        {
            "LineItemType": "SavingsPlanRecurringFee",
            "UnblendedCost": "8",
            "savingsPlan/TotalCommitmentToDate": "8",
            "savingsPlan/UsedCommitment": "7",
        },
    ]
    found = costs(tmp_path, *lines)
    assert sum(amounts(found, "billed")) == sum(amounts(found, "effective")) == 8


def test_without_the_columns_of_a_commitment_nothing_is_effective(tmp_path):
    found = costs(tmp_path, {}, {"LineItemType": "DiscountedUsage"})
    assert {row["basis"] for row in found["costs"]} == {"billed", "list"}
    assert found.warnings[0].startswith(
        "no effective costs: the report has no column reserved for 1 line(s) of type discountedusage"
    )


def test_net_costs_are_asked_for(tmp_path):
    line = {
        "LineItemType": "DiscountedUsage",
        "NetUnblendedCost": "0.09",
        "reservation/EffectiveCost": "3",
        "reservation/NetEffectiveCost": "2.5",
    }
    assert amounts(costs(tmp_path, line, header=AMORTISED), "billed") == [Decimal("0.1000000001")]
    found = costs(tmp_path, line, header=AMORTISED, net=True)
    assert (amounts(found, "billed"), amounts(found, "effective")) == ([Decimal("0.09")], [Decimal("2.5")])
    with pytest.raises(SourceError, match=r"report\.csv: net = true, and no column line_item_net_unblended_cost"):
        costs(tmp_path, {}, net=True)


def test_a_bill_without_invoices_is_not_final(tmp_path):
    found = costs(tmp_path, {"bill/InvoiceId": ""}, {})
    assert found.warnings == ["1 of 2 line(s) have no invoice yet: the bill is not final and may still change"]


def test_a_report_of_the_least_columns(tmp_path):
    least = (
        "lineItem/LineItemType",
        "lineItem/UsageStartDate",
        "lineItem/UsageEndDate",
        "lineItem/CurrencyCode",
        "lineItem/UnblendedCost",
    )
    text = ",".join(least) + "\n" + ",".join(LINE[name] for name in least) + "\n"
    found = read("aws_cur", tmp_path, {"r.csv": text})["costs"]
    assert columns(found, "basis", "amount", "account", "quantity", "environment") == [
        (basis, Decimal("0.1000000001"), None, None, None) for basis in ("billed", "effective")
    ]


def test_a_line_for_no_time_keeps_its_money(tmp_path):
    found = costs(tmp_path, {"UsageEndDate": "2026-03-01T00:00:00Z"})
    assert {row["period_end"] for row in found["costs"]} == {at(2026, 3, 1, 0, 0, 1)}


def test_a_cell_that_cannot_be_read_sets_its_row_aside_and_no_other(tmp_path):
    found = costs(tmp_path, {}, {"UnblendedCost": "much"}, {"UsageStartDate": "soon"})
    assert sorted({row["row"] for row in found.rejected}) == [2, 3]
    assert {row["cost_id"].split(":")[2] for row in found["costs"]} >= {"1"}


def test_the_account_says_whose_it_is_where_no_tag_does(tmp_path):
    accounts = [{"account": "000011112222", "team": "web", "from": date(2026, 3, 1)}]
    found = costs(tmp_path, {"resourceTags/user:Team": ""}, {}, accounts=accounts)
    assert {(row["cost_id"].split(":")[2], row["team_id"]) for row in found["costs"]} == {("1", "web"), ("2", "pay")}
    assert sources.check("aws_cur", {"accounts": [{"account": "1", "team": "a"}, {"account": "1", "team": "b"}]}) == [
        "accounts: '1' has two teams from 0001-01-01 on; spans must not overlap (to is the first day that no longer counts)"
    ]


@pytest.mark.parametrize(
    ("columns_", "team"),
    [
        ({"resourceTags/user:team": "a"}, "a"),
        ({"resourceTags/user:owner": "b"}, "b"),
        ({"resourceTags/aws:createdBy": "c"}, None),
        ({"costCategory/Team": "d"}, None),
    ],
)
def test_tag_columns_of_a_month(tmp_path, columns_, team):
    line = {name: value for name, value in LINE.items() if not name.startswith("resourceTags")}
    text = ",".join([*line, *columns_]) + "\n" + ",".join([*line.values(), *columns_.values()]) + "\n"
    found = read("aws_cur", tmp_path, {"r.csv": text})
    assert {row["team_id"] for row in found["costs"]} == {team}


def test_a_cost_category_names_the_team_where_the_settings_say_so(tmp_path):
    options = {"team_tags": ["costCategory/Team", "team"]}
    found = costs(tmp_path, {"costCategory/Team": "core"}, {"costCategory/Team": ""}, **options)
    assert [row["team_id"] for row in found["costs"] if row["basis"] == "billed"] == ["core", "pay"]
    frame = snake(report({})).with_columns(pl.lit('{"Team": "core"}').alias("cost_category"))
    frame.write_csv(tmp_path / "two.csv")
    assert {row["team_id"] for row in read("aws_cur", tmp_path, [tmp_path / "two.csv"], **options)["costs"]} == {"core"}


# --- split cost allocation --------------------------------------------------------------------------------------------

NODE = {"UnblendedCost": "10", "ResourceId": "i-1", "pricing/publicOnDemandCost": "12"}


def pod(name, split, unused="0", **more):
    return {
        "UnblendedCost": "0", "ResourceId": f"arn:pod/{name}", "UsageType": "EKS-EC2-vCPU-Hours", "resourceTags/user:Team": name, "pricing/publicOnDemandCost": "0",
        "splitLineItem/ParentResourceId": "i-1", "splitLineItem/SplitCost": split, "splitLineItem/UnusedCost": unused, **more,
    }  # fmt: skip


def shares(found, basis):
    """(resource, part of it) → amount, but for what is nothing."""
    return {
        (row["resource"], row["sku"] == UNUSED): row["amount"]
        for row in found["costs"]
        if row["basis"] == basis and row["amount"]
    }


def test_pods_take_the_place_of_their_instance(tmp_path):
    found = costs(tmp_path, NODE, pod("a", "3", "1"), pod("b", "4", "2"))
    wanted = {("arn:pod/a", False): 3, ("arn:pod/a", True): 1, ("arn:pod/b", False): 4, ("arn:pod/b", True): 2}
    assert shares(found, "billed") == shares(found, "effective") == wanted
    assert sum(amounts(found, "list")) == 12
    assert {row["team_id"] for row in found["costs"] if row["resource"] == "arn:pod/a"} == {"a"}


@pytest.mark.parametrize(
    ("node", "pods", "billed", "effective"),
    [
        (NODE, [pod("a", "3"), pod("b", "4")], {"a": "3", "b": "4", "i-1": "3"}, {"a": "3", "b": "4", "i-1": "3"}),
        (NODE, [pod("a", "10"), pod("b", "10"), pod("c", "10")], {"a": "3.3333333333333333333", "i-1": "0.0000000000000000001"}, {"c": "3.3333333333333333333"}),
        (NODE, [pod("a", "15"), pod("b", "5")], {"a": "7.5", "b": "2.5"}, {"a": "7.5", "b": "2.5"}),
        ({**NODE, "LineItemType": "DiscountedUsage", "UnblendedCost": "0", "reservation/EffectiveCost": "6"}, [pod("a", "2"), pod("b", "4")], {}, {"a": "2", "b": "4"}),
        ({**NODE, "LineItemType": "SavingsPlanCoveredUsage", "savingsPlan/SavingsPlanEffectiveCost": "8"}, [pod("a", "2"), pod("b", "6")], {"a": "2.5", "b": "7.5"}, {"a": "2", "b": "6"}),
    ],
    ids=["a part is not split", "no end of digits", "a part of the hour", "reserved", "planned"],
)  # fmt: skip
def test_what_the_pods_get_and_what_stays(tmp_path, node, pods, billed, effective):
    found = costs(tmp_path, node, *pods, header=(*SPLIT, *AMORTISED))
    for basis, wanted in (("billed", billed), ("effective", effective)):
        given = {resource.removeprefix("arn:pod/"): amount for (resource, _), amount in shares(found, basis).items()}
        assert {name: given.get(name) for name in wanted} == {name: Decimal(cost) for name, cost in wanted.items()}
    assert sum(amounts(found, "billed")) == Decimal(node["UnblendedCost"])
    on_demand = Decimal(node["UnblendedCost"])
    amortised = [node[name] for name in AMORTISED if name in node]
    assert sum(amounts(found, "effective")) == (Decimal(amortised[0]) if amortised else on_demand)


def test_other_costs_of_the_instance_stay_with_it(tmp_path):
    traffic = {**NODE, "UsageType": "DataTransfer-Out-Bytes", "UnblendedCost": "5"}
    found = costs(tmp_path, NODE, traffic, pod("a", "10"))
    assert shares(found, "billed") == {("arn:pod/a", False): 10, ("i-1", False): 5}


def test_the_record_of_unused_capacity_is_not_counted_beside_the_shares(tmp_path):
    found = costs(tmp_path, NODE, pod("a", "7", "3"), pod("Unused", "3"))
    assert shares(found, "billed") == {("arn:pod/a", False): 7, ("arn:pod/a", True): 3}
    assert found.dropped == {UNUSED_RECORD: 1}


def test_an_instance_in_another_file_is_found(tmp_path):
    files = {"1.csv": report(NODE, header=SPLIT), "2.csv": report(pod("a", "6"), pod("b", "4"))}
    found = read("aws_cur", tmp_path, files)
    assert shares(found, "billed") == {("arn:pod/a", False): 6, ("arn:pod/b", False): 4}
    assert {row["cost_id"] for row in found["costs"] if row["resource"] == "arn:pod/a"} == {
        f"aws_cur:2.csv:1:used:{b}" for b in ("billed", "effective", "list")
    }


def test_pods_without_their_instance_are_left_out_and_counted(tmp_path):
    found = costs(tmp_path, {}, pod("a", "6", "1", **{"splitLineItem/ParentResourceId": "i-9"}))
    assert found.dropped == {NO_PARENT: 1}
    assert amounts(found, "billed") == [Decimal("0.1000000001")]


def test_a_cost_that_cannot_be_read_is_set_aside_beside_pods_too(tmp_path):
    found = costs(tmp_path, NODE, pod("a", "10"), {"UnblendedCost": "much", "ResourceId": "i-2"})
    assert {(row["row"], row["found"]) for row in found.rejected} == {(3, "much")}
    assert shares(found, "billed") == {("arn:pod/a", False): 10}


MONEY = st.decimals(0, 1000, places=9).map(lambda cost: f"{cost:f}")


@given(
    st.lists(MONEY, min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(["i-0", "i-1", "i-2"]), MONEY, MONEY), max_size=6),
)
def test_splitting_neither_makes_nor_loses_money(tmp_path_factory, nodes, pods):
    lines = [{**NODE, "ResourceId": f"i-{number}", "UnblendedCost": cost} for number, cost in enumerate(nodes)]
    lines += [
        pod(str(n), split, unused, **{"splitLineItem/ParentResourceId": parent})
        for n, (parent, split, unused) in enumerate(pods)
    ]
    found = costs(tmp_path_factory.mktemp("law"), *lines, header=SPLIT)
    total = sum(map(Decimal, nodes))
    assert sum(amounts(found, "billed")) == sum(amounts(found, "effective")) == total
    assert sum(amounts(found, "list")) == 12 * len(nodes)
    assert all(amount >= 0 for amount in amounts(found, "billed"))


def test_a_folder_as_it_lies_in_the_bucket(tmp_path):
    run = "2026-03-31T06:00:00.000Z-aaaaaaaa-0000-4000-8000-000000000002"
    place = f"exp/data/BILLING_PERIOD=2026-03/{run}"
    files = {
        f"{place}/exp-00001.csv": report({}), "exp/data/BILLING_PERIOD=2026-03/2026-03-30T06:00:00.000Z-bb/exp-00001.csv": report({}, {}),
        "exp/metadata/BILLING_PERIOD=2026-03/exp-Manifest.json": {"executionId": run, "dataFiles": [f"s3://b/p/{place}/exp-00001.csv"]},
    }  # fmt: skip
    read("aws_cur", tmp_path, files)
    given = sources.read("aws_cur", [tmp_path], {}, tmp_path)
    assert [(extract.path, extract.frame.height) for extract in given if extract.frame.height] == [
        (f"{place}/exp-00001.csv", 3)
    ]
    assert all(conform(extract, "aws_cur").rejected.is_empty() for extract in given)


def test_the_reference_report(cases, tmp_path):
    path = cases / "cost" / "focus_converters" / "sample-anonymous-aws-export-dataset.csv"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    found = read("aws_cur", tmp_path, [path])
    assert columns(found["costs"][:1], "account", "component") == [("123412340534", "AWSCloudTrail")]
    assert sum(amounts(found, "billed")) == sum(amounts(found, "effective")) == Decimal("1.6823086974")
