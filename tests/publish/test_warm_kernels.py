"""Warm kernels: forked rather than started, and for who uses them a kernel like any other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from company_building import notebook
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from idp_analytics.errors import ReportError
from idp_analytics.publish import warm
from idp_analytics.publish.warm_kernels import ForkProvisioner, PapermillEngine, WarmKernel

ENTRY_POINTS = {
    "papermill.engine": {"idp": PapermillEngine},
    "jupyter_client.kernel_provisioners": {"idp-fork": ForkProvisioner},
}


@pytest.fixture(scope="module", autouse=True)
def runtime() -> Iterator[Path]:
    """A runtime folder of our own, engine and provisioner known, and nothing left running."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", name)
        where = f"{ForkProvisioner.__module__}:{ForkProvisioner.__name__}"
        entry = EntryPoint("idp-fork", where, "jupyter_client.kernel_provisioners")
        patch.setitem(KernelProvisionerFactory.instance().provisioners, "idp-fork", entry)
        patch.setitem(papermill_engines._engines, "idp", PapermillEngine)
        yield Path(name)
        for client in warm._begun:
            assert client.process is not None
            client.process.terminate()
            client.process.wait()
        warm._begun.clear()


class Kernel:
    """The kernel ``idp`` as a front end has it."""

    def __init__(self, repository: Path) -> None:
        specs = KernelSpecManager(kernel_dirs=[str(repository / "idp_analytics" / "publish" / "kernelspec")])
        self.manager = KernelManager(kernel_name="idp", kernel_spec_manager=specs)

    def start(self, **options: Any) -> None:
        self.manager.start_kernel(**options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        said: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            said.append(content.get("text") or content.get("ename") or content.get("data", {}).get("text/plain", ""))

        self.client.execute_interactive(code, output_hook=hear, timeout=60)
        return "".join(said)

    def end(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(repository: Path) -> Iterator[Kernel]:
    made = Kernel(repository)
    yield made
    made.end()


# --- a kernel like any other -------------------------------------------------------------------------------------------


def test_it_starts_where_and_as_it_is_told_with_all_imported(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_FRONT_END", "yes")
    kernel.start(cwd=str(tmp_path))
    assert isinstance(kernel.manager.provisioner.process, warm.Forked)  # type: ignore[union-attr]
    assert kernel.run("import os, sys; print(os.getcwd(), os.environ['OF_THE_FRONT_END'])") == f"{tmp_path} yes\n"
    loaded = "[n for n in ('polars', 'altair', 'idp_analytics.report.reports') if n not in sys.modules]"
    assert kernel.run(loaded) == "[]"
    assert kernel.run("import polars as pl; pl.DataFrame({'a': [1, 2]}).lazy().sum().collect().item()") == "3"
    assert kernel.run("1 / 0") == "ZeroDivisionError"


def test_it_is_interrupted_restarted_and_ends_as_it_should(kernel: Kernel, tmp_path: Path) -> None:
    kernel.start()
    first = kernel.manager.provisioner.pid  # type: ignore[union-attr]
    asked = kernel.client.execute(
        "import time; kept = 1; print('asleep', flush=True); time.sleep(300)", stop_on_error=False
    )
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != asked:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.run("kept") == "1"

    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    assert kernel.manager.provisioner.pid != first  # type: ignore[union-attr]
    assert kernel.run("'kept' in globals()") == "False"

    ended = tmp_path / "ended"
    kernel.run(f"import atexit, pathlib; atexit.register(pathlib.Path({str(ended)!r}).touch)")
    kernel.manager.shutdown_kernel()
    assert ended.exists()
    assert not kernel.manager.is_alive()


def test_its_death_is_seen_and_hurts_no_other(kernel: Kernel, repository: Path) -> None:
    kernel.start()
    other = Kernel(repository)
    other.start()
    kernel.client.execute("import os; os.kill(os.getpid(), 9)")
    process = kernel.manager.provisioner.process  # type: ignore[union-attr]
    assert process.wait() == -9
    assert not kernel.manager.is_alive()
    process.kill()  # of one that is gone nobody else takes the signal
    assert other.run("'here'") == "'here'"
    other.end()


def test_it_ends_with_the_process_it_was_forked_from(
    kernel: Kernel, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_PREPARED", "math")  # the next one need not import everything once more
    kernel.start()
    zygote = int(kernel.run("import os; os.getppid()"))
    os.kill(zygote, 9)
    assert kernel.manager.provisioner.process.wait() == -9  # type: ignore[union-attr]
    other = Kernel(repository)
    other.start()  # what the dead one has left at its place is replaced
    assert int(other.run("import os; os.getppid()")) != zygote
    other.end()


# --- one to fork from --------------------------------------------------------------------------------------------------


def test_all_share_one_process_that_starts_as_python_does(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = warm.client(), warm.client()
    assert one is not None
    assert two is not None
    assert (one.path, two.process) == (two.path, None)
    assert one.path.stat().st_mode & 0o777 == 0o600
    started: list[dict[str, str]] = []
    monkeypatch.setattr(warm.zygote.Client, "leave", lambda path, _, variables, __: started.append(variables))
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    before = len(warm._begun)
    warm.client()
    del warm._begun[before:]
    (variables,) = started
    assert variables["PYTHONUTF8"] == "1"
    assert not {"GITHUB_TOKEN", "PYTHONWARNINGS"} & set(variables)


def test_where_libraries_have_changed_another_process_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    os.utime(folder, (1, 1))
    monkeypatch.syspath_prepend(folder)
    before = warm._key({})
    assert warm._key({}) == before
    (folder / "polars-9.9.dist-info").mkdir()
    assert warm._key({}) != before


def test_it_waits_no_longer_than_it_is_to(runtime: Path) -> None:
    left = warm.zygote.Client.leave(runtime / "other", [], dict(os.environ), 0.1)
    assert left.process is not None
    assert left.process.wait(timeout=60) == 0
    assert not left.answers()


@pytest.mark.parametrize("why", ["no fork", "a long path", "another interpreter", "another kernel", "is to stay"])
def test_what_cannot_be_forked_is_started(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command, options = [sys.executable, "-m", "ipykernel_launcher", "-f", "x.json"], {"cwd": str(tmp_path), "env": {}}
    if why == "no fork":
        monkeypatch.setattr(warm, "FORKS", False)
    elif why == "a long path":
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / ("long" * 30)))
    elif why == "another interpreter":
        command[0] = "/usr/bin/python3"
    elif why == "another kernel":
        command[2] = "xeus"
    else:
        options["independent"] = True
    started: list[Any] = []

    async def start(_: Any, cmd: list[str], **given: Any) -> dict[str, Any]:
        started.append((cmd, given))
        return {}

    monkeypatch.setattr(LocalProvisioner, "launch_kernel", start)
    asyncio.run(ForkProvisioner().launch_kernel(command, **options))
    assert started == [(command, options)]


def test_a_process_that_is_just_ending_is_asked_once_more_and_then_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ending:
        def call(self, task: object) -> None:
            calls.append(task)
            raise ConnectionRefusedError

    calls: list[object] = []
    monkeypatch.setattr(warm, "client", Ending)
    assert warm.kernel(["-f", "x.json"], {}, Path()) is None
    assert len(calls) == 2


# --- what is installed -------------------------------------------------------------------------------------------------


def test_the_package_says_where_they_are(repository: Path) -> None:
    told = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    for group, entries in ENTRY_POINTS.items():
        declared = told["project"]["entry-points"][group]
        assert {name: EntryPoint(name, value, group).load() for name, value in declared.items()} == entries
    shared = told["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {"idp_analytics/publish/kernelspec": "share/jupyter/kernels"}
    spec = json.loads(
        (repository / "idp_analytics" / "publish" / "kernelspec" / "idp" / "kernel.json").read_text(encoding="utf-8")
    )
    ours = WarmKernel().kernel_spec
    assert spec["argv"][1:] == ours.argv[1:]
    assert spec["metadata"]["kernel_provisioner"] == ours.metadata["kernel_provisioner"]


# --- as papermill's engine ---------------------------------------------------------------------------------------------

CELLS = [
    "# How is it going?",
    "team = ''",
    "import os, sys, warnings\nprint(team, os.getcwd(), sys.path, sys.warnoptions, sys.argv[1:] != [], __name__)",
    "warnings.warn('careful')\nprint('to stderr', file=sys.stderr)",
    "import polars as pl\npl.DataFrame({'team': [team]})",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "%%html\n<b>one</b>",
    "1 / 0",
    "print('never')",
]


def test_papermill_gives_what_it_gives_with_the_stock_kernel(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # ipykernel would leave alone what is written below Python
    source = tmp_path / "in.ipynb"
    source.write_text(json.dumps(notebook(CELLS, {})), encoding="utf-8")
    made = {}
    for engine in ("idp", "nbclient"):
        out = tmp_path / f"{engine}.ipynb"
        with pytest.raises(PapermillExecutionError, match="division by zero"):
            papermill.execute_notebook(
                source, out, {"team": "pay"}, engine_name=engine, kernel_name="python3", language="python", cwd=tmp_path,
                progress_bar=False,
            )  # fmt: skip
        made[engine] = timeless(nbformat.read(out, as_version=4))
    assert made["idp"] == made["nbclient"]
    assert [p.name for p in runtime.iterdir() if p.suffix == ".json" or "-ipc" in p.name] == []


def timeless(node: Any) -> Any:
    """A notebook without when what ran, numbers drawn at random, and process ids in names of files."""
    for cell in node.cells:
        cell.id = ""
        cell.metadata.pop("execution", None)
        went = cell.metadata.pop("papermill", {})
        cell.metadata.papermill = [went.get("status"), went.get("exception")]
    node.metadata.papermill = {"parameters": node.metadata.papermill.parameters}
    return re.sub(r"ipykernel_\d+/\d+", "", json.dumps(node))


def test_papermill_is_told_that_only_python_can_be_forked(tmp_path: Path) -> None:
    told = notebook(["# Title", "x <- 1"], {})
    told["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    (tmp_path / "in.ipynb").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ReportError, match="runs notebooks in python and this one is in R"):
        papermill.execute_notebook(tmp_path / "in.ipynb", None, engine_name="idp", progress_bar=False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"taem": "pay"}, r"taem: no such parameter\. Did you mean 'team'\?\n  - team: must be given"),
        ({"team": 7}, "team = 7: must be text, not int"),
        ({"team": " "}, "team = ' ': must not be empty"),
        ({}, "team: must be given"),
    ],
)
def test_papermill_runs_nothing_with_parameters_that_a_notebook_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], says: str
) -> None:
    told = notebook(["# Title", "team = ''", "print(team)"], {"team": {"type": "str", "required": True}})
    (tmp_path / "in.ipynb").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setattr(warm, "kernel", None)
    with pytest.raises(ReportError, match=says):
        papermill.execute_notebook(
            tmp_path / "in.ipynb", None, given, engine_name="idp", kernel_name="python3", language="python", progress_bar=False
        )  # fmt: skip
