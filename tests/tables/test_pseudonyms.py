from __future__ import annotations

import re

import pytest

from idp_analytics.tables.pseudonyms import KEY_VARIABLE, pseudonym


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
