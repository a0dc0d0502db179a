from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from idp_analytics.publish import library
from idp_analytics.publish.library import chart_library, keep, script
from idp_analytics.publish.page import TEMPLATES


@pytest.mark.parametrize(
    ("code", "inline"),
    [
        ("a('</script>')", r"a('<\/script>')"),
        ("a('</SCRIPT x')", r"a('<\/SCRIPT x')".replace("SCRIPT", "script")),
        ("a<!--b", r"a<\!--b"),
        ("1\r\n2\r3\n", "1\n2\n3\n"),
        ("a </b>", "a </b>"),
    ],
)
def test_no_parser_ends_a_script_early(code: str, inline: str) -> None:
    assert library._inline(code).lower() == inline.lower()


def test_our_own_script_stands_in_a_page_as_it_is_in_its_file() -> None:
    assert script("draw.js") == (TEMPLATES / "idp" / "draw.js").read_text(encoding="utf-8")


def test_the_chart_library_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "chart_library", lambda: "made")
    path = keep(tmp_path / "cache")
    assert path == tmp_path / "cache" / f"vega-{version('vl-convert-python')}.js"
    assert path.read_text() == "made"
    monkeypatch.setattr(library, "chart_library", lambda: pytest.fail("made again"))
    assert keep(tmp_path / "cache") == path
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_chart_library_is_whole_and_asks_nobody_for_anything() -> None:
    code = chart_library()
    assert chart_library() is code
    assert "vegaEmbed" in code
    assert "</script" not in code.lower()
    assert "<!--" not in code


def test_a_kept_library_is_read(tmp_path: Path) -> None:
    (tmp_path / "vega.js").write_text("kept", encoding="utf-8")
    assert chart_library(tmp_path / "vega.js") == "kept"
