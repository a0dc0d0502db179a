"""The report published before is found, checked against its manifest and against who read it before, and refused by name where it changed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from idp_analytics.answers import COLUMNS as ANSWERS
from idp_analytics.errors import ReportError
from idp_analytics.metrics.maturity import CRITERIA, targets
from idp_analytics.metrics.maturity.studies import ASPECTS
from idp_analytics.publish import staging
from idp_analytics.publish.earlier import before
from idp_analytics.report.mart import Before

MART: Any = SimpleNamespace(meta={"settings_sha256": "settings"})
FRAMES = {"answers": ANSWERS, "maturity": ASPECTS, "maturity_criteria": CRITERIA, "maturity_targets": targets.COLUMNS}


def published(root: Path, period: str, leave_out: tuple[str, ...] = (), **told: Any) -> Path:
    """A finished run of ``period`` that readers can open."""
    folder = root / ".runs" / f"key-{period}"
    (folder / "mart").mkdir(parents=True)
    for name, schema in FRAMES.items():
        frame = pl.DataFrame(schema=schema).drop(set(leave_out), strict=False)
        if name not in leave_out:
            frame.write_parquet(folder / "mart" / f"{name}.parquet")
    usual = {
        "key": folder.name,
        "period": period,
        "teams": [],
        "as_of": "2026-06-01T00:00:00+00:00",
        "settings_sha256": "settings",
        "code_sha256": "other",
    }
    (folder / "run.json").write_text(json.dumps({**usual, **told}), encoding="utf-8")
    staging.write_manifest(folder)
    with staging.locked(root) as lease:
        staging.point(root, period, folder, lease)
    return folder


def found(root: Path, period: str = "2026-06") -> Before:
    told = before(root, period, MART)
    assert told is not None
    return told


def test_the_latest_of_an_earlier_period_of_the_same_length_is_taken(tmp_path: Path) -> None:
    assert before(tmp_path / "nowhere", "2026-06", MART) is None
    for period in ("2026-03", "2026-05", "2026-06", "2026-Q1"):
        published(tmp_path, period)
    published(tmp_path, "2026-04", teams=["red"])
    told = found(tmp_path)
    assert (told.period, told.run, told.rules_changed, told.code_changed) == ("2026-05", "key-2026-05", False, True)
    assert told.maturity is not None
    assert (told.maturity.period, told.maturity.as_of.month) == ("2026-05", 6)
    assert before(tmp_path, "2026-03", MART) is None


def test_an_earlier_kit_kept_answers_of_services_too(tmp_path: Path) -> None:
    folder = published(tmp_path, "2026-05")
    usual = {**dict.fromkeys(ANSWERS), "metric": "showback_cost"}
    rows = [{**usual, "scope": scope, "entity_id": scope} for scope in ("org", "service", "team")]
    pl.DataFrame(rows, schema=ANSWERS).write_parquet(folder / "mart" / "answers.parquet")
    staging.write_manifest(folder)
    assert found(tmp_path).answers["scope"].to_list() == ["org", "team"]


@pytest.mark.parametrize("file", ["mart/answers.parquet", "mart/maturity.parquet", "mart/maturity_criteria.parquet", "mart/maturity_targets.parquet", "run.json"])  # fmt: skip
def test_what_was_changed_since_is_refused_by_name(tmp_path: Path, file: str) -> None:
    folder = published(tmp_path, "2026-05")
    with (folder / file).open("ab") as changed:
        changed.write(b" ")
    with pytest.raises(
        ReportError,
        match=rf"2026-05/{file}: was changed after it was published: its SHA-256 is .*publish 2026-05 again",
    ):
        before(tmp_path, "2026-06", MART)


def test_what_is_missing_or_was_added_is_refused_by_name(tmp_path: Path) -> None:
    folder = published(tmp_path, "2026-05")
    aspects = folder / "mart" / "maturity.parquet"
    (folder / "mart" / "cost_lines.parquet").write_bytes(aspects.read_bytes())
    with pytest.raises(ReportError, match=r"cost_lines.parquet: was changed .* and the manifest has none"):
        before(tmp_path, "2026-06", MART)
    (folder / "mart" / "cost_lines.parquet").unlink()
    aspects.unlink()
    with pytest.raises(ReportError, match=r"maturity.parquet: is missing"):
        before(tmp_path, "2026-06", MART)
    (folder / "manifest.json").unlink()
    with pytest.raises(ReportError, match=r"manifest.json: is missing"):
        before(tmp_path, "2026-06", MART)


def test_a_manifest_that_was_changed_too_is_found_by_whoever_was_compared_with_it_before(tmp_path: Path) -> None:
    folder = published(tmp_path, "2026-05")
    read = {"period": "2026-05", "run": "key-2026-05", "sha256": found(tmp_path).sha256}
    published(tmp_path, "2026-06", restates=read)
    assert found(tmp_path).sha256 == read["sha256"]
    pl.DataFrame({**dict.fromkeys(ASPECTS), "level": 4}, schema=ASPECTS).write_parquet(
        folder / "mart" / "maturity.parquet"
    )
    staging.write_manifest(folder)
    with pytest.raises(ReportError, match=r"manifest.json: is not what the report of 2026-06 was compared with"):
        before(tmp_path, "2026-06", MART)


@pytest.mark.parametrize("gone", ["maturity", "maturity_criteria", "maturity_targets", "excused_by"])
def test_what_another_kit_kept_of_maturity_may_not_do_and_the_rest_does(tmp_path: Path, gone: str) -> None:
    published(tmp_path, "2026-05", leave_out=(gone,))
    told = found(tmp_path)
    assert (told.maturity, told.lines, told.answers.height) == (None, None, 0)
