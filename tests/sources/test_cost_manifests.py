"""Which files of an export count: what the provider's manifests say, and a missing file is an error, not a smaller bill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from focus_building import bill

from idp_analytics.errors import SourceError
from idp_analytics.sources import focus
from idp_analytics.sources.cost_manifests import current


def written(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def chosen(folder: Path, files: dict[str, Any], *names: str) -> list[str]:
    """The files that count, of ``names`` (all of the folder)."""
    written(folder, files)
    paths = [folder / name for name in names] or [folder]
    return sorted(path.relative_to(folder).as_posix() for path in current(paths, folder).files)


def data_export(*files: str, execution: str = "run-1") -> dict[str, Any]:
    return {
        "executionId": execution,
        "exportArn": "arn:export/1",
        "columns": [],
        "dataFiles": [f"s3://bucket/pre/exp/{name}" for name in files],
    }


MARCH = "BILLING_PERIOD=2026-03"


def test_an_aws_data_export_names_its_files(tmp_path: Path) -> None:
    old, new = (
        "2026-03-30T06:00:00.000Z-aaaaaaaa-0000-4000-8000-000000000001",
        "2026-03-31T06:00:00.000Z-aaaaaaaa-0000-4000-8000-000000000002",
    )
    files = {
        f"exp/data/{MARCH}/{old}/exp-00001.csv": "old", f"exp/data/{MARCH}/{new}/exp-00001.csv": "new",
        f"exp/data/{MARCH}/{new}/exp-00002.csv": "new too", "exp/data/BILLING_PERIOD=2026-02/exp-00001.csv": "another month",
        f"exp/metadata/{MARCH}/{old}/exp-Manifest.json": data_export(f"data/{MARCH}/{old}/exp-00001.csv", execution=old),
        f"exp/metadata/{MARCH}/{new}/exp-Manifest.json": data_export(f"data/{MARCH}/{new}/exp-00001.csv", f"data/{MARCH}/{new}/exp-00002.csv", execution=new),
    }  # fmt: skip
    wanted = [
        "exp/data/BILLING_PERIOD=2026-02/exp-00001.csv",
        f"exp/data/{MARCH}/{new}/exp-00001.csv",
        f"exp/data/{MARCH}/{new}/exp-00002.csv",
    ]
    assert chosen(tmp_path, files) == wanted
    # The same where the manifests are not among the paths, and where only one of its files is.
    assert chosen(tmp_path, {}, *(name for name in files if name.endswith(".csv"))) == wanted
    assert chosen(tmp_path, {}, f"exp/data/{MARCH}/{new}/exp-00001.csv") == wanted[1:]


def report(*keys: str) -> dict[str, Any]:
    return {
        "assemblyId": "a",
        "reportId": "r",
        "billingPeriod": {"start": "20260301T000000.000Z"},
        "reportKeys": [f"pre/rep/{key}" for key in keys],
    }


def test_a_legacy_reports_own_folder_has_the_manifest_that_counts(tmp_path: Path) -> None:
    one, two = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000001"
    files = {
        f"20260301-20260401/{one}/rep-1.csv": "old", f"20260301-20260401/{two}/rep-1.csv": "new",
        f"20260301-20260401/{one}/rep-Manifest.json": report(f"20260301-20260401/{one}/rep-1.csv.gz"),
        f"20260301-20260401/{two}/rep-Manifest.json": report(f"20260301-20260401/{two}/rep-1.csv.gz"),
        "20260301-20260401/rep-Manifest.json": report(f"20260301-20260401/{two}/rep-1.csv.gz"),
    }  # fmt: skip
    assert chosen(tmp_path, files) == [f"20260301-20260401/{two}/rep-1.csv"]


def azure(run: str, *blobs: str, submitted: str | None = None) -> dict[str, Any]:
    info = {"runId": run, "startDate": "2026-03-01T00:00:00", **({"submittedTime": submitted} if submitted else {})}
    return {
        "exportConfig": {"exportName": "actual", "resourceId": "/x/actual", "type": "ActualCost"}, "runInfo": info,
        "blobs": [{"blobName": f"exports/actual/20260301-20260331/{run}/{name}", "dataRowCount": 1} for name in blobs],
    }  # fmt: skip


def test_of_two_runs_of_an_azure_export_the_later_counts(tmp_path: Path) -> None:
    one, two = "bbbbbbbb-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000001"
    files = {
        f"actual/20260301-20260331/{one}/part_0_0001.csv": "old", f"actual/20260301-20260331/{two}/part_0_0001.csv": "new",
        f"actual/20260301-20260331/{one}/manifest.json": azure(one, "part_0_0001.csv", submitted="2026-03-30T01:00:00Z"),
        f"actual/20260301-20260331/{two}/manifest.json": azure(two, "part_0_0001.csv", submitted="2026-03-31T01:00:00Z"),
    }  # fmt: skip
    assert chosen(tmp_path, files) == [f"actual/20260301-20260331/{two}/part_0_0001.csv"]
    given = current([tmp_path], tmp_path)
    assert [manifest.dataset for manifest in given.of.values()] == ["ActualCost"]
    assert list(given.left_out.values()) == [
        f"not read: actual/20260301-20260331/{two}/manifest.json does not name it, so that it is an older snapshot or no part of this export"
    ]
    again = {
        name: (azure(run, "part_0_0001.csv") if "manifest" in name else text)
        for (name, text), run in zip(files.items(), (one, two, one, two), strict=True)
    }
    with pytest.raises(
        SourceError, match=r"are manifests of one export and billing period .* that name different files"
    ):
        chosen(tmp_path, again)


def test_a_manifest_that_names_a_missing_file_is_an_error(tmp_path: Path) -> None:
    files = {"exp-00001.csv": "x", "exp-Manifest.json": data_export("exp-00001.csv", "exp-00002.csv")}
    with pytest.raises(
        SourceError,
        match=r"^exp-Manifest\.json: names s3://bucket/pre/exp/exp-00002\.csv, not there \(1 of 2 files are\)\. A part of a bill is no bill: copy",
    ):
        chosen(tmp_path, files, "exp-00001.csv")


def test_what_is_called_a_manifest_and_is_none(tmp_path: Path) -> None:
    files = {"bill.csv": "x", "manifest.json": {"name": "an app"}}
    assert chosen(tmp_path, files, "bill.csv") == ["bill.csv"]
    with pytest.raises(SourceError, match=r"^manifest\.json: is no manifest that is known"):
        chosen(tmp_path, {}, "bill.csv", "manifest.json")
    (tmp_path / "manifest.json").write_text("{broken", encoding="utf-8")
    with pytest.raises(SourceError, match=r"is no manifest that is known"):
        chosen(tmp_path, {}, "manifest.json")


def test_a_list_of_files_and_files_without_any_manifest(tmp_path: Path) -> None:
    assert chosen(
        tmp_path / "a", {"new.csv": "x", "old.csv": "x", "manifest.json": {"files": [{"name": "new.csv"}]}}
    ) == ["new.csv"]
    (tmp_path / "a" / "manifest.json").write_text('{"files": [{"path": "old.csv"}]}', encoding="utf-8")
    assert chosen(tmp_path / "a", {}) == ["old.csv"]
    assert chosen(tmp_path / "b", {"x.csv": "x", "in/y.csv": "y", ".hidden": "z"}) == ["in/y.csv", "x.csv"]


def test_a_file_that_no_manifest_names_is_said_and_not_read(tmp_path: Path) -> None:
    written(tmp_path, {"bill.csv": bill({}), "old.csv": bill({}, {}), "manifest.json": {"files": ["bill.csv"]}})
    given = {e.path: e for e in focus.read([tmp_path / "bill.csv", tmp_path / "old.csv"], {}, tmp_path)}
    assert (given["bill.csv"].frame.height, given["old.csv"].frame.height, given["old.csv"].rows_in) == (4, 0, 0)
    assert given["old.csv"].warnings[0].startswith("not read: manifest.json does not name it")
