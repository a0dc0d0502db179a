from __future__ import annotations

import hmac
import re

import pytest

from idp_analytics.tables.pseudonyms import KEY_VARIABLE, apart, pseudonym, pseudonyms


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_the_same_person_however_it_is_written():
    one = pseudonym("Octocat")
    assert re.fullmatch(r"person:[0-9a-f]{16}", one)
    assert one == pseudonym(" octocat ") == pseudonym(one)
    assert one != pseudonym("octocat2")
    assert "octocat" not in one


def test_the_key_decides(monkeypatch):
    open_ = pseudonym("octocat")
    monkeypatch.setenv(KEY_VARIABLE, "one")
    first = pseudonym("octocat")
    monkeypatch.setenv(KEY_VARIABLE, "two")
    assert len({open_, first, pseudonym("octocat")}) == 3


def test_what_no_text_can_hold_is_hashed_too():
    assert pseudonym("\ud800") != pseudonym("\ud801")


@pytest.mark.parametrize("secret", ["", "secret", "x" * 64, "é" * 40])
def test_many_at_once_are_what_hmac_makes_of_each(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, secret)
    names = ["jane", "", "Jörg\ud800", "x" * 200]
    digests = [
        hmac.new(secret.encode(), name.lower().encode("utf-8", "surrogatepass"), "sha256").hexdigest() for name in names
    ]
    assert pseudonyms(names) == [f"person:{digest[:16]}" for digest in digests]
    assert pseudonyms(pseudonyms(names)) == pseudonyms(names)


def test_a_login_in_an_id_tells_people_apart_and_not_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    one = apart("Octocat", "run 7")
    assert one is not None
    assert re.fullmatch(r"[0-9a-f]{16}", one)
    assert one == apart("octocat", "run 7")
    others = [apart("jane", "run 7"), apart("octocat", "run 8"), pseudonym("octocat").removeprefix("person:")]
    assert one not in others
    assert apart(None, "run 7") is apart("", "run 7") is None
    monkeypatch.setenv(KEY_VARIABLE, "one")
    assert apart("octocat", "run 7") != one
