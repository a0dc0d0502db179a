from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from company_building import SCRIPT
from jinja2 import UndefinedError

from idp_analytics.publish.engine import Failure
from idp_analytics.publish.page import Link, Page, css, data, environment, policy


@pytest.mark.parametrize("value", [SCRIPT, {"a": ["</script>", "<!--", "\u2028\u2029", "é", 'q"'], "n": 1.5}, None, []])
def test_data_comes_back_as_it_was_and_ends_no_element(value: Any) -> None:
    text = str(data(value))
    assert json.loads(text) == value
    assert not {"<", "\u2028", "\u2029"} & set(text)


def test_data_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        data({"a": float("nan")})


def test_the_policy_allows_only_the_scripts_given() -> None:
    digest = base64.b64encode(hashlib.sha256(b"one()").digest()).decode()
    assert f"script-src 'sha256-{digest}' 'sha256-" in policy(("one()", "two()"))
    assert "script-src 'none'" in policy()
    for told in (policy(), policy(("one()",))):
        assert told.startswith("default-src 'none'; ")
        assert "connect-src" not in told  # so the default holds: no request to anywhere
        assert {"base-uri 'none'", "form-action 'none'"} <= set(told.split("; "))
        assert not {"*", "http:", "https:", "'unsafe-eval'", "'self'"} & set(told.replace(";", "").split())


def test_templates_escape_and_stop_at_a_name_they_do_not_know(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("{{ name }}")
    template = environment(tmp_path).get_template("a.j2")
    assert template.render(name=SCRIPT) == "&lt;script&gt;alert(1)&lt;/script&gt;"
    with pytest.raises(UndefinedError):
        template.render()


def test_the_style_asks_nobody_for_anything() -> None:
    assert "url(" not in css()
    assert "@import" not in css()


def test_a_failed_page_offers_the_failed_notebook_instead() -> None:
    failure = Failure("E", "m")
    page = Page("p", downloads=(Link("n", "a.ipynb"), Link("CSV", "a.csv"))).failed(failure, "a.failed.ipynb")
    assert page.failure == failure
    assert [link.href for link in page.downloads] == ["a.failed.ipynb", "a.csv"]
