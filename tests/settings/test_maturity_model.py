"""The maturity model as data: the shipped one is whole, and what is wrong with another is said all at once."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings.company import parse, read
from idp_analytics.settings.maturity_model import LEVELS, SHIPPED, CardRule, shipped
from idp_analytics.settings.maturity_model import parse as parse_model


def settings(**document):
    return parse({"organisation": {"id": "ours"}, **document}, Path(), lambda *_: [])


def test_the_shipped_model_is_whole():
    model = shipped()
    assert [a.id for a in model.aspects] == ["investment", "adoption", "interfaces", "operations", "measurement"]
    assert model.level_names == ("provisional", "operational", "scalable", "optimizing")
    assert len(model.items) == 25
    assert len(model.capabilities) == 13
    assert Counter(i.aspect for i in model.items) == dict.fromkeys((a.id for a in model.aspects), 5)
    assert [i.aspect for i in model.items if i.is_stress] == [a.id for a in model.aspects]
    held = Counter((c.aspect, c.level) for c in model.criteria if not c.is_stress)
    assert all(held[aspect.id, level] >= 2 for aspect in model.aspects for level in LEVELS[1:-1])
    assert all(held[aspect.id, 4] >= 1 for aspect in model.aspects)
    assert Counter(c.aspect for c in model.criteria if c.is_stress) == dict.fromkeys((a.id for a in model.aspects), 1)
    assert all(c.provenance for c in model.criteria)


@pytest.mark.parametrize(("word", "number"), [("Operational", 2), ("operationalized", 2), ("Optimising", 4), ("3", 3), ("gold", None)])  # fmt: skip
def test_a_level_is_known_by_its_names(word, number):
    assert shipped().level(word) == number


def test_a_threshold_of_ones_own_is_used_and_told():
    model = settings(
        maturity_threshold=[
            {"criterion": "adoption-services", "at": 0.5, "reason": "a third of our services are bought"}
        ]
    ).maturity
    moved = next(c for c in model.criteria if c.id == "adoption-services")
    assert (moved.threshold, moved.provenance) == (0.5, "settings of the company: a third of our services are bought")
    assert model.fingerprint != shipped().fingerprint
    assert [c for c in model.criteria if c.id != moved.id] == [c for c in shipped().criteria if c.id != moved.id]


def test_an_exemption_says_why_by_whom_and_until_when():
    (one,) = settings(
        maturity_exemption=[{"criterion": "operations-versions", "team": "edge", "reason": "bought", "by": "CTO", "until": date(2027, 1, 1)}]
    ).maturity.exemptions  # fmt: skip
    assert (one.kind, one.team, one.until) == ("exempt", "edge", date(2027, 1, 1))


def test_all_problems_of_thresholds_and_exemptions_are_said_at_once():
    with pytest.raises(SettingsError) as found:
        settings(
            maturity_threshold=[
                {"criterion": "adoption-servics", "at": 0.5, "reason": "x"}, {"criterion": "adoption-services", "at": "half", "reason": "x"},
                {"criterion": "adoption-staying"}, {"criterion": "operations-rework", "at": 0.1, "reason": "a"},
                {"criterion": "operations-rework", "at": 0.2, "reason": "b"},
            ],
            maturity_exemption=[{"criterion": "operations-rework", "reason": "x", "by": "y"}, {"criterion": "operations-rework", "kind": "forgiven"}],
        )  # fmt: skip
    told = str(found.value)
    for part in (
        "'adoption-servics': the model has none of that id. Did you mean 'adoption-services'",
        "at = 'half': must be a number",
        "[[maturity_threshold]] 3: no at",
        "[[maturity_threshold]] 3: no reason",
        "'operations-rework' is moved already",
        "[[maturity_exemption]] 1: no until",
        "'forgiven': must be one of exempt, not_applicable",
        "[[maturity_exemption]] 2: no reason",
    ):
        assert part in told, told


def test_a_target_has_an_aspect_a_level_a_day_and_a_reason():
    day = date(2026, 12, 31)
    model = settings(
        maturity_target=[
            {"aspect": "adoption", "level": 3, "by": day, "reason": "promised"},
            {"aspect": "adoption", "level": 2, "by": day, "reason": "all of them", "scope": "team"},
            {"aspect": "adoption", "level": 4, "by": day, "reason": "they lead", "team": "edge"},
        ]
    ).maturity
    assert [(t.level, t.team, t.of_teams) for t in model.targets] == [
        (3, None, False),
        (2, None, True),
        (4, "edge", False),
    ]
    assert model.fingerprint == shipped().fingerprint  # a target changes no result


def test_all_problems_of_targets_are_said_at_once():
    day = date(2026, 12, 31)
    sound = {"aspect": "adoption", "level": 3, "by": day, "reason": "promised"}
    with pytest.raises(SettingsError) as found:
        settings(
            maturity_target=[
                sound, sound, {**sound, "aspect": "adopton"}, {**sound, "level": 2.5}, {**sound, "level": 1}, {**sound, "scope": "org", "team": "edge"},
                {**sound, "aspect": "measurement", "team": "edge"}, {"aspect": "adoption"}, {**sound, "because": "x"},
            ]
        )  # fmt: skip
    told = str(found.value)
    for part in (
        "'adoption' of 'the organisation' has 2 targets; say it once",
        "[[maturity_target]] 3: aspect = 'adopton': is none of the model's. Did you mean 'adoption'",
        "[[maturity_target]] 4: level = 2.5: must be 2, 3 or 4",
        "[[maturity_target]] 5: level = 1: must lie between 1 and 5",
        "scope = 'org' and team = 'edge': leave out one of the two",
        "[[maturity_target]] 7: aspect = 'measurement': does not ask a team at every level",
        "[[maturity_target]] 8: no by",
        "[[maturity_target]] 8: no reason",
        "[[maturity_target]] 8: no level",
        "because: no such setting",
    ):
        assert part in told, told


def test_a_model_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path):
    (tmp_path / "settings.toml").write_text('[organisation]\nid = "ours"\n', encoding="utf-8")
    before = read(tmp_path, lambda *_: [])
    text = SHIPPED.read_text(encoding="utf-8").replace('version = "1.0.0"', 'version = "1.1.0"')
    (tmp_path / "maturity_model.toml").write_text(text, encoding="utf-8")
    after = read(tmp_path, lambda *_: [])
    assert (before.maturity.version, after.maturity.version) == ("1.0.0", "1.1.0")
    assert before.sha256 != after.sha256


BROKEN = """
id = "ours"
colour = "red"

[[level]]
number = 1
name = "start"

[[aspect]]
id = "speed"
question = "How fast?"
levels = ["slow", "fast"]

[[aspect]]
id = "care"
question = "How careful?"
levels = ["a", "b", "c", "d"]

[[item]]
id = "C1"
aspect = "caer"
question = "?"
answers = ["a", "b", "c", "d"]

[[criterion]]
id = "one"
aspect = "care"
level = 2
scope = "team"
says = "it"
metric = "m"
measure = "n"

[[criterion]]
id = "two"
aspect = "care"
level = 1
scope = "world"
says = "it"
metric = "m"
at_least = 1

[[contradiction]]
items = ["C1", "C9"]
answers = [[1, 2], [3, 4]]
says = "no"
"""


def test_all_problems_of_a_model_are_said_at_once():
    problems = []
    parse_model(BROKEN, problems)
    told = "\n".join(problems)
    assert all(problem.startswith("maturity_model.toml: ") for problem in problems)
    for part in (
        "no version", "no title", "colour: no such setting", "must name the levels 1, 2, 3 and 4", "levels: must be four texts",
        "aspect = 'caer': is none of the model's. Did you mean 'care'", "a metric, a measure or a scorecard, and one of them only",
        "level = 1: must lie between 1 and 5", "scope = 'world': must be one of team, platform, org", "[[contradiction]] 1: must name two items",
    ):  # fmt: skip
        assert part in told, told


CARD = """
id = "ours"
version = "1"
title = "Ours"
level = [{number = 1, name = "a"}, {number = 2, name = "b"}, {number = 3, name = "c"}, {number = 4, name = "d"}]
aspect = [{id = "care", title = "Care", question = "?", levels = ["a", "b", "c", "d"]}]

[[criterion]]
id = "care"
aspect = "care"
level = 2
scope = "team"
says = "it"
"""


@pytest.mark.parametrize(
    ("said", "card", "source"),
    [
        ('scorecard = "prod"\nrule = "r"\nat_least = 1', CardRule("prod", "r"), "scorecard prod: r"),
        ('scorecard = "prod"\nreaches = "Gold"\ntool = "port"\nat_least = 1', CardRule("prod", reaches="Gold", tool="port"), "scorecard prod of port: level Gold"),
        ('scorecard = "openssf"\nrule = "SAST"\npoints = 7\nat_most = 0.5', CardRule("openssf", "SAST", points=7.0), "scorecard openssf: SAST from 7 points"),
    ],
)  # fmt: skip
def test_a_criterion_may_rest_on_a_scorecard(said, card, source):
    problems = []
    (criterion,) = parse_model(CARD + said, problems).criteria
    assert problems == []
    assert (criterion.card, criterion.source, criterion.is_metric) == (card, source, False)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('scorecard = "prod"', "of scorecard 'prod': must say which rule services pass, or which level it reaches, and not both"),
        ('scorecard = "prod"\nrule = "r"\nreaches = "Gold"', "and not both"), ('scorecard = "prod"\nrule = "r"\nmeasure = "m"', "one of them only"),
        ('measure = "m"\nrule = "r"', "rule belongs to a scorecard; name it"), ('scorecard = "prod"\nreaches = "Gold"\npoints = 3', "points are those of a rule; name it"),
        ('scorecard = "prod"\nrule = "r"\npoints = -1', "points = -1"),
    ],
)  # fmt: skip
def test_what_a_criterion_says_wrongly_of_a_scorecard_is_said(said, problem):
    problems = []
    assert parse_model(f"{CARD}{said}\nat_least = 1", problems).criteria == ()
    assert any(problem in one for one in problems), problems


def test_what_is_no_toml_is_said():
    problems = []
    parse_model("= 1", problems)
    assert len(problems) == 1
    assert "is not TOML" in problems[0]
