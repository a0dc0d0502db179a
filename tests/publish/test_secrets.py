"""Nothing is published that holds a secret of the process which publishes it."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from company_building import Notebooks, at_once, company

from idp_analytics.errors import ReportError
from idp_analytics.publish import secrets
from idp_analytics.publish.run import publish

CANARY = 'cana"ry<&>é/1234'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IDP_PEOPLE_KEY", CANARY), ("GITHUB_TOKEN", CANARY), ("db_password", CANARY), ("PORT_CLIENT_SECRET", CANARY), ("MY_PAT", CANARY),
        ("DEVLAKE_URL", f"postgresql://reader:{quote(CANARY, safe='')}@host/lake"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "written",
    [
        str,
        html.escape,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: quote(text, safe=""),
    ],
)
def test_a_secret_is_found_as_any_page_would_write_it(tmp_path: Path, name: str, value: str, written) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "a.html").write_text(f"<p>fine</p>{written(CANARY)}")
    with pytest.raises(ReportError, match=rf"^teams/a\.html would hold the value of {name}, ") as stopped:
        secrets.check(tmp_path, {"PATH": "/bin", name: value})
    assert CANARY not in str(stopped.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATH", "payments"), ("API_KEY", "short"), ("PUBLIC_URL", "https://host/payments"), ("BROKEN_URL", "http://[payments"), ("KEYBOARD", "payments"), ("X_TOKEN", "elsewhere1")],
)  # fmt: skip
def test_what_is_no_secret_or_is_nowhere_stops_nothing(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "a.html").write_text("payments short https://host/payments http://[payments")
    secrets.check(tmp_path, {name: value})


def test_a_run_that_would_tell_one_publishes_nothing(
    notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_PEOPLE_KEY", "a-canary-of-a-key")
    before = publish(company(), tmp_path, notebooks=notebooks(), engine=at_once())
    page = before.folder / "index.html"
    stood = page.read_bytes()
    other = company({"payments": "Payments a-canary-of-a-key"})
    other = replace(other, settings=replace(other.settings, sha256="other"))
    with pytest.raises(ReportError, match="would hold the value of IDP_PEOPLE_KEY") as stopped:
        publish(other, tmp_path, notebooks=notebooks(), engine=at_once())
    assert "a-canary" not in str(stopped.value)
    assert page.read_bytes() == stood
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"a-canary-of-a-key" in path.read_bytes()]
