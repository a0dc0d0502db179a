"""The recipe of README.md: data and reports packed, unpacked elsewhere, found published; every file as it was, every link led to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner
from company_building import Notebooks, at_once, forbidden
from folder_building import folder

from idp_analytics.cli import cli
from idp_analytics.organisation import Organisation, load
from idp_analytics.publish import diagnosis, staging
from idp_analytics.publish.run import publish

_ADDRESS = re.compile(r'(?:href|src)="([^"#]+)')


def packed(place: Path, to: Path, *folders: str) -> Path:
    """As the recipe does it."""
    to.mkdir()
    subprocess.run(["tar", "-czf", str(to / "backup.tar.gz"), *folders], cwd=place, check=True)
    subprocess.run(["tar", "-xzf", "backup.tar.gz"], cwd=to, check=True)
    return to


def broken(folder: Path) -> list[str]:
    """What pages below a folder lead to and is not there; as a browser does, by the names readers open and not by where links of the disk lead."""
    pages = [
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.endswith(".html") and staging.RUNS not in Path(place).parts
    ]
    assert len(pages) > 3
    return [
        f"{page}: {address}"
        for page in pages
        for address in _ADDRESS.findall(page.read_text(encoding="utf-8"))
        if not urlsplit(address).scheme
        and not Path(os.path.normpath(page.parent / unquote(urlsplit(address).path))).exists()
    ]


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs tar")
def test_a_restored_copy_is_found_published_and_whole(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    place = tmp_path / "here"
    (place / "data" / "acme").mkdir(parents=True)
    folder(place / "data" / "acme")
    for period in ("2026-05", "2026-06"):
        first = publish(organisation, place / "reports", period, notebooks=notebooks(), engine=at_once())
    assert broken(place / "reports") == []
    there = packed(place, tmp_path / "elsewhere", "data/acme", "reports")
    shutil.rmtree(place)
    again = publish(organisation, there / "reports", notebooks=notebooks(), engine=forbidden)
    assert (again.reused, again.key) == (True, first.key)
    root = there / "reports" / "acme"
    assert staging.published(root) == ["2026-05", "2026-06"]
    assert [staging.differences(root / name) for name in staging.published(root)] == [[], []]
    assert broken(there / "reports") == []
    assert diagnosis.told(there / "reports") == []
    assert load(there / "data" / "acme").tables["deployments"].height


@pytest.mark.slow
def test_the_recipe_with_the_real_commands(tmp_path: Path) -> None:
    """Collected snapshots, a ledger and reports of the synthetic company, restored elsewhere: nothing is made, nothing collected twice."""
    place = tmp_path / "here"

    def idp(at: Path, *words: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(at)
            result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
        return result.output

    place.mkdir()
    idp(place, "sample", "data/acme", "--teams", "4", "--months", "7")
    idp(place, "collect", "--data", "data/acme")
    idp(place, "report", "--data", "data/acme")
    there = packed(place, tmp_path / "elsewhere", "data/acme", "reports")
    shutil.rmtree(place)
    before = {
        path: path.stat().st_mtime_ns for path in (there / "reports").rglob("*.html") if staging.RUNS in path.parts
    }
    assert idp(there, "collect", "--data", "data/acme").splitlines()[-1].startswith("0 new")
    assert idp(there, "report", "--data", "data/acme").strip().endswith("index.html")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert idp(there, "doctor", "--reports", "reports") == "All runs that were begun are published, and whole.\n"
    assert broken(there / "reports") == []
