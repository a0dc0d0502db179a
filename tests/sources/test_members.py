from __future__ import annotations

import pytest

from idp_analytics.sources import members

TREE = {"a": {"b": [{"c": " x "}, 3, {"c": 7}], "t": True, "e": ""}, "n": None, "w": ["u", 4, "v", " "]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a", "b", 0, "c"), " x "),
        (("a", "b", -1, "c"), 7),
        (("a", "b", 9), None),
        (("a", "b", "c"), None),
        (("n", "x"), None),
        ((), TREE),
    ],
)
def test_at(path, expected):
    assert members.at(TREE, *path) == expected


def test_text_is_text_or_a_number_and_nothing_else():
    found = [
        members.text(TREE, *p)
        for p in (("a", "b", 0, "c"), ("a", "b", 2, "c"), ("a", "t"), ("a", "e"), ("a",), ("w",), ("n",))
    ]
    assert found == ["x", "7", None, None, None, None, None]


def test_every_and_words_take_only_what_they_say():
    assert members.every(TREE, "a", "b") == [{"c": " x "}, {"c": 7}]
    assert members.every(TREE, "a") == []
    assert members.words(TREE, "w") == ["u", "v"]
    assert members.words({"w": "one"}, "w") == ["one"]
    assert members.words({"w": 1}, "w") == []


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("TRUE ", True), ("false", False), ("yes", None), (1, None), (None, None)]
)
def test_flag(value, expected):
    assert members.flag({"f": value}, "f") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ({"seconds": 1700000000, "nanos": 5}, "1700000000000000005"),
        ({"seconds": "1700000000"}, "1700000000000000000"),
        ({"seconds": 1700000000, "nanos": -5}, "1700000000000000000"),
        ({"seconds": "soon"}, None),
        ({}, None),
        (1700000000.5, "1700000000.5"),
        (None, None),
    ],
)
def test_moment(value, expected):
    assert members.moment({"t": value}, "t") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git::https://bot:t0ken@git.example.invalid/acme/net.git?depth=1&ref=v1", "git::https://git.example.invalid/acme/net.git"),
        ("https://git.example.invalid/a@b/c", "https://git.example.invalid/a@b/c"),
        ("app.example.invalid/acme/postgres/aws", "app.example.invalid/acme/postgres/aws"),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_an_address_holds_no_secret(url, expected):
    assert members.address(url) == expected


def test_a_commit_is_told_from_a_version():
    assert [members.is_sha(word) for word in ("a" * 40, "0" * 64, "A" * 40, "a" * 39, "v1.2", None)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
