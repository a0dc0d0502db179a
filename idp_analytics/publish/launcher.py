"""``idp report`` from a notebook, so that a scheduler of notebooks can publish: one that takes a failed cell for a success included.

jupyter-scheduler sets text parameters without quotes (``data = data/acme``) and may call a notebook completed in which a cell raised.
A kernel that is gone is a failure to every scheduler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from idp_analytics.errors import ReportError

_TO_BE_HEARD = 1.0
"""Seconds in which what a cell has said leaves the kernel before it ends."""

_MEANS = {
    2: "settings, files or options cannot be used", 3: "the gate is closed, nothing was published",
    4: "published, but at least one report failed", 75: "another run is at work in the same folder",
}  # fmt: skip


def loud() -> None:
    """From here on a cell that raises ends the kernel too, where nobody watches; called once more it changes nothing.

    Whether somebody does is what the front end says of itself: one that can ask for input has a person before it.
    """
    shell = get_ipython()
    if shell is not None and _end not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _end)


def launch(data: str, reports: str = "reports", period: str = "", options: Sequence[str] = ()) -> str:
    """Run ``idp report`` in a process of its own and print what it says; gives the path of the index page.

    ``data``: the folder with settings.toml; ``reports``, where it is no full path, lies below the folder from which ``data`` is found.
    ``options``: more of the command's. Raises :class:`ReportError` unless all was published.
    """
    from idp_analytics.report import found

    for name, value in (("data", data), ("reports", reports), ("period", period)):
        if not isinstance(value, str | Path):
            raise ReportError(
                f'{name} is {value!r}, which is no text. Where the dialog of a job sets it, type its quotes too, as in "2026-03".'
            )
    folder = found(data).absolute()
    if not folder.is_dir():
        raise ReportError(f"{data}: there is no such folder here or above. Give its full path.")
    base = folder.parents[len(Path(data).parts) - 1] if not Path(data).is_absolute() else Path.cwd()
    asked = [
        "--data",
        str(folder),
        "--reports",
        str(base / reports),
        *(["--period", period] if period else []),
        *options,
    ]
    command = [sys.executable, "-m", "idp_analytics", "report", *asked]
    last = ""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)  # noqa: T201 a notebook's output
            last = line.strip() or last
    if run.returncode:
        told = _MEANS.get(run.returncode, "it failed")
        raise ReportError(f"idp report ended with exit code {run.returncode}: {told}. What it said stands above.")
    return last


def _end(result: Any) -> None:
    """After a cell: end the kernel if it raised and nobody watches."""
    kernel = getattr(get_ipython(), "kernel", None)
    if result.success or kernel is None or kernel.get_parent("shell").get("content", {}).get("allow_stdin", True):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_TO_BE_HEARD)
    os._exit(1)
