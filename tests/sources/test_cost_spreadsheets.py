"""A bill that went through a spreadsheet has lost ids and dates: it is refused, whatever else is right about it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from focus_building import bill

from idp_analytics.errors import SourceError
from idp_analytics.sources import focus
from idp_analytics.sources.cost_spreadsheets import both_ways


def read(folder: Path, *charges: dict[str, str]) -> int:
    (folder / "bill.csv").write_text(bill(*charges), encoding="utf-8", newline="")
    (given,) = focus.read([folder / "bill.csv"], {"bases": ["billed"]}, folder)
    return given.frame.height


def test_ids_as_powers_of_ten_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError,
        match=r"bill\.csv: SubAccountId of 2 row\(s\) is a power of ten \(row 2: '1\.23412E\+11'\): a spreadsheet",
    ):
        read(tmp_path, {}, {"SubAccountId": "1.23412E+11"}, {"SubAccountId": "4E+11"})


@pytest.mark.parametrize("account", ["123456789012", "1E-5", "e+11", "abc1.2E+11", "1.2E+11x", ""])
def test_other_ids_are_none_of_its_business(tmp_path: Path, account: str) -> None:
    assert read(tmp_path, {"SubAccountId": account}) == 1


def test_amounts_as_powers_of_ten_are_exact_and_stay(tmp_path: Path) -> None:
    assert read(tmp_path, {"BilledCost": "5.64902E-05"}) == 1


def test_dates_turned_in_some_rows_are_refused(tmp_path: Path) -> None:
    first, last = {"ChargePeriodStart": "13/3/26"}, {"ChargePeriodStart": "3/14/26"}
    with pytest.raises(
        SourceError, match=r"day first \('13/3/26'\) and with the month first \('3/14/26'\): a spreadsheet has turned"
    ):
        read(tmp_path, first, last)
    assert read(tmp_path, first) == read(tmp_path, last) == 1


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ([["13/1/25", "1/13/25"]], ("13/1/25", "1/13/25")),
        ([["13/1/25"], ["1/13/25 10:00"]], ("13/1/25", "1/13/25 10:00")),
        ([["13/1/25", "1/2/25"]], None),
        ([["13/13/25", "1/13/25"]], None),
        ([["2025-13-01", None]], None),
        ([[]], None),
    ],
)
def test_dates_written_both_ways(columns: list[list[str | None]], found: tuple[str, str] | None) -> None:
    assert both_ways(pl.Series(column, dtype=pl.String) for column in columns) == found


def test_times_that_are_no_text_are_written_one_way() -> None:
    assert both_ways([pl.Series([1, 2])]) is None
