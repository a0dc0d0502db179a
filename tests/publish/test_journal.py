from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from idp_analytics.publish import staging
from idp_analytics.publish.engine import Failure, Outcome
from idp_analytics.publish.journal import Journal


def write(folder: Path, name: str, text: str) -> Outcome:
    """A report of two files as an engine leaves it."""
    files = {}
    for file in (f"{name}.html", f"{name}.ipynb"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
        files[file] = hashlib.sha256(text.encode()).hexdigest()
    return Outcome(name, None, 0.0, files)


def test_what_is_whole_is_known_to_the_next_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    journal = Journal(folder)
    assert journal.made == {}
    for name in ("organisation", "teams/a", "teams/b", "teams/c"):
        journal.note(write(folder, name, name))
    journal.note(Outcome("teams/d", Failure("ValueError", "no"), 0.0, write(folder, "teams/d", "d").files))
    write(folder, "teams/e", "never noted")
    (folder / "teams/b.html").write_text("changed")
    (folder / "teams/c.ipynb").unlink()
    (folder / "mart").mkdir()
    (folder / "mart" / "half.parquet").write_bytes(b"PAR1")
    with journal.path.open("a") as file:
        file.write('{"name": "teams/e", "fil')
    again = Journal(folder)
    assert set(again.made) == {"organisation", "teams/a"}
    again.sweep()
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == {"organisation.html", "organisation.ipynb", "teams/a.html", "teams/a.ipynb"}
    assert Journal(folder).made == again.made
    again.note(write(folder, "teams/e", "e"))  # after a torn line
    assert set(Journal(folder).made) == {"organisation", "teams/a", "teams/e"}


@pytest.mark.parametrize("has", [True, False])
def test_a_report_that_is_whole_is_on_its_way_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: bool
) -> None:
    begun: list[int] = []

    def advised(number: int, *told: int) -> None:
        assert told == (0, 0, 4)
        begun.append(os.fstat(number).st_ino)

    if has:
        monkeypatch.setattr(staging.os, "posix_fadvise", advised, raising=False)
        monkeypatch.setattr(staging.os, "POSIX_FADV_DONTNEED", 4, raising=False)
    else:
        monkeypatch.delattr(staging.os, "posix_fadvise", raising=False)
    journal = Journal(tmp_path)
    journal.note(write(tmp_path, "organisation", "o"))
    journal.note(Outcome("teams/d", Failure("ValueError", "no"), 0.0, write(tmp_path, "teams/d", "d").files))
    files = ("organisation.html", "organisation.ipynb")
    assert begun == ([(tmp_path / file).stat().st_ino for file in files] if has else [])
    assert set(journal.sums.known()) == set(files)


def test_what_another_folder_has_is_taken_once(tmp_path: Path) -> None:
    one, two = Journal(tmp_path / "one"), Journal(tmp_path / "two")
    for journal, text in ((one, "1"), (two, "2")):
        journal.folder.mkdir()
        journal.note(write(journal.folder, "teams/a", text))
    two.note(write(two.folder, "teams/b", "b"))
    one.take(two.folder, two.made)
    assert (one.folder / "teams/a.html").read_text() == "1"
    assert (one.folder / "teams/b.html").read_text() == "b"
    assert set(Journal(one.folder).made) == {"teams/a", "teams/b"}
    assert set(Journal(two.folder).made) == {"teams/a", "teams/b"}


def test_what_changes_while_it_is_taken_counts_as_not_made(tmp_path: Path) -> None:
    one, two = Journal(tmp_path / "one"), Journal(tmp_path / "two")
    for journal in (one, two):
        journal.folder.mkdir()
    two.note(write(two.folder, "teams/a", "a"))
    (two.folder / "teams/a.html").write_text("half")
    one.take(two.folder, two.made)
    assert one.made == {}
