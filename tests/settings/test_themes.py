"""The codebook: what its phrases find, and everything wrong with one told at once."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import read, themes


def book(text: str) -> themes.Codebook:
    problems: list[str] = []
    found = themes.parse(text, problems)
    assert problems == []
    return found


def problems(text: str) -> list[str]:
    found: list[str] = []
    themes.parse(text, found)
    return found


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("approv*", "Still waiting for APPROVAL.", True),
        ("approv*", "we disapprove", False),  # whole words
        ("sign off", "a sign-off that is always given", True),
        ("sign-off", "nobody will sign  off", True),
        ("doc", "the docs", False),
        ("a.b", "aXb", False),  # nothing in a phrase is a pattern but the star
        ("page*", "woken by pages", True),
        ("תיעוד", "אין תיעוד", True),
    ],
)
def test_what_a_phrase_finds(phrase, text, found):
    theme = book(f'version: 1\nthemes:\n  - {{id: t, definition: d, any: ["{phrase}"]}}').themes[0]
    assert pl.DataFrame({"text": [text]})["text"].str.contains(theme.pattern).item() is found


def test_the_shipped_codebook_is_sound():
    shipped = themes.shipped()
    assert shipped.version >= 1
    assert len({theme.id for theme in shipped.themes}) == len(shipped.themes) >= 5
    for theme in shipped.themes:
        pl.Series(["text"]).str.contains(theme.pattern)
        assert theme.definition and theme.owner


def test_everything_wrong_is_told_at_once():
    told = problems("""
version: "one"
author: me
themes:
  - {id: a, definition: d, any: [x]}
  - {id: a, definition: d, any: [y]}
  - {id: b, any: []}
  - {id: c, definition: d, any: ["*"]}
  - {id: d, definition: d, any: [x], regex: "(a+)+"}
  - nothing
""")
    for words in ("version = 'one'", "'author' is no word", "theme 2: 'a' is there already", "theme 3: definition", "theme 4: any", "theme 5: 'regex'",
                  "theme 6: must be a mapping"):  # fmt: skip
        assert any(words in one for one in told), words


@pytest.mark.parametrize(
    "text", ["- just a list", "themes: {", "version: 1\nthemes: &a [*a]", "!!python/object/apply:os.system [ls]"]
)
def test_what_is_no_codebook_is_told_and_nothing_is_run(text):
    assert problems(text)


def test_a_company_has_its_own(tmp_path):
    (tmp_path / "settings.toml").write_text('[organisation]\nid = "x"\n')
    own = "version: 7\nthemes:\n  - {id: coffee, definition: The machine., any: [coffee]}\n"
    before = read(tmp_path, lambda kind, options: [])
    (tmp_path / "themes.yaml").write_text(own)
    settings = read(tmp_path, lambda kind, options: [])
    assert (settings.codebook.version, [theme.id for theme in settings.codebook.themes]) == (7, ["coffee"])
    assert settings.sha256 != before.sha256
    assert before.codebook == themes.shipped()
    (tmp_path / "themes.yaml").write_text("themes: 3\n")
    with pytest.raises(SettingsError, match=r"themes\.yaml"):
        read(tmp_path, lambda kind, options: [])
