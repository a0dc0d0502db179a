"""House rules that no linter knows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from idp_analytics import generated
from idp_analytics.sources import describe

PYTHON_LIMIT = 500
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def tracked(repository: Path, *patterns: str) -> list[Path]:
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [repository / name for name in listed.split("\0") if name and (repository / name).is_file()]


@pytest.mark.parametrize("name", generated.DOCUMENTS)
def test_generated_documents_are_up_to_date(repository: Path, name: str) -> None:
    assert (repository / name).read_text(encoding="utf-8") == generated.DOCUMENTS[name](), "run make generated"


def test_the_readmes_table_of_systems_is_up_to_date(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert describe.BEGIN in readme
    assert readme == describe.in_readme(readme), "run make generated"


def test_every_python_file_can_be_read_in_one_sitting_and_its_name_says_something(repository: Path) -> None:
    files = tracked(repository, "*.py")
    assert files
    assert [f.name for f in files if len(f.read_text(encoding="utf-8").splitlines()) > PYTHON_LIMIT] == []
    assert [f.name for f in files if f.stem in EMPTY_NAMES] == []


def test_notebooks_are_committed_without_outputs(repository: Path) -> None:
    notebooks = tracked(repository, "*.ipynb")
    assert notebooks
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert all(not c.get("outputs") and not c.get("execution_count") for c in cells), path.name


def test_changelog_knows_the_version(repository: Path) -> None:
    from idp_analytics import __version__

    assert f"## {__version__}" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme(repository: Path) -> None:
    from idp_analytics.cli import cli

    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert [name for name in cli.commands if f"`idp {name}`" not in readme] == []


def test_help_imports_nothing_heavy() -> None:
    """What keeps ``idp --help`` instant; a time would depend on the machine."""
    code = (
        "import sys; from click.testing import CliRunner; from idp_analytics.cli import cli;"
        "r = CliRunner().invoke(cli, ['--help']); assert r.exit_code == 0, r.output;"
        "heavy = {'polars', 'pandas', 'numpy', 'scipy', 'altair', 'papermill', 'nbconvert', 'great_expectations'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"


def test_no_two_files_of_tests_have_one_name_and_no_merge_is_left_half_done(repository: Path) -> None:
    names = [path.name for path in tracked(repository, "tests/**/test_*.py", "tests/test_*.py")]
    assert sorted(names) == sorted(set(names))
    for path in tracked(repository, "*.py", "*.md", "*.toml"):
        assert "\n<<<<<<< " not in path.read_text(encoding="utf-8"), path
