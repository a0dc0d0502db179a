"""Two files of one billing period may be one bill twice: the older one is named, and only then."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from focus_building import bill

from idp_analytics.sources import cost_snapshots, focus
from idp_analytics.sources.cost_snapshots import Prints, fingerprints, snapshots
from idp_analytics.sources.tabular import ROW


def charges(n: int, start: int = 0) -> list[dict[str, str]]:
    return [{"ResourceId": str(i)} for i in range(start, start + n)]


def told(folder: Path, **files: str) -> dict[str, list[str]]:
    paths = []
    for name, text in files.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(text, encoding="utf-8", newline="")
    return {e.path: [w for w in e.warnings if "snapshots of one bill" in w] for e in focus.read(paths, {}, folder)}


def test_an_earlier_snapshot_names_the_later_one(tmp_path: Path) -> None:
    said = told(tmp_path, monday=bill(*charges(10)), tuesday=bill(*charges(12)))
    assert said == {
        "monday.csv": [
            "100% of its charges of billing period 2026-03-01T00:00:00Z are also in tuesday.csv: the two look like "
            "snapshots of one bill, and both together count it twice; give only the newest"
        ],
        "tuesday.csv": [],
    }


def test_of_two_equal_files_one_is_named(tmp_path: Path) -> None:
    said = told(tmp_path, a=bill(*charges(3)), b=bill(*charges(3)))
    assert [len(sentences) for sentences in said.values()] == [1, 0]


def test_of_several_later_ones_the_largest_is_named_once(tmp_path: Path) -> None:
    said = told(tmp_path, a=bill(*charges(3)), b=bill(*charges(4)), c=bill(*charges(5)))
    assert "are also in c.csv" in said["a.csv"][0]
    assert "are also in c.csv" in said["b.csv"][0]
    assert [len(sentences) for sentences in said.values()] == [1, 1, 0]


APRIL = {"BillingPeriodStart": "2026-04-01T00:00:00Z", "BillingPeriodEnd": "2026-05-01T00:00:00Z"}


@pytest.mark.parametrize(
    "second",
    [
        bill(*charges(10, start=10)),
        bill(*({**c, **APRIL} for c in charges(10))),
        bill(*charges(9), *charges(9, start=100)),
        "",
    ],
    ids=["other charges", "another period", "nine of ten", "an empty file"],
)
def test_files_that_are_not_the_same_bill_are_left_alone(tmp_path: Path, second: str) -> None:
    assert told(tmp_path, a=bill(*charges(10)), b=second) == {"a.csv": [], "b.csv": []}


def test_a_bill_that_does_not_name_its_period_is_compared_all_the_same(tmp_path: Path) -> None:
    a, b = (bill(*charges(n), without=["BillingPeriodStart"]) for n in (3, 4))
    said = told(tmp_path, a=a, b=b)
    assert "100% of its charges of billing period not known are also in b.csv" in said["a.csv"][0]


def test_the_same_charge_twice_in_one_file_is_legal(tmp_path: Path) -> None:
    assert told(tmp_path, a=bill(*charges(1), *charges(1))) == {"a.csv": []}


def test_of_large_files_the_same_share_of_each_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_snapshots, "_MOST", 40)
    rows = pl.DataFrame({ROW: range(400), "BillingPeriodStart": "2026-03", "a": range(400)})
    prints = [fingerprints("old", rows.head(390)), fingerprints("new", rows)]
    (old, new) = snapshots(prints)
    assert "are also in new" in old[0]
    assert new == []


def test_nothing_to_compare_says_nothing() -> None:
    nothing = fingerprints("a", None)
    assert nothing.rows.schema == {"period": pl.String, "print": pl.UInt64}
    assert snapshots([nothing, Prints("b", nothing.rows)]) == [[], []]
