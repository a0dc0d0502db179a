"""``[[scorecard_rule]]``: which rule asks what is seen here, and all that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.scorecards import RuleSeen


def read(*rules):
    return parse({"organisation": {"id": "ours"}, "scorecard_rule": list(rules)}, Path(), lambda *_: [])


def test_rules_that_ask_what_is_seen_here():
    owner = {"scorecard": "prod", "rule": "owned", "seen_as": "owner"}
    signed = {"scorecard": "prod", "rule": "signed", "seen_as": "policy", "policy_rule": "signed-images"}
    assert read(owner, signed).scorecard_rules == (RuleSeen("prod", "owned", "owner"), RuleSeen("prod", "signed", "policy", "signed-images"))  # fmt: skip
    assert read().scorecard_rules == ()


def test_all_problems_are_said_at_once():
    once = {"scorecard": "prod", "rule": "owned", "seen_as": "owner"}
    with pytest.raises(SettingsError) as found:
        read(
            once, once, {"seen_as": "owner"}, {**once, "rule": "b", "seen_as": "ownr"}, {**once, "rule": "c", "seen_as": "policy"},
            {**once, "rule": "d", "policy_rule": "x"}, {**once, "rule": "e", "because": 1},
        )  # fmt: skip
    told = str(found.value)
    for part in (
        "rule 'owned' of 'prod' is there 2 times; say it once", "[[scorecard_rule]] 3: no scorecard", "[[scorecard_rule]] 3: no rule",
        "[[scorecard_rule]] 4: seen_as = 'ownr': must be one of owner, golden path, current version, policy", "[[scorecard_rule]] 5: seen_as = \"policy\": which one?",
        "[[scorecard_rule]] 6: policy_rule belongs to", "because: no such setting",
    ):  # fmt: skip
        assert part in told, told
