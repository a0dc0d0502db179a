"""OpenCost: amounts to the last digit, at list price, and what belongs to nobody stays."""

from __future__ import annotations

from decimal import Decimal

import pytest
from reading import at, columns, read

from idp_analytics import sources
from idp_analytics.errors import SourceError

WINDOW = '"window": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}, "end": "2026-03-01T23:00:00Z"'


def allocation(name, amount, properties="{}"):
    return f'"{name}": {{"name": "{name}", "properties": {properties}, {WINDOW}, "cpuCost": 1, "totalCost": {amount}}}'


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
        "cost_id": "opencost:2026-03-01T00:00:00Z/one/shop/cart", "period_start": at(2026, 3, 1), "period_end": at(2026, 3, 2), "service_id": "cart-service", "team_id": "a",
        "owner_raw": "a", "provider": "Kubernetes", "account": "one", "component": "shop", "category": "usage", "amount": Decimal("0.10000000000000000000001"),
        "currency": "USD", "basis": "list",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


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
    assert columns(found["costs"], "service_id", "team_id", "owner_raw", "amount") == [
        (None, None, "a", 3),
        (None, None, "__unallocated__", 2),
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


def test_the_reference_allocations(cases, tmp_path):
    folder = cases / "cost" / "opencost-website"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    found = read("opencost", tmp_path, [folder / "allocation-example-output.json"], currency="USD")["costs"]
    assert {row["component"]: row["amount"] for row in found} == {
        "kube-system": Decimal("1.52743"),
        "opencost": Decimal("0.10937"),
        "prometheus": Decimal("0.14136"),
    }
    assert sum(row["amount"] for row in found) == Decimal("1.77816")
    exported = read("opencost", tmp_path, [folder / "export-sample.csv"], currency="USD")["costs"]
    assert exported[0]["amount"] == Decimal("0.010493746736011505")
    assert exported[0]["team_id"] == "my-team"
