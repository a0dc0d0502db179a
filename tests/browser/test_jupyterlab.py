"""The charts of a report's notebook in JupyterLab itself, with no network: drawn, and nobody asked for anything."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from headless_browser import PATIENCE

from idp_analytics.charts.chart import MIME
from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser

NOTEBOOK = "payments.ipynb"


@pytest.fixture
def lab(published: RunResult, tmp_path: Path) -> Iterator[str]:
    """Where a JupyterLab with nobody's settings shows the executed notebook of a team."""
    shown = tmp_path / "shown"
    shown.mkdir()
    shutil.copy(published.folder / "teams" / NOTEBOOK, shown)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{what}_DIR": str(tmp_path / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{what}_DIR": str(tmp_path / what) for what in ("WORKSPACES", "SETTINGS")}
    command = [Path(sys.executable).with_name("jupyter-lab"), "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]  # fmt: skip
    told = tmp_path / "told.txt"
    with told.open("w") as said, subprocess.Popen(
        [*command, "--IdentityProvider.token=", "--ServerApp.password=", shown], env={**os.environ, **own}, stdout=said, stderr=said
    ) as process:  # fmt: skip
        try:
            end = time.monotonic() + PATIENCE
            while "is running at" not in told.read_text():
                assert process.poll() is None and time.monotonic() < end, told.read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}"
        finally:
            process.terminate()


def test_charts_are_drawn_in_jupyterlab_with_nobody_to_ask(
    lab: str, published: RunResult, chromium: Callable[[], Any]
) -> None:
    notebook = json.loads((published.folder / "teams" / NOTEBOOK).read_text())
    charts = sum(MIME in out.get("data", {}) for cell in notebook["cells"] for out in cell.get("outputs", []))
    assert charts > 20
    tab = chromium()
    tab.call("Emulation.setDeviceMetricsOverride", width=1280, height=1400, deviceScaleFactor=1, mobile=False)
    tab.call("Page.navigate", url=lab)
    drawn = (
        "[...document.querySelectorAll('.jp-RenderedVegaCommon5')].filter((one) => one.querySelector('svg, canvas'))"
    )
    tab.until(f"{drawn}.length >= {charts}", PATIENCE)
    sizes = tab.js(f"{drawn}.map((one) => [one.clientWidth, one.clientHeight])")
    assert all(width > 200 and height > 40 for width, height in sizes)
    assert [url for url in tab.requests if not url.startswith((lab.partition("/lab")[0], "data:", "blob:"))] == []
