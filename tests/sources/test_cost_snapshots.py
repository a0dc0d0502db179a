"""Two files of one billing period may be one bill twice: the older one does not count, and what is not certain is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from focus_building import bill
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources import cost_snapshots, focus
from idp_analytics.sources.cost_snapshots import OLDER, Prints, fingerprints, older
from idp_analytics.sources.tabular import ROW


def charges(n: int, start: int = 0, **same: str) -> list[dict[str, str]]:
    return [{"ResourceId": str(i), **same} for i in range(start, start + n)]


def read(folder: Path, files: dict[str, str], **options: object) -> dict[str, tuple[int, dict[str, int], list[str]]]:
    """File → rows, what was left out, and sentences about snapshots."""
    paths = []
    for name, text in files.items():
        paths.append(folder / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_text(text, encoding="utf-8", newline="")
    given = focus.read(paths, {"bases": ["billed"], **options}, folder)
    return {e.path: (e.frame.height, dict(e.dropped), [w for w in e.warnings if "snapshot" in w]) for e in given}


def rows(folder: Path, files: dict[str, str], **options: object) -> dict[str, int]:
    return {name: found[0] for name, found in read(folder, files, **options).items()}


def test_an_earlier_snapshot_is_left_out_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, {"monday.csv": bill(*charges(10)), "tuesday.csv": bill(*charges(12))})
    assert found == {
        "monday.csv": (0, {OLDER: 10}, [
            "its charges of billing period 2026-03 are an earlier snapshot of tuesday.csv, which has 100% of them, and are not counted"
        ]),
        "tuesday.csv": (12, {}, []),
    }  # fmt: skip


def prints(*sizes: int) -> list[Prints]:
    """Files of one bill, each with its first so many charges."""
    frame = pl.DataFrame({ROW: range(max(sizes)), "period_start": "2026-03-01", "resource": range(max(sizes))})
    return [fingerprints(f"{n}", Path(f"{n}"), frame.head(size), []) for n, size in enumerate(sizes)]


def test_eighty_four_snapshots_are_one_bill() -> None:
    assert [bool(periods) for periods in older(prints(*range(1, 85)))] == [True] * 83 + [False]


@pytest.mark.parametrize(("n", "kept"), [(3, {"a.csv": 0, "b.csv": 3}), (1, {"a.csv": 0, "b.csv": 1})])
def test_of_two_equal_files_one_counts(tmp_path: Path, n: int, kept: dict[str, int]) -> None:
    assert rows(tmp_path, {"a.csv": bill(*charges(n)), "b.csv": bill(*charges(n))}) == kept


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
    assert rows(tmp_path, {"a.csv": bill(*charges(10)), "b.csv": second})["a.csv"] == 10


def test_only_the_period_that_comes_again_is_left_out(tmp_path: Path) -> None:
    april = charges(3, **APRIL)
    found = read(tmp_path, {"a.csv": bill(*charges(2), *april), "b.csv": bill(*april, *charges(4, start=50, **APRIL))})
    assert (found["a.csv"][:2], found["b.csv"][:2]) == ((2, {OLDER: 3}), (7, {}))


def test_charges_restated_under_names_that_say_when_are_the_older_ones(tmp_path: Path) -> None:
    files = {
        "2026-03-09T0600/bill.csv": bill(*charges(10, BilledCost="2")),
        "2026-03-10T0600/bill.csv": bill(*charges(10, BilledCost="3")),
    }
    assert rows(tmp_path, files) == {"2026-03-09T0600/bill.csv": 0, "2026-03-10T0600/bill.csv": 10}
    runs = {f"{run}/bill.csv": text for run, text in zip(
        ("20260309T060000Z-0a1b2c3d-0000-4000-8000-00000000000f", "20260310T060000Z-00000000-0000-4000-8000-000000000001"), files.values(), strict=True
    )}  # fmt: skip
    assert list(rows(tmp_path / "runs", runs).values()) == [0, 10]


def test_charges_restated_with_nothing_that_says_when_are_refused(tmp_path: Path) -> None:
    files = {"new.csv": bill(*charges(10, BilledCost="2")), "old.csv": bill(*charges(10, BilledCost="3"))}
    with pytest.raises(
        SourceError,
        match=r"^new\.csv and old\.csv look like two snapshots of one bill: 100% .* period 2026-03 .* Give only the newest, or keep .* parts = true",
    ):
        read(tmp_path, files)
    assert rows(tmp_path, files, parts=True) == {"new.csv": 10, "old.csv": 10}


def test_parts_cut_elsewhere_are_compared_by_folder(tmp_path: Path) -> None:
    many = charges(30)
    files = {
        "1/a.csv": bill(*many[:10]), "1/b.csv": bill(*many[10:20]),
        "2/a.csv": bill(*many[:16]), "2/b.csv": bill(*many[16:30]),
    }  # fmt: skip
    assert list(rows(tmp_path, files).values()) == [0, 0, 16, 14]


def test_a_bill_that_does_not_name_its_period_is_compared_by_the_month_of_its_charges(tmp_path: Path) -> None:
    a, b = (bill(*charges(n), without=["BillingPeriodStart"]) for n in (3, 4))
    assert rows(tmp_path, {"a.csv": a, "b.csv": b}) == {"a.csv": 0, "b.csv": 4}


def test_the_same_charge_twice_in_one_file_is_legal(tmp_path: Path) -> None:
    assert rows(tmp_path, {"a.csv": bill(*charges(1), *charges(1))}) == {"a.csv": 2}


@settings(max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=5))
def test_of_the_snapshots_of_a_bill_one_of_the_largest_counts_and_no_other(sizes: list[int]) -> None:
    told = older(prints(*sizes))
    assert [size for size, periods in zip(sizes, told, strict=True) if not periods] == [max(sizes)]


def test_of_large_files_the_same_share_of_each_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_snapshots, "_MOST", 40)
    frame = pl.DataFrame({ROW: range(400), "period_start": "2026-03-01", "resource": range(400)})
    old, new = older(
        [fingerprints(name, Path(name), part, []) for name, part in (("old", frame.head(390)), ("new", frame))]
    )
    assert list(old) == ["2026-03"]
    assert new == {}


def test_nothing_to_compare_says_nothing() -> None:
    nothing = fingerprints("a", Path("a"), pl.DataFrame(schema={ROW: pl.Int64}), [])
    assert nothing.rows.schema == {ROW: pl.Int64, "period": pl.String, "line": pl.UInt64, "print": pl.UInt64}
    assert older([nothing, Prints("b", Path("b"), nothing.rows)]) == [{}, {}]
    assert older([nothing]) == [{}]
