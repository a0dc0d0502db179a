"""What is known of a file without reading it, and for how long."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from idp_analytics.publish import staging
from idp_analytics.publish.sums import Sums


def sha256(text: str) -> str:
    """The sum of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def sums(tmp_path: Path) -> Sums:
    """Of two files: one that was told, one that was read."""
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams/a.html").write_text("page")
    (tmp_path / "answers.csv").write_text("1,2")
    known = Sums(tmp_path)
    known.tell("teams/a.html", sha256("page"))
    known.add([tmp_path / "answers.csv"])
    return known


def test_files_nobody_touched_are_known(sums: Sums) -> None:
    assert sums.known() == {"teams/a.html": sha256("page"), "answers.csv": sha256("1,2")}


def test_a_file_touched_in_any_way_is_not_known_any_more(sums: Sums, tmp_path: Path) -> None:
    page, seen = tmp_path / "teams/a.html", (tmp_path / "teams/a.html").stat()
    page.write_text("PAGE")  # as long as it was
    os.utime(page, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # and as if it had not been written
    assert set(sums.known()) == {"answers.csv"}
    (tmp_path / "answers.csv").write_text("1,")  # torn
    assert sums.known() == {}
    sums.tell("teams/a.html", sha256("PAGE"))
    assert sums.known() == {"teams/a.html": sha256("PAGE")}
    page.unlink()
    assert sums.known() == {}


def test_a_file_in_the_place_of_another_is_not_known(sums: Sums, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("page")
    (tmp_path / "new").replace(tmp_path / "teams/a.html")
    assert set(sums.known()) == {"answers.csv"}


def test_what_was_changed_or_removed_is_told(sums: Sums, tmp_path: Path) -> None:
    os.utime(tmp_path / "answers.csv")  # touched, and the same
    assert sums.changed() == []
    (tmp_path / "answers.csv").write_text("1,3")
    assert sums.changed() == ["answers.csv"]
    (tmp_path / "teams/a.html").unlink()
    assert sums.changed() == ["answers.csv", "teams/a.html"]


def test_of_what_was_not_there_when_it_was_told_nothing_is_known(tmp_path: Path) -> None:
    sums = Sums(tmp_path)
    sums.tell("a.html", sha256("page"))
    (tmp_path / "a.html").write_text("page")
    assert sums.known() == {}


def test_a_manifest_of_known_sums_is_that_of_files_read(
    sums: Sums, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.html").write_text("index")
    staging.write_manifest(tmp_path)
    read = (tmp_path / staging.MANIFEST).read_bytes()
    digest, seen = staging.digest, []
    monkeypatch.setattr(staging, "digest", lambda path: seen.append(path.name) or digest(path))
    staging.write_manifest(tmp_path, sums.known())
    assert (tmp_path / staging.MANIFEST).read_bytes() == read
    assert seen == ["index.html"]
    (tmp_path / "teams/a.html").write_text("another")
    staging.write_manifest(tmp_path, sums.known())
    assert staging.differences(tmp_path) == []
