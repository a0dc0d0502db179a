"""What is read and made first when several processes load a company."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics import loading, sources
from idp_analytics.organisation import settings_in
from idp_analytics.paths import PACKAGE
from idp_analytics.publish import loading_order
from idp_analytics.publish.loading_order import Order
from idp_analytics.settings import SourceSettings
from idp_analytics.tables import TABLES


def order(folder: Path, sizes: dict[str, int]) -> Order:
    """Of canonical tables so large, and bills."""
    asked = []
    for name, size in sizes.items():
        path = folder / f"{name}.csv"
        path.write_bytes(b"x" * size)
        kind, options = ("focus", {}) if name == "costs" else ("canonical", {"table": name})
        asked.append(loading.Asked(SourceSettings(name=name, kind=kind, paths=(path.name,), options=options), (path,)))
    return Order(tuple(asked))


def test_what_the_largest_table_waits_for_is_read_first_and_that_table_is_made_before_all(tmp_path: Path) -> None:
    names = ["people", "teams", "ownership", "deployments", "costs", "incidents", "aliases"]
    found = order(tmp_path, dict(zip(names, (10, 20, 30, 4000, 9000, 500, 5), strict=True)))
    assert [[names[place] for place in group] for group in found.readings] == [
        ["costs"], ["people", "ownership", "aliases"], ["deployments"], ["incidents"], ["teams"],
    ]  # fmt: skip
    assert next(iter(found.tables)) == ("costs",)
    assert list(found.tables.values()) == sorted(found.tables.values(), reverse=True)
    # As soon as it can be made, before what else is to be read.
    assert found.tables["costs",] > list(found.readings.values())[2]
    assert {names[place] for place in found.waits_for(["costs"])} == {"costs", "people", "ownership", "aliases"}


def test_everything_of_a_company_is_read_and_made_once() -> None:
    settings = settings_in(PACKAGE.parent / "data" / "sample")
    found = Order(tuple(loading.asked(settings)))
    assert sorted(place for group in found.readings for place in group) == list(range(len(settings.sources)))
    assert {name for group in found.tables for name in group} == {*TABLES} - {"loads", "ownership"}
    everything = [place for place, one in enumerate(settings.sources) if one.kind == "git"]
    assert set(everything) <= found.waits_for(["costs"])


@given(st.dictionaries(st.integers(0, 60), st.integers(0, 1000), max_size=60))
def test_everything_is_done_by_one_child_and_what_belongs_together_by_the_same(sizes: dict[int, int]) -> None:
    groups = loading_order.grouped(sizes, ((3, 5), (7, 8)))
    assert sorted(name for group in groups for name in group) == sorted(sizes)
    assert list(groups.values()) == sorted(groups.values(), reverse=True)
    assert groups == {group: sum(sizes[name] for name in group) for group in groups}
    assert len(groups) <= 2 * loading_order._SHARE + 1
    for one, other in ((3, 5), (7, 8)):
        if {one, other} <= set(sizes):
            assert any({one, other} <= set(group) for group in groups)


def test_what_is_packed_counts_as_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 5000))
    assert loading_order.unpacked(path) == 20_000
    path.write_bytes(b"x" * 50 + b"\0\0\0\0")  # no gzip: it is refused where it is read
    assert loading_order.unpacked(path) == 54
    path.write_bytes(b"xyz")
    assert loading_order.unpacked(path) == 3
    assert loading_order.unpacked(tmp_path / "none.gz") == 0


@pytest.mark.parametrize(
    ("kind", "options", "tables"),
    [
        ("focus", {}, {"costs"}),
        ("canonical", {"table": "pages"}, {"pages"}),
        ("pagerduty", {"tables": ["incidents", "pages"]}, {"incidents", "pages"}),
        ("git", {}, None),
    ],
)
def test_what_a_source_may_give(kind: str, options: dict[str, object], tables: set[str] | None) -> None:
    assert sources.gives(kind, options) == tables
    if kind == "pagerduty":
        assert sources.gives(kind, {}) > {"incidents", "pages"} or sources.gives(kind, {}) == {"incidents", "pages"}
