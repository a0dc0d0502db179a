"""What a deployment was: each rule by a case of its own, and which of two is asked first."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.classify import CLASSES, RULES, UNFINISHED, UNPLANNED, classified, rollbacks
from idp_analytics.metrics.links import begun_before
from idp_analytics.metrics.remembered import Shared


def run(company, settings, deployments, changes=(), incidents=(), **rules):
    """Deployments an hour apart, in the order given; a change belongs to the deployment its ``of`` names."""
    made = company(
        deployments=[
            {"deployment_id": f"d{n}", "finished_at": f"2026-03-10T{n:02d}:00", **row}
            for n, row in enumerate(deployments)
        ],
        changes=[
            {"change_id": f"c{n}", **{k: v for k, v in row.items() if k != "of"}} for n, row in enumerate(changes)
        ],
        deployment_changes=[{"deployment_id": row["of"], "change_id": f"c{n}"} for n, row in enumerate(changes)],
        incidents=[{"incident_id": f"i{n}", **row} for n, row in enumerate(incidents)],
    )
    found = classified(made, settings(**rules)).collect().sort("deployment_id")
    assert found.height == len(deployments)
    return found


def classes(found):
    return found["class"].to_list()


def shas(*words):
    return [{"sha": word} for word in words]


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        (shas("a", "b", "a"), ["planned", "planned", "rollback"]),  # V1, V2, V1
        (shas("A", "b", "a"), ["planned", "planned", "rollback"]),  # a commit's case says nothing
        (shas("a", "a"), ["planned", "redeploy"]),
        (shas("a", "b", "a", "b"), ["planned", "planned", "rollback", "redeploy"]),  # forward again
        (shas("a", "b", "c", "a", "c"), ["planned", "planned", "planned", "rollback", "redeploy"]),
        (shas("a", None, "a"), ["planned", "planned", "planned"]),  # what ran between is not known
        ([{"version": v} for v in ("v1", "v2", "v1")], ["planned", "planned", "rollback"]),
        ([{"version": v} for v in ("1.9.0", "1.10.0")], ["planned", "planned"]),  # by number, not by letter
        ([{"version": v} for v in ("1.10.0", "1.9.0")], ["planned", "rollback"]),  # that it never saw run
        ([{"version": v} for v in ("2.0", "1.9.9")], ["planned", "planned"]),  # parts that cannot be compared
        ([{"version": v} for v in ("main-2", "main-1")], ["planned", "planned"]),  # no numbers
        ([{"sha": "a", "version": "2.0"}, {"sha": "a", "version": "1.0"}], ["planned", "redeploy"]),  # the same commit
        ([{"is_rollback": True}], ["rollback"]),
        ([{"is_resync": True, "is_rollback": True}], ["re-sync"]),
        ([*shas("a", "b"), {"sha": "a", "is_resync": True}, {"sha": "b"}], ["planned", "planned", "re-sync", "redeploy"]),
        ([{"outcome": "failure", "is_rollback": True}, {"outcome": None}, {"finished_at": None}], [UNFINISHED] * 3),
        ([*shas("a", "b"), {"sha": "a", "outcome": "failure"}, {"sha": "b"}], ["planned", "planned", UNFINISHED, "redeploy"]),
        ([{"sha": "a"}, {"sha": "b", "environment": "staging"}, {"sha": "a"}], ["planned", "planned", "redeploy"]),
        ([{"sha": "a"}, {"sha": "b", "service_id": "till"}, {"sha": "a", "service_id": "till"}], ["planned"] * 3),
        ([{"sha": "a", "service_id": None}, {"sha": "a", "service_id": None}], ["planned", "planned"]),  # of nobody
        ([{"sha": "a"}, {"sha": "b", "kind": "infrastructure"}, {"sha": "a"}], ["planned", "planned", "redeploy"]),
        ([{"sha": "a"}, {"sha": "b", "is_resync": True}, {"sha": "a"}], ["planned", "re-sync", "redeploy"]),
        ([{"version": v} for v in ("7654321", "1234567")], ["planned", "planned"]),  # may be short commit ids
        # In the order they ended, whatever they are called: the second of these ran first.
        ([{"sha": "b", "finished_at": "2026-03-10T05:00"}, {"sha": "a", "finished_at": "2026-03-10T04:00"},
          {"sha": "a", "finished_at": "2026-03-10T06:00"}], ["planned", "planned", "rollback"]),
    ],
)  # fmt: skip
def test_what_was_seen_to_run(company, settings, deployments, expected):
    assert classes(run(company, settings, deployments)) == expected


def titled(*titles):
    return [{"of": "d0", "title": title} for title in titles]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (titled('Revert "Add login"'), "revert"),
        (titled("[revert] login"), "revert"),
        (titled("Add a revert button"), "planned"),
        (titled("Reverting is hard"), "planned"),
        ([{"of": "d0", "is_revert": True}], "revert"),
        ([{"of": "d0", "labels": ["Revert"]}], "revert"),
        (titled("[Hotfix] login"), "hotfix"),
        (titled("fix: hot fix for login"), "hotfix"),
        (titled("Document how hotfixes are made"), "planned"),
        ([{"of": "d0", "labels": ["hotfix/login"]}], "hotfix"),
        ([{"of": "d0", "labels": ["bug", "urgent"]}], "planned"),
        (titled("hotfix", "Add login"), "hotfix"),  # half
        (titled("hotfix", "Add login", "Add logout"), "planned"),  # less than half
        (titled("hotfix", 'Revert "x"'), "revert"),  # asked first
        (titled(None), "planned"),
    ],
)
def test_what_changes_say(company, settings, changes, expected):
    assert classes(run(company, settings, [{}], changes)) == [expected]


@pytest.mark.parametrize(
    ("words", "title", "expected"),
    [
        (("c++ (now)",), "c++ (now): login", "hotfix"),  # letters, not a pattern
        (("c++ (now)",), "hotfix", "planned"),
        ((), "hotfix", "planned"),
        ((), "a - b", "planned"),  # no word is not the empty word
        (("sofort",), "SOFORT: login", "hotfix"),
    ],
)
def test_words_of_ones_own(company, settings, words, title, expected):
    assert classes(run(company, settings, [{}], titled(title), hotfix_words=words)) == [expected]


def test_during_an_incident_it_may_repair(company, settings):
    """d0 caused an incident open from 00:30 to 02:00: d1 and d2 ended in it, d3 after it."""
    incident = {"opened_at": "2026-03-10T00:30", "resolved_at": "2026-03-10T02:00", "deployment_id": "d0"}
    found = run(company, settings, shas(*"abcd"), incidents=[incident])
    assert classes(found) == ["planned", "hotfix", "hotfix", "planned"]
    assert found["rule"][1] == "during an incident it may repair"


def test_what_is_seen_comes_before_what_is_said_and_that_before_numbers_and_time(company, settings):
    incident = {"opened_at": "2026-03-10T00:30", "resolved_at": None, "deployment_id": "d0"}
    deployments = [
        {"sha": "a", "version": "3"},
        {"sha": "b", "version": "4"},
        {"sha": "a", "version": "3"},
        {"sha": "c", "version": "2"},
    ]
    changes = [{"of": "d2", "title": "hotfix"}, {"of": "d3", "title": 'Revert "b"'}]  # fmt: skip
    found = run(company, settings, deployments, changes, [incident])
    assert classes(found) == ["planned", "hotfix", "rollback", "revert"]


def test_rollbacks_are_those_of_the_class(company, settings):
    made = company(
        deployments=[
            {"deployment_id": f"d{n}", "finished_at": f"2026-03-1{n}", "sha": sha} for n, sha in enumerate("aba")
        ]
    )
    assert rollbacks(made, settings()).collect()["deployment_id"].to_list() == ["d2"]


def test_rules_are_data():
    assert {rule.says for rule in RULES} == {*CLASSES, UNFINISHED}
    assert set(UNPLANNED) < set(CLASSES)
    assert RULES[-1].says == "planned"  # what no other rule decides
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("seed", range(5))
def test_rollbacks_asked_for_alone_are_those_among_all_classes(company, settings, seed):
    rng = np.random.default_rng(seed)
    pick = lambda *words: str(rng.choice(words))  # noqa: E731
    made = company(
        deployments=[
            {"deployment_id": f"d{n:02d}", "finished_at": f"2026-03-{1 + n // 20:02d}T{n % 20:02d}:00", "service_id": pick("shop", "till"),
             "version": pick("1.0", "1.1", "1.2", "2.0"), "sha": pick(*"abcdefgh") if rng.random() < 0.6 else None,
             "outcome": pick("success", "success", "success", "failure"), "is_rollback": bool(rng.random() < 0.05)}
            for n in range(80)
        ],
        changes=[{"change_id": f"c{n}", "title": pick("hotfix", 'Revert "x"', "Add", "Change")} for n in range(80)],
        deployment_changes=[{"deployment_id": f"d{n:02d}", "change_id": f"c{n}"} for n in range(80)],
        incidents=[{"incident_id": f"i{n}", "opened_at": f"2026-03-0{1 + n}T05:00"} for n in range(4)],
    )  # fmt: skip
    every = classified(made, settings()).collect()
    among = every.filter(every["class"] == "rollback")["deployment_id"].sort().to_list()
    assert rollbacks(made, settings()).collect()["deployment_id"].sort().to_list() == among
    assert {"version number went down"} <= set(every["rule"])
    assert len(among) > 5
    # What is known by any moment is told as if nothing came after it.
    for day in range(1, 6):
        then = pl.lit(datetime(2026, 3, day, 7, tzinfo=UTC))
        cut = {**made, "deployments": begun_before(made["deployments"], then)}
        there = set(cut["deployments"].select("deployment_id").collect().to_series())
        alone = set(rollbacks(cut, settings()).collect().to_series())
        assert alone == set(rollbacks(Shared(cut, made), settings()).collect().to_series()) & there
        assert alone < set(among) or day == 5
