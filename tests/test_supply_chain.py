"""What the kit is built from is pinned, reasoned for, permissively licensed and asked after."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def chain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / ".ci" / "supply_chain.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        (f"click==8.1 \\\n    {HASH}\nidna==3 ; python_version > '3' \\\n    {HASH}\n", []),
        ("click==8.1\n", ["without a hash: click"]),
        (f"click>=8.1 \\\n    {HASH}\n", ["not pinned by ==: click>=8.1 \\"]),
        (f"--index-url https://example.org/simple\nclick==8.1 \\\n    {HASH}\n", ["line 1: the lock names an address: --index-url https://example.org/simple", "not pinned by ==: --index-url https://example.org/simple"]),
        (f"click @ https://example.org/click.whl \\\n    {HASH}\n", ["line 1: the lock names an address: click @ https://example.org/click.whl \\", "not pinned by ==: click @ https://example.org/click.whl \\"]),
        ("click==8.1 \\\n    --hash=md5:0\n", ["without a hash: click"]),
    ],
)  # fmt: skip
def test_a_lock_pins_by_hash_and_names_no_address(chain: ModuleType, lock: str, told: list[str]) -> None:
    assert chain.problems_of_lock(lock) == told


def test_everything_that_is_asked_for_has_its_reason(chain: ModuleType) -> None:
    assert chain.problems_of_reasons({"": ["a", "b"], "dev": ["c"]}, {"a": "x", "d": "y"}) == [
        "no reason for b: write one under [tool.idp-analytics.why] in pyproject.toml",
        "no reason for c: write one under [tool.idp-analytics.why] in pyproject.toml",
        "a reason for d, which nothing needs",
    ]
    needed, reasons, _ = chain.settings()
    assert chain.problems_of_reasons(needed, reasons) == []
    assert chain.problems_of_lock((ROOT / "requirements.lock").read_text("utf-8")) == []
    table = (ROOT / "DEPENDENCIES.md").read_text("utf-8")
    assert [name for of in needed.values() for name in of if f"| {name} | " not in table] == []


class _Advisories(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        affected = {
            "package": {"name": name, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        }
        found = (
            {
                "vulns": [
                    {
                        "id": "TEST-2026-1",
                        "summary": "Made up.",
                        "details": "Made up.",
                        "published": "2026-01-01T00:00:00Z",
                        "affected": [affected],
                    }
                ]
            }
            if name == "click"
            else {}
        )
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def advisories() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Advisories)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def test_known_vulnerabilities_stop_and_nobody_to_ask_is_said(
    chain: ModuleType, advisories: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"click==8.1 \\\n    {HASH}\nidna==3.1 \\\n    {HASH}\n")
    ask = ("--vulnerability-service", "osv", "--osv-url", advisories, "--cache-dir", str(tmp_path / "cache"))
    assert chain.audit(*ask, lock=lock) == 1
    assert capsys.readouterr().out == "click 8.1: TEST-2026-1, mended in 9.9\n"
    lock.write_text(f"idna==3.1 \\\n    {HASH}\n")
    assert chain.audit(*ask, lock=lock, must=True) == 0
    assert capsys.readouterr().out == "Vulnerabilities: none known in 1 packages.\n"
    nobody = (*ask[:3], "http://127.0.0.1:9/", *ask[4:])
    assert chain.audit(*nobody, lock=lock, must=True) == chain.NOT_ASKED
    assert "NOT CHECKED" in capsys.readouterr().out
