"""OpenCost: amounts to the last digit, at list price, and what belongs to nobody stays."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import at, columns, read

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.batch import Batch
from idp_analytics.sources.export import Document
from idp_analytics.sources.systems import opencost

WINDOW = '"window": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}, "end": "2026-03-01T23:00:00Z"'


def allocation(name, amount, properties="{}"):
    return f'"{name}": {{"name": "{name}", "properties": {properties}, {WINDOW}, "cpuCost": {amount}, "totalCost": {amount}}}'


def api(*allocations):
    return '{"code": 200, "data": [{' + ", ".join(allocations) + "}]}"


def test_an_allocation(tmp_path):
    properties = '{"cluster": "one", "namespace": "shop", "controller": "cart", "labels": {"team": "a", "app_kubernetes_io_name": "cart-service"}}'
    (row,) = read(
        "opencost",
        tmp_path,
        {"a.json": api(allocation("shop/cart", "0.10000000000000000000001", properties))},
        currency="USD",
    )["costs"]
    wanted = {
        "cost_id": "opencost:2026-03-01T00:00:00Z/one/shop/cart/cpu", "period_start": at(2026, 3, 1), "period_end": at(2026, 3, 2), "service_id": "cart-service", "team_id": "a",
        "owner_raw": "a", "provider": "Kubernetes", "account": "one", "component": "shop", "sku": "cpu", "resource": "shop/cart", "category": "usage", "amount": Decimal("0.10000000000000000000001"),
        "currency": "USD", "basis": "list",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


_PLAIN = st.one_of(
    st.none(), st.decimals("-99999", "99999", places=5).map(str), st.sampled_from(["0", "0.000001", "-0.5", "7."])
)
_OTHER = st.one_of(_PLAIN, st.sampled_from(["1e-6", "12345678901234567890123.5", "0.1234567890123456"]))
_NUMBERS = ("cpuCost", "ramCost", "ramCostAdjustment", "gpuCost", "networkCost", "cpuCoreHours", "ramByteHours")


def _bodies(amounts):
    """Allocations whose total is that of their parts, but for what they were rounded by, and others."""
    parts = st.fixed_dictionaries(dict.fromkeys(_NUMBERS, amounts))
    off = st.sampled_from(["0", "0.00001", "-0.000045", "0.000046", "0.5", "-3"])
    return st.lists(st.builds(_body, parts, off), min_size=1, max_size=6)


def _body(parts, off):
    costs = [Decimal(text) for name, text in parts.items() if "Cost" in name and text]
    return {**parts, "totalCost": f"{sum(costs, Decimal(off)):f}"}


@settings(deadline=None, max_examples=60)
@given(st.one_of(_bodies(_PLAIN), _bodies(_OTHER)))
def test_an_allocation_is_split_the_same_by_columns_and_number_by_number(bodies):
    batch = Batch(None, [Document(body, None, place) for place, body in enumerate(bodies, 1)])  # type: ignore[arg-type]
    one_by_one = opencost._split(batch, [Decimal(body["totalCost"]) for body in bodies])
    totals = opencost._exact(batch.texts("totalCost"))
    together = None if totals is None else opencost._split_exactly(batch, totals)
    texts = [text or "" for body in bodies for text in body.values()]
    is_plain = not any("e" in text or len(text) > 15 for text in texts)
    assert together is not None or not is_plain
    if together is not None:
        assert _told(together) == _told(one_by_one)


def _told(parts):
    numbers = [pl.col("amount", "quantity").cast(pl.Decimal(38, 24))]
    return parts.select("place", "sku", "quantity_unit", *numbers).rows()


def test_idle_and_unallocated_cost_belongs_to_nobody_and_stays(tmp_path):
    labelled = '{"labels": {"team": "a"}, "controller": "x"}'
    found = read(
        "opencost",
        tmp_path,
        {
            "a.json": api(
                allocation("one/__idle__", "3", labelled),
                allocation("__unallocated__", "2"),
                allocation("__filtered__", "9"),
                allocation("broken", "null"),
            )
        },
        currency="USD",
    )
    assert columns(found["costs"], "service_id", "team_id", "owner_raw", "account", "component", "amount") == [
        (None, None, "a", "one", "__idle__", 3),
        (None, None, "__unallocated__", None, "__unallocated__", 2),
    ]
    assert found.dropped == {
        "is what a filter left out of the export": 1,
        "has no amount: it is no number to OpenCost either": 1,
    }


def test_labels_of_the_namespace_and_the_controller_stand_in(tmp_path):
    properties = '{"controller": "cart", "namespaceLabels": {"owner_team": "b"}}'
    (row,) = read(
        "opencost", tmp_path, {"a.json": api(allocation("x", "1", properties))}, currency="USD", team_label="owner-team"
    )["costs"]
    assert (row["service_id"], row["team_id"]) == ("cart", "b")


def test_the_csv_export(tmp_path):
    text = "Date,Namespace,ControllerName,Pod,Container,TotalCost,Label_team\n2026-03-01,shop,cart,p1,c1,0.25,a\n2026-03-02,shop,cart,p1,c1,0.5,\n"
    found = read("opencost", tmp_path, {"e.csv": text}, currency="EUR")
    assert columns(found["costs"], "cost_id", "period_start", "period_end", "service_id", "team_id", "amount") == [
        ("opencost:2026-03-01T00:00:00Z//shop/cart/p1/c1", at(2026, 3, 1), at(2026, 3, 2), "cart", "a", Decimal("0.25")),
        ("opencost:2026-03-02T00:00:00Z//shop/cart/p1/c1", at(2026, 3, 2), at(2026, 3, 3), "cart", None, Decimal("0.5")),
    ]  # fmt: skip


def test_a_currency_must_be_said():
    assert sources.check("opencost", {}) == [
        "no currency: The currency of its prices (OpenCost does not say it), e.g. USD."
    ]


def test_a_whole_window_wins_over_a_part_of_it_and_overlaps_are_said(tmp_path):
    part = allocation("x", "1").replace("T23:00:00Z", "T11:00:00Z")
    found = read("opencost", tmp_path, {"a.json": api(allocation("x", "2")), "b.json": api(part)}, currency="USD")
    assert columns(found["costs"], "amount") == [(2,)]
    assert not any("overlap" in sentence for sentence in found.warnings)
    wide = allocation("x", "4").replace('"2026-03-02T00:00:00Z"', '"2026-03-04T00:00:00Z"')
    later = (
        allocation("x", "3")
        .replace('"start": "2026-03-01', '"start": "2026-03-02')
        .replace('"2026-03-02T00:00:00Z"}', '"2026-03-05T00:00:00Z"}')
    )
    twice = read("opencost", tmp_path, {"a.json": api(wide), "b.json": api(later)}, currency="USD")
    assert any("windows overlap" in sentence for sentence in twice.warnings)


def test_steps_empty_and_wrong_files(tmp_path):
    two = (
        '{"code": 200, "data": [{'
        + allocation("x", "1")
        + "}, {"
        + allocation("x", "2").replace("03-01T00", "03-02T00")
        + "}]}"
    )
    assert columns(read("opencost", tmp_path, {"a.json": two}, currency="USD")["costs"], "amount") == [(1,), (2,)]
    for nothing in ("[]", "[{}]"):
        assert (
            "the file holds no documents"
            in read("opencost", tmp_path, {"e.json": f'{{"code": 200, "data": {nothing}}}'}, currency="USD").warnings
        )
    with pytest.raises(SourceError, match="holds nothing that OpenCost exports"):
        read("opencost", tmp_path, {"x.json": [{"colour": "green"}]}, currency="USD")


def split(**members):
    """An allocation with its members, as text that keeps every digit."""
    inside = ", ".join(f'"{name}": {value}' for name, value in members.items())
    return f'"x": {{"name": "x", {WINDOW}, "properties": {{"cluster": "one"}}, {inside}}}'


@pytest.mark.parametrize(
    ("members", "parts", "warned"),
    [
        ({"cpuCost": "1", "ramCost": "2", "totalCost": "3"}, {"cpu": "1", "ram": "2"}, False),
        ({"cpuCost": "1", "cpuCostAdjustment": "-0.25", "totalCost": "0.75"}, {"cpu": "0.75"}, False),
        ({"cpuCost": "0", "ramCost": "0", "totalCost": "3"}, {None: "3"}, False),
        ({"cpuCost": "0", "totalCost": "0"}, {None: "0"}, False),
        ({"cpuCost": "0.06359", "ramCost": "0.04577", "totalCost": "0.10937"}, {"cpu": "0.06359", "ram": "0.04577", "rounding": "0.00001"}, False),
        ({"cpuCost": "1", "ramCost": "null", "totalCost": "1.5"}, {"cpu": "1", "not split": "0.5"}, True),
        ({"cpuCost": "1e-05", "totalCost": "0.00001"}, {"cpu": "0.00001"}, False),
        ({"cpuCost": "1", "pvCost": "1", "networkCost": "1", "loadBalancerCost": "1", "gpuCost": "1", "sharedCost": "1", "externalCost": "1", "totalCost": "7"},
            dict.fromkeys(("cpu", "gpu", "pv", "network", "load balancer", "shared", "external"), "1"), False),
    ],
)  # fmt: skip
def test_the_resources_of_an_allocation_are_its_total(tmp_path, members, parts, warned):
    found = read("opencost", tmp_path, {"a.json": api(split(**members))}, currency="USD")
    assert {row["sku"]: row["amount"] for row in found["costs"]} == {
        name: Decimal(cost) for name, cost in parts.items()
    }
    assert sum(row["amount"] for row in found["costs"]) == Decimal(members["totalCost"])
    assert any("are not its total" in sentence for sentence in found.warnings) is warned


def test_how_much_of_a_resource_was_used(tmp_path):
    members = {
        "cpuCost": 1,
        "ramCost": 1,
        "gpuCost": 1,
        "cpuCoreHours": "75.55915",
        "ramByteHours": "40855853856.91022",
        "gpuHours": "1e20",
        "totalCost": 3,
    }
    found = read("opencost", tmp_path, {"a.json": api(split(**members))}, currency="USD")["costs"]
    assert columns(found, "sku", "quantity", "quantity_unit") == [
        ("cpu", Decimal("75.55915"), "core hours"), ("gpu", None, None), ("ram", Decimal("40.85585385691022"), "GB hours")
    ]  # fmt: skip


def test_of_an_allocation_read_twice_no_resource_of_the_older_one_stays(tmp_path):
    old = split(cpuCost="1", ramCost="1", totalCost="2.00001").replace("T23:00:00Z", "T11:00:00Z")
    found = read(
        "opencost", tmp_path, {"a.json": api(old), "b.json": api(split(cpuCost="3", totalCost="3"))}, currency="USD"
    )
    assert columns(found["costs"], "sku", "amount") == [("cpu", 3)]
    assert sum(found.dropped.values()) == 3


def test_the_environment_is_a_label(tmp_path):
    properties = '{"labels": {"stage": "prd-1"}}'
    (row,) = read(
        "opencost", tmp_path, {"a.json": api(allocation("x", "1", properties))}, currency="USD", environment_label="stage",
        environments={"prd-.": "production"},
    )["costs"]  # fmt: skip
    assert (row["environment"], row["environment_raw"]) == ("production", "prd-1")


def test_cloud_costs_of_the_provider(tmp_path):
    costs = {"listCost": "4", "netCost": "3", "amortizedNetCost": "2.5", "invoicedCost": "2.75", "amortizedCost": "9"}
    inside = ", ".join(f'"{name}": {{"cost": {cost}, "kubernetesPercent": 0.5}}' for name, cost in costs.items())
    body = f'{{"properties": {{"provider": "AWS", "accountID": "007", "service": "VM", "labels": {{"team": "a"}}}}, {WINDOW}, {inside}}}'
    text = f'{{"code": 200, "data": {{"sets": [{{"cloudCosts": {{"AWS/VM": {body}}}}}, {{"cloudCosts": {{}}}}]}}}}'
    found = read("opencost", tmp_path, {"c.json": text}, currency="USD")["costs"]
    assert {row["basis"]: row["amount"] for row in found} == {
        "billed": Decimal("2.75"), "effective": Decimal("2.5"), "list": Decimal(4), "contracted": Decimal(3)
    }  # fmt: skip
    assert set(columns(found, "provider", "account", "component", "team_id", "period_start")) == {
        ("AWS", "007", "VM", "a", at(2026, 3, 1))
    }


def test_the_reference_allocations(cases, tmp_path):
    folder = cases / "cost" / "opencost-website"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    expected = json.loads((cases / "cost" / "expected" / "opencost-website.json").read_text("utf-8"))
    found = read("opencost", tmp_path, [folder / "allocation-example-output.json"], currency="USD")["costs"]
    for name, wanted in expected["allocation"]["namespaces"].items():
        rows = [row for row in found if row["component"] == name]
        parts = sum(row["amount"] for row in rows if row["sku"] != "rounding")
        assert parts == Decimal(wanted["component_sum"])
        assert sum(row["amount"] for row in rows) == Decimal(wanted["totalCost"])
        assert [row["amount"] for row in rows if row["sku"] == "rounding"] == [Decimal(wanted["diff"])] * bool(
            Decimal(wanted["diff"])
        )
    assert sum(row["amount"] for row in found) == Decimal(expected["allocation"]["total"])
    exported = read("opencost", tmp_path, [folder / "export-sample.csv"], currency="USD")["costs"]
    for wanted in expected["export_csv"]:
        day = [row for row in exported if f"{row['period_start']:%Y-%m-%d}" == wanted["Date"]]
        assert sum(row["amount"] for row in day) == Decimal(wanted["TotalCost"])
        assert {row["team_id"] for row in day} == {"my-team"}
    clouds = read("opencost", tmp_path, [folder / "cloudCost-example-output.json"], currency="USD")["costs"]
    kinds = {"billed": "invoicedCost", "effective": "amortizedNetCost", "list": "listCost", "contracted": "netCost"}
    for provider, wanted in expected["cloudCost"].items():
        for basis, cost in kinds.items():
            rows = [row for row in clouds if (row["provider"], row["basis"]) == (provider, basis)]
            assert len(rows) == wanted["days"]
            assert sum(row["amount"] for row in rows) == Decimal(wanted[cost])
