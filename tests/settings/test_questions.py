from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import Question, Settings, SurveyRules, parse
from idp_analytics.settings.questions import KINDS, PARTS, shipped, shipped_questions


def settings(text: str) -> Settings:
    return parse(tomllib.loads(text), Path("acorn"), lambda _kind, _options: [])


def question(text: str, name: str) -> Question:
    return settings(f"[[question]]\n{text}").questions[name]


def test_the_shipped_survey_is_short_and_has_one_of_everything() -> None:
    survey, leaving = shipped()
    assert (survey.id, leaving.id) == ("developer-experience", "exit-interview")
    asked = [one for one in survey.questions if not one.is_hidden and not one.is_optional]
    # A rating takes about ten seconds, a choice twenty, a comment a minute: 8 + 1 + 1 ratings, 3 choices, 1 comment.
    seconds = sum({"scale": 10, "promoter": 10, "several": 20, "choice": 20, "open": 60}[one.kind] for one in asked)
    assert seconds == 10 * 10 + 3 * 20 + 60 < 300
    assert [one.item for one in survey.questions if one.part == "drivers"] == [
        "ease-of-deployment", "documentation", "approval-wait", "golden-paths", "environments", "on-call-load", "self-service",
    ]  # fmt: skip
    assert [one.id for one in survey.questions if one.part == "overall"] == ["satisfaction@1"]
    assert {one.kind for one in (*survey.questions, *leaving.questions)} == set(KINDS)
    assert {one.part for one in (*survey.questions, *leaving.questions)} == set(PARTS) - {"other"}
    assert [one.kind for one in leaving.questions] == ["several", "open", "promoter"]


def test_everything_shipped_is_worded_and_can_be_asked() -> None:
    everything = shipped_questions()
    assert len(everything) == sum(len(one.questions) for one in shipped())
    drivers = {one.subject for one in everything.values() if one.part == "drivers"}
    for one in everything.values():
        assert one.id == f"{one.item}@{one.version}"
        assert one.wording and one.title and (one.title[0].islower())
        assert (one.favourable is None) == (one.kind not in ("scale", "promoter"))
        assert bool(one.choices) == (one.kind in ("several", "choice"))
        assert bool(one.ends) == (one.kind in ("scale", "promoter"))
        if one.part in ("votes", "pain points"):  # what people name can be put beside what they rate
            assert set(one.subjects.values()) == drivers
    assert everything["improve-first@1"].most == 2
    assert everything["price-certainty@1"].favourable == 7


def test_a_wording_that_changed_is_the_next_version_and_says_only_what_changed() -> None:
    new = question('id = "documentation@2"\nwording = "Do you find what you look for?"', "documentation@2")
    old = shipped_questions()["documentation@1"]
    assert new == replace(old, id="documentation@2", version=2, wording="Do you find what you look for?")
    assert settings("").questions == shipped_questions()


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        # The upper two of five; of seven; of four; of three only the last.
        ('id = "a@1"\nwording = "A?"', "a@1", {"low": 1, "high": 5, "favourable": 4, "title": "a", "part": "other"}),
        ('id = "a@1"\nwording = "A?"\nhigh = 7', "a@1", {"favourable": 6}),
        ('id = "a@1"\nwording = "A?"\nlow = 0\nhigh = 3', "a@1", {"favourable": 2}),
        ('id = "a@1"\nwording = "A?"\nlow = 1\nhigh = 3', "a@1", {"favourable": 3}),
        ('id = "a@1"\nwording = "A?"\nfavourable = 3', "a@1", {"favourable": 3}),
        ('id = "a-b@3"\nwording = "A?"\nsubject = "builds"', "a-b@3", {"part": "drivers", "version": 3, "title": "a b"}),
        ('id = "a@1"\nwording = "A?"\nkind = "promoter"', "a@1", {"low": 0, "high": 10, "favourable": 9}),
        ('id = "a@1"\nwording = "A?"\nkind = "number"', "a@1", {"low": None, "high": None, "favourable": None}),
        ('id = "a@1"\nwording = "A?"\nkind = "choice"\nchoices = ["x", "y"]', "a@1", {"choices": ("x", "y")}),
        # Another scale: what was favourable on the old one says nothing.
        ('id = "satisfaction@2"\nhigh = 7', "satisfaction@2", {"favourable": 6, "ends": (), "part": "overall"}),
        ('id = "satisfaction@2"\nkind = "open"', "satisfaction@2", {"low": None, "favourable": None, "ends": ()}),
        # What no respondent meets may be said anew under the same id.
        ('id = "satisfaction@1"\ntitle = "mood"\nfavourable = 5', "satisfaction@1", {"title": "mood", "favourable": 5}),
    ],
)  # fmt: skip
def test_what_is_not_said_follows(text: str, name: str, expected: dict[str, object]) -> None:
    found = question(text, name)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('wording = "A?"', "no id"),
        ('id = "Docs"', "must be item@version"),
        ('id = "docs@0"', "must be item@version"),
        ('id = "docs@1"', "no wording"),
        ('id = "docs@1"\nwording = " "', "no wording"),
        ('id = "docs@1"\nwording = "D?"\nkind = "likert"', "must be one of scale, promoter"),
        ('id = "docs@1"\nwording = "D?"\nlow = 5\nhigh = 1', "the lowest answer must be below the highest"),
        ('id = "docs@1"\nwording = "D?"\nfavourable = 1', "favourable = 1: must lie above 1, up to 5"),
        ('id = "docs@1"\nwording = "D?"\nfavourable = 6', "must lie above 1, up to 5"),
        ('id = "docs@1"\nwording = "D?"\nkind = "promoter"\nhigh = 5', "a promoter scale is 0 to 10"),
        ('id = "docs@1"\nwording = "D?"\nkind = "several"', "needs choices, at least two"),
        ('id = "docs@1"\nwording = "D?"\nchoices = ["x", "y"]', "a question of kind scale has no choices"),
        ('id = "docs@1"\nwording = "D?"\nkind = "choice"\nchoices = ["x", "x"]', "a choice is there twice"),
        ('id = "docs@1"\nwording = "D?"\nkind = "several"\nchoices = ["x", "y"]\nmost = 3', "how many of several choices"),
        ('id = "docs@1"\nwording = "D?"\nkind = "choice"\nchoices = ["x", "y"]\nsubjects = { z = "w" }', "'z' is none of its choices"),
        ('id = "docs@1"\nwording = "D?"\nkind = "open"\nfavourable = 4', "no answer to a question of kind open is better"),
        ('id = "docs@1"\nwording = "D?"\nkind = "open"\nis_reversed = true', "cannot be reversed"),
        ('id = "docs@1"\nwording = "D?"\nends = ["bad"]', "must be two"),
        ('id = "docs@1"\nwording = "D?"\nscale = 5', "scale: no such setting"),
        ('id = "documentation@1"\nwording = "Other?"', "'documentation@1' has another wording"),
        ('id = "documentation@1"\nwording = "Other?"', 'id = "documentation@2"'),
        ('id = "documentation@1"\nhigh = 7', "has another high"),
        ('id = "blockers@1"\nchoices = ["x", "y"]', "has another choices"),
        ('id = "docs@1"\nwording = "D?"\n[[question]]\nid = "docs@1"\nwording = "E?"', "'docs@1' is there already ([[question]] 1)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(f"[[question]]\n{text}")
    assert says in str(raised.value)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        settings('[survey]\ncloses_after_days = 0\n[[question]]\nid = "x"\n[[question]]\nid = "docs@1"\n')
    message = str(raised.value)
    assert (
        "must lie between" in message and "must be item@version" in message and "[[question]] 2: no wording" in message
    )


def test_a_reversed_scale_is_turned() -> None:
    one = question('id = "interruptions@1"\nwording = "How often?"\nis_reversed = true', "interruptions@1")
    assert [one.turned(answer) for answer in (1, 2, 5)] == [5, 4, 1]
    assert [shipped_questions()["satisfaction@1"].turned(answer) for answer in (1, 5)] == [1, 5]


def test_when_a_wave_is_closed() -> None:
    assert settings("").survey == SurveyRules(closes_after_days=21)
    assert settings("[survey]\ncloses_after_days = 14").survey.closes_after_days == 14
    for text, says in (("closes_after_days = 400", "must lie between"), ("closes = 3", "no such setting")):
        with pytest.raises(SettingsError, match=says):
            settings(f"[survey]\n{text}")
