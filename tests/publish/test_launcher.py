"""The notebook that publishes: as the command does, and failing so that a scheduler sees it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from folder_building import folder
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell

from idp_analytics.errors import ReportError
from idp_analytics.publish import launcher, parameters
from idp_analytics.publish.launcher import launch, loud

NOTEBOOK = "notebooks/run_reports.ipynb"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was started; each process says two lines and ends with the code put in front."""
    started: list[Any] = [0]

    class Process:
        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)
            self.stdout = ["2 report(s) failed\n", "/r/acme/index.html\n"]
            self.returncode = started[0]

        def __enter__(self) -> Process:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(launcher.subprocess, "Popen", Process)
    return started


def test_it_runs_the_command_where_the_data_are_found(
    ran: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "acme").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert launch("data/acme", period="2026-03", options=["--workers", "2"]) == "/r/acme/index.html"
    here = [sys.executable, "-m", "idp_analytics", "report", "--data", str(tmp_path / "data" / "acme"), "--reports"]
    assert ran[1] == [*here, str(tmp_path / "reports"), "--period", "2026-03", "--workers", "2"]
    launch(str(tmp_path / "data" / "acme"), "/srv/reports")
    assert ran[2] == [*here, "/srv/reports"]
    assert capsys.readouterr().out.count("2 report(s) failed\n") == 2
    with pytest.raises(ReportError, match=r"data/acem: there is no such folder here or above"):
        launch("data/acem")


@pytest.mark.parametrize(("code", "says"), [(4, "at least one report failed"), (75, "another run"), (-9, "it failed")])
def test_what_is_not_whole_raises(ran: list[Any], tmp_path: Path, code: int, says: str) -> None:
    ran[0] = code
    with pytest.raises(ReportError, match=f"exit code {code}: .*{says}"):
        launch(str(tmp_path))


def test_a_value_whose_quotes_were_not_typed_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r'period is 2014, which is no text\. .*quotes too, as in "2026-03"'):
        launch(str(tmp_path), period=2026 - 12)  # type: ignore[arg-type]  # what the dialog makes of 2026-12


def test_where_somebody_watches_a_cell_that_raises_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_: int) -> None:
        raise AssertionError("ended")

    monkeypatch.setattr(launcher.os, "_exit", ended)
    kernel = SimpleNamespace(get_parent=lambda _: {"content": {"allow_stdin": True}})
    monkeypatch.setattr(launcher, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    launcher._end(SimpleNamespace(success=False))
    kernel.get_parent = lambda _: {"content": {"allow_stdin": False}}
    launcher._end(SimpleNamespace(success=True))
    monkeypatch.setattr(launcher, "_TO_BE_HEARD", 0)
    with pytest.raises(AssertionError, match="ended"):
        launcher._end(SimpleNamespace(success=False))
    monkeypatch.setattr(launcher, "get_ipython", lambda: None)
    loud()
    launcher._end(SimpleNamespace(success=False))


def test_a_job_whose_text_parameters_lost_their_quotes_is_a_failure_that_says_why(
    repository: Path, tmp_path: Path
) -> None:
    book = nbformat.read(repository / NOTEBOOK, as_version=4)
    place = next(n for n, cell in enumerate(book.cells) if "parameters" in cell.metadata.get("tags", []))
    # As jupyter-scheduler sets them: right behind, and pasted as they were typed.
    given = new_code_cell(f"data = {folder(tmp_path)}\nperiod = 2026-03", metadata={"tags": ["injected-parameters"]})
    book.cells.insert(place + 1, given)
    with pytest.raises(DeadKernelError):
        NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = (output for output in book.cells[place + 1].outputs if output.output_type == "error")
    assert output.ename == "SyntaxError"


def test_its_parameters_are_declared_and_have_defaults(repository: Path) -> None:
    declared = parameters.declared(nbformat.read(repository / NOTEBOOK, as_version=4))
    assert set(declared) == {"data", "reports", "period"}
