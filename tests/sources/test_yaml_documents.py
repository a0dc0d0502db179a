"""YAML gives what JSON would give, runs nothing, and does not blow up."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources import yaml_documents
from idp_analytics.sources.yaml_documents import MAX_DEPTH, yaml_values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("3", 3), ("-12", -12), ("0", 0),
        ("1.5", 1.5), ("1.5e3", 1500.0), ("yes", "yes"), ("no", "no"), ("on", "on"), ("010", "010"), ("0x1F", "0x1F"),
        ("12:30", "12:30"), ("2026-03-01", "2026-03-01"), ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("1234e56", "1234e56"), (".5", ".5"), (".inf", ".inf"), ("1_000", "1_000"), ("'3'", "3"), ('"true"', "true"),
        ("[1, a]", [1, "a"]), ("{b: 1}", {"b": 1}), ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)  # fmt: skip
def test_only_what_json_knows_is_more_than_text(written: str, value: Any) -> None:
    assert list(yaml_values(f"a: {written}", "f.yaml")) == [(1, {"a": value})]


def test_every_document_has_the_line_it_starts_on_and_empty_ones_are_left_out() -> None:
    text = "# head\na: 1\n---\n---\nnull\n---\n\nb: 2\n...\n"
    assert list(yaml_values(text, "f.yaml")) == [(2, {"a": 1}), (8, {"b": 2})]


def test_references_and_merges_are_resolved() -> None:
    text = "base: &base {a: 1, b: 2}\nuse: {<<: *base, b: 3}\nsame: *base\n"
    ((_, value),) = yaml_values(text, "f.yaml")
    assert value == {"base": {"a": 1, "b": 2}, "use": {"a": 1, "b": 3}, "same": {"a": 1, "b": 2}}


def test_fractions_keep_all_digits_when_asked() -> None:
    assert list(yaml_values("a: 0.10000000000000000001", "f", Decimal)) == [
        (1, {"a": Decimal("0.10000000000000000001")})
    ]


BILLIONS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", r"^f\.yaml: is broken YAML at line 3, column 2: .+ Export it again or mend that line\.$"),
        ("a: 1\n b: 2\n", r"is broken YAML at line 2, column 3"),
        ("a: !!python/object/apply:os.system ['echo']\n", r"is broken YAML at line 1, column 4: could not determine a constructor"),
        ("a: !Ref x\n", r"is broken YAML at line 1, column 4"),
        ("? [a]\n: 1\n", r"is broken YAML at line 1.*unhashable"),
        ("a: b\x00c\n", r"^f\.yaml: is no YAML that can be read"),
        ("\n" + "[" * (MAX_DEPTH + 1), r"^f\.yaml: is nested more than 200 levels deep at line 2; not read\.$"),
        (BILLIONS, r"^f\.yaml: \*e at line 6 is not defined before it, or references repeat more than 1,000,000 values"),
        ("a: &a [1, *a]\n", r"\*a at line 1 is not defined before it"),
        ("a: *nowhere\n", r"\*nowhere at line 1 is not defined before it.*Write the values out\.$"),
    ],
    ids=["open list", "indented", "python object", "unknown tag", "list as key", "null byte", "deep", "billions", "endless", "undefined"],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_the_line(text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        list(yaml_values(text, "f.yaml"))


def test_as_deep_as_allowed_is_read() -> None:
    ((_, value),) = yaml_values("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f")
    assert json.dumps(value) == "[" * MAX_DEPTH + "]" * MAX_DEPTH


@pytest.mark.parametrize("opening", ["- ", "? ", "[a: ", "{a: ", "- ["])
def test_deeper_by_two_for_each_is_refused(opening: str) -> None:
    with pytest.raises(SourceError, match=r"is nested more than 200 levels deep|is broken YAML"):
        list(yaml_values(opening * (MAX_DEPTH + 1), "f"))


def test_of_two_things_wrong_that_which_the_parser_knows_is_told() -> None:
    with pytest.raises(SourceError, match="line 3, column 4"):
        list(yaml_values("a: !Ref x\n---\na: ]\n", "f"))


PIECES = st.sampled_from(
    ("- ", "a: ", "? ", "[", "{", "\n", " ", "]", "}", ", ", "---\n", "&a ", "*a", "!!x ", "[a: ", "a:\n- ")
)


@example("[a: " * 5)
@example("a:\n- b:\n  - c:\n    - d:\n      - e:\n")
@given(st.lists(st.tuples(PIECES, st.integers(1, 12)).map(lambda told: told[0] * told[1])).map("".join))
def test_what_is_told_to_be_harmless_without_the_parser_is(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch, suppress(yaml.YAMLError):
        patch.setattr(yaml_documents, "MAX_DEPTH", 8)
        # What names no anchor ends the reading by itself.
        if yaml_documents._is_harmless(text) and "*" not in text:
            yaml_documents._measure(text, "f")


def test_references_are_counted_with_all_they_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [1, 2]\nb: *a\nc: *a\n"  # a list of two is three values
    monkeypatch.setattr(yaml_documents, "MAX_REPEATED", 6)
    assert list(yaml_values(text, "f")) == [(1, {"a": [1, 2], "b": [1, 2], "c": [1, 2]})]
    monkeypatch.setattr(yaml_documents, "MAX_REPEATED", 5)
    with pytest.raises(SourceError, match=r"\*a at line 3"):
        list(yaml_values(text, "f"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=8),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text("abc-<", min_size=1, max_size=3), v, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1))
def test_what_is_written_as_yaml_comes_back(value: dict[str, Any]) -> None:
    assert list(yaml_values(yaml.safe_dump(value, allow_unicode=True), "f")) == [(1, value)]


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [1, -2.50, x, null, true, '', ~], c: '1', d: \"true\"}", "- 1\n- [a]\n", "just text", "3", "a: 1\na: 2\n", "1: a", "true: a", "null: a",
        "? [a, b]\n: c\n", "? {a: 1}\n: c\n", "<<: {a: 1, b: 2}\nb: 3\n", "a: {<<: [{b: 1}, {c: 2}]}", "a: {<<: 3}", "=: 1", "!!value x: 1", "a: !!str 3",
        "a: !!int '7'", "a: !!int x", "a: !!bool maybe", "a: !!bool maybe\nb: !!int x\n", "a: !!set {b, c}", "a: !!binary aGk=", "a: !!str {b: 1}",
        "a: !!map [b]", "a: !!seq {b: 1}", "a: !!null x", "a: !!timestamp 2026-03-01", "a: !own b", "a: !!float 1.5", "a: !!omap [b: 1]", "a: !!pairs [b: 1]",
        "a: 1\n---\nb: !!set {c}\n---\nd: 0.10\n",
    ],
)  # fmt: skip
def test_what_is_built_without_the_loader_is_what_it_builds(text: str) -> None:
    def told(*, is_plain: bool) -> list[str]:
        found = []
        try:
            for line, value in yaml_documents._built(text, str, is_plain=is_plain):
                found.append(f"{line}: {value!r}")
        except (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError) as error:
            found.append(f"{type(error).__name__}: {error}")
        return found

    assert told(is_plain=True) == told(is_plain=False) != []
