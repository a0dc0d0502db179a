from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from company_building import SCRIPT, Notebooks

from idp_analytics.organisation import Organisation
from idp_analytics.publish import provenance
from idp_analytics.publish.provenance import described, facts, key, quality, sources
from idp_analytics.report.mart import Mart


@pytest.fixture(scope="module")
def mart(organisation: Organisation) -> Mart:
    return Mart.of(organisation)


@pytest.fixture
def told(mart: Mart, notebooks: Notebooks) -> dict[str, Any]:
    return described(mart, "2026-06", (), {"team": notebooks() / "team.ipynb"})


def test_all_a_run_depends_on_is_told(told: dict[str, Any]) -> None:
    assert told["period"] == "2026-06"
    assert told["inputs"] == [
        {"source": "made", "table": "deployments", "path": f"{SCRIPT}.csv", "sha256": "0" * 64, "rows_in": 200,
         "rows_out": 199, "truncated": True}
    ]  # fmt: skip
    assert told["rejected_rows"] == 1
    assert {"papermill", "nbconvert", "polars", "python", "idp-analytics"} <= set(told["versions"])
    for name in ("code_sha256", "expectations_sha256"):
        assert re.fullmatch("[0-9a-f]{64}", told[name])


def test_equal_runs_have_equal_keys_and_any_change_another(mart: Mart, notebooks: Notebooks) -> None:
    def named(label: str = "2026-06", teams: tuple[str, ...] = (), file: Path | None = None) -> str:
        return key(described(mart, label, teams, {"team": file or notebooks() / "team.ipynb"}))

    other = notebooks(team="1", name="other") / "team.ipynb"
    keys = [named(), named("2026-05"), named(teams=("payments",)), named(file=other)]
    assert named() == keys[0]
    assert len(set(keys)) == 4
    assert all(re.fullmatch("[0-9a-f]{20}", found) for found in keys)


@pytest.mark.parametrize("file", ["a.py", "b.json", "c.j2", "d.css", "e.js"])
def test_changed_code_makes_another_key(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("1")
    before = provenance._digest(provenance._files(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.py").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    assert provenance._digest(provenance._files(tmp_path)) == before
    (tmp_path / file).write_text("2")
    assert provenance._digest(provenance._files(tmp_path)) != before


def test_the_footer_says_what_when_and_by_which_rules(told: dict[str, Any]) -> None:
    said = dict(facts(told, "abc", "team.ipynb"))
    assert said["Organisation"] == "Acme & Sons"
    assert said["Period"] == "June 2026 (2026-06)"
    assert said["As of"].startswith("1 July 2026, 00:00 (UTC); nothing that happened then or later")
    assert said["Notebook"] == f"team.ipynb {told['notebooks']['team.ipynb'][:16]}"
    assert said["Set aside"] == "1 row that could not be used"
    assert said["Incomplete"] == "1 export by its own account; what rests on it is a lower bound"
    assert said["Settings"] == "5e" * 8
    assert said["Run"] == "abc"
    assert "papermill" in said["Made with"]
    assert re.search(r"incidents linked up to \d+ h after one; \w+ cost; 95 % intervals", said["Rules"])


def test_without_settings_or_notebook_the_footer_says_so(told: dict[str, Any]) -> None:
    said = dict(facts({**told, "settings_sha256": "", "time_zone": "Europe/Berlin"}, "abc"))
    assert said["Settings"] == "none"
    assert "Notebook" not in said
    assert said["As of"].startswith("1 July 2026, 02:00 (Europe/Berlin)")


def test_every_file_read_is_in_the_footer(told: dict[str, Any]) -> None:
    (source,) = sources(told)
    assert (source.path, source.rows_in, source.rows_out, source.truncated) == (f"{SCRIPT}.csv", 200, 199, True)


@pytest.mark.parametrize(
    ("rejected", "cut", "said"),
    [
        (0, [False], ("all rows used", True)),
        (1, [False], ("1 row set aside", False)),
        (1204, [True, False], ("1,204 rows set aside, 1 export incomplete", False)),
        (0, [True, True], ("2 exports incomplete", False)),
    ],
)
def test_the_badge_says_whether_all_is_well(rejected: int, cut: list[bool], said: tuple[str, bool]) -> None:
    inputs = [{"path": str(number), "truncated": truncated} for number, truncated in enumerate(cut)]
    assert quality({"rejected_rows": rejected, "inputs": inputs}) == said
