"""Which reports published before an audit takes together with the new ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from idp_analytics.metrics.survey_results import ANSWER_COLUMNS, COLUMNS
from idp_analytics.metrics.themes import COLUMNS as THEMES
from idp_analytics.publish import staging
from idp_analytics.publish.run import _published
from idp_analytics.report import disclosure


def run(root: Path, key: str, count: int) -> None:
    """A finished run that says ``count`` people answered."""
    folder = root / ".runs" / key
    (folder / "mart").mkdir(parents=True)
    for name, columns in (
        (disclosure.RESULTS, COLUMNS),
        (disclosure.ANSWERS, ANSWER_COLUMNS),
        (disclosure.THEMES, THEMES),
    ):
        row = {**dict.fromkeys(columns), "scope": "org", "entity_id": "org", "n": count}
        pl.DataFrame([row], schema=columns).write_parquet(folder / "mart" / f"{name}.parquet")
    staging.write_manifest(folder)


def counts(root: Path) -> list[int]:
    return sorted(held[disclosure.RESULTS]["n"].item() for held in _published(root))


def test_a_report_that_was_replaced_is_known_all_the_same(tmp_path: Path) -> None:
    for key, count in (("a", 12), ("b", 13), ("c", 13)):
        run(tmp_path, key, count)
    with staging.locked(tmp_path) as lease:
        staging.point(tmp_path, "2026-03", tmp_path / ".runs" / "b", lease)
    assert counts(tmp_path) == [12, 13]  # a was replaced by b; c says what b says


def test_a_study_that_was_written_and_is_gone_stops_the_run(tmp_path: Path) -> None:
    run(tmp_path, "a", 12)
    (tmp_path / ".runs" / "a" / "mart" / f"{disclosure.RESULTS}.parquet").unlink()
    with pytest.raises(disclosure.DisclosureError, match="cannot be read"):
        counts(tmp_path)


def test_nothing_was_published_yet(tmp_path: Path) -> None:
    assert counts(tmp_path / "nowhere") == []
