"""What users, the platform's people and leaders say of the whole organisation's maturity, each beside what is seen; and of whom it is not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from idp_analytics.charts.wording import NOTHING
from idp_analytics.metrics.maturity import roles
from idp_analytics.report import cells
from idp_analytics.report.criterion_words import span
from idp_analytics.report.section import Table
from idp_analytics.report.view import View

STUDY = "maturity_roles"
CALLED = {"user": "users", "platform": "people of the platform", "leader": "leaders"}

_WHY = {
    roles.SMALL: "fewer than {least:,} of some role answered",
    roles.NEAR: "they are all but a few of the people of one team, or of everybody, whose level is told too",
}

Row = dict[str, Any]


def table(view: View, gaps: Mapping[str, str]) -> Table | None:
    """What each role says of each aspect, beside what is seen (``gaps``: how that is called); None where nothing is told."""
    rows = [row for row in view.mart.studies[STUDY].to_dicts() if row["aspect"]]
    return cells.table("What is said of it, by role", (_row(row, gaps) for row in rows), ("Who says it", "Said", "Seen", "Said beside seen")) if rows else None  # fmt: skip


def _row(row: Row, gaps: Mapping[str, str]) -> dict[str, str]:
    return {
        "Aspect": row["title"],
        "Who says it": CALLED[row["role"]],
        "n": f"{row['respondents']:,}",
        "Said": span(row["self_level"], row["self_low"], row["self_high"]),
        "Seen": span(None, row["low"], row["high"]),
        "Said beside seen": gaps.get(row["gap"] or "", NOTHING),
    }


def told(view: View) -> Iterator[str]:
    """A sentence for each aspect of which one role says more than another for certain."""
    by_aspect: dict[str, list[Row]] = {}
    for row in view.mart.studies[STUDY].to_dicts():
        if row["self_low"] is not None:
            by_aspect.setdefault(row["title"], []).append(row)
    for title, rows in by_aspect.items():
        for one, other in permutations(rows, 2):
            if one["self_low"] > other["self_high"]:
                yield f"Of {title.lower()} {CALLED[one['role']]} say more ({one['self_level']}) than {CALLED[other['role']]} ({other['self_level']})."


def cautions(view: View) -> Iterator[str]:
    """Of which roles nothing is told, and why."""
    least = view.mart.meta["rules"].get("min_cohort", 0)
    withheld: dict[str, list[str]] = {}
    for row in view.mart.studies[STUDY].to_dicts():
        if row["why"]:
            withheld.setdefault(row["why"], []).append(CALLED[row["role"]])
    for why, whose in withheld.items():
        yield f"What {' and '.join(whose)} say is not told apart: {_WHY[why].format(least=least)}."
