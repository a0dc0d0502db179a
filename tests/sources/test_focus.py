"""Bills become costs: one row per charge and basis, exact, in UTC; nothing added, spread, mended or dropped unsaid."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from focus_building import CHARGE, bill
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources import check, focus, read
from idp_analytics.sources.cost_rows import NO_COST
from idp_analytics.sources.focus import problems
from idp_analytics.sources.tabular import EMPTY, FEWER, NO_ROWS
from idp_analytics.tables import Extract
from idp_analytics.tables.conform import conform

START = pl.col("ChargePeriodStart").str.to_datetime(time_unit="ns", time_zone="UTC")
BASES = ["billed", "effective", "list", "contracted"]


def extract(folder: Path, content: str | bytes, name: str = "bill.csv", **options: Any) -> Extract:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (only,) = read("focus", [path], options, folder)
    return only


def parquet(text: str, *columns: pl.Expr) -> bytes:
    frame = pl.read_csv(io.StringIO(text), infer_schema=False)
    file = io.BytesIO()
    frame.with_columns(columns).write_parquet(file)
    return file.getvalue()


# --- options ----------------------------------------------------------------------------------------------------------

DAY, LATER = date(2026, 1, 1), date(2026, 7, 1)


def account(**changes: Any) -> dict[str, Any]:
    return {name: v for name, v in {"account": "1", "team": "pay", **changes}.items() if v is not ...}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"team_tag": ["x"]}, ["team_tag: a focus source has no such option. Did you mean 'team_tags'?"]),
        ({"team_tags": "team"}, ["team_tags = 'team': must be a list of texts that are not blank"]),
        ({"service_tags": []}, ["service_tags = []: must be a list of texts that are not blank"]),
        ({"bases": ["billed", " "]}, ["bases = ['billed', ' ']: must be a list of texts that are not blank"]),
        ({"bases": ["bild"]}, ["bases: 'bild' is no basis. Did you mean 'billed'?"]),
        ({"strict": "yes"}, ["strict = 'yes': must be true or false"]),
        ({"constants": ["x"]}, ["constants = ['x']: must be a table, { BillingCurrency = \"USD\" }"]),
        ({"constants": {"BillingCurrency": 1}}, ["constants = {'BillingCurrency': 1}: must be a table, { BillingCurrency = \"USD\" }"]),
        ({"constants": {"BilingCurrency": "USD"}}, ["constants: FOCUS has no column 'BilingCurrency'. Did you mean 'BillingCurrency'?"]),
        ({"accounts": {"1": "pay"}}, ["accounts = {'1': 'pay'}: must be a list of { account = \"…\", team = \"…\", from = 2026-01-01 }"]),
        ({"accounts": [account(tem="x")]}, ["accounts, entry 1: tem: no such word. Did you mean 'team'?"]),
        ({"accounts": [account(), account(account=12, team=...)]},
            ["accounts, entry 2: account = 12: must be text in quotes (leading zeros count)", "accounts, entry 2: team = None: must be text in quotes (leading zeros count)"]),
        ({"accounts": [account(**{"from": "2026-01-01"})]}, ["accounts, entry 1: from = '2026-01-01': must be a day such as 2026-01-01, without quotes"]),
        ({"accounts": [account(to=datetime(2026, 1, 1))]}, ["accounts, entry 1: to = datetime.datetime(2026, 1, 1, 0, 0): must be a day such as 2026-01-01, without quotes"]),
        ({"accounts": [account(**{"from": LATER, "to": DAY})]}, ["accounts: '1': from 2026-07-01 is not before to 2026-01-01"]),
        ({"accounts": [account(), account(**{"from": DAY}, team="web")]},
            ["accounts: '1' has two teams from 2026-01-01 on; spans must not overlap (to is the first day that no longer counts)"]),
        ({"accounts": [account(account="A"), account(account=" a ", **{"from": DAY})]},
            ["accounts: 'A' has two teams from 2026-01-01 on; spans must not overlap (to is the first day that no longer counts)"]),
        ({"strict": 1, "bases": 3}, ["bases = 3: must be a list of texts that are not blank", "strict = 1: must be true or false"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_options_is_said_all_at_once(options: dict[str, Any], says: list[str]) -> None:
    assert check("focus", options) == says


def test_good_options_have_no_problems() -> None:
    assert problems({}) == []
    assert problems(
        {
            "team_tags": ["squad"], "service_tags": ["app"], "bases": BASES, "strict": True, "constants": {"BillingCurrency": "EUR"},
            "accounts": [account(to=DAY), account(**{"from": DAY, "to": LATER}, team="web"), account(account="2")],
        }
    ) == []  # fmt: skip


def test_a_source_without_files_says_what_to_add() -> None:
    with pytest.raises(SourceError, match=r'A focus source has no files: add paths = \["…"\] to it in settings\.toml'):
        focus.read([], {}, Path())


# --- charges ----------------------------------------------------------------------------------------------------------


def test_one_charge_is_one_row_per_basis(tmp_path: Path) -> None:
    given = extract(tmp_path, bill({}))
    assert given.frame.drop("_row").rows(named=True) == [
        {
            "cost_id": f"focus:bill.csv:1:{basis}",
            "period_start": datetime(2026, 3, 1, tzinfo=UTC),
            "period_end": datetime(2026, 3, 2, tzinfo=UTC),
            "billing_period_on": datetime(2026, 3, 1, tzinfo=UTC),
            "service_id": "shop",
            "team_id": "pay",
            "owner_raw": "pay",
            "environment": None,
            "environment_raw": None,
            "provider": "Cumulus",
            "account": "000000000001",
            "component": "Machines",
            "sku": None,
            "resource": None,
            "category": "usage",
            "is_correction": False,
            "is_unused_commitment": None,
            "quantity": Decimal(1),
            "quantity_unit": "Hour",
            "currency": "USD",
            "basis": basis,
            "amount": Decimal(amount),
        }
        for basis, amount in zip(BASES, ("1.5", "1.25", "2.5", "1.25"), strict=True)
    ]
    assert (given.table, given.path, given.rows_in, given.dropped, given.warnings) == ("costs", "bill.csv", 1, {}, ())
    done = conform(given, "focus", None)
    assert (done.rows.height, done.rejected.height) == (4, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bill.csv", bill({}).encode()),
        ("bill.csv", bill({}).encode("utf-8-sig").replace(b"\r\n", b"\n")),
        ("bill.csv.gz", gzip.compress(bill({}).encode(), mtime=0)),
        ("bill.parquet", parquet(bill({}))),
        ("bill.parquet", parquet(bill({}), pl.col("BilledCost").cast(pl.Decimal(38, 10)), START)),
        ("bill.csv", bill({}).replace("BilledCost", "billedcost").replace("EffectiveCost", "AmortizedCost").encode()),
    ],
    ids=["csv", "byte order mark", "gzip", "parquet", "typed parquet", "other names"],
)
def test_every_form_of_a_file_gives_the_same_costs(tmp_path: Path, name: str, content: bytes) -> None:
    given, wanted = extract(tmp_path, content, name), extract(tmp_path, bill({}), "wanted.csv")
    assert given.frame.drop("cost_id").equals(wanted.frame.drop("cost_id"))


@pytest.mark.parametrize(
    ("charge", "column", "found"),
    [
        ({"ChargeClass": "Correction"}, "is_correction", True),
        ({"ChargeClass": "correction "}, "is_correction", True),
        ({"CommitmentDiscountStatus": "Unused"}, "is_unused_commitment", True),
        ({"CommitmentDiscountStatus": "Used"}, "is_unused_commitment", False),
        ({"CommitmentDiscountStatus": ""}, "is_unused_commitment", False),
        ({"ChargeSubcategory": "Unused Commitment"}, "is_unused_commitment", True),
        ({"ChargeCategory": "Tax"}, "category", "tax"),
        ({"ServiceProviderName": "Nimbus"}, "provider", "Nimbus"),
        ({"ServiceProviderName": " "}, "provider", "Cumulus"),
        ({"SubAccountId": " "}, "account", None),
        ({"Tags": '{"owner": "web"}'}, "team_id", "web"),
        ({"Tags": '{"team": ""}'}, "owner_raw", ""),
        ({"Tags": '{"team": ""}'}, "team_id", None),
        ({"Tags": ""}, "owner_raw", None),
        ({"Tags": '{"application": "pos"}'}, "service_id", "pos"),
        ({"AllocatedTags": '{"team": "ops"}'}, "team_id", "ops"),
        ({"BillingPeriodStart": ""}, "billing_period_on", None),
        ({"BillingCurrency": "(null)"}, "currency", None),
    ],
)
def test_what_a_charge_says(tmp_path: Path, charge: dict[str, str], column: str, found: object) -> None:
    assert extract(tmp_path, bill(charge), bases=["billed"]).frame[column].to_list() == [found]


@pytest.mark.parametrize(
    ("charge", "found"),
    [
        ({"ConsumedQuantity": "7.25", "ConsumedUnit": "GB"}, (Decimal("7.25"), "GB", None)),
        ({"ConsumedQuantity": "NULL", "ConsumedUnit": "GB"}, (Decimal(1), "Hour", None)),
        ({"ConsumedQuantity": "0", "ConsumedUnit": "GB"}, (Decimal(0), "GB", None)),
        ({"PricingQuantity": ""}, (None, None, None)),
        ({"ConsumedQuantity": "1E+20", "ConsumedUnit": "Bytes"}, (Decimal(1), "Hour", "ConsumedQuantity: 1 cell(s) are no quantity")),
        ({"PricingQuantity": "0.123456789012345678901234"}, (Decimal("0.123456789012345678901234"), "Hour", None)),
    ],
)  # fmt: skip
def test_how_much_was_used(tmp_path: Path, charge: dict[str, str], found: tuple[Any, Any, str | None]) -> None:
    given = extract(tmp_path, bill(charge), bases=["billed"])
    assert given.frame.select("quantity", "quantity_unit", "amount").row(0) == (*found[:2], Decimal("1.5"))
    assert [w for w in given.warnings if "quantity" in w] == ([] if found[2] is None else [given.warnings[-1]])
    assert found[2] is None or found[2] in given.warnings[-1]


@pytest.mark.parametrize(
    ("charge", "sku"),
    [({"SkuId": "S", "SkuPriceId": "P"}, "P"), ({"SkuId": "S", "SkuPriceId": " "}, "S"), ({"SkuPriceId": ""}, None)],
)
def test_the_price_list_position(tmp_path: Path, charge: dict[str, str], sku: str | None) -> None:
    row = extract(tmp_path, bill({**charge, "ResourceId": "vm-1"}), bases=["billed"]).frame.row(0, named=True)
    assert (row["sku"], row["resource"]) == (sku, "vm-1")


ENVIRONMENTS = [
    ('{"environment": "prod"}', "production", "prod"),
    ('{"Env": " Staging "}', "staging", " Staging "),
    ('{"environment": "", "env": "dev"}', "development", "dev"),
    ('{"env": "eu-live"}', None, "eu-live"),
    ('{"env": ""}', None, ""),
    ('{"env": "a", "Env": "b"}', None, None),
    ("", None, None),
]


@pytest.mark.parametrize(("tags", "word", "raw"), ENVIRONMENTS)
def test_the_environment_a_tag_names(tmp_path: Path, tags: str, word: str | None, raw: str | None) -> None:
    given = extract(tmp_path, bill({"Tags": tags}), bases=["billed"])
    assert given.frame.select("environment", "environment_raw").row(0) == (word, raw)
    assert any("environment" in sentence for sentence in given.warnings) is (raw == "eu-live")


def test_environments_nobody_knows_are_counted_and_may_be_said(tmp_path: Path) -> None:
    text = bill(*({"Tags": json.dumps({"zone": word})} for word in ("eu-live", "eu-live", "lab", "prod")))
    told = extract(tmp_path, text, environment_tags=["zone"])
    assert told.warnings[-1] == (
        "3 charge(s) are tagged with an environment that is none of production, staging, test, development and count as "
        "not known: 'eu-live' (2), 'lab' (1); say what they are in environments, or in aliases.csv"
    )
    said = extract(tmp_path, text, environment_tags=["zone"], environments={"..-live": "production", "lab": "test"})
    assert said.frame["environment"].unique().sort().to_list() == ["production", "test"]
    assert said.warnings == ()


def test_a_file_without_a_column_does_not_say_no(tmp_path: Path) -> None:
    given = extract(tmp_path, bill({}, without=["ChargeClass", "BillingPeriodStart", "ServiceName", "Tags"]))
    row = given.frame.row(0, named=True)
    unknown = ("is_correction", "billing_period_on", "component", "team_id", "owner_raw", "service_id")
    assert [row[name] for name in unknown] == [None] * 6


def test_tags_to_look_at_are_chosen_in_the_settings(tmp_path: Path) -> None:
    text = bill({"Tags": '{"team": "pay", "Squad": "red", "cost-unit": "7"}'})
    row = extract(tmp_path, text, team_tags=["squad"], service_tags=["Cost-Unit"]).frame.row(0, named=True)
    assert (row["team_id"], row["service_id"]) == ("red", "7")


@pytest.mark.parametrize(
    ("options", "without", "bases"),
    [
        ({}, [], BASES),
        ({"bases": ["effective", "billed"]}, [], ["effective", "billed"]),
        ({}, ["ListCost", "ContractedCost"], ["billed", "effective"]),
        ({"bases": ["list", "billed"]}, ["ListCost"], ["billed"]),
        ({"constants": {"ListCost": "3"}}, ["ListCost"], BASES),
    ],
)
def test_only_the_bases_asked_for_and_there(
    tmp_path: Path, options: dict[str, Any], without: list[str], bases: list[str]
) -> None:
    given = extract(tmp_path, bill({}, without=without), **options)
    assert given.frame["basis"].to_list() == bases


def test_constants_stand_in_for_columns_the_file_does_not_have(tmp_path: Path) -> None:
    constants = {"BillingCurrency": "EUR", "ServiceName": "not used, the file has it"}
    given = extract(tmp_path, bill({}, without=["BillingCurrency"]), constants=constants)
    assert set(given.frame["currency"]) == {"EUR"}
    assert set(given.frame["component"]) == {"Machines"}


def test_a_sub_account_belongs_to_a_team_by_day_where_no_tag_says(tmp_path: Path) -> None:
    accounts = [
        account(account="AB", team=" pay ", to=DAY),
        account(account=" ab ", team="web", **{"from": DAY, "to": LATER}),
        account(account="9", team="ops"),
    ]
    charges = [
        ("Ab ", "2025-12-31T23:59:59Z", "", "pay"),
        ("AB", "2026-01-01T00:00:00Z", "", "web"),
        ("AB", "2026-07-01T00:00:00Z", "", None),
        ("AB", "2026-01-01T00:00:00Z", '{"team": "own"}', "own"),
        ("AB", "2026-01-01T00:00:00Z", '{"team": ""}', "web"),
        ("9", "2026-01-01T00:00:00Z", "", "ops"),
        ("8", "2026-01-01T00:00:00Z", "", None),
        ("", "2026-01-01T00:00:00Z", "", None),
    ]
    text = bill(*({"SubAccountId": a, "ChargePeriodStart": at, "Tags": tags} for a, at, tags, _ in charges))
    given = extract(tmp_path, text, accounts=accounts, bases=["billed"])
    assert given.frame["team_id"].to_list() == [team for *_, team in charges]
    without = extract(tmp_path, bill({"Tags": ""}, without=["SubAccountId"]), accounts=accounts, bases=["billed"])
    assert without.frame["team_id"].to_list() == [None]


def test_a_file_outside_the_folder_has_ids_that_tell_it_apart(tmp_path: Path) -> None:
    (tmp_path / "bill.csv").write_text(bill({}), encoding="utf-8", newline="")
    (given,) = focus.read([tmp_path / "bill.csv"], {"bases": ["billed"]}, tmp_path / "acme")
    assert given.frame["cost_id"].to_list() == [f"focus:bill.csv@{given.sha256[:8]}:1:billed"]


TAG_TYPES = {
    "map": (pa.map_(pa.string(), pa.string()), [[("team", "pay"), ("env", None)], [], None]),
    "struct": (pa.struct({"team": pa.string(), "env": pa.string()}), [{"team": "pay"}, {}, None]),
    "pairs": (pa.list_(pa.struct({"key": pa.string(), "value": pa.string()})), [[{"key": "team", "value": "pay"}], [], None]),
    "text": (pa.string(), ['{"team": "pay"}', "{}", None]),
}  # fmt: skip


@pytest.mark.parametrize(("type_", "tags"), TAG_TYPES.values(), ids=TAG_TYPES)
def test_tags_of_a_parquet_file_of_any_type(tmp_path: Path, type_: pa.DataType, tags: list[Any]) -> None:
    table = pl.read_csv(io.StringIO(bill({}, {}, {})), infer_schema=False).drop("Tags").to_arrow()
    pq.write_table(table.append_column("Tags", pa.array(tags, type_)), tmp_path / "bill.parquet")
    (given,) = focus.read([tmp_path / "bill.parquet"], {"bases": ["billed"]}, tmp_path)
    assert given.frame["team_id"].to_list() == ["pay", None, None]
    assert given.warnings == ()


@pytest.mark.parametrize(
    "column", ["Tags", "ChargeClass", "ChargeCategory", "SubAccountId", "BilledCost", "BillingPeriodStart"]
)
def test_a_parquet_column_that_knows_nothing_is_not_known(tmp_path: Path, column: str) -> None:
    frame = pl.read_csv(io.StringIO(bill({}, {})), infer_schema=False).with_columns(pl.lit(None).alias(column))
    frame.write_parquet(tmp_path / "bill.parquet")
    (given,) = focus.read([tmp_path / "bill.parquet"], {"accounts": [account()]}, tmp_path)
    assert given.frame.height == (6 if column == "BilledCost" else 8)
    done = conform(given, "focus", None)
    assert done.rejected.is_empty()
    ours = {
        "Tags": "owner_raw",
        "SubAccountId": "account",
        "BillingPeriodStart": "billing_period_on",
        "ChargeCategory": "category",
    }
    if column in ours:
        assert done.rows[ours[column]].null_count() == 8


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (["BillingCurrency"], r"bill\.csv: no column BillingCurrency, without which no charge can be read \(the file seems to be FOCUS 1\.0\)\. Found: BilledCost,"),
        (["ChargePeriodStart", "ChargePeriodEnd"], r"no column ChargePeriodStart, ChargePeriodEnd, without"),
        (["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"], r"no column BilledCost or EffectiveCost or ListCost or ContractedCost"),
        ([*CHARGE][1:], r"the file does not look like FOCUS"),
    ],
)  # fmt: skip
def test_a_file_that_lacks_what_no_charge_can_do_without(tmp_path: Path, without: list[str], says: str) -> None:
    with pytest.raises(SourceError, match=says + r"[\s\S]*constants = \{ BillingCurrency"):
        extract(tmp_path, bill({}, without=without))


@pytest.mark.parametrize(("text", "warning"), [("", EMPTY), (bill().encode(), NO_ROWS)])
def test_a_file_without_charges_is_no_rows_and_a_warning(tmp_path: Path, text: str | bytes, warning: str) -> None:
    given = extract(tmp_path, text)
    assert (given.frame.height, given.rows_in, given.warnings) == (0, 0, (warning,))
    assert conform(given, "focus", None).rows.is_empty()


def test_gzip_cut_short_is_refused_whole(tmp_path: Path) -> None:
    data = gzip.compress(bill(*[{}] * 50).encode(), mtime=0)
    with pytest.raises(SourceError, match=r"^bill\.csv\.gz: is a broken gzip file .*Copy or export it again"):
        extract(tmp_path, data[:-20], "bill.csv.gz")


@pytest.mark.parametrize(
    ("column", "cell"), [("BilledCost", "much"), ("BilledCost", "1,234"), ("ChargePeriodStart", "soon"), ("ChargePeriodEnd", "13/13/26")]
)  # fmt: skip
def test_a_cell_that_cannot_be_read_sets_its_row_aside_and_no_other(tmp_path: Path, column: str, cell: str) -> None:
    given = extract(tmp_path, bill({}, {column: cell}, {}), bases=["billed"])
    done = conform(given, "focus", None)
    assert done.rows["source_row"].to_list() == [1, 3]
    (aside,) = done.rejected.rows(named=True)
    assert (aside["row"], aside["found"], aside["file"]) == (2, cell, "bill.csv")


def test_a_charge_without_any_cost_is_counted(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), "NULL")
    given = extract(tmp_path, bill({}, nothing, {"BilledCost": ""}) + "one field\r\n")
    assert given.dropped == {FEWER: 1, NO_COST: 1}
    assert given.rows_in == 4
    assert given.frame["_row"].unique().sort().to_list() == [1, 3]
    assert given.frame.filter(pl.col("_row") == 3)["basis"].to_list() == BASES[1:]


def test_spreadsheet_amounts_and_dates_are_taken_as_meant_unless_strict(tmp_path: Path) -> None:
    text = bill({"BilledCost": "$10,000.00 ", "ChargePeriodStart": "3/1/26"})
    lenient, strict = (extract(tmp_path, text, bases=["billed"], strict=s) for s in (False, True))
    assert lenient.frame.select("amount", "period_start").row(0) == (Decimal(10000), datetime(2026, 3, 1, tzinfo=UTC))
    assert lenient.warnings[:3] == (
        "ChargePeriodStart: 1 cell(s) not written as FOCUS asks, taken as meant (row 1: '3/1/26' as 2026-03-01T00:00Z); "
        "strict = true refuses them",
        "BilledCost: 1 cell(s) not written as FOCUS asks, taken as meant (row 1: '$10,000.00 ' as 10000.00); "
        "strict = true refuses them",
        "dates such as 5/1/25 are read with the month first",
    )
    assert conform(strict, "focus", None).rejected["found"].to_list() == ["3/1/26; $10,000.00"]


def test_a_day_above_twelve_tells_that_days_come_first(tmp_path: Path) -> None:
    given = extract(tmp_path, bill({"ChargePeriodStart": "1/3/26", "ChargePeriodEnd": "31/3/26"}), bases=["billed"])
    assert given.frame.select("period_start", "period_end").row(0) == (
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
    )  # fmt: skip
    assert "dates such as 5/1/25 are read with the day first" in given.warnings


AMOUNTS = st.decimals(-1000, 1000, places=12).map(lambda d: f"{d:f}") | st.sampled_from(
    ["", "NULL", "much", "$1,000.00"]
)


@given(st.lists(st.tuples(AMOUNTS, st.sampled_from(["USD", "EUR"])), min_size=1, max_size=10))
def test_money_is_conserved_per_currency_and_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, charges: list[tuple[str, str]]
) -> None:
    text = bill(*({"BilledCost": cost, "BillingCurrency": currency} for cost, currency in charges))
    given = extract(tmp_path_factory.mktemp("law"), text, bases=["billed"])
    done = conform(given, "focus", None)
    expected: dict[str, Decimal] = {}
    for cost, currency in charges:
        if cost not in ("", "NULL", "much"):
            amount = Decimal(cost.replace("$1,000.00", "1000"))
            expected[currency] = expected.get(currency, Decimal(0)) + amount
    found = dict(done.rows.group_by("currency").agg(pl.col("amount").sum()).rows())
    assert found == expected
    assert done.rejected.height == sum(cost == "much" for cost, _ in charges)
    assert given.dropped.get(NO_COST, 0) == sum(cost in ("", "NULL") for cost, _ in charges)
    assert done.rows.height + done.rejected.height + given.dropped.get(NO_COST, 0) == len(charges) == given.rows_in
