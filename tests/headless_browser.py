"""A headless Chromium, driven over its debugging socket: what a page draws, says on its console and asks the network for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websocket import WebSocket, WebSocketTimeoutException, create_connection

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--hide-scrollbars", "--remote-debugging-port=0", "--remote-allow-origins=*",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip

PATIENCE = 180
"""Seconds for one answer: axe takes ten for a long page alone on two cores, and several times that beside other work."""


class PageLeftError(Exception):
    """The page that was asked went away before it answered: another one is coming."""


class Tab:
    """One tab; ``console`` and ``requests`` fill while it is used."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.number = 0
        self.console: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        end = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < end, (
                f"no answer within {PATIENCE} s: {method}"
            )  # however much the page says meanwhile
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise PageLeftError(message["error"]["message"])
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.console.append(json.dumps(params["exceptionDetails"])[:400])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.console.append(json.dumps(params["args"])[:400])
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.console.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    def show(self, page: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        # As a reader opens it: links to folders stay in the address, so that ".." leads where it leads in a browser.
        told = self.call("Page.navigate", url=Path(os.path.normpath(page.absolute())).as_uri())
        assert "errorText" not in told, (page, told)
        self.until("document.readyState === 'complete'")

    def open_chapters(self) -> None:
        """Open what is folded, as a reader would who wants to see everything, and wait until it is drawn."""
        self.js("document.querySelectorAll('details.idp-chapter').forEach((one) => { one.open = true; })")
        self.until("!document.querySelector('figure.idp-chart:not([data-drawn])')")

    def js(self, expression: str) -> Any:
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while True:
            with suppress(PageLeftError):
                if self.js(expression):
                    return
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            time.sleep(0.05)

    def draw_all(self) -> None:
        """Scroll through the page as a reader would until every chart is there."""
        for top in range(0, int(self.js("document.documentElement.scrollHeight")) + 600, 500):
            self.js(f"scrollTo({{top: {top}, behavior: 'instant'}})")
            self.js("new Promise((seen) => requestAnimationFrame(() => setTimeout(seen, 20)))")
        self.until("!document.querySelector('figure.idp-chart:not([data-drawn])')")
        self.js("scrollTo({top: 0, behavior: 'instant'})")

    def settle(self, seconds: float = 0.3) -> None:
        """Hear what the page has still to say."""
        self.socket.settimeout(seconds)
        try:
            while True:
                self._note(json.loads(self.socket.recv()))
        except WebSocketTimeoutException:
            self.socket.settimeout(PATIENCE)

    def picture(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[[], Tab]]:
    """Opens tabs of one browser; skips where there is none."""
    program = os.environ.get("IDP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (install chromium, or set IDP_CHROMIUM)")
    with tempfile.TemporaryDirectory(prefix="idp-browser-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port = _port(Path(profile) / "DevToolsActivePort", process)
                sockets: list[WebSocket] = []

                def tab() -> Tab:
                    browser = create_connection(port, timeout=PATIENCE)
                    sockets.append(browser)
                    browser.send(
                        json.dumps({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}})
                    )
                    target = json.loads(browser.recv())["result"]["targetId"]
                    socket = create_connection(f"{port.split('/devtools')[0]}/devtools/page/{target}", timeout=PATIENCE)
                    sockets.append(socket)
                    return Tab(socket)

                yield tab
                for socket in sockets:
                    socket.close()
            finally:
                process.terminate()
                process.wait(10)


def _port(file: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(400):
        if file.is_file() and len(lines := file.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.skip("Chromium is here but does not start")
