"""What a reader is told of roles: who says more for certain, and of whom it is not told."""

from __future__ import annotations

from answer_building import META, frame, mart, of_org

from idp_analytics.metrics.maturity import studies
from idp_analytics.metrics.maturity.roles import COLUMNS, NEAR, SMALL
from idp_analytics.report.maturity_roles import cautions, table, told

USUAL = {"scope": "org", "entity_id": "org", "wave": "w"}


def row(role, low, level, high, n=9, aspect="operations", **more):
    return {**USUAL, "role": role, "aspect": aspect, "title": aspect.title(), "self_low": low, "self_level": level, "self_high": high, "respondents": n, "low": 1, "high": 2, "gap": studies.OPEN, **more}  # fmt: skip


def view(*rows):
    return of_org(mart(studies={"maturity_roles": frame(rows, COLUMNS)}, rules={**META["rules"], "min_cohort": 5}))


def test_only_what_is_surely_apart_is_said():
    seen = view(row("leader", 3, 3, 4), row("user", 1, 2, 2), row("leader", 2, 3, 3, aspect="adoption"), row("user", 2, 2, 3, aspect="adoption"))  # fmt: skip
    assert list(told(seen)) == ["Of operations leaders say more (3) than users (2)."]
    shown = table(seen, {studies.OPEN: "cannot be told"}).frame
    assert shown.row(0, named=True) == {
        "Aspect": "Operations", "Who says it": "leaders", "n": "9", "Said": "3\u00a0(3\u2060–\u20604)", "Seen": "1\u2060–\u20602", "Said beside seen": "cannot be told",
    }  # fmt: skip
    assert list(cautions(seen)) == []


def test_of_whom_it_is_not_told_and_why():
    near = view(row("user", 2, 2, 2), {**USUAL, "role": "platform", "why": NEAR})
    assert list(cautions(near)) == ["What people of the platform say is not told apart: they are all but a few of the people of one team, or of everybody, whose level is told too."]  # fmt: skip
    few = view({**USUAL, "role": "user", "why": SMALL}, {**USUAL, "role": "leader", "why": SMALL})
    assert list(cautions(few)) == ["What users and leaders say is not told apart: fewer than 5 of some role answered."]
    assert table(few, {}) is None
    assert list(told(view())) == []
