"""What the pages of a set share: one copy, told by its hash, and put back into a page that is sent alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from company_building import SCRIPT, executed
from nbformat.v4 import new_output

from idp_analytics.errors import ReportError
from idp_analytics.publish import assets
from idp_analytics.publish.assets import Asset
from idp_analytics.publish.exporter import render
from idp_analytics.publish.page import Page, css, policy


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A chart library of one line."""
    path = tmp_path / "vega.js"
    path.write_text("vegaEmbed = '</p>&';", encoding="utf-8")
    return path


@pytest.fixture
def held(library: Path, tmp_path: Path) -> tuple[Asset, ...]:
    """The files, written to the folder of a set."""
    found = assets.gathered(library)
    assets.write(tmp_path / "set" / "assets", found)
    return found


def test_a_name_holds_the_hash_of_what_is_in_the_file(held: tuple[Asset, ...], tmp_path: Path) -> None:
    assert [re.sub("-[0-9a-f]{16}[.]", ".", one.name) for one in held] == ["page.css", "vega.js", "draw.js"]
    for one in held:
        written = (tmp_path / "set" / "assets" / one.name).read_bytes()
        assert hashlib.sha256(written).hexdigest()[:16] in one.name
        assert one.integrity == f"sha256-{base64.b64encode(hashlib.sha256(written).digest()).decode()}"
    assert held[0].text == css()


def test_a_page_of_a_set_is_the_page_by_itself_once_it_is_put_together(
    held: tuple[Asset, ...], library: Path, tmp_path: Path
) -> None:
    told, about, folder = executed(name=SCRIPT), Page("Payments", subtitle=SCRIPT), tmp_path / "set" / "teams"
    page = render(told, about, shared=assets.shared(held, "../"))
    assert library.read_text() not in page
    assert css() not in page
    assert assets.inlined(page, folder) == render(told, about, library)
    assert assets.inlined(render(told, about, library), folder) == render(told, about, library)
    words = new_output("stream", name="stdout", text="no chart")
    page = render(executed(words), about, shared=assets.shared(held))
    assert "<script" not in page
    assert assets.inlined(page, tmp_path / "set") == render(executed(words), about)


def test_only_the_script_in_the_page_is_allowed_and_it_loads_what_it_names(held: tuple[Asset, ...]) -> None:
    shared = assets.shared(held, "../")
    page = render(executed(), Page("p"), shared=shared)
    (own,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert own == str(assets.loader(shared))
    allowed = policy((own,), shared)
    assert re.search("script-src 'sha256-[^']{44}' 'strict-dynamic'; style-src 'unsafe-inline' 'self' file:;", allowed)
    assert json.loads(re.findall(r"const scripts = (.*);", own)[0]) == [list(one) for one in shared.scripts]
    assert [address for address, _ in shared.scripts] == [f"../assets/{one.name}" for one in held[1:]]
    assert "dataset" not in own  # nothing in the page says what is loaded, for it holds what others have written


def test_what_all_pages_share_is_hashed_once(held: tuple[Asset, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assets.shared(held)
    monkeypatch.setattr(assets.hashlib, "sha256", None)
    assert [one.rpartition("/")[2] for one, _ in assets.shared(held, "../").scripts] == [one.name for one in held[1:]]


def test_what_is_not_as_published_is_refused_by_name(held: tuple[Asset, ...], tmp_path: Path) -> None:
    page = render(executed(), Page("p"), shared=assets.shared(held))
    path = tmp_path / "set" / "assets" / held[2].name
    path.write_text("changed", encoding="utf-8")
    with pytest.raises(ReportError, match=r"draw-\w+\.js: is not what the page was published with"):
        assets.inlined(page, tmp_path / "set")
    path.unlink()
    with pytest.raises(ReportError, match=r"draw-\w+\.js: cannot be read: No such file"):
        assets.inlined(page, tmp_path / "set")
