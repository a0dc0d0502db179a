from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from idp_analytics.paths import PACKAGE
from idp_analytics.publish import kernel
from idp_analytics.publish.kernel import ReportKernel, environment


def test_the_environment_holds_what_a_report_needs_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {"PATH": "/bin", "LC_ALL": "C", "GITHUB_TOKEN": "t", "IDP_PEOPLE_KEY": "k"}.items():
        monkeypatch.setenv(name, value)
    assert environment(tmp_path) == {
        "PATH": "/bin", "LC_ALL": "C", **kernel.SET, "PYTHONPATH": str(PACKAGE.parent),
        "IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": str(tmp_path),
    }  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", "/own")
    assert environment(tmp_path)["PYTHONPATH"] == os.pathsep.join([str(PACKAGE.parent), "/own"])


def test_an_installed_package_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "PACKAGE", tmp_path / "idp_analytics")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert "PYTHONPATH" not in environment(tmp_path)


@pytest.mark.parametrize(("folder", "transport"), [("short", "ipc"), ("long" * 30, "tcp")])
def test_a_kernel_opens_no_port_where_a_socket_will_do(folder: str, transport: str) -> None:
    made = ReportKernel(Path("/") / folder)
    assert made.transport == transport
    assert made.connection_file == f"/{folder}/kernel.json"
    assert made.kernel_spec.argv[:3] == [sys.executable, "-m", "idp_analytics.publish.kernel"]


class Process:
    """A process that counts how often it was killed."""

    def __init__(self, code: int | None = None) -> None:
        self.code, self.kills = code, 0

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.kills += 1


@pytest.mark.parametrize(
    ("process", "group", "kills", "groups"),
    [(Process(), None, 1, []), (Process(), 77, 0, [(77, signal.SIGKILL)]), (Process(0), 77, 0, []), (None, 77, 0, [])],
    ids=["alone", "with its children", "ended", "never begun"],
)
def test_a_kernel_is_killed_with_its_children(
    monkeypatch: pytest.MonkeyPatch, process: Process | None, group: int | None, kills: int, groups: list[Any]
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(os, "killpg", lambda *given: told.append(given))
    made = ReportKernel(Path("/short"))
    made.provisioner = SimpleNamespace(process=process, pgid=group)
    made.kill()
    assert (process.kills if process else 0) == kills
    assert told == groups


@pytest.mark.parametrize(
    ("path", "kept"), [(["", "/lib"], ["/lib"]), (["/lib"], ["/lib"]), ([], [])], ids=["here", "elsewhere", "empty"]
)
def test_the_kernel_process_does_not_import_what_lies_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: list[str], kept: list[str]
) -> None:
    import ipykernel.kernelapp

    launched: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ipykernel.kernelapp, "launch_new_instance", lambda: launched.append(list(sys.path)))
    monkeypatch.setattr(kernel, "forgo_slow_imports", lambda: None)
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", ipykernel.kernelapp)
    monkeypatch.setattr(sys, "path", path)
    kernel.main()
    assert launched == [kept]


def test_slow_imports_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = dict.fromkeys(["rfc3987_syntax"], sys)
    monkeypatch.setattr(sys, "modules", modules)
    kernel.forgo_slow_imports()
    assert modules == {"rfc3987_syntax": sys, "debugpy": None}  # what is imported already stays
