"""What is made from declarations is made whole, anywhere, and twice the same."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from idp_analytics import generated
from idp_analytics.checks.suite import DECLARED, read
from idp_analytics.metrics import CATALOGUE
from idp_analytics.metrics.studies import people
from idp_analytics.sources import describe
from idp_analytics.sources.systems import systems
from idp_analytics.tables import TABLES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "VOICE.md").write_text(f"# Voice\n\n{people.BEGIN}\n{people.END}\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(f"# Ours\n\n{describe.BEGIN}\nold\n{describe.END}\n\nMore.\n", encoding="utf-8")
    return tmp_path


def written(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_document_and_every_suite_is_written_and_twice_is_the_same(root: Path) -> None:
    generated.main(root)
    once = written(root)
    assert once.keys() == {
        "README.md",
        "VOICE.md",
        *generated.DOCUMENTS,
        *(f"expectations/{name}.json" for name in DECLARED),
    }
    generated.main(root)
    assert written(root) == once


def test_documents_name_every_metric_and_every_table(root: Path) -> None:
    generated.main(root)
    texts = {name: (root / name).read_text(encoding="utf-8") for name in generated.DOCUMENTS}
    assert [m.name for m in CATALOGUE if m.name not in texts["METRICS.md"]] == []
    assert [name for name in TABLES if name not in texts["data/README.md"]] == []
    assert [one.title for one in systems() if f"### {one.title}\n" not in texts["SOURCES.md"]] == []


def test_only_the_table_of_systems_changes_in_the_readme(root: Path) -> None:
    generated.main(root)
    before, _, rest = (root / "README.md").read_text(encoding="utf-8").partition(describe.BEGIN)
    table, _, after = rest.partition(describe.END)
    assert (before, after) == ("# Ours\n\n", "\n\nMore.\n")
    assert "old" not in table.split()
    assert [one.title for one in systems() if f"[{one.title}](SOURCES.md#{one.kind})" not in table] == []


def test_suites_written_from_nothing_can_be_read(root: Path) -> None:
    generated.main(root)
    suites, problems = read(root / "expectations")
    assert problems == []
    assert suites.keys() == DECLARED.keys()


def test_the_committed_suites_have_the_shape_of_the_declarations(root: Path, repository: Path) -> None:
    for path in (repository / "expectations").glob("*.json"):
        (root / "expectations").mkdir(exist_ok=True)
        (root / "expectations" / path.name).write_bytes(path.read_bytes())
    before = {name: text for name, text in written(root).items() if name.startswith("expectations/")}
    generated.main(root)
    after = {name: text for name, text in written(root).items() if name.startswith("expectations/")}
    changed = [name for name in after if after[name] != before.get(name)]
    assert changed == [], "run make generated"


def test_run_as_a_program_it_writes_where_it_stands(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    runpy.run_path(str(generated.__file__), run_name="__main__")
    assert json.loads((root / "expectations" / "teams.json").read_text(encoding="utf-8"))["name"] == "teams"
