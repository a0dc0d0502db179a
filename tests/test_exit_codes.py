"""Every exit code of the table in README.md, once, by a command that ends so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock, Timeout
from folder_building import folder

from idp_analytics import data_folder
from idp_analytics.cli import cli
from idp_analytics.publish import run
from idp_analytics.publish.run import RunResult

Case = Callable[[Path, pytest.MonkeyPatch], list[str]]


def done(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    return ["collect", "--data", str(data)]


def refused(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    return ["assess", "import", "--data", str(data), str(data / "teams.csv")]


def unusable(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    (data / "settings.toml").write_text("colour = 1")
    return ["check", "--data", str(data)]


def closed(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    (data / "deployments.csv").write_text("deployment_id,service_id,finished_at\nd1,shop,soon\n")
    return ["report", "--data", str(data), "--reports", str(data / "reports")]


def partly(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    patch.setattr(
        run, "publish", lambda *_, **__: RunResult(data, data / "index.html", "a", "2026-03", failed=("Web",))
    )
    return ["report", "--data", str(data), "--reports", str(data / "reports")]


def busy(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    patch.setattr(data_folder.FileLock, "acquire", _taken)
    return ["collect", "--data", str(data)]


def interrupted(data: Path, patch: pytest.MonkeyPatch) -> list[str]:
    def asked(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    patch.setattr(run, "publish", asked)
    return ["report", "--data", str(data), "--reports", str(data / "reports")]


def _taken(lock: FileLock, **_: object) -> None:
    raise Timeout(lock.lock_file)


CASES: dict[int, tuple[Case, str]] = {
    0: (done, "0 new, 0 known already."),
    1: (refused, "set aside: "),
    2: (unusable, "to mend before anything is read"),
    3: (closed, "Nothing to report on"),
    4: (partly, "1 report(s) failed: Web"),
    75: (busy, "another command is writing to it"),
    130: (interrupted, "interrupted. Run it again"),
}


def test_the_readme_lists_all_of_them(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == list(CASES)
    for code in CASES:
        assert re.search(rf"\b{code} ", str(cli.help)), f"{code} in idp --help"


@pytest.mark.parametrize("code", CASES)
def test_a_command_that_ends_so(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, said = CASES[code]
    result = CliRunner().invoke(cli, case(folder(tmp_path), monkeypatch))
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_a_file_that_cannot_be_written_is_no_fault_of_the_kit(tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "out").write_text("a file where a folder is to be")
    result = CliRunner().invoke(cli, ["tables", "--data", str(data), "--out", str(data / "out" / "tables")])
    assert result.exit_code == 2, result.output
    assert "out/tables: cannot be written: Not a directory. See that there is room" in result.output
