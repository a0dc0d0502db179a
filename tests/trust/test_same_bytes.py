"""The same inputs give the same bytes, wherever and however a run is made; only what a run says of itself may differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ONE = {
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "1",
    "POLARS_MAX_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "COLUMNS": "80",
}
OTHER = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "LANGUAGE": "de:fr", "PYTHONHASHSEED": "987654321", "POLARS_MAX_THREADS": "3", "OPENBLAS_NUM_THREADS": "2", "COLUMNS": "200"}  # fmt: skip


@pytest.mark.slow
def test_two_runs_that_share_nothing_but_their_inputs_are_the_same_to_the_byte(tmp_path: Path) -> None:
    """Another zone, locale, hash seed, number of threads and processes, folder, home, umask, age and order of files, and a year later."""
    here, there = tmp_path / "here", tmp_path / "a place with spaces" / "thére"
    _idp(tmp_path, ONE, "sample", "here/data/acme", "--teams", "4", "--months", "7", "--seed", "11")
    _copied_backwards(here / "data" / "acme", there / "data" / "acme")
    _idp(here, ONE, "report", "--data", "data/acme", "--workers", "1")
    _idp(there, OTHER, "report", "--data", "data/acme", "--workers", "3", umask=0o077)
    first, second = _published(here / "reports"), _published(there / "reports")
    assert len(first) > 20
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.slow
def test_a_published_period_is_made_again_the_same_to_the_byte(tmp_path: Path) -> None:
    """A past period asked for again, into an empty folder: what readers saw then."""
    _idp(tmp_path, ONE, "sample", "data/acme", "--teams", "4", "--months", "7", "--seed", "12")
    _idp(tmp_path, ONE, "report", "--data", "data/acme", "--period", "2026-04", "--reports", "then")
    _idp(tmp_path, OTHER, "report", "--data", "data/acme", "--period", "2026-04", "--reports", "later")
    then, later = _published(tmp_path / "then"), _published(tmp_path / "later")
    assert [name for name in then | later if then.get(name) != later.get(name)] == []


def _idp(place: Path, environment: Mapping[str, str], *arguments: str, umask: int = 0o022) -> None:
    place.mkdir(parents=True, exist_ok=True)
    home = place / "home"
    home.mkdir(exist_ok=True)
    ran = subprocess.run(
        [sys.executable, "-m", "idp_analytics", *arguments], cwd=place, umask=umask, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH")} | {"HOME": str(home)} | environment,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def _copied_backwards(source: Path, target: Path) -> None:
    """The same files, made in the opposite order, a year apart."""
    for number, path in enumerate(sorted((each for each in source.rglob("*") if each.is_file()), reverse=True)):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        os.utime(copy, (31_536_000 + number, 31_536_000 + number))


def _published(reports: Path) -> dict[str, bytes]:
    """Every published file by its name, without what a run says of itself (run.json: when, how long, on what) and Parquet, which is
    compared as CSV beside it."""
    (latest,) = {path.parent.resolve() for path in reports.rglob("run.json")}
    files = {str(path.relative_to(latest)): path.read_bytes() for path in sorted(latest.rglob("*")) if path.is_file()}
    told = json.loads(files.pop("run.json"))
    return files | {"key": json.dumps(told["key"]).encode()}
